"""The state's side of the matching loop: who stands in a taker's way, and what one fill does to money, fills and the book."""

from collections.abc import Callable

from modules.clob import formulas
from modules.clob.book import OrderBook
from modules.clob.events import MATCHED, NO_EXTRAS, ORDER_REMOVED, ORDERS_FILLED
from modules.clob.matching import Attempt, Maker
from modules.clob.model import PLAIN, SHORT_TERM, ClobPair, Extras, Order, OrderId, Removal, RestingOrder
from modules.clob.state import REDUCING_SLICE, REMOVED, ClobState
from modules.fees.keeper import FeesKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.events import EventValue
from modules.kernel.intmath import round_down_to_multiple
from modules.kernel.units import Address, SubaccountId
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Fill, UpdateResult

PriceFill = Callable[[Context, int, int], int | None]
"""price_fill(ctx, base quantums, quote quantums, both positive or zero) -> insurance delta of an engine taker's fill (positive: it pays the
fund), or None: no further fill. What it writes is undone if the fill does not happen."""

ENGINE_TAKER = "liquidation"
"""Stands for the order id of an engine taker in events."""


class Tools:
    """What every venue uses."""

    __slots__ = ("book", "fees", "state", "subaccounts")

    def __init__(self, state: ClobState, book: OrderBook, subaccounts: SubaccountsKeeper, fees: FeesKeeper) -> None:
        self.state = state
        self.book = book
        self.subaccounts = subaccounts
        self.fees = fees


class BookVenue:
    """One taker's walk over the other side of one market."""

    __slots__ = (
        "_ctx",
        "_current",
        "_gone",
        "_group",
        "_pair",
        "_price_fill",
        "_taker_buys",
        "_taker_extras",
        "_taker_ppm",
        "_taker_text",
        "_tools",
        "_trial",
        "passed_over",
        "result",
        "taker",
        "taker_filled",
    )

    def __init__(
        self,
        ctx: Context,
        tools: Tools,
        pair: ClobPair,
        taker: SubaccountId,
        taker_buys: bool,
        *,
        order: Order | None = None,
        filled: int = 0,
        trial: bool = False,
        price_fill: PriceFill | None = None,
    ) -> None:
        self._ctx = ctx
        self._tools = tools
        self._pair = pair
        self._group = (pair.id, not taker_buys)
        self._taker_buys = taker_buys
        self._taker_ppm = 0 if order is None else tools.fees.rates(ctx, taker.owner, pair.id)[0]
        self._taker_text = ENGINE_TAKER if order is None else order.id.text
        self._taker_extras = None if order is None else order.extras
        self._current: tuple[int, int, int] = (0, 0, 0)
        """Where the last maker given stands on its side of the book."""
        self._gone = 0
        """Makers before that one which a fill has taken off."""
        self._trial = trial
        """Fills are tried and undone: of a post-only order one need only know whether it could match."""
        self._price_fill = price_fill
        self.taker = taker
        self.taker_filled = filled
        """Base quantums of the taker's order that are filled by now."""
        self.passed_over = False
        """Whether a maker was left standing because the market's price lets it only reduce."""
        self.result = UpdateResult.SUCCESS
        """How the taker was judged where it failed."""

    def maker(self, position: int) -> Maker | None:
        ctx, state = self._ctx, self._tools.state
        ordered = state.book.group(ctx, self._group)
        position -= self._gone
        if position >= len(ordered):
            return None
        self._current, order_id = ordered[position]
        order = self._order(order_id)
        fills = state.fills.get(ctx, order_id)
        left = order.quantums if fills is None else order.quantums - fills.quantums
        extras = order.extras
        if extras is None or not extras.reduce_only:
            return Maker(order_id, order.subticks, left, extras)
        return Maker(order_id, order.subticks, left, extras, self._reducible(order_id, order))

    def attempt(self, maker: Maker, quantums: int) -> Attempt:
        ctx, tools = self._ctx, self._tools
        quote = formulas.quote_of(maker.subticks, quantums, self._pair.quantum_conversion_exponent)
        maker_ppm = tools.fees.rates(ctx, maker.id.subaccount.owner, self._pair.id)[1]
        mark = ctx.mark()
        insurance_delta = 0
        if self._price_fill is None:
            taker_fee, maker_fee = formulas.fees_of(quote, self._taker_ppm, maker_ppm)
        else:
            taker_fee, maker_fee = 0, formulas.liquidation_maker_fee(quote, maker_ppm)
            priced = self._price_fill(ctx, quantums, quote)
            if priced is None:
                ctx.undo(mark)
                return Attempt.STOPPED
            insurance_delta = priced
        fill = Fill(
            self._pair.perpetual_id,
            self.taker,
            maker.id.subaccount,
            self._taker_buys,
            quantums,
            quote,
            taker_fee,
            maker_fee,
            insurance_delta,
        )
        if self._taker_extras is None and maker.extras is None:
            payouts = tools.fees.payouts(ctx, taker_fee, maker_fee, None, None)
            if payouts:
                fill = fill._replace(payouts=payouts)
            told = NO_EXTRAS
        else:
            fill, told = self._share(fill, self._taker_extras or PLAIN, maker.extras or PLAIN)
        taker_result, maker_result = tools.subaccounts.match(ctx, fill)
        if taker_result or maker_result:
            ctx.undo(mark)
            return self._failed(taker_result, maker_result)
        if self._trial:
            ctx.undo(mark)
            return Attempt.FILLED
        self._tell_money(fill, told)
        self._record(maker, quantums)
        tools.fees.record(ctx, self.taker.owner, maker.id.subaccount.owner, quote)
        return Attempt.FILLED

    def remove(self, maker: Maker, reason: Removal) -> None:
        ctx, state = self._ctx, self._tools.state
        self._tools.book.take_off(ctx, maker.id)
        if maker.id.flags != SHORT_TERM:
            state.voided.set(ctx, maker.id, REMOVED)
        ctx.emit(ORDER_REMOVED, maker.id.text, reason.name)

    def _order(self, order_id: OrderId) -> RestingOrder:
        order = self._tools.state.orders.get(self._ctx, order_id)
        assert order is not None, "the book view is derived from the orders"
        return order

    def _failed(self, taker_result: UpdateResult, maker_result: UpdateResult) -> Attempt:
        if self._price_fill is not None:
            # The engine never ends for its own account's sake: the next maker may do.
            return Attempt.MAKER_FAILED if maker_result else Attempt.PASSED_OVER
        self.result = taker_result
        if taker_result is UpdateResult.PRICE_NOT_FRESH:
            return Attempt.TAKER_FAILED
        if maker_result is UpdateResult.PRICE_NOT_FRESH:
            self.passed_over = True
            return Attempt.PASSED_OVER
        if not taker_result:
            return Attempt.MAKER_FAILED
        return Attempt.BOTH_FAILED if maker_result else Attempt.TAKER_FAILED

    def _record(self, maker: Maker, quantums: int) -> None:
        """Fill amounts and the book follow a fill that has happened. The taker's own amount is written when its walk has ended."""
        ctx, tools = self._ctx, self._tools
        order_id = maker.id
        order = self._order(order_id)
        filled = order.quantums - maker.quantums + quantums
        tools.book.fill_resting(ctx, order_id, order, filled)
        self.taker_filled += quantums
        ctx.emit(ORDERS_FILLED, self._taker_text, order_id.text, maker.subticks, quantums, self.taker_filled, filled)
        tools.book.traded(ctx, self._pair.id, maker.subticks)
        change = quantums if self._taker_buys else -quantums
        for subaccount, delta in ((self.taker, change), (order_id.subaccount, -change)):
            for entry in end_reduce_only(ctx, tools, self._pair, subaccount, delta):
                self._gone += entry[0] == self._group and entry[1] < self._current

    def _reducible(self, order_id: OrderId, order: RestingOrder) -> int:
        """Base quantums of a reduce-only maker's position that it may close, in whole steps."""
        position = self._tools.subaccounts.position(self._ctx, order_id.subaccount, self._pair.perpetual_id)
        return 0 if (position > 0) == order.is_buy else round_down_to_multiple(abs(position), self._pair.step_base_quantums)

    def _share(self, fill: Fill, taker: Extras, maker: Extras) -> tuple[Fill, tuple[EventValue, ...]]:
        """The fill with what builders and routers get of it, and the attributes of its event that tell so."""
        taker_fee = formulas.builder_fee(fill.quote, taker.builder_fee_ppm)
        maker_fee = formulas.builder_fee(fill.quote, maker.builder_fee_ppm)
        builders = tuple([one for one in ((taker.builder, taker_fee), (maker.builder, maker_fee)) if one[1]])
        routers = (taker.router or None, maker.router or None)
        fees = self._tools.fees.payouts(self._ctx, fill.taker_fee, fill.maker_fee, *routers)
        shared = fill._replace(taker_builder_fee=taker_fee, maker_builder_fee=maker_fee, payouts=(*builders, *fees))
        routed = self._tools.fees.routed(self._ctx, fill.taker_fee, fill.maker_fee, *routers)
        names = (_text(taker.builder), _text(maker.builder), taker_fee, maker_fee, _text(taker.router), _text(maker.router))
        return shared, (*names, *routed)

    def _tell_money(self, fill: Fill, extras: tuple[EventValue, ...]) -> None:
        signed_quote = -fill.quote if fill.taker_buys else fill.quote
        base = fill.quantums if fill.taker_buys else -fill.quantums
        self._ctx.emit(
            MATCHED,
            addresses.to_text(fill.taker.owner),
            fill.taker.number,
            addresses.to_text(fill.maker.owner),
            fill.maker.number,
            fill.taker_fee,
            fill.maker_fee,
            signed_quote - fill.taker_fee - fill.insurance_delta - fill.taker_builder_fee,
            -signed_quote - fill.maker_fee - fill.maker_builder_fee,
            base,
            -base,
            fill.insurance_delta,
            self._price_fill is not None,
            False,
            fill.perpetual_id,
            *extras,
        )


def end_reduce_only(
    ctx: Context, tools: Tools, pair: ClobPair, subaccount: SubaccountId, change: int = 0
) -> list[tuple[object, tuple[int, int, int]]]:
    """Reduce-only orders of the subaccount that its position does not let reduce any more have ended; where each stood on the book.

    A reduce-only order rests only opposite to a position, so all of them end when the position's sign changes, also to zero, and none
    otherwise. `change` is by how many signed base quantums the position has just changed; 0 says only that it has not turned.
    """
    slices = tools.state.stateful_of.group(ctx, (subaccount, REDUCING_SLICE))
    if not slices:
        return []
    position = tools.subaccounts.position(ctx, subaccount, pair.perpetual_id)
    if position and (position > 0) == (position - change > 0):
        return []
    ended: list[tuple[object, tuple[int, int, int]]] = []
    for _, order_id in list(slices):
        order = tools.state.orders.get(ctx, order_id)
        assert order is not None, "the view is derived from the orders"
        if order_id.clob_pair_id == pair.id and (position == 0 or (position > 0) == order.is_buy):
            entry = tools.state.book.entry(order_id, order)
            assert entry is not None, "every resting order stands on its book"
            ended.append(entry)
            tools.book.take_off(ctx, order_id)
            ctx.emit(ORDER_REMOVED, order_id.text, Removal.REDUCE_ONLY_RESIZE.name)
    return ended


def _text(address: Address) -> str:
    return addresses.to_text(address) if address else ""
