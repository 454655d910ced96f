"""Mark prices over blocks: what a book shows at one block's end makes the mark of the next."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.codec import decode_signed
from modules.kernel.module import QueryError
from modules.oracle.model import Standing
from modules.perp import authority, formulas
from modules.perp.model import BookPrices, Mark
from perpd_proto.perpd.perp.v1 import query_pb2
from support.markets import BTC, ETH, LINK, Markets, oracle_section, perp_section

SECOND = 10**9
INDEX = 6_012_345_678
CLAMP = 30_061_728
"""0.5 % of the index, rounded down."""
SUBTICKS_PER_UNIT = -9
"""The conversion exponent with which a BTC oracle unit is one subtick."""


def book(bid: int | None, ask: int | None, impact_bid: int | None = None, impact_ask: int | None = None, exponent: int = -9) -> BookPrices:
    """Whole prices in subticks."""
    whole = [None if price is None else (price, 1) for price in (bid, ask, impact_bid, impact_ask)]
    return BookPrices(whole[0], whole[1], whole[2], whole[3], exponent)


def around(offset: int, width: int = 1_000) -> BookPrices:
    """A deep book whose middles lie so far from the index."""
    bid, ask = INDEX + offset - width, INDEX + offset + width
    return book(bid, ask, bid - width, ask + width)


def by_mark(**changes: Any) -> dict[str, Any]:
    """A genesis section whose BTC positions are valued with the mark."""
    section = perp_section()
    section["perpetuals"][BTC] |= {"margin_price": "MARK"} | changes
    return section


def next_block(markets: Markets, seconds: int = 1, price: int = 0) -> None:
    """The next block has begun, with a price that is confirmed or new."""
    now = markets.oracle.recorded(markets.ctx, BTC).price
    markets.step(seconds * SECOND)
    markets.set_price(BTC, price or now)
    markets.perp.mark.begin_block(markets.ctx)
    markets.ctx.scratch.clear()


def see(markets: Markets, prices: BookPrices | None, *, frozen: bool = False) -> None:
    """The end of the block, for BTC."""
    markets.perp.mark.observe(markets.ctx, BTC, prices, frozen=frozen)


def mark(markets: Markets, perpetual_id: int = BTC) -> int:
    """In oracle units."""
    return markets.perp.mark.price(markets.ctx, perpetual_id)


def test_without_a_book_the_mark_is_the_index_and_nothing_is_kept() -> None:
    """Also after blocks in which an empty book was seen; a new price is followed at once."""
    markets = Markets()
    assert mark(markets) == INDEX
    see(markets, book(None, None))
    next_block(markets, price=INDEX + 5)
    assert mark(markets) == INDEX + 5
    assert list(markets.perp_module._state.marks.keys(markets.ctx)) == []
    assert mark(markets, LINK) == 14_560_000_000


def test_the_average_begins_at_nothing_and_follows_the_book_by_time() -> None:
    """Worked by hand: a book 1,000,000 units above the index; a second is 1/151 of the way, the next one 1/151 of the rest."""
    markets = Markets()
    see(markets, around(1_000_000))
    assert mark(markets) == INDEX, "the block's mark is made when it begins"
    next_block(markets)
    assert mark(markets) == INDEX, "the average knows no time yet"
    see(markets, around(1_000_000))
    next_block(markets)
    assert markets.perp.mark.look(markets.ctx, BTC).ema == 6_622_516_556
    assert mark(markets) == INDEX + 6_622
    see(markets, around(1_000_000))
    next_block(markets)
    assert mark(markets) == INDEX + 13_201
    assert markets.broken() == []


def test_a_look_counts_for_at_most_half() -> None:
    """After a gap of an hour one book is not the whole average."""
    markets = Markets({"oracle": oracle_section() | {"maximum_age_seconds": 10_000}})
    see(markets, around(1_000_000))
    next_block(markets, 3_600)
    see(markets, around(1_000_000))
    next_block(markets)
    assert mark(markets) == INDEX + 500_000


def test_the_mark_stays_within_the_clamp_of_the_new_index() -> None:
    """Step 2: the old book, the new index. The book is far above, then the index halves, then it rises past the book."""
    markets = Markets()
    for _ in range(5):
        see(markets, around(2_000_000_000))
        next_block(markets, 60)
    assert INDEX + CLAMP // 2 < mark(markets) < INDEX + CLAMP
    fallen = INDEX // 2
    next_block(markets, price=fallen)
    assert mark(markets) == formulas.mark_bounds(fallen, 5_000)[1]
    see(markets, around(2_000_000_000))
    risen = INDEX + 3_000_000_000
    next_block(markets, price=risen)
    assert mark(markets) == risen, "the average is above it, the book below: the index is between them"
    assert markets.broken() == []


def test_one_wild_book_moves_the_mark_by_its_time_share_of_the_clamp_and_no_more() -> None:
    """PERP-17: an ask at a thousand times the index for a second is a 151st of the clamp; afterwards the average is as far as before."""
    markets = Markets()
    for prices in (around(0), book(INDEX, 1_000 * INDEX, INDEX, 1_000 * INDEX)):
        see(markets, prices)
        next_block(markets)
    assert mark(markets) == INDEX + CLAMP // 151
    see(markets, around(0))
    next_block(markets)
    assert mark(markets) == INDEX


@pytest.mark.parametrize(
    "missing",
    [
        book(None, INDEX + 2_000_000, None, INDEX + 2_000_000),
        book(INDEX + 1_000_000, None, INDEX + 1_000_000, None),
        book(None, None),
        None,
    ],
    ids=["no bid", "no ask", "empty", "closed"],
)
def test_a_book_without_a_side_shows_the_index(missing: BookPrices | None) -> None:
    """Its mark is the index at once, and its average falls back towards nothing."""
    markets = Markets()
    for _ in range(3):
        see(markets, around(1_000_000))
        next_block(markets, 50)
    assert mark(markets) > INDEX
    before = markets.perp.mark.look(markets.ctx, BTC).ema
    see(markets, missing)
    next_block(markets, 50)
    assert mark(markets) == INDEX
    assert markets.perp.mark.look(markets.ctx, BTC).ema == before * 3 // 4


def test_a_book_that_is_not_deep_enough_leaves_the_mark_at_the_index() -> None:
    """The best prices alone move nothing; the average goes on."""
    markets = Markets()
    for _ in range(4):
        see(markets, book(INDEX + 999_000, INDEX + 1_001_000, INDEX + 999_000, None))
        next_block(markets, 50)
        assert mark(markets) == INDEX
    assert markets.perp.mark.look(markets.ctx, BTC).basis > 0


def test_a_frozen_market_keeps_what_it_had_and_the_time_does_not_count() -> None:
    """Two lives, one with a block between in which the book is wild and frozen: afterwards only that time is missing."""
    markets, other = Markets(), Markets()
    for one in (markets, other):
        for _ in range(3):
            see(one, around(1_000_000))
            next_block(one, 50)
    see(markets, around(-5_000_000_000), frozen=True)
    before = mark(markets)
    next_block(markets, 50)
    kept = markets.perp.mark.look(markets.ctx, BTC)
    assert kept.frozen_height == markets.ctx.height - 1
    assert mark(markets) == INDEX + formulas.whole_units(kept.ema) > before - 1
    see(markets, around(1_000_000))
    see(other, around(1_000_000))
    assert markets.perp.mark.look(markets.ctx, BTC).ema == other.perp.mark.look(other.ctx, BTC).ema


def test_while_the_index_is_not_fresh_the_book_is_not_looked_at() -> None:
    """The mark stays at the last index, within its clamp."""
    markets = Markets()
    for _ in range(3):
        see(markets, around(1_000_000))
        next_block(markets, 50)
    see(markets, around(1_000_000))
    before = markets.perp.mark.look(markets.ctx, BTC)
    markets.step(61 * SECOND)
    markets.perp.mark.begin_block(markets.ctx)
    assert markets.oracle.standing(markets.ctx, BTC) is Standing.STALE
    stale = mark(markets)
    for offset in (9_000_000_000, -5_000_000_000):
        see(markets, around(offset))
        markets.step(SECOND)
        markets.perp.mark.begin_block(markets.ctx)
        assert mark(markets) == stale
    after = markets.perp.mark.look(markets.ctx, BTC)
    assert (after.ema, after.book_middle, after.book_impact_middle) == (before.ema, before.book_middle, before.book_impact_middle)
    assert after.observed_ns == markets.ctx.time_ns - SECOND


def test_what_is_kept_ends_when_the_book_is_gone_and_the_average_has_fallen_to_nothing() -> None:
    """Less than one whole unit is nothing; the mark is then the index without a record."""
    markets = Markets()
    see(markets, around(20))
    next_block(markets, 150)
    see(markets, around(20))
    blocks = 0
    while list(markets.perp_module._state.marks.keys(markets.ctx)):
        next_block(markets, 60)
        see(markets, book(None, None))
        blocks += 1
        assert blocks < 20
    assert mark(markets) == INDEX
    assert blocks > 2


def test_positions_are_valued_with_the_mark_where_the_genesis_says_so() -> None:
    """The same market by index and by mark; funding's terms and the index in subticks stay what they are."""
    by_index, markets = Markets(), Markets({"perp": by_mark()})
    for one in (by_index, markets):
        for _ in range(3):
            see(one, around(2_000_000_000))
            next_block(one, 60)
    found = mark(markets)
    assert mark(by_index) == found > INDEX
    assert by_index.perp.terms(by_index.ctx, BTC).price == INDEX
    assert markets.perp.terms(markets.ctx, BTC).price == found
    assert markets.perp.index_terms(markets.ctx, BTC) == by_index.perp.terms(by_index.ctx, BTC)
    assert by_index.perp.index_terms(by_index.ctx, BTC) is by_index.perp.terms(by_index.ctx, BTC)
    assert markets.perp.index_subticks(markets.ctx, BTC, SUBTICKS_PER_UNIT) == (INDEX, 1)
    size = 10**10
    assert markets.perp.notional(markets.ctx, BTC, size) == found * 10
    trial = markets.perp.priced(markets.ctx, BTC, INDEX // 2)
    assert markets.perp.notional(trial, BTC, size) == INDEX // 2 * 10


def test_book_prices_are_converted_into_the_oracles_unit() -> None:
    """PERP-11: ETH's unit with a conversion exponent of -8 is a tenth of a subtick, so 30,123 subticks are 301,230 units."""
    markets = Markets()
    unit = formulas.index_subticks(1, -6, -9, -8)
    assert unit == (1, 10)
    prices = book(301_234_000, 301_236_000, 301_230_000, 301_250_000, exponent=-8)
    markets.perp.mark.observe(markets.ctx, ETH, prices, frozen=False)
    seen = markets.perp.mark.look(markets.ctx, ETH)
    assert (seen.book_middle, seen.book_impact_middle) == (3_012_350_000, 3_012_400_000)


def test_the_query_tells_every_component() -> None:
    """Which is the median, whether it is clamped, frozen, what the next one is made of; NOT_FOUND for no perpetual."""
    markets = Markets({"perp": by_mark()})
    ask = "/perpd.perp.v1.Query/Mark"
    answer = markets.ask(ask, perpetual_id=BTC)
    assert (answer.mark_price, answer.index_price, answer.median) == (INDEX, INDEX, query_pb2.MARK_COMPONENT_INDEX)
    for _ in range(2):
        see(markets, around(1_000_000))
        next_block(markets)
    answer = markets.ask(ask, perpetual_id=BTC)
    assert (answer.exponent, answer.mark_price, answer.index_price) == (-5, INDEX + 6_622, INDEX)
    assert (decode_signed(answer.average_basis), answer.impact_middle) == (6_622, INDEX + 1_000_000)
    assert (answer.median, answer.clamped) == (query_pb2.MARK_COMPONENT_AVERAGE, False)
    assert answer.margin_price == query_pb2.MARGIN_PRICE_MARK
    see(markets, around(3_000))
    next_block(markets)
    answer = markets.ask(ask, perpetual_id=BTC)
    assert (answer.mark_price, answer.median) == (INDEX + 3_000, query_pb2.MARK_COMPONENT_IMPACT)
    for _ in range(5):
        see(markets, around(2_000_000_000))
        next_block(markets, 60)
    next_block(markets, price=INDEX // 2)
    see(markets, None, frozen=True)
    answer = markets.ask(ask, perpetual_id=BTC)
    assert (answer.mark_price, answer.clamped, answer.book.frozen) == (INDEX // 2 + CLAMP // 2, True, True)
    assert (answer.median, answer.book.middle) == (query_pb2.MARK_COMPONENT_AVERAGE, INDEX + 2_000_000_000)
    assert answer.book.observed_nanoseconds == markets.ctx.time_ns
    assert decode_signed(answer.average_basis) == decode_signed(answer.book.basis_millionths) // 1_000_000
    with pytest.raises(QueryError):
        markets.ask(ask, perpetual_id=9)


def test_a_market_that_was_never_priced_has_no_mark() -> None:
    """0, and no component in the middle; the first price is its first mark."""
    oracle = oracle_section()
    del oracle["markets"][BTC]["price"]
    markets = Markets({"oracle": oracle})
    assert mark(markets) == 0
    assert markets.ask("/perpd.perp.v1.Query/Mark", perpetual_id=BTC).median == query_pb2.MARK_COMPONENT_UNSPECIFIED
    next_block(markets, price=77)
    assert mark(markets) == 77


def test_another_market_of_the_oracle_ends_what_was_known() -> None:
    """The authority moves the perpetual to another market: its units are others. What the message cannot say stays."""
    markets = Markets({"perp": by_mark(mark_clamp_ppm=7_000, mark_ema_seconds=30)})
    for _ in range(3):
        see(markets, around(1_000_000))
        next_block(markets, 20)
    old = markets.perp.require(markets.ctx, BTC)
    state = markets.perp_module._state
    authority.update_perpetual(markets.ctx, state, markets.oracle, old._replace(ticker="XBT-USD", margin_price=1, mark_clamp_ppm=1))
    assert mark(markets) != INDEX
    changed = markets.perp.require(markets.ctx, BTC)
    assert changed == old._replace(ticker="XBT-USD")
    authority.update_perpetual(markets.ctx, state, markets.oracle, changed._replace(market_id=ETH))
    assert mark(markets) == 3_012_345_678
    assert markets.broken() == []


def test_an_export_goes_on_as_if_nothing_had_happened() -> None:
    """Through JSON text: the same section again, and the same marks from the same books afterwards."""
    markets = Markets({"perp": by_mark(mark_clamp_ppm=7_000, mark_ema_seconds=30)})
    for offset in (1_000_000, -700_000, 900_000):
        see(markets, around(offset))
        next_block(markets, 20)
    see(markets, around(500_000), frozen=True)
    document = json.loads(json.dumps(markets.export()))
    assert document["perp"]["perpetuals"][BTC]["margin_price"] == "MARK"
    again = Markets(document, at_seconds=markets.ctx.time_seconds)
    again.ctx.height = markets.ctx.height
    assert again.export() == markets.export()
    assert again.broken() == []
    for one in (markets, again):
        next_block(one, 20)
        see(one, around(2_000_000))
        next_block(one, 20)
    assert mark(again) == mark(markets) != INDEX
    assert again.export()["perp"] == markets.export()["perp"]


def test_a_section_with_senseless_marks_is_refused_by_path() -> None:
    """Every mistake with its path."""
    section = perp_section()
    sound = {name: str(value) for name, value in Mark(INDEX, INDEX)._asdict().items()}
    section["perpetuals"][BTC] |= {"margin_price": "LAST", "mark_clamp_ppm": 1_000_000, "mark_ema_seconds": 0}
    section["perpetuals"][ETH] |= {"mark": sound}
    section["perpetuals"][LINK] |= {"mark": sound | {"price": str(2 * INDEX)}}
    with pytest.raises(AssertionError):
        Markets({"perp": section})
    markets = Markets()
    markets.genesis["perp"] = section
    assert [path for path, _ in markets.problems()] == [
        "perp.perpetuals[0].margin_price",
        "perp.perpetuals[0].mark_clamp_ppm",
        "perp.perpetuals[0].mark_ema_seconds",
        "perp.perpetuals[2].mark.price",
        "perp.perpetuals[1].mark.index_price",
        "perp.perpetuals[2].mark.index_price",
    ]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Mark(INDEX + CLAMP + 1, INDEX), "too far from index"),
        (Mark(INDEX + 1, INDEX + 1), "was made of index"),
    ],
)
def test_a_mark_that_cannot_be_is_reported(found: Mark, told: str) -> None:
    """PERP-B: beyond its clamp, or of another index; and one of no perpetual."""
    markets = Markets()
    markets.perp_module._state.marks.set(markets.ctx, BTC, found)
    markets.perp_module._state.marks.set(markets.ctx, 9, Mark(1, 1))
    sentences = markets.perp.mark.check(markets.ctx)
    assert len(sentences) == 2
    assert told in sentences[0]
    assert "does not exist" in sentences[1]


PRICES = st.one_of(st.none(), st.integers(1, 2**64 - 1), st.integers(-(10**8), 10**8).map(lambda offset: INDEX + offset))
BOOKS = st.one_of(st.none(), st.builds(book, PRICES, PRICES, PRICES, PRICES, exponent=st.integers(-14, -4)))
BLOCKS = st.lists(st.tuples(BOOKS, st.booleans(), st.integers(1, 400), st.integers(1, 2**64 - 1)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(BLOCKS, st.integers(0, 999_999))
def test_no_book_ever_moves_the_mark_out_of_the_clamp(blocks: list[tuple[BookPrices | None, bool, int, int]], clamp_ppm: int) -> None:
    """Whatever books, gaps and prices there are; every invariant holds after every block, and an export is sound."""
    markets = Markets({"perp": by_mark(mark_clamp_ppm=clamp_ppm)})
    for prices, frozen, seconds, price in blocks:
        see(markets, prices, frozen=frozen)
        next_block(markets, seconds, price)
        index = markets.oracle.recorded(markets.ctx, BTC).price
        low, high = formulas.mark_bounds(index, clamp_ppm)
        assert low <= mark(markets) <= high
        assert markets.perp.terms(markets.ctx, BTC).price == mark(markets)
        assert markets.broken() == []
    markets.genesis = markets.export()
    assert markets.problems() == []
