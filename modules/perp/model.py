"""Perpetuals, the tiers that set their margins, and what margin maths needs of both."""

from typing import NamedTuple

from modules.kernel.codec import SINT, TEXT, UINT, Record, nested, repeated

CROSS = 1
"""Market type: collateral in the common pool."""
ISOLATED = 2
"""Market type: a collateral pool and an insurance fund of its own."""
NAME_CHARACTERS_MAX = 64
"""Of a ticker or a tier's name."""


class Perpetual(NamedTuple):
    """One perpetual, apart from its order book and its price."""

    id: int
    ticker: str
    market_id: int
    """Of its oracle price."""
    atomic_resolution: int
    """One base quantum is 10^this coins."""
    default_funding_ppm: int
    """Interest per 8 hours, added to the premium."""
    liquidity_tier: int
    market_type: int

    @property
    def isolated(self) -> bool:
        return self.market_type == ISOLATED


class Bracket(NamedTuple):
    """Margin rates of the part of a position's notional that lies above a threshold, up to the next bracket's."""

    above_notional: int
    """Quote quantums; 0 for the lowest bracket."""
    initial_ppm: int
    maintenance_ppm: int


class LiquidityTier(NamedTuple):
    """Margin requirements that perpetuals share."""

    id: int
    name: str
    initial_margin_ppm: int
    """Of the notional."""
    maintenance_fraction_ppm: int
    """Of the initial margin."""
    impact_notional: int
    """Quote quantums that the impact price walks the book for."""
    open_interest_lower_cap: int
    """Open interest in quote quantums from which initial margin grows."""
    open_interest_upper_cap: int
    """Open interest in quote quantums at which initial margin is 100 %; 0: it never grows."""
    brackets: tuple[Bracket, ...] = ()
    """Ascending from 0; where there are any, maintenance follows them, and initial margin is at least theirs."""


class Step(NamedTuple):
    """A bracket ready for use (PERP-9): on a notional N in it, a requirement is ceil((rate x N - relief) / 10^6)."""

    above_notional: int
    initial_ppm: int
    initial_relief: int
    """Quote quantums x 10^6 by which the lower brackets are cheaper than this one's rate on everything."""
    maintenance_ppm: int
    maintenance_relief: int
    above_quantums: int
    """The largest size in base quantums whose notional is not above the threshold; 0 without a price."""


class Terms(NamedTuple):
    """A perpetual's margin maths at the block's price, as plain integers: notional = trunc(quantums x multiplier / divisor)."""

    price: int
    """Oracle price; 0: never set, and every notional is 0."""
    multiplier: int
    """price x 10^max(e, 0), with e = exponent + atomic resolution + 6 (PERP-1)."""
    divisor: int
    """10^max(-e, 0)."""
    base_initial_ppm: int
    maintenance_fraction_ppm: int
    scales: bool
    """Whether open interest can raise the initial margin at all."""
    open_interest_lower_quantums: int
    """The largest open interest in base quantums whose notional is not above the tier's lower cap."""
    open_interest_upper_quantums: int
    """The smallest open interest in base quantums whose notional reaches the tier's upper cap."""
    open_interest_lower_cap: int
    open_interest_upper_cap: int
    brackets: tuple[Step, ...] = ()
    """Highest first."""


class PositionMargin(NamedTuple):
    """What one position is worth and requires, in quote quantums."""

    notional: int
    """Signed as the position."""
    initial: int
    maintenance: int


PERPETUAL: Record[Perpetual] = Record(
    Perpetual,
    id=UINT,
    ticker=TEXT,
    market_id=UINT,
    atomic_resolution=SINT,
    default_funding_ppm=SINT,
    liquidity_tier=UINT,
    market_type=UINT,
)
LIQUIDITY_TIER: Record[LiquidityTier] = Record(
    LiquidityTier,
    id=UINT,
    name=TEXT,
    initial_margin_ppm=UINT,
    maintenance_fraction_ppm=UINT,
    impact_notional=UINT,
    open_interest_lower_cap=UINT,
    open_interest_upper_cap=UINT,
    brackets=repeated(nested(Record(Bracket, above_notional=UINT, initial_ppm=UINT, maintenance_ppm=UINT))),
)
