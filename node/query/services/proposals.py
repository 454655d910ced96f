"""perpd.node.v1.Query/Proposals: why a transaction is not in the blocks that this node proposes."""

from modules.kernel.context import Context
from modules.kernel.module import QueryError, QueryRoute
from node.sequencer.proposals import MadeProposal, ProposalLog
from perpd_proto.perpd.node.v1 import query_pb2

PATH = "/perpd.node.v1.Query/Proposals"
_HASH_BYTES = 32


def proposal_routes(log: ProposalLog) -> tuple[QueryRoute, ...]:
    """For the query table."""

    def proposals(_ctx: Context, request: query_pb2.QueryProposalsRequest) -> query_pb2.QueryProposalsResponse:
        """All that is remembered, whatever height is asked for. INVALID_ARGUMENT for a hash that is none."""
        if len(request.tx_hash) not in (0, _HASH_BYTES):
            raise QueryError("INVALID_ARGUMENT", f"a transaction's hash has {_HASH_BYTES} bytes, not {len(request.tx_hash)}")
        return query_pb2.QueryProposalsResponse(proposals=[_row(made, request.tx_hash) for made in log.latest()])

    return (QueryRoute(PATH, query_pb2.QueryProposalsRequest, query_pb2.QueryProposalsResponse, proposals),)


def _row(made: MadeProposal, tx_hash: bytes) -> query_pb2.Proposal:
    row = query_pb2.Proposal(
        height=made.height,
        pool_txs=made.pool_txs,
        proposed_txs=made.proposed_txs,
        proposed_bytes=made.proposed_bytes,
        max_bytes=made.max_bytes,
        left_out_txs=len(made.left_out),
    )
    for one in made.left_out:
        if not tx_hash or one.tx_hash == tx_hash:
            refusal = one.refusal
            row.left_out.add(tx_hash=one.tx_hash, rule=refusal.rule.id, code=refusal.code, reason=refusal.log)
    return row
