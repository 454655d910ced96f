"""Aggregation of the validators' prices: pure functions of integers."""

from collections.abc import Sequence

from modules.kernel.intmath import clamp, div_ceil, div_floor, ppm_floor, weighted_lower_median
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND
from modules.oracle.model import Standing


def has_quorum(reporting_power: int, total_power: int) -> bool:
    """ORACLE-1: at least two thirds of all power reported the market."""
    return 3 * reporting_power >= 2 * total_power


def aggregate(points: Sequence[tuple[int, int]]) -> int:
    """ORACLE-2: of (price, power) pairs the first price, ascending, with 2 x cumulative power >= reporting power."""
    return weighted_lower_median(points)


def is_fresh(price: int, updated_ns: int, now_ns: int, maximum_age_seconds: int) -> bool:
    """ORACLE-3: a price was set, and its age in block time is at most the maximum."""
    return price > 0 and now_ns - updated_ns <= maximum_age_seconds * NANOSECONDS_PER_SECOND


def standing(price: int, *, fresh: bool, confident: bool, reopening: bool) -> Standing:
    """ORACLE-4: of all that applies the highest."""
    if price == 0:
        return Standing.INVALID
    if reopening:
        return Standing.REOPENING
    if not fresh:
        return Standing.STALE
    return Standing.FRESH if confident else Standing.UNCERTAIN


def is_confident(price: int, confidence: int, maximum_confidence_ppm: int) -> bool:
    """ORACLE-5: the confidence is at most so many ppm of the price, exactly; a bound of 0 is none."""
    return maximum_confidence_ppm == 0 or confidence * MILLION <= price * maximum_confidence_ppm


def is_move(old: int, agreed: int, minimum_move_ppm: int) -> bool:
    """ORACLE-6: the agreed price is another one, and at least so many ppm of the old one away from it, exactly."""
    return agreed != old and abs(agreed - old) * MILLION >= old * minimum_move_ppm


def moved(old: int, agreed: int, maximum_move_ppm: int) -> int:
    """ORACLE-7: the agreed price, but no further from the old one than floor(old x ppm / 10^6), or one unit if that is 0.

    A bound of 0 ppm is none, and there is none for the first price. One unit: else a price of few units could never move again.
    """
    if maximum_move_ppm == 0 or old == 0:
        return agreed
    most = max(ppm_floor(old, maximum_move_ppm), 1)
    return clamp(agreed, old - most, old + most)


def is_pair(ticker: str) -> bool:
    """Whether it is BASE-QUOTE, with exactly one hyphen."""
    base, _, quote = ticker.partition("-")
    return bool(base and quote) and "-" not in quote


def accumulate(cumulative: int, price: int, elapsed_ns: int) -> int:
    """ORACLE-20: the integral of a price that was in force for so many nanoseconds more, exact."""
    return cumulative + price * elapsed_ns


def average(numerator: int, denominator: int) -> int:
    """ORACLE-21: the time-weighted average, rounded down."""
    return div_floor(numerator, denominator)


def stale_from_ns(updated_ns: int, maximum_age_seconds: int) -> int:
    """ORACLE-22: the first nanosecond at which a price is too old to be fresh (ORACLE-3)."""
    return updated_ns + maximum_age_seconds * NANOSECONDS_PER_SECOND + 1


def page_slots(observations: int, steps_per_page: int) -> int:
    """ORACLE-23: pages of a ring in which so many steps are left even when its newest page has just begun."""
    return div_ceil(observations, steps_per_page) + 1
