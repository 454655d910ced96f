"""The rules of subaccounts, SUB-1 to SUB-9, as pure functions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.intmath import div_trunc, ppm_ceil
from modules.kernel.units import MILLION
from modules.subaccounts import formulas
from modules.subaccounts.model import Risk, Row, UpdateResult

NEWLY = UpdateResult.NEWLY_UNDERCOLLATERALIZED
STILL = UpdateResult.STILL_UNDERCOLLATERALIZED
SUCCESS = UpdateResult.SUCCESS


@pytest.mark.parametrize(("net", "initial", "expected"), [(100, 100, True), (99, 100, False), (0, 0, True), (-1, 0, False)])
def test_net_collateral_that_equals_the_initial_requirement_is_enough(net: int, initial: int, expected: bool) -> None:
    """SUB-1: the boundary itself is collateralised, also 0 >= 0."""
    assert formulas.is_initially_collateralised(Risk(net, initial, 0)) is expected


@pytest.mark.parametrize(("net", "maintenance", "expected"), [(100, 100, False), (99, 100, True), (-1, 0, False), (-1, 1, True)])
def test_only_who_is_below_a_maintenance_requirement_is_liquidatable(net: int, maintenance: int, expected: bool) -> None:
    """SUB-2: without a requirement nobody is, however negative."""
    assert formulas.is_liquidatable(Risk(net, maintenance, maintenance)) is expected


@pytest.mark.parametrize(
    ("current", "new", "expected"),
    [
        # dydx-risk.md 16 E4, from USDC -67,300,000,000: TMMR 963,014,168, initial requirement not met.
        (Risk(901_797_820, 1_605_023_612, 963_014_168), Risk(825_069_430, 1_003_789_045, 602_273_427), SUCCESS),
        (Risk(901_797_820, 1_605_023_612, 963_014_168), Risk(525_219_430, 1_003_789_045, 602_273_427), STILL),
        (Risk(901_797_820, 1_605_023_612, 963_014_168), Risk(898_837_348, 1_725_270_526, 1_035_162_316), STILL),
        # Healthy before: the failure is a new one; a trade that only reduces risk may still leave it below the initial requirement.
        (Risk(200, 100, 60), Risk(90, 100, 60), NEWLY),
        (Risk(100, 100, 60), Risk(50, 51, 30), SUCCESS),
        (Risk(100, 100, 60), Risk(49, 51, 30), NEWLY),
        # No requirement on one side: only both zero with more collateral than before.
        (Risk(-5, 10, 6), Risk(-1, 0, 0), STILL),
        (Risk(-5, 0, 0), Risk(-4, 0, 0), SUCCESS),
        (Risk(-5, 0, 0), Risk(-5, 0, 0), STILL),
        (Risk(5, 0, 0), Risk(-1, 0, 0), NEWLY),
        (Risk(-5, 10, 6), Risk(0, 0, 0), SUCCESS),
    ],
)
def test_a_change_is_valid_if_covered_or_no_riskier(current: Risk, new: Risk, expected: UpdateResult) -> None:
    """SUB-3: the table of dydx-risk.md 5.4, with E4's rows."""
    assert formulas.transition(current, new) is expected


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12), st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_the_ratio_of_an_uncovered_account_never_falls(net: int, maintenance: int, new_net: int, new_maintenance: int) -> None:
    """SUB-3: what passes while uncovered has no larger requirement and no lower net collateral per requirement."""
    current, new = Risk(net, 10**13, maintenance), Risk(new_net, 10**13, new_maintenance)
    passes = formulas.transition(current, new) is SUCCESS
    assert passes == (new_maintenance <= maintenance and Fraction(new_net, new_maintenance) >= Fraction(net, maintenance))


@pytest.mark.parametrize(
    ("holds_any", "holds_isolated", "isolated", "expected"),
    [
        (False, False, True, True),
        (False, False, False, True),
        (True, False, False, True),
        (True, False, True, False),
        (True, True, False, False),
        (True, True, True, False),
    ],
)
def test_isolated_and_other_positions_never_meet(holds_any: bool, holds_isolated: bool, isolated: bool, expected: bool) -> None:
    """SUB-4: the rules of dydx-risk.md 6.2 for a perpetual that is not held yet."""
    assert formulas.may_hold(holds_any=holds_any, holds_isolated=holds_isolated, isolated=isolated) is expected


@pytest.mark.parametrize(
    ("before", "delta", "quote", "expected"),
    [
        (None, 10, 700, 700),
        (None, -10, 700, -700),
        ((10, 700), 5, 360, 1060),
        ((10, 700), -3, 999, 490),
        ((3, 700), -1, 999, 466),
        ((-3, -700), 1, 999, -466),
        ((10, 700), -10, 999, 0),
        ((10, 700), -15, 900, -300),
        ((-10, -700), 13, 1000, 230),
        ((10, 700), 0, 0, 700),
    ],
)
def test_entry_cost_grows_shrinks_and_flips(before: tuple[int, int] | None, delta: int, quote: int, expected: int) -> None:
    """SUB-5: plus the fill; in proportion, toward zero; the fill's own share."""
    quantums, entry = before or (0, 0)
    assert formulas.entry_quote(quantums, entry, delta, quote) == expected


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans(), st.integers(1, 10**6)), min_size=1, max_size=30))
def test_entry_cost_has_the_sign_of_the_position(fills: list[tuple[int, bool, int]]) -> None:
    """SUB-5: longs cost, shorts earn, whatever the way there; and applying fills keeps positions ascending and non-zero."""
    others: tuple[Row, ...] = ((1, 5, 0, 2, -4), (7, 1, 0, 1, 9))
    rows = others
    for quantums, buys, quote in fills:
        rows = formulas.apply(rows, 3, quantums if buys else -quantums, quote, -quote if buys else quote, 5)[0]
        assert rows == tuple(sorted(rows))
        for row in rows[1:-1]:
            assert row[1] != 0
            assert row[3] * row[1] >= 0
    assert (rows[0], rows[-1]) == others


@pytest.mark.parametrize(
    ("before", "delta", "quote", "charged", "after", "closed"),
    [
        (None, 10, 700, 3, (10, 5, 700, -3), None),
        (None, -10, 700, 3, (-10, 5, -700, -3), None),
        ((10, 5, 700, -3), 5, 360, 2, (15, 5, 1060, -5), None),
        ((10, 5, 700, -3), -3, 240, 1, (7, 5, 490, 26), None),
        ((-10, 5, -700, -3), 3, 240, 1, (-7, 5, -490, -34), None),
        ((3, 5, 700, 0), -1, 200, 0, (2, 5, 466, -34), None),
        ((10, 5, 700, 40), -10, 650, 6, None, -16),
        ((-10, 5, -700, 40), 10, 650, 6, None, 84),
        ((10, 5, 700, 40), -15, 900, 6, (-5, 5, -300, 0), -66),
        ((10, 5, 700, 40), -15, 900, -6, (-5, 5, -300, 0), -54),
    ],
)
def test_a_fill_realises_what_it_brings_less_what_it_costs(
    before: tuple[int, int, int, int] | None,
    delta: int,
    quote: int,
    charged: int,
    after: tuple[int, int, int, int] | None,
    closed: int | None,
) -> None:
    """SUB-10: charges when it grows, the closed part's profit when it shrinks, all of it when it closes or flips."""
    rows = () if before is None else ((3, *before),)
    quote_delta = (-quote if delta > 0 else quote) - charged
    held, size = (0, delta) if before is None else (before[0], before[0] + delta)
    assert formulas.apply(rows, 3, delta, quote, quote_delta, 5) == (() if after is None else ((3, *after),), held, size, closed)


def test_unsettled_funding_of_a_market_follows_from_two_sums() -> None:
    """SUB-6: sum of -lots x (index - index at settlement), also where the lots do not cancel."""
    held = [(5, 10), (-3, 12), (-2, 4)]
    lots_index = sum(lots * since for lots, since in held)
    net = sum(lots for lots, _ in held)
    assert formulas.unsettled_in_market(lots_index, net, 20) == sum(-lots * (20 - since) for lots, since in held)
    assert formulas.unsettled_in_market(100, 7, 20) == -40


@given(
    price=st.integers(1, 2**40),
    exponent=st.integers(-12, 4),
    initial=st.integers(1, MILLION),
    fraction=st.integers(1, MILLION),
    quantums=st.integers(-(2**60), 2**60),
)
def test_the_bound_of_one_position_is_below_its_exact_worth(price: int, exponent: int, initial: int, fraction: int, quantums: int) -> None:
    """SUB-7: for both requirements, every price scale and both sides; and it is not far below."""
    multiplier, divisor = price * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
    notional = div_trunc(quantums * multiplier, divisor)
    base = ppm_ceil(abs(notional), initial)
    for rate, requirement in ((initial * MILLION, base), (initial * fraction, ppm_ceil(base, fraction))):
        long, short = formulas.bound_coefficients(multiplier, divisor, rate)
        exact = (notional - requirement) << formulas.BOUND_SHIFT
        bound = quantums * (long if quantums > 0 else short) - (formulas.BOUND_ROUNDING << formulas.BOUND_SHIFT)
        assert bound <= exact
        assert exact - bound <= (2 * formulas.BOUND_ROUNDING) << formulas.BOUND_SHIFT


def test_a_pool_is_exact_only_to_the_quantum() -> None:
    """SUB-8: bank balance = collateral + unsettled funding."""
    assert formulas.is_pool_exact(100, 130, -30)
    assert not formulas.is_pool_exact(101, 130, -30)


@pytest.mark.parametrize(("long", "short", "open_interest", "expected"), [(5, 5, 5, True), (5, 4, 5, False), (5, 5, 4, False)])
def test_a_market_is_balanced_if_both_sides_are_the_open_interest(long: int, short: int, open_interest: int, expected: bool) -> None:
    """SUB-9: longs = shorts = open interest."""
    assert formulas.is_market_balanced(long, short, open_interest) is expected
