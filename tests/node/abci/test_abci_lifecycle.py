"""A server begins, outlives its engines and ends in good order."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from node.abci.address import TcpAddress, UnixAddress, parse_address
from node.abci.client import Client, check_tx_frames
from node.abci.connection import Limits
from node.abci.framing import encode_frame
from node.abci.server import Server
from perpd_proto.tendermint.abci import types_pb2 as pb
from support.abci import (
    FRAMES,
    PATIENCE_SECONDS,
    RecordingApplication,
    accepted_socket,
    frame,
    names_of,
    raw_socket,
    read_answers,
    running_server,
    socket_address,
)

FLUSH = FRAMES["req_flush"]
UNHURRIED = Limits(slice_seconds_max=PATIENCE_SECONDS)
"""Slices that end by count only, so that a slow machine cannot change the order."""


def test_the_next_engine_is_served_after_the_first_one_died() -> None:
    """An engine that vanishes within a frame and with answers pending costs nothing; the application lives on."""
    application = RecordingApplication({"info": pb.ResponseInfo(last_block_height=7)})
    with running_server(application) as running:
        for _ in range(3):
            engine = [raw_socket(running.address) for _ in range(4)]
            for number, connection in enumerate(engine):
                connection.sendall(b"".join(check_tx_frames([b"tx"] * 50)) + frame("finalize_block", txs=[b"a"] * 50)[: 10 * number])
                connection.close()
        with Client(running.address) as client:
            assert client.info().last_block_height == 7
            assert client.echo("new engine").message == "new engine"


def test_more_connections_than_allowed_are_refused_and_the_others_served() -> None:
    """The limit counts what is open at the time."""
    with running_server(RecordingApplication(), Limits(connections_max=2)) as running:
        first, second = accepted_socket(running.address), accepted_socket(running.address)
        with raw_socket(running.address) as third:
            assert third.recv(1) == b""
        second.close()
        first.sendall(FLUSH)
        read_answers(first, 1)
        first.close()


def test_a_server_that_is_ending_takes_no_one_in() -> None:
    """A connection that was accepted just before the end is closed at once."""

    async def serve(address: str) -> None:
        server = Server(RecordingApplication(), address)
        await server.start()
        server._is_halted = True
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"))
        assert await reader.read() == b""
        writer.close()
        await server.stop()

    with socket_address() as address:
        asyncio.run(asyncio.wait_for(serve(address), PATIENCE_SECONDS))


def test_tcp_works_as_well() -> None:
    """Port 0 becomes the one that the system chose."""
    application = RecordingApplication({"info": pb.ResponseInfo(version="tcp")})

    async def serve() -> None:
        server = Server(application, "tcp://127.0.0.1:0")
        await server.start()
        running = asyncio.create_task(server.run())

        def ask() -> str:
            with Client(server.address) as client:
                return str(client.info().version)

        assert await asyncio.to_thread(ask) == "tcp"
        await server.stop()
        await running

    asyncio.run(serve())


def test_only_the_owner_may_connect() -> None:
    """There are no passwords on this socket."""
    with running_server(RecordingApplication()) as running:
        assert Path(running.address.removeprefix("unix://")).stat().st_mode & 0o777 == 0o600


def test_the_socket_of_a_dead_server_is_replaced_and_of_a_living_one_is_not() -> None:
    """A crash leaves the file behind; a second server on the same path would steal the engine."""
    with socket_address() as address:
        path = address.removeprefix("unix://")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
            dead.bind(path)

        async def serve() -> None:
            first, second = Server(RecordingApplication(), address), Server(RecordingApplication(), address)
            await first.start()
            with pytest.raises(OSError, match="another server answers"):
                await second.start()
            await second.stop()
            assert is_socket(path)
            await first.stop()

        asyncio.run(serve())
        assert not Path(path).exists()


def test_a_file_that_is_no_socket_is_left_alone() -> None:
    """A wrong path must not cost a file."""
    with socket_address() as address:
        path = Path(address.removeprefix("unix://"))
        path.write_text("precious")
        with pytest.raises(FileExistsError):
            asyncio.run(Server(RecordingApplication(), address).start())
        assert path.read_text() == "precious"


def test_stopping_answers_the_call_in_work_and_removes_the_socket() -> None:
    """What is answered is sent, what is only queued is not served, and then the connection ends."""
    application = RecordingApplication()
    with running_server(application, UNHURRIED) as running:
        application.during = lambda _name, _argument: running.begin_stop() if len(application.calls) == 3 else None
        with Client(running.address) as client:
            client.send(b"".join(check_tx_frames([b"tx"] * 100)))
            answers = client.receive_rest()
        assert running.outcome() is None
        assert names_of(answers) == ["check_tx"] * len(application.calls)
        assert 3 <= len(answers) <= 16
        assert not Path(running.address.removeprefix("unix://")).exists()


def test_stopping_does_not_wait_for_ever_for_a_peer_that_does_not_read() -> None:
    """After the grace period the connection is cut."""

    async def serve(address: str) -> None:
        server = Server(
            RecordingApplication({"query": b"\x3a" + encode_frame(bytes(8_000_000))}), address, limits=Limits(stop_seconds_max=0.05)
        )
        await server.start()
        with raw_socket(address) as peer:
            peer.sendall(frame("query"))
            while not (server._connections and server._connections[0]._is_writing_paused):  # noqa: ASYNC110  # there is no event for it
                await asyncio.sleep(0)
            await asyncio.gather(server.stop(), server.stop())
            assert not server._connections

    with socket_address() as address:
        asyncio.run(asyncio.wait_for(serve(address), PATIENCE_SECONDS))


def is_socket(path: str) -> bool:
    """Whether there is a socket at this path."""
    return Path(path).is_socket()


def replace_by_a_file(path: Path) -> None:
    """Puts something else in a socket's place."""
    path.unlink()
    path.touch()


def test_another_servers_socket_is_not_removed() -> None:
    """Whoever took the path over meanwhile keeps it."""
    with socket_address() as address:
        path = Path(address.removeprefix("unix://"))

        async def serve() -> None:
            server = Server(RecordingApplication(), address)
            await server.start()
            replace_by_a_file(path)
            await server.stop()

        asyncio.run(serve())
        assert path.exists()


def test_a_server_runs_once() -> None:
    """Stopping before the start is nothing, starting twice is a mistake, running after a stop returns."""

    async def serve(address: str) -> None:
        server = Server(RecordingApplication(), address)
        await server.stop()
        await server.start()
        with pytest.raises(RuntimeError, match="started before"):
            await server.start()
        await server.stop()
        await server.stop()
        await server.run()

    with socket_address() as address:
        asyncio.run(serve(address))


def test_a_cancelled_server_stops_in_good_order() -> None:
    """As a signal handler ends it."""

    async def serve(address: str) -> None:
        server = Server(RecordingApplication(), address)
        await server.start()
        running = asyncio.create_task(server.run())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    with socket_address() as address:
        asyncio.run(serve(address))
        assert not Path(address.removeprefix("unix://")).exists()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/abci.sock", UnixAddress("/run/abci.sock")),
        ("tcp://127.0.0.1:26658", TcpAddress("127.0.0.1", 26658)),
        ("tcp://[::1]:26658", TcpAddress("::1", 26658)),
    ],
)
def test_addresses_are_written_as_the_engine_writes_them(text: str, address: Any) -> None:
    """And read back alike."""
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "unix://", "unix:/a", "tcp://127.0.0.1", "tcp://:1", "tcp://a:b", "tcp://a:70000", "http://a:1", "/a/b", "unix:///" + "a" * 107],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Including a path that the system would cut or refuse."""
    with pytest.raises(ValueError, match=r"neither unix|the system allows"):
        parse_address(text)
