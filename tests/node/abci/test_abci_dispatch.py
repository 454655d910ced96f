"""One request's bytes become one call of the application, and its answer one response frame."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.abci.application import Application
from node.abci.dispatch import (
    METHODS,
    CallFailedError,
    Dispatcher,
    Lane,
    UndecodableRequestError,
    encode_exception,
    encode_response,
    lane_of,
    parse_check_tx,
)
from node.abci.framing import FrameReader, encode_frame
from perpd_proto.tendermint.abci import types_pb2 as pb
from support.abci import CALLS, DEFAULT_ANSWERS, FRAMES, RecordingApplication

TOLERATED = ("check_tx", "query", "insert_tx", "reap_txs", "list_snapshots", "load_snapshot_chunk")
"""Calls that strangers can cause: an exception in them must not end a node."""

CONSENSUS = ("init_chain", "prepare_proposal", "process_proposal", "extend_vote", "verify_vote_extension", "finalize_block", "commit")

DEFAULTED = (
    "query",
    "insert_tx",
    "reap_txs",
    "extend_vote",
    "verify_vote_extension",
    "list_snapshots",
    "offer_snapshot",
    "load_snapshot_chunk",
    "apply_snapshot_chunk",
)
"""Calls that an application may leave out."""


def body_of(frame: bytes) -> bytes:
    """What one frame holds."""
    (body,) = FrameReader().feed(frame)
    return body


def request_body(name: str, **fields: Any) -> bytes:
    """The body of a request frame, as the engine would encode it."""
    message = getattr(pb.Request(), name).__class__(**fields)
    body: bytes = pb.Request(**{name: message}).SerializeToString()
    return body


def answered(frame: bytes) -> tuple[str | None, Any]:
    """Which member a response frame holds, and its message."""
    response = pb.Response.FromString(body_of(frame))
    name = response.WhichOneof("value")
    return name, getattr(response, name) if name else None


def test_the_method_table_is_that_of_the_envelopes() -> None:
    """Names, numbers and types are those of Request and Response; nothing is left out."""
    requests = {field.name: (field.number, field.message_type.full_name) for field in pb.Request.DESCRIPTOR.fields}
    responses = {field.name: (field.number, field.message_type.full_name) for field in pb.Response.DESCRIPTOR.fields}
    assert responses.pop("exception") == (1, "tendermint.abci.ResponseException")
    assert {method.name: (method.request_number, method.request_type.DESCRIPTOR.full_name) for method in METHODS} == requests
    assert {method.name: (method.response_number, method.response_type.DESCRIPTOR.full_name) for method in METHODS} == responses


@pytest.mark.parametrize(
    ("request_name", "response_name", "name", "answer"),
    [
        ("req_flush", "res_flush", "flush", None),
        ("req_echo_hello", "res_echo_hello", "echo", None),
        ("req_check_tx_new_abc", "res_check_tx_ok_gas1", "check_tx", pb.ResponseCheckTx(gas_wanted=1)),
        ("req_check_tx_recheck_abc", "res_check_tx_code5", "check_tx", pb.ResponseCheckTx(code=5, log="bad", codespace="perp")),
        ("req_commit", "res_commit_retain_100", "commit", pb.ResponseCommit(retain_height=100)),
        ("req_insert_tx_abc", "res_insert_tx_ok", "insert_tx", pb.ResponseInsertTx()),
        ("req_insert_tx_abc", "res_insert_tx_retry_32000", "insert_tx", pb.ResponseInsertTx(code=32000)),
        ("req_reap_txs", "res_reap_txs_abc_de", "reap_txs", pb.ResponseReapTxs(txs=[b"abc", b"de"])),
        (
            "req_info_0.38.25",
            "res_info",
            "info",
            pb.ResponseInfo(
                data="perp",
                version="0.1.0",
                app_version=1,
                last_block_height=7,
                last_block_app_hash=bytes.fromhex("228d3a056db6610ff20b87b60ee1e58f3333a3148deb0b051d910bcbdece7a40"),
            ),
        ),
    ],
)
def test_recorded_requests_get_the_recorded_responses(request_name: str, response_name: str, name: str, answer: Any) -> None:
    """Frames of the real engine, in and out, whether the application answers with a message or with bytes."""
    request, expected = body_of(FRAMES[request_name]), FRAMES[response_name]
    if answer is None:
        assert Dispatcher(RecordingApplication()).answer(request) == expected
        return
    for form in (answer, answer.SerializeToString()):
        application = RecordingApplication({name: form})
        assert Dispatcher(application).answer(request) == expected
        assert application.names() == [name]


def test_recorded_requests_arrive_with_their_fields() -> None:
    """What the engine said is what the application is asked."""
    application = RecordingApplication()
    dispatcher = Dispatcher(application)
    for name in ("req_info_0.38.25", "req_check_tx_new_abc", "req_check_tx_recheck_abc", "req_insert_tx_abc", "req_reap_txs", "req_commit"):
        dispatcher.answer(body_of(FRAMES[name]))
    assert application.calls == [
        ("info", pb.RequestInfo(version="0.38.25", block_version=11, p2p_version=8, abci_version="2.0.0")),
        ("check_tx", (b"abc", False)),
        ("check_tx", (b"abc", True)),
        ("insert_tx", pb.RequestInsertTx(tx=b"abc")),
        ("reap_txs", pb.RequestReapTxs()),
        ("commit", pb.RequestCommit()),
    ]


@pytest.mark.parametrize(
    ("name", "number", "body"),
    [
        ("res_process_accept", 18, pb.ResponseProcessProposal(status=pb.ResponseProcessProposal.ACCEPT)),
        ("res_process_reject", 18, pb.ResponseProcessProposal(status=pb.ResponseProcessProposal.REJECT)),
        ("res_verify_accept", 20, pb.ResponseVerifyVoteExtension(status=pb.ResponseVerifyVoteExtension.ACCEPT)),
        ("res_extend_vote_0102", 19, pb.ResponseExtendVote(vote_extension=b"\x01\x02")),
        ("res_finalize_two_results", 21, None),
    ],
)
def test_recorded_responses_are_encoded_alike(name: str, number: int, body: Any) -> None:
    """Responses with two-byte member keys."""
    frame = FRAMES[name]
    encoded = pb.Response.FromString(body_of(frame)).finalize_block.SerializeToString() if body is None else body.SerializeToString()
    assert encode_response(number, encoded) == frame


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_an_empty_answer_still_has_its_member(method: Any) -> None:
    """A Response without a member halts consensus: an answer without fields is a member of length 0."""
    frame = encode_response(method.response_number, b"")
    assert frame == encode_frame(pb.Response(**{method.name: method.response_type()}).SerializeToString())
    if method.name in CALLS:
        answer = Dispatcher(RecordingApplication({method.name: b""})).answer(request_body(method.name))
        assert answer == frame
        assert answered(answer) == (method.name, method.response_type())


def test_empty_proposals_and_commits_have_the_bytes_of_the_specification() -> None:
    """Member 17 of length 0, member 12 of length 0."""
    dispatcher = Dispatcher(RecordingApplication())
    assert dispatcher.answer(request_body("prepare_proposal")) == bytes.fromhex("038a0100")
    assert dispatcher.answer(request_body("commit")) == bytes.fromhex("026200")


@given(st.sampled_from(METHODS), st.sampled_from((0, 1, 60, 123, 124, 125, 126, 127, 128, 129, 16_380, 16_384, 70_000)))
def test_responses_are_encoded_as_protobuf_encodes_them(method: Any, size: int) -> None:
    """Lengths around each change of prefix size, for every member."""
    body = b"\x7a" + encode_frame(bytes(size))  # field 15, which no response has: kept by protobuf as it is
    response = pb.Response()
    getattr(response, method.name).MergeFromString(body)
    assert encode_response(method.response_number, body) == encode_frame(response.SerializeToString())


@given(st.text(max_size=3000))
def test_exceptions_are_encoded_as_protobuf_encodes_them(text: str) -> None:
    """Also what is no valid text; long ones are cut."""
    name, message = answered(encode_exception(text))
    assert name == "exception"
    assert message.error == text[:2000]


def test_an_exception_text_that_is_no_unicode_is_still_sent() -> None:
    """A lone surrogate, as file names may contain."""
    assert answered(encode_exception("bad \udc80"))[1].error == "bad ?"
    assert encode_exception("boom") == FRAMES["res_exception_boom"]


@given(st.binary(max_size=400), st.sampled_from((pb.NEW, pb.RECHECK)))
def test_the_engines_check_tx_is_read_without_protobuf(tx: bytes, kind: pb.CheckTxType) -> None:
    """Whatever the engine can send, the hand-written parser takes."""
    data = pb.RequestCheckTx(tx=tx, type=kind).SerializeToString()
    assert parse_check_tx(data) == (tx, kind == pb.RECHECK)
    assert parse_check_tx(b"any" + data, 3) == (tx, kind == pb.RECHECK)


FIELD_SOUP = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.builds(lambda tx: pb.RequestCheckTx(tx=tx).SerializeToString(), st.binary(max_size=200)),
        st.sampled_from(
            (b"\x10\x00", b"\x10\x01", b"\x10\x02", b"\x10\x81\x00", b"\x10\x81", b"\x0a", b"\x0a\x82\x00ab", b"\x1a\x01z", b"\x0a\xff")
        ),
    ),
    max_size=4,
).map(b"".join)


@given(FIELD_SOUP)
def test_the_check_tx_parser_never_disagrees_with_protobuf(data: bytes) -> None:
    """What it takes, protobuf reads alike; what it leaves, protobuf decides: a call with the same values, or undecodable."""
    parsed = parse_check_tx(data)
    application = RecordingApplication()
    request = b"\x42" + encode_frame(data)
    try:
        message = pb.RequestCheckTx.FromString(data)
    except Exception:  # noqa: BLE001  # whatever protobuf calls it
        assert parsed is None
        with pytest.raises(UndecodableRequestError):
            Dispatcher(application).answer(request)
        return
    expected = (message.tx, message.type == pb.RECHECK)
    assert parsed in (None, expected)
    Dispatcher(application).answer(request)
    assert application.calls == [("check_tx", expected)]


@pytest.mark.parametrize("name", CALLS)
def test_unknown_fields_around_a_call_are_ignored(name: str) -> None:
    """A later engine may say more; the call is the same."""
    known = request_body(name)
    for request in (known + b"\xfa\x7f\x01z", b"\xfa\x7f\x01z" + known, b"\x22\x01z" + known):
        application = RecordingApplication()
        assert answered(Dispatcher(application).answer(request))[0] == name
        assert application.names() == [name]


def test_of_two_members_the_last_counts() -> None:
    """As protobuf reads a oneof."""
    application = RecordingApplication()
    Dispatcher(application).answer(request_body("commit") + request_body("check_tx", tx=b"a"))
    assert application.calls == [("check_tx", (b"a", False))]


def test_an_unusual_flush_or_echo_is_answered_by_the_server() -> None:
    """Echo and Flush never reach the application, however they are encoded."""
    application = RecordingApplication()
    dispatcher = Dispatcher(application)
    assert dispatcher.answer(bytes.fromhex("128000")) == FRAMES["res_flush"]
    assert dispatcher.answer(b"\x12\x00\xfa\x7f\x00") == FRAMES["res_flush"]
    assert answered(dispatcher.answer(body_of(FRAMES["echo_200_bytes_two_byte_length"]))) == ("echo", pb.ResponseEcho(message="x" * 200))
    assert application.calls == []


@pytest.mark.parametrize(
    "request_hex",
    [
        "",
        "00",
        "12",
        "1201",
        "2200",
        "3a00",
        "4a0161",
        "5a0500",
        "820100ff",
        "820200",
        "0a0280ff",
        "0a02ffff",
        "4203ff",
        "42030a0261",
        "ffffffff",
        "1000",
    ],
)
def test_what_is_no_request_is_undecodable(request_hex: str) -> None:
    """Nothing, cut off, an unknown or reserved member, invalid text: the application is not asked."""
    application = RecordingApplication()
    with pytest.raises(UndecodableRequestError):
        Dispatcher(application).answer(bytes.fromhex(request_hex))
    assert application.calls == []


@given(st.binary(max_size=60))
def test_random_bytes_are_a_call_or_undecodable_as_protobuf_has_it(request_bytes: bytes) -> None:
    """The server reads exactly what protobuf reads."""
    application = RecordingApplication()
    try:
        name = pb.Request.FromString(request_bytes).WhichOneof("value")
    except Exception:  # noqa: BLE001  # whatever protobuf calls it
        name = None
    if name is None:
        with pytest.raises(UndecodableRequestError):
            Dispatcher(application).answer(request_bytes)
    else:
        assert answered(Dispatcher(application).answer(request_bytes))[0] == name


def test_lanes_are_read_from_the_first_byte() -> None:
    """Consensus, mempool and the rest; Echo, Flush and what is no request go with their connection."""
    for name in CALLS:
        expected = Lane.CONSENSUS if name in CONSENSUS else Lane.MEMPOOL if name in ("check_tx", "insert_tx", "reap_txs") else Lane.OTHER
        assert lane_of(request_body(name)) is expected
    for request in (request_body("echo"), request_body("flush"), b"", b"\x00", b"\x22\x00", b"\xff"):
        assert lane_of(request) is None


@pytest.mark.parametrize("name", TOLERATED)
def test_an_exception_that_a_stranger_can_cause_is_an_answer(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback; the asker learns no internals."""
    application = RecordingApplication({name: KeyError("a secret")})
    frame = Dispatcher(application).answer(request_body(name))
    member, message = answered(frame)
    assert member == name
    if name in ("check_tx", "query"):
        assert (message.code, message.codespace, message.log) == (1, "undefined", "internal error")
    elif name == "insert_tx":
        assert message.code == 1
    else:
        assert message == message.__class__()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "KeyError: 'a secret'" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("name", [name for name in CALLS if name not in TOLERATED])
def test_an_exception_in_any_other_call_ends_the_node(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The original is the cause, logged with its traceback."""
    error = KeyError("broken state")
    with pytest.raises(CallFailedError, match=rf"^{name}: KeyError: 'broken state'$") as caught:
        Dispatcher(RecordingApplication({name: error})).answer(request_body(name))
    assert caught.value.__cause__ is error
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_of_the_wrong_type_is_an_exception_of_that_call(name: str) -> None:
    """None, text, or another call's response is never sent."""
    for wrong in (None, "text", pb.ResponseEcho(message="x")):
        dispatcher = Dispatcher(RecordingApplication({name: lambda _, answer=wrong: answer}))
        if name in TOLERATED:
            assert answered(dispatcher.answer(request_body(name)))[0] == name
        else:
            with pytest.raises(CallFailedError, match="TypeError"):
                dispatcher.answer(request_body(name))


def test_an_application_chooses_what_failures_look_like() -> None:
    """The hooks see the exception; one that raises itself ends the node."""

    class Choosing(RecordingApplication):
        def check_tx_failed(self, error: Exception) -> bytes:
            body: bytes = pb.ResponseCheckTx(code=7, log=type(error).__name__).SerializeToString()
            return body

        def query_failed(self, error: Exception) -> bytes:
            raise ArithmeticError

    dispatcher = Dispatcher(Choosing({"check_tx": ValueError(), "query": ValueError()}))
    assert answered(dispatcher.answer(request_body("check_tx", tx=b"a")))[1] == pb.ResponseCheckTx(code=7, log="ValueError")
    with pytest.raises(CallFailedError, match="query_failed: ArithmeticError") as caught:
        dispatcher.answer(request_body("query"))
    assert isinstance(caught.value.__cause__, ArithmeticError)


def test_calls_that_an_application_leaves_out_have_harmless_answers() -> None:
    """No queries, no snapshots, no own pool, an empty extension, and everyone's extension accepted."""
    bare = type("Bare", (RecordingApplication,), {name: getattr(Application, name) for name in DEFAULTED})
    dispatcher = Dispatcher(bare())
    answers = {name: answered(dispatcher.answer(request_body(name)))[1] for name in DEFAULTED}
    assert answers.pop("query").code == 1
    assert answers.pop("verify_vote_extension") == DEFAULT_ANSWERS["verify_vote_extension"]
    assert answers.pop("offer_snapshot").result == pb.ResponseOfferSnapshot.REJECT
    assert answers.pop("apply_snapshot_chunk").result == pb.ResponseApplySnapshotChunk.ABORT
    assert all(answer == answer.__class__() for answer in answers.values())
