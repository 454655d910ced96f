"""Transactions and blocks over gRPC, translated from what CometBFT really answers (recorded), and its refusals."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from node.query.services.simulate import SimulateOutcome
from node.store.simple_merkle import data_hash, merkle_root
from perpd_proto.cosmos.base.tendermint.v1beta1 import query_pb2 as blocks
from perpd_proto.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import types_pb2 as comet
from support.grpc_node import VECTORS, Chain, Engine, call, failure, serving

TX = "/cosmos.tx.v1beta1.Service/"
BLOCK = "/cosmos.base.tendermint.v1beta1.Service/"
RAW = b"a=1"
HASH = VECTORS["tx"]["result"]["hash"]
HEIGHT = int(VECTORS["tx"]["result"]["height"])


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Committed state with one block."""
    chain = Chain(tmp_path_factory.mktemp("chain"))
    chain.begin()
    yield chain
    chain.store.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A peer that answers everything as the real engine did."""
    engine = Engine()
    for method, name in {
        "status": "status",
        "broadcast_tx_sync": "broadcast_sync",
        "broadcast_tx_async": "broadcast_async",
        "tx": "tx",
        "tx_search": "tx_search",
        "block": "block",
        "header": "header",
    }.items():
        engine.record(method, name)
    yield engine
    engine.close()


@pytest.fixture
def channel(chain: Chain, engine: Engine) -> Iterator[grpc.Channel]:
    """To a server between the two."""
    with serving(chain, engine.url) as (_, channel):
        yield channel


def broadcast(channel: grpc.Channel, mode: int = service_pb2.BROADCAST_MODE_SYNC, tx: bytes = RAW) -> Any:
    """The tx_response of BroadcastTx."""
    request = service_pb2.BroadcastTxRequest(tx_bytes=tx, mode=mode)  # type: ignore[arg-type]
    return call(channel, TX + "BroadcastTx", request, service_pb2.BroadcastTxResponse).tx_response


def test_broadcast_sync_gives_the_verdict_of_the_check(channel: grpc.Channel, engine: Engine) -> None:
    """Code 0 and the hash; the engine got the bytes as they are."""
    answer = broadcast(channel)
    assert (answer.code, answer.txhash, answer.height) == (0, hashlib.sha256(RAW).hexdigest().upper(), 0)
    assert engine.asked == [("broadcast_tx_sync", {"tx": "YT0x"})]


def test_a_refused_check_is_an_answer_and_no_error(channel: grpc.Channel, engine: Engine) -> None:
    """client-surface.md 2.1: BroadcastTx answers OK with a code."""
    result = {"code": 32, "codespace": "sdk", "log": "account sequence mismatch", "data": "", "hash": HASH}
    engine.answers["broadcast_tx_sync"] = lambda _: {"result": result}
    answer = broadcast(channel)
    assert (answer.code, answer.codespace, answer.raw_log, answer.txhash) == (32, "sdk", "account sequence mismatch", HASH)


def test_broadcast_async_does_not_wait_for_the_check(channel: grpc.Channel, engine: Engine) -> None:
    """Mode 3 uses the engine's own asynchronous call."""
    assert broadcast(channel, service_pb2.BROADCAST_MODE_ASYNC).txhash == VECTORS["broadcast_async"]["result"]["hash"]
    assert engine.asked[0][0] == "broadcast_tx_async"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (VECTORS["broadcast_again"]["error"]["data"], 19),
        ("mempool is full: number of txs 3000 (max: 3000), total txs bytes 812000 (max: 16777216)", 20),
        ("Tx too large. Max size is 65536, but got 70000", 21),
        (VECTORS["broadcast_large"]["error"]["data"], 21),
    ],
)
def test_what_the_pool_does_not_take_has_its_code(channel: grpc.Channel, engine: Engine, text: str, code: int) -> None:
    """Codes 19, 20 and 21 of codespace sdk, with an empty log (client-surface.md 3.7)."""
    engine.answers["broadcast_tx_sync"] = lambda _: {"error": {"code": -32603, "message": "Internal error", "data": text}}
    answer = broadcast(channel)
    assert (answer.code, answer.codespace, answer.raw_log) == (code, "sdk", "")
    assert answer.txhash == hashlib.sha256(RAW).hexdigest().upper()


@pytest.mark.parametrize(("mode", "name"), [(0, "unspecified"), (1, "block"), (9, "9")])
def test_other_broadcast_modes_are_refused_by_name(channel: grpc.Channel, mode: int, name: str) -> None:
    """The text of client-surface.md 2.1."""
    request = service_pb2.BroadcastTxRequest(tx_bytes=RAW, mode=mode)  # type: ignore[arg-type]
    assert failure(channel, TX + "BroadcastTx", request) == (
        grpc.StatusCode.UNKNOWN,
        f"unsupported return type {name}; supported types: sync, async",
    )


def test_an_empty_transaction_is_refused(channel: grpc.Channel, engine: Engine) -> None:
    """Nothing reaches the engine."""
    assert failure(channel, TX + "BroadcastTx", service_pb2.BroadcastTxRequest(mode=2))[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert engine.asked == []


def test_an_engine_error_of_another_kind_is_passed_on(channel: grpc.Channel, engine: Engine) -> None:
    """The engine's own words reach the client."""
    engine.answers["broadcast_tx_sync"] = lambda _: {"error": {"code": -32603, "message": "Internal error", "data": "node is starting"}}
    code, message = failure(channel, TX + "BroadcastTx", service_pb2.BroadcastTxRequest(tx_bytes=RAW, mode=2))
    assert (code, message) == (grpc.StatusCode.UNKNOWN, "node is starting")


@pytest.mark.parametrize("raw", [b"not json", b"[]", b'{"result": 5}', b"{}"])
def test_an_answer_that_is_no_answer_is_unavailable(channel: grpc.Channel, engine: Engine, raw: bytes) -> None:
    """A peer that speaks something else is as good as absent."""
    engine.raw = raw
    code, message = failure(channel, TX + "BroadcastTx", service_pb2.BroadcastTxRequest(tx_bytes=RAW, mode=2))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "the engine" in message


def test_without_an_engine_calls_that_need_it_are_unavailable(chain: Chain) -> None:
    """Queries from state go on; the message names no address."""
    with serving(chain, "http://127.0.0.1:1") as (_, channel):
        assert failure(channel, TX + "GetTx", service_pb2.GetTxRequest(hash=HASH)) == (
            grpc.StatusCode.UNAVAILABLE,
            "the engine's RPC does not answer",
        )


def test_get_tx_gives_result_transaction_and_block_time(channel: grpc.Channel) -> None:
    """Everything that client-surface.md 3.7 lists; the undecodable test transaction leaves `tx` empty."""
    answer = call(channel, TX + "GetTx", service_pb2.GetTxRequest(hash=HASH.lower()), service_pb2.GetTxResponse)
    found = answer.tx_response
    recorded = VECTORS["tx"]["result"]
    assert (found.height, found.txhash, found.code) == (HEIGHT, HASH, 0)
    assert (found.tx.type_url, found.tx.value) == ("/cosmos.tx.v1beta1.Tx", RAW)
    assert found.timestamp == VECTORS["header"]["result"]["header"]["time"][:19] + "Z"
    assert [event.type for event in found.events] == [event["type"] for event in recorded["tx_result"]["events"]]
    first = found.events[0].attributes[0]
    assert (first.key, first.value, first.index) == ("creator", "Cosmoshi Netowoko", True)
    assert answer.tx == tx_pb2.Tx()


def test_get_tx_decodes_a_real_transaction(channel: grpc.Channel, engine: Engine) -> None:
    """PY reads `tx`."""
    raw = tx_pb2.Tx(body=tx_pb2.TxBody(memo="hello"), signatures=[b"x"])
    result = {**VECTORS["tx"]["result"], "tx": base64.b64encode(raw.SerializeToString()).decode()}
    engine.answers["tx"] = lambda _: {"result": result}
    assert call(channel, TX + "GetTx", service_pb2.GetTxRequest(hash=HASH), service_pb2.GetTxResponse).tx == raw


def test_a_transaction_that_is_not_there_is_not_found(channel: grpc.Channel, engine: Engine) -> None:
    """Clients match "tx not found" and the hash."""
    engine.record("tx", "tx_missing")
    assert failure(channel, TX + "GetTx", service_pb2.GetTxRequest(hash=HASH)) == (grpc.StatusCode.NOT_FOUND, f"tx not found: {HASH}")


@pytest.mark.parametrize("text", ["", "abcd", "zz" * 32, "0x" + "ab" * 32])
def test_a_hash_that_is_none_is_an_invalid_argument(channel: grpc.Channel, engine: Engine, text: str) -> None:
    """The engine is not asked."""
    assert failure(channel, TX + "GetTx", service_pb2.GetTxRequest(hash=text))[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert engine.asked == []


def test_transactions_are_found_by_events(channel: grpc.Channel, engine: Engine) -> None:
    """Both forms of the query, the page, the order; one header lookup per height."""
    request = service_pb2.GetTxsEventRequest(
        events=[f"tx.height={HEIGHT}", "app.key='a'"], order_by=service_pb2.ORDER_BY_DESC, page=2, limit=500
    )
    answer = call(channel, TX + "GetTxsEvent", request, service_pb2.GetTxsEventResponse)
    assert [row.txhash for row in answer.tx_responses] == [row["hash"] for row in VECTORS["tx_search"]["result"]["txs"]]
    assert answer.total == int(VECTORS["tx_search"]["result"]["total_count"])
    asked = [params for method, params in engine.asked if method == "tx_search"]
    assert asked == [{"query": f"tx.height={HEIGHT} AND app.key='a'", "prove": False, "page": "2", "per_page": "100", "order_by": "desc"}]
    assert [method for method, _ in engine.asked].count("header") == 1


def test_a_query_that_the_engine_cannot_read_is_an_invalid_argument(channel: grpc.Channel, engine: Engine) -> None:
    """With the engine's reason."""
    engine.record("tx_search", "tx_search_bad")
    code, message = failure(channel, TX + "GetTxsEvent", service_pb2.GetTxsEventRequest(query="tx.height="))
    assert (code, message) == (grpc.StatusCode.INVALID_ARGUMENT, VECTORS["tx_search_bad"]["error"]["data"])
    assert failure(channel, TX + "GetTxsEvent", b"")[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_block_with_its_transactions_can_be_read_in_pages(channel: grpc.Channel) -> None:
    """Places stay right although these are no transactions."""
    request = service_pb2.GetBlockWithTxsRequest(height=HEIGHT)
    answer = call(channel, TX + "GetBlockWithTxs", request, service_pb2.GetBlockWithTxsResponse)
    assert list(answer.block.data.txs) == [b"a=1", b"b=2"]
    assert (len(answer.txs), answer.pagination.total) == (2, 2)
    request.pagination.offset = 1
    assert len(call(channel, TX + "GetBlockWithTxs", request, service_pb2.GetBlockWithTxsResponse).txs) == 1
    assert failure(channel, TX + "GetBlockWithTxs", b"")[0] is grpc.StatusCode.INVALID_ARGUMENT


def header_hash(header: comet.Header) -> bytes:
    """CometBFT's hash of a header: the simple Merkle root over its fields, each as a protobuf wrapper."""

    def wrapped(value: bytes | str | int) -> bytes:
        if not value:
            return b""
        if isinstance(value, int):
            out, rest = bytearray(b"\x08"), value
            while rest > 127:
                out.append(rest & 127 | 128)
                rest >>= 7
            return bytes((*out, rest))
        raw = value.encode() if isinstance(value, str) else value
        return b"\x0a" + bytes((len(raw),)) + raw

    last_block_id = comet.BlockID(hash=header.last_block_id.hash, part_set_header=header.last_block_id.part_set_header)
    last_block_id.part_set_header.SetInParent()
    return merkle_root(
        [
            header.version.SerializeToString(),
            wrapped(header.chain_id),
            wrapped(header.height),
            header.time.SerializeToString(),
            last_block_id.SerializeToString(),
            *(
                wrapped(getattr(header, field))
                for field in (
                    "last_commit_hash",
                    "data_hash",
                    "validators_hash",
                    "next_validators_hash",
                    "consensus_hash",
                    "app_hash",
                    "last_results_hash",
                    "evidence_hash",
                    "proposer_address",
                )
            ),
        ]
    )


@pytest.mark.parametrize("name", ["block", "block1"])
def test_a_block_is_translated_without_loss(channel: grpc.Channel, engine: Engine, name: str) -> None:
    """The hash of the translated header is the block's own hash, and the data hash that of its transactions; so too at height 1."""
    engine.record("block", name)
    answer = call(channel, BLOCK + "GetLatestBlock", b"", blocks.GetLatestBlockResponse)
    recorded = VECTORS[name]["result"]
    assert header_hash(answer.block.header) == answer.block_id.hash == bytes.fromhex(recorded["block_id"]["hash"])
    assert answer.block.header.data_hash == data_hash(answer.block.data.txs)
    assert len(answer.block.last_commit.signatures) == len(recorded["block"]["last_commit"]["signatures"])
    assert not answer.HasField("sdk_block")


def test_a_block_by_height_asks_for_that_height(channel: grpc.Channel, engine: Engine) -> None:
    """Heights travel as decimal text."""
    request = blocks.GetBlockByHeightRequest(height=HEIGHT)
    assert call(channel, BLOCK + "GetBlockByHeight", request, blocks.GetBlockByHeightResponse).block.header.height == HEIGHT
    assert engine.asked == [("block", {"height": str(HEIGHT)})]


def test_a_block_that_is_not_there_is_an_invalid_argument(channel: grpc.Channel, engine: Engine) -> None:
    """Future heights say which are there; before the first block there is none."""
    engine.record("block", "block_future")
    code, message = failure(channel, BLOCK + "GetBlockByHeight", blocks.GetBlockByHeightRequest(height=100_000))
    assert (code, message) == (grpc.StatusCode.INVALID_ARGUMENT, VECTORS["block_future"]["error"]["data"])
    assert failure(channel, BLOCK + "GetBlockByHeight", b"")[0] is grpc.StatusCode.INVALID_ARGUMENT
    engine.answers["block"] = lambda _: {"result": {"block_id": {"hash": "", "parts": {"total": 0, "hash": ""}}, "block": None}}
    assert failure(channel, BLOCK + "GetLatestBlock", b"")[0] is grpc.StatusCode.NOT_FOUND


def test_node_info_and_syncing_come_from_the_engines_status(channel: grpc.Channel) -> None:
    """cosmpy parses both versions."""
    info = call(channel, BLOCK + "GetNodeInfo", b"", blocks.GetNodeInfoResponse)
    recorded = VECTORS["status"]["result"]["node_info"]
    assert (info.default_node_info.network, info.default_node_info.version) == (recorded["network"], "0.38.25")
    assert info.default_node_info.protocol_version.block == 11
    assert info.default_node_info.channels == bytes.fromhex(recorded["channels"])
    assert (info.application_version.name, info.application_version.version) == ("perpd", "0.1.0")
    assert [part.isdigit() for part in info.application_version.cosmos_sdk_version.split(".")] == [True] * 3
    assert not call(channel, BLOCK + "GetSyncing", b"", blocks.GetSyncingResponse).syncing


SIMULATE = TX + "Simulate"


@pytest.mark.parametrize("shape", ["tx", "tx_bytes"])
def test_both_shapes_of_simulate_run_the_same_transaction(chain: Chain, channel: grpc.Channel, shape: str) -> None:
    """PY and CP send `tx`, TS and CJ `tx_bytes`; the application sees the same bytes."""
    tx = tx_pb2.Tx(body=tx_pb2.TxBody(memo="m"), auth_info=tx_pb2.AuthInfo(fee=tx_pb2.Fee()), signatures=[b""])
    request = service_pb2.SimulateRequest(tx=tx) if shape == "tx" else service_pb2.SimulateRequest(tx_bytes=tx.SerializeToString())
    event = abci.Event(type="transfer", attributes=[abci.EventAttribute(key="amount", value="1")])
    chain.outcome = SimulateOutcome(0, "", "", 0, 21_234, bytes.fromhex("1206") + b"\x0a\x04/x.Y", (event,))
    chain.simulated.clear()
    answer = call(channel, SIMULATE, request, service_pb2.SimulateResponse)
    assert chain.simulated == [tx.SerializeToString()]
    assert (answer.gas_info.gas_used, list(answer.result.events)) == (21_234, [event])
    assert [row.type_url for row in answer.result.msg_responses] == ["/x.Y"]
    over_abci = chain.abci.answer(abci.RequestQuery(path=SIMULATE, data=request.SerializeToString()))
    assert over_abci.value == answer.SerializeToString()


def test_a_simulation_that_fails_says_the_log_and_the_gas(chain: Chain, channel: grpc.Channel) -> None:
    """client-surface.md 2.1; what is no transaction is an invalid argument, over abci_query codes 6 and 18."""
    request = service_pb2.SimulateRequest(tx_bytes=b"x")
    chain.outcome = SimulateOutcome(5, "sdk", "too poor: insufficient funds", 0, 77, b"", ())
    assert failure(channel, SIMULATE, request) == (grpc.StatusCode.UNKNOWN, "too poor: insufficient funds with gas used: '77'")
    assert chain.abci.answer(abci.RequestQuery(path=SIMULATE, data=request.SerializeToString())).code == 6
    chain.outcome = SimulateOutcome(2, "sdk", "tx parse error", 0, 0, b"", ())
    assert failure(channel, SIMULATE, request) == (grpc.StatusCode.INVALID_ARGUMENT, "tx parse error")
    assert chain.abci.answer(abci.RequestQuery(path=SIMULATE, data=request.SerializeToString())).code == 18


def test_simulating_nothing_is_refused(channel: grpc.Channel) -> None:
    """The reference's text."""
    assert failure(channel, SIMULATE, b"") == (grpc.StatusCode.INVALID_ARGUMENT, "empty txBytes is not allowed")
