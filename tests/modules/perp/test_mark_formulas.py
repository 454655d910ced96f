"""Mark price formulas against exact rationals, and worked by hand."""

from fractions import Fraction
from math import floor, trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.perp import formulas

MILLION = 1_000_000
SECOND = 10**9
TAU = 150 * SECOND
PRICES = st.integers(1, 2**64 - 1)
AVERAGES = st.integers(-(2**80), 2**80)
ELAPSED = st.integers(0, 10**15)
CLAMPS = st.integers(0, MILLION - 1)


@pytest.mark.parametrize(
    ("price", "unit", "expected"),
    [
        # BTC at 10^-5 dollars with conversion exponent -9: one oracle unit is one subtick.
        ((6_012_345_678, 1), (1, 1), 6_012_345_678),
        ((20_000_001, 2), (1, 1), 10_000_000),
        # One oracle unit is ten subticks, and a tenth of one.
        ((29, 1), (10, 1), 2),
        ((29, 1), (1, 10), 290),
        ((9, 1), (10, 1), 1),
        ((2**64, 1), (1, 1), 2**64 - 1),
    ],
)
def test_a_book_price_in_oracle_units_is_rounded_down_and_bounded(price: tuple[int, int], unit: tuple[int, int], expected: int) -> None:
    """PERP-11: worked numbers, with both bounds."""
    assert formulas.oracle_units(price, unit) == expected


@given(st.tuples(PRICES, st.integers(1, 10**9)), st.integers(-12, 12))
def test_a_book_price_is_exact_but_for_one_floor(price: tuple[int, int], exponent: int) -> None:
    """PERP-11: the floor of the rational, inside the bounds."""
    unit = (10 ** max(exponent, 0), 10 ** max(-exponent, 0))
    exact = Fraction(*price) / Fraction(*unit)
    assert formulas.oracle_units(price, unit) == min(max(floor(exact), 1), 2**64 - 1)


@given(PRICES, PRICES)
def test_the_middle_is_the_floor_of_the_mean(bid: int, ask: int) -> None:
    """PERP-12: as rationals have it, and between the two."""
    assert formulas.middle(bid, ask) == floor(Fraction(bid + ask, 2))
    assert min(bid, ask) <= formulas.middle(bid, ask) <= max(bid, ask)


@pytest.mark.parametrize(
    ("ema", "sample", "elapsed_seconds", "expected"),
    [
        (0, 151, 1, 1),
        (0, 150, 1, 0),
        (0, -1, 1, -1),
        (0, -151, 1, -1),
        (0, -152, 1, -2),
        (1_000, 1_000, 7, 1_000),
        (1_000, -1_000, 150, 0),
        (1_000, 5_000, 0, 1_000),
        (0, 1_000, 1_350, 900),
    ],
)
def test_the_average_moves_by_a_floor_of_its_share(ema: int, sample: int, elapsed_seconds: int, expected: int) -> None:
    """PERP-13: constant of 150 seconds, worked by hand; a fall is rounded down too."""
    assert formulas.ema_after(ema, sample, elapsed_seconds * SECOND, TAU) == expected


@given(AVERAGES, AVERAGES, ELAPSED, st.integers(1, 10**15))
def test_the_average_is_the_rational_one_rounded_down_and_between_old_and_sample(ema: int, sample: int, elapsed: int, tau: int) -> None:
    """PERP-13: one floor of the exact value."""
    after = formulas.ema_after(ema, sample, elapsed, tau)
    assert after == floor(ema + (sample - ema) * Fraction(elapsed, elapsed + tau))
    assert min(ema, sample) <= after <= max(ema, sample)


@given(AVERAGES, AVERAGES, st.integers(0, 10**13), st.integers(0, 10**13))
def test_a_split_interval_brings_the_average_at_least_as_near_to_the_sample(ema: int, sample: int, first: int, second: int) -> None:
    """PERP-13: and never past it; two floors may lose two units of it."""
    whole = formulas.ema_after(ema, sample, first + second, TAU)
    split = formulas.ema_after(formulas.ema_after(ema, sample, first, TAU), sample, second, TAU)
    assert min(ema, sample) <= split <= max(ema, sample)
    assert abs(sample - split) <= abs(sample - whole) + 2


@given(AVERAGES, AVERAGES, ELAPSED, ELAPSED)
def test_more_time_brings_the_average_nearer(ema: int, sample: int, shorter: int, more: int) -> None:
    """PERP-13: monotone in the elapsed time."""
    near = formulas.ema_after(ema, sample, shorter + more, TAU)
    assert abs(sample - near) <= abs(sample - formulas.ema_after(ema, sample, shorter, TAU))


@pytest.mark.parametrize("sample", [7, -7, 250_000, -250_000])
def test_a_constant_basis_is_the_average_in_the_end_to_the_unit(sample: int) -> None:
    """PERP-13, PERP-16: kept in millionths, the floors of thousands of blocks cost nothing of a whole unit but its last part."""
    ema = 0
    for _ in range(6_000):
        ema = formulas.ema_after(ema, sample * formulas.EMA_SCALE, SECOND, TAU)
    assert abs(ema - sample * formulas.EMA_SCALE) <= 151
    assert abs(formulas.whole_units(ema) - sample) <= (sample > 0)


@given(AVERAGES)
def test_whole_units_are_rounded_toward_zero(ema: int) -> None:
    """PERP-16: alike for both signs."""
    assert formulas.whole_units(ema) == trunc(Fraction(ema, MILLION))


@given(PRICES, CLAMPS)
def test_the_bounds_hold_the_index_and_are_the_rationals_rounded_towards_it(index: int, ppm: int) -> None:
    """PERP-14: within the wire's 64 bits, never zero."""
    low, high = formulas.mark_bounds(index, ppm)
    assert Fraction(index * (MILLION - ppm), MILLION) <= low <= index <= high <= 2**64 - 1
    assert high <= Fraction(index * (MILLION + ppm), MILLION)
    assert low - 1 < Fraction(index * (MILLION - ppm), MILLION)
    assert low >= 1


@pytest.mark.parametrize(
    ("ema", "impact", "expected"),
    [
        (0, 1_000_000, 1_000_000),
        (300, 1_000_200, 1_000_200),
        (200, 1_000_300, 1_000_200),
        (300, 999_000, 1_000_000),
        (-300, 1_000_900, 1_000_000),
        (-300, 999_900, 999_900),
        (90_000, 1_080_000, 1_005_000),
        (-90_000, 920_000, 995_000),
        (90_000, 1, 1_000_000),
    ],
)
def test_the_mark_is_the_median_inside_the_clamp(ema: int, impact: int, expected: int) -> None:
    """PERP-15: index 1,000,000 and clamp 0.5 %, each of the three in the middle, and both ends of the clamp."""
    assert formulas.mark_price(1_000_000, ema, impact, 5_000) == expected


@given(PRICES, AVERAGES, PRICES, CLAMPS)
def test_the_mark_never_leaves_the_clamp(index: int, ema: int, impact: int, ppm: int) -> None:
    """PERP-15: whatever the book says; a clamp of 0 is the index."""
    low, high = formulas.mark_bounds(index, ppm)
    assert low <= formulas.mark_price(index, ema, impact, ppm) <= high
    assert formulas.mark_price(index, ema, impact, 0) == index


@given(PRICES, st.integers(-(2**64), 2**64), PRICES, CLAMPS)
def test_both_of_the_book_must_agree_to_move_the_mark(index: int, ema: int, impact: int, ppm: int) -> None:
    """PERP-15: on opposite sides of the index they leave it there; on one side the nearer of them counts."""
    moved = formulas.mark_price(index, ema, impact, ppm) - index
    if ema * (impact - index) <= 0:
        assert moved == 0
    else:
        assert abs(moved) <= min(abs(ema), abs(impact - index))


@given(PRICES, AVERAGES, CLAMPS)
def test_without_a_side_of_the_book_the_mark_is_the_index(index: int, ema: int, ppm: int) -> None:
    """PERP-15: the index stands in for what is missing, so it is the median."""
    assert formulas.mark_price(index, ema, index, ppm) == index
