"""Conditional and TWAP orders as they wait, trigger, work and end, asked at every step."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as own
from support import load
from support.app_network import AppNetwork, app_network, localnet_state
from support.load import POST_ONLY

CONDITIONAL, TWAP = 32, 128
STOP_LOSS, TAKE_PROFIT = 1, 2


@pytest.fixture
def network(tmp_path: Path) -> Iterator[AppNetwork]:
    """One application; a deep bid and a deep offer lie around the price."""
    with app_network(tmp_path) as started:
        started.chain.run(2)
        deep = {"steps": 1000, "time_in_force": POST_ONLY}
        maker = started.people[3]
        started.block(
            [
                started.long_term(maker, is_buy=True, ticks=-2, client_id=91, **deep),
                started.long_term(maker, is_buy=False, ticks=2, client_id=92, **deep),
            ]
        )
        yield started


def place(network: AppNetwork, who: load.Trader, flags: int, **order: Any) -> clob_pb2.MsgPlaceOrder:
    """A placement of one of these kinds, good for an hour."""
    return network.place(who, flags=flags, good_til=network.time_seconds + 3600, **order)


def conditional(network: AppNetwork, who: load.Trader, condition: int, trigger_ticks: int, **order: Any) -> clob_pb2.MsgPlaceOrder:
    """One that waits for a price so many ticks above the genesis price."""
    message = place(network, who, CONDITIONAL, **order)
    market = network.markets[0]
    message.order.condition_type = condition  # type: ignore[assignment]
    message.order.conditional_order_trigger_subticks = market.middle_subticks + trigger_ticks * market.tick_subticks
    return message


def twap(network: AppNetwork, who: load.Trader, *, duration: int, interval: int, steps: int, is_buy: bool = True) -> clob_pb2.MsgPlaceOrder:
    """One without a limit price, whose slices follow the oracle."""
    message = place(network, who, TWAP, is_buy=is_buy, ticks=0, steps=steps)
    message.order.subticks = 0
    message.order.twap_parameters.duration = duration
    message.order.twap_parameters.interval = interval
    message.order.twap_parameters.price_tolerance = 50_000
    return message


def ask(network: AppNetwork, placed: clob_pb2.MsgPlaceOrder) -> own.QueryOrderResponse:
    """What is known of the order."""
    request = own.QueryOrderRequest(order_id=placed.order.order_id)
    answer, _ = network.app.table.answer("/perpd.clob.v1.Query/Order", request.SerializeToString(), 0)
    found: own.QueryOrderResponse = own.QueryOrderResponse.FromString(answer)
    return found


def told(network: AppNetwork, placed: clob_pb2.MsgPlaceOrder) -> tuple[str, int, str]:
    """(status, filled steps, reason)."""
    found = ask(network, placed)
    name = own.OrderStatus.Name(found.status).removeprefix("ORDER_STATUS_")
    return name, found.filled_quantums // network.markets[0].step_base_quantums, found.reason


def listed(network: AppNetwork, who: load.Trader) -> dict[tuple[int, int], int]:
    """Status by (flags, client id) of what Orders lists."""
    request = own.QueryOrdersRequest()
    request.subaccount_id.owner = who.text
    answer, _ = network.app.table.answer("/perpd.clob.v1.Query/Orders", request.SerializeToString(), 0)
    rows = own.QueryOrdersResponse.FromString(answer).orders
    return {(row.order.order_id.order_flags, row.order.order_id.client_id): row.status for row in rows}


def set_price(network: AppNetwork, ppm: int) -> None:
    """The oracle price moves to so many millionths of what it was in genesis."""
    genesis = {entry["id"]: int(entry["price"]) for entry in network.state["oracle"]["markets"]}
    network.prices = {market: price * ppm // 1_000_000 for market, price in genesis.items()}


def test_a_conditional_order_waits_triggers_and_is_filled(network: AppNetwork) -> None:
    """Untriggered by its placement; triggered by the engine, resting; filled by a taker's transaction."""
    who, taker, *_ = network.people
    placed = conditional(network, who, TAKE_PROFIT, -500, is_buy=True, ticks=-1)
    placing = network.sign(who, placed)
    network.block([placing])
    found = ask(network, placed)
    assert (told(network, placed), found.open) == (("UNTRIGGERED", 0, ""), True)
    assert (found.tx_hash, found.placed_tx_hash, found.order.order) == (sha256(placing).digest(), sha256(placing).digest(), placed.order)
    assert listed(network, who) == {(CONDITIONAL, 1): own.ORDER_STATUS_UNTRIGGERED}
    placed_height = network.height

    set_price(network, 900_000)
    while ask(network, placed).status == own.ORDER_STATUS_UNTRIGGERED:
        assert network.height < placed_height + 5
        network.block()
    found = ask(network, placed)
    assert (told(network, placed), found.open) == (("TRIGGERED", 0, ""), True)
    assert (found.cause, found.tx_hash, found.placed_height) == (own.ORDER_CAUSE_ENGINE, b"", placed_height)
    assert listed(network, who) == {(CONDITIONAL, 1): own.ORDER_STATUS_TRIGGERED}
    stateful = own_stateful(network, placed.order.order_id)
    assert (stateful.triggered, stateful.order_placement.order) == (True, placed.order)

    taking = network.short_term(taker, is_buy=False, ticks=-1, steps=10)
    network.block([taking])
    assert told(network, placed) == ("FILLED", 10, "")
    assert ask(network, placed).tx_hash == sha256(taking).digest()
    assert listed(network, who) == {}


def own_stateful(network: AppNetwork, order_id: order_pb2.OrderId) -> Any:
    """What the reference's query answers."""
    route = network.app.table.routes["/dydxprotocol.clob.Query/StatefulOrder"]
    answer, _ = network.app.table.answer(route.path, route.request(order_id=order_id).SerializeToString(), 0)
    return route.response.FromString(answer)


def test_a_conditional_order_is_cancelled_or_expires_while_it_waits(network: AppNetwork) -> None:
    """By its owner, and by the clock."""
    first, second, *_ = network.people
    cancelled = conditional(network, first, STOP_LOSS, 500, is_buy=True, ticks=0)
    expiring = conditional(network, second, STOP_LOSS, 500, is_buy=True, ticks=0)
    expiring.order.good_til_block_time = network.time_seconds + 3
    network.block([network.sign(first, cancelled), network.sign(second, expiring)])
    assert not own_stateful(network, cancelled.order.order_id).triggered
    ending = clob_pb2.MsgCancelOrder(order_id=cancelled.order.order_id, good_til_block_time=network.time_seconds + 7200)
    network.block([network.sign(first, ending)])
    assert told(network, cancelled) == ("CANCELLED", 0, "")
    network.chain.run(3)
    assert (told(network, expiring), ask(network, expiring).cause) == (("EXPIRED", 0, ""), own.ORDER_CAUSE_CLOCK)


def test_a_twap_order_works_until_it_is_filled(network: AppNetwork) -> None:
    """Open with what its slices have traded, however many; filled when its last interval is over. Slices are no orders to ask for."""
    who = network.people[0]
    placed = twap(network, who, duration=300, interval=30, steps=20)
    placing = network.sign(who, placed)
    network.block([placing])
    found = ask(network, placed)
    assert (told(network, placed), found.order.remaining_legs) == (("OPEN", 0, ""), 10)
    assert listed(network, who) == {(TWAP, 1): own.ORDER_STATUS_OPEN}
    seen: list[tuple[str, int]] = []
    for _ in range(340):
        network.block()
        status, filled, _ = told(network, placed)
        if not seen or seen[-1] != (status, filled):
            seen.append((status, filled))
        if status != "OPEN":
            break
    assert seen == [("OPEN", done) for done in range(2, 21, 2)] + [("FILLED", 20)]
    found = ask(network, placed)
    assert (found.open, found.cause, found.tx_hash) == (False, own.ORDER_CAUSE_ENGINE, b"")
    assert (found.placed_tx_hash, found.order.order) == (sha256(placing).digest(), placed.order)


def test_a_twap_order_that_is_cancelled_keeps_what_its_slices_traded(network: AppNetwork) -> None:
    """In a block without a slice, when no event tells the amount and the state has forgotten it."""
    who = network.people[0]
    placed = twap(network, who, duration=300, interval=30, steps=20)
    network.block([network.sign(who, placed)])
    network.chain.run(2)
    assert told(network, placed) == ("OPEN", 2, "")
    ending = clob_pb2.MsgCancelOrder(order_id=placed.order.order_id, good_til_block_time=network.time_seconds + 7200)
    network.block([network.sign(who, ending)])
    assert told(network, placed) == ("CANCELLED", 2, "")
    assert ask(network, placed).order.remaining_quantums == 18 * network.markets[0].step_base_quantums


def test_a_twap_order_that_finds_nobody_is_over_with_its_reason(network: AppNetwork) -> None:
    """What its first slice traded stays told through all the slices that found nobody."""
    who, maker = network.people[0], network.people[3]
    placed = twap(network, who, duration=300, interval=30, steps=20)
    network.block([network.sign(who, placed)])
    network.chain.run(2)
    for client_id in (91, 92):
        gone = network.place(maker, flags=64, good_til=0, is_buy=True, ticks=0, client_id=client_id).order.order_id
        ending = clob_pb2.MsgCancelOrder(order_id=gone, good_til_block_time=network.time_seconds + 7200)
        network.block([network.sign(maker, ending)])
    network.chain.run(320)
    assert told(network, placed) == ("REMOVED", 2, "TWAP_OVER")


def test_the_end_of_a_market_ends_its_orders_with_that_reason(tmp_path: Path) -> None:
    """Resting, waiting and TWAP orders: removed at the end of the block by a change of the authority, fills kept."""
    people = load.traders(4)
    state = load.with_traders(localnet_state(), people)
    state["authority"] = {"address": people[3].text}
    with app_network(tmp_path, people=people, state=state) as network:
        maker, taker, third, authority = people
        network.chain.run(2)
        resting = place(network, maker, 64, is_buy=True, ticks=-1, time_in_force=POST_ONLY)
        waiting = conditional(network, third, TAKE_PROFIT, -500, is_buy=True, ticks=-1)
        working = twap(network, third, duration=300, interval=30, steps=20)
        network.block([network.sign(maker, resting), network.sign(third, waiting), network.sign(third, working)])
        network.block([network.short_term(taker, is_buy=False, ticks=-1, steps=3)])
        pair = network.app.table.routes["/dydxprotocol.clob.Query/ClobPair"]
        found = pair.response.FromString(network.app.table.answer(pair.path, b"", 0)[0]).clob_pair
        found.status = 6
        change = clob_pb2.MsgUpdateClobPair(authority=authority.text, clob_pair=found)
        assert not network.block([network.sign(authority, change)]).results[-1].code
        # The slice stood first, at the oracle's price and more.
        for placed, filled in ((resting, 1), (waiting, 0), (working, 2)):
            assert told(network, placed) == ("REMOVED", filled, "FINAL_SETTLEMENT")
            assert (ask(network, placed).cause, ask(network, placed).tx_hash) == (own.ORDER_CAUSE_BLOCK_END, b"")
