"""The perpetuals' state: prefixes, names, codecs."""

from modules.kernel.codec import BIG, KEY_U32, single
from modules.kernel.stores import Registry
from modules.perp.model import LIQUIDITY_TIER, MARK_RECORD, PERPETUAL


class PerpState:
    """Perpetuals, tiers, open interest, mark prices."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("perp")
        self.perpetuals = schema.map(1, "perpetuals", KEY_U32, PERPETUAL)
        self.tiers = schema.map(2, "tiers", KEY_U32, LIQUIDITY_TIER)
        self.open_interest = schema.map(3, "open_interest", KEY_U32, single(BIG))
        """Absent is 0."""
        self.marks = schema.map(4, "marks", KEY_U32, MARK_RECORD)
        """Absent: the mark is the index."""
