"""The server answers each connection in order, takes consensus first, and lets nobody fill its memory."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.abci.client import Client, ExceptionAnswerError, check_tx_frames, open_response
from node.abci.connection import Connection, Limits
from node.abci.framing import FrameReader
from node.abci.server import Server
from perpd_proto.tendermint.abci import types_pb2 as pb
from support.abci import (
    FRAMES,
    PATIENCE_SECONDS,
    RecordingApplication,
    accepted_socket,
    frame,
    names_of,
    read_answers,
    running_server,
    socket_address,
)

FLUSH = FRAMES["req_flush"]
UNHURRIED = Limits(slice_seconds_max=PATIENCE_SECONDS)
"""Slices that end by count only, so that a slow machine cannot change the order."""


def test_four_connections_are_answered_in_their_own_order() -> None:
    """As an engine uses them, at the same time: each answer belongs to its request, in the order asked."""
    application = RecordingApplication(
        {
            "check_tx": lambda argument: pb.ResponseCheckTx(data=argument[0]),
            "query": lambda request: pb.ResponseQuery(value=request.data),
            "load_snapshot_chunk": lambda request: pb.ResponseLoadSnapshotChunk(chunk=str(request.chunk).encode()),
            "verify_vote_extension": lambda request: pb.ResponseVerifyVoteExtension(status=1 + request.height % 2),
        }
    )
    rounds = 300
    asks: dict[str, tuple[Callable[[int], bytes], Callable[[Any], Any], Callable[[int], Any]]] = {
        "query": (lambda n: frame("query", data=b"%d" % n), lambda r: r.value, lambda n: b"%d" % n),
        "load_snapshot_chunk": (lambda n: frame("load_snapshot_chunk", chunk=n), lambda r: r.chunk, lambda n: b"%d" % n),
        "check_tx": (lambda n: frame("check_tx", tx=b"%d" % n), lambda r: r.data, lambda n: b"%d" % n),
        "verify_vote_extension": (lambda n: frame("verify_vote_extension", height=n), lambda r: r.status, lambda n: 1 + n % 2),
    }
    failures: list[BaseException] = []

    def ask(address: str, name: str) -> None:
        request, read, expected = asks[name]
        try:
            with Client(address) as client:
                frames = b"".join(request(n) + (FLUSH if n % 3 == 0 else b"") for n in range(rounds))
                flushes = len(range(0, rounds, 3))
                answers = client.pipeline(frames, rounds + flushes)
                for n in range(rounds):
                    assert read(open_response(answers.pop(0), name)) == expected(n)
                    if n % 3 == 0:
                        open_response(answers.pop(0), "flush")
        except BaseException as error:  # noqa: BLE001  # carried to the test's thread
            failures.append(error)

    with running_server(application) as running:
        threads = [threading.Thread(target=ask, args=(running.address, name)) for name in asks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(application.calls) == 4 * rounds


def test_a_flush_behind_pipelined_calls_is_answered_behind_them() -> None:
    """Every Flush gets its Flush, in place."""
    with running_server(RecordingApplication()) as running, Client(running.address) as client:
        frames = b"".join([*check_tx_frames([b"a", b"b"]), FLUSH, FLUSH, *check_tx_frames([b"c"]), FLUSH])
        assert names_of(client.pipeline(frames, 6)) == ["check_tx", "check_tx", "flush", "flush", "check_tx", "flush"]


def test_requests_may_arrive_byte_by_byte() -> None:
    """The socket's pieces mean nothing."""
    with running_server(RecordingApplication()) as running, Client(running.address) as client:
        for byte in frame("info") + frame("process_proposal", txs=[b"a" * 300]) + FLUSH:
            client.send(bytes((byte,)))
        assert names_of(client.receive(3)) == ["info", "process_proposal", "flush"]


def test_a_large_block_comes_and_goes_whole() -> None:
    """Three megabytes in, three megabytes out, and the connection goes on."""
    txs = [bytes([n]) * 100_000 for n in range(30)]
    application = RecordingApplication({"prepare_proposal": lambda request: pb.ResponsePrepareProposal(txs=request.txs)})
    with running_server(application) as running, Client(running.address) as client:
        assert list(client.prepare_proposal(pb.RequestPrepareProposal(txs=txs)).txs) == txs
        assert client.echo("still here").message == "still here"


@pytest.fixture
def counted_writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many answers each write held."""
    writes: list[int] = []
    send = Connection.send

    def counting_send(self: Connection, answers: list[bytes]) -> None:
        writes.append(len(answers))
        send(self, answers)

    monkeypatch.setattr(Connection, "send", counting_send)
    return writes


def test_the_answers_of_a_slice_leave_in_one_write(counted_writes: list[int]) -> None:
    """33 calls read at once are three slices of at most 16, hence three writes; a Flush goes with the call before it."""
    with running_server(RecordingApplication(), UNHURRIED) as running, Client(running.address) as client:
        frames = [*check_tx_frames([b"a"] * 16), FLUSH, *check_tx_frames([b"b"] * 17), FLUSH]
        assert len(client.pipeline(b"".join(frames), 35)) == 35
    assert counted_writes == [17, 16, 2]


def test_a_flush_does_not_count_as_work(counted_writes: list[int]) -> None:
    """An engine at low rates sends one behind each CheckTx: still 16 CheckTx a slice."""
    with running_server(RecordingApplication(), UNHURRIED) as running, Client(running.address) as client:
        assert len(client.pipeline((check_tx_frames([b"a"])[0] + FLUSH) * 40, 80)) == 80
    assert counted_writes == [32, 32, 16]


@pytest.mark.parametrize(
    ("limits", "calls_before"),
    [(UNHURRIED, 16), (Limits(slice_calls_max=5, slice_seconds_max=PATIENCE_SECONDS), 5), (Limits(slice_seconds_max=0.0), 1)],
)
@pytest.mark.parametrize("name", ["process_proposal", "verify_vote_extension", "finalize_block", "commit"])
def test_a_flood_of_transactions_delays_a_vote_by_one_slice(limits: Limits, calls_before: int, name: str) -> None:
    """What consensus asks while a slice of CheckTx is being served comes next, though hundreds of CheckTx were there before."""
    application = RecordingApplication()
    with running_server(application, limits) as running, Client(running.address) as mempool, accepted_socket(running.address) as consensus:
        application.during = lambda _name, _argument: consensus.sendall(frame(name) + FLUSH) if len(application.calls) == 1 else None
        assert len(mempool.check_txs([b"tx"] * 400)) == 400
        assert names_of(read_answers(consensus, 2)) == [name, "flush"]
    names = application.names()
    assert names.index(name) == calls_before
    assert names.count("check_tx") == 400


def test_consensus_overtakes_all_that_was_queued_before_it() -> None:
    """Read in one go with an older flood and older queries, it is served first; each connection keeps its own order."""
    application = RecordingApplication()
    with running_server(application, UNHURRIED) as running:
        mempool, query, consensus = (accepted_socket(running.address) for _ in range(3))

        def ask(name: str, _argument: Any) -> None:
            if name == "info":  # the loop is busy with this call while all the others arrive
                mempool.sendall(b"".join(check_tx_frames([b"%d" % n for n in range(40)])))
                query.sendall(frame("query") * 20)
                consensus.sendall(frame("verify_vote_extension") + frame("process_proposal") + FLUSH + frame("extend_vote"))

        application.during = ask
        with Client(running.address) as client:
            client.info()
        read_answers(consensus, 4)
        read_answers(mempool, 40)
        read_answers(query, 20)
        for connection in (mempool, query, consensus):
            connection.close()
    names = application.names()
    assert names[:4] == ["info", "verify_vote_extension", "process_proposal", "extend_vote"]
    assert [argument for name, argument in application.calls if name == "check_tx"] == [(b"%d" % n, False) for n in range(40)]


def test_queries_and_transactions_take_turns() -> None:
    """Neither a flood of CheckTx nor one of queries shuts the other out: slice by slice."""
    application = RecordingApplication()
    with running_server(application, UNHURRIED) as running:
        mempool, query = (accepted_socket(running.address) for _ in range(2))

        def ask(name: str, _argument: Any) -> None:
            if name == "info":
                mempool.sendall(b"".join(check_tx_frames([b"tx"] * 64)))
                query.sendall(frame("query") * 64)

        application.during = ask
        with Client(running.address) as client:
            client.info()
        read_answers(mempool, 64)
        read_answers(query, 64)
        mempool.close()
        query.close()
    names = application.names()[1:]
    slices = [names[at : at + 16] for at in range(0, 128, 16)]
    assert [set(names_in_slice) for names_in_slice in slices] in (
        [{"check_tx"}, {"query"}] * 4,
        [{"query"}, {"check_tx"}] * 4,
    )


def test_a_connection_that_does_not_take_its_answers_is_not_read() -> None:
    """Its queue and its write buffer stay bounded while it floods; when it reads at last, every answer is there, in order."""
    limits = Limits(queue_frames_max=50, queue_bytes_max=20_000, write_buffer_bytes_max=30_000)
    request = frame("echo", message="x" * 1000)
    pieces_of_last_read = FrameReader().capacity_bytes()

    async def flood(path: str) -> None:
        loop = asyncio.get_running_loop()
        server = Server(RecordingApplication(), f"unix://{path}", limits=limits)
        await server.start()
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.setblocking(False)
        await loop.sock_connect(peer, path)
        sent = 0
        is_blocked_for = 0
        stream = request * 20_000
        while is_blocked_for < 50:  # turns of the loop, in each of which the server could have read more
            try:
                sent += peer.send(stream[sent : sent + 100_000])
                is_blocked_for = 0
            except BlockingIOError:
                is_blocked_for += 1
            await asyncio.sleep(0)
            for connection in server._connections:
                assert connection._queue_bytes <= limits.queue_bytes_max + pieces_of_last_read
                assert connection._transport is not None
                slice_bytes = limits.slice_calls_max * (len(request) + 1)
                assert connection._transport.get_write_buffer_size() <= limits.write_buffer_bytes_max + slice_bytes
        assert sent < len(stream)
        (connection,) = server._connections
        assert connection._is_reading_paused
        assert connection._is_writing_paused
        reader = FrameReader()
        bodies: list[bytes] = []
        remaining = memoryview(stream)[sent : sent + (-sent) % len(request)]  # the rest of the last request
        while len(bodies) * len(request) < sent:
            bodies += reader.feed(await loop.sock_recv(peer, 1_000_000))
            if remaining:
                try:
                    remaining = remaining[peer.send(remaining) :]
                except BlockingIOError:
                    await asyncio.sleep(0)
        assert set(bodies) == {pb.Response(echo=pb.ResponseEcho(message="x" * 1000)).SerializeToString()}
        peer.close()
        await server.stop()

    with socket_address() as address:
        asyncio.run(asyncio.wait_for(flood(address.removeprefix("unix://")), PATIENCE_SECONDS))


@pytest.mark.parametrize("limits", [Limits(queue_frames_max=100), Limits(queue_frames_max=10**9, queue_bytes_max=200)])
def test_a_connection_that_waits_for_its_turn_is_not_read_without_end(limits: Limits) -> None:
    """While others are served for long, at most its limit and one read are taken in; then all is answered."""
    total = 100_000

    async def wait(path: str) -> None:
        loop = asyncio.get_running_loop()
        server = Server(RecordingApplication(), f"unix://{path}", limits=limits)
        await server.start()
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.setblocking(False)
        await loop.sock_connect(peer, path)
        server._is_pump_due = True  # as it is between two turns, here for as long as we like
        sending = asyncio.create_task(loop.sock_sendall(peer, FLUSH * total))
        while not (server._connections and server._connections[0]._is_reading_paused):  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        for _ in range(50):  # turns of the loop, in each of which the server could have read more
            await asyncio.sleep(0)
        assert len(server._connections[0]._queue) <= 100 + FrameReader().capacity_bytes() // len(FLUSH)
        server._pump()
        reader, bodies = FrameReader(), 0
        while bodies < total:
            bodies += len(reader.feed(await loop.sock_recv(peer, 1_000_000)))
        await sending
        peer.close()
        await server.stop()

    with socket_address() as address:
        asyncio.run(asyncio.wait_for(wait(address.removeprefix("unix://")), PATIENCE_SECONDS))


def test_the_end_of_input_is_noted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-closed peer that also reads slowly: reading is never taken up again, and all answers come."""
    ends: list[Connection] = []
    eof_received = Connection.eof_received

    def counting_eof_received(self: Connection) -> bool:
        ends.append(self)
        return eof_received(self)

    monkeypatch.setattr(Connection, "eof_received", counting_eof_received)
    application = RecordingApplication({"query": pb.ResponseQuery(value=bytes(100_000))})
    limits = Limits(slice_seconds_max=PATIENCE_SECONDS, queue_frames_max=20, write_buffer_bytes_max=10_000)
    with running_server(application, limits) as running, accepted_socket(running.address) as slow:

        def ask(name: str, _argument: Any) -> None:
            if name == "info":
                slow.sendall(b"".join(check_tx_frames([b"tx"] * 17)) + frame("query") * 43)
                slow.shutdown(socket.SHUT_WR)

        application.during = ask
        with Client(running.address) as client:
            client.info()
            ends.clear()
            assert names_of(read_answers(slow, 60)) == ["check_tx"] * 17 + ["query"] * 43
            assert slow.recv(1) == b""
            assert len(ends) == 1


def test_a_peer_that_says_it_is_done_still_gets_its_answers() -> None:
    """Half-closed by the peer, the connection ends after the last answer."""
    with running_server(RecordingApplication()) as running, Client(running.address) as client:
        client.send(b"".join(check_tx_frames([b"tx"] * 100)))
        client.end_input()
        assert names_of(client.receive_rest()) == ["check_tx"] * 100


def test_a_stream_that_broke_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last answers are sent slice by slice; meanwhile the rest of the garbage stays with the sender."""
    reads: list[int] = []
    buffer_updated = Connection.buffer_updated

    def counting_buffer_updated(self: Connection, nbytes: int) -> None:
        reads.append(nbytes)
        buffer_updated(self, nbytes)

    monkeypatch.setattr(Connection, "buffer_updated", counting_buffer_updated)
    limits = Limits(slice_seconds_max=PATIENCE_SECONDS, queue_frames_max=60)
    with running_server(RecordingApplication(), limits) as running, Client(running.address) as bad:
        with pytest.raises(ExceptionAnswerError, match="frame length"):
            bad.send(b"".join(check_tx_frames([b"a"] * 70)) + b"\xff" * 5_000_000)
        assert names_of(bad.receive_rest()) == ["check_tx"] * 70 + ["exception"]
    assert len(reads) == 1


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(("check_tx", "query", "commit", "info", "echo", "flush")), st.binary(max_size=3)), max_size=60),
    st.data(),
)
def test_any_conversation_is_answered_in_order(shared_server: str, conversation: list[tuple[str, bytes]], data: st.DataObject) -> None:
    """Mixed calls on one connection, in random pieces: the answers name the calls, one each, in order."""
    stream = b"".join(
        frame("check_tx", tx=argument) if name == "check_tx" else frame("query", data=argument) if name == "query" else frame(name)
        for name, argument in conversation
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5), label="cuts"))
    with Client(shared_server) as client:
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            client.send(stream[start:end])
        assert names_of(client.receive(len(conversation))) == [name for name, _ in conversation]


@pytest.fixture(scope="module")
def shared_server() -> Any:
    """One server for all examples of a property."""
    with running_server(RecordingApplication()) as running:
        yield running.address
