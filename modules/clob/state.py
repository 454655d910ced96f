"""State of the order books: prefixes, names, codecs, and the views that keep every lookup short."""

from modules.clob.limit_tables import EQUITY_TIERS, RATE_LIMITS
from modules.clob.memory import BLOCK_MEMORY
from modules.clob.model import (
    CLOB_PAIR,
    CLOB_PARAMS,
    FILL_STATE,
    ORDER_ID,
    REACHED_KEY,
    RESTING_ORDER,
    SHORT_TERM,
    TRADE_RANGE,
    TWAP_ORDER,
    TWAP_SLICE,
    ClobPair,
    Condition,
    OrderId,
    ReachedKey,
    RestingOrder,
    TwapOrder,
)
from modules.kernel.codec import KEY_U32, KEY_U64, MEMBER, UINT, single
from modules.kernel.context import Context
from modules.kernel.stores import Map, Registry
from modules.kernel.units import SubaccountId

BY_HEIGHT = 0
"""Group of the expiry view: short-term orders."""
BY_TIME = 1
"""Group of the expiry view: all others."""
CANCELLED = 1
"""A stateful order id that a cancel of lane 1 has voided for the rest of the block."""
REMOVED = 2
"""A stateful order id whose order was removed in this block by something else than its owner."""

ORDINARY, SLICE, REDUCING_SLICE = 0, 1, 2
"""Kinds of resting orders that are not short-term: a trader's own, a slice of a TWAP order, one that only reduces a position."""


def _by_price(order_id: OrderId, order: RestingOrder) -> tuple[tuple[int, bool], tuple[int, int, int]]:
    subticks = order.subticks
    is_buy = order.is_buy
    return (order_id.clob_pair_id, is_buy), (-subticks if is_buy else subticks, order.height, order.placement)


def _by_expiry(order_id: OrderId, order: RestingOrder) -> tuple[int, tuple[int, int, int]]:
    return (BY_HEIGHT if order_id.flags == SHORT_TERM else BY_TIME), (order.good_til, order.height, order.placement)


def _by_subaccount(order_id: OrderId, order: RestingOrder) -> tuple[SubaccountId, tuple[int, int]]:
    return order_id.subaccount, (order.height, order.placement)


def _stateful(order_id: OrderId, order: RestingOrder) -> tuple[tuple[SubaccountId, int], tuple[int, int]] | None:
    flags = order_id.flags
    if flags == SHORT_TERM:
        return None
    kind = ORDINARY
    if flags == TWAP_SLICE:
        kind = SLICE if order.extras is None or not order.extras.reduce_only else REDUCING_SLICE
    return (order_id.subaccount, kind), (order.height, order.placement)


def _by_trigger(order_id: OrderId, order: RestingOrder) -> tuple[tuple[int, bool], tuple[int, int, int]]:
    assert order.extras is not None, "what waits has a trigger"
    trigger = order.extras.trigger_subticks
    rises = (order.extras.condition == Condition.STOP_LOSS) == order.is_buy
    return (order_id.clob_pair_id, rises), (trigger if rises else -trigger, order.height, order.placement)


def _by_end(_: OrderId, order: RestingOrder) -> tuple[tuple[()], tuple[int, int, int]]:
    return (), (order.good_til, order.height, order.placement)


def _by_next(_: OrderId, twap: TwapOrder) -> tuple[tuple[()], tuple[int, int, int]]:
    return (), (twap.next_seconds, twap.placed.height, twap.placed.placement)


def _twap_of(order_id: OrderId, twap: TwapOrder) -> tuple[SubaccountId, tuple[int, int]]:
    return order_id.subaccount, (twap.placed.height, twap.placed.placement)


def _by_perpetual(pair_id: int, pair: ClobPair) -> tuple[int, int]:
    return pair.perpetual_id, pair_id


class ClobState:
    """Pairs, resting orders and their fills, what waits for its trigger, TWAP orders, last trades, remembered cancels."""

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
        self.waiting = schema.map(9, "waiting", ORDER_ID, RESTING_ORDER)
        """Conditional orders before their trigger."""
        self.twaps = schema.map(10, "twaps", ORDER_ID, TWAP_ORDER)
        """TWAP orders. Their live slices are among the resting orders."""
        self.trades = schema.map(11, "trades", KEY_U32, TRADE_RANGE)
        """By market: between which prices it last traded, and in which block."""
        self.reached: Map[ReachedKey, int] = schema.map(14, "reached", REACHED_KEY, single(UINT))
        """What is left to run of what a block's prices reached: triggers up to so many subticks of orders placed before that block."""
        self.touched = schema.map(15, "touched", KEY_U32, MEMBER)
        """Perpetuals in which liquidation or deleveraging has traded in this block. Empty between blocks."""
        self.book = schema.index("book", self.orders, _by_price, lambda group: KEY_U32.encode(group[0]))
        """(pair id, is buy) -> (signed price, height, placement): the best order first."""
        self.expiry = schema.index("expiry", self.orders, _by_expiry)
        self.by_subaccount = schema.index("by_subaccount", self.orders, _by_subaccount)
        """Every resting order."""
        self.stateful_of = schema.index("stateful_of", self.orders, _stateful)
        """(subaccount, kind) -> its resting orders that are not short-term."""
        self.triggers = schema.index("triggers", self.waiting, _by_trigger)
        """(pair id, triggers when the price rises to it) -> (signed trigger, height, placement): what triggers first comes first."""
        self.waiting_expiry = schema.index("waiting_expiry", self.waiting, _by_end)
        self.waiting_of = schema.index("waiting_of", self.waiting, _by_subaccount)
        self.twap_due = schema.index("twap_due", self.twaps, _by_next)
        self.twaps_of = schema.index("twaps_of", self.twaps, _twap_of)
        self.pair_of = schema.index("pair_of", self.pairs, _by_perpetual)

    def short_term_count(self, ctx: Context, subaccount: SubaccountId) -> int:
        """How many short-term orders of the subaccount rest, in all markets."""
        stateful = sum([len(self.stateful_of.group(ctx, (subaccount, kind))) for kind in (ORDINARY, SLICE, REDUCING_SLICE)])
        return len(self.by_subaccount.group(ctx, subaccount)) - stateful

    def stateful_count(self, ctx: Context, subaccount: SubaccountId) -> int:
        """How many other orders the subaccount has: long-term, conditional (triggered or not) and TWAP; slices do not count."""
        resting = len(self.stateful_of.group(ctx, (subaccount, ORDINARY)))
        return resting + len(self.waiting_of.group(ctx, subaccount)) + len(self.twaps_of.group(ctx, subaccount))
