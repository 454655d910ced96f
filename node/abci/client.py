"""A small blocking ABCI client: what the engine does on one connection, for tests and benches."""

import select
import socket
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from node.abci.address import UnixAddress, parse_address
from node.abci.dispatch import METHODS
from node.abci.framing import FRAME_BYTES_MAX_DEFAULT, FrameReader, encode_frame, encode_uvarint
from perpd_proto.tendermint.abci import types_pb2 as pb

_METHODS = {method.name: method for method in METHODS}
_FLUSH_FRAME = bytes.fromhex("021200")


class ExceptionAnswerError(Exception):
    """The application's side answered with an exception; its text."""


class ConnectionEndedError(Exception):
    """The application's side closed the connection before all answers had come."""


class Client:
    """One connection to an ABCI server. Every call raises ExceptionAnswerError, ConnectionEndedError or TimeoutError."""

    def __init__(self, address: str, *, timeout_seconds: float = 60.0, frame_bytes_max: int = FRAME_BYTES_MAX_DEFAULT) -> None:
        target = parse_address(address)
        self._timeout_seconds = timeout_seconds
        self._reader = FrameReader(frame_bytes_max)
        self._received: list[bytes] = []
        if isinstance(target, UnixAddress):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.connect(target.path)
            except OSError:
                self._socket.close()
                raise
        else:
            self._socket = socket.create_connection((target.host, target.port), timeout=timeout_seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    # Bytes.

    def send(self, data: bytes) -> None:
        """Sends bytes as they are, and collects what comes back meanwhile."""
        self._exchange(data, 0)

    def end_input(self) -> None:
        """Tells the server that nothing more will be asked; answers may still come."""
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self, count: int) -> list[bytes]:
        """The next `count` frame bodies."""
        self._exchange(b"", count)
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def receive_rest(self) -> list[bytes]:
        """All frame bodies until the server closes the connection."""
        while self._read():
            pass
        taken, self._received = self._received, []
        return taken

    def pipeline(self, frames: bytes, count: int) -> list[bytes]:
        """Sends frames and returns the bodies of `count` answers, reading while it writes, so that neither side can block the other."""
        self._exchange(frames, count)
        return self.receive(count)

    # Calls.

    def call(self, name: str, request: Any = None) -> Any:
        """One synchronous call, by its ABCI name and with its request message: sent with a Flush, as the engine does."""
        method = _METHODS[name]
        message = method.request_type() if request is None else request
        if not isinstance(message, method.request_type):
            raise TypeError(f"{name} is asked with {method.request_type.__name__}")
        frame = encode_frame(pb.Request(**{name: message}).SerializeToString())
        answer, flush = self.pipeline(frame + _FLUSH_FRAME, 2)
        response = open_response(answer, name)
        open_response(flush, "flush")
        return response

    def echo(self, message: str) -> pb.ResponseEcho:
        return self.call("echo", pb.RequestEcho(message=message))  # type: ignore[no-any-return]

    def flush(self) -> pb.ResponseFlush:
        (answer,) = self.pipeline(_FLUSH_FRAME, 1)
        return open_response(answer, "flush")  # type: ignore[no-any-return]

    def info(self, request: pb.RequestInfo | None = None) -> pb.ResponseInfo:
        return self.call("info", request)  # type: ignore[no-any-return]

    def init_chain(self, request: pb.RequestInitChain) -> pb.ResponseInitChain:
        return self.call("init_chain", request)  # type: ignore[no-any-return]

    def query(self, request: pb.RequestQuery) -> pb.ResponseQuery:
        return self.call("query", request)  # type: ignore[no-any-return]

    def check_tx(self, tx: bytes, *, recheck: bool = False) -> pb.ResponseCheckTx:
        return self.call("check_tx", pb.RequestCheckTx(tx=tx, type=pb.RECHECK if recheck else pb.NEW))  # type: ignore[no-any-return]

    def check_txs(self, txs: Iterable[bytes], *, recheck: bool = False) -> list[pb.ResponseCheckTx]:
        """Pipelined CheckTx with one Flush behind the last."""
        return [open_response(answer, "check_tx") for answer in self.check_txs_raw(check_tx_frames(txs, recheck=recheck))]

    def check_txs_raw(self, frames: Sequence[bytes]) -> list[bytes]:
        """Pipelined frames (of `check_tx_frames`) with one Flush behind; the answers as undecoded Response bodies, without the Flush."""
        answers = self.pipeline(b"".join(frames) + _FLUSH_FRAME, len(frames) + 1)
        open_response(answers.pop(), "flush")
        return answers

    def commit(self) -> pb.ResponseCommit:
        return self.call("commit")  # type: ignore[no-any-return]

    def list_snapshots(self) -> pb.ResponseListSnapshots:
        return self.call("list_snapshots")  # type: ignore[no-any-return]

    def offer_snapshot(self, request: pb.RequestOfferSnapshot) -> pb.ResponseOfferSnapshot:
        return self.call("offer_snapshot", request)  # type: ignore[no-any-return]

    def load_snapshot_chunk(self, request: pb.RequestLoadSnapshotChunk) -> pb.ResponseLoadSnapshotChunk:
        return self.call("load_snapshot_chunk", request)  # type: ignore[no-any-return]

    def apply_snapshot_chunk(self, request: pb.RequestApplySnapshotChunk) -> pb.ResponseApplySnapshotChunk:
        return self.call("apply_snapshot_chunk", request)  # type: ignore[no-any-return]

    def prepare_proposal(self, request: pb.RequestPrepareProposal) -> pb.ResponsePrepareProposal:
        return self.call("prepare_proposal", request)  # type: ignore[no-any-return]

    def process_proposal(self, request: pb.RequestProcessProposal) -> pb.ResponseProcessProposal:
        return self.call("process_proposal", request)  # type: ignore[no-any-return]

    def extend_vote(self, request: pb.RequestExtendVote) -> pb.ResponseExtendVote:
        return self.call("extend_vote", request)  # type: ignore[no-any-return]

    def verify_vote_extension(self, request: pb.RequestVerifyVoteExtension) -> pb.ResponseVerifyVoteExtension:
        return self.call("verify_vote_extension", request)  # type: ignore[no-any-return]

    def finalize_block(self, request: pb.RequestFinalizeBlock) -> pb.ResponseFinalizeBlock:
        return self.call("finalize_block", request)  # type: ignore[no-any-return]

    def insert_tx(self, tx: bytes) -> pb.ResponseInsertTx:
        return self.call("insert_tx", pb.RequestInsertTx(tx=tx))  # type: ignore[no-any-return]

    def reap_txs(self, request: pb.RequestReapTxs | None = None) -> pb.ResponseReapTxs:
        return self.call("reap_txs", request)  # type: ignore[no-any-return]

    # The socket.

    def _exchange(self, data: bytes, count: int) -> None:
        """Writes all of `data`, and reads until `count` answers are there."""
        remaining = memoryview(data)
        while remaining or len(self._received) < count:
            readable, writable, _ = select.select([self._socket], [self._socket] if remaining else [], [], self._timeout_seconds)
            if not readable and not writable:
                raise TimeoutError(f"no answer within {self._timeout_seconds} seconds")
            if readable and not self._read_available():
                raise self._ended(count)
            if writable:
                try:
                    remaining = remaining[self._socket.send(remaining) :]
                except (BrokenPipeError, ConnectionResetError):
                    while self._read():
                        pass  # what the server still said before it closed
                    raise self._ended(count) from None

    def _read(self) -> bool:
        """Waits for bytes; False at the end of the connection."""
        if not select.select([self._socket], [], [], self._timeout_seconds)[0]:
            raise TimeoutError(f"no answer within {self._timeout_seconds} seconds")
        return self._read_available()

    def _read_available(self) -> bool:
        try:
            count = self._socket.recv_into(self._reader.get_buffer())
        except ConnectionResetError:
            return False
        self._received += self._reader.received(count)
        if self._reader.broken is not None:
            raise ConnectionEndedError(f"the server sent {self._reader.broken}")
        return count > 0

    def _ended(self, count: int) -> Exception:
        """What to raise at the end of the connection: the exception that was its last answer, if there is one."""
        if self._received:
            last = pb.Response.FromString(self._received[-1])
            if last.WhichOneof("value") == "exception":
                return ExceptionAnswerError(last.exception.error)
        return ConnectionEndedError(f"the server closed the connection with {len(self._received)} of {count} answers")


def check_tx_frames(txs: Iterable[bytes], *, recheck: bool = False) -> list[bytes]:
    """The request frames of CheckTx, built without protobuf objects."""
    frames = []
    kind = b"\x10\x01" if recheck else b""
    for tx in txs:
        member = (b"\x0a" + encode_uvarint(len(tx)) + tx if tx else b"") + kind
        frames.append(encode_frame(b"\x42" + encode_uvarint(len(member)) + member))
    return frames


def open_response(body: bytes, name: str) -> Any:
    """The message in a Response body, which must be the answer to the call of this name. Raises ExceptionAnswerError, ValueError."""
    response = pb.Response.FromString(body)
    answered = response.WhichOneof("value")
    if answered == "exception":
        raise ExceptionAnswerError(response.exception.error)
    if answered != name:
        raise ValueError(f"an answer to {answered} where one to {name} was due")
    return getattr(response, name)
