from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.feeder.venues import aggregate
from node.feeder.venues.aggregate import CIRCLE, MILLION, OUTLIER_PPM, TETHER, Told, Voice, agreed, median, tether, to_exponent
from node.feeder.venues.venue import ONE, Pair

BTC, BTC_USDT, ETH = Pair("BTC", "USD"), Pair("BTC", "USDT"), Pair("ETH", "USD")


def told(*prices: int) -> tuple[Told, ...]:
    """The first is the youngest."""
    return tuple(Told(price, 100 - place) for place, price in enumerate(prices))


def market_price(pair: Pair, voices: Sequence[Voice], minimum: int) -> tuple[Told | None, int]:
    """With what these voices say of USDT."""
    return aggregate.market_price(pair, voices, tether(voices), minimum)


def dollars(**prices: int) -> dict[Pair, Told]:
    """Whole dollars."""
    return {Pair(base, "USD"): Told(price * ONE, 1) for base, price in prices.items()}


def test_median_of_an_even_number_is_the_mean_of_the_middle_two_rounded_down() -> None:
    """As of an odd number the middle one."""
    assert [median([1]), median([1, 4]), median([1, 2, 9]), median([1, 2, 5, 9])] == [1, 2, 2, 3]


@pytest.mark.parametrize("lie", [500, 950, 1_050, 1_500, 1, 10**40])
def test_one_liar_of_three_moves_nothing(lie: int) -> None:
    """The price is what the two others alone give, to the unit."""
    assert agreed(told(1_000, 1_003, lie)) == agreed(told(1_000, 1_003)) == Told(1_001, 99)


@given(st.integers(1, 10**30), st.integers(0, OUTLIER_PPM), st.integers(1, 10**31))
def test_whatever_one_of_three_says_the_price_stays_between_the_others(first: int, apart_ppm: int, lie: int) -> None:
    """As long as these are not further apart than outliers are; then there always is a price."""
    second = first + first * apart_ppm // MILLION
    found = agreed(told(first, lie, second))
    assert found is not None
    assert first <= found.price <= second


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=7))
def test_price_is_within_the_outlier_bound_of_more_than_half(prices: list[int]) -> None:
    """Or there is none; written anew from the definition."""
    found = agreed(told(*prices))
    centre = median(sorted(prices))
    near = sorted(price for price in prices if abs(price - centre) * MILLION <= centre * OUTLIER_PPM)
    assert (found is None) == (len(near) * 2 <= len(prices))
    if found is not None:
        assert found.price == median(near)


def test_two_venues_are_believed_together_or_not_at_all() -> None:
    """Nobody can say which one lies."""
    assert agreed(told(1_000, 1_039)) == Told(1_019, 99)
    assert agreed(told(1_000, 1_050)) is None
    assert agreed(told(1_000, 1_500)) is None


def test_two_liars_of_three_who_agree_are_believed() -> None:
    """That is the bound of any median: a majority is the truth. Two liars who differ silence the market or leave the honest one between."""
    assert agreed(told(1_000, 1_500, 1_500)) == Told(1_500, 98)
    assert agreed(told(1_000, 500, 1_500)) is None


def test_one_venue_is_enough_unless_more_are_wanted() -> None:
    """The minimum counts those that agree."""
    assert agreed(told(7)) == Told(7, 100)
    assert agreed(told(7), 2) is None
    assert agreed(told(1_000, 1_001, 5), 2) == Told(1_000, 99)
    assert agreed(told(1_000, 1_001, 5), 3) is None
    assert agreed(()) is None


def test_price_is_as_old_as_the_oldest_that_made_it() -> None:
    """A dropped one does not count."""
    assert agreed((Told(1_000, 9), Told(1_001, 4), Told(5, 1))) == Told(1_000, 4)


def test_stale_words_are_not_heard() -> None:
    """A venue that stopped counts as if it were not there."""
    old, new = {BTC: Told(50 * ONE, 4)}, {BTC: Told(100 * ONE, 6)}
    assert market_price(BTC, [Voice("USD", old, 5), Voice("USD", new, 5)], 1) == (Told(100 * ONE, 6), 1)
    assert market_price(BTC, [Voice("USD", old, 5)], 1) == (None, 0)
    assert market_price(ETH, [Voice("USD", new, 5)], 1) == (None, 0)


def test_tether_is_converted_by_what_the_venues_agree_on() -> None:
    """A USDT of 90 cents: what costs 100 of them costs 90 dollars, exactly; the older of both times counts."""
    usdt = {TETHER: Told(ONE * 9 // 10, 3)}
    binance = Voice("USDT", {BTC_USDT: Told(100 * ONE, 5), CIRCLE: Told(ONE * 10 // 9, 4)})
    found, voices = market_price(BTC, [Voice("USD", usdt), binance], 1)
    assert (found, voices) == (Told(90 * ONE, 3), 1)


def test_market_of_tether_itself_takes_one_over_its_price_of_usdc() -> None:
    """Rounded down; by Binance alone a USDC is taken for a dollar."""
    binance = Voice("USDT", {CIRCLE: Told(3 * ONE, 4), BTC_USDT: Told(99 * ONE, 5)})
    assert market_price(TETHER, [binance], 1) == (Told(ONE // 3, 4), 1)
    assert market_price(BTC, [binance], 1) == (Told(99 * ONE * (ONE // 3) // ONE, 4), 1)


def test_where_nobody_agrees_on_tether_what_is_quoted_in_it_is_silent() -> None:
    """And true dollars go on."""
    coinbase = Voice("USD", {**dollars(BTC=100), TETHER: Told(ONE // 2, 1)})
    binance = Voice("USDT", {BTC_USDT: Told(100 * ONE, 1), CIRCLE: Told(ONE, 1)})
    assert market_price(BTC, [coinbase, binance], 1) == (Told(100 * ONE, 1), 1)
    assert market_price(BTC, [binance._replace(told={BTC_USDT: Told(ONE, 1)})], 1) == (None, 0)


@pytest.mark.parametrize("factor_percent", [50, 150])
@pytest.mark.parametrize("liar", range(3))
def test_venue_that_lies_about_everything_moves_nothing(liar: int, factor_percent: int) -> None:
    """Market, USDT and USDC at half or one and a half: the price is what it is without that venue."""
    voices = [
        Voice("USDT", {BTC_USDT: Told(100_100 * ONE, 1), CIRCLE: Told(ONE, 1)}),
        Voice("USD", {**dollars(BTC=100_000), TETHER: Told(ONE, 1)}),
        Voice("USD", {**dollars(BTC=100_200), TETHER: Told(ONE + 10**14, 1)}),
    ]
    honest = market_price(BTC, voices[:liar] + voices[liar + 1 :], 1)[0]
    lying = {pair: told._replace(price=told.price * factor_percent // 100) for pair, told in voices[liar].told.items()}
    voices[liar] = voices[liar]._replace(told=lying)
    assert honest is not None
    assert market_price(BTC, voices, 1)[0] == honest


def test_price_that_would_round_to_zero_is_none() -> None:
    """No huge number of a venue becomes a zero."""
    assert market_price(TETHER, [Voice("USDT", {CIRCLE: Told(ONE * ONE + 1, 1)})], 1) == (None, 0)
    tiny = Voice("USDT", {BTC_USDT: Told(1, 1), CIRCLE: Told(2 * ONE, 1)})
    assert market_price(BTC, [tiny], 1) == (None, 0)


@pytest.mark.parametrize(
    ("price", "exponent", "scaled"), [(ONE, -5, 100_000), (ONE * 3 // 2, 0, 1), (7, -18, 7), (7, -20, 700), (ONE, 1, 0)]
)
def test_price_is_brought_to_the_markets_exponent_rounded_down(price: int, exponent: int, scaled: int) -> None:
    """In both directions."""
    assert to_exponent(price, exponent) == scaled


def test_helpers_are_asked_for_only_where_something_is_quoted_in_tether() -> None:
    """True dollars need none."""
    assert aggregate.helpers(["USD", "USD"]) == {}
    assert aggregate.helpers(["USD", "USDT"]) == {"USD": TETHER, "USDT": CIRCLE}
