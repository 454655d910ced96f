"""State of the order books: prefixes, names, codecs, and the views that keep every lookup short."""

from modules.clob.limit_tables import EQUITY_TIERS, RATE_LIMITS
from modules.clob.memory import BLOCK_MEMORY
from modules.clob.model import (
    CLOB_PAIR,
    CLOB_PARAMS,
    FILL_STATE,
    ORDER_ID,
    RESTING_ORDER,
    SHORT_TERM,
    ClobPair,
    OrderId,
    RestingOrder,
)
from modules.kernel.codec import KEY_U32, KEY_U64, UINT, single
from modules.kernel.stores import Registry
from modules.kernel.units import SubaccountId

BY_HEIGHT = 0
"""Group of the expiry view: short-term orders."""
BY_TIME = 1
"""Group of the expiry view: all others."""
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


def _by_perpetual(pair_id: int, pair: ClobPair) -> tuple[int, int]:
    return pair.perpetual_id, pair_id


class ClobState:
    """Pairs, resting orders, fills, remembered cancels."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("clob")
        self.pairs = schema.map(1, "pairs", KEY_U32, CLOB_PAIR)
        self.params = schema.item(2, "params", CLOB_PARAMS)
        self.equity_tiers = schema.item(12, "equity_tiers", EQUITY_TIERS)
        """Absent: no limit depends on equity."""
        self.rate_limits = schema.item(13, "rate_limits", RATE_LIMITS)
        """Absent: messages are not counted."""
        self.orders = schema.map(3, "orders", ORDER_ID, RESTING_ORDER)
        """Resting orders."""
        self.fills = schema.map(4, "fills", ORDER_ID, FILL_STATE)
        """Of resting orders that are partly filled."""
        self.memory = schema.map(5, "memory", KEY_U64, BLOCK_MEMORY)
        """By height: what is remembered of short-term ids that were cancelled, or ended with fills, in that block."""
        self.voided = schema.map(6, "voided", ORDER_ID, single(UINT))
        """Stateful order ids that have ended in this block, to CANCELLED or REMOVED. Empty between blocks, as are the next two."""
        self.cancelled_now = schema.map(7, "cancelled_now", ORDER_ID, single(UINT))
        """Short-term ids cancelled in this block, to the height up to which their placements fail."""
        self.ended_now = schema.map(8, "ended_now", ORDER_ID, FILL_STATE)
        """Short-term ids that left the book, or never rested, in this block and have fills."""
        self.book = schema.index("book", self.orders, _by_price, lambda group: KEY_U32.encode(group[0]))
        """(pair id, is buy) -> (signed price, height, placement): the best order first."""
        self.expiry = schema.index("expiry", self.orders, _by_expiry)
        self.by_subaccount = schema.index("by_subaccount", self.orders, _by_subaccount)
        self.pair_of = schema.index("pair_of", self.pairs, _by_perpetual)
