"""When an order or a cancel cannot be accepted: the tables 2.3, 2.4, 2.5 and 2.7 of dydx-clob.md in their order."""

from fractions import Fraction
from math import floor

from support.slow.charges import fee, fill_quote, rates
from support.slow.money import ISOLATED, SUCCESS, Side, judge, worth_of
from support.slow.wire import order_hash
from support.slow.world import (
    ACTIVE,
    CONDITIONAL,
    INITIALIZING,
    IOC,
    LONG_TERM,
    MILLION,
    POST_ONLY,
    POST_ONLY_STATUS,
    SHORT_TERM,
    TWAP,
    Fail,
    Live,
    Market,
    Order,
    World,
)

WINDOW_BLOCKS = 40
WINDOW_SECONDS = 95 * 86_400
MAX_SUBACCOUNT = 128_000


def check_form(order: Order) -> None:
    """Table 2.3, what can be wrong in an order of ours."""
    if order.time_in_force == 3:
        raise Fail(48)
    if order.account[1] > MAX_SUBACCOUNT:
        raise Fail(200, "subaccounts")
    if order.quantums == 0:
        raise Fail(4)
    if order.good_til == 0:
        raise Fail(5 if order.flags == SHORT_TERM else 3001)
    if order.flags not in (SHORT_TERM, CONDITIONAL, LONG_TERM, TWAP):
        raise Fail(3000)
    if order.flags == LONG_TERM and order.time_in_force == IOC:
        raise Fail(3002)
    if order.reduce_only and order.time_in_force != IOC:
        raise Fail(9003)
    if order.subticks == 0 and order.flags != TWAP:
        raise Fail(6)
    if (order.flags == CONDITIONAL) != (order.condition != 0):
        raise Fail(6000)
    if (order.flags == CONDITIONAL) != (order.trigger != 0):
        raise Fail(6001)
    if order.builder is not None and not 0 < order.builder[1] <= 10_000:
        raise Fail(50)
    if order.flags == TWAP:
        _check_twap(order)


def _check_twap(order: Order) -> None:
    if order.twap is None:
        raise Fail(12)
    duration, interval, tolerance = order.twap
    if not 30 <= interval <= 3_600 or not 300 <= duration <= 86_400 or duration % interval or tolerance >= MILLION:
        raise Fail(12)


def legs_of(order: Order) -> int:
    """Slices of a TWAP order."""
    assert order.twap is not None
    return order.twap[0] // order.twap[1]


def check_order(world: World, order: Order) -> Market:
    """Table 2.4: an order against market, status and time; its market."""
    if order.flags != SHORT_TERM:
        if order.name in world.voided:
            raise Fail(3008)
        if order.name in world.removed:
            raise Fail(3009)
    market = world.rules.by_pair(order.pair)
    if order.subticks % market.tick or order.quantums % market.step:
        raise Fail(12)
    _check_status(world, market, order)
    check_window(world, order.flags, order.good_til)
    if order.flags != SHORT_TERM and world.exists(order.name):
        raise Fail(3005)
    if order.trigger % market.tick:
        raise Fail(12)
    if order.flags == TWAP and order.quantums // legs_of(order) < market.step:
        raise Fail(12)
    return market


def _check_status(world: World, market: Market, order: Order) -> None:
    """Table 1.5, with POST_ONLY besides."""
    if market.status == ACTIVE:
        return
    if order.time_in_force != POST_ONLY or order.flags == TWAP:
        raise Fail(34)
    if market.status == POST_ONLY_STATUS:
        return
    limit = floor(world.oracle_subticks(market))
    on_its_side = order.subticks <= limit if order.buys else order.subticks >= limit
    if market.status != INITIALIZING or order.flags != SHORT_TERM or not on_its_side:
        raise Fail(34)


def check_window(world: World, flags: int, good_til: int) -> None:
    """Codes 10, 11 and 3003, 3004, against this block's height and time (design.md 3.5 step 3)."""
    if flags == SHORT_TERM:
        if good_til < world.height:
            raise Fail(10)
        if good_til > world.height + WINDOW_BLOCKS:
            raise Fail(11)
    else:
        if good_til <= world.seconds:
            raise Fail(3003)
        if good_til > world.seconds + WINDOW_SECONDS:
            raise Fail(3004)


def reduces(world: World, market: Market, order: Order) -> bool:
    """Whether the order is opposite to an open position."""
    held = world.position(order.account, market.perpetual)
    return held < 0 if order.buys else held > 0


def check_entry(world: World, market: Market, order: Order) -> Live | None:
    """Table 2.5: an order that is about to enter the book; the resting one that it replaces."""
    old = world.find(world.resting, order.name)
    filled = world.filled.get(order.name, 0)
    if order.flags == SHORT_TERM and world.cancelled_til.get(order.name, 0) >= order.good_til:
        raise Fail(7)
    if old is not None and not _replaces(order, old.order):
        raise Fail(20)
    if order.quantums - filled < market.step:
        raise Fail(24)
    if order.reduce_only and not reduces(world, market, order):
        raise Fail(2001)
    if order.time_in_force == IOC and filled:
        raise Fail(20 if old is not None else 2004)
    return old


def _replaces(new: Order, old: Order) -> bool:
    """3.5."""
    later = (new.good_til, order_hash(new)) > (old.good_til, order_hash(old))
    return later and (new.buys, new.time_in_force, new.reduce_only) == (old.buys, old.time_in_force, old.reduce_only)


def check_room(world: World, order: Order) -> None:
    """6.4, with a table of their own for resting short-term orders (design.md 5): 10001."""
    account = order.account
    if order.flags == SHORT_TERM:
        table = world.rules.short_term_limits
        lives = [live for live in world.resting if live.order.flags == SHORT_TERM]
    else:
        table = world.rules.stateful_limits
        lives = [live for live in world.resting if live.order.flags in (CONDITIONAL, LONG_TERM)]
        lives += [*world.waiting, *(parent["live"] for parent in world.parents)]
    if not table:
        return
    reached = [limit for required, limit in table if required <= worth_of(world, account).net]
    if not reached or sum(1 for live in lives if live.order.account == account) >= reached[-1]:
        raise Fail(10_001)


def check_payees(world: World, order: Order) -> None:
    """2.4: whoever is named as order router must be registered."""
    if order.router is not None and order.router not in dict(world.rules.routers):
        raise Fail(8, "revshare")


def check_collateral(world: World, market: Market, order: Order) -> None:
    """6.2: all of it fills at its own price as a maker."""
    subticks = order.subticks or floor(world.oracle_subticks(market))
    quote = fill_quote(market, subticks, order.quantums)
    cost = fee(quote, rates(world, order.account[0], order.pair)[1])
    if order.builder is not None:
        cost += fee(quote, order.builder[1])
    sign = 1 if order.buys else -1
    result = judge(world, market, [Side(order.account, sign * order.quantums, -sign * quote - cost)], is_match=False)[0]
    if result == ISOLATED:
        raise Fail(2005)
    if result != SUCCESS:
        raise Fail(3007)


def triggered_by(order: Order, price: Fraction) -> bool:
    """3.4: whether a conditional order triggers at this price (subticks)."""
    if falls(order):
        return order.trigger >= price
    return order.trigger <= price


def falls(order: Order) -> bool:
    """Whether it waits for the price to fall: a selling stop-loss or a buying take-profit."""
    return order.buys == (order.condition == 2)
