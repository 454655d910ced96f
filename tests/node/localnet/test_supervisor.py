import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from node.failure import Failure
from node.localnet import control
from node.localnet.home import Home
from node.localnet.keeper import Program
from node.localnet.supervisor import SOURCE_ROOTS, Supervisor
from support import localnet_fakes as fakes
from support.localnet_fakes import is_alive, until, wish

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def run(path: Path, scene: Callable[[Supervisor, Home], Awaitable[None]], *, validators: int = 1, wishes: tuple[str, ...] = ()) -> Home:
    """Plays the scene beside a running supervisor, then stops it."""

    async def main() -> Home:
        with fakes.fake_localnet(path, validators) as (home, endpoints):
            if wishes:
                wish(home, *wishes)
            supervisor = fakes.supervisor(home, endpoints)
            running = asyncio.create_task(supervisor.run())
            try:
                await scene(supervisor, home)
            finally:
                supervisor.stopping.set()
                await running
            return home

    return asyncio.run(main())


def pid(program: Program) -> int:
    """The process id of a program's present or last life."""
    return program.child.pid if program.child else 0


async def started(supervisor: Supervisor) -> None:
    """Both programs of every node run."""
    await until(lambda: all(k.application.running() and k.engine.running() for k in supervisor.keepers), "all programs run")


def test_engine_starts_only_when_the_application_listens(tmp_path: Path) -> None:
    """The fake engine ends at once if there is no socket; here it never has to be started again."""

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await until(supervisor.published.is_set, "the first block")
        assert [k.engine.restarts for k in supervisor.keepers] == [0, 0]

    run(tmp_path, scene, validators=2)


def test_localnet_json_has_the_documented_shape_once_block_1_is_committed(tmp_path: Path) -> None:
    """Scripts rely on these very keys; the file, which holds mnemonics, is the owner's alone and goes away with the network."""

    async def scene(supervisor: Supervisor, home: Home) -> None:
        assert not home.public_file.exists()
        await until(supervisor.published.is_set, "the first block")
        document = json.loads(home.public_file.read_text())
        assert sorted(document) == ["accounts", "chain_id", "nodes", "prices"]
        [node] = document["nodes"]
        assert sorted(node) == ["grpc", "home", "metrics", "name", "pids", "rpc"]
        [keeper] = supervisor.keepers
        assert node["pids"] == {"perpd": pid(keeper.application), "cometbft": pid(keeper.engine)}
        assert node["rpc"] == f"http://{supervisor.endpoints[0].at('rpc')}"
        assert document["accounts"] == [{"name": "alice", "address": "dydx1alice", "mnemonic": "some words"}]
        assert stat.S_IMODE(home.public_file.stat().st_mode) == 0o600

    home = run(tmp_path, scene)
    assert not home.public_file.exists()


def test_killed_application_is_started_again_with_its_engine(tmp_path: Path) -> None:
    """Which one died, how, and its last words are in the log; the engine, useless without it, starts anew; the published ids follow."""

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await until(supervisor.published.is_set, "the first block")
        [keeper] = supervisor.keepers
        application, engine = pid(keeper.application), pid(keeper.engine)
        os.kill(application, signal.SIGKILL)
        await until(lambda: pid(keeper.application) != application and pid(keeper.engine) != engine, "both have new processes")
        await started(supervisor)
        [node] = json.loads(home.public_file.read_text())["nodes"]
        assert node["pids"] == {"perpd": pid(keeper.application), "cometbft": pid(keeper.engine)}
        assert (keeper.application.restarts, keeper.engine.restarts) == (1, 1)

    home = run(tmp_path, scene)
    assert "node0/perpd was ended by SIGKILL; last log lines: application listens; started again in 0.0 s" in home.log_file.read_text()


def test_engine_that_exits_is_started_again_alone(tmp_path: Path) -> None:
    """The application lives on: between FinalizeBlock and Commit too, it is the engine that comes back to it."""

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await started(supervisor)
        [keeper] = supervisor.keepers
        application, engine = pid(keeper.application), pid(keeper.engine)
        os.kill(engine, signal.SIGTERM)
        await until(lambda: pid(keeper.engine) != engine and keeper.engine.running(), "the engine runs again")
        assert pid(keeper.application) == application

    home = run(tmp_path, scene)
    assert "node0/cometbft was ended by SIGTERM" in home.log_file.read_text()


def test_other_nodes_are_left_alone_when_one_dies(tmp_path: Path) -> None:
    """A restart touches the node that needs it."""

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await started(supervisor)
        first, second = supervisor.keepers
        before = pid(second.application), pid(second.engine)
        os.kill(pid(first.application), signal.SIGKILL)
        await until(lambda: first.application.restarts == 1 and first.application.running(), "the first is back")
        assert (pid(second.application), pid(second.engine)) == before

    run(tmp_path, scene, validators=2)


def test_network_that_never_starts_is_given_up_with_the_reason(tmp_path: Path) -> None:
    """Five ends in a row before the first block: one sentence with what the program said, and nothing is left."""

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await supervisor.stopping.wait()

    with pytest.raises(Failure, match="the network does not start: node0/perpd exited with code 1; last log lines: the state is damaged"):
        run(tmp_path, scene, wishes=("broken",))


def test_application_that_never_listens_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is up but useless is no node."""
    monkeypatch.setattr(fakes, "QUICK", fakes.Patience(first_delay=0.02, ready=0.2, stop=0.5))

    async def scene(supervisor: Supervisor, home: Home) -> None:
        [keeper] = supervisor.keepers
        await until(lambda: keeper.application.restarts, "a second attempt")
        wish(home)
        await started(supervisor)

    home = run(tmp_path, scene, wishes=("deaf",))
    assert "does not listen on" in home.log_file.read_text()


def test_stopping_leaves_no_process_even_of_stubborn_programs(tmp_path: Path) -> None:
    """An application that ignores SIGTERM, and a process that it started, are gone too."""
    pids: list[int] = []

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await started(supervisor)
        [keeper] = supervisor.keepers
        word, grandchild = (home.node(0).logs / "perpd.log").read_text().splitlines()[0].split()
        assert word == "child"
        pids.extend([pid(keeper.application), pid(keeper.engine), int(grandchild)])
        assert all(map(is_alive, pids))

    home = run(tmp_path, scene, wishes=("stubborn", "parent"))
    assert not any(map(is_alive, pids))
    assert not home.processes_file.exists()


def test_consensus_failure_of_a_living_engine_restarts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CometBFT stays up after CONSENSUS FAILURE and does nothing more; the log of an earlier life does not count."""
    monkeypatch.setattr("node.localnet.supervisor.STUCK_SECONDS", 0.2)

    async def scene(supervisor: Supervisor, home: Home) -> None:
        await started(supervisor)
        [keeper], [view] = supervisor.keepers, supervisor.views
        engine = pid(keeper.engine)
        with (home.node(0).logs / "cometbft.log").open("a") as log:
            log.write("E CONSENSUS FAILURE!!! wrong app hash\n")
        view.rpc = "http://127.0.0.1:1"  # it answers no more
        await until(lambda: pid(keeper.engine) != engine and keeper.engine.running(), "a new engine")
        assert keeper.engine.child is not None
        assert not any("CONSENSUS FAILURE" in line for line in keeper.engine.child.words(40))

    home = run(tmp_path, scene)
    assert "node0/cometbft is restarted: its consensus failed at height" in home.log_file.read_text()


def start_supervisor(home: Path) -> subprocess.Popen[bytes]:
    """The fakes under a supervisor in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*SOURCE_ROOTS, Path(__file__).parents[2])))}
    return subprocess.Popen([sys.executable, fakes.__file__, str(home)], env=environment)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans only on Linux")
def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """kill -9 of the supervisor takes its children along."""
    home = Home(tmp_path)
    with start_supervisor(tmp_path) as process:
        asyncio.run(until(home.public_file.exists, "the first block"))
        children = [child.pid for child in control.recorded(home)[1]]
        assert len(children) == 2
        process.kill()
    asyncio.run(until(lambda: not any(map(is_alive, children)), "the children end"))
    assert control.stop(home) is False


def test_down_finds_what_a_killed_supervisor_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that ignores its end survives the supervisor; the record finds it, and nothing is left."""
    monkeypatch.setattr(control, "SWEEP_SECONDS", 0.3)
    home = Home(tmp_path)
    wish(home, "stubborn")
    with start_supervisor(tmp_path) as process:
        asyncio.run(until(home.public_file.exists, "the first block"))
        [application, _] = control.recorded(home)[1]
        process.kill()
    assert application.alive()
    assert control.status(home)["running"] is False
    assert control.stop(home) is True
    assert not application.alive()
    assert not home.public_file.exists()


def test_down_stops_a_running_network(tmp_path: Path) -> None:
    """From another process: asks the supervisor, which takes everything down; a second time there is nothing to do."""
    home = Home(tmp_path)
    with start_supervisor(tmp_path) as process:
        asyncio.run(until(home.public_file.exists, "the first block"))
        status = control.status(home)
        assert status["running"] is True
        [node] = status["nodes"]
        assert node["answers"]
        assert node["height"] > 0
        assert (node["peers"], node["mempool"], node["perpd"]["restarts"]) == (3, 7, 0)
        children = control.recorded(home)[1]
        assert control.stop(home) is True
        process.wait()
    assert not any(child.alive() for child in children)
    assert control.stop(home) is False
    assert control.status(home)["nodes"] == [
        {"name": "node0", "home": str(home.node(0).home), "perpd": None, "cometbft": None, "answers": False}
    ]


def test_down_without_a_localnet_says_so(tmp_path: Path) -> None:
    """A mistyped home is no success."""
    with pytest.raises(Failure, match="there is no localnet in"):
        control.stop(Home(tmp_path / "nowhere"))
