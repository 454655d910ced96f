"""A trader's client of one node: sign, send, and know what became of it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from node.client import messages
from node.client.connection import Connection
from node.client.errors import TxFailedError
from node.client.market import Market
from node.client.queries import Queries
from node.client.wallet import Wallet
from node.failure import Failure
from node.tx.signer import DEFAULT_GAS_LIMIT, sign_tx
from perpd_proto.cosmos.base.abci.v1beta1 import abci_pb2
from perpd_proto.cosmos.tx.v1beta1 import service_pb2
from perpd_proto.dydxprotocol.clob import order_pb2

INCLUSION_SECONDS = 30.0
_POLL_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class Included:
    """A transaction that has been executed with code 0."""

    tx_hash: str
    height: int
    response: abci_pb2.TxResponse
    """With gas, data and events."""


class Client:
    """Works with the node whose gRPC server is at `address` (host:port). Raises RequestFailedError and TxFailedError."""

    def __init__(self, address: str) -> None:
        self.connection = Connection(address)
        self.latest = Queries(self.connection)
        """Questions about the latest committed state."""
        self._chain_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()

    def at(self, height: int) -> Queries:
        """Questions about the state after one block."""
        return Queries(self.connection, height)

    @property
    def chain_id(self) -> str:
        """As the node says; asked once."""
        if not self._chain_id:
            self._chain_id = self.latest.status().chain_id
        return self._chain_id

    @property
    def height(self) -> int:
        """The last committed height."""
        return self.latest.app_hash()[0]

    # Transactions

    def broadcast(self, wallet: Wallet, *sent: Any, memo: str = "", gas_limit: int = DEFAULT_GAS_LIMIT) -> str:
        """The hash of a signed transaction that passed the check. It carries the account's committed sequence.

        Raises TxFailedError when the node refuses it.
        """
        account = self.latest.account(wallet.address)
        raw = sign_tx(
            wallet.secret,
            sent,
            account_number=account.number,
            sequence=account.sequence,
            chain_id=self.chain_id,
            memo=memo,
            gas_limit=gas_limit,
        )
        return self.broadcast_raw(raw)

    def broadcast_raw(self, raw: bytes) -> str:
        """The hash of an encoded transaction that passed the check. Raises TxFailedError when the node refuses it."""
        request = service_pb2.BroadcastTxRequest(tx_bytes=raw, mode=service_pb2.BROADCAST_MODE_SYNC)
        path = "/cosmos.tx.v1beta1.Service/BroadcastTx"
        checked = self.connection.call(path, request, service_pb2.BroadcastTxResponse).tx_response
        if checked.code:
            raise TxFailedError(
                tx_hash=checked.txhash, height=0, code=checked.code, codespace=checked.codespace, log=checked.raw_log or "(no log)"
            )
        return checked.txhash

    def wait(self, tx_hash: str, timeout_seconds: float = INCLUSION_SECONDS) -> Included:
        """The transaction has been executed and has succeeded. Raises TxFailedError if it failed, Failure if it does not come."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            found = self.latest.tx(tx_hash)
            if found is not None:
                break
            if time.monotonic() > deadline:
                raise Failure(f"transaction {tx_hash[:16]}… is in no block after {timeout_seconds:g} seconds.")
            time.sleep(_POLL_SECONDS)
        response = found.tx_response
        if response.code:
            raise TxFailedError(
                tx_hash=tx_hash, height=response.height, code=response.code, codespace=response.codespace, log=response.raw_log
            )
        return Included(tx_hash, response.height, response)

    def send(self, wallet: Wallet, *sent: Any, memo: str = "") -> Included:
        """Messages in one transaction, executed."""
        return self.wait(self.broadcast(wallet, *sent, memo=memo))

    def simulate(self, wallet: Wallet, *sent: Any) -> service_pb2.SimulateResponse:
        """What a transaction with these messages would do and use."""
        account = self.latest.account(wallet.address)
        raw = sign_tx(wallet.secret, sent, account_number=account.number, sequence=account.sequence, chain_id=self.chain_id)
        request = service_pb2.SimulateRequest(tx_bytes=raw)
        return self.connection.call("/cosmos.tx.v1beta1.Service/Simulate", request, service_pb2.SimulateResponse)

    # What traders do

    def deposit(self, wallet: Wallet, number: int, quote_quantums: int) -> Included:
        """From the wallet's bank account into its subaccount."""
        return self.send(wallet, messages.deposit(wallet.address, number, quote_quantums))

    def withdraw(self, wallet: Wallet, number: int, quote_quantums: int, recipient: str = "") -> Included:
        """From the wallet's subaccount to a bank account, by default its own."""
        return self.send(wallet, messages.withdraw(wallet.address, number, quote_quantums, recipient))

    def transfer(self, wallet: Wallet, number: int, recipient: str, recipient_number: int, quote_quantums: int) -> Included:
        """From the wallet's subaccount to any other."""
        return self.send(wallet, messages.transfer(wallet.address, number, recipient, recipient_number, quote_quantums))

    def send_coins(self, wallet: Wallet, recipient: str, denom: str, amount: int) -> Included:
        """Between bank accounts."""
        return self.send(wallet, messages.send(wallet.address, recipient, denom, amount))

    def place(self, wallet: Wallet, placed: order_pb2.Order) -> Included:
        """The order is accepted: it has matched, rests, or has ended with an event that says why."""
        return self.send(wallet, messages.place(placed))

    def cancel(self, wallet: Wallet, cancelled: order_pb2.OrderId, *, good_til_block: int = 0, good_til_seconds: int = 0) -> Included:
        """The order is gone from the book, and placements of its id fail up to the given block or time."""
        return self.send(wallet, messages.cancel(cancelled, good_til_block=good_til_block, good_til_seconds=good_til_seconds))

    def batch_cancel(
        self, wallet: Wallet, number: int, client_ids: Iterable[tuple[Market, Iterable[int]]], good_til_block: int
    ) -> Included:
        """Short-term orders of one subaccount are gone."""
        return self.send(wallet, messages.batch_cancel(wallet.address, number, client_ids, good_til_block))
