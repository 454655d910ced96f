"""Starting in the background, stopping, and looking at a localnet from another process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from node.failure import Failure
from node.localnet import files
from node.localnet.home import Home
from node.localnet.process import Identity
from node.localnet.supervisor import forget, locked, python_environment
from node.localnet.watch import NodeView, look

START_SECONDS = 180.0
STOP_SECONDS = 40.0
SWEEP_SECONDS = 5.0
FIRST_HEIGHT = 2
"""A network is up when every node has committed this block, and one more than it had."""

Report = Callable[[str], None]


def start_detached(home: Home, engine: Path, report: Report) -> dict[str, Any]:
    """The network runs by itself, every node has committed block 2; what localnet.json says. Raises Failure, and then nothing runs."""
    return wait_until_up(home, spawn(home, engine), report)


def spawn(home: Home, engine: Path, programs: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A supervisor in the background, just started. `programs`: by a node's name the module that it runs in the place of perpd."""
    command = [sys.executable, "-P", "-m", "node.localnet.supervisor", "--home", str(home.path), "--engine", str(engine)]
    for name, module in (programs or {}).items():
        command += ["--program", f"{name}={module}"]
    home.public_file.unlink(missing_ok=True)
    with home.log_file.open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=home.path,
            env=python_environment(),
        )


def wait_until_up(home: Home, process: subprocess.Popen[bytes], report: Report) -> dict[str, Any]:
    """Every node has committed block 2; what localnet.json says. Raises Failure, and then nothing runs."""
    try:
        return _wait_until_up(home, process, report)
    except BaseException:
        process.terminate()
        process.wait()
        stop(home)
        raise


def stop(home: Home) -> bool:
    """Nothing of the localnet runs any more; False if nothing ran. Raises Failure if something cannot be ended."""
    network = home.load()
    supervisor, children = recorded(home)
    ran = bool(supervisor and supervisor.alive()) or any(child.alive() for child in children)
    if supervisor:
        supervisor.send(signal.SIGTERM)
        if not _gone([supervisor], STOP_SECONDS):
            supervisor.send(signal.SIGKILL)
    children = recorded(home)[1] or children
    for number in (signal.SIGTERM, signal.SIGKILL):
        for child in children:
            child.send(number, group=True)
        if _gone(children, SWEEP_SECONDS):
            break
    left = [child.pid for child in children if child.alive()]
    if left:
        raise Failure(f"these processes of the localnet cannot be ended: {', '.join(map(str, left))}.")
    with locked(home):  # waits for nobody: the supervisor is gone
        forget(home, network.validators)
    return ran


def recorded(home: Home) -> tuple[Identity | None, list[Identity]]:
    """The supervisor and its children as last written down; they may have ended since."""
    record = files.read_json(home.processes_file)
    children = [
        Identity(entry["pid"], entry["started"]) for node in record.get("nodes", []) for entry in (node["perpd"], node["cometbft"]) if entry
    ]
    supervisor = record.get("supervisor")
    return (Identity(supervisor["pid"], supervisor["started"]) if supervisor else None), children


def sweep(home: Home) -> int:
    """Ends what a killed supervisor left behind; how many that were. For `up`, which holds the lock."""
    _, children = recorded(home)
    left = [child for child in children if child.alive()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for child in left:
            child.send(number, group=True)
        if _gone(left, SWEEP_SECONDS):
            break
    return len(left)


def status(home: Home) -> dict[str, Any]:
    """What is known of the localnet, running or not, as a JSON document. Raises Failure if there is none."""
    network = home.load()
    record = files.read_json(home.processes_file)
    supervisor, _ = recorded(home)
    running = bool(supervisor and supervisor.alive())
    public = files.read_json(home.public_file) if running else {}
    processes = {node["name"]: node for node in record.get("nodes", [])}
    places = public.get("nodes") or [{"name": node.name, "home": str(node.home)} for node in home.nodes(network.validators)]
    views = {place["name"]: NodeView(place["name"], place["rpc"]) for place in places if "rpc" in place}
    asyncio.run(_look_at(list(views.values())))
    return {
        "running": running,
        "home": str(home.path),
        "chain_id": network.chain_id,
        "prices": network.prices,
        "supervisor": supervisor.pid if running and supervisor else None,
        "nodes": [
            {key: value for key, value in place.items() if key != "pids"}
            | _programs(processes.get(place["name"], {}), running)
            | _answers(views.get(place["name"]))
            for place in places
        ],
        "events": files.last_lines(home.log_file, 10),
    }


def _programs(node: dict[str, Any], running: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in ("perpd", "cometbft"):
        entry = node.get(kind)
        alive = running and entry is not None and Identity(entry["pid"], entry["started"]).alive()
        found[kind] = {"pid": entry["pid"], "restarts": entry["restarts"]} if entry and alive else None
    return found


def _answers(view: NodeView | None) -> dict[str, Any]:
    if view is None or not view.reachable:
        return {"answers": False}
    return {
        "answers": True,
        "height": view.height,
        "app_hash": view.app_hash,
        "catching_up": view.catching_up,
        "peers": view.peers,
        "mempool": view.mempool,
    }


async def _look_at(views: list[NodeView]) -> None:
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        await asyncio.gather(*(look(client, view, closely=True) for view in views))


def _wait_until_up(home: Home, process: subprocess.Popen[bytes], report: Report) -> dict[str, Any]:
    views: list[NodeView] = []
    goal = 0
    told = ""
    for _ in _until(START_SECONDS):
        if process.poll() is not None:
            words = files.last_lines(home.log_file, 1)
            raise Failure(words[0].partition(" ALARM ")[2] or words[0] if words else "the supervisor ended without a word.")
        if not views:
            public = files.read_json(home.public_file)
            views = [NodeView(node["name"], node["rpc"]) for node in public.get("nodes", [])]
            continue
        asyncio.run(_look_at(views))
        goal = goal or max(FIRST_HEIGHT, *(view.height for view in views))
        ready = [view.name for view in views if view.height >= goal]
        if len(ready) == len(views):
            return files.read_json(home.public_file)
        if told != (told := f"{len(ready)} of {len(views)} nodes have committed block {goal}"):
            report(told)
    raise Failure(f"the network did not come up within {START_SECONDS:.0f} s; {home.log_file} says what happened.")


def _gone(processes: list[Identity], seconds: float) -> bool:
    return any(not any(process.alive() for process in processes) for _ in _until(seconds))


def _until(seconds: float, step: float = 0.05) -> Iterator[None]:
    """Yields every `step` seconds until the time is over, at least once."""
    deadline = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= deadline:
            return
        time.sleep(step)
