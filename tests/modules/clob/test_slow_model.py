"""The trading core against a second implementation that was written from the specification alone: same messages, same everything."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.slow import charges, money
from support.slow.exchanges import MARKETS, PRICES, random_rules
from support.slow.scenario import Crowd, Duel
from support.slow.world import FeeTier, Market, Rules, World

KINDS: tuple[str, ...] = ("short",) * 6 + ("long",) * 4 + ("conditional",) * 3 + ("twap",) * 2 + ("stateful_cancel",) * 2
KINDS += ("short_cancel", "batch_cancel", "deposit", "withdraw", "transfer", "leverage")
BLOCKS = 16
SEEDS = range(100)

CODES = (10, 11, 12, 20, 24, 29, 34, 45, 50, 7, 8, 2001, 2004, 2005, 3002, 3003, 3004, 3005, 3006, 3007, 3008, 3009, 3010, 10_001, 11_002)
REASONS = (
    "CANCELLED",
    "EXPIRED",
    "FILL_LIMIT",
    "FULLY_FILLED",
    "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK",
    "POST_ONLY_WOULD_CROSS_MAKER_ORDER",
    "REDUCE_ONLY_RESIZE",
    "REPLACED",
    "SELF_TRADE_ERROR",
    "TWAP_OVER",
    "UNDERCOLLATERALIZED",
    "VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS",
)


def trade(random: Random, blocks: int = BLOCKS) -> Counter[Any]:
    """One random story on both chains; what happened in it, counted."""
    duel = Duel(random_rules(random))
    crowd = Crowd(random, duel, KINDS)
    for _ in range(blocks):
        crowd.block()
    return duel.seen


def crush(random: Random, blocks: int = 12) -> Counter[Any]:
    """A story of conditional and TWAP orders, more of them due than blocks run."""
    duel = Duel(random_rules(random)._replace(max_due=random.choice((1, 2, 3)), stateful_limits=()))
    crowd = Crowd(random, duel, ("conditional",) * 12 + ("twap",) * 3 + ("short", "stateful_cancel"))
    for _ in range(blocks):
        crowd.block()
    return duel.seen


@pytest.fixture(scope="module")
def seen() -> Counter[Any]:
    """What happened over all fixed seeds."""
    total: Counter[Any] = Counter()
    for seed in SEEDS:
        total += trade(Random(seed))
    return total


def test_random_blocks_agree_with_the_text(seen: Counter[Any]) -> None:
    """Codes, fills, books, collateral, positions, pools, fees and ends of orders are equal after every message."""
    assert seen["fill"] > 400
    assert seen["code", "", 0] > 3_000
    assert seen["triggered"] > 200
    assert seen["slice"] > 200
    assert seen["funding"] > 500
    assert seen["queued"] > 50


def test_random_blocks_with_more_due_than_they_run_agree_with_the_text() -> None:
    """The same where triggers and slices are left over in most blocks: cancelled, expired, placed anew, overtaken by prices."""
    total: Counter[Any] = Counter()
    for seed in range(30):
        total += crush(Random(seed))
    assert total["queued"] > 500
    assert total["triggered"] > 100
    assert total["slice"] > 50


@pytest.mark.parametrize("what", ["tier", "router", "revenue", "builder", "bracket", "scaled", "leverage", "isolated"])
def test_every_rule_of_money_has_come_into_play(seen: Counter[Any], what: str) -> None:
    """Better fee tiers, shares of fees, brackets, margins scaled by open interest or chosen, isolated markets: each has mattered."""
    assert seen[what] > 0


@pytest.mark.parametrize("reason", REASONS)
def test_orders_have_ended_in_every_way(seen: Counter[Any], reason: str) -> None:
    """The comparison has met every reason for which an order ends."""
    assert seen["ended", reason] > 0


@pytest.mark.parametrize("code", CODES)
def test_messages_have_failed_in_every_way(seen: Counter[Any], code: int) -> None:
    """The comparison has met every code that these messages can meet."""
    assert seen["code", "clob", code] > 0


@pytest.mark.parametrize(
    "failure", [("revshare", 8), ("sending", 1), ("sending", 2), ("subaccounts", 102), ("subaccounts", 701), ("subaccounts", 703)]
)
def test_messages_have_failed_in_other_modules(seen: Counter[Any], failure: tuple[str, int]) -> None:
    """The same for the codes of what trading stands on."""
    assert seen["code", *failure] > 0


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_story_agrees_with_the_text(random: Random) -> None:
    """As above, over stories that Hypothesis chooses and shrinks."""
    trade(random, blocks=6)


BTC = Market(0, 0, -10, -5, 1_000, 1_000_000, 100_000, -9, False, 20_000, 600_000, 0, 0, 1)
ETH = Market(1, 1, -9, -6, 1_000, 1_000_000, 100_000, -9, False, 20_000, 600_000, 0, 0, 1)
LINK = Market(2, 2, -6, -9, 2_500, 1_000_000, 100_000, -9, False, 100_000, 500_000, 20_000_000_000_000, 50_000_000_000_000, 1)


def _world() -> World:
    world = World(Rules((BTC, ETH, LINK), (FeeTier(500, -110),), 1_000), 100, 0)
    world.price = {0: 6_012_345_678, 1: 3_012_345_678, 2: 14_560_000_000}
    return world


@pytest.mark.parametrize(
    ("market", "quantums", "value", "initial", "maintenance"),
    [
        (BTC, 12_345_678_900, 74_226_489_176, 1_484_529_784, 890_717_871),
        (BTC, -12_345_678_900, -74_226_489_176, 1_484_529_784, 890_717_871),
        (BTC, 12_345, 74_222, 1_485, 891),
        (BTC, 1, 6, 1, 1),
        (ETH, -2_000_000_000, -6_024_691_356, 120_493_828, 72_296_297),
        (ETH, 1_500_000_001, 4_518_518_520, 90_370_371, 54_222_223),
    ],
)
def test_slow_margin_of_the_worked_positions(market: Market, quantums: int, value: int, initial: int, maintenance: int) -> None:
    """dydx-risk.md 16 E2."""
    world = _world()
    found = money.worth(world, 0, {market.perpetual: quantums}, world.open_interest, {})
    assert found == (value, initial, maintenance)


@pytest.mark.parametrize(("open_interest", "ppm"), [(0, 100_000), (2_000_000_000_000, 373_600), (2_001_000_000_000, 374_036)])
def test_slow_scaled_margin_of_the_worked_market(open_interest: int, ppm: int) -> None:
    """dydx-risk.md 16 E3."""
    assert money.initial_ppm(_world(), LINK, open_interest) == ppm


@pytest.mark.parametrize(
    ("size", "subticks", "result"),
    [
        (-5_000_000_000, 6_000_000_000, money.SUCCESS),
        (-5_000_000_000, 5_940_000_000, money.STILL),
        (1_000_000_000, 6_012_300_000, money.STILL),
    ],
)
def test_slow_transitions_of_the_worked_account(size: int, subticks: int, result: int) -> None:
    """dydx-risk.md 16 E4: two sales and a purchase from 67,300 USDC of debt."""
    world = _world()
    account = (b"a" * 20, 0)
    world.collateral[account] = -67_300_000_000
    world.positions[account] = {0: 12_345_678_900, 1: -2_000_000_000}
    quote = charges.fill_quote(BTC, subticks, abs(size))
    delta = (quote if size < 0 else -quote) - charges.fee(quote, 500)
    assert money.judge(world, BTC, [money.Side(account, size, delta)], is_match=False) == [result]


@pytest.mark.parametrize(
    ("quote", "ppm", "fee"),
    [
        (12_345_678, 500, 6_173),
        (12_345_678, 100, 1_235),
        (12_345_678, -110, -1_358),
        (1, 250, 1),
        (1, -110, 0),
        (999, 350, 1),
        (999, -50, 0),
    ],
)
def test_slow_fees_of_the_worked_fills(quote: int, ppm: int, fee: int) -> None:
    """dydx-risk.md 16 E13."""
    assert charges.fee(quote, ppm) == fee


def test_prices_of_the_scenarios_are_not_whole_ticks() -> None:
    """The odd market's oracle price is no whole subtick, so roundings of triggers and slices matter."""
    world = World(Rules(MARKETS, (FeeTier(500, -110),), 4), 100, 0)
    world.price = dict(PRICES)
    assert world.oracle_subticks(MARKETS[2]).denominator > 1
