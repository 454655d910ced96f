"""From the modules' changes to messages: who may send them, trying them, and applying them as a block's last writes."""

from collections.abc import Callable, Iterable
from typing import Any

from modules.authority.errors import refusal_of
from modules.authority.events import CHANGE_APPLIED, CHANGE_QUEUED, CHANGE_REFUSED
from modules.authority.keeper import AuthorityKeeper
from modules.authority.model import Change, QueuedChange
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import ChangeRoute, MessageRoute


class Changes:
    """All changes that modules offer. Built by wiring, when the modules are there."""

    __slots__ = ("_follow", "_keeper", "_routes", "messages")

    def __init__(self, keeper: AuthorityKeeper, routes: Iterable[ChangeRoute], follow: Callable[[Context], None]) -> None:
        """`follow` is called after each change: what higher modules derive from parameters of lower ones is put right."""
        self._keeper = keeper
        self._follow = follow
        self._routes: dict[str, ChangeRoute] = {}
        for route in routes:
            name = route.message.DESCRIPTOR.full_name
            assert name not in self._routes, f"{name} is offered twice"
            self._routes[name] = route
        self.messages = tuple(
            MessageRoute(route.message, route.response, lambda message: message.authority, _decoder(name, route), self._queue)
            for name, route in self._routes.items()
        )
        """A route for each, which queues it."""

    def check(self, ctx: Context, change: Change) -> None:
        """Who is not the authority learns it before a block does. Raises the code of `refusal_of`. A point read."""
        self._keeper.require(ctx, change.sender, refusal_of(change.name))

    def _queue(self, ctx: Context, change: Change) -> bytes:
        """The change waits for the end of the block, where it works unless what comes until then makes it impossible.

        It is tried on top of those that wait already; whatever is wrong with it, its transaction fails with that code.
        """
        self._keeper.require(ctx, change.sender, refusal_of(change.name))
        waiting = self._keeper.queued(ctx)
        mark, scratch = ctx.mark(), ctx.scratch
        ctx.scratch = {}
        try:
            for before in waiting:
                self._try(ctx, before)
            self._apply(ctx, change.route, change.command)
        finally:
            ctx.undo(mark)
            ctx.scratch = scratch
        place = self._keeper.queue(ctx, QueuedChange(change.name, change.encoded))
        ctx.emit(CHANGE_QUEUED, place, change.name)
        return b""

    def end_block(self, ctx: Context) -> bool:
        """The block's changes are in state, in order, each for itself; whether there were any. What they touch is computed anew."""
        changes = self._keeper.take(ctx)
        for place, change in enumerate(changes):
            refusal = self._try(ctx, change)
            if refusal is None:
                ctx.emit(CHANGE_APPLIED, place, change.name)
            else:
                ctx.emit(CHANGE_REFUSED, place, change.name, refusal.codespace, refusal.code, refusal.log)
        return bool(changes)

    def _try(self, ctx: Context, change: QueuedChange) -> ChainError | None:
        """The change is in state, or nothing of it and why."""
        route = self._routes[change.name]
        mark = ctx.mark()
        try:
            self._apply(ctx, route, route.decode(route.message.FromString(change.encoded)))
        except ChainError as error:
            ctx.undo(mark)
            ctx.scratch.clear()
            return error
        return None

    def _apply(self, ctx: Context, route: ChangeRoute, command: Any) -> None:
        route.apply(ctx, command)
        ctx.scratch.clear()
        self._follow(ctx)


def _decoder(name: str, route: ChangeRoute) -> Callable[[Any], Change]:
    def decode(message: Any) -> Change:
        command = route.decode(message)
        return Change(addresses.from_text(message.authority), name, message.SerializeToString(deterministic=True), command, route)

    return decode
