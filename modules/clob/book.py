"""What rests on the books: putting orders on, taking them off, looking at them. No money here."""

from collections.abc import Iterator
from hashlib import sha256
from struct import Struct

from modules.clob.formulas import filled_to
from modules.clob.memory import Memory
from modules.clob.model import (
    NO_FILLS,
    SHORT_TERM,
    TWAP_SLICE,
    Book,
    ClobPair,
    FillState,
    Level,
    Order,
    OrderId,
    RestingOrder,
    TradeRange,
    resting_of,
    twap_id_of,
)
from modules.clob.state import ClobState
from modules.kernel.context import Context

_COUNT = Struct(">I")
_ENTRY = Struct(">QQ20sIII")


class OrderBook:
    """Resting orders with their fills, and what is remembered of those that rested."""

    def __init__(self, state: ClobState) -> None:
        self._state = state
        self.memory = Memory(state.memory, state.cancelled_now, state.ended_now)

    def fills(self, ctx: Context, order_id: OrderId) -> FillState:
        """How much of an id is filled: of a resting order, or as it is remembered."""
        if order_id.flags != SHORT_TERM or self._state.orders.has(ctx, order_id):
            return self._state.fills.get(ctx, order_id) or NO_FILLS
        return self.memory.look(ctx, order_id).fills

    def rest(self, ctx: Context, order: Order, fills: FillState) -> None:
        """The order stands last at its price, filled so far."""
        placed = resting_of(order, ctx.height, ctx.next_placement())
        self._state.orders.set(ctx, order.id, placed)
        if fills.quantums:
            self._state.fills.set(ctx, order.id, fills)

    def take_off(self, ctx: Context, order_id: OrderId) -> None:
        """The order is gone. What is filled of a short-term id is remembered, of another forgotten with it."""
        self._state.orders.delete(ctx, order_id)
        fills = self._state.fills.get(ctx, order_id)
        if fills is not None:
            self._state.fills.delete(ctx, order_id)
            if order_id.flags == SHORT_TERM:
                self.memory.end(ctx, order_id, fills)

    def fill_resting(self, ctx: Context, order_id: OrderId, order: RestingOrder, filled: int) -> None:
        """So much of a resting order is filled; all of it: it is gone."""
        before = self._state.fills.get(ctx, order_id) or NO_FILLS
        if order_id.flags == TWAP_SLICE:
            self.reduce_twap(ctx, order_id, filled - before.quantums)
        if filled < order.quantums:
            self._state.fills.set(ctx, order_id, filled_to(before, order_id, order.good_til, filled))
            return
        self.take_off(ctx, order_id)
        if order_id.flags == SHORT_TERM:
            self.memory.end(ctx, order_id, filled_to(before, order_id, order.good_til, filled))

    def reduce_twap(self, ctx: Context, slice_id: OrderId, quantums: int) -> None:
        """The TWAP order of that slice has so much less to trade."""
        twap_id = twap_id_of(slice_id)
        twap = self._state.twaps.get(ctx, twap_id)
        assert twap is not None, "a slice has an order that it is of"
        self._state.twaps.set(ctx, twap_id, twap._replace(remaining_quantums=twap.remaining_quantums - quantums))

    def traded(self, ctx: Context, pair_id: int, subticks: int) -> None:
        """The market has traded at that price in this block."""
        seen = self._state.trades.get(ctx, pair_id)
        if seen is None or seen.height != ctx.height:
            self._state.trades.set(ctx, pair_id, TradeRange(ctx.height, subticks, subticks))
        elif not seen.lowest <= subticks <= seen.highest:
            found = TradeRange(ctx.height, min(seen.lowest, subticks), max(seen.highest, subticks))
            self._state.trades.set(ctx, pair_id, found)

    def best_subticks(self, ctx: Context, pair_id: int, is_buy: bool) -> int | None:
        """The price of the first order of a side; None when it is empty."""
        found = self._state.book.first(ctx, (pair_id, is_buy))
        return None if found is None else abs(found[0][0])

    def side(self, ctx: Context, pair_id: int, is_buy: bool) -> Iterator[tuple[OrderId, RestingOrder, int]]:
        """(id, order, remaining base quantums), best first. The book must not change meanwhile."""
        orders, fills = self._state.orders, self._state.fills
        for _, order_id in self._state.book.group(ctx, (pair_id, is_buy)):
            order = orders.get(ctx, order_id)
            assert order is not None, "the book view is derived from the orders"
            yield order_id, order, order.quantums - (fills.get(ctx, order_id) or NO_FILLS).quantums

    def look(self, ctx: Context, pair: ClobPair) -> Book:
        """All of a market's orders by price levels."""
        return Book(self._levels(ctx, pair.id, is_buy=True), self._levels(ctx, pair.id, is_buy=False))

    def _levels(self, ctx: Context, pair_id: int, *, is_buy: bool) -> tuple[Level, ...]:
        levels: list[Level] = []
        orders: list[tuple[OrderId, RestingOrder, int]] = []
        for entry in self.side(ctx, pair_id, is_buy):
            if orders and orders[0][1].subticks != entry[1].subticks:
                levels.append(_level(orders))
                orders = []
            orders.append(entry)
        if orders:
            levels.append(_level(orders))
        return tuple(levels)


def _level(orders: list[tuple[OrderId, RestingOrder, int]]) -> Level:
    return Level(orders[0][1].subticks, sum(remaining for _, _, remaining in orders), tuple(orders))


def checksum(pair_id: int, book: Book) -> bytes:
    """SHA-256 over: pair id (4 bytes), then for bids and for asks the number of orders (4) and each order in matching order.

    An order is its subticks (8), remaining base quantums (8), owner (20), subaccount number (4), client id (4), order flags (4). All
    numbers are big-endian.
    """
    parts = [_COUNT.pack(pair_id)]
    for side in book:
        parts.append(_COUNT.pack(sum(len(level.orders) for level in side)))
        for level in side:
            for order_id, order, remaining in level.orders:
                owner, number = order_id.subaccount
                parts.append(_ENTRY.pack(order.subticks, remaining, owner, number, order_id.client_id, order_id.flags))
    return sha256(b"".join(parts)).digest()
