"""Liquidation in consensus: who, how much, at what price, who pays. Formulas and figures of dydx-risk.md 9 and E9 to E11.

BTC at 6,012,345,678 subticks. A position of 12,345,678,900 base quantums is worth 74,226,489,176 and requires 890,717,871 (E2).
"""

from typing import Any

import pytest

from support.exchange import DOLLAR, Fill, OpenExchange, genesis
from support.markets import BTC

SIZE = 12_345_678_900
PRICE = 6_012_345_678
TENTH = 1_234_000_000
"""E10: what one block may close of it."""
E9_LONGS = [
    (-73_335_771_306, 890_717_870, 6_012_400_000),
    (-73_781_130_241, 445_358_935, 5_958_300_000),
    (-74_226_489_176, 0, 5_904_200_000),
    (-74_326_489_176, -100_000_000, 5_904_200_000),
]
E9_SHORTS = [(74_671_848_111, 445_358_935, 6_066_400_000), (74_226_489_176, 0, 6_120_500_000)]


def in_trouble(collateral: int, size: int = SIZE, **changes: Any) -> dict[str, Any]:
    """Alice with this collateral and position, bob with the other side of it, carol rich and flat."""
    return genesis(
        collateral={"alice": collateral, "bob": 200_000 * DOLLAR, "carol": 200_000 * DOLLAR},
        positions={"alice": {BTC: size}, "bob": {BTC: -size}},
        **changes,
    )


@pytest.mark.parametrize(("collateral", "net", "limit"), E9_LONGS)
def test_a_long_is_sold_down_to_its_fillable_price(open_exchange: OpenExchange, collateral: int, net: int, limit: int) -> None:
    """E9, longs: a bid one tick below the fillable price gets nothing (unless negative: deleveraged); one at it the size of E10."""
    exchange = open_exchange(in_trouble(collateral))
    assert exchange.risk("alice").net_collateral == net
    if net >= 0:
        happened = exchange.block(exchange.limit("carol", 1, "buy", 5_000_000_000, limit - 100_000, tif="post_only"))
        assert exchange.risk("alice").net_collateral == net
        assert happened.fills() == []
    happened = exchange.block(exchange.limit("carol", 2, "buy", 5_000_000_000, limit, tif="post_only"))
    assert happened.fills() == [Fill("liquidation", "carol/2", limit, TENTH)]
    [event] = happened.events("liquidation")
    assert (event["is_buy"], event["quantums_wanted"], event["fillable_subticks"]) == ("false", str(TENTH), str(limit))


@pytest.mark.parametrize(("collateral", "net", "limit"), E9_SHORTS)
def test_a_short_is_bought_back_up_to_its_fillable_price(open_exchange: OpenExchange, collateral: int, net: int, limit: int) -> None:
    """E9, shorts: mirrored."""
    exchange = open_exchange(in_trouble(collateral, -SIZE))
    happened = exchange.block(exchange.limit("carol", 1, "sell", 5_000_000_000, limit + 100_000, tif="post_only"))
    assert exchange.risk("alice").net_collateral == net
    assert happened.fills() == []
    happened = exchange.block(exchange.limit("carol", 2, "sell", 5_000_000_000, limit, tif="post_only"))
    assert happened.fills() == [Fill("liquidation", "carol/2", limit, TENTH)]
    assert [event["is_buy"] for event in happened.events("liquidation")] == ["true"]


def test_an_account_at_its_maintenance_margin_is_left_alone(open_exchange: OpenExchange) -> None:
    """Net collateral equal to the requirement: 890,717,871. One quantum less was the first row above."""
    exchange = open_exchange(in_trouble(-73_335_771_305))
    happened = exchange.block(exchange.limit("carol", 1, "buy", 5_000_000_000, 6_012_400_000, tif="post_only"))
    assert exchange.risk("alice").net_collateral == exchange.risk("alice").maintenance == 890_717_871
    assert happened.fills() == []


def test_what_the_fill_brings_above_bankruptcy_goes_to_the_fund(open_exchange: OpenExchange) -> None:
    """E11, second row: 1,000,000,000 at 5,990,000,000 with net 445,358,935 pays 13,728,396 to the insurance fund; no taker fee."""
    exchange = open_exchange(in_trouble(-73_781_130_241))
    fund = exchange.module("insurance_fund")
    happened = exchange.block(exchange.limit("carol", 1, "buy", 1_000_000_000, 5_990_000_000, tif="post_only"))
    [match] = happened.events("match")
    assert (match["is_liquidation"], match["insurance_fund_delta_quote_quantums"]) == ("true", "13728396")
    assert match["taker_order_fee_quote_quantums"] == "0"
    # The maker's rebate of 110 ppm is not paid on a liquidation (dydx-risk.md 9.7).
    assert match["maker_order_fee_quote_quantums"] == "0"
    assert exchange.module("insurance_fund") == fund + 13_728_396
    assert exchange.collateral("alice") == -73_781_130_241 + 5_990_000_000 - 13_728_396
    assert exchange.position("alice") == SIZE - 1_000_000_000
    assert exchange.collateral("carol") == 200_000 * DOLLAR - 5_990_000_000
    [event] = happened.events("liquidation")
    assert (event["quantums_filled"], event["paid_to_fund"], event["paid_by_fund"]) == ("1000000000", "13728396", "0")


def test_a_price_move_liquidates_a_leveraged_account_block_by_block(open_exchange: OpenExchange) -> None:
    """Dave buys 12,345,000,000 at 61,000 USD; the oracle falls to 60,123.45678; each block closes a tenth until he is safe."""
    state = genesis(collateral={"alice": 200_000 * DOLLAR, "carol": 200_000 * DOLLAR, "dave": 1_565_079_300})
    state["oracle"]["markets"][BTC]["price"] = "6100000000"
    exchange = open_exchange(state)
    exchange.block(exchange.limit("alice", 1, "sell", 12_345_000_000, 6_100_000_000))
    exchange.block(exchange.limit("dave", 1, "buy", 12_345_000_000, 6_100_000_000))
    # quote 75,304,500,000, fee ceil(x 0.0005) = 37,652,250; left 1,527,427,050 >= initial margin 1,506,090,000
    assert exchange.risk("dave")[:2] == (1_527_427_050, 1_506_090_000)
    happened = exchange.block(exchange.long_term("carol", 1, "buy", 20_000_000_000, 5_990_000_000))
    assert happened.events("liquidation") == []
    exchange.price_becomes(PRICE)
    assert exchange.price() == 6_100_000_000, "votes of a block move the price of the next one"
    happened = exchange.run()
    assert exchange.price() == PRICE
    # At 6,012,345,678: worth 74,222,407,394, maintenance ceil(ceil(x 0.02) x 0.6) = 890,668,889, net 445,334,444.
    # Fillable (E9's formula): (74,222,407,394 - (1 - 445,334,444/890,668,889) x 1.5 x 890,668,889) / 12,345,000,000 = 5.95823...
    # Cap: a tenth, 7,422,240,739, is worth 1,234,499,999 base quantums: 1,234 whole steps.
    # Sold at 5,990,000,000 for 7,391,660,000. Bankruptcy value: 74,222,407,394 - 66,803,172,828 = 7,419,234,566 less
    # floor(445,334,444 x (890,668,889 - 801,638,075) / 890,668,889) = 44,515,406: 7,374,719,160. The rest, 16,940,840, is the fund's.
    assert happened.fills() == [Fill("liquidation", "carol/1", 5_990_000_000, TENTH)]
    [event] = happened.events("liquidation")
    assert event["fillable_subticks"] == "5958300000"
    assert (event["paid_to_fund"], event["paid_by_fund"]) == ("16940840", "0")
    assert exchange.collateral("dave") == 1_565_079_300 - 75_304_500_000 - 37_652_250 + 7_391_660_000 - 16_940_840
    # Paying the fund leaves net per requirement where it was (up to rounding), so the next blocks go on until nothing is left.
    sizes = [exchange.position("dave")]
    while exchange.position("dave") and len(sizes) < 60:
        exchange.run()
        sizes.append(exchange.position("dave"))
    assert sizes == sorted(sizes, reverse=True)
    assert exchange.position("dave") == 0
    assert 0 <= exchange.collateral("dave") < 445_334_444
    assert exchange.open_interest() == 12_345_000_000, "carol has it now"


def test_the_fund_pays_what_the_book_does_not(open_exchange: OpenExchange) -> None:
    """Net 0, bid at 6,000,000,000: the account gets its bankruptcy value, the fund pays the difference, and nothing is left at the end."""
    exchange = open_exchange(in_trouble(-74_226_489_176))
    fund = exchange.module("insurance_fund")
    happened = exchange.block(exchange.limit("carol", 1, "buy", TENTH, 6_000_000_000, tif="post_only"))
    # 7,404,000,000 - (74,226,489,176 - 66,807,254,609) = 7,404,000,000 - 7,419,234,567 = -15,234,567
    assert [event["paid_by_fund"] for event in happened.events("liquidation")] == ["15234567"]
    assert exchange.module("insurance_fund") == fund - 15_234_567
    assert exchange.collateral("alice") == -74_226_489_176 + 7_419_234_567
    assert exchange.risk("alice").net_collateral == 0
    exchange.block(exchange.long_term("carol", 2, "buy", 20_000_000_000, 6_000_000_000))
    for _ in range(60):
        exchange.run()
    assert exchange.position("alice") == 678_900, "less than a step cannot be traded; it stays"
    # Everything that was closed came at its bankruptcy value: worth nothing before and after.
    assert exchange.risk("alice").net_collateral == 0


def test_a_loss_that_nobody_covers_is_taken_by_the_other_side(open_exchange: OpenExchange) -> None:
    """Without a fund nothing fills below bankruptcy: the other side's position is closed at the bankruptcy price, to the quantum (E12)."""
    exchange = open_exchange(in_trouble(-74_326_489_176, insurance=0))
    short = exchange.risk("bob").net_collateral
    happened = exchange.block(exchange.long_term("carol", 1, "buy", 5_000_000_000, 6_000_000_000))
    assert happened.fills() == []
    [receipt] = happened.events("deleveraged")
    # The position is worth 74,226,489,176 and the debt 100,000,000 more.
    assert receipt["quote_quantums"] == "74326489176"
    assert (exchange.position("alice"), exchange.position("bob"), exchange.collateral("alice")) == (0, 0, 0)
    assert exchange.risk("bob").net_collateral == short - 100_000_000


def test_the_worst_account_comes_first(open_exchange: OpenExchange) -> None:
    """Two accounts below maintenance and one bid: the one with less net collateral per requirement gets it."""
    state = genesis(
        collateral={"alice": -73_781_130_241, "dave": -73_900_000_000, "bob": 400_000 * DOLLAR, "carol": 200_000 * DOLLAR},
        positions={"alice": {BTC: SIZE}, "dave": {BTC: SIZE}, "bob": {BTC: -2 * SIZE}},
    )
    exchange = open_exchange(state)
    happened = exchange.block(exchange.limit("carol", 1, "buy", TENTH, 6_000_000_000, tif="post_only"))
    assert (exchange.position("alice"), exchange.position("dave")) == (SIZE, SIZE - TENTH)
    assert len(happened.events("liquidation")) == 1
    happened = exchange.block(exchange.limit("carol", 2, "buy", 2 * TENTH, 6_000_000_000, tif="post_only"))
    assert len(happened.events("liquidation")) == 2
