"""The manipulation study as a section of the report: what was tried, what it cost, and which properties of the mark held."""

import math
from collections.abc import Sequence

from report.arena import DEPTHS, INDEX, Arena, Attack, Depth
from report.manipulation import (
    HOLD_REFILLS_PPM,
    NEVER,
    ONE_PERCENT_PPM,
    REFILL_PPM,
    REQUIRED_RATIO,
    RULE,
    WIDE_RULE,
    Comparison,
    Scale,
    attacks_on,
    book_only_costs,
    compare,
    hold,
    most_in_one_block_ppm,
    our_costs,
    wild_readings,
    within_clamp,
)
from report.page import Section
from report.svg import Axis, Rule, Series, bar_plot, line_plot, short

from modules.kernel.units import MILLION
from support.clob_exchange import TICK

PERCENT_PPM = 10_000
MEDIUM = DEPTHS[1]
ATTACK_BEGINS, ATTACK_ENDS = 60, 240
"""Seconds of the attack that is shown over time."""
WINDOWS_SECONDS = (60, 300)
"""Of the averages shown beside it."""
UNITS = 100_000
"""Of the oracle in one USDC."""
WILD_SHOWN = 150
"""So many of the wild blocks are drawn."""


def manipulation(scale: Scale | None = None) -> Section:
    """What moving a mark costs."""
    scale = scale or Scale()
    section = Section("manipulation", "What it costs to move the mark price")
    _explain(section)
    _one_percent(section, scale)
    _half_the_clamp(section, scale)
    _cost_curves(section, scale)
    _over_time(section, scale)
    _holding(section, scale)
    _wild(section, scale)
    return section


def percent(ppm: float) -> str:
    """Ppm as percent."""
    return f"{ppm / PERCENT_PPM:.4g} %"


def money(usdc: float) -> str:
    """An amount of USDC; `never` where no amount is enough."""
    return "never" if math.isinf(usdc) else f"{usdc:,.0f}"


def refilled(ppm: int) -> str:
    """How fast makers come back."""
    return f"refill {percent(ppm)}/s" if ppm else "no refill"


def ratio(value: float) -> str:
    """How many times as much."""
    return "never" if math.isinf(value) else f"{value:.1f}x"


def _explain(section: Section) -> None:
    section.say(
        "An attacker buys on a real order book, matched by the exchange's own modules, to lift a mark price above the honest index.",
        "The index is 60,000 USDC and does not move: trading here cannot move it, so a mark that is the index alone costs infinitely",
        "much to move. The book-only mark is the middle of best bid and best ask. Our mark is the median of the index, of the index plus",
        f"the average (over {RULE.ema_seconds} s) of middle less index, and of the middle of the prices at which 10,000 USDC trade; it is",
        f"never further from the index than the clamp, {percent(RULE.clamp_ppm)}. Inside the spread anybody moves any middle for nothing.",
    )
    section.say(
        "The loss is what the attacker has paid, fees included, less the bought position valued at the index: the best that closing it",
        "again can bring. The capital is that loss and the initial margin of the position and the resting bid. Funding, which the",
        "attacker would pay as well, is left out. The attacker is granted more than the chain gives: it acts last in every block and",
        "takes its quotes back before anybody can trade against them. Of all ways to do it (buy up to any level, hold as long as needed)",
        f"the cheapest counts. Honest makers put back {percent(REFILL_PPM)} of a level's size per second at their old prices, unless said",
        "otherwise.",
    )
    rows = [
        (
            depth.name,
            money(depth.within_one_percent),
            f"{len(depth.levels())}",
            percent(_ppm(depth.levels()[0][0])),
            percent(_ppm(depth.levels()[-1][0])),
        )
        for depth in DEPTHS
    ]
    header = ("book", "USDC within 1 %", "levels", "nearest", "farthest")
    section.tabulate("The three books, each side; prices in geometric steps, sizes growing outward.", header, rows)


def _ppm(ticks: int) -> float:
    return ticks * TICK * MILLION / INDEX


def _one_percent(section: Section, scale: Scale) -> None:
    ours = compare(ONE_PERCENT_PPM, RULE, REFILL_PPM, scale)
    wide = compare(ONE_PERCENT_PPM, WIDE_RULE, REFILL_PPM, scale)
    _comparison_table(section, f"Moving the mark by 1 %. Clamp {percent(RULE.clamp_ppm)}, as by default.", ours)
    _comparison_table(section, f"The same if a market had set its clamp to {percent(WIDE_RULE.clamp_ppm)}.", wide)
    groups = [(one.depth.name, (one.book_only.loss, NEVER, one.ours.loss, other.ours.loss)) for one, other in zip(ours, wide, strict=True)]
    names = ("book only", "index only", f"ours, clamp {percent(RULE.clamp_ppm)}", f"ours, clamp {percent(WIDE_RULE.clamp_ppm)}")
    section.show(
        f"a book-only mark moves by 1 % for a fraction of what ours costs even where its clamp lets it; with the default clamp of "
        f"{percent(RULE.clamp_ppm)} no money moves ours so far, just as none moves the index.",
        bar_plot("Loss of moving the mark by 1 %", Axis("loss, USDC (log)", log=True, low=100), names, groups, "never"),
    )
    for rows, clamp in ((ours, RULE.clamp_ppm), (wide, WIDE_RULE.clamp_ppm)):
        section.state(
            f"Moving our mark by 1 % costs at least {REQUIRED_RATIO} times the book-only cost on each book (clamp {percent(clamp)}).",
            holds=all(one.ratio >= REQUIRED_RATIO for one in rows),
        )
        section.key_numbers += [_line("1 %", clamp, one) for one in rows]


def _half_the_clamp(section: Section, scale: Scale) -> None:
    half = RULE.clamp_ppm / 2
    rows = compare(half, RULE, REFILL_PPM, scale)
    _comparison_table(section, f"Moving the mark by half of the default clamp, {percent(half)}.", rows)
    section.state(
        f"Moving our mark by half of its clamp, {percent(half)}, costs at least {REQUIRED_RATIO} times the book-only cost on each book.",
        holds=all(one.ratio >= REQUIRED_RATIO for one in rows),
    )
    section.key_numbers += [_line(percent(half), RULE.clamp_ppm, one) for one in rows]
    lone = [(refill, compare(half, RULE, refill, scale)) for refill in HOLD_REFILLS_PPM]
    section.tabulate(
        f"What makes the difference: our loss as a multiple of the book-only loss, for {percent(half)}, by how fast makers come back.",
        ("book", *(refilled(refill) for refill, _ in lone)),
        [(depth.name, *(ratio(rows[place].ratio) for _, rows in lone)) for place, depth in enumerate(DEPTHS)],
    )
    section.say(
        "Where nobody trades against the attacker, which is the column without refill, our mark costs time, not money: the same purchase",
        f"held for {lone[0][1][1].ours.seconds} seconds. The factor of {REQUIRED_RATIO} needs a market in which somebody arbitrages.",
        "The clamp needs nobody.",
    )


def _line(what: str, clamp_ppm: int, one: Comparison) -> str:
    return (
        f"{what} on the {one.depth.name} book, clamp {percent(clamp_ppm)}: book only {money(one.book_only.loss)} USDC, "
        f"ours {money(one.ours.loss)} ({ratio(one.ratio)})"
    )


def _comparison_table(section: Section, caption: str, rows: Sequence[Comparison]) -> None:
    header = ("book", "book only: loss", "capital", "bought", "ours: loss", "capital", "bought", "held, s", "ours / book only")
    cells = [
        (
            one.depth.name,
            *(money(value) for value in (one.book_only.loss, one.book_only.bill.capital, one.book_only.bill.bought)),
            *(money(value) for value in (one.ours.loss, one.ours.bill.capital, one.ours.bill.bought)),
            str(one.ours.seconds or "-"),
            ratio(one.ratio),
        )
        for one in rows
    ]
    section.tabulate(f"{caption} Amounts in USDC.", header, cells)


def _cost_curves(section: Section, scale: Scale) -> None:
    targets = scale.displacements_ppm
    plots = []
    for depth in DEPTHS:
        curves = [Series("book only", _curve(targets, [cost.loss for cost in book_only_costs(depth, targets)]))]
        for refill in (REFILL_PPM, 0):
            costs = our_costs(depth, targets, RULE, refill, scale)
            curves.append(Series(f"ours, {refilled(refill)}", _curve(targets, [cost.loss for cost in costs]), dashed=not refill))
        plots.append(
            line_plot(
                f"Loss against displacement, {depth.name} book",
                Axis("displacement of the mark, % of the index", low=0.0),
                Axis(f"loss, USDC (log), {depth.name}", log=True),
                curves,
                [Rule(RULE.clamp_ppm / PERCENT_PPM, "clamp: ours never passes it", vertical=True)],
            )
        )
    section.show(
        "losses grow with depth and displacement alike; with makers who come back ours lies an order of magnitude above book-only, without "
        "them on it; and our curves end before the clamp whatever is paid. Index-only has no curve: no trade moves it.",
        *plots,
    )


def _curve(targets: Sequence[int], losses: Sequence[float]) -> list[tuple[float, float]]:
    """Nothing is drawn where nothing gets there, and inside the spread, where it is free."""
    shown = [loss if math.isfinite(loss) and loss > 0 else math.nan for loss in losses]
    return [(target / PERCENT_PPM, loss) for target, loss in zip(targets, shown, strict=True)]


def _clamp_attack(depth: Depth) -> Attack:
    """The cheapest attack whose middle stands beyond the clamp."""
    return next(attack for attack in attacks_on(depth) if _ppm(attack.reach_ticks) >= RULE.clamp_ppm)


def _over_time(section: Section, scale: Scale) -> None:
    arena = Arena(MEDIUM, RULE, refill_ppm=REFILL_PPM, seconds=scale.seconds)
    attack = _clamp_attack(MEDIUM)
    times = range(0, scale.hold_seconds, scale.seconds)
    readings, averages = [], []
    for second in times:
        readings.append(arena.block(attack if ATTACK_BEGINS <= second < ATTACK_ENDS else None)[0])
        averages.append([arena.average(window) for window in WINDOWS_SECONDS])

    def line(name: str, prices: Sequence[int], *, dashed: bool = False) -> Series:
        return Series(name, [(float(second), price / UNITS) for second, price in zip(times, prices, strict=True)], step=True, dashed=dashed)

    low, high = (INDEX / UNITS * (1 + sign * RULE.clamp_ppm / MILLION) for sign in (-1, 1))
    seconds = Axis("seconds", low=0.0, high=float(scale.hold_seconds))
    prices = Axis("USDC per BTC", low=low - 60, high=max(one.middle for one in readings) / UNITS + 60)
    index = line("index", [one.index for one in readings], dashed=True)
    mark = line("our mark", [one.mark for one in readings])
    average, impact = (
        line("index + average basis", [one.average for one in readings]),
        line("impact middle", [one.impact_middle for one in readings]),
    )
    section.show(
        f"during the attack ({ATTACK_BEGINS} to {ATTACK_ENDS} s) the book's middle, which is the book-only mark, jumps at once and stays; "
        "the average of its distance creeps after it, and our mark, the median, creeps along inside its clamp; when the attacker lets go "
        f"the impact middle is back as fast as the makers, and our mark with it. It cost {money(arena.bill().loss)} USDC.",
        line_plot("The book", seconds, prices, [index, line("middle (book only)", [one.middle for one in readings])], height=230),
        line_plot("What our mark is made of", seconds, prices, [index, average, impact], height=230),
        line_plot("Our mark", seconds, prices, [index, mark], [Rule(low, "clamp"), Rule(high, "clamp")], height=230),
    )
    over = [line(f"average of {window} s", [row[place] for row in averages]) for place, window in enumerate(WINDOWS_SECONDS)]
    section.show(
        "what a reader of the chain's own averages of the mark gets (the query `observe`): the longer the window, the less of the attack "
        "is in it, and the longer it stays there.",
        line_plot("Averages of our mark over the last seconds", seconds, prices, [index, mark, *over], height=230),
    )
    section.state("In this attack our mark stays inside its clamp.", holds=within_clamp(readings, RULE))
    highest = max(one.mark for one in readings)
    section.state(
        "No average of our mark ever leaves what lies between the index and the highest mark.",
        holds=all(INDEX <= price <= highest for row in averages for price in row),
    )


def _holding(section: Section, scale: Scale) -> None:
    curves, rows = [], []
    times = [second for second in (1, 10, 30, 60, 120, 300, 600) if second <= scale.hold_seconds]
    for refill in HOLD_REFILLS_PPM:
        blocks = scale.hold_seconds // scale.seconds
        moments = list(hold(MEDIUM, _clamp_attack(MEDIUM), RULE, refill, scale.seconds, blocks))
        points = [(float(moment.seconds), moment.bill.loss) for moment in moments]
        curves.append(Series(refilled(refill), points, step=True))
        rows.append([next(moment for moment in moments if moment.seconds >= second) for second in times])
    moved = [percent(moment.reading.moved_ppm(moment.reading.mark)) for moment in rows[0]]
    section.tabulate(
        "Holding the middle of the medium book at the clamp: how far our mark has come, and what has been lost until then, USDC.",
        ("held for", "mark moved", *(f"loss, {refilled(refill)}" for refill in HOLD_REFILLS_PPM)),
        [(f"{rows[0][place].seconds} s", moved[place], *(money(row[place].bill.loss) for row in rows)) for place in range(len(times))],
    )
    section.show(
        "without refill the loss stands still while our mark creeps up; with it, every second costs.",
        line_plot("Loss while holding", Axis("seconds held", low=0.0), Axis("loss, USDC", low=0.0), curves),
    )


def _wild(section: Section, scale: Scale) -> None:
    readings = wild_readings(RULE, scale.wild_blocks, seed=6)
    shown = readings[:WILD_SHOWN]
    marks = [(float(place), one.moved_ppm(one.mark) / PERCENT_PPM) for place, one in enumerate(shown)]
    window = 4 * RULE.clamp_ppm / PERCENT_PPM
    middles = [(float(place), max(-window, min(window, one.moved_ppm(one.middle) / PERCENT_PPM))) for place, one in enumerate(shown)]
    bound = RULE.clamp_ppm / PERCENT_PPM
    section.show(
        "the book's middle leaves the picture (it jumps between a thousandth and a thousand times the index, and sides go missing); our "
        "mark moves inside its clamp and never leaves it.",
        line_plot(
            "The mark against its clamp under a wild book",
            Axis("block", low=0.0, high=float(len(shown))),
            Axis("% from the index", low=-window, high=window),
            [Series("middle, cut off", middles, step=True), Series("our mark", marks, step=True)],
            [Rule(bound, f"+{percent(RULE.clamp_ppm)}"), Rule(-bound, f"-{percent(RULE.clamp_ppm)}")],
        ),
    )
    section.state(
        f"Over {short(len(readings))} wild books our mark never leaves its clamp, exactly.",
        holds=within_clamp(readings, RULE),
    )
    most, share = most_in_one_block_ppm(RULE, 1), RULE.clamp_ppm / (1 + RULE.ema_seconds)
    section.state(
        f"However much is paid, one block of a second moves our mark by no more than {percent(share)}: the clamp / {1 + RULE.ema_seconds}.",
        holds=most <= share + 0.001,
    )
