"""What the authority may change of markets: a pair's step, tick and status, and the limits of orders."""

from collections.abc import Callable, Iterable
from typing import Any

from modules.clob import errors
from modules.clob.genesis import MAX_LIMIT
from modules.clob.limit_tables import EquityTier, EquityTiers, RateLimit, RateLimits, require_rates, require_tiers
from modules.clob.limits import Limits
from modules.clob.model import ClobPair, OrderId, PairStatus
from modules.clob.state import ClobState
from modules.funding.keeper import FundingKeeper
from modules.kernel.codec import KEY_U32, decode_signed
from modules.kernel.context import Context
from modules.kernel.errors import INVALID_REQUEST
from modules.kernel.module import ChangeRoute
from modules.kernel.stores import Map
from modules.perp.keeper import PerpKeeper
from perpd_proto.dydxprotocol.clob import block_rate_limit_config_pb2, equity_tier_limit_config_pb2, tx_pb2
from perpd_proto.perpd.clob.v1 import tx_pb2 as own_pb2

_OPEN = (PairStatus.ACTIVE, PairStatus.PAUSED, PairStatus.CANCEL_ONLY, PairStatus.POST_ONLY)
_MOVES: dict[int, tuple[PairStatus, ...]] = {
    **dict.fromkeys(_OPEN, (*_OPEN, PairStatus.FINAL_SETTLEMENT)),
    PairStatus.INITIALIZING: (PairStatus.ACTIVE, PairStatus.POST_ONLY, PairStatus.FINAL_SETTLEMENT),
    PairStatus.FINAL_SETTLEMENT: (PairStatus.INITIALIZING,),
}
"""Where a status may go, besides staying."""
_STATUSES = tuple(int(status) for status in PairStatus)
_LEAST = {"max_fills_per_order": 1, "max_impact_orders": 1, "max_open_orders": 0}


class Pairs:
    """Judges and makes changes of pairs."""

    __slots__ = ("_end_market", "_funding", "_perp", "_state")

    def __init__(self, state: ClobState, perp: PerpKeeper, funding: FundingKeeper, end_market: Callable[[Context, int], None]) -> None:
        """`end_market` ends every order of a pair and says so."""
        self._state = state
        self._perp = perp
        self._funding = funding
        self._end_market = end_market

    def update(self, ctx: Context, wanted: ClobPair) -> None:
        """Step, tick and status are the wanted ones; a market that enters final settlement has no orders any more.

        Raises 8; 39 for another perpetual or exponent, or a step or tick that orders on the old grid might not fit; 35.
        """
        old = self._state.pairs.get(ctx, wanted.id)
        if old is None:
            raise errors.UNKNOWN_PAIR(f"clob pair {wanted.id}")
        if wanted.perpetual_id != old.perpetual_id:
            raise errors.INVALID_PAIR_UPDATE(f"the perpetual stays {old.perpetual_id}, not {wanted.perpetual_id}")
        if wanted.quantum_conversion_exponent != old.quantum_conversion_exponent:
            raise errors.INVALID_PAIR_UPDATE(
                f"the exponent stays {old.quantum_conversion_exponent}, not {wanted.quantum_conversion_exponent}"
            )
        for name, before, after in (
            ("step", old.step_base_quantums, wanted.step_base_quantums),
            ("tick", old.subticks_per_tick, wanted.subticks_per_tick),
        ):
            if before % after:
                raise errors.INVALID_PAIR_UPDATE(f"the {name} {after} does not divide {before}")
        lot = self._funding.lot(ctx, old.perpetual_id)
        if wanted.step_base_quantums % lot:
            raise errors.INVALID_PAIR_UPDATE(f"the step {wanted.step_base_quantums} is not a multiple of the funding lot, {lot}")
        self._check_move(ctx, old, wanted.status)
        self._state.pairs.set(ctx, old.id, wanted)
        if wanted.status == PairStatus.FINAL_SETTLEMENT != old.status:
            self._end_market(ctx, old.id)

    def _check_move(self, ctx: Context, pair: ClobPair, status: int) -> None:
        """Raises 35."""
        if status == pair.status:
            return
        if status not in _MOVES[pair.status]:
            raise errors.INVALID_STATUS_MOVE(f"from {PairStatus(pair.status).name} to {PairStatus(status).name}")
        if pair.status == PairStatus.FINAL_SETTLEMENT:
            if self._perp.open_interest(ctx, pair.perpetual_id):
                raise errors.INVALID_STATUS_MOVE(f"perpetual {pair.perpetual_id} has open positions that are to be settled first")
            prefix = KEY_U32.encode(pair.id)
            tables: tuple[Map[OrderId, Any], ...] = (self._state.orders, self._state.waiting, self._state.twaps)
            if any(True for table in tables for _ in table.keys(ctx, prefix)):
                raise errors.INVALID_STATUS_MOVE(f"clob pair {pair.id} has orders that are to be cancelled first")


def changes(state: ClobState, pairs: Pairs, limits: Limits) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(tx_pb2.MsgUpdateClobPair, tx_pb2.MsgUpdateClobPairResponse, decode_pair, pairs.update),
        ChangeRoute(
            tx_pb2.MsgUpdateEquityTierLimitConfiguration,
            tx_pb2.MsgUpdateEquityTierLimitConfigurationResponse,
            decode_equity_tiers,
            limits.set_equity_tiers,
        ),
        ChangeRoute(
            tx_pb2.MsgUpdateBlockRateLimitConfiguration,
            tx_pb2.MsgUpdateBlockRateLimitConfigurationResponse,
            decode_rate_limits,
            limits.set_rate_limits,
        ),
        ChangeRoute(
            own_pb2.MsgUpdateParams,
            own_pb2.MsgUpdateParamsResponse,
            decode_params,
            lambda ctx, wanted: state.params.set(ctx, state.params.require(ctx)._replace(**wanted)),
        ),
    )


def decode_pair(message: tx_pb2.MsgUpdateClobPair) -> ClobPair:
    """The pair as it is wanted. Raises 27."""
    pair = message.clob_pair
    if pair.WhichOneof("metadata") != "perpetual_clob_metadata":
        raise errors.INVALID_PAIR_PARAMETER("perpetual_clob_metadata is missing")
    if pair.step_base_quantums == 0:
        raise errors.INVALID_PAIR_PARAMETER("step_base_quantums 0")
    if pair.subticks_per_tick == 0:
        raise errors.INVALID_PAIR_PARAMETER("subticks_per_tick 0")
    if int(pair.status) not in _STATUSES:
        raise errors.INVALID_PAIR_PARAMETER(f"status {pair.status}")
    return ClobPair(
        pair.id,
        pair.perpetual_clob_metadata.perpetual_id,
        pair.step_base_quantums,
        pair.subticks_per_tick,
        pair.quantum_conversion_exponent,
        int(pair.status),
    )


def decode_params(message: own_pb2.MsgUpdateParams) -> dict[str, int]:
    """Limits by name. Raises sdk 18 for one out of its bounds."""
    wanted = {name: int(getattr(message.params, name)) for name in _LEAST}
    for name, value in wanted.items():
        if not _LEAST[name] <= value <= MAX_LIMIT:
            raise INVALID_REQUEST(f"{name} must be between {_LEAST[name]} and {MAX_LIMIT}, not {value}")
    return wanted


def decode_equity_tiers(message: tx_pb2.MsgUpdateEquityTierLimitConfiguration) -> EquityTiers:
    """Both tables; an empty one limits nothing. Raises 10000."""
    config = message.equity_tier_limit_config
    stateful, short_term = _tiers(config.stateful_order_equity_tiers), _tiers(config.short_term_order_equity_tiers)
    return require_tiers(EquityTiers(stateful=stateful, short_term=short_term))


def _tiers(rows: Iterable[equity_tier_limit_config_pb2.EquityTierLimit]) -> tuple[EquityTier, ...]:
    try:
        return tuple(EquityTier(decode_signed(row.usd_tnc_required), row.limit) for row in rows)
    except ValueError as error:
        raise errors.INVALID_EQUITY_TIERS(f"usd_tnc_required: {error}") from None


def decode_rate_limits(message: tx_pb2.MsgUpdateBlockRateLimitConfiguration) -> RateLimits:
    """The windows of each class; none limits nothing. The deprecated lists are passed over. Raises 5000."""
    config = message.block_rate_limit_config
    return require_rates(
        RateLimits(
            stateful_orders=_windows(config.max_stateful_orders_per_n_blocks),
            short_term_orders_and_cancels=_windows(config.max_short_term_orders_and_cancels_per_n_blocks),
            leverage_updates=_windows(config.max_leverage_updates_per_n_blocks),
        )
    )


def _windows(rows: Iterable[block_rate_limit_config_pb2.MaxPerNBlocksRateLimit]) -> tuple[RateLimit, ...]:
    return tuple(RateLimit(row.num_blocks, row.limit) for row in rows)
