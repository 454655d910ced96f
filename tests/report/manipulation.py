"""What it costs to move a mark price: an attacker on real books of three depths, against three kinds of mark."""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from report.arena import DEPTHS, INDEX, USDC, Arena, Attack, Bill, Depth
from report.marks import MarkDesk, Reading, Rule

from modules.kernel.units import MILLION
from modules.perp.model import BookPrices, Exact
from support.clob_exchange import TICK

ONE_PERCENT_PPM = 10_000
REQUIRED_RATIO = 10
REFILL_PPM = 100_000
"""Of a level's size per second: taken whole, it is whole again after ten seconds."""
HOLD_REFILLS_PPM = (0, 20_000, 50_000, REFILL_PPM)
IMPACT_NOTIONAL = 10_000 * USDC
"""Of the market's tier."""
RULE = Rule()
WIDE_RULE = replace(RULE, clamp_ppm=20_000)
"""The same with a clamp that would let 1 % through: here average and impact depth must do all the work."""
NEVER = math.inf
TICK_PPM = TICK * MILLION / INDEX


@dataclass(frozen=True, slots=True)
class Scale:
    """How thorough a study is."""

    seconds: int = 2
    """Of a block."""
    hold_seconds: int = 600
    """The longest attack."""
    displacements_ppm: Sequence[int] = (
        250,
        500,
        1_000,
        1_500,
        2_000,
        2_500,
        3_000,
        3_500,
        4_000,
        4_500,
        4_900,
        6_000,
        8_000,
        10_000,
        12_000,
    )
    """For the plots of cost."""
    wild_blocks: int = 400


@dataclass(frozen=True, slots=True)
class Moment:
    """The market at the end of a block of an attack."""

    seconds: int
    reading: Reading
    bill: Bill


@dataclass(slots=True)
class Cost:
    """The cheapest way found to move a mark so far, and how long it was held; an infinite loss: none gets there."""

    bill: Bill = field(default_factory=lambda: Bill(NEVER, NEVER, NEVER))
    seconds: int = 0

    @property
    def loss(self) -> float:
        return self.bill.loss

    def offer(self, bill: Bill, seconds: int) -> None:
        """One way more; it counts if it loses less."""
        if bill.loss < self.bill.loss:
            self.bill, self.seconds = bill, seconds


def attacks_on(depth: Depth) -> list[Attack]:
    """Every way to hold the middle up, cheapest first: the asks up to some level are bought and a bid for the impact notional is left
    just below the next one, so that bid, ask, middle and impact middle all stand there. At last the whole side, with a wild ask.
    """
    ticks = [distance for distance, _ in depth.levels()]
    return [Attack((ask - 1), bid=IMPACT_NOTIONAL) for ask in ticks] + [Attack(ticks[-1], bid=IMPACT_NOTIONAL, wild_ask=1_000)]


def hold(depth: Depth, attack: Attack | None, rule: Rule, refill_ppm: int, seconds: int, blocks: int) -> Iterator[Moment]:
    """An attack that goes on: after each of its blocks the mark with which the next one begins, and what was paid until then."""
    arena = Arena(depth, rule, refill_ppm=refill_ppm, seconds=seconds)
    for number in range(1, blocks + 1):
        yield Moment(number * seconds, *arena.block(attack))


def book_only_costs(depth: Depth, targets: Sequence[float]) -> list[Cost]:
    """For each displacement the least loss that brings the middle there at the end of one block, with the least bid that can rest."""
    costs = [Cost() for _ in targets]
    for attack in worthwhile(depth, targets):
        for moment in hold(depth, replace(attack, bid=1), RULE, 0, 1, 1):
            for cost, target in zip(costs, targets, strict=True):
                if moment.reading.moved_ppm(moment.reading.middle) >= target:
                    cost.offer(moment.bill, 1)
        if all(math.isfinite(cost.loss) for cost in costs):
            break  # the others buy more
    return costs


def worthwhile(depth: Depth, targets: Sequence[float]) -> list[Attack]:
    """The attacks whose middle gets as far as the nearest of these displacements."""
    return [attack for attack in attacks_on(depth) if (attack.reach_ticks + 1) * TICK_PPM >= min(targets)]


def our_costs(depth: Depth, targets: Sequence[float], rule: Rule, refill_ppm: int, scale: Scale) -> list[Cost]:
    """For each displacement the least loss over all attacks that brings our mark there, however long one must hold on."""
    costs = [Cost() for _ in targets]
    for attack in worthwhile(depth, targets):
        missing = list(zip(targets, costs, strict=True))
        for moment in hold(depth, attack, rule, refill_ppm, scale.seconds, scale.hold_seconds // scale.seconds):
            reached, reachable = (
                moment.reading.moved_ppm(moment.reading.mark),
                min(moment.reading.moved_ppm(moment.reading.middle), rule.clamp_ppm),
            )
            for target, cost in missing:
                if target <= reached:
                    cost.offer(moment.bill, moment.seconds)
            missing = [(target, cost) for target, cost in missing if reached < target <= reachable and moment.bill.loss < cost.loss]
            if not missing:
                break
    return costs


@dataclass(frozen=True, slots=True)
class Comparison:
    """One displacement on one book: what the two marks cost that can be moved at all."""

    depth: Depth
    target_ppm: float
    book_only: Cost
    ours: Cost

    @property
    def ratio(self) -> float:
        return self.ours.loss / self.book_only.loss


def compare(target_ppm: float, rule: Rule, refill_ppm: int, scale: Scale) -> list[Comparison]:
    """The same displacement on the books of all depths."""
    return [
        Comparison(depth, target_ppm, book_only_costs(depth, [target_ppm])[0], our_costs(depth, [target_ppm], rule, refill_ppm, scale)[0])
        for depth in DEPTHS
    ]


def wild_readings(rule: Rule, blocks: int, seed: int) -> list[Reading]:
    """Our mark over books that jump between a thousandth and a thousand times an index which itself jumps; at times a side is missing,
    at times a liquidation freezes the book.
    """
    source = random.Random(seed)
    desk = MarkDesk(rule)
    index = INDEX

    def price() -> Exact | None:
        return (int(index * 10 ** source.uniform(-3, 3)) + 1, source.choice((1, 1, 7))) if source.random() < 0.9 else None

    found = []
    for _ in range(blocks):
        index = max(MILLION, int(index * source.uniform(0.98, 1.02)))
        found.append(desk.block(index, source.choice((1, 2, 30, 3_600))))
        desk.show(BookPrices(price(), price(), price(), price(), -9), frozen=source.random() < 0.1)
    return found


def within_clamp(readings: Iterable[Reading], rule: Rule) -> bool:
    """Whether every mark is within the clamp of its index, exactly."""
    return all(abs(one.mark - one.index) * MILLION <= one.index * rule.clamp_ppm for one in readings)


def most_in_one_block_ppm(rule: Rule, seconds: int) -> float:
    """How far the dearest attack moves a mark that stood at the index within one block: the whole thin book and a wild ask."""
    moments = hold(DEPTHS[0], attacks_on(DEPTHS[0])[-1], rule, 0, seconds, 1)
    return max(moment.reading.moved_ppm(moment.reading.mark) for moment in moments)
