"""What is asked about tiers and ids. Perpetuals themselves are answered by funding, which knows their index."""

from modules.kernel.codec import KEY_U32
from modules.kernel.context import Context
from modules.kernel.pagination import paginate
from modules.perp.keeper import PerpKeeper
from modules.perp.model import LiquidityTier
from perpd_proto.dydxprotocol.perpetuals import perpetual_pb2, query_pb2


def _tier(tier: LiquidityTier) -> perpetual_pb2.LiquidityTier:
    return perpetual_pb2.LiquidityTier(
        id=tier.id,
        name=tier.name,
        initial_margin_ppm=tier.initial_margin_ppm,
        maintenance_fraction_ppm=tier.maintenance_fraction_ppm,
        impact_notional=tier.impact_notional,
        open_interest_lower_cap=tier.open_interest_lower_cap,
        open_interest_upper_cap=tier.open_interest_upper_cap,
    )


def all_liquidity_tiers(
    ctx: Context, keeper: PerpKeeper, request: query_pb2.QueryAllLiquidityTiersRequest
) -> query_pb2.QueryAllLiquidityTiersResponse:
    """Tiers by ascending id."""
    rows, page = paginate(list(keeper.tiers(ctx)), request.pagination, lambda tier: KEY_U32.encode(tier.id))
    return query_pb2.QueryAllLiquidityTiersResponse(liquidity_tiers=[_tier(tier) for tier in rows], pagination=page)


def next_perpetual_id(ctx: Context, keeper: PerpKeeper) -> query_pb2.QueryNextPerpetualIdResponse:
    """One above the highest id in use."""
    highest = max((perpetual.id for perpetual in keeper.all(ctx)), default=-1)
    return query_pb2.QueryNextPerpetualIdResponse(next_perpetual_id=highest + 1)
