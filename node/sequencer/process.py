"""ProcessProposal: whether a proposed block is the one valid block of its set of transactions (design.md 3.2)."""

from collections.abc import Sequence
from typing import NamedTuple

from modules.kernel.context import Context
from node.sequencer.admission import Sources
from node.sequencer.block import open_block
from node.sequencer.errors import ORDER
from node.votes.preamble import LastCommit


class Verdict(NamedTuple):
    """ACCEPT, or the first thing that is wrong."""

    accepted: bool
    rule: str = ""
    """Id of the broken rule in design.md 3.2."""
    position: int = 0
    """Of the first offending transaction."""
    reason: str = ""


ACCEPTED = Verdict(accepted=True)


def process(ctx: Context, sources: Sources, txs: Sequence[bytes], app_hash: bytes, last_commit: LastCommit) -> Verdict:
    """The verdict on a proposal for the block of `ctx`: a function of the block and of the state after height - 1 alone."""
    block = open_block(ctx, sources, txs, app_hash, last_commit)
    if block.preamble_refusal is not None:
        return Verdict(accepted=False, rule=block.preamble_refusal.rule.id, position=0, reason=block.preamble_refusal.log)
    admission = block.admission
    if admission.refusals:
        position = min(admission.refusals)
        refusal = admission.refusals[position]
        return Verdict(accepted=False, rule=refusal.rule.id, position=position, reason=refusal.log)
    for expected, (position, _) in enumerate(admission.order, block.first):
        if position != expected:
            return Verdict(
                accepted=False,
                rule=ORDER.id,
                position=expected,
                reason=f"position {expected} belongs to the transaction at {position}: {ORDER.kind.text}",
            )
    return ACCEPTED
