"""State checks of placements: tables 2.4 and 2.5 of dydx-clob.md, market statuses, and what is not there yet."""

from typing import Any

import pytest

from modules.clob.model import PLAIN, BatchCancel, CancelOrder, Order, OrderId, PairStatus, PlaceOrder, TimeInForce, order_hash
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from node.store.state import CommittedView
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, clob_section, fees_section, genesis_of, sub
from support.markets import BTC, LINK, oracle_section, perp_section

WINDOW_SECONDS = 95 * 86_400


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def _with_status(status: str, **sections: Any) -> Exchange:
    section = clob_section()
    for pair in section["clob_pairs"]:
        pair["status"] = status
    return Exchange(genesis_of(clob=section, **sections))


def test_an_unknown_pair_is_refused(x: Exchange) -> None:
    """Table 2.4 row 1."""
    assert x.place(x.short("alice", 1, "buy", STEP, TICK, pair=9)) == 8


def test_prices_in_whole_ticks_and_sizes_in_whole_steps_only(x: Exchange) -> None:
    """Table 2.4 rows 2 and 3; the size of one step is the smallest."""
    assert x.place(x.short("alice", 1, "buy", STEP, TICK + 1)) == 12
    assert x.place(x.short("alice", 1, "buy", STEP - 1, TICK)) == 12
    assert x.place(x.short("alice", 1, "buy", STEP + 1, TICK)) == 12
    assert x.place(x.short("alice", 1, "buy", STEP, TICK)) == 0


@pytest.mark.parametrize(("ahead", "code"), [(-1, 10), (0, 0), (40, 0), (41, 11)])
def test_a_short_term_order_is_good_for_this_block_and_forty_more(x: Exchange, ahead: int, code: int) -> None:
    """Table 2.4 rows 5s and 6s, at both edges."""
    assert x.place(x.short("alice", 1, "buy", STEP, TICK, good_til=x.ctx.height + ahead)) == code


@pytest.mark.parametrize(("ahead", "code"), [(0, 3003), (1, 0), (WINDOW_SECONDS, 0), (WINDOW_SECONDS + 1, 3004)])
def test_a_long_term_order_is_good_from_the_next_second_to_95_days(x: Exchange, ahead: int, code: int) -> None:
    """Table 2.4 rows 5t and 6t against the block's own time (design.md 3.5), at both edges."""
    assert x.place(x.long("alice", 1, "buy", STEP, TICK, good_til=x.ctx.time_seconds + ahead)) == code


def test_a_stateful_id_that_rests_is_refused(x: Exchange) -> None:
    """Table 2.4 row 9t: no replacement of stateful orders."""
    order = x.long("alice", 1, "buy", STEP, TICK)
    assert x.place(order) == 0
    assert x.place(order._replace(quantums=2 * STEP)) == 3005
    assert x.rests(order.id) == STEP


def test_a_long_term_order_must_be_affordable_in_full_and_alone() -> None:
    """dydx-clob.md 6.2: judged at its own price with the maker's fee, here 0; the initial margin is 2 %."""
    x = Exchange(genesis_of(fees=fees_section(500, 0)), rich=("alice",))
    quantums = 8_319_382_000_000  # the largest q with 10^12 - quote(q) + notional(q) >= 2 % of notional(q)
    price = BTC_PRICE
    assert x.place(x.long("alice", 1, "buy", quantums + STEP, price)) == 3007
    assert x.place(x.long("alice", 1, "buy", quantums, price)) == 0
    # Other open orders are not summed.
    assert x.place(x.long("alice", 2, "buy", quantums, price)) == 0
    assert x.place(x.long("dave", 1, "buy", STEP, price)) == 3007


def test_a_short_term_order_is_not_judged_before_it_matches(x: Exchange) -> None:
    """dydx-clob.md 6.2: no check at placement."""
    order = x.short("dave", 1, "buy", 10**15, BTC_PRICE)
    assert x.place(order) == 0
    assert x.rests(order.id) == 10**15


def test_isolated_market_rules_are_checked_at_a_long_term_placement(x: Exchange) -> None:
    """2005: who holds a cross position cannot place in an isolated market."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE))
    assert x.position("alice") == STEP
    assert x.place(x.long("alice", 3, "buy", STEP, TICK, pair=LINK)) == 2005
    assert x.place(x.long("carol", 3, "buy", STEP, TICK, pair=LINK)) == 0


def test_a_market_without_an_oracle_price_takes_no_orders() -> None:
    """28: nobody can be judged there; cancels work."""
    oracle = oracle_section()
    oracle["markets"][BTC].pop("price")
    x = Exchange(genesis_of(oracle=oracle))
    order = x.short("alice", 1, "buy", STEP, TICK)
    assert x.place(order) == 28
    assert x.place(x.long("alice", 1, "buy", STEP, TICK)) == 28
    assert x.cancel(order.id) == 0
    x.set_price(BTC, 6_012_345_678)
    assert x.place(x.short("alice", 2, "buy", STEP, TICK)) == 0


def test_an_initializing_market_takes_post_only_short_term_orders_on_their_side_of_the_oracle() -> None:
    """CLOB-6, dydx-clob.md 1.5; the oracle stands at 6,012,345,678 subticks."""
    x = _with_status("INITIALIZING")
    assert x.place(x.short("alice", 1, "buy", STEP, 6_012_300_000, tif="post_only")) == 0
    assert x.place(x.short("alice", 2, "buy", STEP, 6_012_400_000, tif="post_only")) == 34
    assert x.place(x.short("alice", 3, "sell", STEP, 6_012_400_000, tif="post_only")) == 0
    assert x.place(x.short("alice", 4, "sell", STEP, 6_012_300_000, tif="post_only")) == 34
    assert x.place(x.short("alice", 5, "buy", STEP, TICK)) == 34
    assert x.place(x.short("alice", 6, "buy", STEP, TICK, tif="ioc")) == 34
    assert x.place(x.long("alice", 7, "buy", STEP, TICK, tif="post_only")) == 34


def test_an_initializing_market_compares_with_the_oracle_in_whole_subticks() -> None:
    """CLOB-6: an order exactly at floor(index) is allowed on both sides."""
    section = clob_section()
    section["clob_pairs"][BTC] |= {"status": "INITIALIZING", "subticks_per_tick": 1}
    x = Exchange(genesis_of(clob=section))
    assert x.place(x.short("alice", 1, "buy", STEP, 6_012_345_678, tif="post_only")) == 0
    assert x.place(x.short("alice", 2, "buy", STEP, 6_012_345_679, tif="post_only")) == 34
    assert x.place(x.short("bob", 3, "sell", STEP, 6_012_345_677, tif="post_only")) == 34
    assert x.cancel(OrderId(BTC, sub("alice"), 0, 1)) == 0
    assert x.place(x.short("bob", 4, "sell", STEP, 6_012_345_678, tif="post_only")) == 0


@pytest.mark.parametrize(("status", "post_only"), [("PAUSED", 34), ("CANCEL_ONLY", 34), ("POST_ONLY", 0), ("FINAL_SETTLEMENT", 34)])
def test_other_statuses_take_post_only_orders_or_nothing_but_always_cancels(status: str, post_only: int) -> None:
    """CLOB-6."""
    x = _with_status(status)
    for kind in (x.short, x.long):
        assert x.place(kind("alice", 1, "buy", STEP, TICK, tif="post_only")) == post_only
        assert x.place(kind("alice", 2, "buy", STEP, TICK)) == 34
    assert x.cancel(OrderId(BTC, sub("alice"), 0, 1)) == 0
    assert x.cancel(OrderId(BTC, sub("alice"), 64, 1)) == (0 if post_only == 0 else 3006)


def test_an_order_fits_a_larger_tick_before_its_status_is_asked() -> None:
    """The order of table 2.4: of several mistakes the first is told."""
    x = _with_status("PAUSED")
    assert x.place(x.short("alice", 1, "buy", STEP, TICK + 1, good_til=1)) == 12
    assert x.place(x.short("alice", 1, "buy", STEP, TICK, good_til=1)) == 34


def test_a_limit_on_resting_orders_counts_all_markets_and_spares_what_does_not_rest() -> None:
    """10001 from `max_open_orders` on; IOC orders and replacements need no room."""
    section = clob_section(params={"max_open_orders": 2})
    x = Exchange(genesis_of(clob=section))
    first = x.short("alice", 1, "buy", STEP, TICK)
    assert x.place(first) == 0
    assert x.place(x.long("alice", 2, "buy", STEP, TICK, pair=1)) == 0
    assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == 10001
    assert x.place(x.short("alice", 3, "buy", STEP, TICK, tif="ioc")) == 0
    assert x.place(first._replace(good_til=first.good_til + 1)) == 0
    assert x.place(x.short("alice", 3, "buy", STEP, TICK, number=1)) == 0
    assert x.cancel(first.id) == 0
    assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == 0


def _hashes_ascending(first: Order, second: Order) -> tuple[Order, Order]:
    return (first, second) if order_hash(first) < order_hash(second) else (second, first)


def test_a_later_good_til_block_replaces_and_loses_the_place_in_the_queue(x: Exchange) -> None:
    """CLOB-7, dydx-clob.md 3.5."""
    mine = x.short("alice", 1, "buy", 5 * STEP, BTC_PRICE)
    other = x.short("bob", 2, "buy", STEP, BTC_PRICE)
    assert [x.place(mine), x.place(other)] == [0, 0]
    assert x.place(mine._replace(good_til=mine.good_til + 1, quantums=4 * STEP)) == 0
    assert x.reasons() == [(1, "REPLACED")]
    x.place(x.short("carol", 3, "sell", STEP, BTC_PRICE, tif="ioc"))
    assert x.fills() == [(2, BTC_PRICE, STEP)]


def test_an_equal_good_til_block_replaces_with_the_greater_hash_only(x: Exchange) -> None:
    """CLOB-7: an identical resubmission is 20."""
    low, high = _hashes_ascending(x.short("alice", 1, "buy", STEP, TICK), x.short("alice", 1, "buy", 2 * STEP, TICK))
    assert x.place(low) == 0
    assert x.place(low) == 20
    assert x.place(high) == 0
    assert x.place(low) == 20
    assert x.place(high._replace(good_til=high.good_til - 1)) == 20


@pytest.mark.parametrize("change", [{"is_buy": False, "subticks": 10**12}, {"time_in_force": TimeInForce.POST_ONLY}])
def test_a_replacement_keeps_side_and_time_in_force(x: Exchange, change: dict[str, Any]) -> None:
    """CLOB-7."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    assert x.place(order) == 0
    assert x.place(order._replace(good_til=order.good_til + 1, **change)) == 20


def test_an_ioc_order_cannot_replace_a_resting_one(x: Exchange) -> None:
    """Table 2.5 row 5, reduce-only or not."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    assert x.place(order) == 0
    later = order._replace(good_til=order.good_til + 1, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    assert x.place(later) == 20
    assert x.place(later._replace(reduce_only=True)) == 20


def test_fills_carry_over_to_a_replacement(x: Exchange) -> None:
    """dydx-clob.md 3.5: remaining = new size - filled; less than a step is 24."""
    order = x.short("alice", 1, "buy", 5 * STEP, BTC_PRICE)
    x.place(order)
    x.place(x.short("bob", 2, "sell", 3 * STEP, BTC_PRICE))
    later = order._replace(good_til=order.good_til + 1)
    assert x.place(later._replace(quantums=3 * STEP)) == 24
    assert x.rests(order.id) == 2 * STEP
    assert x.place(later._replace(quantums=4 * STEP)) == 0
    assert x.rests(order.id) == STEP


def test_a_filled_short_term_id_stays_used_until_forty_blocks_after_its_good_til_block(x: Exchange) -> None:
    """24 and 2004 as long as fills are remembered, then the id is free (dydx-clob.md 3.2)."""
    order = x.short("alice", 1, "buy", STEP, BTC_PRICE)
    x.place(order)
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    assert x.rests(order.id) is None
    assert x.place(order._replace(good_til=order.good_til + 1)) == 24
    bigger = order._replace(quantums=2 * STEP, good_til=order.good_til + 1, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    assert x.place(bigger) == 2004
    x.step(order.good_til + 40 - x.ctx.height)
    assert x.ctx.height == order.good_til + 40
    assert x.place(order._replace(good_til=x.ctx.height)) == 24
    x.step()
    assert x.place(order._replace(good_til=x.ctx.height)) == 0


def test_reduce_only_must_oppose_a_position(x: Exchange) -> None:
    """Table 2.5 row 4."""
    sell = x.short("alice", 1, "sell", STEP, BTC_PRICE, tif="ioc", reduce_only=True)
    assert x.place(sell) == 2001
    assert x.place(sell._replace(is_buy=True)) == 2001
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 3, "buy", STEP, BTC_PRICE))
    assert x.place(sell._replace(is_buy=True)) == 2001
    assert x.place(sell) == 0


def test_what_check_tx_asks_reads_single_keys_only(x: Exchange) -> None:
    """The checks work on the committed view under a staged block, which answers no scans."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    x.place(order._replace(id=order.id._replace(client_id=9)))
    view = Context(CommittedView(x.state), x.ctx.height, x.ctx.time_ns, "test-1")
    x.clob.check_place(view, PlaceOrder(order))
    x.clob.check_place(view, PlaceOrder(x.long("alice", 1, "buy", STEP, TICK)))
    builder = PLAIN._replace(builder=sub("mason").owner, builder_fee_ppm=1)
    x.clob.check_place(view, PlaceOrder(x.conditional("alice", 1, "buy", STEP, TICK, "stop", TICK, extras=builder)))
    x.clob.check_place(view, x.twap("alice", 1, "buy", 10 * STEP))
    x.clob.check_cancel(view, CancelOrder(OrderId(BTC, sub("alice"), 64, 5), x.ctx.time_seconds + 9))
    x.clob.check_batch_cancel(view, BatchCancel(sub("alice"), ((BTC, (1,)),), x.ctx.height))
    with pytest.raises(ChainError) as caught:
        x.clob.check_place(view, PlaceOrder(order._replace(subticks=1)))
    assert caught.value.code == 12


def test_statuses_have_the_reference_numbers() -> None:
    """dydx-clob.md 1.3."""
    assert {status.name: int(status) for status in PairStatus} == {
        "ACTIVE": 1,
        "PAUSED": 2,
        "CANCEL_ONLY": 3,
        "POST_ONLY": 4,
        "INITIALIZING": 5,
        "FINAL_SETTLEMENT": 6,
    }
    assert perp_section()["perpetuals"][LINK]["market_type"] == "ISOLATED"
