"""What clients ask about fees and volume."""

from modules.fees.keeper import FeesKeeper
from modules.kernel.context import Context
from modules.kernel.module import asked_address
from perpd_proto.dydxprotocol.feetiers import params_pb2, query_pb2
from perpd_proto.dydxprotocol.stats import query_pb2 as stats_query_pb2
from perpd_proto.dydxprotocol.stats import stats_pb2


def perpetual_fee_params(ctx: Context, keeper: FeesKeeper) -> query_pb2.QueryPerpetualFeeParamsResponse:
    """All tiers, the first first."""
    params = params_pb2.PerpetualFeeParams(tiers=[tier.message() for tier in keeper.tiers(ctx)])
    return query_pb2.QueryPerpetualFeeParamsResponse(params=params)


def user_fee_tier(ctx: Context, keeper: FeesKeeper, request: query_pb2.QueryUserFeeTierRequest) -> query_pb2.QueryUserFeeTierResponse:
    """The tier in which an address trades; it need not have traded yet."""
    index = keeper.tier_index(ctx, asked_address(request.user))
    return query_pb2.QueryUserFeeTierResponse(index=index, tier=keeper.tiers(ctx)[index].message())


def user_stats(request: stats_query_pb2.QueryUserStatsRequest) -> stats_query_pb2.QueryUserStatsResponse:
    """Counted volume of an address. None is counted yet, so all fields are zero."""
    asked_address(request.user)
    return stats_query_pb2.QueryUserStatsResponse(stats=stats_pb2.UserStats())
