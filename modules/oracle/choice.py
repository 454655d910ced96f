"""Which of a market's sources is in force: the first good one, without flapping, and what the others say of it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modules.kernel.context import Context
from modules.kernel.units import MILLION
from modules.oracle import formulas
from modules.oracle.events import SOURCE_CHANGED, SOURCES_DEVIATED
from modules.oracle.model import Market, MarketPrice
from modules.oracle.sources import FIRST_CHOICE, Choice, MarketSources, Source, SourceKey, SourcePrice, SourceRule, SourceState
from modules.oracle.state import OracleState


def choose(choice: Choice, good: Sequence[bool], switch_back_blocks: int) -> tuple[int, tuple[int, ...]]:
    """ORACLE-30: the place that is in force in this block, and the runs of those before it.

    A place before the one in force takes over when it has been good for `switch_back_blocks` (>= 1) blocks in a row, this one included;
    else the one in force stays while it is good; else the first good one after it takes over at once; else it stays for want of any.
    """
    place = choice.place
    runs = tuple([min(run + 1, switch_back_blocks) if good[index] else 0 for index, run in enumerate(choice.runs)])
    wanted = next((index for index, run in enumerate(runs) if run >= switch_back_blocks), None)
    if wanted is None:
        wanted = place if good[place] else next((index for index in range(place + 1, len(good)) if good[index]), place)
    return wanted, (*runs, *((0,) * (wanted - place)))[:wanted]


def deviates(price: int, other: int, max_deviation_ppm: int) -> bool:
    """ORACLE-31: the other price is more than so many ppm of this one away from it, exactly."""
    return abs(other - price) * MILLION > price * max_deviation_ppm


class Judged(NamedTuple):
    """A source in this block."""

    rule: SourceRule
    price: SourcePrice | None
    fresh: bool
    certain: bool

    @property
    def good(self) -> bool:
        """Whether it may be in force."""
        return self.fresh and self.certain


class SourceChoice:
    """Prices by source, and the choice between them. Only markets that name sources in genesis have any state here."""

    def __init__(self, state: OracleState) -> None:
        self._state = state

    def markets(self, ctx: Context) -> Iterator[tuple[int, MarketSources]]:
        """Those with a list of their own, ascending by id."""
        yield from self._state.sources.items(ctx)

    def has_list(self, ctx: Context, market_id: int) -> bool:
        """Whether the market names its sources; votes alone make the price of the others."""
        return self._state.sources.has(ctx, market_id)

    def takes(self, ctx: Context, market_id: int, source: Source) -> bool:
        """Whether it is one of the market's sources."""
        rules = self._state.sources.get(ctx, market_id)
        return rules is not None and any(rule.source == source for rule in rules.order)

    def last(self, ctx: Context, market_id: int, source: Source) -> SourcePrice | None:
        """What a source has said last."""
        return self._state.source_prices.get(ctx, SourceKey(market_id, source))

    def record(self, ctx: Context, market_id: int, source: Source, price: SourcePrice) -> None:
        """The source has said this."""
        self._state.source_prices.set(ctx, SourceKey(market_id, source), price)

    def choice(self, ctx: Context, market_id: int) -> Choice:
        """What is in force since when."""
        return self._state.choices.get(ctx, market_id) or FIRST_CHOICE

    def judge(self, ctx: Context, market: Market, rules: MarketSources) -> list[Judged]:
        """ORACLE-32: a source is good if its price is no older than its own maximum age and no less certain than the market allows."""
        found = []
        for rule in rules.order:
            price = self.last(ctx, market.id, Source(rule.source))
            fresh = price is not None and formulas.is_fresh(price.price, price.time_ns, ctx.time_ns, rule.maximum_age_seconds)
            certain = price is not None and formulas.is_confident(price.price, price.confidence, market.maximum_confidence_ppm)
            found.append(Judged(rule, price, fresh, certain))
        return found

    def begin_block(self, ctx: Context, market: Market, rules: MarketSources, judged: Sequence[Judged]) -> SourcePrice | None:
        """The source of this block is in force, with an event if it is another one; what it has said last, None if nothing yet."""
        before = self.choice(ctx, market.id)
        place, runs = choose(before, [one.good for one in judged], rules.switch_back_blocks)
        after = before._replace(place=place, runs=runs)
        if place != before.place:
            after = after._replace(since_height=ctx.height)
            ctx.emit(SOURCE_CHANGED, market.id, _name(rules, before.place), _name(rules, place))
        self._keep(ctx, market.id, before, after)
        return judged[place].price

    def cross_check(self, ctx: Context, market_id: int, rules: MarketSources, judged: Sequence[Judged], price: int) -> int:
        """ORACLE-33: how far the furthest of the other fresh sources that deviate is from the market's price; 0 if none does.

        An event tells those that deviate whenever they are others than before.
        """
        before = self.choice(ctx, market_id)
        furthest = deviating = 0
        for place, one in enumerate(judged):
            if place != before.place and one.fresh and one.price is not None and deviates(price, one.price.price, rules.max_deviation_ppm):
                furthest = max(furthest, abs(one.price.price - price))
                deviating |= 1 << place
        if deviating != before.deviating:
            names = ",".join([_name(rules, place) for place in range(len(judged)) if deviating >> place & 1])
            ctx.emit(SOURCES_DEVIATED, market_id, _name(rules, before.place), names)
            self._keep(ctx, market_id, before, before._replace(deviating=deviating))
        return furthest

    def states(
        self, ctx: Context, market: Market, recorded: MarketPrice, maximum_age_seconds: int
    ) -> tuple[list[SourceState], Choice, int]:
        """The sources as they are now, the most preferred first; which is in force; how many good blocks lead back to a preferred one.

        A market without a list has votes, with what is recorded of its price.
        """
        rules = self._state.sources.get(ctx, market.id)
        if rules is None:
            fresh = formulas.is_fresh(recorded.price, recorded.updated_ns, ctx.time_ns, maximum_age_seconds)
            certain = formulas.is_confident(recorded.price, recorded.confidence, market.maximum_confidence_ppm)
            said = SourcePrice(recorded.price, recorded.confidence, recorded.updated_ns, recorded.updated_height)
            rule = SourceRule(Source.VOTES, maximum_age_seconds)
            return [SourceState(rule, said if recorded.price else None, fresh, certain, False, 0)], FIRST_CHOICE, 0
        choice = self.choice(ctx, market.id)
        states = [
            SourceState(
                one.rule,
                one.price,
                one.fresh,
                one.certain,
                bool(choice.deviating >> place & 1),
                choice.runs[place] if place < choice.place else 0,
            )
            for place, one in enumerate(self.judge(ctx, market, rules))
        ]
        return states, choice, rules.switch_back_blocks

    def _keep(self, ctx: Context, market_id: int, before: Choice, after: Choice) -> None:
        if after == before:
            return
        if after == FIRST_CHOICE:
            self._state.choices.delete(ctx, market_id)
        else:
            self._state.choices.set(ctx, market_id, after)

    def check(self, ctx: Context) -> list[str]:
        """ORACLE-B: prices by source are of sources that the market names, none is ahead of the block; a choice is one of the list's."""
        broken = []
        for key, price in self._state.source_prices.items(ctx):
            if not self.takes(ctx, key.market_id, Source(key.source)):
                broken.append(f"a price of {Source(key.source).name} for market {key.market_id}, which does not name it")
            if price.time_ns > ctx.time_ns or not price.price:
                broken.append(f"{Source(key.source).name} of market {key.market_id} said {price.price} at {price.time_ns}")
        for market_id, choice in self._state.choices.items(ctx):
            rules = self._state.sources.get(ctx, market_id)
            if rules is None or choice.place >= len(rules.order) or len(choice.runs) != choice.place:
                broken.append(f"market {market_id} has the choice {choice}")
        return broken


def _name(rules: MarketSources, place: int) -> str:
    return Source(rules.order[place].source).name
