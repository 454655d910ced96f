"""TWAP orders: dydx-clob.md 3.8 with the choices of design.md 3.5."""

from collections.abc import Callable

import pytest

from modules.clob import formulas
from modules.clob.matching import Attempt
from modules.clob.model import LiquidationOrder, OrderId, PairStatus, PlaceOrder, slice_id_of
from modules.clob.premium import book_prices, impact_premium
from modules.clob.venue import BookVenue
from modules.subaccounts.model import Fill
from support.clob_exchange import BTC_PRICE, LINK_PRICE, STEP, TICK, Exchange, clob_section, genesis_of, sub
from support.markets import BTC, LINK

LEGS = 10
WHOLE = 100 * STEP


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def _begun(x: Exchange, **changes: object) -> PlaceOrder:
    """Alice's order to buy 100 steps in ten slices has been placed."""
    command = x.twap("alice", 1, "buy", WHOLE, **changes)
    assert x.place(command) == 0
    return command


def _slices(x: Exchange) -> list[tuple[int, int, int]]:
    """(legs to come, not traded before it, its size) of this block's slices."""
    return [(event["remaining_legs"], event["remaining_quantums"], event["slice_quantums"]) for event in x.events("twap_slice")]


def _remaining(x: Exchange, command: PlaceOrder) -> int | None:
    twap = x.clob.twap(x.ctx, command.order.id)
    return None if twap is None else twap.remaining_quantums


# Placement


def test_a_twap_order_is_told_and_slices_from_the_next_block_on(x: Exchange) -> None:
    """3.8: nothing happens in the block that carries it."""
    command = _begun(x)
    order = command.order
    [told] = x.events("twap_placed")
    assert list(told.values()) == [order.id.text, True, 0, WHOLE, order.good_til, 300, 30, 10_000]
    assert x.rests(slice_id_of(order.id)) is None
    x.step()
    assert _slices(x) == [(9, WHOLE, 10 * STEP)]
    assert x.rests(slice_id_of(order.id)) == 10 * STEP


REFUSED: list[tuple[str, int, Callable[[Exchange], PlaceOrder]]] = [
    ("2.4 row 11: a slice of less than a step", 12, lambda x: x.twap("alice", 1, "buy", 9 * STEP)),
    ("2.4 row 11: slices of a step", 0, lambda x: x.twap("alice", 1, "buy", 10 * STEP)),
    ("2.4 row 11: nineteen steps in ten slices", 0, lambda x: x.twap("alice", 1, "buy", 19 * STEP)),
    ("2.4 row 2", 12, lambda x: x.twap("alice", 1, "buy", WHOLE, TICK + 1)),
    ("2.4 row 5t", 3003, lambda x: x.twap("alice", 1, "buy", WHOLE, good_til=x.ctx.time_seconds)),
    ("6.2: judged in full at floor(oracle)", 3007, lambda x: x.twap("alice", 1, "buy", 10**14)),
    ("6.2: judged in full at its limit", 3007, lambda x: x.twap("alice", 1, "buy", 10**10, 1_000 * BTC_PRICE)),
    ("6.2: a limit far away costs nothing", 0, lambda x: x.twap("alice", 1, "buy", 10**10, BTC_PRICE)),
    ("6.2: without collateral", 3007, lambda x: x.twap("dave", 1, "buy", WHOLE)),
]


@pytest.mark.parametrize(("code", "make"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_placement_is_checked_in_full(x: Exchange, code: int, make: Callable[[Exchange], PlaceOrder]) -> None:
    """Tables 2.4 and 6.2."""
    assert x.place(make(x)) == code


def test_an_id_at_work_is_refused(x: Exchange) -> None:
    """2.4 row 9t: 3005 as long as it is at work."""
    command = _begun(x)
    x.step()
    assert x.place(command) == 3005


# Sizes and prices

SIZES = [
    ("the regular share", (100, 10, 100, 10, 1), 10),
    ("rounded up, then down to a step", (95, 10, 95, 10, 5), 10),
    ("rounded up to a step and no more", (19, 10, 19, 10, 10), 0),
    ("what was missed is caught up", (100, 10, 90, 5, 1), 18),
    ("three times the regular share at most", (100, 10, 100, 2, 1), 30),
    ("three times its ceiling", (95, 10, 95, 1, 1), 30),
    ("the last one takes what is left", (100, 10, 7, 1, 1), 7),
    ("nothing left", (100, 10, 0, 3, 1), 0),
]


@pytest.mark.parametrize(("arguments", "expected"), [row[1:] for row in SIZES], ids=[row[0] for row in SIZES])
def test_slice_sizes(arguments: tuple[int, int, int, int, int], expected: int) -> None:
    """CLOB-12, clob 3.8."""
    assert formulas.slice_quantums(*arguments) == expected


PRICES = [
    ("the order's limit", (700, (1_000, 1), 10_000, True, 100), 700),
    ("a buy rounds up to a tick", (0, (100_001, 3), 0, True, 100), 33_400),
    ("a sell rounds down to a tick", (0, (100_001, 3), 0, False, 100), 33_300),
    ("a buy adds the tolerance", (0, (100_000, 1), 10_000, True, 100), 101_000),
    ("a sell takes it off", (0, (100_000, 1), 10_000, False, 100), 99_000),
    ("the tolerance is exact before it is rounded", (0, (100_000, 1), 10_001, True, 100), 101_100),
    ("at least one tick", (0, (5, 1), 999_999, False, 100), 100),
    ("at most what 64 bits hold", (0, (2**64, 1), 0, True, 100), 2**64 - 1 - (2**64 - 1) % 100),
]


@pytest.mark.parametrize(("arguments", "expected"), [row[1:] for row in PRICES], ids=[row[0] for row in PRICES])
def test_slice_prices(arguments: tuple[int, tuple[int, int], int, bool, int], expected: int) -> None:
    """CLOB-13, clob 3.8."""
    assert formulas.slice_subticks(*arguments) == expected


def test_a_slice_is_an_order_of_its_own(x: Exchange) -> None:
    """3.8: same client id and market, flags 256, time in force 0, good for three seconds, metadata copied."""
    command = _begun(x, client_metadata=7)
    x.step()
    found = x.clob.order(x.ctx, slice_id_of(command.order.id))
    assert found is not None
    assert (found.is_buy, found.good_til, found.time_in_force, found.client_metadata) == (True, x.ctx.time_seconds + 3, 0, 7)
    assert found.subticks == 6_072_500_000  # 6,012,345,678 x 1.01 = 6,072,469,134.78, up to a tick
    assert found.extras is None
    x.step(2)
    assert x.rests(slice_id_of(command.order.id)) == 10 * STEP
    x.step()
    assert x.rests(slice_id_of(command.order.id)) is None
    assert [event["order"] for event in x.events("order_expired")] == [slice_id_of(command.order.id).text]


# Over time


def test_a_slice_comes_at_every_interval_and_takes_its_share(x: Exchange) -> None:
    """3.8: ten slices, each filled as a taker; the order stays one interval more, then ends with an event."""
    command = _begun(x)
    for leg in range(LEGS):
        x.place(x.short("bob", leg, "sell", 10 * STEP, BTC_PRICE))
        x.step(seconds=30)
        assert _slices(x) == [(LEGS - 1 - leg, WHOLE - 10 * leg * STEP, 10 * STEP)]
        assert x.fills() == [(leg, BTC_PRICE, 10 * STEP)]
        assert _remaining(x, command) == WHOLE - 10 * (leg + 1) * STEP
        assert x.clob.fills(x.ctx, command.order.id).quantums == 10 * (leg + 1) * STEP
        x.end()
        assert x.broken() == []
    x.step(seconds=29)
    assert _remaining(x, command) == 0
    x.step()
    assert _remaining(x, command) is None
    assert x.reasons() == [(1, "FULLY_FILLED")]
    assert x.position("alice") == WHOLE
    assert x.place(command) == 0


def test_slices_between_intervals_do_not_come(x: Exchange) -> None:
    """3.8: the next is due an interval after the last, by block time."""
    _begun(x)
    x.step()
    assert len(_slices(x)) == 1
    for _ in range(29):
        x.step()
        assert _slices(x) == []
    x.step()
    assert len(_slices(x)) == 1


def test_a_slice_that_rests_is_filled_later_as_a_maker(x: Exchange) -> None:
    """3.8: its fills reduce the order's rest all the same."""
    command = _begun(x)
    x.place(x.short("bob", 1, "sell", 2 * STEP, BTC_PRICE))
    x.step()
    assert _remaining(x, command) == 98 * STEP
    x.place(x.short("bob", 2, "sell", 3 * STEP, BTC_PRICE))
    assert _remaining(x, command) == 95 * STEP
    x.step()
    x.place(x.short("bob", 3, "sell", 9 * STEP, BTC_PRICE))
    assert _remaining(x, command) == 90 * STEP
    assert x.rests(slice_id_of(command.order.id)) is None
    assert x.rests(OrderId(BTC, sub("bob"), 0, 3)) == 4 * STEP


def test_missed_size_is_caught_up_with_up_to_three_times_the_share(x: Exchange) -> None:
    """3.8: nothing trades at first; what is left when the slices are used up ends with the order."""
    command = _begun(x)
    sizes = []
    for _ in range(LEGS):
        x.step(seconds=30)
        sizes += [size for _, _, size in _slices(x)]
    assert sizes == [10 * STEP, 11 * STEP, 12 * STEP, 14 * STEP, 16 * STEP, 20 * STEP, 25 * STEP, 30 * STEP, 30 * STEP, 30 * STEP]
    x.step(seconds=30)
    assert x.reasons() == [(1, "TWAP_OVER")]
    assert _remaining(x, command) is None


def test_a_gap_in_time_gives_one_slice_and_not_many(x: Exchange) -> None:
    """design.md: an hour without blocks is one late slice; the next comes an interval later."""
    _begun(x)
    x.step()
    x.step(seconds=3_600)
    assert _slices(x) == [(8, WHOLE, 11 * STEP)]
    x.step(seconds=29)
    assert _slices(x) == []
    x.step()
    assert len(_slices(x)) == 1


def test_orders_that_are_not_due_are_not_looked_at(x: Exchange) -> None:
    """The work of a block is that of what is due in it."""
    for client_id in range(40):
        assert x.place(x.twap("alice", client_id, "buy", 10 * STEP, duration=300, interval=30 if client_id < 5 else 300)) == 0
    x.step()
    assert len(_slices(x)) == 40
    x.step(seconds=29)
    x.begin()
    assert len(x.due) == 5


def test_slices_run_with_triggers_by_market_and_placement(x: Exchange) -> None:
    """design.md 3.5 step 5."""
    x.place(x.twap("alice", 1, "buy", WHOLE, TICK, pair=LINK))
    x.place(x.conditional("alice", 2, "buy", STEP, TICK, "stop", TICK))
    x.place(x.twap("bob", 3, "buy", WHOLE, TICK))
    x.place(x.conditional("bob", 4, "buy", STEP, TICK, "stop", TICK))
    x.begin()
    assert [(work.clob_pair_id, work.id.client_id) for work in x.due] == [(BTC, 2), (BTC, 3), (BTC, 4), (LINK, 1)]


# Failing


def test_a_slice_that_its_owner_cannot_carry_ends_the_order(x: Exchange) -> None:
    """3.8: the collateral check of a slice at creation; reason UNDERCOLLATERALIZED, nothing of the slice stays."""
    x.deposit("dave", 100_000_000)
    command = x.twap("dave", 1, "buy", WHOLE)
    assert x.place(command) == 0
    x.subaccounts.withdraw(x.ctx, sub("dave"), sub("dave").owner, 99_999_999)
    x.step()
    assert _slices(x) == []
    assert x.reasons() == [(1, "UNDERCOLLATERALIZED")]
    assert _remaining(x, command) is None
    assert x.place(command) == 3009
    assert x.cancel(command.order.id) == 3010


def test_an_isolated_rule_ends_the_order(x: Exchange) -> None:
    """3.8: the owner has taken a cross position since."""
    command = x.twap("alice", 1, "buy", WHOLE, LINK_PRICE, pair=LINK)
    assert x.place(command) == 0
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE))
    x.step()
    assert x.reasons() == [(1, "VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS")]


def test_a_slice_that_ends_while_it_matches_leaves_the_order_at_work(x: Exchange) -> None:
    """5.2: a taker that fails after its first fill keeps it; the order has its next slice."""
    section = clob_section(params={"max_fills_per_order": 2})
    x = Exchange(genesis_of(clob=section))
    for client_id in range(3):
        x.place(x.short("bob", client_id, "sell", STEP, BTC_PRICE))
    command = _begun(x)
    x.step()
    assert x.reasons() == [(1, "FILL_LIMIT")]
    assert _remaining(x, command) == 98 * STEP
    x.step(seconds=30)
    assert _slices(x) == [(8, 98 * STEP, 10 * STEP)]


def test_slices_are_skipped_while_the_market_is_not_active(x: Exchange) -> None:
    """Statuses: the leg is used, its size is 0; nothing is placed."""
    command = _begun(x)
    pairs = x.clob_module._state.pairs
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    pairs.set(x.ctx, BTC, pair._replace(status=PairStatus.PAUSED))
    x.step()
    assert _slices(x) == [(9, WHOLE, 0)]
    assert x.rests(slice_id_of(command.order.id)) is None
    pairs.set(x.ctx, BTC, pair)
    x.step(seconds=30)
    assert _slices(x) == [(8, WHOLE, 11 * STEP)]


# Cancelling


def test_a_cancel_ends_the_order_and_its_live_slice(x: Exchange) -> None:
    """3.8: in the same step; 29 before the order's good-til, 3006 when it is gone."""
    command = _begun(x)
    order_id = command.order.id
    x.step()
    assert x.cancel(order_id, command.order.good_til - 1) == 29
    assert x.rests(slice_id_of(order_id)) == 10 * STEP
    assert x.cancel(order_id, command.order.good_til) == 0
    assert [(event["order"], event["removed"]) for event in x.events("order_cancelled")] == [
        (slice_id_of(order_id).text, True),
        (order_id.text, True),
    ]
    assert x.rests(slice_id_of(order_id)) is None
    assert x.cancel(order_id) == 3006
    x.step(seconds=30)
    assert _slices(x) == []


def test_a_cancel_of_the_first_lane_beats_a_slice(x: Exchange) -> None:
    """design.md 3.5."""
    command = _begun(x)
    x.begin()
    assert x.cancel(command.order.id) == 0
    x.engine()
    assert _slices(x) == []
    assert x.place(command) == 0


def test_good_til_time_does_not_end_it(x: Exchange) -> None:
    """3.1: none enforced; it ends by its slices."""
    command = _begun(x, good_til=x.ctx.time_seconds + 1)
    for _ in range(LEGS):
        x.step(seconds=30)
        assert len(_slices(x)) == 1
    assert _remaining(x, command) == WHOLE


# Reduce-only


def _long(x: Exchange, steps: int) -> None:
    """Alice is long by so many steps, bought from Carol."""
    x.place(x.short("carol", 90, "sell", steps * STEP, BTC_PRICE))
    x.place(x.short("alice", 90, "buy", steps * STEP, BTC_PRICE))
    assert x.position("alice") == steps * STEP


def _reducing(x: Exchange, steps: int = 100, subticks: int = BTC_PRICE + 10 * TICK) -> PlaceOrder:
    """Alice's reduce-only order to sell, whose first slice of a tenth rests."""
    command = x.twap("alice", 1, "sell", steps * STEP, subticks, tif="ioc", reduce_only=True)
    assert x.place(command) == 0
    x.step()
    return command


def test_a_resting_reduce_only_slice_fills_no_more_than_its_position(x: Exchange) -> None:
    """5.2 step 6: resized at the match; the taker goes on, and with the position closed what is left of it ends."""
    _long(x, 4)
    command = _reducing(x)
    part = slice_id_of(command.order.id)
    assert x.rests(part) == 10 * STEP
    x.place(x.short("carol", 2, "sell", 9 * STEP, BTC_PRICE + 11 * TICK))
    x.place(x.short("bob", 3, "buy", 7 * STEP, BTC_PRICE + 11 * TICK))
    assert x.fills() == [(1, BTC_PRICE + 10 * TICK, 4 * STEP), (2, BTC_PRICE + 11 * TICK, 3 * STEP)]
    assert x.position("alice") == 0
    assert x.reasons() == [(1, "REDUCE_ONLY_RESIZE")]
    assert x.rests(part) is None
    assert _remaining(x, command) == 96 * STEP
    x.end()
    assert x.broken() == []


def test_a_reduce_only_slice_that_fits_its_position_stays_for_more(x: Exchange) -> None:
    """5.2 step 6: nothing is lost as long as there is something to reduce."""
    _long(x, 20)
    command = _reducing(x)
    x.place(x.short("bob", 3, "buy", 3 * STEP, BTC_PRICE + 11 * TICK))
    assert x.rests(slice_id_of(command.order.id)) == 7 * STEP
    assert x.position("alice") == 17 * STEP


@pytest.mark.parametrize("steps", [4, 6])
def test_resting_reduce_only_orders_end_when_the_sign_of_the_position_changes(x: Exchange, steps: int) -> None:
    """5.2: to zero and beyond, by a trade of any other order of the subaccount."""
    _long(x, 4)
    command = _reducing(x)
    x.place(x.short("bob", 3, "buy", steps * STEP, BTC_PRICE))
    x.place(x.short("alice", 4, "sell", steps * STEP, BTC_PRICE))
    assert x.position("alice") == (4 - steps) * STEP
    assert x.rests(slice_id_of(command.order.id)) is None
    assert x.reasons() == [(1, "REDUCE_ONLY_RESIZE")]


def test_a_position_that_shrinks_or_grows_leaves_reduce_only_orders_alone(x: Exchange) -> None:
    """5.2: only the sign matters, only on that market, only of that subaccount."""
    _long(x, 4)
    command = _reducing(x)
    x.place(x.short("bob", 3, "buy", STEP, BTC_PRICE))
    x.place(x.short("alice", 4, "sell", STEP, BTC_PRICE))
    x.place(x.short("bob", 5, "sell", 2 * STEP, BTC_PRICE))
    x.place(x.short("alice", 6, "buy", 2 * STEP, BTC_PRICE))
    x.place(x.short("carol", 7, "buy", STEP, BTC_PRICE, number=1))
    assert x.rests(slice_id_of(command.order.id)) == 10 * STEP


def test_a_reduce_only_order_whose_position_is_gone_ends_with_its_next_slice(x: Exchange) -> None:
    """2.5 row 4 and design.md 3.5: never in limbo."""
    _long(x, 4)
    command = _reducing(x)
    x.place(x.short("bob", 3, "buy", 4 * STEP, BTC_PRICE))
    x.place(x.short("alice", 4, "sell", 4 * STEP, BTC_PRICE))
    x.step(seconds=30)
    assert x.reasons() == [(1, "REDUCE_ONLY_RESIZE")]
    assert _remaining(x, command) is None


def test_a_reduce_only_slice_as_a_taker_stops_at_a_closed_position(x: Exchange) -> None:
    """5.2 steps 6 and 9."""
    _long(x, 4)
    x.place(x.short("bob", 3, "buy", 20 * STEP, BTC_PRICE))
    command = _reducing(x, subticks=BTC_PRICE)
    assert x.position("alice") == 0
    assert x.reasons() == [(1, "REDUCE_ONLY_RESIZE")]
    assert _remaining(x, command) == 96 * STEP


def test_an_engine_taker_respects_reduce_only_makers(x: Exchange) -> None:
    """5.2 step 6, also for liquidations: a slice that would grow its position is not there for them."""
    _long(x, 4)
    command = _reducing(x)
    order = LiquidationOrder(sub("bob"), BTC, True, 9 * STEP, 2 * BTC_PRICE)
    assert x.clob.liquidate(x.ctx, order, lambda _ctx, _quantums, _quote: 0) == 4 * STEP
    assert x.position("alice") == 0
    assert x.rests(slice_id_of(command.order.id)) is None


def test_what_closes_a_position_without_an_order_ends_its_reduce_only_slices(x: Exchange) -> None:
    """5.2: deleveraging and final settlement move positions too."""
    _long(x, 4)
    command = _reducing(x)
    fill = Fill(BTC, sub("alice"), sub("carol"), False, 4 * STEP, 1, 0, 0)
    assert x.subaccounts.exchange(x.ctx, fill)
    x.clob.tell_deleverage(x.ctx, fill)
    assert x.position("alice") == 0
    assert x.rests(slice_id_of(command.order.id)) is None
    assert x.reasons() == [(1, "REDUCE_ONLY_RESIZE")]


def test_a_walk_that_passed_over_a_maker_which_a_fill_then_ends_misses_nobody(x: Exchange) -> None:
    """5.2: the next maker is the next in the book, whoever has left it before him."""
    _long(x, 4)
    command = _reducing(x, subticks=BTC_PRICE + TICK)
    for client_id, name in ((2, "alice"), (3, "carol")):
        x.place(x.short(name, client_id, "sell", 4 * STEP, BTC_PRICE + client_id * TICK))
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    venue = BookVenue(x.ctx, x.clob._tools, pair, sub("bob"), taker_buys=True, price_fill=lambda _ctx, _quantums, _quote: 0)
    passed, second = venue.maker(0), venue.maker(1)
    assert passed is not None
    assert second is not None
    assert (passed.id, passed.reducible, second.id.client_id) == (slice_id_of(command.order.id), 4 * STEP, 2)
    assert venue.attempt(second, 4 * STEP) is Attempt.FILLED
    assert x.rests(passed.id) is None
    third = venue.maker(1)
    assert third is not None
    assert third.id.client_id == 3


def test_premiums_count_slices_as_any_order(x: Exchange) -> None:
    """5.8: what rests counts."""
    command = x.twap("alice", 1, "buy", 10**10, BTC_PRICE + 40_000_000)
    assert x.place(command) == 0
    x.step()
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    prices = book_prices(x.ctx, x.clob._book, x.clob._checks, pair, 10**9, 10)
    found = impact_premium(x.ctx, x.clob._book, pair, prices, (BTC_PRICE, 1))
    assert found == 6_653
