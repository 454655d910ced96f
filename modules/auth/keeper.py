"""The verbs of auth: accounts, their sequences, keys and nonces, and the hashes that may not come again."""

from collections.abc import Iterable, Iterator

from modules.auth.model import REMEMBERED_BLOCKS, Account
from modules.auth.state import AuthState
from modules.kernel.context import Context
from modules.kernel.units import Address


class AuthKeeper:
    """Accounts by address. Which transactions may use an account is the sequencer's rule; this writes what was used."""

    def __init__(self, state: AuthState) -> None:
        self._state = state

    def account(self, ctx: Context, address: Address) -> Account | None:
        return self._state.accounts.get(ctx, address)

    def accounts(self, ctx: Context) -> Iterator[tuple[Address, Account]]:
        """Every account, by ascending address."""
        return self._state.accounts.items(ctx)

    def ensure_account(self, ctx: Context, address: Address) -> Account:
        """The account, made with the next number if it did not exist."""
        found = self._state.accounts.get(ctx, address)
        if found is not None:
            return found
        number = self._state.next_number.get(ctx) or 0
        account = Account(number)
        self._state.accounts.set(ctx, address, account)
        self._state.next_number.set(ctx, number + 1)
        return account

    def consume(self, ctx: Context, used: Iterable[tuple[Address, Account]]) -> None:
        """The accounts are as admission found them after this block's sequences, nonces and first keys are used."""
        for address, account in used:
            self._state.accounts.set(ctx, address, account)

    def remember(self, ctx: Context, hashes: Iterable[bytes]) -> None:
        """These transactions of the block of `ctx` may not come again; what is older than 41 blocks is forgotten."""
        remembered = frozenset(hashes)
        if remembered:
            self._state.remembered.set(ctx, ctx.height, remembered)
        if ctx.height >= REMEMBERED_BLOCKS:
            self._state.remembered.delete(ctx, ctx.height - REMEMBERED_BLOCKS)

    def remembered(self, ctx: Context) -> tuple[frozenset[bytes], ...]:
        """The non-empty sets of hashes of the blocks before the one of `ctx`; for callers that ask about many hashes."""
        get = self._state.remembered.get
        heights = range(max(ctx.height - REMEMBERED_BLOCKS, 0), ctx.height)
        return tuple([found for height in heights if (found := get(ctx, height)) is not None])

    def remembers(self, ctx: Context, tx_hash: bytes) -> bool:
        """Whether an unsequenced transaction with this hash was in one of the last 41 blocks."""
        return any(tx_hash in hashes for hashes in self.remembered(ctx))
