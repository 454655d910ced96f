"""Pages of a price's history: a step function of time with its integral, packed so that a change rewrites one small value.

A page holds up to `STEPS_PER_PAGE` steps. A step is a moment from which on a price is in force, fresh or not, until the next step. Of
its first and last step the page knows the integrals up to there, so that it can be searched by its first and continued from its last
without reading the steps between. Pure functions of integers: nothing here knows of state.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modules.kernel.codec import BIG, BOOL, BYTES, UINT, Record, read_uvarint, unzigzag, uvarint, zigzag
from modules.oracle import formulas

STEPS_PER_PAGE = 32
"""Few enough that the page that grows stays within some 350 bytes, many enough that the tree has few leaves."""


class Step(NamedTuple):
    """From `time_ns` on the price is in force."""

    time_ns: int
    price: int
    fresh: bool


class Integrals(NamedTuple):
    """What has passed up to a moment."""

    cumulative: int
    """Price x nanoseconds."""
    fresh_ns: int
    """Nanoseconds with a fresh price."""

    def after(self, elapsed_ns: int, price: int, *, fresh: bool) -> "Integrals":
        """So many nanoseconds later, the price in force all the while."""
        return Integrals(formulas.accumulate(self.cumulative, price, elapsed_ns), self.fresh_ns + (elapsed_ns if fresh else 0))


class Page(NamedTuple):
    """Consecutive steps, never none. `first_…` and `last_…` are of the first and the last of them."""

    first_ns: int
    first_cumulative: int
    first_fresh_ns: int
    """Both integrals up to `first_ns`."""
    step_count: int
    steps: bytes
    """Of each step uvarint(2 x nanoseconds since the step before + fresh), uvarint(zig-zag of price - price before); before the first 0."""
    last_ns: int
    last_cumulative: int
    last_fresh_ns: int
    price: int
    fresh: bool
    """Price and freshness in force from `last_ns` on."""

    def at(self, time_ns: int) -> Integrals:
        """The integrals up to a moment not before the first step; after the last one its price stays in force."""
        assert time_ns >= self.first_ns
        if time_ns >= self.last_ns:
            return Integrals(self.last_cumulative, self.last_fresh_ns).after(time_ns - self.last_ns, self.price, fresh=self.fresh)
        passed = Integrals(self.first_cumulative, self.first_fresh_ns)
        walk = read(self)
        step = next(walk)
        for following in walk:
            if following.time_ns > time_ns:
                break
            passed = passed.after(following.time_ns - step.time_ns, step.price, fresh=step.fresh)
            step = following
        return passed.after(time_ns - step.time_ns, step.price, fresh=step.fresh)


PAGE: Record[Page] = Record(
    Page,
    first_ns=UINT,
    first_cumulative=BIG,
    first_fresh_ns=UINT,
    step_count=UINT,
    steps=BYTES,
    last_ns=UINT,
    last_cumulative=BIG,
    last_fresh_ns=UINT,
    price=UINT,
    fresh=BOOL,
)


def opened(step: Step, passed: Integrals) -> Page:
    """A page of one step, `passed` up to it."""
    packed = _packed(0, step, 0)
    return Page(step.time_ns, *passed, 1, packed, step.time_ns, *passed, step.price, step.fresh)


def continued(page: Page, step: Step) -> Page:
    """The page with one more step, which is not before its last one. The page is not full."""
    elapsed_ns = step.time_ns - page.last_ns
    assert elapsed_ns >= 0
    assert page.step_count < STEPS_PER_PAGE
    packed = page.steps + _packed(elapsed_ns, step, page.price)
    return Page(*page[:3], page.step_count + 1, packed, step.time_ns, *page.at(step.time_ns), step.price, step.fresh)


def corrected(page: Page, step: Step) -> Page:
    """The page whose last step, which is of the same moment, is this one instead."""
    assert step.time_ns == page.last_ns
    kept = list(read(page))[:-1]
    return of([*kept, step], Integrals(page.first_cumulative, page.first_fresh_ns))


def of(steps: list[Step], passed: Integrals) -> Page:
    """The page of these steps, `passed` up to the first."""
    page = opened(steps[0], passed)
    for step in steps[1:]:
        page = continued(page, step)
    return page


def read(page: Page) -> Iterator[Step]:
    """Its steps in order."""
    return unpacked(page.first_ns, page.steps)


def unpacked(first_ns: int, steps: bytes) -> Iterator[Step]:
    """The steps that `Page.steps` packs, the first of them at `first_ns`. Raises IndexError, late, for bytes that end early."""
    position, time_ns, price, size = 0, first_ns, 0, len(steps)
    while position < size:
        head, position = read_uvarint(steps, position)
        change, position = read_uvarint(steps, position)
        time_ns += head >> 1
        price += unzigzag(change)
        yield Step(time_ns, price, bool(head & 1))


def _packed(elapsed_ns: int, step: Step, price_before: int) -> bytes:
    return uvarint(elapsed_ns << 1 | step.fresh) + zigzag(step.price - price_before)
