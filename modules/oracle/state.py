"""The oracle's state: prefixes, names, codecs."""

from modules.kernel.codec import KEY_U8, KEY_U32, UINT, key_of, single
from modules.kernel.stores import Registry
from modules.oracle.model import MARKET, MARKET_PRICE, REOPENING, SERIES_HEAD, Series
from modules.oracle.pages import PAGE


class OracleState:
    """Markets and their prices."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("oracle")
        self.markets = schema.map(1, "markets", KEY_U32, MARKET)
        self.prices = schema.map(2, "prices", KEY_U32, MARKET_PRICE)
        """One for every market, from genesis on."""
        self.maximum_age_seconds = schema.item(3, "maximum_age_seconds", single(UINT))
        self.reopening = schema.item(4, "reopening", REOPENING)
        self.reopenings = schema.map(5, "reopenings", KEY_U32, single(UINT))
        """How many updates a market still needs until it is open again; absent: it is."""
        self.standings = schema.map(6, "standings", KEY_U32, single(UINT))
        """What was told last of a market; absent: FRESH."""
        self.observations = schema.item(10, "observations", single(UINT))
        """How many changes of its price a series keeps at least."""
        self.series = schema.map(11, "series", key_of(Series, KEY_U8, KEY_U32), SERIES_HEAD)
        self.pages = schema.map(12, "pages", key_of(lambda *key: key, KEY_U8, KEY_U32, KEY_U32), PAGE)
        """By kind and id of the series and slot of the ring: the page's number modulo the number of slots."""
