"""Keeps one node running: the application first, the engine when the application listens, each started again when it ends."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.localnet.journal import Journal
from node.localnet.process import Child, Command

TICK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited for what, in seconds."""

    first_delay: float = 0.2
    """Before the first restart; doubled with each further one."""
    longest_delay: float = 5.0
    steady: float = 20.0
    """Who ran this long is forgiven earlier failures."""
    ready: float = 300.0
    """For the application to listen; a large state takes long to load."""
    engine_follows: float = 3.0
    """For the engine to end by itself after its application died."""
    stop: float = 10.0
    """For a program to end after it was asked to."""


class Program:
    """One of a node's two programs, over all its restarts."""

    def __init__(self, command: Command, patience: Patience) -> None:
        self.command = command
        self.child: Child | None = None
        self.restarts = 0
        self.failures = 0
        """Ends in a row without a steady run between them."""
        self._patience = patience

    @property
    def name(self) -> str:
        return self.command.name

    def running(self) -> bool:
        return self.child is not None and self.child.exit_code() is None

    def start(self) -> Child:
        if self.child is not None:
            self.restarts += 1
        self.child = Child(self.command)
        return self.child

    def ended(self) -> float:
        """To be called after each end: leaves nothing of it behind and gives the seconds to wait before it is started again."""
        assert self.child is not None
        self.child.reap_group()
        if time.monotonic() - self.child.started_seconds >= self._patience.steady:
            self.failures = 0
        self.failures += 1
        return float(min(self._patience.first_delay * 2 ** min(self.failures - 1, 10), self._patience.longest_delay))

    async def stop(self) -> None:
        """The program and what it started are gone."""
        child = self.child
        if child is None:
            return
        child.terminate()
        if not await ends(child, self._patience.stop):
            child.kill()
            await ends(child, self._patience.stop)
        child.reap_group()


async def ends(child: Child, seconds: float) -> bool:
    """Waits for the end of a process; False if it still runs after so long."""
    deadline = time.monotonic() + seconds
    while child.exit_code() is None:
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(TICK_SECONDS)
    return True


class Keeper:
    """One node: `perpd start` and its CometBFT. They are separate processes, and either may end alone."""

    def __init__(
        self,
        name: str,
        application: Command,
        engine: Command,
        socket: Path,
        journal: Journal,
        *,
        changed: Callable[[], None] = lambda: None,
        patience: Patience | None = None,
    ) -> None:
        """`changed` is called whenever a program was started or has ended."""
        self.name = name
        self._patience = patience or Patience()
        self.application = Program(application, self._patience)
        self.engine = Program(engine, self._patience)
        self.state = "stopped"
        self._socket = socket
        self._journal = journal
        self._changed = changed
        self._stopping = False
        self._restarting = False

    @property
    def failures(self) -> int:
        """How often the worse of the two has ended in a row."""
        return max(self.application.failures, self.engine.failures)

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopping:
            await self._run_application()

    async def stop_engine(self) -> None:
        """No more restarts from here on; the engine is gone. Stopping engines first spares them errors from a missing application."""
        self._stopping = True
        self.state = "stopping"
        await self.engine.stop()

    async def stop_application(self) -> None:
        """After stop_engine: the whole node is gone."""
        await self.application.stop()
        self.state = "stopped"
        self._changed()

    async def restart_engine(self, why: str) -> None:
        """Ends the engine; `run` starts it again."""
        self._journal.say(f"{self.engine.name} is restarted: {why}", alarm=True)
        self._restarting = True
        await self.engine.stop()

    async def _run_application(self) -> None:
        """One life of the application, with as many of the engine as fall into it."""
        self.state = "starting"
        self._socket.unlink(missing_ok=True)  # a leftover must not look like a listening application
        application = self._start(self.application)
        if application is None:
            await self._pause(self._patience.longest_delay)
            return
        if await self._listens(application):
            while not self._stopping and application.exit_code() is None:
                await self._run_engine(application)
        if self._stopping:
            return
        if application.exit_code() is None:  # it never listened
            self._journal.say(f"{self.application.name} does not listen on {self._socket} after {self._patience.ready:.0f} s", alarm=True)
            await self.application.stop()
        delay = self.application.ended()
        self._journal.say(f"{self.application.name} {application.reason()}; started again in {delay:.1f} s", alarm=True)
        self._changed()
        await self._engine_follows()
        await self._pause(delay)

    async def _run_engine(self, application: Child) -> None:
        """One life of the engine; returns early when the application ends."""
        engine = self._start(self.engine)
        if engine is None:
            await self._pause(self._patience.longest_delay)
            return
        self.state = "running"
        while engine.exit_code() is None and application.exit_code() is None and not self._stopping:  # noqa: ASYNC110  (processes are polled)
            await asyncio.sleep(TICK_SECONDS)
        if self._stopping or application.exit_code() is not None:
            return
        if await ends(application, 10 * TICK_SECONDS):  # the engine may be the first to notice
            return
        if self._stopping:
            return
        self.state = "waiting"
        delay = self.engine.ended()
        if not self._restarting:
            self._journal.say(f"{self.engine.name} {engine.reason()}; started again in {delay:.1f} s", alarm=True)
        self._restarting = False
        self._changed()
        await self._pause(delay, until=application)

    async def _engine_follows(self) -> None:
        """Without its application the engine ends itself (with code 0); one that does not is made to."""
        engine = self.engine.child
        if engine is None:
            return
        self.state = "waiting"
        if not await ends(engine, self._patience.engine_follows):
            await self.engine.stop()
        engine.reap_group()
        self._changed()

    async def _listens(self, application: Child) -> bool:
        """Waits for the application's socket; False if it ends or takes too long."""
        deadline = time.monotonic() + self._patience.ready
        while not self._stopping and application.exit_code() is None and time.monotonic() < deadline:
            if is_socket(self._socket):
                return True
            await asyncio.sleep(TICK_SECONDS)
        return False

    async def _pause(self, seconds: float, until: Child | None = None) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._stopping and (until is None or until.exit_code() is None):  # noqa: ASYNC110
            await asyncio.sleep(TICK_SECONDS)

    def _start(self, program: Program) -> Child | None:
        try:
            child = program.start()
        except OSError as error:
            program.failures += 1
            self._journal.say(f"{program.name} cannot be started: {error}", alarm=True)
            return None
        self._changed()
        return child


def is_socket(path: Path) -> bool:
    """Whether a Unix socket lies at the path."""
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
