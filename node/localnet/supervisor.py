"""Runs a localnet: a keeper per node, eyes on all of them, and an orderly end. Also the detached process behind `up --detach`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import httpx

from node.failure import Failure
from node.localnet import create, files
from node.localnet.addresses import Endpoint, reserve
from node.localnet.home import Home, Network, NodeHome
from node.localnet.journal import Event, Journal
from node.localnet.keeper import Keeper, Patience, Program
from node.localnet.process import Command, Identity
from node.localnet.venues import VenueWatch, names_venues
from node.localnet.watch import NodeView, Observer, look

GIVE_UP_FAILURES = 5
"""So many ends in a row, before the network ever made a block, mean that it never will."""
STUCK_SECONDS = 6.0
CONSENSUS_FAILURE = "CONSENSUS FAILURE!!!"
HONEST_PROGRAM = "node"
SOURCE_ROOTS = (create.PROJECT, create.PROJECT / "proto" / "gen")

Viewer = Callable[["Supervisor"], Awaitable[None]]


class Supervisor:
    """All processes of one localnet, from start to end."""

    def __init__(
        self,
        home: Home,
        network: Network,
        endpoints: Sequence[Endpoint],
        commands: Sequence[tuple[Command, Command]],
        journal: Journal,
        *,
        patience: Patience | None = None,
        watch_seconds: float = 1.0,
        closely: bool = False,
    ) -> None:
        """`commands`: application and engine of each node. `closely`: also ask the nodes for what only a viewer wants to see."""
        self.home = home
        self.network = network
        self.endpoints = list(endpoints)
        self.journal = journal
        self.started_seconds = time.monotonic()
        self.closely = closely
        self.keepers = [
            Keeper(node.name, application, engine, node.socket, journal, changed=self._changed, patience=patience)
            for node, (application, engine) in zip(home.nodes(network.validators), commands, strict=True)
        ]
        self.views = [
            NodeView(keeper.name, f"http://{endpoint.at('rpc')}") for keeper, endpoint in zip(self.keepers, self.endpoints, strict=True)
        ]
        self.observer = Observer(self.views, journal)
        self._venues = VenueWatch(journal) if names_venues(network.prices) else None
        self.published = asyncio.Event()
        """localnet.json is there."""
        self.stopping = asyncio.Event()
        self._watch_seconds = watch_seconds
        self._given_up: str | None = None

    async def run(self, viewer: Viewer | None = None) -> None:
        """Until `stopping` is set; then nothing is left running. Raises Failure if the network never came to life."""
        tasks = [asyncio.create_task(keeper.run()) for keeper in self.keepers]
        tasks.append(asyncio.create_task(self._watch()))
        if viewer:
            tasks.append(asyncio.create_task(_forever(viewer(self))))
        end = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait([*tasks, end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
            await self._stop(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()):
                raise error
        if self._given_up:
            raise Failure(self._given_up)

    async def _stop(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Engines first: they would complain about a missing application."""
        self.journal.say("stopping")
        for keeper in self.keepers:
            keeper.state = "stopping"
        await asyncio.gather(*(keeper.stop_engine() for keeper in self.keepers))
        await asyncio.gather(*(keeper.stop_application() for keeper in self.keepers))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        forget(self.home, self.network.validators)
        self.journal.say("stopped")

    async def _watch(self) -> None:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            while True:
                await asyncio.gather(*(look(client, view, closely=self.closely) for view in self.views))
                now_seconds = time.monotonic()
                self.observer.conclude(now_seconds)
                if self._venues is not None:
                    await self._venues.look(client, [endpoint.at("metrics") for endpoint in self.endpoints])
                if not self.published.is_set() and self.observer.progressed():
                    self.published.set()
                    self._publish()
                    height = max(view.height for view in self.views)
                    self.journal.say(f"block {height} is committed; {self.home.public_file} says where everything listens")
                self._judge()
                for keeper, view in zip(self.keepers, self.views, strict=True):
                    await self._heal(keeper, view, now_seconds)
                await asyncio.sleep(self._watch_seconds if self.published.is_set() else min(0.2, self._watch_seconds))

    def _judge(self) -> None:
        """A network that fails again and again before its first block is given up, with the reason."""
        if self.published.is_set():
            return
        for keeper in self.keepers:
            if keeper.failures >= GIVE_UP_FAILURES:
                program = keeper.application if keeper.application.failures >= keeper.engine.failures else keeper.engine
                why = program.child.reason() if program.child and not program.running() else "it ends again and again"
                self._given_up = f"the network does not start: {program.name} {why}."
                self.stopping.set()
                return

    async def _heal(self, keeper: Keeper, view: NodeView, now_seconds: float) -> None:
        """An engine whose consensus has failed stays up and does nothing: it is started again."""
        child = keeper.engine.child
        if child is None or not keeper.engine.running() or now_seconds - view.advanced_seconds < STUCK_SECONDS:
            return
        if now_seconds - child.started_seconds < STUCK_SECONDS:
            return
        failure = next((line for line in child.words(40) if CONSENSUS_FAILURE in line), None)
        if failure:
            view.advanced_seconds = now_seconds  # a new chance before it is judged again
            await keeper.restart_engine(f"its consensus failed at height {view.height}: {failure[:400]}")

    def _changed(self) -> None:
        """The processes are others than before: those who look for them find the new ones."""
        record_processes(self.home, self.keepers)
        if self.published.is_set():
            self._publish()

    def _publish(self) -> None:
        pids = [
            {kind: program.child.pid for kind, program in _programs(keeper).items() if program.child and program.running()}
            for keeper in self.keepers
        ]
        self.home.publish(self.network, self.endpoints, pids)


async def _forever(work: Awaitable[None]) -> None:
    """A viewer that has seen enough does not end the network."""
    await work
    await asyncio.Event().wait()


def _programs(keeper: Keeper) -> dict[str, Program]:
    return {"perpd": keeper.application, "cometbft": keeper.engine}


def record_processes(home: Home, keepers: Sequence[Keeper]) -> None:
    """Who runs, for `down` after the supervisor was killed: process ids with their start times."""
    nodes = [
        {
            "name": keeper.name,
            **{
                kind: {**asdict(program.child.identity), "restarts": program.restarts} if program.child and program.running() else None
                for kind, program in _programs(keeper).items()
            },
        }
        for keeper in keepers
    ]
    supervisor = Identity.of(os.getpid())
    files.write_json(home.processes_file, {"supervisor": asdict(supervisor) if supervisor else None, "nodes": nodes})


def forget(home: Home, validators: int) -> None:
    """Nothing runs: what said otherwise is removed."""
    for path in (home.public_file, home.processes_file, *(node.socket for node in home.nodes(validators))):
        path.unlink(missing_ok=True)


def python_environment() -> dict[str, str]:
    """Our environment, in which another Python finds this very tree whatever directory it starts in."""
    roots = [*map(str, SOURCE_ROOTS), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(roots)), "PYTHONUNBUFFERED": "1"}


def node_commands(node: NodeHome, engine: Path, program: str = HONEST_PROGRAM) -> tuple[Command, Command]:
    """How the application and the engine of a node are started. `program` is a module that understands `start --home` as perpd does."""
    environment = python_environment()
    application = [sys.executable, "-P", "-m", program, "start", "--home", str(node.home)]
    return (
        Command(
            name=f"{node.name}/perpd", arguments=application, log=node.logs / "perpd.log", environment=environment, directory=node.home
        ),
        Command(
            name=f"{node.name}/cometbft",
            arguments=[str(engine), "start", "--home", str(node.home)],
            log=node.logs / "cometbft.log",
            environment=environment,
            directory=node.home,
        ),
    )


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """Only this process runs or changes the localnet. Raises Failure if another one does."""
    home.path.mkdir(parents=True, exist_ok=True)
    with home.lock_file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"the localnet in {home.path} is running; `perpd localnet down --home {home.path}` stops it.") from None
        yield


def supervise(
    home: Home,
    engine: Path,
    *,
    listen: Callable[[Event], None] | None = None,
    viewer: Viewer | None = None,
    hang_up_stops: bool = True,
    programs: Mapping[str, str] | None = None,
) -> None:
    """Runs the network of this home, which the caller holds locked, until a signal asks to stop. Raises Failure.

    `programs`: by a node's name the module that it runs in the place of perpd.
    """
    network = home.load()
    journal = Journal(home.log_file, listen)
    home.public_file.unlink(missing_ok=True)
    record_processes(home, ())
    with reserve(network.validators, network.slot) as (slot, endpoints):
        network = network.with_slot(slot)
        home.save(network)
        create.write_configs(home, network, endpoints, int(time.time()))
        commands = [node_commands(node, engine, (programs or {}).get(node.name, HONEST_PROGRAM)) for node in home.nodes(network.validators)]
        first = endpoints[0]
        journal.say(f"starting {network.validators} validators of {network.chain_id}")
        journal.say(f"node0 answers at rpc http://{first.at('rpc')} and grpc {first.at('grpc')}")

        async def main() -> None:
            supervisor = Supervisor(
                home, network, endpoints, commands, journal, watch_seconds=0.5 if viewer else 1.0, closely=viewer is not None
            )
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hang_up_stops else ())):
                loop.add_signal_handler(number, supervisor.stopping.set)
            await supervisor.run(viewer)

        asyncio.run(main())


def main(arguments: Sequence[str]) -> int:
    """The detached supervisor: everything it has to say is in the log."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--engine", type=Path, required=True)
    parser.add_argument("--program", action="append", default=[], metavar="NODE=MODULE", help="what a node runs in the place of perpd")
    options = parser.parse_args(arguments)
    home = Home(options.home)
    try:
        with locked(home):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            programs = dict(word.split("=", 1) for word in options.program)
            supervise(home, options.engine, hang_up_stops=False, programs=programs)
    except Failure as failure:
        Journal(home.log_file).say(str(failure), alarm=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
