"""The node's gRPC server: every path of the query table, transactions, blocks, reflection and health.

It lives in a thread of its own with its own event loop, beside the state thread. State is read on a few worker threads from committed
versions, so that no client ever waits for a block, nor a block for a client. Everything is bounded: calls at a time, open streams,
bytes of a request and of an answer.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from modules.kernel.module import QueryError
from node.failure import Failure
from node.query.engine_rpc import EngineError, EngineRpc, EngineUnreachableError
from node.query.services import simulate as simulation
from node.query.services import wire
from node.query.services.block_service import BlockService
from node.query.services.reports import ReportService
from node.query.services.streams import STREAM_SERVICES, StreamServices
from node.query.services.tx_service import AsyncHandler, TxService, parse
from node.query.table import QueryTable
from node.store.database import DatabaseError
from perpd_proto.cosmos.tx.v1beta1 import service_pb2

log = logging.getLogger("grpc")

HEIGHT_HEADER = "x-cosmos-block-height"
REQUEST_BYTES_MAX = 512 * 1024
"""Above any transaction that a block takes; in base64 still within what the engine's RPC reads."""
ANSWER_BYTES_MAX = 32 * 1024 * 1024
CALLS_MAX = 512
_READERS = 3
_SIMULATORS = 2
_MESSAGE_CHARACTERS_MAX = 2000
_KEEPALIVE_MS = 30_000
_HEIGHT_DIGITS_MAX = 18

_STATUS: dict[str, grpc.StatusCode] = {
    "NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "INVALID_ARGUMENT": grpc.StatusCode.INVALID_ARGUMENT,
    "OUT_OF_RANGE": grpc.StatusCode.OUT_OF_RANGE,
    "FUTURE_HEIGHT": grpc.StatusCode.INVALID_ARGUMENT,
    "FAILED_PRECONDITION": grpc.StatusCode.FAILED_PRECONDITION,
    "UNAUTHENTICATED": grpc.StatusCode.UNAUTHENTICATED,
    "RESOURCE_EXHAUSTED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "INTERNAL": grpc.StatusCode.INTERNAL,
    "UNKNOWN": grpc.StatusCode.UNKNOWN,
}


class GrpcServer:
    """Serves `address` (host:port; port 0 takes a free one) from `start` to `stop`.

    `simulate` is called on a worker thread and may wait for the state thread. `version` is ours, for GetNodeInfo.
    """

    def __init__(self, address: str, table: QueryTable, engine: EngineRpc, simulate: simulation.Simulate, *, version: str) -> None:
        self._address = address
        self._table = table
        self._engine = engine
        self._simulate = simulate
        self._handlers: dict[str, AsyncHandler] = {
            **TxService(engine).handlers,
            **BlockService(engine, version).handlers,
            **ReportService(engine, table).handlers,
            simulation.PATH: self._answer_simulate,
        }
        self._readers = ThreadPoolExecutor(_READERS, "grpc-read")
        self._simulators = ThreadPoolExecutor(_SIMULATORS, "grpc-simulate")
        self._thread = threading.Thread(target=self._run, name="grpc", daemon=True)
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._grace_seconds = 0.0
        self.port = 0
        """Where it listens, once started."""

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of everything that is served, sorted."""
        paths = (*self._table.routes, *self._handlers)
        return tuple(sorted({path.split("/")[1] for path in paths} | set(STREAM_SERVICES)))

    def start(self) -> None:
        """Returns when clients can connect. Raises Failure if the address cannot be had."""
        self._thread.start()
        self._up.wait()
        if self._failure is not None:
            self._thread.join()
            if isinstance(self._failure, OSError):
                raise Failure(f"gRPC cannot listen on {self._address}: {self._failure}.")
            raise self._failure

    def stop(self, grace_seconds: float = 1.0) -> None:
        """Refuses new calls at once, gives running ones `grace_seconds`, and returns when the thread is gone. Harmless twice."""
        if self._loop is not None and self._ending is not None and self._thread.is_alive():
            self._grace_seconds = grace_seconds
            self._loop.call_soon_threadsafe(self._ending.set)
        if self._thread.ident is not None:
            self._thread.join()
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._simulators.shutdown(wait=False, cancel_futures=True)

    # The thread.

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failure = error
            if self._up.is_set():
                log.exception("the gRPC server has ended")
        finally:
            self._up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        server = grpc.aio.server(
            maximum_concurrent_rpcs=CALLS_MAX,
            options=(
                ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
                ("grpc.max_send_message_length", ANSWER_BYTES_MAX),
                ("grpc.so_reuseport", 0),  # two nodes on one port would each get half of the clients
                ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
                ("grpc.keepalive_permit_without_calls", 1),
            ),
        )
        streams = StreamServices(self.services)
        server.add_generic_rpc_handlers((*self._unary_handlers(), *streams.handlers))
        try:
            self.port = server.add_insecure_port(self._address)
        except RuntimeError:
            raise OSError("the address is in use or is not this machine's") from None
        await server.start()
        await streams.serving()
        self._up.set()
        await self._ending.wait()
        await streams.ending()
        await server.stop(self._grace_seconds)
        await self._engine.close()

    # Calls.

    def _unary_handlers(self) -> Iterator[Any]:
        """One per service. gRPC answers UNIMPLEMENTED for every other path."""
        methods: dict[str, dict[str, Any]] = {}
        for path in {**self._table.routes, **self._handlers}:
            _, service, name = path.split("/")
            methods.setdefault(service, {})[name] = grpc.unary_unary_rpc_method_handler(self._method(path))
        for service, named in methods.items():
            yield grpc.method_handlers_generic_handler(service, named)

    def _method(self, path: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
        """What answers a path. Handlers of our own go before the table's, which may have the same path for abci_query."""
        handler = self._handlers.get(path)

        async def method(data: bytes, context: Any) -> bytes:
            return await (self._answer_query(path, data, context) if handler is None else handler(data))

        async def guarded(data: bytes, context: Any) -> bytes:
            return await _guarded(path, method, data, context)

        return guarded

    async def _answer_query(self, path: str, data: bytes, context: Any) -> bytes:
        height = _height_asked(context.invocation_metadata() or ())
        answer, used = await asyncio.get_running_loop().run_in_executor(self._readers, self._table.answer, path, data, height)
        if len(answer) > ANSWER_BYTES_MAX:
            raise QueryError(
                "RESOURCE_EXHAUSTED", f"the answer has {len(answer)} bytes, more than {ANSWER_BYTES_MAX}: ask for pages (pagination.limit)"
            )
        await context.send_initial_metadata(((HEIGHT_HEADER, str(used)),))
        return answer

    async def _answer_simulate(self, data: bytes) -> bytes:
        request = parse(service_pb2.SimulateRequest, data)
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._simulators, simulation.answer, request, self._simulate)
        return wire.encode(response)


async def _guarded(path: str, method: Callable[[bytes, Any], Awaitable[bytes]], data: bytes, context: Any) -> bytes:
    """The answer, or the call ended with a status and a plain sentence. No failure of a handler reaches the server."""
    try:
        return await method(data, context)
    except QueryError as error:
        status, message = _STATUS[error.status], error.message
    except EngineError as error:
        status, message = grpc.StatusCode.UNKNOWN, error.text
    except EngineUnreachableError as error:
        status, message = grpc.StatusCode.UNAVAILABLE, str(error)
    except TimeoutError:
        status, message = grpc.StatusCode.UNAVAILABLE, "the node is too busy to answer in time"
    except DatabaseError:
        status, message = grpc.StatusCode.UNAVAILABLE, "the node is stopping"
    except Exception:
        log.exception("a query has failed", extra={"path": path})
        status, message = grpc.StatusCode.INTERNAL, "internal error"
    await context.abort(status, message[:_MESSAGE_CHARACTERS_MAX])
    raise AssertionError("abort raises")


def _height_asked(metadata: Any) -> int:
    """The height that the request's metadata names; 0 without. Raises QueryError for what is no height."""
    text = next((value for key, value in metadata if key == HEIGHT_HEADER), "0")
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= _HEIGHT_DIGITS_MAX):
        raise QueryError("INVALID_ARGUMENT", f"the metadata {HEIGHT_HEADER} must be a height, written in digits")
    return int(text)
