"""State of the fees."""

from modules.fees.model import FEE_TIERS
from modules.kernel.stores import Registry


class FeesState:
    """The tiers, set by genesis."""

    def __init__(self, registry: Registry) -> None:
        self.tiers = registry.schema("fees").item(1, "tiers", FEE_TIERS)
