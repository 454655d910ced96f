"""Worked figures of the reference's specification and of ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.clob import formulas
from modules.clob.model import LONG_TERM, NO_FILLS, SHORT_TERM, FillState, OrderId
from modules.kernel.units import Address, SubaccountId

# dydx-clob.md section 4: BTC-USD, quantum conversion exponent -9.
EXPONENT = -9


@pytest.mark.parametrize(
    ("subticks", "quantums", "quote"),
    [
        (5_000_000_000, 100_000_000, 500_000_000),
        (6_123_400_000, 1_237_000_000, 7_574_645_800),
        (6_123_400_000, 1_234_000_000, 7_556_275_600),
        (2_868_800_000, 1_000_000, 2_868_800),
    ],
)
def test_quote_of_a_fill_has_the_reference_figures(subticks: int, quantums: int, quote: int) -> None:
    """CLOB-1, worked example of dydx-clob.md section 4."""
    assert formulas.quote_of(subticks, quantums, EXPONENT) == quote


def test_quote_is_rounded_down_and_may_be_zero() -> None:
    """CLOB-1: a tiny price times a tiny size."""
    assert formulas.quote_of(1, 999_999_999, EXPONENT) == 0
    assert formulas.quote_of(1, 1_000_000_000, EXPONENT) == 1
    assert formulas.quote_of(1, 1_999_999_999, EXPONENT) == 1
    assert formulas.quote_of(3, 5, 2) == 1_500


@pytest.mark.parametrize(
    ("quote", "taker_ppm", "maker_ppm", "fees"),
    [
        (7_574_645_800, 500, -110, (3_787_323, -833_211)),
        (7_574_645_800, 500, 100, (3_787_323, 757_465)),
        (5_000_100, 500, -110, (2_501, -550)),
        (12_345_678, 500, 100, (6_173, 1_235)),
        (12_345_678, 500, -110, (6_173, -1_358)),
        (1, 500, -110, (1, 0)),
        (999, 350, -50, (1, 0)),
    ],
)
def test_fees_are_rounded_up_on_both_sides(quote: int, taker_ppm: int, maker_ppm: int, fees: tuple[int, int]) -> None:
    """CLOB-2, dydx-clob.md section 4 and dydx-risk.md E13."""
    assert formulas.fees_of(quote, taker_ppm, maker_ppm) == fees


def test_a_rebate_is_never_more_than_the_taker_fee_of_its_fill() -> None:
    """CLOB-2, design.md 3.5."""
    assert formulas.fees_of(1_000_000, 50, -110) == (50, -50)
    assert formulas.fees_of(1_000_000, 0, -110) == (0, 0)


def test_a_maker_of_the_engine_gets_no_rebate() -> None:
    """CLOB-3, dydx-risk.md 9.7."""
    assert formulas.liquidation_maker_fee(1_000_000, -110) == 0
    assert formulas.liquidation_maker_fee(1_000_001, 100) == 101


INDEX = (6_012_345_678, 1)
NOTIONAL = 10_000_000_000
BIDS = [(6_014_000_000, 500_000_000), (6_013_500_000, 700_000_000), (6_013_000_000, 2_000_000_000)]
ASKS = [(6_010_000_000, 1_000_000_000), (6_011_000_000, 3_000_000_000)]


@pytest.mark.parametrize(
    ("orders", "base", "premium"),
    [(BIDS, 1_662_922_003, 193), (ASKS, 1_663_783_065, -323)],
)
def test_impact_price_and_premium_have_the_reference_figures(orders: list[tuple[int, int]], base: int, premium: int) -> None:
    """CLOB-4 and CLOB-5, dydx-risk.md E5."""
    impact = formulas.impact_price(orders, NOTIONAL, EXPONENT)
    assert impact == (NOTIONAL * 10**9, base)
    assert formulas.premium_ppm(impact, INDEX) == premium


def test_a_book_without_the_depth_has_no_impact_price() -> None:
    """CLOB-4: one quote quantum too little."""
    quotes = sum(formulas.quote_of(subticks, quantums, EXPONENT) for subticks, quantums in BIDS)
    assert formulas.impact_price(BIDS, quotes + 1, EXPONENT) is None
    assert formulas.impact_price(BIDS, quotes, EXPONENT) is not None
    assert formulas.impact_price([], NOTIONAL, EXPONENT) is None


def test_a_notional_of_zero_has_the_best_price() -> None:
    """CLOB-4, dydx-risk.md 7.2 rule 6."""
    assert formulas.impact_price(BIDS, 0, EXPONENT) == (6_014_000_000, 1)


def test_impact_price_with_a_positive_exponent_is_in_subticks_too() -> None:
    """CLOB-4: 30 lots at 7 subticks are 30 x 7 x 10^2 quote quantums."""
    top, bottom = formulas.impact_price([(7, 30)], 21_000, 2) or (0, 1)
    assert (top, bottom) == (21_000, 3_000)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**10), st.integers(1, 10**10)), min_size=1, max_size=6),
    st.integers(1, 10**12),
    st.integers(-9, 2),
)
def test_impact_price_lies_between_the_worst_price_walked_and_never_above_what_rounding_allows(
    orders: list[tuple[int, int]], notional: int, exponent: int
) -> None:
    """CLOB-4: the base amount is at least what the notional buys at the best price, less one quantum of rounding per order."""
    orders = sorted(orders, reverse=True)
    impact = formulas.impact_price(orders, notional, exponent)
    if impact is None:
        return
    best = orders[0][0]
    base = impact[1] if exponent < 0 else impact[1] // 10**exponent
    # `base` quantums at the best price are worth at least the notional, up to the floors of the orders walked.
    worth = formulas.quote_of(best, base, exponent)
    assert worth + len(orders) >= notional


@settings(deadline=None)
@given(st.integers(1, 10**12), st.integers(1, 10**6), st.integers(1, 10**12), st.integers(1, 10**6))
def test_premium_is_truncated_toward_zero(impact_top: int, impact_bottom: int, index_top: int, index_bottom: int) -> None:
    """CLOB-5: the magnitude never exceeds the exact one and is within one ppm of it."""
    premium = formulas.premium_ppm((impact_top, impact_bottom), (index_top, index_bottom))
    exact_top = 10**6 * (impact_top * index_bottom - index_top * impact_bottom)
    exact_bottom = impact_bottom * index_top
    assert abs(premium) * exact_bottom <= abs(exact_top) < (abs(premium) + 1) * exact_bottom
    assert premium * exact_top >= 0


def test_fractions_compare_exactly_and_round_down() -> None:
    """CLOB-6 and CLOB-8 compare the exact index with whole subticks."""
    assert formulas.is_below((1, 3), (334, 1000))
    assert not formulas.is_below((1, 3), (1, 3))
    assert formulas.floor_subticks((2_868_819_529, 10)) == 286_881_952


def test_fills_are_never_kept_for_a_shorter_time_than_before() -> None:
    """CLOB-9: an id that was filled under a far good-til-block and is placed again under a near one; long-term ids are not kept."""
    short, long = (OrderId(0, SubaccountId(Address(bytes(20)), 0), flags, 1) for flags in (SHORT_TERM, LONG_TERM))
    assert formulas.filled_to(NO_FILLS, short, 130, 5) == (5, 170)
    assert formulas.filled_to(FillState(5, 170), short, 105, 9) == (9, 170)
    assert formulas.filled_to(FillState(5, 170), short, 131, 9) == (9, 171)
    assert formulas.filled_to(NO_FILLS, long, 1_700_000_000, 5) == (5, 0)
