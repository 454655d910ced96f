"""The stage of the demonstration: connections to every node, actors with their subaccounts, prices by hand, patience, and a narrator."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from node.client import messages
from node.client.client import Client
from node.client.errors import TxFailedError
from node.client.market import Market
from node.client.messages import TimeInForce
from node.client.outcome import OrderOutcome, order_outcome
from node.client.queries import AccountRisk
from node.client.wallet import Wallet
from node.failure import Failure
from node.feeder import board
from node.localnet.home import Home
from perpd_proto.dydxprotocol.clob import order_pb2

Value = TypeVar("Value")

PATIENCE_SECONDS = 45.0
"""How long anything may take that should take a second, or an epoch of twenty."""
_POLL_SECONDS = 0.05
QUOTE_SECONDS = 300
"""Quotes of a demonstration that was interrupted end by themselves."""
TAKER_BLOCKS = 20
"""Takers need one block; this is room for a slow one."""


@dataclass(frozen=True, slots=True)
class Actor:
    """An account of the localnet in its role, with the subaccount that this run uses."""

    name: str
    role: str
    wallet: Wallet
    number: int
    deposit: int
    """Quote quantums that it brings."""


@dataclass(slots=True)
class Stage:
    """Everything that the acts share. `clients` has one connection per node; each actor talks to a node of its own."""

    clients: Sequence[Client]
    home: Home
    market: Market
    say: Callable[[str], None]
    addresses: dict[str, str]
    """Of the localnet's accounts, by name."""
    actors: dict[str, Actor] = field(default_factory=dict)
    client_id: int = 0
    """The last one used; begins anew with each run, so that no order of an earlier run is met again."""

    def client(self, actor: Actor) -> Client:
        """The actor's node."""
        return self.clients[list(self.actors).index(actor.name) % len(self.clients)]

    def address(self, name: str) -> str:
        """Of an account of the localnet. Raises Failure if there is none of that name."""
        if name not in self.addresses:
            raise Failure(f"the localnet has no account {name}, which the demonstration needs.")
        return self.addresses[name]

    def risk(self, actor: Actor) -> AccountRisk:
        return self.clients[0].latest.risk(actor.wallet.address, actor.number)

    def wait(self, what: str, look: Callable[[], Value | None]) -> Value:
        """The first answer that is not None. Raises Failure naming what did not happen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise Failure(f"{what} did not happen within {PATIENCE_SECONDS:g} seconds.")
            time.sleep(_POLL_SECONDS)

    def reach(self, height: int) -> None:
        """Every node has committed the height."""
        for client in self.clients:
            self.wait(f"height {height} at {client.connection.address}", partial(_reached, client, height))

    # Prices

    def set_price(self, oracle_price: int) -> int:
        """What `perpd oracle set` does; the height at which the chain has exactly that price."""
        market = self.market
        board.set_price(self.home.prices_file, market.ticker, market.shown_oracle_price(oracle_price))

        def arrived() -> int | None:
            found = self.clients[0].latest.oracle(market.oracle_market_id)
            return found.updated_height if found.price == oracle_price else None

        return self.wait(f"the price {market.shown_oracle_price(oracle_price)}", arrived)

    @property
    def oracle_price(self) -> int:
        return self.clients[0].latest.oracle(self.market.oracle_market_id).price

    # Orders

    def until(self, actor: Actor) -> int:
        """UNIX seconds at which orders of the demonstration end by themselves."""
        now: int = self.client(actor).latest.status().time.seconds
        return now + QUOTE_SECONDS

    def order(
        self, actor: Actor, quantums: int, subticks: int, *, is_buy: bool, time_in_force: TimeInForce
    ) -> tuple[order_pb2.Order, OrderOutcome, int]:
        """Places one order of the actor: short-term if it takes, long-term if it rests. The order, its outcome, its height."""
        client = self.client(actor)
        self.client_id += 1
        takes = time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        order = messages.order(
            self.market,
            actor.wallet.address,
            actor.number,
            self.client_id,
            is_buy=is_buy,
            quantums=quantums,
            subticks=subticks,
            good_til_block=client.height + TAKER_BLOCKS if takes else 0,
            good_til_seconds=0 if takes else self.until(actor),
            time_in_force=time_in_force,
        )
        included = client.place(actor.wallet, order)
        return order, order_outcome(order.order_id, included), included.height

    def cancel_all(self, actor: Actor, number: int | None = None) -> int:
        """No order of the actor's subaccount rests; how many were cancelled. One that was filled meanwhile is gone anyway."""
        client = self.client(actor)
        cancelled = 0
        for row in client.latest.orders(actor.wallet.address, actor.number if number is None else number):
            order = row.order
            short = order.order_id.order_flags == messages.SHORT_TERM
            try:
                client.cancel(
                    actor.wallet,
                    order.order_id,
                    good_til_block=order.good_til_block if short else 0,
                    good_til_seconds=0 if short else order.good_til_block_time,
                )
            except TxFailedError as error:
                if error.codespace != "clob":
                    raise
            else:
                cancelled += 1
        return cancelled

    # Telling

    def heading(self, text: str) -> None:
        """A new act."""
        self.say("")
        self.say(text)

    def tell(self, text: str, height: int | None = None) -> None:
        """One thing that happened, with the block in which it did."""
        self.say(f"  {f'block {height}' if height is not None else '':<12}{text}")


def _reached(client: Client, height: int) -> bool | None:
    return client.height >= height or None
