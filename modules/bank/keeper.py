"""The bank's verbs: read balances, move money. Nothing here creates or destroys any after genesis."""

from collections.abc import Iterable, Iterator

from modules.auth.keeper import AuthKeeper
from modules.bank.events import TRANSFERRED
from modules.bank.model import USDC, BalanceKey
from modules.bank.state import BankState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import INSUFFICIENT_FUNDS, UNAUTHORIZED
from modules.kernel.units import Address


class BankKeeper:
    """Balances by (address, denomination). Amounts are integers of the denomination's smallest unit and never negative."""

    def __init__(self, state: BankState, auth: AuthKeeper) -> None:
        self._state = state
        self._auth = auth

    def balance(self, ctx: Context, address: Address, denom_id: int = USDC) -> int:
        return self._state.balances.get(ctx, BalanceKey(address, denom_id)) or 0

    def balances(self, ctx: Context, address: Address) -> Iterator[tuple[int, int]]:
        """(denomination, amount) of an account, in order of interning."""
        for key, amount in self._state.balances.items(ctx, bytes(address)):
            yield key.denom_id, amount

    def denom(self, ctx: Context, denom_id: int) -> str:
        text: str | None = self._state.denoms.get(ctx, denom_id)
        assert text is not None, f"denomination {denom_id} is not interned"
        return text

    def denom_id(self, ctx: Context, denom: str) -> int | None:
        """The interned number of a denomination that genesis knows, else None."""
        found = self._state.denom_ids.first(ctx, denom)
        return None if found is None else found[1]

    def denom_ids(self, ctx: Context) -> Iterable[int]:
        return self._state.denoms.keys(ctx)

    def supply(self, ctx: Context, denom_id: int) -> int:
        return self._state.supply.get(ctx, denom_id) or 0

    def is_blocked(self, ctx: Context, address: Address) -> bool:
        """Module accounts and collateral pools refuse sends and withdrawals to them: only their module moves their money."""
        return self._state.module_accounts.has(ctx, address)

    def register_module_account(self, ctx: Context, name: str) -> Address:
        """After this the account of that name exists as a module account; its address is derived from the name."""
        address = addresses.of_module(name)
        if not self._state.module_accounts.has(ctx, address):
            self._state.module_accounts.set(ctx, address, name)
        return address

    def module_name(self, ctx: Context, address: Address) -> str | None:
        return self._state.module_accounts.get(ctx, address)

    def move(self, ctx: Context, sender: Address, recipient: Address, amount: int, denom_id: int = USDC) -> None:
        """Amount (>= 0) has moved; no event. For modules; raises sdk 5 when the sender holds less."""
        assert amount >= 0
        if amount == 0 or sender == recipient:
            return
        balances = self._state.balances
        source, target = BalanceKey(sender, denom_id), BalanceKey(recipient, denom_id)
        held = balances.get(ctx, source) or 0
        if held < amount:
            denom = self.denom(ctx, denom_id)
            raise INSUFFICIENT_FUNDS(f"{addresses.to_text(sender)} holds {held}{denom}, which is less than {amount}{denom}")
        if held == amount:
            balances.delete(ctx, source)
        else:
            balances.set(ctx, source, held - amount)
        balances.set(ctx, target, (balances.get(ctx, target) or 0) + amount)

    def send(self, ctx: Context, sender: Address, recipient: Address, denom_id: int, amount: int) -> None:
        """A user's payment: refused to module accounts (sdk 4); the recipient's account exists afterwards."""
        if self.is_blocked(ctx, recipient):
            raise UNAUTHORIZED(f"{addresses.to_text(recipient)} is a module account and takes no payments; send to a user's address")
        if self.balance(ctx, sender, denom_id) < amount:
            denom = self.denom(ctx, denom_id)
            raise INSUFFICIENT_FUNDS(f"spendable balance {self.balance(ctx, sender, denom_id)}{denom} is smaller than {amount}{denom}")
        self.move(ctx, sender, recipient, amount, denom_id)
        self._auth.ensure_account(ctx, recipient)
        ctx.emit(TRANSFERRED, addresses.to_text(recipient), addresses.to_text(sender), f"{amount}{self.denom(ctx, denom_id)}")

    def check_supply(self, ctx: Context) -> list[str]:
        """Full scan: the balances of every denomination add up to its supply."""
        sums: dict[int, int] = {}
        broken = []
        for key, amount in self._state.balances.items(ctx):
            sums[key.denom_id] = sums.get(key.denom_id, 0) + amount
            if amount <= 0:
                broken.append(f"{addresses.to_text(key.address)} holds {amount} of denomination {key.denom_id}")
        for denom_id in self._state.denoms.keys(ctx):
            total, supply = sums.get(denom_id, 0), self.supply(ctx, denom_id)
            if total != supply:
                broken.append(f"balances of {self.denom(ctx, denom_id)} sum to {total}, the supply is {supply}")
        return broken
