"""What has become of orders: kept beside the state, written in the same batch as the block, for a configured number of blocks.

It is no part of the state and under no root: a node may keep none of it. Every read goes to the snapshot of one committed height.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from modules.clob.keeper import ClobKeeper
from modules.clob.model import ORDER_ID, OrderId
from modules.kernel.context import Context
from modules.kernel.stores import Registry
from node.history.model import (
    BLOCK_PREFIX,
    HEIGHT_BYTES,
    ID_BYTES,
    NO_SPAN,
    ORDER_PREFIX,
    SPAN_KEY,
    Cause,
    Change,
    Span,
    block_key,
    decode_change,
    decode_span,
    encode_span,
    order_key,
)
from node.history.recorder import Recorder, Step
from node.store.chain_store import ChainStore
from node.store.version import Version, successor

PRUNED_BLOCKS_MAX: Final = 4
"""How many old blocks' rows one block drops at most: more than the one it must, so that a lowered limit is reached soon."""
DEFAULT_BLOCKS: Final = 10_000

Rows = list[tuple[bytes, bytes | None]]


class Record(NamedTuple):
    """What is remembered of an order."""

    change: Change
    """The latest."""
    height: int
    """Of the latest change."""
    order: bytes
    """Encoded dydxprotocol.clob.Order as placed; empty if the placement is no longer remembered."""
    placed_height: int
    """0 if the placement is no longer remembered, as is the next."""
    placed_by: Cause | None


class History:
    """Writes a block's rows, drops those that are too old, and reads what is there."""

    __slots__ = ("_recorder", "_store", "blocks")

    def __init__(self, store: ChainStore, registry: Registry, clob: ClobKeeper, blocks: int) -> None:
        """`blocks` heights are kept; 0: none."""
        self._store = store
        self._recorder = Recorder(registry, clob)
        self.blocks = blocks

    def rows(self, ctx: Context, steps: Iterable[Step]) -> Rows:
        """What has to be written beside the state with this block. Nothing is remembered here: the block may be executed again."""
        height, committed = ctx.height, self._store.height
        span, first = NO_SPAN, height
        pruned: Rows = []
        if committed:
            with self._store.version() as version:
                span = decode_span(version.beside(SPAN_KEY))
                if span.last and span.last == committed:
                    first = span.first
                first = max(first, height - self.blocks + 1)
                pruned, oldest = _pruned(version, span.oldest, first) if span.last else ([], first)
        else:
            oldest = first
        if not self.blocks:
            # What was kept before goes, block by block; the span goes with the last of it.
            if not span.last:
                return []
            pruned.append((SPAN_KEY, encode_span(Span(oldest, 0, span.last)) if oldest < first else None))
            return pruned
        rows = self._recorder.rows(ctx, steps)
        rows += pruned
        rows.append((SPAN_KEY, encode_span(Span(oldest, first, height))))
        return rows

    def covered(self, version: Version) -> Span:
        """Since which height the history at this version is complete; `first` 0: there is none."""
        span = decode_span(version.beside(SPAN_KEY))
        return span if span.last == version.height and span.first else NO_SPAN

    def record(self, version: Version, order_id: OrderId) -> Record | None:
        """What is remembered of an order at this version, or None."""
        span = self.covered(version)
        if not span.first:
            return None
        encoded = ORDER_ID.encode(order_id)
        found: Record | None = None
        stop = successor(ORDER_PREFIX + encoded)
        for key, data in version.beside_pairs(order_key(encoded, span.first), stop):
            height = int.from_bytes(key[-HEIGHT_BYTES:], "big")
            change = decode_change(data)
            if change.placed_by is not None:
                found = Record(change, height, change.order, height, change.placed_by)
            elif found is not None:
                found = found._replace(change=change, height=height)
            else:
                found = Record(change, height, b"", 0, None)
        return found


def _pruned(version: Version, oldest: int, first: int) -> tuple[Rows, int]:
    """The deletions of the oldest blocks below `first`, and the height from which rows may then still be there."""
    deletions: Rows = []
    blocks = list(islice(version.beside_pairs(block_key(oldest), block_key(first)), PRUNED_BLOCKS_MAX))
    for key, ids in blocks:
        height = key[-HEIGHT_BYTES:]
        deletions += [(ORDER_PREFIX + ids[start : start + ID_BYTES] + height, None) for start in range(0, len(ids), ID_BYTES)]
        deletions.append((key, None))
    if len(blocks) < PRUNED_BLOCKS_MAX:
        return deletions, first
    return deletions, int.from_bytes(blocks[-1][0][len(BLOCK_PREFIX) :], "big") + 1
