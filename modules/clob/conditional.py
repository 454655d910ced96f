"""Conditional orders: they wait outside the books until a price reaches their trigger.

Which prices count in a block is known when it begins: the new oracle price, then the lowest and the highest trade of the block before.
What triggers is told then and enters its book when the engine's turn comes, so a cancel of the same block's first lane comes before it.
"""

from collections.abc import Iterator

from modules.clob import formulas
from modules.clob.events import CONDITIONAL_PLACED, ORDER_EXPIRED
from modules.clob.model import ClobPair, Condition, Due, Order, PairStatus, RestingOrder, resting_of
from modules.clob.state import ClobState
from modules.kernel.context import Context
from modules.oracle.keeper import OracleKeeper
from modules.perp.keeper import PerpKeeper


class Conditionals:
    """Orders that wait for their trigger."""

    __slots__ = ("_oracle", "_perp", "_state")

    def __init__(self, state: ClobState, perp: PerpKeeper, oracle: OracleKeeper) -> None:
        self._state = state
        self._perp = perp
        self._oracle = oracle

    def place(self, ctx: Context, order: Order) -> None:
        """The order waits. It is not judged before its trigger (CLOB 6.2)."""
        extras = order.extras
        assert extras is not None, "a conditional order has a trigger"
        self._state.waiting.set(ctx, order.id, resting_of(order, ctx.height, ctx.next_placement()))
        ctx.emit(
            CONDITIONAL_PLACED,
            order.id.text,
            order.is_buy,
            order.subticks,
            order.quantums,
            order.good_til,
            Condition(extras.condition).name,
            extras.trigger_subticks,
        )

    def expire(self, ctx: Context) -> None:
        """Orders whose good-til is over by the block's time wait no longer."""
        expiry = self._state.waiting_expiry
        while (found := expiry.first(ctx, ())) is not None and found[0][0] <= ctx.time_seconds:
            self._state.waiting.delete(ctx, found[1])
            ctx.emit(ORDER_EXPIRED, found[1].text)

    def due(self, ctx: Context) -> Iterator[Due]:
        """What triggers in this block. Only that is touched, and per market with waiting orders its prices; nothing is written."""
        prices: dict[int, tuple[tuple[int, int], ...]] = {}
        for group in self._state.triggers.groups(ctx):
            pair_id, rises = group
            if pair_id not in prices:
                prices[pair_id] = self._prices(ctx, pair_id)
            if not prices[pair_id]:
                continue
            reached = [formulas.trigger_reach(rises, price) for price in prices[pair_id]]
            furthest = max(reached)
            for (signed_trigger, height, placement), order_id in self._state.triggers.group(ctx, group):
                if signed_trigger > furthest:
                    break
                first = next(price for price in reached if signed_trigger <= price)
                yield Due(pair_id, height, placement, order_id, abs(first))

    def take(self, ctx: Context, due: Due) -> RestingOrder | None:
        """The order, waiting no longer; None if it is not there any more."""
        found = self._state.waiting.get(ctx, due.id)
        if found is None or (found.height, found.placement) != (due.height, due.placement):
            return None
        self._state.waiting.delete(ctx, due.id)
        return found

    def _prices(self, ctx: Context, pair_id: int) -> tuple[tuple[int, int], ...]:
        """The block's prices of a market, exact, in the order in which they are tried; none while it is not active or not priced."""
        pair = self._state.pairs.get(ctx, pair_id)
        if pair is None or pair.status != PairStatus.ACTIVE:
            return ()
        index = self._perp.index_subticks(ctx, pair.perpetual_id, pair.quantum_conversion_exponent)
        if index[0] == 0:
            return ()
        trades = self._state.trades.get(ctx, pair_id)
        if trades is None or trades.height != ctx.height - 1:
            return (index,)
        change = self._min_price_change_ppm(ctx, pair)
        return (
            index,
            formulas.clamped_trade(trades.lowest, index, change),
            formulas.clamped_trade(trades.highest, index, change),
        )

    def _min_price_change_ppm(self, ctx: Context, pair: ClobPair) -> int:
        market = self._oracle.market(ctx, self._perp.require(ctx, pair.perpetual_id).market_id)
        assert market is not None, "every perpetual has a market"
        return market.min_price_change_ppm
