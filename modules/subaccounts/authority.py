"""What the authority may change of subaccounts: when withdrawals and transfers wait, and for how long."""

from modules.kernel.errors import INVALID_REQUEST
from modules.kernel.module import ChangeRoute
from modules.subaccounts.gating import Gating
from modules.subaccounts.model import GatingParams
from perpd_proto.perpd.subaccounts.v1 import tx_pb2

_HIGHEST = 2**31 - 1


def changes(gating: Gating) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (ChangeRoute(tx_pb2.MsgUpdateGatingParams, tx_pb2.MsgUpdateGatingParamsResponse, decode_gating, gating.set_params),)


def decode_gating(message: tx_pb2.MsgUpdateGatingParams) -> GatingParams:
    """Both parameters, with the bounds of genesis. Raises sdk 18."""
    params = message.params
    if not 0 < params.outage_seconds <= _HIGHEST:
        raise INVALID_REQUEST(f"outage_seconds must be between 1 and {_HIGHEST}, not {params.outage_seconds}")
    if params.blocks > _HIGHEST:
        raise INVALID_REQUEST(f"blocks must be between 0 and {_HIGHEST}, not {params.blocks}")
    return GatingParams(params.outage_seconds, params.blocks)
