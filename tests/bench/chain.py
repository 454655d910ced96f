"""One node for the benches: as a process behind its socket or in this process, driven by the mock consensus; and the load of a block."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

from node.abci.application import Application
from node.abci.client import Client
from node.localnet.create import DEFAULT_GENESIS
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.chain import Chain, make_validators

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = "bench-1"
START_SECONDS = 120.0
BLOCK_TXS = 1_000
RESTING, CROSSING = 600, 300
"""Of 1,000 transactions; the other 100 are cancels."""
CANCELS = BLOCK_TXS - RESTING - CROSSING
NEAREST_TICKS, QUIET_TICKS, FARTHEST_TICKS, THROUGH_TICKS = 10, 150, 200, 300
"""Where resting orders lie around the middle, from where on nobody reaches them, and how far the limits of crossing orders go through."""
LIFE_BLOCKS = 20


def localnet_state() -> dict[str, Any]:
    """The state of genesis/localnet.json."""
    state: dict[str, Any] = json.loads(DEFAULT_GENESIS.read_text())
    return state


class TimedApplication(Application):
    """Passes every call on, in this process or through a socket, and keeps its seconds by name."""

    def __init__(self, inner: Application | Client) -> None:
        self._inner = inner
        self.seconds: dict[str, list[float]] = {}

    def last(self, name: str) -> float:
        """Seconds of the latest call of this name."""
        return self.seconds[name][-1]

    def _timed(self, name: str, *arguments: Any) -> Any:
        call = getattr(self._inner, name)
        begin = perf_counter()
        answer = call(*arguments)
        self.seconds.setdefault(name, []).append(perf_counter() - begin)
        return answer

    def info(self, request: abci.RequestInfo) -> Any:
        return self._timed("info", request)

    def init_chain(self, request: abci.RequestInitChain) -> Any:
        return self._timed("init_chain", request)

    def check_tx(self, tx: bytes, recheck: bool) -> Any:
        if isinstance(self._inner, Client):
            return self._inner.check_tx(tx, recheck=recheck)
        return self._timed("check_tx", tx, recheck)

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> Any:
        return self._timed("prepare_proposal", request)

    def process_proposal(self, request: abci.RequestProcessProposal) -> Any:
        return self._timed("process_proposal", request)

    def extend_vote(self, request: abci.RequestExtendVote) -> Any:
        return self._timed("extend_vote", request)

    def verify_vote_extension(self, request: abci.RequestVerifyVoteExtension) -> Any:
        return self._timed("verify_vote_extension", request)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> Any:
        return self._timed("finalize_block", request)

    def commit(self, request: abci.RequestCommit) -> Any:
        return self._timed("commit", request) if not isinstance(self._inner, Client) else self._timed("commit")


class NodeProcess:
    """A `perpd start` of its own, without an engine, in `home`."""

    def __init__(self, home: Path, app_state: Mapping[str, Any]) -> None:
        self.home = home
        self.app_state = json.dumps(app_state).encode()
        self.socket = home / "abci.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[Client] = []

    def start(self) -> float:
        """The node answers; seconds from the start of the process to the first answer."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "app.toml").write_text(
            f'abci = "unix://{self.socket}"\ngrpc = "127.0.0.1:{_free_port()}"\nmetrics = ""\nprices = "manual"\nlog_level = "warning"\n'
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto" / "gen")])}
        with (self.home / "perpd.log").open("ab") as log:
            begin = perf_counter()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "node", "start", "--home", str(self.home)], env=environment, stdout=log, stderr=log
            )
        deadline = monotonic() + START_SECONDS
        while True:
            try:
                client = self.client()
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if self._process.poll() is not None or monotonic() > deadline:
                    raise RuntimeError(f"the node does not start: {(self.home / 'perpd.log').read_text()[-2000:]}") from None
                sleep(0.005)
        client.info()
        return perf_counter() - begin

    def client(self) -> Client:
        """One more connection."""
        client = Client(f"unix://{self.socket}", timeout_seconds=600)
        self._clients.append(client)
        return client

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """The process has ended by itself after a polite signal."""
        if self._process is None:
            return
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def chain_of(app: Application, app_state: bytes) -> Chain:
    """A mock network of one validator with vote extensions, a block a second."""
    return Chain(apps=[app], validators=make_validators(1), chain_id=CHAIN_ID, app_state=app_state)


def decide_unseen(chain: Chain, txs: Sequence[bytes]) -> Any:
    """One height whose transactions the application meets in FinalizeBlock for the first time, as in block sync or replay."""
    proposal = [*chain.prepare([]), *txs]
    chain.extend(proposal)
    return chain.decide(proposal)


def failures(block: Any) -> dict[str, int]:
    """Failed transactions of a block by codespace/code; the preamble has no failures."""
    found: dict[str, int] = {}
    for result in block.results:
        if result.code:
            key = f"{result.codespace}/{result.code}"
            found[key] = found.get(key, 0) + 1
    return found


class MixedLoad:
    """Blocks of 1,000: 600 post-only orders that rest 10 to 200 ticks from the middle, 300 that fill at the best of those (short-term:
    immediate-or-cancel), 100 cancels of far orders of the block before (the first block has orders instead). All markets in turn, both
    sides alike.
    """

    def __init__(self, people: Sequence[load.Trader], books: Sequence[load.Market], *, flags: int, seed: int = 1) -> None:
        third = len(people) // 3
        self._resting, self._crossing = people[: 2 * third], people[2 * third :]
        self._books = books
        self._flags = flags
        self._random = random.Random(seed)
        self._client_id = 0
        self._turns: dict[bool, int] = {}
        self._sequences: dict[int, int] = {}
        self._before: list[tuple[load.Order, int]] = []

    def block(self, height: int, time_seconds: int) -> list[bytes]:
        """Signed transactions for the block at `height`, in an order as a pool might have them."""
        flags = self._flags
        good_til = height + LIFE_BLOCKS if flags == load.SHORT_TERM else time_seconds + 3_600
        cancelled, self._before = self._before[:CANCELS], []
        txs = []
        for order, until in cancelled:
            txs.append(self._sign(order.trader, load.cancel_message(order, flags=flags, good_til=until)))
        for place in range(BLOCK_TXS - len(cancelled)):
            crosses = place % 3 == 2
            order = self._order(self._crossing if crosses else self._resting, crosses=crosses)
            txs.append(self._sign(order.trader, load.message(order, flags=flags, good_til=good_til)))
            if not crosses and abs(order.subticks - order.market.middle_subticks) >= QUIET_TICKS * order.market.tick_subticks:
                self._before.append((order, good_til))
        return txs

    def resting(self, count: int, time_seconds: int) -> list[bytes]:
        """So many long-term orders that rest and stay."""
        assert self._flags == load.LONG_TERM
        orders = [self._order(self._resting, crosses=False) for _ in range(count)]
        return [self._sign(order.trader, load.message(order, flags=load.LONG_TERM, good_til=time_seconds + 86_400)) for order in orders]

    def _order(self, people: Sequence[load.Trader], *, crosses: bool) -> load.Order:
        turn = self._turns[crosses] = self._turns.get(crosses, 0) + 1
        trader = people[turn % len(people)]
        book = self._books[turn % len(self._books)]
        is_buy = self._random.random() < 0.5
        ticks = -THROUGH_TICKS if crosses else self._random.randint(NEAREST_TICKS, FARTHEST_TICKS)
        subticks = book.middle_subticks + (-ticks if is_buy else ticks) * book.tick_subticks
        self._client_id += 1
        taking = load.IMMEDIATE_OR_CANCEL if self._flags == load.SHORT_TERM else load.REST
        time_in_force = taking if crosses else load.POST_ONLY
        return load.Order(trader, book, is_buy, load.ORDER_STEPS * book.step_base_quantums, subticks, self._client_id, time_in_force)

    def _sign(self, trader: load.Trader, content: Any) -> bytes:
        sequence = 0
        if self._flags != load.SHORT_TERM:
            sequence = self._sequences.get(trader.number, 0)
            self._sequences[trader.number] = sequence + 1
        return load.signed(trader, content, sequence, CHAIN_ID)
