"""A cheap lower bound on how safe a subaccount is: what it clears needs no exact judging, whatever else is judged exactly.

The bound is integer arithmetic without a division per position; it never clears what the exact rule refuses (SUB-7). Property
tests compare both uses, judging changes and finding liquidatable subaccounts, with exact judging of everyone.
"""

from collections.abc import Callable
from typing import NamedTuple

from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.kernel.intmath import div_floor
from modules.kernel.units import MILLION, SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.perp.model import Terms
from modules.subaccounts import formulas
from modules.subaccounts.formulas import BOUND_ROUNDING, BOUND_SHIFT
from modules.subaccounts.model import Risk, Subaccount
from modules.subaccounts.state import SubaccountsState

_MEMO = "subaccounts.safety"


_Step = tuple[int, int, int, int]
"""(size above which it holds, long, short, relief x 2^64): a marginal bracket above the lowest."""


class _Coefficients(NamedTuple):
    """What one base quantum of a long, and of a short, adds at least to net collateral minus the initial requirement, x 2^64."""

    long: int
    short: int
    steps: tuple[_Step, ...]
    """Marginal brackets above the lowest, highest first; () without brackets."""
    scales: bool
    """Whether open interest can raise the requirement; the next three are 0 otherwise."""
    lower_quantums: int
    """Up to this open interest it does not."""
    full_long: int
    """The same at the highest requirement there is, 100 %."""
    full_short: int


def _steps(terms: Terms, *, initial: bool) -> tuple[tuple[int, int], tuple[_Step, ...]]:
    """Coefficients of the lowest bracket, and those above it, of one of the requirements.

    The tier's own fraction f counts for initial margin too. In a bracket of rate r and relief R above a notional A, f x N is at most
    r x N - (r - f) x A if r >= f, so that the smaller relief serves both rules; else f x N is the higher by far and there is no relief.
    """
    least = terms.base_initial_ppm if initial else 0
    lowest = (0, 0)
    found: list[_Step] = []
    for step in terms.brackets:
        rate, relief = (step.initial_ppm, step.initial_relief) if initial else (step.maintenance_ppm, step.maintenance_relief)
        relief = min(relief, max(rate - least, 0) * step.above_notional)
        long, short = formulas.bound_coefficients(terms.multiplier, terms.divisor, max(rate, least) * MILLION)
        if not step.above_notional:
            lowest = (long, short)
        elif terms.multiplier:
            found.append((step.above_quantums, long, short, formulas.bound_relief(relief)))
    return lowest, tuple(found)


def _coefficients(ctx: Context, perp: PerpKeeper, perpetual_id: int) -> _Coefficients:
    terms = perp.terms(ctx, perpetual_id)
    base = formulas.bound_coefficients(terms.multiplier, terms.divisor, terms.base_initial_ppm * MILLION)
    steps: tuple[_Step, ...] = ()
    if terms.brackets:
        base, steps = _steps(terms, initial=True)
    if not terms.scales:
        return _Coefficients(*base, steps, False, 0, 0, 0)
    full = formulas.bound_coefficients(terms.multiplier, terms.divisor, MILLION * MILLION)
    return _Coefficients(*base, steps, True, terms.open_interest_lower_quantums, *full)


def clearly_initial(ctx: Context, perp: PerpKeeper, account: Subaccount, perpetual_id: int, open_interest: int | None) -> bool:
    """Whether the bound alone shows a settled subaccount to be initially collateralised; False says nothing.

    `open_interest` is what `perpetual_id` has after the trade that is judged.
    """
    memo: dict[int, _Coefficients] | None = ctx.scratch.get(_MEMO)
    if memo is None:
        memo = ctx.scratch[_MEMO] = {}
    collateral, rows = account
    value = 0
    for held_id, quantums, _, _, _ in rows:
        row = memo.get(held_id)
        if row is None:
            row = memo[held_id] = _coefficients(ctx, perp, held_id)
        long, short, steps, scales, lower, full_long, full_short = row
        if scales:
            after = open_interest if open_interest is not None and held_id == perpetual_id else perp.open_interest(ctx, held_id)
            if after > lower:
                long, short, steps = full_long, full_short, ()
        for above, step_long, step_short, relief in steps:
            if not -above <= quantums <= above:
                long, short = step_long, step_short
                value += relief
                break
        value += quantums * (long if quantums > 0 else short)
    return value + ((collateral - BOUND_ROUNDING * len(rows)) << BOUND_SHIFT) >= 0


def below_maintenance(
    ctx: Context,
    state: SubaccountsState,
    perp: PerpKeeper,
    funding: FundingKeeper,
    settled_risk: Callable[[Context, SubaccountId, Subaccount], Risk],
) -> list[tuple[SubaccountId, Risk]]:
    """Every subaccount with positions that is liquidatable or worth less than nothing, with its settled risk, by key.

    All are looked at, in the order that costs least; few are judged exactly.
    """
    found: list[tuple[SubaccountId, Risk]] = []
    if not len(state.open_accounts.group(ctx, 0)):
        return found
    markets: dict[int, tuple[int, int, tuple[_Step, ...], int, int]] = {}
    for perpetual in perp.all(ctx):
        terms = perp.terms(ctx, perpetual.id)
        rate = terms.base_initial_ppm * terms.maintenance_fraction_ppm
        base = formulas.bound_coefficients(terms.multiplier, terms.divisor, rate)
        steps: tuple[_Step, ...] = ()
        if terms.brackets:
            base, steps = _steps(terms, initial=False)
        markets[perpetual.id] = (*base, steps, funding.index(ctx, perpetual.id), funding.lot(ctx, perpetual.id))
    for key, account in state.accounts.unordered(ctx):
        collateral, rows = account
        value = 0
        for perpetual_id, quantums, since, _, _ in rows:
            long, short, steps, index, lot = markets[perpetual_id]
            if steps:
                for above, step_long, step_short, relief in steps:
                    if not -above <= quantums <= above:
                        long, short = step_long, step_short
                        value += relief
                        break
            value += quantums * (long if quantums > 0 else short)
            if since != index:
                collateral -= div_floor(quantums, lot) * (index - since)
        if rows and value + ((collateral - BOUND_ROUNDING * len(rows)) << BOUND_SHIFT) < 0:
            risk = settled_risk(ctx, key, account)
            if formulas.is_liquidatable(risk) or risk.net_collateral < 0:
                found.append((key, risk))
    return sorted(found)
