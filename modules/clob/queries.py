"""Markets and orders as the reference's clients ask for them, and the book, which here has one answer per height."""

from collections.abc import Iterable, Iterator

from modules.clob import msgs
from modules.clob.book import checksum
from modules.clob.errors import INVALID_FLAGS
from modules.clob.keeper import ClobKeeper
from modules.clob.limit_tables import EquityTier, RateLimit
from modules.clob.model import (
    CONDITIONAL,
    ORDER_ID,
    SHORT_TERM,
    TWAP,
    USER_FLAGS,
    ClobPair,
    Level,
    OrderId,
    RestingOrder,
    order_of,
    order_to_proto,
    pair_to_proto,
)
from modules.kernel.codec import KEY_U64, encode_signed
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import QueryError, QueryRoute
from modules.kernel.pagination import paginate
from modules.kernel.units import SubaccountId
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import subaccount_id
from perpd_proto.dydxprotocol.clob import block_rate_limit_config_pb2, equity_tier_limit_config_pb2, order_pb2, query_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as own_pb2

_SERVICE = "/dydxprotocol.clob.Query/"
_OWN_SERVICE = "/perpd.clob.v1.Query/"


def routes(keeper: ClobKeeper, subaccounts: SubaccountsKeeper) -> tuple[QueryRoute, ...]:
    """What is asked about markets and orders. `perpd.clob.v1.Query/Order` is the node's, which has the history."""
    return (
        QueryRoute(
            _SERVICE + "ClobPair",
            query_pb2.QueryGetClobPairRequest,
            query_pb2.QueryClobPairResponse,
            lambda ctx, request: clob_pair(ctx, keeper, request),
        ),
        QueryRoute(
            _SERVICE + "ClobPairAll",
            query_pb2.QueryAllClobPairRequest,
            query_pb2.QueryClobPairAllResponse,
            lambda ctx, request: clob_pair_all(ctx, keeper, request),
        ),
        QueryRoute(
            _SERVICE + "EquityTierLimitConfiguration",
            query_pb2.QueryEquityTierLimitConfigurationRequest,
            query_pb2.QueryEquityTierLimitConfigurationResponse,
            lambda ctx, _request: equity_tier_limits(ctx, keeper),
        ),
        QueryRoute(
            _SERVICE + "BlockRateLimitConfiguration",
            query_pb2.QueryBlockRateLimitConfigurationRequest,
            query_pb2.QueryBlockRateLimitConfigurationResponse,
            lambda ctx, _request: block_rate_limits(ctx, keeper),
        ),
        QueryRoute(
            _SERVICE + "StatefulOrder",
            query_pb2.QueryStatefulOrderRequest,
            query_pb2.QueryStatefulOrderResponse,
            lambda ctx, request: stateful_order(ctx, keeper, request),
        ),
        QueryRoute(
            _SERVICE + "NextClobPairId",
            query_pb2.QueryNextClobPairIdRequest,
            query_pb2.QueryNextClobPairIdResponse,
            lambda ctx, _request: next_clob_pair_id(ctx, keeper),
        ),
        QueryRoute(
            _SERVICE + "Leverage",
            query_pb2.QueryLeverageRequest,
            query_pb2.QueryLeverageResponse,
            lambda ctx, request: leverage(ctx, keeper, subaccounts, request),
        ),
        QueryRoute(
            _OWN_SERVICE + "Book",
            own_pb2.QueryBookRequest,
            own_pb2.QueryBookResponse,
            lambda ctx, request: book(ctx, keeper, request),
        ),
        QueryRoute(
            _OWN_SERVICE + "BookOrders",
            own_pb2.QueryBookOrdersRequest,
            own_pb2.QueryBookOrdersResponse,
            lambda ctx, request: book_orders(ctx, keeper, request),
        ),
        QueryRoute(
            _OWN_SERVICE + "Orders",
            own_pb2.QueryOrdersRequest,
            own_pb2.QueryOrdersResponse,
            lambda ctx, request: orders(ctx, keeper, request),
        ),
    )


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


def leverage(
    ctx: Context, keeper: ClobKeeper, subaccounts: SubaccountsKeeper, request: query_pb2.QueryLeverageRequest
) -> query_pb2.QueryLeverageResponse:
    """The initial margins that a subaccount has chosen, by ascending perpetual id."""
    subaccount = _subaccount(subaccount_pb2.SubaccountId(owner=request.owner, number=request.number))
    response = query_pb2.QueryLeverageResponse()
    for perpetual_id, ppm in subaccounts.leverage(ctx, subaccount):
        pair = keeper.pair_of(ctx, perpetual_id)
        if pair is not None:
            response.clob_pair_leverage.add(clob_pair_id=pair.id, custom_imf_ppm=ppm)
    return response


def stateful_order(ctx: Context, keeper: ClobKeeper, request: query_pb2.QueryStatefulOrderRequest) -> query_pb2.QueryStatefulOrderResponse:
    """A live order of any kind but short-term, a TWAP order and a conditional one before its trigger among them; else NOT_FOUND."""
    order_id = asked_order(request.order_id)
    placed = None if order_id.flags == SHORT_TERM else keeper.placed(ctx, order_id)
    if placed is None:
        raise QueryError("NOT_FOUND", f"stateful order id {order_id.text} does not exist")
    response = query_pb2.QueryStatefulOrderResponse(
        fill_amount=keeper.fills(ctx, order_id).quantums,
        triggered=order_id.flags == CONDITIONAL and keeper.waiting(ctx, order_id) is None,
    )
    response.order_placement.order.CopyFrom(live_order(ctx, keeper, order_id).order)
    response.order_placement.placement_index.block_height = placed.height & UINT32_MAX
    response.order_placement.placement_index.transaction_index = placed.placement & UINT32_MAX
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


def book_orders(ctx: Context, keeper: ClobKeeper, request: own_pb2.QueryBookOrdersRequest) -> own_pb2.QueryBookOrdersResponse:
    """One side order by order, best first. A page's key is a place in the queue: where that order is gone, the next one stands for it."""
    pair = _pair(ctx, keeper, request.clob_pair_id)
    found = keeper.book(ctx, pair.id)
    entries = [entry for level in (found.bids if request.is_buy else found.asks) for entry in level.orders]
    rows, page = paginate(entries, request.pagination, lambda entry: _queue_key(entry[1]))
    return own_pb2.QueryBookOrdersResponse(height=ctx.height, orders=[_resting(*row) for row in rows], pagination=page)


def orders(ctx: Context, keeper: ClobKeeper, request: own_pb2.QueryOrdersRequest) -> own_pb2.QueryOrdersResponse:
    """By order id: market, then flags, then client id. What rests, what waits for its trigger, TWAP orders and their slices."""
    subaccount = _subaccount(request.subaccount_id)
    found: list[OrderId] = []
    for pair in keeper.pairs(ctx):
        for scan in (keeper.open_orders_in, keeper.waiting_in, keeper.twaps_in):
            found += [entry[0] for entry in scan(ctx, pair.id, subaccount)]
    found.sort()
    rows, page = paginate(found, request.pagination, ORDER_ID.encode)
    return own_pb2.QueryOrdersResponse(orders=[live_order(ctx, keeper, order_id) for order_id in rows], pagination=page)


def live_order(ctx: Context, keeper: ClobKeeper, order_id: OrderId) -> own_pb2.RestingOrder:
    """An order that lives: it rests, waits for its trigger, or is a TWAP order at work."""
    twap = keeper.twap(ctx, order_id) if order_id.flags == TWAP else None
    placed = keeper.placed(ctx, order_id)
    assert placed is not None, "only a live order is asked for"
    if twap is not None:
        message = own_pb2.RestingOrder(
            remaining_quantums=twap.remaining_quantums,
            placed_height=placed.height,
            placed_index=placed.placement,
            status=own_pb2.ORDER_STATUS_OPEN,
            remaining_legs=twap.remaining_legs,
            next_slice_seconds=twap.next_seconds,
        )
        message.order.CopyFrom(order_to_proto(order_of(order_id, placed), twap.parameters))
        return message
    message = _resting(order_id, placed, placed.quantums - keeper.fills(ctx, order_id).quantums)
    if keeper.order(ctx, order_id) is None:
        message.status = own_pb2.ORDER_STATUS_UNTRIGGERED
    return message


def asked_order(message: order_pb2.OrderId) -> OrderId:
    """The order that a request names. Raises INVALID_ARGUMENT."""
    if message.order_flags not in USER_FLAGS:
        raise QueryError("INVALID_ARGUMENT", INVALID_FLAGS.text)
    try:
        return msgs.decode_order_id(message)
    except ChainError as error:
        raise QueryError("INVALID_ARGUMENT", error.log) from error


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


def _tiers(tiers: Iterable[EquityTier]) -> Iterator[equity_tier_limit_config_pb2.EquityTierLimit]:
    for tier in tiers:
        yield equity_tier_limit_config_pb2.EquityTierLimit(usd_tnc_required=encode_signed(tier.usd_tnc_required), limit=tier.limit)


def _windows(limits: Iterable[RateLimit]) -> Iterator[block_rate_limit_config_pb2.MaxPerNBlocksRateLimit]:
    for limit in limits:
        yield block_rate_limit_config_pb2.MaxPerNBlocksRateLimit(num_blocks=limit.num_blocks, limit=limit.limit)


def _queue_key(order: RestingOrder) -> bytes:
    """Its place in the order of matching."""
    price = UINT64_MAX - order.subticks if order.is_buy else order.subticks
    encoded: bytes = KEY_U64.encode(price) + KEY_U64.encode(order.height) + KEY_U64.encode(order.placement)
    return encoded


def _resting(order_id: OrderId, resting: RestingOrder, remaining: int) -> own_pb2.RestingOrder:
    triggered = order_id.flags == CONDITIONAL
    message = own_pb2.RestingOrder(
        remaining_quantums=remaining,
        placed_height=resting.height,
        placed_index=resting.placement,
        status=own_pb2.ORDER_STATUS_TRIGGERED if triggered else own_pb2.ORDER_STATUS_OPEN,
    )
    message.order.CopyFrom(order_to_proto(order_of(order_id, resting)))
    return message


def _level(level: Level, *, with_orders: bool) -> own_pb2.Level:
    """The level; a sum that does not fit the wire's 64 bits shows as the largest number that does."""
    message = own_pb2.Level(subticks=level.subticks, quantums=min(level.quantums, UINT64_MAX), order_count=len(level.orders))
    if with_orders:
        message.orders.extend(_resting(*entry) for entry in level.orders)
    return message
