"""The oracle's state: prefixes, names, codecs."""

from modules.kernel.codec import KEY_U32, UINT, single
from modules.kernel.stores import Registry
from modules.oracle.model import MARKET, MARKET_PRICE


class OracleState:
    """Markets and their prices."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("oracle")
        self.markets = schema.map(1, "markets", KEY_U32, MARKET)
        self.prices = schema.map(2, "prices", KEY_U32, MARKET_PRICE)
        """One for every market, from genesis on."""
        self.maximum_age_seconds = schema.item(3, "maximum_age_seconds", single(UINT))
