"""The tables that limit accounts: how many orders for how much equity, and how many messages in how many blocks."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from modules.clob.errors import INVALID_EQUITY_TIERS, INVALID_RATE_LIMITS
from modules.kernel.codec import BIG, UINT, Record, nested, repeated
from modules.kernel.genesis import Reader

MAX_TIER_LIMIT = 10_000_000
MAX_TIERS = 100
"""Tiers of one table, and windows of one class."""
MAX_EQUITY = 2**127
EQUITY_TIERS_KEY = "equity_tiers"
RATE_LIMITS_KEY = "block_rate_limits"


class EquityTier(NamedTuple):
    """From this equity on a subaccount may have so many orders."""

    usd_tnc_required: int
    """Settled net collateral in quote quantums, not negative."""
    limit: int


class EquityTiers(NamedTuple):
    """Ascending by equity; an empty table limits nothing."""

    stateful: tuple[EquityTier, ...]
    """Long-term, conditional and TWAP orders of a subaccount in all markets."""
    short_term: tuple[EquityTier, ...]
    """Resting short-term orders of a subaccount in all markets."""


NO_TIERS = EquityTiers((), ())


class RateLimit(NamedTuple):
    """So many within a window of blocks: the next one and those before it."""

    num_blocks: int
    limit: int


class RateLimits(NamedTuple):
    """What one owner may send; all windows of a class hold together, none: no limit."""

    stateful_orders: tuple[RateLimit, ...]
    short_term_orders_and_cancels: tuple[RateLimit, ...]
    leverage_updates: tuple[RateLimit, ...]


NO_RATES = RateLimits((), (), ())
RATE_BOUNDS = RateLimits(
    stateful_orders=(RateLimit(10_000, 1_000_000),),
    short_term_orders_and_cancels=(RateLimit(2_000, 10_000_000),),
    leverage_updates=(RateLimit(2_000, 10_000),),
)
"""The longest window and the highest limit of each class; the least of both is 1."""

_EQUITY_TIER: Record[EquityTier] = Record(EquityTier, usd_tnc_required=BIG, limit=UINT)
EQUITY_TIERS: Record[EquityTiers] = Record(EquityTiers, stateful=repeated(nested(_EQUITY_TIER)), short_term=repeated(nested(_EQUITY_TIER)))
"""Never of NO_TIERS: that is stored as absence."""
_RATE_LIMIT: Record[RateLimit] = Record(RateLimit, num_blocks=UINT, limit=UINT)
RATE_LIMITS: Record[RateLimits] = Record(
    RateLimits,
    stateful_orders=repeated(nested(_RATE_LIMIT)),
    short_term_orders_and_cancels=repeated(nested(_RATE_LIMIT)),
    leverage_updates=repeated(nested(_RATE_LIMIT)),
)
"""Never of NO_RATES: that is stored as absence."""


def tiers_mistake(tiers: Iterable[EquityTier]) -> str:
    """What is wrong with one table of equity tiers; empty if nothing is."""
    last = -1
    for count, tier in enumerate(tiers, 1):
        if count > MAX_TIERS:
            return f"has more than {MAX_TIERS} tiers"
        if not 0 <= tier.usd_tnc_required <= MAX_EQUITY:
            return f"has a tier whose equity is not from 0 to 2^127: {tier.usd_tnc_required}"
        if tier.usd_tnc_required <= last:
            return f"must ascend strictly by equity, {tier.usd_tnc_required} follows {last}"
        if not 0 <= tier.limit <= MAX_TIER_LIMIT:
            return f"has a tier whose limit is not from 0 to {MAX_TIER_LIMIT}: {tier.limit}"
        last = tier.usd_tnc_required
    return ""


def rates_mistake(limits: Iterable[RateLimit], bound: RateLimit) -> str:
    """What is wrong with the windows of one class; empty if nothing is."""
    seen: dict[int, None] = {}
    for count, (num_blocks, limit) in enumerate(limits, 1):
        if count > MAX_TIERS:
            return f"has more than {MAX_TIERS} windows"
        if not 1 <= num_blocks <= bound.num_blocks:
            return f"has a window that is not from 1 to {bound.num_blocks} blocks: {num_blocks}"
        if not 1 <= limit <= bound.limit:
            return f"has a limit that is not from 1 to {bound.limit}: {limit}"
        if num_blocks in seen:
            return f"has two windows of {num_blocks} blocks"
        seen[num_blocks] = None
    return ""


def require_tiers(tiers: EquityTiers) -> EquityTiers:
    """The tables as they came. Raises 10000."""
    for name, table in tiers._asdict().items():
        mistake = tiers_mistake(table)
        if mistake:
            raise INVALID_EQUITY_TIERS(f"{name} {mistake}")
    return tiers


def require_rates(rates: RateLimits) -> RateLimits:
    """The windows as they came. Raises 5000."""
    for name, windows in rates._asdict().items():
        mistake = rates_mistake(windows, getattr(RATE_BOUNDS, name)[0])
        if mistake:
            raise INVALID_RATE_LIMITS(f"{name} {mistake}")
    return rates


def read_tiers(section: Reader) -> EquityTiers:
    """`equity_tiers` of the genesis section, both tables optional, with every mistake reported."""
    reader = section.optional(EQUITY_TIERS_KEY)
    if reader is None:
        return NO_TIERS
    tables = []
    for name in EquityTiers._fields:
        rows = []
        for row in reader.objects(name):
            rows.append(EquityTier(row.integer("usd_tnc_required", 0, MAX_EQUITY), row.integer("limit", 0, MAX_TIER_LIMIT)))
            row.done()
        _report(reader, name, tiers_mistake(rows))
        tables.append(tuple(rows))
    reader.done()
    return EquityTiers(*tables)


def read_rates(section: Reader) -> RateLimits:
    """`block_rate_limits` of the genesis section, all classes optional, with every mistake reported."""
    reader = section.optional(RATE_LIMITS_KEY)
    if reader is None:
        return NO_RATES
    classes = []
    for name, (bound,) in RATE_BOUNDS._asdict().items():
        rows = []
        for row in reader.objects(name):
            rows.append(RateLimit(row.integer("num_blocks", 1, bound.num_blocks), row.integer("limit", 1, bound.limit)))
            row.done()
        _report(reader, name, rates_mistake(rows, bound))
        classes.append(tuple(rows))
    reader.done()
    return RateLimits(*classes)


def _report(reader: Reader, name: str, mistake: str) -> None:
    if mistake:
        reader.problem(name, mistake)


def export_tables(tiers: EquityTiers, rates: RateLimits) -> dict[str, Any]:
    """The keys of the genesis section from which both are read; what is empty is left out."""
    found: dict[str, Any] = {}
    if tiers != NO_TIERS:
        found[EQUITY_TIERS_KEY] = {
            name: [{"usd_tnc_required": str(tier.usd_tnc_required), "limit": tier.limit} for tier in table]
            for name, table in tiers._asdict().items()
        }
    if rates != NO_RATES:
        found[RATE_LIMITS_KEY] = {name: [limit._asdict() for limit in windows] for name, windows in rates._asdict().items()}
    return found
