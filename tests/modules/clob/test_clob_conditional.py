"""Conditional orders: dydx-clob.md 3.4 and 2.4 with the choices of design.md 3.5."""

from collections.abc import Callable

import pytest

from modules.clob import formulas
from modules.clob.model import NO_FILLS, Extras, LiquidationOrder, Order, OrderId
from modules.kernel.context import Context
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, clob_section, genesis_of, sub
from support.markets import BTC, ETH, oracle_section

ORACLE = 6_012_345_678
"""The oracle's price in subticks, and as it is reported: the exponents cancel out."""
WINDOW_SECONDS = 95 * 86_400


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def _triggered(x: Exchange) -> list[tuple[int, int]]:
    """(client id, price) of this block's triggers, in the order in which they ran."""
    return [(int(event["order"].split("/")[2]), event["price_subticks"]) for event in x.events("conditional_triggered")]


def _waits(x: Exchange, order: Order) -> bool:
    return x.clob.waiting(x.ctx, order.id) is not None


# Placement


def test_a_conditional_order_waits_outside_the_book_and_is_told(x: Exchange) -> None:
    """3.4: stored untriggered, whatever crosses."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    order = x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", BTC_PRICE + TICK)
    assert x.place(order) == 0
    assert x.rests(order.id) is None
    assert _waits(x, order)
    assert x.fills() == []
    assert x.clob.fills(x.ctx, order.id) == NO_FILLS
    [told] = x.events("conditional_placed")
    assert list(told.values()) == [order.id.text, True, BTC_PRICE, STEP, order.good_til, "STOP_LOSS", BTC_PRICE + TICK]


REFUSED: list[tuple[str, int, Callable[[Exchange], Order]]] = [
    ("row 1", 8, lambda x: x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK, pair=9)),
    ("row 2", 12, lambda x: x.conditional("alice", 1, "buy", STEP, TICK + 1, "stop", TICK)),
    ("row 3", 12, lambda x: x.conditional("alice", 1, "buy", STEP + 1, TICK, "stop", TICK)),
    ("row 5t", 3003, lambda x: x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK, good_til=x.ctx.time_seconds)),
    ("row 5t passes", 0, lambda x: x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK, good_til=x.ctx.time_seconds + 1)),
    (
        "row 6t",
        3004,
        lambda x: x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK, good_til=x.ctx.time_seconds + WINDOW_SECONDS + 1),
    ),
    ("row 10t", 12, lambda x: x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK + 1)),
    ("6.2: no collateral check", 0, lambda x: x.conditional("dave", 1, "buy", 10**15, BTC_PRICE, "stop", TICK)),
    (
        "2.5 row 4 waits for the trigger",
        0,
        lambda x: x.conditional("alice", 1, "sell", STEP, TICK, "stop", TICK, tif="ioc", reduce_only=True),
    ),
]


@pytest.mark.parametrize(("code", "make"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_placement_is_checked_as_table_2_4_says(x: Exchange, code: int, make: Callable[[Exchange], Order]) -> None:
    """And by nothing that depends on the moment of the trigger."""
    assert x.place(make(x)) == code


def test_an_id_in_use_is_refused_waiting_or_triggered(x: Exchange) -> None:
    """Table 2.4 row 9t: 3005; the same client id of another kind is another order."""
    order = x.conditional("alice", 1, "buy", STEP, TICK, "stop", BTC_PRICE)
    assert x.place(order) == 0
    assert x.place(order) == 3005
    assert x.place(x.long("alice", 1, "buy", STEP, TICK)) == 0
    x.step()
    assert x.rests(order.id) == STEP
    assert x.place(x.conditional("alice", 1, "sell", STEP, TICK, "stop", TICK)) == 3005


def test_waiting_orders_count_as_open_orders() -> None:
    """6.4: conditional orders count, triggered or not, immediate-or-cancel ones too."""
    x = Exchange(genesis_of(clob=clob_section(params={"max_open_orders": 2})))
    assert x.place(x.conditional("alice", 1, "buy", STEP, TICK, "stop", BTC_PRICE)) == 0
    assert x.place(x.conditional("alice", 2, "buy", STEP, TICK, "stop", 10**12 * TICK, tif="ioc")) == 0
    assert x.place(x.conditional("alice", 3, "buy", STEP, TICK, "stop", TICK)) == 10001
    assert x.place(x.long("alice", 3, "buy", STEP, TICK)) == 10001
    x.step()
    assert x.rests(OrderId(BTC, sub("alice"), 32, 1)) == STEP
    assert x.place(x.short("alice", 4, "buy", STEP, TICK)) == 10001
    assert x.place(x.short("alice", 4, "buy", STEP, TICK, tif="ioc")) == 0


# Triggers by the oracle

RULES = [
    ("stop", "buy", 0, True),
    ("stop", "buy", 1, False),
    ("profit", "sell", 0, True),
    ("profit", "sell", 1, False),
    ("stop", "sell", 0, False),
    ("stop", "sell", 1, True),
    ("profit", "buy", 0, False),
    ("profit", "buy", 1, True),
]
"""Kind, side, trigger in subticks above floor(oracle), whether it triggers: the oracle lies between two subticks."""


@pytest.mark.parametrize(("kind", "side", "above", "triggers"), RULES)
def test_the_oracle_triggers_at_or_beyond_the_trigger_rounded_against_the_order(kind: str, side: str, above: int, triggers: bool) -> None:
    """CLOB-10, 3.4: trigger <= floor(price) where the price rises to it, trigger >= ceil(price) where it falls."""
    section = clob_section()
    section["clob_pairs"][BTC] |= {"subticks_per_tick": 1, "quantum_conversion_exponent": -8}
    x = Exchange(genesis_of(clob=section))
    floor = ORACLE // 10  # the exponent moves the oracle to 601,234,567.8 subticks
    order = x.conditional("alice", 1, side, STEP, floor, kind, floor + above)
    x.place(order)
    x.step()
    assert _waits(x, order) != triggers
    assert _triggered(x) == ([(1, floor + above)] if triggers else [])


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "price"), [("stop", "buy", 61, 62), ("stop", "sell", 59, 58), ("profit", "sell", 61, 61)]
)
def test_a_new_oracle_price_triggers_in_its_own_block(x: Exchange, kind: str, side: str, trigger: int, price: int) -> None:
    """design.md 3.5 step 3: prices come before the clock."""
    order = x.conditional("alice", 1, side, STEP, BTC_PRICE, kind, trigger * 1_000 * TICK)
    x.place(order)
    x.step(3)
    assert _waits(x, order)
    x.step(prices={BTC: price * 100_000_000})
    assert _triggered(x) == [(1, price * 100_000_000)]
    assert x.rests(order.id) == STEP


def test_an_order_never_triggers_in_the_block_that_carries_it(x: Exchange) -> None:
    """design.md 3.5: the decision stands before the first lane."""
    order = x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", TICK)
    x.begin()
    x.place(order)
    x.engine()
    assert _waits(x, order)
    x.step()
    assert not _waits(x, order)


def test_a_triggered_order_rests_with_a_fresh_place_in_time(x: Exchange) -> None:
    """3.4: time priority from the trigger."""
    early = x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", 6_100_000_000)
    x.place(early)
    x.step()
    x.place(x.short("carol", 2, "buy", STEP, BTC_PRICE))
    x.step(prices={BTC: 6_100_000_000})
    found = x.clob.order(x.ctx, early.id)
    assert found is not None
    assert (found.height, found.extras) == (x.ctx.height, Extras(1, 6_100_000_000))
    x.place(x.short("bob", 3, "sell", 2 * STEP, BTC_PRICE))
    assert [maker for maker, _, _ in x.fills()] == [2, 1]


# Triggers by trades


def _trade(x: Exchange, subticks: int, client_id: int = 50) -> None:
    """Bob and Carol trade one step at that price."""
    x.place(x.short("bob", client_id, "sell", STEP, subticks))
    x.place(x.short("carol", client_id, "buy", STEP, subticks))


def _banded(ppm: int) -> Exchange:
    """A market whose smallest price change is so many ppm."""
    section = oracle_section()
    section["markets"][BTC]["min_price_change_ppm"] = ppm
    return Exchange(genesis_of(oracle=section))


def test_the_lowest_and_highest_trade_of_the_block_before_trigger() -> None:
    """3.4 prices 2 and 3; only of the block before, each to the subtick."""
    x = _banded(9_999)
    low, high = BTC_PRICE - 5 * TICK, BTC_PRICE + 7 * TICK
    orders = [
        x.conditional("alice", 1, "sell", STEP, high + TICK, "stop", low),
        x.conditional("alice", 2, "sell", STEP, high + TICK, "stop", low - TICK),
        x.conditional("alice", 3, "buy", STEP, TICK, "stop", high),
        x.conditional("alice", 4, "buy", STEP, TICK, "stop", high + TICK),
    ]
    for order in orders:
        assert x.place(order) == 0
    x.step()
    for client_id, price in enumerate((low + TICK, low, high, high - TICK)):
        _trade(x, price, 60 + client_id)
    assert x.ctx.height == 101
    x.step()
    assert _triggered(x) == [(1, low), (3, high)]
    x.step(5)
    assert [_waits(x, order) for order in orders] == [False, True, False, True]


def test_of_several_prices_the_first_that_triggers_is_told() -> None:
    """3.4: the oracle, then the lowest, then the highest trade."""
    x = _banded(9_999)
    x.place(x.conditional("alice", 1, "buy", STEP, TICK, "stop", ORACLE // TICK * TICK))
    x.place(x.conditional("alice", 2, "buy", STEP, TICK, "stop", BTC_PRICE + 3 * TICK))
    x.place(x.conditional("alice", 3, "buy", STEP, TICK, "stop", BTC_PRICE + 4 * TICK))
    _trade(x, BTC_PRICE + 3 * TICK, 60)
    _trade(x, BTC_PRICE + 5 * TICK, 61)
    x.step()
    assert _triggered(x) == [(1, ORACLE), (2, BTC_PRICE + 3 * TICK), (3, BTC_PRICE + 5 * TICK)]


@pytest.mark.parametrize(("above", "triggers"), [(0, True), (1, False)])
def test_a_trade_far_from_the_oracle_counts_as_the_edge_of_its_band(above: int, triggers: bool) -> None:
    """3.4: clamped to the oracle x (1 + 5 x min_price_change_ppm / 10^6), exactly, then rounded against the order."""
    section = clob_section()
    section["clob_pairs"][BTC]["subticks_per_tick"] = 1
    oracle = oracle_section()
    oracle["markets"][BTC]["min_price_change_ppm"] = 1_000
    x = Exchange(genesis_of(clob=section, oracle=oracle))
    edge = 6_042_407_406  # 6,012,345,678 x 1.005 = 6,042,407,406.39
    x.place(x.conditional("alice", 1, "buy", STEP, 1, "stop", edge + above))
    _trade(x, 2 * edge)
    x.step()
    assert _triggered(x) == ([(1, edge)] if triggers else [])


def test_clamped_trades_are_exact_fractions() -> None:
    """CLOB-11 on both sides, inside the band, and where the band is wider than the price."""
    index = (100_001, 3)
    assert formulas.clamped_trade(10, index, 1_000) == (100_001 * 995_000, 3_000_000)
    assert formulas.clamped_trade(10**9, index, 1_000) == (100_001 * 1_005_000, 3_000_000)
    assert formulas.clamped_trade(33_333, index, 1_000) == (33_333 * 3_000_000, 3_000_000)
    assert formulas.clamped_trade(1, index, 999_999) == (3_000_000, 3_000_000)


def test_fills_of_the_engines_orders_count_as_trades() -> None:
    """3.4: of every regular and liquidation fill, at the maker's price."""
    x = _banded(9_999)
    x.place(x.conditional("alice", 1, "buy", STEP, TICK, "stop", BTC_PRICE + 3 * TICK))
    x.step()
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE + 3 * TICK))
    x.clob.liquidate(x.ctx, LiquidationOrder(sub("carol"), BTC, True, STEP, 2 * BTC_PRICE), lambda _ctx, _quantums, _quote: 0)
    assert x.clob.trades(x.ctx, BTC) == (x.ctx.height, BTC_PRICE + 3 * TICK, BTC_PRICE + 3 * TICK)
    x.step()
    assert _triggered(x) == [(1, BTC_PRICE + 3 * TICK)]


def test_trades_that_were_undone_do_not_count(x: Exchange) -> None:
    """A failed transaction leaves nothing, also not a price."""
    x.place(x.conditional("alice", 1, "sell", STEP, BTC_PRICE, "stop", BTC_PRICE - TICK))
    mark = x.ctx.mark()
    _trade(x, BTC_PRICE - TICK)
    x.ctx.undo(mark)
    x.step()
    assert _triggered(x) == []


# The order of things


def test_triggered_orders_run_by_market_and_placement_whatever_price_met_them() -> None:
    """design.md 3.5 step 5: by (pair, placement)."""
    x = _banded(9_999)
    x.place(x.conditional("alice", 5, "buy", STEP, TICK, "stop", 2 * TICK, pair=ETH))
    x.place(x.conditional("alice", 4, "sell", STEP, BTC_PRICE + TICK, "stop", BTC_PRICE - 2 * TICK))
    x.place(x.conditional("bob", 3, "buy", STEP, TICK, "stop", 2 * TICK))
    x.step(0)
    x.place(x.conditional("alice", 2, "buy", STEP, TICK, "profit", BTC_PRICE + 9 * TICK))
    _trade(x, BTC_PRICE - 2 * TICK)
    x.step()
    assert [client_id for client_id, _ in _triggered(x)] == [4, 3, 2, 5]


def test_what_is_triggered_moves_when_the_engine_runs_and_not_before(x: Exchange) -> None:
    """design.md 3.5: steps 3 and 5, with the first lanes between."""
    order = x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", TICK)
    x.place(order)
    x.begin()
    assert _waits(x, order)
    assert x.ctx.events == []
    x.engine()
    assert x.rests(order.id) == STEP


def test_a_cancel_of_the_first_lane_beats_a_trigger(x: Exchange) -> None:
    """design.md 3.5: nothing of the order happens then."""
    order = x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", TICK)
    x.place(order)
    x.begin()
    assert x.cancel(order.id) == 0
    x.engine()
    assert _triggered(x) == []
    assert x.rests(order.id) is None
    assert x.events("order_cancelled") == [{"order": order.id.text, "good_til": x.ctx.time_seconds + WINDOW_SECONDS, "removed": True}]


def test_an_order_of_the_same_id_placed_after_the_decision_waits_for_its_own_trigger(x: Exchange) -> None:
    """The decision names an order, not an id."""
    order = x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", TICK)
    x.place(order)
    x.begin()
    x.cancel(order.id)
    assert x.place(x.conditional("alice", 1, "buy", STEP, BTC_PRICE, "stop", 2 * BTC_PRICE)) == 0
    x.engine()
    assert _waits(x, order)


# What becomes of a triggered order


def test_a_triggered_order_matches_at_once(x: Exchange) -> None:
    """design.md 3.5: it is a taker in the engine's step."""
    x.place(x.short("bob", 1, "sell", 2 * STEP, BTC_PRICE))
    order = x.conditional("alice", 9, "buy", 3 * STEP, BTC_PRICE, "stop", TICK)
    x.place(order)
    x.step()
    assert [kind.type for kind, _ in x.ctx.events][:1] == ["conditional_triggered"]
    assert x.fills() == [(1, BTC_PRICE, 2 * STEP)]
    assert x.rests(order.id) == STEP
    assert x.position("alice") == 2 * STEP
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    assert x.clob.placed(x.ctx, order.id) is None
    x.end()
    assert x.broken() == []


ENDS = [
    ("immediate-or-cancel remainder", {"tif": "ioc"}, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK"),
    ("post-only that crosses", {"tif": "post_only", "subticks": BTC_PRICE + TICK}, "POST_ONLY_WOULD_CROSS_MAKER_ORDER"),
    ("reduce-only without a position", {"tif": "ioc", "reduce_only": True}, "REDUCE_ONLY_RESIZE"),
    ("taker without collateral", {"name": "dave", "subticks": BTC_PRICE + TICK}, "UNDERCOLLATERALIZED"),
]


@pytest.mark.parametrize(("changes", "reason"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_an_order_that_cannot_stay_when_triggered_ends_with_a_reason(x: Exchange, changes: dict[str, object], reason: str) -> None:
    """design.md 3.5: it is removed, never in limbo; its id is not used again in that block, and free in the next."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE + TICK))
    name = str(changes.get("name", "alice"))
    rest = {key: value for key, value in changes.items() if key not in ("name", "subticks")}
    order = x.conditional(name, 9, "buy", STEP, int(str(changes.get("subticks", BTC_PRICE))), "stop", TICK, **rest)
    assert x.place(order) == 0
    x.step()
    assert [client_id for client_id, _ in _triggered(x)] == [9]
    assert x.reasons() == [(9, reason)]
    assert x.clob.placed(x.ctx, order.id) is None
    assert x.rests(OrderId(BTC, sub("bob"), 0, 1)) == STEP
    assert x.place(order) == 3009
    assert x.cancel(order.id) == 3010
    x.step()
    assert x.place(order) == 0


def test_an_isolated_rule_that_is_broken_when_triggered_undoes_the_fills_and_ends_the_order(x: Exchange) -> None:
    """5.2 step 7: all fills of this taker are discarded."""
    x.place(x.short("bob", 1, "sell", STEP, 14_560_000_000, pair=2))
    order = x.conditional("alice", 9, "buy", STEP, 14_560_000_000, "stop", TICK, pair=2)
    assert x.place(order) == 0
    _trade_alice(x)
    x.step()
    assert x.reasons() == [(9, "VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS")]
    assert x.position("alice", 2) == 0
    assert x.rests(OrderId(2, sub("bob"), 0, 1)) == STEP


def _trade_alice(x: Exchange) -> None:
    """Alice gets a cross position."""
    x.place(x.short("carol", 70, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 70, "buy", STEP, BTC_PRICE))


def test_a_reduce_only_stop_closes_no_more_than_the_position(x: Exchange) -> None:
    """5.2 step 6: the classic stop-loss, larger than what is left to protect."""
    _trade_alice(x)
    x.place(x.short("bob", 1, "buy", 5 * STEP, BTC_PRICE))
    x.place(x.conditional("alice", 9, "sell", 5 * STEP, TICK, "stop", BTC_PRICE, tif="ioc", reduce_only=True))
    x.step(prices={BTC: 6_000_000_000})
    assert x.position("alice") == 0
    assert x.reasons() == [(9, "REDUCE_ONLY_RESIZE")]


# Ending without a trigger


def test_a_waiting_order_expires_by_its_time(x: Exchange) -> None:
    """3.1: GTBT, at or before the block's time; what expires does not trigger in that block."""
    order = x.conditional("alice", 1, "buy", STEP, TICK, "stop", 6_100_000_000, good_til=x.ctx.time_seconds + 2)
    x.place(order)
    x.step()
    assert _waits(x, order)
    x.step(prices={BTC: 6_100_000_000})
    assert not _waits(x, order)
    assert x.events("order_expired") == [{"order": order.id.text}]
    assert _triggered(x) == []


def test_a_triggered_order_that_rests_expires_by_its_time_too(x: Exchange) -> None:
    """3.1."""
    order = x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK, good_til=x.ctx.time_seconds + 2)
    x.place(order)
    x.step()
    assert x.rests(order.id) == STEP
    x.step()
    assert x.rests(order.id) is None
    assert x.events("order_expired") == [{"order": order.id.text}]


@pytest.mark.parametrize("triggered", [False, True])
def test_a_cancel_works_before_and_after_the_trigger(x: Exchange, triggered: bool) -> None:
    """2.7: 29 for a cancel that ends before the order, 3006 for an id that is not there."""
    order = x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK if triggered else 2 * BTC_PRICE)
    x.place(order)
    x.step()
    assert (x.rests(order.id) is not None) == triggered
    assert x.cancel(order.id, order.good_til - 1) == 29
    assert x.cancel(order.id, order.good_til) == 0
    assert x.clob.placed(x.ctx, order.id) is None
    assert x.cancel(order.id, order.good_til) == 3006


def test_triggers_of_a_market_that_is_not_active_wait(x: Exchange) -> None:
    """Statuses: they run when it is active again, by the prices of that block."""
    order = x.conditional("alice", 1, "buy", STEP, TICK, "stop", BTC_PRICE)
    x.place(order)
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    x.clob_module._state.pairs.set(x.ctx, BTC, pair._replace(status=2))
    x.step(3)
    assert _waits(x, order)
    x.clob_module._state.pairs.set(x.ctx, BTC, pair)
    x.step()
    assert x.rests(order.id) == STEP


# Work


def test_finding_what_triggers_does_not_look_at_what_waits(x: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of 2,000 waiting orders trigger: the entries looked at are those ten and one more in each direction."""
    for client_id in range(1_000):
        x.place(x.conditional("alice", client_id, "buy", STEP, TICK, "stop", 6_100_000_000 + client_id * TICK))
        x.place(x.conditional("bob", client_id, "sell", STEP, 2 * BTC_PRICE, "stop", 5_900_000_000 - client_id * TICK))
    seen = 0
    view = x.clob_module._state.triggers
    original = type(view).group

    def counting(self: object, ctx: Context, group: object) -> object:
        def entries() -> object:
            nonlocal seen
            for entry in original(view, ctx, group):
                seen += 1
                yield entry

        return entries() if self is view else original(self, ctx, group)  # type: ignore[arg-type]

    x.set_price(BTC, 6_100_000_000 + 9 * TICK)
    monkeypatch.setattr(type(view), "group", counting)
    due = x.clob._engine.due(x.ctx)
    assert len(due) == 10
    assert seen == 12
