"""What the authority may change of liquidation: the reference's configuration (its message is of package clob) and our own limits."""

from typing import Any

from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, Problems
from modules.liquidation import errors, genesis
from modules.liquidation.state import LiquidationState
from perpd_proto.dydxprotocol.clob import tx_pb2
from perpd_proto.perpd.liquidation.v1 import tx_pb2 as own_pb2

_OWN = tuple(field.name for field in own_pb2.Params.DESCRIPTOR.fields)


def changes(state: LiquidationState) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""

    def update(ctx: Context, said: dict[str, int]) -> None:
        state.params.set(ctx, state.params.require(ctx)._replace(**said))

    return (
        ChangeRoute(
            tx_pb2.MsgUpdateLiquidationsConfig,
            tx_pb2.MsgUpdateLiquidationsConfigResponse,
            decode_config,
            update,
        ),
        ChangeRoute(own_pb2.MsgUpdateParams, own_pb2.MsgUpdateParamsResponse, decode_limits, update),
    )


def decode_config(message: tx_pb2.MsgUpdateLiquidationsConfig) -> dict[str, int]:
    """The parameters that the message can say, by name; the others stay. Raises clob 1000 with the first that genesis would not take."""
    config = message.liquidations_config
    said: dict[str, Any] = {
        "max_liquidation_fee_ppm": config.max_liquidation_fee_ppm,
        "min_position_notional_liquidated": config.position_block_limits.min_position_notional_liquidated,
        "max_position_portion_liquidated_ppm": config.position_block_limits.max_position_portion_liquidated_ppm,
        "max_notional_liquidated": config.subaccount_block_limits.max_notional_liquidated,
        "max_quantums_insurance_lost": config.subaccount_block_limits.max_quantums_insurance_lost,
        "bankruptcy_adjustment_ppm": config.fillable_price_config.bankruptcy_adjustment_ppm,
        "spread_to_maintenance_margin_ratio_ppm": config.fillable_price_config.spread_to_maintenance_margin_ratio_ppm,
    }
    return _checked(said)


def decode_limits(message: own_pb2.MsgUpdateParams) -> dict[str, int]:
    """The limits that only this chain has, by name. Raises clob 1000 with the first that genesis would not take."""
    return _checked({name: getattr(message.params, name) for name in _OWN})


def _checked(said: dict[str, Any]) -> dict[str, int]:
    problems = Problems()
    genesis.validate(said, problems)
    if problems.found:
        path, sentence = problems.found[0]
        raise errors.INVALID_CONFIG(f"{path} {sentence}")
    return said
