"""A bug of ours in FinalizeBlock stops that node, loudly; the supervisor says which and why; the others go on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import toolchain
from node.localnet import control, create, files
from node.localnet.home import Home
from node.localnet.supervisor import python_environment
from support.broken_node import BUG, FILE
from support.localnet import Localnet, print_logs
from support.real_localnet import processes_of, until

pytestmark = [pytest.mark.network, pytest.mark.slow]

TESTS = Path(__file__).parents[1]


def supervisor_of(home: Home, broken: str) -> list[str]:
    """The command of a supervisor that runs a program with a bug (support.broken_node) as that node."""
    module = "node.localnet.supervisor"
    options = ["--home", str(home.path), "--engine", str(toolchain.engine(print)), "--program", f"{broken}=support.broken_node"]
    return [sys.executable, "-P", "-m", module, *options]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Localnet]:
    """Four validators under a supervisor that runs a program with a bug as the last one."""
    home = Home(tmp_path / "home")
    create.prepare(home, create.Wishes(prices="simulated:3"))
    environment = python_environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), environment["PYTHONPATH"]])
    command = supervisor_of(home, "node3")
    with home.log_file.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        until(home.public_file.is_file, "the network is up")
        yield Localnet(home.path)
    except BaseException:
        print_logs(home.path)
        raise
    finally:
        control.stop(home)
        process.wait(30)
    assert processes_of(home.path) == []


def test_a_bug_in_finalize_block_stops_its_node_loudly_and_no_other(network: Localnet) -> None:
    """Its process exits with 1 and the reason in its log, again and again; three others decide; repaired, it catches up by itself."""
    network.wait_for_height(4)
    before = network.highest()
    engine = network.pid(3, "cometbft")
    (network.home.node(3).home / FILE).touch()
    until(lambda: network.journal().count("node3/perpd exited with code 1") >= 2, "the supervisor reports the end of node3/perpd")
    network.wait_for_height(before + 5, 0, 1, 2)
    report = next(line for line in network.journal().splitlines() if "node3/perpd exited with code 1" in line)
    assert "ALARM" in report
    assert f"RuntimeError: {BUG}" in report
    assert "node0" not in report
    log = (network.home.node(3).logs / "perpd.log").read_text()
    assert "critical node the node stops: the application failed where it must not" in log
    assert "in finalize_block" in log
    assert f"the application failed, the server ends: finalize_block: RuntimeError: {BUG}" in log
    assert network.pid(3, "cometbft") != engine
    (network.home.node(3).home / FILE).unlink()
    network.wait_until_rejoined(3, blocks=3)
    network.assert_one_state()


def test_a_network_that_breaks_before_its_first_block_is_given_up_with_the_reason(tmp_path: Path) -> None:
    """One validator whose program always breaks: the supervisor ends by itself, and its last line says what is wrong."""
    home = Home(tmp_path / "home")
    create.prepare(home, create.Wishes(validators=1, prices="simulated:3"))
    (home.node(0).home / FILE).touch()
    environment = python_environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), environment["PYTHONPATH"]])
    command = supervisor_of(home, "node0")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    last = files.last_lines(home.log_file, 1)[0]
    assert "the network does not start: node0/perpd exited with code 1; last log lines: " in last
    assert BUG in last
    assert processes_of(home.path) == []
