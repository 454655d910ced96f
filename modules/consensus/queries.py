"""Read-only answers: limits of blocks, and the engine's parameters as clients know them."""

from typing import Any

from modules.consensus.keeper import ConsensusKeeper
from modules.kernel.context import Context
from modules.kernel.intmath import divmod_floor
from modules.kernel.units import NANOSECONDS_PER_SECOND
from perpd_proto.cosmos.consensus.v1 import query_pb2 as cosmos
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2 as perpd


def sequencer_params(ctx: Context, keeper: ConsensusKeeper, _request: Any) -> perpd.QueryParamsResponse:
    """The limits as of the state that is read."""
    params = keeper.params(ctx)
    return perpd.QueryParamsResponse(
        params=perpd.Params(
            max_block_bytes=params.max_block_bytes,
            max_block_txs=params.max_block_txs,
            quota_per_account_and_lane=params.quota_per_account_and_lane,
            max_tx_bytes=params.max_tx_bytes,
            lane_byte_share_ppm=params.lane_byte_share_ppm,
            max_vote_extension_bytes=params.max_vote_extension_bytes,
            max_memo_bytes=params.max_memo_bytes,
            gas_per_message=params.gas_per_message,
            gas_per_byte=params.gas_per_byte,
        )
    )


def consensus_params(ctx: Context, keeper: ConsensusKeeper, _request: Any) -> cosmos.QueryParamsResponse:
    """The engine's parameters as genesis gave them."""
    chain = keeper.chain(ctx)
    response = cosmos.QueryParamsResponse()
    params = response.params
    params.block.max_bytes = chain.engine.block_max_bytes
    params.block.max_gas = chain.engine.block_max_gas
    params.evidence.max_age_num_blocks = chain.engine.evidence_max_age_blocks
    seconds, nanos = divmod_floor(chain.engine.evidence_max_age_ns, NANOSECONDS_PER_SECOND)
    params.evidence.max_age_duration.seconds = seconds
    params.evidence.max_age_duration.nanos = nanos
    params.evidence.max_bytes = chain.engine.evidence_max_bytes
    params.validator.pub_key_types.append("ed25519")
    params.version.app = chain.engine.app_version
    params.abci.vote_extensions_enable_height = chain.vote_extension_enable_height
    return response
