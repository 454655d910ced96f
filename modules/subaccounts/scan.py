"""Finding every liquidatable subaccount. All open ones are looked at, but few are judged exactly: a bound clears the others.

The bound is a lower one on net collateral minus maintenance requirement, so what it clears is never liquidatable (SUB-9); a
property test compares the result with judging everyone.
"""

from collections.abc import Callable

from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.kernel.intmath import div_ceil, div_floor
from modules.kernel.units import MILLION, SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.perp.model import Terms
from modules.subaccounts import formulas
from modules.subaccounts.model import Risk, Subaccount
from modules.subaccounts.state import SubaccountsState

_SHIFT = 64
"""Binary digits behind the point of the per-quantum coefficients."""
_ROUNDING = 3
"""Quote quantums per position by which rounded amounts can be worse than exact ones (SUB-9)."""


def coefficients(terms: Terms) -> tuple[int, int]:
    """SUB-9: what one base quantum of a long, and of a short, adds to (net collateral - maintenance) at least, x 2^64, rounded down.

    With x = |q| x price exactly and r = I x F / M^2: a long's notional is above x - 1 and its requirement below x r + 2; a short's
    notional is at least -x, its requirement below x r + 2. So a long adds more than x (1 - r) - 3, a short more than -x (1 + r) - 3.
    """
    square = MILLION * MILLION
    rate = terms.base_initial_ppm * terms.maintenance_fraction_ppm
    scale = terms.multiplier << _SHIFT
    divisor = terms.divisor * square
    return div_floor(scale * (square - rate), divisor), div_ceil(scale * (square + rate), divisor)


def below_maintenance(
    ctx: Context,
    state: SubaccountsState,
    perp: PerpKeeper,
    funding: FundingKeeper,
    risk_of: Callable[[Context, Subaccount], Risk],
    settle: Callable[[Context, Subaccount], Subaccount],
) -> list[tuple[SubaccountId, Risk]]:
    """Every liquidatable subaccount with its settled risk, by key."""
    found: list[tuple[SubaccountId, Risk]] = []
    group = state.open_accounts.group(ctx, 0)
    if not len(group):
        return found
    rows = {}
    for perpetual in perp.all(ctx):
        long, short = coefficients(perp.terms(ctx, perpetual.id))
        rows[perpetual.id] = (long, short, funding.index(ctx, perpetual.id), funding.lot(ctx, perpetual.id))
    get = ctx.state.tables[state.accounts.slot].get
    for _, key in group:
        account = get(key)
        collateral, positions = account
        value = 0
        for perpetual_id, (quantums, since, _) in positions.items():
            long, short, index, lot = rows[perpetual_id]
            if quantums > 0:
                value += quantums * long
            else:
                value += quantums * short
            if since != index:
                collateral -= div_floor(quantums, lot) * (index - since)
        if value + ((collateral - _ROUNDING * len(positions)) << _SHIFT) >= 0:
            continue
        risk = risk_of(ctx, settle(ctx, account))
        if formulas.is_liquidatable(risk):
            found.append((key, risk))
    return found
