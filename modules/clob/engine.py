"""The engine's own work on orders: triggers and slices when their time has come, and the end of orders that are none of a book's.

Each piece of work has a journal frame of its own, so what fails is undone alone and then ends with a reason.
"""

from itertools import islice

from modules.clob import errors, formulas
from modules.clob.book import OrderBook
from modules.clob.checks import Checks
from modules.clob.conditional import Conditionals
from modules.clob.entry import Entry
from modules.clob.events import CONDITIONAL_TRIGGERED, ORDER_CANCELLED, ORDER_REMOVED
from modules.clob.model import CONDITIONAL, TWAP, Due, OrderId, Removal, order_of, slice_id_of
from modules.clob.state import REMOVED, ClobState
from modules.clob.twap import Twaps
from modules.kernel.codec import KEY_U32
from modules.kernel.context import Context
from modules.kernel.errors import ChainError, ErrorKind

_REASONS: dict[ErrorKind, Removal] = {
    errors.COLLATERAL_CHECK: Removal.UNDERCOLLATERALIZED,
    errors.VIOLATES_ISOLATED: Removal.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS,
    errors.REDUCE_ONLY_WOULD_INCREASE: Removal.REDUCE_ONLY_RESIZE,
    errors.FULLY_FILLED: Removal.FULLY_FILLED,
}


class Engine:
    """Conditional and TWAP orders over time."""

    __slots__ = ("_book", "_checks", "_conditionals", "_entry", "_state", "_twaps")

    def __init__(self, state: ClobState, book: OrderBook, checks: Checks, entry: Entry, conditionals: Conditionals, twaps: Twaps) -> None:
        self._state = state
        self._book = book
        self._checks = checks
        self._entry = entry
        self._conditionals = conditionals
        self._twaps = twaps

    def due(self, ctx: Context) -> tuple[Due, ...]:
        """The block's work in the order in which it is done: what earlier blocks left over, then the rest, each by market and placement.

        It is no more than a block may have (CLOB-21); only that something is left over is written.
        """
        most = self._state.params.require(ctx).max_due_per_block
        slices = list(islice(self._twaps.due(ctx), most))
        carried, triggered = self._conditionals.due(ctx, formulas.trigger_room(most, len(slices)))
        slices = slices[: most - len(carried) - len(triggered)]
        return (*sorted(carried), *sorted([*triggered, *slices]))

    def run(self, ctx: Context, due: tuple[Due, ...]) -> None:
        """All of it is done, as far as its orders are still there."""
        for work in due:
            act = self._trigger if work.id.flags == CONDITIONAL else self._twaps.run
            mark = ctx.mark()
            try:
                act(ctx, work)
            except ChainError as error:
                ctx.undo(mark)
                self._fail(ctx, work, _REASONS.get(error.kind, Removal.INVALID))

    def cancel(self, ctx: Context, order_id: OrderId) -> None:
        """The stateful order, which is alive, is gone, whatever it was doing; with a TWAP order its live slice."""
        if order_id.flags == TWAP:
            self._state.twaps.delete(ctx, order_id)
            slice_id = slice_id_of(order_id)
            part = self._state.orders.get(ctx, slice_id)
            if part is not None:
                self._book.take_off(ctx, slice_id)
                ctx.emit(ORDER_CANCELLED, slice_id.text, part.good_til, True)
        elif self._state.waiting.has(ctx, order_id):
            self._state.waiting.delete(ctx, order_id)
        else:
            self._book.take_off(ctx, order_id)

    def end_market(self, ctx: Context, pair_id: int) -> None:
        """No order of the market is left; each has an event."""
        prefix = KEY_U32.encode(pair_id)
        for order_id in list(self._state.orders.keys(ctx, prefix)):
            self._book.take_off(ctx, order_id)
            ctx.emit(ORDER_REMOVED, order_id.text, Removal.FINAL_SETTLEMENT.name)
        for table in (self._state.waiting, self._state.twaps):
            for order_id in list(table.keys(ctx, prefix)):
                table.delete(ctx, order_id)
                ctx.emit(ORDER_REMOVED, order_id.text, Removal.FINAL_SETTLEMENT.name)
        self._conditionals.end_market(ctx, pair_id)

    def _trigger(self, ctx: Context, work: Due) -> None:
        """The order waits no longer: it has entered its book as if it had been placed now. Raises what its checks find."""
        waiting = self._conditionals.take(ctx, work)
        if waiting is None:
            return
        ctx.emit(CONDITIONAL_TRIGGERED, work.id.text, work.price_subticks)
        order = order_of(work.id, waiting)
        if self._entry.enter(ctx, order, self._checks.triggered(ctx, order)) is not None:
            self._state.voided.set(ctx, work.id, REMOVED)

    def _fail(self, ctx: Context, work: Due, reason: Removal) -> None:
        """The order has ended for that reason; its id is not used again in this block."""
        if work.id.flags == CONDITIONAL:
            self._state.waiting.delete(ctx, work.id)
            ctx.emit(CONDITIONAL_TRIGGERED, work.id.text, work.price_subticks)
        else:
            self._state.twaps.delete(ctx, work.id)
        self._state.voided.set(ctx, work.id, REMOVED)
        ctx.emit(ORDER_REMOVED, work.id.text, reason.name)
