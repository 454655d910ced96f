"""The verbs of the order books: place, cancel, match engine orders, and what each block's begin and end do."""

from collections.abc import Iterator

from modules.bank.keeper import BankKeeper
from modules.clob import errors
from modules.clob.book import OrderBook
from modules.clob.checks import Checks, check_block_window
from modules.clob.conditional import Conditionals
from modules.clob.engine import Engine
from modules.clob.entry import Entry
from modules.clob.events import MATCHED, NO_EXTRAS, ORDER_CANCELLED, ORDER_EXPIRED, ORDER_REMOVED
from modules.clob.limits import Limits
from modules.clob.matching import Taker, take
from modules.clob.model import (
    CONDITIONAL,
    NO_FILLS,
    SHORT_TERM,
    TWAP,
    BatchCancel,
    Book,
    CancelOrder,
    ClobPair,
    ClobParams,
    Due,
    FillState,
    LiquidationOrder,
    OrderId,
    PairStatus,
    PlaceOrder,
    Removal,
    RestingOrder,
    TradeRange,
    TwapOrder,
)
from modules.clob.premium import book_prices, impact_premium
from modules.clob.state import BY_HEIGHT, BY_TIME, CANCELLED, REMOVED, ClobState
from modules.clob.twap import Twaps
from modules.clob.venue import BookVenue, PriceFill, Tools, end_reduce_only
from modules.fees.keeper import FeesKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.intmath import round_down_to_multiple
from modules.kernel.units import SubaccountId
from modules.oracle.keeper import OracleKeeper
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Fill


class ClobKeeper:
    """Markets, resting orders, and matching. The books are state: whatever is asked of them has one answer per height."""

    def __init__(
        self,
        state: ClobState,
        perp: PerpKeeper,
        funding: FundingKeeper,
        subaccounts: SubaccountsKeeper,
        fees: FeesKeeper,
        oracle: OracleKeeper,
        bank: BankKeeper,
    ) -> None:
        self._state = state
        self._perp = perp
        self._funding = funding
        self._book = OrderBook(state)
        self.limits = Limits(state, perp, subaccounts)
        self._checks = Checks(state, self._book, perp, subaccounts, fees, bank, self.limits)
        self._tools = Tools(state, self._book, subaccounts, fees)
        self._entry = Entry(self._tools)
        self._conditionals = Conditionals(state, perp, oracle)
        self._twaps = Twaps(state, perp, self._checks, self._entry)
        self._engine = Engine(state, self._book, self._checks, self._entry, self._conditionals, self._twaps)

    # Reading

    def pair(self, ctx: Context, pair_id: int) -> ClobPair | None:
        return self._state.pairs.get(ctx, pair_id)

    def pair_of(self, ctx: Context, perpetual_id: int) -> ClobPair | None:
        """The market of a perpetual; there is at most one."""
        found = self._state.pair_of.first(ctx, perpetual_id)
        return None if found is None else self._state.pairs.get(ctx, found[1])

    def pairs(self, ctx: Context) -> Iterator[ClobPair]:
        """Every market, ascending by id."""
        for _, pair in self._state.pairs.items(ctx):
            yield pair

    def params(self, ctx: Context) -> ClobParams:
        return self._state.params.require(ctx)

    def order(self, ctx: Context, order_id: OrderId) -> RestingOrder | None:
        """The order if it rests."""
        return self._state.orders.get(ctx, order_id)

    def waiting(self, ctx: Context, order_id: OrderId) -> RestingOrder | None:
        """The conditional order if it waits for its trigger."""
        return self._state.waiting.get(ctx, order_id)

    def twap(self, ctx: Context, order_id: OrderId) -> TwapOrder | None:
        """The TWAP order if it is at work."""
        return self._state.twaps.get(ctx, order_id)

    def placed(self, ctx: Context, order_id: OrderId) -> RestingOrder | None:
        """The order if it is alive: it rests, waits for its trigger, or is a TWAP order at work."""
        if order_id.flags == TWAP:
            twap = self._state.twaps.get(ctx, order_id)
            return None if twap is None else twap.placed
        found = self._state.orders.get(ctx, order_id)
        return self._state.waiting.get(ctx, order_id) if found is None and order_id.flags == CONDITIONAL else found

    def fills(self, ctx: Context, order_id: OrderId) -> FillState:
        """How much of an order id is filled, as far as it is remembered. Of a TWAP order: by its slices."""
        if order_id.flags == TWAP:
            twap = self._state.twaps.get(ctx, order_id)
            return NO_FILLS if twap is None else FillState(twap.placed.quantums - twap.remaining_quantums, 0)
        return self._book.fills(ctx, order_id)

    def trades(self, ctx: Context, pair_id: int) -> TradeRange | None:
        """Between which prices a market traded in its last block with trades."""
        return self._state.trades.get(ctx, pair_id)

    def waiting_orders(self, ctx: Context, subaccount: SubaccountId) -> list[OrderId]:
        """A subaccount's conditional orders before their trigger, in all markets, oldest first."""
        return [order_id for _, order_id in self._state.waiting_of.group(ctx, subaccount)]

    def twap_orders(self, ctx: Context, subaccount: SubaccountId) -> list[OrderId]:
        """A subaccount's TWAP orders in all markets, oldest first."""
        return [order_id for _, order_id in self._state.twaps_of.group(ctx, subaccount)]

    def cancelled_until(self, ctx: Context, order_id: OrderId) -> int:
        """Up to which height placements of a short-term id fail because it was cancelled; 0: it was not, or that has passed."""
        return self._book.memory.look(ctx, order_id).cancelled_until

    def open_orders(self, ctx: Context, subaccount: SubaccountId) -> list[OrderId]:
        """A subaccount's resting orders in all markets, oldest first."""
        return [order_id for _, order_id in self._state.by_subaccount.group(ctx, subaccount)]

    def open_orders_in(self, ctx: Context, pair_id: int, subaccount: SubaccountId) -> Iterator[tuple[OrderId, RestingOrder]]:
        """A subaccount's resting orders in one market by id: one short scan, also of a committed version."""
        first = OrderId(pair_id, subaccount, 0, 0)
        return self._state.orders.items(ctx, self._state.orders.key_codec.encode(first)[:28])

    def waiting_in(self, ctx: Context, pair_id: int, subaccount: SubaccountId) -> Iterator[tuple[OrderId, RestingOrder]]:
        """A subaccount's conditional orders before their trigger in one market, by id: one short scan, as above."""
        first = OrderId(pair_id, subaccount, 0, 0)
        return self._state.waiting.items(ctx, self._state.waiting.key_codec.encode(first)[:28])

    def twaps_in(self, ctx: Context, pair_id: int, subaccount: SubaccountId) -> Iterator[tuple[OrderId, TwapOrder]]:
        """A subaccount's TWAP orders at work in one market, by id: one short scan, as above."""
        first = OrderId(pair_id, subaccount, 0, 0)
        return self._state.twaps.items(ctx, self._state.twaps.key_codec.encode(first)[:28])

    def book(self, ctx: Context, pair_id: int) -> Book:
        """A market's resting orders by price levels. Raises 8 when there is no such market."""
        return self._book.look(ctx, self._checks.pair(ctx, pair_id))

    def best_subticks(self, ctx: Context, pair_id: int, is_buy: bool) -> int | None:
        """The best price of one side; None when it is empty."""
        return self._book.best_subticks(ctx, pair_id, is_buy)

    # Judging without writing, for CheckTx

    def check_place(self, ctx: Context, command: PlaceOrder, *, room: bool = False) -> None:
        """Whether the placement would be accepted in this state. Raises its code.

        Needs point reads only; whether there is room for one more order is asked too where `room` says so, which needs views.
        """
        self._checks.placement(ctx, command, room=room)

    def check_cancel(self, ctx: Context, command: CancelOrder) -> None:
        """Whether the cancel is valid, the order known or not (its placement may be on the way). Raises its code."""
        self._checks.cancel(ctx, command)

    def check_batch_cancel(self, ctx: Context, command: BatchCancel) -> None:
        """Whether the batch cancel is valid. Raises 10 or 11."""
        check_block_window(ctx, command.good_til_block)

    # Orders

    def place(self, ctx: Context, command: PlaceOrder) -> None:
        """The order has matched what it crosses, and its rest lies on the book or has ended with a reason.

        A conditional order waits for its trigger; a TWAP order's first slice is due in the next block.
        Raises the code of the first rule that a placement breaks; then nothing has happened.
        """
        order = command.order
        order_id = order.id
        accepted = self._checks.placement(ctx, command)
        if order_id.flags == TWAP:
            self._twaps.place(ctx, command)
            return
        if order_id.flags == CONDITIONAL:
            self._conditionals.place(ctx, order)
            return
        if accepted.replaced is not None:
            self._book.take_off(ctx, order_id)
            ctx.emit(ORDER_REMOVED, order_id.text, Removal.REPLACED.name)
        self._entry.enter(ctx, order, accepted)

    def liquidate(self, ctx: Context, order: LiquidationOrder, price_fill: PriceFill) -> int:
        """Base quantums that an engine order has filled against the book, each at the maker's price. It never rests and never raises.

        The taker pays no trading fee; makers pay theirs but get no rebate. A market that is not ACTIVE fills nothing.
        """
        pair = self._state.pairs.get(ctx, order.clob_pair_id)
        if pair is None or pair.status != PairStatus.ACTIVE or self._perp.terms(ctx, pair.perpetual_id).price == 0:
            return 0
        quantums = round_down_to_multiple(order.quantums, pair.step_base_quantums)
        venue = BookVenue(ctx, self._tools, pair, order.subaccount, order.is_buy, price_fill=price_fill)
        taker = Taker(order.subaccount, order.is_buy, order.subticks, quantums)
        filled = take(taker, venue, self._state.params.require(ctx).max_fills_per_order)[0]
        if filled:
            self._state.touched.set(ctx, pair.perpetual_id, True)
        return filled

    def tell_deleverage(self, ctx: Context, fill: Fill) -> None:
        """The `match` event of a fill that no order made: the engine has closed two positions against each other, without fees.

        Reduce-only orders that this leaves without a position to reduce end.
        """
        taker, maker = fill.taker, fill.maker
        base, quote = (fill.quantums, -fill.quote) if fill.taker_buys else (-fill.quantums, fill.quote)
        names = (addresses.to_text(taker.owner), taker.number, addresses.to_text(maker.owner), maker.number)
        ctx.emit(MATCHED, *names, 0, 0, quote, -quote, base, -base, 0, False, True, fill.perpetual_id, *NO_EXTRAS)
        self._state.touched.set(ctx, fill.perpetual_id, True)
        pair = self.pair_of(ctx, fill.perpetual_id)
        if pair is not None:
            end_reduce_only(ctx, self._tools, pair, taker)
            end_reduce_only(ctx, self._tools, pair, maker)

    def cancel(self, ctx: Context, command: CancelOrder) -> None:
        """A short-term id's placements up to the cancel's good-til-block fail from now on, and an order of it up to there has left the
        book; whether there was one does not matter. A stateful order has left the book.

        `command.placed_later` is the executor's word that this cancel is of lane 1 and that a placement of its stateful id stands later
        in the block: that placement then fails with 3008, and the cancel succeeds even if no such order rests.
        Raises 8, 10, 11; for stateful ids 3003, 3004, 3006, 3010, 29; then nothing has happened.
        """
        self._checks.cancel(ctx, command)
        if command.id.flags == SHORT_TERM:
            self._cancel_short_term(ctx, command.id, command.good_til)
        else:
            self._cancel_stateful(ctx, command)

    def batch_cancel(self, ctx: Context, command: BatchCancel) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Every short-term id of a known market is cancelled; returns the batches of unknown ones. Raises 10 or 11."""
        check_block_window(ctx, command.good_til_block)
        failed = []
        for pair_id, client_ids in command.batches:
            if not self._state.pairs.has(ctx, pair_id):
                failed.append((pair_id, client_ids))
                continue
            for client_id in client_ids:
                self._cancel_short_term(ctx, OrderId(pair_id, command.subaccount, SHORT_TERM, client_id), command.good_til_block)
        return tuple(failed)

    # The block

    def begin_block(self, ctx: Context) -> tuple[Due, ...]:
        """Orders whose good-til is over have ended; blocks of which nothing need be remembered are forgotten.

        Returns what triggers in this block and which TWAP orders are due, for `run_due`; nothing of it has moved yet.
        """
        expiry = self._state.expiry
        for group, limit in ((BY_HEIGHT, ctx.height - 1), (BY_TIME, ctx.time_seconds)):
            while (found := expiry.first(ctx, group)) is not None and found[0][0] <= limit:
                self._book.take_off(ctx, found[1])
                ctx.emit(ORDER_EXPIRED, found[1].text)
        self._conditionals.expire(ctx)
        self._book.memory.forget(ctx)
        return self._engine.due(ctx)

    def run_due(self, ctx: Context, due: tuple[Due, ...]) -> None:
        """What is still there of it has entered its book, or has ended with a reason. It never raises."""
        self._engine.run(ctx, due)

    def end_market(self, ctx: Context, pair_id: int) -> None:
        """No order of the market is left: resting, waiting and TWAP orders have ended with reason FINAL_SETTLEMENT. Its mark is the index
        from the next block on.

        At any time of a block, also after its end step.
        """
        self._perp.mark.forget(ctx, self._checks.pair(ctx, pair_id).perpetual_id)
        self._engine.end_market(ctx, pair_id)
        self._book.memory.fold(ctx)

    def end_block(self, ctx: Context) -> None:
        """Funding knows each market's premium at the block's end, and the next block's mark its book; what the block remembers of ended
        orders is one value.

        A market that is not ACTIVE has premium 0 and shows no book; one without a fresh index price gives no sample.
        """
        for order_id in list(self._state.voided.keys(ctx)):
            self._state.voided.delete(ctx, order_id)
        self._book.memory.fold(ctx)
        orders_max = self._state.params.require(ctx).max_impact_orders
        for pair in self.pairs(ctx):
            index = self._perp.index_subticks(ctx, pair.perpetual_id, pair.quantum_conversion_exponent)
            if index[0] == 0:
                continue
            premium, prices, is_fresh = 0, None, not self._perp.standing(ctx, pair.perpetual_id)
            if pair.status == PairStatus.ACTIVE and is_fresh:
                notional = self._perp.tier(ctx, self._perp.require(ctx, pair.perpetual_id)).impact_notional
                prices = book_prices(ctx, self._book, self._checks, pair, notional, orders_max)
                premium = impact_premium(ctx, self._book, pair, prices, index)
            self._perp.mark.observe(ctx, pair.perpetual_id, prices, frozen=self._state.touched.has(ctx, pair.perpetual_id))
            if is_fresh:
                self._funding.add_premium(ctx, pair.perpetual_id, premium)
            else:
                self._funding.no_premium(ctx, pair.perpetual_id)
        for perpetual_id in list(self._state.touched.keys(ctx)):
            self._state.touched.delete(ctx, perpetual_id)

    # Inside

    def _cancel_short_term(self, ctx: Context, order_id: OrderId, good_til_block: int) -> None:
        resting = self._state.orders.get(ctx, order_id)
        removed = resting is not None and resting.good_til <= good_til_block
        if removed:
            self._book.take_off(ctx, order_id)
        self._book.memory.cancel(ctx, order_id, good_til_block)
        ctx.emit(ORDER_CANCELLED, order_id.text, good_til_block, removed)

    def _cancel_stateful(self, ctx: Context, command: CancelOrder) -> None:
        order_id = command.id
        placed = self.placed(ctx, order_id)
        if placed is None:
            if self._state.voided.get(ctx, order_id) == REMOVED:
                raise errors.CANCEL_OF_REMOVED(order_id.text)
            if not command.placed_later:
                raise errors.STATEFUL_MISSING(order_id.text)
        elif command.good_til < placed.good_til:
            raise errors.INVALID_STATEFUL_CANCEL(f"{command.good_til} is before {placed.good_til}")
        else:
            self._engine.cancel(ctx, order_id)
        if command.placed_later:
            self._state.voided.set(ctx, order_id, CANCELLED)
        ctx.emit(ORDER_CANCELLED, order_id.text, command.good_til, placed is not None)
