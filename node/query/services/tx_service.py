"""cosmos.tx.v1beta1.Service: send transactions and find them again. The engine holds the pool and the index; we translate."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from modules.kernel.errors import MEMPOOL_FULL, TX_IN_MEMPOOL, TX_TOO_LARGE, ErrorKind
from modules.kernel.module import QueryError
from node.query.engine_rpc import EngineError, EngineRpc
from node.query.services import wire
from perpd_proto.cosmos.base.abci.v1beta1 import abci_pb2
from perpd_proto.cosmos.tx.v1beta1 import service_pb2, tx_pb2

NAME = "cosmos.tx.v1beta1.Service"
_TIMES_KEPT = 2048
_PAGE_DEFAULT = 30
_PAGE_MAX = 100

AsyncHandler = Callable[[bytes], Awaitable[bytes]]

# What the engine's pool says when it does not take a transaction -> the code that Cosmos clients know for it.
_POOL_REFUSALS: tuple[tuple[str, ErrorKind], ...] = (
    ("tx already exists in cache", TX_IN_MEMPOOL),
    ("mempool is full", MEMPOOL_FULL),
    ("tx too large", TX_TOO_LARGE),
    ("request body too large", TX_TOO_LARGE),
)


class TxService:
    """Asynchronous handlers, request bytes in and response bytes out. They raise QueryError and the engine's errors."""

    def __init__(self, engine: EngineRpc) -> None:
        self._engine = engine
        self._times: OrderedDict[int, str] = OrderedDict()

    @property
    def handlers(self) -> Mapping[str, AsyncHandler]:
        return {
            f"/{NAME}/BroadcastTx": self._broadcast,
            f"/{NAME}/GetTx": self._get_tx,
            f"/{NAME}/GetTxsEvent": self._get_txs_event,
            f"/{NAME}/GetBlockWithTxs": self._get_block_with_txs,
        }

    async def _broadcast(self, data: bytes) -> bytes:
        request = parse(service_pb2.BroadcastTxRequest, data)
        tx = request.tx_bytes
        if not tx:
            raise QueryError("INVALID_ARGUMENT", "invalid empty tx")
        try:
            if request.mode == service_pb2.BROADCAST_MODE_SYNC:
                checked = await self._engine.broadcast_sync(tx)
            elif request.mode == service_pb2.BROADCAST_MODE_ASYNC:
                checked = await self._engine.broadcast_async(tx)
            else:
                raise QueryError("UNKNOWN", f"unsupported return type {_mode(request.mode)}; supported types: sync, async")
        except EngineError as error:
            refusal = next((kind for text, kind in _POOL_REFUSALS if text in error.text.lower()), None)
            if refusal is None:
                raise
            refused = abci_pb2.TxResponse(code=refusal.code, codespace=refusal.codespace, txhash=sha256(tx).hexdigest().upper())
            return wire.encode(service_pb2.BroadcastTxResponse(tx_response=refused))
        response = abci_pb2.TxResponse(
            code=int(checked.get("code", 0)),
            codespace=checked.get("codespace", ""),
            data=wire.data(checked.get("data")).hex().upper(),
            raw_log=checked.get("log", ""),
            txhash=checked["hash"].upper(),
        )
        return wire.encode(service_pb2.BroadcastTxResponse(tx_response=response))

    async def _get_tx(self, data: bytes) -> bytes:
        request = parse(service_pb2.GetTxRequest, data)
        if not request.hash:
            raise QueryError("INVALID_ARGUMENT", "tx hash cannot be empty")
        try:
            tx_hash = bytes.fromhex(request.hash)
        except ValueError:
            tx_hash = b""
        if len(tx_hash) != 32:
            raise QueryError("INVALID_ARGUMENT", "a tx hash has 64 hexadecimal digits")
        try:
            found = await self._engine.tx(tx_hash)
        except EngineError as error:
            if "not found" in error.text:
                raise QueryError("NOT_FOUND", f"tx not found: {request.hash}") from None
            raise
        response = await self._tx_response(found)
        return wire.encode(service_pb2.GetTxResponse(tx=_decoded(response.tx.value), tx_response=response))

    async def _get_txs_event(self, data: bytes) -> bytes:
        request = parse(service_pb2.GetTxsEventRequest, data)
        query = request.query or " AND ".join(request.events)
        if not query:
            raise QueryError("INVALID_ARGUMENT", "query cannot be empty")
        per_page = min(request.limit or _PAGE_DEFAULT, _PAGE_MAX)
        descending = request.order_by == service_pb2.ORDER_BY_DESC
        try:
            found = await self._engine.tx_search(query, request.page or 1, per_page, descending)
        except EngineError as error:
            raise QueryError("INVALID_ARGUMENT", error.text) from None
        responses = [await self._tx_response(row) for row in found.get("txs") or ()]
        return wire.encode(
            service_pb2.GetTxsEventResponse(
                txs=[_decoded(row.tx.value) for row in responses], tx_responses=responses, total=int(found["total_count"])
            )
        )

    async def _get_block_with_txs(self, data: bytes) -> bytes:
        request = parse(service_pb2.GetBlockWithTxsRequest, data)
        if request.height < 1:
            raise QueryError("INVALID_ARGUMENT", f"height {request.height} is not positive")
        found = await block_at(self._engine, request.height)
        block = wire.block(found["block"])
        txs = block.data.txs
        start, limit = request.pagination.offset, request.pagination.limit or _PAGE_MAX
        response = service_pb2.GetBlockWithTxsResponse(
            # One entry per transaction, empty for bytes that are none, so that places in the block stay right.
            txs=[_decoded(raw) for raw in txs[start : start + limit]],
            block_id=wire.block_id(found["block_id"]),
            block=block,
        )
        response.pagination.total = len(txs)
        return wire.encode(response)

    async def _tx_response(self, found: Mapping[str, Any]) -> abci_pb2.TxResponse:
        result = found["tx_result"]
        height = int(found["height"])
        return abci_pb2.TxResponse(
            height=height,
            txhash=found["hash"].upper(),
            codespace=result.get("codespace", ""),
            code=int(result.get("code", 0)),
            data=wire.data(result.get("data")).hex().upper(),
            raw_log=result.get("log", ""),
            info=result.get("info", ""),
            gas_wanted=int(result.get("gas_wanted", 0)),
            gas_used=int(result.get("gas_used", 0)),
            tx=AnyMessage(type_url="/cosmos.tx.v1beta1.Tx", value=wire.data(found["tx"])),
            timestamp=await self._time(height),
            events=wire.events(result.get("events")),
        )

    async def _time(self, height: int) -> str:
        """The block time, RFC 3339 in whole seconds as Cosmos nodes give it."""
        if height not in self._times:
            text = str((await self._engine.header(height))["header"]["time"])
            self._times[height] = f"{text[:19]}Z"
            while len(self._times) > _TIMES_KEPT:
                self._times.popitem(last=False)
        return self._times[height]


def parse(kind: Any, data: bytes) -> Any:
    """The request message. Raises QueryError."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise QueryError("INVALID_ARGUMENT", f"the request is not a valid {kind.DESCRIPTOR.full_name}") from None


async def block_at(engine: EngineRpc, height: int = 0) -> dict[str, Any]:
    """The engine's answer about a block (0: the latest). Raises QueryError where there is none."""
    try:
        found = await engine.block(height)
    except EngineError as error:
        # The height is not reached yet, or its block is pruned.
        raise QueryError("INVALID_ARGUMENT", error.text) from None
    if not found.get("block"):
        raise QueryError("NOT_FOUND", f"block {height} not found" if height else "no block is committed yet")
    return found


def _mode(mode: int) -> str:
    if mode == service_pb2.BROADCAST_MODE_UNSPECIFIED:
        return "unspecified"
    return "block" if mode == service_pb2.BROADCAST_MODE_BLOCK else str(mode)


def _decoded(raw: bytes) -> tx_pb2.Tx:
    decoded = tx_pb2.Tx()
    try:
        decoded.ParseFromString(raw)
    except DecodeError:
        decoded.Clear()
    return decoded
