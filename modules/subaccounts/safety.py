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
from modules.subaccounts import formulas
from modules.subaccounts.formulas import BOUND_ROUNDING, BOUND_SHIFT
from modules.subaccounts.model import Risk, Subaccount
from modules.subaccounts.state import SubaccountsState

_MEMO = "subaccounts.safety"


class _Coefficients(NamedTuple):
    """What one base quantum of a long, and of a short, adds at least to net collateral minus the initial requirement, x 2^64."""

    long: int
    short: int
    scales: bool
    """Whether open interest can raise the requirement; the next three are 0 otherwise."""
    lower_quantums: int
    """Up to this open interest it does not."""
    full_long: int
    """The same at the highest requirement there is, 100 %."""
    full_short: int


def _coefficients(ctx: Context, perp: PerpKeeper, perpetual_id: int) -> _Coefficients:
    terms = perp.terms(ctx, perpetual_id)
    base = formulas.bound_coefficients(terms.multiplier, terms.divisor, terms.base_initial_ppm * MILLION)
    if not terms.scales:
        return _Coefficients(*base, False, 0, 0, 0)
    full = formulas.bound_coefficients(terms.multiplier, terms.divisor, MILLION * MILLION)
    return _Coefficients(*base, True, terms.open_interest_lower_quantums, *full)


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
        long, short, scales, lower, full_long, full_short = row
        if scales:
            after = open_interest if open_interest is not None and held_id == perpetual_id else perp.open_interest(ctx, held_id)
            if after > lower:
                long, short = full_long, full_short
        value += quantums * (long if quantums > 0 else short)
    return value + ((collateral - BOUND_ROUNDING * len(rows)) << BOUND_SHIFT) >= 0


def below_maintenance(
    ctx: Context, state: SubaccountsState, perp: PerpKeeper, funding: FundingKeeper, settled_risk: Callable[[Context, Subaccount], Risk]
) -> list[tuple[SubaccountId, Risk]]:
    """Every liquidatable subaccount with its settled risk, by key. All open ones are looked at; few are judged exactly."""
    found: list[tuple[SubaccountId, Risk]] = []
    group = state.open_accounts.group(ctx, 0)
    if not len(group):
        return found
    markets: dict[int, tuple[int, int, int, int]] = {}
    for perpetual in perp.all(ctx):
        terms = perp.terms(ctx, perpetual.id)
        rate = terms.base_initial_ppm * terms.maintenance_fraction_ppm
        long, short = formulas.bound_coefficients(terms.multiplier, terms.divisor, rate)
        markets[perpetual.id] = (long, short, funding.index(ctx, perpetual.id), funding.lot(ctx, perpetual.id))
    accounts = ctx.state.tables[state.accounts.slot]
    for _, key in group:
        account: Subaccount = accounts.get(key)
        collateral, rows = account
        value = 0
        for perpetual_id, quantums, since, _, _ in rows:
            long, short, index, lot = markets[perpetual_id]
            value += quantums * (long if quantums > 0 else short)
            if since != index:
                collateral -= div_floor(quantums, lot) * (index - since)
        if value + ((collateral - BOUND_ROUNDING * len(rows)) << BOUND_SHIFT) < 0:
            risk = settled_risk(ctx, account)
            if formulas.is_liquidatable(risk):
                found.append((key, risk))
    return found
