"""A real localnet: four processes of perpd and four of CometBFT, started and stopped by the commands that users type."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from node.localnet import control
from node.localnet.home import Home
from node.localnet.supervisor import python_environment

PATIENCE_SECONDS = 90.0


def perpd(*arguments: str) -> dict[str, Any]:
    """Runs a command with --json; its answer. Fails with what it said where it does not exit 0."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "node", *arguments, "--json"], env=python_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"perpd {' '.join(arguments)} exited with {done.returncode}: {done.stderr[-2000:]}"
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


class RealLocalnet:
    """One that runs in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)

    @property
    def document(self) -> dict[str, Any]:
        """What localnet.json says now."""
        document = json.loads(self.home.public_file.read_text())
        assert isinstance(document, dict)
        return document

    def nodes(self) -> list[dict[str, Any]]:
        return list(self.document["nodes"])

    def rpc(self, node: int, method: str, **parameters: str) -> dict[str, Any]:
        """The result of a CometBFT RPC call. Raises httpx.HTTPError or KeyError."""
        answer = httpx.get(f"{self.nodes()[node]['rpc']}/{method}", params=parameters, timeout=5.0, trust_env=False).json()
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def height(self, node: int) -> int:
        """Latest block of the node; 0 while it does not answer."""
        try:
            return int(self.rpc(node, "status")["sync_info"]["latest_block_height"])
        except (httpx.HTTPError, KeyError, ValueError):
            return 0

    def application(self, node: int) -> tuple[int, str]:
        """Height and app hash that the node's application itself has committed."""
        response = self.rpc(node, "abci_info")["response"]
        return int(response["last_block_height"]), str(response["last_block_app_hash"])

    def query(self, node: int, path: str, data: bytes = b"") -> bytes:
        """The value that the node answers to an ABCI query."""
        response = self.rpc(node, "abci_query", path=f'"{path}"', data=f"0x{data.hex()}")["response"]
        assert not response.get("code"), response
        return base64.b64decode(response["value"] or "")

    def app_hashes_at(self, height: int) -> list[str]:
        """What each node's own application answered to block `height`: the app hash in its stored result of that block."""
        return [str(self.rpc(node, "block_results", height=str(height))["app_hash"]) for node in range(len(self.nodes()))]

    def wait_for_height(self, height: int, *nodes: int) -> None:
        """Until these nodes (all, if none is named) have committed it."""
        places = nodes or range(len(self.nodes()))
        until(lambda: all(self.height(node) >= height for node in places), f"block {height} on {list(places)}")


@contextmanager
def real_localnet(home: Path, *arguments: str) -> Iterator[RealLocalnet]:
    """Up with these further arguments, every node at block 2 or later; afterwards nothing of it runs."""
    try:
        perpd("localnet", "up", "--home", str(home), "--detach", *arguments)
        yield RealLocalnet(home)
    finally:
        if Home(home).exists():
            control.stop(Home(home))


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits for the condition; fails naming it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.05)


def processes_of(home: Path) -> list[str]:
    """Command lines that name the home: what a `down` must not leave."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word == str(home) or word.startswith(f"{home}{os.sep}") for word in words) and place.parent.name != str(os.getpid()):
            found.append(" ".join(words))
    return found
