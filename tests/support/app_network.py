"""Whole applications, each with a database of its own on disk, under the mock consensus; and traders who sign for them."""

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from modules.kernel.context import Context
from node.app import App
from node.history.history import DEFAULT_BLOCKS
from node.localnet.create import DEFAULT_GENESIS
from node.store.chain_store import ChainStore
from node.tx.signer import DEFAULT_GAS_LIMIT, sign_tx
from node.wiring import Wiring
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.chain import GENESIS_TIME_NS, Block, Chain, make_validators, message

CHAIN_ID = "exchange-1"
KEPT_VERSIONS = 10
HOUR_SECONDS = 3_600

Snapshot = list[dict[Any, Any]]
"""The tables of a state at one moment; values are immutable."""


def localnet_state() -> dict[str, Any]:
    """The state of genesis/localnet.json."""
    state: dict[str, Any] = json.loads(DEFAULT_GENESIS.read_text())
    return state


def open_app(directory: Path, prices: Callable[[], Mapping[int, int]] = dict, history_blocks: int = DEFAULT_BLOCKS) -> App:
    """An application on the database in `directory`, as a node opens it."""
    wiring = Wiring()
    directory.mkdir(parents=True, exist_ok=True)
    return App(ChainStore(directory, wiring.registry.stores, KEPT_VERSIONS), wiring, prices=prices, history_blocks=history_blocks)


class AppNetwork:
    """N applications and the traders of their genesis. All of them report `prices` (raw integers by market id) in their votes."""

    def __init__(
        self,
        directory: Path,
        count: int = 1,
        *,
        people: Sequence[load.Trader] = (),
        state: Mapping[str, Any] | None = None,
        block_seconds: int = 1,
        initial_height: int = 1,
        time_ns: int = GENESIS_TIME_NS,
        history_blocks: int = DEFAULT_BLOCKS,
    ) -> None:
        """Without a `state` that of genesis/localnet.json with `people` funded in it. `time_ns` is the genesis time."""
        self.people = list(people) or load.traders(6)
        self.state = dict(state) if state is not None else load.with_traders(localnet_state(), self.people)
        self.markets = load.markets(self.state)
        self.denom: str = self.state["bank"]["denoms"][0]
        self.prices: dict[int, int] = {entry["id"]: int(entry["price"]) for entry in self.state["oracle"]["markets"]}
        self.unreported: dict[int, int] = {}
        """Markets of which no vote says anything; the numbers are the test's own."""
        self.history_blocks = history_blocks
        """Of every application that is opened from now on."""
        self.apps: list[App] = [self._open(directory / str(number)) for number in range(count)]
        self._directory = directory
        self._signed: dict[int, int] = {}
        self.chain = Chain(
            apps=list(self.apps),
            validators=make_validators(count),
            chain_id=CHAIN_ID,
            app_state=json.dumps(self.state).encode(),
            initial_height=initial_height,
            time_ns=time_ns,
            block_seconds_ns=block_seconds * 10**9,
        )

    @property
    def app(self) -> App:
        """The first application."""
        return self.apps[0]

    @property
    def height(self) -> int:
        """Of the last committed block."""
        return self.chain.height

    @property
    def time_seconds(self) -> int:
        """Of the last committed block, rounded down."""
        return self.chain.time_ns // 10**9

    # The network

    def block(self, txs: Sequence[bytes] = (), *, silent: Sequence[int] = ()) -> Block:
        """One whole height with this pool."""
        self._signed.clear()
        return self.chain.block(txs, silent=silent)

    def propose(self, txs: Sequence[bytes] = ()) -> list[bytes]:
        """The next proposer's block from this pool; the votes for it are cast, so that it can be decided."""
        proposal = self.chain.prepare(txs)
        self.chain.extend(proposal)
        return proposal

    def decide(self, txs: Sequence[bytes]) -> Block:
        """These very transactions finalized and committed everywhere, whatever they are; only the votes must have been cast before."""
        self._signed.clear()
        return self.chain.decide(txs)

    def restart(self, number: int) -> App:
        """The process of one application has ended, and a new one has opened its database."""
        self.apps[number].store.close()
        app = self.apps[number] = self._open(self._directory / str(number))
        self.chain.apps[number] = app
        return app

    def _open(self, directory: Path) -> App:
        return open_app(directory, self._reported, self.history_blocks)

    def _reported(self) -> dict[int, int]:
        return {market: price for market, price in self.prices.items() if market not in self.unreported}

    def close(self) -> None:
        """Every database is closed, and Python collects garbage again, which an application switches off for its process."""
        for app in self.apps:
            app.store.close()
        gc.unfreeze()
        gc.enable()

    # What the traders sign

    def sign(self, who: load.Trader, *messages: Message, sequence: int | None = None, **changes: Any) -> bytes:
        """A transaction of the trader. Without a `sequence`: the account's next one, those signed for the same block counted in.

        `changes` are other arguments of sign_tx.
        """
        if sequence is None:
            sequence = self.sequence(who) + self._signed.get(who.number, 0)
            self._signed[who.number] = self._signed.get(who.number, 0) + 1
        arguments: dict[str, Any] = {
            "account_number": who.number,
            "sequence": sequence,
            "chain_id": CHAIN_ID,
            "gas_limit": DEFAULT_GAS_LIMIT,
        }
        return sign_tx(who.private_key, messages, **(arguments | changes))

    def sequence(self, who: load.Trader) -> int:
        """The account's committed sequence."""
        account = self.app.wiring.auth.keeper.account(self.context(), who.address)
        assert account is not None
        return account.sequence

    def short_term(self, who: load.Trader, *, good_til: int = 0, **order: Any) -> bytes:
        """A short-term placement, signed; see `place`."""
        placed = self.place(who, flags=load.SHORT_TERM, good_til=good_til or self.height + 20, **order)
        return self.sign(who, placed, sequence=0)

    def long_term(self, who: load.Trader, *, good_til: int = 0, **order: Any) -> bytes:
        """A long-term placement, signed with the next sequence; see `place`."""
        return self.sign(who, self.place(who, flags=load.LONG_TERM, good_til=good_til or self.time_seconds + HOUR_SECONDS, **order))

    def place(
        self,
        who: load.Trader,
        *,
        flags: int,
        good_til: int,
        is_buy: bool,
        ticks: int,
        client_id: int = 1,
        steps: int = 10,
        market: int = 0,
        time_in_force: int = load.REST,
    ) -> clob_pb2.MsgPlaceOrder:
        """A placement at so many ticks above the genesis price of the market."""
        book = self.markets[market]
        order = load.Order(
            who,
            book,
            is_buy,
            steps * book.step_base_quantums,
            book.middle_subticks + ticks * book.tick_subticks,
            client_id,
            time_in_force,
        )
        return load.message(order, flags=flags, good_til=good_til)

    def send(self, who: load.Trader, to: load.Trader, amount: int) -> bank_pb2.MsgSend:
        """Quote quantums from one bank account to another."""
        sent = bank_pb2.MsgSend(from_address=who.text, to_address=to.text)
        sent.amount.add(denom=self.denom, amount=str(amount))
        return sent

    # Looking inside

    def context(self, number: int = 0) -> Context:
        """A context on an application's live state."""
        app = self.apps[number]
        return Context(app.state, self.height, self.chain.time_ns, CHAIN_ID)

    def check(self, tx: bytes, number: int = 0, *, recheck: bool = False) -> abci.ResponseCheckTx:
        """CheckTx on one application."""
        response: abci.ResponseCheckTx = message(self.apps[number].check_tx(tx, recheck), abci.ResponseCheckTx)
        return response

    def assert_sound(self) -> None:
        """Every invariant of every module holds by full scan, on every application."""
        for number, app in enumerate(self.apps):
            broken = app.wiring.check_invariants(self.context(number))
            assert not broken, f"height {self.height}, application {number}: {broken}"


@contextmanager
def app_network(directory: Path, count: int = 1, **options: Any) -> Iterator[AppNetwork]:
    """A started network at height 0, closed at the end; options as of AppNetwork."""
    network = AppNetwork(directory, count, **options)
    try:
        network.chain.start()
        yield network
    finally:
        network.close()


# Messages of traders


def deposit(who: load.Trader, quantums: int, number: int = 0) -> transfer_pb2.MsgDepositToSubaccount:
    """From the trader's bank account to a subaccount of his."""
    deposited = transfer_pb2.MsgDepositToSubaccount(sender=who.text, quantums=quantums)
    deposited.recipient.owner = who.text
    deposited.recipient.number = number
    return deposited


def withdraw(who: load.Trader, quantums: int, number: int = 0) -> transfer_pb2.MsgWithdrawFromSubaccount:
    """From a subaccount of the trader's to his bank account."""
    withdrawn = transfer_pb2.MsgWithdrawFromSubaccount(recipient=who.text, quantums=quantums)
    withdrawn.sender.owner = who.text
    withdrawn.sender.number = number
    return withdrawn


def transfer(who: load.Trader, to: load.Trader, amount: int, number: int = 0, to_number: int = 0) -> sending_pb2.MsgCreateTransfer:
    """From a subaccount of the trader's to one of somebody's."""
    transferred = sending_pb2.MsgCreateTransfer()
    transferred.transfer.sender.owner = who.text
    transferred.transfer.sender.number = number
    transferred.transfer.recipient.owner = to.text
    transferred.transfer.recipient.number = to_number
    transferred.transfer.amount = amount
    return transferred


# What changed


def snapshot(app: App) -> Snapshot:
    """The live tables as they are now."""
    return [dict(table) for table in app.state.tables]


def differences(app: App, before: Snapshot, after: Snapshot) -> dict[str, list[Any]]:
    """By `store/map` the keys whose values differ."""
    found = {}
    for declared, old, new in zip(app.wiring.registry.maps, before, after, strict=True):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        if keys:
            found[f"{declared.store}/{declared.name}"] = keys
    return found


def values(app: App) -> list[tuple[str, bytes, bytes]]:
    """Every committed (store, key, value)."""
    with app.store.version() as version:
        return [(name, key, value) for name in app.store.store_names for key, value in version.iterate(name, b"")]
