"""An ABCI server in a thread, and applications that write down what they are asked."""

import asyncio
import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from node.abci.application import Application
from node.abci.connection import Limits
from node.abci.dispatch import METHODS
from node.abci.framing import FrameReader, encode_frame
from node.abci.server import Server
from perpd_proto.tendermint.abci import types_pb2 as pb

PATIENCE_SECONDS = 60.0
"""How long a test waits for what must happen: a bound for a broken build, never a measurement."""

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "abci_frames.json").read_text())
FRAMES: dict[str, bytes] = {name: bytes.fromhex(frame) for part in ("frames", "frames_v0_40") for name, frame in VECTORS[part].items()}

CALLS = tuple(method.name for method in METHODS if method.name not in ("echo", "flush"))
"""Every call that reaches an application."""

DEFAULT_ANSWERS: dict[str, Any] = {
    "process_proposal": pb.ResponseProcessProposal(status=pb.ResponseProcessProposal.ACCEPT),
    "verify_vote_extension": pb.ResponseVerifyVoteExtension(status=pb.ResponseVerifyVoteExtension.ACCEPT),
}


class RecordingApplication(Application):
    """Remembers every call; answers as told (a value, or an exception to raise), else with an empty or accepting answer."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {**DEFAULT_ANSWERS, **(answers or {})}
        self.during: Callable[[str, Any], None] = lambda name, argument: None

    def names(self) -> list[str]:
        """The calls so far, by name."""
        return [name for name, _ in self.calls]

    def _answer(self, name: str, argument: Any) -> Any:
        self.calls.append((name, argument))
        self.during(name, argument)
        answer = self.answers.get(name, b"")
        if isinstance(answer, Exception):
            raise answer
        return answer(argument) if callable(answer) else answer

    def check_tx(self, tx: bytes, recheck: bool) -> Any:
        return self._answer("check_tx", (tx, recheck))

    def info(self, request: Any) -> Any:
        return self._answer("info", request)

    def init_chain(self, request: Any) -> Any:
        return self._answer("init_chain", request)

    def query(self, request: Any) -> Any:
        return self._answer("query", request)

    def insert_tx(self, request: Any) -> Any:
        return self._answer("insert_tx", request)

    def reap_txs(self, request: Any) -> Any:
        return self._answer("reap_txs", request)

    def prepare_proposal(self, request: Any) -> Any:
        return self._answer("prepare_proposal", request)

    def process_proposal(self, request: Any) -> Any:
        return self._answer("process_proposal", request)

    def extend_vote(self, request: Any) -> Any:
        return self._answer("extend_vote", request)

    def verify_vote_extension(self, request: Any) -> Any:
        return self._answer("verify_vote_extension", request)

    def finalize_block(self, request: Any) -> Any:
        return self._answer("finalize_block", request)

    def commit(self, request: Any) -> Any:
        return self._answer("commit", request)

    def list_snapshots(self, request: Any) -> Any:
        return self._answer("list_snapshots", request)

    def load_snapshot_chunk(self, request: Any) -> Any:
        return self._answer("load_snapshot_chunk", request)

    def offer_snapshot(self, request: Any) -> Any:
        return self._answer("offer_snapshot", request)

    def apply_snapshot_chunk(self, request: Any) -> Any:
        return self._answer("apply_snapshot_chunk", request)


class RunningServer:
    """A server that runs in a thread of its own until it is stopped or fails."""

    def __init__(self, application: Application, address: str, limits: Limits | None = None) -> None:
        self._server = Server(application, address, limits=limits)
        self._is_up = threading.Event()
        self._error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="abci server", daemon=True)
        self._thread.start()
        assert self._is_up.wait(PATIENCE_SECONDS), "the server did not start"
        if not self._thread.is_alive() and self._error is not None:
            raise self._error

    @property
    def address(self) -> str:
        return self._server.address

    @property
    def server(self) -> Server:
        return self._server

    def stop(self) -> None:
        """Stops it, and raises what `run` raised."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped by itself
            self._loop.call_soon_threadsafe(self.begin_stop)
        error = self.outcome()
        if error is not None:
            raise error

    def begin_stop(self) -> None:
        """From within the server's thread: has it stop as soon as the present call is answered."""
        self._stopping = self._loop.create_task(self._server.stop())

    def outcome(self) -> BaseException | None:
        """Waits until `run` is over; what it raised."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the server did not end"
        return self._error

    def _main(self) -> None:
        try:
            self._loop.run_until_complete(self._start_and_run())
        except Exception as error:  # noqa: BLE001  # handed to the test
            self._error = error
        finally:
            pending = asyncio.all_tasks(self._loop)
            if pending:
                self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            self._loop.close()
            self._is_up.set()

    async def _start_and_run(self) -> None:
        await self._server.start()
        self._is_up.set()
        await self._server.run()


@contextlib.contextmanager
def socket_address() -> Iterator[str]:
    """The address of a unix socket that does not exist yet; short, whatever the test is called."""
    with tempfile.TemporaryDirectory(prefix="abci") as directory:
        yield f"unix://{os.path.realpath(directory)}/s"


@contextlib.contextmanager
def running_server(application: Application, limits: Limits | None = None) -> Iterator[RunningServer]:
    """Serves an application on a unix socket; at the end it must stop without an error."""
    with socket_address() as address:
        running = RunningServer(application, address, limits)
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def failing_server(application: Application, limits: Limits | None = None) -> Iterator[RunningServer]:
    """As `running_server`, for one that ends by itself: the test asks for the outcome."""
    with socket_address() as address:
        running = RunningServer(application, address, limits)
        try:
            yield running
        finally:
            with contextlib.suppress(Exception):
                running.stop()


def frame(name: str, **fields: Any) -> bytes:
    """A request frame."""
    message = getattr(pb.Request(), name).__class__(**fields)
    return encode_frame(pb.Request(**{name: message}).SerializeToString())


def names_of(answers: list[bytes]) -> list[str | None]:
    """Which calls these response bodies answer."""
    return [pb.Response.FromString(answer).WhichOneof("value") for answer in answers]


def raw_socket(address: str) -> socket.socket:
    """A blocking connection, for sending from within the server's thread."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(address.removeprefix("unix://"))
    return connection


def read_answers(connection: socket.socket, count: int) -> list[bytes]:
    """The next bodies from a raw connection."""
    reader = FrameReader()
    bodies: list[bytes] = []
    while len(bodies) < count:
        data = connection.recv(65536)
        assert data, f"the connection ended after {len(bodies)} of {count} answers"
        bodies += reader.feed(data)
    return bodies


def accepted_socket(address: str) -> socket.socket:
    """A raw connection that the server is known to have accepted."""
    connection = raw_socket(address)
    connection.sendall(FRAMES["req_flush"])
    read_answers(connection, 1)
    return connection
