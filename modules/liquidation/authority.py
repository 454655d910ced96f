"""What the authority may change of liquidation: the reference's configuration. The message is of package clob, as there."""

from typing import Any

from modules.kernel.module import ChangeRoute, Problems
from modules.liquidation import errors, genesis
from modules.liquidation.state import LiquidationState
from perpd_proto.dydxprotocol.clob import tx_pb2


def changes(state: LiquidationState) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(
            tx_pb2.MsgUpdateLiquidationsConfig,
            tx_pb2.MsgUpdateLiquidationsConfigResponse,
            decode_config,
            lambda ctx, limits: state.params.set(ctx, state.params.require(ctx)._replace(**limits)),
        ),
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
    problems = Problems()
    genesis.validate(said, problems)
    if problems.found:
        path, sentence = problems.found[0]
        raise errors.INVALID_CONFIG(f"{path} {sentence}")
    return said
