"""Honest traders on the cheating network: what they send is what a proposer can cheat with."""

from contextlib import suppress
from typing import Any

from node.client import messages
from node.client.amounts import usdc
from node.client.client import Client
from node.client.errors import TxFailedError
from node.client.messages import TimeInForce
from node.client.wallet import Wallet
from node.demo.mev.network import CHEATER
from node.failure import Failure
from node.localnet import keys

TICKER = "BTC-USD"
MAKER, TAKER, SAVER = "alice", "bob", "carol"
"""Quotes and takes its quotes back; buys; deposits. Accounts of the localnet."""
DEPOSIT = usdc("10000")
SAVED = usdc("1")
ASK_PPM, LIMIT_PPM = 2_000, 10_000
GOOD_TIL_BLOCKS = 20
STEPS = 10
"""Of the market's smallest size, in an order."""


class Crowd:
    """Three traders, each with a node of its own, none of them the one that cheats."""

    def __init__(self, document: dict[str, Any]) -> None:
        """`document` is the network's localnet.json. Raises Failure."""
        known = {entry["name"]: entry for entry in document["accounts"]}
        missing = [name for name in (MAKER, TAKER, SAVER) if name not in known]
        if missing:
            raise Failure(f"the localnet has no account {', '.join(missing)}, which the demonstration needs.")
        self._wallets = {name: _wallet(known[name]) for name in (MAKER, TAKER, SAVER)}
        honest = [node["grpc"] for number, node in enumerate(document["nodes"]) if number != CHEATER]
        self._clients = {name: Client(address) for name, address in zip(self._wallets, honest, strict=True)}
        self._market = self._clients[MAKER].latest.market(TICKER)
        self._client_id = 0

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def begin(self) -> None:
        """Everyone has margin."""
        sent = [self._clients[name].broadcast(wallet, self._deposit(wallet, DEPOSIT)) for name, wallet in self._wallets.items()]
        for client, tx_hash in zip(self._clients.values(), sent, strict=True):
            client.wait(tx_hash)

    def stir(self) -> None:
        """A quote, the cancel of the one before, a purchase and a deposit are on their way into all pools."""
        height = self._clients[MAKER].height
        price = self._clients[MAKER].latest.oracle(self._market.oracle_market_id).price
        self._client_id += 1
        until = height + GOOD_TIL_BLOCKS
        quote = self._order(MAKER, price, ASK_PPM, until, TimeInForce.POST_ONLY)
        self._send(MAKER, messages.place(quote))
        if self._client_id > 1:
            maker = self._wallets[MAKER].address
            self._send(MAKER, messages.batch_cancel(maker, 0, [(self._market, [self._client_id - 1])], until))
        self._send(TAKER, messages.place(self._order(TAKER, price, LIMIT_PPM, until, TimeInForce.IMMEDIATE_OR_CANCEL)))
        self._send(SAVER, self._deposit(self._wallets[SAVER], SAVED))

    def _order(self, name: str, price: int, offset_ppm: int, until: int, kind: TimeInForce) -> Any:
        return messages.order(
            self._market,
            self._wallets[name].address,
            0,
            self._client_id,
            is_buy=name == TAKER,
            quantums=STEPS * self._market.step_base_quantums,
            subticks=self._market.subticks_near(price, offset_ppm),
            good_til_block=until,
            time_in_force=kind,
        )

    def _deposit(self, wallet: Wallet, quote_quantums: int) -> Any:
        return messages.deposit(wallet.address, 0, quote_quantums)

    def _send(self, name: str, message: Any) -> None:
        """On its way. What a node refuses, such as a second deposit with the sequence of one that waits, is not needed."""
        with suppress(TxFailedError):
            self._clients[name].broadcast(self._wallets[name], message)


def _wallet(entry: dict[str, Any]) -> Wallet:
    prefix = str(entry["address"]).rpartition("1")[0]
    return Wallet.from_mnemonic(entry["mnemonic"], prefix or keys.DEFAULT_PREFIX)
