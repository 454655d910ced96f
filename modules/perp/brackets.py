"""Marginal brackets: margin rates that grow with a position's notional, each for the part that lies in it, as with income tax.

A requirement grows continuously: whoever adds one quantum is asked for no more than that quantum's own rate. Money is in quote quantums.
"""

from modules.kernel.intmath import div_ceil, div_floor
from modules.kernel.units import MILLION
from modules.perp.model import Bracket, Step

CEX_TIERS = "cex_tiers"
"""The preset's name in a genesis."""
PRESETS = {
    CEX_TIERS: (
        Bracket(0, 8_000, 4_000),
        Bracket(50_000_000_000, 20_000, 10_000),
        Bracket(250_000_000_000, 50_000, 25_000),
        Bracket(1_000_000_000_000, 100_000, 50_000),
        Bracket(5_000_000_000_000, 250_000, 125_000),
    )
}
"""`cex_tiers`: 125x and 0.4 % below 50,000 USDC, 10x and 5 % from 1 to 5 million, as large centralised exchanges have them; what lies
between and above is ours: 50x, 20x, and 4x.
"""


def steps(brackets: tuple[Bracket, ...], multiplier: int, divisor: int) -> tuple[Step, ...]:
    """Brackets (ascending from 0) ready for use at a price (PERP-1), highest first.

    PERP-9: relief of a bracket = relief of the one below + threshold x (its rate - the rate below), 0 for the lowest.
    """
    found: list[Step] = []
    below = Step(0, 0, 0, 0, 0, 0)
    for above, initial, maintenance in brackets:
        below = Step(
            above,
            initial,
            below.initial_relief + above * (initial - below.initial_ppm),
            maintenance,
            below.maintenance_relief + above * (maintenance - below.maintenance_ppm),
            largest_within(above, multiplier, divisor) if multiplier else 0,
        )
        found.append(below)
    return tuple(reversed(found))


def requirements(steps_now: tuple[Step, ...], size: int) -> tuple[int, int]:
    """PERP-9: initial and maintenance requirement of an absolute notional: ceil(sum over brackets of rate x part in it / 10^6)."""
    for above, initial_ppm, initial_relief, maintenance_ppm, maintenance_relief, _ in steps_now:
        if size >= above:
            return (
                div_ceil(initial_ppm * size - initial_relief, MILLION),
                div_ceil(maintenance_ppm * size - maintenance_relief, MILLION),
            )
    raise AssertionError("the lowest bracket begins at 0")


def largest_within(notional: int, multiplier: int, divisor: int) -> int:
    """PERP-10: the largest size in base quantums whose notional (truncated) is not above this one; the multiplier is positive."""
    # trunc(q x m / d) <= N  <=>  q x m < (N + 1) x d
    return div_floor((notional + 1) * divisor - 1, multiplier)
