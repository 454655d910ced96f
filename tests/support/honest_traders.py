"""People who trade honestly on a localnet while a validator cheats, and who know afterwards what everything should have cost them.

Makers quote one step around a price that does not move, and cancel what they quoted before; takers take; a saver deposits. They use
three honest nodes. What became of it is read from the events of the decided blocks.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Self

import httpx

from node.client import messages
from node.client.client import Client
from node.client.errors import RequestFailedError, TxFailedError
from node.client.market import Market
from node.client.messages import TimeInForce
from node.client.wallet import Wallet
from node.tx.signer import sign_tx
from perpd_proto.dydxprotocol.clob import order_pb2
from support.broadcast import Address
from support.event_ledger import EventLedger, Values
from support.localnet import broadcast

MAKERS, TAKERS, SAVER = ("alice", "bob"), ("carol", "dave"), "erin"
DEPOSIT_QUOTE = 50_000 * 10**6
SAVED_QUOTE = 5 * 10**6
INTERVAL_SECONDS = 0.2
GOOD_BLOCKS = 15
MAKER_FEE_PPM, TAKER_FEE_PPM = 100, 500
"""Of the first tier, the highest there is."""


class Signer(NamedTuple):
    """One of them."""

    name: str
    wallet: Wallet
    number: int


class HonestTraders:
    """They trade from a thread of their own until the block ends."""

    def __init__(self, nodes: Sequence[dict[str, Any]], accounts: Sequence[dict[str, Any]], market: Market, middle_subticks: int) -> None:
        """`nodes` are the honest ones, `accounts` those of localnet.json."""
        self.market = market
        self.client = Client(nodes[0]["grpc"])
        self._addresses = [Address.of(node["rpc"]) for node in nodes]
        self._middle = middle_subticks
        wallets = {row["name"]: Wallet.from_mnemonic(row["mnemonic"]) for row in accounts}
        self.people = {
            name: Signer(name, wallets[name], self.client.latest.account(wallets[name].address).number)
            for name in (*MAKERS, *TAKERS, SAVER)
        }
        self.placed: dict[str, order_pb2.Order] = {}
        """Every order that was signed, by the name that events give it."""
        self.refused: dict[str, int] = {}
        self._client_ids = itertools.count(1)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="honest traders")
        self._turn = itertools.count()
        self._saving = ""
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        """Everyone has deposited."""
        for person in self.people.values():
            self.client.deposit(person.wallet, 0, DEPOSIT_QUOTE)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self.client.close()

    def _run(self) -> None:
        quotes: list[tuple[Signer, order_pb2.Order]] = []
        try:
            while not self._ending.wait(INTERVAL_SECONDS):
                height = self.client.height
                for person, order in quotes:
                    self._send(person, messages.cancel(order.order_id, good_til_block=height + GOOD_BLOCKS))
                quotes = [
                    (self.people[name], self._order(name, height, is_buy=is_buy, ticks=ticks, time_in_force=TimeInForce.POST_ONLY))
                    for ticks, name in enumerate(MAKERS, 1)
                    for is_buy in (True, False)
                ]
                for person, order in quotes:
                    self._send(person, messages.place(order))
                for place, name in enumerate(TAKERS):
                    is_buy = (next(self._turn) // 2 + place) % 2 == 0
                    order = self._order(name, height, is_buy=is_buy, ticks=-5, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
                    self._send(self.people[name], messages.place(order))
                self._save()
        except BaseException as error:  # noqa: BLE001 - the test asks for it
            self.error = error

    def _order(self, name: str, height: int, *, is_buy: bool, ticks: int, time_in_force: TimeInForce) -> order_pb2.Order:
        """`ticks` from the middle, away from the other side."""
        client_id = next(self._client_ids)
        offset = (-ticks if is_buy else ticks) * self.market.subticks_per_tick
        order = messages.order(
            self.market,
            self.people[name].wallet.address,
            0,
            client_id,
            is_buy=is_buy,
            quantums=(client_id % 5 + 1) * self.market.step_base_quantums,
            subticks=self._middle + offset,
            good_til_block=height + GOOD_BLOCKS,
            time_in_force=time_in_force,
        )
        self.placed[order_name(order.order_id)] = order
        return order

    def _send(self, person: Signer, sent: Any) -> None:
        raw = sign_tx(person.wallet.secret, [sent], account_number=person.number, sequence=0, chain_id=self.client.chain_id)
        result = broadcast(self._addresses[next(self._turn) % len(self._addresses)], raw)["result"]
        if result["code"]:
            name = f"{result['codespace']}/{result['code']}"
            self.refused[name] = self.refused.get(name, 0) + 1

    def _save(self) -> None:
        """One more deposit, if the one before is in a block."""
        saver = self.people[SAVER].wallet
        with suppress(TxFailedError, RequestFailedError):
            if not self._saving or self.client.latest.tx(self._saving):
                self._saving = self.client.broadcast(saver, messages.deposit(saver.address, 0, SAVED_QUOTE))


def order_name(order_id: order_pb2.OrderId) -> str:
    """As events name an order."""
    subaccount = order_id.subaccount_id
    return f"{subaccount.owner}/{subaccount.number}/{order_id.client_id}/{order_id.order_flags}/{order_id.clob_pair_id}"


class Told(NamedTuple):
    """What events tell."""

    ledger: EventLedger
    deposited: dict[str, int]
    """By owner."""
    fills: int
    wrong: list[str]
    """Sentences about fills that should not have been."""


def read_back(traders: HonestTraders, rpc: str, last: int) -> Told:
    """All blocks up to `last`: every fill is between an honest maker and an honest taker, at the price that the maker's order was
    signed for, of an order that had been placed and not cancelled before, and costs at most its fee.
    """
    told = Told(EventLedger([]), {}, 0, [])
    alive: dict[str, None] = {}
    fills = 0
    before: Values = {}
    for kind, values in _events(rpc, last):
        told.ledger.take(kind, values)
        if kind == "deposit_to_subaccount":
            owner = values["recipient"]
            told.deposited[owner] = told.deposited.get(owner, 0) + int(values["quantums"])
        elif kind == "order_placed":
            alive[values["order"]] = None
        elif kind in ("order_cancelled", "order_removed", "order_expired"):
            alive.pop(values["order"], None)
        elif kind == "match":
            before = values
        elif kind == "order_fill":
            fills += 1
            told.wrong.extend(_wrong_about(traders, before, values, rests=values["maker_order"] in alive))
    return told._replace(fills=fills)


def _wrong_about(traders: HonestTraders, match: Values, fill: Values, *, rests: bool) -> Iterator[str]:
    maker, taker = traders.placed.get(fill["maker_order"]), traders.placed.get(fill["taker_order"])
    if maker is None or taker is None:
        yield f"nobody honest has placed {fill['maker_order']} or {fill['taker_order']}"
        return
    if not rests:
        yield f"{fill['maker_order']} did not rest when it was filled"
    if int(fill["subticks"]) != maker.subticks:
        yield f"{fill['maker_order']} was for {maker.subticks} and filled at {fill['subticks']}"
    quantums = int(fill["quantums"])
    quote = traders.market.quote(quantums, maker.subticks)
    for side, order, fee_ppm in (("maker", maker, MAKER_FEE_PPM), ("taker", taker, TAKER_FEE_PPM)):
        sign = 1 if order.side == order_pb2.Order.SIDE_BUY else -1
        fee = int(match[f"{side}_order_fee_quote_quantums"])
        if not 0 <= fee <= quote * fee_ppm // 1_000_000 + 1:
            yield f"{fill[f'{side}_order']} paid {fee} for {quote}"
        if int(match[f"{side}_quote_balance_delta_quote_quantums"]) != -sign * quote - fee:
            yield f"{fill[f'{side}_order']} paid otherwise than {quote} and {fee}: {match}"
        if int(match[f"{side}_perpetual_quantums_delta_base_quantums"]) != sign * quantums:
            yield f"{fill[f'{side}_order']} received otherwise than {quantums}: {match}"


def _events(rpc: str, last: int) -> Iterator[tuple[str, Values]]:
    """Of blocks 1 to `last`, in the order in which they happened: `block_step` says where the block's own lie among its transactions'."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        for height in range(1, last + 1):
            found = client.get(f"{rpc}/block_results", params={"height": str(height)}).json()["result"]
            results = found["txs_results"] or []
            done = 0
            for event in found["finalize_block_events"] or []:
                values = _values(event)
                if event["type"] == "block_step":
                    until = int(values["after_transactions"])
                    yield from _of_results(results[done:until])
                    done = max(done, until)
                yield event["type"], values
            yield from _of_results(results[done:])


def _of_results(results: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Values]]:
    for result in results:
        for event in result["events"] or []:
            yield event["type"], _values(event)


def _values(event: dict[str, Any]) -> Values:
    return {attribute["key"]: attribute["value"] for attribute in event["attributes"]}
