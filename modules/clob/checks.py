"""What an order must satisfy against state before it may match. Point reads only, so the same checks serve CheckTx.

The order of the checks is the reference's (tables 2.4, 2.5, 2.7 of its specification), so that of several mistakes the same one is told.
"""

from typing import NamedTuple

from modules.bank.keeper import BankKeeper
from modules.clob import errors, formulas
from modules.clob.book import OrderBook
from modules.clob.limits import Limits
from modules.clob.model import (
    CONDITIONAL,
    NO_FILLS,
    SHORT_BLOCK_WINDOW,
    SHORT_TERM,
    STATEFUL_TIME_WINDOW_SECONDS,
    TWAP,
    CancelOrder,
    ClobPair,
    Extras,
    FillState,
    Order,
    OrderId,
    PairStatus,
    PlaceOrder,
    RestingOrder,
    TimeInForce,
)
from modules.clob.state import CANCELLED, ClobState
from modules.fees.keeper import FeesKeeper
from modules.kernel.context import Context
from modules.kernel.intmath import ppm_ceil, round_down_to_multiple
from modules.kernel.units import SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import UpdateResult

_ISOLATION = UpdateResult.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS


class Accepted(NamedTuple):
    """An order that may match, with what the checks have read."""

    pair: ClobPair
    fills: FillState
    """Of earlier placements of the id."""
    replaced: RestingOrder | None
    reducible: int | None
    """Base quantums that a reduce-only order may fill at most; None: not reduce-only."""


class Checks:
    """Judges placements and cancels."""

    def __init__(
        self,
        state: ClobState,
        book: OrderBook,
        perp: PerpKeeper,
        subaccounts: SubaccountsKeeper,
        fees: FeesKeeper,
        bank: BankKeeper,
        limits: Limits,
    ) -> None:
        self._bank = bank
        self._limits = limits
        self._state = state
        self._book = book
        self._perp = perp
        self._subaccounts = subaccounts
        self._fees = fees

    def pair(self, ctx: Context, pair_id: int) -> ClobPair:
        """The market. Raises 8."""
        found = self._state.pairs.get(ctx, pair_id)
        if found is None:
            raise errors.UNKNOWN_PAIR(f"clob pair {pair_id}")
        return found

    def placement(self, ctx: Context, command: PlaceOrder, *, room: bool = True) -> Accepted:
        """The order may match, or wait for its trigger, or be sliced. Raises the code of the first rule that it breaks.

        Whether there is room for one more order is left out where `room` says so: that needs views, all else point reads only.
        """
        order = command.order
        short_term = order.id.flags == SHORT_TERM
        if not short_term:
            self._not_ended_in_block(ctx, order)
        pair = self.pair(ctx, order.id.clob_pair_id)
        if order.subticks % pair.subticks_per_tick:
            raise errors.INVALID_ORDER(f"subticks {order.subticks} is not a multiple of subticks_per_tick {pair.subticks_per_tick}")
        if order.quantums % pair.step_base_quantums:
            raise errors.INVALID_ORDER(f"quantums {order.quantums} is not a multiple of step_base_quantums {pair.step_base_quantums}")
        if pair.status != PairStatus.ACTIVE and not formulas.status_allows(pair.status, order, self._index_subticks(ctx, pair)):
            raise errors.PAIR_STATUS(f"clob pair {pair.id} is {PairStatus(pair.status).name}")
        if self._perp.terms(ctx, pair.perpetual_id).price == 0:
            raise errors.NO_PRICE(f"clob pair {pair.id}")
        if short_term:
            check_block_window(ctx, order.good_til)
        else:
            check_time_window(ctx, order.good_til)
            if self._exists(ctx, order.id):
                raise errors.STATEFUL_EXISTS(order.id.text)
            _fits_kind(command, pair)
            if room:
                self._limits.require_room(ctx, order.id.subaccount, short_term=False)
        if order.extras is not None:
            self._extras(ctx, order.extras)
        if short_term:
            accepted = self._short_term(ctx, pair, order)
            if room and accepted.replaced is None and order.time_in_force != TimeInForce.IMMEDIATE_OR_CANCEL:
                self._limits.require_room(ctx, order.id.subaccount, short_term=True)
            return accepted
        self._price_allows(ctx, pair, order, 0)
        if order.id.flags != CONDITIONAL:
            self.collateral(ctx, pair, order)
        return Accepted(pair, NO_FILLS, None, None)

    def triggered(self, ctx: Context, order: Order) -> Accepted:
        """A conditional order may match now (table 2.5). Raises 2001."""
        pair = self.pair(ctx, order.id.clob_pair_id)
        return Accepted(pair, NO_FILLS, None, self._reducible(ctx, pair, order) if order.reduce_only else None)

    def slice(self, ctx: Context, pair: ClobPair, order: Order) -> Accepted:
        """A slice of a TWAP order may match now. Raises 24, 3007, 2005 or 2001."""
        if order.quantums < pair.step_base_quantums:
            raise errors.FULLY_FILLED(f"{order.id.text}: less than one step is left")
        self.collateral(ctx, pair, order)
        return Accepted(pair, NO_FILLS, None, self._reducible(ctx, pair, order) if order.reduce_only else None)

    def collateral(self, ctx: Context, pair: ClobPair, order: Order) -> None:
        """The subaccount could carry the order if all of it filled as a maker at its own price, or at floor(index) if it has none.

        Raises 3007, or 2005 for isolated markets.
        """
        subticks = order.subticks or self._index_subticks(ctx, pair)
        result = self.as_maker(ctx, pair, order.id.subaccount, order.is_buy, order.quantums, subticks, order.extras)
        if result == _ISOLATION:
            raise errors.VIOLATES_ISOLATED(f"perpetual {pair.perpetual_id}")
        if result:
            raise errors.COLLATERAL_CHECK(result.text)

    def as_maker(
        self,
        ctx: Context,
        pair: ClobPair,
        subaccount: SubaccountId,
        is_buy: bool,
        quantums: int,
        subticks: int,
        extras: Extras | None = None,
    ) -> UpdateResult:
        """How the subaccount would be judged if the size filled now at that price with the maker's fee and its builder's."""
        quote = formulas.quote_of(subticks, quantums, pair.quantum_conversion_exponent)
        fee = ppm_ceil(quote, self._fees.rates(ctx, subaccount.owner, pair.id)[1])
        if extras is not None:
            fee += formulas.builder_fee(quote, extras.builder_fee_ppm)
        base_delta, quote_delta = (quantums, -quote - fee) if is_buy else (-quantums, quote - fee)
        return self._subaccounts.would_collateralise(ctx, subaccount, pair.perpetual_id, base_delta, quote_delta)

    def cancel(self, ctx: Context, command: CancelOrder) -> None:
        """The cancel's market and window hold, which is all that can be said before its block. Raises 8, 10, 11, 3003 or 3004."""
        if command.id.flags == SHORT_TERM:
            self.pair(ctx, command.id.clob_pair_id)
            check_block_window(ctx, command.good_til)
        else:
            check_time_window(ctx, command.good_til)

    def _not_ended_in_block(self, ctx: Context, order: Order) -> None:
        voided = self._state.voided.get(ctx, order.id)
        if voided is not None:
            raise (errors.PREVIOUSLY_CANCELLED if voided == CANCELLED else errors.PREVIOUSLY_REMOVED)(order.id.text)

    def _exists(self, ctx: Context, order_id: OrderId) -> bool:
        state = self._state
        if order_id.flags == TWAP:
            return state.twaps.has(ctx, order_id)
        return state.orders.has(ctx, order_id) or (order_id.flags == CONDITIONAL and state.waiting.has(ctx, order_id))

    def _extras(self, ctx: Context, extras: Extras) -> None:
        """Who is to be paid can be paid. Raises revshare 8 and 50."""
        if extras.router and self._fees.router_share(ctx, extras.router) is None:
            raise errors.UNKNOWN_ROUTER("order_router_address")
        if extras.builder and self._bank.is_blocked(ctx, extras.builder):
            raise errors.INVALID_BUILDER_CODE("the builder is a module account, which takes no payments")

    def _index_subticks(self, ctx: Context, pair: ClobPair) -> int:
        return formulas.floor_subticks(self._perp.index_subticks(ctx, pair.perpetual_id, pair.quantum_conversion_exponent))

    def _short_term(self, ctx: Context, pair: ClobPair, order: Order) -> Accepted:
        """The id's history allows the placement (table 2.5)."""
        order_id = order.id
        cancelled_until, fills = self._book.memory.look(ctx, order_id)
        if cancelled_until >= order.good_til:
            raise errors.ORDER_IS_CANCELED(f"{order_id.text} up to block {cancelled_until}")
        resting = self._state.orders.get(ctx, order_id)
        if resting is not None:
            # A block takes expired orders off when it begins; CheckTx for the next block looks at the state before that.
            if resting.good_til >= ctx.height and not formulas.replaces(order, resting):
                raise errors.INVALID_REPLACEMENT(order_id.text)
            fills = self._state.fills.get(ctx, order_id) or NO_FILLS
        if order.quantums - fills.quantums < pair.step_base_quantums:
            raise errors.FULLY_FILLED(f"{order_id.text}: {fills.quantums} of {order.quantums}")
        self._price_allows(ctx, pair, order, fills.quantums)
        if order.time_in_force != TimeInForce.IMMEDIATE_OR_CANCEL:
            return Accepted(pair, fills, resting, None)
        reducible = self._reducible(ctx, pair, order) if order.reduce_only else None
        if fills.quantums:
            raise errors.IOC_ALREADY_FILLED(order_id.text)
        return Accepted(pair, fills, resting, reducible)

    def _price_allows(self, ctx: Context, pair: ClobPair, order: Order, filled: int) -> None:
        """The market's price is fresh, or what is left of the order can only reduce its owner's position. Raises oracle 101."""
        standing = self._perp.standing(ctx, pair.perpetual_id)
        if not standing:
            return
        position = self._subaccounts.position(ctx, order.id.subaccount, pair.perpetual_id)
        reduces = position < 0 if order.is_buy else position > 0
        if not reduces or not (order.reduce_only or order.quantums - filled <= abs(position)):
            raise errors.PRICE_NOT_FRESH(f"the price of clob pair {pair.id} is {standing.name}, the position is {position}")

    def _reducible(self, ctx: Context, pair: ClobPair, order: Order) -> int:
        """Base quantums until the position is closed. Raises 2001 when the order would not reduce it."""
        position = self._subaccounts.position(ctx, order.id.subaccount, pair.perpetual_id)
        reducible = round_down_to_multiple(abs(position), pair.step_base_quantums)
        if reducible == 0 or (position > 0) == order.is_buy:
            raise errors.REDUCE_ONLY_WOULD_INCREASE(f"the position is {position}")
        return reducible


def _fits_kind(command: PlaceOrder, pair: ClobPair) -> None:
    """The trigger is in whole ticks, a slice at least a step (table 2.4 rows 10t and 11). Raises 12."""
    extras = command.order.extras
    if extras is not None and extras.trigger_subticks % pair.subticks_per_tick:
        raise errors.INVALID_ORDER(
            f"trigger subticks {extras.trigger_subticks} is not a multiple of subticks_per_tick {pair.subticks_per_tick}"
        )
    twap = command.twap
    if twap is not None and command.order.quantums < twap.legs * pair.step_base_quantums:
        raise errors.INVALID_ORDER(
            f"quantums {command.order.quantums} in {twap.legs} slices are less than step_base_quantums {pair.step_base_quantums} each"
        )


def check_block_window(ctx: Context, good_til_block: int) -> None:
    """The height is this block's or one of the 40 after it. Raises 10 or 11."""
    if good_til_block < ctx.height:
        raise errors.HEIGHT_EXCEEDS_GOOD_TIL_BLOCK(f"good_til_block {good_til_block}, height {ctx.height}")
    if good_til_block > ctx.height + SHORT_BLOCK_WINDOW:
        raise errors.GOOD_TIL_BLOCK_TOO_FAR(f"good_til_block {good_til_block}, height {ctx.height}")


def check_time_window(ctx: Context, good_til_seconds: int) -> None:
    """The time is after this block's and at most 95 days after it. Raises 3003 or 3004."""
    now = ctx.time_seconds
    if good_til_seconds <= now:
        raise errors.TIME_EXCEEDS_GOOD_TIL_TIME(f"good_til_block_time {good_til_seconds}, block time {now}")
    if good_til_seconds > now + STATEFUL_TIME_WINDOW_SECONDS:
        raise errors.GOOD_TIL_TIME_TOO_FAR(f"good_til_block_time {good_til_seconds}, block time {now}")
