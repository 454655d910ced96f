"""What clients ask about fees and volume. Volume is up to the end of the asked height; more than 64 bits are told as the most that fit."""

from typing import Any

from modules.fees import errors
from modules.fees.keeper import FeesKeeper
from modules.fees.model import HOUR_SECONDS, Volume
from modules.kernel import address as addresses
from modules.kernel.codec import encode_signed
from modules.kernel.context import Context
from modules.kernel.intmath import UINT64_MAX
from modules.kernel.module import QueryError, QueryRoute, asked_address
from perpd_proto.dydxprotocol.feetiers import params_pb2, query_pb2
from perpd_proto.dydxprotocol.stats import params_pb2 as stats_params_pb2
from perpd_proto.dydxprotocol.stats import query_pb2 as stats_query_pb2
from perpd_proto.dydxprotocol.stats import stats_pb2


def perpetual_fee_params(ctx: Context, keeper: FeesKeeper, _: Any) -> query_pb2.QueryPerpetualFeeParamsResponse:
    """All tiers, the first first."""
    params = params_pb2.PerpetualFeeParams(tiers=[tier.message() for tier in keeper.tiers(ctx)])
    return query_pb2.QueryPerpetualFeeParamsResponse(params=params)


def user_fee_tier(ctx: Context, keeper: FeesKeeper, request: query_pb2.QueryUserFeeTierRequest) -> query_pb2.QueryUserFeeTierResponse:
    """The tier in which an address trades; it need not have traded yet."""
    index = keeper.tier_index(ctx, asked_address(request.user))
    return query_pb2.QueryUserFeeTierResponse(index=index, tier=keeper.tiers(ctx)[index].message())


def market_discount(
    ctx: Context, keeper: FeesKeeper, request: query_pb2.QueryPerMarketFeeDiscountParamsRequest
) -> query_pb2.QueryPerMarketFeeDiscountParamsResponse:
    """A market's discount, also one that is over or yet to come. NOT_FOUND where there is none."""
    discount = keeper.discount(ctx, request.clob_pair_id)
    if discount is None:
        raise QueryError("NOT_FOUND", errors.NO_DISCOUNT(f"clob pair {request.clob_pair_id}").log)
    return query_pb2.QueryPerMarketFeeDiscountParamsResponse(params=discount.message(request.clob_pair_id))


def market_discounts(ctx: Context, keeper: FeesKeeper, _: Any) -> query_pb2.QueryAllMarketFeeDiscountParamsResponse:
    """The discounts of all markets that have one, by pair."""
    return query_pb2.QueryAllMarketFeeDiscountParamsResponse(params=[found.message(pair_id) for pair_id, found in keeper.discounts(ctx)])


def staking_tiers(_ctx: Context, _keeper: FeesKeeper, _: Any) -> query_pb2.QueryStakingTiersResponse:
    """None: nothing is staked on this chain."""
    return query_pb2.QueryStakingTiersResponse()


def user_staking_tier(
    ctx: Context, keeper: FeesKeeper, request: query_pb2.QueryUserStakingTierRequest
) -> query_pb2.QueryUserStakingTierResponse:
    """The fee tier of an address, which has staked nothing and gets no discount for it."""
    tier = keeper.tiers(ctx)[keeper.tier_index(ctx, asked_address(request.address))]
    return query_pb2.QueryUserStakingTierResponse(fee_tier_name=tier.name, staked_base_tokens=encode_signed(0), discount_ppm=0)


def stats_params(ctx: Context, keeper: FeesKeeper, _: Any) -> stats_query_pb2.QueryParamsResponse:
    """How long volume counts."""
    params = stats_params_pb2.Params()
    params.window_duration.seconds = keeper.window_seconds(ctx)
    return stats_query_pb2.QueryParamsResponse(params=params)


def stats_metadata(ctx: Context, keeper: FeesKeeper, _: Any) -> stats_query_pb2.QueryStatsMetadataResponse:
    """The oldest hour that counts."""
    return stats_query_pb2.QueryStatsMetadataResponse(metadata=stats_pb2.StatsMetadata(trailing_epoch=keeper.first_hour(ctx)))


def global_stats(ctx: Context, keeper: FeesKeeper, _: Any) -> stats_query_pb2.QueryGlobalStatsResponse:
    """What everybody has traded in the window, each fill once."""
    stats = stats_pb2.GlobalStats(notional_traded=min(keeper.total_volume(ctx), UINT64_MAX))
    return stats_query_pb2.QueryGlobalStatsResponse(stats=stats)


def user_stats(ctx: Context, keeper: FeesKeeper, request: stats_query_pb2.QueryUserStatsRequest) -> stats_query_pb2.QueryUserStatsResponse:
    """What an address has traded in the window."""
    return stats_query_pb2.QueryUserStatsResponse(stats=_user_stats(keeper.volume(ctx, asked_address(request.user))))


def epoch_stats(
    ctx: Context, keeper: FeesKeeper, request: stats_query_pb2.QueryEpochStatsRequest
) -> stats_query_pb2.QueryEpochStatsResponse:
    """What each trader has traded in one hour since the unix epoch; nobody for an hour that does not count (any more)."""
    stats = stats_pb2.EpochStats()
    stats.epoch_end_time.seconds = (request.epoch + 1) * HOUR_SECONDS
    for owner, volume in keeper.hour_volumes(ctx, request.epoch):
        stats.stats.add(user=addresses.to_text(owner), stats=_user_stats(volume))
    return stats_query_pb2.QueryEpochStatsResponse(stats=stats)


def _user_stats(volume: Volume) -> stats_pb2.UserStats:
    return stats_pb2.UserStats(taker_notional=min(volume.taker, UINT64_MAX), maker_notional=min(volume.maker, UINT64_MAX))


_FEETIERS = {
    "PerpetualFeeParams": perpetual_fee_params,
    "UserFeeTier": user_fee_tier,
    "PerMarketFeeDiscountParams": market_discount,
    "AllMarketFeeDiscountParams": market_discounts,
    "StakingTiers": staking_tiers,
    "UserStakingTier": user_staking_tier,
}
_STATS = {
    "Params": stats_params,
    "StatsMetadata": stats_metadata,
    "GlobalStats": global_stats,
    "UserStats": user_stats,
    "EpochStats": epoch_stats,
}


def routes(keeper: FeesKeeper) -> tuple[QueryRoute, ...]:
    """All queries, under the names of the reference's services."""
    return tuple(
        _route(package, protos, method, handle, keeper)
        for package, protos, methods in (("feetiers", query_pb2, _FEETIERS), ("stats", stats_query_pb2, _STATS))
        for method, handle in methods.items()
    )


def _route(package: str, protos: Any, method: str, handle: Any, keeper: FeesKeeper) -> QueryRoute:
    request, response = getattr(protos, f"Query{method}Request"), getattr(protos, f"Query{method}Response")
    return QueryRoute(f"/dydxprotocol.{package}.Query/{method}", request, response, lambda ctx, asked: handle(ctx, keeper, asked))
