"""Nothing committed is ever lost (P5): kill -9 of programs, engines, nodes and of everything, under load, on four real validators."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.localnet import files
from support import load
from support.localnet import KINDS, PEOPLE, Localnet, Traffic, assert_replays, localnet, traders_genesis
from support.real_localnet import perpd, processes_of, until

pytestmark = [pytest.mark.network, pytest.mark.slow]

SEED = 20
ENGINE_KILLS, APPLICATION_KILLS = 20, 8


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localnet]:
    """Four validators whose genesis has traders; each test leaves all four at work, and the last one looks at everything they did."""
    directory = tmp_path_factory.mktemp("crash")
    genesis = traders_genesis(directory, load.traders(PEOPLE))
    with localnet(directory / "home", "--genesis", str(genesis)) as found:
        yield found


def traffic(network: Localnet) -> Traffic:
    """Crossing orders at some thirty a second."""
    return Traffic(network, load.traders(PEOPLE))


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_goes_on_without_a_killed_program_and_its_node_rejoins_by_itself(network: Localnet, kind: str) -> None:
    """kill -9 under load: the other three decide blocks with fills meanwhile; the node comes back to the same state; the log says why."""
    with traffic(network) as sent:
        first = network.highest()
        pid = network.kill(1, kind)
        network.wait_for_height(first + 5, 0, 2, 3)
        network.wait_for_another(1, kind, pid)
        network.wait_until_rejoined(1)
        last = network.assert_one_state()
    assert sent.accepted > 0
    assert network.fills(first + 1, last) > 0
    assert f"node1/{kind} was ended by SIGKILL" in network.journal()


def test_an_engine_killed_at_twenty_random_moments_never_loses_a_block(network: Localnet) -> None:
    """The application lives on through all of it, with whatever its engine had it stage; after each kill the node rejoins."""
    application = network.pid(3, "perpd")
    kill_again_and_again(network, 3, "cometbft", ENGINE_KILLS)
    assert network.pid(3, "perpd") == application


def test_an_application_killed_at_random_moments_never_loses_a_block(network: Localnet) -> None:
    """Its database is that of some completed commit each time; the engine, which ends with it, feeds the new process what is missing."""
    kill_again_and_again(network, 2, "perpd", APPLICATION_KILLS)


def kill_again_and_again(network: Localnet, node: int, kind: str, times: int) -> None:
    """Under load, each kill at a random moment after the node has rejoined; then all nodes stand on one state."""
    rng = random.Random(SEED)
    first = network.highest()
    with traffic(network):
        for _ in range(times):
            pid = network.kill(node, kind)
            network.wait_for_another(node, kind, pid)
            network.wait_until_rejoined(node)
            time.sleep(rng.random())  # the moment of the next kill is anywhere within some blocks
        last = network.assert_one_state()
    assert network.fills(first + 1, last) > times


def test_both_programs_of_two_nodes_killed_at_once_halt_nothing_for_good(network: Localnet) -> None:
    """Two of four are too few to decide; when they are back, blocks come again."""
    with traffic(network):
        before = network.highest()
        pids = {(node, kind): network.kill(node, kind) for node in (0, 2) for kind in KINDS}
        for (node, kind), pid in pids.items():
            network.wait_for_another(node, kind, pid)
        network.wait_for_height(before + 5)
        network.assert_one_state()


def test_a_frozen_application_keeps_only_its_own_node_and_goes_on_when_it_thaws(network: Localnet) -> None:
    """SIGSTOP of one perpd: its engine waits, the others decide; nobody had to be started again."""
    pids = network.pids()
    with traffic(network):
        before = network.highest()
        os.kill(network.pid(2, "perpd"), signal.SIGSTOP)
        try:
            network.wait_for_height(before + 10, 0, 1, 3)
        finally:
            os.kill(network.pid(2, "perpd"), signal.SIGCONT)
        network.wait_until_rejoined(2)
        network.assert_one_state()
    assert network.pids() == pids


def test_a_stopped_network_continues_when_it_is_started_again(network: Localnet) -> None:
    """`down` under load, `up`: the next block of the same chain."""
    with traffic(network):
        before = network.highest()
        perpd("localnet", "down", "--home", str(network.home.path))
    assert processes_of(network.home.path) == []
    perpd("localnet", "up", "--home", str(network.home.path), "--detach")
    network.wait_for_height(before + 2)
    network.assert_one_state()


def test_a_network_that_lost_its_power_continues_when_it_is_started_again(network: Localnet) -> None:
    """kill -9 of all four nodes and their supervisor within an instant, under load; the first block missing is the next one made."""
    with traffic(network):
        network.wait_for_height(network.highest() + 5)
        begin = network.rpc(0, "block", height="1")["block_id"]["hash"]
        before = network.highest()
        record = files.read_json(network.home.processes_file)
        supervisor = int(record["supervisor"]["pid"])
        everybody = [supervisor, *(pid for pids in network.pids() for pid in pids.values())]
        for pid in everybody:
            os.kill(pid, signal.SIGKILL)
    until(lambda: processes_of(network.home.path) == [], "nothing runs")
    perpd("localnet", "up", "--home", str(network.home.path), "--detach")
    network.wait_for_height(before + 5)
    network.assert_one_state()
    assert {network.rpc(node, "block", height="1")["block_id"]["hash"] for node in range(4)} == {begin}


def test_a_node_that_lost_its_history_fetches_it_from_the_others(network: Localnet) -> None:
    """Blocks, state and application of one node are gone, its keys and what it signed are not: block sync, which checks no transaction
    before, comes to the same state.
    """
    before = network.highest()
    perpd("localnet", "down", "--home", str(network.home.path))
    node = network.home.node(1)
    signed = (node.data / "priv_validator_state.json").read_text()
    shutil.rmtree(node.data)
    shutil.rmtree(node.app)
    node.data.mkdir()
    (node.data / "priv_validator_state.json").write_text(signed)
    perpd("localnet", "up", "--home", str(network.home.path), "--detach")
    network.wait_for_height(before + 2)
    network.wait_until_rejoined(1)
    network.assert_one_state()
    assert network.rpc(1, "block", height="1")["block_id"] == network.rpc(0, "block", height="1")["block_id"]


def test_all_of_it_replays_to_the_same_hashes(network: Localnet, tmp_path: Path) -> None:
    """From genesis through every crash: a new application executes the chain's blocks and agrees at every height; nothing is missing."""
    last = network.assert_one_state() - 1
    assert network.fills(1, last) > 20
    assert_replays(network, tmp_path, last, node=3)
