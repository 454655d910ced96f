"""The funds behind losses that accounts cannot pay."""

from collections.abc import Iterator
from typing import NamedTuple

from modules.bank.keeper import BankKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import Address
from modules.perp.keeper import PerpKeeper
from modules.perp.model import Perpetual
from modules.subaccounts.model import INSURANCE_FUND, fund_name


class Fund(NamedTuple):
    """One insurance fund: a module account."""

    name: str
    address: Address
    balance: int
    """Quote quantums."""


class InsuranceKeeper:
    """Balances of the funds. Money enters and leaves them with liquidation fills only, through the subaccounts' door."""

    def __init__(self, bank: BankKeeper, perp: PerpKeeper) -> None:
        self._bank = bank
        self._perp = perp

    def address(self, perpetual: Perpetual) -> Address:
        """The fund that stands behind a perpetual: its own if it is isolated, else the common one."""
        return addresses.of_module(fund_name(perpetual.id, perpetual.isolated))

    def balance(self, ctx: Context, perpetual: Perpetual) -> int:
        """Quote quantums in the fund of a perpetual; never negative."""
        return self._bank.balance(ctx, self.address(perpetual))

    def names(self, ctx: Context) -> list[str]:
        """One common fund and one for every isolated perpetual, by name."""
        isolated = [fund_name(perpetual.id, isolated=True) for perpetual in self._perp.all(ctx) if perpetual.isolated]
        return sorted([INSURANCE_FUND, *isolated])

    def funds(self, ctx: Context) -> Iterator[Fund]:
        """Every fund, by name."""
        for name in self.names(ctx):
            account = addresses.of_module(name)
            yield Fund(name, account, self._bank.balance(ctx, account))
