"""Liquidation maths, LIQ-1 to LIQ-6, with the worked examples E9 to E12 of dydx-risk.md 16."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.units import MILLION, Address, SubaccountId
from modules.liquidation import formulas
from modules.liquidation.model import LiquidationParams
from modules.perp.model import PositionMargin
from modules.subaccounts.model import Risk
from support.markets import BTC, Markets

BIG = 12_345_678_900
"""Base quantums of the examples' BTC position."""
PARAMS = LiquidationParams()
MARKETS = Markets()


def margin(quantums: int) -> PositionMargin:
    """Value and requirements of a BTC position at 60,123.45678 USD."""
    return MARKETS.perp.margin(MARKETS.ctx, BTC, quantums)


def risk(usdc: int, quantums: int) -> Risk:
    """Of a subaccount with nothing but a BTC position."""
    held = margin(quantums)
    return Risk(usdc + held.notional, held.initial, held.maintenance)


def key(number: int) -> SubaccountId:
    """Keys in order of their number."""
    return SubaccountId(Address(bytes(20)), number)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((key(2), Risk(10, 0, 100)), (key(1), Risk(20, 0, 100))),
        ((key(2), Risk(10, 0, 100)), (key(1), Risk(2, 0, 19))),
        ((key(2), Risk(-10, 0, 100)), (key(1), Risk(-1, 0, 11))),
        ((key(2), Risk(20, 0, 200)), (key(1), Risk(10, 0, 100))),
        ((key(1), Risk(10, 0, 100)), (key(2), Risk(10, 0, 100))),
        ((key(2), Risk(0, 0, 200)), (key(1), Risk(0, 0, 100))),
    ],
)
def test_the_riskier_subaccount_comes_first(first: formulas.Candidate, second: formulas.Candidate) -> None:
    """LIQ-1: by net collateral per requirement; then the larger requirement; then the key."""
    assert formulas.riskier(first, second) < 0 < formulas.riskier(second, first)


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(100, 110)), min_size=3, max_size=3))
def test_the_risk_order_is_transitive(rows: list[tuple[int, int]]) -> None:
    """LIQ-1: any three can be put in one order."""
    one, two, three = ((key(number), Risk(net, 0, maintenance)) for number, (net, maintenance) in enumerate(rows))
    if formulas.riskier(one, two) < 0 and formulas.riskier(two, three) < 0:
        assert formulas.riskier(one, three) < 0


@pytest.mark.parametrize(
    ("quantums", "expected"), [(BIG, 1_234_000_000), (120_000_000, 120_000_000), (10**12, 16_632_000_000), (500_000, 500_000)]
)
def test_sizes_are_the_reference_ones(quantums: int, expected: int) -> None:
    """LIQ-2, E10: a tenth; the whole of a small one; the subaccount's limit; less than a step. Both sides alike."""
    terms = MARKETS.perp.terms(MARKETS.ctx, BTC)
    limits = (PARAMS.min_position_notional_liquidated, PARAMS.max_position_portion_liquidated_ppm, PARAMS.max_notional_liquidated)
    assert formulas.size(terms, quantums, 1_000_000, *limits) == expected
    assert formulas.size(terms, -quantums, 1_000_000, *limits) == expected


def test_a_size_is_at_least_a_step_however_little_is_left() -> None:
    """LIQ-2: with nothing left of the limit one step is asked for; the fill is then refused by the limit itself."""
    terms = MARKETS.perp.terms(MARKETS.ctx, BTC)
    assert formulas.size(terms, BIG, 1_000_000, 10**9, 100_000, 0) == 1_000_000


@pytest.mark.parametrize(
    ("quantums", "usdc", "price", "subticks"),
    [
        (BIG, -73_335_771_306, Fraction(148_452_978_349, 24_691_357_800), 6_012_400_000),
        (BIG, -73_781_130_241, Fraction(18_389_612_693, 3_086_419_725), 5_958_300_000),
        (BIG, -74_226_489_176, Fraction(145_780_824_739, 24_691_357_800), 5_904_200_000),
        (BIG, -74_326_489_176, Fraction(145_780_824_739, 24_691_357_800), 5_904_200_000),
        (-BIG, 74_671_848_111, None, 6_066_400_000),
        (-BIG, 74_226_489_176, None, 6_120_500_000),
    ],
)
def test_fillable_prices_are_the_reference_ones(quantums: int, usdc: int, price: Fraction | None, subticks: int) -> None:
    """LIQ-3, LIQ-4, E9: the exact price, and the limit rounded up for a sell, down for a buy."""
    found = formulas.fillable_price(
        risk(usdc, quantums),
        margin(quantums),
        quantums,
        PARAMS.bankruptcy_adjustment_ppm,
        PARAMS.spread_to_maintenance_margin_ratio_ppm,
    )
    if price is not None:
        assert Fraction(*found) == price
    assert formulas.limit_subticks(found, -9, 100_000, is_buy=quantums < 0) == subticks


@pytest.mark.parametrize(
    ("price", "is_buy", "expected"),
    [
        ((-5, 1), False, 10),
        ((0, 1), True, 10),
        ((3, 1), False, 10),
        ((10, 1), False, 10),
        ((101, 10), False, 20),
        ((199, 10), True, 10),
        ((2**70, 1), False, (2**64 - 1) // 10 * 10),
        ((2**70, 1), True, (2**64 - 1) // 10 * 10),
        ((2**64 - 1, 1), False, (2**64 - 1) // 10 * 10),
    ],
)
def test_a_limit_price_is_at_least_a_tick_and_fits_64_bits(price: tuple[int, int], is_buy: bool, expected: int) -> None:
    """LIQ-4: nothing raises, whatever the price; a negative one becomes one tick."""
    assert formulas.limit_subticks(price, 0, 10, is_buy=is_buy) == expected


def test_a_limit_price_honours_either_sign_of_the_exponent() -> None:
    """LIQ-4: subticks = price x 10^-exponent."""
    assert formulas.limit_subticks((7, 2), -2, 1, is_buy=False) == 350
    assert formulas.limit_subticks((700, 2), 2, 1, is_buy=False) == 4
    assert formulas.limit_subticks((700, 2), 2, 1, is_buy=True) == 3


@pytest.mark.parametrize(
    ("usdc", "fill", "subticks", "quote", "bankruptcy", "delta"),
    [
        (-73_781_130_241, BIG, 5_990_000_000, 73_950_616_611, 73_781_130_241, 169_486_370),
        (-73_781_130_241, 1_000_000_000, 5_990_000_000, 5_990_000_000, 5_976_271_604, 13_728_396),
        (-73_781_130_241, BIG, 5_965_000_000, 73_641_974_638, 73_781_130_241, -139_155_603),
        (-73_781_130_241, 12_345_000_000, 5_970_000_000, 73_699_650_000, 73_777_072_951, -77_422_951),
        (-74_226_489_176, BIG, 6_000_000_000, 74_074_073_400, 74_226_489_176, -152_415_776),
    ],
)
def test_insurance_deltas_are_the_reference_ones(usdc: int, fill: int, subticks: int, quote: int, bankruptcy: int, delta: int) -> None:
    """LIQ-5, LIQ-6, E11: selling part or all of a long; row one leaves the account with exactly nothing."""
    assert subticks * fill // 10**9 == quote
    found = formulas.bankruptcy_quote(risk(usdc, BIG), margin(BIG), margin(BIG - fill))
    assert found == bankruptcy
    assert formulas.insurance_delta(quote, found, PARAMS.max_liquidation_fee_ppm) == delta
    if fill == BIG and delta < 0:
        assert usdc + quote - delta == 0


@pytest.mark.parametrize(("closed", "expected"), [(BIG, 74_726_489_176), (6_172_839_450, 37_363_244_588)])
def test_bankruptcy_quotes_of_a_negative_account_are_above_the_oracle(closed: int, expected: int) -> None:
    """LIQ-5, E12: net collateral -500 USDC; closing all of it brings the account to zero."""
    usdc = -500_000_000 - margin(BIG).notional
    assert formulas.bankruptcy_quote(risk(usdc, BIG), margin(BIG), margin(BIG - closed)) == expected


def test_the_fee_is_capped_on_the_fills_quote() -> None:
    """LIQ-6: at most max fee x |quote| rounded down, for sells and buys."""
    assert formulas.insurance_delta(1_000_099, 0, 15_000) == 15_001
    assert formulas.insurance_delta(-1_000_099, -2_000_000, 15_000) == 15_001
    assert formulas.insurance_delta(1_000_099, 1_000_000, 15_000) == 99
    assert formulas.insurance_delta(1_000_000, 1_000_000, 15_000) == 0


@given(
    st.integers(-(10**12), 10**12),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.booleans(),
    st.integers(0, 10**14),
)
def test_no_fill_makes_an_account_riskier_and_a_covered_one_gets_the_bankruptcy_quote(
    net: int, lots: int, part: int, long: bool, quote: int
) -> None:
    """LIQ-5, LIQ-6: after any fill net collateral per requirement is no lower; and where the fund pays, no better than one quantum's
    rounding above what it was.
    """
    held = (lots if long else -lots) * 1_000_000
    closed = min(part, lots) * 1_000_000 * (-1 if long else 1)
    before, after = margin(held), margin(held + closed)
    current = Risk(net, before.initial, before.maintenance)
    signed = quote if long else -quote
    delta = formulas.insurance_delta(signed, formulas.bankruptcy_quote(current, before, after), PARAMS.max_liquidation_fee_ppm)
    new_net = net + after.notional - before.notional + signed - delta
    assert new_net * before.maintenance >= net * after.maintenance
    if delta < 0:
        assert (new_net - 1) * before.maintenance < net * after.maintenance
    assert delta <= abs(signed) * PARAMS.max_liquidation_fee_ppm // MILLION
