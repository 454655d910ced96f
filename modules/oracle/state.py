"""The oracle's state: prefixes, names, codecs."""

from modules.kernel.codec import KEY_U8, KEY_U32, UINT, key_of, single
from modules.kernel.stores import Registry
from modules.oracle.model import MARKET, MARKET_PRICE, REOPENING, SERIES_HEAD, Series
from modules.oracle.pages import PAGE
from modules.oracle.sources import CHOICE, MARKET_SOURCES, PULL_PARAMS, SIGNER_SET, SOURCE_KEY, SOURCE_PRICE


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
        self.pull = schema.item(15, "pull", PULL_PARAMS)
        """Absent: the defaults."""
        self.signer_sets = schema.map(16, "signer_sets", KEY_U32, SIGNER_SET)
        """By version. The last one has no end."""
        self.sources = schema.map(17, "sources", KEY_U32, MARKET_SOURCES)
        """Of the markets that name any in genesis; the others have votes alone."""
        self.source_prices = schema.map(18, "source_prices", SOURCE_KEY, SOURCE_PRICE)
        self.choices = schema.map(19, "choices", KEY_U32, CHOICE)
        """Absent: the first source, since genesis."""
