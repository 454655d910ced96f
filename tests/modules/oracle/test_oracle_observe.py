"""The question `Observe`, and the averages' way through genesis."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from modules.kernel.codec import decode_signed
from modules.kernel.module import Problems, QueryError
from modules.oracle.model import INDEX, MARK, Series
from modules.oracle.pages import STEPS_PER_PAGE
from perpd_proto.perpd.oracle.v1 import query_pb2
from support.averages import BTC_INDEX, SECOND, AveragesDesk
from support.markets import BTC, ETH, START_SECONDS

OBSERVE = "/perpd.oracle.v1.Query/Observe"
START = START_SECONDS * SECOND


def observe(desk: AveragesDesk, *windows: tuple[int, int], seconds_ago: tuple[int, ...] = (), series: Series = BTC_INDEX) -> Any:
    """The answer of the query."""
    rows = [query_pb2.Window(from_nanoseconds=begin, to_nanoseconds=end) for begin, end in windows]
    return desk.ask(OBSERVE, series=series.kind, id=series.id, windows=rows, seconds_ago=seconds_ago)


def walked(seed: int, count: int, observations: int = 64) -> AveragesDesk:
    """A desk with a random walk of BTC's index, and of a mark."""
    desk, random = AveragesDesk(observations), Random(seed)
    for _ in range(count):
        desk.record(random.randint(1, 10**9), random.randint(1, SECOND), fresh=random.random() < 0.9)
        desk.averages.record(desk.ctx, Series(MARK, 5), ETH, random.randint(1, 3), fresh=True)
    return desk


def test_windows_are_answered_in_their_order_with_exact_fractions() -> None:
    """Windows first, then those up to the latest block; numerator and denominator are exact, the price is rounded down."""
    desk = AveragesDesk()
    desk.record(10)
    desk.record(20, SECOND)
    desk.record(25, SECOND, fresh=False)
    desk.step(SECOND)
    answer = observe(desk, (START, START + 3 * SECOND), (START + 1, START + 2), seconds_ago=(1, 2))
    assert (answer.exponent, answer.oldest_nanoseconds, answer.latest_nanoseconds) == (-5, START, START + 3 * SECOND)
    rows = [(decode_signed(row.numerator), row.denominator, row.price, row.fresh_nanoseconds) for row in answer.averages]
    assert rows == [
        (55 * SECOND, 3 * SECOND, 18, 2 * SECOND),
        (10, 1, 10, 1),
        (25 * SECOND, SECOND, 25, 0),
        (45 * SECOND, 2 * SECOND, 22, SECOND),
    ]
    last = answer.averages[-1]
    assert (last.from_nanoseconds, last.to_nanoseconds) == (START + SECOND, START + 3 * SECOND)


def test_a_mark_is_asked_by_its_perpetual_and_has_its_markets_unit() -> None:
    """The series kinds do not mix, and the exponent is that of the market that the perpetual follows."""
    desk = AveragesDesk()
    desk.averages.record(desk.ctx, Series(MARK, 7), ETH, 1_234, fresh=True)
    desk.step(SECOND)
    answer = observe(desk, seconds_ago=(1,), series=Series(MARK, 7))
    assert (answer.exponent, answer.averages[0].price) == (-6, 1_234)
    with pytest.raises(QueryError) as refused:
        observe(desk, seconds_ago=(1,), series=Series(INDEX, 7))
    assert refused.value.status == "NOT_FOUND"


@pytest.mark.parametrize(
    ("window", "status", "words"),
    [
        ((START - 1, START + 1), "OUT_OF_RANGE", f"windows lie between {START}, the oldest observation, and {START + 10}"),
        ((START, START + 11), "OUT_OF_RANGE", "the time of the latest block"),
        ((START + 5, START + 5), "INVALID_ARGUMENT", "is empty"),
        ((START + 6, START + 5), "INVALID_ARGUMENT", "is empty"),
    ],
)
def test_a_window_that_is_not_kept_or_empty_is_refused_plainly(window: tuple[int, int], status: str, words: str) -> None:
    """The sentence names the range that is kept; one nanosecond less is answered."""
    desk = AveragesDesk()
    desk.record(10)
    desk.step(10)
    with pytest.raises(QueryError) as refused:
        observe(desk, window)
    assert refused.value.status == status
    assert words in refused.value.message
    assert observe(desk, (START, START + 10)).averages[0].price == 10


def test_seconds_ago_beyond_what_is_kept_and_none_at_all_are_refused() -> None:
    """Also so many seconds that the window would begin before 1970."""
    desk = AveragesDesk()
    desk.record(10)
    desk.step(SECOND)
    for seconds, status in ((2, "OUT_OF_RANGE"), (2**64 - 1, "OUT_OF_RANGE"), (0, "INVALID_ARGUMENT")):
        with pytest.raises(QueryError) as refused:
            observe(desk, seconds_ago=(seconds,))
        assert refused.value.status == status


def test_a_series_of_an_unknown_kind_or_id_is_not_found() -> None:
    """As is a market that exists but was never priced."""
    desk = AveragesDesk()
    for series in (Series(2, BTC), Series(INDEX, 99), Series(MARK, BTC), Series(-1, BTC)):
        with pytest.raises(QueryError) as refused:
            observe(desk, series=series)
        assert refused.value.status == "NOT_FOUND"


def test_a_question_has_a_limited_number_of_windows() -> None:
    """A hundred are answered, a hundred and one are not."""
    desk = AveragesDesk()
    desk.record(10)
    desk.step(SECOND)
    assert len(observe(desk, seconds_ago=(1,) * 100).averages) == 100
    with pytest.raises(QueryError, match="at most 100 windows"):
        observe(desk, (START, START + 1), seconds_ago=(1,) * 100)


@pytest.mark.parametrize("count", [1, STEPS_PER_PAGE, STEPS_PER_PAGE + 1, 400])
def test_an_export_continues_the_averages_exactly(count: int) -> None:
    """The imported state is the same one, pair by pair, it exports the same, and answers every window alike, also later."""
    desk = walked(count, count)
    exported = desk.export()["oracle"]
    other = AveragesDesk(section=deepcopy(exported))
    other.ctx.time_ns, other.ctx.height = desk.ctx.time_ns, desk.ctx.height
    assert other.export()["oracle"] == exported
    for mine, theirs in zip(desk.registry.maps, other.registry.maps, strict=True):
        if mine.store == "oracle":
            assert desk.ctx.state.tables[mine.slot] == other.ctx.state.tables[theirs.slot], mine.name
    for one in (desk, other):
        one.record(4_711, 17 * SECOND)
        one.step(3)
        assert one.broken() == []
    oldest, latest = desk.kept()
    random = Random(count)
    for _ in range(30):
        begin, end = sorted(random.sample(range(oldest, latest + 1), 2))
        for series in (BTC_INDEX, Series(MARK, 5)):
            assert observe(desk, (begin, end), series=series) == observe(other, (begin, end), series=series)


def test_a_genesis_that_keeps_less_keeps_the_newest() -> None:
    """Smaller `observations` in an edited export: the oldest pages are left out, and what is left answers as before."""
    desk = walked(7, 600, observations=320)
    exported = desk.export()["oracle"]
    other = AveragesDesk(section=exported | {"observations": 64})
    other.ctx.time_ns = desk.ctx.time_ns
    assert other.broken() == []
    assert other.kept()[0] > desk.kept()[0]
    assert observe(other, other.kept()).averages == observe(desk, other.kept()).averages
    larger = AveragesDesk(section=exported | {"observations": 6_400})
    larger.ctx.time_ns = desk.ctx.time_ns
    assert larger.kept() == desk.kept()
    for number in range(700):
        larger.record(number + 1, 1_000)
    assert larger.kept()[0] == desk.kept()[0]
    assert larger.broken() == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "MIDDLE"}, "oracle.series[0].kind"),
        ({"id": -1}, "oracle.series[0].id"),
        ({"market_id": 99}, "oracle.series[0].market_id"),
        ({"market_id": ETH}, "oracle.series[0].market_id"),
        ({"cumulative": "-1"}, "oracle.series[0].cumulative"),
        ({"fresh_nanoseconds": "x"}, "oracle.series[0].fresh_nanoseconds"),
        ({"first_page": "-1"}, "oracle.series[0].first_page"),
        ({"pages": []}, "oracle.series[0].pages"),
        ({"pages": "none"}, "oracle.series[0].pages"),
        ({"pages": [{"from_nanoseconds": "0", "steps": "0102"}]}, "oracle.series[0].pages[0].from_nanoseconds"),
        ({"pages": [{"from_nanoseconds": "5"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "no"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "01"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "0180"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "0302"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "0100"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "0101"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "01020102"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "0102"}] * 2}, "oracle.series[0].pages[1].steps"),
        ({"pages": [{"from_nanoseconds": str(2**64 - 1), "steps": "01020302"}]}, "oracle.series[0].pages[0].steps"),
        ({"pages": [{"from_nanoseconds": "5", "steps": "0102", "price": 1}]}, "oracle.series[0].pages[0].price"),
        ({"pages": [7]}, "oracle.series[0].pages[0]"),
        ({"unknown": 1}, "oracle.series[0].unknown"),
    ],
)
def test_a_broken_series_in_genesis_is_named_by_its_path(change: dict[str, Any], path: str) -> None:
    """Nothing raises, and the mistake is found."""
    section = walked(1, 3).export()["oracle"]
    section["series"][0] |= change
    assert path in [where for where, _ in problems(section)]


def test_a_series_twice_and_too_few_observations_are_mistakes() -> None:
    """As is a list that is none."""
    section = walked(1, 3).export()["oracle"]
    section["series"].append(section["series"][0])
    section["observations"] = STEPS_PER_PAGE - 1
    assert [where for where, _ in problems(section)] == ["oracle.observations", f"oracle.series[{len(section['series']) - 1}].id"]


def problems(section: dict[str, Any]) -> list[tuple[str, str]]:
    """Every mistake that the module finds in it."""
    found = Problems()
    AveragesDesk().oracle_module.validate_genesis(section, found, {"oracle": section})
    return found.found
