"""perpd.clob.v1.Query/Order: what became of one order. Live ones from the state, ended ones from the history or what state remembers."""

from modules.clob.keeper import ClobKeeper
from modules.clob.model import SHORT_TERM, OrderId, Removal
from modules.clob.queries import asked_order, live_order
from modules.kernel.context import Context
from modules.kernel.module import QueryError, QueryRoute
from node.history.history import History, Record
from node.history.recorder import live_status
from node.store.chain_store import ChainStore
from perpd_proto.dydxprotocol.clob import tx_pb2
from perpd_proto.perpd.clob.v1 import query_pb2

PATH = "/perpd.clob.v1.Query/Order"


def order_routes(store: ChainStore, history: History, clob: ClobKeeper) -> tuple[QueryRoute, ...]:
    """For the query table."""
    handlers = OrderQueries(store, history, clob)
    return (QueryRoute(PATH, query_pb2.QueryOrderRequest, query_pb2.QueryOrderResponse, handlers.order),)


class OrderQueries:
    """The handler."""

    __slots__ = ("_clob", "_history", "_store")

    def __init__(self, store: ChainStore, history: History, clob: ClobKeeper) -> None:
        self._store = store
        self._history = history
        self._clob = clob

    def order(self, ctx: Context, request: query_pb2.QueryOrderRequest) -> query_pb2.QueryOrderResponse:
        """NOT_FOUND where the state does not know the id and the history does not have it (any more)."""
        order_id = asked_order(request.order_id)
        with self._store.version(ctx.height) as version:
            record = self._history.record(version, order_id)
            first = self._history.covered(version).first
        response = query_pb2.QueryOrderResponse(read_height=ctx.height)
        if self._clob.placed(ctx, order_id) is not None:
            self._tell_live(ctx, order_id, record, response)
        elif record is not None:
            _tell_ended(record, response)
        else:
            self._tell_remembered(ctx, order_id, response)
        if order_id.flags == SHORT_TERM:
            response.cancelled_until = self._clob.cancelled_until(ctx, order_id)
        if not response.status:
            reach = _reach(first, self._history.blocks)
            raise QueryError("NOT_FOUND", f"order {order_id.text} is not known at height {ctx.height}: {reach}")
        return response

    def _tell_live(self, ctx: Context, order_id: OrderId, record: Record | None, response: query_pb2.QueryOrderResponse) -> None:
        response.order.CopyFrom(live_order(ctx, self._clob, order_id))
        response.open = True
        response.status = live_status(self._clob, ctx, order_id)  # type: ignore[assignment]  # the enum's numbers are ours
        response.filled_quantums = self._clob.fills(ctx, order_id).quantums
        response.placed_height = response.order.placed_height
        if record is not None:
            _tell_changes(record, response)

    def _tell_remembered(self, ctx: Context, order_id: OrderId, response: query_pb2.QueryOrderResponse) -> None:
        """Short-term ids: cancelled, or not resting and filled so far, as long as that counts for a placement."""
        filled = self._clob.fills(ctx, order_id).quantums
        response.filled_quantums = filled
        if order_id.flags == SHORT_TERM and self._clob.cancelled_until(ctx, order_id):
            response.status = query_pb2.ORDER_STATUS_CANCELLED
        elif filled:
            response.status = query_pb2.ORDER_STATUS_FILLED


def _tell_ended(record: Record, response: query_pb2.QueryOrderResponse) -> None:
    change = record.change
    response.status = change.status  # type: ignore[assignment]  # the enum's numbers are ours
    response.filled_quantums = change.filled
    response.reason = Removal(change.reason).name if change.reason else ""
    _tell_changes(record, response)
    if record.placement:
        row = response.order
        row.order.CopyFrom(tx_pb2.MsgPlaceOrder.FromString(record.placement).order)
        row.remaining_quantums = row.order.quantums - change.filled
        row.placed_height = record.placed_height
        row.status = response.status


def _tell_changes(record: Record, response: query_pb2.QueryOrderResponse) -> None:
    response.height = record.height
    response.cause = record.change.cause.kind  # type: ignore[assignment]  # the enum's numbers are ours
    response.tx_hash = record.change.cause.tx_hash
    if record.placed_by is not None:
        response.placed_height = record.placed_height
        response.placed_tx_hash = record.placed_by.tx_hash


def _reach(first: int, blocks: int) -> str:
    """How far back this node can tell."""
    if not blocks:
        return "this node keeps no history of orders (history_blocks = 0 in its app.toml)"
    if not first:
        return "this node has not recorded any block yet"
    return f"it does not live, and this node keeps what became of orders for {blocks} blocks, at that height since block {first}"
