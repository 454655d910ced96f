"""What the block's clock does to orders: expiry, triggers (dydx-clob.md 3.4) and TWAP slices (3.8), as design.md 3.5 orders them."""

from fractions import Fraction
from math import ceil, floor
from typing import Any

from support.slow.rules import check_collateral, check_entry, check_order, falls, legs_of, triggered_by
from support.slow.trading import end, finish, parent_of, take
from support.slow.world import ACTIVE, MILLION, REST, SHORT_TERM, SLICE, Fail, Live, Market, Order, World

FILLS_KEPT_BLOCKS = 40
SLICE_SECONDS = 3
CATCH_UP = 3
CLAMP = 5


def begin_block(world: World) -> list[Any]:
    """Step 3: orders expire, old fills are forgotten; what triggers or is due, in the order of step 5."""
    for live in [*world.resting, *world.waiting]:
        _expire(world, live.order)
    for name, til in list(world.filled_til.items()):
        if til + FILLS_KEPT_BLOCKS < world.height and world.find(world.resting, name) is None:
            del world.filled_til[name]
            world.filled.pop(name, None)
    return _admitted(world)


def _admitted(world: World) -> list[Any]:
    """What runs in this block of all that is due: no more than the most (clob README, "More due than a block runs")."""
    # A queue survives only of what still waits: cancels, expiry and new orders of the same id have taken the others.
    world.queue = left_over = [live for live in world.queue if live in world.waiting]
    world.queue = [*left_over, *(live for live in newly_triggered(world) if live not in left_over)]
    active = [live for live in world.queue if world.rules.by_pair(live.order.pair).status == ACTIVE]
    slices = sorted(
        (parent for parent in world.parents if parent["due"] <= world.seconds), key=lambda parent: (parent["due"], parent["live"].since)
    )
    most = world.rules.max_due
    triggers = active[: min(len(active), max(most - len(slices), most - most // 2))]
    world.queue = [live for live in world.queue if live not in triggers]
    old = [_entry(live, "trigger") for live in triggers if live in left_over]
    new = [_entry(live, "trigger") for live in triggers if live not in left_over]
    new += [_entry(parent["live"], "slice") for parent in slices[: most - len(triggers)]]
    return [*sorted(old, key=lambda entry: entry[:2]), *sorted(new, key=lambda entry: entry[:2])]


def _entry(live: Live, what: str) -> tuple[int, tuple[int, int], str, Live]:
    return live.order.pair, live.since, what, live


def newly_triggered(world: World) -> list[Live]:
    """What this block's prices reach: by market, falling before rising, the trigger met first, placement."""
    found: list[Live] = []
    for market in sorted(world.rules.markets, key=lambda market: market.pair):
        if market.status == ACTIVE:
            lives = triggered(world, market)
            found += sorted((live for live in lives if falls(live.order)), key=lambda live: (-live.order.trigger, live.since))
            found += sorted((live for live in lives if not falls(live.order)), key=lambda live: (live.order.trigger, live.since))
    return found


def _expire(world: World, order: Order) -> None:
    over = order.good_til < world.height if order.flags == SHORT_TERM else order.good_til <= world.seconds
    if over:
        world.waiting = [live for live in world.waiting if live.order.name != order.name]
        finish(world, order)
        world.log.append(("ended", order.name, "EXPIRED"))


def triggered(world: World, market: Market) -> list[Live]:
    """Conditional orders of the market that trigger now, in the order in which they are polled."""
    found: list[Live] = []
    for price in trigger_prices(world, market):
        for falling in (True, False):
            for live in sorted(world.waiting, key=lambda live: live.since):
                order = live.order
                if order.pair == market.pair and live not in found and falls(order) == falling and triggered_by(order, price):
                    found.append(live)
    return found


def trigger_prices(world: World, market: Market) -> list[Fraction]:
    """The oracle's, then the lowest and the highest trade of the block before, not further off than the clamp."""
    oracle = world.oracle_subticks(market)
    reach = oracle * market.min_price_change_ppm * CLAMP / MILLION
    trades = [subticks for pair, subticks in world.trades_before if pair == market.pair]
    prices = [oracle]
    if trades:
        prices += [min(max(Fraction(trade), oracle - reach), oracle + reach) for trade in (min(trades), max(trades))]
    return prices


def run_due(world: World, due: list[Any]) -> None:
    """Step 5: what is still there acts, each in a frame of its own."""
    for _, _, what, live in due:
        if what == "trigger" and live in world.waiting:
            _trigger(world, live)
        if what == "slice" and any(parent["live"] == live for parent in world.parents):
            _slice(world, live)


def _trigger(world: World, live: Live) -> None:
    world.waiting.remove(live)
    world.log.append(("triggered", live.order.name))
    frame = world.frame()
    try:
        market = world.rules.by_pair(live.order.pair)
        check_entry(world, market, live.order)
        take(world, market, live.order)
    except Fail as failed:
        world.restore(frame)
        end(world, live.order, _reason(failed))


def _slice(world: World, live: Live) -> None:
    """One leg: created, placed, counted; the parent ends with its last leg or with a slice that cannot be placed."""
    parent = next(entry for entry in world.parents if entry["live"] == live)
    if parent["legs"] == 0:
        world.parents.remove(parent)
        world.log.append(("ended", live.order.name, "TWAP_OVER" if parent["quantums"] else "FULLY_FILLED"))
        return
    market = world.rules.by_pair(live.order.pair)
    piece = slice_of(world, market, parent)
    assert live.order.twap is not None
    parent["legs"] -= 1
    parent["due"] = world.seconds + live.order.twap[1]
    frame = world.frame()
    try:
        check_order(world, piece)
        check_collateral(world, market, piece)
        check_entry(world, market, piece)
        world.log.append(("slice", live.order.name, parent["legs"], parent["quantums"], piece.quantums))
        take(world, market, piece)
    except Fail as failed:
        world.restore(frame)
        world.parents.remove(parent_of(world, piece))
        world.log.append(("ended", live.order.name, _reason(failed)))
        world.removed.append(live.order.name)


def slice_of(world: World, market: Market, parent: dict[str, Any]) -> Order:
    """Size and price of the next leg (3.8)."""
    order = parent["live"].order
    even = ceil(Fraction(order.quantums, legs_of(order)))
    size = min(ceil(Fraction(parent["quantums"], parent["legs"])), CATCH_UP * even)
    size -= size % market.step
    price = order.subticks
    if price == 0:
        tolerance = order.twap[2]
        exact = world.oracle_subticks(market) * (MILLION + (tolerance if order.buys else -tolerance)) / MILLION
        ticks = ceil(exact / market.tick) if order.buys else floor(exact / market.tick)
        price = ticks * market.tick
    good_til = world.seconds + SLICE_SECONDS
    return Order(order.account, order.client_id, SLICE, order.pair, order.buys, size, price, good_til, REST, order.reduce_only)


def _reason(failed: Fail) -> str:
    """How an order that failed when it was due is said to have ended."""
    reasons = {2001: "REDUCE_ONLY_RESIZE", 2005: "VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS", 3007: "UNDERCOLLATERALIZED"}
    return reasons.get(failed.code, "INTERNAL_ERROR")
