"""One validator whose two programs the test itself starts and ends, for crashes at exactly chosen points."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from node import toolchain
from node.localnet import create
from node.localnet.addresses import Endpoint, reserve
from node.localnet.config import Pace
from node.localnet.home import Home
from node.localnet.keeper import is_socket
from node.localnet.process import Command
from node.localnet.supervisor import node_commands
from support.broadcast import Address
from support.real_localnet import until

FAST = Pace(timeout_commit="50ms", peer_gossip_sleep="5ms", flush_throttle="5ms")


class LoneValidator:
    """perpd and CometBFT of one node, configured as `perpd localnet` does it. Neither is started again by itself."""

    def __init__(self, home: Home, endpoint: Endpoint) -> None:
        self.home = home
        self.chain_id = home.load().chain_id
        self.rpc_url = f"http://{endpoint.at('rpc')}"
        self.addresses = [Address.of(self.rpc_url)]
        self.next_order = 0
        self._application_command, self._engine_command = node_commands(home.node(0), toolchain.engine(print))
        self._application: subprocess.Popen[bytes] | None = None
        self._engine: subprocess.Popen[bytes] | None = None

    def start_application(self) -> None:
        """perpd listens."""
        self.home.node(0).socket.unlink(missing_ok=True)
        self._application = process = _start(self._application_command, {})
        until(lambda: is_socket(self.home.node(0).socket) or process.poll() is not None, "perpd listens")
        assert process.poll() is None, self._application_command.log.read_text()[-2000:]

    def start_engine(self, **environment: str) -> None:
        """CometBFT is started, with additions to its environment."""
        self._engine = _start(self._engine_command, environment)

    def engine_exit_code(self, seconds: float = 60) -> int:
        """Waits until the engine has ended by itself."""
        assert self._engine is not None
        return self._engine.wait(seconds)

    def application_lives(self) -> bool:
        """Whether perpd still runs."""
        return self._application is not None and self._application.poll() is None

    def kill_application(self) -> None:
        """kill -9 of perpd."""
        _kill(self._application)

    def kill_engine(self) -> None:
        """kill -9 of CometBFT."""
        _kill(self._engine)

    def highest(self) -> int:
        """The latest block; 0 while the engine does not answer."""
        with suppress(httpx.HTTPError, KeyError, ValueError):
            return int(self.ask("status")["sync_info"]["latest_block_height"])
        return 0

    def committed(self) -> int:
        """What the application has committed; 0 while it does not answer."""
        with suppress(httpx.HTTPError, KeyError, ValueError):
            return int(self.ask("abci_info")["response"]["last_block_height"])
        return 0

    def wait_until_committed(self, height: int) -> None:
        """Until the application has committed the block."""
        until(lambda: self.committed() >= height, f"block {height} of the lone validator")

    def wait_for_more(self, blocks: int) -> int:
        """Until the engine answers and so many further blocks are committed; the height."""
        until(self.highest, "the engine answers")
        goal = self.highest() + blocks
        self.wait_until_committed(goal)
        return goal

    def ask(self, method: str) -> dict[str, Any]:
        """The result of an RPC call. Raises httpx.HTTPError, KeyError or ValueError."""
        result: dict[str, Any] = httpx.get(f"{self.rpc_url}/{method}", timeout=5, trust_env=False).json()["result"]
        return result

    def log(self) -> str:
        """Everything that perpd has logged."""
        return self._application_command.log.read_text()

    def close(self) -> None:
        """Both are gone."""
        _kill(self._engine)
        _kill(self._application)


@contextmanager
def lone_validator(directory: Path, genesis: Path) -> Iterator[LoneValidator]:
    """A validator with a new chain of this genesis; its application runs, its engine does not yet."""
    home = Home(directory)
    network = create.prepare(home, create.Wishes(validators=1, genesis=genesis, prices="simulated:9"))
    with reserve(1) as (_, endpoints):
        create.write_configs(home, network, endpoints, int(time.time()), FAST)
        validator = LoneValidator(home, endpoints[0])
        try:
            validator.start_application()
            yield validator
        finally:
            validator.close()


def _start(command: Command, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with command.log.open("ab") as log:
        return subprocess.Popen(
            list(command.arguments), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**command.environment, **environment}
        )


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
