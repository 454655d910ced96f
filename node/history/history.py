"""What has become of orders: kept beside the state, written in the same batch as the block, for a configured number of blocks.

It is no part of the state and under no root: a node may keep none of it. Every read goes to the snapshot of one committed height.
"""

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
from node.history.notes import Notes
from node.history.recorder import Recorder, Rows
from node.store.chain_store import ChainStore
from node.store.version import Version, successor

PRUNED_BLOCKS_MAX: Final = 4
"""How many old blocks' rows one block drops at most: more than the one it must, so that a lowered limit is reached soon."""
DEFAULT_BLOCKS: Final = 10_000


class Record(NamedTuple):
    """What is remembered of an order."""

    change: Change
    """The latest."""
    height: int
    """Of the latest change."""
    placement: bytes
    """The dydxprotocol.clob.MsgPlaceOrder as it was sent, encoded; empty if it is no longer remembered."""
    placed_height: int
    """0 if the placement is no longer remembered, as is the next."""
    placed_by: Cause | None


class _Ahead(NamedTuple):
    """What is known of the next block's rows before it runs."""

    committed: int
    """The height after which this holds."""
    span: Span
    """As it is stored."""
    first: int
    """From which height on the history is complete after the next block; 0: from that block on."""
    oldest: int
    """From which height on there may be rows after it; 0: that block's."""
    deletions: Rows


class History:
    """Writes a block's rows, drops those that are too old, and reads what is there."""

    __slots__ = ("_next", "_recorder", "_store", "_written", "blocks")

    def __init__(self, store: ChainStore, registry: Registry, clob: ClobKeeper, blocks: int) -> None:
        """`blocks` heights are kept; 0: none."""
        self._store = store
        self._recorder = Recorder(registry, clob)
        self.blocks = blocks
        self._next: _Ahead | None = None
        self._written = (0, NO_SPAN)
        """The last block for which rows were made, and the span among them."""

    def rows(self, ctx: Context, notes: Notes) -> Rows:
        """What has to be written beside the state with this block, which may be executed again: only its span is remembered."""
        if self._next is None or self._next.committed != self._store.height:
            self.prepare()
        height, ahead = ctx.height, self._next
        assert ahead is not None, "it was just prepared"
        if not self.blocks:
            # What was kept before goes, block by block; the span goes with the last of it.
            if not ahead.span.last:
                self._written = (height, NO_SPAN)
                return []
            span = Span(ahead.oldest, 0, ahead.span.last) if ahead.oldest < ahead.first else NO_SPAN
            self._written = (height, span)
            return [*ahead.deletions, (SPAN_KEY, encode_span(span) if span.last else None)]
        rows = self._recorder.rows(ctx, notes)
        rows += ahead.deletions
        # The first block of a chain need not be 1.
        span = Span(ahead.oldest or height, ahead.first or height, height)
        self._written = (height, span)
        rows.append((SPAN_KEY, encode_span(span)))
        return rows

    def prepare(self) -> None:
        """What the next block has to drop is known: it is read here, after a commit, because a block that runs reads no database."""
        committed = self._store.height
        if not committed:
            self._next = _Ahead(0, NO_SPAN, 0, 0, [])
            return
        span, known = self._written[1], self._written[0] == committed
        if known and (not span.last or span.oldest >= max(span.first, committed + 2 - self.blocks)):
            # Nothing leaves the window, and coverage goes on if there is any.
            first = span.first if span.last == committed else committed + 1
            self._next = _Ahead(committed, span, first, span.oldest if span.last else first, [])
            return
        with self._store.version() as version:
            if not known:
                span = decode_span(version.beside(SPAN_KEY))
            first = max(span.first if span.last == committed and span.first else committed + 1, committed + 2 - self.blocks)
            deletions, oldest = _pruned(version, span.oldest, first) if span.last else ([], first)
        self._next = _Ahead(committed, span, first, oldest, deletions)

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
                found = Record(change, height, change.placement, height, change.placed_by)
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
