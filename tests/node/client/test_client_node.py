"""The client against a real application: money moves, orders match, failures are told as they are."""

import socket
import time
from collections.abc import Iterator
from hashlib import sha256

import pytest

from modules.kernel.codec import decode_signed
from node.client import messages
from node.client.amounts import usdc
from node.client.client import Client
from node.client.connection import Connection
from node.client.errors import RequestFailedError, TxFailedError
from node.client.market import Market
from node.client.messages import TimeInForce
from node.client.outcome import order_outcome
from node.client.queries import Queries
from node.client.wallet import Wallet
from node.failure import Failure
from node.tx.signer import sign_tx
from perpd_proto.perpd.clob.v1 import query_pb2 as perpd_clob
from support.single_node import BTC_PRICE, CHAIN_ID, SingleNode, single_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    """A chain with the markets and accounts of a localnet."""
    with single_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(scope="module")
def client(node: SingleNode) -> Iterator[Client]:
    """Connected to it."""
    with Client(node.address) as client:
        yield client


@pytest.fixture(scope="module")
def market(client: Client) -> Market:
    """BTC-USD as the chain describes it."""
    return client.latest.market("btc-usd")


@pytest.fixture
def traders(client: Client, node: SingleNode, request: pytest.FixtureRequest) -> tuple[Wallet, Wallet, int]:
    """Two wallets with 10,000 USDC each in a subaccount that no other test uses."""
    number = 1 + int.from_bytes(sha256(request.node.name.encode()).digest()[:2], "big")
    for name in ("alice", "bob"):
        client.deposit(node.wallet(name), number, usdc("10000"))
    return node.wallet("alice"), node.wallet("bob"), number


def resting(market: Market, wallet: Wallet, number: int, client_id: int, *, is_buy: bool, price: str = "47000") -> object:
    """A long-term order of 0.1 BTC."""
    return messages.order(
        market,
        wallet.address,
        number,
        client_id,
        is_buy=is_buy,
        quantums=market.quantums("0.1"),
        subticks=market.subticks(price),
        good_til_seconds=int(time.time()) + 600,
    )


def test_the_market_is_the_chains_own(client: Client, market: Market) -> None:
    """Everything that converting a size or a price needs."""
    pair = next(row for row in client.latest.clob_pairs() if row.id == market.clob_pair_id)
    assert (market.ticker, market.step_base_quantums, market.subticks_per_tick) == (
        "BTC-USD",
        pair.step_base_quantums,
        pair.subticks_per_tick,
    )
    assert market.shown_oracle_price(client.latest.oracle(market.oracle_market_id).price) == "47319"
    assert market.subticks_near(BTC_PRICE, 0) == market.subticks("47319")
    with pytest.raises(Failure, match=r"NO-USD is no market of this chain; its markets are BTC-USD, ETH-USD, SOL-USD"):
        client.latest.market("NO-USD")


def test_money_goes_in_across_and_out_again(client: Client, node: SingleNode) -> None:
    """Deposit, transfer, withdrawal and a bank send, each to the quantum."""
    alice, bob, denom = node.wallet("alice"), node.wallet("bob"), client.latest.usdc_denom()
    before = client.latest.balance(alice.address, denom), client.latest.balance(bob.address, denom)
    client.deposit(alice, 90_000, usdc("12.5"))
    client.transfer(alice, 90_000, bob.address, 90_001, usdc("2.25"))
    client.withdraw(bob, 90_001, usdc("1.000001"))
    included = client.send_coins(alice, bob.address, denom, 7)
    assert client.latest.risk(alice.address, 90_000).settled_collateral == usdc("10.25")
    assert client.latest.risk(bob.address, 90_001).settled_collateral == usdc("1.249999")
    after = client.latest.balance(alice.address, denom), client.latest.balance(bob.address, denom)
    assert (after[0] - before[0], after[1] - before[1]) == (-usdc("12.5") - 7, usdc("1.000001") + 7)
    assert client.at(included.height - 1).balance(bob.address, denom) == after[1] - 7
    assert client.latest.balances(alice.address)[denom] == after[0]


def test_an_order_rests_matches_and_is_told_by_events(client: Client, market: Market, traders: tuple[Wallet, Wallet, int]) -> None:
    """A maker, and a taker that meets half of it."""
    alice, bob, number = traders
    maker = resting(market, alice, number, 1, is_buy=False)
    placed = order_outcome(maker.order_id, client.place(alice, maker))
    assert (placed.fills, placed.rests, placed.reason) == ((), True, "")
    taker = messages.order(
        market,
        bob.address,
        number,
        2,
        is_buy=True,
        quantums=market.quantums("0.04"),
        subticks=market.subticks("47100"),
        good_til_block=client.height + 10,
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
    )
    included = client.place(bob, taker)
    outcome = order_outcome(taker.order_id, included)
    assert [(fill.quantums, fill.subticks) for fill in outcome.fills] == [(market.quantums("0.04"), market.subticks("47000"))]
    assert (outcome.filled_quantums, outcome.rests) == (market.quantums("0.04"), False)
    assert client.latest.risk(bob.address, number).position(market.perpetual_id) == market.quantums("0.04")
    assert client.latest.risk(alice.address, number).position(market.perpetual_id) == -market.quantums("0.04")
    (left,) = client.latest.orders(alice.address, number)
    assert left.remaining_quantums == market.quantums("0.06")
    assert [(row.subticks, row.quantums) for row in client.latest.book(market.clob_pair_id).asks] == [
        (market.subticks("47000"), market.quantums("0.06"))
    ]
    known = client.latest.order(maker.order_id)
    assert known is not None
    assert (known.open, known.filled_quantums) == (True, market.quantums("0.04"))
    client.cancel(alice, maker.order_id, good_til_seconds=maker.good_til_block_time)
    assert client.latest.orders(alice.address, number) == []
    known = client.latest.order(maker.order_id)
    assert known is not None
    assert (known.open, known.status, known.filled_quantums) == (False, perpd_clob.ORDER_STATUS_CANCELLED, market.quantums("0.04"))


def test_an_order_that_ends_says_why(client: Client, market: Market, traders: tuple[Wallet, Wallet, int]) -> None:
    """A remainder that may not rest is accepted, ends, and says its reason."""
    _, bob, number = traders
    order = messages.order(
        market,
        bob.address,
        number,
        3,
        is_buy=True,
        quantums=market.quantums("0.1"),
        subticks=market.subticks("100"),
        good_til_block=client.height + 10,
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
    )
    outcome = order_outcome(order.order_id, client.place(bob, order))
    assert (outcome.filled_quantums, outcome.rests) == (0, False)
    assert outcome.reason == "immediate or cancel would rest on book"


def test_short_term_orders_are_cancelled_in_a_batch(client: Client, market: Market, traders: tuple[Wallet, Wallet, int]) -> None:
    """Both are gone with one transaction."""
    alice, _, number = traders
    until = client.height + 30
    for client_id in (5, 6):
        order = messages.order(
            market,
            alice.address,
            number,
            client_id,
            is_buy=True,
            quantums=market.quantums("0.01"),
            subticks=market.subticks("40000"),
            good_til_block=until,
        )
        client.place(alice, order)
    assert len(client.latest.orders(alice.address, number)) == 2
    client.batch_cancel(alice, number, [(market, (5, 6))], until)
    assert client.latest.orders(alice.address, number) == []


def test_what_fails_in_a_block_has_its_code_and_height(client: Client, node: SingleNode) -> None:
    """Withdrawing more than there is: the registered code of the module."""
    with pytest.raises(TxFailedError) as failed:
        client.withdraw(node.wallet("carol"), 0, 1)
    assert failed.value.height == client.height
    assert (failed.value.codespace, failed.value.code) == ("subaccounts", 102)
    assert "failed in block" in str(failed.value)


def test_what_the_check_refuses_never_reaches_a_block(client: Client, node: SingleNode) -> None:
    """A sequence that was used, and a wrong chain id."""
    dave, height = node.wallet("dave"), client.height
    account = client.latest.account(dave.address)
    deposit = messages.deposit(dave.address, 0, 1)
    ahead = sign_tx(dave.secret, [deposit], account_number=account.number, sequence=account.sequence + 5, chain_id=CHAIN_ID)
    with pytest.raises(TxFailedError) as wrong_sequence:
        client.broadcast_raw(ahead)
    assert (wrong_sequence.value.codespace, wrong_sequence.value.code, wrong_sequence.value.height) == ("sdk", 32, 0)
    elsewhere = sign_tx(dave.secret, [deposit], account_number=account.number, sequence=account.sequence, chain_id="other")
    with pytest.raises(TxFailedError) as wrong_chain:
        client.broadcast_raw(elsewhere)
    assert (wrong_chain.value.codespace, wrong_chain.value.code) == ("sdk", 4)
    assert client.height == height


def test_simulation_changes_nothing_and_says_the_gas(client: Client, node: SingleNode) -> None:
    """What it says is what the real one uses, within its size."""
    erin = node.wallet("erin")
    message = messages.deposit(erin.address, 3, usdc("5"))
    simulated = client.simulate(erin, message)
    assert client.latest.risk(erin.address, 3).settled_collateral == 0
    used = client.send(erin, message).response.gas_used
    assert simulated.gas_info.gas_used == used > 0
    assert [row.type_url for row in simulated.result.msg_responses] == ["/dydxprotocol.sending.MsgDepositToSubaccountResponse"]


def test_the_books_add_up_at_any_kept_height(client: Client, traders: tuple[Wallet, Wallet, int]) -> None:
    """Conservation, insurance and subaccounts read at one height."""
    height = client.height
    pinned: Queries = client.at(height)
    report = pinned.conservation()
    assert (report.height, report.supply_matches, all(pool.matches for pool in report.pools)) == (height, True, True)
    total = sum(decode_signed(asset.quantums) for row in pinned.subaccounts() for asset in row.asset_positions)
    assert total == decode_signed(report.pools[0].collateral) > 0
    assert pinned.balance(pinned.pool_address(0), pinned.usdc_denom()) == decode_signed(report.pools[0].bank_balance)
    assert pinned.insurance() == {"insurance_fund": 10**12}
    assert pinned.status().height == height
    assert pinned.app_hash()[0] == height


def test_a_question_that_cannot_be_answered_has_its_status(client: Client, node: SingleNode) -> None:
    """No such account, a height of the future, no node at all."""
    with pytest.raises(RequestFailedError) as missing:
        client.latest.account("dydx1mkkvp26dngu6n8rmalaxyp3gwkjuzztq5zx6tr")
    assert missing.value.status == "NOT_FOUND"
    with pytest.raises(RequestFailedError, match="future") as future:
        client.at(10_000_000).status()
    assert future.value.status == "INVALID_ARGUMENT"
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        with Client(address) as nobody, pytest.raises(RequestFailedError, match=f"no node answers at {address}"):
            nobody.latest.status()


def test_a_transaction_that_never_comes_is_a_plain_failure(client: Client) -> None:
    """Waiting has an end."""
    assert client.latest.tx("00" * 32) is None
    with pytest.raises(Failure, match=r"is in no block after 0\.1 seconds"):
        client.wait("00" * 32, timeout_seconds=0.1)


def test_blocks_come_from_the_engine(client: Client) -> None:
    """Latest, by height, and none in the future."""
    assert client.latest.block().block.header.height == client.height
    assert client.latest.block(2).block.header.chain_id == CHAIN_ID
    with pytest.raises(RequestFailedError, match="must be less than or equal"):
        client.latest.block(10_000)


def test_a_wallet_shows_its_address_and_never_its_key(node: SingleNode) -> None:
    """The published vector of client-surface.md 3.2; a phrase with a wrong word is refused."""
    faucet = node.wallet("faucet")
    assert faucet.address == "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
    assert repr(faucet) == f"Wallet({faucet.address})"
    assert Wallet.from_mnemonic("  " + "\n".join(node.accounts[0].mnemonic.split())) == faucet
    with pytest.raises(Failure, match="no English BIP-39 phrase"):
        Wallet.from_mnemonic("merge panther")


def test_a_connection_ends(node: SingleNode) -> None:
    """Calls on a closed connection are refused by gRPC itself."""
    connection = Connection(node.address)
    connection.close()
    with pytest.raises(ValueError, match="closed channel"):
        Queries(connection).status()
