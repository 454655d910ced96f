"""What trading costs."""

from modules.fees.model import FeeTier
from modules.fees.state import FeesState
from modules.kernel.context import Context
from modules.kernel.units import Address


class FeesKeeper:
    """Rates by owner. Volume is not counted yet, so everybody trades in the first tier."""

    def __init__(self, state: FeesState) -> None:
        self._state = state

    def tiers(self, ctx: Context) -> tuple[FeeTier, ...]:
        return self._state.tiers.require(ctx).tiers

    def tier_index(self, ctx: Context, owner: Address) -> int:
        """The number of the owner's tier: the first, which asks for no volume."""
        return 0

    def rates(self, ctx: Context, owner: Address, pair_id: int) -> tuple[int, int]:
        """(taker, maker) fee of the owner in that market, ppm; a negative maker fee is a rebate. Constant during a block."""
        tier = self.tiers(ctx)[self.tier_index(ctx, owner)]
        return tier.taker_fee_ppm, tier.maker_fee_ppm
