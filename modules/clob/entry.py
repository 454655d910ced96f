"""How an accepted order meets its book: it matches what it crosses, and its rest lies on the book or ends with a reason."""

from modules.clob import errors
from modules.clob.checks import Accepted
from modules.clob.events import ORDER_PLACED, ORDER_REMOVED
from modules.clob.formulas import filled_to
from modules.clob.matching import Ending, Taker, take
from modules.clob.model import SHORT_TERM, TWAP_SLICE, FillState, Order, Removal, TimeInForce
from modules.clob.state import REMOVED
from modules.clob.venue import BookVenue, Tools
from modules.kernel.context import Context
from modules.subaccounts.model import UpdateResult

_REASONS = {
    Ending.WOULD_CROSS: Removal.POST_ONLY_WOULD_CROSS_MAKER_ORDER,
    Ending.NOTHING_CROSSES: Removal.IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK,
    Ending.REDUCED: Removal.REDUCE_ONLY_RESIZE,
    Ending.LIMIT: Removal.FILL_LIMIT,
}
_FAILURES = (UpdateResult.NEWLY_UNDERCOLLATERALIZED, UpdateResult.STILL_UNDERCOLLATERALIZED)


class Entry:
    """The way onto a book."""

    __slots__ = ("_tools",)

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def enter(self, ctx: Context, order: Order, accepted: Accepted) -> Removal | None:
        """The order has traded what it could; None: it is filled or its rest lies on the book, else why its rest has ended.

        Raises 2005 when its subaccount may not trade the market; the caller undoes what had been written then.
        """
        rests = order.time_in_force != TimeInForce.IMMEDIATE_OR_CANCEL
        if rests and not self._crosses(ctx, order):
            self._rest(ctx, order, accepted.fills, 0)
            return None
        return self._match(ctx, order, accepted, rests=rests)

    def _crosses(self, ctx: Context, order: Order) -> bool:
        best = self._tools.book.best_subticks(ctx, order.id.clob_pair_id, not order.is_buy)
        if best is None:
            return False
        return best <= order.subticks if order.is_buy else best >= order.subticks

    def _rest(self, ctx: Context, order: Order, before: FillState, taken: int) -> None:
        filled = before.quantums + taken
        self._tools.book.rest(ctx, order, filled_to(before, order.id, order.good_til, filled) if filled else before)
        ctx.emit(ORDER_PLACED, order.id.text, order.is_buy, order.subticks, order.quantums, filled, order.good_til)

    def _match(self, ctx: Context, order: Order, accepted: Accepted, *, rests: bool) -> Removal | None:
        """The walk of a trader's order, and what becomes of its rest."""
        order_id, book = order.id, self._tools.book
        before = accepted.fills.quantums
        post_only = order.time_in_force == TimeInForce.POST_ONLY
        subaccount = order_id.subaccount
        venue = BookVenue(ctx, self._tools, accepted.pair, subaccount, order.is_buy, order=order, filled=before, trial=post_only)
        taker = Taker(subaccount, order.is_buy, order.subticks, order.quantums - before, post_only, accepted.reducible)
        taken, ending = take(taker, venue, self._tools.state.params.require(ctx).max_fills_per_order)
        if venue.result == UpdateResult.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS:
            raise errors.VIOLATES_ISOLATED(f"perpetual {accepted.pair.perpetual_id}")
        if taken and order_id.flags == TWAP_SLICE:
            book.reduce_twap(ctx, order_id, taken)
        if rests and ending is Ending.NOTHING_CROSSES and not venue.passed_over:
            self._rest(ctx, order, accepted.fills, taken)
            return None
        if taken and order_id.flags == SHORT_TERM:
            book.memory.end(ctx, order_id, filled_to(accepted.fills, order_id, order.good_til, before + taken))
        if ending is Ending.FILLED:
            return None
        if order_id.flags != SHORT_TERM:
            self._tools.state.voided.set(ctx, order_id, REMOVED)
        reason = _reason(ending, venue)
        ctx.emit(ORDER_REMOVED, order_id.text, reason.name)
        return reason


def _reason(ending: Ending, venue: BookVenue) -> Removal:
    if ending is Ending.TAKER_FAILED:
        if venue.result == UpdateResult.PRICE_NOT_FRESH:
            return Removal.PRICE_NOT_FRESH
        return Removal.UNDERCOLLATERALIZED if venue.result in _FAILURES else Removal.INTERNAL_ERROR
    if ending is Ending.NOTHING_CROSSES and venue.passed_over:
        # It crosses whom it may not trade with: resting, it would leave the book crossed.
        return Removal.PRICE_NOT_FRESH
    return _REASONS[ending]
