"""Trading on the whole chain, four applications: every figure is worked out by hand in a comment, from the formulas of the fact pages.

BTC: 1 BTC is 10^10 base quantums, and a price of 6,012,300,000 subticks is 60,123 USD; quote = subticks x base x 10^-9 quote quantums.
Taker fee 500 ppm, maker fee -110 ppm (a rebate); fees are rounded up (dydx-risk.md 11.1, E13).
"""

from hashlib import sha256

from support.exchange import DOLLAR, WALLET, Exchange, Fill, OpenExchange, genesis
from support.markets import BTC
from support.sequencing import Signer

TENTH = 1_000_000_000
"""0.1 BTC in base quantums."""
PRICE = 6_012_300_000
"""60,123 USD, whole ticks just below the oracle's price."""
RICH = dict.fromkeys(("alice", "bob", "carol", "dave"), 100000 * DOLLAR)


def rich(open_exchange: OpenExchange) -> Exchange:
    """Four traders with 100,000 USDC of collateral each."""
    return open_exchange(genesis(collateral=RICH))


def framed(*parts: bytes) -> bytes:
    """H of design.md 3.4, written out again."""
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def drawn_first(exchange: Exchange, lane: int, *names: str) -> list[str]:
    """The traders in the order that the next block's seed gives them in a lane, computed from the text of design.md 3.4."""
    height = exchange.next_height.to_bytes(8, "big")
    seed = framed(b"seed", exchange.chain.chain_id.encode(), height, exchange.chain.app_hash)
    return sorted(names, key=lambda name: framed(b"ord", seed, lane.to_bytes(8, "big"), Signer(name).address)[:16])


def test_two_traders_deposit_and_their_limit_orders_cross(open_exchange: OpenExchange) -> None:
    """Deposits move money to the pool; the fill is at the maker's price; fees go to the collector; every balance is exact."""
    exchange = open_exchange()
    deposits = exchange.deposit("alice", 50_000 * DOLLAR), exchange.deposit("bob", 50_000 * DOLLAR)
    happened = exchange.block(*deposits)
    assert [happened.code(tx) for tx in deposits] == [0, 0]
    assert exchange.wallet("alice") == WALLET - 50_000 * DOLLAR
    assert exchange.module("subaccounts") == 100_000 * DOLLAR

    ask = exchange.limit("alice", 1, "sell", TENTH, PRICE)
    happened = exchange.block(ask)
    assert (happened.code(ask), happened.fills()) == (0, [])
    assert exchange.book() == {"bids": [], "asks": [("alice/1", PRICE, TENTH)]}

    bid = exchange.limit("bob", 2, "buy", TENTH, 6_015_000_000)
    happened = exchange.block(bid)
    assert happened.fills() == [Fill("bob/2", "alice/1", PRICE, TENTH)]
    assert exchange.book() == {"bids": [], "asks": []}
    # quote = 6,012,300,000 x 1,000,000,000 / 10^9 = 6,012,300,000
    # taker fee = ceil(6,012,300,000 x 0.0005) = 3,006,150; maker fee = ceil(6,012,300,000 x -0.00011) = ceil(-661,353.0) = -661,353
    assert exchange.collateral("bob") == 50_000 * DOLLAR - 6_012_300_000 - 3_006_150 == 43_984_693_850
    assert exchange.collateral("alice") == 50_000 * DOLLAR + 6_012_300_000 + 661_353 == 56_012_961_353
    assert exchange.module("fee_collector") == 3_006_150 - 661_353 == 2_344_797
    assert exchange.module("subaccounts") == 100_000 * DOLLAR - 2_344_797
    assert (exchange.position("alice"), exchange.position("bob"), exchange.open_interest()) == (-TENTH, TENTH, TENTH)
    [match] = happened.events("match")
    assert match["taker_subaccount"] == Signer("bob").text
    assert match["taker_quote_balance_delta_quote_quantums"] == "-6015306150"
    assert match["maker_quote_balance_delta_quote_quantums"] == "6012961353"
    # What each is worth at the oracle's 6,012,345,678: the position is worth trunc(6,012,345,678.0) = 6,012,345,678
    assert exchange.risk("bob").net_collateral == 43_984_693_850 + 6_012_345_678
    assert exchange.risk("alice").net_collateral == 56_012_961_353 - 6_012_345_678


def test_a_post_only_maker_and_its_taker_meet_in_one_block(open_exchange: OpenExchange) -> None:
    """Lane 3 is executed before lane 4, so the maker rests before the taker comes, whatever the pool's order was."""
    exchange = rich(open_exchange)
    taker = exchange.limit("bob", 1, "buy", TENTH, PRICE)
    maker = exchange.limit("alice", 1, "sell", TENTH, PRICE, tif="post_only")
    happened = exchange.block(taker, maker)
    assert happened.fills() == [Fill("bob/1", "alice/1", PRICE, TENTH)]


def test_the_better_price_comes_first_and_then_the_older_order(open_exchange: OpenExchange) -> None:
    """Three makers in three blocks: the best price fills first though it came last, then the older of the equal ones."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE))
    exchange.block(exchange.limit("bob", 2, "sell", TENTH, PRICE))
    exchange.block(exchange.limit("carol", 3, "sell", TENTH, PRICE - 100_000))
    happened = exchange.block(exchange.limit("dave", 4, "buy", 2 * TENTH + 500_000_000, PRICE))
    assert happened.fills() == [
        Fill("dave/4", "carol/3", PRICE - 100_000, TENTH),
        Fill("dave/4", "alice/1", PRICE, TENTH),
        Fill("dave/4", "bob/2", PRICE, 500_000_000),
    ]
    assert exchange.book()["asks"] == [("bob/2", PRICE, 500_000_000)]


def test_time_inside_a_block_is_the_canonical_order(open_exchange: OpenExchange) -> None:
    """Makers of one block and price stand in the order that the block's seed draws, first orders before second ones of anyone."""
    exchange = rich(open_exchange)
    drawn = drawn_first(exchange, 4, "alice", "bob", "carol")
    orders = [exchange.limit(name, client, "sell", TENTH, PRICE) for name in ("alice", "bob", "carol") for client in (1, 2)]
    exchange.block(*orders)
    standing = [row[0] for row in exchange.book()["asks"]]
    assert [name.split("/")[0] for name in standing] == drawn * 2, "round-robin over accounts"
    happened = exchange.block(exchange.limit("dave", 4, "buy", 6 * TENTH, PRICE))
    assert [fill.maker for fill in happened.fills()] == standing


def test_a_short_term_order_fills_until_its_block_and_is_gone_in_the_next(open_exchange: OpenExchange) -> None:
    """Good-til-block n: it may still fill in block n, and expires as block n + 1 begins."""
    exchange = rich(open_exchange)
    last = exchange.next_height + 2
    exchange.block(
        exchange.limit("alice", 1, "sell", TENTH, PRICE, good_til_block=last),
        exchange.limit("bob", 1, "sell", TENTH, PRICE + 100_000, good_til_block=last),
    )
    exchange.run()
    assert exchange.next_height == last
    happened = exchange.block(exchange.limit("carol", 1, "buy", TENTH, PRICE))
    assert [fill.maker for fill in happened.fills()] == ["alice/1"]
    happened = exchange.block(exchange.limit("carol", 2, "buy", TENTH, PRICE + 100_000, tif="ioc"))
    assert happened.expired() == ["bob/1"]
    assert happened.fills() == []
    late = exchange.limit("bob", 2, "sell", TENTH, PRICE, good_til_block=exchange.next_height - 1)
    assert exchange.decide(late).outcome(late) == ("sequencer", 6), "a passed good-til-block is not admitted"


def test_the_id_of_an_expired_order_is_free_at_once(open_exchange: OpenExchange) -> None:
    """After block n CheckTx accepts another order under the id of one that is good until n, and so does block n + 1."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE, good_til_block=2))
    early = exchange.limit("alice", 1, "buy", TENTH, PRICE - 100_000)
    assert [answer.code for answer in exchange.check_tx(early)] == [20] * 4
    exchange.run()
    assert exchange.book()["asks"] == [("alice/1", PRICE, TENTH)]
    other = exchange.limit("alice", 1, "buy", TENTH, PRICE - 100_000)
    assert [answer.code for answer in exchange.check_tx(other)] == [0] * 4
    happened = exchange.block(other)
    assert (happened.code(other), happened.expired()) == (0, ["alice/1"])
    assert exchange.book() == {"bids": [("alice/1", PRICE - 100_000, TENTH)], "asks": []}


def test_a_long_term_order_ends_by_time(open_exchange: OpenExchange) -> None:
    """It is gone in the first block whose time has reached its good-til-time, five seconds after its placement."""
    exchange = rich(open_exchange)
    order = exchange.long_term("alice", 1, "sell", TENTH, PRICE, good_til_time=exchange.next_seconds + 5)
    assert exchange.block(order).code(order) == 0
    for _ in range(4):
        assert exchange.run().expired() == []
    assert exchange.book()["asks"] == [("alice/1", PRICE, TENTH)]
    assert exchange.run().expired() == ["alice/1"]
    assert exchange.book()["asks"] == []
    late = exchange.long_term("alice", 1, "sell", TENTH, PRICE, good_til_time=exchange.next_seconds)
    assert exchange.block(late).outcome(late) == ("clob", 3003)


def test_a_replacement_keeps_what_is_filled_and_loses_its_place(open_exchange: OpenExchange) -> None:
    """Same id, later good-til-block: the rest counts from what is filled already, and the order stands last at its new price."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", 3 * TENTH, PRICE, good_til_block=10))
    exchange.block(exchange.limit("bob", 1, "sell", TENTH, PRICE))
    exchange.block(exchange.limit("carol", 1, "buy", TENTH, PRICE))
    assert exchange.book()["asks"] == [("alice/1", PRICE, 2 * TENTH), ("bob/1", PRICE, TENTH)]

    same = exchange.limit("alice", 1, "buy", 3 * TENTH, PRICE - 100_000, good_til_block=12)
    happened = exchange.block(same)
    assert happened.outcome(same) == ("clob", 20), "the other side is no replacement"

    smaller = exchange.limit("alice", 1, "sell", 2 * TENTH, PRICE, good_til_block=11)
    happened = exchange.block(smaller)
    assert happened.code(smaller) == 0
    assert happened.removed() == [("alice/1", "REPLACED")]
    # Of 0.2 BTC 0.1 are filled already.
    assert exchange.book()["asks"] == [("bob/1", PRICE, TENTH), ("alice/1", PRICE, TENTH)]
    happened = exchange.block(exchange.limit("carol", 2, "buy", 2 * TENTH, PRICE))
    assert [fill.maker for fill in happened.fills()] == ["bob/1", "alice/1"]
    again = exchange.limit("alice", 1, "sell", 2 * TENTH, PRICE, good_til_block=12)
    assert exchange.block(again).outcome(again) == ("clob", 24), "nothing of this id is left to fill"


def test_a_post_only_order_that_would_cross_is_accepted_and_ends(open_exchange: OpenExchange) -> None:
    """Code 0 and an event with the reason; what it would have replaced stays removed (design.md 3.5)."""
    exchange = rich(open_exchange)
    exchange.block(
        exchange.limit("alice", 1, "sell", TENTH, PRICE),
        exchange.limit("bob", 1, "buy", TENTH, PRICE - 1_000_000, tif="post_only", good_til_block=10),
    )
    crossing = exchange.limit("bob", 1, "buy", TENTH, PRICE, tif="post_only", good_til_block=11)
    happened = exchange.block(crossing)
    assert happened.code(crossing) == 0
    assert happened.removed() == [("bob/1", "REPLACED"), ("bob/1", "POST_ONLY_WOULD_CROSS_MAKER_ORDER")]
    assert happened.fills() == []
    assert exchange.book() == {"bids": [], "asks": [("alice/1", PRICE, TENTH)]}


def test_the_rest_of_an_immediate_order_ends(open_exchange: OpenExchange) -> None:
    """It takes what there is up to its limit; the remainder never rests, and its id cannot come again."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE), exchange.limit("bob", 1, "sell", TENTH, PRICE + 10_000_000))
    taker = exchange.limit("carol", 1, "buy", 2 * TENTH, PRICE + 100_000, tif="ioc")
    happened = exchange.block(taker)
    assert happened.code(taker) == 0
    assert happened.fills() == [Fill("carol/1", "alice/1", PRICE, TENTH)]
    assert happened.removed() == [("carol/1", "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK")]
    assert exchange.book()["bids"] == []
    again = exchange.limit("carol", 1, "buy", 2 * TENTH, PRICE + 10_000_000, tif="ioc")
    assert exchange.block(again).outcome(again) == ("clob", 2004)


def test_a_reduce_only_order_stops_where_the_position_is_closed(open_exchange: OpenExchange) -> None:
    """0.1 BTC long, reduce-only sale of 0.3 BTC: 0.1 fills, the rest ends; without a position it fails."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE), exchange.limit("dave", 1, "buy", 5 * TENTH, PRICE - 1_000_000))
    exchange.block(exchange.limit("bob", 1, "buy", TENTH, PRICE))
    wrong_side = exchange.limit("bob", 2, "buy", TENTH, PRICE, tif="ioc", reduce_only=True)
    closing = exchange.limit("bob", 3, "sell", 3 * TENTH, PRICE - 1_000_000, tif="ioc", reduce_only=True)
    happened = exchange.block(wrong_side, closing)
    assert happened.outcome(wrong_side) == ("clob", 2001)
    assert happened.code(closing) == 0
    assert happened.fills() == [Fill("bob/3", "dave/1", PRICE - 1_000_000, TENTH)]
    assert happened.removed() == [("bob/3", "REDUCE_ONLY_RESIZE")]
    assert exchange.position("bob") == 0
    flat = exchange.limit("bob", 4, "sell", TENTH, PRICE - 1_000_000, tif="ioc", reduce_only=True)
    assert exchange.block(flat).outcome(flat) == ("clob", 2001)


def test_a_cancel_beats_every_taker_of_its_block(open_exchange: OpenExchange) -> None:
    """Lane 1 comes first: the maker is off the book before the taker is executed, however the pool lists them."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE), exchange.long_term("alice", 2, "sell", TENTH, PRICE))
    taker = exchange.limit("bob", 1, "buy", 2 * TENTH, PRICE)
    short, long = exchange.cancel("alice", 1), exchange.cancel_long_term("alice", 2)
    happened = exchange.block(taker, short, long)
    assert [happened.code(tx) for tx in (taker, short, long)] == [0, 0, 0]
    assert happened.fills() == []
    assert exchange.book() == {"bids": [("bob/1", PRICE, 2 * TENTH)], "asks": []}


def test_a_remembered_cancel_holds_off_later_placements_of_the_id(open_exchange: OpenExchange) -> None:
    """A short-term cancel may come before its order, in the same block or an earlier one; a batch cancel cancels many."""
    exchange = rich(open_exchange)
    order, cancel = exchange.limit("alice", 1, "sell", TENTH, PRICE), exchange.cancel("alice", 1)
    happened = exchange.block(order, cancel)
    assert (happened.code(cancel), happened.outcome(order)) == (0, ("clob", 7))
    again = exchange.limit("alice", 1, "sell", TENTH, PRICE)
    assert exchange.block(again).outcome(again) == ("clob", 7)
    exchange.block(exchange.limit("alice", 2, "sell", TENTH, PRICE), exchange.limit("alice", 3, "sell", TENTH, PRICE))
    batch = exchange.batch_cancel("alice", [2, 3, 4])
    assert exchange.block(batch).code(batch) == 0
    assert exchange.book()["asks"] == []


def test_a_long_term_cancel_and_placement_of_one_id_in_one_block(open_exchange: OpenExchange) -> None:
    """The cancel of lane 1 succeeds although the placement stands later, and that placement fails with 3008."""
    exchange = rich(open_exchange)
    placement = exchange.long_term("alice", 1, "sell", TENTH, PRICE)
    cancel = exchange.cancel_long_term("alice", 1)
    happened = exchange.block(placement, cancel)
    assert (happened.code(cancel), happened.outcome(placement)) == (0, ("clob", 3008))
    assert exchange.book()["asks"] == []
    placement = exchange.long_term("alice", 1, "sell", TENTH, PRICE)
    assert exchange.block(placement).code(placement) == 0, "the next block knows nothing of it any more"
    missing = exchange.cancel_long_term("alice", 9)
    assert exchange.block(missing).outcome(missing) == ("clob", 3006)


def test_an_order_that_meets_its_own_removes_the_resting_one(open_exchange: OpenExchange) -> None:
    """The maker of the same subaccount goes, the taker goes on; another subaccount of the same owner does trade."""
    exchange = rich(open_exchange)
    exchange.block(exchange.deposit("alice", 50_000 * DOLLAR, 1))
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE))
    exchange.block(exchange.limit("alice", 2, "sell", TENTH, PRICE, number=1))
    taker = exchange.limit("alice", 3, "buy", TENTH, PRICE)
    happened = exchange.block(taker)
    assert happened.code(taker) == 0
    assert happened.removed() == [("alice/1", "SELF_TRADE_ERROR")]
    assert happened.fills() == [Fill("alice/3", "alice#1/2", PRICE, TENTH)]
    assert (exchange.position("alice"), exchange.position("alice", number=1)) == (TENTH, -TENTH)


def test_a_maker_that_cannot_pay_is_removed_and_the_taker_goes_on(open_exchange: OpenExchange) -> None:
    """Short-term orders are not checked for collateral when they come to rest, only when they match."""
    exchange = open_exchange(genesis(collateral={"alice": 100 * DOLLAR, "bob": 100_000 * DOLLAR, "carol": 100_000 * DOLLAR}))
    exchange.block(exchange.limit("alice", 1, "sell", TENTH, PRICE))
    exchange.block(exchange.limit("bob", 1, "sell", TENTH, PRICE))
    # alice's 0.1 BTC would need ceil(6,012,345,678 x 2 %) = 120,246,914 and she has 100,000,000.
    taker = exchange.limit("carol", 1, "buy", TENTH, PRICE)
    happened = exchange.block(taker)
    assert happened.removed() == [("alice/1", "UNDERCOLLATERALIZED")]
    assert happened.fills() == [Fill("carol/1", "bob/1", PRICE, TENTH)]
    assert exchange.book() == {"bids": [], "asks": []}


def test_a_taker_stops_after_the_market_s_number_of_makers(open_exchange: OpenExchange) -> None:
    """`max_fills_per_order` 2: the third maker is not met, and what is left ends with that reason."""
    state = genesis(collateral=RICH)
    state["clob"]["params"] = {"max_fills_per_order": 2}
    exchange = open_exchange(state)
    exchange.block(*[exchange.limit(name, 1, "sell", TENTH, PRICE) for name in ("alice", "bob", "carol")])
    happened = exchange.block(exchange.limit("dave", 1, "buy", 3 * TENTH, PRICE))
    assert len(happened.fills()) == 2
    assert happened.removed() == [("dave/1", "FILL_LIMIT")]
    assert len(exchange.book()["asks"]) == 1


def test_the_book_is_the_same_after_every_kind_of_life(open_exchange: OpenExchange) -> None:
    """A restarted application answers with the same books and accounts as the others, from what is on disk."""
    exchange = rich(open_exchange)
    exchange.block(exchange.limit("alice", 1, "sell", 2 * TENTH, PRICE), exchange.long_term("bob", 1, "buy", TENTH, PRICE - 100_000))
    exchange.block(exchange.limit("carol", 1, "buy", TENTH, PRICE))
    before = exchange.book(), exchange.account("carol"), exchange.price(BTC)
    exchange.restart(0)
    assert (exchange.book(), exchange.account("carol"), exchange.price(BTC)) == before
    happened = exchange.block(exchange.limit("dave", 1, "buy", TENTH, PRICE))
    assert [fill.maker for fill in happened.fills()] == ["alice/1"]
