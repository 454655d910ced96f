"""The rules of subaccounts: pure functions of integers and models."""

from modules.kernel.intmath import div_ceil, div_floor, div_trunc
from modules.kernel.units import MILLION
from modules.subaccounts.model import Risk, Row, UpdateResult

BOUND_SHIFT = 64
"""Binary digits behind the point of the coefficients of SUB-7."""
BOUND_ROUNDING = 3
"""Quote quantums per position by which rounded amounts can be worse than exact ones (SUB-7)."""


def is_initially_collateralised(risk: Risk) -> bool:
    """SUB-1: net collateral covers the initial requirement, custom margins (SUB-11) included; equal is enough."""
    return risk.net_collateral >= risk.initial


def is_liquidatable(risk: Risk) -> bool:
    """SUB-2: there is a maintenance requirement and net collateral is below it."""
    return 0 < risk.maintenance > risk.net_collateral


def transition(current: Risk, new: Risk) -> UpdateResult:
    """SUB-3: a change is valid if it leaves the subaccount initially collateralised, or no riskier than it was.

    `current` is the same subaccount, settled, without the change, at the same prices and the open interest after the trade.
    """
    if new.net_collateral >= new.initial:
        return UpdateResult.SUCCESS
    failure = UpdateResult.NEWLY_UNDERCOLLATERALIZED if is_initially_collateralised(current) else UpdateResult.STILL_UNDERCOLLATERALIZED
    if new.maintenance > current.maintenance:
        return failure
    if current.maintenance == 0 or new.maintenance == 0:
        rises = current.maintenance == new.maintenance and new.net_collateral > current.net_collateral
        return UpdateResult.SUCCESS if rises else failure
    no_riskier = new.net_collateral * current.maintenance >= current.net_collateral * new.maintenance
    return UpdateResult.SUCCESS if no_riskier else failure


def only_reduces(before: int, after: int) -> bool:
    """SUB-21: a position (signed) that has changed has not grown and not changed its sign."""
    return 0 <= after <= before if before > 0 else before <= after <= 0


def may_hold(*, holds_any: bool, holds_isolated: bool, isolated: bool) -> bool:
    """SUB-4: whether a subaccount may open a perpetual that it does not hold: an isolated one only if it holds nothing, a cross one
    only if it holds no isolated one. Whoever holds an isolated perpetual has its collateral in that perpetual's own pool.
    """
    return not holds_any or (not isolated and not holds_isolated)


def entry_quote(quantums: int, entry: int, quantums_delta: int, quote: int) -> int:
    """SUB-5: entry cost after a fill of signed size `quantums_delta` for `quote` (not negative), signed as the position that results.

    `quantums` and `entry` are the position before (0, 0 for none). Its cost gains the fill when it grows, shrinks in proportion (toward
    zero), and is the fill's own share after a flip.
    """
    signed_quote = quote if quantums_delta > 0 else -quote
    after = quantums + quantums_delta
    if quantums == 0 or (quantums > 0) == (quantums_delta > 0):
        return entry + signed_quote
    if after == 0:
        return 0
    if (after > 0) == (quantums > 0):
        return div_trunc(entry * abs(after), abs(quantums))
    return div_trunc(signed_quote * abs(after), abs(quantums_delta))


Applied = tuple[tuple[Row, ...], int, int, int | None]
"""Positions after a fill; signed size in its perpetual before and after; what the position brought, if it has closed or flipped."""


def apply(rows: tuple[Row, ...], perpetual_id: int, quantums_delta: int, quote: int, quote_delta: int, funding_index: int) -> Applied:
    """The (settled) positions after a fill, ascending by perpetual id; a position that reaches zero is gone.

    SUB-10: a fill that changes collateral by `quote_delta` (quote less all charges) realises quote_delta + new entry cost - old entry
    cost. A flip realises all of it for the position that it ends; what it opens starts at 0.
    """
    place = 0
    for held_id, quantums, _, entry, realised in rows:
        if held_id == perpetual_id:
            after = quantums + quantums_delta
            if after == 0:
                return rows[:place] + rows[place + 1 :], quantums, 0, realised + quote_delta - entry
            cost = entry_quote(quantums, entry, quantums_delta, quote)
            total = realised + quote_delta + cost - entry
            if (after > 0) == (quantums > 0):
                return (*rows[:place], (perpetual_id, after, funding_index, cost, total), *rows[place + 1 :]), quantums, after, None
            return (*rows[:place], (perpetual_id, after, funding_index, cost, 0), *rows[place + 1 :]), quantums, after, total
        if held_id > perpetual_id:
            break
        place += 1
    cost = quote if quantums_delta > 0 else -quote
    opened = (perpetual_id, quantums_delta, funding_index, cost, quote_delta + cost)
    return (*rows[:place], opened, *rows[place:]), 0, quantums_delta, None


def unsettled_in_market(lots_index: int, net_lots: int, index: int) -> int:
    """SUB-6: what settling every position of a market would add to collateral: the sum of -lots x (index - index at settlement)."""
    return lots_index - net_lots * index


def is_pool_exact(bank_balance: int, collateral: int, unsettled_funding: int) -> bool:
    """SUB-8: a pool's bank balance is its subaccounts' collateral plus what settling all of them would add, to the quantum."""
    return bank_balance == collateral + unsettled_funding


def is_market_balanced(long_quantums: int, short_quantums: int, open_interest: int) -> bool:
    """SUB-9: longs, shorts and open interest of a perpetual are equal."""
    return long_quantums == short_quantums == open_interest


def bound_coefficients(multiplier: int, divisor: int, rate: int) -> tuple[int, int]:
    """SUB-7: what one base quantum of a long, and of a short, adds to (net collateral - requirement), x 2^64, rounded down.

    The requirement's rate is r = rate / 10^12: initial ppm x 10^6, or initial ppm x maintenance fraction. With x = |q| x multiplier /
    divisor exactly, a notional is within 1 below x (toward zero) and a requirement is less than x r + 2 (two ceilings). So a long
    adds more than x (1 - r) - 3 and a short more than -x (1 + r) - 3; summed over the positions, a total >= 0 proves coverage.

    In a marginal bracket r is its rate and the requirement less than x r - relief / 10^6 + 1 (PERP-9; it never falls where x grows by
    what was cut off): `bound_relief` is what that adds.
    """
    square = MILLION * MILLION
    scale = multiplier << BOUND_SHIFT
    whole = divisor * square
    return div_floor(scale * (square - rate), whole), div_ceil(scale * (square + rate), whole)


def unblocked_at(negative_height: int, outage_height: int, blocks: int) -> int:
    """SUB-20: from which height on money may leave, by the last heights at which what gates was seen (0: never; then the result is 0)."""
    seen = max(negative_height, outage_height)
    return seen + blocks if seen else 0


def bound_relief(relief: int) -> int:
    """SUB-7: what a bracket's relief (quote quantums x 10^6) adds at least to (net collateral - requirement), x 2^64."""
    return div_floor(relief << BOUND_SHIFT, MILLION)
