import json

import pytest

from modules.kernel.codec import decode_signed
from modules.kernel.errors import ChainError
from modules.kernel.module import QueryError
from modules.perp import queries
from modules.perp.brackets import CEX_TIERS, PRESETS
from perpd_proto.perpd.perp.v1 import query_pb2
from support.markets import BTC, ETH, LINK, SMALL_CAP, Markets, oracle_section, perp_section

SECOND = 10**9


def test_perpetuals_come_in_order_and_know_their_kind() -> None:
    """Ascending ids; isolated markets say so."""
    markets = Markets()
    assert [perpetual.id for perpetual in markets.perp.all(markets.ctx)] == [BTC, ETH, LINK]
    assert not markets.perp.require(markets.ctx, BTC).isolated
    assert markets.perp.require(markets.ctx, LINK).isolated
    assert markets.perp.tier(markets.ctx, markets.perp.require(markets.ctx, LINK)).id == SMALL_CAP


def test_a_missing_perpetual_is_a_registered_failure() -> None:
    """perpetuals/1, and None from the lookup that may fail."""
    markets = Markets()
    assert markets.perp.perpetual(markets.ctx, 9) is None
    with pytest.raises(ChainError) as caught:
        markets.perp.require(markets.ctx, 9)
    assert (caught.value.codespace, caught.value.code) == ("perpetuals", 1)


def test_margin_follows_the_price_of_the_block() -> None:
    """The memo lives in the context's scratch: another price, after the price step, gives another margin."""
    markets = Markets()
    assert markets.perp.margin(markets.ctx, BTC, 12_345_678_900) == (74_226_489_176, 1_484_529_784, 890_717_871)
    assert markets.perp.terms(markets.ctx, BTC) is markets.perp.terms(markets.ctx, BTC)
    markets.set_price(BTC, 3_006_172_839)
    assert markets.perp.notional(markets.ctx, BTC, 12_345_678_900) == 37_113_244_588


def test_margin_uses_the_open_interest_of_the_market_or_the_one_given() -> None:
    """E3: open interest now, and what the judged trade would make of it; open interest changes need no memo cleared."""
    markets = Markets()

    def margin(**given: int) -> int:
        return markets.perp.margin(markets.ctx, LINK, 1_000_000_000, **given).initial

    assert margin() == 1_456_000_000
    markets.perp.change_open_interest(markets.ctx, LINK, 2_000_000_000_000)
    assert margin() == 5_439_616_000
    assert margin(custom_imf_ppm=400_000) == 5_824_000_000
    assert margin(open_interest=2_001_000_000_000) == 5_445_964_160
    assert margin(open_interest=0) == 1_456_000_000


def test_the_margin_query_tells_rates_now_and_brackets() -> None:
    """E3's scaled fraction of a market without brackets; a bracketed tier's rates; NOT_FOUND for no perpetual."""
    markets = Markets()
    markets.perp.change_open_interest(markets.ctx, LINK, 2_000_000_000_000)
    told = queries.margin(markets.ctx, markets.perp, query_pb2.QueryMarginRequest(perpetual_id=LINK))
    assert (told.initial_ppm, told.maintenance_ppm, list(told.brackets)) == (373_600, 50_000, [])
    assert decode_signed(told.open_interest) == 2_000_000_000_000
    genesis = perp_section()
    genesis["liquidity_tiers"][0]["brackets"] = CEX_TIERS
    markets = Markets({"perp": genesis})
    told = queries.margin(markets.ctx, markets.perp, query_pb2.QueryMarginRequest(perpetual_id=BTC))
    assert [(row.above_notional, row.initial_ppm, row.maintenance_ppm) for row in told.brackets] == list(PRESETS[CEX_TIERS])
    assert (told.initial_ppm, told.maintenance_ppm) == (20_000, 4_000)
    with pytest.raises(QueryError) as caught:
        queries.margin(markets.ctx, markets.perp, query_pb2.QueryMarginRequest(perpetual_id=9))
    assert caught.value.status == "NOT_FOUND"


def test_open_interest_grows_shrinks_and_never_goes_below_zero() -> None:
    """Zero leaves no entry behind; below zero is our bug, not a user's error."""
    markets = Markets()
    markets.perp.change_open_interest(markets.ctx, BTC, 5)
    markets.perp.change_open_interest(markets.ctx, BTC, -2)
    assert markets.perp.open_interest(markets.ctx, BTC) == 3
    markets.perp.change_open_interest(markets.ctx, BTC, -3)
    assert markets.perp.open_interest(markets.ctx, BTC) == 0
    assert list(markets.perp_module._state.open_interest.keys(markets.ctx)) == []
    with pytest.raises(AssertionError):
        markets.perp.change_open_interest(markets.ctx, BTC, -1)


def test_a_market_without_a_price_says_so() -> None:
    """terms().price 0, nothing worth anything, index 0."""
    section = oracle_section()
    section["markets"][BTC]["price"] = 0
    markets = Markets({"oracle": section})
    assert markets.perp.terms(markets.ctx, BTC).price == 0
    assert markets.perp.notional(markets.ctx, BTC, 10**12) == 0
    assert markets.perp.index_subticks(markets.ctx, BTC, -9)[0] == 0


def test_index_in_subticks_comes_from_the_oracle_price() -> None:
    """The worked examples' BTC: 6012345678 subticks."""
    markets = Markets()
    assert markets.perp.index_subticks(markets.ctx, BTC, -9) == (6_012_345_678, 1)


def test_queries_answer_tiers_and_the_next_id() -> None:
    """What needs no funding index."""
    markets = Markets()
    answer = markets.ask("/dydxprotocol.perpetuals.Query/AllLiquidityTiers")
    assert [(row.id, row.name, row.initial_margin_ppm) for row in answer.liquidity_tiers][1] == (1, "Small-Cap", 100_000)
    assert answer.liquidity_tiers[1].open_interest_upper_cap == 50_000_000_000_000
    assert answer.pagination.total == 3
    assert markets.ask("/dydxprotocol.perpetuals.Query/NextPerpetualId").next_perpetual_id == 3


def test_genesis_export_builds_the_same_state() -> None:
    """save -> load -> save, with open interest."""
    markets = Markets()
    markets.perp.change_open_interest(markets.ctx, LINK, 7_000_000)
    exported = json.loads(json.dumps(markets.export()))
    again = Markets(exported)
    assert again.export() == exported
    assert again.perp.open_interest(again.ctx, LINK) == 7_000_000
    assert again.broken() == []


@pytest.mark.parametrize(
    ("table", "change", "path"),
    [
        ("perpetuals", {"id": 0}, "perp.perpetuals[1].id"),
        ("perpetuals", {"market_id": 7}, "perp.perpetuals[1].market_id"),
        ("perpetuals", {"liquidity_tier": 7}, "perp.perpetuals[1].liquidity_tier"),
        ("perpetuals", {"default_funding_ppm": 1_000_001}, "perp.perpetuals[1].default_funding_ppm"),
        ("perpetuals", {"market_type": "SPOT"}, "perp.perpetuals[1].market_type"),
        ("perpetuals", {"ticker": ""}, "perp.perpetuals[1].ticker"),
        ("perpetuals", {"atomic_resolution": -31}, "perp.perpetuals[1].atomic_resolution"),
        ("perpetuals", {"open_interest": -1}, "perp.perpetuals[1].open_interest"),
        ("liquidity_tiers", {"id": 0}, "perp.liquidity_tiers[1].id"),
        ("liquidity_tiers", {"initial_margin_ppm": 0}, "perp.liquidity_tiers[1].initial_margin_ppm"),
        ("liquidity_tiers", {"initial_margin_ppm": 1_000_001}, "perp.liquidity_tiers[1].initial_margin_ppm"),
        ("liquidity_tiers", {"maintenance_fraction_ppm": 1_000_001}, "perp.liquidity_tiers[1].maintenance_fraction_ppm"),
        ("liquidity_tiers", {"impact_notional": 0}, "perp.liquidity_tiers[1].impact_notional"),
        ("liquidity_tiers", {"open_interest_lower_cap": 10**18}, "perp.liquidity_tiers[1].open_interest_lower_cap"),
        ("liquidity_tiers", {"leverage": 5}, "perp.liquidity_tiers[1].leverage"),
    ],
)
def test_genesis_mistakes_are_named_with_their_path(table: str, change: dict[str, object], path: str) -> None:
    """Each mistake alone, at its place in the file."""
    section = perp_section()
    section[table][1] |= change
    markets = Markets()
    markets.genesis["perp"] = section
    assert path in [found for found, _ in markets.problems()]


@pytest.mark.parametrize("section", [None, 7, {"perpetuals": {}}, {"liquidity_tiers": [[]], "perpetuals": [1]}])
def test_genesis_of_the_wrong_shape_is_reported_not_raised(section: object) -> None:
    """Whatever JSON stands there, also for the sections that refer to it."""
    markets = Markets()
    markets.genesis["perp"] = section
    assert any(path.startswith("perp") for path, _ in markets.problems())


def test_invariants_find_what_is_broken() -> None:
    """PERP-A and ORACLE-A see a perpetual without market or tier and a market without a price."""
    markets = Markets()
    markets.perp_module._state.perpetuals.set(
        markets.ctx, 9, markets.perp.require(markets.ctx, BTC)._replace(id=9, market_id=9, liquidity_tier=9)
    )
    markets.perp_module._state.open_interest.set(markets.ctx, 8, 5)
    assert len(markets.perp_module.check_invariants(markets.ctx)) == 3
    markets.oracle_module._state.prices.delete(markets.ctx, ETH)
    assert len(markets.oracle_module.check_invariants(markets.ctx)) == 1
