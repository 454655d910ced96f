"""Conditional orders: they wait outside the books until a price reaches their trigger.

Which prices count in a block is known when it begins: the new oracle price, then the lowest and the highest trade of the block before.
What triggers is told then and enters its book when the engine's turn comes, so a cancel of the same block's first lane comes before it.
What a block cannot run any more has triggered all the same: that block's reach is written down, one value for all of its orders, and they
run in the next blocks, whatever the price does (CLOB-21).
"""

from modules.clob import formulas
from modules.clob.events import CONDITIONAL_PLACED, ORDER_EXPIRED
from modules.clob.model import ClobPair, Condition, Due, Order, PairStatus, ReachedKey, RestingOrder, resting_of
from modules.clob.state import ClobState
from modules.kernel.context import Context
from modules.kernel.intmath import UINT64_MAX
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

    def due(self, ctx: Context, room: int) -> tuple[list[Due], list[Due]]:
        """Orders that run in this block, at most `room`: those reached in earlier blocks, then those that its own prices reach.

        Only that is touched, per market with waiting orders its prices, and, while orders are left over, what was placed since (CLOB-21).
        What does not fit is remembered; nothing else is written.
        """
        prices: dict[int, tuple[tuple[int, int], ...]] = {}
        taken: dict[tuple[int, int], Due] = {}
        for key, subticks in list(self._state.reached.items(ctx)):
            if len(taken) == room:
                break
            if self._prices_once(ctx, key.clob_pair_id, prices) and self._collect(
                ctx, key, [subticks if key.rises else -subticks], taken, room
            ):
                self._state.reached.delete(ctx, key)
        carried = list(taken.values())
        for pair_id, rises in self._state.triggers.groups(ctx):
            reached = [formulas.trigger_reach(rises, price) for price in self._prices_once(ctx, pair_id, prices)]
            # Every order that waits now was placed in an earlier block.
            if reached and not self._collect(ctx, ReachedKey(UINT64_MAX, pair_id, rises), reached, taken, room):
                self._state.reached.set(ctx, ReachedKey(ctx.height, pair_id, rises), abs(max(reached)))
        return carried, list(taken.values())[len(carried) :]

    def end_market(self, ctx: Context, pair_id: int) -> None:
        """What prices reached of the market's orders, which have ended, is forgotten."""
        for key in [key for key in self._state.reached.keys(ctx) if key.clob_pair_id == pair_id]:
            self._state.reached.delete(ctx, key)

    def take(self, ctx: Context, due: Due) -> RestingOrder | None:
        """The order, waiting no longer; None if it is not there any more."""
        found = self._state.waiting.get(ctx, due.id)
        if found is None or (found.height, found.placement) != (due.height, due.placement):
            return None
        self._state.waiting.delete(ctx, due.id)
        return found

    def _collect(self, ctx: Context, key: ReachedKey, reached: list[int], taken: dict[tuple[int, int], Due], room: int) -> bool:
        """Takes what these prices have reached of orders placed before the key's height, nearest trigger first.

        False: there is more of it than room; it stays untouched.
        """
        furthest = max(reached)
        for (signed_trigger, height, placement), order_id in self._state.triggers.group(ctx, key[1:]):
            if signed_trigger > furthest:
                return True
            if height >= key.height or (height, placement) in taken:
                continue
            if len(taken) == room:
                return False
            first = next(price for price in reached if signed_trigger <= price)
            taken[height, placement] = Due(key.clob_pair_id, height, placement, order_id, abs(first))
        return True

    def _prices_once(self, ctx: Context, pair_id: int, known: dict[int, tuple[tuple[int, int], ...]]) -> tuple[tuple[int, int], ...]:
        if pair_id not in known:
            known[pair_id] = self._prices(ctx, pair_id)
        return known[pair_id]

    def _prices(self, ctx: Context, pair_id: int) -> tuple[tuple[int, int], ...]:
        """The block's prices of a market, exact, in the order in which they are tried; none while it is not active and fresh."""
        pair = self._state.pairs.get(ctx, pair_id)
        if pair is None or pair.status != PairStatus.ACTIVE or self._perp.standing(ctx, pair.perpetual_id):
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
