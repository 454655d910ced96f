"""Real localnets that are traded on and mistreated: load from traders of their genesis, kills, and a replay of what they decided."""

import base64
import http.client
import json
import os
import random
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import httpx
from google.protobuf.timestamp_pb2 import Timestamp

from node.app import App
from node.localnet import files
from node.localnet.create import DEFAULT_GENESIS
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.app_network import open_app
from support.broadcast import Address
from support.chain import message
from support.real_localnet import RealLocalnet, processes_of, real_localnet, until

KINDS = ("perpd", "cometbft")
LOG_LINES = 40
PEOPLE = 40
"""Traders of a genesis for load: half of them make, half of them take."""


class Localnet(RealLocalnet):
    """A running network under test."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.count: int = self.home.load().validators
        self.chain_id = self.home.load().chain_id
        self.next_order = 0

    @property
    def addresses(self) -> list[Address]:
        """Of every node's RPC."""
        return [Address.of(node["rpc"]) for node in self.nodes()]

    def pid(self, node: int, kind: str) -> int:
        """0 while it does not run."""
        return int(self.nodes()[node]["pids"].get(kind, 0))

    def pids(self) -> list[dict[str, int]]:
        """Of all nodes, by program."""
        return [node["pids"] for node in self.nodes()]

    def kill(self, node: int, kind: str) -> int:
        """kill -9; the id of what was killed. Waits for the program where it is being started again."""
        until(lambda: self.pid(node, kind), f"node {node} has a {kind}")
        pid = self.pid(node, kind)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_another(self, node: int, kind: str, pid: int) -> None:
        """Until the program runs in another process than that."""
        until(lambda: self.pid(node, kind) not in (0, pid), f"node {node} has a new {kind}")

    def app_height(self, node: int) -> int:
        """What the node's own application has committed; 0 while the node does not answer."""
        try:
            return self.application(node)[0]
        except (httpx.HTTPError, KeyError, ValueError):
            return 0

    def highest(self) -> int:
        """The highest height of any node."""
        return max(self.height(node) for node in range(self.count))

    def wait_until_rejoined(self, node: int, blocks: int = 2) -> None:
        """Until the node has committed so many blocks more than the others have now: it takes part again."""
        goal = self.highest() + blocks
        until(lambda: self.app_height(node) >= goal, f"node {node} at height {goal}")

    def assert_one_state(self, *nodes: int) -> int:
        """All nodes (or these) stand on one state; the height that was compared. Each application's own answers, not the headers'."""
        places = list(nodes or range(self.count))
        goal = self.highest()
        self.wait_for_height(goal, *places)
        hashes = {str(self.rpc(node, "block_results", height=str(goal))["app_hash"]) for node in places}
        assert len(hashes) == 1, f"the nodes {places} differ at height {goal}: {hashes}"
        return goal

    def journal(self) -> str:
        """What the supervisor has to say."""
        return self.home.log_file.read_text()

    def fills(self, first: int, last: int, node: int = 0) -> int:
        """`match` events in these blocks."""
        count = 0
        for height in range(first, last + 1):
            answer = httpx.get(f"{self.nodes()[node]['rpc']}/block_results", params={"height": str(height)}, timeout=30, trust_env=False)
            count += answer.text.count('"type":"match"')
        return count


@contextmanager
def localnet(home: Path, *arguments: str) -> Iterator[Localnet]:
    """A network that is up, and down afterwards with no process left. What its processes said last is printed if anything fails."""
    try:
        with real_localnet(home, *arguments):
            yield Localnet(home)
        left = processes_of(home)
        assert not left, f"these processes outlived the localnet: {left}"
    except BaseException:
        print_logs(home)
        raise


def print_logs(home: Path) -> None:
    """The last lines of every log of a localnet; pytest shows them with the failure."""
    for path in (home / "supervisor.log", *sorted(home.glob("node*/logs/*.log"))):
        print(f"--- {path}", *files.last_lines(path, LOG_LINES), sep="\n")  # noqa: T201


# Trading


def traders_genesis(directory: Path, people: Sequence[load.Trader]) -> Path:
    """The file of a genesis like the localnet's own, with these traders funded in it."""
    path = directory / "traders.json"
    path.write_text(json.dumps(load.with_traders(json.loads(DEFAULT_GENESIS.read_text()), people)))
    return path


def broadcast(address: Address, tx: bytes, method: str = "broadcast_tx_sync") -> dict[str, Any]:
    """The node's whole answer to a transaction."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"tx": base64.b64encode(tx).decode()}})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


class Tradable(Protocol):
    """What traffic needs to know of a network."""

    chain_id: str
    next_order: int
    """The number of the next order of any Traffic; it is also its client id, which serves only once."""

    @property
    def addresses(self) -> Sequence[Address]: ...

    def highest(self) -> int: ...


class Traffic:
    """Crossing orders of a traders' genesis, sent to whatever nodes answer, from a thread of its own until the block ends."""

    def __init__(self, network: Tradable, people: Sequence[load.Trader], interval_seconds: float = 0.03) -> None:
        self._network = network
        self._people = people
        self._interval_seconds = interval_seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")
        self._random = random.Random(1)
        self._height = 0
        self.accepted = 0
        self.unanswered = 0
        self.refused: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._height = self._network.highest()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        books = load.markets(json.loads(DEFAULT_GENESIS.read_text()))
        half = len(self._people) // 2
        addresses = self._network.addresses
        first = self._network.next_order
        orders = load.crossing(self._people[:half], self._people[half:], books, 1_000_000, first=first)
        for count, order in enumerate(orders):
            self._network.next_order = first + count + 1
            if self._ending.wait(self._interval_seconds):
                return
            if count % 20 == 0:
                self._height = max(self._height, self._look(addresses))
            tx = load.sign_orders([order], flags=load.SHORT_TERM, good_til=self._height + 20, chain_id=self._network.chain_id)[0]
            self._send(addresses, tx)

    def _look(self, addresses: Sequence[Address]) -> int:
        for address in addresses:
            with suppress(OSError, ValueError, KeyError, http.client.HTTPException):
                connection = http.client.HTTPConnection(address.host, address.port, timeout=5)
                connection.request("GET", "/status")
                answer = json.loads(connection.getresponse().read())
                connection.close()
                return int(answer["result"]["sync_info"]["latest_block_height"])
        return 0

    def _send(self, addresses: Sequence[Address], tx: bytes) -> None:
        for address in self._random.sample(list(addresses), len(addresses)):
            try:
                result = broadcast(address, tx)["result"]
            except (OSError, ValueError, KeyError, http.client.HTTPException):
                continue
            if result["code"]:
                name = f"{result['codespace']}/{result['code']}"
                self.refused[name] = self.refused.get(name, 0) + 1
            else:
                self.accepted += 1
            return
        self.unanswered += 1


# Looking at what was decided


class History:
    """The blocks of a network as one of its nodes tells them, for an application of this process to execute again."""

    def __init__(self, rpc: str) -> None:
        self._rpc = rpc
        self._client = httpx.Client(timeout=30, trust_env=False)
        self.genesis = self._ask("genesis")["genesis"]
        self.validators = [
            abci.Validator(address=bytes.fromhex(row["address"]), power=int(row["voting_power"]))
            for row in self._ask("validators", height="1")["validators"]
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _ask(self, method: str, **parameters: str) -> dict[str, Any]:
        answer = self._client.get(f"{self._rpc}/{method}", params=parameters).json()
        result: dict[str, Any] = answer["result"]
        return result

    def replay(self, app: App, last: int) -> None:
        """Every block up to `last` is executed and committed; each app hash is the one that the network's next header carries."""
        first = message(app.init_chain(self._init_request()), abci.ResponseInitChain).app_hash
        block = self._ask("block", height="1")["block"]
        assert first.hex().upper() == block["header"]["app_hash"]
        for height in range(1, last + 1):
            answer = message(app.finalize_block(self._request(block)), abci.ResponseFinalizeBlock)
            app.commit(abci.RequestCommit())
            block = self._ask("block", height=str(height + 1))["block"]
            assert answer.app_hash.hex().upper() == block["header"]["app_hash"], f"the replay differs at height {height}"

    def _init_request(self) -> abci.RequestInitChain:
        document = self.genesis
        request = abci.RequestInitChain(
            chain_id=document["chain_id"], initial_height=1, app_state_bytes=json.dumps(document["app_state"]).encode()
        )
        request.time.CopyFrom(timestamp_of(document["genesis_time"]))
        params = document["consensus_params"]
        request.consensus_params.block.max_bytes = int(params["block"]["max_bytes"])
        request.consensus_params.block.max_gas = int(params["block"]["max_gas"])
        request.consensus_params.evidence.max_age_num_blocks = int(params["evidence"]["max_age_num_blocks"])
        request.consensus_params.evidence.max_age_duration.FromNanoseconds(int(params["evidence"]["max_age_duration"]))
        request.consensus_params.evidence.max_bytes = int(params["evidence"]["max_bytes"])
        request.consensus_params.version.app = int(params["version"]["app"])
        request.consensus_params.abci.vote_extensions_enable_height = int(params["abci"]["vote_extensions_enable_height"])
        for row in document["validators"]:
            update = request.validators.add(power=int(row["power"]))
            update.pub_key.ed25519 = base64.b64decode(row["pub_key"]["value"])
        return request

    def _request(self, block: dict[str, Any]) -> abci.RequestFinalizeBlock:
        header = block["header"]
        request = abci.RequestFinalizeBlock(
            txs=[base64.b64decode(tx) for tx in block["data"]["txs"] or []],
            height=int(header["height"]),
            proposer_address=bytes.fromhex(header["proposer_address"]),
        )
        request.time.CopyFrom(timestamp_of(header["time"]))
        commit = block["last_commit"]
        request.decided_last_commit.round = int(commit["round"])
        for who, signature in zip(self.validators, commit["signatures"] or [], strict=False):
            request.decided_last_commit.votes.add(validator=who, block_id_flag=int(signature["block_id_flag"]))
        return request


def timestamp_of(text: str) -> Timestamp:
    """The engine's text of a time."""
    time = Timestamp()
    time.FromJsonString(text)
    return time


def assert_replays(network: Localnet, directory: Path, last: int, node: int = 0) -> None:
    """A new application that executes the node's blocks up to `last` comes to the same app hash at every height."""
    app = open_app(directory)
    try:
        with History(network.nodes()[node]["rpc"]) as history:
            history.replay(app, last)
    finally:
        app.store.close()
