"""Markets and orders as the reference's clients ask for them, and the book, which here has one answer per height."""

from collections.abc import Iterable, Iterator

from modules.clob import msgs
from modules.clob.book import checksum
from modules.clob.errors import INVALID_FLAGS
from modules.clob.keeper import ClobKeeper
from modules.clob.limit_tables import EquityTier, RateLimit
from modules.clob.model import (
    ORDER_ID,
    SHORT_TERM,
    USER_FLAGS,
    ClobPair,
    Level,
    OrderId,
    RestingOrder,
    order_of,
    order_to_proto,
    pair_to_proto,
)
from modules.kernel.codec import encode_signed
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.kernel.units import SubaccountId
from modules.subaccounts.model import subaccount_id
from perpd_proto.dydxprotocol.clob import block_rate_limit_config_pb2, equity_tier_limit_config_pb2, order_pb2, query_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as own_pb2


def clob_pair(ctx: Context, keeper: ClobKeeper, request: query_pb2.QueryGetClobPairRequest) -> query_pb2.QueryClobPairResponse:
    """NOT_FOUND if there is no such market."""
    return query_pb2.QueryClobPairResponse(clob_pair=pair_to_proto(_pair(ctx, keeper, request.id)))


def clob_pair_all(ctx: Context, keeper: ClobKeeper, request: query_pb2.QueryAllClobPairRequest) -> query_pb2.QueryClobPairAllResponse:
    """Every market by id."""
    rows, page = paginate(list(keeper.pairs(ctx)), request.pagination, lambda pair: pair.id.to_bytes(4, "big"))
    return query_pb2.QueryClobPairAllResponse(clob_pair=[pair_to_proto(pair) for pair in rows], pagination=page)


def equity_tier_limits(ctx: Context, keeper: ClobKeeper) -> query_pb2.QueryEquityTierLimitConfigurationResponse:
    """Both tables; an empty one limits nothing."""
    tiers = keeper.limits.equity_tiers(ctx)
    configuration = equity_tier_limit_config_pb2.EquityTierLimitConfiguration(
        short_term_order_equity_tiers=_tiers(tiers.short_term), stateful_order_equity_tiers=_tiers(tiers.stateful)
    )
    return query_pb2.QueryEquityTierLimitConfigurationResponse(equity_tier_limit_config=configuration)


def block_rate_limits(ctx: Context, keeper: ClobKeeper) -> query_pb2.QueryBlockRateLimitConfigurationResponse:
    """The windows in which a node counts messages before they enter its pool; a class without one is not limited."""
    rates = keeper.limits.rate_limits(ctx)
    configuration = block_rate_limit_config_pb2.BlockRateLimitConfiguration(
        max_stateful_orders_per_n_blocks=_windows(rates.stateful_orders),
        max_short_term_orders_and_cancels_per_n_blocks=_windows(rates.short_term_orders_and_cancels),
        max_leverage_updates_per_n_blocks=_windows(rates.leverage_updates),
    )
    return query_pb2.QueryBlockRateLimitConfigurationResponse(block_rate_limit_config=configuration)


def next_clob_pair_id(ctx: Context, keeper: ClobKeeper) -> query_pb2.QueryNextClobPairIdResponse:
    """One more than the highest id."""
    return query_pb2.QueryNextClobPairIdResponse(next_clob_pair_id=max((pair.id + 1 for pair in keeper.pairs(ctx)), default=0) & UINT32_MAX)


def leverage(request: query_pb2.QueryLeverageRequest) -> query_pb2.QueryLeverageResponse:
    """Empty: nobody has chosen a margin of its own."""
    _subaccount(subaccount_pb2.SubaccountId(owner=request.owner, number=request.number))
    return query_pb2.QueryLeverageResponse()


def stateful_order(ctx: Context, keeper: ClobKeeper, request: query_pb2.QueryStatefulOrderRequest) -> query_pb2.QueryStatefulOrderResponse:
    """A resting order that is not short-term; else NOT_FOUND."""
    order_id = _order_id(request.order_id)
    resting = None if order_id.flags == SHORT_TERM else keeper.order(ctx, order_id)
    if resting is None:
        raise QueryError("NOT_FOUND", f"stateful order id {order_id.text} does not exist")
    response = query_pb2.QueryStatefulOrderResponse(fill_amount=keeper.fills(ctx, order_id).quantums)
    response.order_placement.order.CopyFrom(order_to_proto(order_of(order_id, resting)))
    response.order_placement.placement_index.block_height = resting.height & UINT32_MAX
    response.order_placement.placement_index.transaction_index = resting.placement & UINT32_MAX
    return response


def book(ctx: Context, keeper: ClobKeeper, request: own_pb2.QueryBookRequest) -> own_pb2.QueryBookResponse:
    """Levels of both sides, best first; the checksum (book.checksum) is over all orders whatever was asked for."""
    pair = _pair(ctx, keeper, request.clob_pair_id)
    found = keeper.book(ctx, pair.id)
    response = own_pb2.QueryBookResponse(height=ctx.height, checksum=checksum(pair.id, found))
    for rows, levels in ((response.bids, found.bids), (response.asks, found.asks)):
        for level in levels[: request.levels or len(levels)]:
            rows.append(_level(level, with_orders=request.orders))
    return response


def orders(ctx: Context, keeper: ClobKeeper, request: own_pb2.QueryOrdersRequest) -> own_pb2.QueryOrdersResponse:
    """By order id: market, then flags, then client id."""
    subaccount = _subaccount(request.subaccount_id)
    found = [entry for pair in keeper.pairs(ctx) for entry in keeper.open_orders_in(ctx, pair.id, subaccount)]
    rows, page = paginate(found, request.pagination, lambda entry: ORDER_ID.encode(entry[0]))
    return own_pb2.QueryOrdersResponse(
        orders=[_resting(order_id, order, order.quantums - keeper.fills(ctx, order_id).quantums) for order_id, order in rows],
        pagination=page,
    )


def order(ctx: Context, keeper: ClobKeeper, request: own_pb2.QueryOrderRequest) -> own_pb2.QueryOrderResponse:
    """Open, or filled or cancelled and still remembered; else NOT_FOUND."""
    order_id = _order_id(request.order_id)
    resting = keeper.order(ctx, order_id)
    filled = keeper.fills(ctx, order_id).quantums
    if resting is None and not filled and not keeper.cancelled_until(ctx, order_id):
        raise QueryError("NOT_FOUND", f"order {order_id.text} is not known at this height")
    response = own_pb2.QueryOrderResponse(filled_quantums=filled, open=resting is not None)
    if resting is not None:
        response.order.CopyFrom(_resting(order_id, resting, resting.quantums - filled))
    return response


def _tiers(tiers: Iterable[EquityTier]) -> Iterator[equity_tier_limit_config_pb2.EquityTierLimit]:
    for tier in tiers:
        yield equity_tier_limit_config_pb2.EquityTierLimit(usd_tnc_required=encode_signed(tier.usd_tnc_required), limit=tier.limit)


def _windows(limits: Iterable[RateLimit]) -> Iterator[block_rate_limit_config_pb2.MaxPerNBlocksRateLimit]:
    for limit in limits:
        yield block_rate_limit_config_pb2.MaxPerNBlocksRateLimit(num_blocks=limit.num_blocks, limit=limit.limit)


def _pair(ctx: Context, keeper: ClobKeeper, pair_id: int) -> ClobPair:
    pair = keeper.pair(ctx, pair_id)
    if pair is None:
        raise QueryError("NOT_FOUND", f"clob pair {pair_id} not found")
    return pair


def _subaccount(message: subaccount_pb2.SubaccountId) -> SubaccountId:
    try:
        return subaccount_id(message)
    except ChainError as error:
        raise QueryError("INVALID_ARGUMENT", error.log) from error


def _order_id(message: order_pb2.OrderId) -> OrderId:
    if message.order_flags not in USER_FLAGS:
        raise QueryError("INVALID_ARGUMENT", INVALID_FLAGS.text)
    try:
        return msgs.decode_order_id(message)
    except ChainError as error:
        raise QueryError("INVALID_ARGUMENT", error.log) from error


def _resting(order_id: OrderId, resting: RestingOrder, remaining: int) -> own_pb2.RestingOrder:
    message = own_pb2.RestingOrder(remaining_quantums=remaining, placed_height=resting.height, placed_index=resting.placement)
    message.order.CopyFrom(order_to_proto(order_of(order_id, resting)))
    return message


def _level(level: Level, *, with_orders: bool) -> own_pb2.Level:
    """The level; a sum that does not fit the wire's 64 bits shows as the largest number that does."""
    message = own_pb2.Level(subticks=level.subticks, quantums=min(level.quantums, UINT64_MAX), order_count=len(level.orders))
    if with_orders:
        message.orders.extend(_resting(*entry) for entry in level.orders)
    return message
