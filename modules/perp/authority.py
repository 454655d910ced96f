"""What the authority may change of perpetuals: tiers, and a perpetual's name, market, interest and tier.

Stateless rules come with decoding, in the order of the reference; the rest is judged when a change is applied.
"""

from modules.kernel.context import Context
from modules.kernel.errors import INVALID_REQUEST
from modules.kernel.module import ChangeRoute
from modules.kernel.units import MILLION
from modules.oracle.keeper import OracleKeeper
from modules.oracle.model import Standing
from modules.perp import errors
from modules.perp.model import CROSS, ISOLATED, NAME_CHARACTERS_MAX, LiquidityTier, Perpetual
from modules.perp.state import PerpState
from perpd_proto.dydxprotocol.perpetuals import tx_pb2


def changes(state: PerpState, oracle: OracleKeeper) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(
            tx_pb2.MsgSetLiquidityTier,
            tx_pb2.MsgSetLiquidityTierResponse,
            decode_tier,
            lambda ctx, tier: set_tier(ctx, state, tier),
        ),
        ChangeRoute(
            tx_pb2.MsgUpdatePerpetualParams,
            tx_pb2.MsgUpdatePerpetualParamsResponse,
            decode_perpetual,
            lambda ctx, wanted: update_perpetual(ctx, state, oracle, wanted),
        ),
    )


def decode_tier(message: tx_pb2.MsgSetLiquidityTier) -> LiquidityTier:
    """The tier. Raises perpetuals 3, 4, 16, 24, and sdk 18 for a name that is none."""
    tier = message.liquidity_tier
    if not 0 < tier.initial_margin_ppm <= MILLION:
        raise errors.INITIAL_MARGIN(f"{tier.initial_margin_ppm}")
    if not 0 < tier.maintenance_fraction_ppm <= MILLION:
        raise errors.MAINTENANCE_FRACTION(f"{tier.maintenance_fraction_ppm}")
    if tier.impact_notional == 0:
        raise errors.IMPACT_NOTIONAL("0")
    if tier.open_interest_lower_cap > tier.open_interest_upper_cap:
        raise errors.OPEN_INTEREST_CAPS(f"{tier.open_interest_lower_cap} and {tier.open_interest_upper_cap}")
    if not 0 < len(tier.name) <= NAME_CHARACTERS_MAX:
        raise INVALID_REQUEST(f"the tier's name has {len(tier.name)} characters, not 1 to {NAME_CHARACTERS_MAX}")
    return LiquidityTier(
        tier.id,
        tier.name,
        tier.initial_margin_ppm,
        tier.maintenance_fraction_ppm,
        tier.impact_notional,
        tier.open_interest_lower_cap,
        tier.open_interest_upper_cap,
    )


def set_tier(ctx: Context, state: PerpState, tier: LiquidityTier) -> None:
    """The tier is there, new or changed. Brackets, which the message cannot say, stay as they are."""
    old = state.tiers.get(ctx, tier.id)
    state.tiers.set(ctx, tier.id, tier if old is None else tier._replace(brackets=old.brackets))


def decode_perpetual(message: tx_pb2.MsgUpdatePerpetualParams) -> Perpetual:
    """The perpetual as it is wanted. Raises perpetuals 6, 5, 23, and sdk 18 for a ticker that is too long."""
    params = message.perpetual_params
    if not params.ticker:
        raise errors.EMPTY_TICKER(f"perpetual {params.id}")
    if len(params.ticker) > NAME_CHARACTERS_MAX:
        raise INVALID_REQUEST(f"the ticker has {len(params.ticker)} characters, at most {NAME_CHARACTERS_MAX} are allowed")
    if abs(params.default_funding_ppm) > MILLION:
        raise errors.DEFAULT_FUNDING(f"{params.default_funding_ppm}")
    if params.market_type not in (CROSS, ISOLATED):
        raise errors.MARKET_TYPE(f"{params.market_type}")
    return Perpetual(
        params.id,
        params.ticker,
        params.market_id,
        params.atomic_resolution,
        params.default_funding_ppm,
        params.liquidity_tier,
        int(params.market_type),
    )


def update_perpetual(ctx: Context, state: PerpState, oracle: OracleKeeper, wanted: Perpetual) -> None:
    """Ticker, market, default funding and tier are the wanted ones; atomic resolution and market type stay, whatever the message says, and
    so does what it cannot say: the margin price and how the mark is made.

    Raises perpetuals 1, 12, and 2 also for a market without a price where positions are open: they would be worth nothing.
    """
    old = state.perpetuals.get(ctx, wanted.id)
    if old is None:
        raise errors.PERPETUAL_MISSING(f"perpetual {wanted.id}")
    if oracle.market(ctx, wanted.market_id) is None:
        raise errors.MARKET_MISSING(f"market {wanted.market_id}")
    is_priced = oracle.standing(ctx, wanted.market_id) is not Standing.INVALID
    if wanted.market_id != old.market_id and state.open_interest.has(ctx, old.id) and not is_priced:
        raise errors.MARKET_MISSING(f"market {wanted.market_id} has no price yet, and perpetual {old.id} has open positions")
    if not state.tiers.has(ctx, wanted.liquidity_tier):
        raise errors.TIER_MISSING(f"liquidity tier {wanted.liquidity_tier}")
    changed = old._replace(
        ticker=wanted.ticker,
        market_id=wanted.market_id,
        default_funding_ppm=wanted.default_funding_ppm,
        liquidity_tier=wanted.liquidity_tier,
    )
    state.perpetuals.set(ctx, old.id, changed)
    if wanted.market_id != old.market_id:
        # How far the book was from another market's index, in its units, says nothing of this one's.
        state.marks.delete(ctx, old.id)
