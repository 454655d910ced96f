"""How many orders a subaccount may have: equity tiers (dydx-clob.md 6.4), the parameter for all kinds, and what they count."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.clob.errors import TOO_MANY_OPEN_ORDERS
from modules.clob.formulas import tier_limit
from modules.clob.limit_tables import (
    EQUITY_TIERS,
    NO_RATES,
    NO_TIERS,
    RATE_LIMITS,
    EquityTier,
    EquityTiers,
    RateLimit,
    RateLimits,
)
from modules.clob.limits import Limits
from modules.clob.model import CONDITIONAL, LONG_TERM, SHORT_TERM, TWAP_SLICE, Order, PlaceOrder
from modules.kernel.codec import decode_signed
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.units import NANOSECONDS_PER_SECOND, SubaccountId
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, clob_section, genesis_of, sub
from support.markets import BTC, ETH

DOLLAR = 1_000_000
SHIPPED = ((0, 0), (20, 1), (100, 5), (1_000, 10), (10_000, 100), (100_000, 200))
"""dydx-clob.md 6.4: net collateral in USDC, limit of stateful orders."""
QUERY = "/dydxprotocol.clob.Query/"


def rows(*tiers: tuple[int, int]) -> list[dict[str, Any]]:
    """A table of the genesis from (USDC, limit)."""
    return [{"usd_tnc_required": str(usdc * DOLLAR), "limit": limit} for usdc, limit in tiers]


def limited(**tables: list[dict[str, Any]]) -> Exchange:
    """An exchange with these tables; nobody has deposited."""
    return Exchange(genesis_of(clob=clob_section(equity_tiers=tables)), rich=())


def log_of(x: Exchange, order: Order | PlaceOrder) -> str:
    """The text of a refused placement's 10001; empty where it is accepted (and stays)."""
    command = PlaceOrder(order) if isinstance(order, Order) else order
    mark, log = x.ctx.mark(), ""
    try:
        x.clob.place(x.ctx, command)
    except ChainError as error:
        x.ctx.undo(mark)
        log = error.log
    assert not log or log.endswith(f": {TOO_MANY_OPEN_ORDERS.text}")
    return log.removesuffix(f": {TOO_MANY_OPEN_ORDERS.text}")


@pytest.mark.parametrize(
    ("usdc", "limit"),
    [(0, 0), (19.999999, 0), (20, 1), (99.999999, 1), (100, 5), (999.999999, 5), (1_000, 10), (10_000, 100), (99_999, 100), (100_000, 200)],
)
def test_the_highest_tier_that_equity_reaches_counts(usdc: float, limit: int) -> None:
    """CLOB-20, 6.4's table at and just below each boundary: so many long-term orders and not one more."""
    x = limited(stateful=rows(*SHIPPED))
    amount = round(usdc * DOLLAR)
    if amount:
        x.deposit("alice", amount)
    # Buys on the lowest tick, in whose worth a fill would not be missed.
    codes = [x.place(x.long("alice", number, "buy", STEP, TICK)) for number in range(limit + 1)]
    assert codes == [0] * limit + [10001]


@pytest.mark.parametrize(("equity", "limit"), [(-1, 0), (0, 3), (9, 3), (10, 0), (11, 0), (50, 7), (10**30, 7)])
def test_limits_need_not_ascend(equity: int, limit: int) -> None:
    """Only the equity does; below the first tier the limit is 0, and 0 stays 0 (6.4)."""
    assert tier_limit((EquityTier(0, 3), EquityTier(10, 0), EquityTier(50, 7)), equity) == limit


def test_debt_reaches_no_tier() -> None:
    """Equity below the first tier, even where that asks for nothing."""
    x = limited(short_term=rows((0, 5)))
    x.deposit("alice", 100 * DOLLAR)
    x.deposit("bob", 10_000 * DOLLAR)
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0
    x.place(x.short("alice", 2, "buy", 20 * STEP, BTC_PRICE))
    x.place(x.short("bob", 1, "sell", 20 * STEP, BTC_PRICE))
    x.set_price(BTC, 100_000_000)
    assert x.subaccounts.risk(x.ctx, sub("alice")).net_collateral < 0
    assert log_of(x, x.short("alice", 3, "sell", STEP, 10 * BTC_PRICE)).startswith("it has 1 resting short-term orders; at -")


def test_equity_is_settled_net_collateral_at_the_block_s_prices() -> None:
    """Profit raises the limit, as funding owed lowers it; it is the net collateral that margin knows."""
    x = limited(short_term=rows((0, 1), (1_000, 2)))
    x.deposit("alice", 1_000 * DOLLAR)
    x.deposit("bob", 10_000 * DOLLAR)
    x.place(x.short("alice", 1, "buy", 50 * STEP, BTC_PRICE))
    x.place(x.short("bob", 1, "sell", 50 * STEP, BTC_PRICE))
    limits = x.clob.limits
    for price, code in ((6_300_000_000, 0), (5_900_000_000, 10001)):
        x.set_price(BTC, price)
        assert limits.equity(x.ctx, sub("alice")) == x.subaccounts.risk(x.ctx, sub("alice")).net_collateral
        mark = x.ctx.mark()
        assert x.place(x.short("alice", 2, "buy", STEP, TICK)) == 0
        assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == code
        x.ctx.undo(mark)
    x.set_price(BTC, 6_020_000_000)
    before = limits.equity(x.ctx, sub("alice"))
    for _ in range(30):
        x.funding.add_premium(x.ctx, BTC, 50_000)
        x.ctx = Context(x.state, x.ctx.height + 1, x.ctx.time_ns + 120 * NANOSECONDS_PER_SECOND, "test-1")
        x.funding.begin_block(x.ctx)
    assert limits.equity(x.ctx, sub("alice")) == x.subaccounts.risk(x.ctx, sub("alice")).net_collateral < before


def test_long_term_conditional_and_twap_orders_of_all_markets_count_together() -> None:
    """Slices and short-term orders do not (6.4)."""
    x = limited(stateful=rows((0, 4)))
    x.deposit("alice", 10_000 * DOLLAR)
    placed = [
        x.long("alice", 1, "buy", STEP, TICK),
        x.long("alice", 2, "buy", STEP, TICK, pair=ETH),
        x.conditional("alice", 3, "buy", STEP, BTC_PRICE, "stop", 2 * BTC_PRICE),
        x.twap("alice", 4, "buy", 100 * STEP),
    ]
    assert [x.place(order) for order in placed] == [0, 0, 0, 0]
    x.step(seconds=30)
    assert any(order_id.flags == TWAP_SLICE for order_id in x.clob.open_orders(x.ctx, sub("alice")))
    for order in (
        x.long("alice", 5, "buy", STEP, TICK),
        x.conditional("alice", 5, "buy", STEP, BTC_PRICE, "stop", 2 * BTC_PRICE),
        x.twap("alice", 5, "buy", 100 * STEP),
    ):
        assert log_of(x, order).startswith("it has 4 stateful orders; at ")
    assert x.place(x.short("alice", 6, "buy", STEP, TICK)) == 0
    x.deposit("alice", 10_000 * DOLLAR, 1)
    assert x.place(x.long("alice", 5, "buy", STEP, TICK, number=1)) == 0
    x.cancel(placed[2].id)
    assert x.place(x.long("alice", 5, "buy", STEP, TICK)) == 0


def test_a_triggered_order_counts_as_before_and_needs_no_room() -> None:
    """It moves from those that wait to those that rest."""
    x = limited(stateful=rows((0, 1)))
    x.deposit("alice", 10_000 * DOLLAR)
    order = x.conditional("alice", 1, "buy", STEP, TICK, "stop", BTC_PRICE)
    assert x.place(order) == 0
    assert x.place(x.long("alice", 2, "buy", STEP, TICK)) == 10001
    x.step(prices={BTC: 6_100_000_000})
    assert x.rests(order.id) == STEP
    assert x.place(x.long("alice", 2, "buy", STEP, TICK)) == 10001


def test_resting_short_term_orders_have_a_limit_of_their_own() -> None:
    """design.md 5: IOC orders and replacements need no room, long-term orders take none."""
    x = limited(short_term=rows((0, 2)))
    x.deposit("alice", 10_000 * DOLLAR)
    first = x.short("alice", 1, "buy", STEP, TICK)
    assert (
        x.place(first) == x.place(x.long("alice", 9, "buy", STEP, TICK)) == x.place(x.short("alice", 2, "buy", STEP, TICK, pair=ETH)) == 0
    )
    assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == 10001
    assert x.place(x.short("alice", 3, "buy", STEP, TICK, tif="ioc")) == 0
    assert x.place(first._replace(good_til=first.good_til + 1)) == 0
    x.step(blocks=11)
    assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == 0


def test_the_text_says_what_would_help() -> None:
    """The count, the limit, the equity, and what equity allows more."""
    x = limited(stateful=rows(*SHIPPED), short_term=rows((0, 1)))
    x.deposit("alice", 150_500_000)
    for number in range(5):
        assert x.place(x.long("alice", number, "buy", STEP, TICK)) == 0
    told = log_of(x, x.long("alice", 9, "buy", STEP, TICK))
    assert told == "it has 5 stateful orders; at 150.5 USDC of equity the limit is 5, at 1000 USDC it is 10"
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0
    told = log_of(x, x.short("alice", 2, "buy", STEP, TICK))
    assert told == "it has 1 resting short-term orders; at 150.5 USDC of equity the limit is 1, and more equity does not raise it"


def test_the_parameter_counts_orders_of_every_kind() -> None:
    """`max_open_orders` holds beside the tables, whatever the equity."""
    x = Exchange(genesis_of(clob=clob_section(params={"max_open_orders": 3}, equity_tiers={"stateful": rows((0, 50))})))
    for order in (
        x.short("alice", 1, "buy", STEP, TICK),
        x.conditional("alice", 2, "buy", STEP, BTC_PRICE, "stop", 2 * BTC_PRICE),
        x.twap("alice", 3, "buy", 100 * STEP),
    ):
        assert log_of(x, order) == ""
    for order in (x.short("alice", 4, "buy", STEP, TICK), x.long("alice", 4, "buy", STEP, TICK)):
        assert log_of(x, order) == "it has 3 orders; whatever its equity, the limit is 3"


def test_a_refused_order_leaves_nothing() -> None:
    """And room that an undone placement took is room again."""
    x = limited(short_term=rows((0, 1)))
    x.deposit("alice", 10_000 * DOLLAR)
    mark, events = x.ctx.mark(), list(x.ctx.events)
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0
    assert x.place(x.short("alice", 2, "buy", STEP, TICK)) == 10001
    x.ctx.undo(mark)
    assert x.ctx.events == events
    assert x.place(x.short("alice", 2, "buy", STEP, TICK)) == 0


def scan(x: Exchange, subaccount: SubaccountId) -> tuple[int, int]:
    """(short-term, stateful) orders of a subaccount, counted one by one from the maps themselves."""
    state = x.clob_module._state
    resting = [key for key, _ in state.orders.items(x.ctx) if key.subaccount == subaccount]
    waiting = [key for key, _ in state.waiting.items(x.ctx) if key.subaccount == subaccount]
    twaps = [key for key, _ in state.twaps.items(x.ctx) if key.subaccount == subaccount]
    short_term = sum(key.flags == SHORT_TERM for key in resting)
    return short_term, sum(key.flags in (LONG_TERM, CONDITIONAL) for key in resting) + len(waiting) + len(twaps)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), blocks=st.integers(2, 6))
def test_counts_equal_a_scan_whatever_has_happened(seed: int, blocks: int) -> None:
    """Placements of every kind, fills, cancels, triggers, slices, expiry and undone frames."""
    x, random = Exchange(), Random(seed)
    state = x.clob_module._state
    for block in range(blocks):
        for number in range(12):
            name, side = random.choice(("alice", "bob")), random.choice(("buy", "sell"))
            client_id, price = 100 * block + number, BTC_PRICE + random.randrange(-3, 4) * TICK
            size, pair = random.randrange(1, 4) * STEP, random.choice((BTC, BTC, ETH))
            order: Order | PlaceOrder = random.choice(
                (
                    x.short(name, client_id, side, size, price, pair=pair),
                    x.long(name, client_id, side, size, price, pair=pair, good_til=x.ctx.time_seconds + random.choice((2, 3_600))),
                    x.conditional(name, client_id, side, size, price, random.choice(("stop", "profit")), price, pair=pair),
                    x.twap(name, client_id, side, 100 * STEP),
                )
            )
            mark = x.ctx.mark()
            x.place(order)
            if random.randrange(4) == 0:
                x.ctx.undo(mark)
            if random.randrange(4) == 0 and (open_orders := x.clob.open_orders(x.ctx, sub(name))):
                x.cancel(random.choice(open_orders))
        for name in ("alice", "bob"):
            counted = (state.short_term_count(x.ctx, sub(name)), state.stateful_count(x.ctx, sub(name)))
            assert counted == scan(x, sub(name))
        x.step(seconds=random.choice((1, 30)), prices={BTC: random.randrange(5_900_000_000, 6_100_000_000)})
        for name in ("alice", "bob"):
            counted = (state.short_term_count(x.ctx, sub(name)), state.stateful_count(x.ctx, sub(name)))
            assert counted == scan(x, sub(name))


# The tables


def test_tables_and_windows_are_told_as_clients_know_them() -> None:
    """usd_tnc_required as SerializableInt bytes (dydx-clob.md 1.10); the deprecated classes stay empty."""
    section = clob_section(
        equity_tiers={"stateful": rows(*SHIPPED), "short_term": rows((20, 3))},
        block_rate_limits={
            "stateful_orders": [{"num_blocks": 1, "limit": 2}, {"num_blocks": 100, "limit": 20}],
            "short_term_orders_and_cancels": [{"num_blocks": 1, "limit": 400}],
            "leverage_updates": [{"num_blocks": 5, "limit": 1}],
        },
    )
    x = Exchange(genesis_of(clob=section))
    tiers = x.ask(QUERY + "EquityTierLimitConfiguration").equity_tier_limit_config
    assert [(tier.usd_tnc_required.hex(), tier.limit) for tier in tiers.short_term_order_equity_tiers] == [("0201312d00", 3)]
    stateful = tiers.stateful_order_equity_tiers
    assert stateful[0].usd_tnc_required == b"\x02"
    assert stateful[5].usd_tnc_required.hex() == "02174876e800"
    assert [(decode_signed(tier.usd_tnc_required), tier.limit) for tier in stateful] == [(usdc * DOLLAR, limit) for usdc, limit in SHIPPED]
    rates = x.ask(QUERY + "BlockRateLimitConfiguration").block_rate_limit_config
    assert [(row.num_blocks, row.limit) for row in rates.max_stateful_orders_per_n_blocks] == [(1, 2), (100, 20)]
    assert [(row.num_blocks, row.limit) for row in rates.max_short_term_orders_and_cancels_per_n_blocks] == [(1, 400)]
    assert [(row.num_blocks, row.limit) for row in rates.max_leverage_updates_per_n_blocks] == [(5, 1)]
    assert not rates.max_short_term_orders_per_n_blocks
    assert not rates.max_short_term_order_cancellations_per_n_blocks
    exported = x.clob_module.export_genesis(x.ctx)
    assert {key: exported[key] for key in ("equity_tiers", "block_rate_limits")} == {
        key: section[key] for key in ("equity_tiers", "block_rate_limits")
    }


def test_without_tables_nothing_is_stored_or_exported() -> None:
    """Absent is empty, so a genesis without them gives the state that it always gave."""
    x = Exchange(genesis_of(clob=clob_section(equity_tiers={"stateful": []}, block_rate_limits={})))
    assert x.clob_module._state.equity_tiers.get(x.ctx) is None
    assert x.clob_module._state.rate_limits.get(x.ctx) is None
    assert "equity_tiers" not in x.clob_module.export_genesis(x.ctx)
    assert x.clob.limits.equity_tiers(x.ctx) is NO_TIERS
    assert x.clob.limits.rate_limits(x.ctx) is NO_RATES


def test_tables_can_be_replaced_and_removed() -> None:
    """In force from the next block on, as all parameters are."""
    x = limited(short_term=rows((0, 1)))
    x.deposit("alice", 100 * DOLLAR)
    limits = x.clob.limits
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0
    limits.set_equity_tiers(x.ctx, EquityTiers((), (EquityTier(0, 2),)))
    x.step()
    assert [x.place(x.short("alice", number, "buy", STEP, TICK)) for number in (2, 3)] == [0, 10001]
    limits.set_equity_tiers(x.ctx, NO_TIERS)
    x.step()
    assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == 0
    rates = RateLimits((RateLimit(3, 4),), (), ())
    limits.set_rate_limits(x.ctx, rates)
    assert limits.rate_limits(x.ctx) == rates
    limits.set_rate_limits(x.ctx, NO_RATES)
    assert limits.rate_limits(x.ctx) is NO_RATES


@pytest.mark.parametrize(
    ("code", "tiers", "rates"),
    [
        (10000, EquityTiers((EquityTier(0, 1), EquityTier(0, 2)), ()), NO_RATES),
        (10000, EquityTiers((), (EquityTier(5, 1), EquityTier(4, 2))), NO_RATES),
        (10000, EquityTiers((EquityTier(-1, 1),), ()), NO_RATES),
        (10000, EquityTiers((EquityTier(2**127 + 1, 1),), ()), NO_RATES),
        (10000, EquityTiers((EquityTier(0, 10_000_001),), ()), NO_RATES),
        (10000, EquityTiers(tuple(EquityTier(number, 1) for number in range(101)), ()), NO_RATES),
        (0, EquityTiers((EquityTier(0, 0), EquityTier(2**127, 10_000_000)), ()), NO_RATES),
        (5000, NO_TIERS, RateLimits((RateLimit(1, 1), RateLimit(1, 2)), (), ())),
        (5000, NO_TIERS, RateLimits((RateLimit(0, 1),), (), ())),
        (5000, NO_TIERS, RateLimits((RateLimit(10_001, 1),), (), ())),
        (5000, NO_TIERS, RateLimits((RateLimit(1, 0),), (), ())),
        (5000, NO_TIERS, RateLimits((RateLimit(1, 1_000_001),), (), ())),
        (5000, NO_TIERS, RateLimits((), (RateLimit(2_001, 1),), ())),
        (5000, NO_TIERS, RateLimits((), (RateLimit(1, 10_000_001),), ())),
        (5000, NO_TIERS, RateLimits((), (), (RateLimit(2_001, 1),))),
        (5000, NO_TIERS, RateLimits((), (), (RateLimit(1, 10_001),))),
        (5000, NO_TIERS, RateLimits(tuple(RateLimit(number, 1) for number in range(1, 102)), (), ())),
        (
            0,
            NO_TIERS,
            RateLimits(
                (RateLimit(10_000, 1_000_000), RateLimit(1, 1)),
                (RateLimit(2_000, 10_000_000), RateLimit(1, 1)),
                (RateLimit(2_000, 10_000), RateLimit(1, 1)),
            ),
        ),
    ],
)
def test_a_table_out_of_its_bounds_is_refused(code: int, tiers: EquityTiers, rates: RateLimits) -> None:
    """dydx-clob.md 1.6, at and beyond each bound: 10000 and 5000, and nothing is written; what is accepted survives its encoding."""
    x = Exchange()
    mark, found = x.ctx.mark(), 0
    try:
        x.clob.limits.set_equity_tiers(x.ctx, tiers)
        x.clob.limits.set_rate_limits(x.ctx, rates)
    except ChainError as error:
        found = error.code
    assert found == code
    if code:
        assert x.ctx.mark() == mark
        return
    assert tiers == NO_TIERS or EQUITY_TIERS.decode(EQUITY_TIERS.encode(tiers)) == tiers
    assert rates == NO_RATES or RATE_LIMITS.decode(RATE_LIMITS.encode(rates)) == rates


GENESIS_MISTAKES = [
    ("clob.equity_tiers.stateful", {"equity_tiers": {"stateful": rows((1, 1), (1, 2))}}),
    ("clob.equity_tiers.short_term", {"equity_tiers": {"short_term": rows((2, 1), (1, 2))}}),
    ("clob.equity_tiers.stateful[0].usd_tnc_required", {"equity_tiers": {"stateful": rows((-1, 1))}}),
    ("clob.equity_tiers.stateful[0].limit", {"equity_tiers": {"stateful": rows((1, 10_000_001))}}),
    ("clob.equity_tiers.stateful[0].size", {"equity_tiers": {"stateful": [{"usd_tnc_required": 1, "limit": 1, "size": 1}]}}),
    ("clob.equity_tiers.longterm", {"equity_tiers": {"longterm": []}}),
    ("clob.block_rate_limits.stateful_orders", {"block_rate_limits": {"stateful_orders": [{"num_blocks": 1, "limit": 1}] * 2}}),
    ("clob.block_rate_limits.stateful_orders[0].num_blocks", {"block_rate_limits": {"stateful_orders": [{"num_blocks": 0, "limit": 1}]}}),
    ("clob.block_rate_limits.leverage_updates[0].limit", {"block_rate_limits": {"leverage_updates": [{"num_blocks": 1, "limit": 10_001}]}}),
    ("clob.block_rate_limits.cancels", {"block_rate_limits": {"cancels": []}}),
]


@pytest.mark.parametrize(("path", "section"), GENESIS_MISTAKES, ids=[path for path, _ in GENESIS_MISTAKES])
def test_each_mistake_of_the_genesis_has_its_path(path: str, section: dict[str, Any]) -> None:
    """And there is no other."""
    x = Exchange()
    x.genesis = genesis_of(clob=clob_section(**section))
    assert [where for where, _ in x.problems()] == [path]


def test_equity_is_looked_at_only_where_there_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast path reads parameters once a block and the lengths of indexes, never a subaccount."""
    x = Exchange()
    asked: list[SubaccountId] = []

    def equity(_limits: Limits, _ctx: Context, subaccount: SubaccountId) -> int:
        asked.append(subaccount)
        return 0

    monkeypatch.setattr(Limits, "equity", equity)
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0
    assert asked == []
    x = limited(short_term=rows((0, 5)))
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0
    assert asked == [sub("alice")]
