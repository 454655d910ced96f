"""ABCI Query: the query table by gRPC path, raw store reads with proofs, and the version (client-surface.md 2.2)."""

import logging

from modules.kernel.errors import INVALID_HEIGHT, INVALID_REQUEST, KEY_NOT_FOUND, UNAUTHORIZED, UNKNOWN_REQUEST, ErrorKind
from modules.kernel.module import QueryError
from node.query.table import QueryTable
from node.store.chain_store import ChainStore, FutureHeightError, PrunedHeightError
from node.store.version import InvalidKeyError, UnknownStoreError
from perpd_proto.tendermint.abci import types_pb2 as abci

log = logging.getLogger("query")

# gRPC status of a handler -> ABCI code, and the status name as clients match it in the log.
_STATUS: dict[str, tuple[ErrorKind, str]] = {
    "NOT_FOUND": (KEY_NOT_FOUND, "NotFound"),
    "INVALID_ARGUMENT": (INVALID_REQUEST, "InvalidArgument"),
    "OUT_OF_RANGE": (INVALID_REQUEST, "OutOfRange"),
    "FAILED_PRECONDITION": (INVALID_REQUEST, "FailedPrecondition"),
    "UNAUTHENTICATED": (UNAUTHORIZED, "Unauthenticated"),
    "INTERNAL": (UNKNOWN_REQUEST, "Internal"),
    "UNKNOWN": (UNKNOWN_REQUEST, "Unknown"),
}


class AbciQuery:
    """Answers RequestQuery from committed versions; never raises for anything that a caller sends."""

    def __init__(self, table: QueryTable, store: ChainStore, version: str) -> None:
        self._table = table
        self._store = store
        self._version = version

    def answer(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        path = request.path
        if path.startswith("/store/"):
            return self._store_read(request)
        if path == "/app/version":
            return abci.ResponseQuery(value=self._version.encode(), height=self._store.height)
        if path.startswith("/p2p/filter/"):
            return abci.ResponseQuery(height=self._store.height)
        if path not in self._table.routes:
            return _failure(UNKNOWN_REQUEST, "unknown query path", self._store.height)
        try:
            value, height = self._table.answer(path, request.data, request.height)
        except QueryError as error:
            if error.status == "FUTURE_HEIGHT":
                return _failure(INVALID_HEIGHT, error.message, request.height)
            kind, status = _STATUS[error.status]
            return _failure(kind, f"rpc error: code = {status} desc = {error.message}", request.height or self._store.height)
        return abci.ResponseQuery(value=value, height=height)

    def _store_read(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        parts = request.path.split("/")
        if len(parts) != 4 or parts[3] != "key":
            return _failure(UNKNOWN_REQUEST, f"{request.path[:100]} is not /store/<store>/key", request.height)
        if request.height < 0:
            return _failure(INVALID_REQUEST, f"height {request.height} is negative", request.height)
        height = request.height
        if request.prove:
            # The header that carries a height's app hash is the next one: the tip itself cannot be checked by a light client yet.
            if height == 0:
                height = self._store.height - 1
            if height <= 1:
                return _failure(INVALID_REQUEST, "cannot query with proof when height <= 1; please provide a valid height", request.height)
        try:
            with self._store.version(height) as version:
                if not request.prove:
                    value = version.get(parts[2], request.data)
                    return abci.ResponseQuery(key=request.data, value=value or b"", height=version.height)
                proven, operations = version.prove(parts[2], request.data)
                return abci.ResponseQuery(key=request.data, value=proven or b"", proof_ops=operations, height=version.height)
        except FutureHeightError:
            return _failure(INVALID_HEIGHT, "cannot query with height in the future; please provide a valid height", request.height)
        except PrunedHeightError:
            return _failure(
                INVALID_REQUEST, f"height {height} is no longer kept; the earliest is {self._store.earliest_height}", request.height
            )
        except UnknownStoreError:
            return _failure(UNKNOWN_REQUEST, f"no such store: {parts[2][:64]}", request.height)
        except InvalidKeyError as error:
            return _failure(INVALID_REQUEST, str(error), request.height)


def _failure(kind: ErrorKind, detail: str, height: int) -> abci.ResponseQuery:
    return abci.ResponseQuery(code=kind.code, codespace=kind.codespace, log=f"{detail}: {kind.text}", height=height)
