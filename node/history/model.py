"""What is remembered of an order beside the state, and its bytes.

In the database: `h/o/<order id><height>` is what a block did to an order, `h/b/<height>` lists the orders that the block touched (so that
pruning needs no search), `h/span` says which heights are covered. An order id is its 34 bytes in state, a height 8 bytes, big-endian.
"""

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

ORDER_PREFIX: Final = b"h/o/"
BLOCK_PREFIX: Final = b"h/b/"
SPAN_KEY: Final = b"h/span"
ID_BYTES: Final = 34
HEIGHT_BYTES: Final = 8
HASH_BYTES: Final = 32
ORDER_KEY: Final = Struct(">4sI20sIHIQ")
"""Prefix, an order id as state has it (pair, owner, subaccount number, flags, client id) and a height, in one go: a block has thousands."""
ORDER_KEY_ID: Final = slice(len(ORDER_PREFIX), len(ORDER_PREFIX) + ID_BYTES)
"""Where the order id stands in such a key."""
_SPAN: Final = Struct(">QQQ")


class Status(IntEnum):
    """Where an order stands; the numbers are those of perpd.clob.v1.OrderStatus."""

    OPEN = 1
    UNTRIGGERED = 2
    TRIGGERED = 3
    FILLED = 4
    CANCELLED = 5
    EXPIRED = 6
    REMOVED = 7


LIVE: Final = (Status.OPEN, Status.UNTRIGGERED, Status.TRIGGERED)


class CauseKind(IntEnum):
    """What changed an order; the numbers are those of perpd.clob.v1.OrderCause."""

    TRANSACTION = 1
    CLOCK = 2
    ENGINE = 3
    BLOCK_END = 4


class Cause(NamedTuple):
    """Who did it."""

    kind: int
    tx_hash: bytes = b""
    """32 bytes of a transaction, else empty."""


CLOCK: Final = Cause(CauseKind.CLOCK)
ENGINE: Final = Cause(CauseKind.ENGINE)
BLOCK_END: Final = Cause(CauseKind.BLOCK_END)


class Change(NamedTuple):
    """What one block did to one order, as it stood after the block."""

    status: int
    reason: int
    """A number of `modules.clob.model.Removal`; 0: none."""
    cause: Cause
    """Of the last thing that happened to it."""
    filled: int
    """Base quantums of the whole order."""
    placement: bytes = b""
    """The dydxprotocol.clob.MsgPlaceOrder as it was sent, encoded, if this block placed the order; else empty."""
    placed_by: Cause | None = None
    """The transaction that placed it, if this block did."""


CHANGE_HEAD: Final = Struct(">BBQ")
"""How a change begins: status, reason, filled. Its cause follows; then, if the order was placed by it, that cause (or SAME_CAUSE) and the
message, encoded, which is never empty.
"""
BY_TRANSACTION: Final = bytes((CauseKind.TRANSACTION,))
"""What stands before a transaction's hash in an encoded cause."""
SAME_CAUSE: Final = b"\x00"
"""In place of the cause of a placement: the change's own, which is nearly always so."""


def encode_cause(cause: Cause) -> bytes:
    """Its kind and, of a transaction, the hash."""
    return bytes((cause.kind,)) + cause.tx_hash


def decode_change(data: bytes) -> Change:
    """A stored change."""
    status, reason, filled = CHANGE_HEAD.unpack_from(data)
    cause, position = _cause(data, CHANGE_HEAD.size)
    if position == len(data):
        return Change(status, reason, cause, filled)
    same = data[position : position + 1] == SAME_CAUSE
    placed_by, position = (cause, position + 1) if same else _cause(data, position)
    return Change(status, reason, cause, filled, data[position:], placed_by)


def _cause(data: bytes, position: int) -> tuple[Cause, int]:
    kind, position = data[position], position + 1
    end = position + (HASH_BYTES if kind == CauseKind.TRANSACTION else 0)
    return Cause(kind, data[position:end]), end


class Span(NamedTuple):
    """Which heights are in the database; zeros: none."""

    oldest: int
    """From here on there may be rows: what is older than `first` waits to be dropped."""
    first: int
    """From here to `last` every block was recorded and is kept. 0: recording is switched off."""
    last: int


NO_SPAN: Final = Span(0, 0, 0)


def encode_span(span: Span) -> bytes:
    """24 bytes."""
    return _SPAN.pack(*span)


def decode_span(data: bytes | None) -> Span:
    """The covered heights; none where nothing is stored."""
    return NO_SPAN if data is None else Span(*_SPAN.unpack(data))


def order_key(order_id: bytes, height: int) -> bytes:
    """Where it stands what a block did to an order (its 34 bytes)."""
    return ORDER_PREFIX + order_id + height.to_bytes(HEIGHT_BYTES, "big")


def block_key(height: int) -> bytes:
    """Where the ids of all orders stand that a block touched."""
    return BLOCK_PREFIX + height.to_bytes(HEIGHT_BYTES, "big")
