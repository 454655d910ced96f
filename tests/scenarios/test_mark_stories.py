"""The mark price on whole chains: who squeezes a book moves it to its clamp and no further, and a liquidation moves it nowhere."""

import json
from typing import Any

import pytest

from modules.clob.model import PairStatus, pair_to_proto
from node.query.services.positions import PATH, positions_routes
from perpd_proto.dydxprotocol.clob.tx_pb2 import MsgUpdateClobPair
from perpd_proto.perpd.perp.v1 import query_pb2
from support.chain import SECOND
from support.exchange import DOLLAR, Exchange, OpenExchange, genesis
from support.markets import BTC
from support.trader_messages import text_of

INDEX = 6_012_345_678
SIZE = 10_000_000_000
"""One coin: worth 60,123.45678 USDC, which require 721.481482."""
WORTH = 60_123_456_780
LOWEST = 5_982_283_950
"""0.5 % below the index, rounded up: a coin is 300.617280 cheaper there."""
MIDDLE = 6_012_300_000
"""Subticks: whole ticks, just below the index."""
MARGIN = 721_481_482
"""Quote quantums: the maintenance requirement at the index, of two ceilings."""


def squeezable(margin_price: str, **changes: Any) -> dict[str, Any]:
    """Bob and carol have a coin each: bob 400 dollars above the requirement, carol 200. Alice has the other side, and millions."""
    net = {"bob": MARGIN + 400 * DOLLAR, "carol": MARGIN + 200 * DOLLAR}
    collateral = {name: amount - WORTH for name, amount in net.items()}
    state = genesis(
        collateral={"alice": 5_000_000 * DOLLAR, "dave": 1_000_000 * DOLLAR, **collateral},
        positions={"alice": {BTC: -2 * SIZE}, "bob": {BTC: SIZE}, "carol": {BTC: SIZE}},
        **changes,
    )
    state["perp"]["perpetuals"][BTC] |= {"margin_price": margin_price, "mark_ema_seconds": 1}
    return state


def squeeze(exchange: Exchange) -> None:
    """The only book there is: alice's, at half the index, deep enough for everything."""
    exchange.block(
        exchange.long_term("alice", 1, "buy", 2 * SIZE, 2_999_900_000), exchange.long_term("alice", 2, "sell", 2 * SIZE, 3_000_000_000)
    )


def mark(exchange: Exchange) -> int:
    """In oracle units."""
    return exchange.wiring.perp.keeper.mark.price(exchange.ctx, BTC)


def liquidatable(exchange: Exchange) -> list[str]:
    """Who is."""
    keeper = exchange.wiring.subaccounts.keeper
    return [name for name in ("bob", "carol") if keeper.liquidatable(exchange.ctx, exchange.subaccount(name)) is not None]


@pytest.mark.parametrize(("margin_price", "hurt"), [("INDEX", []), ("MARK", ["carol"])])
def test_a_squeezed_book_liquidates_nobody_beyond_the_clamp(open_exchange: OpenExchange, margin_price: str, hurt: list[str]) -> None:
    """Half the index for half a minute: the mark comes to the clamp. Bob, who can lose that, is safe; by the index both are."""
    exchange = open_exchange(squeezable(margin_price))
    assert exchange.risk("bob").maintenance == MARGIN
    squeeze(exchange)
    marks = []
    for _ in range(30):
        exchange.block()
        marks.append(mark(exchange))
        assert "bob" not in liquidatable(exchange)
    assert marks == sorted(marks, reverse=True)
    assert LOWEST <= marks[-1] <= LOWEST + 1
    assert liquidatable(exchange) == hurt
    assert exchange.price() == INDEX
    assert exchange.position("bob") == exchange.position("carol") == SIZE, "nobody bids what they would be liquidated at"


def test_the_index_takes_the_mark_with_it_whatever_the_book_says(open_exchange: OpenExchange) -> None:
    """The squeezed mark is within the clamp of each block's own index."""
    exchange = open_exchange(squeezable("MARK"))
    squeeze(exchange)
    for price in (INDEX * 102 // 100, INDEX * 103 // 100, INDEX * 101 // 100):
        exchange.price_becomes(price)
        exchange.block()
        assert price * 995 // 1000 <= mark(exchange) <= price
        assert exchange.wiring.perp.keeper.terms(exchange.ctx, BTC).price == mark(exchange)


def test_a_liquidation_does_not_move_the_mark(open_exchange: OpenExchange) -> None:
    """It takes the best bids away; the next block's mark does not know of it. Once it is over, the book counts again."""
    exchange = open_exchange(squeezable("MARK", liquidation={"max_position_portion_liquidated_ppm": 1_000_000}))
    perp = exchange.wiring.perp.keeper
    exchange.block(
        exchange.long_term("dave", 1, "buy", SIZE // 2, MIDDLE - 500_000),
        exchange.long_term("dave", 2, "buy", 2 * SIZE, MIDDLE - 50_000_000),
        exchange.long_term("dave", 3, "sell", 2 * SIZE, MIDDLE + 500_000),
    )
    exchange.run(5)
    assert perp.mark.look(exchange.ctx, BTC).book_middle == MIDDLE
    exchange.price_becomes(INDEX * 9_965 // 10_000)
    before = perp.mark.look(exchange.ctx, BTC)
    happened = exchange.block()
    assert [event["subaccount"] for event in happened.events("liquidation")] == [text_of("carol")]
    assert exchange.book()["bids"][0][1] == MIDDLE - 50_000_000, "the best bid is gone"
    after = perp.mark.look(exchange.ctx, BTC)
    assert after.frozen_height == exchange.chain.height
    assert (after.ema, after.book_middle, after.book_impact_middle) == (before.ema, MIDDLE, before.book_impact_middle)
    happened = exchange.block()
    assert happened.events("liquidation") == []
    assert mark(exchange) == exchange.price(), "made of the index, below it the average and above it the book that was"
    seen = perp.mark.look(exchange.ctx, BTC)
    assert (seen.frozen_height, seen.book_middle) == (after.frozen_height, MIDDLE - 24_750_000)


def test_deleveraging_freezes_the_mark_too(open_exchange: OpenExchange) -> None:
    """Without a bid and without a fund carol's debt goes to the other side: that block's book is not looked at."""
    exchange = open_exchange(squeezable("MARK", insurance=0))
    exchange.block(
        exchange.long_term("dave", 1, "buy", SIZE // 2, MIDDLE // 2 // 100_000 * 100_000),
        exchange.long_term("dave", 3, "sell", 2 * SIZE, MIDDLE + 500_000),
    )
    exchange.run(3)
    exchange.price_becomes(INDEX * 98 // 100)
    happened = exchange.block()
    assert [event["subaccount"] for event in happened.events("deleveraged")] == [text_of("carol"), text_of("bob")]
    assert exchange.wiring.perp.keeper.mark.look(exchange.ctx, BTC).frozen_height == exchange.chain.height


def test_a_market_on_its_mark_is_settled_at_its_index(open_exchange: OpenExchange) -> None:
    """The squeezed mark is below the index when the authority ends the market; every close is at the index."""
    exchange = open_exchange(squeezable("MARK", authority={"address": text_of("erin")}))
    squeeze(exchange)
    exchange.run(5)
    assert mark(exchange) < INDEX
    pair = exchange.wiring.clob.keeper.pair(exchange.ctx, BTC)
    assert pair is not None
    message = MsgUpdateClobPair(authority=text_of("erin"))
    message.clob_pair.CopyFrom(pair_to_proto(pair._replace(status=int(PairStatus.FINAL_SETTLEMENT))))
    exchange.block(exchange.sign("erin", message))
    assert mark(exchange) < INDEX, "it is the block's to its end"
    closes = exchange.block().events("final_settlement")
    assert [(event["oracle_price"], event["quote_quantums"]) for event in closes] == [(str(INDEX), str(WORTH))] * 2
    assert exchange.open_interest() == 0


def test_a_restarted_and_an_exported_chain_have_the_same_marks(open_exchange: OpenExchange) -> None:
    """One of the four is closed and opened again between blocks; then the export begins where the chain stood."""
    exchange = open_exchange(squeezable("MARK"))
    squeeze(exchange)
    exchange.run(3)
    exchange.restart(1)
    exchange.run(2)
    app = exchange.apps[0]
    exported = json.loads(json.dumps(app.wiring.export_genesis(exchange.ctx)))
    again = open_exchange(exported, initial_height=exchange.next_height, time_ns=exchange.chain.time_ns + SECOND)
    kept = exchange.wiring.perp.keeper.mark.look(exchange.ctx, BTC)
    assert INDEX > kept.price > LOWEST
    marks = []
    for one in (exchange, again):
        one.run(5)
        marks.append(mark(one))
    assert LOWEST <= marks[0] == marks[1] < kept.price


def test_the_positions_query_says_which_price_it_is(open_exchange: OpenExchange) -> None:
    """The mark, below the index, values the position; its kind is told."""
    exchange = open_exchange(squeezable("MARK"), nodes=1)
    squeeze(exchange)
    exchange.run(10)
    keepers = (exchange.wiring.perp.keeper, exchange.wiring.oracle.keeper, exchange.wiring.funding.keeper)
    (route,) = positions_routes(*keepers, exchange.wiring.subaccounts.keeper, exchange.wiring.clob.keeper)
    assert route.path == PATH
    answer = route.handle(exchange.ctx, query_pb2.QueryPositionsRequest(owner=text_of("bob"), number=0))
    (row,) = answer.positions
    assert row.margin_price == mark(exchange) < INDEX
    assert row.margin_price_kind == query_pb2.MARGIN_PRICE_MARK
    assert 0 < row.liquidation_price < row.margin_price
