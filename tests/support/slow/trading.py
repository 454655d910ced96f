"""The taker loop of dydx-clob.md 5.2, as design.md 3.5 changes it, and what becomes of orders."""

from typing import Any, NamedTuple

from support.slow.charges import fee, fill_quote, rates, shares
from support.slow.money import ISOLATED, SUCCESS, Side, apply_match, judge
from support.slow.rules import check_collateral, check_entry, check_order, check_payees, check_room, legs_of, reduces
from support.slow.world import CONDITIONAL, IOC, POST_ONLY, SHORT_TERM, SLICE, TWAP, Fail, Live, Market, Order, World


class Trade(NamedTuple):
    """One possible fill."""

    quote: int
    taker: Side
    maker: Side
    collected: int
    """What the fee collector gets."""
    paid: list[tuple[bytes, int]]
    """What builders, routers and revenue shares get."""


def place(world: World, order: Order) -> None:
    """A valid order's effect; fails with the codes of the tables."""
    market = check_order(world, order)
    old = None
    if order.flags == SHORT_TERM:
        check_payees(world, order)
        old = check_entry(world, market, order)
        if old is None and order.time_in_force != IOC:
            check_room(world, order)
    else:
        check_room(world, order)
        check_payees(world, order)
        if order.flags != CONDITIONAL:
            check_collateral(world, market, order)
    if order.flags == CONDITIONAL:
        world.waiting.append(Live(order, world.next_since()))
    elif order.flags == TWAP:
        live = Live(order, world.next_since())
        world.parents.append({"live": live, "legs": legs_of(order), "quantums": order.quantums, "due": world.seconds})
    else:
        if old is not None:
            world.resting.remove(old)
            world.log.append(("ended", order.name, "REPLACED"))
        take(world, market, order)


def take(world: World, market: Market, order: Order) -> None:
    """Match the order with the book, then let the rest of it rest or end."""
    signs = {account: _sign(world.position(account, market.perpetual)) for account in world.positions}
    reason = _loop(world, market, order)
    _drop_idle_reduce_only(world, market, signs)
    if world.remaining(order) == 0:
        finish(world, order)
    elif reason is not None:
        end(world, order, reason)
    elif order.time_in_force == IOC:
        end(world, order, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK")
    else:
        if order.flags == SHORT_TERM and world.filled.get(order.name, 0):
            world.filled_til[order.name] = max(world.filled_til[order.name], order.good_til)
        world.resting.append(Live(order, world.next_since()))


def _loop(world: World, market: Market, taker: Order) -> str | None:
    """Fills; why the taker must not rest, if so."""
    met = 0
    for live in facing(world, taker):
        maker = live.order
        if met == world.rules.max_fills:
            return "FILL_LIMIT"
        met += 1
        if maker.account == taker.account:
            end(world, maker, "SELF_TRADE_ERROR")
            continue
        size = min(world.remaining(taker), world.remaining(maker))
        if maker.reduce_only:
            size = min(size, abs(world.position(maker.account, market.perpetual))) if reduces(world, market, maker) else 0
            if size == 0:
                end(world, maker, "REDUCE_ONLY_RESIZE")
                continue
        if taker.reduce_only:
            size = min(size, abs(world.position(taker.account, market.perpetual)))
        trade = _trade(world, market, taker, maker, size)
        for_taker, for_maker = judge(world, market, [trade.taker, trade.maker], is_match=True)
        if for_maker != SUCCESS:
            end(world, maker, "UNDERCOLLATERALIZED")
        if for_taker == ISOLATED:
            raise Fail(2005)
        if for_taker != SUCCESS:
            return "UNDERCOLLATERALIZED"
        if for_maker != SUCCESS:
            continue
        if taker.time_in_force == POST_ONLY:
            return "POST_ONLY_WOULD_CROSS_MAKER_ORDER"
        _fill(world, market, taker, maker, size, trade)
        if world.remaining(taker) == 0:
            return None
        if taker.reduce_only and world.position(taker.account, market.perpetual) == 0:
            return "REDUCE_ONLY_RESIZE"
    return None


def facing(world: World, taker: Order) -> list[Live]:
    """Resting orders that the taker's limit crosses: best price first, then the oldest."""
    if taker.buys:
        found = [live for live in book_side(world, taker.pair, buys=False) if live.order.subticks <= taker.subticks]
    else:
        found = [live for live in book_side(world, taker.pair, buys=True) if live.order.subticks >= taker.subticks]
    return found


def book_side(world: World, pair: int, *, buys: bool) -> list[Live]:
    """One side of a book in matching order."""
    side = [live for live in world.resting if live.order.pair == pair and live.order.buys == buys]
    return sorted(side, key=lambda live: (-live.order.subticks if buys else live.order.subticks, live.since))


def _trade(world: World, market: Market, taker: Order, maker: Order, size: int) -> Trade:
    """The maker's price; fees of both (11.1), the rebate no more than the taker's fee; builders on top."""
    quote = fill_quote(market, maker.subticks, size)
    taker_fee = fee(quote, rates(world, taker.account[0], market.pair)[0])
    maker_fee = max(fee(quote, rates(world, maker.account[0], market.pair)[1]), -taker_fee)
    paid = [(order.builder[0], fee(quote, order.builder[1])) for order in (taker, maker) if order.builder is not None]
    paid += shares(world, taker, maker, taker_fee, maker_fee)
    taker_builder = fee(quote, taker.builder[1]) if taker.builder else 0
    maker_builder = fee(quote, maker.builder[1]) if maker.builder else 0
    sign = 1 if taker.buys else -1
    return Trade(
        quote,
        Side(taker.account, sign * size, -sign * quote - taker_fee - taker_builder),
        Side(maker.account, -sign * size, sign * quote - maker_fee - maker_builder),
        taker_fee + maker_fee + taker_builder + maker_builder - sum(amount for _, amount in paid),
        paid,
    )


def _fill(world: World, market: Market, taker: Order, maker: Order, size: int, trade: Trade) -> None:
    """The trade happens."""
    apply_match(world, market, [trade.taker, trade.maker], trade.collected, trade.paid)
    world.volume_now.append((taker.account[0], maker.account[0], trade.quote))
    world.log.append(("fill", taker.name, maker.name, maker.subticks, size))
    world.trades.append((market.pair, maker.subticks))
    for order in (taker, maker):
        world.filled[order.name] = world.filled.get(order.name, 0) + size
        if order.flags == SHORT_TERM:
            world.filled_til[order.name] = max(world.filled_til.get(order.name, 0), order.good_til)
        if order.flags == SLICE:
            parent_of(world, order)["quantums"] -= size
    if world.remaining(maker) == 0:
        finish(world, maker)


def parent_of(world: World, piece: Order) -> dict[str, Any]:
    """The TWAP order that a slice belongs to."""
    name = (piece.pair, piece.account, TWAP, piece.client_id)
    return next(parent for parent in world.parents if parent["live"].order.name == name)


def _drop_idle_reduce_only(world: World, market: Market, signs: dict[tuple[bytes, int], int]) -> None:
    """Reduce-only orders of accounts whose position has changed its sign leave the book."""
    for live in list(world.resting):
        account = live.order.account
        if live.order.reduce_only and live.order.pair == market.pair:
            now = _sign(world.position(account, market.perpetual))
            if now != signs.get(account, 0):
                end(world, live.order, "REDUCE_ONLY_RESIZE")


def finish(world: World, order: Order) -> None:
    """An order has filled completely."""
    world.resting = [live for live in world.resting if live.order.name != order.name]
    if order.flags != SHORT_TERM:
        world.filled.pop(order.name, None)


def end(world: World, order: Order, reason: str) -> None:
    """An accepted order ends without its owner's doing."""
    finish(world, order)
    if order.flags != SHORT_TERM:
        world.removed.append(order.name)
    world.log.append(("ended", order.name, reason))


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
