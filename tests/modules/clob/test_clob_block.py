"""What the begin and the end of a block do to the books, and engine orders against them."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.clob.model import RESTING_ORDER, Extras, LiquidationOrder, OrderId, RestingOrder
from modules.kernel.context import Context
from modules.kernel.events import EventKind
from support.clob_exchange import BTC_PRICE, LINK_PRICE, RICH, STEP, TICK, Exchange, clob_section, genesis_of, sub
from support.markets import BTC, ETH, LINK, perp_section

WHOLE = 10**10
"""One bitcoin."""


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def test_a_short_term_order_can_fill_in_its_last_block_and_is_gone_in_the_next(x: Exchange) -> None:
    """dydx-clob.md 3.2: good-til-block is inclusive."""
    order = x.short("alice", 1, "sell", 2 * STEP, BTC_PRICE, good_til=x.ctx.height + 1)
    x.place(order)
    x.step()
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    assert x.fills() == [(1, BTC_PRICE, STEP)]
    x.step()
    assert x.events("order_expired") == [{"order": order.id.text}]
    assert x.rests(order.id) is None
    assert x.clob.fills(x.ctx, order.id).quantums == STEP


def test_a_long_term_order_ends_at_its_second(x: Exchange) -> None:
    """design.md 3.5: good-til-time <= the block's time, which counts in nanoseconds."""
    order = x.long("alice", 1, "sell", 2 * STEP, BTC_PRICE, good_til=x.ctx.time_seconds + 5)
    x.place(order)
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    x.step(seconds=4)
    assert x.rests(order.id) == STEP
    x.ctx = Context(x.state, x.ctx.height + 1, x.ctx.time_ns + 999_999_999, "test-1")
    x.clob.begin_block(x.ctx)
    assert x.rests(order.id) == STEP
    x.ctx = Context(x.state, x.ctx.height + 1, x.ctx.time_ns + 1, "test-1")
    x.clob.begin_block(x.ctx)
    assert x.rests(order.id) is None
    assert x.events("order_expired") == [{"order": order.id.text}]
    assert x.clob.fills(x.ctx, order.id) == (0, 0)


def test_expiry_goes_by_good_til_and_then_by_age_whatever_the_market(x: Exchange) -> None:
    """Many at once, in one order that every node shares."""
    height = x.ctx.height
    for client_id, (name, pair, ahead) in enumerate(
        [("carol", ETH, 1), ("alice", BTC, 0), ("bob", ETH, 0), ("alice", ETH, 1), ("bob", BTC, 5)]
    ):
        x.place(x.short(name, client_id, "buy", STEP, TICK, pair=pair, good_til=height + ahead))
    x.step(2)
    assert [int(event["order"].split("/")[2]) for event in x.events("order_expired")] == [0, 3]
    assert [order_id.client_id for order_id in x.clob.open_orders(x.ctx, sub("bob"))] == [4]


def test_fills_are_remembered_until_forty_blocks_after_the_latest_good_til_block(x: Exchange) -> None:
    """CLOB-9: also when the order rests on under a later one without being filled again."""
    order = x.short("alice", 1, "sell", 3 * STEP, BTC_PRICE)
    x.place(order)
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    later = order._replace(good_til=order.good_til + 5)
    x.place(later)
    assert x.clob.fills(x.ctx, order.id) == (STEP, later.good_til + 40)
    x.place(x.short("bob", 3, "buy", STEP, BTC_PRICE))
    assert x.clob.fills(x.ctx, order.id) == (2 * STEP, later.good_til + 40)
    x.cancel(order.id, later.good_til)
    x.step(later.good_til + 40 - x.ctx.height)
    assert x.clob.fills(x.ctx, order.id) == (2 * STEP, x.ctx.height)
    x.step()
    assert x.clob.fills(x.ctx, order.id) == (0, 0)


def test_an_order_that_is_replaced_again_and_again_keeps_its_fills_as_long_as_it_rests(x: Exchange) -> None:
    """CLOB-9: it never fills more than its size, however long it lives."""
    order = x.short("alice", 1, "sell", 3 * STEP, BTC_PRICE, good_til=x.ctx.height)
    x.place(order)
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    for _ in range(4):
        order = order._replace(good_til=x.ctx.height + 40)
        assert x.place(order) == 0
        x.step(40)
    assert x.rests(order.id) == 2 * STEP


def test_an_id_that_ends_twice_in_a_block_is_remembered_as_it_ended_last(x: Exchange) -> None:
    """Cancelled with a fill, placed again with a later good-til-block, filled once more and expired."""
    order = x.short("alice", 1, "sell", 4 * STEP, BTC_PRICE, good_til=x.ctx.height)
    x.place(order)
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    x.cancel(order.id, order.good_til)
    assert x.clob.fills(x.ctx, order.id) == (STEP, order.good_til + 40)
    later = order._replace(good_til=order.good_til + 1)
    assert x.place(later) == 0
    assert x.rests(order.id) == 3 * STEP
    x.place(x.short("bob", 3, "buy", STEP, BTC_PRICE))
    x.step(2)
    assert x.rests(order.id) is None
    assert x.clob.fills(x.ctx, order.id) == (2 * STEP, later.good_til + 40)
    x.end()
    assert x.clob_module.check_invariants(x.ctx) == []


def test_a_block_adds_one_key_however_many_ids_it_remembers(x: Exchange) -> None:
    """What makes cancels and filled orders cheap: the tree gets one value per block, beside the range of the market's trades."""
    for client_id in range(50):
        x.place(x.short("alice", client_id, "sell", STEP, BTC_PRICE))
        x.cancel(OrderId(BTC, sub("carol"), 0, client_id))
    x.place(x.short("bob", 99, "buy", 50 * STEP, BTC_PRICE))
    x.end()
    assert [key[:1] for key, _ in x.state.changes()["clob"]] == [b"\x0b", b"\x05"]
    assert x.clob.fills(x.ctx, OrderId(BTC, sub("alice"), 0, 49)).quantums == STEP
    assert x.clob.cancelled_until(x.ctx, OrderId(BTC, sub("carol"), 0, 0)) == x.ctx.height + 40
    assert x.clob.fills(x.ctx, OrderId(BTC, sub("alice"), 0, 50)) == (0, 0)


# The premium of the book


def _premium(x: Exchange, perpetual_id: int = BTC) -> int:
    """The sample that funding has got at the end of the block."""
    x.end()
    return x.funding.running(x.ctx, perpetual_id).sample_ppm


BIDS = [(6_014_000_000, 500_000_000), (6_013_500_000, 700_000_000), (6_013_000_000, 2_000_000_000)]
ASKS = [(6_010_000_000, 1_000_000_000), (6_011_000_000, 3_000_000_000)]


@pytest.mark.parametrize(("side", "levels", "premium"), [("buy", BIDS, 193), ("sell", ASKS, -323)])
def test_the_premium_of_a_book_has_the_references_figures(x: Exchange, side: str, levels: list[tuple[int, int]], premium: int) -> None:
    """CLOB-8, dydx-risk.md E5: index 6,012,345,678 subticks, impact notional 10,000 USDC."""
    for client_id, (subticks, quantums) in enumerate(levels):
        assert x.place(x.short("alice", client_id, side, quantums, subticks)) == 0
    assert _premium(x) == premium


def test_no_premium_inside_the_spread_or_without_depth(x: Exchange) -> None:
    """CLOB-8: an index between best bid and best ask, an empty book, and one order too few."""
    assert _premium(x) == 0
    x.place(x.short("alice", 1, "buy", WHOLE, BTC_PRICE))
    x.place(x.short("alice", 2, "sell", WHOLE, BTC_PRICE + TICK))
    assert _premium(x) == 0
    thin = Exchange()
    thin.place(thin.short("alice", 1, "buy", STEP, BTC_PRICE + 9 * TICK))
    assert _premium(thin) == 0


def test_a_side_whose_impact_price_falls_back_behind_the_index_has_no_premium(x: Exchange) -> None:
    """CLOB-8, dydx-risk.md 7.2 rule 7: the best bid is above the index, the average is not."""
    x.place(x.short("alice", 1, "buy", STEP, BTC_PRICE + TICK))
    x.place(x.short("alice", 2, "buy", WHOLE, BTC_PRICE - 99 * TICK))
    assert _premium(x) == 0


def test_orders_that_their_owner_could_not_fill_do_not_count(x: Exchange) -> None:
    """CLOB-8, dydx-risk.md 7.2 rule 5: free phantom orders must not move funding."""
    x.place(x.short("dave", 1, "buy", WHOLE, BTC_PRICE + 99 * TICK))
    assert _premium(x) == 0
    x.place(x.short("alice", 2, "buy", WHOLE, BTC_PRICE + 2 * TICK))
    assert _premium(x) == 25


def test_only_so_many_orders_are_looked_at() -> None:
    """CLOB-8: behind `max_impact_orders` there is no depth."""
    x = Exchange(genesis_of(clob=clob_section(params={"max_impact_orders": 2})))
    for client_id in (1, 2):
        x.place(x.short("alice", client_id, "buy", STEP, BTC_PRICE + 2 * TICK))
    x.place(x.short("bob", 3, "buy", WHOLE, BTC_PRICE + 2 * TICK))
    assert _premium(x) == 0
    x.cancel(OrderId(BTC, sub("alice"), 0, 1))
    assert _premium(x) == 25


def test_what_is_filled_of_an_order_does_not_count(x: Exchange) -> None:
    """CLOB-4 walks what remains."""
    x.place(x.short("alice", 1, "buy", WHOLE, BTC_PRICE + 2 * TICK))
    x.place(x.short("bob", 2, "sell", WHOLE - STEP, BTC_PRICE))
    assert _premium(x) == 0


def test_each_market_has_its_own_premium_and_a_quiet_one_zero(x: Exchange) -> None:
    """Markets do not mix; a premium ends with its book."""
    x.place(x.short("alice", 1, "buy", 1_000 * STEP, LINK_PRICE + 100 * TICK, pair=LINK))
    assert _premium(x, LINK) == 686
    assert _premium(x, BTC) == 0
    x.cancel(OrderId(LINK, sub("alice"), 0, 1))
    assert _premium(x, LINK) == 0


def test_a_market_that_is_not_active_has_premium_zero() -> None:
    """dydx-risk.md 7.2 rule 2."""
    section = clob_section()
    section["clob_pairs"][BTC]["status"] = "POST_ONLY"
    x = Exchange(genesis_of(clob=section))
    x.place(x.short("alice", 1, "buy", WHOLE, BTC_PRICE + 9 * TICK, tif="post_only"))
    assert _premium(x) == 0


# Engine orders


def _engine(
    x: Exchange, name: str, side: str, quantums: int, subticks: int, deltas: list[int | None], pair: int = BTC
) -> tuple[int, list[tuple[int, int]]]:
    """(filled, the (quantums, quote) that were asked for a price)."""
    asked: list[tuple[int, int]] = []

    def price_fill(_ctx: Context, size: int, quote: int) -> int | None:
        asked.append((size, quote))
        return deltas[len(asked) - 1] if len(asked) <= len(deltas) else 0

    order = LiquidationOrder(sub(name), pair, side == "buy", quantums, subticks)
    return x.clob.liquidate(x.ctx, order, price_fill), asked


def _long(x: Exchange, name: str, quantums: int) -> None:
    """The name holds a long position; dave may be poor."""
    x.place(x.short("carol", 900, "sell", quantums, BTC_PRICE))
    assert x.place(x.short(name, 901, "buy", quantums, BTC_PRICE)) == 0
    assert x.position(name) == quantums
    x.ctx.events.clear()


def test_an_engine_order_fills_at_the_makers_price_and_never_rests(x: Exchange) -> None:
    """INTERFACES of liquidation: the taker pays no fee but the insurance delta, the maker gets no rebate."""
    _long(x, "alice", 4 * STEP)
    before, maker_before = x.collateral("alice"), x.collateral("bob")
    x.place(x.short("bob", 1, "buy", 3 * STEP, BTC_PRICE - TICK))
    filled, asked = _engine(x, "alice", "sell", 4 * STEP, BTC_PRICE - 5 * TICK, [50])
    quote = 3 * STEP * (BTC_PRICE - TICK) // 10**9
    assert (filled, asked) == (3 * STEP, [(3 * STEP, quote)])
    assert x.collateral("alice") == before + quote - 50
    assert x.collateral("bob") == maker_before - quote
    assert x.clob.best_subticks(x.ctx, BTC, is_buy=False) is None
    match = x.events("match")[0]
    assert (match["is_liquidation"], match["insurance_fund_delta_quote_quantums"], match["maker_order_fee_quote_quantums"]) == (True, 50, 0)
    assert x.events("order_fill")[0]["taker_order"] == "liquidation"
    assert x.subaccounts.conservation_by_scan(x.ctx) == []


def test_an_engine_order_respects_its_limit_price(x: Exchange) -> None:
    """The fillable price."""
    _long(x, "alice", 4 * STEP)
    x.place(x.short("bob", 1, "buy", STEP, BTC_PRICE - TICK))
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE - 2 * TICK))
    assert _engine(x, "alice", "sell", 4 * STEP, BTC_PRICE - TICK, [])[0] == STEP


def test_the_engine_stops_when_the_price_is_refused(x: Exchange) -> None:
    """Fund or limits exhausted: earlier fills stay, the maker rests on, what was written meanwhile is undone."""
    _long(x, "alice", 4 * STEP)
    x.place(x.short("bob", 1, "buy", STEP, BTC_PRICE - TICK))
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE - TICK))
    filled, asked = _engine(x, "alice", "sell", 4 * STEP, TICK, [0, None])
    assert (filled, len(asked)) == (STEP, 2)
    assert x.rests(OrderId(BTC, sub("bob"), 0, 2)) == STEP


def test_what_pricing_a_fill_writes_is_undone_when_the_fill_does_not_happen(x: Exchange) -> None:
    """Block limits that the engine counts while it prices: only fills that happen count."""
    noted = EventKind("noted", ("quantums",))
    answers = iter([0, 0, None])

    def price_fill(ctx: Context, quantums: int, _quote: int) -> int | None:
        ctx.emit(noted, quantums)
        return next(answers)

    _long(x, "alice", 9 * STEP)
    x.place(x.short("dave", 1, "buy", STEP, BTC_PRICE - TICK))
    x.place(x.short("bob", 2, "buy", 2 * STEP, BTC_PRICE - TICK))
    x.place(x.short("bob", 3, "buy", 3 * STEP, BTC_PRICE - TICK))
    assert x.clob.liquidate(x.ctx, LiquidationOrder(sub("alice"), BTC, False, 9 * STEP, TICK), price_fill) == 2 * STEP
    assert x.events("noted") == [{"quantums": 2 * STEP}]


def test_the_fund_pays_a_negative_delta(x: Exchange) -> None:
    """Money moves from the insurance fund into the pool."""
    _long(x, "alice", STEP)
    x.place(x.short("bob", 1, "buy", STEP, BTC_PRICE - TICK))
    before = x.collateral("alice")
    _engine(x, "alice", "sell", STEP, TICK, [-1_000])
    assert x.collateral("alice") == before + STEP * (BTC_PRICE - TICK) // 10**9 + 1_000
    assert x.subaccounts.conservation_by_scan(x.ctx) == []


def test_the_engine_removes_poor_makers_and_the_accounts_own_orders(x: Exchange) -> None:
    """dydx-risk.md 9.8, dydx-clob.md 5.2; the price of a fill that fails is undone with it."""
    _long(x, "alice", 2 * STEP)
    x.place(x.short("alice", 1, "buy", STEP, BTC_PRICE - TICK))
    x.place(x.short("dave", 2, "buy", STEP, BTC_PRICE - TICK))
    x.place(x.short("bob", 3, "buy", STEP, BTC_PRICE - TICK))
    filled, asked = _engine(x, "alice", "sell", 2 * STEP, TICK, [])
    assert (filled, len(asked)) == (STEP, 2)
    assert x.reasons() == [(1, "SELF_TRADE_ERROR"), (2, "UNDERCOLLATERALIZED")]


def test_the_engine_passes_a_maker_over_when_its_own_side_fails(x: Exchange) -> None:
    """dydx-risk.md 9.8: matching goes on to the next maker, and the first one rests on."""
    x.place(x.short("bob", 1, "buy", STEP, BTC_PRICE))
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    # dave has nothing, so selling is not allowed to him; the engine asks for both and fills none.
    filled, asked = _engine(x, "dave", "sell", STEP, TICK, [])
    assert (filled, len(asked)) == (0, 2)
    assert x.rests(OrderId(BTC, sub("bob"), 0, 1)) == STEP
    assert x.rests(OrderId(BTC, sub("bob"), 0, 2)) == STEP
    assert x.reasons() == []


def test_an_engine_order_is_rounded_down_to_whole_steps(x: Exchange) -> None:
    """dydx-risk.md 9.8 check 1; less than a step fills nothing."""
    _long(x, "alice", 2 * STEP)
    x.place(x.short("bob", 1, "buy", 9 * STEP, BTC_PRICE - TICK))
    assert _engine(x, "alice", "sell", STEP - 1, TICK, [])[0] == 0
    assert _engine(x, "alice", "sell", 2 * STEP - 1, TICK, [])[0] == STEP


@pytest.mark.parametrize("pair", [BTC, 9])
def test_engine_orders_need_an_active_market(pair: int) -> None:
    """Nothing raises: a market that is not ACTIVE, or does not exist, fills nothing."""
    section = clob_section()
    section["clob_pairs"][BTC]["status"] = "POST_ONLY"
    x = Exchange(genesis_of(clob=section))
    x.place(x.short("bob", 1, "buy", STEP, BTC_PRICE, tif="post_only"))
    assert _engine(x, "alice", "sell", STEP, TICK, [], pair) == (0, [])


def test_a_pair_is_found_by_its_perpetual(x: Exchange) -> None:
    """At most one each way."""
    section = clob_section()
    section["clob_pairs"][ETH]["perpetual_id"], section["clob_pairs"][BTC]["perpetual_id"] = BTC, ETH
    swapped = Exchange(genesis_of(clob=section))
    assert [pair.id for pair in (swapped.clob.pair_of(swapped.ctx, BTC), swapped.clob.pair_of(swapped.ctx, ETH)) if pair] == [ETH, BTC]
    assert x.clob.pair_of(x.ctx, 77) is None
    assert [pair.id for pair in x.clob.pairs(x.ctx)] == [BTC, ETH, LINK]
    assert len(perp_section()["perpetuals"]) == 3
    assert x.collateral("alice") == RICH


@settings(deadline=None)
@given(
    st.builds(
        RestingOrder,
        st.booleans(),
        st.integers(1, 2**64 - 1),
        st.integers(1, 2**64 - 1),
        st.integers(1, 2**32 - 1),
        st.sampled_from([0, 2]),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**63),
        st.integers(0, 2**32 - 1),
        st.none()
        | st.builds(
            Extras,
            st.sampled_from([0, 1, 2]),
            st.integers(0, 2**64 - 1),
            st.sampled_from([b"", bytes(20), b"\x01" * 20]),
            st.integers(0, 10_000),
            st.sampled_from([b"", bytes(20), b"\x01" * 20]),
            st.booleans(),
        ),
    )
)
def test_a_resting_order_survives_its_bytes(order: RestingOrder) -> None:
    """Encoding is canonical and loses nothing."""
    data = RESTING_ORDER.encode(order)
    assert RESTING_ORDER.decode(data) == order
    assert RESTING_ORDER.encode(RESTING_ORDER.decode(data)) == data


# Work


def _calls(action: Callable[[], object]) -> int:
    """Function calls, Python's and C's, that an action makes."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def _with_book(orders: int) -> Exchange:
    """Neither book is as deep as the impact notional, so the block's end looks at as many orders as it may."""
    x = Exchange(genesis_of(clob=clob_section(params={"max_impact_orders": 20})))
    for client_id in range(orders):
        x.place(x.short("alice", client_id, "sell", STEP, BTC_PRICE + (1 + client_id % 50) * TICK))
        x.place(x.short("bob", client_id, "buy", STEP, BTC_PRICE - (1 + client_id % 50) * TICK))
    return x


def test_work_per_order_does_not_grow_with_the_book() -> None:
    """Counted calls of placing, matching and cancelling in a book of 40 and of 4,000 orders."""
    counts = []
    for orders in (20, 2_000):
        x = _with_book(orders)
        resting = x.short("carol", 1, "buy", STEP, BTC_PRICE - 9 * TICK)
        counts.append(
            (
                _calls(lambda x=x, order=resting: x.place(order)),
                _calls(lambda x=x: x.place(x.short("carol", 2, "buy", STEP, BTC_PRICE + TICK))),
                _calls(lambda x=x, order=resting: x.cancel(order.id)),
                _calls(x.end),
            )
        )
    small, large = counts
    for few, many in zip(small, large, strict=True):
        assert many <= few * 5 // 4, counts
