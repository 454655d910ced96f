"""From what a block did, step by step, to what is remembered of its orders: events in, rows of the database out.

Events say what happened, the state after the block says which orders are still alive and how much of them is filled. The rows follow from
the block alone: executed again, it gives the same ones.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from modules.clob.events import (
    CONDITIONAL_PLACED,
    CONDITIONAL_TRIGGERED,
    ORDER_CANCELLED,
    ORDER_EXPIRED,
    ORDER_PLACED,
    ORDER_REMOVED,
    ORDERS_FILLED,
    TWAP_PLACED,
    TWAP_SLICED,
)
from modules.clob.keeper import ClobKeeper
from modules.clob.model import CONDITIONAL, ORDER_ID, TWAP, TWAP_SLICE, OrderId, PlaceOrder, Removal, twap_id_of
from modules.clob.venue import ENGINE_TAKER
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.events import Event
from modules.kernel.stores import Registry
from modules.kernel.units import SubaccountId
from node.history.model import LIVE, Cause, CauseKind, Change, Status, block_key, encode_change, order_key
from node.store.state import LiveState
from node.tx.envelope import Tx

_PLACEMENTS: Final = {
    ORDER_PLACED: Status.OPEN,
    CONDITIONAL_PLACED: Status.UNTRIGGERED,
    CONDITIONAL_TRIGGERED: Status.TRIGGERED,
    TWAP_PLACED: Status.OPEN,
    TWAP_SLICED: Status.OPEN,
}
_UNSETTLED: Final = (*LIVE, Status.FILLED)
_FRESH: Final = (CONDITIONAL_PLACED, TWAP_PLACED)
_IDS_MAX: Final = 1 << 16
_FILLED_PLACE: Final = ORDER_PLACED.keys.index("filled_quantums")


class Step(NamedTuple):
    """A part of a block: the events of one successful transaction, or of what the protocol did between two of them."""

    cause: Cause
    events: Sequence[Event]
    tx: Tx | None = None


class _Seen:
    """One order, as the block has left it so far."""

    __slots__ = ("cause", "filled", "order", "placed_by", "reason", "status")

    def __init__(self) -> None:
        self.status: int = 0
        """0: nothing has happened to it yet."""
        self.reason = 0
        self.cause = Cause(0)
        self.filled: int | None = None
        """None: no event of this block has said it."""
        self.order = b""
        self.placed_by: Cause | None = None


class OrderIds(dict[str, OrderId]):
    """Order ids by the text that events have; a text that is not there is read."""

    def __missing__(self, text: str) -> OrderId:
        owner, number, client_id, flags, pair_id = text.split("/")
        found = self[text] = OrderId(int(pair_id), SubaccountId(addresses.from_text(owner), int(number)), int(flags), int(client_id))
        return found

    def trim(self) -> None:
        """Not more than what a few busy blocks need stays in memory."""
        if len(self) > _IDS_MAX:
            self.clear()


class Recorder:
    """Turns the steps of a block into rows. Remembers nothing of a block but how the texts of order ids read."""

    __slots__ = ("_clob", "_fills_slot", "_ids", "_twaps_slot")

    def __init__(self, registry: Registry, clob: ClobKeeper) -> None:
        self._clob = clob
        self._ids = OrderIds()
        slots = {declared.name: declared.slot for declared in registry.maps if declared.store == "clob"}
        self._fills_slot = slots["fills"]
        self._twaps_slot = slots["twaps"]

    def rows(self, ctx: Context, steps: Iterable[Step]) -> list[tuple[bytes, bytes | None]]:
        """One row per order that the block touched, and one that lists them. Nothing where no order was touched.

        `ctx` is the block's own, after its last step.
        """
        changes = self.changes(ctx, steps)
        if not changes:
            return []
        height = ctx.height
        rows: list[tuple[bytes, bytes | None]] = []
        ids = []
        for order_id, change in changes.items():
            encoded = ORDER_ID.encode(order_id)
            ids.append(encoded)
            rows.append((order_key(encoded, height), encode_change(change)))
        rows.append((block_key(height), b"".join(ids)))
        return rows

    def changes(self, ctx: Context, steps: Iterable[Step]) -> dict[OrderId, Change]:
        """What the block did to each order, in the order in which it first touched them."""
        seen: dict[OrderId, _Seen] = {}
        ids = self._ids
        ids.trim()
        for step in steps:
            if step.tx is not None:
                _note_placements(seen, ids, step.cause, step.tx)
            _note_events(seen, ids, step.cause, step.events)
        before: dict[int, dict[OrderId, int]] = {}
        return {order_id: self._finished(ctx, order_id, one, before) for order_id, one in seen.items() if one.status}

    def _finished(self, ctx: Context, order_id: OrderId, one: _Seen, before: dict[int, dict[OrderId, int]]) -> Change:
        status, filled = one.status, one.filled
        if status == Status.OPEN and filled is not None and order_id.flags != TWAP:
            # It came to rest, and nothing has happened since.
            status = Status.TRIGGERED if order_id.flags == CONDITIONAL else Status.OPEN
        elif status in _UNSETTLED:
            # A fill may have been the last one or not, a slice the last of its TWAP order or not: the state knows.
            if self._clob.placed(ctx, order_id) is not None:
                status = live_status(self._clob, ctx, order_id)
                if filled is None:
                    filled = self._clob.fills(ctx, order_id).quantums
            else:
                status = Status.FILLED
        if filled is None:
            filled = self._filled_before_end(ctx, order_id, before)
        return Change(status, one.reason, one.cause, filled, one.order, one.placed_by)

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


def _note_placements(seen: dict[OrderId, _Seen], ids: OrderIds, cause: Cause, tx: Tx) -> None:
    """The orders of a successful transaction, as their owner sent them."""
    for index, message in enumerate(tx.messages):
        command = tx.command(index)
        if isinstance(command, PlaceOrder):
            order_id = command.order.id
            ids[order_id.text] = order_id
            one = seen[order_id] = _Seen()
            one.order = message.order.SerializeToString()
            one.placed_by = cause


def _note_events(seen: dict[OrderId, _Seen], ids: OrderIds, cause: Cause, events: Iterable[Event]) -> None:
    for kind, values in events:
        if kind is ORDERS_FILLED:
            taker, maker, _, _, taker_filled, maker_filled = values
            if taker != ENGINE_TAKER:
                _note_fill(seen, cause, ids[str(taker)], int(taker_filled))
            _note_fill(seen, cause, ids[str(maker)], int(maker_filled))
        elif kind in _PLACEMENTS:
            one = _touch(seen, cause, ids[str(values[0])], _PLACEMENTS[kind])
            if one is not None and kind is ORDER_PLACED:
                one.filled = int(values[_FILLED_PLACE])
            elif one is not None and kind in _FRESH:
                one.filled = 0
        elif kind is ORDER_REMOVED:
            one = _touch(seen, cause, ids[str(values[0])], Status.REMOVED)
            if one is not None:
                reason = Removal[str(values[1])]
                one.status, one.reason = (Status.FILLED, 0) if reason is Removal.FULLY_FILLED else (Status.REMOVED, reason)
        elif kind is ORDER_CANCELLED:
            if values[2]:
                _touch(seen, cause, ids[str(values[0])], Status.CANCELLED)
        elif kind is ORDER_EXPIRED:
            _touch(seen, cause, ids[str(values[0])], Status.EXPIRED)


def _note_fill(seen: dict[OrderId, _Seen], cause: Cause, order_id: OrderId, filled: int) -> None:
    if order_id.flags != TWAP_SLICE:
        one = seen.get(order_id)
        if one is None:
            one = seen[order_id] = _Seen()
        one.filled = filled
    else:
        order_id = twap_id_of(order_id)
        one = seen.get(order_id)
        if one is None:
            one = seen[order_id] = _Seen()
        elif one.status and one.status not in _UNSETTLED:
            return  # its last slice outlives it
    one.status, one.reason, one.cause = Status.FILLED, 0, cause


def _touch(seen: dict[OrderId, _Seen], cause: Cause, order_id: OrderId, status: int) -> _Seen | None:
    """The order in its new status; None for a slice, of which its TWAP order tells."""
    if order_id.flags == TWAP_SLICE:
        return None
    one = seen.get(order_id)
    if one is None:
        one = seen[order_id] = _Seen()
    one.status, one.reason, one.cause = status, 0, cause
    return one


def transaction(tx: Tx) -> Cause:
    """A transaction as a cause."""
    return Cause(CauseKind.TRANSACTION, tx.hash)
