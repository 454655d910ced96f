import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.localnet import control
from perpd_proto.dydxprotocol.prices import query_pb2
from support.real_localnet import RealLocalnet, perpd, processes_of, real_localnet, until

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLocalnet]:
    """Four real validators, shared by the tests of this file, which leave it running."""
    with real_localnet(tmp_path_factory.mktemp("net") / "home", "--prices", "manual") as found:
        yield found


def prices(network: RealLocalnet, node: int) -> dict[int, int]:
    """The chain's prices as this node answers them."""
    answer = query_pb2.QueryAllMarketPricesResponse.FromString(network.query(node, "/dydxprotocol.prices.Query/AllMarketPrices"))
    return {price.id: price.price for price in answer.market_prices}


def test_four_validators_make_blocks_and_compute_the_same_state(network: RealLocalnet) -> None:
    """Each application's own app hash for a block, not the one that the engine agreed on."""
    network.wait_for_height(6)
    for height in range(1, 6):
        assert len(set(network.app_hashes_at(height))) == 1
    assert len(network.nodes()) == 4


def test_price_set_by_hand_becomes_the_chains_price_through_the_votes(network: RealLocalnet) -> None:
    """All four feeders report it, so the median is it, exactly, on every node."""
    perpd("oracle", "set", "BTC-USD", "42000.5", "--home", str(network.home.path))
    until(lambda: all(prices(network, node)[0] == 4_200_050_000 for node in range(4)), "the price on every node")


def test_killed_processes_come_back_and_the_network_goes_on(network: RealLocalnet) -> None:
    """kill -9 of one perpd and of another node's CometBFT: no block is lost, both rejoin with the same state, and the log says why."""
    before = max(network.height(node) for node in range(4))
    first, second = (network.nodes()[node]["pids"] for node in (1, 2))
    os.kill(first["perpd"], signal.SIGKILL)
    os.kill(second["cometbft"], signal.SIGKILL)
    until(lambda: network.nodes()[1]["pids"].get("perpd", first["perpd"]) != first["perpd"], "perpd of node 1 again")
    until(lambda: network.nodes()[2]["pids"].get("cometbft", second["cometbft"]) != second["cometbft"], "cometbft of node 2 again")
    network.wait_for_height(before + 15)
    assert len(set(network.app_hashes_at(before + 10))) == 1
    log = network.home.log_file.read_text()
    assert "node1/perpd was ended by SIGKILL" in log
    assert "node2/cometbft was ended by SIGKILL" in log


def test_stopped_network_leaves_nothing_and_continues_where_it_was(network: RealLocalnet) -> None:
    """`down` ends every process; `up` on the same home goes on with the next block of the same chain."""
    begin = network.rpc(0, "block", height="1")["block_id"]["hash"]
    before = max(network.height(node) for node in range(4))
    home = network.home.path
    assert perpd("localnet", "down", "--home", str(home)) == {"stopped": True}
    assert processes_of(home) == []
    assert control.status(network.home)["running"] is False
    perpd("localnet", "up", "--home", str(home), "--detach")
    network.wait_for_height(before + 3)
    assert {network.rpc(node, "block", height="1")["block_id"]["hash"] for node in range(4)} == {begin}
    assert len(set(network.app_hashes_at(before + 2))) == 1


def test_second_localnet_runs_beside_the_first(network: RealLocalnet, tmp_path: Path) -> None:
    """One validator, on addresses of its own, found without being told."""
    with real_localnet(tmp_path, "--validators", "1", "--chain-id", "other-1", "--prices", "manual") as other:
        assert other.nodes()[0]["rpc"] not in {node["rpc"] for node in network.nodes()}
        assert other.rpc(0, "status")["node_info"]["network"] == "other-1"
        goal = network.height(0) + 2
        network.wait_for_height(goal)
    assert processes_of(tmp_path) == []
