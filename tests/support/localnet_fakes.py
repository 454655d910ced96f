"""A localnet whose programs are small scripts: an application that listens, an engine that counts blocks."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from node.localnet.addresses import Endpoint, reserve
from node.localnet.home import Home, Network
from node.localnet.journal import Journal
from node.localnet.keeper import Patience
from node.localnet.keys import Account
from node.localnet.process import Command, Identity
from node.localnet.supervisor import Supervisor

APPLICATION = """
import os, signal, socket, subprocess, sys
path, wish = sys.argv[1], sys.argv[1] + ".wish"
wishes = open(wish).read().split() if os.path.exists(wish) else []
if "stubborn" in wishes: signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "broken" in wishes: sys.exit("the state is damaged")
if "parent" in wishes: print("child", subprocess.Popen(["sleep", "1000"]).pid, flush=True)
if "deaf" not in wishes:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
print("application listens", flush=True)
while True: signal.pause()
"""

ENGINE = """
import json, os, socket, sys, time
host, port, path = sys.argv[1:]
if not os.path.exists(path): sys.exit("started before its application")
server = socket.create_server((host, int(port)))
begin = time.monotonic()
print("engine runs", flush=True)
while True:
    connection, _ = server.accept()
    connection.recv(65536)
    height = int((time.monotonic() - begin) * 50)
    info = {"latest_block_height": str(height), "latest_block_time": "2026-01-01T00:00:00.5Z", "latest_app_hash": "A", "catching_up": False}
    body = json.dumps({"result": {"sync_info": info, "n_peers": "3", "n_txs": "7"}}).encode()
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    connection.close()
"""

QUICK = Patience(first_delay=0.02, longest_delay=0.1, steady=60.0, ready=5.0, engine_follows=0.3, stop=0.5)


def network(validators: int = 1) -> Network:
    """A record of a network."""
    return Network(
        chain_id="fake-1",
        validators=validators,
        prices="manual",
        slot=0,
        created_seconds=1_700_000_000,
        accounts=(Account("alice", "dydx1alice", "some words"),),
    )


def commands(home: Home, endpoints: list[Endpoint]) -> list[tuple[Command, Command]]:
    """The two scripts of each node, with their logs where perpd's and CometBFT's would be."""
    found = []
    for node, endpoint in zip(home.nodes(len(endpoints)), endpoints, strict=True):
        for directory in (node.app, node.logs):
            directory.mkdir(parents=True, exist_ok=True)
        python = [sys.executable, "-I", "-S", "-c"]
        application = [*python, APPLICATION, str(node.socket)]
        engine = [*python, ENGINE, endpoint.host, str(endpoint.ports["rpc"]), str(node.socket)]
        found.append(
            (
                Command(name=f"{node.name}/perpd", arguments=application, log=node.logs / "perpd.log", environment={}, directory=node.home),
                Command(
                    name=f"{node.name}/cometbft", arguments=engine, log=node.logs / "cometbft.log", environment={}, directory=node.home
                ),
            )
        )
    return found


@contextmanager
def fake_localnet(path: Path, validators: int = 1) -> Iterator[tuple[Home, list[Endpoint]]]:
    """A saved home with free addresses."""
    home = Home(path)
    home.path.mkdir(parents=True, exist_ok=True)
    home.save(network(validators))
    with reserve(validators) as (_, endpoints):
        yield home, endpoints


def supervisor(home: Home, endpoints: list[Endpoint]) -> Supervisor:
    """The supervisor of the scripts; to be made inside a running event loop."""
    return Supervisor(
        home,
        network(len(endpoints)),
        endpoints,
        commands(home, endpoints),
        Journal(home.log_file),
        patience=QUICK,
        watch_seconds=0.05,
        closely=True,
    )


def wish(home: Home, *words: str, node: int = 0) -> None:
    """How the application of a node behaves from its next start on: stubborn, broken, parent, deaf."""
    place = home.node(node)
    place.app.mkdir(parents=True, exist_ok=True)
    Path(f"{place.socket}.wish").write_text(" ".join(words))


async def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Waits for the condition; fails naming it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process with this id can still act."""
    return Identity.of(pid) is not None


def main() -> None:
    """Run as a script: supervises the fakes of the home given, in a process that tests may kill."""

    async def run() -> None:
        with fake_localnet(Path(sys.argv[1])) as (home, endpoints):
            await supervisor(home, endpoints).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
