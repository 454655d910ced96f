"""Marginal brackets: what they require, that nothing jumps, which rule counts, and how a genesis gives them."""

import json
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.perp import brackets, formulas
from modules.perp.model import LIQUIDITY_TIER, Bracket, LiquidityTier
from support.markets import BTC, ETH, Markets, perp_section, tier

MILLION = 1_000_000
USDC = 1_000_000
CEX = LiquidityTier(8, "cex_tiers", 8_000, 500_000, 10**10, 0, 0, brackets.PRESETS["cex_tiers"])


@st.composite
def any_brackets(draw: st.DrawFn) -> tuple[Bracket, ...]:
    """Valid brackets: thresholds ascending from 0, rates that do not fall, maintenance below initial."""
    count = draw(st.integers(1, 6))
    thresholds = [0, *sorted(draw(st.sets(st.integers(1, 10**13), min_size=count - 1, max_size=count - 1)))]
    initial = sorted(draw(st.lists(st.integers(2, MILLION), min_size=count, max_size=count)))
    below: list[int] = []
    for ppm in initial:
        below.append(max([*below, draw(st.integers(1, ppm - 1))]))
    return tuple(
        Bracket(*row) for row in zip(thresholds, initial, [min(ppm, top - 1) for ppm, top in zip(below, initial, strict=True)], strict=True)
    )


SIZES = st.one_of(st.integers(0, 100), st.integers(0, 10**14))


def required(rows: tuple[Bracket, ...], size: int) -> tuple[int, int]:
    """Initial and maintenance as everybody would work it out on paper: each part of the notional at its own rate, rounded up once."""
    tops = [row.above_notional for row in rows[1:]] + [None]
    sums = [Fraction(0), Fraction(0)]
    for row, top in zip(rows, tops, strict=True):
        part = max((size if top is None else min(size, top)) - row.above_notional, 0)
        sums[0] += Fraction(part * row.initial_ppm, MILLION)
        sums[1] += Fraction(part * row.maintenance_ppm, MILLION)
    return ceil(sums[0]), ceil(sums[1])


def of(rows: tuple[Bracket, ...], size: int) -> tuple[int, int]:
    """The same from the code."""
    return brackets.requirements(brackets.steps(rows, 1, 1), size)


@pytest.mark.parametrize(
    ("notional_usdc", "initial_usdc", "maintenance_usdc"),
    [
        (0, 0, 0),
        (10_000, 80, 40),
        (50_000, 400, 200),
        (100_000, 1_400, 700),
        (250_000, 4_400, 2_200),
        (1_000_000, 41_900, 20_950),
        (3_000_000, 241_900, 120_950),
        (5_000_000, 441_900, 220_950),
        (10_000_000, 1_691_900, 845_950),
    ],
)
def test_the_preset_of_large_exchanges(notional_usdc: int, initial_usdc: int, maintenance_usdc: int) -> None:
    """PERP-9: 125x and 0.4 % up to 50,000 USDC, 10x and 5 % between 1 and 5 million; each part at its own rate."""
    found = of(CEX.brackets, notional_usdc * USDC)
    assert found == (initial_usdc * USDC, maintenance_usdc * USDC) == required(CEX.brackets, notional_usdc * USDC)


@given(any_brackets(), SIZES)
def test_requirements_equal_the_sum_over_parts_in_fractions(rows: tuple[Bracket, ...], size: int) -> None:
    """PERP-9: one rounding up, of the exact sum; also on and beside every threshold."""
    for near in (size, *(row.above_notional + off for row in rows for off in (-1, 0, 1) if row.above_notional + off >= 0)):
        assert of(rows, near) == required(rows, near)


@given(any_brackets(), SIZES, st.integers(1, 10**9))
def test_a_requirement_never_falls_and_never_jumps(rows: tuple[Bracket, ...], size: int, more: int) -> None:
    """PERP-9, no cliff: whoever adds notional is asked for at most its bracket's rate on what is added, rounded up; the total stays
    below the notional, and maintenance below initial.
    """
    for near in (size, *(max(row.above_notional - off, 0) for row in rows for off in (0, 1, more))):
        highest = max((row for row in rows if row.above_notional < near + more), key=lambda row: row.above_notional)
        for now, then, rate in zip(of(rows, near), of(rows, near + more), highest[1:], strict=True):
            assert 0 <= then - now <= ceil(Fraction(more * rate, MILLION))
        initial, maintenance = of(rows, near)
        assert maintenance <= initial <= near


MARKETS = st.tuples(st.integers(1, 2**64 - 1), st.integers(-12, 2), st.integers(-10, 2))


@given(MARKETS, any_brackets(), st.integers(0, 10**18), st.booleans())
def test_one_quantum_of_size_costs_no_more_than_its_brackets_rate(
    market: tuple[int, int, int], rows: tuple[Bracket, ...], size: int, short: bool
) -> None:
    """PERP-9 in base quantums, both sides: by the rate on the notional that the quantum adds, rounded up."""
    terms = formulas.terms(*market, CEX._replace(initial_margin_ppm=1, brackets=rows))
    sign = -1 if short else 1
    for near in (size, *(step.above_quantums for step in terms.brackets)):
        now, then = (formulas.margin(terms, sign * quantums, 0, 0) for quantums in (near, near + 1))
        added = abs(then.notional) - abs(now.notional)
        highest = max((row for row in rows if row.above_notional <= abs(then.notional)), key=lambda row: row.above_notional)
        assert 0 <= then.initial - now.initial <= ceil(Fraction(added * highest.initial_ppm, MILLION))
        assert 0 <= then.maintenance - now.maintenance <= ceil(Fraction(added * highest.maintenance_ppm, MILLION))


@given(MARKETS, any_brackets())
def test_the_size_at_a_threshold_is_the_last_within(market: tuple[int, int, int], rows: tuple[Bracket, ...]) -> None:
    """PERP-10: one base quantum more is worth more than the threshold."""
    terms = formulas.terms(*market, CEX._replace(brackets=rows))
    for step in terms.brackets:
        assert formulas.notional(terms, step.above_quantums) <= step.above_notional < formulas.notional(terms, step.above_quantums + 1)


@given(
    rows=any_brackets(),
    initial=st.integers(1, MILLION),
    size=st.integers(-(10**14), 10**14),
    opened=st.integers(0, 10**13),
    lower=st.integers(0, 10**12),
    custom=st.integers(0, MILLION),
)
def test_the_highest_initial_rule_counts_and_maintenance_is_the_brackets(
    rows: tuple[Bracket, ...], initial: int, size: int, opened: int, lower: int, custom: int
) -> None:
    """PERP-5, PERP-6: brackets, the fraction scaled by open interest, and the account's own; at one quote per base quantum."""
    flat = LiquidityTier(0, "any", initial, 600_000, 1, lower, lower + 10**12)
    found = formulas.margin(formulas.terms(1, 0, -6, flat._replace(brackets=rows)), size, opened, custom)
    without = formulas.margin(formulas.terms(1, 0, -6, flat), size, opened, custom)
    assert found == (size, max(without.initial, required(rows, abs(size))[0]), required(rows, abs(size))[1])


def test_one_bracket_with_the_tiers_fractions_is_the_tier_but_for_a_rounding() -> None:
    """PERP-6 rounds up twice, PERP-9 once."""
    plain = LiquidityTier(0, "Large-Cap", 20_000, 600_000, 10**10, 0, 0)
    one = plain._replace(brackets=(Bracket(0, 20_000, 12_000),))
    for size in (1, 51, 99, 10**9 + 7):
        flat, marginal = (formulas.margin(formulas.terms(1, 0, -6, kind), size, 0, 0) for kind in (plain, one))
        assert flat.initial == marginal.initial
        assert 0 <= flat.maintenance - marginal.maintenance <= 1


def test_without_a_price_brackets_require_nothing() -> None:
    """Terms of price 0 divide by nothing."""
    assert formulas.margin(formulas.terms(0, -9, -6, CEX), 10**15, 0, 0) == (0, 0, 0)


def test_funding_is_bounded_by_the_lowest_bracket() -> None:
    """PERP-7: the rates of the smallest positions; the tier's own initial fraction where that is higher."""
    assert formulas.lowest_rates(CEX) == (8_000, 4_000)
    assert formulas.lowest_rates(CEX._replace(initial_margin_ppm=30_000)) == (30_000, 4_000)
    assert formulas.lowest_rates(CEX._replace(brackets=())) == (8_000, 4_000)


@pytest.mark.parametrize("rows", [(), CEX.brackets, (Bracket(0, 1, 0),)])
def test_a_tier_survives_its_bytes(rows: tuple[Bracket, ...]) -> None:
    """And a tier without brackets has the bytes that it had before there were any."""
    kind = CEX._replace(brackets=rows)
    assert LIQUIDITY_TIER.decode(LIQUIDITY_TIER.encode(kind)) == kind
    if not rows:
        assert LIQUIDITY_TIER.encode(kind).hex() == "0808120963" + "65785f7469657273" + "18c03e" + "20a0c21e" + "2880c8afa025"


def bracketed(value: Any) -> Markets:
    """Markets whose ETH has a tier of its own with these brackets."""
    section = perp_section()
    section["liquidity_tiers"].append(tier(8, "cex_tiers", 8_000, 500_000, 10_000_000_000) | {"brackets": value})
    section["perpetuals"][ETH]["liquidity_tier"] = 8
    return Markets({"perp": section})


def test_a_genesis_names_the_preset_or_lists_brackets() -> None:
    """Both build the same state; an export lists them and builds it again. The large-cap BTC is untouched."""
    named = bracketed("cex_tiers")
    exported = json.loads(json.dumps(named.export()))
    again = Markets(exported)
    assert again.export() == exported
    assert exported["perp"]["liquidity_tiers"][-1]["brackets"][1] == {
        "above_notional": "50000000000",
        "initial_ppm": 20_000,
        "maintenance_ppm": 10_000,
    }
    assert named.perp.margin(named.ctx, ETH, -(10**12)) == (-3_012_345_678_000, 243_134_567_800, 121_567_283_900)
    assert named.perp.margin(named.ctx, BTC, 12_345_678_900).maintenance == 890_717_871


def row(above: int, initial: int, maintenance: int) -> dict[str, int]:
    """A bracket of a genesis."""
    return {"above_notional": above, "initial_ppm": initial, "maintenance_ppm": maintenance}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("dex_tiers", "brackets"),
        ("", "brackets"),
        (7, "brackets"),
        ([row(1, 20, 10)], "brackets[0].above_notional"),
        ([row(0, 20, 10), row(5, 30, 15), row(5, 40, 20)], "brackets[2].above_notional"),
        ([row(0, 20, 10), row(9, 30, 15), row(5, 40, 20)], "brackets[2].above_notional"),
        ([row(0, 20, 10), row(5, 19, 10)], "brackets[1].initial_ppm"),
        ([row(0, 20, 10), row(5, 20, 9)], "brackets[1].maintenance_ppm"),
        ([row(0, 20, 20)], "brackets[0].maintenance_ppm"),
        ([row(0, 20, 0)], "brackets[0].maintenance_ppm"),
        ([row(0, 1_000_001, 10)], "brackets[0].initial_ppm"),
        ([row(0, 20, 10) | {"leverage": 5}], "brackets[0].leverage"),
        ([row(0, 20, 10), 7], "brackets[1]"),
    ],
)
def test_mistakes_in_brackets_are_named_with_their_path(value: Any, path: str) -> None:
    """Each alone, at its place in the file."""
    section = perp_section()
    section["liquidity_tiers"][1]["brackets"] = value
    markets = Markets()
    markets.genesis["perp"] = section
    assert f"perp.liquidity_tiers[1].{path}" in [found for found, _ in markets.problems()]


def test_the_preset_is_valid_where_it_would_be_written_out() -> None:
    """Thresholds and both rates ascend."""
    for preset in brackets.PRESETS.values():
        assert preset[0].above_notional == 0
        for low, high in pairwise(preset):
            assert all(one < other for one, other in zip(low, high, strict=True))
        assert (
            Markets(
                {
                    "perp": perp_section()
                    | {
                        "liquidity_tiers": [
                            *perp_section()["liquidity_tiers"],
                            tier(8, "x", 1, 1, 1) | {"brackets": [one._asdict() for one in preset]},
                        ]
                    }
                }
            ).problems()
            == []
        )
