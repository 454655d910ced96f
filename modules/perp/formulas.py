"""Margin maths: pure functions of integers. Money is in quote quantums, sizes in base quantums, ratios in ppm."""

from modules.kernel.intmath import UINT64_MAX, clamp, div_ceil, div_floor, div_trunc, pow10, ppm_ceil, ppm_floor
from modules.kernel.units import MILLION, QUOTE_ATOMIC_RESOLUTION
from modules.perp import brackets
from modules.perp.model import LiquidityTier, PositionMargin, Terms

EMA_SCALE = MILLION
"""The average basis is kept in parts of an oracle unit as fine as this, so that its floors add up to nothing."""


def price_scale(exponent: int, atomic_resolution: int) -> int:
    """PERP-1: the power of ten e by which quantums x price becomes quote quantums."""
    return exponent + atomic_resolution - QUOTE_ATOMIC_RESOLUTION


def terms(price: int, exponent: int, atomic_resolution: int, tier: LiquidityTier) -> Terms:
    """Everything of price and tier that `margin` needs, derived once per block and perpetual."""
    scale = price_scale(exponent, atomic_resolution)
    multiplier = price * pow10(max(scale, 0))
    divisor = pow10(max(-scale, 0))
    scales = price > 0 and tier.open_interest_upper_cap > 0
    lower = upper = 0
    if scales:
        # PERP-10, and for the upper cap trunc(o x m / d) >= U  <=>  o x m >= U x d
        lower = brackets.largest_within(tier.open_interest_lower_cap, multiplier, divisor)
        upper = div_ceil(tier.open_interest_upper_cap * divisor, multiplier)
    return Terms(
        price,
        multiplier,
        divisor,
        tier.initial_margin_ppm,
        tier.maintenance_fraction_ppm,
        scales,
        lower,
        upper,
        tier.open_interest_lower_cap,
        tier.open_interest_upper_cap,
        brackets.steps(tier.brackets, multiplier, divisor),
    )


def notional(terms_now: Terms, quantums: int) -> int:
    """PERP-2: signed quote quantums of a signed size, truncated toward zero: it only changes sign when the size does."""
    return div_trunc(quantums * terms_now.multiplier, terms_now.divisor)


def quantums_of(terms_now: Terms, quote: int) -> int:
    """PERP-3: the base quantums worth a number of quote quantums, truncated toward zero. The price is set."""
    return div_trunc(quote * terms_now.divisor, terms_now.multiplier)


def initial_ppm(terms_now: Terms, open_interest: int) -> int:
    """PERP-4: initial margin scaled by open interest: the tier's up to the lower cap, 100 % from the upper, linear (floor) between."""
    base = terms_now.base_initial_ppm
    if not terms_now.scales or open_interest <= terms_now.open_interest_lower_quantums:
        return base
    if open_interest >= terms_now.open_interest_upper_quantums:
        return MILLION
    above = notional(terms_now, open_interest) - terms_now.open_interest_lower_cap
    return base + div_floor((MILLION - base) * above, terms_now.open_interest_upper_cap - terms_now.open_interest_lower_cap)


def margin(terms_now: Terms, quantums: int, open_interest: int, custom_imf_ppm: int) -> PositionMargin:
    """PERP-5, PERP-6: initial = ceil(N x IMF / M) with the scaled or custom fraction, whichever is higher; maintenance =
    ceil(ceil(N x I / M) x F / M) of the tier's own fraction, two ceilings, untouched by open interest and custom leverage. Where the
    tier has brackets, initial is at least theirs and maintenance is theirs (PERP-9).
    """
    _, multiplier, divisor, base_ppm, fraction_ppm, scales, _, _, _, _, steps = terms_now
    size = div_floor(abs(quantums) * multiplier, divisor)
    base = initial = ppm_ceil(size, base_ppm)
    if scales or custom_imf_ppm:
        initial = ppm_ceil(size, max(initial_ppm(terms_now, open_interest), custom_imf_ppm))
    if steps:
        by_bracket, maintenance = brackets.requirements(steps, size)
        return PositionMargin(size if quantums >= 0 else -size, max(initial, by_bracket), maintenance)
    return PositionMargin(size if quantums >= 0 else -size, initial, ppm_ceil(base, fraction_ppm))


def lowest_rates(tier: LiquidityTier) -> tuple[int, int]:
    """PERP-7: (initial, maintenance) ppm of the smallest positions, for funding's bounds: the first bracket's where there are brackets."""
    if tier.brackets:
        first = tier.brackets[0]
        return max(tier.initial_margin_ppm, first.initial_ppm), first.maintenance_ppm
    return tier.initial_margin_ppm, ppm_floor(tier.initial_margin_ppm, tier.maintenance_fraction_ppm)


def index_subticks(price: int, exponent: int, atomic_resolution: int, quantum_conversion_exponent: int) -> tuple[int, int]:
    """PERP-8: the oracle price in subticks as an exact (numerator, denominator): price x 10^(e - quantum conversion exponent)."""
    scale = price_scale(exponent, atomic_resolution) - quantum_conversion_exponent
    return price * pow10(max(scale, 0)), pow10(max(-scale, 0))


def oracle_units(price: tuple[int, int], unit: tuple[int, int]) -> int:
    """PERP-11: an exact positive price of a book in oracle units, rounded down, at least 1 and at most 2^64 - 1.

    Both are exact (numerator, denominator) in subticks; `unit` is what one oracle unit is worth (PERP-8 of 1).
    """
    return clamp(div_floor(price[0] * unit[1], price[1] * unit[0]), 1, UINT64_MAX)


def middle(bid: int, ask: int) -> int:
    """PERP-12: half way between two prices, rounded down."""
    return div_floor(bid + ask, 2)


def ema_after(ema: int, sample: int, elapsed_ns: int, constant_ns: int) -> int:
    """PERP-13: the average after a sample that held for `elapsed_ns`: ema + floor((sample - ema) x elapsed / (elapsed + constant)).

    It never leaves what lies between the two. In whatever unit both are; elapsed >= 0, constant > 0.
    """
    return ema + div_floor((sample - ema) * elapsed_ns, elapsed_ns + constant_ns)


def mark_bounds(index: int, clamp_ppm: int) -> tuple[int, int]:
    """PERP-14: the lowest and the highest mark: index x (1 -+ clamp / 10^6), rounded towards the index, at most 2^64 - 1.

    The index is positive and below 2^64, and itself always within; the clamp is below 10^6.
    """
    return div_ceil(index * (MILLION - clamp_ppm), MILLION), min(div_floor(index * (MILLION + clamp_ppm), MILLION), UINT64_MAX)


def mark_price(index: int, ema: int, impact_middle: int, clamp_ppm: int) -> int:
    """PERP-15: the median of index, index + ema and impact middle, moved into PERP-14.

    All in oracle units, `ema` the average of book middle - index, signed. Who lacks a side of the book gives the index for it.
    """
    return clamp(median(index, ema, impact_middle), *mark_bounds(index, clamp_ppm))


def median(index: int, ema: int, impact_middle: int) -> int:
    """PERP-15 before the clamp."""
    return sorted((index, index + ema, impact_middle))[1]


def whole_units(ema: int) -> int:
    """PERP-16: an average kept in 10^-6 of an oracle unit in whole ones, toward zero."""
    return div_trunc(ema, EMA_SCALE)


def mark_sample(index: int, middle: int, clamp_ppm: int) -> int:
    """PERP-17: what a book's middle adds to the average: it moved into PERP-14, less the index, in 10^-6 of an oracle unit.

    Unbounded, one block with an ask at a thousand times the index would be the whole average for many minutes.
    """
    return (clamp(middle, *mark_bounds(index, clamp_ppm)) - index) * EMA_SCALE
