"""What a block makes of its votes, against an obvious reference, and whatever a third of the power less one does."""

from hypothesis import given
from hypothesis import strategies as st

from modules.oracle.model import PriceVote
from support.markets import BTC, ETH, LINK, Markets

SECOND = 10**9
PRICES = st.one_of(st.integers(1, 2**64 - 1), st.sampled_from([1, 2, 2**64 - 1]))
VOTES = st.dictionaries(st.sampled_from([BTC, ETH, LINK, 99]), PRICES, max_size=4)
"""What one validator may report: any markets, unknown ones too."""


def obvious_price(votes: list[PriceVote], market_id: int, total_power: int) -> int | None:
    """Every unit of power that reported written out as one price; the lower of the middle ones if the units are two thirds of all."""
    units = sorted(price for vote in votes for reported, price in vote.prices if reported == market_id for _ in range(vote.power))
    return units[(len(units) - 1) // 2] if units and 3 * len(units) >= 2 * total_power else None


def carried(reports: list[tuple[int, dict[int, int]]]) -> list[PriceVote]:
    """(power, prices) as votes."""
    return [PriceVote(power, tuple(sorted(prices.items()))) for power, prices in reports]


@given(st.lists(st.tuples(st.integers(1, 40), VOTES), max_size=9), st.integers(0, 60))
def test_each_market_s_price_is_what_writing_out_all_power_gives(reports: list[tuple[int, dict[int, int]]], absent: int) -> None:
    """ORACLE-1 and ORACLE-2 through the keeper: for every market apart, with absent power, in whatever order votes stand."""
    markets = Markets()
    ctx = markets.step(SECOND)
    votes, total = carried(reports), sum(power for power, _ in reports) + absent
    before = {market_id: markets.oracle.recorded(ctx, market_id) for market_id in (BTC, ETH, LINK)}
    markets.oracle.apply_votes(ctx, votes[::-1], total)
    for market_id, old in before.items():
        expected, found = obvious_price(votes, market_id, total), markets.oracle.recorded(ctx, market_id)
        if expected is None:
            assert found == old
        else:
            assert (found.price, found.updated_ns, found.total_power) == (expected, ctx.time_ns, total)
            assert 3 * found.reporting_power >= 2 * total


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, dict[int, int] | None]]]:
    """Powers of honest validators, and others of less than a third of all: each lies, reports only some, or is silent (None)."""
    honest = draw(st.lists(st.integers(1, 40), min_size=1, max_size=7))
    left = (sum(honest) - 1) // 2  # with bad < honest / 2, bad is below a third of all
    others: list[tuple[int, dict[int, int] | None]] = []
    while left > 0 and len(others) < 6 and draw(st.booleans()):
        power = draw(st.integers(1, left))
        left -= power
        others.append((power, draw(st.none() | VOTES)))
    return honest, others


@given(networks(), st.data())
def test_less_than_a_third_that_lies_is_silent_or_mixes_cannot_leave_the_honest_range(
    network: tuple[list[int], list[tuple[int, dict[int, int] | None]]], data: st.DataObject
) -> None:
    """ORACLE-1 and ORACLE-2: the price always comes, and is between the lowest and the highest honest one."""
    powers, others = network
    total = sum(powers) + sum(power for power, _ in others)
    assert 3 * sum(power for power, _ in others) < total
    low = data.draw(st.integers(1, 2**63))
    honest = [(power, {BTC: data.draw(st.integers(low, low + 1_000))}) for power in powers]
    lies = [(power, prices) for power, prices in others if prices is not None]
    markets = Markets()
    ctx = markets.step(SECOND)
    votes = data.draw(st.permutations(carried(honest + lies)))
    markets.oracle.apply_votes(ctx, votes, total)
    found, said = markets.oracle.recorded(ctx, BTC), [prices[BTC] for _, prices in honest]
    assert found.updated_ns == ctx.time_ns
    assert min(said) <= found.price <= max(said)


def test_a_third_is_enough_to_stop_the_price_but_not_to_move_it() -> None:
    """The bound is sharp: a third that is silent leaves two thirds, which agree; a unit more, and the price ages."""
    for silent, agreed in ((10, True), (11, False)):
        markets = Markets()
        ctx = markets.step(SECOND)
        markets.oracle.apply_votes(ctx, carried([(20, {BTC: 600})]), 20 + silent)
        assert (markets.oracle.recorded(ctx, BTC).price == 600) is agreed
