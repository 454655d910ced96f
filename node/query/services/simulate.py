"""Simulate: what a transaction would do and use. The same answer over gRPC and over abci_query."""

from collections.abc import Callable
from typing import NamedTuple, Self

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from modules.kernel.context import Context
from modules.kernel.errors import TX_PARSE
from modules.kernel.module import QueryError, QueryRoute
from perpd_proto.cosmos.base.abci.v1beta1 import abci_pb2
from perpd_proto.cosmos.tx.v1beta1 import service_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci

PATH = "/cosmos.tx.v1beta1.Service/Simulate"


class SimulateOutcome(NamedTuple):
    """What executing a transaction on the latest committed state gave; nothing of it stays."""

    code: int
    codespace: str
    log: str
    gas_wanted: int
    gas_used: int
    data: bytes
    """Encoded TxMsgData."""
    events: tuple[abci.Event, ...]

    @classmethod
    def of_result(cls, result: abci.ExecTxResult) -> Self:
        return cls(result.code, result.codespace, result.log, result.gas_wanted, result.gas_used, result.data, tuple(result.events))


Simulate = Callable[[bytes], SimulateOutcome]
"""simulate(encoded TxRaw) -> outcome. Needs no valid signature."""


def transaction_of(request: service_pb2.SimulateRequest) -> bytes:
    """The bytes to run, from either shape of the request. Raises QueryError."""
    raw = request.tx_bytes or (request.tx.SerializeToString() if request.HasField("tx") else b"")
    if not raw:
        raise QueryError("INVALID_ARGUMENT", "empty txBytes is not allowed")
    return raw


def answer(request: service_pb2.SimulateRequest, simulate: Simulate) -> service_pb2.SimulateResponse:
    """Gas and result. Raises QueryError: INVALID_ARGUMENT for what is no transaction, UNKNOWN for one that fails."""
    outcome = simulate(transaction_of(request))
    if outcome.code:
        if (outcome.codespace, outcome.code) == (TX_PARSE.codespace, TX_PARSE.code):
            raise QueryError("INVALID_ARGUMENT", outcome.log)
        raise QueryError("UNKNOWN", f"{outcome.log} with gas used: '{outcome.gas_used}'")
    return service_pb2.SimulateResponse(
        gas_info=abci_pb2.GasInfo(gas_wanted=outcome.gas_wanted, gas_used=outcome.gas_used),
        result=abci_pb2.Result(data=outcome.data, log=outcome.log, events=outcome.events, msg_responses=_responses(outcome.data)),
    )


def simulate_route(simulate: Simulate) -> QueryRoute:
    """The route for the abci_query table. It runs `simulate` on the asking thread, at the latest height whatever is asked for."""

    def handle(_ctx: Context, request: service_pb2.SimulateRequest) -> service_pb2.SimulateResponse:
        return answer(request, simulate)

    return QueryRoute(PATH, service_pb2.SimulateRequest, service_pb2.SimulateResponse, handle)


def _responses(data: bytes) -> list[Any]:
    try:
        return list(abci_pb2.TxMsgData.FromString(data).msg_responses)
    except DecodeError:
        return []
