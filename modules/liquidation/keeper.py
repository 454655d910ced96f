"""Liquidation: in every block, every subaccount below its maintenance requirement is closed against the book, worst first."""

from dataclasses import dataclass
from functools import cmp_to_key
from heapq import heapify, heappop

from modules.clob.keeper import ClobKeeper
from modules.clob.model import ClobPair, LiquidationOrder
from modules.insurance.keeper import InsuranceKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.units import SubaccountId
from modules.liquidation import formulas
from modules.liquidation.events import LIQUIDATED
from modules.liquidation.model import LiquidationParams
from modules.liquidation.state import LiquidationState
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Risk


@dataclass(slots=True)
class _Spent:
    """What one subaccount has used of its limits in this block, quote quantums."""

    notional: int = 0
    lost: int = 0


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
        """Whoever was liquidatable when the pass began has been offered to the book, worst first, each with its largest requirement first.

        A subaccount is judged again before each of its orders. A loss that neither book nor fund takes stays visible as a subaccount
        of negative worth. Raises nothing, whatever the state.
        """
        candidates = self._subaccounts.below_maintenance(ctx)
        if not candidates:
            return
        params = self.params(ctx)
        by_risk = cmp_to_key(formulas.riskier)
        queue = [(by_risk(candidate), candidate[0]) for candidate in candidates]
        heapify(queue)
        orders = 0
        while queue:
            subaccount = heappop(queue)[1]
            spent = _Spent()
            for perpetual_id in self._by_requirement(ctx, subaccount):
                if orders == params.max_orders_per_block:
                    return
                if self._close(ctx, params, subaccount, perpetual_id, spent):
                    orders += 1

    def _by_requirement(self, ctx: Context, subaccount: SubaccountId) -> list[int]:
        """The perpetuals of its positions, largest maintenance requirement first; those that require nothing are left alone."""
        rows = []
        for perpetual_id, quantums, _, _ in self._subaccounts.get(ctx, subaccount).rows:
            required = self._perp.margin(ctx, perpetual_id, quantums).maintenance
            if required:
                rows.append((-required, perpetual_id))
        return [perpetual_id for _, perpetual_id in sorted(rows)]

    def _close(self, ctx: Context, params: LiquidationParams, subaccount: SubaccountId, perpetual_id: int, spent: _Spent) -> bool:
        """One engine order in a frame of its own, if the subaccount is still liquidatable; whether it filled anything."""
        risk = self._subaccounts.liquidatable(ctx, subaccount)
        pair = self._clob.pair_of(ctx, perpetual_id)
        if risk is None or pair is None or spent.notional >= params.max_notional_liquidated:
            return False
        order = self._order(ctx, params, subaccount, pair, risk, spent)
        pricing = _Pricing(self._perp, self._subaccounts, self._insurance, params, order, perpetual_id, spent)
        mark = ctx.mark()
        try:
            filled = self._clob.liquidate(ctx, order, pricing.price_fill)
        except ChainError:
            ctx.undo(mark)
            return False
        if not filled:
            return False
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
        return True

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
        if spent.notional + notional > params.max_notional_liquidated:
            return None
        if insurance_delta < 0 and spent.lost - insurance_delta > params.max_quantums_insurance_lost:
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
