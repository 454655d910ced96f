"""Amounts as people write them: exact both ways, checked against rationals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.client import amounts
from node.client.market import Market
from node.failure import Failure

BTC = Market(
    ticker="BTC-USD",
    perpetual_id=0,
    clob_pair_id=0,
    oracle_market_id=0,
    oracle_exponent=-5,
    atomic_resolution=-10,
    quantum_conversion_exponent=-9,
    step_base_quantums=1_000_000,
    subticks_per_tick=100_000,
)
# A cheap coin: a step of ten coins, prices of a ten-millionth of a dollar.
SHIB = Market(
    ticker="SHIB-USD",
    perpetual_id=1,
    clob_pair_id=1,
    oracle_market_id=1,
    oracle_exponent=-14,
    atomic_resolution=1,
    quantum_conversion_exponent=-9,
    step_base_quantums=1,
    subticks_per_tick=1_000_000,
)

decimals = st.builds(
    lambda whole, fraction: f"{whole}.{fraction}" if fraction else str(whole),
    st.integers(min_value=0, max_value=10**12),
    st.text("0123456789", max_size=20),
)


@given(text=decimals)
def test_usdc_is_exact_or_refused(text: str) -> None:
    """What is not a whole number of quote quantums is no amount."""
    value = Fraction(text) * 10**6
    if value.denominator == 1:
        assert amounts.usdc(text) == value
        assert Fraction(amounts.shown(amounts.usdc(text), -6)) == Fraction(text)
    else:
        with pytest.raises(Failure, match=r"finer than 0\.000001"):
            amounts.usdc(text)


@given(value=st.integers(min_value=-(10**30), max_value=10**30), exponent=st.integers(min_value=-20, max_value=6))
def test_what_is_shown_is_the_value(value: int, exponent: int) -> None:
    """No digit is lost, and none is a trailing zero behind the point."""
    text = amounts.shown(value, exponent)
    assert Fraction(text) == value * Fraction(10) ** exponent
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.00"), (1, "0.000001"), (1_234_567_500_000, "1,234,567.50"), (-2_000_000, "-2.00"), (-1, "-0.000001")]
)
def test_usdc_is_shown_with_two_decimals_at_least(value: int, text: str) -> None:
    """Exact, with thousands."""
    assert amounts.shown_usdc(value) == text


@pytest.mark.parametrize("text", ["", ".5", "1.", "-1", "1e5", "1,000", "٣", "0x1", " ", "1.2.3", "nan"])
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    """Every notation but digits with one point."""
    with pytest.raises(Failure, match="is not a number"):
        amounts.usdc(text)


@given(text=decimals, market=st.sampled_from([BTC, SHIB]))
def test_sizes_go_down_to_the_step_and_prices_to_the_tick(text: str, market: Market) -> None:
    """client-surface.md 4.3 without its floats: floor(size x 10^-r / step) x step, floor(price x 10^(r - q + 6) / tick) x tick."""
    size = Fraction(text) / Fraction(10) ** market.atomic_resolution / market.step_base_quantums
    price = Fraction(text) * Fraction(10) ** (market.atomic_resolution - market.quantum_conversion_exponent + 6) / market.subticks_per_tick
    for exact, unit, convert in ((size, market.step_base_quantums, market.quantums), (price, market.subticks_per_tick, market.subticks)):
        wanted = exact.__floor__() * unit
        if wanted:
            assert convert(text) == wanted
        else:
            with pytest.raises(Failure, match="the smallest"):
                convert(text)


def test_a_market_shows_sizes_and_prices_as_people_write_them() -> None:
    """Half a bitcoin at 42,000.5 and what that costs; a cheap coin."""
    assert (BTC.quantums("0.5"), BTC.subticks("42000.5")) == (5_000_000_000, 4_200_000_000)
    assert (BTC.shown_size(5_000_000_000), BTC.shown_price(4_200_000_000)) == ("0.5", "42000")
    assert BTC.quote(5_000_000_000, 4_200_000_000) == 21_000_000_000
    assert BTC.quote(-5_000_000_000, 4_200_000_000) == -21_000_000_000
    assert SHIB.shown_size(SHIB.quantums("1234")) == "1230"
    assert SHIB.price_exponent == -16
    assert SHIB.shown_price(SHIB.subticks("0.00001234567891")) == "0.0000123456"


@given(
    price=st.integers(min_value=1, max_value=10**15),
    offset=st.integers(min_value=-500_000, max_value=500_000),
    market=st.sampled_from([BTC, SHIB]),
)
def test_a_quote_near_the_oracle_is_the_tick_below(price: int, offset: int, market: Market) -> None:
    """Exact before it is rounded down."""
    exact = Fraction(price) * Fraction(10) ** (market.oracle_exponent - market.price_exponent) * (1_000_000 + offset) / 1_000_000
    found = market.subticks_near(price, offset)
    assert found % market.subticks_per_tick == 0
    assert found <= exact < found + market.subticks_per_tick
