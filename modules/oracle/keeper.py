"""The oracle's verbs: the one way to read a price, and the one way in which votes move it."""

from collections.abc import Iterator, Sequence

from modules.kernel.context import Context
from modules.oracle import formulas
from modules.oracle.events import PRICE_UPDATED
from modules.oracle.model import Market, MarketPrice, PriceVote
from modules.oracle.state import OracleState


class OracleKeeper:
    """Prices by market id."""

    def __init__(self, state: OracleState) -> None:
        self._state = state

    def market(self, ctx: Context, market_id: int) -> Market | None:
        return self._state.markets.get(ctx, market_id)

    def markets(self, ctx: Context) -> Iterator[Market]:
        """Every market, ascending by id."""
        for _, market in self._state.markets.items(ctx):
            yield market

    def price(self, ctx: Context, market_id: int) -> MarketPrice:
        """The market's price with its age; price 0 if it was never set. The market exists (genesis checks who refers to it)."""
        found = self._state.prices.get(ctx, market_id)
        assert found is not None, f"market {market_id} does not exist"
        return found

    def maximum_age_seconds(self, ctx: Context) -> int:
        """The age in seconds of block time up to which a price counts as fresh."""
        return self._state.maximum_age_seconds.get(ctx) or 0

    def is_fresh(self, ctx: Context, market_id: int) -> bool:
        """Whether the price was set and is not older than the maximum age at the block's time."""
        found = self.price(ctx, market_id)
        return formulas.is_fresh(found.price, found.updated_ns, ctx.time_ns, self.maximum_age_seconds(ctx))

    def apply_votes(self, ctx: Context, votes: Sequence[PriceVote], total_power: int) -> None:
        """Each market has the weighted lower median of what was reported if two thirds of `total_power` reported it.

        Otherwise it keeps its price and ages. Ids that are no market are ignored. An agreement on the same price makes it
        younger without an event.
        """
        points: dict[int, list[tuple[int, int]]] = {market_id: [] for market_id in self._state.prices.keys(ctx)}
        for power, prices in votes:
            for market_id, price in prices:
                reported = points.get(market_id)
                if reported is not None:
                    reported.append((price, power))
        for market_id, reported in points.items():
            reporting_power = sum(power for _, power in reported)
            if not reported or not formulas.has_quorum(reporting_power, total_power):
                continue
            old = self.price(ctx, market_id)
            price = formulas.aggregate(reported)
            self._state.prices.set(ctx, market_id, MarketPrice(price, old.exponent, ctx.height, ctx.time_ns, reporting_power, total_power))
            if price != old.price:
                ctx.emit(PRICE_UPDATED, market_id, price)

    def check(self, ctx: Context) -> list[str]:
        """ORACLE-A: every market has a price entry with its exponent, none set in the future, and no entry is without a market."""
        broken = []
        for market in self.markets(ctx):
            price = self._state.prices.get(ctx, market.id)
            if price is None or price.exponent != market.exponent:
                broken.append(f"market {market.id} with exponent {market.exponent} has {price}")
            elif price.updated_ns > ctx.time_ns:
                broken.append(f"the price of market {market.id} was set at {price.updated_ns}, after the block's time {ctx.time_ns}")
        broken.extend(
            f"a price of market {market_id}, which does not exist"
            for market_id in self._state.prices.keys(ctx)
            if not self._state.markets.has(ctx, market_id)
        )
        return broken
