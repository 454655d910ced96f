"""The matching loop against a slow, obvious second implementation (CLOB 5.2)."""

from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from modules.clob.matching import Attempt, Ending, Maker, Taker, take
from modules.clob.model import OrderId, Removal
from modules.kernel.units import Address, SubaccountId

ACCOUNTS = tuple(SubaccountId(Address(bytes([number]) * 20), number % 2) for number in range(4))


@dataclass
class Resting:
    """An order of the test's own book. `behaviour` is how a fill against it comes out."""

    id: OrderId
    is_buy: bool
    subticks: int
    left: int
    age: int
    behaviour: Attempt


@dataclass
class ListBook:
    """A book as a plain sorted list; it is the venue of the real loop."""

    orders: list[Resting]
    taker_buys: bool
    trial: bool
    trades: list[tuple[OrderId, int, int]] = field(default_factory=list)
    removed: list[tuple[OrderId, Removal]] = field(default_factory=list)

    def _others(self) -> list[Resting]:
        found = [order for order in self.orders if order.is_buy != self.taker_buys]
        found.sort(key=lambda order: (order.subticks if self.taker_buys else -order.subticks, order.age))
        return found

    def maker(self, position: int) -> Maker | None:
        """See Venue."""
        found = self._others()
        return Maker(found[position].id, found[position].subticks, found[position].left) if position < len(found) else None

    def attempt(self, maker: Maker, quantums: int) -> Attempt:
        """See Venue."""
        order = next(order for order in self.orders if order.id == maker.id)
        if order.behaviour is Attempt.FILLED and not self.trial:
            self.trades.append((order.id, order.subticks, quantums))
            order.left -= quantums
            if order.left == 0:
                self.orders.remove(order)
        return order.behaviour

    def remove(self, maker: Maker, reason: Removal) -> None:
        """See Venue."""
        self.removed.append((maker.id, reason))
        self.orders = [order for order in self.orders if order.id != maker.id]


@dataclass
class Result:
    """What a taker did to a book."""

    filled: int
    ending: Ending
    trades: list[tuple[OrderId, int, int]]
    removed: list[tuple[OrderId, Removal]]
    left: dict[OrderId, int]


def _slowly(taker: Taker, orders: list[Resting], makers_max: int) -> Result:
    """The same rules once more, from the text: list every maker on the path beforehand, then go through them one lot at a time."""
    crossing = [
        order
        for order in orders
        if order.is_buy != taker.is_buy and (order.subticks <= taker.subticks if taker.is_buy else order.subticks >= taker.subticks)
    ]
    path = sorted(crossing, key=lambda order: order.age)
    path = sorted(path, key=lambda order: order.subticks, reverse=not taker.is_buy)
    left = {order.id: order.left for order in orders}
    trades: list[tuple[OrderId, int, int]] = []
    removed: list[tuple[OrderId, Removal]] = []
    filled, ending = 0, Ending.NOTHING_CROSSES
    for met, order in enumerate(path):
        done = filled == taker.quantums
        closed = taker.reducible is not None and filled == taker.reducible
        if done or closed:
            break
        if met >= makers_max:
            ending = Ending.LIMIT
            break
        if order.id.subaccount == taker.subaccount:
            removed.append((order.id, Removal.SELF_TRADE_ERROR))
            left.pop(order.id)
            continue
        if order.behaviour in (Attempt.MAKER_FAILED, Attempt.BOTH_FAILED):
            removed.append((order.id, Removal.UNDERCOLLATERALIZED))
            left.pop(order.id)
        if order.behaviour in (Attempt.TAKER_FAILED, Attempt.BOTH_FAILED):
            ending = Ending.TAKER_FAILED
            break
        if order.behaviour is Attempt.STOPPED:
            ending = Ending.STOPPED
            break
        if order.behaviour is not Attempt.FILLED:
            continue
        if taker.post_only:
            ending = Ending.WOULD_CROSS
            break
        size = 0
        while left[order.id] and filled < taker.quantums and (taker.reducible is None or filled < taker.reducible):
            left[order.id] -= 1
            size += 1
            filled += 1
        trades.append((order.id, order.subticks, size))
        if left[order.id] == 0:
            left.pop(order.id)
    if filled == taker.quantums:
        ending = Ending.FILLED
    elif taker.reducible is not None and filled == taker.reducible:
        ending = Ending.REDUCED
    return Result(filled, ending, trades, removed, left)


def _really(taker: Taker, orders: list[Resting], makers_max: int) -> Result:
    book = ListBook(orders, taker.is_buy, taker.post_only)
    filled, ending = take(taker, book, makers_max)
    return Result(filled, ending, book.trades, book.removed, {order.id: order.left for order in book.orders})


@st.composite
def _books(draw: st.DrawFn) -> list[Resting]:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ACCOUNTS),
                st.booleans(),
                st.integers(1, 6),
                st.integers(1, 9),
                st.sampled_from([Attempt.FILLED] * 6 + list(Attempt)),
            ),
            max_size=12,
        )
    )
    return [
        Resting(OrderId(0, account, 0, age), is_buy, subticks, left, age, behaviour)
        for age, (account, is_buy, subticks, left, behaviour) in enumerate(rows)
    ]


def _taker_strategy() -> st.SearchStrategy[Taker]:
    return st.builds(
        Taker,
        st.sampled_from(ACCOUNTS),
        st.booleans(),
        st.integers(1, 6),
        st.integers(1, 40),
        st.booleans(),
        st.none() | st.integers(1, 40),
    )


def _copy(orders: list[Resting]) -> list[Resting]:
    return [Resting(order.id, order.is_buy, order.subticks, order.left, order.age, order.behaviour) for order in orders]


@settings(deadline=None)
@given(_taker_strategy(), _books(), st.integers(1, 13))
def test_the_loop_equals_the_slow_implementation_on_random_books(taker: Taker, orders: list[Resting], makers_max: int) -> None:
    """Fills, prices, removals, what is left and why the walk ended."""
    assert _really(taker, _copy(orders), makers_max) == _slowly(taker, _copy(orders), makers_max)


def _order(
    client_id: int, subticks: int, left: int, *, is_buy: bool = False, behaviour: Attempt = Attempt.FILLED, account: int = 1
) -> Resting:
    return Resting(OrderId(0, ACCOUNTS[account], 0, client_id), is_buy, subticks, left, client_id, behaviour)


def test_a_taker_gets_the_best_price_first_and_the_oldest_order_at_a_price() -> None:
    """CLOB 5.2 step 1: price, then time."""
    result = _really(Taker(ACCOUNTS[0], True, 5, 10), [_order(1, 5, 4), _order(2, 4, 4), _order(3, 4, 4)], 99)
    assert [(order_id.client_id, subticks, size) for order_id, subticks, size in result.trades] == [(2, 4, 4), (3, 4, 4), (1, 5, 2)]
    assert result.ending is Ending.FILLED


def test_a_resting_order_of_the_same_subaccount_is_removed_and_the_taker_goes_on() -> None:
    """CLOB 5.2 step 3; another subaccount of the same owner would trade."""
    result = _really(Taker(ACCOUNTS[1], True, 5, 3), [_order(1, 4, 9), _order(2, 5, 9, account=2)], 99)
    assert result.removed == [(OrderId(0, ACCOUNTS[1], 0, 1), Removal.SELF_TRADE_ERROR)]
    assert (result.filled, result.ending) == (3, Ending.FILLED)


def test_a_maker_that_fails_is_removed_and_the_taker_goes_on() -> None:
    """CLOB 5.2 step 7."""
    result = _really(Taker(ACCOUNTS[0], True, 5, 3), [_order(1, 4, 9, behaviour=Attempt.MAKER_FAILED), _order(2, 5, 9)], 99)
    assert result.removed == [(OrderId(0, ACCOUNTS[1], 0, 1), Removal.UNDERCOLLATERALIZED)]
    assert result.filled == 3


def test_a_taker_that_fails_keeps_the_fills_it_had() -> None:
    """CLOB 5.2 step 7: earlier fills stay."""
    result = _really(Taker(ACCOUNTS[0], True, 5, 9), [_order(1, 4, 2), _order(2, 5, 9, behaviour=Attempt.TAKER_FAILED)], 99)
    assert (result.filled, result.ending) == (2, Ending.TAKER_FAILED)
    assert len(result.left) == 1


def test_a_post_only_taker_ends_at_the_first_valid_maker_after_removing_bad_ones() -> None:
    """CLOB 3.7, 5.2 step 8."""
    bad, good = _order(1, 4, 2, behaviour=Attempt.MAKER_FAILED), _order(2, 5, 9)
    result = _really(Taker(ACCOUNTS[0], True, 5, 9, True), [bad, good], 99)
    assert (result.filled, result.ending, len(result.removed), result.left) == (0, Ending.WOULD_CROSS, 1, {good.id: 9})


@example(1)
@example(3)
@settings(deadline=None)
@given(st.integers(1, 8))
def test_a_taker_meets_no_more_makers_than_the_limit(makers_max: int) -> None:
    """design.md 3.5: a taker stops after a parameter's number of fills."""
    result = _really(Taker(ACCOUNTS[0], True, 5, 99), [_order(number, 5, 1) for number in range(9)], makers_max)
    assert (result.filled, result.ending) == (makers_max, Ending.LIMIT)


def test_meeting_exactly_as_many_makers_as_allowed_is_no_reason_to_end() -> None:
    """The limit ends a walk only if another maker stands in the way."""
    result = _really(Taker(ACCOUNTS[0], True, 5, 9), [_order(1, 5, 1), _order(2, 5, 1), _order(3, 6, 1)], 2)
    assert (result.filled, result.ending) == (2, Ending.NOTHING_CROSSES)


def test_a_reduce_only_taker_stops_when_its_position_is_closed() -> None:
    """CLOB 5.2 step 9."""
    result = _really(Taker(ACCOUNTS[0], True, 5, 9, False, 3), [_order(1, 5, 2), _order(2, 5, 9)], 99)
    assert (result.filled, result.ending) == (3, Ending.REDUCED)
