"""Margin maths: pure functions of integers. Money is in quote quantums, sizes in base quantums, ratios in ppm."""

from modules.kernel.intmath import div_ceil, div_floor, div_trunc, pow10, ppm_ceil, ppm_floor
from modules.kernel.units import MILLION, QUOTE_ATOMIC_RESOLUTION
from modules.perp import brackets
from modules.perp.model import LiquidityTier, PositionMargin, Terms


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
