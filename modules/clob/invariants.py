"""What always holds between blocks; checked by full scans in tests and simulation."""

from typing import Any

from modules.clob.keeper import ClobKeeper
from modules.clob.memory import REMEMBERED_BLOCKS
from modules.clob.model import CONDITIONAL, NO_FILLS, SHORT_TERM, TWAP, TWAP_SLICE, twap_id_of
from modules.clob.state import ClobState
from modules.kernel.context import Context
from modules.kernel.stores import Index


def broken(ctx: Context, state: ClobState, keeper: ClobKeeper) -> list[str]:
    """Sentences, one per broken law."""
    return _crossed(ctx, keeper) + _views(ctx, state) + _orders(ctx, state, keeper) + _beside_the_books(ctx, state) + _memory(ctx, state)


def _crossed(ctx: Context, keeper: ClobKeeper) -> list[str]:
    found = []
    for pair in keeper.pairs(ctx):
        bid, ask = keeper.best_subticks(ctx, pair.id, is_buy=True), keeper.best_subticks(ctx, pair.id, is_buy=False)
        if bid is not None and ask is not None and bid >= ask:
            found.append(f"the book of pair {pair.id} is crossed: bid {bid}, ask {ask}")
    return found


def _views(ctx: Context, state: ClobState) -> list[str]:
    """Every view equals a fresh build from its map."""
    found = []
    views: tuple[Index[Any, Any], ...] = (
        state.book,
        state.expiry,
        state.by_subaccount,
        state.pair_of,
        state.stateful_of,
        state.triggers,
        state.waiting_expiry,
        state.waiting_of,
        state.twap_due,
        state.twaps_of,
    )
    for view in views:
        fresh: dict[Any, list[tuple[Any, Any]]] = {}
        for key, value in view.map.items(ctx):
            entry = view.entry(key, value)
            if entry is not None:
                fresh.setdefault(entry[0], []).append((entry[1], key))
        kept = {group: list(view.group(ctx, group)) for group in view.groups(ctx)}
        if kept != {group: sorted(entries) for group, entries in fresh.items()}:
            found.append(f"the view {view.name} differs from its map")
    return found


def _orders(ctx: Context, state: ClobState, keeper: ClobKeeper) -> list[str]:
    found = []
    for order_id, order in state.orders.items(ctx):
        pair = state.pairs.get(ctx, order_id.clob_pair_id)
        if pair is None:
            found.append(f"{order_id.text} rests in a market that does not exist")
            continue
        filled = (state.fills.get(ctx, order_id) or NO_FILLS).quantums
        if order.quantums % pair.step_base_quantums or filled % pair.step_base_quantums or order.subticks % pair.subticks_per_tick:
            found.append(f"{order_id.text} is not in whole steps and ticks")
        if not 0 <= filled < order.quantums:
            found.append(f"{order_id.text} rests with {filled} of {order.quantums} filled")
        if order_id.flags == SHORT_TERM and order.good_til <= keeper.cancelled_until(ctx, order_id):
            found.append(f"{order_id.text} rests although it is cancelled")
        if order.good_til < ctx.height if order_id.flags == SHORT_TERM else order.good_til <= ctx.time_seconds:
            found.append(f"{order_id.text} rests although it has expired")
    found += [f"{order_id.text} has fills and does not rest" for order_id in state.fills.keys(ctx) if not state.orders.has(ctx, order_id)]
    return found


def _beside_the_books(ctx: Context, state: ClobState) -> list[str]:
    """What waits for its trigger, TWAP orders with their slices, and the range of trades."""
    found = []
    for order_id, order in state.waiting.items(ctx):
        pair = state.pairs.get(ctx, order_id.clob_pair_id)
        trigger = 0 if order.extras is None else order.extras.trigger_subticks
        if pair is None or order_id.flags != CONDITIONAL or state.orders.has(ctx, order_id):
            found.append(f"{order_id.text} waits and should not")
        elif trigger == 0 or trigger % pair.subticks_per_tick or order.quantums % pair.step_base_quantums:
            found.append(f"{order_id.text} waits and is not in whole steps and ticks")
        if order.good_til <= ctx.time_seconds:
            found.append(f"{order_id.text} waits although it has expired")
    for order_id, twap in state.twaps.items(ctx):
        pair = state.pairs.get(ctx, order_id.clob_pair_id)
        if pair is None or order_id.flags != TWAP or twap.remaining_quantums % pair.step_base_quantums:
            found.append(f"{order_id.text} is at work and should not be, or not in whole steps")
        if not 0 <= twap.remaining_legs <= twap.parameters.legs or not 0 <= twap.remaining_quantums <= twap.placed.quantums:
            found.append(f"{order_id.text} has {twap.remaining_legs} slices and {twap.remaining_quantums} of {twap.placed.quantums} left")
    for order_id, order in state.orders.items(ctx):
        if order_id.flags == TWAP_SLICE:
            parent = state.twaps.get(ctx, twap_id_of(order_id))
            left = order.quantums - (state.fills.get(ctx, order_id) or NO_FILLS).quantums
            if parent is None or left > parent.remaining_quantums:
                found.append(f"{order_id.text} rests with {left} and is of {parent}")
    found += [
        f"trades of pair {pair_id} are {trades}"
        for pair_id, trades in state.trades.items(ctx)
        if not state.pairs.has(ctx, pair_id) or not 0 < trades.lowest <= trades.highest or trades.height > ctx.height
    ]
    found += [
        f"block {key.height} is said to have reached {subticks} in pair {key.clob_pair_id}"
        for key, subticks in state.reached.items(ctx)
        if not state.pairs.has(ctx, key.clob_pair_id) or subticks == 0 or key.height > ctx.height
    ]
    return found


def _memory(ctx: Context, state: ClobState) -> list[str]:
    found = [f"block {height} is still remembered" for height in state.memory.keys(ctx) if height < ctx.height - REMEMBERED_BLOCKS]
    for now in (state.voided, state.cancelled_now, state.ended_now):
        found += [f"{order_id.text} is left in {now.name}" for order_id in now.keys(ctx)]
    return found
