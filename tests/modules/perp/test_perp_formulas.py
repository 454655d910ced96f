from fractions import Fraction
from math import ceil, floor, trunc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.perp import formulas
from modules.perp.model import LiquidityTier

MILLION = 1_000_000
LARGE = LiquidityTier(0, "Large-Cap", 20_000, 600_000, 10**10, 0, 0)
SMALL = LiquidityTier(1, "Small-Cap", 100_000, 500_000, 5 * 10**9, 20 * 10**12, 50 * 10**12)
BTC = (6_012_345_678, -5, -10)
ETH = (3_012_345_678, -6, -9)
LINK = (14_560_000_000, -9, -6)

TIERS = st.builds(
    lambda initial, fraction, lower, width: LiquidityTier(0, "any", initial, fraction, 1, lower, lower + width),
    st.integers(1, MILLION),
    st.integers(1, MILLION),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
)
MARKETS = st.tuples(st.integers(1, 2**64 - 1), st.integers(-12, 2), st.integers(-10, 2))
SIZES = st.integers(-(10**18), 10**18)


@pytest.mark.parametrize(
    ("market", "quantums", "notional", "initial", "maintenance"),
    [
        (BTC, 12_345_678_900, 74_226_489_176, 1_484_529_784, 890_717_871),
        (BTC, -12_345_678_900, -74_226_489_176, 1_484_529_784, 890_717_871),
        (BTC, 12_345, 74_222, 1_485, 891),
        (BTC, 1, 6, 1, 1),
        (ETH, -2_000_000_000, -6_024_691_356, 120_493_828, 72_296_297),
        (ETH, 1_500_000_001, 4_518_518_520, 90_370_371, 54_222_223),
        (BTC, 0, 0, 0, 0),
    ],
)
def test_margins_of_the_worked_examples(market: tuple[int, int, int], quantums: int, notional: int, initial: int, maintenance: int) -> None:
    """PERP-2, PERP-5, PERP-6: E2, bit for bit."""
    terms = formulas.terms(*market, LARGE)
    assert formulas.margin(terms, quantums, 0, 0) == (notional, initial, maintenance)


@pytest.mark.parametrize(
    ("open_notional", "ppm"),
    [
        (0, 100_000),
        (20_000_000_000_000, 100_000),
        (20_000_000_000_001, 100_000),
        (27_000_000_000_000, 310_000),
        (35_000_000_000_000, 550_000),
        (49_999_999_000_000, 999_999),
        (50_000_000_000_000, 1_000_000),
        (60_000_000_000_000, 1_000_000),
    ],
)
def test_initial_margin_grows_with_open_interest(open_notional: int, ppm: int) -> None:
    """PERP-4: E3; at a price of one quote quantum per base quantum, notional and size are the same number."""
    assert formulas.initial_ppm(formulas.terms(1, 0, -6, SMALL), open_notional) == ppm


@pytest.mark.parametrize(
    ("open_interest", "custom", "ppm", "initial"),
    [
        (2_000_000_000_000, 0, 373_600, 5_439_616_000),
        (2_000_000_000_000, 400_000, 373_600, 5_824_000_000),
        (2_000_000_000_000, 150_000, 373_600, 5_439_616_000),
        (2_001_000_000_000, 0, 374_036, 5_445_964_160),
    ],
)
def test_open_interest_and_custom_leverage_raise_initial_margin_only(open_interest: int, custom: int, ppm: int, initial: int) -> None:
    """PERP-4, PERP-5, PERP-6: E3's LINK position, maintenance 728,000,000 throughout."""
    terms = formulas.terms(*LINK, SMALL)
    assert formulas.initial_ppm(terms, open_interest) == ppm
    assert formulas.margin(terms, 1_000_000_000, open_interest, custom) == (14_560_000_000, initial, 728_000_000)


def test_maintenance_margin_has_two_ceilings() -> None:
    """PERP-6: 1 of notional needs ceil(ceil(0.02) x 0.6) = 1, where one ceiling of the product would hide the first."""
    terms = formulas.terms(1, 0, -6, LARGE)
    assert formulas.margin(terms, 51, 0, 0).maintenance == ceil(ceil(Fraction(51 * 20_000, MILLION)) * Fraction(600_000, MILLION)) == 2
    assert ceil(Fraction(51 * 20_000 * 600_000, MILLION**2)) == 1


@given(MARKETS, SIZES, TIERS, st.integers(0, 10**19), st.integers(0, MILLION))
def test_margin_equals_exact_rationals(
    market: tuple[int, int, int], quantums: int, tier: LiquidityTier, open_interest: int, custom: int
) -> None:
    """PERP-1 to PERP-6 against dydx-risk.md 5.1 and 5.2 written down in fractions."""
    price, exponent, resolution = market
    value = Fraction(price) * Fraction(10) ** (exponent + resolution + 6)

    def notional(size: int) -> int:
        return trunc(size * value)

    opened = notional(open_interest)
    if tier.open_interest_upper_cap == 0 or opened <= tier.open_interest_lower_cap:
        scaled = tier.initial_margin_ppm
    elif opened >= tier.open_interest_upper_cap:
        scaled = MILLION
    else:
        width = tier.open_interest_upper_cap - tier.open_interest_lower_cap
        scaled = tier.initial_margin_ppm + floor(
            Fraction((MILLION - tier.initial_margin_ppm) * (opened - tier.open_interest_lower_cap), width)
        )
    size = abs(notional(quantums))
    initial = ceil(Fraction(size * max(scaled, custom), MILLION))
    maintenance = ceil(Fraction(ceil(Fraction(size * tier.initial_margin_ppm, MILLION)) * tier.maintenance_fraction_ppm, MILLION))
    terms = formulas.terms(*market, tier)
    assert formulas.initial_ppm(terms, open_interest) == scaled
    assert formulas.margin(terms, quantums, open_interest, custom) == (notional(quantums), initial, maintenance)


@given(MARKETS, SIZES)
def test_a_short_is_worth_minus_the_long(market: tuple[int, int, int], quantums: int) -> None:
    """PERP-2: truncation toward zero keeps the sign symmetry."""
    terms = formulas.terms(*market, LARGE)
    assert formulas.notional(terms, -quantums) == -formulas.notional(terms, quantums)


@given(MARKETS, SIZES)
def test_quantums_of_a_quote_are_the_most_that_it_buys(market: tuple[int, int, int], quote: int) -> None:
    """PERP-3: truncated toward zero, against exact rationals."""
    price, exponent, resolution = market
    terms = formulas.terms(*market, LARGE)
    assert formulas.quantums_of(terms, quote) == trunc(quote / (Fraction(price) * Fraction(10) ** (exponent + resolution + 6)))


def test_without_a_price_nothing_is_worth_or_requires_anything() -> None:
    """Terms of price 0 say so, and divide by nothing."""
    terms = formulas.terms(0, -9, -6, SMALL)
    assert (terms.price, formulas.margin(terms, 10**12, 10**18, 0)) == (0, (0, 0, 0))


@pytest.mark.parametrize(("initial", "fraction", "ppm"), [(20_000, 600_000, 12_000), (100_000, 500_000, 50_000), (3, 500_000, 1)])
def test_maintenance_fraction_is_rounded_down_for_bounds(initial: int, fraction: int, ppm: int) -> None:
    """PERP-7: the mm column of dydx-risk.md 7.1, and an odd one."""
    assert formulas.lowest_rates(LiquidityTier(0, "any", initial, fraction, 1, 0, 0)) == (initial, ppm)


@pytest.mark.parametrize(
    ("market", "conversion", "subticks"), [(BTC, -9, Fraction(6_012_345_678)), (ETH, -9, Fraction(3_012_345_678)), ((7, -5, -10), -10, 70)]
)
def test_index_in_subticks_is_exact(market: tuple[int, int, int], conversion: int, subticks: Fraction) -> None:
    """PERP-8: price x 10^(exponent - conversion + resolution + 6); 6012345678 for the examples' BTC."""
    numerator, denominator = formulas.index_subticks(*market, conversion)
    assert Fraction(numerator, denominator) == subticks


@given(MARKETS, st.integers(-12, 0))
def test_index_in_subticks_equals_exact_rationals(market: tuple[int, int, int], conversion: int) -> None:
    """PERP-8 against fractions, where the power of ten is negative too."""
    numerator, denominator = formulas.index_subticks(*market, conversion)
    price, exponent, resolution = market
    assert Fraction(numerator, denominator) == Fraction(price) * Fraction(10) ** (exponent - conversion + resolution + 6)


@pytest.mark.parametrize(("open_interest", "ppm"), [(1_999, 100_000), (2_000, 100_000), (2_999, 100_000), (3_000, 1_000_000)])
def test_equal_caps_are_a_step_above_the_cap(open_interest: int, ppm: int) -> None:
    """PERP-4: lower = upper = 2 quote quantums at 1000 base quantums each: up to notional 2 the tier's own, above it all."""
    step = SMALL._replace(open_interest_lower_cap=2, open_interest_upper_cap=2)
    assert formulas.initial_ppm(formulas.terms(1, -3, -6, step), open_interest) == ppm
