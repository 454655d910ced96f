"""What a price allows (design.md 6; the table in modules/oracle/README.md): each standing, on whole applications.

BTC at 6,012,345,678 subticks. Alice is long four steps of it and dave short, so that a trade between them only reduces.
"""

from collections.abc import Callable
from typing import Any

import pytest

from modules.oracle.model import Standing
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from support.chain import SECOND
from support.clob_exchange import STEP, TICK
from support.exchange import DOLLAR, GENESIS_SECONDS, Exchange, Fill, OpenExchange, genesis
from support.markets import BTC, ETH, oracle_section
from support.trader_messages import order_message, text_of

PRICE = 6_012_300_000
RICH = 50_000 * DOLLAR
MIDDLE = ("UNCERTAIN", "STALE", "REOPENING")
"""The standings that allow what reduces, and nothing more."""


def held(sizes: dict[str, int] | None = None, collateral: dict[str, int] | None = None, **market: Any) -> dict[str, Any]:
    """A genesis with these positions in BTC (steps), rich accounts but for those named, and these fields of the BTC market."""
    sizes = {"alice": 4, "dave": -4} if sizes is None else sizes
    oracle = oracle_section()
    oracle["markets"][BTC] |= market
    return genesis(
        collateral=dict.fromkeys(("alice", "bob", "carol", "dave", "erin"), RICH) | (collateral or {}),
        positions={name: {BTC: steps * STEP} for name, steps in sizes.items()},
        oracle=oracle,
    )


def fall_silent(exchange: Exchange, *markets: int) -> None:
    """From the next votes on nobody says anything of these markets."""
    for reported in exchange.reported:
        for market in markets:
            reported.pop(market, None)


def speak(exchange: Exchange, price: int, market: int = BTC) -> None:
    """From the next votes on everybody reports this."""
    for reported in exchange.reported:
        reported[market] = price


def age(exchange: Exchange, seconds: int = 61) -> None:
    """A block, so much later; those after it come a second apart again."""
    exchange.chain.block_seconds_ns = seconds * SECOND
    exchange.block()
    exchange.chain.block_seconds_ns = SECOND


def go_stale(exchange: Exchange, *markets: int) -> None:
    """The markets' last prices are too old."""
    fall_silent(exchange, *markets)
    exchange.block()
    age(exchange)


def standing(exchange: Exchange, market: int = BTC) -> str:
    """Its name, at the last block."""
    return exchange.wiring.oracle.keeper.standing(exchange.ctx, market).name


def leverage(exchange: Exchange, name: str, ppm: int) -> bytes:
    """A custom margin in BTC."""
    message = clob_pb2.MsgUpdateLeverage()
    message.subaccount_id.owner = text_of(name)
    message.clob_pair_leverage.add(clob_pair_id=BTC, custom_imf_ppm=ppm)
    return exchange.sign(name, message)


def conditional(exchange: Exchange, name: str, client_id: int, trigger: int) -> bytes:
    """A stop-loss buy."""
    message = order_message(name, client_id, "buy", STEP, trigger + 100 * TICK, good_til_time=exchange.next_seconds + 3_600)
    message.order.order_id.order_flags, message.order.condition_type = 32, 1
    message.order.conditional_order_trigger_subticks = trigger
    return exchange.sign(name, message)


def twap(exchange: Exchange, name: str, client_id: int) -> bytes:
    """A buy in ten slices, one every thirty seconds."""
    message = order_message(name, client_id, "buy", 10 * STEP, PRICE - 100 * TICK, good_til_time=exchange.next_seconds + 3_600)
    message.order.order_id.order_flags = 128
    message.order.twap_parameters.duration, message.order.twap_parameters.interval = 300, 30
    return exchange.sign(name, message)


STANDINGS: dict[str, dict[str, Any]] = {
    "FRESH": {},
    "UNCERTAIN": {"confidence": 60_123_457, "maximum_confidence_ppm": 10_000},
    "STALE": {"updated_ns": str((GENESIS_SECONDS - 3_600) * SECOND)},
    "REOPENING": {"updates_to_come": 1_000},
    "INVALID": {"price": "0"},
}
"""Fields of a market in genesis with which it has this standing as long as nobody reports it."""
OK = ("", 0)
NO_ORDER, MONEY, MARGIN, NO_PRICE = ("oracle", 101), ("oracle", 102), ("oracle", 103), ("clob", 28)
ACTIONS: dict[str, Callable[[Exchange], bytes]] = {
    "a new order": lambda x: x.limit("bob", 1, "buy", STEP, PRICE),
    "a post-only order": lambda x: x.limit("bob", 2, "sell", STEP, PRICE + 900 * TICK, tif="post_only"),
    "a long-term order": lambda x: x.long_term("bob", 3, "buy", STEP, PRICE - 900 * TICK),
    "a conditional order": lambda x: conditional(x, "bob", 4, PRICE + 900 * TICK),
    "a TWAP order": lambda x: twap(x, "bob", 5),
    "more of a position": lambda x: x.limit("alice", 6, "buy", STEP, PRICE, tif="ioc"),
    "a reduction": lambda x: x.limit("alice", 7, "sell", 4 * STEP, PRICE + 900 * TICK, tif="post_only"),
    "a reduction that would flip": lambda x: x.limit("alice", 8, "sell", 5 * STEP, PRICE + 900 * TICK),
    "a larger reduce-only order": lambda x: x.limit("dave", 9, "buy", 5 * STEP, PRICE - 900 * TICK, tif="ioc", reduce_only=True),
    "a long-term reduction": lambda x: x.long_term("alice", 10, "sell", STEP, PRICE + 900 * TICK),
    "an order elsewhere": lambda x: x.limit("alice", 11, "buy", STEP, 1_000_000_000, pair=ETH),
    "a cancel": lambda x: x.cancel("alice", 12),
    "a deposit": lambda x: x.deposit("alice", 1),
    "a withdrawal": lambda x: x.withdraw("alice", 1),
    "a transfer": lambda x: x.transfer("alice", 1, to="bob"),
    "a transfer to oneself": lambda x: x.transfer("alice", 1, to_number=1),
    "a transfer to it": lambda x: x.transfer("bob", 1, to="alice"),
    "a withdrawal of who holds nothing": lambda x: x.withdraw("bob", 1),
    "a higher margin": lambda x: leverage(x, "alice", 60_000),
    "a lower margin": lambda x: leverage(x, "alice", 50_000),
    "a payment": lambda x: x.send("alice", "bob", 1),
}
NEW_RISK = ("a new order", "a post-only order", "a long-term order", "a conditional order", "a TWAP order", "more of a position")
REDUCTIONS = ("a reduction", "a larger reduce-only order", "a long-term reduction")


def expected(name: str, action: str) -> tuple[str, int]:
    """The table, as (codespace, code)."""
    if name == "FRESH":
        return OK
    if name == "INVALID":
        orders = (*NEW_RISK, *REDUCTIONS, "a reduction that would flip")
        return NO_PRICE if action in orders else MARGIN if action == "a lower margin" else OK
    if action in NEW_RISK or action == "a reduction that would flip":
        return NO_ORDER
    if action in ("a withdrawal", "a transfer", "a transfer to oneself"):
        return MONEY
    return MARGIN if action == "a lower margin" else OK


@pytest.mark.parametrize("name", STANDINGS)
def test_each_standing_allows_what_the_table_says(open_exchange: OpenExchange, name: str) -> None:
    """Row by row, each action in a block with all others, and in CheckTx what it judges."""
    exchange = open_exchange(held({} if name == "INVALID" else None, **STANDINGS[name]), nodes=1)
    if name != "FRESH":
        fall_silent(exchange, BTC)
    exchange.block()
    assert standing(exchange) == name
    txs = {action: make(exchange) for action, make in ACTIONS.items()}
    checked = {
        action: (found.codespace, found.code)
        for action, tx in txs.items()
        if " order" in action or "reduc" in action or "position" in action
        for found in exchange.check_tx(tx)
    }
    happened = exchange.block(*txs.values())
    assert {action: happened.outcome(tx) for action, tx in txs.items()} == {action: expected(name, action) for action in ACTIONS}
    # Behind a transaction that CheckTx refuses, the next sequence of its account is not the one that it expects.
    checked = {action: code for action, code in checked.items() if code != ("sdk", 32)}
    assert checked == {action: expected(name, action) for action in checked}
    assert len(checked) > 8


@pytest.mark.parametrize("name", MIDDLE)
def test_what_reduces_on_both_sides_trades(open_exchange: OpenExchange, name: str) -> None:
    """Alice and dave close against each other, to the last step, at a price that nobody vouches for."""
    exchange = open_exchange(held(**STANDINGS[name]), nodes=1)
    fall_silent(exchange, BTC)
    exchange.block(exchange.limit("alice", 1, "sell", 4 * STEP, PRICE))
    happened = exchange.block(exchange.limit("dave", 1, "buy", 3 * STEP, PRICE, tif="ioc"))
    assert happened.fills() == [Fill("dave/1", "alice/1", PRICE, 3 * STEP)]
    happened = exchange.block(exchange.limit("dave", 2, "buy", STEP, PRICE, tif="ioc"))
    assert happened.fills() == [Fill("dave/2", "alice/1", PRICE, STEP)]
    assert (exchange.position("alice"), exchange.position("dave"), exchange.open_interest()) == (0, 0, 0)
    withdrawn = exchange.withdraw("alice", 1)
    assert exchange.block(withdrawn).outcome(withdrawn) == OK, "who holds nothing there any more is free"


def test_a_maker_that_would_grow_is_passed_over_and_stays(open_exchange: OpenExchange) -> None:
    """Bob's ask was placed while the price was fresh. Now dave buys past it from alice; what is left of him may not rest behind bob."""
    exchange = open_exchange(held(), nodes=1)
    exchange.block(exchange.limit("bob", 1, "sell", 5 * STEP, PRICE, good_til_block=exchange.next_height + 30))
    go_stale(exchange, BTC)
    exchange.block(exchange.limit("alice", 2, "sell", 2 * STEP, PRICE + TICK))
    happened = exchange.block(exchange.limit("dave", 3, "buy", 4 * STEP, PRICE + TICK))
    assert happened.fills() == [Fill("dave/3", "alice/2", PRICE + TICK, 2 * STEP)]
    assert happened.removed() == [("dave/3", "PRICE_NOT_FRESH")]
    assert exchange.book() == {"bids": [], "asks": [("bob/1", PRICE, 5 * STEP)]}
    post_only = exchange.limit("dave", 4, "buy", STEP, PRICE, tif="post_only")
    assert exchange.block(post_only).removed() == [("dave/4", "PRICE_NOT_FRESH")]
    speak(exchange, 6_012_345_678)
    exchange.run(2)
    happened = exchange.block(exchange.limit("dave", 5, "buy", STEP, PRICE, tif="ioc"))
    assert happened.fills() == [Fill("dave/5", "bob/1", PRICE, STEP)], "fresh again, it trades as if nothing had been"


def test_a_stale_market_liquidates_nobody_and_accepts_reductions(open_exchange: OpenExchange) -> None:
    """Alice is below maintenance and erin worth less than nothing, at a price an hour old: both are left alone until there is a new one."""
    worth = 4_000 * STEP * 6_012_345_678 // 10**9
    sizes = {"alice": 4_000, "erin": 4_000, "dave": -8_000}
    poor = {"alice": worth // 100 - worth, "erin": -worth - DOLLAR, "dave": 2 * worth + RICH}
    exchange = open_exchange(held(sizes, poor, **STANDINGS["STALE"]), nodes=1)
    fall_silent(exchange, BTC)
    for _ in range(3):
        happened = exchange.block()
        assert not happened.events("liquidation")
        assert not happened.events("deleveraged")
    assert 0 < exchange.risk("alice").net_collateral < exchange.risk("alice").maintenance
    assert exchange.risk("erin").net_collateral < 0
    exchange.block(exchange.limit("dave", 1, "buy", 1_000 * STEP, PRICE))
    happened = exchange.block(exchange.limit("alice", 1, "sell", 10 * STEP, PRICE, tif="ioc"))
    assert happened.fills() == [Fill("alice/1", "dave/1", PRICE, 10 * STEP)], "a reduction"
    speak(exchange, 6_012_345_678)
    exchange.block()
    happened = exchange.block()
    assert standing(exchange) == "FRESH"
    assert [event["subaccount"] for event in happened.events("liquidation")] == [text_of("erin"), text_of("alice")]
    exchange.run(3)
    assert exchange.position("erin") == 0, "to the book, and then to the other side"


def test_a_fresh_position_is_closed_and_a_stale_one_beside_it_is_not(open_exchange: OpenExchange) -> None:
    """ETH falls while BTC is stale: alice's account counts BTC at its last price, is below maintenance, and loses its ETH only."""
    state = held()
    worth = 4 * STEP * 6_012_345_678 // 10**9
    for account in state["subaccounts"]["accounts"]:
        if account["owner"] in (text_of("alice"), text_of("bob")):
            size = 10**9 if account["owner"] == text_of("alice") else -(10**9)
            account["positions"].append({"perpetual_id": ETH, "quantums": str(size), "funding_index": 0, "entry_quote": 0})
            # One ETH is worth 3,012,345,678 quote quantums; alice has 100 dollars besides her positions.
            account["collateral"] = str(100 * DOLLAR - 3_012_345_678 - worth if size > 0 else RICH + 3_012_345_678)
    state["perp"]["perpetuals"][ETH]["open_interest"] = str(10**9)
    pool = sum(int(account["collateral"]) for account in state["subaccounts"]["accounts"])
    next(row for row in state["bank"]["balances"] if row.get("module") == "subaccounts")["coins"][0]["amount"] = str(pool)
    exchange = open_exchange(state, nodes=1)
    go_stale(exchange, BTC)
    exchange.block(exchange.limit("carol", 1, "buy", 10**9, 2_935_000_000, pair=ETH, good_til_block=exchange.next_height + 30))
    exchange.price_becomes(2_940_000_000, ETH)
    happened = exchange.block()
    assert (standing(exchange), standing(exchange, ETH)) == ("STALE", "FRESH")
    assert [event["perpetual_id"] for event in happened.events("liquidation")] == [str(ETH)]
    exchange.run(3)
    assert exchange.position("alice") == 4 * STEP
    assert exchange.position("alice", ETH) < 10**9


def test_triggers_wait_and_slices_are_skipped(open_exchange: OpenExchange) -> None:
    """A trade beyond the trigger would set it off; at a stale price it does not, and a slice that is due is skipped with its leg."""
    exchange = open_exchange(held(), nodes=1)
    trigger = PRICE + 100 * TICK
    exchange.block(conditional(exchange, "bob", 1, trigger), twap(exchange, "carol", 2))
    exchange.block()
    fall_silent(exchange, BTC)
    exchange.block()
    exchange.chain.block_seconds_ns = 61 * SECOND
    [slice_] = exchange.block().events("twap_slice")
    assert (slice_["slice_quantums"], slice_["remaining_legs"]) == ("0", "8")
    exchange.chain.block_seconds_ns = SECOND
    exchange.block(exchange.limit("alice", 3, "sell", STEP, trigger))
    assert len(exchange.block(exchange.limit("dave", 4, "buy", STEP, trigger, tif="ioc")).fills()) == 1
    assert not exchange.block().events("conditional_triggered")
    speak(exchange, 6_012_345_678 + 110 * TICK)
    exchange.block()
    assert len(exchange.block().events("conditional_triggered")) == 1
    exchange.chain.block_seconds_ns = 30 * SECOND
    assert [event["slice_quantums"] != "0" for event in exchange.block().events("twap_slice")] == [True]


def test_what_has_triggered_and_found_no_room_waits_for_a_fresh_price(open_exchange: OpenExchange) -> None:
    """A block runs one of two; then the price is stale. The other keeps its place and runs with the next price, whatever it is."""
    state = held()
    state["clob"]["params"] = {"max_due_per_block": 1}
    exchange = open_exchange(state, nodes=1)
    trigger = PRICE + 100 * TICK
    exchange.block(conditional(exchange, "bob", 1, trigger), conditional(exchange, "carol", 2, trigger))
    exchange.price_becomes(6_012_345_678 + 110 * TICK)
    fall_silent(exchange, BTC)
    assert len(exchange.block().events("conditional_triggered")) == 1
    exchange.chain.block_seconds_ns = 61 * SECOND
    assert not exchange.block().events("conditional_triggered")
    exchange.chain.block_seconds_ns = SECOND
    assert not exchange.block().events("conditional_triggered")
    speak(exchange, 6_012_345_678)
    exchange.block()
    assert len(exchange.block().events("conditional_triggered")) == 1


def test_time_without_a_fresh_price_is_not_charged(open_exchange: OpenExchange) -> None:
    """The running epoch covers what was before and after; the time between is nobody's."""
    exchange = open_exchange(held(), nodes=1)
    funding = exchange.wiring.funding.keeper
    exchange.run(3)
    fall_silent(exchange, BTC)
    exchange.block()
    age(exchange)
    silent_from = funding.running(exchange.ctx, BTC).covered_ns
    exchange.run(5)
    assert funding.running(exchange.ctx, BTC).covered_ns == silent_from
    assert funding.running(exchange.ctx, ETH).covered_ns == silent_from + 5 * SECOND
    speak(exchange, 6_012_345_678)
    exchange.run(2)
    assert funding.running(exchange.ctx, BTC).covered_ns == silent_from, "this block's premium is the first again"
    exchange.run(3)
    assert funding.running(exchange.ctx, BTC).covered_ns == silent_from + 3 * SECOND


def test_after_a_gap_a_market_is_open_again_when_enough_prices_have_come(open_exchange: OpenExchange) -> None:
    """More than five minutes: three updates of each market, of which the votes that end the gap are the first. Gating is beside it."""
    exchange = open_exchange(held(), nodes=1)
    exchange.run(2)
    exchange.chain.block_seconds_ns = 300 * SECOND
    exchange.block()
    assert standing(exchange) == "FRESH", "a gap of just so much is none"
    speak(exchange, 9_000_000_000)
    exchange.run()
    exchange.chain.block_seconds_ns = 301 * SECOND
    told = exchange.block()
    exchange.chain.block_seconds_ns = SECOND
    assert standing(exchange) == "REOPENING"
    assert [(event["market_id"], event["standing"]) for event in told.events("oracle_standing_changed")] == [
        (str(market), "REOPENING") for market in (0, 1, 2)
    ]
    fall_silent(exchange, ETH)
    new, withdrawal = exchange.limit("bob", 1, "buy", STEP, PRICE), exchange.withdraw("bob", 1)
    happened = exchange.block(new, withdrawal)
    assert (happened.outcome(new), happened.outcome(withdrawal)) == (NO_ORDER, ("subaccounts", 102))
    new = exchange.limit("bob", 2, "buy", STEP, PRICE)
    happened = exchange.block(new)
    assert happened.outcome(new) == OK, "the third update came with this block"
    assert [(event["market_id"], event["standing"]) for event in happened.events("oracle_standing_changed")] == [
        ("0", "FRESH"),
        ("2", "FRESH"),
    ]
    assert standing(exchange, ETH) == "REOPENING", "each market for itself"
    withdrawal = exchange.withdraw("bob", 1)
    assert exchange.block(withdrawal).outcome(withdrawal) == ("subaccounts", 102), "gating has its own parameter"
    exchange.run(50)
    withdrawals = [exchange.withdraw("bob", 1), exchange.withdraw("alice", 1)]
    assert [exchange.block(tx).outcome(tx) for tx in withdrawals] == [OK, OK]


def test_a_price_moves_no_further_in_a_block_than_it_may(open_exchange: OpenExchange) -> None:
    """One per cent a block toward what is agreed, and there it stays; less than a tenth per cent is no move, but makes it younger."""
    exchange = open_exchange(held(maximum_move_ppm=10_000, minimum_move_ppm=1_000), nodes=1)
    exchange.run(2)
    speak(exchange, 5_800_000_000)
    exchange.block()
    seen = [exchange.price()]
    for _ in range(6):
        happened = exchange.block()
        seen.append(exchange.price())
    assert seen == [6_012_345_678, 5_952_222_222, 5_892_700_000, 5_833_773_000, 5_800_000_000, 5_800_000_000, 5_800_000_000]
    assert not happened.events("oracle_price_updated")
    speak(exchange, 5_800_000_000 + 5_799_999)
    exchange.run(3)
    recorded = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC)
    assert (recorded.price, recorded.updated_height) == (5_800_000_000, exchange.chain.height)
    speak(exchange, 5_800_000_000 + 5_800_000)
    exchange.run(2)
    assert exchange.price() == 5_805_800_000


def test_a_market_that_reopens_takes_its_first_prices_whole(open_exchange: OpenExchange) -> None:
    """What the chain missed is no move of one block: half the price at once, though a block may move it by a thousandth."""
    exchange = open_exchange(held(maximum_move_ppm=1_000), nodes=1)
    exchange.run(2)
    speak(exchange, 3_000_000_000)
    exchange.block()
    age(exchange, 301)
    assert (exchange.price(), standing(exchange)) == (3_000_000_000, "REOPENING")
    exchange.run(2)
    speak(exchange, 3_300_000_000)
    exchange.run(2)
    assert (exchange.price(), standing(exchange)) == (3_003_000_000, "FRESH")


def test_a_market_ends_at_its_last_price_however_old(open_exchange: OpenExchange) -> None:
    """Final settlement of a market whose price has died: both sides close at what it was last."""
    state = held(**STANDINGS["STALE"])
    state["clob"]["clob_pairs"][BTC]["status"] = "FINAL_SETTLEMENT"
    exchange = open_exchange(state, nodes=1)
    fall_silent(exchange, BTC)
    happened = exchange.block()
    assert (standing(exchange), exchange.open_interest()) == ("STALE", 0)
    assert len(happened.events("final_settlement")) == 1


def test_the_last_told_standing_and_what_is_to_come_survive_an_export(open_exchange: OpenExchange) -> None:
    """A chain from the export of one that is reopening goes on counting, and tells nothing twice."""
    exchange = open_exchange(held(maximum_move_ppm=1_000), nodes=1)
    exchange.run(2)
    fall_silent(exchange, ETH)
    age(exchange, 301)
    exchange.block()
    section = exchange.wiring.export_genesis(exchange.ctx)["oracle"]
    rows = [(row["standing"], row["updates_to_come"], row["maximum_move_ppm"]) for row in section["markets"]]
    assert rows == [("REOPENING", 1, 1_000), ("REOPENING", 2, 0), ("REOPENING", 1, 0)]
    assert section["reopening"] == {"gap_seconds": 300, "fresh_prices": 3}
    again = open_exchange(
        exchange.wiring.export_genesis(exchange.ctx),
        nodes=1,
        time_ns=exchange.chain.time_ns,
        initial_height=exchange.chain.height + 1,
        enable_height=exchange.chain.height + 1,
    )
    happened = again.block()
    assert not happened.events("oracle_standing_changed")
    assert again.wiring.export_genesis(again.ctx)["oracle"]["reopening"] == section["reopening"]
    assert {Standing[row["standing"]] for row in again.wiring.export_genesis(again.ctx)["oracle"]["markets"]} == {Standing.REOPENING}
