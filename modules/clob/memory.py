"""What is remembered of short-term order ids that do not rest: their fills, and their cancels.

One value per block holds what ended in it, so a block adds one key to the tree however many orders were filled or cancelled. While the
block runs, its own part lies in two maps by id that are empty again at its end.
"""

from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

from modules.clob.model import NO_FILLS, ORDER_ID, SHORT_BLOCK_WINDOW, FillState, OrderId
from modules.kernel.codec import read_uvarint, uvarint
from modules.kernel.context import Context
from modules.kernel.stores import Map

REMEMBERED_BLOCKS = 2 * SHORT_BLOCK_WINDOW
"""A fill of block k is of an order with good-til-block <= k + 40 and kept for 40 more, so until k + 80; a cancel until k + 40."""

ACCOUNT_BYTES = 28
"""The part of an encoded order id that names market and subaccount."""
_MEMO = "clob.memory"
_CANCEL = Struct(">II")
_FILL = Struct(">IQQ")


class Ended(NamedTuple):
    """What a block remembers of one subaccount in one market, by client id."""

    cancels: Mapping[int, int]
    """To the height up to which placements fail."""
    fills: Mapping[int, FillState]


BlockMemory = Mapping[bytes, Ended]
"""By market and subaccount (the first 28 bytes of an encoded order id)."""


class Remembered(NamedTuple):
    """What is known of a short-term id that does not rest."""

    cancelled_until: int
    """Placements up to this height fail; 0: it was not cancelled."""
    fills: FillState


class _BlockMemoryCodec:
    """Protobuf: field 1, repeated, by account: 1 account (28 bytes), 2 cancels (8 bytes each: client id, good-til-block), 3 fills (20 bytes
    each: client id, base quantums, kept until). Numbers are big-endian; accounts and client ids ascend.
    """

    def encode(self, value: BlockMemory) -> bytes:
        parts: list[bytes] = []
        for account in sorted(value):
            cancels, fills = value[account]
            packed_cancels = b"".join([_CANCEL.pack(*row) for row in sorted(cancels.items())])
            packed_fills = b"".join([_FILL.pack(client_id, *fills[client_id]) for client_id in sorted(fills)])
            body = b"".join([_field(number, data) for number, data in enumerate((account, packed_cancels, packed_fills), 1) if data])
            parts.append(_field(1, body))
        assert parts, "a block that remembers nothing has no value"
        return b"".join(parts)

    def decode(self, data: bytes) -> BlockMemory:
        found: dict[bytes, Ended] = {}
        for body in _fields(data).get(1, ()):
            fields = _fields(body)
            cancels = dict(_CANCEL.iter_unpack(fields.get(2, (b"",))[0]))
            fills = {client_id: FillState(*fill) for client_id, *fill in _FILL.iter_unpack(fields.get(3, (b"",))[0])}
            found[fields[1][0]] = Ended(cancels, fills)
        return found


def _field(number: int, data: bytes) -> bytes:
    return uvarint(number << 3 | 2) + uvarint(len(data)) + data


def _fields(data: bytes) -> dict[int, list[bytes]]:
    """The length-delimited fields of a message by number."""
    found: dict[int, list[bytes]] = {}
    position = 0
    while position < len(data):
        tag, position = read_uvarint(data, position)
        size, position = read_uvarint(data, position)
        found.setdefault(tag >> 3, []).append(data[position : position + size])
        position += size
    return found


BLOCK_MEMORY = _BlockMemoryCodec()


class Memory:
    """Reads and writes what is remembered."""

    def __init__(self, blocks: Map[int, BlockMemory], cancelled_now: Map[OrderId, int], ended_now: Map[OrderId, FillState]) -> None:
        self._blocks = blocks
        self._cancelled_now = cancelled_now
        self._ended_now = ended_now

    def look(self, ctx: Context, order_id: OrderId) -> Remembered:
        """Cancels and fills of an id, as far as they still count at this height."""
        cancelled_until = self._cancelled_now.get(ctx, order_id) or 0
        fills = self._ended_now.get(ctx, order_id)
        account, client_id = ORDER_ID.encode(order_id)[:ACCOUNT_BYTES], order_id.client_id
        for block in self._recent(ctx):
            ended = block.get(account)
            if ended is None:
                continue
            until = ended.cancels.get(client_id)
            if until is not None and until > cancelled_until:
                cancelled_until = until
            if fills is None:
                # The latest says it all: what came before is in it, unless it was forgotten by then.
                fills = ended.fills.get(client_id)
        if fills is None or fills.kept_until < ctx.height:
            fills = NO_FILLS
        return Remembered(cancelled_until if cancelled_until >= ctx.height else 0, fills)

    def cancel(self, ctx: Context, order_id: OrderId, good_til_block: int) -> None:
        """Placements of the id up to this height fail; an earlier cancel that reaches further stands."""
        known = self._cancelled_now.get(ctx, order_id)
        if known is None or known < good_til_block:
            self._cancelled_now.set(ctx, order_id, good_til_block)

    def end(self, ctx: Context, order_id: OrderId, fills: FillState) -> None:
        """The id does not rest and is filled so far. It may rest again, and end again: the latest end counts."""
        self._ended_now.set(ctx, order_id, fills)

    def fold(self, ctx: Context) -> None:
        """What the block has gathered is its one value now, with what an earlier fold of the same block has put there."""
        block: dict[bytes, tuple[dict[int, int], dict[int, FillState]]] = {
            account: (dict(ended.cancels), dict(ended.fills)) for account, ended in (self._blocks.get(ctx, ctx.height) or {}).items()
        }
        for order_id, until in list(self._cancelled_now.items(ctx)):
            block.setdefault(ORDER_ID.encode(order_id)[:ACCOUNT_BYTES], ({}, {}))[0][order_id.client_id] = until
            self._cancelled_now.delete(ctx, order_id)
        for order_id, fills in list(self._ended_now.items(ctx)):
            block.setdefault(ORDER_ID.encode(order_id)[:ACCOUNT_BYTES], ({}, {}))[1][order_id.client_id] = fills
            self._ended_now.delete(ctx, order_id)
        ctx.scratch.pop(_MEMO, None)
        if block:
            self._blocks.set(ctx, ctx.height, {account: Ended(*found) for account, found in block.items()})

    def forget(self, ctx: Context) -> None:
        """Blocks of which nothing counts any more are gone."""
        for height in list(self._blocks.keys(ctx)):
            if height >= ctx.height - REMEMBERED_BLOCKS:
                break
            self._blocks.delete(ctx, height)

    def _recent(self, ctx: Context) -> tuple[BlockMemory, ...]:
        """What the last blocks remember, the latest first. No transaction can change it, so one block asks the state once."""
        memo: tuple[int, tuple[BlockMemory, ...]] | None = ctx.scratch.get(_MEMO)
        if memo is None or memo[0] != ctx.height:
            get = self._blocks.get
            heights = range(ctx.height, max(ctx.height - REMEMBERED_BLOCKS, 0) - 1, -1)
            memo = ctx.scratch[_MEMO] = (ctx.height, tuple([found for height in heights if (found := get(ctx, height)) is not None]))
        return memo[1]
