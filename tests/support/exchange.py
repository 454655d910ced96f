"""The whole exchange for stories: N applications under mock consensus, traders by name, and readable questions about what came of it.

Every block goes through all applications (equal app hashes and results are asserted), and after it a full scan checks every invariant of
every module and that no money came or went.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from modules.clob.model import OrderId
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import Address, SubaccountId
from modules.perp.model import Perpetual
from modules.subaccounts.model import Risk, Subaccount
from node.app import App
from node.store.chain_store import ChainStore
from node.tx.signer import DEFAULT_GAS_LIMIT, sign_tx
from node.wiring import Wiring
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import GENESIS_TIME_NS, SECOND, Block, Chain, make_validators, message
from support.clob_exchange import clob_section, fees_section
from support.markets import BTC, funding_section, oracle_section, perp_section
from support.sequencing import Signer
from support.trader_messages import LONG_TERM, cancel_message, deposit_message, order_message, text_of, transfer_message

DOLLAR = 1_000_000
"""Quote quantums."""
USDC = "uusdc"
GAS_TOKEN = "ugas"
WALLET = 1_000_000 * DOLLAR
"""What every trader's bank account holds in the genesis."""
TRADERS = ("alice", "bob", "carol", "dave", "erin")
GENESIS_SECONDS = GENESIS_TIME_NS // SECOND


def genesis(
    traders: Sequence[str] = TRADERS,
    *,
    collateral: Mapping[str, int] | None = None,
    positions: Mapping[str, Mapping[int, int]] | None = None,
    insurance: int = WALLET,
    isolated_insurance: int = 0,
    **sections: Any,
) -> dict[str, Any]:
    """BTC and ETH (cross) and LINK (isolated) at the prices of the worked examples in dydx-risk.md 16; taker 500 ppm, maker -110 ppm.

    Every trader has WALLET in the bank; `collateral` (quote quantums by name) and `positions` (base quantums by name and perpetual) lie in
    subaccount 0 besides. Funding lots are 100 base quantums of BTC, so that it can hold the worked examples' sizes. `sections` replace
    whole ones.
    """
    collateral = dict(collateral or {})
    held = {name: positions.get(name, {}) for name in collateral} if positions else {}
    balances: list[dict[str, Any]] = [
        {"address": Signer(name).text, "coins": [{"denom": USDC, "amount": str(WALLET)}, {"denom": GAS_TOKEN, "amount": str(WALLET)}]}
        for name in traders
    ]
    for module, amount in (
        ("insurance_fund", insurance),
        ("insurance_fund:2", isolated_insurance),
        ("subaccounts", sum(collateral.values())),
    ):
        if amount:
            balances.append({"module": module, "coins": [{"denom": USDC, "amount": str(amount)}]})
    accounts = [
        {
            "owner": Signer(name).text,
            "number": 0,
            "collateral": str(amount),
            "positions": [
                {"perpetual_id": perpetual_id, "quantums": str(quantums), "funding_index": 0, "entry_quote": 0}
                for perpetual_id, quantums in sorted(held.get(name, {}).items())
            ],
        }
        for name, amount in collateral.items()
    ]
    perp, funding = perp_section(), funding_section()
    funding["perpetuals"][BTC]["lot_base_quantums"] = "100"
    for row in perp["perpetuals"]:
        row["open_interest"] = str(sum(max(sizes.get(row["id"], 0), 0) for sizes in held.values()))
    return {
        "consensus": {},
        "auth": {},
        "bank": {"denoms": [USDC, GAS_TOKEN], "balances": balances},
        "oracle": oracle_section(),
        "perp": perp,
        "funding": funding,
        "subaccounts": {"accounts": accounts},
        "fees": fees_section(),
        "insurance": {},
        "clob": clob_section(),
        "liquidation": {},
    } | sections


class Fill(NamedTuple):
    """One fill as the book tells it."""

    taker: str
    """Name and client id of the taker's order, `alice/1`; `liquidation` for the engine."""
    maker: str
    subticks: int
    quantums: int


@dataclass
class Happened:
    """A committed block, and what came of each transaction in it."""

    block: Block
    names: Mapping[str, str]
    """Address text -> trader."""

    def result(self, tx: bytes) -> abci.ExecTxResult:
        """Of a transaction that is in the block."""
        return self.block.results[self.block.txs.index(tx)]

    def code(self, tx: bytes) -> int:
        return self.result(tx).code

    def outcome(self, tx: bytes) -> tuple[str, int]:
        """(codespace, code)."""
        result = self.result(tx)
        return result.codespace, result.code

    def events(self, kind: str) -> list[dict[str, str]]:
        """All events of a type: the block's own, then those of transactions in order of execution."""
        found = list(self.block.events)
        for result in self.block.results:
            found.extend(result.events)
        return [{one.key: one.value for one in event.attributes} for event in found if event.type == kind]

    def events_of(self, tx: bytes, kind: str) -> list[dict[str, str]]:
        """Those of one transaction."""
        return [{one.key: one.value for one in event.attributes} for event in self.result(tx).events if event.type == kind]

    def order_name(self, text: str) -> str:
        """`alice/1` for an order of alice's subaccount 0 with client id 1, in whatever market."""
        if "/" not in text:
            return text
        owner, number, client_id, _, _ = text.split("/")
        return f"{self.names.get(owner, owner)}{'' if number == '0' else f'#{number}'}/{client_id}"

    def fills(self) -> list[Fill]:
        """In order of execution, the engine's first."""
        return [
            Fill(
                self.order_name(event["taker_order"]), self.order_name(event["maker_order"]), int(event["subticks"]), int(event["quantums"])
            )
            for event in self.events("order_fill")
        ]

    def removed(self) -> list[tuple[str, str]]:
        """(order, reason) of every order that ended without its owner's doing."""
        return [(self.order_name(event["order"]), event["reason"]) for event in self.events("order_removed")]

    def expired(self) -> list[str]:
        return [self.order_name(event["order"]) for event in self.events("order_expired")]


def open_app(directory: Path, prices: Mapping[int, int] | None = None) -> App:
    """One application on the state in `directory`; `prices` (market id to price) is asked for every vote, so it may change meanwhile."""
    wiring = Wiring()
    directory.mkdir(parents=True, exist_ok=True)
    return App(ChainStore(directory, wiring.registry.stores), wiring, prices=lambda: prices or {})


def committed(app: App) -> Context:
    """A context on the application's committed state, to read it as of its last block."""
    ctx = Context(app.state, app.store.height, app.store.time_ns, "")
    return Context(app.state, app.store.height, app.store.time_ns, app.wiring.consensus.keeper.chain_id(ctx))


def balances_by_denom(app: App) -> dict[int, int]:
    """Sum of all bank balances, counted one by one."""
    sums: dict[int, int] = {}
    for key, amount in app.wiring.bank._state.balances.items(committed(app)):
        sums[key.denom_id] = sums.get(key.denom_id, 0) + amount
    return sums


def supply_of(app_state: Mapping[str, Any]) -> dict[int, int]:
    """What a genesis says there is of each denomination, by its number."""
    sums: dict[int, int] = {}
    for holder in app_state["bank"]["balances"]:
        for coin in holder["coins"]:
            number = app_state["bank"]["denoms"].index(coin["denom"])
            sums[number] = sums.get(number, 0) + int(coin["amount"])
    return sums


class Exchange:
    """A running chain of `nodes` applications, with the traders of its genesis; the last `followers` of them do not validate."""

    def __init__(
        self,
        directory: Path,
        app_state: Mapping[str, Any] | None = None,
        *,
        nodes: int = 4,
        followers: int = 0,
        chain_id: str = "story-1",
        initial_height: int = 1,
        enable_height: int = 1,
        time_ns: int = GENESIS_TIME_NS,
        block_seconds: int = 1,
    ) -> None:
        self.directory = directory
        self.app_state = dict(genesis() if app_state is None else app_state)
        first = {market["id"]: int(market["price"]) for market in self.app_state["oracle"]["markets"]}
        self.reported: list[dict[int, int]] = [dict(first) for _ in range(nodes)]
        """What each validator reports in its votes, by market."""
        self.apps = [open_app(directory / f"node{number}", self.reported[number]) for number in range(nodes)]
        self.chain = Chain(
            list(self.apps),
            [*make_validators(nodes)[: nodes - followers], *(replace(one, power=0) for one in make_validators(nodes)[nodes - followers :])],
            chain_id,
            json.dumps(self.app_state).encode(),
            initial_height=initial_height,
            enable_height=enable_height,
            time_ns=time_ns,
            block_seconds_ns=block_seconds * SECOND,
        )
        try:
            self.chain.start()
        except BaseException:
            self.close()
            raise
        self.names = {Signer(name).text: name for name in TRADERS}
        self._sequences: dict[str, int] = {}
        self._supply = supply_of(self.app_state)

    def close(self) -> None:
        """The databases are closed."""
        for app in self.apps:
            app.store.close()

    def restart(self, number: int) -> App:
        """The application has been closed and opened again from what is on disk."""
        self.apps[number].store.close()
        app = open_app(self.directory / f"node{number}", self.reported[number])
        self.apps[number] = self.chain.apps[number] = app
        return app

    # Blocks

    @property
    def next_height(self) -> int:
        return self.chain.height + 1

    @property
    def next_seconds(self) -> int:
        """Block time of the next block in whole seconds."""
        return (self.chain.time_ns + self.chain.block_seconds_ns) // SECOND

    def block(self, *txs: bytes, check: bool = False, silent: Sequence[int] = ()) -> Happened:
        """The next height with this pool. All of it must have got in; every invariant holds afterwards."""
        happened = self._after(self.chain.block(txs, check=check, silent=silent))
        missing = [tx for tx in txs if tx not in happened.block.txs]
        assert not missing, f"{len(missing)} transactions were left out"
        return happened

    def decide(self, *txs: bytes) -> Happened:
        """The next height with exactly these bytes in this order behind the preamble, as block sync would bring it."""
        return self.commit([*self.chain.prepare([]), *txs])

    def commit(self, proposal: Sequence[bytes]) -> Happened:
        """The next height with exactly this block, whoever proposed it."""
        self.chain.extend(proposal)
        return self._after(self.chain.decide(proposal))

    def _after(self, block: Block) -> Happened:
        self._sequences.clear()
        self.check()
        return Happened(block, self.names)

    def run(self, blocks: int = 1) -> Happened:
        """So many empty blocks; the last one."""
        assert blocks > 0
        for _ in range(blocks):
            happened = self.block()
        return happened

    def check_tx(self, tx: bytes) -> list[abci.ResponseCheckTx]:
        """What each application's CheckTx says."""
        return [message(app.check_tx(tx, False), abci.ResponseCheckTx) for app in self.apps]

    def price_becomes(self, price: int, market: int = BTC) -> None:
        """All validators report this price in the votes of a block that is made now; the next block begins with it."""
        for reported in self.reported:
            reported[market] = price
        self.block()

    def check(self) -> None:
        """By full scan on the first application: no invariant is broken, and every denomination adds up to what genesis had."""
        app = self.apps[0]
        assert app.wiring.check_invariants(committed(app)) == []
        assert balances_by_denom(app) == self._supply

    # Reading

    @property
    def ctx(self) -> Context:
        """The first application's committed state."""
        return committed(self.apps[0])

    @property
    def wiring(self) -> Wiring:
        return self.apps[0].wiring

    def address(self, name: str) -> Address:
        return Signer(name).address

    def subaccount(self, name: str, number: int = 0) -> SubaccountId:
        return SubaccountId(Signer(name).address, number)

    def wallet(self, name: str, denom_id: int = 0) -> int:
        """Bank balance."""
        return self.wiring.bank.keeper.balance(self.ctx, Signer(name).address, denom_id)

    def module(self, name: str) -> int:
        """Quote quantums of a module account such as `fee_collector`, `insurance_fund` or `subaccounts:2`."""
        return self.wiring.bank.keeper.balance(self.ctx, addresses.of_module(name))

    def account(self, name: str, number: int = 0) -> Subaccount:
        """As stored."""
        return self.wiring.subaccounts.keeper.get(self.ctx, self.subaccount(name, number))

    def collateral(self, name: str, number: int = 0) -> int:
        """Quote quantums as stored: funding since the last settlement is not in it."""
        return self.account(name, number).collateral

    def settled(self, name: str, number: int = 0) -> int:
        """Quote quantums with all funding paid up to now."""
        return self.wiring.subaccounts.keeper.settled(self.ctx, self.subaccount(name, number)).collateral

    def position(self, name: str, perpetual_id: int = BTC, number: int = 0) -> int:
        """Signed base quantums."""
        return self.wiring.subaccounts.keeper.position(self.ctx, self.subaccount(name, number), perpetual_id)

    def risk(self, name: str, number: int = 0) -> Risk:
        return self.wiring.subaccounts.keeper.risk(self.ctx, self.subaccount(name, number))

    def perpetual(self, perpetual_id: int = BTC) -> Perpetual:
        return self.wiring.perp.keeper.require(self.ctx, perpetual_id)

    def open_interest(self, perpetual_id: int = BTC) -> int:
        return self.wiring.perp.keeper.open_interest(self.ctx, perpetual_id)

    def price(self, market: int = BTC) -> int:
        return self.wiring.oracle.keeper.recorded(self.ctx, market).price

    def index(self, perpetual_id: int = BTC) -> int:
        """Funding index, quote quantums per lot."""
        return self.wiring.funding.keeper.index(self.ctx, perpetual_id)

    def book(self, pair: int = BTC) -> dict[str, list[tuple[str, int, int]]]:
        """Each side, best first: (order, subticks, remaining base quantums)."""
        book = self.wiring.clob.keeper.book(self.ctx, pair)
        return {"bids": list(self._rows(book.bids)), "asks": list(self._rows(book.asks))}

    def _rows(self, levels: Sequence[Any]) -> Iterator[tuple[str, int, int]]:
        for level in levels:
            for order_id, order, remaining in level.orders:
                yield self._order_name(order_id), order.subticks, remaining

    def _order_name(self, order_id: OrderId) -> str:
        owner, number = order_id.subaccount
        name = self.names.get(addresses.to_text(owner), addresses.to_text(owner))
        return f"{name}{f'#{number}' if number else ''}/{order_id.client_id}"

    # Transactions, signed and ready for a block

    def sign(self, name: str, *messages: Any, sequenced: bool = True, **changes: Any) -> bytes:
        """Signed with the account's number and, one after the other within a block, its next sequences."""
        signer = Signer(name)
        account = self.wiring.auth.keeper.account(self.ctx, signer.address)
        number, sequence = (account.number, account.sequence) if account is not None else (0, 0)
        if sequenced and "sequence" not in changes:
            sequence = self._sequences.get(name, sequence)
            self._sequences[name] = sequence + 1
        arguments: dict[str, Any] = {
            "account_number": number,
            "sequence": sequence,
            "chain_id": self.chain.chain_id,
            "gas_limit": DEFAULT_GAS_LIMIT,
        }
        return sign_tx(signer.private_key, messages, **(arguments | changes))

    def deposit(self, name: str, amount: int, number: int = 0, *, to: str = "", **changes: Any) -> bytes:
        """From the wallet into a subaccount, one's own unless `to` says whose."""
        return self.sign(name, deposit_message(name, amount, number, to), **changes)

    def withdraw(self, name: str, amount: int, number: int = 0, *, to: str = "", **changes: Any) -> bytes:
        """From a subaccount into a wallet (an address text or a trader's name), one's own unless `to` says whose."""
        message = transfer_pb2.MsgWithdrawFromSubaccount(recipient=text_of(to or name), quantums=amount)
        message.sender.owner, message.sender.number = text_of(name), number
        return self.sign(name, message, **changes)

    def transfer(self, name: str, amount: int, *, number: int = 0, to: str = "", to_number: int = 0, **changes: Any) -> bytes:
        """From a subaccount to another, of the same owner unless `to` says whose."""
        return self.sign(name, transfer_message(name, amount, number, to, to_number), **changes)

    def send(self, name: str, to: str, amount: int, denom: str = USDC, **changes: Any) -> bytes:
        """From wallet to wallet."""
        message = bank_pb2.MsgSend(from_address=text_of(name), to_address=text_of(to))
        message.amount.add(denom=denom, amount=str(amount))
        return self.sign(name, message, **changes)

    def limit(self, name: str, client_id: int, side: str, quantums: int, subticks: int, **changes: Any) -> bytes:
        """A short-term order, good for ten more blocks unless `good_til_block` says otherwise."""
        changes.setdefault("good_til_block", self.next_height + 10)
        return self.sign(name, order_message(name, client_id, side, quantums, subticks, **changes), sequenced=False)

    def long_term(self, name: str, client_id: int, side: str, quantums: int, subticks: int, **changes: Any) -> bytes:
        """A long-term order, good for an hour unless `good_til_time` says otherwise."""
        changes.setdefault("good_til_time", self.next_seconds + 3_600)
        return self.sign(name, order_message(name, client_id, side, quantums, subticks, **changes))

    def cancel(self, name: str, client_id: int, *, pair: int = BTC, number: int = 0, good_til_block: int = 0) -> bytes:
        """Of a short-term id, up to the latest block that may be named."""
        message = cancel_message(name, client_id, pair, number)
        message.good_til_block = good_til_block or self.next_height + 40
        return self.sign(name, message, sequenced=False)

    def cancel_long_term(self, name: str, client_id: int, *, pair: int = BTC, number: int = 0, good_til_time: int = 0) -> bytes:
        """Of a long-term id, good as long as may be."""
        message = cancel_message(name, client_id, pair, number, LONG_TERM)
        message.good_til_block_time = good_til_time or self.next_seconds + 95 * 86_400
        return self.sign(name, message)

    def batch_cancel(self, name: str, client_ids: Sequence[int], *, pair: int = BTC, number: int = 0) -> bytes:
        message = clob_pb2.MsgBatchCancel(good_til_block=self.next_height + 40)
        message.subaccount_id.owner, message.subaccount_id.number = text_of(name), number
        message.short_term_cancels.add(clob_pair_id=pair, client_ids=client_ids)
        return self.sign(name, message, sequenced=False)


OpenExchange = Callable[..., Exchange]
"""Opens an exchange: `open_exchange(genesis(…), block_seconds=…)`."""


@contextmanager
def quick_directory() -> Iterator[Path]:
    """A temporary directory, in memory where the machine allows: what is tested on it is not the disk, which other tests do."""
    memory = "/dev/shm"
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as directory:
        yield Path(directory)


@contextmanager
def exchanges() -> Iterator[OpenExchange]:
    """Opens exchanges in a directory of their own; all are closed at the end."""
    opened: list[Exchange] = []
    numbers = count()
    with quick_directory() as directory:

        def start(app_state: Mapping[str, Any] | None = None, **changes: Any) -> Exchange:
            exchange = Exchange(directory / f"exchange{next(numbers)}", app_state, **changes)
            opened.append(exchange)
            return exchange

        try:
            yield start
        finally:
            for exchange in opened:
                exchange.close()
