"""One child process: started in a session of its own, bound to our life, ended with everything it started."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.localnet import files

LOG_BYTES_LIMIT = 64 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for certain: its id and when it started (ids are used again). `started` is the kernel's own text, only to compare."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this id now; None if there is none, or only its remains."""
        started = _started(pid)
        return cls(pid, started) if started else None

    def alive(self) -> bool:
        return Identity.of(self.pid) == self

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """The signal reaches the process, or its whole group, if it is still the same one."""
        if not self.alive():
            return
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a program. Its output is appended to `log`."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    directory: Path


class Child:
    """A running program. It leads a session of its own, so that Ctrl-C at the terminal reaches only us; the kernel ends it when we die."""

    def __init__(self, command: Command) -> None:
        """Raises OSError if it cannot be started."""
        self.command = command
        _rotate(command.log)
        with command.log.open("ab") as log:
            self._log_begin_byte = log.tell()
            self._process = subprocess.Popen(
                list(command.arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                cwd=command.directory,
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid()),  # noqa: PLW1509  (we have no threads)
            )
        self.pid = self._process.pid
        self.identity = Identity.of(self.pid) or Identity(self.pid, "")
        self.started_seconds = time.monotonic()

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def terminate(self) -> None:
        """Asks the program to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the program and whatever it started."""
        self._signal(signal.SIGKILL)

    def reap_group(self) -> None:
        """After its end: nothing that it started is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def reason(self) -> str:
        """How it ended, in words, with its last words."""
        code = self._process.returncode
        if code is None:
            return "still runs"
        how = f"exited with code {code}" if code >= 0 else f"was ended by {signal_name(-code)}"
        words = self.words(3)
        return f"{how}; last log lines: {' | '.join(line[:200] for line in words)}" if words else f"{how} and logged nothing"

    def words(self, count: int) -> list[str]:
        """The last lines of what it logged in this life."""
        return files.last_lines(self.command.log, count, begin_byte=self._log_begin_byte)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def signal_name(number: int) -> str:
    """SIGKILL for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _started(pid: int) -> str:
    """The start time of a process that can still act; empty if there is none."""
    if sys.platform == "linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return ""
        values = text.rpartition(")")[2].split()  # the name before may hold anything
        return "" if values[0] in "ZX" else f"{_boot()}/{values[19]}"
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


@functools.cache
def _boot() -> str:
    """Start times count from the boot, so they are only comparable within one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    """Run in the child before it becomes the program: the kernel sends it SIGTERM when its parent dies, however that happens.
    Elsewhere than on Linux the recorded process ids have to do.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return bind


def _rotate(log: Path) -> None:
    """A log that has grown too large becomes `.1`."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES_LIMIT:
            log.replace(log.with_name(f"{log.name}.1"))
