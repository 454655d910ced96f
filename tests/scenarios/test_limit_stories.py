"""Limits of accounts on a whole chain: what a node refuses, what a block refuses, and what keeps money in."""

from typing import Any

from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from support.chain import GENESIS_TIME_NS, SECOND
from support.clob_exchange import BTC_PRICE, STEP, TICK, clob_section
from support.exchange import DOLLAR, Exchange, OpenExchange, genesis
from support.markets import BTC
from support.trader_messages import order_message, text_of, transfer_message

GATING = {"gating": {"outage_seconds": 30, "blocks": 3}}


def leverage_message(name: str, ppm: int) -> Any:
    """Of the name's subaccount 0 in BTC."""
    message = clob_pb2.MsgUpdateLeverage()
    message.subaccount_id.owner = text_of(name)
    message.clob_pair_leverage.add(clob_pair_id=BTC, custom_imf_ppm=ppm)
    return message


def gap(exchange: Exchange, seconds: int) -> None:
    """The next block comes so much later."""
    usual = exchange.chain.block_seconds_ns
    exchange.chain.block_seconds_ns = seconds * SECOND
    exchange.block()
    exchange.chain.block_seconds_ns = usual


def test_a_chain_whose_genesis_is_old_begins_open(open_exchange: OpenExchange) -> None:
    """The engine gives the first block the genesis time and the second the time of day: no outage, whenever genesis was (risk 12.2)."""
    exchange = open_exchange(genesis(subaccounts=GATING), block_seconds=0)
    exchange.block(exchange.deposit("alice", 100 * DOLLAR))
    assert exchange.chain.time_ns == GENESIS_TIME_NS
    gap(exchange, 30 * 86_400)
    leaving = exchange.withdraw("alice", DOLLAR)
    assert exchange.block(leaving).code(leaving) == 0


def test_after_an_outage_money_stays_for_so_many_blocks(open_exchange: OpenExchange) -> None:
    """Three blocks from the one that ends it: withdrawals fail with 102, deposits and one's own transfers do not."""
    exchange = open_exchange(genesis(subaccounts=GATING))
    exchange.block(exchange.deposit("alice", 100 * DOLLAR))
    exchange.run(3)
    exchange.chain.block_seconds_ns = 29 * SECOND
    leaving = exchange.withdraw("alice", DOLLAR)
    assert exchange.block(leaving).code(leaving) == 0
    exchange.chain.block_seconds_ns = 30 * SECOND
    seen = []
    for _ in range(4):
        leaving, giving = exchange.withdraw("alice", DOLLAR), exchange.transfer("alice", DOLLAR, to="bob")
        mine, more = exchange.transfer("alice", DOLLAR, to_number=1), exchange.deposit("alice", DOLLAR)
        happened = exchange.block(leaving, giving, mine, more)
        seen.append([happened.outcome(tx) for tx in (leaving, giving, mine, more)])
        exchange.chain.block_seconds_ns = SECOND
    blocked = ("subaccounts", 102)
    assert seen == [[blocked, blocked, ("", 0), ("", 0)]] * 3 + [[("", 0)] * 4]


def test_a_node_counts_messages_and_blocks_do_not(open_exchange: OpenExchange) -> None:
    """CheckTx refuses with 5001 what a block takes all the same: the windows are a node's own."""
    windows = {"short_term_orders_and_cancels": [{"num_blocks": 1, "limit": 3}], "stateful_orders": [{"num_blocks": 5, "limit": 1}]}
    exchange = open_exchange(genesis(clob=clob_section(block_rate_limits=windows)))
    exchange.block(exchange.deposit("alice", 100_000 * DOLLAR))
    orders = [exchange.limit("alice", client_id, "buy", STEP, TICK) for client_id in range(5)]
    assert [[answer.code for answer in exchange.check_tx(tx)] for tx in orders] == [[0] * 4] * 3 + [[5001] * 4] * 2
    long_term = [exchange.long_term("alice", client_id, "buy", STEP, TICK) for client_id in range(2)]
    assert [{answer.code for answer in exchange.check_tx(tx)} for tx in long_term] == [{0}, {5001}]
    happened = exchange.block(*orders, *long_term)
    assert [happened.code(tx) for tx in (*orders, *long_term)] == [0] * 7
    assert len(exchange.book()["bids"]) == 7


def test_nodes_that_have_counted_and_nodes_that_have_not_agree(open_exchange: OpenExchange) -> None:
    """One node sees all traffic and is full, the others see none: every block's app hash is equal (asserted in each block)."""
    windows = {"short_term_orders_and_cancels": [{"num_blocks": 100, "limit": 1}]}
    exchange = open_exchange(genesis(clob=clob_section(block_rate_limits=windows)))
    exchange.block(exchange.deposit("alice", 100_000 * DOLLAR))
    for number in range(3):
        orders = [exchange.limit("alice", 10 * number + client_id, "buy", STEP, TICK) for client_id in range(3)]
        for tx in orders:
            exchange.apps[1].check_tx(tx, False)
        happened = exchange.block(*orders)
        assert [happened.code(tx) for tx in orders] == [0, 0, 0]


def test_an_order_without_room_is_refused_by_node_and_block(open_exchange: OpenExchange) -> None:
    """10001 in CheckTx by what rests now; of two in one block that fit alone the canonically first gets the room."""
    tiers = {"short_term": [{"usd_tnc_required": "0", "limit": 2}]}
    exchange = open_exchange(genesis(clob=clob_section(equity_tiers=tiers)))
    exchange.block(exchange.deposit("alice", 100_000 * DOLLAR))
    exchange.block(exchange.limit("alice", 1, "buy", STEP, TICK))
    rivals = [exchange.limit("alice", client_id, "buy", STEP, TICK) for client_id in (2, 3)]
    assert [{answer.code for answer in exchange.check_tx(tx)} for tx in rivals] == [{0}, {0}]
    happened = exchange.block(*rivals)
    assert sorted(happened.code(tx) for tx in rivals) == [0, 10001]
    late = exchange.limit("alice", 4, "buy", STEP, TICK)
    [answer] = {(answer.code, answer.log) for answer in exchange.check_tx(late)}
    assert answer[0] == 10001
    assert answer[1].startswith("it has 2 resting short-term orders; at 100000 USDC of equity the limit is 2, ")
    taking = exchange.limit("alice", 5, "buy", STEP, TICK, tif="ioc")
    assert {answer.code for answer in exchange.check_tx(taking)} == {0}


def test_leverage_is_free_last_and_checked_before_it_is_sent(open_exchange: OpenExchange) -> None:
    """No fee, no gas, lane 5: orders of the same block meet the old margin, those of the next the new one."""
    exchange = open_exchange(genesis())
    exchange.block(exchange.deposit("alice", 100 * DOLLAR), exchange.deposit("bob", 100_000 * DOLLAR))
    exchange.block(exchange.limit("bob", 1, "sell", 100 * STEP, BTC_PRICE))
    wrong = exchange.sign("alice", leverage_message("alice", 19_999), sequence=1)
    assert {(answer.codespace, answer.code) for answer in exchange.check_tx(wrong)} == {("subaccounts", 701)}
    wallet = exchange.wallet("alice")
    update = exchange.sign("alice", leverage_message("alice", 1_000_000))
    small = exchange.limit("alice", 1, "buy", 10 * STEP, BTC_PRICE, tif="ioc")
    happened = exchange.block(update, small)
    assert [(happened.code(tx), happened.result(tx).gas_used) for tx in (update, small)] == [(0, 0), (0, 0)]
    assert exchange.wallet("alice") == wallet
    assert exchange.position("alice") == 10 * STEP
    exchange.block(exchange.limit("alice", 2, "buy", 80 * STEP, BTC_PRICE, tif="ioc"))
    assert exchange.position("alice") == 10 * STEP


def test_leverage_bundles_with_stateful_orders_and_one_transfer_only(open_exchange: OpenExchange) -> None:
    """dydx-clob.md 2.1: sdk 18 in CheckTx and in a block, and nothing of such a transaction happens."""
    exchange = open_exchange(genesis())
    exchange.block(exchange.deposit("alice", 1_000 * DOLLAR))
    leverage = leverage_message("alice", 500_000)
    stateful = order_message("alice", 1, "buy", STEP, TICK, good_til_time=exchange.next_seconds + 60)
    short_term = order_message("alice", 1, "buy", STEP, TICK, good_til_block=exchange.next_height + 5)
    move = transfer_message("alice", DOLLAR, 0, "", 1)
    for messages, code in (
        ((leverage, stateful, move), 0),
        ((move, leverage, move), 18),
        ((leverage, short_term), 18),
        ((leverage, order_message("alice", 2, "buy", STEP, TICK, good_til_time=exchange.next_seconds + 60), leverage), 0),
    ):
        tx = exchange.sign("alice", *messages)
        assert {answer.code for answer in exchange.check_tx(tx)} == {code}
        assert exchange.block(tx).code(tx) == code
    assert sorted(name for name, _, _ in exchange.book()["bids"]) == ["alice/1", "alice/2"]
    assert exchange.collateral("alice", 1) == DOLLAR
