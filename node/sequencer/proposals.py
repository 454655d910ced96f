"""What this node has proposed lately, and why transactions of its pool were left out. For people who ask; no block depends on it."""

from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from node.sequencer.errors import Refusal
from node.sequencer.prepare import Proposal
from node.tx.envelope import framed_size

KEPT_PROPOSALS = 16


class LeftOut(NamedTuple):
    """One transaction of the pool that is not in the proposal."""

    tx_hash: bytes
    refusal: Refusal


class MadeProposal(NamedTuple):
    """One proposal of this node's."""

    height: int
    pool_txs: int
    proposed_txs: int
    """The preamble not counted."""
    proposed_bytes: int
    """As the engine counts: preamble, tags and lengths included."""
    max_bytes: int
    """The lower of the engine's and the chain's limit."""
    left_out: tuple[LeftOut, ...]
    """In the pool's order."""


class ProposalLog:
    """The latest proposals. Written on the state's thread, read on any."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: deque[MadeProposal] = deque(maxlen=KEPT_PROPOSALS)

    def note(self, height: int, pool: Sequence[bytes], proposal: Proposal) -> None:
        """A proposal of `height` was made from this pool."""
        left_out = tuple([LeftOut(sha256(pool[position]).digest(), refusal) for position, refusal in sorted(proposal.left_out.items())])
        size = sum([framed_size(tx) for tx in proposal.txs])
        self._made.append(MadeProposal(height, len(pool), len(pool) - len(left_out), size, proposal.max_bytes, left_out))

    def latest(self) -> list[MadeProposal]:
        """Latest first."""
        return list(self._made)[::-1]
