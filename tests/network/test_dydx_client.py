"""dydx-v4-client 1.1.5 from PyPI, unmodified, trades on a real network of four validators: orders of every kind, and every query."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.kernel.codec import decode_signed
from modules.kernel.intmath import ppm_ceil
from node.client import messages
from node.client.client import Client
from node.client.market import Market
from node.client.queries import Queries
from node.toolchain import tools_directory
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as perpd_clob
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.event_ledger import EventLedger
from support.localnet import Localnet, localnet
from support.real_localnet import perpd, until

pytestmark = pytest.mark.network

HERE = Path(__file__).parent
SCRIPT = HERE / "dydx_client_script.py"
LOCK = HERE / "dydx_client.lock"
DENOM = "ibc/8E27BA2D5493AF5636760E354E46004562C46AB7EC0CC4C1CA14E9E20E2545B5"
DEPOSIT, WITHDRAWAL = 5_000_000_000, 1_000_000
BUILDER_PPM = 1_000
FIRST_PRICE = "50000"
TAKER_PPM, MAKER_PPM = 500, 100
"""Of the first tier of the localnet's genesis."""
INSTALL_SECONDS, SCRIPT_SECONDS = 600, 240

OPEN = perpd_clob.ORDER_STATUS_OPEN
UNTRIGGERED = perpd_clob.ORDER_STATUS_UNTRIGGERED
TRIGGERED = perpd_clob.ORDER_STATUS_TRIGGERED
FILLED = perpd_clob.ORDER_STATUS_FILLED
CANCELLED = perpd_clob.ORDER_STATUS_CANCELLED
EXPIRED = perpd_clob.ORDER_STATUS_EXPIRED
REMOVED = perpd_clob.ORDER_STATUS_REMOVED
TRANSACTION = perpd_clob.ORDER_CAUSE_TRANSACTION
CLOCK = perpd_clob.ORDER_CAUSE_CLOCK
ENGINE = perpd_clob.ORDER_CAUSE_ENGINE

TRADES = (
    # taker, maker, size, price, whether the taker buys
    ("market", "ask", "0.02", "50500", True),
    ("ioc", "ask", "0.01", "50500", True),
    ("reduces", "bid", "0.03", "49500", False),
    ("long_takes", "second_ask", "0.02", "50500", True),
    ("stop_loss", "bid", "0.02", "49500", False),
    ("market_again", "third_ask", "0.02", "47000", True),
    ("take_profit", "second_bid", "0.02", "47950", False),
    ("twap", "fourth_ask", "0.01", "48200", True),
    ("built", "fifth_ask", "0.01", "48200", True),
)
"""Every trade of the script, in its order. The takers are alice's, the makers bob's."""

ENDINGS = {
    "rests": (EXPIRED, "", "0", CLOCK),
    "post_only": (CANCELLED, "", "0", TRANSACTION),
    "post_only_crosses": (REMOVED, "POST_ONLY_WOULD_CROSS_MAKER_ORDER", "0", TRANSACTION),
    "market": (FILLED, "", "0.02", TRANSACTION),
    "ioc": (REMOVED, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK", "0.01", TRANSACTION),
    "reduces": (REMOVED, "REDUCE_ONLY_RESIZE", "0.03", TRANSACTION),
    "long_rests": (CANCELLED, "", "0", TRANSACTION),
    "long_takes": (CANCELLED, "", "0.02", TRANSACTION),
    "stop_loss": (FILLED, "", "0.02", ENGINE),
    "triggered_rests": (CANCELLED, "", "0", TRANSACTION),
    "never_triggered": (CANCELLED, "", "0", TRANSACTION),
    "market_again": (FILLED, "", "0.02", TRANSACTION),
    "take_profit": (FILLED, "", "0.02", ENGINE),
    "twap": (CANCELLED, "", "0.01", TRANSACTION),
    "built": (FILLED, "", "0.01", TRANSACTION),
    "first_of_three": (CANCELLED, "", "0", TRANSACTION),
    "second_of_three": (CANCELLED, "", "0", TRANSACTION),
    "third_of_three": (EXPIRED, "", "0", CLOCK),
    "ask": (FILLED, "", "0.03", TRANSACTION),
    "bid": (FILLED, "", "0.05", ENGINE),
    "second_ask": (FILLED, "", "0.02", TRANSACTION),
    "third_ask": (FILLED, "", "0.02", TRANSACTION),
    "second_bid": (FILLED, "", "0.02", ENGINE),
    "fourth_ask": (FILLED, "", "0.01", ENGINE),
    "fifth_ask": (FILLED, "", "0.01", TRANSACTION),
}
"""What has become of every order in the end: status, reason, how much of it has traded, and what ended it."""

SIGHTS = {
    "rests": {"rests": (OPEN, "0.01", "49000")},
    "replaced": {"rests": (OPEN, "0.02", "48900")},
    "post_only": {"post_only": (OPEN, "0.01", "51000")},
    "cancelled": {},
    "long_term": {"long_rests": (OPEN, "0.01", "48000"), "long_takes": (OPEN, "0.01", "50500")},
    "long_term_cancelled": {},
    "waiting": {
        "stop_loss": (UNTRIGGERED, "0.02", "46000"),
        "triggered_rests": (UNTRIGGERED, "0.01", "45000"),
        "never_triggered": (UNTRIGGERED, "0.01", "61000"),
    },
    "triggered": {"triggered_rests": (TRIGGERED, "0.01", "45000")},
    "take_profit": {"take_profit": (UNTRIGGERED, "0.02", "47900")},
    "twap": {"twap": (OPEN, "0.09", "48500")},
    "twap_cancelled": {},
    "three": {
        "first_of_three": (OPEN, "0.01", "47000"),
        "second_of_three": (OPEN, "0.01", "47001"),
        "third_of_three": (OPEN, "0.01", "47002"),
    },
    "batch_cancelled": {"third_of_three": (OPEN, "0.01", "47002")},
}
"""Alice's live orders when the script let the test look: status, what was left of each, price. The one that rests from the beginning
is left out after its own act: on a busy machine it may have expired."""


@pytest.fixture(scope="module")
def client_python() -> Path:
    """A Python with the client and exactly the locked packages, kept in the tools folder: its protobuf files collide with ours."""
    home = tools_directory() / "clients" / "dydx"
    home.parent.mkdir(parents=True, exist_ok=True)
    python = home / "bin" / "python"
    stamp = home / ".installed"
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    with (home.parent / "dydx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=True)
            command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
            done = subprocess.run([*command, "-r", str(LOCK)], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
            assert done.returncode == 0, f"the client could not be installed: {done.stderr[-2000:]}"
            stamp.write_text(wanted)
    return python


@dataclass(frozen=True, slots=True)
class Played:
    """A network on which the script has done everything that it does."""

    network: Localnet
    market: Market
    builder_before: int
    trade: dict[str, Any] = field(default_factory=dict)
    """What the client saw."""
    read: dict[str, str] = field(default_factory=dict)
    """What each of its queries answered."""
    sights: dict[str, list[perpd_clob.RestingOrder]] = field(default_factory=dict)
    """Alice's live orders at each point at which the script waited for a look."""

    def address(self, name: str) -> str:
        """Of an account of localnet.json."""
        return str(account(self.network, name)["address"])

    def order_id(self, name: str) -> order_pb2.OrderId:
        """Of an order of the script."""
        row = self.trade["orders"][name]
        return messages.order_id(self.market, row["owner"], 0, row["client_id"], row["flags"])

    def text(self, name: str) -> str:
        """The order's id as events have it; fills of a TWAP order are those of its slices, which have flags of their own."""
        row = self.trade["orders"][name]
        return f"{row['owner']}/0/{row['client_id']}/{256 if row['flags'] == messages.TWAP else row['flags']}/{self.market.clob_pair_id}"


def account(network: Localnet, name: str) -> dict[str, str]:
    """An entry of localnet.json."""
    return next(entry for entry in network.document["accounts"] if entry["name"] == name)


def set_price(network: Localnet, queries: Queries, market: Market, price: str) -> None:
    """The chain's price is that, set by the command for it."""
    perpd("oracle", "set", market.ticker, price, "--home", str(network.home.path))
    wanted = round(float(price) / 10**market.oracle_exponent)
    until(lambda: queries.oracle(market.oracle_market_id).price == wanted, f"the price {price}")


@pytest.fixture(scope="module")
def played(client_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The script has run, with prices set by hand. Questions go to another node than the one that the client used."""
    with (
        localnet(tmp_path_factory.mktemp("net") / "home", "--prices", "manual") as network,
        Client(network.nodes()[1]["grpc"]) as client,
    ):
        market = client.latest.market("BTC-USD")
        set_price(network, client.latest, market, FIRST_PRICE)
        played = Played(network, market, client.latest.balance(account(network, "carol")["address"], DENOM))
        perform(played, client.latest, client_python, tmp_path_factory.mktemp("script") / "stderr")
        yield played


def perform(played: Played, queries: Queries, client_python: Path, errors: Path) -> None:
    """Runs the script and answers what it asks for."""
    task = {
        "grpc": played.network.nodes()[0]["grpc"],
        "chain_id": played.network.chain_id,
        "denom": DENOM,
        "traders": {name: account(played.network, name) for name in ("alice", "bob")},
        "number": 0,
        "deposit": DEPOSIT,
        "withdraw": WITHDRAWAL,
        "builder": played.address("carol"),
        "builder_ppm": BUILDER_PPM,
        "oracle_market_id": played.market.oracle_market_id,
        "market": {
            "clobPairId": str(played.market.clob_pair_id),
            "atomicResolution": played.market.atomic_resolution,
            "quantumConversionExponent": played.market.quantum_conversion_exponent,
            "stepBaseQuantums": played.market.step_base_quantums,
            "subticksPerTick": played.market.subticks_per_tick,
        },
    }
    command, pipe = [str(client_python), "-I", str(SCRIPT)], subprocess.PIPE
    with errors.open("w") as stderr, subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=stderr, text=True) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        late = threading.Timer(SCRIPT_SECONDS, script.kill)
        late.start()
        try:
            print(json.dumps(task), file=script.stdin, flush=True)
            for line in script.stdout:
                said = json.loads(line)
                if "answer" in said:
                    played.trade.update(said["answer"]["trade"])
                    played.read.update(said["answer"]["read"])
                    break
                answer_question(played, queries, said)
                print("{}", file=script.stdin, flush=True)
        finally:
            late.cancel()
            if not played.trade:
                script.kill()
    assert played.trade, errors.read_text()[-4000:]


def answer_question(played: Played, queries: Queries, asked: dict[str, Any]) -> None:
    """Does what the script waits for."""
    if asked["ask"] == "price":
        set_price(played.network, queries, played.market, asked["price"])
    else:
        assert asked["ask"] == "look"
        played.network.wait_for_height(asked["height"], 1)
        played.sights[asked["name"]] = queries.orders(played.address("alice"), 0)


@pytest.fixture
def queries(played: Played) -> Iterator[Queries]:
    """Questions to another node than the one that the client used."""
    with Client(played.network.nodes()[1]["grpc"]) as client:
        yield client.latest


def events(queries: Queries, tx_hash: str, kind: str) -> list[dict[str, str]]:
    """Attributes of a transaction's events of one kind; the transaction succeeded."""
    found = queries.tx(tx_hash)
    assert found is not None
    assert found.tx_response.code == 0, found.tx_response.raw_log
    return [{row.key: row.value for row in event.attributes} for event in found.tx_response.events if event.type == kind]


@pytest.fixture(scope="module")
def block_events(played: Played) -> list[abci.Event]:
    """Every event of the chain up to a height that every node has, in the order in which they happened in their blocks' lists."""
    last = played.network.assert_one_state()
    found: list[abci.Event] = []
    with httpx.Client(base_url=played.network.nodes()[1]["rpc"], timeout=10, trust_env=False) as rpc:
        for height in range(1, last + 1):
            results = rpc.get("/block_results", params={"height": str(height)}).json()["result"]
            rows = list(results["finalize_block_events"] or [])
            for result in results["txs_results"] or []:
                rows += result["events"] or []
            for row in rows:
                event = abci.Event(type=row["type"])
                for attribute in row["attributes"]:
                    event.attributes.add(key=attribute["key"], value=attribute["value"])
                found.append(event)
    return found


def test_every_order_of_the_client_ended_as_it_should(played: Played, queries: Queries) -> None:
    """Status, reason, fills, and the transaction or step of a block that ended it, for all kinds; nothing is alive in the end."""
    orders = played.trade["orders"]
    assert set(orders) == set(ENDINGS) | {"without_condition"}
    found, expected = {}, {}
    for name, (status, reason, filled, cause) in ENDINGS.items():
        row = queries.order(played.order_id(name))
        assert row is not None, name
        found[name] = (row.status, row.reason, row.filled_quantums, row.cause, row.open)
        expected[name] = (status, reason, played.market.quantums(filled) if filled != "0" else 0, cause, False)
        assert row.placed_tx_hash.hex().upper() in orders[name]["txs"], name
        if "cancel" in orders[name]:
            assert row.tx_hash.hex().upper() == orders[name]["cancel"], name
    assert found == expected
    assert queries.order(played.order_id("without_condition")) is None
    assert queries.orders(played.address("alice"), 0) == []
    assert queries.orders(played.address("bob"), 0) == []


@pytest.mark.parametrize("name", SIGHTS)
def test_alices_orders_lived_as_they_should(played: Played, name: str) -> None:
    """At each point of the script: which of them there were, how they stood, what was left of them, at what price."""
    client_ids = {row["client_id"]: order for order, row in played.trade["orders"].items()}
    found = {
        client_ids[row.order.order_id.client_id]: (row.status, row.remaining_quantums, row.order.subticks) for row in played.sights[name]
    }
    expected = {
        order: (status, played.market.quantums(left), played.market.subticks(price))
        for order, (status, left, price) in SIGHTS[name].items()
    }
    if "rests" not in expected:
        found.pop("rests", None)
    assert found == expected


def test_a_replacement_takes_the_first_orders_place(played: Played, queries: Queries) -> None:
    """The second placement of the id removes the first and rests; it is the one that expires."""
    first, second = played.trade["orders"]["rests"]["txs"]
    assert [row["subticks"] for row in events(queries, first, "order_placed")] == [str(played.market.subticks("49000"))]
    assert events(queries, first, "order_removed") == []
    order = played.text("rests")
    assert events(queries, second, "order_removed") == [{"order": order, "reason": "REPLACED"}]
    (placed,) = events(queries, second, "order_placed")
    assert (placed["order"], placed["subticks"]) == (order, str(played.market.subticks("48900")))


def test_trades_are_exactly_those_that_the_orders_ask_for(played: Played, block_events: list[abci.Event]) -> None:
    """Who met whom, at whose price, for how much; everything else that the script did traded nothing."""
    fills = [{row.key: row.value for row in event.attributes} for event in block_events if event.type == "order_fill"]
    assert [(row["taker_order"], row["maker_order"], int(row["quantums"]), int(row["subticks"])) for row in fills] == [
        (played.text(taker), played.text(maker), played.market.quantums(size), played.market.subticks(price))
        for taker, maker, size, price, _ in TRADES
    ]


def test_conditions_are_met_at_the_price_that_was_set(played: Played, block_events: list[abci.Event]) -> None:
    """Two orders trigger at 46,900 and one at 48,100, in the order of their placement; the one that was cancelled never does."""
    found = [{row.key: row.value for row in event.attributes} for event in block_events if event.type == "conditional_triggered"]
    assert found == [
        {"order": played.text(name), "price_subticks": str(played.market.subticks(price))}
        for name, price in (("stop_loss", "46900"), ("triggered_rests", "46900"), ("take_profit", "48100"))
    ]


def test_a_stop_order_without_its_condition_is_refused(played: Played) -> None:
    """The client's helper leaves the condition out where the caller does not name it; the code says so."""
    assert played.trade["without_condition"] == "clob/6000"


def test_a_twap_order_works_in_slices(played: Played, queries: Queries, block_events: list[abci.Event]) -> None:
    """Flags 128 and parameters that the client's protobuf does not know arrive whole; one slice of ten has come."""
    (placed,) = events(queries, played.trade["orders"]["twap"]["txs"][0], "twap_placed")
    assert (placed["duration"], placed["interval"], placed["tolerance_ppm"]) == ("300", "30", "10000")
    slices = [{row.key: row.value for row in event.attributes} for event in block_events if event.type == "twap_slice"]
    quantums = played.market.quantums("0.1")
    assert [(row["remaining_legs"], row["remaining_quantums"], row["slice_quantums"]) for row in slices] == [
        ("9", str(quantums), str(quantums // 10))
    ]
    (seen,) = played.sights["twap"]
    assert seen.remaining_legs == 9


def test_a_builder_is_paid(played: Played, queries: Queries) -> None:
    """Its bank account has received its part of the one fill; a code under the number of older protobufs is an error, not passed over."""
    quote = played.market.quote(played.market.quantums("0.01"), played.market.subticks("48200"))
    assert queries.balance(played.address("carol"), DENOM) == played.builder_before + ppm_ceil(quote, BUILDER_PPM)
    assert played.trade["old_builder_code"] == "sdk/2"


def test_a_batch_cancel_ends_what_it_names(played: Played, queries: Queries) -> None:
    """Two orders that rested are gone by it, an id that no order has is held off, and the third order was left alone."""
    found = events(queries, played.trade["batch_cancel"], "order_cancelled")
    assert [row["removed"] for row in found] == ["true", "true", "false"]
    assert [row["order"] for row in found[:2]] == [played.text("first_of_three"), played.text("second_of_three")]
    for name in ("first_of_three", "second_of_three"):
        row = queries.order(played.order_id(name))
        assert row is not None
        assert row.tx_hash.hex().upper() == played.trade["batch_cancel"]


def test_money_moves_exactly_as_the_trades_say(played: Played, queries: Queries, block_events: list[abci.Event]) -> None:
    """Both traders' collateral and positions: deposits, withdrawal, trades, fees, the builder's, funding; money also from events alone."""
    ledger = EventLedger([])
    ledger.read(block_events)
    alice, bob = (played.address("alice"), 0), (played.address("bob"), 0)
    paid = funding_paid(block_events)
    expected = {alice: DEPOSIT - WITHDRAWAL - paid.get(alice, 0), bob: DEPOSIT - paid.get(bob, 0)}
    sizes = dict.fromkeys((alice, bob), 0)
    for taker, _, size, price, buys in TRADES:
        quote = played.market.quote(played.market.quantums(size), played.market.subticks(price))
        sign = 1 if buys else -1
        builder = ppm_ceil(quote, BUILDER_PPM) if taker == "built" else 0
        expected[alice] -= sign * quote + ppm_ceil(quote, TAKER_PPM) + builder
        expected[bob] += sign * quote - ppm_ceil(quote, MAKER_PPM)
        sizes[alice] += sign * played.market.quantums(size)
        sizes[bob] -= sign * played.market.quantums(size)
    assert sizes[alice] == played.market.quantums("0.02")
    assert {who: ledger.collateral[who] for who in expected} == expected
    assert {who: ledger.size(who, played.market.perpetual_id) for who in sizes} == sizes
    for who, collateral in expected.items():
        assert stored_collateral(queries, *who) == collateral
        assert queries.risk(*who).position(played.market.perpetual_id) == sizes[who]
    conserved = queries.conservation()
    assert conserved.supply_matches
    assert all(pool.matches for pool in conserved.pools)


def funding_paid(block_events: list[abci.Event]) -> dict[tuple[str, int], int]:
    """By subaccount, from the events."""
    found: dict[tuple[str, int], int] = {}
    for event in block_events:
        if event.type == "settled_funding":
            row = {attribute.key: attribute.value for attribute in event.attributes}
            who = row["subaccount"], int(row["subaccount_number"])
            found[who] = found.get(who, 0) + int(row["funding_paid_quote_quantums"])
    return found


def stored_collateral(queries: Queries, owner: str, number: int) -> int:
    """As state has it, funding not settled since the last change."""
    (asset,) = queries.subaccount(owner, number).asset_positions
    return decode_signed(asset.quantums)


def test_deposit_and_withdrawal_move_exactly_that_money(played: Played, queries: Queries) -> None:
    """The bank balance, less the fees that the client itself offered; orders are free."""
    trade = played.trade
    fees = 0
    for tx_hash in (trade["deposit"], trade["withdrawal"]):
        found = queries.tx(tx_hash)
        assert found is not None
        fees += sum(int(coin.amount) for coin in found.tx.auth_info.fee.amount if coin.denom == DENOM)
    assert fees > 0
    assert int(trade["balance_after"]) == int(trade["balance_before"]) - DEPOSIT + WITHDRAWAL - fees
    assert queries.balance(played.address("alice"), DENOM) == int(trade["balance_after"])


def test_the_client_reads_its_subaccount(played: Played, queries: Queries) -> None:
    """The same collateral and position that our query says, in the wire's own bytes."""
    subaccount = queries.subaccount(played.address("alice"), 0)
    assert played.trade["subaccount"] == {
        "owner": played.address("alice"),
        "number": 0,
        "assets": [[0, subaccount.asset_positions[0].quantums.hex()]],
        "perpetuals": [[played.market.perpetual_id, subaccount.perpetual_positions[0].quantums.hex()]],
    }
    assert decode_signed(subaccount.perpetual_positions[0].quantums) == played.market.quantums("0.02")


def test_every_query_of_the_client_is_answered(played: Played) -> None:
    """Also those about modules that this chain does not have."""
    assert played.read
    assert {name: answer for name, answer in played.read.items() if answer.startswith("failed")} == {}
