"""Markets and their prices. Dollars per whole coin = price x 10^exponent; price 0 means: never set."""

from typing import NamedTuple

from modules.kernel.codec import SINT, TEXT, UINT, Record

TICKER_CHARACTERS_MAX = 64
MIN_PRICE_CHANGE_PPM_MAX = 9_999


class Market(NamedTuple):
    """What a price is of; made by genesis."""

    id: int
    ticker: str
    """`BASE-QUOTE`, unique."""
    exponent: int
    min_price_change_ppm: int
    """What the reference's clients read beside the pair; aggregation applies every change."""


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


class PriceVote(NamedTuple):
    """One validator's vote extension, decoded: ids strictly ascending, 0 < price < 2^64."""

    power: int
    """Voting power, positive."""
    prices: tuple[tuple[int, int], ...]
    """(market id, price) pairs."""


MARKET: Record[Market] = Record(Market, id=UINT, ticker=TEXT, exponent=SINT, min_price_change_ppm=UINT)
MARKET_PRICE: Record[MarketPrice] = Record(
    MarketPrice, price=UINT, exponent=SINT, updated_height=UINT, updated_ns=UINT, reporting_power=UINT, total_power=UINT
)
