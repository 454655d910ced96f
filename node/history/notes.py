"""What a block does to its orders, noted while it happens: each event just after it, when all of it is still at hand."""

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
from modules.clob.model import LONG_TERM, SHORT_TERM, TWAP_SLICE, OrderId, PlaceOrder, Removal, twap_id_of
from modules.clob.venue import ENGINE_TAKER
from modules.kernel import address as addresses
from modules.kernel.events import EventKind
from modules.kernel.units import SubaccountId
from node.history.model import BY_TRANSACTION, ORDER_KEY, ORDER_PREFIX, Cause, Status, encode_cause
from node.tx.envelope import Tx

Seen = tuple[bytes, OrderId, int, int, int, bytes, int, bytes, bytes]
"""One order, as the block has left it so far: database key, id, status, reason, filled, cause; and of its placement in this block: size,
cause, message.

The status is 0 where nothing has happened to it yet. `filled` is UNKNOWN where no event of this block tells it; the size where this
block did not place the order, or where its size does not tell its status: it waits for a trigger or has slices. Causes and the message
are bytes as they are stored. A plain tuple, replaced by each event: nearly every order has one or two, and there are thousands in a block.
"""
UNKNOWN: Final = -1

# Plain integers: looking up members of an enumeration for every event costs more than all the rest of it.
OPEN: Final = int(Status.OPEN)
FILLED: Final = int(Status.FILLED)
UNSETTLED: Final = (OPEN, int(Status.UNTRIGGERED), int(Status.TRIGGERED), FILLED)
_CANCELLED: Final = int(Status.CANCELLED)
_REMOVED: Final = int(Status.REMOVED)
_FULLY_FILLED: Final = int(Removal.FULLY_FILLED)
_REASONS: Final = {reason.name: int(reason) for reason in Removal}
_TOUCHED: Final[dict[EventKind, tuple[int, int]]] = {
    CONDITIONAL_PLACED: (int(Status.UNTRIGGERED), 0),
    CONDITIONAL_TRIGGERED: (int(Status.TRIGGERED), UNKNOWN),
    TWAP_PLACED: (OPEN, 0),
    TWAP_SLICED: (OPEN, UNKNOWN),
    ORDER_EXPIRED: (int(Status.EXPIRED), UNKNOWN),
}
"""Events that say no more than this: the status, and what is filled unless that stays as it was."""
_PLAIN_FLAGS: Final = (SHORT_TERM, LONG_TERM)
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


class Notes:
    """The orders that a block has touched so far, by the text of their ids; slices of TWAP orders are not among them."""

    __slots__ = ("_height", "_ids", "seen")

    def __init__(self, ids: OrderIds, height: int) -> None:
        """`ids` may be those of the blocks before."""
        self._ids = ids
        self._height = height
        self.seen: dict[str, Seen] = {}

    def transaction(self, tx: Tx, events: Sequence[tuple[EventKind, tuple[Any, ...]]]) -> None:
        """It has succeeded: its orders as their owner sent them, then what its events say."""
        cause = BY_TRANSACTION + tx.hash
        messages = tx.encoded_messages
        alone = len(messages) == 1
        for index, message in enumerate(messages):
            command = tx.command(index)
            if isinstance(command, PlaceOrder):
                order = command.order
                order_id = order.id
                size = order.quantums if order_id.flags in _PLAIN_FLAGS else UNKNOWN
                status, filled = 0, UNKNOWN
                # The only order that a transaction of one can bring to rest or fill as the taker is its own: no need to make the text.
                kind, values = events[-1] if alone and events else (None, ())
                if kind is ORDER_PLACED:
                    text = values[0]
                    if len(events) == 1:
                        status, filled, events = OPEN, values[4], ()
                else:
                    text = values[0] if kind is ORDERS_FILLED else order_id.text
                self._ids[text] = order_id
                self.seen[text] = (self._key(order_id), order_id, status, 0, filled, cause, size, cause, message)
        self._note(cause, events)

    def protocol(self, cause: Cause, events: Iterable[tuple[EventKind, tuple[Any, ...]]]) -> None:
        """What it did between two transactions."""
        self._note(encode_cause(cause), events)

    def _note(self, cause: bytes, events: Iterable[tuple[EventKind, tuple[Any, ...]]]) -> None:
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
                self._touch(cause, values[0], OPEN, 0, values[4])
            elif kind is ORDER_CANCELLED:
                if values[2]:
                    self._touch(cause, values[0], _CANCELLED)
            elif kind is ORDER_REMOVED:
                reason = _REASONS[values[1]]
                if reason == _FULLY_FILLED:
                    self._touch(cause, values[0], FILLED)
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
                self.seen[text] = (self._key(order_id), order_id, FILLED, 0, filled, cause, UNKNOWN, b"", b"")
            return
        key, order_id, _, _, _, _, size, placed_by, message = one
        self.seen[text] = (key, order_id, FILLED, 0, filled, cause, size, placed_by, message)

    def _fill_by_slice(self, cause: bytes, twap_id: OrderId) -> None:
        text = twap_id.text
        one = self.seen.get(text)
        if one is None or not one[2] or one[2] in UNSETTLED:  # its last slice outlives it
            self._touch(cause, text, FILLED)

    def _touch(self, cause: bytes, text: str, status: int, reason: int = 0, filled: int = UNKNOWN) -> None:
        """The order in its new status, with what was known to be filled unless that is told anew; nothing for a slice, of which its TWAP
        order tells.
        """
        one = self.seen.get(text)
        if one is None:
            order_id = self._ids[text]
            if order_id.flags != TWAP_SLICE:
                self.seen[text] = (self._key(order_id), order_id, status, reason, filled, cause, UNKNOWN, b"", b"")
            return
        key, order_id, _, _, known, _, size, placed_by, message = one
        self.seen[text] = (key, order_id, status, reason, known if filled == UNKNOWN else filled, cause, size, placed_by, message)

    def _key(self, order_id: OrderId) -> bytes:
        pair, (owner, number), flags, client = order_id
        return ORDER_KEY.pack(ORDER_PREFIX, pair, owner, number, flags, client, self._height)
