"""What trading costs, how much has been traded, and who gets the fees."""

from collections.abc import Iterator, Sequence

from modules.fees import errors, formulas
from modules.fees.model import EVERYBODY, Discount, FeeTier, FeeTiers, Share, Volume
from modules.fees.state import FeesState
from modules.fees.volume import Volumes
from modules.kernel.context import Context
from modules.kernel.units import Address

_RATES = "fees.rates"
_TOTAL = "fees.total"


class FeesKeeper:
    """Rates by owner and market, volume, destinations. Amounts are quote quantums, rates ppm of them."""

    def __init__(self, state: FeesState) -> None:
        self._state = state
        self._volumes = Volumes(state)

    def tiers(self, ctx: Context) -> tuple[FeeTier, ...]:
        """From everybody's on."""
        return self._state.tiers.require(ctx).tiers

    def set_tiers(self, ctx: Context, tiers: tuple[FeeTier, ...]) -> None:
        """These sound tiers are all that there are."""
        self._state.tiers.set(ctx, FeeTiers(tiers))

    def window_seconds(self, ctx: Context) -> int:
        """How long volume counts."""
        return self._state.params.require(ctx).window_seconds

    def first_hour(self, ctx: Context) -> int:
        """The oldest hour since the unix epoch whose volume counts."""
        return formulas.first_hour(ctx.time_ns, self.window_seconds(ctx))

    def tier_index(self, ctx: Context, owner: Address) -> int:
        """The number of the owner's tier, from 0."""
        tiers = self.tiers(ctx)
        if len(tiers) == 1 or self._volumes.is_below(ctx, owner, tiers[1].absolute_volume_requirement):
            return 0
        return formulas.tier_index(tiers, self.volume(ctx, owner), self.total_volume(ctx))

    def rates(self, ctx: Context, owner: Address, pair_id: int) -> tuple[int, int]:
        """(taker, maker) fee of the owner in that market, ppm; a negative maker fee is a rebate. Constant during a block."""
        memo: dict[tuple[Address, int], tuple[int, int]] | None = ctx.scratch.get(_RATES)
        if memo is None:
            memo = ctx.scratch[_RATES] = {}
        found = memo.get((owner, pair_id))
        if found is None:
            tier = self.tiers(ctx)[self.tier_index(ctx, owner)]
            discount = self._state.discounts.get(ctx, pair_id)
            found = tier.taker_fee_ppm, tier.maker_fee_ppm
            if discount is not None:
                charged, now = formulas.charged, ctx.time_ns
                found = charged(found[0], discount, now), charged(found[1], discount, now)
            memo[(owner, pair_id)] = found
        return found

    def discount(self, ctx: Context, pair_id: int) -> Discount | None:
        """The market's discount, also one that is over or yet to come."""
        return self._state.discounts.get(ctx, pair_id)

    def discounts(self, ctx: Context) -> Iterator[tuple[int, Discount]]:
        """(clob pair, discount), ascending."""
        return self._state.discounts.items(ctx)

    def set_discounts(self, ctx: Context, discounts: Sequence[tuple[int, Discount]]) -> None:
        """These sound discounts hold, each instead of its market's present one. Raises 406 for one that is over."""
        for pair_id, discount in discounts:
            if discount.end_ns <= ctx.time_ns:
                raise errors.INVALID_TIME_RANGE(f"the discount of clob pair {pair_id} must end in the future")
            self._state.discounts.set(ctx, pair_id, discount)

    def volume(self, ctx: Context, owner: Address) -> Volume:
        """What the owner has traded in the window, up to the end of the last block."""
        return self._volumes.since(ctx, owner, self.first_hour(ctx))

    def total_volume(self, ctx: Context) -> int:
        """What everybody has traded in the window, each fill once, up to the end of the last block."""
        total: int | None = ctx.scratch.get(_TOTAL)
        if total is None:
            total = ctx.scratch[_TOTAL] = self.volume(ctx, EVERYBODY).taker
        return total

    def hour_volumes(self, ctx: Context, hour: int) -> Iterator[tuple[Address, Volume]]:
        """(trader, what it traded in that hour), by address; none of an hour that does not count (any more)."""
        return self._volumes.in_hour(ctx, hour) if hour >= self.first_hour(ctx) else iter(())

    def record(self, ctx: Context, taker: Address, maker: Address, quote: int) -> None:
        """A fill of that much has happened between these owners (who may be one); once per fill. It counts from the next block on."""
        self._volumes.record(ctx, taker, maker, quote)

    def end_block(self, ctx: Context) -> None:
        """The block's volume counts from now on."""
        self._volumes.fold(ctx, self.window_seconds(ctx))
        ctx.scratch.pop(_RATES, None)
        ctx.scratch.pop(_TOTAL, None)

    def router_share(self, ctx: Context, address: Address) -> int | None:
        """An order router's share of its orders' fees in ppm; None: not registered."""
        return self._state.routers.get(ctx, address)

    def payouts(
        self, ctx: Context, taker_fee: int, maker_fee: int, taker_router: Address | None, maker_router: Address | None
    ) -> tuple[tuple[Address, int], ...]:
        """(account, amount > 0) that a fill's fees give to order routers and revenue shares; together less than the net fee."""
        return formulas.payouts(
            taker_fee,
            maker_fee,
            self._router(ctx, taker_router),
            self._router(ctx, maker_router),
            self._state.params.require(ctx).revenue_shares,
        )

    def routed(
        self, ctx: Context, taker_fee: int, maker_fee: int, taker_router: Address | None, maker_router: Address | None
    ) -> tuple[int, int]:
        """What of these payouts goes to the taker's and to the maker's order router."""
        return formulas.routed(taker_fee, maker_fee, self._router(ctx, taker_router), self._router(ctx, maker_router))

    def _router(self, ctx: Context, address: Address | None) -> Share | None:
        share = None if address is None else self._state.routers.get(ctx, address)
        return None if address is None or share is None else Share(address, share)
