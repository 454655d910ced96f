"""The order books under load: time and counted work of each operation where many other orders rest, wait or are sliced.

Each desk is an exchange of modules without a node. What surrounds an operation must not make it dearer: the counts say so exactly, the
times only roughly.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar

from bench.report import Line, Report, median, number
from bench.work import Trees, Work, counted, work_of

from modules.clob.model import BatchCancel, Order, OrderId, PlaceOrder, RestingOrder, TwapOrder, resting_of
from modules.kernel.context import Context
from modules.kernel.stores import Map
from modules.kernel.units import NANOSECONDS_PER_SECOND
from support.clob_exchange import BTC_PRICE, HEIGHT, STEP, TICK, Exchange, genesis_of, sub
from support.markets import BTC

SIZES = (100, 10_000, 100_000)
"""Resting orders around the operations."""
CROWD = tuple(f"crowd{place}" for place in range(20))
PEOPLE = ("maker", "taker", *CROWD)
BATCH = 100
"""Orders of one batch cancel."""
ROUNDS = 3
"""Of which the median time counts."""
NEAREST_TICKS, LEVELS = 50, 500
"""The crowd's orders lie from there on away from the middle, on so many prices of each side."""
CROWD_STEPS = 100
FAR_TICKS = 30_000
"""Triggers of what never triggers."""
ORACLE_PRICE = 6_012_345_678
RISEN_PRICE = ORACLE_PRICE + ORACLE_PRICE // 100


Result = TypeVar("Result")
Run = Callable[..., Result]
"""A block is made and measured: `Desk.timed` or `Desk.counted`."""


class Desk:
    """An exchange with a crowd of other orders, and blocks whose work is measured."""

    def __init__(self, *, resting: int = 0, waiting: int = 0, twaps: int = 0) -> None:
        self.exchange = exchange = Exchange(genesis_of(PEOPLE), rich=PEOPLE, price=ORACLE_PRICE)
        state = exchange.clob_module._state
        for place in range(resting):
            self._load(state.orders, self._crowd_order(place), place)
        for place in range(waiting):
            kind, sign = ("profit", 1) if place % 2 else ("stop", -1)
            trigger = BTC_PRICE + sign * (FAR_TICKS + place) * TICK
            self._load(state.waiting, exchange.conditional(CROWD[place % 20], place, "sell", STEP, BTC_PRICE, kind, trigger), place)
        for place in range(twaps):
            command = exchange.twap(CROWD[place % 20], place, "buy", 100 * STEP)
            assert command.twap is not None
            placed = resting_of(command.order, HEIGHT - 1, place)
            later = exchange.ctx.time_seconds + 3_000
            exchange.state.load(
                state.twaps.slot, command.order.id, TwapOrder(placed, command.twap, command.twap.legs, placed.quantums, later)
            )
        self._next_client_id = 1_000_000
        self._trees = Trees(exchange.state)
        self.block()

    def _crowd_order(self, place: int) -> Order:
        """Near and far, both sides, half of them short-term."""
        pair, is_sell = divmod(place, 2)
        ticks = NEAREST_TICKS + pair % LEVELS
        order = self.exchange.short if pair % 2 else self.exchange.long
        price = BTC_PRICE + (ticks if is_sell else -ticks) * TICK
        found = order(CROWD[pair % 20], place, "sell" if is_sell else "buy", CROWD_STEPS * STEP, price)
        return found._replace(good_til=found.good_til + 10_000)

    def _load(self, table: Map[OrderId, RestingOrder], order: Order, placement: int) -> None:
        self.exchange.state.load(table.slot, order.id, resting_of(order, HEIGHT - 1, placement))

    # Blocks

    def block(self, action: Callable[[], None] = lambda: None, price: int = 0) -> tuple[int, int]:
        """One block from its clock to its trees, with this in its lanes. (Bytes of changed values, hashes)."""
        exchange = self.exchange
        ctx = exchange.ctx = Context(
            exchange.state, exchange.ctx.height + 1, exchange.ctx.time_ns + NANOSECONDS_PER_SECOND, exchange.ctx.chain_id
        )
        if price:
            exchange.set_price(BTC, price)
        exchange.funding.begin_block(ctx)
        due = exchange.clob.begin_block(ctx)
        action()
        exchange.clob.run_due(ctx, due)
        exchange.end()
        return self._trees.commit()

    def timed(self, action: Callable[[], None] = lambda: None, price: int = 0) -> float:
        """Seconds of such a block."""
        begin = perf_counter()
        self.block(action, price)
        return perf_counter() - begin

    def counted(self, action: Callable[[], None] = lambda: None, price: int = 0) -> Work:
        """All work of such a block."""
        with counted() as calls:
            size, hashes = self.block(action, price)
        return work_of(calls, size, hashes)

    # What happens in them

    def ids(self, count: int) -> range:
        """Client ids that were never used."""
        first = self._next_client_id
        self._next_client_id += count
        return range(first, first + count)

    def placing(self, orders: Sequence[Order | PlaceOrder]) -> Callable[[], None]:
        """All of them are placed, and none is refused."""
        return lambda: self._all_accepted([self.exchange.place(order) for order in orders])

    def cancelling(self, ids: Sequence[OrderId]) -> Callable[[], None]:
        """All of them are cancelled."""
        return lambda: self._all_accepted([self.exchange.cancel(order_id) for order_id in ids])

    def batch_cancelling(self, ids: range) -> Callable[[], None]:
        """The maker's short-term orders are cancelled, so many at a time."""
        until = self.exchange.ctx.height + 21
        batches = [tuple(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
        return lambda: self._all_accepted(
            [self.exchange.batch_cancel(BatchCancel(sub("maker"), ((BTC, batch),), until)) for batch in batches]
        )

    def bids(self, ids: range, ticks: int = -10, life_blocks: int = 20) -> list[Order]:
        """The maker's short-term bids before the crowd's."""
        until = self.exchange.ctx.height + life_blocks
        price = BTC_PRICE + ticks * TICK
        return [self.exchange.short("maker", one, "buy", STEP, price)._replace(good_til=until) for one in ids]

    def hits(self, ids: range, ticks: int = -10) -> list[Order]:
        """The taker's orders that fill one of those each."""
        price = BTC_PRICE + ticks * TICK
        return [self.exchange.short("taker", one, "sell", STEP, price, tif="ioc") for one in ids]

    def stops(self, ids: range) -> list[Order]:
        """The taker's orders that sell to those bids when the price has risen."""
        price = BTC_PRICE - 10 * TICK
        return [self.exchange.conditional("taker", one, "sell", STEP, price, "profit", BTC_PRICE + 100 * TICK) for one in ids]

    @staticmethod
    def _all_accepted(codes: Sequence[int]) -> None:
        assert not any(codes), codes

    def fills(self) -> int:
        """Of the last block."""
        return len(self.exchange.fills())


# Operations: each makes what it needs, is measured in one block, and leaves the desk as it was


def place(desk: Desk, count: int, run: Run[Result]) -> Result:
    """Orders that come to rest before all others."""
    orders = desk.bids(desk.ids(count))
    found = run(desk.placing(orders))
    desk.block(desk.cancelling([order.id for order in orders]))
    return found


def match(desk: Desk, count: int, run: Run[Result]) -> Result:
    """Orders that fill one resting order each."""
    desk.block(desk.placing(desk.bids(desk.ids(count))))
    found = run(desk.placing(desk.hits(desk.ids(count))))
    assert desk.fills() == count
    return found


def cancel(desk: Desk, count: int, run: Run[Result]) -> Result:
    """Orders that are taken back one by one."""
    orders = desk.bids(desk.ids(count))
    desk.block(desk.placing(orders))
    return run(desk.cancelling([order.id for order in orders]))


def batch_cancel(desk: Desk, count: int, run: Run[Result]) -> Result:
    """Orders that are taken back a hundred at a time."""
    ids = desk.ids(count)
    desk.block(desk.placing(desk.bids(ids)))
    return run(desk.batch_cancelling(ids))


def expire(desk: Desk, count: int, run: Run[Result]) -> Result:
    """Orders whose last height is over."""
    desk.block(desk.placing(desk.bids(desk.ids(count), life_blocks=1)))
    found = run()
    assert len(desk.exchange.events("order_expired")) == count
    return found


def trigger(desk: Desk, count: int, run: Run[Result]) -> Result:
    """Conditional orders that a rising price triggers, and that fill one resting order each."""
    desk.block(price=ORACLE_PRICE)
    desk.block(desk.placing(desk.bids(desk.ids(count))))
    desk.block(desk.placing(desk.stops(desk.ids(count))))
    found = run(price=RISEN_PRICE)
    assert desk.fills() == count
    return found


def slice_twaps(desk: Desk, count: int, run: Run[Result]) -> Result:
    """TWAP orders of which a slice is due."""
    orders = [desk.exchange.twap("maker", one, "buy", 100 * STEP) for one in desk.ids(count)]
    desk.block(desk.placing(orders))
    found = run()
    assert len(desk.exchange.events("twap_slice")) == count
    desk.block(desk.cancelling([command.order.id for command in orders]))
    return found


def nothing(_: Desk, count: int, run: Run[Result]) -> Result:
    """A block in which nothing happens."""
    assert count == 1, "blocks are measured one by one"
    return run()


ON_BOOK = {"place": place, "place and match": match, "cancel": cancel, "batch cancel": batch_cancel, "expire": expire}


# The report


def books(report: Report) -> None:
    """Every operation at every size, and whether its work grows."""
    report.begin("order books: time and counted work per operation (trees and the block's begin and end included)")
    heads = ("others", "µs", *Work._fields)
    report.say(f"  {'':<40}" + "".join(f"{head:>9}" for head in heads))
    found: dict[str, list[Work]] = {}
    for size in SIZES:
        desk = Desk(resting=size)
        for name, operation in ON_BOOK.items():
            _tell(report, found, f"{name}, others resting", size, desk, operation, 200)
        _tell(report, found, "empty block, others resting", size, desk, nothing, 1)
    for size in (100, 10_000):
        desk = Desk(waiting=size)
        _tell(report, found, "empty block, others untriggered", size, desk, nothing, 1)
        _tell(report, found, "trigger 1,000 and match, others untriggered", size, desk, trigger, 1_000)
    for size in (10, 1_000):
        desk = Desk(twaps=size)
        _tell(report, found, "empty block, TWAP orders not due", size, desk, nothing, 1)
        _tell(report, found, "slice of 10 due TWAP orders, others not due", size, desk, slice_twaps, 10)
    growing = [what for what, works in found.items() if any(grows(works[0], work) for work in works[1:])]
    line = Line(what="operations whose counted work grows with the others", value=len(growing), unit="", exact=True)
    report.add(replace(line, note=", ".join(growing)))


def grows(few: Work, many: Work) -> bool:
    """Whether an operation does more among many others than among few; hashes alone may, with the depth of the trees."""
    return any(more > less for less, more in zip(few[:-1], many[:-1], strict=True))


def _tell(
    report: Report, found: dict[str, list[Work]], what: str, others: int, desk: Desk, operation: Callable[..., Any], count: int
) -> None:
    gc.collect()
    gc.freeze()
    microseconds = median([operation(desk, count, desk.timed) for _ in range(ROUNDS)]) / count * 1e6
    gc.unfreeze()
    work: Work = operation(desk, count, desk.counted).per(count)
    found.setdefault(what, []).append(work)
    report.record(Line(what=f"{what}: {others:,}", value=microseconds, unit="µs", note=str(work._asdict())))
    cells = "".join(f"{number(value):>9}" for value in (others, microseconds, *work))
    report.say(f"  {what:<40}{cells}")
