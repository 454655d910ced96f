"""perpd.oracle.v1.Query/Reports: who reported which prices, read from the preamble of a block that the engine has kept."""

import asyncio
from collections.abc import Mapping

from modules.kernel.module import QueryError
from node.query.engine_rpc import EngineRpc
from node.query.services import wire
from node.query.services.tx_service import AsyncHandler, block_at, parse
from node.query.table import QueryTable
from node.votes import extension, preamble
from perpd_proto.perpd.oracle.v1 import query_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import validator_pb2

PATH = "/perpd.oracle.v1.Query/Reports"
REPORTED, EMPTY, MALFORMED, ABSENT, NIL = "REPORTED", "EMPTY", "MALFORMED", "ABSENT", "NIL"
_PARAMS = "/perpd.sequencer.v1.Query/Params"
_FLAGS = {validator_pb2.BLOCK_ID_FLAG_ABSENT: ABSENT, validator_pb2.BLOCK_ID_FLAG_NIL: NIL}


class ReportService:
    """An asynchronous handler, request bytes in and response bytes out. It raises QueryError and the engine's errors."""

    def __init__(self, engine: EngineRpc, table: QueryTable) -> None:
        self._engine = engine
        self._table = table

    @property
    def handlers(self) -> Mapping[str, AsyncHandler]:
        return {PATH: self._reports}

    async def _reports(self, data: bytes) -> bytes:
        request = parse(query_pb2.QueryReportsRequest, data)
        if request.height < 0:
            raise QueryError("INVALID_ARGUMENT", f"height {request.height} is negative; ask for 0 to get the latest block")
        block = (await block_at(self._engine, request.height))["block"]
        height = int(block["header"]["height"])
        response = query_pb2.QueryReportsResponse(height=height)
        txs = block["data"].get("txs") or ()
        commit = preamble.carried(wire.data(txs[0])) if txs else None
        if commit is not None:
            max_bytes = await asyncio.to_thread(self._max_extension_bytes, height - 1)
            response.reports.extend([_report(vote, max_bytes) for vote in commit.votes])
        return wire.encode(response)

    def _max_extension_bytes(self, height: int) -> int:
        """The limit that the block was judged by, or, where that state is no longer kept, the present one."""
        try:
            answer, _ = self._table.answer(_PARAMS, b"", height)
        except QueryError:
            answer, _ = self._table.answer(_PARAMS, b"", 0)
        limit: int = sequencer_pb2.QueryParamsResponse.FromString(answer).params.max_vote_extension_bytes
        return limit


def _report(vote: abci.ExtendedVoteInfo, max_bytes: int) -> query_pb2.ValidatorReport:
    report = query_pb2.ValidatorReport(address=vote.validator.address, power=vote.validator.power)
    if vote.block_id_flag in _FLAGS:
        report.status = _FLAGS[vote.block_id_flag]
        return report
    prices = extension.parse(vote.vote_extension, max_bytes)
    report.status = MALFORMED if prices is None else REPORTED if prices else EMPTY
    for market_id, price in prices or ():
        report.prices.add(market_id=market_id, price=price)
    return report
