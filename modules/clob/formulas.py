"""The book's arithmetic. Integers only; each function names its rounding."""

from collections.abc import Iterable

from modules.kernel.intmath import div_ceil, div_floor, div_trunc, pow10, ppm_ceil, scale_floor
from modules.kernel.units import MILLION


def quote_of(subticks: int, quantums: int, exponent: int) -> int:
    """CLOB-1: quote quantums of a size at a price, floor(subticks x quantums x 10^exponent). Only the exponent may be negative."""
    return scale_floor(subticks * quantums, exponent)


def fees_of(quote: int, taker_ppm: int, maker_ppm: int) -> tuple[int, int]:
    """CLOB-2: (taker's, maker's) fee of a fill, each rounded up; a rebate is never more than the fill's taker fee."""
    taker_fee = ppm_ceil(quote, taker_ppm)
    maker_fee = ppm_ceil(quote, maker_ppm)
    return taker_fee, max(maker_fee, -taker_fee)


def liquidation_maker_fee(quote: int, maker_ppm: int) -> int:
    """CLOB-3: the maker's fee of a fill with an engine taker, who pays none: rounded up, no rebate."""
    return max(0, ppm_ceil(quote, maker_ppm))


def impact_price(orders: Iterable[tuple[int, int]], notional: int, exponent: int) -> tuple[int, int] | None:
    """CLOB-4: the average price in subticks, exact as (numerator, denominator), at which `notional` quote quantums trade.

    `orders` are (subticks, quantums), best first, positive. The last one counts in proportion; the base amount is rounded up. With a
    notional of 0 it is the best price. None: the book is not deep enough.
    """
    left, base = notional, 0
    for subticks, quantums in orders:
        if notional == 0:
            return subticks, 1
        quote = quote_of(subticks, quantums, exponent)
        if left > quote:
            base += quantums
            left -= quote
            continue
        base += div_ceil(quantums * left, quote)
        return (notional, base * pow10(exponent)) if exponent >= 0 else (notional * pow10(-exponent), base)
    return None


def premium_ppm(impact: tuple[int, int], index: tuple[int, int]) -> int:
    """CLOB-5: impact / index - 1 in ppm, toward zero; both are exact (numerator, denominator) in subticks, positive."""
    (impact_top, impact_bottom), (index_top, index_bottom) = impact, index
    return div_trunc(MILLION * (impact_top * index_bottom - index_top * impact_bottom), impact_bottom * index_top)


def is_below(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether one exact positive fraction is less than another."""
    return first[0] * second[1] < second[0] * first[1]


def floor_subticks(price: tuple[int, int]) -> int:
    """An exact price rounded down to whole subticks."""
    return div_floor(price[0], price[1])
