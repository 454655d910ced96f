"""Genesis of the averages: how much is kept, and, in an export, what is kept.

`observations` (default 9,000): how many changes of a price each series keeps at least. `series` (may be absent), one for each that has
had a price: `kind` (INDEX or MARK), `id` of the market or perpetual, `market_id`, `first_page`, `cumulative` and `fresh_nanoseconds` up
to the first of `pages`, each of which has `from_nanoseconds` and `steps`, the hexadecimal digits of `pages.Page.steps`: an export of many
markets would not fit into one message of the engine if every step were written out.
"""

from collections.abc import Container
from itertools import pairwise
from typing import Any, NamedTuple

from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.oracle import formulas, pages
from modules.oracle.model import INDEX, SERIES_NAMES, Series, SeriesHead
from modules.oracle.pages import Integrals, Page, Step
from modules.oracle.state import OracleState

DEFAULT_OBSERVATIONS = 9_000
"""Half an hour of blocks that are 0.2 seconds apart, even if every one of them has another price."""
OBSERVATIONS_MAX = 10_000_000
PACKED_CHARACTERS_MAX = 1 << 20
CUMULATIVE_MAX = 2**128 - 1
"""The largest price at the last nanosecond that a timestamp can name."""


class _Kept(NamedTuple):
    series: Series
    head: SeriesHead
    pages: list[Page]


class AveragesSection(NamedTuple):
    """What of section `oracle` is about averages."""

    observations: int
    series: list[_Kept]


def read(reader: Reader, market_ids: Container[int]) -> AveragesSection:
    """Reads the two keys, and reports every mistake in them."""
    observations = reader.integer("observations", pages.STEPS_PER_PAGE, OBSERVATIONS_MAX, DEFAULT_OBSERVATIONS)
    found: dict[Series, _Kept] = {}
    for entry in reader.objects("series"):
        kind = SERIES_NAMES.index(entry.text("kind", choices=SERIES_NAMES))
        series = Series(kind, entry.integer("id", 0, UINT32_MAX))
        market_id = entry.integer("market_id", 0, UINT32_MAX)
        first = entry.integer("first_page", 0, UINT64_MAX)
        passed = Integrals(entry.integer("cumulative", 0, CUMULATIVE_MAX), entry.integer("fresh_nanoseconds", 0, UINT64_MAX))
        steps = _read_steps(entry)
        if series in found:
            entry.problem("id", f"{SERIES_NAMES[kind]} {series.id} has a second entry")
        if market_id not in market_ids:
            entry.problem("market_id", f"market {market_id} does not exist")
        if kind == INDEX and series.id != market_id:
            entry.problem("market_id", f"must be {series.id}, the market whose price this is, not {market_id}")
        entry.done()
        if steps:
            kept = _paged(steps, passed)
            slots = formulas.page_slots(observations, pages.STEPS_PER_PAGE)
            newest = first + len(kept) - 1
            oldest = max(first, newest - slots + 1)
            found[series] = _Kept(series, SeriesHead(newest, oldest, market_id), kept[oldest - first :])
    return AveragesSection(observations, list(found.values()))


def _read_steps(entry: Reader) -> list[Step]:
    """The steps of all pages if all are right; else none, and the first mistake is reported."""
    steps: list[Step] = []
    rows = list(entry.objects("pages", required=True))
    if not rows:
        entry.problem("pages", "must not be empty: a series begins with its first price")
    for row in rows:
        first_ns = row.integer("from_nanoseconds", 1, UINT64_MAX)
        found = _unpacked(first_ns, row.text("steps", longest=PACKED_CHARACTERS_MAX))
        row.done()
        if not found or found[0].time_ns != first_ns:
            row.problem("steps", "must be hexadecimal digits as an export writes them: whole steps, the first of them at from_nanoseconds")
            return []
        if not all(0 < step.price <= UINT64_MAX and step.time_ns <= UINT64_MAX for step in found):
            row.problem("steps", "must have prices from 1 to 2^64 - 1, and times below 2^64")
            return []
        if any(late.time_ns <= early.time_ns for early, late in pairwise([*steps[-1:], *found])):
            row.problem("steps", "must be in order of time, each step and each page later than the one before")
            return []
        steps += found
    return steps


def _unpacked(first_ns: int, text: str) -> list[Step]:
    """None for what is not packed steps."""
    try:
        return list(pages.unpacked(first_ns, bytes.fromhex(text)))
    except (ValueError, IndexError):
        return []


def _paged(steps: list[Step], passed: Integrals) -> list[Page]:
    found: list[Page] = []
    for begin in range(0, len(steps), pages.STEPS_PER_PAGE):
        part = steps[begin : begin + pages.STEPS_PER_PAGE]
        found.append(pages.of(part, found[-1].at(part[0].time_ns) if found else passed))
    return found


def init(ctx: Context, state: OracleState, section: AveragesSection) -> None:
    """The state of the section; of a series that has more than `observations` keeps, the newest."""
    state.observations.set(ctx, section.observations)
    slots = formulas.page_slots(section.observations, pages.STEPS_PER_PAGE)
    for series, head, kept in section.series:
        state.series.set(ctx, series, head)
        for number, page in enumerate(kept, head.oldest):
            state.pages.set(ctx, (*series, number % slots), page)


def export(ctx: Context, state: OracleState) -> dict[str, Any]:
    """The two keys from which `read` and `init` build this state."""
    observations = state.observations.require(ctx)
    slots = formulas.page_slots(observations, pages.STEPS_PER_PAGE)
    rows = []
    for series, head in state.series.items(ctx):
        kept = [state.pages.get(ctx, (*series, number % slots)) for number in range(head.oldest, head.newest + 1)]
        first = kept[0]
        assert first is not None
        rows.append(
            {
                "kind": SERIES_NAMES[series.kind],
                "id": series.id,
                "market_id": head.market_id,
                "first_page": str(head.oldest),
                "cumulative": str(first.first_cumulative),
                "fresh_nanoseconds": str(first.first_fresh_ns),
                "pages": [{"from_nanoseconds": str(page.first_ns), "steps": page.steps.hex()} for page in kept if page is not None],
            }
        )
    return {"observations": observations, "series": rows}
