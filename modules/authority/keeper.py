"""The authority's verbs: who it is, and the queue of the running block."""

from modules.authority.errors import TOO_MANY_CHANGES
from modules.authority.model import MAX_CHANGES_PER_BLOCK, QueuedChange
from modules.authority.state import AuthorityState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ErrorKind
from modules.kernel.units import Address


class AuthorityKeeper:
    """Knows nothing of what is changed."""

    def __init__(self, state: AuthorityState) -> None:
        self._state = state

    def address(self, ctx: Context) -> Address | None:
        """Who may change parameters; None: nobody."""
        found: bytes = self._state.address.require(ctx)
        return Address(found) if found else None

    def require(self, ctx: Context, sender: Address, refusal: ErrorKind) -> None:
        """The sender is the authority. Raises `refusal`, which says who is. A point read."""
        authority = self.address(ctx)
        if authority is None:
            raise refusal("this chain's genesis names no authority, so nobody can change its parameters")
        if sender != authority:
            raise refusal(f"{addresses.to_text(sender)} is not the authority; it is {addresses.to_text(authority)}")

    def queued(self, ctx: Context) -> list[QueuedChange]:
        """The changes of this block so far, in order."""
        return [change for _, change in self._state.queue.items(ctx)]

    def queue(self, ctx: Context, change: QueuedChange) -> int:
        """The change waits for the end of the block; its place, from 0. Raises authority/2 for one too many."""
        place = len(self.queued(ctx))
        if place >= MAX_CHANGES_PER_BLOCK:
            raise TOO_MANY_CHANGES(f"{place} wait")
        self._state.queue.set(ctx, place, change)
        return place

    def take(self, ctx: Context) -> list[QueuedChange]:
        """The changes of this block; the queue is empty."""
        changes = self.queued(ctx)
        for place in range(len(changes)):
            self._state.queue.delete(ctx, place)
        return changes

    def check(self, ctx: Context) -> list[str]:
        """AUT-1: between blocks no change waits. AUT-2: an authority is 20 bytes."""
        broken = [f"change {place} of {change.name} waits" for place, change in self._state.queue.items(ctx)]
        found = self._state.address.get(ctx)
        if found and len(found) != len(addresses.of_module("")):
            broken.append(f"the authority has {len(found)} bytes")
        return broken
