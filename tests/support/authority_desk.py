"""The authority's desk: every module of an application on an in-memory state, and changes that are sent, queued and applied."""

from typing import Any

from google.protobuf.message import Message

from modules.authority.events import CHANGE_APPLIED, CHANGE_REFUSED
from modules.consensus.model import EngineParams
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.events import Event
from node.store.state import LiveState
from node.wiring import Wiring
from support.exchange import genesis
from support.markets import START_SECONDS
from support.sequencing import Signer

AUTHORITY = Signer("carol")
"""Whom the genesis of a desk names."""
STRANGER = Signer("alice")
HEIGHT = 7
SECOND = 10**9
OUTCOMES = (CHANGE_APPLIED, CHANGE_REFUSED)


class Desk:
    """Height 7 of a chain whose validators have the keys 01…, 02… with powers 10 and 20."""

    def __init__(self, **sections: Any) -> None:
        self.wiring = Wiring()
        self.routes = {route.message.DESCRIPTOR.full_name: route for route in self.wiring.messages}
        self.ctx = Context(LiveState(self.wiring.registry), HEIGHT, START_SECONDS * SECOND, "test-1")
        document = genesis(**({"authority": {"address": AUTHORITY.text}} | sections))
        self.wiring.init_genesis(self.ctx, document)
        self.wiring.consensus.keeper.begin_chain(
            self.ctx,
            chain_id="test-1",
            initial_height=1,
            enable_height=1,
            validators=[(bytes([1]) * 32, 10), (bytes([2]) * 32, 20)],
            engine=EngineParams(-1, -1, 1, 1, 1, 1),
        )
        self.wiring.funding.keeper.begin_block(self.ctx)

    def send(self, message: Message) -> str:
        """Executes it as a transaction would: `codespace/code`, or nothing for success; what failed left nothing."""
        route = self.routes[message.DESCRIPTOR.full_name]
        mark = self.ctx.mark()
        try:
            route.execute(self.ctx, route.decode(message))
        except ChainError as error:
            self.ctx.undo(mark)
            return f"{error.codespace}/{error.code}"
        return ""

    def log_of(self, message: Message) -> str:
        """What a sender reads who fails."""
        route = self.routes[message.DESCRIPTOR.full_name]
        mark = self.ctx.mark()
        try:
            route.execute(self.ctx, route.decode(message))
        except ChainError as error:
            return error.log
        finally:
            self.ctx.undo(mark)
        raise AssertionError(f"{message.DESCRIPTOR.full_name} did not fail")

    def end_block(self) -> list[Event]:
        """The block's end: what became of each change."""
        first = len(self.ctx.events)
        self.wiring.changes.end_block(self.ctx)
        return [event for event in self.ctx.events[first:] if event[0] in OUTCOMES]

    def apply(self, message: Message) -> str:
        """Sent and, if that succeeds, applied: the code, or nothing. All invariants hold afterwards."""
        failed = self.send(message)
        if not failed:
            outcomes = self.end_block()
            assert [kind for kind, _ in outcomes] == [CHANGE_APPLIED]
        assert self.wiring.check_invariants(self.ctx) == []
        return failed

    def exported(self) -> dict[str, Any]:
        """A genesis of this state."""
        return self.wiring.export_genesis(self.ctx)
