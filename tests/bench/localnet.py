"""A real network for the network bench: `perpd localnet up` with a genesis of many traders, its processes, and signing beside it."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.chain import ROOT, localnet_state

from support import load
from support.broadcast import Address, BlockWatch, cpu_seconds, memory_bytes

KINDS = ("perpd", "cometbft")
SIGNING_NICENESS = 5


class Localnet:
    """A network of real nodes with `people` in its genesis; stops and is removed at the end of the block."""

    def __init__(self, directory: Path, validators: int, people: Sequence[load.Trader], standing: Sequence[load.Trader]) -> None:
        self.home = directory / f"localnet-{validators}"
        self.validators = validators
        rich = {one.number: load.STANDING_COLLATERAL_QUOTE for one in standing}
        self.state = load.with_traders(localnet_state(), [*people, *standing], rich)
        self.books = load.markets(self.state)

    def __enter__(self) -> Self:
        genesis = self.home.with_suffix(".json")
        genesis.parent.mkdir(parents=True, exist_ok=True)
        genesis.write_text(json.dumps(self.state))
        arguments = ("--validators", str(self.validators), "--genesis", str(genesis), "--prices", "manual", "--detach", "--json")
        self._perpd("up", *arguments)
        self.document: dict[str, Any] = json.loads((self.home / "localnet.json").read_text())
        self.rpc = [Address.of(node["rpc"]) for node in self.document["nodes"]]
        self.watch = BlockWatch(self.rpc[0])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if hasattr(self, "watch"):
            self.watch.close()
        try:
            self._perpd("down", "--json")
        finally:
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.with_suffix(".json").unlink(missing_ok=True)

    @property
    def chain_id(self) -> str:
        return str(self.document["chain_id"])

    def processes(self) -> dict[str, dict[str, int]]:
        """Node name to the process ids of its two programs, as they are now."""
        document = json.loads((self.home / "localnet.json").read_text())
        return {node["name"]: dict(node["pids"]) for node in document["nodes"]}

    def memory(self) -> dict[str, int]:
        """Largest resident bytes of any node, by program."""
        return {kind: max(memory_bytes(pids[kind]) for pids in self.processes().values()) for kind in KINDS}

    def cpu(self) -> dict[str, float]:
        """Processor seconds so far, all nodes together, by program."""
        return {kind: sum(cpu_seconds(pids[kind]) for pids in self.processes().values()) for kind in KINDS}

    def _perpd(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "node", "localnet", arguments[0], "--home", str(self.home), *arguments[1:]]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto" / "gen")])}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"perpd localnet {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


@dataclass(frozen=True, slots=True)
class Crew:
    """The traders of one stream: its makers and its takers."""

    makers: tuple[load.Trader, ...]
    takers: tuple[load.Trader, ...]


def crews(people: Sequence[load.Trader], count: int) -> list[Crew]:
    """The people divided among so many streams."""
    assert len(people) >= 2 * count, f"{len(people)} people are too few for {count} streams"
    bounds = [len(people) * index // count for index in range(count + 1)]
    found = []
    for begin, end in pairwise(bounds):
        middle = (begin + end) // 2
        found.append(Crew(tuple(people[begin:middle]), tuple(people[middle:end])))
    return found


class Signers:
    """Processes that sign, at a low priority, before a measurement begins."""

    def __init__(self, processes: int) -> None:
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), os.nice, (SIGNING_NICENESS,))

    def _done(self, jobs: list[Future[list[bytes]]], watch: BlockWatch) -> None:
        """All jobs are done; the watch was served meanwhile, else the node would end it."""
        while not all(job.done() for job in jobs):
            watch.wait(0.2)

    def long_term(self, net: Localnet, squads: Sequence[Crew], each: int, good_til: int) -> list[deque[bytes]]:
        """Per stream so many orders with ascending sequences, good until a time."""
        jobs = [self._pool.submit(_long_term, squad, net.books, each, good_til, net.chain_id) for squad in squads]
        self._done(jobs, net.watch)
        return [deque(job.result()) for job in jobs]

    def short_term(self, net: Localnet, squads: Sequence[Crew], each: int, batches: int, first_height: int) -> list[list[deque[bytes]]]:
        """Per stream and batch of heights so many orders."""
        jobs = [
            [self._pool.submit(_short_term, squad, net.books, each, batch, first_height, net.chain_id) for batch in range(batches)]
            for squad in squads
        ]
        self._done([job for row in jobs for job in row], net.watch)
        return [[deque(job.result()) for job in row] for row in jobs]

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _long_term(squad: Crew, books: Sequence[load.Market], count: int, good_til: int, chain_id: str) -> list[bytes]:
    orders = load.crossing(squad.makers, squad.takers, books, count, sequenced=True)
    return load.sign_orders(orders, flags=load.LONG_TERM, good_til=good_til, chain_id=chain_id)


def _short_term(squad: Crew, books: Sequence[load.Market], count: int, batch: int, first_height: int, chain_id: str) -> list[bytes]:
    count += count % 2
    orders = load.crossing(squad.makers, squad.takers, books, count, first=batch * count)
    return load.sign_orders(orders, flags=load.SHORT_TERM, good_til=load.good_til_block_of(batch, first_height), chain_id=chain_id)
