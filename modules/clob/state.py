"""State of the order books: prefixes, names, codecs, and the views that keep every lookup short."""

from modules.clob.model import (
    CLOB_PAIR,
    CLOB_PARAMS,
    FILL_STATE,
    ORDER_ID,
    RESTING_ORDER,
    SHORT_TERM,
    ClobPair,
    FillState,
    OrderId,
    RestingOrder,
)
from modules.kernel.codec import KEY_U32, UINT, single
from modules.kernel.stores import Registry
from modules.kernel.units import SubaccountId

BY_HEIGHT = 0
"""Group of the expiry view: short-term orders."""
BY_TIME = 1
"""Group of the expiry view: all others."""
ALL = 0
"""The only group of a view that has no groups."""

CANCELLED = 1
"""A stateful order id that a cancel of lane 1 has voided for the rest of the block."""
REMOVED = 2
"""A stateful order id whose order was removed in this block by something else than its owner."""


def _by_price(order_id: OrderId, order: RestingOrder) -> tuple[tuple[int, bool], tuple[int, int, int]]:
    subticks = order.subticks
    is_buy = order.is_buy
    return (order_id.clob_pair_id, is_buy), (-subticks if is_buy else subticks, order.height, order.placement)


def _by_expiry(order_id: OrderId, order: RestingOrder) -> tuple[int, tuple[int, int, int]]:
    return (BY_HEIGHT if order_id.flags == SHORT_TERM else BY_TIME), (order.good_til, order.height, order.placement)


def _by_subaccount(order_id: OrderId, order: RestingOrder) -> tuple[SubaccountId, tuple[int, int]]:
    return order_id.subaccount, (order.height, order.placement)


def _by_memory(order_id: OrderId, fill: FillState) -> tuple[int, tuple[int, int]] | None:
    # The client id stands in front of the key because it tells most entries apart in one comparison.
    return (ALL, (fill.kept_until, order_id.client_id)) if fill.kept_until else None


def _by_good_til(order_id: OrderId, good_til_block: int) -> tuple[int, tuple[int, int]]:
    return ALL, (good_til_block, order_id.client_id)


def _by_perpetual(pair_id: int, pair: ClobPair) -> tuple[int, int]:
    return pair.perpetual_id, pair_id


class ClobState:
    """Pairs, resting orders, fills, remembered cancels."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("clob")
        self.pairs = schema.map(1, "pairs", KEY_U32, CLOB_PAIR)
        self.params = schema.item(2, "params", CLOB_PARAMS)
        self.orders = schema.map(3, "orders", ORDER_ID, RESTING_ORDER)
        """Resting orders."""
        self.fills = schema.map(4, "fills", ORDER_ID, FILL_STATE)
        """Order ids with fills: short-term until 40 blocks after their good-til-block, others while they rest."""
        self.cancels = schema.map(5, "cancels", ORDER_ID, single(UINT))
        """Short-term order ids to the height up to which their placements fail."""
        self.voided = schema.map(6, "voided", ORDER_ID, single(UINT))
        """Stateful order ids that have ended in this block, to CANCELLED or REMOVED. Empty between blocks."""
        self.book = schema.index("book", self.orders, _by_price, lambda group: KEY_U32.encode(group[0]))
        """(pair id, is buy) -> (signed price, height, placement): the best order first."""
        self.expiry = schema.index("expiry", self.orders, _by_expiry)
        self.by_subaccount = schema.index("by_subaccount", self.orders, _by_subaccount)
        self.forget_fills = schema.index("forget_fills", self.fills, _by_memory)
        self.forget_cancels = schema.index("forget_cancels", self.cancels, _by_good_til)
        self.pair_of = schema.index("pair_of", self.pairs, _by_perpetual)
