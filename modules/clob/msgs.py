"""MsgPlaceOrder, MsgCancelOrder, MsgBatchCancel: stateless checks, then the keeper's verbs.

The order of the checks is the reference's (its table 2.3), so that of several mistakes the same one is told.
"""

from modules.clob import errors
from modules.clob.keeper import ClobKeeper
from modules.clob.model import (
    CONDITIONAL,
    LONG_TERM,
    MAX_BATCH_CANCELS,
    MAX_BUILDER_FEE_PPM,
    MAX_TWAP_DURATION_SECONDS,
    MAX_TWAP_INTERVAL_SECONDS,
    MIN_TWAP_DURATION_SECONDS,
    MIN_TWAP_INTERVAL_SECONDS,
    NOBODY,
    SHORT_TERM,
    TWAP,
    USER_FLAGS,
    BatchCancel,
    CancelOrder,
    Extras,
    Order,
    OrderId,
    PlaceOrder,
    TimeInForce,
    TwapParameters,
)
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import MILLION
from modules.subaccounts.model import subaccount_id
from perpd_proto.dydxprotocol.clob import order_pb2, tx_pb2

_FILL_OR_KILL = 3
_BUY, _SELL = 1, 2
_TIMES_IN_FORCE = tuple(int(known) for known in TimeInForce)
_CONDITIONS = (0, 1, 2)


def decode_order_id(message: order_pb2.OrderId) -> OrderId:
    """The id, whatever its flags. Raises subaccounts/201, 200."""
    return OrderId(message.clob_pair_id, subaccount_id(message.subaccount_id), message.order_flags, message.client_id)


def decode_place(message: tx_pb2.MsgPlaceOrder) -> PlaceOrder:
    """The order, whatever its kind. Raises the code of the first rule of table 2.3 that it breaks."""
    order = message.order
    if order.time_in_force == _FILL_OR_KILL:
        raise errors.DEPRECATED_FIELD("time in force 3")
    order_id = decode_order_id(order.order_id)
    if order.side not in (_BUY, _SELL):
        raise errors.INVALID_SIDE(f"side {order.side}")
    if int(order.time_in_force) not in _TIMES_IN_FORCE:
        raise errors.INVALID_TIME_IN_FORCE(f"time in force {order.time_in_force}")
    if order.condition_type not in _CONDITIONS:
        raise errors.INVALID_CONDITION(f"condition type {order.condition_type}")
    if order.quantums == 0:
        raise errors.ZERO_QUANTUMS("quantums 0")
    if order.order_router_address and not addresses.is_valid(order.order_router_address):
        raise errors.INVALID_ROUTER(f"{order.order_router_address[:90]!r}")
    good_til = _good_til(order_id.flags, order.good_til_block, order.good_til_block_time)
    _check_kind(order, order_id.flags)
    if order.HasField("builder_code_parameters"):
        _check_builder(order.builder_code_parameters)
    twap = _twap(order) if order_id.flags == TWAP else None
    decoded = Order(
        order_id,
        order.side == _BUY,
        order.quantums,
        order.subticks,
        good_til,
        int(order.time_in_force),
        order.reduce_only,
        order.client_metadata,
        _extras(order),
    )
    return PlaceOrder(decoded, twap)


def decode_cancel(message: tx_pb2.MsgCancelOrder) -> CancelOrder:
    """The cancel. Raises subaccounts/201, 200; 3000, 3001, 5."""
    order_id = decode_order_id(message.order_id)
    return CancelOrder(order_id, _good_til(order_id.flags, message.good_til_block, message.good_til_block_time))


def decode_batch_cancel(message: tx_pb2.MsgBatchCancel) -> BatchCancel:
    """The batches in the order given. Raises subaccounts/201, 200; 45."""
    subaccount = subaccount_id(message.subaccount_id)
    batches: dict[int, tuple[int, ...]] = {}
    for batch in message.short_term_cancels:
        client_ids = tuple(batch.client_ids)
        if batch.clob_pair_id in batches:
            raise errors.INVALID_BATCH_CANCEL(f"clob pair {batch.clob_pair_id} has two batches")
        if not client_ids:
            raise errors.INVALID_BATCH_CANCEL(f"the batch of clob pair {batch.clob_pair_id} is empty")
        if len(frozenset(client_ids)) != len(client_ids):
            raise errors.INVALID_BATCH_CANCEL(f"the batch of clob pair {batch.clob_pair_id} names a client id twice")
        batches[batch.clob_pair_id] = client_ids
    if not batches:
        raise errors.INVALID_BATCH_CANCEL("there is no batch")
    if sum(map(len, batches.values())) > MAX_BATCH_CANCELS:
        raise errors.INVALID_BATCH_CANCEL(f"more than {MAX_BATCH_CANCELS} client ids")
    return BatchCancel(subaccount, tuple(batches.items()), message.good_til_block)


def execute_place(ctx: Context, keeper: ClobKeeper, command: PlaceOrder) -> bytes:
    """The order was accepted; the response is empty."""
    keeper.place(ctx, command)
    return b""


def execute_cancel(ctx: Context, keeper: ClobKeeper, command: CancelOrder) -> bytes:
    """The cancel was accepted; the response is empty."""
    keeper.cancel(ctx, command)
    return b""


def execute_batch_cancel(ctx: Context, keeper: ClobKeeper, command: BatchCancel) -> bytes:
    """The response says which batches were cancelled; those of unknown markets are the failed ones."""
    failed = keeper.batch_cancel(ctx, command)
    response = tx_pb2.MsgBatchCancelResponse()
    for pair_id, client_ids in command.batches:
        rows = response.short_term_failed if (pair_id, client_ids) in failed else response.short_term_succeeded
        rows.add(clob_pair_id=pair_id, client_ids=client_ids)
    encoded: bytes = response.SerializeToString(deterministic=True)
    return encoded


def _good_til(flags: int, block: int, seconds: int) -> int:
    """The height of a short-term id, the unix seconds of another. Raises 5, 3001, 3000."""
    if flags == SHORT_TERM:
        if block == 0:
            raise errors.MISSING_GOOD_TIL_BLOCK("good_til_block 0")
        return block
    if flags not in USER_FLAGS:
        raise errors.INVALID_FLAGS(f"flags {flags}")
    if seconds == 0:
        raise errors.MISSING_GOOD_TIL_TIME("good_til_block_time 0")
    return seconds


def _check_kind(order: order_pb2.Order, flags: int) -> None:
    """What each kind of order must and must not have (rows 12 to 18)."""
    immediate = int(order.time_in_force) == TimeInForce.IMMEDIATE_OR_CANCEL
    if flags == LONG_TERM and immediate:
        raise errors.LONG_TERM_IOC("time in force 1")
    if order.reduce_only and not immediate:
        raise errors.REDUCE_ONLY_NEEDS_IOC(f"time in force {order.time_in_force}")
    if order.subticks == 0 and flags != TWAP:
        raise errors.ZERO_SUBTICKS("subticks 0")
    conditional = flags == CONDITIONAL
    if conditional != (order.condition_type != 0):
        raise errors.INVALID_CONDITION(f"flags {flags}, condition type {order.condition_type}")
    if conditional != (order.conditional_order_trigger_subticks != 0):
        raise errors.INVALID_TRIGGER(f"flags {flags}, trigger subticks {order.conditional_order_trigger_subticks}")


def _check_builder(builder: order_pb2.BuilderCodeParameters) -> None:
    if not addresses.is_valid(builder.builder_address):
        raise errors.INVALID_BUILDER_CODE(f"address {builder.builder_address[:90]!r}")
    if not 0 < builder.fee_ppm <= MAX_BUILDER_FEE_PPM:
        raise errors.INVALID_BUILDER_CODE(f"fee {builder.fee_ppm} ppm")


def _extras(order: order_pb2.Order) -> Extras | None:
    """What few orders have; None for the many."""
    builder = order.builder_code_parameters if order.HasField("builder_code_parameters") else None
    router = order.order_router_address
    condition = int(order.condition_type)
    if builder is None and not router and not condition:
        return None
    return Extras(
        condition,
        order.conditional_order_trigger_subticks,
        NOBODY if builder is None else addresses.from_text(builder.builder_address),
        0 if builder is None else builder.fee_ppm,
        addresses.from_text(router) if router else NOBODY,
    )


def _twap(order: order_pb2.Order) -> TwapParameters:
    """Row 20. Raises 12."""
    if not order.HasField("twap_parameters"):
        raise errors.INVALID_ORDER("twap_parameters are missing")
    duration, interval = order.twap_parameters.duration, order.twap_parameters.interval
    tolerance = order.twap_parameters.price_tolerance
    if not MIN_TWAP_INTERVAL_SECONDS <= interval <= MAX_TWAP_INTERVAL_SECONDS:
        raise errors.INVALID_ORDER(f"twap interval {interval} s is not in 30 to 3600")
    if not MIN_TWAP_DURATION_SECONDS <= duration <= MAX_TWAP_DURATION_SECONDS:
        raise errors.INVALID_ORDER(f"twap duration {duration} s is not in 300 to 86400")
    if duration % interval:
        raise errors.INVALID_ORDER(f"twap interval {interval} s does not divide the duration {duration} s")
    if tolerance >= MILLION:
        raise errors.INVALID_ORDER(f"twap price tolerance {tolerance} ppm is not below 1000000")
    return TwapParameters(duration, interval, tolerance)
