"""State of liquidation: its parameters. What happens in one block's pass is remembered nowhere after it."""

from modules.kernel.stores import Registry
from modules.liquidation.model import LIQUIDATION_PARAMS


class LiquidationState:
    """The parameters, set by genesis."""

    def __init__(self, registry: Registry) -> None:
        self.params = registry.schema("liquidation").item(1, "params", LIQUIDATION_PARAMS)
