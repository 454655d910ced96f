"""From the bytes of one Request to the application's method and back to the bytes of one Response frame.

Which call it is, is read from the first bytes by hand, and so is the whole of a CheckTx, since there are thousands of those a second.
Anything that is not laid out as the engine lays it out is left to protobuf, so that the two can never disagree.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from google.protobuf.message import DecodeError

from node.abci.application import Application
from node.abci.framing import decode_uvarint, encode_uvarint
from perpd_proto.tendermint.abci import types_pb2 as pb

logger = logging.getLogger(__name__)


class Lane(IntEnum):
    """Whose work a call is: consensus goes first."""

    OTHER = 0
    MEMPOOL = 1
    CONSENSUS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One call of ABCI: its members in the two envelopes, and its lane (None: it has none of its own)."""

    name: str
    request_number: int
    response_number: int
    request_type: Any
    response_type: Any
    lane: Lane | None


def _method(name: str, request_number: int, response_number: int, lane: Lane | None) -> Method:
    title = "".join(word.capitalize() for word in name.split("_"))
    return Method(
        name=name,
        request_number=request_number,
        response_number=response_number,
        request_type=getattr(pb, "Request" + title),
        response_type=getattr(pb, "Response" + title),
        lane=lane,
    )


METHODS: Final = (
    _method("echo", 1, 2, None),
    _method("flush", 2, 3, None),
    _method("info", 3, 4, Lane.OTHER),
    _method("init_chain", 5, 6, Lane.CONSENSUS),
    _method("query", 6, 7, Lane.OTHER),
    _method("check_tx", 8, 9, Lane.MEMPOOL),
    _method("commit", 11, 12, Lane.CONSENSUS),
    _method("list_snapshots", 12, 13, Lane.OTHER),
    _method("offer_snapshot", 13, 14, Lane.OTHER),
    _method("load_snapshot_chunk", 14, 15, Lane.OTHER),
    _method("apply_snapshot_chunk", 15, 16, Lane.OTHER),
    _method("prepare_proposal", 16, 17, Lane.CONSENSUS),
    _method("process_proposal", 17, 18, Lane.CONSENSUS),
    _method("extend_vote", 18, 19, Lane.CONSENSUS),
    _method("verify_vote_extension", 19, 20, Lane.CONSENSUS),
    _method("finalize_block", 20, 21, Lane.CONSENSUS),
    _method("insert_tx", 21, 22, Lane.MEMPOOL),
    _method("reap_txs", 22, 23, Lane.MEMPOOL),
)

FLUSH_REQUEST: Final = bytes.fromhex("1200")
"""The body of the frame 021200: a Flush, as the engine sends it."""
FLUSH_ANSWER: Final = bytes.fromhex("021a00")

_CHECK_TX_NUMBER: Final = 8
_EXCEPTION_NUMBER: Final = 1
_EXCEPTION_CHARACTERS_MAX: Final = 2000
_LENGTH_DELIMITED: Final = 2
_LANE_BY_FIRST_BYTE: Final[dict[int, Lane]] = {
    # With numbers up to 31 the first byte of the key alone tells members apart.
    encode_uvarint(method.request_number << 3 | _LENGTH_DELIMITED)[0]: method.lane
    for method in METHODS
    if method.lane is not None
}


class UndecodableRequestError(Exception):
    """The bytes are not an ABCI request: the asker's fault, and the end of its connection only."""


class CallFailedError(Exception):
    """The application raised (the cause) where it may not: the end of the server."""

    def __init__(self, method: str, error: Exception) -> None:
        super().__init__(f"{method}: {type(error).__name__}: {error}")


def lane_of(request: bytes) -> Lane | None:
    """The lane of a request; None for Echo, Flush and what is no request, which go with their connection."""
    return _LANE_BY_FIRST_BYTE.get(request[0]) if request else None


def split_request(request: bytes) -> tuple[int, int] | None:
    """The number of the only member and where its body begins; None if protobuf has to look at it."""
    end = len(request)
    if end < 2:
        return None
    key, position = request[0], 1
    if key >= 0x80:
        # Two bytes, the second being 1: the number is 16 to 31, and the first byte happens to equal the key's value.
        if request[1] != 1:
            return None
        position = 2
    if key & 7 != _LENGTH_DELIMITED:
        return None
    length = decode_uvarint(request, position, end)
    if length is None or length[0] != end - length[1]:
        return None
    return key >> 3, length[1]


def parse_check_tx(data: bytes, position: int = 0) -> tuple[bytes, bool] | None:
    """Transaction and `recheck` of the RequestCheckTx that fills `data` from `position` on; None if protobuf has to look at it."""
    end = len(data)
    tx = b""
    if position < end and data[position] == 0x0A:
        length = decode_uvarint(data, position + 1, end)
        if length is None:
            return None
        start = length[1]
        position = start + length[0]  # behind the end, if cut off: then neither of the forms below fits
        tx = data[start:position]
    if position == end:
        return tx, False
    if position == end - 2 and data[position] == 0x10 and data[position + 1] <= 1:
        return tx, data[position + 1] == 1
    return None


def encode_response(response_number: int, body: bytes) -> bytes:
    """The frame of a Response whose member has this body; the member is there even if its body is empty."""
    size = len(body)
    key = response_number << 3 | _LENGTH_DELIMITED
    if key < 0x80 and size < 0x7E:
        return bytes((size + 2, key, size)) + body
    head = encode_uvarint(key) + encode_uvarint(size)
    return b"".join((encode_uvarint(len(head) + size), head, body))


def encode_exception(text: str) -> bytes:
    """The frame of a ResponseException: the engine logs the text and stops."""
    error = text[:_EXCEPTION_CHARACTERS_MAX].encode("utf-8", "replace")
    return encode_response(_EXCEPTION_NUMBER, b"\x0a" + encode_uvarint(len(error)) + error)


def _empty(_: Any) -> bytes:
    return b""


class Dispatcher:
    """Answers requests, one at a time."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._methods = {method.request_number: method for method in METHODS}
        self._methods_by_name = {method.name: method for method in METHODS}
        self._check_tx_method = self._methods[_CHECK_TX_NUMBER]
        self._handlers: dict[str, Callable[[Any], Any]] = {
            method.name: getattr(application, method.name) for method in METHODS if method.name not in ("echo", "flush", "check_tx")
        }
        self._handlers["echo"] = lambda request: pb.ResponseEcho(message=request.message)
        self._handlers["flush"] = _empty
        self._handlers["check_tx"] = lambda request: application.check_tx(request.tx, request.type == pb.RECHECK)
        self._failed: dict[str, Callable[[Exception], Any]] = {
            "check_tx": application.check_tx_failed,
            "query": application.query_failed,
            "insert_tx": application.insert_tx_failed,
            "reap_txs": _empty,
            "list_snapshots": _empty,
            "load_snapshot_chunk": _empty,
        }

    def answer(self, request: bytes) -> bytes:
        """The response frame to the body of a request frame.

        Raises UndecodableRequestError, or CallFailedError (after logging its cause) where the node cannot go on.
        """
        if request == FLUSH_REQUEST:
            return FLUSH_ANSWER
        split = split_request(request)
        if split is not None and split[0] == _CHECK_TX_NUMBER:
            parsed = parse_check_tx(request, split[1])
            if parsed is not None:
                return self._check_tx(*parsed)
        method, message = self._decode(request, split)
        return self._call(method, self._handlers[method.name], message)

    def _check_tx(self, tx: bytes, recheck: bool) -> bytes:
        method = self._check_tx_method
        try:
            return self._encode(method, self._application.check_tx(tx, recheck))
        except Exception as error:  # noqa: BLE001  # _recover logs it
            return self._recover(method, error)

    def _call(self, method: Method, handler: Callable[[Any], Any], message: Any) -> bytes:
        try:
            return self._encode(method, handler(message))
        except Exception as error:  # noqa: BLE001  # _recover logs it
            return self._recover(method, error)

    def _recover(self, method: Method, error: Exception) -> bytes:
        logger.error("%s raised", method.name, exc_info=error)
        failed = self._failed.get(method.name)
        if failed is None:
            raise CallFailedError(method.name, error) from error
        try:
            return self._encode(method, failed(error))
        except Exception as second_error:
            logger.exception("%s_failed raised", method.name)
            raise CallFailedError(method.name + "_failed", second_error) from second_error

    def _decode(self, request: bytes, split: tuple[int, int] | None) -> tuple[Method, Any]:
        try:
            if split is not None and split[0] in self._methods:
                method = self._methods[split[0]]
                return method, method.request_type.FromString(request[split[1] :])
            envelope = pb.Request.FromString(request)
        except DecodeError as error:
            raise UndecodableRequestError(f"a request of {len(request)} bytes that is not protobuf: {error}") from error
        name = envelope.WhichOneof("value")
        if name is None:
            raise UndecodableRequestError(f"a request of {len(request)} bytes that names no known call")
        return self._methods_by_name[name], getattr(envelope, name)

    @staticmethod
    def _encode(method: Method, answer: Any) -> bytes:
        if isinstance(answer, bytes):
            return encode_response(method.response_number, answer)
        if isinstance(answer, method.response_type):
            return encode_response(method.response_number, answer.SerializeToString())
        raise TypeError(f"{method.name} answered with {type(answer).__name__}")
