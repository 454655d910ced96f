"""The genesis files of this repository: every section is valid, the chain that they describe is whole, the figures are the source's."""

import json
from pathlib import Path
from typing import Any

import pytest

from modules.clob.model import PairStatus
from modules.consensus.model import SequencerParams
from modules.kernel import address as addresses
from modules.kernel.context import Context
from node.chain_genesis import load, validate
from node.store.state import LiveState
from node.wiring import Wiring

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "genesis").glob("*.json"))
MAINNET = ROOT.parent / "shared" / "data" / "dydx-mainnet-1-genesis.json"
DAY_NS = 1_641_168_000 * 10**9


def started(path: Path) -> tuple[Wiring, Context]:
    """The application with that genesis as its state."""
    wiring = Wiring()
    document = load(path)
    assert validate(document, wiring.modules) == []
    ctx = Context(LiveState(wiring.registry), 1, DAY_NS, "test-1")
    wiring.init_genesis(ctx, document)
    return wiring, ctx


def section(name: str) -> Any:
    """One module's part of the mainnet genesis, where it lies beside this repository."""
    if not MAINNET.exists():
        pytest.skip(f"{MAINNET.name} is not there to compare with")
    return json.loads(MAINNET.read_text())["app_state"][name]


def ours(name: str) -> Any:
    """The same part of our file."""
    return load(ROOT / "genesis" / "mainnet-markets.json")[name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_limit_of_blocks_is_named(path: Path) -> None:
    """Whoever configures a chain sees all of them, and what is written is what the chain has."""
    written = json.loads(path.read_text())["consensus"]["sequencer"]
    assert tuple(written) == SequencerParams._fields
    wiring, ctx = started(path)
    shares = tuple(written["lane_byte_share_ppm"])
    assert wiring.consensus.keeper.params(ctx) == SequencerParams(**(written | {"lane_byte_share_ppm": shares}))


def test_the_files_are_found() -> None:
    """The tests below run on something."""
    assert [path.name for path in FILES] == ["localnet.json", "mainnet-markets.json"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_chain_starts_whole(path: Path) -> None:
    """No mistakes, no broken invariant, and its export is a valid genesis of the same state."""
    wiring, ctx = started(path)
    assert wiring.check_invariants(ctx) == []
    exported = wiring.export_genesis(ctx)
    again = Wiring()
    assert validate(exported, again.modules) == []
    other = Context(LiveState(again.registry), 1, DAY_NS, "test-1")
    again.init_genesis(other, exported)
    assert again.export_genesis(other) == exported
    assert other.state.changes() == ctx.state.changes()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_perpetual_is_priced_active_and_worth_something(path: Path) -> None:
    """One order book each, trading, with steps of whole lots; a lot and a tick are worth something at the first price."""
    wiring, ctx = started(path)
    pairs = {pair.perpetual_id: pair for pair in wiring.clob.keeper.pairs(ctx)}
    perpetuals = list(wiring.perp.keeper.all(ctx))
    assert list(pairs) == [perpetual.id for perpetual in perpetuals]
    for perpetual in perpetuals:
        pair = pairs[perpetual.id]
        market = wiring.oracle.keeper.market(ctx, perpetual.market_id)
        assert market is not None
        assert market.ticker == perpetual.ticker
        assert pair.status == PairStatus.ACTIVE
        assert pair.step_base_quantums == wiring.funding.keeper.lot(ctx, perpetual.id)
        assert not wiring.oracle.keeper.standing(ctx, perpetual.market_id)
        assert wiring.perp.keeper.notional(ctx, perpetual.id, pair.step_base_quantums) > 0
        numerator, denominator = wiring.perp.keeper.index_subticks(ctx, perpetual.id, pair.quantum_conversion_exponent)
        assert numerator > 100 * denominator * pair.subticks_per_tick, f"{perpetual.ticker} has ticks wider than one percent"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_insurance_fund_is_there_and_takes_no_payments(path: Path) -> None:
    """A module account with money in it."""
    wiring, ctx = started(path)
    fund = addresses.of_module("insurance_fund")
    assert wiring.bank.keeper.balance(ctx, fund) == 1_000_000_000_000
    assert wiring.bank.keeper.is_blocked(ctx, fund)


def test_the_localnet_starts_where_the_recorded_day_does_and_funds_every_twenty_seconds() -> None:
    """The first close of genesis/prices is the first price of BTC-USD; an epoch passes while somebody watches."""
    wiring, ctx = started(ROOT / "genesis" / "localnet.json")
    rows = (ROOT / "genesis" / "prices" / "btc-usd-2022-01-03.csv").read_text().splitlines()
    first_close = next(row for row in rows if row.startswith("2022-")).split(",")[1]
    assert wiring.oracle.keeper.recorded(ctx, 0).price == int(first_close) * 10**5
    assert [perpetual.ticker for perpetual in wiring.perp.keeper.all(ctx)] == ["BTC-USD", "ETH-USD", "SOL-USD"]
    assert [wiring.funding.keeper.settings(ctx, perpetual_id).epoch_seconds for perpetual_id in range(3)] == [20, 20, 20]


def test_mainnet_markets_have_the_figures_of_mainnet_prices() -> None:
    """Pair, exponent, smallest change and first price of every market that prices a perpetual."""
    source = section("prices")
    prices = {row["id"]: row for row in source["market_prices"]}
    used = [row["params"]["market_id"] for row in section("perpetuals")["perpetuals"]]
    expected = [
        {
            "id": row["id"],
            "ticker": row["pair"],
            "exponent": prices[row["id"]]["exponent"],
            "min_price_change_ppm": row["min_price_change_ppm"],
            "price": str(prices[row["id"]]["price"]),
        }
        for row in source["market_params"]
        if row["id"] in used
    ]
    assert len(expected) == 33
    assert ours("oracle")["markets"] == expected


def test_mainnet_markets_have_the_figures_of_mainnet_perpetuals_and_tiers() -> None:
    """All 33, with their tiers; mainnet's genesis knows neither isolated markets nor caps of open interest."""
    source = section("perpetuals")
    perpetuals = [row["params"] | {"market_type": "CROSS"} for row in source["perpetuals"]]
    assert ours("perp")["perpetuals"] == perpetuals
    caps = {"open_interest_lower_cap": "0", "open_interest_upper_cap": "0"}
    tiers = [row | {"impact_notional": str(row["impact_notional"])} | caps for row in source["liquidity_tiers"]]
    for row in tiers:
        del row["base_position_notional"]
    assert ours("perp")["liquidity_tiers"] == tiers
    funding = ours("funding")
    assert funding["rate_clamp_factor_ppm"] == source["params"]["funding_rate_clamp_factor_ppm"]
    assert funding["premium_clamp_factor_ppm"] == source["params"]["premium_vote_clamp_factor_ppm"]


def test_mainnet_markets_have_the_figures_of_mainnet_books_fees_and_liquidations() -> None:
    """Steps, ticks, exponents, lots of one step, hourly funding, fee tiers, liquidation limits."""
    clob = section("clob")
    pairs = [
        {
            "id": row["id"],
            "perpetual_id": row["perpetual_clob_metadata"]["perpetual_id"],
            "step_base_quantums": str(row["step_base_quantums"]),
            "subticks_per_tick": row["subticks_per_tick"],
            "quantum_conversion_exponent": row["quantum_conversion_exponent"],
            "status": "ACTIVE",
        }
        for row in clob["clob_pairs"]
    ]
    assert ours("clob")["clob_pairs"] == pairs
    hourly = next(row["duration"] for row in section("epochs")["epoch_info_list"] if row["name"] == "funding-tick")
    funded = [(row["id"], row["lot_base_quantums"], row["epoch_seconds"]) for row in ours("funding")["perpetuals"]]
    assert funded == [(row["perpetual_id"], row["step_base_quantums"], hourly) for row in pairs]
    assert ours("fees")["tiers"] == section("feetiers")["params"]["tiers"]
    limits = clob["liquidations_config"]
    figures = {key: str(value) for key, value in ours("liquidation").items()}
    flat = {"max_liquidation_fee_ppm": limits["max_liquidation_fee_ppm"]}
    for nested in ("position_block_limits", "subaccount_block_limits", "fillable_price_config"):
        flat |= limits[nested]
    assert figures == {key: str(value) for key, value in flat.items()}
    assert ours("bank")["denoms"][0] == section("assets")["assets"][0]["denom"]
