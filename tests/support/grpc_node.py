"""A gRPC server over a real chain store, and a peer that answers as CometBFT's RPC does."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc

from modules.auth.module import AuthModule
from modules.bank.module import BankModule
from modules.consensus.model import EngineParams
from modules.consensus.module import ConsensusModule
from modules.kernel.context import Context
from modules.kernel.module import QueryRoute
from modules.kernel.stores import Registry
from node.query.abci_query import AbciQuery
from node.query.engine_rpc import EngineRpc
from node.query.grpc_server import GrpcServer
from node.query.services.absent import absent_routes
from node.query.services.node_state import node_routes
from node.query.services.simulate import Simulate, SimulateOutcome, simulate_route
from node.query.table import QueryTable
from node.store.chain_store import ChainStore
from node.store.state import LiveState

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "engine_rpc.json").read_text())["answers"]
CHAIN_ID = "grpc-test-1"
VALIDATOR_KEYS = (bytes((1,)) * 32, bytes((2,)) * 32)
DENOM = "ibc/8E27BA2D5493AF5636760E354E46004562C46AB7EC0CC4C1CA14E9E20E2545B5"
ALICE = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
BANK_SECTION = {"denoms": [DENOM], "balances": [{"address": ALICE, "coins": [{"denom": DENOM, "amount": "1234567"}]}]}
GENESIS_NS = 1_700_000_000_123_456_789
PATIENCE_SECONDS = 30

Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""params -> {"result": …} or {"error": …}"""


class Engine:
    """A peer that answers JSON-RPC like CometBFT; `answers` says what, per method. What was asked is in `asked`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.raw: bytes | None = None
        """Sent instead of an answer."""
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = engine.raw if engine.raw is not None else json.dumps(engine.answer(request)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def record(self, method: str, name: str) -> None:
        """Answer a method as the real engine once did."""
        self.answers[method] = lambda _: dict(VECTORS[name])

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        method, params = request["method"], request["params"]
        self.asked.append((method, params))
        found = self.answers.get(method)
        body = found(params) if found else {"error": {"code": -32601, "message": "Method not found"}}
        return {**body, "jsonrpc": "2.0", "id": request["id"]}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Chain:
    """Consensus, auth and bank on a chain store; blocks that change nothing but the height."""

    def __init__(self, directory: Path, kept_versions: int = 5, routes: tuple[QueryRoute, ...] = ()) -> None:
        registry = Registry()
        self.consensus = ConsensusModule(registry)
        self.auth = AuthModule(registry, self.consensus.keeper)
        self.bank = BankModule(registry, auth=self.auth.keeper)
        self.state = LiveState(registry)
        self.store = ChainStore(directory, registry.stores, kept_versions)
        for _ in self.store.load():
            pass
        self.outcome = SimulateOutcome(0, "", "", 0, 0, b"", ())
        self.simulated: list[bytes] = []
        routes = (
            *self.consensus.queries,
            *self.bank.queries,
            *self.auth.queries,
            *node_routes(self.store, self.consensus.keeper, self.bank.keeper),
            *absent_routes(),
            *routes,
        )
        self.table = QueryTable(registry, self.store, routes)
        self.abci = AbciQuery(QueryTable(registry, self.store, (*routes, simulate_route(self.simulate))), self.store, "0.1.0")

    def begin(self) -> None:
        ctx = Context(self.state, 1, GENESIS_NS, CHAIN_ID)
        self.consensus.init_genesis(ctx, {})
        self.auth.init_genesis(ctx, {})
        self.bank.init_genesis(ctx, BANK_SECTION)
        self.consensus.keeper.begin_chain(
            ctx,
            chain_id=CHAIN_ID,
            initial_height=1,
            enable_height=1,
            validators=[(key, 10) for key in VALIDATOR_KEYS],
            engine=EngineParams(-1, -1, 0, 0, 0, 1),
        )
        self.store.stage_genesis(self.state.changes())
        self.state.forget()
        self.block()

    def block(self) -> int:
        """One more height; its app hash differs from the one before."""
        height = self.store.height + 1
        ctx = Context(self.state, height, GENESIS_NS + height, CHAIN_ID)
        self.consensus.keeper.end_block(ctx)
        self.store.stage(height, ctx.time_ns, self.state.changes())
        self.store.commit()
        self.state.forget()
        return height

    def simulate(self, tx: bytes) -> SimulateOutcome:
        self.simulated.append(tx)
        return self.outcome


@contextmanager
def serving(chain: Chain, engine_url: str, simulate: Simulate | None = None) -> Iterator[tuple[GrpcServer, grpc.Channel]]:
    """A server on a free port of this machine, and a channel to it."""
    server = GrpcServer("127.0.0.1:0", chain.table, EngineRpc(engine_url, 5), simulate or chain.simulate, version="0.1.0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield server, channel
    finally:
        server.stop(0)


def call(channel: grpc.Channel, path: str, request: Any, response: Any, metadata: tuple[tuple[str, str], ...] = ()) -> Any:
    """The response message of one unary call."""
    data = request if isinstance(request, bytes) else request.SerializeToString()
    return response.FromString(channel.unary_unary(path)(data, timeout=PATIENCE_SECONDS, metadata=metadata))


def outcome(channel: grpc.Channel, path: str, request: Any, metadata: tuple[tuple[str, str], ...] = ()) -> tuple[grpc.StatusCode, str]:
    """Status and message of a call, OK if it answers."""
    data = request if isinstance(request, bytes) else request.SerializeToString()
    try:
        channel.unary_unary(path)(data, timeout=PATIENCE_SECONDS, metadata=metadata)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def failure(channel: grpc.Channel, path: str, request: Any, metadata: tuple[tuple[str, str], ...] = ()) -> tuple[grpc.StatusCode, str]:
    """Status and message of a call that must fail."""
    found = outcome(channel, path, request, metadata)
    assert found[0] is not grpc.StatusCode.OK, f"{path} answered where it must fail"
    return found
