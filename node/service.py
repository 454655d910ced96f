"""One node as a process: state, ABCI, gRPC, metrics, feeder; from start to a graceful end."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from modules.kernel.context import Context
from node import logs
from node.abci.server import Server
from node.app import VERSION, App
from node.config import NodeConfig
from node.failure import Failure
from node.feeder.service import Feeder
from node.metrics import Metrics
from node.query.engine_rpc import EngineRpc
from node.query.grpc_server import GrpcServer
from node.query.services.absent import absent_routes
from node.query.services.node_state import node_routes
from node.query.services.simulate import SimulateOutcome, simulate_route
from node.store.chain_store import ChainStore
from node.store.database import DatabaseError
from node.wiring import Wiring

log = logging.getLogger("node")


class Node:
    """Everything that one `perpd start` runs."""

    def __init__(self, config: NodeConfig, application: Callable[..., App] = App) -> None:
        """The committed state is loaded and checked; `application` takes what App takes. Raises DatabaseError or Failure in plain words."""
        self.config = config
        self.metrics = Metrics()
        wiring = Wiring()
        self._oracle = wiring.oracle.keeper
        config.data.mkdir(parents=True, exist_ok=True)
        self.store = ChainStore(config.data, wiring.registry.stores, config.versions_kept)
        override = Path(config.prices_override) if config.prices_override else None
        self.feeder = Feeder(config.prices, (), override=override, validator_index=config.validator_index)
        routes = (
            *absent_routes(),
            *node_routes(self.store, wiring.consensus.keeper, wiring.bank.keeper),
            simulate_route(self._simulate_here),
        )
        self.app = application(
            self.store,
            wiring,
            prices=self.feeder.current,
            metrics=self.metrics,
            node_queries=routes,
            on_chain=self._follow_markets,
            history_blocks=config.history_blocks,
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    def _follow_markets(self, ctx: Context) -> None:
        """The feeder reports what the chain trades."""
        oracle = self._oracle

        def last(market_id: int) -> int:
            return oracle.price(ctx, market_id, oracle.maximum_age_seconds(ctx, market_id)).price

        self.feeder.follow((market.id, market.ticker, market.exponent, last(market.id)) for market in oracle.markets(ctx))

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises whatever the application raised where it may not: the process must end with it."""
        self._loop = loop = asyncio.get_running_loop()
        ending = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ending.set)
        server = Server(self.app, self.config.abci)
        grpc_server = None
        try:
            if self.config.metrics:
                self.metrics.serve(self.config.metrics)
            self.feeder.start(self.metrics)
            await server.start()
            if self.config.grpc:
                engine = EngineRpc(self.config.engine_rpc)
                grpc_server = GrpcServer(self.config.grpc, self.app.table, engine, self._simulate_there, version=VERSION)
                await loop.run_in_executor(None, grpc_server.start)
            log.info("node is up", extra={"height": self.store.height, "abci": self.config.abci, "grpc": self.config.grpc})
            told = loop.create_task(_until(ending))
            await asyncio.wait([told, server.fatal], return_when=asyncio.FIRST_COMPLETED)
            if server.fatal.done():
                server.fatal.result()
            log.info("node is stopping", extra={"height": self.store.height})
        finally:
            await server.stop()
            if grpc_server is not None:
                await loop.run_in_executor(None, grpc_server.stop)
            await loop.run_in_executor(None, self.feeder.stop)
            self.store.close()

    def _simulate_here(self, raw: bytes) -> SimulateOutcome:
        return self.app.simulate(raw)

    def _simulate_there(self, raw: bytes) -> SimulateOutcome:
        """From another thread: the state's own thread runs it between two calls of the engine."""
        assert self._loop is not None
        answer: Future[SimulateOutcome] = Future()

        def run() -> None:
            try:
                answer.set_result(self.app.simulate(raw))
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return answer.result(timeout=30)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


SWITCH_INTERVAL_SECONDS = 0.0005
"""How long a gRPC thread may keep the interpreter when the state thread wants it back; Python's own 5 ms would be felt in every vote."""


def run(config: NodeConfig, application: Callable[..., App] = App) -> int:
    """The exit code of one node's life: 0 after a signal, 1 with the reason in the log otherwise."""
    logs.setup(config.log_level)
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    try:
        node = Node(config, application)
        asyncio.run(node.run())
    except (Failure, DatabaseError, OSError) as error:
        log.error("cannot run: %s", error)  # noqa: TRY400 - one plain sentence, no traceback
        return 1
    except Exception:
        log.critical("the node stops: the application failed where it must not", exc_info=True)
        return 1
    return 0
