"""The liquidation pass of a block: who, in what order, how much, at what price, and who pays."""

from collections.abc import Mapping
from typing import Any

import pytest

from modules.kernel import address as addresses
from modules.kernel.module import Problems
from modules.liquidation import genesis
from modules.subaccounts.model import Position, subaccount
from support.clob_exchange import clob_section, fees_section, owner, sub
from support.markets import BTC, ETH, LINK, oracle_section, perp_section
from support.risk_desk import RICH, Desk, desk_genesis, fine_genesis

LOT = 1_000_000
COIN = 10**10
BIG = 12_345_678_900
ALICE, BOB, CAROL, DAVE, MAKER, WHALE = (sub(name) for name in ("alice", "bob", "carol", "dave", "maker", "whale"))
ALL_AT_ONCE = {"max_position_portion_liquidated_ppm": 1_000_000, "max_notional_liquidated": str(10**15)}


def a_long(usdc: int, fund: int = RICH, params: Mapping[str, Any] | None = None, **sections: Any) -> Desk:
    """Alice has the examples' long BTC position with this collateral, Bob the other side of it; the maker is rich."""
    held = {ALICE: (usdc, {BTC: BIG}), BOB: (10 * RICH, {BTC: -BIG}), MAKER: (10 * RICH, {})}
    return Desk(fine_genesis(held, fund=fund, liquidation=dict(params or {}), **sections))


def test_who_is_above_maintenance_is_left_alone() -> None:
    """At the requirement itself nothing happens, one quantum below it does."""
    for usdc, happens in ((-73_335_771_305, False), (-73_335_771_306, True)):
        desk = a_long(usdc)
        desk.quote_order("maker", "buy", BIG // 100 * 100, 6_012_400_000)
        assert (desk.liquidate() != []) is happens
        assert (desk.position(ALICE) < BIG) is happens
        assert desk.broken() == []


def test_a_position_is_closed_in_parts_at_makers_prices_and_the_excess_goes_to_the_fund() -> None:
    """E9's limit 5,958,300,000; the size is a tenth in whole steps; the maker's better price counts; fee within 1.5 %."""
    desk = a_long(-73_781_130_241)
    desk.quote_order("maker", "buy", COIN, 5_990_000_000)
    (told,) = desk.liquidate()
    # A tenth of the notional, 7,422,648,917, is worth 1,234,567,889 base quantums: whole lots of 100.
    assert told["quantums_wanted"] == told["quantums_filled"] == 1_234_567_800
    assert (told["fillable_subticks"], told["is_buy"], told["perpetual_id"]) == (5_958_300_000, False, BTC)
    assert told["subaccount"] == addresses.to_text(owner("alice"))
    quote = 5_990_000_000 * 1_234_567_800 // 10**9
    assert desk.position(ALICE) == BIG - 1_234_567_800
    assert told["paid_by_fund"] == 0
    assert told["paid_to_fund"] == desk.module_balance("insurance_fund") - RICH > 0
    assert desk.collateral(ALICE) == -73_781_130_241 + quote - told["paid_to_fund"]
    assert desk.broken() == []


def test_the_examples_delta_of_one_fill_is_paid_to_the_quantum() -> None:
    """E11 row 2: 1,000,000,000 base quantums at 5,990,000,000 pay 13,728,396 into the fund."""
    desk = a_long(-73_781_130_241)
    desk.quote_order("maker", "buy", 1_000_000_000, 5_990_000_000)
    (told,) = desk.liquidate()
    assert (told["quantums_filled"], told["paid_to_fund"], told["paid_by_fund"]) == (1_000_000_000, 13_728_396, 0)
    assert desk.events("match")[0]["insurance_fund_delta_quote_quantums"] == 13_728_396
    assert desk.events("match")[0]["is_liquidation"] is True
    assert desk.broken() == []


def test_the_fund_pays_a_shortfall_and_the_account_ends_at_exactly_zero() -> None:
    """E11 last row: all of it at 6,000,000,000 with nothing left; the fund pays 152,415,776 and the account is gone."""
    desk = a_long(-74_226_489_176, params=ALL_AT_ONCE)
    desk.quote_order("maker", "buy", BIG, 6_000_000_000)
    (told,) = desk.liquidate()
    assert (told["quantums_filled"], told["paid_to_fund"], told["paid_by_fund"]) == (BIG, 0, 152_415_776)
    assert desk.module_balance("insurance_fund") == RICH - 152_415_776
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx))
    assert desk.broken() == []


def test_a_short_is_bought_back_below_its_limit() -> None:
    """E9's short at net collateral zero: limit 6,120,500,000; an ask above it is not touched."""
    held = {ALICE: (74_226_489_176, {BTC: -BIG}), BOB: (RICH, {BTC: BIG}), MAKER: (10 * RICH, {})}
    desk = Desk(fine_genesis(held))
    desk.quote_order("maker", "sell", COIN, 6_120_600_000)
    assert desk.liquidate() == []
    desk.quote_order("maker", "sell", 1_000_000_000, 6_120_500_000)
    (told,) = desk.liquidate()
    assert (told["is_buy"], told["fillable_subticks"], told["quantums_filled"]) == (True, 6_120_500_000, 1_000_000_000)
    assert told["paid_by_fund"] == 6_120_500_000 - desk.notional(BTC, 1_000_000_000) + (desk.risk(ALICE).net_collateral)
    assert desk.broken() == []


def test_the_fund_never_goes_below_zero_and_what_it_cannot_cover_goes_to_the_other_side() -> None:
    """1013: the order stops at the fill that the fund cannot cover; a bid that needs less is taken before."""
    desk = a_long(-75_000_000_000, fund=1_000_000, params=ALL_AT_ONCE)
    desk.quote_order("maker", "buy", COIN, 6_012_000_000)
    assert desk.liquidate() == []
    assert desk.module_balance("insurance_fund") == 1_000_000
    assert desk.events("deleveraged")[0]["quantums"] == BIG
    assert desk.broken() == []
    again = a_long(-75_000_000_000, fund=1_000_000, params=ALL_AT_ONCE)
    # 0.00001 BTC at a good price costs the fund less than it has: bankruptcy is 6,075,005,... per 10^9.
    again.quote_order("maker", "buy", 10_000_000, 6_020_000_000)
    (told,) = again.liquidate()
    assert told["quantums_filled"] == 10_000_000
    assert 0 < told["paid_by_fund"] <= 1_000_000
    assert again.module_balance("insurance_fund") == 1_000_000 - told["paid_by_fund"]
    assert again.events("deleveraged")[0]["quantums"] == BIG - 10_000_000
    assert again.broken() == []


def test_a_fund_exhausted_in_the_middle_keeps_the_fills_before() -> None:
    """Two bids: the fund covers the first only."""
    desk = a_long(-74_226_489_176, fund=20_000_000, params=ALL_AT_ONCE)
    desk.quote_order("maker", "buy", COIN // 10, 6_000_000_000)
    desk.quote_order("maker", "buy", COIN, 5_999_900_000)
    (told,) = desk.liquidate()
    assert told["quantums_filled"] == COIN // 10
    assert told["quantums_wanted"] == BIG
    assert desk.module_balance("insurance_fund") == 20_000_000 - told["paid_by_fund"] >= 0
    assert desk.broken() == []


def test_a_subaccount_limit_on_notional_stops_its_orders() -> None:
    """1011: at oracle notional, over all positions of one subaccount in one block; the next block goes on."""
    limits = ALL_AT_ONCE | {"max_notional_liquidated": "10000000000"}
    desk = a_long(-73_781_130_241, params=limits)
    for _ in range(5):
        desk.quote_order("maker", "buy", COIN // 8, 5_990_000_000)
    (told,) = desk.liquidate()
    assert told["quantums_wanted"] == 1_663_244_300  # 10,000 USDC in whole lots
    assert desk.notional(BTC, told["quantums_filled"]) <= 10_000_000_000
    assert told["quantums_filled"] == 1_663_244_300
    desk.step()
    assert desk.liquidate()[0]["quantums_filled"] > 0
    assert desk.broken() == []


def test_a_subaccount_limit_on_the_funds_losses_stops_its_orders() -> None:
    """1012: after the first fill's loss the second would exceed it."""
    desk = a_long(-74_226_489_176, params=ALL_AT_ONCE | {"max_quantums_insurance_lost": "20000000"})
    desk.quote_order("maker", "buy", COIN // 10, 6_000_000_000)
    desk.quote_order("maker", "buy", COIN, 6_000_000_000)
    (told,) = desk.liquidate()
    assert told["quantums_filled"] == COIN // 10
    assert 0 < told["paid_by_fund"] <= 20_000_000
    assert desk.broken() == []


def cross(usdc: int) -> Desk:
    """Alice: long BTC (the larger requirement) and short ETH; others take the other sides."""
    held = {
        ALICE: (usdc, {BTC: 10_000 * LOT, ETH: -5_000 * LOT}),
        BOB: (100 * RICH, {BTC: -10_000 * LOT, ETH: 5_000 * LOT}),
        MAKER: (100 * RICH, {}),
    }
    return Desk(desk_genesis(held))


def test_inside_an_account_the_largest_requirement_comes_first_while_it_stays_liquidatable() -> None:
    """BTC 60,123 USD before ETH 15,061 USD; when BTC alone has made it sound, ETH is left alone."""
    desk = cross(-45_000_000_000)
    desk.quote_order("maker", "buy", COIN, 6_012_300_000)
    desk.quote_order("maker", "sell", 10**10, 3_012_400_000, ETH)
    assert [told["perpetual_id"] for told in desk.liquidate()] == [BTC, ETH]
    assert desk.broken() == []
    sound = cross(-44_180_000_000)
    assert sound.subaccounts.liquidatable(sound.ctx, ALICE) is not None
    sound.quote_order("maker", "buy", COIN, 6_070_000_000)  # so far above the oracle that the capped fee leaves it better off
    sound.quote_order("maker", "sell", 10**10, 3_012_400_000, ETH)
    assert [told["perpetual_id"] for told in sound.liquidate()] == [BTC]
    assert sound.subaccounts.liquidatable(sound.ctx, ALICE) is None


def crowd(collaterals: Mapping[str, int]) -> Desk:
    """Each name is long 0.1 BTC (6,012 USD) with this collateral."""
    names = dict(collaterals)
    held = {sub(name): (usdc - 6_012_345_678, {BTC: 1_000 * LOT}) for name, usdc in names.items()}
    held[WHALE] = (100 * RICH, {BTC: -1_000 * LOT * len(names)})
    held[MAKER] = (100 * RICH, {})
    return Desk(desk_genesis(held, liquidation=ALL_AT_ONCE))


def test_the_riskiest_account_meets_the_book_first_and_ties_go_by_key() -> None:
    """LIQ-1: the best bid, enough for two, goes to the two worst."""
    desk = crowd({"alice": 50_000_000, "bob": 10_000_000, "carol": 60_000_000, "dave": 10_000_000, "erin": 80_000_000})
    desk.quote_order("maker", "buy", 2_000 * LOT, 6_012_300_000)
    worst = sorted([BOB, DAVE])
    told = desk.liquidate()
    assert [event["subaccount"] for event in told] == [addresses.to_text(key.owner) for key in worst]
    assert [desk.position(key) for key in (ALICE, BOB, CAROL, DAVE)] == [1_000 * LOT, 0, 1_000 * LOT, 0]
    desk.step()
    desk.quote_order("maker", "buy", 9_000 * LOT, 6_012_300_000)
    assert [event["subaccount"] for event in desk.liquidate()] == [addresses.to_text(key.owner) for key in (ALICE, CAROL)]
    assert desk.position(sub("erin")) == 1_000 * LOT
    assert desk.broken() == []


def test_a_block_has_a_cap_of_filled_orders_and_unfilled_ones_take_no_place() -> None:
    """The riskiest are in a market without a book: they cannot keep the others from being liquidated."""
    held = {
        ALICE: (-15_100_000_000, {ETH: 5_000 * LOT}),
        BOB: (10_000_000 - 6_012_345_678, {BTC: 1_000 * LOT}),
        CAROL: (20_000_000 - 6_012_345_678, {BTC: 1_000 * LOT}),
        WHALE: (100 * RICH, {BTC: -2_000 * LOT, ETH: -5_000 * LOT}),
        MAKER: (RICH, {}),
    }
    desk = Desk(desk_genesis(held, liquidation=ALL_AT_ONCE | {"max_orders_per_block": 1}))
    desk.quote_order("maker", "buy", COIN, 6_012_300_000)
    assert desk.risk(ALICE).net_collateral < 0 < desk.risk(BOB).net_collateral
    assert [event["subaccount"] for event in desk.liquidate()] == [addresses.to_text(BOB.owner)]
    desk.step()
    assert [event["subaccount"] for event in desk.liquidate()] == [addresses.to_text(CAROL.owner)]


def test_makers_pay_their_fee_but_get_no_rebate_and_the_liquidated_pays_no_trading_fee() -> None:
    """dydx-risk.md 9.7: with a rebate of 110 ppm nothing is paid, with a fee of 100 ppm it is."""
    for ppm, paid in ((-110, 0), (100, 599_000)):
        desk = a_long(-73_781_130_241, fees=fees_section(500, ppm))
        desk.quote_order("maker", "buy", 1_000_000_000, 5_990_000_000)
        desk.liquidate()
        assert desk.module_balance("fee_collector") == paid
        (match,) = desk.events("match")
        assert (match["taker_order_fee_quote_quantums"], match["maker_order_fee_quote_quantums"]) == (0, paid)


def test_a_maker_without_margin_is_passed_and_what_it_was_priced_at_does_not_count() -> None:
    """Its order is removed; the fill that did not happen is in no sum and no limit."""
    limits = ALL_AT_ONCE | {"max_notional_liquidated": str(7_000_000_000)}
    desk = a_long(-73_781_130_241, params=limits)
    desk.deposit("carol", 200_000_000)
    poor = desk.quote_order("carol", "buy", 1_000_000_000, 5_990_000_000)
    desk.subaccounts.withdraw(desk.ctx, CAROL, owner("carol"), 199_000_000)
    desk.quote_order("maker", "buy", 1_000_000_000, 5_989_900_000)
    (told,) = desk.liquidate()
    assert told["quantums_filled"] == 1_000_000_000
    assert desk.clob.order(desk.ctx, poor) is None
    assert desk.position(CAROL) == 0
    desk.step()
    assert desk.broken() == []


def test_its_own_resting_orders_are_removed_and_never_matched() -> None:
    """A liquidated account does not trade with itself."""
    desk = a_long(-66_500_000_000)
    own = desk.quote_order("alice", "buy", 10_000_000, 5_995_000_000)
    desk.quote_order("maker", "buy", COIN, 5_800_000_000)
    desk.set_price(BTC, 5_420_000_000)
    assert desk.subaccounts.liquidatable(desk.ctx, ALICE) is not None
    assert desk.liquidate() != []
    assert desk.clob.order(desk.ctx, own) is None
    desk.step()
    assert desk.broken() == []


def test_an_isolated_position_is_paid_for_by_its_own_fund_alone() -> None:
    """LINK's fund is empty: the other side bears the shortfall, whatever the common fund holds; the cross pool pays nothing."""
    size = 1_000 * LOT
    held = {ALICE: (-14_600_000_000, {LINK: size}), BOB: (100_000_000_000, {LINK: -size}), MAKER: (RICH, {})}
    desk = Desk(desk_genesis(held, liquidation=ALL_AT_ONCE))
    cross_pool = desk.module_balance("subaccounts")
    desk.quote_order("maker", "buy", size, 14_500_000_000, LINK)
    assert desk.risk(ALICE).net_collateral < 0
    desk.quote_order("maker", "buy", size, 14_560_000_000, LINK)
    assert desk.liquidate() == []
    assert desk.module_balance("insurance_fund") == RICH
    assert desk.module_balance("subaccounts") == cross_pool + desk.collateral(BOB)
    assert desk.collateral(BOB) == 100_000_000_000 - 14_600_000_000
    own = desk_genesis(held, liquidation=ALL_AT_ONCE)
    own["bank"]["balances"].append({"module": "insurance_fund:2", "coins": [{"denom": "uusdc", "amount": "50000000"}]})
    paid = Desk(own)
    paid.quote_order("maker", "buy", size, 14_560_000_000, LINK)
    (told,) = paid.liquidate()
    assert (told["quantums_filled"], told["paid_by_fund"]) == (size, 40_000_000)
    assert paid.module_balance("insurance_fund:2") == 10_000_000
    assert paid.module_balance("insurance_fund") == RICH
    assert ALICE not in dict(paid.subaccounts.accounts(paid.ctx))
    assert paid.broken() == []


@pytest.mark.parametrize("status", ["PAUSED", "CANCEL_ONLY", "POST_ONLY", "INITIALIZING"])
def test_only_an_active_market_liquidates(status: str) -> None:
    """Positions elsewhere wait."""
    clob = clob_section()
    clob["clob_pairs"][BTC] |= {"status": status, "step_base_quantums": 100}
    desk = a_long(-74_000_000_000, clob=clob)
    assert desk.liquidate() == []
    assert desk.position(ALICE) == BIG


def test_a_position_without_a_market_or_price_does_no_harm() -> None:
    """No pair for ETH, no price for LINK: the pass goes on to what can be done, and raises nothing."""
    clob = clob_section()
    del clob["clob_pairs"][ETH]
    oracle = oracle_section()
    oracle["markets"][LINK]["price"] = "0"
    perp = perp_section()
    perp["perpetuals"][LINK]["market_type"] = "CROSS"
    held = {
        ALICE: (-80_000_000_000, {BTC: 10_000 * LOT, ETH: 5_000 * LOT, LINK: LOT}),
        BOB: (100 * RICH, {BTC: -10_000 * LOT, ETH: -5_000 * LOT, LINK: -LOT}),
        MAKER: (RICH, {}),
    }
    genesis = desk_genesis(held, oracle=oracle, perp=perp, clob=clob)
    for row, interest in zip(genesis["perp"]["perpetuals"], (10_000 * LOT, 5_000 * LOT, LOT), strict=True):
        row["open_interest"] = interest
    genesis["bank"]["balances"] = [row for row in genesis["bank"]["balances"] if not str(row.get("module", "")).startswith("subaccounts")]
    total = -80_000_000_000 + 101 * RICH
    genesis["bank"]["balances"].append({"module": "subaccounts", "coins": [{"denom": "uusdc", "amount": str(total)}]})
    desk = Desk(genesis)
    desk.quote_order("maker", "buy", COIN, 6_012_300_000)
    assert [told["perpetual_id"] for told in desk.liquidate()] == [BTC]
    assert desk.broken() == []


def test_a_price_close_to_nothing_gives_a_limit_of_one_tick() -> None:
    """The fillable price of a long may be below zero; the order then asks for one tick."""
    perp = perp_section()
    perp["liquidity_tiers"][0] |= {"initial_margin_ppm": 1_000_000, "maintenance_fraction_ppm": 1_000_000}
    held = {ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}), BOB: (RICH, {BTC: -1_000 * LOT}), MAKER: (RICH, {})}
    genesis = desk_genesis(held, perp=perp, liquidation=ALL_AT_ONCE)
    genesis["perp"]["perpetuals"][BTC]["open_interest"] = 1_000 * LOT
    desk = Desk(genesis)
    desk.quote_order("maker", "buy", 1_000 * LOT, 100_000)
    (told,) = desk.liquidate()
    assert (told["fillable_subticks"], told["quantums_filled"]) == (100_000, 1_000 * LOT)
    assert desk.broken() == []


def test_a_step_that_has_outgrown_a_position_leaves_it_waiting() -> None:
    """dydx-risk.md 15.3: a remainder below the step cannot be filled; nothing raises."""
    held = {ALICE: (-54_000_000, {BTC: 9 * LOT}), BOB: (RICH, {BTC: -9 * LOT}), MAKER: (RICH, {})}
    clob = clob_section()
    clob["clob_pairs"][BTC]["step_base_quantums"] = 10 * LOT
    desk = Desk(desk_genesis(held, clob=clob))
    desk.quote_order("maker", "buy", COIN, 6_012_300_000)
    assert desk.liquidate() == []
    assert desk.position(ALICE) == 9 * LOT


def test_funding_that_is_owed_is_paid_before_the_position_closes() -> None:
    """Liquidation settles first; the summary's account is priced with it."""
    desk = Desk()
    for name in ("bob", "maker"):
        desk.deposit(name, 10 * RICH)
    desk.deposit("alice", 1_400_000_000)
    desk.trade(ALICE, BOB, BTC, COIN)
    for _ in range(3):
        desk.fund_hour({BTC: 48_000})
    desk.quote_order("maker", "buy", COIN, 6_012_300_000)
    owed = desk.subaccounts.settled(desk.ctx, ALICE).collateral - desk.collateral(ALICE)
    assert owed < -600_000_000
    (told,) = desk.liquidate()
    assert desk.events("settled_funding")[0]["funding_paid_quote_quantums"] == -owed
    assert told["quantums_filled"] > 0
    assert desk.broken() == []


def test_the_configuration_is_answered_as_the_reference_does() -> None:
    """The figures of mainnet's genesis by default."""
    found = Desk().ask("/dydxprotocol.clob.Query/LiquidationsConfiguration").liquidations_config
    assert found.max_liquidation_fee_ppm == 15_000
    assert found.position_block_limits.min_position_notional_liquidated == 10**9
    assert found.position_block_limits.max_position_portion_liquidated_ppm == 100_000
    assert found.subaccount_block_limits.max_notional_liquidated == 10**11
    assert found.subaccount_block_limits.max_quantums_insurance_lost == 10**12
    assert found.fillable_price_config.bankruptcy_adjustment_ppm == 1_000_000
    assert found.fillable_price_config.spread_to_maintenance_margin_ratio_ppm == 1_500_000


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"max_liquidation_fee_ppm": 0}, "liquidation.max_liquidation_fee_ppm"),
        ({"max_position_portion_liquidated_ppm": 1_000_001}, "liquidation.max_position_portion_liquidated_ppm"),
        ({"max_notional_liquidated": "0"}, "liquidation.max_notional_liquidated"),
        ({"max_quantums_insurance_lost": "-1"}, "liquidation.max_quantums_insurance_lost"),
        ({"bankruptcy_adjustment_ppm": 999_999}, "liquidation.bankruptcy_adjustment_ppm"),
        ({"spread_to_maintenance_margin_ratio_ppm": 0}, "liquidation.spread_to_maintenance_margin_ratio_ppm"),
        ({"max_orders_per_block": 0}, "liquidation.max_orders_per_block"),
        ({"min_position_notional_liquidated": 1.5}, "liquidation.min_position_notional_liquidated"),
        ({"portion": 1}, "liquidation.portion"),
        (None, "liquidation"),
    ],
)
def test_genesis_reports_every_mistake(section: Any, path: str) -> None:
    """With its path."""
    found = Problems()
    genesis.validate(section, found)
    assert [where for where, _ in found.found] == [path]


def test_parameters_survive_export_and_import() -> None:
    """Also those that differ from the defaults."""
    desk = Desk(desk_genesis(liquidation={"max_orders_per_block": 3, "max_liquidation_fee_ppm": 7}))
    exported = desk.wiring.liquidation.export_genesis(desk.ctx)
    again = Desk(desk_genesis(liquidation=exported))
    assert again.liquidation.params(again.ctx) == desk.liquidation.params(desk.ctx)
    assert again.liquidation.params(again.ctx).max_orders_per_block == 3


def test_what_is_left_of_a_position_keeps_its_share_of_the_entry_cost() -> None:
    """SUB-5 through liquidation: in proportion, toward zero."""
    desk = a_long(-66_500_000_000)
    accounts = desk.wiring.subaccounts._state.accounts
    stored = desk.subaccounts.get(desk.ctx, ALICE)
    accounts.set(desk.ctx, ALICE, subaccount(stored.collateral, {BTC: Position(BIG, 0, 70_000_000_000)}))
    desk.set_price(BTC, 5_420_000_000)
    desk.quote_order("maker", "buy", COIN, 5_420_000_000)
    (told,) = desk.liquidate()
    left = BIG - told["quantums_filled"]
    assert desk.subaccounts.get(desk.ctx, ALICE).positions[BTC].entry_quote == 70_000_000_000 * left // BIG
