"""What funding keeps per perpetual: settings, the index with its remainder, the running epoch, and the rates charged.

Rates and premiums are ppm per 8 hours. The index is in whole quote quantums per funding lot.
"""

from typing import NamedTuple

from modules.kernel.codec import BIG, BOOL, SINT, TEXT, UINT, Record, nested, repeated

PREMIUM = "PREMIUM"
"""Funding model: rate = clamp(mean premium + default funding, bound)."""
IMPACT = "IMPACT"
"""Premium source: what the end of every block's book says, weighted by the time for which it stood."""
EPOCH = "EPOCH"
"""Accrual: the epoch's rate moves the index once, at the epoch's end."""

CLAMP_FACTOR_PPM_MAX = 2**31 - 1
"""A bound is below its factor, and a rate has to fit the wire's sint32."""

MODELS = (PREMIUM,)
SOURCES = (IMPACT,)
ACCRUALS = (EPOCH,)


class FundingSettings(NamedTuple):
    """How one perpetual is funded; from genesis."""

    perpetual_id: int
    model: str
    source: str
    accrual: str
    epoch_seconds: int
    """Divides a day; boundaries are whole multiples since 1970-01-01 00:00 UTC."""
    lot_base_quantums: int
    """The funding lot, fixed when the perpetual is created: every position is a whole number of lots."""
    outage_seconds: int
    """A gap between two blocks longer than this is not charged."""
    rate_cap_ppm: int
    """Absolute bound of the rate beside the tier's; 0: none."""


class FundingParams(NamedTuple):
    """What all perpetuals share."""

    rate_clamp_factor_ppm: int
    premium_clamp_factor_ppm: int
    history_length: int
    """How many charged rates per perpetual are remembered."""


class FundingIndex(NamedTuple):
    """What one lot has accrued since the beginning."""

    value: int
    """Quote quantums per lot; signed: it falls when shorts pay."""
    carry: int
    """Remainder of the last division, in [0, divisor), unit: quote quantums / divisor (FUND-5)."""
    paid_total: int
    """Quote quantums that payers owed over all charges: sum of open lots x |index change|."""


class Accrual(NamedTuple):
    """The running epoch's premium: what was gathered up to `since_ns`, and the sample in force from there on.

    Every nanosecond from `since_ns` to the last block's time is covered, or none of it, so nothing is written while the sample stays.
    """

    weighted: int
    """Sum of premium x covered time, ppm x nanoseconds."""
    covered_ns: int
    sample_ppm: int
    since_ns: int
    silent: bool = False
    """No sample is in force: time passes uncovered until the next one."""


class Charge(NamedTuple):
    """One finished epoch of one perpetual (after a silence of several epochs: all that were covered, in one)."""

    height: int
    time_seconds: int
    """Block time, whole seconds rounded down."""
    epoch_end_seconds: int
    """The boundary at which what is charged here ended."""
    rate_ppm: int
    premium_ppm: int
    """Time-weighted mean, truncated toward zero, before interest and bounds."""
    capped_ppm: int
    """What the bound cut off: premium + interest - rate."""
    covered_ns: int
    index_after: int
    """Quote quantums per lot, after the charge."""


class History(NamedTuple):
    """The last charges, oldest first."""

    charges: tuple[Charge, ...]


SETTINGS: Record[FundingSettings] = Record(
    FundingSettings,
    perpetual_id=UINT,
    model=TEXT,
    source=TEXT,
    accrual=TEXT,
    epoch_seconds=UINT,
    lot_base_quantums=UINT,
    outage_seconds=UINT,
    rate_cap_ppm=UINT,
)
PARAMS: Record[FundingParams] = Record(FundingParams, rate_clamp_factor_ppm=UINT, premium_clamp_factor_ppm=UINT, history_length=UINT)
INDEX: Record[FundingIndex] = Record(FundingIndex, value=BIG, carry=BIG, paid_total=BIG)
ACCRUAL: Record[Accrual] = Record(Accrual, weighted=BIG, covered_ns=UINT, sample_ppm=SINT, since_ns=UINT, silent=BOOL)
CHARGE: Record[Charge] = Record(
    Charge,
    height=UINT,
    time_seconds=UINT,
    epoch_end_seconds=UINT,
    rate_ppm=SINT,
    premium_ppm=SINT,
    capped_ppm=SINT,
    covered_ns=UINT,
    index_after=BIG,
)
HISTORY: Record[History] = Record(History, charges=repeated(nested(CHARGE)))
