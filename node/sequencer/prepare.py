"""PrepareProposal: the fullest block that every correct node accepts (design.md 3.4)."""

from collections.abc import Sequence
from typing import NamedTuple

from modules.consensus.model import SequencerParams
from modules.kernel.context import Context
from modules.kernel.intmath import ppm_floor
from node.sequencer.admission import Sieve, Sources
from node.sequencer.errors import BLOCK_BYTES, BLOCK_COUNT, QUOTA, SEQUENCE, Refusal
from node.sequencer.order import seed_of
from node.tx.envelope import Tx, framed_size
from perpd_proto.tendermint.abci import types_pb2 as abci


class Proposal(NamedTuple):
    """A block to propose, and why everything else of the pool is not in it."""

    txs: list[bytes]
    """The preamble if there has to be one, then the transactions in canonical order."""
    left_out: dict[int, Refusal]
    """By position in the pool."""
    max_bytes: int
    """That the block could have: the lower of the engine's and the chain's limit."""


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
    max_bytes = room = min(max_tx_bytes, sieve.params.max_block_bytes)
    txs: list[bytes] = []
    if sources.preambles.is_required(ctx):
        preamble = sources.preambles.build(ctx, local_commit, room)
        if framed_size(preamble) > room:
            # No block of this height fits: the engine gets an empty one, which nobody accepts, and the next proposer tries.
            refusal = Refusal(BLOCK_BYTES, f"the preamble alone has {framed_size(preamble)} bytes in a block, {room} are allowed")
            return Proposal([], dict.fromkeys(range(len(pool)), refusal), max_bytes)
        txs.append(preamble)
        room -= framed_size(preamble)
    # What no block can hold goes first, so that it takes no other's place; then sequences that no block can reach.
    sieve.apply_rules_of_one()
    sieve.apply_kind_and_once()
    sieve.apply_sequences(keep_rivals=True)
    seed = seed_of(ctx.chain_id, ctx.height, app_hash)
    filling = _Filling(sieve, room)
    filling.run(sieve.ordered(seed), sieve.params.lane_byte_share_ppm)
    # Ranks are those within the block: they may be lower than within the pool.
    txs.extend(filling.taken[index].raw for index in sources.order(seed, filling.taken))
    return Proposal(txs, {**sieve.refusals, **filling.left_out}, max_bytes)


class _Filling:
    """A block being filled with what the rules left. Every limit only gets tighter, so what breaks one now always will.

    Timestamp nonces stay acceptable whatever else is taken: applied in ascending order, only an equal one stands in the way.
    """

    __slots__ = ("_count", "_next_sequence", "_nonces", "_params", "_quota_used", "_room", "left_out", "taken")

    def __init__(self, sieve: Sieve, room: int) -> None:
        self._params: SequencerParams = sieve.params
        self._room = room
        self._count = sieve.params.max_block_txs
        self._quota_used: dict[bytes, int] = {}
        self._next_sequence = {signer: account.sequence for signer, account in sieve.accounts.items()}
        self._nonces: dict[bytes, None] = {}
        self.taken: list[Tx] = []
        self.left_out: dict[int, Refusal] = {}

    def run(self, ordered: list[tuple[int, Tx]], lane_byte_share_ppm: Sequence[int]) -> None:
        """First each lane's guaranteed share of the bytes, then passes over what is left until nothing more is taken."""
        share = [0, *(ppm_floor(self._room, ppm) for ppm in lane_byte_share_ppm)]
        waiting: list[tuple[int, Tx]] = []
        for position, tx in ordered:
            if tx.framed_size <= share[tx.lane] and self._follows(tx) == 0 and self._limit(tx) is None:
                share[tx.lane] -= tx.framed_size
                self._take(tx)
            else:
                waiting.append((position, tx))
        progress = True
        while progress:
            before = len(self.taken)
            waiting = self._pass_over(waiting)
            progress = len(self.taken) > before
        for position, _ in waiting:
            self.left_out[position] = Refusal(SEQUENCE, "the transaction with a sequence before it is left out")

    def _pass_over(self, waiting: list[tuple[int, Tx]]) -> list[tuple[int, Tx]]:
        """What still waits for the transaction before it; everything else is taken or left out for good."""
        still: list[tuple[int, Tx]] = []
        for position, tx in waiting:
            distance = self._follows(tx)
            if distance > 0:
                still.append((position, tx))
            elif distance < 0:
                self.left_out[position] = Refusal(
                    SEQUENCE, f"another transaction of the account with sequence {tx.sequence} is in the block"
                )
            elif (refusal := self._limit(tx)) is not None:
                self.left_out[position] = refusal
            else:
                self._take(tx)
        return still

    def _follows(self, tx: Tx) -> int:
        """0 if its sequence is the next one (or not checked), above 0 if others must come before it, below 0 if it is taken."""
        if tx.good_til_blocks:
            return 0
        if tx.has_timestamp_nonce:
            return -1 if tx.signer + tx.tail[:8] in self._nonces else 0
        return tx.sequence - self._next_sequence[tx.signer]

    def _limit(self, tx: Tx) -> Refusal | None:
        """The limit that taking it would break."""
        if self._count == 0:
            return Refusal(BLOCK_COUNT, f"a block takes {self._params.max_block_txs} transactions")
        if self._quota_used.get(tx.lane_account, 0) >= self._params.quota_per_account_and_lane:
            return Refusal(QUOTA, f"a block takes {self._params.quota_per_account_and_lane} of one account in one lane")
        if tx.framed_size > self._room:
            return Refusal(BLOCK_BYTES, f"it has {tx.framed_size} bytes in a block, {self._room} are left")
        return None

    def _take(self, tx: Tx) -> None:
        self.taken.append(tx)
        self._room -= tx.framed_size
        self._count -= 1
        self._quota_used[tx.lane_account] = self._quota_used.get(tx.lane_account, 0) + 1
        if tx.has_timestamp_nonce:
            self._nonces[tx.signer + tx.tail[:8]] = None
        elif not tx.good_til_blocks:
            self._next_sequence[tx.signer] += 1
