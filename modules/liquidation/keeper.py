"""Liquidation: in every block, who is below maintenance is closed against the book, then against the other side, worst first."""

from dataclasses import dataclass
from functools import cmp_to_key
from heapq import heapify, heappop
from typing import NamedTuple

from modules.clob.keeper import ClobKeeper
from modules.clob.model import ClobPair, LiquidationOrder
from modules.insurance.keeper import InsuranceKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.intmath import round_down_to_multiple
from modules.kernel.units import SubaccountId
from modules.liquidation import formulas
from modules.liquidation.deleveraging import Deleveraging
from modules.liquidation.events import LIQUIDATED
from modules.liquidation.model import LiquidationParams
from modules.liquidation.settlement import Settlement, is_ending
from modules.liquidation.state import LiquidationState
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Risk


@dataclass(slots=True)
class _Spent:
    """What one subaccount has used of its limits in this block, quote quantums."""

    notional: int = 0
    lost: int = 0


class _Outcome(NamedTuple):
    """How an offer to the book ended."""

    filled: bool
    finished: bool
    """Book and fund can take no more of the position, whatever the limits: what remains of a negative worth is for the other side."""


_NOTHING_MORE = _Outcome(filled=False, finished=True)


class _Unfinished(NamedTuple):
    """With what book and fund are not finished, because a limit of this block has stopped them."""

    subaccounts: set[SubaccountId]
    """Nothing of theirs, or not everything, has been offered."""
    places: set[tuple[SubaccountId, int]]
    """(subaccount, perpetual id) of positions."""


_BY_RISK = cmp_to_key(formulas.riskier)


class LiquidationKeeper:
    """Finds and closes; deterministic, and without an effect of anyone's choice. No state is kept between blocks."""

    def __init__(
        self, state: LiquidationState, perp: PerpKeeper, subaccounts: SubaccountsKeeper, insurance: InsuranceKeeper, clob: ClobKeeper
    ) -> None:
        self._state = state
        self._perp = perp
        self._subaccounts = subaccounts
        self._insurance = insurance
        self._clob = clob

    def params(self, ctx: Context) -> LiquidationParams:
        return self._state.params.require(ctx)

    def run(self, ctx: Context) -> None:
        """The engine's step: who is below maintenance has been offered to the book and, if of negative worth, to the other side; markets
        in final settlement have been closed as far as one block may.

        A loss that nobody takes stays visible as a subaccount of negative worth, and is reported to `subaccounts`. Raises nothing,
        whatever the state.
        """
        candidates = self._subaccounts.below_maintenance(ctx)
        ending = [pair for pair in self._clob.pairs(ctx) if is_ending(ctx, self._perp, pair.perpetual_id, pair.status)]
        if not candidates and not ending:
            return
        params = self.params(ctx)
        unfinished = self._offer_to_book(ctx, params, candidates)
        # A fill never lowers net collateral per requirement (LIQ-6): who was not of negative worth before the book is not now.
        negative = [key for key, risk in candidates if risk.net_collateral < 0]
        untried = self._deleverage(ctx, params, negative, unfinished) if negative else set()
        settlement = Settlement(self._perp, self._subaccounts, self._clob, params.max_settled_pairs_per_block)
        for pair in ending:
            if pair.perpetual_id not in untried:
                settlement.settle(ctx, pair.perpetual_id)
        for key in negative:
            if self._subaccounts.risk(ctx, key).net_collateral < 0:
                self._subaccounts.saw_negative(ctx, key)

    def _offer_to_book(self, ctx: Context, params: LiquidationParams, candidates: list[formulas.Candidate]) -> _Unfinished:
        """Every candidate has been offered to the book, worst first, each with its largest requirement first, and judged again before each
        of its orders, until the block has made as many orders as it may.
        """
        queue = [(_BY_RISK(candidate), candidate[0]) for candidate in candidates]
        heapify(queue)
        unfinished = _Unfinished(set(), set())
        orders = 0
        while queue:
            subaccount = heappop(queue)[1]
            spent = _Spent()
            for perpetual_id in self._by_requirement(ctx, subaccount):
                if orders == params.max_orders_per_block:
                    unfinished.subaccounts.add(subaccount)
                    unfinished.subaccounts.update([key for _, key in queue])
                    return unfinished
                outcome = self._close(ctx, params, subaccount, perpetual_id, spent)
                orders += outcome.filled
                if not outcome.finished:
                    unfinished.places.add((subaccount, perpetual_id))
        return unfinished

    def _deleverage(self, ctx: Context, params: LiquidationParams, negative: list[SubaccountId], unfinished: _Unfinished) -> set[int]:
        """What book and fund are finished with has been offered to the other side, worst subaccount first, if its worth is negative.

        Returns the perpetuals of positions that this block's limit has left for the next one. When there are more than the limit, blocks
        begin at different ones, so that those which nobody can take do not keep others waiting.
        """
        deleveraging = Deleveraging(self._perp, self._subaccounts, self._clob, params)
        offered = [(key, self._subaccounts.risk(ctx, key)) for key in negative if key not in unfinished.subaccounts]
        places = [
            (key, perpetual_id)
            for key, risk in sorted(offered, key=_BY_RISK)
            if risk.net_collateral < 0
            for perpetual_id in self._by_requirement(ctx, key, required_only=False)
            if (key, perpetual_id) not in unfinished.places and deleveraging.is_open(ctx, perpetual_id)
        ]
        limit = params.max_deleveraged_positions_per_block
        start = ctx.height * limit % len(places) if len(places) > limit else 0
        places = places[start:] + places[:start]
        for key, perpetual_id in places[:limit]:
            deleveraging.close(ctx, key, perpetual_id)
        return {perpetual_id for _, perpetual_id in places[limit:]}

    def _by_requirement(self, ctx: Context, subaccount: SubaccountId, *, required_only: bool = True) -> list[int]:
        """The perpetuals of its positions, largest maintenance requirement first; those that require nothing are not for the book.

        Positions in markets whose price is not fresh are left alone: they count at their last price, and wait for the next.
        """
        rows = []
        for perpetual_id, quantums, *_ in self._subaccounts.get(ctx, subaccount).rows:
            if self._perp.standing(ctx, perpetual_id):
                continue
            required = self._perp.margin(ctx, perpetual_id, quantums).maintenance
            if required or not required_only:
                rows.append((-required, perpetual_id))
        return [perpetual_id for _, perpetual_id in sorted(rows)]

    def _close(self, ctx: Context, params: LiquidationParams, subaccount: SubaccountId, perpetual_id: int, spent: _Spent) -> _Outcome:
        """One engine order in a frame of its own, if the subaccount is still liquidatable."""
        risk = self._subaccounts.liquidatable(ctx, subaccount)
        pair = self._clob.pair_of(ctx, perpetual_id)
        if risk is None or pair is None:
            return _NOTHING_MORE
        if spent.notional >= params.max_notional_liquidated:
            return _Outcome(filled=False, finished=False)
        order = self._order(ctx, params, subaccount, pair, risk, spent)
        pricing = _Pricing(self._perp, self._subaccounts, self._insurance, params, order, perpetual_id, spent)
        mark = ctx.mark()
        try:
            filled = self._clob.liquidate(ctx, order, pricing.price_fill)
        except ChainError:
            ctx.undo(mark)
            return _NOTHING_MORE
        if not filled:
            return _NOTHING_MORE
        pricing.book_pending(ctx)
        ctx.emit(
            LIQUIDATED,
            addresses.to_text(subaccount.owner),
            subaccount.number,
            perpetual_id,
            order.is_buy,
            order.quantums,
            filled,
            order.subticks,
            pricing.paid_to_fund,
            pricing.paid_by_fund,
        )
        # An order that was filled wholly, or that a limit of this block has cut, goes on in the next one.
        wanted = round_down_to_multiple(order.quantums, pair.step_base_quantums)
        return _Outcome(filled=True, finished=filled < wanted and not pricing.is_limited)

    def _order(
        self, ctx: Context, params: LiquidationParams, subaccount: SubaccountId, pair: ClobPair, risk: Risk, spent: _Spent
    ) -> LiquidationOrder:
        quantums = self._subaccounts.position(ctx, subaccount, pair.perpetual_id)
        terms = self._perp.terms(ctx, pair.perpetual_id)
        size = formulas.size(
            terms,
            quantums,
            pair.step_base_quantums,
            params.min_position_notional_liquidated,
            params.max_position_portion_liquidated_ppm,
            params.max_notional_liquidated - spent.notional,
        )
        price = formulas.fillable_price(
            risk,
            self._perp.margin(ctx, pair.perpetual_id, quantums),
            quantums,
            params.bankruptcy_adjustment_ppm,
            params.spread_to_maintenance_margin_ratio_ppm,
        )
        is_buy = quantums < 0
        subticks = formulas.limit_subticks(price, pair.quantum_conversion_exponent, pair.subticks_per_tick, is_buy=is_buy)
        return LiquidationOrder(subaccount, pair.id, is_buy, size, subticks)


class _Pricing:
    """What each fill of one engine order pays into the insurance fund or takes from it, and whether limits allow it."""

    __slots__ = (
        "_insurance",
        "_order",
        "_params",
        "_pending",
        "_perp",
        "_perpetual_id",
        "_spent",
        "_subaccounts",
        "is_limited",
        "paid_by_fund",
        "paid_to_fund",
    )

    def __init__(
        self,
        perp: PerpKeeper,
        subaccounts: SubaccountsKeeper,
        insurance: InsuranceKeeper,
        params: LiquidationParams,
        order: LiquidationOrder,
        perpetual_id: int,
        spent: _Spent,
    ) -> None:
        self._perp = perp
        self._subaccounts = subaccounts
        self._insurance = insurance
        self._params = params
        self._order = order
        self._perpetual_id = perpetual_id
        self._spent = spent
        self._pending: tuple[int, int, int] | None = None
        """(position before, notional, delta) of a fill that was priced, and may have happened since."""
        self.paid_to_fund = 0
        self.paid_by_fund = 0
        self.is_limited = False
        """Whether a limit of this block has refused a fill."""

    def price_fill(self, ctx: Context, quantums: int, quote: int) -> int | None:
        """The insurance delta of this fill in the present state; None when a limit or the fund's balance forbids it (1011, 1012, 1013)."""
        self.book_pending(ctx)
        perpetual_id, params, spent = self._perpetual_id, self._params, self._spent
        risk = self._subaccounts.risk(ctx, self._order.subaccount)
        if risk.maintenance == 0:
            return None
        held = self._subaccounts.position(ctx, self._order.subaccount, perpetual_id)
        delta = quantums if self._order.is_buy else -quantums
        before = self._perp.margin(ctx, perpetual_id, held)
        after = self._perp.margin(ctx, perpetual_id, held + delta)
        signed_quote = -quote if self._order.is_buy else quote
        bankruptcy = formulas.bankruptcy_quote(risk, before, after)
        insurance_delta = formulas.insurance_delta(signed_quote, bankruptcy, params.max_liquidation_fee_ppm)
        if insurance_delta < 0 and self._insurance.balance(ctx, self._perp.require(ctx, perpetual_id)) + insurance_delta < 0:
            return None
        notional = self._perp.notional(ctx, perpetual_id, quantums)
        beyond_notional = spent.notional + notional > params.max_notional_liquidated
        if beyond_notional or (insurance_delta < 0 and spent.lost - insurance_delta > params.max_quantums_insurance_lost):
            self.is_limited = True
            return None
        self._pending = (held, notional, insurance_delta)
        return insurance_delta

    def book_pending(self, ctx: Context) -> None:
        """The last priced fill counts against the limits if the position has changed since, that is if it happened."""
        if self._pending is None:
            return
        held, notional, insurance_delta = self._pending
        self._pending = None
        if self._subaccounts.position(ctx, self._order.subaccount, self._perpetual_id) == held:
            return
        self._spent.notional += notional
        if insurance_delta < 0:
            self._spent.lost -= insurance_delta
            self.paid_by_fund -= insurance_delta
        else:
            self.paid_to_fund += insurance_delta
