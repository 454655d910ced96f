"""What is asked about tiers and ids. Perpetuals themselves are answered by funding, which knows their index."""

from modules.kernel.codec import KEY_U32, encode_signed
from modules.kernel.context import Context
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.perp import formulas
from modules.perp.keeper import PerpKeeper
from modules.perp.model import INDEX, MARK, LiquidityTier, Mark
from perpd_proto.dydxprotocol.perpetuals import perpetual_pb2, query_pb2
from perpd_proto.perpd.perp.v1 import query_pb2 as own_pb2

MARGIN_PRICE_KINDS = {INDEX: own_pb2.MARGIN_PRICE_INDEX, MARK: own_pb2.MARGIN_PRICE_MARK}
"""As the wire names them."""


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


def mark(ctx: Context, keeper: PerpKeeper, request: own_pb2.QueryMarkRequest) -> own_pb2.QueryMarkResponse:
    """The mark with its components, and what the next one will be made of; NOT_FOUND if there is no such perpetual."""
    perpetual = keeper.perpetual(ctx, request.perpetual_id)
    if perpetual is None:
        raise QueryError("NOT_FOUND", f"perpetual {request.perpetual_id} does not exist")
    found = keeper.mark.look(ctx, perpetual.id)
    median, clamped = _median(found)
    return own_pb2.QueryMarkResponse(
        height=ctx.height,
        exponent=keeper.price_exponent(ctx, perpetual),
        mark_price=found.price,
        index_price=found.index_price,
        average_basis=encode_signed(found.basis),
        impact_middle=found.impact_middle,
        median=median,
        clamped=clamped,
        clamp_ppm=perpetual.mark_clamp_ppm,
        ema_seconds=perpetual.mark_ema_seconds,
        margin_price=MARGIN_PRICE_KINDS[perpetual.margin_price],
        book=own_pb2.MarkBook(
            middle=found.book_middle,
            impact_middle=found.book_impact_middle,
            basis_millionths=encode_signed(found.ema),
            observed_nanoseconds=found.observed_ns,
            frozen=found.frozen_height == ctx.height and ctx.height > 0,
        ),
    )


def _median(mark: Mark) -> tuple[own_pb2.MarkComponent, bool]:
    """Whose price is in the middle, and whether the clamp has moved it. Of equals the first counts."""
    if not mark.price:
        return own_pb2.MARK_COMPONENT_UNSPECIFIED, False
    value = formulas.median(mark.index_price, mark.basis, mark.impact_middle or mark.index_price)
    if value == mark.index_price:
        return own_pb2.MARK_COMPONENT_INDEX, False
    component = own_pb2.MARK_COMPONENT_AVERAGE if value == mark.index_price + mark.basis else own_pb2.MARK_COMPONENT_IMPACT
    return component, value != mark.price


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
