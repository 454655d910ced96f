"""Time-weighted averages: ORACLE-20 to ORACLE-23, against the slow way, and what a block writes for them."""

from fractions import Fraction
from itertools import pairwise
from math import ceil, log2
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.context import Context
from modules.oracle import formulas
from modules.oracle.model import INDEX, MARK, Series
from modules.oracle.pages import STEPS_PER_PAGE
from support.averages import BTC_INDEX, SECOND, AveragesDesk
from support.markets import BTC, ETH, START_SECONDS

START = START_SECONDS * SECOND
BLOCK = SECOND // 5

steps = st.lists(
    st.tuples(st.integers(1, 10**12), st.integers(1, 2**64 - 1), st.booleans()),
    min_size=1,
    max_size=3 * STEPS_PER_PAGE,
)


def desk_with(rows: list[tuple[int, int, bool]], observations: int = 32) -> AveragesDesk:
    """A desk on which these (nanoseconds later, price, fresh) were recorded."""
    desk = AveragesDesk(observations)
    for after_ns, price, fresh in rows:
        desk.record(price, after_ns, fresh=fresh)
    return desk


def random_rows(seed: int, count: int) -> list[tuple[int, int, bool]]:
    """A random walk in which some blocks bring nothing new and some prices are not fresh."""
    random = Random(seed)
    price, rows = 4_700_000_000, []
    for _ in range(count):
        price = max(price + random.choice((0, 0, random.randint(-(10**7), 10**7))), 1)
        rows.append((random.choice((1, BLOCK, random.randint(1, 60 * SECOND))), price, random.random() < 0.9))
    return rows


def test_constant_in_constant_out() -> None:
    """A price that never changes is its own average over every window, though blocks, restarts of freshness and pages pass by."""
    desk = AveragesDesk()
    for number in range(3 * STEPS_PER_PAGE):
        desk.record(777, BLOCK, fresh=number % 2 == 0)
    oldest, latest = desk.kept()
    random = Random(1)
    for _ in range(100):
        begin, end = sorted(random.sample(range(oldest, latest + 1), 2))
        found = desk.averages.average(desk.ctx, BTC_INDEX, begin, end)
        assert (found.numerator, found.denominator, found.price) == (777 * (end - begin), end - begin, 777)


@settings(max_examples=150, deadline=None)
@given(steps, st.data())
def test_every_window_equals_the_slow_way(rows: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    """Any steps, any window of the kept range, also ends between two steps, also after the last: exact integral and fresh time."""
    desk = desk_with(rows)
    desk.step(data.draw(st.integers(1, 10**12)))
    oldest, latest = desk.kept()
    begin = data.draw(st.integers(oldest, latest - 1))
    end = data.draw(st.integers(begin + 1, latest))
    assert desk.integral(begin, end) == desk.slow.ask(begin, end)
    assert desk.broken() == []


@settings(max_examples=100, deadline=None)
@given(steps, st.data())
def test_splitting_a_window_is_neutral(rows: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    """The parts' integrals and fresh times add up to the whole's exactly, wherever it is cut."""
    desk = desk_with(rows)
    desk.step(1_000)
    oldest, latest = desk.kept()
    cuts = sorted({oldest, latest, *data.draw(st.lists(st.integers(oldest, latest), max_size=6))})
    parts = [desk.integral(begin, end) for begin, end in pairwise(cuts)]
    assert (sum(part[0] for part in parts), sum(part[1] for part in parts)) == desk.integral(oldest, latest)


def test_the_first_and_the_last_interval_are_included() -> None:
    """A window over everything counts the first price from its first nanosecond and the last one up to the latest block."""
    desk = AveragesDesk()
    desk.record(100)
    desk.record(200, 10)
    desk.record(400, 30)
    desk.step(60)
    assert desk.kept() == (START, START + 100)
    assert desk.integral(START, START + 100) == (100 * 10 + 200 * 30 + 400 * 60, 100)
    assert desk.integral(START, START + 1) == (100, 1)
    assert desk.integral(START + 99, START + 100) == (400, 1)


def test_a_window_between_two_steps_has_the_price_in_force() -> None:
    """The price of a step holds up to the next one, not including its moment; nothing is interpolated."""
    desk = AveragesDesk()
    desk.record(100)
    desk.record(900, 1_000)
    desk.step(1_000)
    assert desk.integral(START + 400, START + 600) == (100 * 200, 200)
    assert desk.integral(START + 999, START + 1_001) == (100 + 900, 2)


def test_the_average_is_rounded_down() -> None:
    """ORACLE-21: two nanoseconds at 10 and one at 11 are 31/3; the price that is shown is 10, and 11 from 33/3 on."""
    desk = AveragesDesk()
    desk.record(10)
    desk.record(11, 2)
    desk.step(1)
    found = desk.averages.average(desk.ctx, BTC_INDEX, START, START + 3)
    assert (found.numerator, found.denominator, found.price) == (31, 3, 10)
    assert (formulas.average(32, 3), formulas.average(33, 3)) == (10, 11)


def test_of_one_moment_the_last_price_counts() -> None:
    """A second record of the same moment replaces the first, which was in force for no time; also as the only step of a page."""
    for count in (1, 2, STEPS_PER_PAGE, STEPS_PER_PAGE + 1):
        desk = desk_with([(10, price, True) for price in range(1, count + 1)])
        desk.record(5_000)
        desk.record(6_000, fresh=False)
        desk.step(7)
        oldest, latest = desk.kept()
        assert desk.integral(oldest, latest) == desk.slow.ask(oldest, latest)
        assert desk.integral(latest - 7, latest) == (6_000 * 7, 0)
        assert desk.broken() == []


@pytest.mark.parametrize("observations", [32, 33, 64, 100])
def test_the_ring_keeps_the_latest_changes_and_forgets_the_others(observations: int) -> None:
    """ORACLE-23: at any time at least so many changes can be asked, exactly; the state does not grow beyond the ring."""
    desk = AveragesDesk(observations)
    slots = formulas.page_slots(observations, STEPS_PER_PAGE)
    assert slots == ceil(observations / STEPS_PER_PAGE) + 1
    for number in range(1, 5 * observations):
        desk.record(number, BLOCK)
        oldest, latest = desk.kept()
        wanted = desk.slow.steps[-min(observations, number)][0]
        assert oldest <= wanted
        if number % 17 == 0:
            assert desk.integral(oldest, latest) == desk.slow.ask(oldest, latest)
            assert desk.integral(wanted, latest) == desk.slow.ask(wanted, latest)
    pages = desk.oracle_module._state.pages
    assert len(list(pages.keys(desk.ctx))) == slots
    assert desk.broken() == []


@pytest.mark.parametrize("seed", range(5))
def test_a_long_random_series_equals_the_slow_way(seed: int) -> None:
    """Thousands of steps through a ring that goes round many times, with questions in between."""
    desk, random = AveragesDesk(96), Random(seed + 100)
    for after_ns, price, fresh in random_rows(seed, 1_500):
        desk.record(price, after_ns, fresh=fresh)
        if random.random() < 0.05:
            oldest, latest = desk.kept()
            if latest > oldest:
                begin, end = sorted(random.sample(range(oldest, latest + 1), 2))
                assert desk.integral(begin, end) == desk.slow.ask(begin, end)
    assert desk.broken() == []


def test_series_do_not_touch_each_other() -> None:
    """Index and mark of the same id, and two markets, each have their own history."""
    desk = AveragesDesk()
    others = (Series(MARK, BTC), Series(INDEX, ETH))
    desk.record(100)
    for number, series in enumerate(others):
        desk.averages.record(desk.ctx, series, series.id, 1_000 * (number + 1), fresh=True)
    for number in range(2 * STEPS_PER_PAGE):
        desk.record(200 + number, 5)
    assert desk.integral(*desk.kept()) == desk.slow.ask(*desk.kept())
    for number, series in enumerate(others):
        begin, end = desk.kept(series)
        assert (begin, desk.integral(begin, end, series)[0]) == (START, 1_000 * (number + 1) * (end - begin))


def test_a_price_that_stays_writes_nothing_and_a_new_one_one_pair() -> None:
    """What a block writes per series: nothing; the growing page; head and page when it begins a page; never more."""
    desk = AveragesDesk()
    counts: dict[tuple[str, ...], int] = {}
    for number in range(4 * STEPS_PER_PAGE):
        mark = desk.ctx.state.mark()
        desk.record(1_000 + number // 2, BLOCK)
        written = tuple(desk.written(mark))
        counts[written] = counts.get(written, 0) + 1
    assert counts == {("pages",): 2 * STEPS_PER_PAGE - 2, ("series", "pages"): 2, (): 2 * STEPS_PER_PAGE}


def test_a_page_stays_small() -> None:
    """The pair that grows is bounded: half a kilobyte for wild prices a minute apart, far less for real ones."""
    wild = desk_with([(60 * SECOND, Random(number).randint(1, 2**64 - 1), True) for number in range(STEPS_PER_PAGE)])
    real = desk_with([(BLOCK, 4_731_900_000 + Random(number).randint(-500_000, 500_000), True) for number in range(STEPS_PER_PAGE)])
    sizes = []
    for desk in (wild, real):
        pages = desk.oracle_module._state.pages
        [(_, page)] = pages.items(desk.ctx)
        assert page.step_count == STEPS_PER_PAGE
        sizes.append(len(pages.value_codec.encode(page)))
        assert pages.value_codec.decode(pages.value_codec.encode(page)) == page
    assert sizes[0] <= 700
    assert sizes[1] <= 400


class Counted:
    """A table that counts how often it is read."""

    def __init__(self, table: Any) -> None:
        self.table, self.reads = table, 0

    def get(self, key: Any) -> Any:
        self.reads += 1
        return self.table.get(key)


def test_the_cost_of_a_window_does_not_depend_on_its_length() -> None:
    """A window over a hundred pages reads no more of them than one over a second: two binary searches."""
    observations = 100 * STEPS_PER_PAGE
    desk = desk_with([(BLOCK, number + 1, True) for number in range(observations)], observations)
    state = desk.ctx.state
    slot = desk.oracle_module._state.pages.slot
    oldest, latest = desk.kept()
    reads = []
    for length in (SECOND, 60 * SECOND, (latest - oldest) >> 1, latest - oldest):
        counted = state.tables[slot] = Counted(state.tables[slot])
        desk.integral(latest - length, latest)
        state.tables[slot] = counted.table
        reads.append(counted.reads)
    assert max(reads) <= 2 * (ceil(log2(formulas.page_slots(observations, STEPS_PER_PAGE))) + 1)


# Outages


def test_in_an_outage_the_last_price_stays_in_force_and_the_window_says_so() -> None:
    """ORACLE-22: an hour without votes counts at the last price, and is fresh up to the last nanosecond of the maximum age only."""
    desk = AveragesDesk()
    begin_block(desk, 0, 100)
    begin_block(desk, 10 * SECOND, 200)
    silent = desk.ctx.time_ns
    for _ in range(6):
        begin_block(desk, 600 * SECOND, None)
    begin_block(desk, SECOND, 300)
    begin_block(desk, SECOND, 300)
    latest = desk.ctx.time_ns
    integral, fresh_ns = desk.integral(START, latest)
    assert integral == 100 * 10 * SECOND + 200 * 3_601 * SECOND + 300 * SECOND
    assert fresh_ns == 10 * SECOND + (60 * SECOND + 1) + SECOND
    assert desk.integral(silent + 60 * SECOND, silent + 60 * SECOND + 2) == (400, 1)
    assert desk.integral(silent + 61 * SECOND, silent + 3_000 * SECOND) == (200 * 2_939 * SECOND, 0)
    assert desk.broken() == []


def test_a_gap_between_blocks_is_fresh_only_as_long_as_the_price_was_young() -> None:
    """The chain itself stands still for an hour: the next block knows since when the price was old, and says so for that moment."""
    desk = AveragesDesk()
    begin_block(desk, 0, 100)
    begin_block(desk, 3_600 * SECOND, 200)
    desk.step(SECOND)
    assert desk.integral(START, START + 3_601 * SECOND) == (100 * 3_600 * SECOND + 200 * SECOND, 61 * SECOND + 1)


def test_confirmations_keep_a_price_fresh_without_a_write() -> None:
    """Validators who agree on the same price again and again: hours later all of the window is fresh, and nothing was written."""
    desk = AveragesDesk()
    begin_block(desk, 0, 100)
    mark = desk.ctx.state.mark()
    for _ in range(500):
        begin_block(desk, 30 * SECOND, 100)
    assert desk.written(mark) == []
    assert desk.integral(START, desk.ctx.time_ns) == (100 * 15_000 * SECOND, 15_000 * SECOND)


def test_a_stale_price_is_noted_once() -> None:
    """The moment at which a price becomes too old is one step; the blocks after it, in which nothing comes, write nothing."""
    desk = AveragesDesk()
    begin_block(desk, 0, 100)
    begin_block(desk, 61 * SECOND, None)
    mark = desk.ctx.state.mark()
    for _ in range(5):
        begin_block(desk, 30 * SECOND, None)
    assert desk.written(mark) == []
    assert desk.integral(START, desk.ctx.time_ns)[1] == 60 * SECOND + 1


def test_a_market_that_reopens_is_not_fresh_until_it_has_proved_itself() -> None:
    """A young price of a market that is REOPENING is in force but not fresh, from the time of the block on; so is its mark."""
    desk = AveragesDesk()
    mark = Series(MARK, 7)
    begin_block(desk, 0, 100)
    desk.oracle.record_mark(desk.ctx, 7, BTC, 101)
    for gap_ns in (400 * SECOND, 0, 0, 0, 0):
        ctx = desk.step(SECOND)
        desk.oracle.begin_block(ctx, gap_ns)
        desk.set_price(BTC, 100)
        desk.oracle.record_prices(ctx)
        desk.oracle.record_mark(ctx, 7, BTC, 101)
    assert desk.oracle.reopening(desk.ctx).fresh_prices == 3
    for series, price in ((BTC_INDEX, 100), (mark, 101)):
        seconds = [desk.integral(START + second * SECOND, START + (second + 1) * SECOND, series) for second in range(5)]
        assert seconds == [(price * SECOND, fresh_ns) for fresh_ns in (SECOND, 0, 0, SECOND, SECOND)]


def test_the_mark_is_as_fresh_as_the_index_of_its_market() -> None:
    """When the index ages, so does the mark that follows it, from the same nanosecond on."""
    desk = AveragesDesk()
    mark = Series(MARK, 7)
    begin_block(desk, 0, 100)
    desk.averages.record(desk.ctx, mark, BTC, 101, fresh=True)
    begin_block(desk, 3_600 * SECOND, None)
    desk.averages.record(desk.ctx, mark, BTC, 101, fresh=False)
    desk.step(SECOND)
    for series, price in ((BTC_INDEX, 100), (mark, 101)):
        assert desk.integral(START, START + 3_601 * SECOND, series) == (price * 3_601 * SECOND, 60 * SECOND + 1)


def test_a_market_without_a_price_has_no_series() -> None:
    """Price 0 means that there is none: the series begins with the first one."""
    section = AveragesDesk().genesis["oracle"]
    section["markets"][BTC]["price"] = 0
    desk = AveragesDesk(section=section)
    begin_block(desk, SECOND, None)
    assert desk.averages.kept(desk.ctx, BTC_INDEX) is None
    begin_block(desk, SECOND, 500)
    assert desk.kept() == (START + 2 * SECOND, START + 2 * SECOND)
    assert desk.averages.kept(desk.ctx, Series(INDEX, ETH)) is not None


def begin_block(desk: AveragesDesk, after_ns: int, price: int | None) -> Context:
    """Step 2 of a block as the executor does it, with a price that all validators report, or none."""
    ctx = desk.step(after_ns)
    desk.oracle.begin_block(ctx, 0)
    if price is not None:
        desk.set_price(BTC, price)
    ctx.scratch.clear()
    desk.oracle.record_prices(ctx)
    return ctx


# What must not be


def test_the_invariant_sees_every_kind_of_damage() -> None:
    """ORACLE-T finds a page that is missing, out of order, not continued, not full, or of nobody."""
    rows = [(BLOCK, number + 1, True) for number in range(3 * STEPS_PER_PAGE + 5)]
    state = desk_with(rows, 96).oracle_module._state
    key = (INDEX, BTC, 1)

    def damages(desk: AveragesDesk) -> Any:
        page = state.pages.get(desk.ctx, key)
        head = state.series.get(desk.ctx, BTC_INDEX)
        return (
            lambda: state.pages.delete(desk.ctx, key),
            lambda: state.pages.set(desk.ctx, (INDEX, ETH, 0), page),
            lambda: state.pages.set(desk.ctx, key, page._replace(last_cumulative=page.last_cumulative + 1)),
            lambda: state.pages.set(desk.ctx, key, page._replace(first_cumulative=page.first_cumulative + 1)),
            lambda: state.pages.set(desk.ctx, key, page._replace(price=page.price + 1)),
            lambda: state.pages.set(desk.ctx, key, state.pages.get(desk.ctx, (INDEX, BTC, 0))),
            lambda: state.series.set(desk.ctx, BTC_INDEX, head._replace(newest=head.newest - 1)),
            lambda: state.series.set(desk.ctx, BTC_INDEX, head._replace(market_id=ETH)),
            lambda: state.series.set(desk.ctx, BTC_INDEX, head._replace(oldest=0, newest=9)),
            lambda: setattr(desk.ctx, "time_ns", desk.ctx.time_ns - BLOCK),
        )

    for number in range(10):
        desk = desk_with(rows, 96)
        assert desk.broken() == []
        state = desk.oracle_module._state
        damages(desk)[number]()
        assert desk.oracle.averages.check(desk.ctx), number


def test_the_slow_way_is_right_where_one_can_see_it() -> None:
    """The reference itself, on three steps."""
    desk = desk_with([(0, 5, True), (10, 7, False), (10, 9, True)])
    assert desk.slow.ask(START + 5, START + 30) == (Fraction(5 * 5 + 7 * 10 + 9 * 10), 15)
    assert [desk.slow.in_force(START + at) for at in (0, 9, 10, 25)] == [5, 5, 7, 9]
