"""The verbs of the order books: place, cancel, match engine orders, and what each block's begin and end do."""

from collections.abc import Iterator

from modules.clob import errors
from modules.clob.book import OrderBook
from modules.clob.checks import Accepted, Checks, check_block_window
from modules.clob.events import MATCHED, NO_EXTRAS, ORDER_CANCELLED, ORDER_EXPIRED, ORDER_PLACED, ORDER_REMOVED
from modules.clob.formulas import filled_to
from modules.clob.matching import Ending, Taker, take
from modules.clob.model import (
    SHORT_TERM,
    BatchCancel,
    Book,
    CancelOrder,
    ClobPair,
    ClobParams,
    FillState,
    LiquidationOrder,
    Order,
    OrderId,
    PairStatus,
    PlaceOrder,
    Removal,
    RestingOrder,
    TimeInForce,
)
from modules.clob.premium import impact_premium
from modules.clob.state import BY_HEIGHT, BY_TIME, CANCELLED, REMOVED, ClobState
from modules.clob.venue import BookVenue, PriceFill, Tools
from modules.fees.keeper import FeesKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.intmath import round_down_to_multiple
from modules.kernel.units import SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Fill, UpdateResult

_REASONS = {
    Ending.WOULD_CROSS: Removal.POST_ONLY_WOULD_CROSS_MAKER_ORDER,
    Ending.NOTHING_CROSSES: Removal.IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK,
    Ending.REDUCED: Removal.REDUCE_ONLY_RESIZE,
    Ending.LIMIT: Removal.FILL_LIMIT,
}
_FAILURES = (UpdateResult.NEWLY_UNDERCOLLATERALIZED, UpdateResult.STILL_UNDERCOLLATERALIZED)


class ClobKeeper:
    """Markets, resting orders, and matching. The books are state: whatever is asked of them has one answer per height."""

    def __init__(
        self, state: ClobState, perp: PerpKeeper, funding: FundingKeeper, subaccounts: SubaccountsKeeper, fees: FeesKeeper
    ) -> None:
        self._state = state
        self._perp = perp
        self._funding = funding
        self._book = OrderBook(state)
        self._checks = Checks(state, self._book, perp, subaccounts, fees)
        self._tools = Tools(state, self._book, subaccounts, fees)

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

    def fills(self, ctx: Context, order_id: OrderId) -> FillState:
        """How much of an order id is filled, as far as it is remembered."""
        return self._book.fills(ctx, order_id)

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

    def book(self, ctx: Context, pair_id: int) -> Book:
        """A market's resting orders by price levels. Raises 8 when there is no such market."""
        return self._book.look(ctx, self._checks.pair(ctx, pair_id))

    def best_subticks(self, ctx: Context, pair_id: int, is_buy: bool) -> int | None:
        """The best price of one side; None when it is empty."""
        return self._book.best_subticks(ctx, pair_id, is_buy)

    # Judging without writing, for CheckTx

    def check_place(self, ctx: Context, command: PlaceOrder) -> None:
        """Whether the placement would be accepted in this state. Raises its code. Needs point reads only."""
        self._checks.placement(ctx, command)

    def check_cancel(self, ctx: Context, command: CancelOrder) -> None:
        """Whether the cancel is valid, the order known or not (its placement may be on the way). Raises its code."""
        self._checks.cancel(ctx, command)

    def check_batch_cancel(self, ctx: Context, command: BatchCancel) -> None:
        """Whether the batch cancel is valid. Raises 10 or 11."""
        check_block_window(ctx, command.good_til_block)

    # Orders

    def place(self, ctx: Context, command: PlaceOrder) -> None:
        """The order has matched what it crosses, and its rest lies on the book or has ended with a reason.

        Raises the code of the first rule that a placement breaks; then nothing has happened.
        """
        order = command.order
        accepted = self._checks.placement(ctx, command)
        params = self._state.params.require(ctx)
        rests = order.time_in_force != TimeInForce.IMMEDIATE_OR_CANCEL
        if params.max_open_orders and rests and accepted.replaced is None:
            self._require_room(ctx, order.id.subaccount, params.max_open_orders)
        if accepted.replaced is not None:
            self._book.take_off(ctx, order.id)
            ctx.emit(ORDER_REMOVED, order.id.text, Removal.REPLACED.name)
        if rests and not self._crosses(ctx, order):
            self._rest(ctx, order, accepted.fills, 0)
            return
        self._match(ctx, order, accepted, params.max_fills_per_order, rests=rests)

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
        return take(taker, venue, self._state.params.require(ctx).max_fills_per_order)[0]

    def tell_deleverage(self, ctx: Context, fill: Fill) -> None:
        """The `match` event of a fill that no order made: the engine has closed two positions against each other, without fees."""
        taker, maker = fill.taker, fill.maker
        base, quote = (fill.quantums, -fill.quote) if fill.taker_buys else (-fill.quantums, fill.quote)
        names = (addresses.to_text(taker.owner), taker.number, addresses.to_text(maker.owner), maker.number)
        ctx.emit(MATCHED, *names, 0, 0, quote, -quote, base, -base, 0, False, True, fill.perpetual_id, *NO_EXTRAS)

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

    def begin_block(self, ctx: Context) -> None:
        """Orders whose good-til is over have left the books; blocks of which nothing need be remembered are forgotten."""
        expiry = self._state.expiry
        for group, limit in ((BY_HEIGHT, ctx.height - 1), (BY_TIME, ctx.time_seconds)):
            while (found := expiry.first(ctx, group)) is not None and found[0][0] <= limit:
                self._book.take_off(ctx, found[1])
                ctx.emit(ORDER_EXPIRED, found[1].text)
        self._book.memory.forget(ctx)

    def end_block(self, ctx: Context) -> None:
        """Funding knows each market's premium at the block's end; what the block remembers of ended orders is one value.

        A market that is not ACTIVE has premium 0; one without an index price gives no sample.
        """
        for order_id in list(self._state.voided.keys(ctx)):
            self._state.voided.delete(ctx, order_id)
        self._book.memory.fold(ctx)
        orders_max = self._state.params.require(ctx).max_impact_orders
        for pair in self.pairs(ctx):
            index = self._perp.index_subticks(ctx, pair.perpetual_id, pair.quantum_conversion_exponent)
            if index[0] == 0:
                continue
            premium = 0
            if pair.status == PairStatus.ACTIVE:
                notional = self._perp.tier(ctx, self._perp.require(ctx, pair.perpetual_id)).impact_notional
                premium = impact_premium(ctx, self._book, self._checks, pair, index, notional, orders_max)
            self._funding.add_premium(ctx, pair.perpetual_id, premium)

    # Inside

    def _require_room(self, ctx: Context, subaccount: SubaccountId, limit: int) -> None:
        if len(self._state.by_subaccount.group(ctx, subaccount)) >= limit:
            raise errors.TOO_MANY_OPEN_ORDERS(f"limit {limit}")

    def _crosses(self, ctx: Context, order: Order) -> bool:
        best = self._book.best_subticks(ctx, order.id.clob_pair_id, not order.is_buy)
        if best is None:
            return False
        return best <= order.subticks if order.is_buy else best >= order.subticks

    def _rest(self, ctx: Context, order: Order, before: FillState, taken: int) -> None:
        filled = before.quantums + taken
        self._book.rest(ctx, order, filled_to(before, order.id, order.good_til, filled) if filled else before)
        ctx.emit(ORDER_PLACED, order.id.text, order.is_buy, order.subticks, order.quantums, filled, order.good_til)

    def _match(self, ctx: Context, order: Order, accepted: Accepted, makers_max: int, *, rests: bool) -> None:
        """The walk of a trader's order, and what becomes of its rest."""
        before = accepted.fills.quantums
        post_only = order.time_in_force == TimeInForce.POST_ONLY
        subaccount = order.id.subaccount
        venue = BookVenue(ctx, self._tools, accepted.pair, subaccount, order.is_buy, order_id=order.id, filled=before, trial=post_only)
        taker = Taker(subaccount, order.is_buy, order.subticks, order.quantums - before, post_only, accepted.reducible)
        taken, ending = take(taker, venue, makers_max)
        if venue.result == UpdateResult.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS:
            raise errors.VIOLATES_ISOLATED(f"perpetual {accepted.pair.perpetual_id}")
        if rests and ending is Ending.NOTHING_CROSSES:
            self._rest(ctx, order, accepted.fills, taken)
            return
        if taken and order.id.flags == SHORT_TERM:
            self._book.memory.end(ctx, order.id, filled_to(accepted.fills, order.id, order.good_til, before + taken))
        if ending is not Ending.FILLED:
            ctx.emit(ORDER_REMOVED, order.id.text, _reason(ending, venue.result).name)

    def _cancel_short_term(self, ctx: Context, order_id: OrderId, good_til_block: int) -> None:
        resting = self._state.orders.get(ctx, order_id)
        removed = resting is not None and resting.good_til <= good_til_block
        if removed:
            self._book.take_off(ctx, order_id)
        self._book.memory.cancel(ctx, order_id, good_til_block)
        ctx.emit(ORDER_CANCELLED, order_id.text, good_til_block, removed)

    def _cancel_stateful(self, ctx: Context, command: CancelOrder) -> None:
        order_id = command.id
        resting = self._state.orders.get(ctx, order_id)
        if resting is None:
            if self._state.voided.get(ctx, order_id) == REMOVED:
                raise errors.CANCEL_OF_REMOVED(order_id.text)
            if not command.placed_later:
                raise errors.STATEFUL_MISSING(order_id.text)
        elif command.good_til < resting.good_til:
            raise errors.INVALID_STATEFUL_CANCEL(f"{command.good_til} is before {resting.good_til}")
        else:
            self._book.take_off(ctx, order_id)
        if command.placed_later:
            self._state.voided.set(ctx, order_id, CANCELLED)
        ctx.emit(ORDER_CANCELLED, order_id.text, command.good_til, resting is not None)


def _reason(ending: Ending, result: UpdateResult) -> Removal:
    if ending is Ending.TAKER_FAILED:
        return Removal.UNDERCOLLATERALIZED if result in _FAILURES else Removal.INTERNAL_ERROR
    return _REASONS[ending]
