"""Epochs and block times as the reference's clients ask for them, from what keeps time here: funding, fees, the gate, the block."""

from typing import NamedTuple

from modules.fees.model import HOUR_SECONDS
from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.kernel.intmath import UINT32_MAX, div_floor
from modules.kernel.module import QueryError, QueryRoute
from modules.kernel.pagination import paginate
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.gating import Gating
from modules.subaccounts.model import CROSS_KEY
from perpd_proto.dydxprotocol.blocktime import blocktime_pb2, params_pb2
from perpd_proto.dydxprotocol.blocktime import query_pb2 as blocktime_query
from perpd_proto.dydxprotocol.epochs import epoch_info_pb2
from perpd_proto.dydxprotocol.epochs import query_pb2 as epochs_query

FUNDING_TICK = "funding-tick"
STATS_EPOCH = "stats-epoch"
_EPOCHS = "/dydxprotocol.epochs.Query/"
_BLOCKTIME = "/dydxprotocol.blocktime.Query/"


class _Epoch(NamedTuple):
    """A running epoch; times in unix seconds. Epochs are counted since 1970, so they are the same for everyone."""

    name: str
    next_tick: int
    duration: int
    start_block: int


def clock_routes(perp: PerpKeeper, funding: FundingKeeper, gating: Gating) -> tuple[QueryRoute, ...]:
    """For the query table."""
    clocks = Clocks(perp, funding, gating)
    return (
        QueryRoute(_EPOCHS + "EpochInfo", epochs_query.QueryGetEpochInfoRequest, epochs_query.QueryEpochInfoResponse, clocks.epoch),
        QueryRoute(_EPOCHS + "EpochInfoAll", epochs_query.QueryAllEpochInfoRequest, epochs_query.QueryEpochInfoAllResponse, clocks.epochs),
        QueryRoute(
            _BLOCKTIME + "PreviousBlockInfo",
            blocktime_query.QueryPreviousBlockInfoRequest,
            blocktime_query.QueryPreviousBlockInfoResponse,
            clocks.previous_block,
        ),
        QueryRoute(
            _BLOCKTIME + "DowntimeParams",
            blocktime_query.QueryDowntimeParamsRequest,
            blocktime_query.QueryDowntimeParamsResponse,
            clocks.downtime_params,
        ),
        QueryRoute(
            _BLOCKTIME + "AllDowntimeInfo",
            blocktime_query.QueryAllDowntimeInfoRequest,
            blocktime_query.QueryAllDowntimeInfoResponse,
            clocks.all_downtime,
        ),
        QueryRoute(
            _BLOCKTIME + "SynchronyParams",
            blocktime_query.QuerySynchronyParamsRequest,
            blocktime_query.QuerySynchronyParamsResponse,
            clocks.synchrony,
        ),
    )


class Clocks:
    """The handlers."""

    __slots__ = ("_funding", "_gating", "_perp")

    def __init__(self, perp: PerpKeeper, funding: FundingKeeper, gating: Gating) -> None:
        self._perp = perp
        self._funding = funding
        self._gating = gating

    def epoch(self, ctx: Context, request: epochs_query.QueryGetEpochInfoRequest) -> epochs_query.QueryEpochInfoResponse:
        """`funding-tick` or `stats-epoch`; NOT_FOUND for others (premiums are sampled in every block, so there is no sample epoch)."""
        found = next((one for one in self._running(ctx) if one.name == request.name), None)
        if found is None:
            raise QueryError("NOT_FOUND", f"epoch {request.name[:64]!r} not found: not found")
        return epochs_query.QueryEpochInfoResponse(epoch_info=_message(found))

    def epochs(self, ctx: Context, request: epochs_query.QueryAllEpochInfoRequest) -> epochs_query.QueryEpochInfoAllResponse:
        """By name."""
        rows, page = paginate(self._running(ctx), request.pagination, lambda one: one.name.encode())
        return epochs_query.QueryEpochInfoAllResponse(epoch_info=[_message(one) for one in rows], pagination=page)

    def previous_block(
        self, ctx: Context, _request: blocktime_query.QueryPreviousBlockInfoRequest
    ) -> blocktime_query.QueryPreviousBlockInfoResponse:
        """The block after which the state is read."""
        response = blocktime_query.QueryPreviousBlockInfoResponse()
        response.info.height = ctx.height & UINT32_MAX
        response.info.timestamp.FromNanoseconds(ctx.time_ns)
        return response

    def downtime_params(
        self, ctx: Context, _request: blocktime_query.QueryDowntimeParamsRequest
    ) -> blocktime_query.QueryDowntimeParamsResponse:
        """One duration: a gap between two blocks from which on it counts as an outage."""
        params = params_pb2.DowntimeParams()
        params.durations.add(seconds=self._gating.params(ctx).outage_seconds)
        return blocktime_query.QueryDowntimeParamsResponse(params=params)

    def all_downtime(
        self, ctx: Context, _request: blocktime_query.QueryAllDowntimeInfoRequest
    ) -> blocktime_query.QueryAllDowntimeInfoResponse:
        """The block that ended the last outage; height 0: there was none. Its time is not kept and stays zero."""
        info = blocktime_pb2.AllDowntimeInfo()
        row = info.infos.add()
        row.duration.seconds = self._gating.params(ctx).outage_seconds
        row.block_info.height = self._gating.info(ctx, CROSS_KEY).outage_seen & UINT32_MAX
        row.block_info.timestamp.SetInParent()
        return blocktime_query.QueryAllDowntimeInfoResponse(info=info)

    def synchrony(
        self, _ctx: Context, _request: blocktime_query.QuerySynchronyParamsRequest
    ) -> blocktime_query.QuerySynchronyParamsResponse:
        """No delay: when the next block may come is each engine's own configuration, not the chain's."""
        response = blocktime_query.QuerySynchronyParamsResponse()
        response.params.next_block_delay.SetInParent()
        return response

    def _running(self, ctx: Context) -> list[_Epoch]:
        """By name. Funding's is that of the perpetual whose epoch ends first, of equal ones the one with the lowest id."""
        found = []
        ends = [(self._funding.epoch_end_ns(ctx, one.id), one.id) for one in self._perp.all(ctx)]
        if ends:
            end_ns, perpetual_id = min(ends)
            charges = self._funding.charges(ctx, perpetual_id)
            duration = self._funding.settings(ctx, perpetual_id).epoch_seconds
            end = div_floor(end_ns, NANOSECONDS_PER_SECOND)
            found.append(_Epoch(FUNDING_TICK, end, duration, charges[-1].height if charges else 0))
        hour = div_floor(ctx.time_seconds, HOUR_SECONDS)
        # In which block an hour of volume began is nowhere kept: nothing depends on it.
        found.append(_Epoch(STATS_EPOCH, (hour + 1) * HOUR_SECONDS, HOUR_SECONDS, 0))
        return found


def _message(epoch: _Epoch) -> epoch_info_pb2.EpochInfo:
    return epoch_info_pb2.EpochInfo(
        name=epoch.name,
        next_tick=epoch.next_tick & UINT32_MAX,
        duration=epoch.duration,
        current_epoch=div_floor(epoch.next_tick, epoch.duration) - 1 & UINT32_MAX,
        current_epoch_start_block=epoch.start_block & UINT32_MAX,
        is_initialized=True,
        fast_forward_next_tick=True,
    )
