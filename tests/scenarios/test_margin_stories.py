"""What an account may do with its collateral: withdraw, lever, reduce. Formulas of dydx-risk.md 5; BTC at 6,012,345,678 subticks.

Initial margin 2 %, maintenance 60 % of it, each rounded up; net collateral = collateral + trunc(base x 6.012345678).
"""

from support.exchange import DOLLAR, WALLET, Fill, OpenExchange, genesis
from support.markets import BTC, ETH

PRICE = 6_012_300_000
STEP = 1_000_000


def test_what_is_free_may_leave_and_not_a_quantum_more(open_exchange: OpenExchange) -> None:
    """Net collateral must stay at or above the initial requirement; one quantum too much is 102 and changes nothing."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR, "bob": 50_000 * DOLLAR}))
    everything = exchange.withdraw("alice", 1_000 * DOLLAR + 1)
    assert exchange.block(everything).outcome(everything) == ("subaccounts", 102)
    exchange.block(exchange.limit("bob", 1, "sell", 1_000 * STEP, PRICE))
    exchange.block(exchange.limit("alice", 1, "buy", 1_000 * STEP, PRICE))
    # 0.1 BTC for 6,012,300,000; fee ceil(x 0.0005) = 3,006,150: collateral 1,000,000,000 - 6,015,306,150 = -5,015,306,150
    # worth 6,012,345,678: net 997,039,528. Required: ceil(6,012,345,678 x 0.02) = 120,246,914. Free: 876,792,614.
    assert exchange.collateral("alice") == -5_015_306_150
    assert exchange.risk("alice")[:2] == (997_039_528, 120_246_914)
    too_much, exact = exchange.withdraw("alice", 876_792_615), exchange.withdraw("alice", 876_792_614)
    happened = exchange.block(too_much, exact)
    assert happened.outcome(too_much) == ("subaccounts", 102)
    assert "NewlyUndercollateralized" in happened.result(too_much).log
    assert happened.code(exact) == 0
    assert exchange.risk("alice")[:2] == (120_246_914, 120_246_914)
    assert exchange.wallet("alice") == WALLET + 876_792_614


def test_leverage_ends_at_the_last_step_that_the_initial_margin_allows(open_exchange: OpenExchange) -> None:
    """1,000 USDC carry 8,116 steps of BTC; with 8,117 the taker is not filled at all, and that is an outcome with code 0."""
    collateral = {"alice": 1_000 * DOLLAR, "carol": 1_000 * DOLLAR, "bob": 50_000 * DOLLAR}
    exchange = open_exchange(genesis(collateral=collateral))
    exchange.block(exchange.limit("bob", 1, "sell", 20_000 * STEP, PRICE))
    # 8,117 steps: quote 48,801,839,100, fee 24,400,920; worth 48,802,209,868; net 975,969,848 < ceil(2 %) = 976,044,198
    over = exchange.limit("alice", 1, "buy", 8_117 * STEP, PRICE, tif="ioc")
    # 8,116 steps: quote 48,795,826,800, fee 24,397,914; worth 48,796,197,522; net 975,972,808 >= ceil(2 %) = 975,923,951
    most = exchange.limit("carol", 1, "buy", 8_116 * STEP, PRICE, tif="ioc")
    happened = exchange.block(over, most)
    assert (happened.code(over), happened.code(most)) == (0, 0)
    assert happened.removed() == [("alice/1", "UNDERCOLLATERALIZED")]
    assert happened.fills() == [Fill("carol/1", "bob/1", PRICE, 8_116 * STEP)]
    assert exchange.position("alice") == 0
    assert exchange.risk("carol")[:2] == (975_972_808, 975_923_951)


def test_a_long_term_order_must_be_carried_in_full_when_it_is_placed(open_exchange: OpenExchange) -> None:
    """As a maker at its own price: 3007 for the same 8,500 steps with which a short-term order may rest."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR}))
    long, short = exchange.long_term("alice", 1, "buy", 8_500 * STEP, PRICE), exchange.limit("alice", 2, "buy", 8_500 * STEP, PRICE)
    happened = exchange.block(long, short)
    assert happened.outcome(long) == ("clob", 3007)
    assert happened.code(short) == 0
    assert exchange.book()["bids"] == [("alice/2", PRICE, 8_500 * STEP)]


def test_an_account_below_its_initial_margin_may_only_reduce_risk(open_exchange: OpenExchange) -> None:
    """dydx-risk.md E4: BTC +12,345,678,900 and ETH -2,000,000,000 with USDC -67,300,000,000. Rows valid, invalid (2), invalid (MMR rises).

    The bids lie below the fillable price of this hardly liquidatable account (about 6,005,466,000), so the engine finds nobody.
    """
    positions = {"alice": {BTC: 12_345_678_900, ETH: -2_000_000_000}, "bob": {BTC: -12_345_678_900, ETH: 2_000_000_000}}
    collateral = {"alice": -67_300_000_000, "bob": 200_000 * DOLLAR, "carol": 200_000 * DOLLAR}
    exchange = open_exchange(genesis(collateral=collateral, positions=positions))
    exchange.block(
        exchange.limit("carol", 1, "buy", 5_000_000_000, 5_940_000_000), exchange.limit("carol", 2, "sell", 1_000_000_000, PRICE)
    )
    assert exchange.risk("alice") == (901_797_820, 1_605_023_612, 963_014_168)

    cheap = exchange.limit("alice", 1, "sell", 5_000_000_000, 5_940_000_000, tif="ioc")
    happened = exchange.block(cheap)
    assert happened.removed() == [("alice/1", "UNDERCOLLATERALIZED")], "net per requirement would fall"
    bigger = exchange.limit("alice", 2, "buy", 1_000_000_000, PRICE, tif="ioc")
    assert exchange.block(bigger).removed() == [("alice/2", "UNDERCOLLATERALIZED")], "the requirement would rise"
    leaving = exchange.withdraw("alice", 1)
    happened = exchange.block(leaving)
    assert happened.outcome(leaving) == ("subaccounts", 102)
    assert "StillUndercollateralized" in happened.result(leaving).log

    exchange.block(exchange.limit("carol", 3, "buy", 5_000_000_000, 6_000_000_000))
    fair = exchange.limit("alice", 3, "sell", 5_000_000_000, 6_000_000_000, tif="ioc")
    happened = exchange.block(fair)
    assert happened.fills() == [Fill("alice/3", "carol/3", 6_000_000_000, 5_000_000_000)]
    # -67,300,000,000 + 30,000,000,000 - 15,000,000; requirements as in E4: net 825,069,430, maintenance 602,273,427
    assert exchange.collateral("alice") == -37_315_000_000
    risk = exchange.risk("alice")
    assert (risk.net_collateral, risk.maintenance) == (825_069_430, 602_273_427)


def test_a_deposit_always_helps_and_is_never_refused(open_exchange: OpenExchange) -> None:
    """Also into an account of negative worth, by anyone, and it comes before the engine of its block (lane 2)."""
    positions = {"alice": {BTC: 1_000_000_000}, "bob": {BTC: -1_000_000_000}}
    # Worth 6,012,345,678 - 6,100,000,000 = -87,654,322.
    exchange = open_exchange(
        genesis(collateral={"alice": -6_100_000_000, "bob": 20_000 * DOLLAR, "carol": 20_000 * DOLLAR}, positions=positions)
    )
    assert exchange.risk("alice").net_collateral == -87_654_322
    gift = exchange.deposit("erin", 500 * DOLLAR, to="alice")
    bid = exchange.limit("carol", 1, "buy", 1_000_000_000, PRICE, tif="post_only")
    happened = exchange.block(gift, bid)
    assert happened.code(gift) == 0
    assert happened.events("liquidation") == happened.events("deleveraged") == [], "it was saved in time"
    assert exchange.risk("alice").net_collateral == 412_345_678
    assert exchange.wallet("erin") == WALLET - 500 * DOLLAR
