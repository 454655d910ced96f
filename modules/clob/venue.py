"""The state's side of the matching loop: who stands in a taker's way, and what one fill does to money, fills and the book."""

from collections.abc import Callable

from modules.clob import formulas
from modules.clob.book import OrderBook
from modules.clob.events import MATCHED, NO_EXTRAS, ORDER_REMOVED, ORDERS_FILLED
from modules.clob.matching import Attempt, Maker
from modules.clob.model import SHORT_TERM, ClobPair, OrderId, Removal, RestingOrder
from modules.clob.state import REMOVED, ClobState
from modules.fees.keeper import FeesKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import SubaccountId
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
        "_group",
        "_pair",
        "_price_fill",
        "_taker_buys",
        "_taker_ppm",
        "_taker_text",
        "_tools",
        "_trial",
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
        order_id: OrderId | None = None,
        filled: int = 0,
        trial: bool = False,
        price_fill: PriceFill | None = None,
    ) -> None:
        self._ctx = ctx
        self._tools = tools
        self._pair = pair
        self._group = (pair.id, not taker_buys)
        self._taker_buys = taker_buys
        self._taker_ppm = 0 if order_id is None else tools.fees.rates(ctx, taker.owner, pair.id)[0]
        self._taker_text = ENGINE_TAKER if order_id is None else order_id.text
        self._trial = trial
        """Fills are tried and undone: of a post-only order one need only know whether it could match."""
        self._price_fill = price_fill
        self.taker = taker
        self.taker_filled = filled
        """Base quantums of the taker's order that are filled by now."""
        self.result = UpdateResult.SUCCESS
        """How the taker was judged where it failed."""

    def maker(self, position: int) -> Maker | None:
        ctx, state = self._ctx, self._tools.state
        ordered = state.book.group(ctx, self._group)
        if position >= len(ordered):
            return None
        order_id: OrderId = ordered[position][1]
        order = self._order(order_id)
        fills = state.fills.get(ctx, order_id)
        return Maker(order_id, order.subticks, order.quantums if fills is None else order.quantums - fills.quantums)

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
        taker_result, maker_result = tools.subaccounts.match(ctx, fill)
        if taker_result or maker_result:
            ctx.undo(mark)
            return self._failed(taker_result, maker_result)
        if self._trial:
            ctx.undo(mark)
            return Attempt.FILLED
        self._tell_money(fill)
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

    def _tell_money(self, fill: Fill) -> None:
        perpetual_id, taker, maker, taker_buys, quantums, quote, taker_fee, maker_fee, insurance_delta = fill
        signed_quote = -quote if taker_buys else quote
        base = quantums if taker_buys else -quantums
        self._ctx.emit(
            MATCHED,
            addresses.to_text(taker.owner),
            taker.number,
            addresses.to_text(maker.owner),
            maker.number,
            taker_fee,
            maker_fee,
            signed_quote - taker_fee - insurance_delta,
            -signed_quote - maker_fee,
            base,
            -base,
            insurance_delta,
            self._price_fill is not None,
            False,
            perpetual_id,
            *NO_EXTRAS,
        )
