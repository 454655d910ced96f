"""Four real validators trade (the network test of the fast suite): blocks, fills, prices, one state, garbage; and mainnet's markets."""

import itertools
import random
import socket
import statistics
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import grpc
import httpx
import pytest

from node.abci.framing import encode_frame
from node.client import messages
from node.client.connection import Connection
from node.client.queries import Queries
from node.client.wallet import Wallet
from node.localnet.watch import block_seconds
from node.query.services.absent import absent_routes
from node.tx.signer import sign_tx
from node.wiring import Wiring
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.broadcast import Address
from support.localnet import Localnet, assert_replays, broadcast, localnet
from support.real_localnet import until

pytestmark = pytest.mark.network

MAINNET = Path(__file__).parents[2] / "genesis" / "mainnet-markets.json"
DEPOSIT_QUOTE = 50_000 * 10**6
STEPS = 3


@pytest.fixture
def network(shared_localnet: Localnet) -> Localnet:
    """The shared one; everything here leaves it running."""
    return shared_localnet


class Desk:
    """Accounts of a localnet that sign by themselves and send through `broadcast_tx_sync`."""

    def __init__(self, network: Localnet) -> None:
        self._network = network
        self._connection = Connection(network.nodes()[0]["grpc"])
        self.latest = Queries(self._connection)
        self.wallets = {row["name"]: Wallet.from_mnemonic(row["mnemonic"]) for row in network.document["accounts"]}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, name: str, sent: Any, node: int = 0) -> Any:
        """The result of a transaction that has succeeded in a block, taken in by that node."""
        wallet = self.wallets[name]
        account = self.latest.account(wallet.address)
        tx = sign_tx(wallet.secret, [sent], account_number=account.number, sequence=account.sequence, chain_id=self._network.chain_id)
        checked = broadcast(self._network.addresses[node], tx)["result"]
        assert checked["code"] == 0, checked
        until(lambda: self.latest.tx(checked["hash"]), f"{name}'s transaction in a block")
        found = self.latest.tx(checked["hash"])
        assert found is not None
        assert found.tx_response.code == 0, found.tx_response.raw_log
        return found.tx_response

    def deposit(self, *names: str) -> None:
        """Each has DEPOSIT_QUOTE in subaccount 0."""
        for name in names:
            self.send(name, messages.deposit(self.wallets[name].address, 0, DEPOSIT_QUOTE))

    def trade(self, ticker: str, buyer: str, seller: str, client_id: int) -> int:
        """The buyer's long-term bid fills the seller's offer, which came in through another node; base quantums of the buyer's position."""
        market = self.latest.market(ticker)
        oracle_price = self.latest.oracle(market.oracle_market_id).price
        subticks = market.subticks_near(oracle_price, 0)
        good_til_seconds = int(block_seconds(self._network.rpc(0, "status")["sync_info"]["latest_block_time"])) + 600
        before = self.latest.risk(self.wallets[buyer].address, 0).position(market.perpetual_id)
        for name, is_buy, node in ((seller, False, 2), (buyer, True, 3)):
            order = messages.order(
                market,
                self.wallets[name].address,
                0,
                client_id,
                is_buy=is_buy,
                quantums=STEPS * market.step_base_quantums,
                subticks=subticks,
                good_til_seconds=good_til_seconds,
            )
            response = self.send(name, messages.place(order), node)
        assert [event.type for event in response.events].count("match") == 1
        position = self.latest.risk(self.wallets[buyer].address, 0).position(market.perpetual_id)
        assert position == before + STEPS * market.step_base_quantums
        return position


def header_times(network: Localnet, first: int, last: int) -> list[float]:
    """Times of these blocks by their headers, unix seconds."""
    found: list[float] = []
    for begin in range(first, last + 1, 20):
        rows = network.rpc(0, "blockchain", minHeight=str(begin), maxHeight=str(min(begin + 19, last)))["block_metas"]
        found += [block_seconds(row["header"]["time"]) for row in reversed(rows)]
    return found


def test_localnet_json_says_where_everything_is(network: Localnet) -> None:
    """The shape that scripts rely on (design.md section 7): nodes that answer, processes that run, accounts with their keys, prices."""
    document = network.document
    assert set(document) == {"chain_id", "nodes", "accounts", "prices"}
    assert document["chain_id"] == network.rpc(0, "status")["node_info"]["network"]
    assert [node["name"] for node in document["nodes"]] == ["node0", "node1", "node2", "node3"]
    for node in document["nodes"]:
        assert set(node) == {"name", "rpc", "grpc", "metrics", "home", "pids"}
        assert set(node["pids"]) == {"perpd", "cometbft"}
        assert all(Path(f"/proc/{pid}").is_dir() for pid in node["pids"].values())
        assert Path(node["home"], "config", "genesis.json").is_file()
        assert httpx.get(node["metrics"], trust_env=False).status_code == 200
        with socket.create_connection(Address.of(f"http://{node['grpc']}"), timeout=5):
            pass
    for account in document["accounts"]:
        assert set(account) == {"name", "address", "mnemonic"}
        assert Wallet.from_mnemonic(account["mnemonic"]).address == account["address"]
    assert document["prices"].startswith("recorded:")


def test_a_deposit_and_crossing_orders_fill_on_four_validators(network: Localnet) -> None:
    """Signed here, sent to different nodes through `broadcast_tx_sync`; every node tells the same position."""
    with Desk(network) as desk:
        desk.deposit("alice", "bob")
        position = desk.trade("BTC-USD", "alice", "bob", 1)
        alice = desk.wallets["alice"].address
        height = network.assert_one_state()
    for node in network.nodes():
        with_node = Connection(node["grpc"])
        try:
            assert Queries(with_node, height).risk(alice, 0).position(0) == position
        finally:
            with_node.close()


def test_recorded_prices_move_bitcoin(network: Localnet) -> None:
    """The replayed day goes through feeders, votes and preambles into the chain's price."""
    with Desk(network) as desk:
        first = desk.latest.oracle(0).price
        assert first > 0
        until(lambda: desk.latest.oracle(0).price != first, "another price of BTC-USD")


def test_blocks_come_several_times_a_second(network: Localnet) -> None:
    """Loosely, as the machine may be busy: the median distance of 40 headers' times is neither that of a burst nor of a stall."""
    network.wait_for_height(42)
    times = header_times(network, 2, 42)
    assert len(times) == 41
    assert times == sorted(set(times))
    assert 0.05 < statistics.median(after - before for before, after in itertools.pairwise(times)) < 5


def test_random_bytes_crash_no_node(network: Localnet) -> None:
    """On the ABCI socket, on gRPC, and as transactions and queries of the RPC: every process lives on, blocks go on, one state."""
    rng = random.Random(5)
    pids = network.pids()
    before = network.highest()
    for node in range(4):
        spoil_abci(network, node, rng)
        spoil_grpc(network, node, rng)
        spoil_rpc(network.addresses[node], rng)
    network.wait_for_height(before + 5)
    network.assert_one_state()
    assert network.pids() == pids
    assert "exited with code" not in network.journal()
    assert "was ended by" not in network.journal()


def spoil_abci(network: Localnet, node: int, rng: random.Random) -> None:
    """Connections beside the engine's own that send garbage, half frames, spoiled requests, and leave."""
    harmless = [
        abci.Request(echo=abci.RequestEcho(message="hello")),
        abci.Request(check_tx=abci.RequestCheckTx(tx=rng.randbytes(50))),
        abci.Request(query=abci.RequestQuery(path="/store/bank/key", data=rng.randbytes(8))),
        abci.Request(load_snapshot_chunk=abci.RequestLoadSnapshotChunk(height=9)),
    ]
    for attempt in range(12):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(network.home.node(node).socket))
            if attempt % 3 == 0:
                data = b"\xff" * 4 + rng.randbytes(rng.randint(1, 4_000))
            elif attempt % 3 == 1:
                data = encode_frame(b"\xfa\x7f" + rng.randbytes(rng.randint(1, 400)))  # no call has this number
            else:
                frame = encode_frame(rng.choice(harmless).SerializeToString())
                data = frame * rng.randint(1, 5) + frame[: rng.randrange(len(frame))]
            with suppress(OSError):  # it may be shut out before it has said everything
                connection.sendall(data)
                if attempt % 2:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4_096):
                        pass


def spoil_grpc(network: Localnet, node: int, rng: random.Random) -> None:
    """Random bytes as a connection, and as the request of every query and service that there is; an answer or an error, never silence."""
    address = network.nodes()[node]["grpc"]
    for _ in range(3):
        with socket.create_connection(Address.of(f"http://{address}"), timeout=5) as connection, suppress(OSError):
            connection.sendall(rng.randbytes(500))
    paths = [route.path for route in (*Wiring().queries, *absent_routes())]
    paths += [f"/cosmos.tx.v1beta1.Service/{name}" for name in ("BroadcastTx", "GetTx", "Simulate", "GetTxsEvent")]
    with grpc.insecure_channel(address) as channel:
        for path in paths:
            call = channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
            for size in (0, 3, 40):
                with suppress(grpc.RpcError):
                    call(rng.randbytes(size), timeout=20)


def spoil_rpc(address: Address, rng: random.Random) -> None:
    """Random transactions, each refused with a code, and random queries."""
    for method in ("broadcast_tx_sync", "broadcast_tx_async", "broadcast_tx_sync"):
        answer = broadcast(address, rng.randbytes(rng.choice([1, 60, 3_000])), method)
        assert answer["result"]["code"] == (0 if method == "broadcast_tx_async" else 2)
    huge = broadcast(address, rng.randbytes(70_000))
    assert "Tx too large" in huge["error"]["data"]
    base = f"http://{address.host}:{address.port}"
    for path in ("/store/clob/key", "/dydxprotocol.subaccounts.Query/SubaccountAll", "x" * 500, "/cosmos.tx.v1beta1.Service/Simulate"):
        parameters = {"path": f'"{path}"', "data": f"0x{rng.randbytes(30).hex()}", "prove": "true"}
        assert httpx.get(f"{base}/abci_query", params=parameters, trust_env=False, timeout=20).status_code == 200


def test_a_new_application_comes_to_the_same_hashes_from_the_blocks_alone(network: Localnet, tmp_path: Path) -> None:
    """Everything above is executed again in this process, block by block: each app hash is the one in the network's next header."""
    assert_replays(network, tmp_path, network.assert_one_state() - 1)


def test_mainnets_markets_boot_and_trade(tmp_path: Path) -> None:
    """All perpetuals of the reference's mainnet, priced and active; an order fills in one of them."""
    with localnet(tmp_path / "home", "--genesis", str(MAINNET), "--prices", "simulated:7") as mainnet, Desk(mainnet) as desk:
        markets = desk.latest.markets()
        assert len(markets) > 30
        assert all(desk.latest.oracle(market.oracle_market_id).price for market in markets)
        desk.deposit("carol", "dave")
        desk.trade("ETH-USD", "carol", "dave", 1)
        mainnet.assert_one_state()
