"""Reads blocks as somebody would who sees nothing but their events and times, and keeps everything that they tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from node.app import App
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import SECOND, Block
from support.event_bank import EventBank
from support.event_ledger import EventLedger, values_of
from support.event_orders import EventOrders


def in_order(block: Block) -> Iterator[abci.Event]:
    """All events of a block in the order in which they happened: `block_step` says where the block's own lie among its transactions'."""
    done = 0
    for event in block.events:
        if event.type == "block_step":
            until = int(values_of(event)["after_transactions"])
            for result in block.results[done:until]:
                yield from result.events
            done = max(done, until)
        yield event
    for result in block.results[done:]:
        yield from result.events


class EventReader:
    """Money, positions and orders since a genesis that has no positions and no orders."""

    def __init__(self, genesis: Mapping[str, Any]) -> None:
        self.ledger = EventLedger(genesis["subaccounts"]["accounts"])
        self.bank = EventBank(genesis, self.ledger)
        self.orders = EventOrders()

    def read(self, block: Block) -> None:
        """Takes in one block."""
        for event in in_order(block):
            values = values_of(event)
            self.bank.take(event.type, values)
            self.ledger.take(event.type, values)
            self.orders.take(event.type, values, block.time_ns // SECOND)

    def compare(self, app: App, ctx: Any) -> list[str]:
        """Sentences, one per difference between what the events told and what the application holds."""
        return self.ledger.compare(app, ctx) + self.bank.compare(app, ctx) + self.orders.compare(app, ctx)
