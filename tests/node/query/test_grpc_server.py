"""The gRPC server: one table, heights, statuses, limits, reflection, health, and bytes that are no request."""

import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modules.kernel.module import QueryError, QueryRoute
from node.failure import Failure
from node.query import grpc_server
from node.query.engine_rpc import EngineRpc
from node.query.grpc_server import HEIGHT_HEADER, GrpcServer
from node.query.services import streams
from perpd_proto.cosmos.auth.v1beta1 import query_pb2 as auth
from perpd_proto.cosmos.bank.v1beta1 import query_pb2 as bank
from perpd_proto.cosmos.gov.v1 import query_pb2 as gov
from perpd_proto.perpd.node.v1 import query_pb2 as perpd_node
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import grpc_node
from support.grpc_node import ALICE, CHAIN_ID, DENOM, PATIENCE_SECONDS, Chain, Engine, call, failure, outcome, serving

BALANCE = "/cosmos.bank.v1beta1.Query/Balance"
STATUS = "/perpd.node.v1.Query/Status"


def _explode(_ctx: Any, _request: Any) -> Any:
    raise ZeroDivisionError("a bug")


def _huge(_ctx: Any, _request: Any) -> Any:
    return bank.QuerySupplyOfResponse(amount={"denom": "x" * (grpc_server.ANSWER_BYTES_MAX + 1)})


def _refuse(_ctx: Any, request: Any) -> Any:
    raise QueryError(request.denom, "said no")


EXTRA = (
    QueryRoute("/test.Query/Explode", bank.QuerySupplyOfRequest, bank.QuerySupplyOfResponse, _explode),
    QueryRoute("/test.Query/Huge", bank.QuerySupplyOfRequest, bank.QuerySupplyOfResponse, _huge),
    QueryRoute("/test.Query/Refuse", bank.QuerySupplyOfRequest, bank.QuerySupplyOfResponse, _refuse),
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Committed state with eight blocks, of which five are kept."""
    chain = Chain(tmp_path_factory.mktemp("chain"), routes=EXTRA)
    chain.begin()
    for _ in range(7):
        chain.block()
    yield chain
    chain.store.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A peer that knows no method."""
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def channel(chain: Chain, engine: Engine) -> Iterator[grpc.Channel]:
    """To a server that the tests of this file share."""
    with serving(chain, engine.url) as (_, channel):
        yield channel


def test_a_query_answers_at_the_latest_height_and_names_it(chain: Chain, channel: grpc.Channel) -> None:
    """The response's initial metadata carry the height that was read."""
    request = bank.QueryBalanceRequest(address=ALICE, denom=DENOM)
    data, call_ = channel.unary_unary(BALANCE).with_call(request.SerializeToString(), timeout=PATIENCE_SECONDS)
    assert bank.QueryBalanceResponse.FromString(data).balance.amount == "1234567"
    assert (HEIGHT_HEADER, str(chain.store.height)) in [tuple(pair) for pair in call_.initial_metadata()]


def test_the_height_header_asks_for_an_earlier_state(chain: Chain, channel: grpc.Channel) -> None:
    """Each kept height answers with its own app hash, which is the one that was committed there."""
    asked = chain.store.height - 2
    found = call(channel, STATUS, b"", perpd_node.QueryStatusResponse, ((HEIGHT_HEADER, str(asked)),))
    with chain.store.version(asked) as version:
        assert (found.height, found.app_hash, found.chain_id) == (asked, version.app_hash, CHAIN_ID)
        assert [(row.name, row.root) for row in found.store_roots] == sorted(version.store_roots().items())
        assert found.time.ToNanoseconds() == version.time_ns
    assert found.earliest_height == chain.store.earliest_height
    by_request = call(
        channel, "/perpd.node.v1.Query/AppHash", perpd_node.QueryAppHashRequest(height=asked), perpd_node.QueryAppHashResponse
    )
    assert (by_request.height, by_request.app_hash) == (asked, found.app_hash)


@pytest.mark.parametrize(
    ("height", "said"),
    [
        ("1000", "cannot query with height in the future"),
        ("1", "no longer kept"),
        ("-1", "written in digits"),
        ("x", "written in digits"),
        ("9" * 19, "written in digits"),
    ],
)
def test_a_height_that_cannot_be_answered_is_an_invalid_argument(channel: grpc.Channel, height: str, said: str) -> None:
    """Future, pruned and nonsensical heights say why."""
    code, message = failure(channel, STATUS, b"", ((HEIGHT_HEADER, height),))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert said in message


@pytest.mark.parametrize(("height", "code"), [(10_000, "future"), (1, "no longer kept"), (-5, "negative")])
def test_an_app_hash_that_is_not_known_says_why(channel: grpc.Channel, height: int, code: str) -> None:
    """AppHash names its height in the request, with the same refusals."""
    status, message = failure(channel, "/perpd.node.v1.Query/AppHash", perpd_node.QueryAppHashRequest(height=height))
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert code in message


@pytest.mark.parametrize("name", ["NOT_FOUND", "INVALID_ARGUMENT", "INTERNAL", "UNKNOWN", "FAILED_PRECONDITION", "UNAUTHENTICATED"])
def test_a_handlers_status_becomes_the_grpc_status(channel: grpc.Channel, name: str) -> None:
    """The name that a handler raises is the status that a client sees."""
    code, message = failure(channel, "/test.Query/Refuse", bank.QuerySupplyOfRequest(denom=name))
    assert (code, message) == (grpc.StatusCode[name], "said no")


def test_a_missing_account_is_not_found_with_the_text_clients_match(channel: grpc.Channel) -> None:
    """client-surface.md 2.1: `account <addr> not found`."""
    code, message = failure(
        channel, "/cosmos.auth.v1beta1.Query/Account", auth.QueryAccountRequest(address="dydx1mkkvp26dngu6n8rmalaxyp3gwkjuzztq5zx6tr")
    )
    assert code is grpc.StatusCode.NOT_FOUND
    assert "not found" in message


def test_a_bug_in_a_handler_is_an_internal_error_and_the_server_lives(channel: grpc.Channel) -> None:
    """Nothing of the traceback leaves the node."""
    assert failure(channel, "/test.Query/Explode", b"") == (grpc.StatusCode.INTERNAL, "internal error")
    assert call(channel, STATUS, b"", perpd_node.QueryStatusResponse).chain_id == CHAIN_ID


def test_an_answer_above_the_limit_is_refused_in_plain_words(channel: grpc.Channel) -> None:
    """The client is told how to ask for less."""
    code, message = failure(channel, "/test.Query/Huge", b"")
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "pagination.limit" in message


def test_a_request_above_the_limit_is_refused(channel: grpc.Channel) -> None:
    """gRPC itself stops reading."""
    code, _ = failure(channel, BALANCE, bytes(grpc_server.REQUEST_BYTES_MAX + 1))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("path", ["/cosmos.bank.v1beta1.Query/Nothing", "/no.such.Service/Method", "/x", "/cosmos.bank.v1beta1.Query/"])
def test_an_unknown_method_is_unimplemented(channel: grpc.Channel, path: str) -> None:
    """client-surface.md 2.1."""
    assert failure(channel, path, b"")[0] is grpc.StatusCode.UNIMPLEMENTED


def test_absent_modules_answer_with_an_empty_message(chain: Chain, channel: grpc.Channel) -> None:
    """Over gRPC and over abci_query alike; single messages inside are present, as clients read their fields."""
    assert call(channel, "/cosmos.gov.v1.Query/Proposals", b"\x08\x03\x12\x01x", gov.QueryProposalsResponse) == gov.QueryProposalsResponse()
    for path, route in chain.table.routes.items():
        if path.split(".")[1] in ("affiliates", "vault", "ratelimit", "rewards", "stats", "accountplus", "feetiers"):
            answer = call(channel, path, b"", route.response)
            assert all(not answer.DESCRIPTOR.fields_by_name[name].is_repeated for name in [field.name for field, _ in answer.ListFields()])
            assert chain.table.answer(path, b"", 0)[0] == answer.SerializeToString()


def test_malformed_protobuf_is_an_invalid_argument(channel: grpc.Channel) -> None:
    """The request type is named."""
    code, message = failure(channel, BALANCE, b"\xff\xff\xff")
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "cosmos.bank.v1beta1.QueryBalanceRequest" in message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), number=st.integers(min_value=0))
def test_any_bytes_to_any_method_end_in_an_answer_or_a_status(chain: Chain, channel: grpc.Channel, data: bytes, number: int) -> None:
    """No request makes a handler an internal error."""
    paths = [path for path in sorted(chain.table.routes) if not path.startswith("/test.")]
    paths += [f"/cosmos.tx.v1beta1.Service/{name}" for name in ("BroadcastTx", "GetTx", "Simulate", "GetTxsEvent", "GetBlockWithTxs")]
    code, message = outcome(channel, paths[number % len(paths)], data)
    assert code is not grpc.StatusCode.INTERNAL, message


def test_random_bytes_on_the_port_do_not_hurt(chain: Chain, engine: Engine) -> None:
    """Garbage, half a preface, and a valid preface with garbage behind it; the server answers on."""
    seeded = random.Random(7)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    with serving(chain, engine.url) as (server, channel):
        for number in range(60):
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as raw:
                start = (b"", preface, preface[: seeded.randrange(len(preface))])[number % 3]
                raw.sendall(start + seeded.randbytes(seeded.randrange(1, 4000)))
        assert call(channel, STATUS, b"", perpd_node.QueryStatusResponse).chain_id == CHAIN_ID


def test_reflection_lists_every_served_service_and_describes_it(chain: Chain, engine: Engine) -> None:
    """A client built from reflection alone can make a call."""
    with serving(chain, engine.url) as (server, channel):
        database = ProtoReflectionDescriptorDatabase(channel)
        names = set(database.get_services())
        assert names == set(server.services)
        assert {"cosmos.tx.v1beta1.Service", "cosmos.base.tendermint.v1beta1.Service", "perpd.node.v1.Query"} <= names
        assert {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection"} <= names
        pool = descriptor_pool.DescriptorPool(database)
        for name in names - {"test.Query"}:
            assert pool.FindServiceByName(name).full_name == name
        method = pool.FindServiceByName("cosmos.bank.v1beta1.Query").FindMethodByName("Balance")
        request, response = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
        assert call(channel, BALANCE, request(address=ALICE, denom=DENOM), response).balance.amount == "1234567"


def test_reflection_answers_under_both_names_and_says_what_is_missing(channel: grpc.Channel) -> None:
    """v1 is v1alpha's wire under another name; an unknown symbol is error code 5."""
    pool = descriptor_pool.Default()
    for package in ("v1alpha", "v1"):
        kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"grpc.reflection.{package}.ServerReflectionRequest"))
        answer = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"grpc.reflection.{package}.ServerReflectionResponse"))
        stream = channel.stream_stream(
            f"/grpc.reflection.{package}.ServerReflection/ServerReflectionInfo", kind.SerializeToString, answer.FromString
        )
        requests = iter([kind(file_containing_symbol="no.such.Symbol"), kind(file_containing_symbol="cosmos.tx.v1beta1.Service")])
        missing, found = list(stream(requests, timeout=PATIENCE_SECONDS))
        assert missing.error_response.error_code == 5
        assert found.file_descriptor_response.file_descriptor_proto


def test_health_says_serving_for_the_server_and_each_service(chain: Chain, engine: Engine) -> None:
    """And NOT_FOUND for what is not served."""
    with serving(chain, engine.url) as (server, channel):
        for name in ("", *server.services):
            answer = call(
                channel, "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest(service=name), health_pb2.HealthCheckResponse
            )
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert failure(channel, "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest(service="x"))[0] is grpc.StatusCode.NOT_FOUND


def test_open_streams_have_a_limit_of_their_own(chain: Chain, engine: Engine) -> None:
    """When all places for streams are taken, unary calls still work, and a place that is given back can be taken."""
    with serving(chain, engine.url) as (_, channel):
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch", health_pb2.HealthCheckRequest.SerializeToString, health_pb2.HealthCheckResponse.FromString
        )
        held = [watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE_SECONDS) for _ in range(streams.STREAMS_MAX)]
        for stream in held:
            assert next(stream).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refused:
            next(watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE_SECONDS))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert call(channel, STATUS, b"", perpd_node.QueryStatusResponse).chain_id == CHAIN_ID
        for stream in held:
            stream.cancel()


def test_calls_run_beside_each_other_and_beside_commits(chain: Chain, channel: grpc.Channel) -> None:
    """Every answer is a committed height with its own app hash, while blocks are committed."""
    known = {}
    for height in range(chain.store.earliest_height, chain.store.height + 1):
        with chain.store.version(height) as version:
            known[height] = version.app_hash
    seen: list[tuple[int, bytes]] = []

    def ask() -> None:
        for _ in range(30):
            found = call(channel, STATUS, b"", perpd_node.QueryStatusResponse)
            seen.append((found.height, found.app_hash))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        height = chain.block()
        known[height] = chain.store.app_hash
    for thread in threads:
        thread.join()
    assert len(seen) == 120
    assert all(known[height] == app_hash for height, app_hash in seen)


def test_an_address_in_use_is_a_plain_failure(chain: Chain, engine: Engine) -> None:
    """Two nodes never share a port."""
    with serving(chain, engine.url) as (server, _):
        second = GrpcServer(f"127.0.0.1:{server.port}", chain.table, EngineRpc(engine.url), chain.simulate, version="0.1.0")
        with pytest.raises(Failure, match=f"cannot listen on 127.0.0.1:{server.port}"):
            second.start()
        second.stop()


def test_stopping_ends_open_streams_and_the_thread(chain: Chain, engine: Engine) -> None:
    """Stop returns although a client watches, and the watcher hears of it."""
    server = GrpcServer("127.0.0.1:0", chain.table, EngineRpc(engine.url), chain.simulate, version="0.1.0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch", health_pb2.HealthCheckRequest.SerializeToString, health_pb2.HealthCheckResponse.FromString
        )(health_pb2.HealthCheckRequest(), timeout=PATIENCE_SECONDS)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.stop(0)
        with pytest.raises(grpc.RpcError):
            list(watch)
    assert not any(thread.name == "grpc" for thread in threading.enumerate() if thread is server._thread)
    server.stop()


def test_the_vectors_are_recorded_answers() -> None:
    """The fixture of the other tests holds what the real engine said."""
    assert grpc_node.VECTORS["status"]["result"]["node_info"]["version"] == "0.38.25"


def test_the_table_serves_the_same_bytes_over_abci_query(chain: Chain, channel: grpc.Channel) -> None:
    """One table, two transports."""
    request = bank.QueryAllBalancesRequest(address=ALICE)
    over_grpc = channel.unary_unary("/cosmos.bank.v1beta1.Query/AllBalances")(request.SerializeToString(), timeout=PATIENCE_SECONDS)
    over_abci = chain.abci.answer(abci.RequestQuery(path="/cosmos.bank.v1beta1.Query/AllBalances", data=request.SerializeToString()))
    assert (over_abci.code, over_abci.value) == (0, over_grpc)
    assert over_abci.height == chain.store.height
