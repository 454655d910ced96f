"""Perpetuals, the tiers that set their margins, and what margin maths needs of both."""

from typing import NamedTuple

from modules.kernel.codec import BIG, SINT, TEXT, UINT, Record, nested, repeated

CROSS = 1
"""Market type: collateral in the common pool."""
ISOLATED = 2
"""Market type: a collateral pool and an insurance fund of its own."""
INDEX = 1
"""Margin price: the oracle's."""
MARK = 2
"""Margin price: the mark price."""
DEFAULT_CLAMP_PPM = 5_000
DEFAULT_EMA_SECONDS = 150
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
    margin_price: int = INDEX
    """INDEX or MARK: what positions are valued with."""
    mark_clamp_ppm: int = DEFAULT_CLAMP_PPM
    """How far from the index the mark may be."""
    mark_ema_seconds: int = DEFAULT_EMA_SECONDS
    """Time constant of the average distance of book and index."""

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


Exact = tuple[int, int]
"""A positive price as (numerator, denominator)."""


class BookPrices(NamedTuple):
    """What the mark needs of a book at a block's end, of orders that count, in subticks. None: that side is empty, or not deep enough."""

    bid: Exact | None
    ask: Exact | None
    impact_bid: Exact | None
    """At which the tier's impact notional could be sold."""
    impact_ask: Exact | None
    """At which it could be bought."""
    quantum_conversion_exponent: int
    """Of the pair: what a subtick is worth."""


class Mark(NamedTuple):
    """A perpetual's mark price, what it was made of when the block began, and what the book has shown at its end for the next one.

    Prices are in oracle units. A perpetual without this has the index as its mark, and starts without a past.
    """

    price: int
    """In force for the whole block, and to be read until the next one begins."""
    index_price: int
    basis: int = 0
    """Signed: the average distance of book middle and index, in whole units."""
    impact_middle: int = 0
    """0: the book lacked depth, and the index stands in for it."""
    ema: int = 0
    """Signed, in 10^-6 of an oracle unit: the average up to `observed_ns`."""
    book_middle: int = 0
    """0: a side of the book is empty."""
    book_impact_middle: int = 0
    observed_ns: int = 0
    """Block time up to which the average has seen the book; 0: it begins with the next look."""
    frozen_height: int = 0
    """The last block at whose end the book was not looked at because liquidation or deleveraging had touched it."""


PERPETUAL: Record[Perpetual] = Record(
    Perpetual,
    id=UINT,
    ticker=TEXT,
    market_id=UINT,
    atomic_resolution=SINT,
    default_funding_ppm=SINT,
    liquidity_tier=UINT,
    market_type=UINT,
    margin_price=UINT,
    mark_clamp_ppm=UINT,
    mark_ema_seconds=UINT,
)
MARK_RECORD: Record[Mark] = Record(
    Mark,
    price=UINT,
    index_price=UINT,
    basis=BIG,
    impact_middle=UINT,
    ema=BIG,
    book_middle=UINT,
    book_impact_middle=UINT,
    observed_ns=UINT,
    frozen_height=UINT,
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
