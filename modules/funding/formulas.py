"""Funding maths: pure functions of integers. Rates are ppm per 8 hours; time is in nanoseconds."""

from typing import NamedTuple

from modules.funding.model import Accrual
from modules.kernel.intmath import clamp, div_floor, div_trunc, divmod_floor
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND

EIGHT_HOURS_NS = 8 * 3600 * NANOSECONDS_PER_SECOND


class Rate(NamedTuple):
    """A rate and what its bound cut off, ppm per 8 hours."""

    rate_ppm: int
    capped_ppm: int


def margin_bound(factor_ppm: int, initial_margin_ppm: int, maintenance_ppm: int) -> int:
    """FUND-1: a bound from the tier: factor x (initial - maintenance margin), rounded down; of a rate or of a premium by its factor."""
    return div_floor(factor_ppm * (initial_margin_ppm - maintenance_ppm), MILLION)


def rate_bound(margin_bound_ppm: int, rate_cap_ppm: int) -> int:
    """FUND-2: the lower of the tier's bound and the absolute cap (0: no cap)."""
    return margin_bound_ppm if rate_cap_ppm == 0 or margin_bound_ppm < rate_cap_ppm else rate_cap_ppm


def mean_premium(weighted: int, covered_ns: int) -> int:
    """FUND-3: the time-weighted mean of the premium over covered time, truncated toward zero."""
    return div_trunc(weighted, covered_ns)


def rate(premium_ppm: int, default_funding_ppm: int, bound_ppm: int) -> Rate:
    """FUND-4: premium plus interest, clamped to the bound on both sides."""
    wanted = premium_ppm + default_funding_ppm
    bounded = clamp(wanted, -bound_ppm, bound_ppm)
    return Rate(bounded, wanted - bounded)


def index_divisor(notional_divisor: int) -> int:
    """FUND-5: the divisor of `accrue`, a constant of a perpetual: 10^6 x 8 hours x the divisor of its notional (10^max(-e, 0), PERP-1)."""
    return MILLION * EIGHT_HOURS_NS * notional_divisor


def accrue(rate_ppm: int, covered_ns: int, lot_multiplier: int, divisor: int, carry: int) -> tuple[int, int]:
    """FUND-6: (index change in quote quantums per lot, new carry): rate x time x the lot's exact notional x divisor, plus what the last
    division left, divided once, floor. `lot_multiplier` is lot x price x 10^max(e, 0). Nothing is lost: the carry goes on.
    """
    return divmod_floor(rate_ppm * covered_ns * lot_multiplier + carry, divisor)


def payment(quantums: int, lot: int, index_change: int) -> int:
    """FUND-7: quote quantums that a position receives: -(quantums / lot) x index change, exact. A long pays when the index rose."""
    lots, rest = divmod_floor(quantums, lot)
    assert rest == 0, f"a position of {quantums} is not a whole number of lots of {lot}"
    return -lots * index_change


def display_index(index: int, lot: int) -> int:
    """FUND-8: the index in the reference's unit, quote quantums per 10^6 base quantums: nearest, ties away from zero. Display only."""
    magnitude = div_floor(2 * abs(index) * MILLION + lot, 2 * lot)
    return magnitude if index >= 0 else -magnitude


def last_boundary(time_ns: int, epoch_seconds: int) -> int:
    """FUND-9: the latest epoch boundary not after a time: a whole multiple of the epoch since 1970-01-01 00:00 UTC."""
    epoch_ns = epoch_seconds * NANOSECONDS_PER_SECOND
    return div_floor(time_ns, epoch_ns) * epoch_ns


def next_boundary(time_ns: int, epoch_seconds: int) -> int:
    """FUND-9: the first epoch boundary after a time."""
    return last_boundary(time_ns, epoch_seconds) + epoch_seconds * NANOSECONDS_PER_SECOND


def gather(accrual: Accrual, until_ns: int) -> Accrual:
    """FUND-10: the sample has stood, covered, from `since_ns` to `until_ns`; without one the time has passed uncovered."""
    elapsed = until_ns - accrual.since_ns
    assert elapsed >= 0, f"gathered up to {accrual.since_ns}, which is after {until_ns}"
    if accrual.silent:
        return accrual._replace(since_ns=until_ns)
    return Accrual(accrual.weighted + accrual.sample_ppm * elapsed, accrual.covered_ns + elapsed, accrual.sample_ppm, until_ns)
