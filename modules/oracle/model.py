"""Markets and their prices. Dollars per whole coin = price x 10^exponent; price 0 means: never set."""

from enum import IntEnum
from typing import NamedTuple

from modules.kernel.codec import SINT, TEXT, UINT, Record

TICKER_CHARACTERS_MAX = 64
MIN_PRICE_CHANGE_PPM_MAX = 9_999


class Standing(IntEnum):
    """What may be done with a market's price; of several that apply the highest. README has the table of what each allows."""

    FRESH = 0
    UNCERTAIN = 1
    """The price is young, but not to be relied on: its confidence is wider than the market allows."""
    STALE = 2
    """Older than its reader allows."""
    REOPENING = 3
    """The chain stood still, and too few prices have come since."""
    INVALID = 4
    """Never set."""


class Market(NamedTuple):
    """What a price is of, and the bounds on it; made by genesis. A bound of 0 is none."""

    id: int
    ticker: str
    """`BASE-QUOTE`, unique."""
    exponent: int
    min_price_change_ppm: int
    """What the reference's clients read beside the pair; for what moves a price see `minimum_move_ppm`."""
    maximum_age_seconds: int = 0
    """Up to which age the price is fresh; 0: that of all markets."""
    maximum_confidence_ppm: int = 0
    """How wide, in ppm of the price, its confidence may be; wider is UNCERTAIN."""
    maximum_move_ppm: int = 0
    """How far the price may move in one block, in ppm of what it was."""
    minimum_move_ppm: int = 0
    """A move by less, in ppm of the price, only confirms it."""


class MarketPrice(NamedTuple):
    """The last price that was agreed on, and how old it is."""

    price: int
    exponent: int
    updated_height: int
    updated_ns: int
    """Block time of the last agreement, also when it confirmed the price; the price's age counts from here."""
    reporting_power: int = 0
    """Voting power that reported this market then; 0 for a price from genesis."""
    total_power: int = 0
    """Power of all validators then."""
    confidence: int = 0
    """Half the width of the range in which its source places it, in the price's unit; validators' votes have none."""


class Reading(NamedTuple):
    """A price as it is read: with its age, and what that allows."""

    price: int
    """The last one, whatever its standing; 0: never set."""
    exponent: int
    age_ns: int
    """Nanoseconds of block time since it was last agreed on."""
    standing: Standing


class Reopening(NamedTuple):
    """When markets have to prove themselves again."""

    gap_seconds: int
    """A longer gap between the times of two blocks closes every market to new risk."""
    fresh_prices: int
    """After so many updates of its price a market is open again."""


DEFAULT_REOPENING = Reopening(gap_seconds=300, fresh_prices=3)


class PriceVote(NamedTuple):
    """One validator's vote extension, decoded: ids strictly ascending, 0 < price < 2^64."""

    power: int
    """Voting power, positive."""
    prices: tuple[tuple[int, int], ...]
    """(market id, price) pairs."""


MARKET: Record[Market] = Record(
    Market,
    id=UINT,
    ticker=TEXT,
    exponent=SINT,
    min_price_change_ppm=UINT,
    maximum_age_seconds=UINT,
    maximum_confidence_ppm=UINT,
    maximum_move_ppm=UINT,
    minimum_move_ppm=UINT,
)
MARKET_PRICE: Record[MarketPrice] = Record(
    MarketPrice, price=UINT, exponent=SINT, updated_height=UINT, updated_ns=UINT, reporting_power=UINT, total_power=UINT, confidence=UINT
)
REOPENING: Record[Reopening] = Record(Reopening, gap_seconds=UINT, fresh_prices=UINT)

INDEX, MARK = 0, 1
SERIES_NAMES = ("INDEX", "MARK")
"""By kind."""


class Series(NamedTuple):
    """A price whose history is kept: the index of a market, or the mark of a perpetual."""

    kind: int
    """INDEX or MARK."""
    id: int
    """Of the market, or of the perpetual."""


class SeriesHead(NamedTuple):
    """Which pages of a series are kept. Pages are numbered from 0 on and lie in a ring."""

    newest: int
    oldest: int
    market_id: int
    """Whose age tells how long the price stays fresh."""


SERIES_HEAD: Record[SeriesHead] = Record(SeriesHead, newest=UINT, oldest=UINT, market_id=UINT)
