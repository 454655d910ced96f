"""An isolated market has a collateral pool and an insurance fund of its own. LINK: 14.56 USD, 10^6 base units (dydx-risk.md 6.2, 6.3)."""

from support.exchange import DOLLAR, OpenExchange, genesis
from support.markets import BTC, LINK

PRICE = 14_560_000_000
"""Subticks: 14.56 quote quantums per base quantum."""
HUNDRED = 100_000_000
"""100 LINK, worth 1,456,000,000."""
RICH = dict.fromkeys(("alice", "bob", "carol"), 10000 * DOLLAR)


def test_collateral_moves_with_the_position_from_pool_to_pool(open_exchange: OpenExchange) -> None:
    """Opening takes what the account has into the market's own pool, closing brings it back; fees leave the market's pool."""
    exchange = open_exchange(genesis(collateral=RICH))
    exchange.block(
        exchange.limit("alice", 1, "sell", HUNDRED, PRICE, pair=LINK, tif="post_only"),
        exchange.limit("bob", 1, "buy", HUNDRED, PRICE, pair=LINK),
    )
    # quote 1,456,000,000; taker fee 728,000, rebate ceil(-160,160.0): 567,840 go to the collector.
    assert exchange.module("subaccounts") == 10_000 * DOLLAR
    assert exchange.module("subaccounts:2") == 20_000 * DOLLAR - 567_840
    assert exchange.collateral("bob") == 10_000 * DOLLAR - 1_456_000_000 - 728_000
    assert exchange.collateral("alice") == 10_000 * DOLLAR + 1_456_000_000 + 160_160
    # A deposit and a withdrawal go to and come from the pool in which the account is.
    exchange.block(exchange.deposit("bob", 500 * DOLLAR), exchange.withdraw("alice", 100 * DOLLAR))
    assert exchange.module("subaccounts:2") == 20_400 * DOLLAR - 567_840
    # A transfer from an isolated account to one without positions crosses pools.
    exchange.block(exchange.transfer("bob", 50 * DOLLAR, to_number=1))
    assert exchange.module("subaccounts:2") == 20_350 * DOLLAR - 567_840
    assert exchange.module("subaccounts") == 10_050 * DOLLAR
    exchange.block(
        exchange.limit("bob", 2, "sell", HUNDRED, PRICE, pair=LINK, tif="post_only"),
        exchange.limit("alice", 2, "buy", HUNDRED, PRICE, pair=LINK),
    )
    assert exchange.module("subaccounts:2") == 0
    assert exchange.module("subaccounts") == 30_400 * DOLLAR - 2 * 567_840
    assert exchange.module("fee_collector") == 2 * 567_840


def test_an_account_trades_one_isolated_market_or_cross_markets(open_exchange: OpenExchange) -> None:
    """The other kind fails with 2005 as taker; as a maker it is removed and the taker goes on."""
    exchange = open_exchange(genesis(collateral=RICH))
    exchange.block(
        exchange.limit("alice", 1, "sell", HUNDRED, PRICE, pair=LINK, tif="post_only"),
        exchange.limit("bob", 1, "buy", HUNDRED, PRICE, pair=LINK),
    )
    exchange.block(exchange.limit("bob", 2, "sell", 10_000_000, 6_012_300_000, pair=BTC))
    exchange.block(exchange.limit("carol", 2, "sell", 10_000_000, 6_012_300_000, pair=BTC))
    taker = exchange.limit("alice", 3, "buy", 10_000_000, 6_012_300_000, pair=BTC, tif="ioc")
    happened = exchange.block(taker)
    assert happened.outcome(taker) == ("clob", 2005)
    assert [row[0] for row in exchange.book()["asks"]] == ["bob/2", "carol/2"], "a failed message changes nothing"
    exchange.block(exchange.deposit("erin", 10_000 * DOLLAR))
    happened = exchange.block(exchange.limit("erin", 1, "buy", 10_000_000, 6_012_300_000, pair=BTC))
    assert happened.removed() == [("bob/2", "UNDERCOLLATERALIZED")]
    assert [fill.maker for fill in happened.fills()] == ["carol/2"]


def test_a_loss_in_an_isolated_market_is_its_own_fund_s_matter(open_exchange: OpenExchange) -> None:
    """Alice is short 100 LINK with little collateral; at 15.90 USD she is worth less than nothing and the market's fund pays, no other."""
    collateral = {"alice": 150 * DOLLAR, "bob": 10_000 * DOLLAR, "carol": 10_000 * DOLLAR}
    state = genesis(collateral=collateral, isolated_insurance=50 * DOLLAR)
    exchange = open_exchange(state)
    exchange.block(
        exchange.limit("bob", 1, "buy", HUNDRED, PRICE, pair=LINK, tif="post_only"),
        exchange.limit("alice", 1, "sell", HUNDRED, PRICE, pair=LINK),
    )
    # 150,000,000 + 1,456,000,000 - 728,000 = 1,605,272,000; initial margin 10 %: 145,600,000 <= 149,272,000
    assert exchange.collateral("alice") == 1_605_272_000
    # Worth 1,605,272,000 - 1,606,000,000 = -728,000 when the price comes, and carol's ask stands in the same block.
    exchange.price_becomes(16_060_000_000, LINK)
    ask = 16_100_000_000
    common, own = exchange.module("insurance_fund"), exchange.module("insurance_fund:2")
    happened = exchange.block(exchange.limit("carol", 1, "sell", HUNDRED, ask, pair=LINK, tif="post_only"))
    # Notional 1,606,000,000; at least 1,000,000,000 of it may be closed: 62,266,500.6 -> 62 whole steps of 1 LINK.
    [match] = happened.events("match")
    assert match["taker_perpetual_quantums_delta_base_quantums"] == "62000000"
    # Bought for 62,000,000 x 16.1 = 998,200,000. Bankruptcy: -(change of worth) = -995,720,000, less
    # floor(-728,000 x (80,300,000 - 30,514,000) / 80,300,000) = floor(-451,360) = -451,360: -995,268,640.
    # -998,200,000 + 995,268,640 = -2,931,360: the fund's.
    assert match["insurance_fund_delta_quote_quantums"] == "-2931360"
    assert exchange.module("insurance_fund:2") == own - 2_931_360
    assert exchange.module("insurance_fund") == common
    # The rest is closed in the next block and takes the rest of the loss: the account ends with nothing, and is gone.
    exchange.run()
    assert exchange.position("alice", LINK) == 0
    assert exchange.collateral("alice") == 0
    # All in all 100 LINK at 16.1 less what alice had: 1,610,000,000 - 1,605,272,000 = 4,728,000.
    assert exchange.module("insurance_fund:2") == own - 4_728_000
    assert exchange.module("subaccounts:2") == exchange.collateral("bob") + exchange.collateral("carol")
