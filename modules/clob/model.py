"""Orders and markets as the book knows them, and their bytes."""

from enum import IntEnum
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from modules.kernel import address as addresses
from modules.kernel.codec import BOOL, BYTES, SINT, UINT, KeyCodec, Record, nested
from modules.kernel.intmath import div_floor
from modules.kernel.units import Address, SubaccountId
from modules.subaccounts.model import subaccount_id_message
from perpd_proto.dydxprotocol.clob import clob_pair_pb2, order_pb2

SHORT_TERM = 0
"""Order flags: lives until a block height, can be replaced."""
CONDITIONAL = 32
LONG_TERM = 64
"""Order flags: lives until a time."""
TWAP = 128
TWAP_SLICE = 256
"""Order flags of what the protocol itself places for a TWAP order; refused from users."""
PLACED_FLAGS = (SHORT_TERM, CONDITIONAL, LONG_TERM, TWAP_SLICE)
"""Order flags of what can rest on a book."""
USER_FLAGS = (SHORT_TERM, CONDITIONAL, LONG_TERM, TWAP)

SHORT_BLOCK_WINDOW = 40
"""Blocks that a short-term order's good-til-block may lie ahead, and that its fills are remembered after it."""
STATEFUL_TIME_WINDOW_SECONDS = 95 * 86_400
MAX_BATCH_CANCELS = 100
MAX_BUILDER_FEE_PPM = 10_000
MIN_TWAP_INTERVAL_SECONDS, MAX_TWAP_INTERVAL_SECONDS = 30, 3_600
MIN_TWAP_DURATION_SECONDS, MAX_TWAP_DURATION_SECONDS = 300, 86_400
TWAP_SLICE_SECONDS = 3
"""How long what is left of a slice may rest."""


class TimeInForce(IntEnum):
    """What becomes of the part that does not match at once."""

    REST = 0
    IMMEDIATE_OR_CANCEL = 1
    POST_ONLY = 2
    """Nothing may match at once; then all of it rests."""


class Condition(IntEnum):
    """What a conditional order waits for."""

    NONE = 0
    STOP_LOSS = 1
    """The price moves against a position: a buy waits for it to rise to the trigger, a sell to fall to it."""
    TAKE_PROFIT = 2
    """The price moves in favour of a position: a buy waits for it to fall to the trigger, a sell to rise to it."""


class PairStatus(IntEnum):
    """What a market accepts."""

    ACTIVE = 1
    PAUSED = 2
    CANCEL_ONLY = 3
    POST_ONLY = 4
    INITIALIZING = 5
    """Short-term post-only orders on their own side of the oracle price."""
    FINAL_SETTLEMENT = 6


class Removal(IntEnum):
    """Why an accepted order ended without its owner's doing. Names are the reference's where it has the case."""

    UNDERCOLLATERALIZED = 3
    INTERNAL_ERROR = 4
    SELF_TRADE_ERROR = 5
    POST_ONLY_WOULD_CROSS_MAKER_ORDER = 6
    IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK = 7
    REDUCE_ONLY_RESIZE = 9
    REPLACED = 11
    FULLY_FILLED = 12
    """A TWAP order whose size has traded: it stays one interval after its last slice, then it ends."""
    FINAL_SETTLEMENT = 14
    """The market is closed for good."""
    VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS = 15
    FILL_LIMIT = 100
    """The order met as many makers as one order may."""
    TWAP_OVER = 101
    """A TWAP order has used all its slices and not all of it has traded."""
    PRICE_NOT_FRESH = 103
    """The market's price allows only reductions, and this order, or one that it crossed, would have done more."""
    INVALID = 102
    """When its time came, a condition of the market was not met any more, such as its step size."""


class OrderId(NamedTuple):
    """What names an order. The market comes first, so that a market's orders are neighbours in state."""

    clob_pair_id: int
    subaccount: SubaccountId
    flags: int
    client_id: int

    @property
    def text(self) -> str:
        """owner/subaccount number/client id/order flags/clob pair id."""
        pair, (owner, number), flags, client = self
        return f"{addresses.to_text(owner)}/{number}/{client}/{flags}/{pair}"


NOBODY = Address(b"")
"""In place of an address: there is none."""


class Extras(NamedTuple):
    """What few orders have; most have none of it and carry no such object."""

    condition: int = Condition.NONE
    """Conditional orders, also after their trigger."""
    trigger_subticks: int = 0
    builder: Address = NOBODY
    """Receives `builder_fee_ppm` of each fill's quote on top of the trading fee."""
    builder_fee_ppm: int = 0
    router: Address = NOBODY
    """Receives a share of the order's trading fees."""
    reduce_only: bool = False
    """Of what rests or waits; `Order` has a field of its own."""


PLAIN = Extras()


class Order(NamedTuple):
    """An order as its owner wants it."""

    id: OrderId
    is_buy: bool
    quantums: int
    """Base quantums of the whole order, fills included."""
    subticks: int
    """Limit price."""
    good_til: int
    """Short-term: the last height at which it can fill. Else unix seconds at which it ends."""
    time_in_force: int = TimeInForce.REST
    reduce_only: bool = False
    client_metadata: int = 0
    extras: Extras | None = None


class RestingOrder(NamedTuple):
    """An order on the book, or one that waits for its trigger; its id is its key. Never written again: fills are kept apart."""

    is_buy: bool
    quantums: int
    subticks: int
    good_til: int
    time_in_force: int
    client_metadata: int
    height: int
    """Block of its placement or trigger; (height, placement) is its time priority."""
    placement: int
    extras: Extras | None = None


class TwapParameters(NamedTuple):
    """How a TWAP order is cut into slices."""

    duration_seconds: int
    interval_seconds: int
    """Between two slices; divides the duration."""
    tolerance_ppm: int
    """Without a limit price: how far from the oracle's price a slice may trade."""

    @property
    def legs(self) -> int:
        """The number of slices."""
        return div_floor(self.duration_seconds, self.interval_seconds)


class TwapOrder(NamedTuple):
    """A TWAP order at work; its id is its key. It never rests itself: its slices do."""

    placed: RestingOrder
    """As its owner placed it; subticks 0: each slice's price follows the oracle."""
    parameters: TwapParameters
    remaining_legs: int
    """Slices to come."""
    remaining_quantums: int
    """Base quantums that have not traded."""
    next_seconds: int
    """Unix time from which its next slice is due, or, without slices to come, its end."""


class TradeRange(NamedTuple):
    """The lowest and highest price in subticks at which a market traded in its last block with trades."""

    height: int
    lowest: int
    highest: int


class Due(NamedTuple):
    """What the engine has to do in this block, decided when it begins, done after lanes 1 to 3. In order: market, then placement."""

    clob_pair_id: int
    height: int
    placement: int
    id: OrderId
    price_subticks: int = 0
    """The price that triggers it, in the whole subticks with which the trigger was compared; 0: a TWAP order."""


class ReachedKey(NamedTuple):
    """Names a block whose prices reached more triggers than blocks could run since; in the order in which they reached them."""

    height: int
    clob_pair_id: int
    rises: bool
    """Whether it is of the triggers to which the price rises, or falls."""


class FillState(NamedTuple):
    """How much of an order id is filled."""

    quantums: int
    kept_until: int
    """Short-term: the last height at which it is remembered once the order does not rest. 0: no longer than it rests."""


NO_FILLS = FillState(0, 0)


class ClobPair(NamedTuple):
    """A market's order book."""

    id: int
    perpetual_id: int
    step_base_quantums: int
    """Size increment and smallest size."""
    subticks_per_tick: int
    quantum_conversion_exponent: int
    """Quote quantums per base quantum = subticks x 10^this."""
    status: int


class ClobParams(NamedTuple):
    """Limits, fixed by genesis."""

    max_fills_per_order: int
    """Makers that one order may meet, filled or removed; what is left of it then ends."""
    max_impact_orders: int
    """Resting orders that the impact price of one side may look at."""
    max_open_orders: int
    """Resting orders of one subaccount; 0: no limit."""
    max_due_per_block: int
    """Triggers and slices together that one block runs; what is beyond it keeps its place."""


class PlaceOrder(NamedTuple):
    """MsgPlaceOrder after its stateless checks."""

    order: Order
    twap: TwapParameters | None = None
    """Of TWAP orders, and only of them."""


class CancelOrder(NamedTuple):
    """MsgCancelOrder after its stateless checks."""

    id: OrderId
    good_til: int
    """Short-term: placements of the id up to this height fail. Else unix seconds, not before the order's."""
    placed_later: bool = False
    """For the executor to set on a stateful cancel of lane 1: a placement of this id stands later in the same block."""


class BatchCancel(NamedTuple):
    """MsgBatchCancel after its stateless checks."""

    subaccount: SubaccountId
    batches: tuple[tuple[int, tuple[int, ...]], ...]
    """(clob pair id, client ids)."""
    good_til_block: int


class LiquidationOrder(NamedTuple):
    """An engine order: takes what crosses its limit price, never rests."""

    subaccount: SubaccountId
    clob_pair_id: int
    is_buy: bool
    quantums: int
    subticks: int


class Level(NamedTuple):
    """Everything that rests at one price."""

    subticks: int
    quantums: int
    """What remains, summed."""
    orders: tuple[tuple[OrderId, RestingOrder, int], ...]
    """(id, order, remaining base quantums) in matching order."""


class Book(NamedTuple):
    """One market's resting orders: levels of each side from its best price on."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


_ID_BYTES = Struct(">I20sIHI")


def _encode_id(order_id: OrderId) -> bytes:
    pair, (owner, number), flags, client = order_id
    return _ID_BYTES.pack(pair, owner, number, flags, client)


def _decode_id(data: bytes) -> OrderId:
    pair, owner, number, flags, client = _ID_BYTES.unpack(data)
    return OrderId(pair, SubaccountId(Address(owner), number), flags, client)


ORDER_ID = KeyCodec(_encode_id, _decode_id, _ID_BYTES.size)
"""34 bytes: pair, owner, subaccount number, flags, client id."""

_REACHED_BYTES = Struct(">QI?")
REACHED_KEY = KeyCodec(lambda key: _REACHED_BYTES.pack(*key), lambda data: ReachedKey(*_REACHED_BYTES.unpack(data)), _REACHED_BYTES.size)
"""13 bytes: height, pair, rises."""

_EXTRAS: Record[Extras] = Record(
    Extras, condition=UINT, trigger_subticks=UINT, builder=BYTES, builder_fee_ppm=UINT, router=BYTES, reduce_only=BOOL
)
RESTING_ORDER: Record[RestingOrder] = Record(
    RestingOrder,
    is_buy=BOOL,
    quantums=UINT,
    subticks=UINT,
    good_til=UINT,
    time_in_force=UINT,
    client_metadata=UINT,
    height=UINT,
    placement=UINT,
    extras=nested(_EXTRAS, None),
)
_TWAP_PARAMETERS: Record[TwapParameters] = Record(TwapParameters, duration_seconds=UINT, interval_seconds=UINT, tolerance_ppm=UINT)
TWAP_ORDER: Record[TwapOrder] = Record(
    TwapOrder,
    placed=nested(RESTING_ORDER),
    parameters=nested(_TWAP_PARAMETERS),
    remaining_legs=UINT,
    remaining_quantums=UINT,
    next_seconds=UINT,
)
TRADE_RANGE: Record[TradeRange] = Record(TradeRange, height=UINT, lowest=UINT, highest=UINT)
FILL_STATE: Record[FillState] = Record(FillState, quantums=UINT, kept_until=UINT)
CLOB_PAIR: Record[ClobPair] = Record(
    ClobPair,
    id=UINT,
    perpetual_id=UINT,
    step_base_quantums=UINT,
    subticks_per_tick=UINT,
    quantum_conversion_exponent=SINT,
    status=UINT,
)
CLOB_PARAMS: Record[ClobParams] = Record(
    ClobParams, max_fills_per_order=UINT, max_impact_orders=UINT, max_open_orders=UINT, max_due_per_block=UINT
)


def order_of(order_id: OrderId, resting: RestingOrder) -> Order:
    """The order as it was placed."""
    is_buy, quantums, subticks, good_til, time_in_force, client_metadata, _, _, extras = resting
    reduce_only = False
    if extras is not None and extras.reduce_only:
        reduce_only = True
        plain = extras._replace(reduce_only=False)
        extras = None if plain == PLAIN else plain
    return Order(order_id, is_buy, quantums, subticks, good_til, time_in_force, reduce_only, client_metadata, extras)


def resting_of(order: Order, height: int, placement: int) -> RestingOrder:
    """The order as it is kept, with its time priority."""
    _, is_buy, quantums, subticks, good_til, time_in_force, reduce_only, client_metadata, extras = order
    if reduce_only:
        extras = (extras or PLAIN)._replace(reduce_only=True)
    return RestingOrder(is_buy, quantums, subticks, good_til, time_in_force, client_metadata, height, placement, extras)


def slice_id_of(twap_id: OrderId) -> OrderId:
    """The id of a TWAP order's slices; one lives at a time."""
    return twap_id._replace(flags=TWAP_SLICE)


def twap_id_of(slice_id: OrderId) -> OrderId:
    """The id of the TWAP order that a slice is of."""
    return slice_id._replace(flags=TWAP)


def order_id_to_proto(order_id: OrderId) -> order_pb2.OrderId:
    """The id as clients know it."""
    return order_pb2.OrderId(
        subaccount_id=subaccount_id_message(order_id.subaccount),
        client_id=order_id.client_id,
        order_flags=order_id.flags,
        clob_pair_id=order_id.clob_pair_id,
    )


def order_to_proto(order: Order, twap: TwapParameters | None = None) -> order_pb2.Order:
    """The order as clients know it."""
    message = order_pb2.Order(
        order_id=order_id_to_proto(order.id),
        side=order_pb2.Order.SIDE_BUY if order.is_buy else order_pb2.Order.SIDE_SELL,
        quantums=order.quantums,
        subticks=order.subticks,
        time_in_force=order.time_in_force,  # type: ignore[arg-type]
        reduce_only=order.reduce_only,
        client_metadata=order.client_metadata,
    )
    if order.id.flags == SHORT_TERM:
        message.good_til_block = order.good_til
    else:
        message.good_til_block_time = order.good_til
    if order.extras is not None:
        condition, trigger_subticks, builder, builder_fee_ppm, router, _ = order.extras
        message.condition_type = condition  # type: ignore[assignment]
        message.conditional_order_trigger_subticks = trigger_subticks
        if builder:
            message.builder_code_parameters.builder_address = addresses.to_text(builder)
            message.builder_code_parameters.fee_ppm = builder_fee_ppm
        if router:
            message.order_router_address = addresses.to_text(router)
    if twap is not None:
        message.twap_parameters.duration = twap.duration_seconds
        message.twap_parameters.interval = twap.interval_seconds
        message.twap_parameters.price_tolerance = twap.tolerance_ppm
    return message


def order_hash(order: Order) -> bytes:
    """SHA-256 of the order's own canonical encoding: decides between two placements of one id with the same good-til-block."""
    return sha256(order_to_proto(order).SerializeToString(deterministic=True)).digest()


def pair_to_proto(pair: ClobPair) -> clob_pair_pb2.ClobPair:
    """The market as clients know it."""
    message = clob_pair_pb2.ClobPair(
        id=pair.id,
        step_base_quantums=pair.step_base_quantums,
        subticks_per_tick=pair.subticks_per_tick,
        quantum_conversion_exponent=pair.quantum_conversion_exponent,
        status=pair.status,  # type: ignore[arg-type]
    )
    message.perpetual_clob_metadata.perpetual_id = pair.perpetual_id
    message.perpetual_clob_metadata.SetInParent()
    return message
