"""Amounts as people write them, and back: digit by digit, exact, never through a float."""

from node.failure import Failure
from node.feeder.digits import scaled

USDC_EXPONENT = -6
"""One quote quantum is 10^-6 USDC."""
_FINEST = 40


def floored(text: str, exponent: int) -> int:
    """`text` in units of 10^exponent, rounded down. Raises Failure if it is no decimal number."""
    value = scaled(text, exponent) if text.isascii() else None
    if value is None:
        raise Failure(f"{text!r} is not a number: write digits and at most one point, such as 42000.5.")
    return value


def exact(text: str, exponent: int) -> int:
    """`text` in units of 10^exponent. Raises Failure if it is no decimal number, or finer than one unit."""
    value = floored(text, exponent)
    if floored(text, -_FINEST) != value * 10 ** (exponent + _FINEST):
        raise Failure(f"{text} is finer than {shown(1, exponent)}, the smallest unit.")
    return value


def scaled_down(value: int, exponent: int) -> int:
    """value x 10^exponent, rounded down."""
    power: int = 10 ** abs(exponent)
    return value * power if exponent >= 0 else value // power


def usdc(text: str) -> int:
    """USDC as quote quantums, exactly. Raises Failure."""
    return exact(text, USDC_EXPONENT)


def shown(value: int, exponent: int) -> str:
    """value x 10^exponent in plain decimals, without trailing zeros."""
    sign, digits = "-" if value < 0 else "", str(abs(value))
    if exponent >= 0:
        return sign + (digits + "0" * exponent if value else "0")
    digits = digits.rjust(1 - exponent, "0")
    whole, fraction = digits[:exponent], digits[exponent:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def shown_usdc(quote_quantums: int) -> str:
    """Quote quantums as USDC with at least two decimals and thousands separated by commas, exact."""
    whole, _, fraction = shown(abs(quote_quantums), USDC_EXPONENT).partition(".")
    sign = "-" if quote_quantums < 0 else ""
    return f"{sign}{int(whole):,}.{fraction.ljust(2, '0')}"


def shown_percent(ppm: int) -> str:
    """Parts per million as per cent, exact."""
    return f"{shown(ppm, -4)} %"
