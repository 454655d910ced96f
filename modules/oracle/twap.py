"""Averages of prices over time: what was in force when, kept so that any past window is answered from its two ends.

Every series (a market's index, a perpetual's mark) is a ring of pages. A window's average is the difference of the integrals at its
ends over its length, so its cost does not depend on its length: a binary search of the ring and a walk in one page for each end.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from modules.kernel.context import Context
from modules.oracle import formulas, pages
from modules.oracle.model import INDEX, Series, SeriesHead
from modules.oracle.pages import Integrals, Page, Step
from modules.oracle.state import OracleState


class Average(NamedTuple):
    """Of one window [from, to): the price was numerator / denominator on average."""

    numerator: int
    """Price x nanoseconds, exact."""
    denominator: int
    """The window's nanoseconds, positive."""
    fresh_ns: int
    """In how many of them the price was fresh; in the others the last price was in force without being confirmed."""

    @property
    def price(self) -> int:
        """Rounded down, in the series' unit."""
        return formulas.average(self.numerator, self.denominator)


class Kept(NamedTuple):
    """What of a series can be asked."""

    oldest_ns: int
    latest_ns: int
    """The time of the latest block."""
    market_id: int


class Averages:
    """Records series and answers for them."""

    __slots__ = ("_state",)

    def __init__(self, state: OracleState) -> None:
        self._state = state

    # Recording

    def lapse(self, ctx: Context, stale_from_ns: Mapping[int, int]) -> None:
        """Markets (id to moment) whose price has ceased to be fresh since the block before: their series say so from that moment on.

        Called before anything changes prices; moments are not after the block's time.
        """
        if not stale_from_ns:
            return
        for series, head in self._state.series.items(ctx):
            moment_ns = stale_from_ns.get(head.market_id)
            if moment_ns is None:
                continue
            page = self._page(ctx, series, head.newest)
            if page.fresh:
                self._add(ctx, series, head, page, Step(max(moment_ns, page.last_ns), page.price, fresh=False))

    def record(self, ctx: Context, series: Series, market_id: int, price: int, *, fresh: bool) -> None:
        """From the block's time on the price is in force. `market_id` is the market whose age tells how long it stays fresh.

        Writes nothing if it was in force already: a step function needs no new step then.
        """
        head = self._state.series.get(ctx, series)
        step = Step(ctx.time_ns, price, fresh)
        if head is None:
            self._state.series.set(ctx, series, SeriesHead(0, 0, market_id))
            self._state.pages.set(ctx, (*series, 0), pages.opened(step, Integrals(0, 0)))
            return
        page = self._page(ctx, series, head.newest)
        if page.price != price or page.fresh != fresh:
            self._add(ctx, series, head, page, step)

    def _add(self, ctx: Context, series: Series, head: SeriesHead, page: Page, step: Step) -> None:
        """The series has this step: in the page that grows, or, if that is full, in the place of the oldest page."""
        slots = self._slots(ctx)
        if step.time_ns == page.last_ns:
            self._state.pages.set(ctx, (*series, head.newest % slots), pages.corrected(page, step))
        elif page.step_count < pages.STEPS_PER_PAGE:
            self._state.pages.set(ctx, (*series, head.newest % slots), pages.continued(page, step))
        else:
            newest = head.newest + 1
            self._state.series.set(ctx, series, SeriesHead(newest, max(head.oldest, newest - slots + 1), head.market_id))
            self._state.pages.set(ctx, (*series, newest % slots), pages.opened(step, page.at(step.time_ns)))

    # Reading

    def kept(self, ctx: Context, series: Series) -> Kept | None:
        """The range in which windows may lie, both ends included; None for a series that has never had a price."""
        head = self._state.series.get(ctx, series)
        if head is None:
            return None
        return Kept(self._page(ctx, series, head.oldest).first_ns, ctx.time_ns, head.market_id)

    def average(self, ctx: Context, series: Series, from_ns: int, to_ns: int) -> Average:
        """ORACLE-20: of the window [from, to), which is not empty and lies in the kept range."""
        assert from_ns < to_ns <= ctx.time_ns
        begin, end = self._at(ctx, series, from_ns), self._at(ctx, series, to_ns)
        return Average(end.cumulative - begin.cumulative, to_ns - from_ns, end.fresh_ns - begin.fresh_ns)

    def _at(self, ctx: Context, series: Series, time_ns: int) -> Integrals:
        """The integrals up to a moment in the kept range: in the last page that begins not after it."""
        head = self._state.series.get(ctx, series)
        assert head is not None
        low, high = head.oldest, head.newest
        while low < high:
            middle = (low + high + 1) >> 1
            if self._page(ctx, series, middle).first_ns <= time_ns:
                low = middle
            else:
                high = middle - 1
        return self._page(ctx, series, low).at(time_ns)

    def history(self, ctx: Context, series: Series, head: SeriesHead) -> Iterator[Page]:
        """The kept pages in order."""
        for number in range(head.oldest, head.newest + 1):
            yield self._page(ctx, series, number)

    def _page(self, ctx: Context, series: Series, number: int) -> Page:
        page = self._state.pages.get(ctx, (*series, number % self._slots(ctx)))
        assert page is not None, f"{series} has no page {number}"
        return page

    def _slots(self, ctx: Context) -> int:
        return formulas.page_slots(self._state.observations.require(ctx), pages.STEPS_PER_PAGE)

    # Invariant

    def check(self, ctx: Context) -> list[str]:
        """ORACLE-T: each series' pages lie in order, continue each other exactly, and are full but for the newest; none is of no series."""
        broken: list[str] = []
        expected: dict[tuple[int, int, int], None] = {}
        slots = self._slots(ctx)
        for series, head in self._state.series.items(ctx):
            for number in range(head.oldest, head.newest + 1):
                expected[(*series, number % slots)] = None
            missing = [key for key in expected if not self._state.pages.has(ctx, key)]
            if missing or head.newest - head.oldest >= slots:
                broken.append(f"{series} lacks pages {missing}, or has more than {slots}: {head}")
                continue
            broken.extend(f"{series}: {sentence}" for sentence in self._check_pages(list(self.history(ctx, series, head)), ctx.time_ns))
            if series.kind == INDEX and series.id != head.market_id:
                broken.append(f"{series} is of market {head.market_id}")
            if not self._state.prices.has(ctx, head.market_id):
                broken.append(f"{series} is of market {head.market_id}, which does not exist")
        broken.extend(f"a page {key} of no series" for key in self._state.pages.keys(ctx) if key not in expected)
        return broken

    def _check_pages(self, history: list[Page], now_ns: int) -> Iterator[str]:
        before: Page | None = None
        for page in history:
            steps = list(pages.read(page))
            if page != pages.of(steps, Integrals(page.first_cumulative, page.first_fresh_ns)):
                yield f"the page from {page.first_ns} is not what its steps give"
            if any(late.time_ns <= early.time_ns for early, late in pairwise(steps)) or steps[-1].time_ns > now_ns:
                yield f"the page from {page.first_ns} has steps that are not in order, or after the block's time"
            if page is not history[-1] and page.step_count != pages.STEPS_PER_PAGE:
                yield f"the page from {page.first_ns} has {page.step_count} steps and is not the newest"
            if before is not None and (
                page.first_ns <= before.last_ns or (page.first_cumulative, page.first_fresh_ns) != before.at(page.first_ns)
            ):
                yield f"the page from {page.first_ns} does not continue the one from {before.first_ns}"
            before = page
