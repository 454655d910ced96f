"""A network of four validators whose last one cheats when it is told to, and what the others make of it."""

import ast
import base64
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from node import toolchain
from node.demo.mev.cheater import CONTROL_FILE, RECORD_FILE
from node.demo.mev.cheats import Cheat, named
from node.failure import Failure
from node.localnet import control, create, files, supervisor
from node.localnet.home import Home
from node.localnet.keys import EngineKey

PROGRAM = "node.demo.mev.cheater"
VALIDATORS = 4
CHEATER = VALIDATORS - 1
"""Index of the node that cheats."""
LIMITS = {"max_block_bytes": 64 * 1024, "max_tx_bytes": 8 * 1024, "quota_per_account_and_lane": 20}
"""Of this network's genesis: small, so that a block that exceeds them is small too."""
PRICES = "simulated:7"
PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05
_FIELD = re.compile(r"""(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*)""")
_REJECTED = "proposal rejected"

Report = Callable[[str], None]
Provoke = Callable[[], None]


class Verdict(NamedTuple):
    """What one node said of a cheating block."""

    node: str
    rule: str
    position: int
    reason: str


class Attempt(NamedTuple):
    """A cheating block that every other node has judged, and the block that was decided in its place."""

    cheat: str
    title: str
    height: int
    expected_rule: str
    verdicts: tuple[Verdict, ...]
    """Of the other nodes, in their order, as their logs have them."""
    counted: tuple[tuple[str, int], ...]
    """By how much each of these nodes' metrics has counted rejections by that rule meanwhile."""
    decided_by: str
    """The node whose block was decided at that height."""
    round: int
    """Of the commit of that height: above 0, or the cheating block would have been it."""
    txs_decided: int
    """Transactions of the decided block, its preamble included."""
    cheating_txs_decided: int
    """Of those, how many only the cheating block had; all, if it is that block itself."""


@dataclass(frozen=True)
class CheatingNetwork:
    """A running one. Its last node cheats as CONTROL_FILE in its home says."""

    home: Home
    supervisor: subprocess.Popen[bytes]

    @cached_property
    def http(self) -> httpx.Client:
        """Kept, as a new one takes longer than a question."""
        return httpx.Client(timeout=10.0, trust_env=False)

    @cached_property
    def document(self) -> dict[str, Any]:
        """What localnet.json says: nodes, accounts."""
        return files.read_json(self.home.public_file)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return list(self.document["nodes"])

    @cached_property
    def names_by_address(self) -> dict[str, str]:
        """Names of the nodes by their validators' addresses, upper hex as the engine writes them."""
        keys = {
            node.name: EngineKey.from_file((node.config / "priv_validator_key.json").read_text()) for node in self.home.nodes(VALIDATORS)
        }
        return {key.address.hex().upper(): name for name, key in keys.items()}

    @property
    def cheater_address(self) -> str:
        """The cheating validator's address in lower hex."""
        return next(address.lower() for address, name in self.names_by_address.items() if name == f"node{CHEATER}")

    def rpc(self, method: str, node: int = 0, **parameters: str) -> dict[str, Any]:
        """The result of a CometBFT RPC call. Raises Failure."""
        try:
            answer = self.http.get(f"{self.nodes[node]['rpc']}/{method}", params=parameters).json()
        except (httpx.HTTPError, ValueError) as error:
            raise Failure(f"node{node} does not answer {method}: {error!r}.") from None
        result = answer.get("result")
        if not isinstance(result, dict):
            raise Failure(f"node{node} answers {method} with {json.dumps(answer.get('error'))}.")
        return result

    def height(self, node: int = 0) -> int:
        """The node's last committed height."""
        return int(self.rpc("status", node)["sync_info"]["latest_block_height"])

    def tell(self, cheat: str) -> None:
        """From its next proposal on the last node cheats so; empty: it is honest."""
        files.write_json(self.home.node(CHEATER).home / CONTROL_FILE, {"cheat": cheat})

    def record(self) -> list[dict[str, Any]]:
        """Everything that the last node has tried so far; see cheater.Crime.record."""
        with suppress(FileNotFoundError):
            text = (self.home.node(CHEATER).home / RECORD_FILE).read_text()
            return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return []

    def rejections(self, node: int) -> dict[str, int]:
        """How many proposals of the cheating validator the node's metrics say it has rejected, by rule."""
        text = self.http.get(self.nodes[node]["metrics"]).text
        found: dict[str, int] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "perpd_proposals_rejected_total" and sample.labels["proposer"] == self.cheater_address:
                    found[sample.labels["rule"]] = int(sample.value)
        return found


def start(directory: Path, report: Report, state: Mapping[str, Any] | None = None) -> CheatingNetwork:
    """It runs, every node has committed block 2, and nobody cheats yet. Goes on with the chain in `directory` if there is one, else
    begins one with this state, by default `cheating_genesis`. Raises Failure, and then nothing runs.
    """
    home = Home(directory)
    engine = toolchain.engine(report)
    with supervisor.locked(home):
        control.sweep(home)
        genesis = None
        if not home.node(0).genesis.is_file():
            genesis = directory / "cheating-genesis.json"
            directory.mkdir(parents=True, exist_ok=True)
            files.write_json(genesis, cheating_genesis() if state is None else state)
        create.prepare(home, create.Wishes(validators=VALIDATORS, genesis=genesis, prices=PRICES))
    (home.node(CHEATER).home / CONTROL_FILE).unlink(missing_ok=True)
    process = control.spawn(home, engine, {f"node{CHEATER}": PROGRAM})
    control.wait_until_up(home, process, report)
    return CheatingNetwork(home, process)


def stop(network: CheatingNetwork) -> None:
    """Nothing of it runs any more. Raises Failure."""
    network.http.close()
    control.stop(network.home)
    network.supervisor.wait()


@contextmanager
def running(directory: Path, report: Report, state: Mapping[str, Any] | None = None) -> Iterator[CheatingNetwork]:
    """A started network, stopped at the end."""
    network = start(directory, report, state)
    try:
        yield network
    finally:
        stop(network)


def cheating_genesis() -> dict[str, Any]:
    """The localnet's state with blocks of small LIMITS."""
    state: dict[str, Any] = json.loads(create.DEFAULT_GENESIS.read_text())
    state["consensus"] = {**state["consensus"], "sequencer": LIMITS}
    return state


def attempt(network: CheatingNetwork, cheat_name: str, provoke: Provoke | None = None, seconds: float = PATIENCE_SECONDS) -> Attempt:
    """The last node cheats so until every other one has judged a block of it, and that height is decided; then it is honest again.

    `provoke` is called once per height, to put into honest nodes' pools what the cheat needs. Raises Failure if it did not happen in time.
    """
    cheat = named(cheat_name)
    others = [node for node in range(VALIDATORS) if node != CHEATER]
    # In this order: whatever is recorded from now on is logged and counted from now on, also if it was begun before.
    before = {node: network.rejections(node).get(cheat.rule, 0) for node in others}
    logs = {node: _Log(network.home.node(node).logs / "perpd.log", network.cheater_address) for node in others}
    seen = len(network.record())

    def tried() -> list[dict[str, Any]]:
        return [crime for crime in network.record()[seen:] if crime["cheat"] == cheat.name]

    deadline = time.monotonic() + seconds
    last = 0
    network.tell(cheat.name)
    try:
        while time.monotonic() < deadline:
            height = network.height()
            if provoke is not None and height > last:
                provoke()
            last = height
            for crime in tried():
                verdicts = {node: logs[node].rejection(crime["height"]) for node in others}
                if crime["height"] < network.height() and all(verdicts.values()):
                    judged = [(f"node{node}", found) for node, found in verdicts.items() if found is not None]
                    counted = {node: network.rejections(node).get(cheat.rule, 0) - before[node] for node in others}
                    return _told(network, cheat, crime, judged, counted)
            time.sleep(_POLL_SECONDS)
    finally:
        network.tell("")
    heights = [crime["height"] for crime in tried()]
    what = f"it was tried at {heights}, not everybody judged it" if heights else f"it never had what it needs ({cheat.needs or 'a turn'})"
    raise Failure(f"no block of the cheat {cheat.name} was proposed and judged within {seconds:g} seconds: {what}.")


def _told(
    network: CheatingNetwork,
    cheat: Cheat,
    crime: Mapping[str, Any],
    judged: Sequence[tuple[str, Mapping[str, str]]],
    counted: Mapping[int, int],
) -> Attempt:
    height = int(crime["height"])
    block = network.rpc("block", height=str(height))["block"]
    commit = network.rpc("commit", height=str(height))["signed_header"]["commit"]
    decided = [sha256(base64.b64decode(tx)).hexdigest() for tx in block["data"]["txs"] or []]
    return Attempt(
        cheat=cheat.name,
        title=cheat.title,
        height=height,
        expected_rule=cheat.rule,
        verdicts=tuple(Verdict(name, found["rule"], int(found["position"]), found["reason"]) for name, found in judged),
        counted=tuple((f"node{node}", count) for node, count in counted.items()),
        decided_by=network.names_by_address[block["header"]["proposer_address"]],
        round=int(commit["round"]),
        txs_decided=len(decided),
        cheating_txs_decided=len(decided) if decided == crime["txs"] else len([one for one in decided if one in crime["added"]]),
    )


class _Log:
    """A node's log from now on: what it says of the proposals of one validator."""

    def __init__(self, path: Path, proposer: str) -> None:
        self._path = path
        self._begin_byte = path.stat().st_size
        self._proposer = proposer

    def rejection(self, height: int) -> dict[str, str] | None:
        """The fields of the first rejection at that height; None if there is none."""
        with self._path.open("rb") as handle:
            handle.seek(self._begin_byte)
            text = handle.read().decode(errors="replace")
        for line in text.splitlines(keepends=True):
            if _REJECTED in line and line.endswith("\n"):  # else it is still being written
                fields = {key: _plain(value) for key, value in _FIELD.findall(line.strip().partition(_REJECTED)[2])}
                if fields.get("height") == str(height) and fields.get("proposer") == self._proposer and "reason" in fields:
                    return fields
        return None


def _plain(text: str) -> str:
    """A field's value as it was before the log quoted it."""
    return str(ast.literal_eval(text)) if text[:1] in ("'", '"') else text
