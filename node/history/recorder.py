"""From what a block did, step by step, to what is remembered of its orders: events in, rows of the database out.

Events say what happened, the state after the block says which orders are still alive and how much of them is filled. The rows follow from
the block alone: executed again, it gives the same ones.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from modules.clob.events import (
    CONDITIONAL_PLACED,
    CONDITIONAL_TRIGGERED,
    MATCHED,
    ORDER_CANCELLED,
    ORDER_EXPIRED,
    ORDER_PLACED,
    ORDER_REMOVED,
    ORDERS_FILLED,
    TWAP_PLACED,
    TWAP_SLICED,
)
from modules.clob.keeper import ClobKeeper
from modules.clob.model import CONDITIONAL, TWAP, TWAP_SLICE, OrderId, PlaceOrder, Removal, twap_id_of
from modules.clob.venue import ENGINE_TAKER
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.events import Event, EventKind
from modules.kernel.stores import Registry
from modules.kernel.units import SubaccountId
from node.history.model import (
    BY_TRANSACTION,
    CHANGE_HEAD,
    ORDER_KEY,
    ORDER_KEY_ID,
    ORDER_PREFIX,
    SAME_CAUSE,
    Cause,
    Status,
    block_key,
    encode_cause,
)
from node.store.state import LiveState
from node.tx.envelope import Tx

Step = tuple[Cause | Tx, Sequence[Event]]
"""A part of a block: the events of one successful transaction, or of what the protocol did between two of them."""
Rows = list[tuple[bytes, bytes | None]]
"""Whole keys and values of the database; None deletes."""

_Seen = tuple[OrderId, int, int, int, bytes, int, bytes, bytes]
"""One order, as the block has left it so far: id, status, reason, filled, cause; and of its placement in this block: size, cause, message.

The status is 0 where nothing has happened to it yet. `filled` and size are _UNKNOWN where no event or placement of this block tells them
(a TWAP order's size tells nothing: its slices fill it). Causes and the message are bytes as they are stored. A plain tuple, replaced by
each event: nearly every order has one or two, and there are thousands in a block.
"""
_UNKNOWN: Final = -1

# Plain integers: looking up members of an enumeration for every event costs more than all the rest of it.
_OPEN: Final = int(Status.OPEN)
_TRIGGERED: Final = int(Status.TRIGGERED)
_FILLED: Final = int(Status.FILLED)
_CANCELLED: Final = int(Status.CANCELLED)
_REMOVED: Final = int(Status.REMOVED)
_FULLY_FILLED: Final = int(Removal.FULLY_FILLED)
_UNSETTLED: Final = (_OPEN, int(Status.UNTRIGGERED), _TRIGGERED, _FILLED)
_REASONS: Final = {reason.name: int(reason) for reason in Removal}
_TOUCHED: Final[dict[EventKind, tuple[int, int]]] = {
    CONDITIONAL_PLACED: (int(Status.UNTRIGGERED), 0),
    CONDITIONAL_TRIGGERED: (_TRIGGERED, _UNKNOWN),
    TWAP_PLACED: (_OPEN, 0),
    TWAP_SLICED: (_OPEN, _UNKNOWN),
    ORDER_EXPIRED: (int(Status.EXPIRED), _UNKNOWN),
}
"""Events that say no more than this: the status, and what is filled unless that stays as it was."""
_IDS_MAX: Final = 1 << 16


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

    def rows(self, ctx: Context, steps: Iterable[Step]) -> Rows:
        """One row per order that the block touched, and one that lists them. Nothing where no order was touched.

        `ctx` is the block's own, after its last step.
        """
        self._ids.trim()
        book = _Book(self._ids)
        for cause, events in steps:
            if isinstance(cause, Tx):
                book.note_transaction(cause, events)
            else:
                book.note(encode_cause(cause), events)
        height = ctx.height
        pack_key, pack_head = ORDER_KEY.pack, CHANGE_HEAD.pack
        before: dict[int, dict[OrderId, int]] = {}
        rows: Rows = []
        ids = []
        for order_id, told, reason, known, changed_by, size, placed_by, message in book.seen.values():
            status, filled = told, known
            pair, (owner, number), flags, client = order_id
            if status == _OPEN and filled != _UNKNOWN and flags != TWAP:
                # It came to rest, and nothing has happened since.
                if flags == CONDITIONAL:
                    status = _TRIGGERED
            elif status == _FILLED and size != _UNKNOWN:
                # Had it ended without the last fill, an event would have said so.
                if filled < size:
                    status = _TRIGGERED if flags == CONDITIONAL else _OPEN
            elif not status:
                continue
            elif filled == _UNKNOWN or status in _UNSETTLED:
                status, filled = self._asked(ctx, order_id, status, filled, before)
            key = pack_key(ORDER_PREFIX, pair, owner, number, flags, client, height)
            value = pack_head(status, reason, filled) + changed_by
            if message:
                value += (SAME_CAUSE if placed_by is changed_by else placed_by) + message
            rows.append((key, value))
            ids.append(key[ORDER_KEY_ID])
        if rows:
            rows.append((block_key(height), b"".join(ids)))
        return rows

    def _asked(self, ctx: Context, order_id: OrderId, status: int, filled: int, before: dict[int, dict[OrderId, int]]) -> tuple[int, int]:
        """(status, filled) of an order of which the events do not tell both."""
        if status in _UNSETTLED:
            # A fill may have been the last one or not, a slice the last of its TWAP order or not: the state knows.
            if self._clob.placed(ctx, order_id) is not None:
                status = live_status(self._clob, ctx, order_id)
                if filled == _UNKNOWN:
                    filled = self._clob.fills(ctx, order_id).quantums
            else:
                status = _FILLED
        if filled == _UNKNOWN:
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


class _Book:
    """The orders that a block has touched so far, by the text of their ids; slices of TWAP orders are not among them."""

    __slots__ = ("_ids", "seen")

    def __init__(self, ids: OrderIds) -> None:
        self._ids = ids
        self.seen: dict[str, _Seen] = {}

    def note_transaction(self, tx: Tx, events: Sequence[tuple[EventKind, tuple[Any, ...]]]) -> None:
        """The orders of a successful transaction as their owner sent them, then what its events say."""
        cause = BY_TRANSACTION + tx.hash
        messages = tx.encoded_messages
        alone = len(messages) == 1
        for index, message in enumerate(messages):
            command = tx.command(index)
            if isinstance(command, PlaceOrder):
                order = command.order
                order_id = order.id
                size = order.quantums if order_id.flags != TWAP else _UNKNOWN
                if alone and events:
                    kind, values = events[-1]
                    if kind is ORDER_PLACED:
                        # The only order that this transaction can bring to rest or fill as the taker is its own: no need to make the text.
                        text = values[0]
                        if len(events) == 1:
                            self._ids[text] = order_id
                            self.seen[text] = (order_id, _OPEN, 0, values[4], cause, size, cause, message)
                            return
                    else:
                        text = values[0] if kind is ORDERS_FILLED else order_id.text
                else:
                    text = order_id.text
                self._ids[text] = order_id
                self.seen[text] = (order_id, 0, 0, _UNKNOWN, cause, size, cause, message)
        self.note(cause, events)

    def note(self, cause: bytes, events: Iterable[tuple[EventKind, tuple[Any, ...]]]) -> None:
        """What events say, the most frequent ones first."""
        for kind, values in events:
            if kind is MATCHED:
                continue
            if kind is ORDERS_FILLED:
                taker, maker, _, _, taker_filled, maker_filled = values
                if taker != ENGINE_TAKER:
                    self._fill(cause, taker, taker_filled)
                self._fill(cause, maker, maker_filled)
            elif kind is ORDER_PLACED:
                self._touch(cause, values[0], _OPEN, 0, values[4])
            elif kind is ORDER_CANCELLED:
                if values[2]:
                    self._touch(cause, values[0], _CANCELLED)
            elif kind is ORDER_REMOVED:
                reason = _REASONS[values[1]]
                if reason == _FULLY_FILLED:
                    self._touch(cause, values[0], _FILLED)
                else:
                    self._touch(cause, values[0], _REMOVED, reason)
            elif kind in _TOUCHED:
                status, filled = _TOUCHED[kind]
                self._touch(cause, values[0], status, 0, filled)

    def _fill(self, cause: bytes, text: str, filled: int) -> None:
        one = self.seen.get(text)
        if one is None:
            order_id = self._ids[text]
            if order_id.flags == TWAP_SLICE:
                self._fill_by_slice(cause, twap_id_of(order_id))
            else:
                self.seen[text] = (order_id, _FILLED, 0, filled, cause, _UNKNOWN, b"", b"")
            return
        order_id, _, _, _, _, size, placed_by, message = one
        self.seen[text] = (order_id, _FILLED, 0, filled, cause, size, placed_by, message)

    def _fill_by_slice(self, cause: bytes, twap_id: OrderId) -> None:
        text = twap_id.text
        one = self.seen.get(text)
        if one is None or not one[1] or one[1] in _UNSETTLED:  # its last slice outlives it
            self._touch(cause, text, _FILLED)

    def _touch(self, cause: bytes, text: str, status: int, reason: int = 0, filled: int = _UNKNOWN) -> None:
        """The order in its new status, with what was known to be filled unless that is told anew; nothing for a slice, of which its TWAP
        order tells.
        """
        one = self.seen.get(text)
        if one is None:
            order_id = self._ids[text]
            if order_id.flags != TWAP_SLICE:
                self.seen[text] = (order_id, status, reason, filled, cause, _UNKNOWN, b"", b"")
            return
        order_id, _, _, known, _, size, placed_by, message = one
        self.seen[text] = (order_id, status, reason, known if filled == _UNKNOWN else filled, cause, size, placed_by, message)
