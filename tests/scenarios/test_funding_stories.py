"""Funding on the whole chain: the book's premium over time becomes a rate, an index, and exact payments from longs to shorts.

BTC at 6,012,345,678 subticks; lots of 10^6 base quantums, so one lot is worth 6,012,345.678 quote quantums; interest 100 ppm per 8 hours.
index change = floor(rate x covered time x lot value / (10^6 x 8 h) + what the last division left) (modules/funding, FUND-6).
"""

import random
from typing import Any

from support.exchange import DOLLAR, Exchange, OpenExchange, genesis
from support.markets import BTC, ETH

LOT = 1_000_000
SIZE = 12_345_000_000
"""12,345 lots."""
PRICE = 6_012_300_000
DAY = 86_400


def with_funding(traders: tuple[str, ...], *, epoch_seconds: int, interest_ppm: int = 100) -> dict[str, Any]:
    """Everyone has 300,000 USDC of collateral."""
    state = genesis(collateral=dict.fromkeys(traders, 300000 * DOLLAR))
    for row in state["funding"]["perpetuals"]:
        row |= {"lot_base_quantums": str(LOT), "epoch_seconds": epoch_seconds}
    for row in state["perp"]["perpetuals"]:
        row["default_funding_ppm"] = interest_ppm
    return state


def quote_above_the_index(exchange: Exchange, name: str) -> list[bytes]:
    """The bids of dydx-risk.md E5, whose impact price for 10,000 USDC is 193 ppm above the index."""
    rows = ((6_014_000_000, 500_000_000), (6_013_500_000, 700_000_000), (6_013_000_000, 2_000_000_000))
    until = exchange.next_seconds + DAY
    return [exchange.long_term(name, 10 + number, "buy", size, price, good_til_time=until) for number, (price, size) in enumerate(rows)]


def test_longs_pay_shorts_at_the_end_of_an_hour(open_exchange: OpenExchange) -> None:
    """Blocks of a minute from 00:00; E5's bids rest from 00:02 on; charged at 01:00 and at 02:00, to the quantum."""
    exchange = open_exchange(with_funding(("alice", "bob", "carol"), epoch_seconds=3600), block_seconds=60)
    # 00:01: the first block sets the clock. Bob sells 12,345 lots to alice.
    exchange.block(
        exchange.limit("bob", 1, "sell", SIZE, PRICE, tif="post_only"),
        exchange.limit("alice", 1, "buy", SIZE, PRICE),
    )
    long_before, short_before = exchange.collateral("alice"), exchange.collateral("bob")
    exchange.block(*quote_above_the_index(exchange, "carol"))
    assert exchange.wiring.funding.keeper.running(exchange.ctx, BTC).sample_ppm == 193
    while exchange.next_seconds % 3600:
        assert exchange.run().events("funding_epoch_ended") == []
    happened = exchange.run()
    # Covered 00:01 to 01:00, 3,540 s, of which the sample stood 3,480: mean trunc(193 x 3,480 / 3,540) = 189; rate 189 + 100 = 289.
    # 289 x 3,540 / 28,800 ppm of 6,012,345.678 = 213.576...: the index rises by 213, the rest is carried.
    # ETH and LINK had no book: premium 0, rate 100.
    charged = {int(event["perpetual_id"]): event for event in happened.events("funding_epoch_ended")}
    assert (charged[BTC]["premium_ppm"], charged[BTC]["rate_ppm"], charged[BTC]["index_change"]) == ("189", "289", "213")
    assert (charged[ETH]["premium_ppm"], charged[ETH]["rate_ppm"]) == ("0", "100")
    assert exchange.index() == 213
    for _ in range(60):
        happened = exchange.run()
    # 293 x 3,600 / 28,800 ppm of it = 220.202..., with the 0.576... carried 220.778: 220.
    charged = {int(event["perpetual_id"]): event for event in happened.events("funding_epoch_ended")}
    assert (charged[BTC]["premium_ppm"], charged[BTC]["rate_ppm"], charged[BTC]["index_change"]) == ("193", "293", "220")
    # 12,345 lots x (213 + 220) = 5,345,385: owed, and settled when the account is touched.
    assert exchange.collateral("alice") == long_before
    assert exchange.settled("alice") == long_before - 5_345_385
    assert exchange.settled("bob") == short_before + 5_345_385
    deposit = exchange.deposit("alice", 1)
    happened = exchange.block(deposit)
    assert exchange.collateral("alice") == long_before - 5_345_385 + 1
    assert [event["funding_paid_quote_quantums"] for event in happened.events("settled_funding")] == ["5345385"]


def test_shorts_pay_longs_while_the_book_trades_below_the_index(open_exchange: OpenExchange) -> None:
    """E5's asks: -323 ppm; with 100 of interest the rate is -223, and the index falls."""
    exchange = open_exchange(with_funding(("alice", "bob", "carol"), epoch_seconds=60))
    exchange.block(
        exchange.limit("bob", 1, "sell", SIZE, PRICE, tif="post_only"),
        exchange.limit("alice", 1, "buy", SIZE, PRICE),
    )
    rows = ((6_010_000_000, 1_000_000_000), (6_011_000_000, 3_000_000_000))
    until = exchange.next_seconds + DAY
    exchange.block(*[exchange.long_term("carol", 20 + n, "sell", size, price, good_til_time=until) for n, (price, size) in enumerate(rows)])
    while not (happened := exchange.run()).events("funding_epoch_ended"):
        pass
    for _ in range(60):
        happened = exchange.run()
    [charged] = [event for event in happened.events("funding_epoch_ended") if event["perpetual_id"] == "0"]
    assert (charged["premium_ppm"], charged["rate_ppm"]) == ("-323", "-223")
    # -223 x 60 / 28,800 ppm of 6,012,345.678 = -2.793...: the floor is -3 or, with the carry, -2.
    assert int(charged["index_change"]) in (-3, -2)
    assert exchange.settled("alice") > exchange.collateral("alice")
    assert exchange.settled("alice") - exchange.collateral("alice") == exchange.collateral("bob") - exchange.settled("bob")


def test_a_halt_is_not_charged(open_exchange: OpenExchange) -> None:
    """After ten minutes without a block (outage 300 s) only the covered seconds of the running epoch are paid for."""
    exchange = open_exchange(with_funding(("alice", "bob"), epoch_seconds=60, interest_ppm=1_000))
    exchange.block(
        exchange.limit("bob", 1, "sell", SIZE, PRICE, tif="post_only"),
        exchange.limit("alice", 1, "buy", SIZE, PRICE),
    )
    while not exchange.run().events("funding_epoch_ended"):
        pass
    for _ in range(10):
        exchange.run()
    before = exchange.index()
    exchange.chain.block_seconds_ns = 600 * 10**9
    happened = exchange.run()
    exchange.chain.block_seconds_ns = 10**9
    [charged] = [event for event in happened.events("funding_epoch_ended") if event["perpetual_id"] == "0"]
    assert charged["covered_ns"] == str(10 * 10**9)
    # 1,000 ppm x 10 s / 28,800 s of 6,012,345.678 = 2.087...
    assert exchange.index() - before in (2, 3)


def settled_funding(exchange: Exchange, *txs: bytes) -> dict[str, int]:
    """Quote quantums that each trader paid by settlement in the next block with these transactions."""
    paid: dict[str, int] = {}
    for event in exchange.block(*txs).events("settled_funding"):
        name = exchange.names[event["subaccount"]]
        paid[name] = paid.get(name, 0) + int(event["funding_paid_quote_quantums"])
    return paid


def test_funding_sums_to_exactly_zero_after_everybody_has_closed(open_exchange: OpenExchange) -> None:
    """Six epochs, seeded random trades in two markets, then all close: what some paid others received, and no dust is left (P4)."""
    traders = ("alice", "bob", "carol", "dave", "erin")
    exchange = open_exchange(with_funding(traders, epoch_seconds=10, interest_ppm=30_001))
    chance = random.Random(4)
    total: dict[str, int] = {}

    def settle(*txs: bytes) -> None:
        for name, paid in settled_funding(exchange, *txs).items():
            total[name] = total.get(name, 0) + paid

    client = 100
    for _ in range(60):
        maker, taker = chance.sample(traders, 2)
        pair, price = chance.choice(((BTC, PRICE), (ETH, 3_012_300_000)))
        side, other = chance.choice((("buy", "sell"), ("sell", "buy")))
        size = chance.randrange(1, 2_000) * LOT
        client += 1
        settle(
            exchange.limit(maker, client, side, size, price, tif="post_only", pair=pair),
            exchange.limit(taker, client, other, size, price, tif="ioc", pair=pair),
        )
    assert exchange.index(BTC) > 0
    assert exchange.index(ETH) > 0
    # Everybody closes with whoever stands on the other side.
    for pair, price in ((BTC, PRICE), (ETH, 3_012_300_000)):
        for name in traders:
            for other_name in traders:
                size = min(exchange.position(name, pair), -exchange.position(other_name, pair))
                if size > 0:
                    client += 1
                    settle(
                        exchange.limit(name, client, "sell", size, price, tif="post_only", pair=pair),
                        exchange.limit(other_name, client, "buy", size, price, tif="ioc", pair=pair),
                    )
    assert exchange.open_interest(BTC) == exchange.open_interest(ETH) == 0
    assert len(total) == 5
    assert any(paid > 0 for paid in total.values())
    assert sum(total.values()) == 0
    # What all accounts hold is what was deposited less trading fees, exactly; nothing is unsettled, nothing is left over.
    held = sum(exchange.collateral(name) for name in traders)
    assert held == 5 * 300_000 * DOLLAR - exchange.module("fee_collector") == exchange.module("subaccounts")
    for name in traders:
        exchange.block(exchange.withdraw(name, exchange.collateral(name)))
    assert exchange.module("subaccounts") == 0
    assert list(exchange.wiring.subaccounts.keeper.accounts(exchange.ctx)) == []
