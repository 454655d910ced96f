"""Funding exactly, and perpetuals as the reference's clients know them, which takes the funding index for display."""

from modules.funding.keeper import FundingKeeper
from modules.kernel.codec import KEY_U32, encode_signed
from modules.kernel.context import Context
from modules.kernel.intmath import div_floor
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.perp.keeper import PerpKeeper
from modules.perp.model import Perpetual
from perpd_proto.dydxprotocol.perpetuals import params_pb2, perpetual_pb2
from perpd_proto.dydxprotocol.perpetuals import query_pb2 as perpetuals_pb2
from perpd_proto.perpd.funding.v1 import query_pb2 as funding_pb2


def _perpetual(ctx: Context, perp: PerpKeeper, perpetual_id: int) -> Perpetual:
    found = perp.perpetual(ctx, perpetual_id)
    if found is None:
        raise QueryError("NOT_FOUND", f"perpetual {perpetual_id} does not exist")
    return found


def _wire(ctx: Context, perp: PerpKeeper, keeper: FundingKeeper, perpetual: Perpetual) -> perpetual_pb2.Perpetual:
    params = perpetual_pb2.PerpetualParams(
        id=perpetual.id,
        ticker=perpetual.ticker,
        market_id=perpetual.market_id,
        atomic_resolution=perpetual.atomic_resolution,
        default_funding_ppm=perpetual.default_funding_ppm,
        liquidity_tier=perpetual.liquidity_tier,
        market_type=perpetual.market_type,  # type: ignore[arg-type]  # the enum's numbers are ours
    )
    shown = keeper.display_index(ctx, perpetual.id, keeper.index(ctx, perpetual.id))
    return perpetual_pb2.Perpetual(
        params=params, funding_index=encode_signed(shown), open_interest=encode_signed(perp.open_interest(ctx, perpetual.id))
    )


def perpetual(
    ctx: Context, perp: PerpKeeper, keeper: FundingKeeper, request: perpetuals_pb2.QueryPerpetualRequest
) -> perpetuals_pb2.QueryPerpetualResponse:
    """One perpetual. NOT_FOUND if there is none."""
    return perpetuals_pb2.QueryPerpetualResponse(perpetual=_wire(ctx, perp, keeper, _perpetual(ctx, perp, request.id)))


def all_perpetuals(
    ctx: Context, perp: PerpKeeper, keeper: FundingKeeper, request: perpetuals_pb2.QueryAllPerpetualsRequest
) -> perpetuals_pb2.QueryAllPerpetualsResponse:
    """Perpetuals by ascending id."""
    rows, page = paginate(list(perp.all(ctx)), request.pagination, lambda perpetual: KEY_U32.encode(perpetual.id))
    return perpetuals_pb2.QueryAllPerpetualsResponse(perpetual=[_wire(ctx, perp, keeper, row) for row in rows], pagination=page)


def params(ctx: Context, keeper: FundingKeeper) -> perpetuals_pb2.QueryParamsResponse:
    """The clamp factors. There are no votes: every block is one sample, so one is the least that a sample needs."""
    kept = keeper.params(ctx)
    return perpetuals_pb2.QueryParamsResponse(
        params=params_pb2.Params(
            funding_rate_clamp_factor_ppm=kept.rate_clamp_factor_ppm,
            premium_vote_clamp_factor_ppm=kept.premium_clamp_factor_ppm,
            min_num_votes_per_sample=1,
        )
    )


def premium_votes() -> perpetuals_pb2.QueryPremiumVotesResponse:
    """Nobody votes on premiums: every node has the same book. Always empty."""
    return perpetuals_pb2.QueryPremiumVotesResponse(premium_votes=perpetual_pb2.PremiumStore())


def premium_samples() -> perpetuals_pb2.QueryPremiumSamplesResponse:
    """Samples are not stored one by one but weighted by time; see perpd.funding.v1. Always empty."""
    return perpetuals_pb2.QueryPremiumSamplesResponse(premium_samples=perpetual_pb2.PremiumStore())


def funding(
    ctx: Context, perp: PerpKeeper, keeper: FundingKeeper, request: funding_pb2.QueryFundingRequest
) -> funding_pb2.QueryFundingResponse:
    """The exact index and the running epoch. NOT_FOUND if there is no such perpetual."""
    perpetual_id = _perpetual(ctx, perp, request.perpetual_id).id
    index = keeper.accrued(ctx, perpetual_id)
    running = keeper.running(ctx, perpetual_id)
    charges = keeper.charges(ctx, perpetual_id)
    return funding_pb2.QueryFundingResponse(
        index=encode_signed(index.value),
        lot_base_quantums=keeper.lot(ctx, perpetual_id),
        carry=encode_signed(index.carry),
        last_rate_ppm=charges[-1].rate_ppm if charges else 0,
        premium_sum=encode_signed(running.weighted),
        covered_nanoseconds=running.covered_ns,
        epoch_end_seconds=div_floor(keeper.epoch_end_ns(ctx, perpetual_id), NANOSECONDS_PER_SECOND),
        paid_quote_quantums_total=encode_signed(index.paid_total),
    )


def rates(ctx: Context, perp: PerpKeeper, keeper: FundingKeeper, request: funding_pb2.QueryRatesRequest) -> funding_pb2.QueryRatesResponse:
    """The latest first; limit 0: all that are remembered."""
    charges = keeper.charges(ctx, _perpetual(ctx, perp, request.perpetual_id).id)
    latest = charges[::-1][: request.limit or len(charges)]
    return funding_pb2.QueryRatesResponse(
        rates=[
            funding_pb2.Rate(
                height=charge.height,
                time_seconds=charge.time_seconds,
                rate_ppm=charge.rate_ppm,
                premium_ppm=charge.premium_ppm,
                covered_nanoseconds=charge.covered_ns,
                index=encode_signed(charge.index_after),
            )
            for charge in latest
        ]
    )
