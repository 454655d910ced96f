"""Where the nodes of a localnet listen, chosen so that several localnets run on one machine at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.failure import Failure

SLOTS = 64
SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes, and CometBFT adds nothing
PORTS = {"p2p": 26656, "rpc": 26657, "engine_metrics": 26660, "metrics": 26680, "grpc": 9090}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One node's addresses: `host`, and a port per service of PORTS."""

    host: str
    ports: dict[str, int]

    def at(self, service: str) -> str:
        return f"{self.host}:{self.ports[service]}"


def endpoints(slot: int, count: int, spread: bool = True) -> list[Endpoint]:
    """The addresses of slot `slot`. Spread: node i at 127.0.slot.(1+i), everybody with the same ports (Linux answers on all of
    127/8). Otherwise all on 127.0.0.1, each node ten ports further, each slot a block of its own.
    """
    if spread:
        return [Endpoint(f"127.0.{slot}.{1 + index}", dict(PORTS)) for index in range(count)]
    base = 20000 + 10 * slot * max(count, 10)
    return [Endpoint("127.0.0.1", {service: base + 10 * index + place for place, service in enumerate(PORTS)}) for index in range(count)]


def is_free(candidates: list[Endpoint]) -> bool:
    """Whether every port of every node can be bound right now."""
    return all(_can_bind(endpoint.host, port) for endpoint in candidates for port in endpoint.ports.values())


def can_spread(count: int) -> bool:
    """Whether this machine answers on 127.0.0.2 and on; macOS does not."""
    return count == 1 or _can_bind("127.0.0.2", 0)


def runtime_directory() -> Path:
    """A short directory of this user for sockets and slot locks; only the user may look into it. Raises Failure."""
    path = Path(tempfile.gettempdir()) / f"perpd-{os.getuid()}"
    if len(os.fsencode(path)) > 60:
        path = Path("/tmp") / path.name  # noqa: S108  (checked below)
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise Failure(f"{path} must be a directory that belongs to you alone (mode 700).")
    return path


@contextlib.contextmanager
def reserve(count: int, preferred: int = 0) -> Iterator[tuple[int, list[Endpoint]]]:
    """Holds a free slot while the block runs and gives its number and endpoints; `preferred` is tried first. Raises Failure if
    none is free.
    """
    spread = can_spread(count)
    locks = runtime_directory()
    for slot in sorted(range(SLOTS), key=lambda slot: (slot != preferred, slot)):
        with (locks / f"slot-{slot}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            candidates = endpoints(slot, count, spread)
            if is_free(candidates):
                yield slot, candidates
                return
    raise Failure(f"no free addresses for {count} nodes: something listens on the ports {', '.join(map(str, PORTS.values()))} everywhere.")


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection in its last minute is no listener
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
