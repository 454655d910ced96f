"""Liquidation maths: pure functions of integers. Money is in quote quantums, sizes in base quantums."""

from collections.abc import Sequence

from modules.kernel.intmath import (
    UINT64_MAX,
    clamp,
    div_ceil,
    div_floor,
    div_trunc,
    divmod_floor,
    pow10,
    round_down_to_multiple,
    round_up_to_multiple,
)
from modules.kernel.units import MILLION, SubaccountId
from modules.liquidation.model import Holder
from modules.perp.model import PositionMargin, Terms
from modules.subaccounts.model import Risk

Candidate = tuple[SubaccountId, Risk]


def riskier(first: Candidate, second: Candidate) -> int:
    """LIQ-1: negative if the first subaccount comes before the second: the lower net collateral per maintenance requirement
    (cross-multiplied), then the larger requirement, if neither has one the lower net collateral, then the smaller key.
    """
    (first_id, one), (second_id, other) = first, second
    ratio = one.net_collateral * other.maintenance - other.net_collateral * one.maintenance
    if ratio:
        return ratio
    if one.maintenance != other.maintenance:
        return other.maintenance - one.maintenance
    if one.net_collateral != other.net_collateral:
        return one.net_collateral - other.net_collateral
    return -1 if first_id < second_id else 1


def size(terms: Terms, quantums: int, step: int, minimum_notional: int, portion_ppm: int, remaining_notional: int) -> int:
    """LIQ-2: base quantums (positive) to close of a signed position.

    The cap is the portion of its notional, but at least the minimum, and at most what the subaccount has left for this block. All of
    it if the notional is within the cap or the size within a step; else what the cap is worth in whole steps, at least one.
    """
    whole = abs(quantums)
    notional = div_floor(whole * terms.multiplier, terms.divisor)
    minimum = min(minimum_notional, notional)
    cap = min(max(minimum, div_floor(notional * portion_ppm, MILLION)), remaining_notional)
    if notional <= cap or whole <= step:
        return whole
    worth = div_floor(max(cap, 0) * terms.divisor, terms.multiplier)
    return clamp(round_down_to_multiple(worth, step), step, whole)


def fillable_price(
    risk: Risk, position: PositionMargin, quantums: int, bankruptcy_adjustment_ppm: int, spread_ratio_ppm: int
) -> tuple[int, int]:
    """LIQ-3: the worst acceptable price in quote quantums per base quantum, exact as (numerator, positive denominator).

    (notional - rating x spread ratio x the position's requirement) / size, rating = clamp(adjustment x (1 - net / maintenance), 0, 1): the
    oracle price at the maintenance boundary, moving away from it as the subaccount gets worse. May be negative for a long.
    """
    full = MILLION * risk.maintenance
    rating = clamp(bankruptcy_adjustment_ppm * (risk.maintenance - risk.net_collateral), 0, full)
    numerator = position.notional * full * MILLION - rating * spread_ratio_ppm * position.maintenance
    denominator = full * MILLION * quantums
    return (numerator, denominator) if quantums > 0 else (-numerator, -denominator)


def limit_subticks(price: tuple[int, int], quantum_conversion_exponent: int, subticks_per_tick: int, *, is_buy: bool) -> int:
    """LIQ-4: the limit price in subticks: up to a whole tick for a sell, down for a buy, between one tick and the highest in 64 bits."""
    numerator, denominator = price
    if quantum_conversion_exponent <= 0:
        numerator *= pow10(-quantum_conversion_exponent)
    else:
        denominator *= pow10(quantum_conversion_exponent)
    highest = round_down_to_multiple(UINT64_MAX, subticks_per_tick)
    subticks = div_floor(numerator, denominator) if is_buy else div_ceil(numerator, denominator)
    if subticks <= subticks_per_tick:
        return subticks_per_tick
    if subticks >= highest:
        return highest
    return round_down_to_multiple(subticks, subticks_per_tick) if is_buy else round_up_to_multiple(subticks, subticks_per_tick)


def bankruptcy_quote(risk: Risk, before: PositionMargin, after: PositionMargin) -> int:
    """LIQ-5: signed quote quantums (positive: received) for which closing a part leaves net collateral per requirement as it was.

    -(change of notional) - floor(net x |change of requirement| / maintenance): rounded in favour of the subaccount. Values of the
    position are each rounded first, so parts do not add up exactly.
    """
    released = div_floor(risk.net_collateral * (before.maintenance - after.maintenance), risk.maintenance)
    return before.notional - after.notional - released


def insurance_delta(quote: int, bankruptcy: int, max_fee_ppm: int) -> int:
    """LIQ-6: what a fill for signed `quote` pays into the fund: what exceeds the bankruptcy quote, at most the fee on |quote| (rounded
    down); negative: the shortfall, paid by the fund.
    """
    excess = quote - bankruptcy
    return excess if excess <= 0 else min(div_floor(abs(quote) * max_fee_ppm, MILLION), excess)


def deleverage_quote(risk: Risk, before: PositionMargin, after: PositionMargin) -> int:
    """LIQ-7: signed quote quantums for which a subaccount of negative worth closes a part: LIQ-5, so that closing everything leaves it
    with exactly nothing. Where it has no requirement at all, the part bears the whole shortfall.
    """
    if risk.maintenance:
        return bankruptcy_quote(risk, before, after)
    return before.notional - after.notional - risk.net_collateral


def is_profitable(notional: int, entry_quote: int) -> bool:
    """LIQ-8: whether a position is worth more than it cost; both signed as the position."""
    return notional > entry_quote


def shares(wanted_lots: int, holders: Sequence[Holder]) -> list[int]:
    """LIQ-9: how many lots each holder (in key order) gives up: the profitable ones pro rata; if all they have does not suffice, all of
    it and the others pro rata; if that does not either, everything.
    """
    taken = [0] * len(holders)
    left = wanted_lots
    for profitable in (True, False):
        places = [place for place, holder in enumerate(holders) if holder.profitable is profitable]
        sizes = [holders[place].lots for place in places]
        for place, lots in zip(places, pro_rata(min(left, sum(sizes)), sizes), strict=True):
            taken[place] = lots
            left -= lots
    return taken


def pro_rata(wanted: int, sizes: Sequence[int]) -> list[int]:
    """LIQ-10: `wanted` (at most their sum) in proportion to sizes, in whole ones: rounded down, and what is left one by one to the
    largest remainders, the first of equals. Nobody gives more than it has.
    """
    total = sum(sizes)
    assert 0 <= wanted <= total
    if wanted == total:
        return list(sizes)
    parts = []
    remainders = []
    for place, size_held in enumerate(sizes):
        part, remainder = divmod_floor(wanted * size_held, total)
        parts.append(part)
        remainders.append((-remainder, place))
    for _, place in sorted(remainders)[: wanted - sum(parts)]:
        parts[place] += 1
    return parts


def split_quote(total: int, parts: Sequence[int]) -> list[int]:
    """LIQ-11: a signed amount by parts (their sum is positive): each gets the growth of trunc(total x cumulative part / sum), so that
    the amounts add up exactly.
    """
    whole = sum(parts)
    amounts = []
    cumulative = before = 0
    for part in parts:
        cumulative += part
        after = div_trunc(total * cumulative, whole)
        amounts.append(after - before)
        before = after
    return amounts


def settlement_quote(notional: int, long_net: int, long_value_lost: int) -> int:
    """LIQ-12: what closing a pair at the oracle price is paid with: the size's notional; more by what rounding would otherwise take a
    long with net collateral >= 0 below zero. `long_value_lost` is by how much the notional of its position falls.
    """
    return max(notional, long_value_lost - long_net)
