from fractions import Fraction
from math import floor, trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.funding import formulas
from modules.funding.model import Accrual

MILLION = 1_000_000
HOUR_NS = 3600 * 10**9
RATES = st.integers(-5_000_000, 5_000_000)
SPANS = st.integers(0, 10 * HOUR_NS)


@pytest.mark.parametrize(
    ("initial", "maintenance", "rate_bound", "premium_bound"),
    [
        (20_000, 12_000, 48_000, 480_000),
        (100_000, 50_000, 300_000, 3_000_000),
        (200_000, 100_000, 600_000, 6_000_000),
        (1_000_000, 200_000, 4_800_000, 48_000_000),
        (50_000, 30_000, 120_000, 1_200_000),
        (10_000, 5_000, 30_000, 300_000),
    ],
)
def test_bounds_of_the_tiers(initial: int, maintenance: int, rate_bound: int, premium_bound: int) -> None:
    """FUND-1: the table of dydx-risk.md 7.1 with factors 6 and 60."""
    assert formulas.margin_bound(6 * MILLION, initial, maintenance) == rate_bound
    assert formulas.margin_bound(60 * MILLION, initial, maintenance) == premium_bound


@pytest.mark.parametrize(
    ("by_margin", "cap", "bound"), [(48_000, 0, 48_000), (48_000, 750, 750), (48_000, 50_000, 48_000), (48_000, 48_000, 48_000)]
)
def test_the_lower_bound_wins(by_margin: int, cap: int, bound: int) -> None:
    """FUND-2: an absolute cap of 0 is none."""
    assert formulas.rate_bound(by_margin, cap) == bound


@pytest.mark.parametrize(
    ("samples", "mean"),
    [([480] * 41 + [-37] * 7 + [0] * 12, 323), ([-37] * 7 + [0] * 53, -4), ([1, 2], 1), ([-1, -2], -1)],
)
def test_mean_premium_is_truncated_toward_zero(samples: list[int], mean: int) -> None:
    """FUND-3: E7's sixty minutes, as sixty equal stretches of time."""
    assert formulas.mean_premium(sum(sample * 60 for sample in samples), len(samples) * 60) == mean


@pytest.mark.parametrize(
    ("premium", "default", "rate", "capped"),
    [
        (323, 100, 423, 0),
        (193, 100, 293, 0),
        (-323, 100, -223, 0),
        (-125, 0, -125, 0),
        (50_000, 100, 48_000, 2_100),
        (-50_000, 100, -48_000, -1_900),
    ],
)
def test_rate_is_premium_plus_interest_within_the_bound(premium: int, default: int, rate: int, capped: int) -> None:
    """FUND-4: rates of E5 and E7, and what the bound cut off on either side."""
    assert formulas.rate(premium, default, 48_000) == (rate, capped)


@pytest.mark.parametrize(("price", "rate", "index", "exact"), [(6_012_345_678, 423, 317, 317.9), (3_012_345_678, -125, -48, -47.07)])
def test_an_hour_of_the_worked_examples(price: int, rate: int, index: int, exact: float) -> None:
    """FUND-5, FUND-6: E7 in our unit; with lots of 10^6 base quantums both units agree, the reference truncates where we carry."""
    divisor = formulas.index_divisor(10**9)
    change, carry = formulas.accrue(rate, HOUR_NS, MILLION * price, divisor, 0)
    assert change == index
    assert abs(Fraction(carry, divisor) + change - Fraction(exact)) < Fraction(1, 10)


@given(st.lists(st.tuples(RATES, SPANS, st.integers(0, 2**90)), max_size=12), st.integers(0, 12))
def test_accruals_sum_to_the_floor_of_the_exact_sum(accruals: list[tuple[int, int, int]], decimals: int) -> None:
    """FUND-6: index and carry are the exact rational sum, whole part and fraction, after any number of accruals."""
    divisor = formulas.index_divisor(10**decimals)
    index = carry = 0
    total = Fraction(0)
    for rate, span, lot_multiplier in accruals:
        change, carry = formulas.accrue(rate, span, lot_multiplier, divisor, carry)
        index += change
        total += Fraction(rate, MILLION) * Fraction(span, 8 * HOUR_NS) * Fraction(lot_multiplier, 10**decimals)
        assert index == floor(total)
        assert Fraction(carry, divisor) == total - index


@given(RATES, SPANS, SPANS, st.integers(0, 2**90), st.integers(0, 10**30))
def test_splitting_an_interval_is_neutral(rate: int, first: int, second: int, lot_multiplier: int, carry: int) -> None:
    """FUND-6: two parts give the index and the carry of the whole, exactly."""
    divisor = formulas.index_divisor(10**9)
    carry %= divisor
    whole = formulas.accrue(rate, first + second, lot_multiplier, divisor, carry)
    change, between = formulas.accrue(rate, first, lot_multiplier, divisor, carry)
    rest, after = formulas.accrue(rate, second, lot_multiplier, divisor, between)
    assert (change + rest, after) == whole


@pytest.mark.parametrize(("quantums", "change", "received"), [(3_000_000, 5, -15), (-3_000_000, 5, 15), (3_000_000, -5, 15), (0, 5, 0)])
def test_trap_a_long_pays_when_the_index_rises(quantums: int, change: int, received: int) -> None:
    """FUND-7: cash delta = -(size x index change), one convention."""
    assert formulas.payment(quantums, MILLION, change) == received


def test_a_position_that_is_no_whole_number_of_lots_is_a_bug() -> None:
    """FUND-7 is exact or nothing."""
    with pytest.raises(AssertionError):
        formulas.payment(1_500_000, MILLION, 1)


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**12))
def test_displayed_index_is_the_nearest_value(index: int, lot: int) -> None:
    """FUND-8: per 10^6 base quantums, ties away from zero, as rationals say."""
    exact = Fraction(index * MILLION, lot)
    away = trunc(abs(exact) + Fraction(1, 2))
    assert formulas.display_index(index, lot) == (away if exact >= 0 else -away)


@pytest.mark.parametrize(
    ("seconds", "epoch", "last", "following"),
    [
        (1_700_000_000, 3600, 1_699_999_200, 1_700_002_800),
        (1_700_002_800, 3600, 1_700_002_800, 1_700_006_400),
        (1_700_000_000, 28_800, 1_699_977_600, 1_700_006_400),
        (1_700_000_000, 20, 1_700_000_000, 1_700_000_020),
    ],
)
def test_epochs_end_at_whole_multiples_in_utc(seconds: int, epoch: int, last: int, following: int) -> None:
    """FUND-9: hours at full hours, eight hours at 00, 08 and 16 UTC; a boundary itself begins the next epoch."""
    assert formulas.last_boundary(seconds * 10**9, epoch) == last * 10**9
    assert formulas.next_boundary(seconds * 10**9, epoch) == following * 10**9
    assert formulas.last_boundary(seconds * 10**9 + 1, epoch) == last * 10**9


def test_trap_a_sample_weighs_the_time_for_which_it_stood() -> None:
    """FUND-10, FUND-3: 600 for one second and 0 for two is 200, however often it was looked at."""
    accrual = formulas.gather(Accrual(0, 0, 600, 0), 10**9)
    accrual = formulas.gather(accrual._replace(sample_ppm=0), 2 * 10**9)
    accrual = formulas.gather(accrual, 3 * 10**9)
    assert accrual == (600 * 10**9, 3 * 10**9, 0, 3 * 10**9, False)
    assert formulas.mean_premium(accrual.weighted, accrual.covered_ns) == 200
