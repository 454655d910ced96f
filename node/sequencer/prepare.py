"""PrepareProposal: the fullest block that every correct node accepts (design.md 3.4)."""

from collections.abc import Sequence
from typing import NamedTuple

from modules.consensus.model import SequencerParams
from modules.kernel.context import Context
from modules.kernel.intmath import ppm_floor
from node.sequencer.admission import Sieve, Sources, framed_size
from node.sequencer.errors import BLOCK_BYTES, BLOCK_COUNT, SEQUENCE, Refusal, Rule
from node.sequencer.order import canonical_order, seed_of
from node.tx.envelope import Tx
from perpd_proto.tendermint.abci import types_pb2 as abci


class Proposal(NamedTuple):
    """A block to propose, and why everything else of the pool is not in it."""

    txs: list[bytes]
    """The preamble if there has to be one, then the transactions in canonical order."""
    left_out: dict[int, Refusal]
    """By position in the pool."""


def prepare(
    ctx: Context,
    sources: Sources,
    pool: Sequence[bytes],
    app_hash: bytes,
    max_tx_bytes: int,
    local_commit: abci.ExtendedCommitInfo,
) -> Proposal:
    """The proposal for the block of `ctx` from a pool, within the engine's `max_tx_bytes` and the chain's own limits. Never raises."""
    sieve = Sieve(ctx, sources, pool)
    room = min(max_tx_bytes, sieve.params.max_block_bytes)
    txs: list[bytes] = []
    if sources.preambles.is_required(ctx):
        preamble = sources.preambles.build(ctx, local_commit, room)
        if framed_size(preamble) > room:
            return Proposal([], {})
        txs.append(preamble)
        room -= framed_size(preamble)
    sieve.apply_rules_of_one()
    sieve.apply_sequences()
    sieve.apply_kind_and_once()
    sieve.apply_quota()
    seed = seed_of(ctx.chain_id, ctx.height, app_hash)
    filling = _Filling(sieve, room)
    filling.run(sieve.ordered(seed), sieve.params)
    taken = list(filling.taken.values())
    # Ranks are those within the block: they may be lower than within the pool.
    txs.extend(taken[index].raw for index in canonical_order(seed, taken))
    return Proposal(txs, {**sieve.refusals, **filling.left_out})


class _Filling:
    """A block being filled with what the rules left."""

    __slots__ = ("_before", "_count", "_room", "left_out", "taken")

    def __init__(self, sieve: Sieve, room: int) -> None:
        self._before = sieve.predecessors()
        self._count = sieve.params.max_block_txs
        self._room = room
        self.taken: dict[int, Tx] = {}
        self.left_out: dict[int, Refusal] = {}

    def run(self, ordered: list[tuple[int, Tx]], params: SequencerParams) -> None:
        """First each lane's guaranteed share of the bytes, then passes over what is left until nothing more is taken."""
        share = [0, *(ppm_floor(self._room, ppm) for ppm in params.lane_byte_share_ppm)]
        waiting: list[tuple[int, Tx]] = []
        for position, tx in ordered:
            if tx.framed_size <= share[tx.lane] and self._may_follow(position) and self._problem(tx) is None:
                share[tx.lane] -= tx.framed_size
                self._take(position, tx)
            else:
                waiting.append((position, tx))
        while waiting:
            still = self._pass_over(waiting)
            if len(still) == len(waiting):
                break
            waiting = still
        assert not waiting, "a chain of sequences always has a first one that can be decided"

    def _pass_over(self, waiting: list[tuple[int, Tx]]) -> list[tuple[int, Tx]]:
        """What still waits for the transaction before it. Room only shrinks, so what does not fit now never will."""
        still: list[tuple[int, Tx]] = []
        for position, tx in waiting:
            if self._before.get(position) in self.left_out:
                self.left_out[position] = Refusal(SEQUENCE, "the transaction with a sequence before it is left out")
            elif not self._may_follow(position):
                still.append((position, tx))
            elif (rule := self._problem(tx)) is not None:
                self.left_out[position] = Refusal(
                    rule, f"it has {tx.framed_size} bytes; {self._room} and {self._count} transactions are left"
                )
            else:
                self._take(position, tx)
        return still

    def _may_follow(self, position: int) -> bool:
        before = self._before.get(position)
        return before is None or before in self.taken

    def _problem(self, tx: Tx) -> Rule | None:
        """The limit that taking it would break."""
        if self._count == 0:
            return BLOCK_COUNT
        return BLOCK_BYTES if tx.framed_size > self._room else None

    def _take(self, position: int, tx: Tx) -> None:
        self.taken[position] = tx
        self._room -= tx.framed_size
        self._count -= 1
