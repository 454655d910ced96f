"""The bank's state: prefixes, names, codecs."""

from modules.bank.model import BalanceKey
from modules.kernel.codec import BIG, KEY_ADDRESS, KEY_U32, TEXT, key_of, single
from modules.kernel.stores import Registry


class BankState:
    """Declarations of the store `bank`."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("bank")
        self.balances = schema.map(1, "balances", key_of(BalanceKey, KEY_ADDRESS, KEY_U32), single(BIG))
        """Never zero: a balance that reaches zero is deleted."""
        self.supply = schema.map(2, "supply", KEY_U32, single(BIG))
        self.denoms = schema.map(3, "denoms", KEY_U32, single(TEXT))
        self.module_accounts = schema.map(4, "module_accounts", KEY_ADDRESS, single(TEXT))
        self.denom_ids = schema.index("denom_ids", self.denoms, lambda denom_id, text: (text, denom_id))
