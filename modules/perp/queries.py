"""What is asked about tiers and ids. Perpetuals themselves are answered by funding, which knows their index."""

from modules.kernel.codec import KEY_U32, encode_signed
from modules.kernel.context import Context
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.perp import formulas
from modules.perp.keeper import PerpKeeper
from modules.perp.model import LiquidityTier
from perpd_proto.dydxprotocol.perpetuals import perpetual_pb2, query_pb2
from perpd_proto.perpd.perp.v1 import query_pb2 as own_pb2


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


def margin(ctx: Context, keeper: PerpKeeper, request: own_pb2.QueryMarginRequest) -> own_pb2.QueryMarginResponse:
    """Rates at the present open interest and price; NOT_FOUND if there is no such perpetual."""
    perpetual = keeper.perpetual(ctx, request.perpetual_id)
    if perpetual is None:
        raise QueryError("NOT_FOUND", f"perpetual {request.perpetual_id} does not exist")
    tier, open_interest = keeper.tier(ctx, perpetual), keeper.open_interest(ctx, perpetual.id)
    return own_pb2.QueryMarginResponse(
        height=ctx.height,
        initial_ppm=formulas.initial_ppm(keeper.terms(ctx, perpetual.id), open_interest),
        maintenance_ppm=keeper.lowest_rates(ctx, perpetual)[1],
        brackets=[own_pb2.MarginBracket(**bracket._asdict()) for bracket in tier.brackets],
        open_interest=encode_signed(open_interest),
    )
