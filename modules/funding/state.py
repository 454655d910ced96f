"""Funding's state: prefixes, names, codecs."""

from modules.funding.model import ACCRUAL, HISTORY, INDEX, PARAMS, SETTINGS
from modules.kernel.codec import KEY_U32, UINT, single
from modules.kernel.stores import Registry


class FundingState:
    """Per perpetual: settings, index, running epoch, history; and the clock."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("funding")
        self.params = schema.item(1, "params", PARAMS)
        self.settings = schema.map(2, "settings", KEY_U32, SETTINGS)
        """One for every perpetual, from genesis on; likewise index and accrual."""
        self.index = schema.map(3, "index", KEY_U32, INDEX)
        self.accrual = schema.map(4, "accrual", KEY_U32, ACCRUAL)
        self.history = schema.map(5, "history", KEY_U32, HISTORY)
        self.clock_ns = schema.item(6, "clock_ns", single(UINT))
        """Time of the last block that funding has seen; absent before the first."""
