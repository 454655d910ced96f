"""What an operation on the books costs in counts: it does not depend on how many other orders rest, wait, or are sliced."""

from collections.abc import Callable
from functools import cache

import pytest
from bench import books
from bench.books import Desk
from bench.work import Work, counted

from modules.clob.model import PlaceOrder
from support.clob_exchange import BTC_PRICE, STEP, TICK, sub
from support.markets import BTC

FEW, MANY = 100, 3_000
COUNT = 20
"""Operations in a measured block."""
DEPTH_MORE = 6
"""By how many levels a tree of MANY may be deeper: MANY / FEW is less than 2 to the 5th, and one for keys that lie unevenly."""

Operation = Callable[[Desk, int, Callable[..., Work]], Work]
ON_BOOK: dict[str, Operation] = {name.replace(" ", "_"): operation for name, operation in books.ON_BOOK.items()}


def add_long_term(desk: Desk, count: int, run: Callable[..., Work]) -> Work:
    """Long-term orders that come to rest."""
    orders = [desk.exchange.long("maker", number, "buy", STEP, BTC_PRICE - 10 * TICK) for number in desk.ids(count)]
    found = run(desk.placing(orders))
    desk.block(desk.cancelling([order.id for order in orders]))
    return found


def add_conditional(desk: Desk, count: int, run: Callable[..., Work]) -> Work:
    """Conditional orders that begin to wait, and are cancelled in the same block."""
    orders = desk.stops(desk.ids(count))
    ids = [order.id for order in orders]

    def both() -> None:
        desk.placing(orders)()
        desk.cancelling(ids)()

    return run(both)


def add_twap(desk: Desk, count: int, run: Callable[..., Work]) -> Work:
    """TWAP orders that begin, and are cancelled in the same block."""
    orders = [desk.exchange.twap("maker", number, "buy", 100 * STEP) for number in desk.ids(count)]
    ids = [command.order.id for command in orders]

    def both() -> None:
        desk.placing(orders)()
        desk.cancelling(ids)()

    return run(both)


def empty(desk: Desk, _: int, run: Callable[..., Work]) -> Work:
    """A block in which nothing happens."""
    return books.nothing(desk, 1, run)


@pytest.fixture(scope="module")
def desks() -> Callable[[str], tuple[Desk, Desk]]:
    """Two desks by what surrounds the operations: few and many of it. Both go through the same blocks."""
    return cache(lambda what: (Desk(**{what: FEW}), Desk(**{what: MANY})))


CASES = [
    *[("resting", name, operation) for name, operation in (*ON_BOOK.items(), ("long_term", add_long_term), ("empty", empty))],
    *[("waiting", name, operation) for name, operation in (("trigger", books.trigger), ("conditional", add_conditional), ("empty", empty))],
    *[("twaps", name, operation) for name, operation in (("slice", books.slice_twaps), ("twap", add_twap), ("empty", empty))],
    ("resting", "trigger", books.trigger),
    ("waiting", "place_and_match", books.match),
]


@pytest.mark.parametrize(("others", "operation"), [case[::2] for case in CASES], ids=[f"{case[1]}-{case[0]}" for case in CASES])
def test_work_does_not_grow_with_other_orders(desks: Callable[[str], tuple[Desk, Desk]], others: str, operation: Operation) -> None:
    """Among 3,000 others an operation reads, writes, looks at and encodes no more than it does among 100."""
    few, many = (operation(desk, COUNT, desk.counted) for desk in desks(others))
    assert few.read > 0
    assert not books.grows(few, many), f"{few} -> {many}"
    # Every written key may have a longer path to its root, which is the only thing that grows: with the logarithm of the keys.
    assert many.hashes <= few.hashes + DEPTH_MORE * few.written


def test_checks_of_placements_do_not_grow_with_other_orders(desks: Callable[[str], tuple[Desk, Desk]]) -> None:
    """What CheckTx asks of a placement, room for it included, are as many point reads in any book."""
    looked = []
    for desk in desks("resting"):
        order = desk.bids(desk.ids(1))[0]
        with counted() as calls:
            desk.exchange.clob.check_place(desk.exchange.ctx, PlaceOrder(order), room=True)
        looked.append(dict(calls))
    assert looked[0] == looked[1]


def test_the_counts_see_what_grows(desks: Callable[[str], tuple[Desk, Desk]]) -> None:
    """To look at a whole book, or to list its keys, costs as much as there is: the counts are not blind."""
    met = []
    for desk in desks("resting"):
        with counted() as calls:
            desk.exchange.clob.book(desk.exchange.ctx, BTC)
            list(desk.exchange.clob.open_orders_in(desk.exchange.ctx, BTC, sub("crowd0")))
        met.append((calls["looked at"], calls["listed"]))
    for others, (entries, keys) in zip((FEW, MANY), met, strict=True):
        assert entries >= others
        assert keys >= others


@pytest.mark.parametrize("reduce_only", [False, True])
def test_a_fill_does_not_grow_with_slices_of_its_maker(reduce_only: bool) -> None:
    """However many slices of TWAP orders a maker has on the book, its fill costs the same."""
    works = []
    for slices in (2, 60):
        desk = Desk()
        exchange = desk.exchange
        # The maker is long in BTC, so that sells which only reduce can rest.
        desk.block(desk.placing([exchange.short("crowd1", 1, "sell", 5_000 * STEP, BTC_PRICE)]))
        desk.block(desk.placing([exchange.short("maker", 1, "buy", 5_000 * STEP, BTC_PRICE)]))
        parents = [exchange.twap("maker", number, "sell", 10 * STEP, reduce_only=reduce_only) for number in range(2, 2 + slices)]
        desk.block(desk.placing(parents))
        desk.block()
        assert len(exchange.clob.open_orders(exchange.ctx, sub("maker"))) == slices
        # Sells from 1 % below the index on are on the book: a bid that meets none of them lies lower.
        desk.block(desk.placing(desk.bids(range(1_000, 1_001), ticks=-700)))
        with counted() as calls:
            desk.placing(desk.hits(range(2_000, 2_001), ticks=-700))()
        assert desk.fills() == 1
        assert len(exchange.clob.open_orders(exchange.ctx, sub("maker"))) == slices
        works.append(dict(calls))
    assert works[0] == works[1]
