"""What existing clients rely on (client-surface.md 1.3 and 13), over both transports of a real application."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.module import QueryError
from node.client import messages
from node.client.client import Client
from node.client.errors import RequestFailedError
from node.tx.signer import auth_info_bytes, body_bytes, sign_tx
from perpd_proto.cosmos.auth.v1beta1 import query_pb2 as auth
from perpd_proto.cosmos.bank.v1beta1 import query_pb2 as bank
from perpd_proto.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest
from perpd_proto.cosmos.crypto.secp256k1 import keys_pb2
from perpd_proto.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from perpd_proto.dydxprotocol.clob import query_pb2 as clob
from perpd_proto.dydxprotocol.perpetuals import query_pb2 as perpetuals
from perpd_proto.dydxprotocol.prices import query_pb2 as prices
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.single_node import SingleNode, single_node

FRESH = "dydx1mkkvp26dngu6n8rmalaxyp3gwkjuzztq5zx6tr"
ALL = PageRequest(limit=2**64 - 1, count_total=True)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    """A chain with the markets and accounts of a localnet."""
    with single_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(scope="module")
def client(node: SingleNode) -> Iterator[Client]:
    """Connected to it."""
    with Client(node.address) as client:
        yield client


def over_abci(node: SingleNode, path: str, request: Any) -> abci.ResponseQuery:
    """The application's answer to an ABCI query."""
    answer = node.app.query(abci.RequestQuery(path=path, data=request.SerializeToString()))
    assert isinstance(answer, abci.ResponseQuery)
    return answer


def test_a_missing_account_has_the_code_and_the_text_that_cosmjs_matches(node: SingleNode, client: Client) -> None:
    """Code 22 and `rpc error: code = NotFound`, with a height that is not zero; NOT_FOUND over gRPC."""
    answer = over_abci(node, "/cosmos.auth.v1beta1.Query/Account", auth.QueryAccountRequest(address=FRESH))
    assert (answer.codespace, answer.code) == ("sdk", 22)
    assert answer.log == f"rpc error: code = NotFound desc = account {FRESH} not found: key not found"
    assert answer.height == client.height > 0
    with pytest.raises(RequestFailedError, match=f"account {FRESH} not found"):
        client.latest.account(FRESH)


def test_a_denomination_that_is_not_held_is_zero_with_its_name(client: Client) -> None:
    """Never an empty message."""
    request = bank.QueryBalanceRequest(address=FRESH, denom="uatom")
    answer = client.connection.call("/cosmos.bank.v1beta1.Query/Balance", request, bank.QueryBalanceResponse)
    assert (answer.balance.denom, answer.balance.amount) == ("uatom", "0")


@pytest.mark.parametrize(
    ("path", "request_type", "response_type", "rows"),
    [
        ("/dydxprotocol.clob.Query/ClobPairAll", clob.QueryAllClobPairRequest, clob.QueryClobPairAllResponse, "clob_pair"),
        (
            "/dydxprotocol.prices.Query/AllMarketPrices",
            prices.QueryAllMarketPricesRequest,
            prices.QueryAllMarketPricesResponse,
            "market_prices",
        ),
        (
            "/dydxprotocol.perpetuals.Query/AllPerpetuals",
            perpetuals.QueryAllPerpetualsRequest,
            perpetuals.QueryAllPerpetualsResponse,
            "perpetual",
        ),
    ],
)
def test_the_largest_page_there_is_gives_everything(
    node: SingleNode, client: Client, path: str, request_type: Any, response_type: Any, rows: str
) -> None:
    """TS always asks for 2^64 - 1 rows and the total; PY for no page at all."""
    answer = client.connection.call(path, request_type(pagination=ALL), response_type)
    assert (len(getattr(answer, rows)), answer.pagination.total, answer.pagination.next_key) == (3, 3, b"")
    assert over_abci(node, path, request_type(pagination=ALL)).value == answer.SerializeToString()
    assert len(getattr(client.connection.call(path, request_type(), response_type), rows)) == 3


def test_simulation_takes_every_shape_that_clients_send(node: SingleNode, client: Client) -> None:
    """Signed in `tx` (PY; CP with gas 0), unsigned in `tx_bytes` with mode 0 and gas 0 (TS, CJ): the same gas but for the size."""
    wallet = node.wallet("alice")
    account = client.latest.account(wallet.address)
    deposit = messages.deposit(wallet.address, 0, 5)
    known = {"account_number": account.number, "sequence": account.sequence, "chain_id": client.chain_id}
    unsigned = tx_pb2.AuthInfo.FromString(auth_info_bytes(None, account.sequence, gas_limit=0))
    unsigned.signer_infos[0].mode_info.single.mode = 0  # type: ignore[assignment]
    key = tx_pb2.AuthInfo.FromString(tx_pb2.TxRaw.FromString(sign_tx(wallet.secret, [deposit], **known)).auth_info_bytes)
    unsigned.signer_infos[0].public_key.CopyFrom(key.signer_infos[0].public_key)
    assert len(keys_pb2.PubKey.FromString(key.signer_infos[0].public_key.value).key) == 33
    unsigned.fee.SetInParent()
    bare = tx_pb2.TxRaw(body_bytes=body_bytes([deposit], "Client Example"), auth_info_bytes=unsigned.SerializeToString(), signatures=[b""])
    requests = [
        service_pb2.SimulateRequest(tx=tx_pb2.Tx.FromString(sign_tx(wallet.secret, [deposit], memo="Client Example", **known))),
        service_pb2.SimulateRequest(
            tx=tx_pb2.Tx.FromString(sign_tx(wallet.secret, [deposit], memo="Client Example", gas_limit=0, **known))
        ),
        service_pb2.SimulateRequest(tx_bytes=bare.SerializeToString()),
    ]
    path = "/cosmos.tx.v1beta1.Service/Simulate"
    used = []
    for request in requests:
        answer = client.connection.call(path, request, service_pb2.SimulateResponse)
        assert [row.type_url for row in answer.result.msg_responses] == ["/dydxprotocol.sending.MsgDepositToSubaccountResponse"]
        assert over_abci(node, path, request).value == answer.SerializeToString()
        used.append(answer.gas_info.gas_used)
    assert min(used) > 0
    assert max(used) - min(used) < 2_000
    assert client.latest.risk(wallet.address, 0).settled_collateral == 0


def test_a_simulation_that_fails_is_unknown_with_its_log(node: SingleNode, client: Client) -> None:
    """Too little money: the registered text, the gas, and code 6 over abci_query; bytes that are no transaction are an invalid argument."""
    wallet = node.wallet("bob")
    with pytest.raises(RequestFailedError, match=r"with gas used: '\d+'") as failed:
        client.simulate(wallet, messages.withdraw(wallet.address, 0, 1))
    assert failed.value.status == "UNKNOWN"
    path = "/cosmos.tx.v1beta1.Service/Simulate"
    with pytest.raises(RequestFailedError) as garbage:
        client.connection.call(path, service_pb2.SimulateRequest(tx_bytes=b"\xff"), service_pb2.SimulateResponse)
    assert garbage.value.status == "INVALID_ARGUMENT"
    assert over_abci(node, path, service_pb2.SimulateRequest(tx_bytes=b"\xff")).code == 18


def test_every_route_answers_an_empty_request_without_an_internal_error(node: SingleNode, client: Client) -> None:
    """All services of the node, as a curious client would try them."""
    for path, route in node.app.table.routes.items():
        try:
            client.connection.call(path, route.request(), route.response)
        except RequestFailedError as error:
            assert error.status in ("NOT_FOUND", "INVALID_ARGUMENT"), (path, error)  # noqa: PT017 - an answer is as good


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=120), number=st.integers(min_value=0, max_value=10**6))
def test_any_bytes_to_any_query_end_in_an_answer_or_a_status(node: SingleNode, data: bytes, number: int) -> None:
    """No request makes a handler fail in a way of its own."""
    routes = sorted(node.app.table.routes.items())
    path, route = routes[number % len(routes)]
    for request in (data, _plausible(route.request, data)):
        with contextlib.suppress(QueryError):
            node.app.table.answer(path, request, 0)
        assert isinstance(node.app.query(abci.RequestQuery(path=path, data=request)), abci.ResponseQuery)


def _plausible(kind: Any, data: bytes) -> bytes:
    """A well-formed request whose fields hold whatever the bytes say."""
    source = random.Random(data)
    message = kind()
    _fill(message, source, depth=0)
    encoded: bytes = message.SerializeToString()
    return encoded


def _fill(message: Any, source: random.Random, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated or source.random() < 0.2:
            continue
        if field.message_type is not None:
            if depth < 3:
                getattr(message, field.name).SetInParent()
                _fill(getattr(message, field.name), source, depth + 1)
        elif field.type == field.TYPE_STRING:
            setattr(message, field.name, source.choice(["", "x", FRESH, FRESH.upper(), "dydx1", "\u00e9" * 50]))
        elif field.type == field.TYPE_BYTES:
            setattr(message, field.name, source.randbytes(source.randrange(40)))
        elif field.type == field.TYPE_BOOL:
            setattr(message, field.name, source.random() < 0.5)
        elif field.type == field.TYPE_ENUM:
            setattr(message, field.name, source.randrange(4))
        else:
            bits = 64 if field.type in (field.TYPE_UINT64, field.TYPE_INT64, field.TYPE_SINT64, field.TYPE_FIXED64) else 32
            signed = field.type in (field.TYPE_INT64, field.TYPE_SINT64, field.TYPE_INT32, field.TYPE_SINT32)
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
            setattr(message, field.name, source.choice([0, 1, 2, 64, low, high, source.randint(low, high)]))
