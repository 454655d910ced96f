"""What goes wrong on one connection stays there; what goes wrong in the state machine ends the server, loudly."""

import asyncio
import contextlib
import logging
import random
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.abci.client import Client, ConnectionEndedError, ExceptionAnswerError, check_tx_frames
from node.abci.connection import Limits
from node.abci.framing import encode_frame
from node.abci.server import Server
from perpd_proto.tendermint.abci import types_pb2 as pb
from support.abci import FRAMES, PATIENCE_SECONDS, RecordingApplication, failing_server, names_of, running_server, socket_address

FATAL = (
    "info",
    "init_chain",
    "prepare_proposal",
    "process_proposal",
    "extend_vote",
    "verify_vote_extension",
    "finalize_block",
    "commit",
    "offer_snapshot",
    "apply_snapshot_chunk",
)


class StateError(Exception):
    """The state is broken."""


@pytest.mark.parametrize("name", FATAL)
def test_a_failed_state_machine_tells_the_engine_and_ends_the_server(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The engine reads why, the owner gets the original exception, the log has the traceback, the socket is gone."""
    error = StateError("height 8 is missing")
    patient = Limits(stop_seconds_max=10 * PATIENCE_SECONDS)  # it ends because the engine has been told, not because time is up
    with failing_server(RecordingApplication({name: error}), patient) as running:
        with Client(running.address) as client, Client(running.address) as other:
            other.echo("hello")
            with pytest.raises(ExceptionAnswerError, match=rf"^{name}: StateError: height 8 is missing$"):
                client.call(name)
            assert running.outcome() is error
            assert other.receive_rest() == []
        assert not Path(running.address.removeprefix("unix://")).exists()
    assert "Traceback" in caplog.text
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)


def test_answers_before_the_failure_are_sent_and_nothing_after_it_is_asked() -> None:
    """Order holds to the end: what was answered, then the exception, then nothing, on no connection."""
    application = RecordingApplication({"commit": StateError("disk")})
    with failing_server(application) as running, Client(running.address) as client:
        frames = [*check_tx_frames([b"a", b"b"]), FRAMES["req_commit"], FRAMES["req_flush"], *check_tx_frames([b"c"])]
        client.send(b"".join(frames))
        assert names_of(client.receive_rest()) == ["check_tx", "check_tx", "exception"]
        assert isinstance(running.outcome(), StateError)
    assert application.names() == ["check_tx", "check_tx", "commit"]


def test_a_failure_ends_the_work_on_all_connections() -> None:
    """What waits on others, consensus or not, and what arrives while the call fails: none of it is asked any more."""
    application = RecordingApplication({"commit": StateError("disk")})
    with failing_server(application) as running, contextlib.ExitStack() as stack:
        mempool, first, second, late = (stack.enter_context(Client(running.address)) for _ in range(4))
        for client in (mempool, first, second, late):
            client.echo("hello")
        senders = {client: client._socket for client in (mempool, first, second, late)}

        def meanwhile(name: str, _argument: Any) -> None:
            if name == "info":  # the loop is busy with this call while the others arrive
                senders[mempool].send(b"".join(check_tx_frames([b"tx"] * 40)))
                senders[first].send(FRAMES["req_commit"])
                senders[second].send(FRAMES["req_commit"])
            if name == "commit":
                senders[late].send(FRAMES["req_insert_tx_abc"] + FRAMES["req_commit"])

        application.during = meanwhile
        late.info()
        assert isinstance(running.outcome(), StateError)
        assert late.receive_rest() == mempool.receive_rest() == []
        assert names_of(first.receive_rest() + second.receive_rest()) == ["exception"]
    assert application.names() == ["info", "commit"]


def test_the_owner_learns_of_the_failure_even_if_the_engine_does_not_read() -> None:
    """A stuck engine cannot keep a broken node alive."""
    error = StateError("stuck")
    application = RecordingApplication({"query": b"\x3a" + encode_frame(bytes(8_000_000)), "commit": error})

    async def serve(address: str) -> None:
        server = Server(application, address, limits=Limits(slice_seconds_max=PATIENCE_SECONDS, stop_seconds_max=0.05))
        await server.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.connect(address.removeprefix("unix://"))
            # One slice: the large answer fills the write buffer, the failure comes behind it.
            peer.sendall(encode_frame(pb.Request(query=pb.RequestQuery()).SerializeToString()) + FRAMES["req_commit"])
            with pytest.raises(StateError) as caught:
                await server.fatal
            assert caught.value is error
            with pytest.raises(StateError):
                await server.run()

    with socket_address() as address:
        asyncio.run(asyncio.wait_for(serve(address), PATIENCE_SECONDS))


def test_a_stop_iteration_is_reported_as_the_failed_call() -> None:
    """asyncio cannot carry that exception itself."""
    with failing_server(RecordingApplication({"commit": StopIteration()})) as running, Client(running.address) as client:
        with pytest.raises(ExceptionAnswerError):
            client.commit()
        assert str(running.outcome()) == "commit: StopIteration: "


@pytest.mark.parametrize("name", ["check_tx", "query"])
def test_a_failing_check_or_query_is_an_answer_and_the_node_lives(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The asker gets code 1, the log the traceback, the next call its answer."""
    with running_server(RecordingApplication({name: StateError("a bug")})) as running, Client(running.address) as client:
        for _ in range(3):
            answer = client.call(name)
            assert (answer.code, answer.codespace, answer.log) == (1, "undefined", "internal error")
        assert client.call("commit") == pb.ResponseCommit()
    assert caplog.text.count("StateError: a bug") == 3
    assert "Traceback" in caplog.text


def test_a_closed_connection_is_not_served_while_its_last_answers_wait_to_be_read() -> None:
    """Half a megabyte is still on the way when the connection ends; what was queued behind the error is forgotten."""
    application = RecordingApplication({"query": pb.ResponseQuery(value=bytes(700_000))})
    query = encode_frame(pb.Request(query=pb.RequestQuery()).SerializeToString())
    patient = Limits(slice_seconds_max=PATIENCE_SECONDS)
    with running_server(application, patient) as running, Client(running.address) as good, Client(running.address) as bad:
        bad._socket.send(b"".join([query, b"\x00", *check_tx_frames([b"b"] * 40)]))
        for _ in range(20):
            good.info()
        assert names_of(bad.receive_rest()) == ["query", "exception"]
    assert set(application.names()) == {"query", "info"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"\x02\xff\xff",
        b"\x03\x42\x05a",
        b"\x02\x22\x00",
        b"\xff" * 11,
        b"\xff\xff\xff\xff\x0f",
        b"GET / HTTP/1.1\r\n\r\n" * 10,
        encode_frame(b"\x0a\x02\xff\xff"),
    ],
)
def test_garbage_closes_its_connection_after_the_answers_before_it(garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Earlier requests are answered, then an exception, then the end; other connections do not notice."""
    with running_server(RecordingApplication()) as running, Client(running.address) as good, Client(running.address) as bad:
        good.echo("before")
        bad.send(b"".join(check_tx_frames([b"a"] * 40)) + garbage + FRAMES["req_flush"])
        assert names_of(bad.receive_rest()) == ["check_tx"] * 40 + ["exception"]
        assert good.echo("after").message == "after"
    assert "closing a connection that sent" in caplog.text


def test_what_follows_an_undecodable_request_is_not_asked() -> None:
    """Its sender gets no answer to it, so nothing may come of it."""
    application = RecordingApplication()
    with running_server(application) as running, Client(running.address) as bad:
        bad.send(b"".join([*check_tx_frames([b"a"] * 40), b"\x00", *check_tx_frames([b"b"] * 40)]))
        assert names_of(bad.receive_rest()) == ["check_tx"] * 40 + ["exception"]
    assert application.calls == [("check_tx", (b"a", False))] * 40


def test_a_frame_over_the_limit_closes_its_connection() -> None:
    """The reason names both sizes."""
    with running_server(RecordingApplication(), Limits(frame_bytes_max=1000)) as running, Client(running.address) as client:
        assert client.check_tx(b"x" * 900).code == 0
        with pytest.raises(ExceptionAnswerError, match="more than the limit of 1000"):
            client.check_tx(b"x" * 1000)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(sorted(FRAMES.values()))), max_size=6))
def test_no_bytes_disturb_another_connection(surviving_server: Client, noise: list[bytes]) -> None:
    """Random bytes and stray frames, some of them responses: the bad connection may end, the good one is served on."""
    with Client(address_of(surviving_server)) as bad:
        try:
            bad.send(b"".join(noise))
            bad.end_input()
            bad.receive_rest()
        except (ExceptionAnswerError, ConnectionEndedError, OSError):
            pass  # it was cut off, which is one of the right outcomes
    assert surviving_server.echo("still here").message == "still here"
    assert surviving_server.check_tx(b"tx").code == 0


def test_mutated_conversations_disturb_nobody(surviving_server: Client) -> None:
    """Real frames with flipped bytes, cut anywhere, a few hundred of them from one seed."""
    rng = random.Random(20_240_607)
    frames = [FRAMES[name] for name in sorted(FRAMES) if name.startswith("req")]
    for _ in range(300):
        stream = bytearray(b"".join(rng.choices(frames, k=rng.randint(1, 6))))
        for _ in range(rng.randint(0, 3)):
            stream[rng.randrange(len(stream))] = rng.randrange(256)
        with Client(address_of(surviving_server)) as bad:
            try:
                bad.send(bytes(stream[: rng.randint(1, len(stream))]))
                bad.end_input()
                answers = bad.receive_rest()
            except (ExceptionAnswerError, ConnectionEndedError, OSError):
                continue
            assert "exception" not in names_of(answers)[:-1], "something was answered after an exception"
    assert surviving_server.echo("still here").message == "still here"


ADDRESSES: dict[Client, str] = {}


def address_of(client: Client) -> str:
    """Where a client of the fixture is connected."""
    return ADDRESSES[client]


@pytest.fixture
def surviving_server() -> Any:
    """A good connection to a server that must still be well at the end."""
    with running_server(RecordingApplication()) as running, Client(running.address) as client:
        ADDRESSES[client] = running.address
        yield client
        del ADDRESSES[client]


def test_the_client_reports_what_it_cannot_pair() -> None:
    """An answer to another call, a frame that is none, or silence: never a wrong result."""
    with socket_address() as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(address.removeprefix("unix://"))
        listening.listen()
        for said, expected in (
            (FRAMES["res_flush"] * 2, ValueError),
            (b"\xff" * 11, ConnectionEndedError),
            (FRAMES["res_exception_boom"] * 2, ExceptionAnswerError),
        ):
            with Client(address, timeout_seconds=PATIENCE_SECONDS) as client:
                peer, _ = listening.accept()
                with peer:
                    peer.sendall(said)
                    with pytest.raises(expected):
                        client.commit()
        with Client(address, timeout_seconds=PATIENCE_SECONDS) as client:
            peer, _ = listening.accept()
            peer.close()
            with pytest.raises(ConnectionEndedError, match="0 of 2 answers"):
                client.commit()
        with Client(address, timeout_seconds=0.01) as client, pytest.raises(TimeoutError):
            client.commit()
        with Client(address) as client, pytest.raises(TypeError, match="RequestQuery"):
            client.call("query", pb.RequestInfo())
    with socket_address() as address, pytest.raises(OSError, match="No such file"):
        Client(address)


def test_every_call_of_the_client_reaches_the_application() -> None:
    """One helper per call, each with its own request and response."""
    application = RecordingApplication({"reap_txs": pb.ResponseReapTxs(txs=[b"a"])})
    with running_server(application) as running, Client(running.address) as client:
        assert client.info() == pb.ResponseInfo()
        assert client.init_chain(pb.RequestInitChain(chain_id="c")) == pb.ResponseInitChain()
        assert client.query(pb.RequestQuery(path="/p")) == pb.ResponseQuery()
        assert client.check_tx(b"t", recheck=True) == pb.ResponseCheckTx()
        assert client.check_txs([b"u", b""], recheck=True) == [pb.ResponseCheckTx()] * 2
        assert client.insert_tx(b"t") == pb.ResponseInsertTx()
        assert client.reap_txs() == pb.ResponseReapTxs(txs=[b"a"])
        assert client.prepare_proposal(pb.RequestPrepareProposal(height=1)) == pb.ResponsePrepareProposal()
        assert client.process_proposal(pb.RequestProcessProposal(height=1)).status == pb.ResponseProcessProposal.ACCEPT
        assert client.extend_vote(pb.RequestExtendVote(height=1)) == pb.ResponseExtendVote()
        verified = client.verify_vote_extension(pb.RequestVerifyVoteExtension(height=1))
        assert verified.status == pb.ResponseVerifyVoteExtension.ACCEPT
        assert client.finalize_block(pb.RequestFinalizeBlock(height=1)) == pb.ResponseFinalizeBlock()
        assert client.commit() == pb.ResponseCommit()
        assert client.list_snapshots() == pb.ResponseListSnapshots()
        assert client.load_snapshot_chunk(pb.RequestLoadSnapshotChunk(chunk=1)) == pb.ResponseLoadSnapshotChunk()
        assert client.offer_snapshot(pb.RequestOfferSnapshot(app_hash=b"h")) == pb.ResponseOfferSnapshot()
        assert client.apply_snapshot_chunk(pb.RequestApplySnapshotChunk(index=1)) == pb.ResponseApplySnapshotChunk()
        assert client.flush() == pb.ResponseFlush()
    asked = dict(application.calls)
    assert asked["init_chain"].chain_id == "c"
    assert asked["query"].path == "/p"
    assert asked["insert_tx"].tx == b"t"
    assert [argument for name, argument in application.calls if name == "check_tx"] == [(b"t", True), (b"u", True), (b"", True)]
    assert all(asked[name].height == 1 for name in ("prepare_proposal", "process_proposal", "extend_vote", "finalize_block"))
    assert asked["offer_snapshot"].app_hash == b"h"
    assert asked["load_snapshot_chunk"].chunk == asked["apply_snapshot_chunk"].index == 1
