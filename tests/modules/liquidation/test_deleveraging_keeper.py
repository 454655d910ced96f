"""Deleveraging in the engine's step: when, who, at what price, within what limits, and that everything adds up."""

from collections.abc import Mapping
from typing import Any

import pytest

from modules.kernel import address as addresses
from modules.kernel.units import SubaccountId
from modules.liquidation import formulas
from modules.liquidation.model import Holder
from modules.perp.model import PositionMargin
from modules.subaccounts.model import Position, Risk, subaccount
from support.clob_exchange import clob_section, sub
from support.deleverage_reference import expected_deleveraging, told_shares
from support.markets import BTC, ETH, LINK, funded, perp_section
from support.risk_desk import RICH, Desk, Holding, desk_genesis, fine_genesis

LOT = 1_000_000
COIN = 10**10
BIG = 12_345_678_900
E12_USDC = -74_726_489_176
"""With it a BIG long is worth -500 USDC."""
ALICE, BOB, CAROL, DAVE, MAKER = (sub(name) for name in ("alice", "bob", "carol", "dave", "maker"))
FIRST, SECOND, THIRD = sorted((BOB, CAROL, DAVE))
ALL_AT_ONCE = {"max_position_portion_liquidated_ppm": 1_000_000, "max_notional_liquidated": str(10**15)}


def half_lots() -> dict[str, Any]:
    """Lots of 50 base quantums, so that half of BIG is whole ones."""
    return {"perpetuals": [funded(perpetual_id, lot_base_quantums=50) for perpetual_id in (BTC, ETH, LINK)]}


def with_isolated_btc(genesis: dict[str, Any]) -> dict[str, Any]:
    """The same with BTC isolated: all collateral is in its own pool. Everybody in the genesis holds BTC."""
    perp = perp_section()
    for row, given in zip(perp["perpetuals"], genesis["perp"]["perpetuals"], strict=True):
        row["open_interest"] = given["open_interest"]
    perp["perpetuals"][BTC]["market_type"] = "ISOLATED"
    balances = [row | {"module": "subaccounts:0"} if row.get("module") == "subaccounts" else row for row in genesis["bank"]["balances"]]
    return genesis | {"perp": perp, "bank": genesis["bank"] | {"balances": balances}}


def crash(shorts: Mapping[SubaccountId, int], usdc: int = E12_USDC, collateral: int = 10 * RICH, **sections: Any) -> Desk:
    """Alice's long of all that the others are short, with empty books and no fund."""
    held: dict[SubaccountId, Holding] = {ALICE: (usdc, {BTC: sum(shorts.values())})}
    held |= {key: (collateral, {BTC: -size}) for key, size in shorts.items()}
    return Desk(fine_genesis(held, fund=0, **sections))


def set_entry(desk: Desk, key: SubaccountId, entry: int) -> None:
    """The key's BTC position has cost this much, signed as the position."""
    stored = desk.subaccounts.get(desk.ctx, key)
    position = stored.positions[BTC]._replace(entry_quote=entry)
    desk.wiring.subaccounts._state.accounts.set(desk.ctx, key, subaccount(stored.collateral, stored.positions | {BTC: position}))


def name(key: SubaccountId) -> str:
    """The owner as events tell it."""
    return addresses.to_text(key.owner)


def sound(desk: Desk) -> bool:
    """Nothing is broken, kept totals equal a full scan, and money is conserved."""
    return desk.broken() == [] and desk.subaccounts.conservation_by_scan(desk.ctx) == []


@pytest.mark.parametrize("isolated", [False, True])
def test_the_examples_account_closes_at_the_reference_quote_and_ends_with_nothing(isolated: bool) -> None:
    """E12 row 1, cross and isolated: the short pays 74,726,489,176, above the oracle's 74,226,489,176; the common fund is not asked."""
    genesis = fine_genesis({ALICE: (E12_USDC, {BTC: BIG}), BOB: (10 * RICH, {BTC: -BIG})})
    desk = Desk(with_isolated_btc(genesis) if isolated else genesis)
    assert desk.risk(ALICE).net_collateral == -500_000_000
    desk.liquidate()
    (told,) = desk.events("deleveraged")
    assert (told["quantums"], told["quote_quantums"], told["net_collateral"]) == (BIG, 74_726_489_176, -500_000_000)
    assert told_shares(desk) == {BOB: (BIG, 74_726_489_176)}
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx))
    assert desk.collateral(BOB) == 10 * RICH - 74_726_489_176
    assert desk.module_balance("insurance_fund") == RICH
    assert desk.module_balance("subaccounts") == desk.collateral(BOB)
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert sound(desk)


@pytest.mark.parametrize("isolated", [False, True])
def test_half_a_position_closes_at_the_reference_quote_when_half_the_other_side_cannot_pay(isolated: bool) -> None:
    """E12 row 2: 37,363,244,588 for half; who would be left with a debt is passed over, and the other half stays, visibly negative."""
    half = BIG // 2
    poor = (half + 100) * 6_012_345_678 // 10**9 + 249_000_000
    held = {
        ALICE: (E12_USDC, {BTC: BIG}),
        BOB: (10 * RICH, {BTC: -half}),
        CAROL: (poor, {BTC: -half - 100}),
        DAVE: (RICH, {BTC: 100}),
    }
    genesis = fine_genesis(held, fund=0, funding=half_lots())
    desk = Desk(with_isolated_btc(genesis) if isolated else genesis)
    assert desk.risk(CAROL).net_collateral == 249_000_000
    desk.liquidate()
    (told,) = desk.events("deleveraged")
    assert (told["quantums"], told["quote_quantums"]) == (half, 37_363_244_588)
    assert told_shares(desk) == {BOB: (half, 37_363_244_588)}
    (passed,) = desk.events("deleverage_passed_over")
    assert (passed["subaccount"], passed["net_collateral"]) == (name(CAROL), 249_000_000)
    assert desk.position(CAROL) == -half - 100
    assert desk.position(ALICE) == half
    assert desk.risk(ALICE).net_collateral == -250_000_000
    assert sound(desk)


def test_a_short_of_negative_worth_buys_above_zero_worth_from_the_longs() -> None:
    """LIQ-7 for a short: it pays all it has, less than the oracle's value."""
    held = {ALICE: (70_000_000_000, {BTC: -BIG}), BOB: (10 * RICH, {BTC: BIG})}
    desk = Desk(fine_genesis(held, fund=0))
    desk.liquidate()
    assert told_shares(desk) == {BOB: (BIG, -70_000_000_000)}
    assert desk.collateral(BOB) == 10 * RICH + 70_000_000_000
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx))
    assert sound(desk)


def test_a_debt_larger_than_a_short_is_worth_is_paid_for_closing_it() -> None:
    """Where the account has a debt beside its short, the long pays to close: the price is below zero, and nothing is left."""
    held = {ALICE: (-1_000_000_000, {BTC: -100 * LOT}), BOB: (10 * RICH, {BTC: 100 * LOT})}
    desk = Desk(desk_genesis(held, fund=0))
    desk.liquidate()
    assert told_shares(desk) == {BOB: (100 * LOT, 1_000_000_000)}
    assert desk.events("match")[0]["maker_quote_balance_delta_quote_quantums"] == -1_000_000_000
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx))
    assert sound(desk)


def test_the_receipt_carries_every_input_to_recompute_it() -> None:
    """LIQ-7, LIQ-9, LIQ-11 from the events of the block alone give the events' own figures."""
    desk = crash({BOB: 3_000_000_000, CAROL: 5_000_000_000, DAVE: BIG - 8_000_000_000})
    set_entry(desk, BOB, -19_000_000_000)
    set_entry(desk, CAROL, -25_000_000_000)
    set_entry(desk, DAVE, -1_000_000_000)
    desk.liquidate()
    (told,) = desk.events("deleveraged")
    rows = desk.events("deleverage_fill")
    assert told["counterparties"] == len(rows) == 3
    assert told["position_notional"] == told["position_quantums"] * told["oracle_price"] // 10**9
    holders = [
        Holder(SubaccountId(addresses.from_text(row["subaccount"]), row["subaccount_number"]), -row["position_quantums"] // 100, False)
        for row in rows
    ]
    for place, row in enumerate(rows):
        gained = formulas.is_profitable(row["position_quantums"] * told["oracle_price"] // 10**9, row["entry_quote_quantums"])
        assert gained is row["is_profitable"]
        holders[place] = holders[place]._replace(profitable=gained)
    lots = formulas.shares(told["position_quantums"] // told["lot_quantums"], holders)
    assert [part * told["lot_quantums"] for part in lots] == [row["quantums"] for row in rows]
    assert sum(lots) * told["lot_quantums"] == told["quantums"]
    total = formulas.deleverage_quote(
        Risk(told["net_collateral"], 0, told["maintenance"]),
        PositionMargin(told["position_notional"], 0, told["position_maintenance"]),
        PositionMargin(told["left_notional"], 0, told["left_maintenance"]),
    )
    assert total == told["quote_quantums"]
    assert formulas.split_quote(total, lots) == [row["quote_quantums"] for row in rows]
    assert told["profitable_quantums"] == sum(holder.lots for holder in holders if holder.profitable) * 100
    assert told["other_quantums"] == sum(holder.lots for holder in holders if not holder.profitable) * 100


def test_each_share_is_told_as_a_match_of_the_reference_too() -> None:
    """`is_deleverage`, no fees, money and sizes of both sides; the account is the taker."""
    desk = crash({BOB: 5_000_000_000, CAROL: BIG - 5_000_000_000})
    desk.liquidate()
    matches = desk.events("match")
    assert len(matches) == 2
    for told in matches:
        quantums, quote = told_shares(desk)[SubaccountId(addresses.from_text(told["maker_subaccount"]), 0)]
        assert (told["taker_subaccount"], told["is_deleverage"], told["is_liquidation"]) == (name(ALICE), True, False)
        assert told["taker_quote_balance_delta_quote_quantums"] == quote == -told["maker_quote_balance_delta_quote_quantums"]
        assert told["taker_perpetual_quantums_delta_base_quantums"] == -quantums == -told["maker_perpetual_quantums_delta_base_quantums"]
        assert told["taker_order_fee_quote_quantums"] == told["maker_order_fee_quote_quantums"] == 0
    assert desk.module_balance("fee_collector") == 0


def test_profitable_shorts_pay_before_those_at_a_loss() -> None:
    """LIQ-8, LIQ-9: the profitable ones pro rata, and nobody else, when they suffice."""
    held = {
        ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}),
        MAKER: (10 * RICH, {BTC: 2_000 * LOT}),
        FIRST: (RICH, {BTC: -1_000 * LOT}),
        SECOND: (RICH, {BTC: -500 * LOT}),
        THIRD: (RICH, {BTC: -1_500 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0))
    set_entry(desk, FIRST, -6_500_000_000)
    set_entry(desk, SECOND, -3_500_000_000)
    set_entry(desk, THIRD, -9_000_000_000)
    desk.liquidate()
    # Sold at 65 and 70 thousand: in profit at 60. Two thirds of 1,000 lots and one third, the odd one to the larger remainder.
    assert {key: quantums for key, (quantums, _) in told_shares(desk).items()} == {FIRST: 667 * LOT, SECOND: 333 * LOT}
    assert desk.position(THIRD) == -1_500 * LOT
    assert sound(desk)


def test_all_others_pay_pro_rata_for_what_the_profitable_cannot() -> None:
    """LIQ-9: 400 lots of the profitable one, 600 from two others of 1,000 and 2,000."""
    held = {
        ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}),
        MAKER: (10 * RICH, {BTC: 2_400 * LOT}),
        FIRST: (RICH, {BTC: -1_000 * LOT}),
        SECOND: (RICH, {BTC: -400 * LOT}),
        THIRD: (RICH, {BTC: -2_000 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0))
    set_entry(desk, SECOND, -3_000_000_000)
    desk.liquidate()
    assert [told_shares(desk)[key][0] // LOT for key in (FIRST, SECOND, THIRD)] == [200, 400, 400]
    assert sum(quote for _, quote in told_shares(desk).values()) == 7_000_000_000
    assert sound(desk)


def test_ties_of_the_largest_remainder_go_by_key() -> None:
    """LIQ-10: two lots among three equal shorts fall to the two smaller keys."""
    held: dict[SubaccountId, Holding] = {ALICE: (-20_000_000, {BTC: 2 * LOT}), MAKER: (RICH, {BTC: 7 * LOT})}
    held |= {key: (RICH, {BTC: -3 * LOT}) for key in (FIRST, SECOND, THIRD)}
    desk = Desk(desk_genesis(held, fund=0))
    desk.liquidate()
    assert list(told_shares(desk)) == [FIRST, SECOND]
    assert [desk.position(key) for key in (FIRST, SECOND, THIRD)] == [-2 * LOT, -2 * LOT, -3 * LOT]
    assert sound(desk)


def test_a_passed_over_share_is_split_again_among_the_rest() -> None:
    """Half of the shorts are poor: the others close twice as much."""
    held = {
        ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}),
        MAKER: (10 * RICH, {BTC: 1_000 * LOT}),
        FIRST: (RICH, {BTC: -500 * LOT}),
        SECOND: (6_100_000_000, {BTC: -1_000 * LOT}),
        THIRD: (RICH, {BTC: -500 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0))
    desk.liquidate()
    assert told_shares(desk) == {FIRST: (500 * LOT, 3_500_000_000), THIRD: (500 * LOT, 3_500_000_000)}
    assert [told["subaccount"] for told in desk.events("deleverage_passed_over")] == [name(SECOND)]
    assert sound(desk)


def test_who_nobody_can_pay_for_stays_visible_and_tells_nothing() -> None:
    """Both sides are of negative worth: nothing happens, block after block, until prices or people change that."""
    held = {ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}), BOB: (6_500_000_000, {BTC: -1_000 * LOT}), CAROL: (RICH, {})}
    desk = Desk(desk_genesis(held, fund=0))
    for _ in range(3):
        before = dict(desk.subaccounts.accounts(desk.ctx))
        desk.liquidate()
        assert dict(desk.subaccounts.accounts(desk.ctx)) == before
        assert desk.events("deleveraged") == desk.events("deleverage_passed_over") == desk.events("match") == []
        desk.step()
    assert desk.risk(ALICE).net_collateral < 0
    desk.deposit("bob", RICH)
    desk.liquidate()
    assert desk.position(ALICE) == 0
    assert sound(desk)


@pytest.mark.parametrize(
    ("status", "happens"),
    [("PAUSED", False), ("INITIALIZING", False), ("CANCEL_ONLY", True), ("POST_ONLY", True), ("FINAL_SETTLEMENT", True), ("ACTIVE", True)],
)
def test_only_a_paused_or_initializing_market_is_left_alone(status: str, happens: bool) -> None:
    """dydx-risk.md 10.2: worth below zero suffices, whatever else a market accepts."""
    clob = clob_section()
    clob["clob_pairs"][BTC] |= {"status": status, "step_base_quantums": 100}
    desk = crash({BOB: BIG}, clob=clob)
    desk.liquidate()
    assert (desk.position(ALICE) == 0) is happens
    assert len(desk.events("deleveraged")) == happens
    assert sound(desk)


def test_while_the_book_fills_whole_orders_the_rest_waits_for_the_next_block() -> None:
    """Book and fund come first: an order of a tenth that was filled wholly goes on next time; one that was not is the others' from then."""
    held = {ALICE: (E12_USDC, {BTC: BIG}), BOB: (10 * RICH, {BTC: -BIG}), MAKER: (10 * RICH, {})}
    desk = Desk(fine_genesis(held))
    desk.quote_order("maker", "buy", 2_000_000_000, 6_012_300_000)
    (told,) = desk.liquidate()
    assert told["quantums_filled"] == told["quantums_wanted"] == 1_234_567_800
    assert desk.events("deleveraged") == []
    assert desk.risk(ALICE).net_collateral < 0
    desk.step()
    (told,) = desk.liquidate()
    assert told["quantums_filled"] < told["quantums_wanted"]
    assert desk.events("deleveraged")[0]["quantums"] == BIG - 2_000_000_000
    assert desk.position(ALICE) == 0
    assert sound(desk)


def test_a_limit_of_the_block_on_losses_keeps_an_account_for_the_next_one() -> None:
    """1012 stops an order that has filled: the fund goes on in the next block before others pay."""
    held = {ALICE: (E12_USDC, {BTC: BIG}), BOB: (10 * RICH, {BTC: -BIG}), MAKER: (10 * RICH, {})}
    desk = Desk(fine_genesis(held, liquidation=ALL_AT_ONCE | {"max_quantums_insurance_lost": str(200_000_000)}))
    for _ in range(5):
        desk.quote_order("maker", "buy", BIG // 500 * 100, 6_012_300_000)
    (told,) = desk.liquidate()
    assert 0 < told["paid_by_fund"] <= 200_000_000
    assert desk.events("deleveraged") == []
    assert desk.position(ALICE) > 0
    assert sound(desk)


def test_a_fund_that_runs_out_in_mid_block_leaves_the_rest_to_the_other_side() -> None:
    """The riskiest gets the fund's money, the next one's shortfall is shared; the fund ends above zero and no debt remains."""
    held = {
        ALICE: (-6_300_000_000, {BTC: 1_000 * LOT}),
        BOB: (-6_200_000_000, {BTC: 1_000 * LOT}),
        CAROL: (10 * RICH, {BTC: -2_000 * LOT}),
        MAKER: (10 * RICH, {}),
    }
    desk = Desk(desk_genesis(held, fund=400_000_000, liquidation=ALL_AT_ONCE))
    desk.quote_order("maker", "buy", 2_000 * LOT, 6_012_300_000)
    worth = {key: desk.risk(key).net_collateral for key in (ALICE, BOB)}
    (told,) = desk.liquidate()
    assert told["subaccount"] == name(ALICE)
    assert 287_000_000 < told["paid_by_fund"] < 400_000_000
    assert desk.module_balance("insurance_fund") == 400_000_000 - told["paid_by_fund"]
    assert told_shares(desk) == {CAROL: (1_000 * LOT, 6_200_000_000)}
    assert [key for key in worth if key in dict(desk.subaccounts.accounts(desk.ctx))] == []
    assert sound(desk)


def test_an_account_with_several_positions_loses_each_at_its_share_of_the_shortfall() -> None:
    """Largest requirement first, each at the price that keeps worth per requirement; after the last nothing is left of the account."""
    held = {
        ALICE: (-10_000_000_000, {BTC: 1_000 * LOT, ETH: 1_000 * LOT}),
        BOB: (RICH, {BTC: -1_000 * LOT}),
        CAROL: (RICH, {ETH: -1_000 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0))
    shortfall = -desk.risk(ALICE).net_collateral
    assert shortfall > 0
    worth = desk.risk(BOB).net_collateral + desk.risk(CAROL).net_collateral
    desk.liquidate()
    assert [told["perpetual_id"] for told in desk.events("deleveraged")] == [BTC, ETH]
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx))
    assert desk.risk(BOB).net_collateral + desk.risk(CAROL).net_collateral == worth - shortfall
    first, second = desk.events("deleveraged")
    lost = [told["quote_quantums"] - told["position_notional"] for told in (first, second)]
    assert abs(lost[0] * second["position_maintenance"] - lost[1] * first["position_maintenance"]) <= 2 * first["maintenance"]
    assert sound(desk)


def test_a_block_deleverages_so_many_positions_and_the_next_goes_on_elsewhere() -> None:
    """The limit counts attempts, also vain ones; those that nobody can take do not keep the others waiting."""
    held: dict[SubaccountId, Holding] = {
        ALICE: (-9_000_000_000, {BTC: 1_000 * LOT}),
        DAVE: (6_500_000_000, {BTC: -1_000 * LOT}),
        BOB: (-5_000_000_000, {ETH: 1_000 * LOT}),
        CAROL: (RICH, {ETH: -1_000 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0, liquidation={"max_deleveraged_positions_per_block": 1}))
    closed = []
    for _ in range(3):
        desk.liquidate()
        closed.append([told["perpetual_id"] for told in desk.events("deleveraged")])
        desk.step()
    assert sorted(closed) == [[], [], [ETH]]
    assert desk.position(ALICE) == 1_000 * LOT
    assert sound(desk)


def test_only_so_many_counterparties_share_one_position_the_largest_first() -> None:
    """The largest in profit, then the largest others; what is too much for them goes on in the next block."""
    shorts = {FIRST: 100 * LOT, SECOND: 300 * LOT, THIRD: 200 * LOT}
    held: dict[SubaccountId, Holding] = {ALICE: (-4_000_000_000, {BTC: 600 * LOT})}
    held |= {key: (RICH, {BTC: -size}) for key, size in shorts.items()}
    desk = Desk(desk_genesis(held, fund=0, liquidation={"max_deleveraging_counterparties": 2}))
    set_entry(desk, FIRST, -700_000_000)
    desk.liquidate()
    assert {key: quantums // LOT for key, (quantums, _) in told_shares(desk).items()} == {FIRST: 100, SECOND: 300}
    assert desk.risk(ALICE).net_collateral < 0
    desk.step()
    desk.liquidate()
    assert {key: quantums // LOT for key, (quantums, _) in told_shares(desk).items()} == {THIRD: 200}
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx))
    assert sound(desk)


def test_shares_that_keep_being_refused_stay_open_after_eight_splits() -> None:
    """A chain of shorts each of which can bear just less than the next split asks: the work is bounded, the rest waits for a block."""
    number = 14
    keys = [SubaccountId(ALICE.owner, place + 1) for place in range(number)]
    held: dict[SubaccountId, Holding] = {
        ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}),
        MAKER: (10 * RICH, {BTC: (number - 1) * 1_000 * LOT}),
    }
    loss = 7_000_000_000 - 6_012_345_678
    for place, key in enumerate(keys):
        # With m of the equal shorts left each bears loss / m: this one cannot as soon as the one before it is out.
        bearable = loss // (number - place) - 5 if place < number - 1 else 2 * loss
        held[key] = (6_012_345_678 + bearable, {BTC: -1_000 * LOT})
    desk = Desk(desk_genesis(held, fund=0))
    desk.liquidate()
    (told,) = desk.events("deleveraged")
    assert len(desk.events("deleverage_passed_over")) == 9
    assert 0 < told["quantums"] < 1_000 * LOT
    assert all(desk.risk(key).net_collateral >= 0 for key in keys)
    assert sound(desk)
    for _ in range(20):
        desk.step()
        desk.liquidate()
    assert desk.position(ALICE) == 0
    assert sound(desk)


def test_an_isolated_loss_stays_in_its_market() -> None:
    """Shorts of LINK bear LINK's shortfall; the common pool, the common fund and everybody else are as before."""
    held = {
        ALICE: (-14_600_000_000, {LINK: 1_000 * LOT}),
        BOB: (100_000_000_000, {LINK: -1_000 * LOT}),
        CAROL: (RICH, {BTC: LOT}),
        DAVE: (RICH, {BTC: -LOT}),
    }
    desk = Desk(desk_genesis(held))
    pool = desk.module_balance("subaccounts")
    others = {key: desk.subaccounts.get(desk.ctx, key) for key in (CAROL, DAVE)}
    desk.liquidate()
    assert told_shares(desk) == {BOB: (1_000 * LOT, 14_600_000_000)}
    assert desk.module_balance("insurance_fund") == RICH
    assert desk.module_balance("insurance_fund:2") == desk.module_balance("subaccounts:2") == 0
    assert desk.module_balance("subaccounts") == pool + desk.collateral(BOB)
    assert {key: desk.subaccounts.get(desk.ctx, key) for key in (CAROL, DAVE)} == others
    assert sound(desk)


def test_an_isolated_pool_that_cannot_pay_a_winner_out_keeps_it_open() -> None:
    """A short that would leave with more than the pool has is passed over like one that cannot bear its share."""
    held = {
        ALICE: (-15_000_000_000, {LINK: 1_000 * LOT}),
        BOB: (15_100_000_000, {LINK: -500 * LOT}),
        CAROL: (7_290_000_000, {LINK: -500 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0))
    expected = expected_deleveraging(desk, ALICE, LINK)
    assert expected is not None
    assert list(expected) == [BOB]
    desk.liquidate()
    assert desk.module_balance("subaccounts:2") >= 0
    assert sound(desk)


def test_funding_is_settled_with_a_share() -> None:
    """Both sides are paid up to now before the share is judged and booked."""
    desk = Desk(desk_genesis(fund=0))
    desk.deposit("bob", RICH)
    desk.deposit("alice", 1_400_000_000)
    desk.trade(ALICE, BOB, BTC, COIN)
    for _ in range(3):
        desk.fund_hour({BTC: 48_000})
    desk.set_price(BTC, 5_900_000_000)
    expected = expected_deleveraging(desk, ALICE, BTC)
    assert expected is not None
    total = desk.subaccounts.settled(desk.ctx, ALICE).collateral
    assert total < desk.collateral(ALICE)
    desk.liquidate()
    assert told_shares(desk) == expected
    assert sum(quote for _, quote in expected.values()) == -total
    assert len(desk.events("settled_funding")) == 2
    assert sound(desk)


def test_what_is_left_of_a_counterparty_keeps_its_share_of_the_entry_cost() -> None:
    """SUB-5 through deleveraging: in proportion, toward zero, whatever the price."""
    held = {
        ALICE: (-700_000_000, {BTC: 100 * LOT}),
        MAKER: (RICH, {BTC: 200 * LOT}),
        BOB: (RICH, {BTC: -300 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0))
    set_entry(desk, BOB, -1_000_000_001)
    desk.liquidate()
    left: Position = desk.subaccounts.get(desk.ctx, BOB).positions[BTC]
    assert (left.quantums, left.entry_quote) == (-200 * LOT, -666_666_667)
    assert sound(desk)


def test_who_is_still_of_negative_worth_after_the_step_is_reported() -> None:
    """Once the engine has done what it could, the account's pool is gated; while everything is placed, it is not."""
    held = {ALICE: (-7_000_000_000, {BTC: 1_000 * LOT}), BOB: (6_500_000_000, {BTC: -1_000 * LOT}), CAROL: (RICH, {})}
    desk = Desk(desk_genesis(held, fund=0))
    for _ in range(2):
        desk.step()
    desk.deposit("bob", RICH)
    desk.liquidate()
    assert desk.position(ALICE) == 0
    assert desk.code(lambda: desk.subaccounts.withdraw(desk.ctx, CAROL, CAROL.owner, 1)) == ("", 0, "")
    stuck = Desk(desk_genesis(held, fund=0))
    stuck.liquidate()
    assert stuck.risk(ALICE).net_collateral < 0
    assert stuck.code(lambda: stuck.subaccounts.withdraw(stuck.ctx, CAROL, CAROL.owner, 1))[:2] == ("subaccounts", 102)
