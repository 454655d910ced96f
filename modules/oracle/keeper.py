"""The oracle's verbs: the one way to read a price, and the one way in which votes move it."""

from collections.abc import Iterator, Mapping, Sequence

from modules.kernel.context import Context
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.oracle import formulas
from modules.oracle.choice import Judged, SourceChoice
from modules.oracle.events import PRICE_UPDATED, STANDING_CHANGED
from modules.oracle.model import INDEX, MARK, Market, MarketPrice, PriceVote, Reading, Reopening, Series, Standing
from modules.oracle.sources import Choice, MarketSources, Source, SourcePrice, SourceState
from modules.oracle.state import OracleState
from modules.oracle.twap import Averages

_MEMO = "oracle.standing"


class OracleKeeper:
    """Prices by market id."""

    def __init__(self, state: OracleState) -> None:
        self._state = state
        self.averages = Averages(state)
        """What prices have been over time."""
        self.sources = SourceChoice(state)
        """Where prices come from, for markets that name more sources than votes."""

    def market(self, ctx: Context, market_id: int) -> Market | None:
        return self._state.markets.get(ctx, market_id)

    def markets(self, ctx: Context) -> Iterator[Market]:
        """Every market, ascending by id."""
        for _, market in self._state.markets.items(ctx):
            yield market

    def price(self, ctx: Context, market_id: int, maximum_age_seconds: int) -> Reading:
        """The market's last price, with its age and what that allows to a reader who takes none older than so many seconds of block time.

        Price 0 if it was never set. The market exists (genesis checks who refers to it).
        """
        found = self.recorded(ctx, market_id)
        return Reading(found.price, found.exponent, ctx.time_ns - found.updated_ns, self._judge(ctx, market_id, found, maximum_age_seconds))

    def recorded(self, ctx: Context, market_id: int) -> MarketPrice:
        """The price as it is kept, for the oracle's own files: everybody else names an age."""
        found = self._state.prices.get(ctx, market_id)
        assert found is not None, f"market {market_id} does not exist"
        return found

    def maximum_age_seconds(self, ctx: Context, market_id: int) -> int:
        """The age in seconds of block time up to which the market's price is fresh: its own, else that of all markets."""
        market = self._state.markets.get(ctx, market_id)
        assert market is not None, f"market {market_id} does not exist"
        return market.maximum_age_seconds or self._state.maximum_age_seconds.require(ctx)

    def standing(self, ctx: Context, market_id: int) -> Standing:
        """What the market's price allows in this block, at the market's own maximum age. Point reads only.

        Remembered in the context's scratch until prices may change.
        """
        memo: dict[int, Standing] | None = ctx.scratch.get(_MEMO)
        if memo is None:
            memo = ctx.scratch[_MEMO] = {}
        found = memo.get(market_id)
        if found is None:
            found = self._judge(ctx, market_id, self.recorded(ctx, market_id), self.maximum_age_seconds(ctx, market_id))
            memo[market_id] = found
        return found

    def not_fresh(self, ctx: Context) -> Mapping[int, Standing]:
        """Every market whose price is not FRESH, by id; mostly none."""
        return {market_id: standing for market_id in self._state.markets.keys(ctx) if (standing := self.standing(ctx, market_id))}

    def reopening(self, ctx: Context) -> Reopening:
        """When markets have to prove themselves again."""
        return self._state.reopening.require(ctx)

    def updates_to_come(self, ctx: Context, market_id: int) -> int:
        """By how many updates of its price the market is open again; 0: it is."""
        return self._state.reopenings.get(ctx, market_id) or 0

    def begin_block(self, ctx: Context, gap_ns: int) -> None:
        """After a gap between blocks that is longer than the parameter every market is REOPENING. Before the block's prices come."""
        self.averages.lapse(ctx, self._lapsed(ctx))
        parameters = self.reopening(ctx)
        if parameters.fresh_prices and gap_ns > parameters.gap_seconds * NANOSECONDS_PER_SECOND:
            for market_id in list(self._state.markets.keys(ctx)):
                self._state.reopenings.set(ctx, market_id, parameters.fresh_prices)
            ctx.scratch.pop(_MEMO, None)

    def _lapsed(self, ctx: Context) -> dict[int, int]:
        """ORACLE-22: markets whose price, as the block before left it, is too old by now: since when."""
        found = {}
        for market_id, price in self._state.prices.items(ctx):
            stale_from_ns = formulas.stale_from_ns(price.updated_ns, self.maximum_age_seconds(ctx, market_id))
            if stale_from_ns <= ctx.time_ns:
                found[market_id] = stale_from_ns
        return found

    def record_prices(self, ctx: Context) -> None:
        """The index of every market is in force from the block's time on. After the block's prices have come."""
        not_fresh = self.not_fresh(ctx)
        for market_id, found in self._state.prices.items(ctx):
            if found.price:
                self.averages.record(ctx, Series(INDEX, market_id), market_id, found.price, fresh=market_id not in not_fresh)

    def record_mark(self, ctx: Context, perpetual_id: int, market_id: int, price: int) -> None:
        """The mark of a perpetual, in its market's unit, is in force from the block's time on. It is as fresh as the market's index."""
        self.averages.record(ctx, Series(MARK, perpetual_id), market_id, price, fresh=not self.standing(ctx, market_id))

    def tell_standings(self, ctx: Context) -> None:
        """An event for each market whose standing is another one than when it was told last, also by mere ageing. After the prices."""
        now = self.not_fresh(ctx)
        for market_id in list(self._state.markets.keys(ctx)):
            standing = now.get(market_id, Standing.FRESH)
            if standing != (self._state.standings.get(ctx, market_id) or Standing.FRESH):
                if standing:
                    self._state.standings.set(ctx, market_id, int(standing))
                else:
                    self._state.standings.delete(ctx, market_id)
                ctx.emit(STANDING_CHANGED, market_id, standing.name)

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
            said = SourcePrice(formulas.aggregate(reported), 0, ctx.time_ns, ctx.height, 0, 0, reporting_power, total_power)
            if not self.sources.has_list(ctx, market_id):
                self._accept(ctx, market_id, said)
            elif self.sources.takes(ctx, market_id, Source.VOTES):
                self.sources.record(ctx, market_id, Source.VOTES, said)
        ctx.scratch.pop(_MEMO, None)

    def choose_sources(self, ctx: Context) -> None:
        """Markets that name their sources have the price of the one that is in force, checked against the others. After the votes.

        Not only where there are votes: a signed update or a push acts from the beginning of the block after the one that took it.
        """
        for market_id, rules in list(self.sources.markets(ctx)):
            market = self.market(ctx, market_id)
            assert market is not None, "sources are of markets"
            judged = self.sources.judge(ctx, market, rules)
            said = self.sources.begin_block(ctx, market, rules, judged)
            if said is not None:
                self._accept(ctx, market_id, said, rules, judged)
        ctx.scratch.pop(_MEMO, None)

    def source_states(self, ctx: Context, market: Market) -> tuple[list[SourceState], Choice, int]:
        """The sources of any market as they are now, which is in force, and how many good blocks a preferred one needs to be it again."""
        return self.sources.states(ctx, market, self.recorded(ctx, market.id), self.maximum_age_seconds(ctx, market.id))

    def _accept(
        self, ctx: Context, market_id: int, said: SourcePrice, rules: MarketSources | None = None, judged: Sequence[Judged] = ()
    ) -> None:
        """The market has this price as far as one block may move it, as young as its source says, and no more certain than others make it.

        A market that is REOPENING takes it whole: what the chain missed is no move of one block.
        """
        market, old = self.market(ctx, market_id), self.recorded(ctx, market_id)
        assert market is not None, "every price is of a market"
        left = self.updates_to_come(ctx, market_id)
        price = old.price
        if formulas.is_move(old.price, said.price, market.minimum_move_ppm):
            price = formulas.moved(old.price, said.price, 0 if left else market.maximum_move_ppm)
        # What a source said earlier and is merely still in force is no update.
        if left and said.height + 1 >= ctx.height and (said.height, said.time_ns) != (old.updated_height, old.updated_ns):
            if left > 1:
                self._state.reopenings.set(ctx, market_id, left - 1)
            else:
                self._state.reopenings.delete(ctx, market_id)
        deviation = self.sources.cross_check(ctx, market_id, rules, judged, price) if rules is not None else 0
        confidence = max(said.confidence, deviation)
        found = MarketPrice(price, old.exponent, said.height, said.time_ns, said.reporting_power, said.total_power, confidence)
        if found != old:
            self._state.prices.set(ctx, market_id, found)
        if price != old.price:
            ctx.emit(PRICE_UPDATED, market_id, price)

    def _judge(self, ctx: Context, market_id: int, found: MarketPrice, maximum_age_seconds: int) -> Standing:
        market = self.market(ctx, market_id)
        assert market is not None, f"market {market_id} does not exist"
        return formulas.standing(
            found.price,
            fresh=formulas.is_fresh(found.price, found.updated_ns, ctx.time_ns, maximum_age_seconds),
            confident=formulas.is_confident(found.price, found.confidence, market.maximum_confidence_ppm),
            reopening=self._state.reopenings.has(ctx, market_id),
        )

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
        return broken + self.averages.check(ctx)
