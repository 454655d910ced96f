"""Plots as SVG text: lines, steps and bars on labelled axes. Colours are CSS variables of the page, so one plot reads in light and dark.

A plotting library would bring eleven packages and 40 MB to every fresh machine, and its colours are fixed when it draws.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 52, 46
COLOURS = 6
"""The page defines --series-0 to --series-5; more series than that begin anew."""
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LETTER_WIDTH = 6.6
"""Of the page's 12 px text, on the average."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis measures, with its unit. Without ends it spans its values; a logarithmic one shows whole decades of positive values."""

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One named line; `step`: each value holds until the next. NaN interrupts it."""

    name: str
    points: Sequence[tuple[float, float]]
    step: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight reference line at a value of one axis, with its name written on it."""

    value: float
    label: str
    vertical: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """Values of one axis to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    def at(self, value: float) -> float:
        """The pixel of a value; values beyond the ends stand at the ends."""
        inside = max(self.low, min(value, self.high))
        low, high, place = (math.log10(v) for v in (self.low, self.high, inside)) if self.log else (self.low, self.high, inside)
        return self.start + (place - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values inside the ends: decades, or about six equal steps."""
        if self.log:
            return [10.0**power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]
        rough = (self.high - self.low) / 6
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in STEPS if unit * factor >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [place * step for place in range(first, math.floor(self.high / step + 1e-9) + 1)]


def scale_of(axis: Axis, values: Iterable[float], start: float, end: float) -> Scale:
    """The axis over these values: a little wider than they are where no end is given; never empty."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not axis.log)] or [1.0]
    low = min(finite) if axis.low is None else axis.low
    high = max(finite) if axis.high is None else axis.high
    if axis.log:
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        return Scale(low, high if high > low else low * 10, start, end, log=True)
    room = (high - low or abs(high) or 1.0) * 0.05
    return Scale(low - room if axis.low is None else low, high + room if axis.high is None else high, start, end, log=False)


def short(value: float) -> str:
    """A number for an axis or a table: thousands as k, M, G; at most four digits."""
    for bound, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= bound * 0.99995:
            return f"{value / bound:.4g}{letter}"
    return f"{value:.4g}" if abs(value) >= 1e-9 else "0"


def line_plot(title: str, x: Axis, y: Axis, series: Sequence[Series], rules: Sequence[Rule] = (), height: int = HEIGHT) -> str:
    """Lines over a common x axis."""
    across = scale_of(x, [p[0] for one in series for p in one.points] + [r.value for r in rules if r.vertical], LEFT, WIDTH - RIGHT)
    upward = scale_of(y, [p[1] for one in series for p in one.points] + [r.value for r in rules if not r.vertical], height - BOTTOM, TOP)
    parts = [_horizontal_grid(upward, y.label, height)]
    parts += [_text(across.at(value), height - BOTTOM + 16, short(value), "middle") for value in across.ticks()]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 8, x.label, "middle"))
    for rule in rules:
        place = (across if rule.vertical else upward).at(rule.value)
        ends = (place, TOP, place, height - BOTTOM) if rule.vertical else (LEFT, place, WIDTH - RIGHT, place)
        parts.append('<line class="rule" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'.format(*ends))
        near = (place - 5, TOP + 12) if rule.vertical else (WIDTH - RIGHT - 4, place - 4)
        parts.append(_text(near[0], near[1], rule.label, "end"))
    for number, one in enumerate(series):
        path = _path(one, across.at, upward.at)
        dashes = ' stroke-dasharray="6 4"' if one.dashed else ""
        parts.append(f'<path class="line" style="stroke:var(--series-{number % COLOURS})"{dashes} d="{path}"/>')
    parts.append(_legend([one.name for one in series]))
    return _drawing(title, parts, height)


def bar_plot(title: str, y: Axis, names: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]], beyond: str) -> str:
    """Groups of bars, one for each name; an infinite value fills the height and says `beyond`."""
    values = [value for _, row in groups for value in row]
    upward = scale_of(y, values, HEIGHT - BOTTOM, TOP)
    parts = [_horizontal_grid(upward, y.label, HEIGHT)]
    room = (WIDTH - LEFT - RIGHT) / max(1, len(groups))
    width = room * 0.8 / max(1, len(names))
    for place, (label, row) in enumerate(groups):
        left = LEFT + place * room + room * 0.1
        parts.append(_text(left + room * 0.4, HEIGHT - BOTTOM + 16, label, "middle"))
        for number, value in enumerate(row):
            top = TOP if math.isinf(value) else upward.at(value)
            edge, middle = left + number * width, left + (number + 0.5) * width
            kind = "bar open" if math.isinf(value) else "bar"
            colour = f"var(--series-{number % COLOURS})"
            body = f'x="{edge + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" height="{HEIGHT - BOTTOM - top:.1f}"'
            parts.append(f'<rect class="{kind}" style="fill:{colour};stroke:{colour}" {body}/>')
            parts.append(_text(middle, top + 14 if math.isinf(value) else top - 4, beyond if math.isinf(value) else short(value), "middle"))
    parts.append(_legend(names))
    return _drawing(title, parts, HEIGHT)


def _path(series: Series, across: Callable[[float], float], upward: Callable[[float], float]) -> str:
    words: list[str] = []
    drawing = False
    last = 0.0
    for x, y in series.points:
        if not math.isfinite(y):
            drawing = False
            continue
        if drawing and series.step:
            words.append(f"L{across(x):.1f} {last:.1f}")
        last = upward(y)
        words.append(f"{'L' if drawing else 'M'}{across(x):.1f} {last:.1f}")
        drawing = True
    return " ".join(words)


def _horizontal_grid(upward: Scale, label: str, height: int) -> str:
    parts = []
    for value in upward.ticks():
        place = upward.at(value)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{place:.1f}" x2="{WIDTH - RIGHT}" y2="{place:.1f}"/>')
        parts.append(_text(LEFT - 6, place + 4, short(value), "end"))
    middle = (TOP + height - BOTTOM) / 2
    parts.append(f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle">{escape(label)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{height - BOTTOM}H{WIDTH - RIGHT}"/>')
    return "".join(parts)


def _legend(names: Sequence[str]) -> str:
    parts = []
    left = float(LEFT)
    for number, name in enumerate(names):
        parts.append(f'<rect style="fill:var(--series-{number % COLOURS})" x="{left:.1f}" y="29" width="12" height="6"/>')
        parts.append(_text(left + 17, 36, name, "start"))
        left += 36 + LETTER_WIDTH * len(name)
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _drawing(title: str, parts: Iterable[str], height: int) -> str:
    name = escape(title, quote=True)
    body = "\n".join(parts)
    head = f'<text class="title" x="{LEFT}" y="15">{name}</text>'
    return f'<svg role="img" aria-label="{name}" viewBox="0 0 {WIDTH} {height}">\n{head}\n{body}\n</svg>'
