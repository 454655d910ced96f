"""The standing of prices at the oracle's own door: ages that readers name, markets' own ages, what reopens, and genesis of all of it."""

import json

import pytest

from modules.oracle.events import PRICE_UPDATED, STANDING_CHANGED
from modules.oracle.model import PriceVote, Reading, Standing
from support.markets import BTC, ETH, LINK, Markets, confirm_prices, oracle_section

SECOND = 10**9
PRICE = 6_012_345_678


def markets_with(**fields: object) -> Markets:
    """BTC with these fields in genesis."""
    section = oracle_section()
    section["markets"][BTC] |= fields
    return Markets({"oracle": section})


def vote(markets: Markets, price: int, market_id: int = BTC) -> None:
    """Everybody reports this in the block."""
    markets.oracle.apply_votes(markets.ctx, [PriceVote(1, ((market_id, price),))], 1)


def test_who_reads_a_price_names_the_oldest_that_it_takes() -> None:
    """One price, eleven seconds old: too old for one reader, not for another; both are told what it was last, and its age."""
    markets = Markets()
    ctx = markets.step(11 * SECOND)
    assert markets.oracle.price(ctx, BTC, 10) == Reading(PRICE, -5, 11 * SECOND, Standing.STALE)
    assert markets.oracle.price(ctx, BTC, 11) == Reading(PRICE, -5, 11 * SECOND, Standing.FRESH)
    assert markets.oracle.standing(ctx, BTC) is Standing.FRESH


def test_a_market_may_have_a_maximum_age_of_its_own() -> None:
    """BTC five seconds, the others the section's sixty; ageing alone changes what is told, once."""
    markets = markets_with(maximum_age_seconds=5)
    ctx = markets.step(5 * SECOND)
    markets.oracle.tell_standings(ctx)
    assert (markets.oracle.not_fresh(ctx), ctx.events) == ({}, [])
    ctx = markets.step(1)
    markets.oracle.tell_standings(ctx)
    assert markets.oracle.not_fresh(ctx) == {BTC: Standing.STALE}
    assert ctx.events == [(STANDING_CHANGED, (BTC, "STALE"))]
    ctx = markets.step(1)
    markets.oracle.tell_standings(ctx)
    assert ctx.events == []
    confirm_prices(ctx, markets.oracle)
    markets.oracle.tell_standings(ctx)
    assert ctx.events == [(STANDING_CHANGED, (BTC, "FRESH"))]


def test_after_a_gap_each_market_counts_its_own_updates() -> None:
    """ORACLE-4: a gap of just the parameter is none; then BTC hears three prices, ETH two, LINK none."""
    markets = Markets()
    ctx = markets.step(300 * SECOND)
    markets.oracle.begin_block(ctx, 300 * SECOND)
    assert Standing.REOPENING not in markets.oracle.not_fresh(ctx).values()
    markets.oracle.begin_block(ctx, 300 * SECOND + 1)
    for heard in (1, 2, 3):
        vote(markets, PRICE + heard)
        if heard < 3:
            vote(markets, 3_012_345_678, ETH)
        markets.oracle.tell_standings(ctx := markets.ctx)
        assert markets.oracle.updates_to_come(ctx, BTC) == 3 - heard
        markets.step(SECOND)
    assert markets.oracle.not_fresh(markets.ctx) == {ETH: Standing.REOPENING, LINK: Standing.REOPENING}
    markets.oracle.begin_block(markets.ctx, 301 * SECOND)
    assert [markets.oracle.updates_to_come(markets.ctx, market) for market in (BTC, ETH, LINK)] == [3, 3, 3], "another gap begins anew"


def test_a_chain_that_asks_for_no_fresh_prices_never_reopens() -> None:
    """`fresh_prices` 0: a gap is nothing, and staleness alone counts."""
    markets = Markets({"oracle": oracle_section() | {"reopening": {"fresh_prices": 0}}})
    markets.oracle.begin_block(markets.ctx, 10**18)
    assert markets.oracle.not_fresh(markets.ctx) == {}


def test_a_small_move_confirms_and_a_large_one_is_cut() -> None:
    """ORACLE-6 and ORACLE-7 together: no event for what is none, and the event of a cut move tells the cut price."""
    markets = markets_with(minimum_move_ppm=1_000, maximum_move_ppm=10_000)
    ctx = markets.step(SECOND)
    vote(markets, PRICE + 6_012_345)
    assert (ctx.events, markets.oracle.recorded(ctx, BTC).price) == ([], PRICE)
    assert markets.oracle.recorded(ctx, BTC).updated_height == ctx.height
    vote(markets, PRICE + 6_012_346)
    vote(markets, 10 * PRICE)
    assert ctx.events == [(PRICE_UPDATED, (BTC, 6_018_358_024)), (PRICE_UPDATED, (BTC, 6_078_541_604))]


def test_genesis_keeps_bounds_and_what_is_to_come() -> None:
    """save -> load -> save: bounds, parameters, the standing told last, and how many updates are still needed."""
    markets = markets_with(
        maximum_age_seconds=7, maximum_confidence_ppm=8, maximum_move_ppm=9, minimum_move_ppm=10, updates_to_come=2, standing="STALE"
    )
    exported = json.loads(json.dumps(markets.export()["oracle"]))
    row = exported["markets"][BTC]
    assert [row[key] for key in ("maximum_age_seconds", "maximum_confidence_ppm", "maximum_move_ppm", "minimum_move_ppm")] == [7, 8, 9, 10]
    assert (row["updates_to_come"], row["standing"], exported["reopening"]) == (2, "STALE", {"gap_seconds": 300, "fresh_prices": 3})
    assert Markets({"oracle": exported}).export()["oracle"] == exported
    assert markets.oracle.standing(markets.ctx, BTC) is Standing.REOPENING


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"maximum_age_seconds": 30 * 86_400 + 1}, "oracle.markets[1].maximum_age_seconds"),
        ({"maximum_confidence_ppm": 1_000_001}, "oracle.markets[1].maximum_confidence_ppm"),
        ({"maximum_move_ppm": -1}, "oracle.markets[1].maximum_move_ppm"),
        ({"minimum_move_ppm": "much"}, "oracle.markets[1].minimum_move_ppm"),
        ({"standing": "GOOD"}, "oracle.markets[1].standing"),
        ({"updates_to_come": 1_001}, "oracle.markets[1].updates_to_come"),
        ({"confidence": -1}, "oracle.markets[1].confidence"),
    ],
)
def test_genesis_mistakes_in_bounds_are_named(change: dict[str, object], path: str) -> None:
    """Each mistake alone, at its place in the file."""
    markets = Markets()
    markets.genesis["oracle"]["markets"][1] |= change
    assert [found for found, _ in markets.problems()] == [path]


@pytest.mark.parametrize("reopening", [{"gap_seconds": 0}, {"fresh_prices": 1_001}, {"gap": 5}, 5])
def test_genesis_mistakes_in_reopening_are_named(reopening: object) -> None:
    """The gap is at least a second, the prices at most a thousand, and nothing else stands there."""
    markets = Markets()
    markets.genesis["oracle"]["reopening"] = reopening
    assert [found.startswith("oracle.reopening") for found, _ in markets.problems()] == [True]
