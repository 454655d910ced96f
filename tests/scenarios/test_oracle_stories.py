"""Prices by vote extension: the stake-weighted lower median of what validators report, or no new price (design.md 6)."""

from support.exchange import OpenExchange
from support.markets import BTC, ETH

OLD = 6_012_345_678


def test_one_silent_and_one_lying_validator_do_not_move_the_price(open_exchange: OpenExchange) -> None:
    """Three of four equal validators report, one of them a lie: the lower median is an honest price."""
    exchange = open_exchange()
    for number, price in enumerate((6_100_000_000, 6_100_000_001, 1, 6_100_000_002)):
        exchange.reported[number][BTC] = price
    exchange.block(silent=[3])
    exchange.block(silent=[3])
    assert exchange.price() == 6_100_000_000
    exchange.reported[2][BTC] = 2**64 - 1
    exchange.block(silent=[3])
    exchange.block(silent=[3])
    assert exchange.price() == 6_100_000_001


def test_a_price_that_too_few_report_stays_and_ages(open_exchange: OpenExchange) -> None:
    """Two dead feeders of four: the votes are empty, the chain goes on, the price keeps its value and its time."""
    exchange = open_exchange()
    exchange.run(2)
    before = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC)
    assert before.updated_height == 2
    for number in range(4):
        exchange.reported[number][BTC] = 7_000_000_000
    for number in (0, 1):
        del exchange.reported[number][BTC]
    exchange.run(5)
    after = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC)
    # The votes of height 2 were the last with a quorum; they are counted at height 3.
    assert (after.price, after.updated_height) == (OLD, 3)
    assert exchange.wiring.oracle.keeper.recorded(exchange.ctx, ETH).updated_height == 7, "each market for itself"
    exchange.reported[0][BTC] = 7_000_000_000
    exchange.run(2)
    assert exchange.price() == 7_000_000_000, "three of four are two thirds"
