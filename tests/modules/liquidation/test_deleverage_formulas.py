"""Deleveraging maths, LIQ-7 to LIQ-12: who gives up how much, at what price, split so that sums are exact."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.units import Address, SubaccountId
from modules.liquidation import formulas
from modules.liquidation.model import Holder
from modules.perp.model import PositionMargin
from modules.subaccounts.model import Risk
from support.markets import BTC, Markets

BIG = 12_345_678_900
MARKETS = Markets()
lots_held = st.integers(1, 10**12)


def holder(number: int, lots: int, *, profitable: bool = True) -> Holder:
    """Keys in order of their number."""
    return Holder(SubaccountId(Address(bytes(20)), number), lots, profitable)


def slow_pro_rata(wanted: int, sizes: list[int]) -> list[int]:
    """LIQ-10 as the text says it: exact shares rounded down, then one lot each by the largest remainder, ties to the earlier key."""
    total = sum(sizes)
    if total == 0:
        return [0] * len(sizes)
    exact = [Fraction(wanted * held, total) for held in sizes]
    given_up = [int(share) for share in exact]
    while sum(given_up) < wanted:
        remainders = [share - taken for share, taken in zip(exact, given_up, strict=True)]
        given_up[remainders.index(max(remainders))] += 1
    return given_up


@given(st.data(), st.lists(lots_held, max_size=12))
def test_lots_are_shared_in_proportion_by_the_largest_remainder(data: st.DataObject, sizes: list[int]) -> None:
    """LIQ-10 equals the slow reference; nothing is lost, nobody gives more than it has or is off its exact share by a lot."""
    wanted = data.draw(st.integers(0, sum(sizes)))
    parts = formulas.pro_rata(wanted, sizes)
    assert parts == slow_pro_rata(wanted, sizes)
    assert sum(parts) == wanted
    for part, held in zip(parts, sizes, strict=True):
        assert 0 <= part <= held
        assert abs(part - Fraction(wanted * held, sum(sizes))) < 1


@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_small_holders_tie_often_and_the_first_keys_give(data: st.DataObject, sizes: list[int]) -> None:
    """LIQ-10: with sizes of a few lots most remainders are equal."""
    wanted = data.draw(st.integers(0, sum(sizes)))
    assert formulas.pro_rata(wanted, sizes) == slow_pro_rata(wanted, sizes)


def test_of_equal_remainders_the_first_key_gives_the_odd_lot() -> None:
    """LIQ-10: two lots from three equal holders."""
    assert formulas.pro_rata(2, [3, 3, 3]) == [1, 1, 0]
    assert formulas.pro_rata(7, [3, 3, 3]) == [3, 2, 2]


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=10), st.integers(0, 600))
def test_the_profitable_give_first_and_the_others_only_what_is_missing(rows: list[tuple[int, bool]], wanted: int) -> None:
    """LIQ-9: one group pro rata, or all of it and the other pro rata, or everything."""
    holders = [holder(number, lots, profitable=profitable) for number, (lots, profitable) in enumerate(rows)]
    found = formulas.shares(wanted, holders)
    in_profit = [lots for lots, profitable in rows if profitable]
    others = [lots for lots, profitable in rows if not profitable]
    first = min(wanted, sum(in_profit))
    second = min(wanted - first, sum(others))
    merged = {True: slow_pro_rata(first, in_profit), False: slow_pro_rata(second, others)}
    assert found == [merged[profitable].pop(0) for _, profitable in rows]


def test_profit_is_what_a_position_is_worth_above_its_cost() -> None:
    """LIQ-8: signed, for longs and shorts; at cost there is none."""
    assert formulas.is_profitable(101, 100)
    assert not formulas.is_profitable(100, 100)
    assert formulas.is_profitable(-99, -100)
    assert not formulas.is_profitable(-100, -100)
    assert not formulas.is_profitable(-101, -100)


@given(st.integers(-(10**18), 10**18), st.lists(lots_held, min_size=1, max_size=20))
def test_a_total_is_split_exactly_and_nobody_is_off_by_more_than_a_quantum(total: int, parts: list[int]) -> None:
    """LIQ-11: the sum is the total, the signs agree, each amount is within one of its exact share."""
    amounts = formulas.split_quote(total, parts)
    assert sum(amounts) == total
    for amount, part in zip(amounts, parts, strict=True):
        assert amount * total >= 0
        assert abs(amount - Fraction(total * part, sum(parts))) < 1


def test_a_total_is_split_cumulatively_in_key_order() -> None:
    """LIQ-11: ten by three: after one third 3, after two 6, after all 10; negative totals mirror it."""
    assert formulas.split_quote(10, [1, 1, 1]) == [3, 3, 4]
    assert formulas.split_quote(-10, [1, 1, 1]) == [-3, -3, -4]


@pytest.mark.parametrize(("closed", "expected"), [(BIG, 74_726_489_176), (6_172_839_450, 37_363_244_588)])
def test_the_deleverage_quotes_are_the_reference_ones(closed: int, expected: int) -> None:
    """LIQ-7, E12: net collateral -500 USDC, one long; both sides of the oracle price alike."""
    for sign in (1, -1):
        before, after = (MARKETS.perp.margin(MARKETS.ctx, BTC, sign * size) for size in (BIG, BIG - closed))
        risk = Risk(-500_000_000, before.initial, before.maintenance)
        quote = formulas.deleverage_quote(risk, before, after)
        oracle = before.notional - after.notional
        assert quote - oracle == expected - abs(oracle)
        if sign == 1:
            assert quote == expected


def test_without_any_requirement_one_part_bears_the_whole_shortfall() -> None:
    """LIQ-7: nothing to share by, and no division by zero."""
    dust = PositionMargin(0, 0, 0)
    assert formulas.deleverage_quote(Risk(-7, 0, 0), dust, dust) == 7


@given(st.integers(-(10**12), -1), st.integers(1, 10**6), st.integers(1, 10**6), st.booleans())
def test_closing_a_part_bears_its_share_of_the_shortfall_and_all_of_it_everything(net: int, lots: int, part: int, long: bool) -> None:
    """LIQ-7: the whole leaves exactly zero; a part leaves net collateral per requirement as it was, within a quantum upwards."""
    held = (lots if long else -lots) * 1_000_000
    closed = min(part, lots) * 1_000_000 * (-1 if long else 1)
    before, after = MARKETS.perp.margin(MARKETS.ctx, BTC, held), MARKETS.perp.margin(MARKETS.ctx, BTC, held + closed)
    quote = formulas.deleverage_quote(Risk(net, before.initial, before.maintenance), before, after)
    left = net + after.notional - before.notional + quote
    assert net <= left <= 0
    assert left * before.maintenance >= net * after.maintenance > (left - 1) * before.maintenance
    if held + closed == 0:
        assert left == 0


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.integers(0, 3))
def test_a_settled_long_is_never_rounded_into_debt(left: int, closed: int, net: int) -> None:
    """LIQ-12: the quote is the size's notional, or one more where rounding would take the last of a long."""
    notional = MARKETS.perp.notional
    lost = notional(MARKETS.ctx, BTC, left + closed) - notional(MARKETS.ctx, BTC, left)
    plain = notional(MARKETS.ctx, BTC, closed)
    quote = formulas.settlement_quote(plain, net, lost)
    assert quote in (plain, plain + 1)
    assert net - lost + quote >= 0
    assert quote == plain or net == 0
