"""One real application behind a gRPC server, with a peer in the engine's place that decides a block for every transaction at once.

Everything of ours is real: application, state, query table, gRPC, client. The peer speaks CometBFT's JSON-RPC, as `grpc_node.Engine` does.
"""

import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from mnemonic import Mnemonic

from node.app import App
from node.chain_genesis import parse
from node.client.wallet import Wallet
from node.localnet import files
from node.localnet.genesis import ACCOUNT_NAMES, fund, name_authority
from node.localnet.home import Home
from node.localnet.keys import Account, address_of, public_key
from node.query.engine_rpc import EngineRpc
from node.query.grpc_server import GrpcServer
from node.query.services.absent import absent_routes
from node.query.services.node_state import node_routes
from node.query.services.simulate import SimulateOutcome, simulate_route
from node.store.chain_store import ChainStore
from node.wiring import Wiring
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import SECOND, Chain, make_validators
from support.grpc_node import Engine

CHAIN_ID = "single-node-1"
GENESIS = Path(__file__).parents[2] / "genesis" / "localnet.json"
WORDS = (
    "merge panther lobster crazy road hollow amused security before critic about cliff exhibit cause coyote talent happy where lion river"
    " tobacco option coconut small"
)
"""The public mnemonic of the reference chain's own local network, so it guards nothing."""
BTC_PRICE = 4_731_900_000


def accounts() -> tuple[Account, ...]:
    """The accounts of a localnet, from mnemonics that are the same in every run."""
    words = [WORDS, *(Mnemonic("english").to_mnemonic(sha256(name.encode()).digest()) for name in ACCOUNT_NAMES[1:])]
    return tuple(Account(name, address_of(public_key(text)), text) for name, text in zip(ACCOUNT_NAMES, words, strict=True))


class SingleNode:
    """The application with its chain of one validator. Blocks come with transactions, or by `block`."""

    def __init__(self, directory: Path, engine: Engine, block_seconds: int = 1, genesis: Mapping[str, Any] | None = None) -> None:
        self.home = Home(directory)
        self.address = ""
        """Where its gRPC server listens."""
        self.accounts = accounts()
        self.prices: dict[int, int] = {0: BTC_PRICE, 1: 3_829_000_000, 2: 17_600_000_000}
        self._lock = threading.Lock()
        self._included: dict[str, tuple[int, int]] = {}
        wiring = Wiring()
        store = ChainStore(directory / "app", wiring.registry.stores, 1000)
        self.store = store
        self.app = App(
            store,
            wiring,
            prices=lambda: self.prices,
            node_queries=(
                *absent_routes(),
                *node_routes(store, wiring.consensus.keeper, wiring.bank.keeper),
                simulate_route(self.simulate),
            ),
        )
        state = name_authority(fund(genesis or parse(GENESIS.read_bytes()), self.accounts), self.accounts[0].address)
        text = json.dumps(state).encode()
        now = time.time_ns()
        self.chain = Chain(
            [self.app], make_validators(1), CHAIN_ID, text, time_ns=now - now % SECOND, block_seconds_ns=block_seconds * SECOND
        )
        self.chain.start()
        self.chain.run(2)
        engine.answers.update(
            broadcast_tx_sync=self._broadcast, tx=self._tx, header=self._header, block=self._block, status=lambda _: {"result": {}}
        )

    def block(self, count: int = 1) -> int:
        """So many empty blocks; the height after them."""
        with self._lock:
            self.chain.run(count)
            return self.chain.height

    def simulate(self, raw: bytes) -> SimulateOutcome:
        with self._lock:
            return self.app.simulate(raw)

    def wallet(self, name: str) -> Wallet:
        """The key of a funded account."""
        return Wallet.from_mnemonic(next(account.mnemonic for account in self.accounts if account.name == name))

    def _broadcast(self, params: dict[str, Any]) -> dict[str, Any]:
        tx = b64decode(params["tx"])
        name = sha256(tx).hexdigest().upper()
        with self._lock:
            answer = self.app.check_tx(tx, recheck=False)
            checked = abci.ResponseCheckTx.FromString(answer) if isinstance(answer, bytes) else answer
            if not checked.code:
                block = self.chain.block([tx])
                if tx in block.txs:
                    self._included[name] = (block.height, block.txs.index(tx))
        return {"result": {"code": checked.code, "codespace": checked.codespace, "log": checked.log, "data": "", "hash": name}}

    def _tx(self, params: dict[str, Any]) -> dict[str, Any]:
        name = b64decode(params["hash"]).hex().upper()
        if name not in self._included:
            return {"error": {"code": -32603, "message": "Internal error", "data": f"tx ({name}) not found"}}
        height, index = self._included[name]
        block = self.chain.blocks[height - 1]
        result = block.results[index]
        events = [
            {"type": event.type, "attributes": [{"key": row.key, "value": row.value, "index": row.index} for row in event.attributes]}
            for event in result.events
        ]
        told = {
            "code": result.code,
            "codespace": result.codespace,
            "log": result.log,
            "data": b64encode(result.data).decode(),
            "gas_wanted": str(result.gas_wanted),
            "gas_used": str(result.gas_used),
            "events": events,
        }
        tx = b64encode(block.txs[index]).decode()
        return {"result": {"hash": name, "height": str(height), "index": index, "tx_result": told, "tx": tx}}

    def _header(self, params: dict[str, Any]) -> dict[str, Any]:
        block = self.chain.blocks[int(params["height"]) - 1]
        before = self.chain.blocks[block.height - 2].app_hash if block.height > 1 else self.chain.genesis_hash
        moment = abci.RequestFinalizeBlock()
        moment.time.FromNanoseconds(block.time_ns)
        text = moment.time.ToJsonString()
        return {"result": {"header": {"chain_id": CHAIN_ID, "height": str(block.height), "time": text, "app_hash": before.hex().upper()}}}

    def _block(self, params: dict[str, Any]) -> dict[str, Any]:
        height = int(params.get("height", self.chain.height))
        if height > self.chain.height:
            return {"error": {"code": -32603, "message": "Internal error", "data": f"height {height} must be less than or equal"}}
        header = self._header({"height": str(height)})["result"]["header"]
        txs = [b64encode(tx).decode() for tx in self.chain.blocks[height - 1].txs]
        return {"result": {"block_id": {"hash": sha256(b"%d" % height).hexdigest()}, "block": {"header": header, "data": {"txs": txs}}}}


@contextmanager
def single_node(directory: Path, nodes: int = 1, genesis: Mapping[str, Any] | None = None) -> Iterator[SingleNode]:
    """A running node, and in `directory` the localnet.json of a localnet that has it `nodes` times."""
    engine = Engine()
    node = SingleNode(directory, engine, genesis=genesis)
    server = GrpcServer("127.0.0.1:0", node.app.table, EngineRpc(engine.url), node.simulate, version="0.1.0")
    server.start()
    node.address = f"127.0.0.1:{server.port}"
    entries = [{"name": f"node{index}", "grpc": node.address, "rpc": engine.url} for index in range(nodes)]
    document = {"chain_id": CHAIN_ID, "nodes": entries, "accounts": [asdict(account) for account in node.accounts], "prices": "manual"}
    files.write_json(node.home.public_file, document)
    try:
        yield node
    finally:
        server.stop(0)
        engine.close()
        node.store.close()
