"""From what a block did, noted step by step, to what is remembered of its orders: events in, rows of the database out.

Events say what happened, the state after the block says which orders are still alive and how much of them is filled. The rows follow from
the block alone: executed again, it gives the same ones.
"""

from modules.clob.keeper import ClobKeeper
from modules.clob.model import CONDITIONAL, TWAP, OrderId
from modules.kernel.context import Context
from modules.kernel.stores import Registry
from node.history.model import CHANGE_HEAD, ORDER_KEY_ID, SAME_CAUSE, Status, block_key
from node.history.notes import FILLED, OPEN, UNKNOWN, UNSETTLED, Notes
from node.store.state import LiveState

Rows = list[tuple[bytes, bytes | None]]
"""Whole keys and values of the database; None deletes."""


class Recorder:
    """Turns the notes of a block into rows."""

    __slots__ = ("_clob", "_fills_slot", "_twaps_slot")

    def __init__(self, registry: Registry, clob: ClobKeeper) -> None:
        self._clob = clob
        slots = {declared.name: declared.slot for declared in registry.maps if declared.store == "clob"}
        self._fills_slot = slots["fills"]
        self._twaps_slot = slots["twaps"]

    def rows(self, ctx: Context, notes: Notes) -> Rows:
        """One row per order that the block touched, and one that lists them. Nothing where no order was touched.

        `ctx` is the block's own, after its last step.
        """
        pack_head = CHANGE_HEAD.pack
        before: dict[int, dict[OrderId, int]] = {}
        rows: Rows = []
        ids = []
        for key, order_id, told, reason, known, cause, size, placed_by, message in notes.seen.values():
            status, filled = told, known
            if size >= 0 and filled >= 0:
                # Placed in this block: had it ended without the last fill, an event would have said so.
                if status == FILLED and filled < size:
                    status = OPEN
            elif not status:
                continue
            elif filled == UNKNOWN or status in UNSETTLED:
                status, filled = self._asked(ctx, order_id, status, filled, before)
            value = pack_head(status, reason, filled) + cause
            if message:
                value += (SAME_CAUSE if placed_by is cause else placed_by) + message
            rows.append((key, value))
            ids.append(key[ORDER_KEY_ID])
        if rows:
            rows.append((block_key(ctx.height), b"".join(ids)))
        return rows

    def _asked(self, ctx: Context, order_id: OrderId, status: int, filled: int, before: dict[int, dict[OrderId, int]]) -> tuple[int, int]:
        """(status, filled) of an order of which the events do not tell both."""
        if status in UNSETTLED:
            # A fill may have been the last one or not, a slice the last of its TWAP order or not: the state knows.
            if self._clob.placed(ctx, order_id) is not None:
                status = live_status(self._clob, ctx, order_id)
                if filled == UNKNOWN:
                    filled = self._clob.fills(ctx, order_id).quantums
            else:
                status = FILLED
        if filled == UNKNOWN:
            filled = self._filled_before_end(ctx, order_id, before)
        return status, filled

    def _filled_before_end(self, ctx: Context, order_id: OrderId, before: dict[int, dict[OrderId, int]]) -> int:
        """How much was filled of an order that ended in this block without a fill: its state is gone, what it was stands in the journal."""
        slot = self._twaps_slot if order_id.flags == TWAP else self._fills_slot
        found = before.get(slot)
        if found is None:
            assert isinstance(ctx.state, LiveState), "blocks are executed on live state"
            replaced = ctx.state.replaced(slot)
            if slot == self._twaps_slot:
                found = {key: twap.placed.quantums - twap.remaining_quantums for key, twap in replaced.items()}
            else:
                found = {key: fills.quantums for key, fills in replaced.items()}
            before[slot] = found
        return found.get(order_id, 0)


def live_status(clob: ClobKeeper, ctx: Context, order_id: OrderId) -> Status:
    """The status of an order that is alive."""
    if order_id.flags != CONDITIONAL:
        return Status.OPEN
    return Status.UNTRIGGERED if clob.order(ctx, order_id) is None else Status.TRIGGERED
