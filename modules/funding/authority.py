"""What the authority may change of funding: the factors of its bounds."""

from typing import NamedTuple

from modules.funding import errors
from modules.funding.model import CLAMP_FACTOR_PPM_MAX
from modules.funding.state import FundingState
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute
from perpd_proto.dydxprotocol.perpetuals import tx_pb2


class Clamps(NamedTuple):
    """Factors of (initial - maintenance) margin, ppm."""

    rate_factor_ppm: int
    premium_factor_ppm: int


def changes(state: FundingState) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(
            tx_pb2.MsgUpdateParams,
            tx_pb2.MsgUpdateParamsResponse,
            decode_params,
            lambda ctx, clamps: update_params(ctx, state, clamps),
        ),
    )


def decode_params(message: tx_pb2.MsgUpdateParams) -> Clamps:
    """Both factors. Raises perpetuals 14, 15, 22."""
    params = message.params
    if not 0 < params.funding_rate_clamp_factor_ppm <= CLAMP_FACTOR_PPM_MAX:
        raise errors.RATE_CLAMP(f"{params.funding_rate_clamp_factor_ppm}")
    if not 0 < params.premium_vote_clamp_factor_ppm <= CLAMP_FACTOR_PPM_MAX:
        raise errors.PREMIUM_CLAMP(f"{params.premium_vote_clamp_factor_ppm}")
    if params.min_num_votes_per_sample == 0:
        raise errors.MIN_VOTES("0")
    return Clamps(params.funding_rate_clamp_factor_ppm, params.premium_vote_clamp_factor_ppm)


def update_params(ctx: Context, state: FundingState, clamps: Clamps) -> None:
    """The factors hold; the running samples are put inside their bounds by `FundingKeeper.follow_terms`."""
    params = state.params.require(ctx)
    factors = {"rate_clamp_factor_ppm": clamps.rate_factor_ppm, "premium_clamp_factor_ppm": clamps.premium_factor_ppm}
    state.params.set(ctx, params._replace(**factors))
