"""Aggregation of the validators' prices: pure functions of integers."""

from collections.abc import Sequence

from modules.kernel.intmath import weighted_lower_median
from modules.kernel.units import NANOSECONDS_PER_SECOND


def has_quorum(reporting_power: int, total_power: int) -> bool:
    """ORACLE-1: at least two thirds of all power reported the market."""
    return 3 * reporting_power >= 2 * total_power


def aggregate(points: Sequence[tuple[int, int]]) -> int:
    """ORACLE-2: of (price, power) pairs the first price, ascending, with 2 x cumulative power >= reporting power."""
    return weighted_lower_median(points)


def is_fresh(price: int, updated_ns: int, now_ns: int, maximum_age_seconds: int) -> bool:
    """ORACLE-3: a price was set, and its age in block time is at most the maximum."""
    return price > 0 and now_ns - updated_ns <= maximum_age_seconds * NANOSECONDS_PER_SECOND


def is_pair(ticker: str) -> bool:
    """Whether it is BASE-QUOTE, with exactly one hyphen."""
    base, _, quote = ticker.partition("-")
    return bool(base and quote) and "-" not in quote
