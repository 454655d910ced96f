"""A block as the sequencer reads it: preamble or not, and the admission of everything else. Process and FinalizeBlock start here."""

from collections.abc import Sequence
from typing import NamedTuple

from modules.kernel.context import Context
from node.sequencer.admission import Admission, Sources, admit
from node.sequencer.errors import PREAMBLE, Refusal
from node.votes.preamble import LastCommit, Preamble, is_preamble


class OpenedBlock(NamedTuple):
    """What a list of transactions is as a block. Total: every list is one."""

    preamble: Preamble | None
    """None where the block has none or a bad one: then it has no votes."""
    preamble_refusal: Refusal | None
    """What is wrong about the preamble: bad, missing, or not expected. The transactions are executed all the same."""
    first: int
    """Position of the first transaction: 1 behind what is or means to be a preamble, else 0."""
    admission: Admission


def open_block(ctx: Context, sources: Sources, txs: Sequence[bytes], app_hash: bytes, last_commit: LastCommit) -> OpenedBlock:
    """The block of `ctx` with these transactions; `app_hash` is the state's after height - 1, `last_commit` the block's own."""
    preambles = sources.preambles
    required = preambles.is_required(ctx)
    first = 1 if txs and is_preamble(txs[0]) else 0
    preamble: Preamble | None = None
    refusal: Refusal | None = None
    if required and first:
        found = preambles.verify(ctx, txs[0], last_commit)
        if isinstance(found, str):
            refusal = Refusal(PREAMBLE, found)
        else:
            preamble = found
    elif required:
        refusal = Refusal(PREAMBLE, f"the block at height {ctx.height} must begin with one")
    elif first:
        refusal = Refusal(PREAMBLE, f"the block at height {ctx.height} must not have one")
    return OpenedBlock(preamble, refusal, first, admit(ctx, sources, txs, app_hash, first))
