"""How liquidation is configured."""

from typing import NamedTuple

from modules.kernel.codec import UINT, Record
from modules.kernel.units import SubaccountId
from perpd_proto.dydxprotocol.clob import liquidations_config_pb2


class LiquidationParams(NamedTuple):
    """Limits and prices of liquidation; the defaults are mainnet's genesis of the reference exchange. Amounts are quote quantums."""

    max_liquidation_fee_ppm: int = 15_000
    """Of a fill's quote amount: the most that a liquidated account pays to the insurance fund."""
    min_position_notional_liquidated: int = 1_000_000_000
    """A position is liquidated at least so far in one block, if it is so large."""
    max_position_portion_liquidated_ppm: int = 100_000
    """Of a position's notional, in one block (but not less than the minimum)."""
    max_notional_liquidated: int = 100_000_000_000
    """Of one subaccount in one block, at oracle prices."""
    max_quantums_insurance_lost: int = 1_000_000_000_000
    """What the insurance fund pays for one subaccount in one block."""
    bankruptcy_adjustment_ppm: int = 1_000_000
    spread_to_maintenance_margin_ratio_ppm: int = 1_500_000
    max_orders_per_block: int = 500
    """Engine orders of one block that fill something. One that finds no liquidity takes no place: nobody can keep the engine busy."""
    max_deleveraged_positions_per_block: int = 100
    """Positions of subaccounts of negative worth that are offered to their counterparties, also in vain, in one block."""
    max_deleveraging_counterparties: int = 500
    """Of one position: the largest profitable ones, then the largest others."""
    max_settled_pairs_per_block: int = 1_000
    """Closes of a long against a short in markets in final settlement."""

    def message(self) -> liquidations_config_pb2.LiquidationsConfig:
        """As the reference's clients read it."""
        return liquidations_config_pb2.LiquidationsConfig(
            max_liquidation_fee_ppm=self.max_liquidation_fee_ppm,
            position_block_limits=liquidations_config_pb2.PositionBlockLimits(
                min_position_notional_liquidated=self.min_position_notional_liquidated,
                max_position_portion_liquidated_ppm=self.max_position_portion_liquidated_ppm,
            ),
            subaccount_block_limits=liquidations_config_pb2.SubaccountBlockLimits(
                max_notional_liquidated=self.max_notional_liquidated, max_quantums_insurance_lost=self.max_quantums_insurance_lost
            ),
            fillable_price_config=liquidations_config_pb2.FillablePriceConfig(
                bankruptcy_adjustment_ppm=self.bankruptcy_adjustment_ppm,
                spread_to_maintenance_margin_ratio_ppm=self.spread_to_maintenance_margin_ratio_ppm,
            ),
        )


class Holder(NamedTuple):
    """Somebody on the other side of a position that is deleveraged."""

    id: SubaccountId
    lots: int
    """Size in funding lots, positive."""
    profitable: bool


LIQUIDATION_PARAMS: Record[LiquidationParams] = Record(LiquidationParams, **dict.fromkeys(LiquidationParams._fields, UINT))
