"""Orders and markets as the book knows them, and their bytes."""

from enum import IntEnum
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from modules.kernel import address as addresses
from modules.kernel.codec import BOOL, SINT, UINT, KeyCodec, Record
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
USER_FLAGS = (SHORT_TERM, CONDITIONAL, LONG_TERM, TWAP)

SHORT_BLOCK_WINDOW = 40
"""Blocks that a short-term order's good-til-block may lie ahead, and that its fills are remembered after it."""
STATEFUL_TIME_WINDOW_SECONDS = 95 * 86_400
MAX_BATCH_CANCELS = 100


class TimeInForce(IntEnum):
    """What becomes of the part that does not match at once."""

    REST = 0
    IMMEDIATE_OR_CANCEL = 1
    POST_ONLY = 2
    """Nothing may match at once; then all of it rests."""


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
    FILL_LIMIT = 100
    """The order met as many makers as one order may."""


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


class RestingOrder(NamedTuple):
    """An order on the book; its id is its key. Never written again while it rests: fills are kept apart."""

    is_buy: bool
    quantums: int
    subticks: int
    good_til: int
    time_in_force: int
    client_metadata: int
    height: int
    """Block of its placement; (height, placement) is its time priority."""
    placement: int


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


class PlaceOrder(NamedTuple):
    """MsgPlaceOrder after its stateless checks."""

    order: Order
    has_builder: bool = False
    has_router: bool = False
    trigger_subticks: int = 0


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
)
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
CLOB_PARAMS: Record[ClobParams] = Record(ClobParams, max_fills_per_order=UINT, max_impact_orders=UINT, max_open_orders=UINT)


def order_of(order_id: OrderId, resting: RestingOrder) -> Order:
    """The order as it was placed. Only orders that are not reduce-only rest."""
    is_buy, quantums, subticks, good_til, time_in_force, client_metadata, _, _ = resting
    return Order(order_id, is_buy, quantums, subticks, good_til, time_in_force, False, client_metadata)


def order_id_to_proto(order_id: OrderId) -> order_pb2.OrderId:
    """The id as clients know it."""
    return order_pb2.OrderId(
        subaccount_id=subaccount_id_message(order_id.subaccount),
        client_id=order_id.client_id,
        order_flags=order_id.flags,
        clob_pair_id=order_id.clob_pair_id,
    )


def order_to_proto(order: Order) -> order_pb2.Order:
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
