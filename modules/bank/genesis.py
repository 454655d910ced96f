"""Genesis of the bank: denominations (the quote currency first) and balances; the supply is their sum."""

from typing import Any

from modules.auth.keeper import AuthKeeper
from modules.bank.model import BalanceKey
from modules.bank.state import BankState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader, is_text
from modules.kernel.module import Problems

MAX_SUPPLY = 2**128 - 1


def _read(section: Any, problems: Problems) -> tuple[list[str], list[tuple[str, bool, list[tuple[str, int]]]]]:
    reader = Reader(section, "bank", problems)
    denoms: list[str] = []
    for index, denom in enumerate(reader.values("denoms")):
        if not is_text(denom) or not 2 < len(denom) <= 128 or denom in denoms:
            problems.add(f"bank.denoms[{index}]", f"must be a denomination of 3 to 128 characters, each once, not {denom!r}")
        else:
            denoms.append(denom)
    if not denoms:
        problems.add("bank.denoms", "must name at least the quote denomination (USDC), first")
    balances = []
    seen: dict[str, None] = {}
    for entry in reader.objects("balances"):
        holder = entry.text("module", "", longest=64)
        account = addresses.to_text(addresses.of_module(holder)) if holder else entry.account("address", "")
        if not account:
            entry.problem("address", "is missing (or name a module account with `module`)")
        elif account in seen:
            entry.problem("address", "has a second entry; put all coins of an account into one")
        seen[account] = None
        if holder and entry.text("address", ""):
            entry.problem("address", "must not stand beside `module`, which names the account already")
        coins = []
        for coin in entry.objects("coins", required=True):
            denom = coin.text("denom")
            if denom not in denoms:
                coin.problem("denom", f"{denom!r} is not listed in bank.denoms")
            coins.append((denom, coin.integer("amount", 1, MAX_SUPPLY)))
            coin.done()
        entry.done()
        balances.append((account, bool(holder), coins))
    reader.done()
    return denoms, balances


def validate(section: Any, problems: Problems) -> None:
    """Every mistake of the section, with its path."""
    _read(section, problems)


def init(ctx: Context, state: BankState, auth: AuthKeeper, section: Any) -> None:
    """Balances as listed; every holder that is not a module account has an auth account."""
    problems = Problems()
    denoms, balances = _read(section, problems)
    assert not problems.found, problems.found
    numbers = {denom: number for number, denom in enumerate(denoms)}
    supply = dict.fromkeys(numbers.values(), 0)
    for number, denom in enumerate(denoms):
        state.denoms.set(ctx, number, denom)
    for text, is_module, coins in balances:
        account = addresses.from_text(text)
        for denom, amount in coins:
            key = BalanceKey(account, numbers[denom])
            state.balances.set(ctx, key, (state.balances.get(ctx, key) or 0) + amount)
            supply[numbers[denom]] += amount
        if not is_module:
            auth.ensure_account(ctx, account)
    for number, amount in supply.items():
        state.supply.set(ctx, number, amount)


def export(ctx: Context, state: BankState) -> dict[str, Any]:
    """The section that `init` makes this state of; module accounts are named, so that no auth account is made for them."""
    coins: dict[bytes, list[dict[str, str]]] = {}
    denoms = dict(state.denoms.items(ctx))
    for key, amount in state.balances.items(ctx):
        coins.setdefault(key.address, []).append({"denom": denoms[key.denom_id], "amount": str(amount)})
    return {
        "denoms": list(denoms.values()),
        "balances": [_holder(ctx, state, account) | {"coins": held} for account, held in coins.items()],
    }


def _holder(ctx: Context, state: BankState, account: bytes) -> dict[str, Any]:
    name = state.module_accounts.get(ctx, account)
    return {"address": addresses.to_text(account)} if name is None else {"module": name}
