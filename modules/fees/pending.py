"""What the last blocks have traded that stands in no trail yet.

One value per block holds what everybody traded in it, so a block writes one key however many have traded. Every sixteenth block, and the
first of a later hour, all of them go into the trails. Which heights can have a value follows from the height alone, so that point reads
find them.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from modules.fees.model import EVERYBODY, Volume
from modules.kernel.codec import read_uvarint, uvarint
from modules.kernel.context import Context
from modules.kernel.stores import Map
from modules.kernel.units import Address

FOLDED_EVERY = 16
"""At the end of a height that this divides nothing is pending. A power of two."""

_MEMO = "fees.pending"
_HOUR, _ROWS = uvarint(1 << 3), uvarint(2 << 3 | 2)
_OWNER_BYTES = 20
_BYTE = tuple(bytes((number,)) for number in range(256))


class BlockVolume(NamedTuple):
    """What was traded in a block."""

    hour: int
    volumes: Mapping[Address, Volume]
    """By trader; everybody's stands beside theirs, as in trails."""


class Recent(NamedTuple):
    """What an account has traded in all pending blocks."""

    hour: int
    """Of these blocks, which have one."""
    volume: Volume


class _BlockVolumeCodec:
    """Protobuf: 1 hour, 2 rows, one after another by owner: owner (20 bytes), then taker and maker volume, each a byte that tells its
    length and so many bytes, big-endian without leading zeros.
    """

    def encode(self, value: BlockVolume) -> bytes:
        parts: list[bytes] = []
        for owner, (taker, maker) in sorted(value.volumes.items()):
            size = (taker.bit_length() + 7) >> 3
            parts += (owner, _BYTE[size], taker.to_bytes(size, "big"))
            size = (maker.bit_length() + 7) >> 3
            parts += (_BYTE[size], maker.to_bytes(size, "big"))
        assert parts, "a block without trade has no value"
        rows = b"".join(parts)
        return b"".join((_HOUR, uvarint(value.hour), _ROWS, uvarint(len(rows)), rows))

    def decode(self, data: bytes) -> BlockVolume:
        hour, position = read_uvarint(data, len(_HOUR))
        _, position = read_uvarint(data, position + len(_ROWS))
        volumes: dict[Address, Volume] = {}
        while position < len(data):
            owner = Address(data[position : position + _OWNER_BYTES])
            taker, position = _number(data, position + _OWNER_BYTES)
            maker, position = _number(data, position)
            volumes[owner] = Volume(taker, maker)
        return BlockVolume(hour, volumes)


def _number(data: bytes, position: int) -> tuple[int, int]:
    """(value, next position) of a number after the byte of its length."""
    start = position + 1
    end = start + data[position]
    return int.from_bytes(data[start:end], "big"), end


BLOCK_VOLUME = _BlockVolumeCodec()


def summed(blocks: Iterable[BlockVolume]) -> dict[Address, Volume]:
    """What each has traded in all of these blocks."""
    sums: dict[Address, Volume] = {}
    for block in blocks:
        for owner, volume in block.volumes.items():
            before = sums.get(owner)
            sums[owner] = volume if before is None else Volume(before.taker + volume.taker, before.maker + volume.maker)
    return sums


def pending_heights(height: int) -> range:
    """Heights that can be pending where this height is the last one that has ended, and where it is the one that comes next.

    Both, since a context does not tell which it is: a query's height has ended, that of a check or of a running block has not. At most
    sixteen: behind a height that is divided by sixteen there is nothing once it has ended.
    """
    folded = max(height - 1, 0) & -FOLDED_EVERY
    return range(folded + 1, height + 1)


class Pending:
    """Reads and writes what is pending. All of it is of one hour."""

    def __init__(self, blocks: Map[int, BlockVolume]) -> None:
        self._blocks = blocks

    def blocks(self, ctx: Context) -> tuple[BlockVolume, ...]:
        """The blocks with trade, the oldest first."""
        return self._found(ctx)[0]

    def at_most(self, ctx: Context) -> int:
        """No account has traded more in them, as taker and as maker together: twice what everybody has."""
        return self._found(ctx)[1]

    def _found(self, ctx: Context) -> tuple[tuple[BlockVolume, ...], int]:
        """Both of these. No transaction can change them, so one block asks the state once."""
        memo: tuple[tuple[BlockVolume, ...], int] | None = ctx.scratch.get(_MEMO)
        if memo is None:
            get = self._blocks.get
            blocks = tuple([block for height in pending_heights(ctx.height) if (block := get(ctx, height)) is not None])
            memo = ctx.scratch[_MEMO] = blocks, 2 * sum([block.volumes[EVERYBODY].taker for block in blocks])
        return memo

    def of(self, ctx: Context, owner: Address) -> Recent | None:
        """What the account has traded in them; None where it has not."""
        hour, taker, maker = -1, 0, 0
        for block in self.blocks(ctx):
            volume = block.volumes.get(owner)
            if volume is not None:
                hour = block.hour
                taker += volume[0]
                maker += volume[1]
        return None if hour < 0 else Recent(hour, Volume(taker, maker))

    def both(self, ctx: Context, owner: Address) -> int:
        """What the account has traded in them as taker and as maker together."""
        total = 0
        for block in self.blocks(ctx):
            volume = block.volumes.get(owner)
            if volume is not None:
                total += volume[0] + volume[1]
        return total

    def put(self, ctx: Context, block: BlockVolume) -> None:
        """The block has traded this, besides what an earlier end of the same block has put there."""
        before = self._blocks.get(ctx, ctx.height)
        self._blocks.set(ctx, ctx.height, block if before is None else BlockVolume(block.hour, summed((before, block))))
        ctx.scratch.pop(_MEMO, None)

    def clear(self, ctx: Context) -> None:
        """Nothing is pending."""
        for height in pending_heights(ctx.height):
            self._blocks.delete(ctx, height)
        ctx.scratch.pop(_MEMO, None)

    def broken(self, ctx: Context) -> list[str]:
        """By full scan: no block is forgotten, all are of one hour, and what takers traded in each is what the whole exchange did."""
        sentences: list[str] = []
        heights, hours = pending_heights(ctx.height), dict.fromkeys([block.hour for block in self.blocks(ctx)])
        if len(hours) > 1:
            sentences.append(f"volume of more than one hour is pending: {sorted(hours)}")
        for height, block in self._blocks.items(ctx):
            if height not in heights:
                sentences.append(f"the volume of height {height} is pending at height {ctx.height}, where nobody looks for it")
            takers = sum([volume.taker for owner, volume in block.volumes.items() if owner != EVERYBODY])
            if block.volumes.get(EVERYBODY) != (takers, 0):
                sentences.append(f"takers traded {takers} at height {height}, the whole exchange {block.volumes.get(EVERYBODY)}")
        return sentences
