"""Averages of prices the slow way, and a desk on which series are recorded, for comparison."""

from bisect import bisect_right
from fractions import Fraction
from typing import Any, NamedTuple

from modules.kernel.context import Context
from modules.oracle.model import INDEX, Series
from support.markets import BTC, Markets, oracle_section

SECOND = 10**9
BTC_INDEX = Series(INDEX, BTC)
AVERAGES_MAPS = ("series", "pages")


class Slow(NamedTuple):
    """What a window's answer must be."""

    integral: Fraction
    fresh_ns: int


class SlowAverages:
    """Every step ever, summed anew for every question."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, bool]] = []

    def record(self, time_ns: int, price: int, *, fresh: bool = True) -> None:
        """From then on; of one moment the last counts."""
        if self.steps and self.steps[-1][0] == time_ns:
            self.steps.pop()
        self.steps.append((time_ns, price, fresh))

    def ask(self, from_ns: int, to_ns: int) -> Slow:
        """The sum over all steps of price times the time for which it was in force in the window."""
        integral, fresh_ns = Fraction(0), 0
        ends = [*(time_ns for time_ns, _, _ in self.steps[1:]), max(to_ns, self.steps[-1][0])]
        for (begin_ns, price, fresh), end_ns in zip(self.steps, ends, strict=True):
            held = max(min(end_ns, to_ns) - max(begin_ns, from_ns), 0)
            integral += Fraction(price) * held
            fresh_ns += held if fresh else 0
        return Slow(integral, fresh_ns)

    def in_force(self, time_ns: int) -> int:
        """The price at a moment."""
        return self.steps[bisect_right(self.steps, (time_ns, 2**64, True)) - 1][1]


class AveragesDesk(Markets):
    """Three markets of which `observations` changes are kept, and the slow reference of the series that are recorded here."""

    def __init__(self, observations: int = 32, section: dict[str, Any] | None = None) -> None:
        super().__init__({"oracle": section or oracle_section() | {"observations": observations}})
        self.averages = self.oracle.averages
        self.slow = SlowAverages()

    def record(self, price: int, after_ns: int = 0, *, fresh: bool = True, series: Series = BTC_INDEX) -> Context:
        """The price in force from so much later on."""
        ctx = self.step(after_ns)
        self.averages.record(ctx, series, BTC, price, fresh=fresh)
        self.slow.record(ctx.time_ns, price, fresh=fresh)
        return ctx

    def integral(self, from_ns: int, to_ns: int, series: Series = BTC_INDEX) -> tuple[Fraction, int]:
        """The integral of the window and its fresh nanoseconds."""
        found = self.averages.average(self.ctx, series, from_ns, to_ns)
        assert found.denominator == to_ns - from_ns
        return Fraction(found.numerator), found.fresh_ns

    def kept(self, series: Series = BTC_INDEX) -> tuple[int, int]:
        """The range in which windows may lie."""
        found = self.averages.kept(self.ctx, series)
        assert found is not None
        return found.oldest_ns, found.latest_ns

    def written(self, mark: int, series: Series = BTC_INDEX) -> list[str]:
        """The names of the maps that were written for a series since a mark of the state, one for each write."""
        maps = self.registry.maps
        return [maps[slot].name for slot, key, _ in self.ctx.state.journal[mark:] if maps[slot].name in AVERAGES_MAPS and key[:2] == series]
