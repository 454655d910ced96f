"""The manipulation report: what moving our mark costs, that it never leaves its clamp, and that the file is whole."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.arena import DEPTHS, INDEX, Arena, Depth
from report.build import build
from report.manipulation import (
    IMPACT_NOTIONAL,
    ONE_PERCENT_PPM,
    REFILL_PPM,
    REQUIRED_RATIO,
    RULE,
    WIDE_RULE,
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
from report.manipulation_section import manipulation
from report.marks import MarkDesk, Reading, Rule
from report.page import Section, page

from modules.perp import formulas
from modules.perp.model import BookPrices
from support.markets import BTC

QUICK = Scale(seconds=10, displacements_ppm=(1_000, 2_500, 10_000), wild_blocks=50)
VOID = ("meta",)
PRICE = st.none() | st.tuples(st.integers(1, 2**64), st.integers(1, 2**32))


class Outline(HTMLParser):
    """Elements of a page, whether they nest, and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "data", "action", "xmlns")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def section() -> Section:
    """The study, with coarse steps."""
    return manipulation(QUICK)


@pytest.mark.parametrize(("target_ppm", "rule"), [(ONE_PERCENT_PPM, RULE), (ONE_PERCENT_PPM, WIDE_RULE), (RULE.clamp_ppm / 2, RULE)])
def test_moving_our_mark_costs_ten_times_a_book_only_mark(target_ppm: float, rule: Rule) -> None:
    """By 1 %, also where a clamp of 2 % would let it, and by half of the default clamp: on books of three depths that makers refill."""
    rows = compare(target_ppm, rule, REFILL_PPM, QUICK)
    assert [row.depth for row in rows] == list(DEPTHS)
    assert all(row.book_only.loss > 0 for row in rows)
    assert [row.ratio >= REQUIRED_RATIO for row in rows] == [True] * len(DEPTHS)


def test_no_loss_moves_our_mark_out_of_its_clamp() -> None:
    """The dearest attack, a whole side bought in every block and a wild ask above, ends at the clamp; the book-only mark is far away."""
    for depth in DEPTHS:
        moments = list(hold(depth, attacks_on(depth)[-1], RULE, REFILL_PPM, 60, 20))
        assert within_clamp([moment.reading for moment in moments], RULE)
        assert moments[-1].reading.moved_ppm(moments[-1].reading.mark) > RULE.clamp_ppm * 0.9
        assert moments[-1].reading.middle > 100 * INDEX


@given(
    st.lists(
        st.tuples(st.integers(1, 2**63), st.sampled_from((0, 1, 30, 10**6)), st.tuples(PRICE, PRICE, PRICE, PRICE), st.booleans()),
        max_size=12,
    ),
    st.sampled_from((1, 5_000, 20_000, 999_999)),
)
def test_no_book_at_all_moves_our_mark_out_of_its_clamp(
    blocks: list[tuple[int, int, tuple[tuple[int, int] | None, ...], bool]], clamp_ppm: int
) -> None:
    """Whatever indexes, gaps and books, missing sides and frozen ones among them: every mark is within the clamp of its own index."""
    rule = Rule(clamp_ppm=clamp_ppm)
    desk, readings = MarkDesk(rule), []
    for index, seconds, (bid, ask, impact_bid, impact_ask), frozen in blocks:
        readings.append(desk.block(index, seconds))
        assert readings[-1].index == index
        desk.show(BookPrices(bid, ask, impact_bid, impact_ask, -9), frozen=frozen)
    assert within_clamp(readings, rule)


def test_no_price_moves_our_mark_fast() -> None:
    """PERP-17: one second of any book moves a mark at the index by a 151st of the clamp (constant 150 s)."""
    assert most_in_one_block_ppm(RULE, 1) == pytest.approx(RULE.clamp_ppm / (1 + RULE.ema_seconds), rel=0.001)
    assert formulas.mark_sample(1_000_000, 10**12, 5_000) == 5_000 * formulas.EMA_SCALE
    assert formulas.mark_sample(1_000_000, 1, 5_000) == -5_000 * formulas.EMA_SCALE
    assert formulas.mark_sample(1_000_000, 1_000_007, 5_000) == 7 * formulas.EMA_SCALE


def test_wild_books_push_the_mark_towards_both_ends_of_its_clamp() -> None:
    """The wild books of the report are wild enough to be worth showing."""
    moved = [reading.moved_ppm(reading.mark) for reading in wild_readings(RULE, 400, seed=6)]
    assert max(moved) > RULE.clamp_ppm * 0.7
    assert min(moved) < -RULE.clamp_ppm * 0.7


def test_a_mark_beyond_the_clamp_would_be_noticed() -> None:
    """One unit more than the clamp allows is not within it."""
    edge = INDEX * RULE.clamp_ppm // 10**6
    assert within_clamp([Reading(INDEX, 0, 0, 0, INDEX - edge), Reading(INDEX, 0, 0, 0, INDEX + edge)], RULE)
    assert not within_clamp([Reading(INDEX, 0, 0, 0, INDEX + edge + 1)], RULE)


def test_without_makers_our_mark_costs_time_and_not_money() -> None:
    """What the report says of a market in which nobody trades against the attacker."""
    target = RULE.clamp_ppm / 2
    ours, theirs = our_costs(DEPTHS[0], [target], RULE, 0, QUICK)[0], book_only_costs(DEPTHS[0], [target])[0]
    assert ours.loss == theirs.loss
    assert ours.seconds > RULE.ema_seconds / 2


def test_losses_and_middles_are_those_of_the_book() -> None:
    """Buying two levels of a book costs their distances and the fees, and moves the middle to just below the third."""
    depth = Depth("two", 1_000_000, 200)
    (first, one), (second, two), (third, _) = depth.levels()[:3]
    (moment,) = hold(depth, attacks_on(depth)[2], RULE, 0, 1, 1)
    ticks = [INDEX + distance * 100_000 for distance in (first, second, third)]
    paid = (one * ticks[0] + two * ticks[1]) / 10**9
    assert moment.bill.loss == pytest.approx((paid * 1.0005 - (one + two) * INDEX / 10**9) / 10**6, rel=1e-6)
    assert moment.bill.bought == pytest.approx(paid * 1.0005 / 10**6, rel=1e-6)
    assert moment.bill.capital > moment.bill.loss + 0.02 * IMPACT_NOTIONAL / 10**6
    assert moment.reading.middle == ticks[2] - 50_000


def test_makers_come_back_as_fast_as_the_study_says() -> None:
    """A tenth of what a level held is back after a second, and after ten all of it; never more."""
    arena = Arena(DEPTHS[1], RULE, refill_ppm=REFILL_PPM)
    price = INDEX + DEPTHS[1].levels()[0][0] * 100_000
    full = DEPTHS[1].levels()[0][1]

    def offered() -> int:
        book = arena.exchange.clob.book(arena.exchange.ctx, BTC)
        return sum(level.quantums for level in book.asks if level.subticks == price)

    assert offered() == full
    arena.block(attacks_on(DEPTHS[1])[1])
    assert offered() == pytest.approx(full / 10, rel=0.001)
    for _ in range(20):
        arena.block(None)
    assert offered() == full


def test_averages_are_those_of_the_marks_that_were_in_force() -> None:
    """Over ten blocks of an attack: the mean of the marks with which the blocks began, rounded down."""
    arena = Arena(DEPTHS[0], RULE)
    attack = attacks_on(DEPTHS[0])[-1]
    marks = [arena.block(attack)[0].mark for _ in range(11)]
    assert len(set(marks)) == len(marks)
    assert arena.average(10) == sum(marks[:10]) // 10


def test_the_report_is_one_whole_file(section: Section, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every element closes, every figure has its plot and its sentence, ids are unique, and nothing outside is referred to."""
    path = tmp_path / "made" / "index.html"
    assert build(path, [lambda: section]) == 0
    text = path.read_text()
    outline = Outline()
    outline.feed(text)
    outline.close()
    assert outline.open == []
    assert outline.counts["figure"] == outline.counts["figcaption"] >= 5
    assert outline.counts["svg"] >= 10
    assert outline.counts["li"] == len(section.properties)
    assert len(set(outline.ids)) == len(outline.ids)
    assert outline.links == [f"#{name}" for name in outline.ids]
    assert "://" not in text
    assert "url(" not in text
    assert "nan" not in text.lower().replace("finance", "")
    said = capsys.readouterr().out
    assert str(path) in said
    assert all(line in said for line in section.key_numbers)


def test_a_property_that_does_not_hold_fails_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is marked in the file, said at the end, and the exit is 1."""
    broken = Section("broken", "Broken <things>")
    broken.state("Two & two are five.", holds=False)
    path = tmp_path / "index.html"
    assert build(path, [lambda: broken]) == 1
    assert 'class="broken">Two &amp; two are five.' in path.read_text()
    assert "DOES NOT HOLD: Two & two are five." in capsys.readouterr().out


def test_text_of_a_section_cannot_break_the_page() -> None:
    """Angle brackets and quotes of titles, sentences and cells are written out."""
    section = Section("odd", '<script>"')
    section.say("a < b & c")
    section.tabulate("<caption>", ("<th>",), [("<td>",)])
    outline = Outline()
    outline.feed(page("<title>", "<p>", [section]))
    outline.close()
    assert outline.open == []
    assert "script" not in outline.counts
    assert (outline.counts["caption"], outline.counts["th"], outline.counts["td"]) == (1, 1, 1)
