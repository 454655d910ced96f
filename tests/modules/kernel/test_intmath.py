"""Rounding: every named division against exact fractions."""

from fractions import Fraction
from math import ceil, floor, trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel import intmath

ANY = st.integers(-(10**40), 10**40)
POSITIVE = st.integers(1, 10**30)


@given(ANY, POSITIVE)
def test_divisions_round_as_they_are_named(numerator: int, denominator: int) -> None:
    """Floor, ceiling and truncation, for negative numerators too."""
    exact = Fraction(numerator, denominator)
    assert intmath.div_floor(numerator, denominator) == floor(exact)
    assert intmath.div_ceil(numerator, denominator) == ceil(exact)
    assert intmath.div_trunc(numerator, denominator) == trunc(exact)
    quotient, rest = intmath.divmod_floor(numerator, denominator)
    assert quotient * denominator + rest == numerator
    assert 0 <= rest < denominator


@given(ANY, st.integers(-1_000_000, 1_000_000))
def test_ppm_rounds_as_it_is_named(value: int, ppm: int) -> None:
    """Up toward plus infinity, down toward minus infinity."""
    exact = Fraction(value * ppm, 10**6)
    assert intmath.ppm_ceil(value, ppm) == ceil(exact)
    assert intmath.ppm_floor(value, ppm) == floor(exact)


@pytest.mark.parametrize(("quote", "ppm", "fee"), [(12_345_678, 500, 6_173), (12_345_678, -110, -1_358), (1, -110, 0), (999, 350, 1)])
def test_fee_vectors(quote: int, ppm: int, fee: int) -> None:
    """E13 of dydx-risk.md."""
    assert intmath.ppm_ceil(quote, ppm) == fee


@given(ANY, st.integers(-30, 30))
def test_scaling_by_powers_of_ten(value: int, exponent: int) -> None:
    """Exact upward; truncated or floored downward."""
    exact = Fraction(value) * Fraction(10) ** exponent
    assert intmath.scale_trunc(value, exponent) == trunc(exact)
    assert intmath.scale_floor(value, exponent) == floor(exact)


@given(st.integers(0, 10**20), POSITIVE)
def test_multiples(value: int, step: int) -> None:
    """Down and up to a multiple of a step."""
    down, up = intmath.round_down_to_multiple(value, step), intmath.round_up_to_multiple(value, step)
    assert down % step == up % step == 0
    assert down <= value <= up
    assert value - down < step
    assert up - value < step


def test_pow10_knows_large_exponents() -> None:
    """Beyond the table too."""
    assert intmath.pow10(3) == 1000
    assert intmath.pow10(70) == 10**70


def test_clamp_moves_into_the_range() -> None:
    """Below, inside, above."""
    assert [intmath.clamp(value, -2, 3) for value in (-5, -2, 0, 3, 9)] == [-2, -2, 0, 3, 3]


@pytest.mark.parametrize(
    ("points", "median"),
    [
        ([(100, 33), (200, 33), (300, 33)], 200),
        ([(100, 50), (200, 50)], 100),
        ([(300, 1), (100, 1), (200, 1)], 200),
        ([(100, 30), (200, 30), (300, 41)], 200),
    ],
)
def test_weighted_lower_median_vectors(points: list[tuple[int, int]], median: int) -> None:
    """E14 of dydx-risk.md with our rule: the first value with twice the cumulative weight at least the total."""
    assert intmath.weighted_lower_median(points) == median
