"""Integer arithmetic with the rounding in the name. The only file of `modules` where a bare `//` may stand."""

from collections.abc import Sequence

from modules.kernel.units import MILLION

POWERS_OF_TEN = tuple(10**exponent for exponent in range(65))
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1


def div_floor(numerator: int, denominator: int) -> int:
    """The largest integer not above the quotient. The denominator is positive."""
    assert denominator > 0
    return numerator // denominator


def div_ceil(numerator: int, denominator: int) -> int:
    """The smallest integer not below the quotient. The denominator is positive."""
    assert denominator > 0
    return -(-numerator // denominator)


def div_trunc(numerator: int, denominator: int) -> int:
    """The quotient rounded toward zero. The denominator is positive."""
    assert denominator > 0
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def divmod_floor(numerator: int, denominator: int) -> tuple[int, int]:
    """Floor quotient and the remainder in [0, denominator): nothing is lost. The denominator is positive."""
    assert denominator > 0
    return divmod(numerator, denominator)


def pow10(exponent: int) -> int:
    """10^exponent for a non-negative exponent."""
    power: int = POWERS_OF_TEN[exponent] if exponent <= 64 else 10**exponent
    return power


def scale_trunc(value: int, exponent: int) -> int:
    """value x 10^exponent, rounded toward zero when the exponent is negative."""
    if exponent >= 0:
        return value * pow10(exponent)
    return div_trunc(value, pow10(-exponent))


def scale_floor(value: int, exponent: int) -> int:
    """value x 10^exponent, rounded down when the exponent is negative."""
    if exponent >= 0:
        return value * pow10(exponent)
    return value // pow10(-exponent)


def ppm_ceil(value: int, ppm: int) -> int:
    """value x ppm / 10^6, rounded up (toward plus infinity, also for negative values)."""
    return -(-value * ppm // MILLION)


def ppm_floor(value: int, ppm: int) -> int:
    """value x ppm / 10^6, rounded down."""
    return value * ppm // MILLION


def clamp(value: int, low: int, high: int) -> int:
    """value moved into [low, high]."""
    assert low <= high
    return max(low, min(value, high))


def round_down_to_multiple(value: int, step: int) -> int:
    """The largest multiple of step not above a non-negative value."""
    assert value >= 0
    return value - value % step


def round_up_to_multiple(value: int, step: int) -> int:
    """The smallest multiple of step not below a non-negative value."""
    assert value >= 0
    return value + -value % step


def weighted_lower_median(points: Sequence[tuple[int, int]]) -> int:
    """Of (value, weight) pairs the first value, ascending, with 2 x cumulative weight >= total weight. Weights are positive."""
    total = sum(weight for _, weight in points)
    cumulative = 0
    for value, weight in sorted(points):
        cumulative += weight
        if 2 * cumulative >= total:
            return value
    raise AssertionError("a median needs at least one weighted point")
