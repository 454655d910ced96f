"""Cancels: tables 2.7 and 2.8 of dydx-clob.md with what design.md 3.5 decides differently."""

import pytest

from modules.clob import msgs
from modules.clob.model import BatchCancel, OrderId
from modules.kernel import address as addresses
from perpd_proto.dydxprotocol.clob import tx_pb2
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, owner, sub
from support.markets import BTC, ETH

WINDOW_SECONDS = 95 * 86_400


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def _id(client_id: int, flags: int = 0, pair: int = BTC) -> OrderId:
    return OrderId(pair, sub("alice"), flags, client_id)


# Short-term


def test_a_cancel_takes_the_order_off_and_is_remembered(x: Exchange) -> None:
    """Placements of the id up to the cancel's good-til-block fail with 7, later ones do not."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    x.place(order)
    assert x.cancel(order.id, order.good_til + 3) == 0
    assert x.rests(order.id) is None
    assert x.events("order_cancelled") == [{"order": order.id.text, "good_til": order.good_til + 3, "removed": True}]
    assert x.place(order) == 7
    assert x.place(order._replace(good_til=order.good_til + 3)) == 7
    assert x.place(order._replace(good_til=order.good_til + 4)) == 0


def test_a_cancel_of_an_unknown_order_succeeds_and_is_remembered(x: Exchange) -> None:
    """dydx-clob.md 2.7: its placement may come later in this block or in a later one."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    assert x.cancel(order.id, order.good_til) == 0
    assert x.place(order) == 7
    x.step()
    assert x.place(order) == 7


def test_a_cancel_with_an_earlier_good_til_block_leaves_the_order_resting(x: Exchange) -> None:
    """dydx-clob.md 2.7: code 0, the order stays; a replacement up to the cancel fails."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    x.place(order)
    assert x.cancel(order.id, order.good_til - 1) == 0
    assert x.rests(order.id) == STEP
    assert x.events("order_cancelled")[0]["removed"] is False
    assert x.cancel(order.id, order.good_til) == 0
    assert x.rests(order.id) is None


def test_cancelling_again_succeeds_and_the_latest_good_til_block_counts(x: Exchange) -> None:
    """design.md 3.5: a valid short-term cancel always succeeds (no 9)."""
    order = x.short("alice", 1, "buy", STEP, TICK)
    assert x.cancel(order.id, order.good_til) == 0
    assert x.cancel(order.id, order.good_til) == 0
    assert x.cancel(order.id, order.good_til - 5) == 0
    assert x.place(order) == 7


def test_a_cancel_is_forgotten_after_its_good_til_block(x: Exchange) -> None:
    """dydx-clob.md 3.6: kept until that block has committed."""
    until = x.ctx.height + 2
    x.cancel(_id(1), until)
    x.step(2)
    assert x.clob.cancelled_until(x.ctx, _id(1)) == until
    assert x.place(x.short("alice", 1, "buy", STEP, TICK, good_til=until)) == 7
    x.step()
    assert x.clob.cancelled_until(x.ctx, _id(1)) == 0
    assert x.place(x.short("alice", 1, "buy", STEP, TICK, good_til=until + 1)) == 0


@pytest.mark.parametrize(("ahead", "code"), [(-1, 10), (0, 0), (40, 0), (41, 11)])
def test_a_cancel_has_the_window_of_orders(x: Exchange, ahead: int, code: int) -> None:
    """dydx-clob.md 2.7."""
    assert x.cancel(_id(1), x.ctx.height + ahead) == code


def test_a_cancel_in_an_unknown_market_fails(x: Exchange) -> None:
    """8, where the reference panics."""
    assert x.cancel(_id(1, pair=9)) == 8


def test_a_cancel_keeps_what_was_filled(x: Exchange) -> None:
    """The id's fills carry over to a later placement."""
    order = x.short("alice", 1, "buy", 2 * STEP, BTC_PRICE)
    x.place(order)
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    x.cancel(order.id, order.good_til)
    assert x.place(order._replace(good_til=order.good_til + 1)) == 0
    assert x.rests(order.id) == STEP


# Stateful


def test_a_stateful_cancel_takes_the_order_off_with_its_fills(x: Exchange) -> None:
    """dydx-clob.md 2.7; the id is free again at once outside lane 1."""
    order = x.long("alice", 1, "buy", 2 * STEP, BTC_PRICE)
    x.place(order)
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    assert x.cancel(order.id, order.good_til) == 0
    assert x.rests(order.id) is None
    assert x.clob.fills(x.ctx, order.id) == (0, 0)
    assert x.place(order) == 0
    assert x.rests(order.id) == 2 * STEP


def test_a_stateful_cancel_of_an_unknown_order_fails(x: Exchange) -> None:
    """3006, also for kinds that do not exist yet."""
    assert x.cancel(_id(1, 64)) == 3006
    assert x.cancel(_id(1, 32)) == 3006


@pytest.mark.parametrize(("ahead", "code"), [(0, 3003), (1, 29), (3_599, 29), (3_600, 0), (WINDOW_SECONDS, 0), (WINDOW_SECONDS + 1, 3004)])
def test_a_stateful_cancel_must_reach_the_orders_good_til_time(x: Exchange, ahead: int, code: int) -> None:
    """3003, 3004, 29 at their edges; the order is good for 3600 s."""
    order = x.long("alice", 1, "buy", STEP, TICK)
    x.place(order)
    assert x.cancel(order.id, x.ctx.time_seconds + ahead) == code
    assert x.rests(order.id) == (None if code == 0 else STEP)


def test_a_lane_1_cancel_voids_the_placement_that_comes_later_in_the_block(x: Exchange) -> None:
    """design.md 3.5: 3008 there, code 0 here although nothing rests; the next block knows nothing of it."""
    order = x.long("alice", 1, "buy", STEP, TICK)
    assert x.cancel(order.id, order.good_til, placed_later=True) == 0
    assert x.place(order) == 3008
    x.step()
    assert x.broken() == []
    assert x.place(order) == 0


def test_a_lane_1_cancel_of_a_resting_order_voids_its_later_placement_too(x: Exchange) -> None:
    """design.md 3.5."""
    order = x.long("alice", 1, "buy", STEP, TICK)
    x.place(order)
    assert x.cancel(order.id, order.good_til, placed_later=True) == 0
    assert x.rests(order.id) is None
    assert x.place(order) == 3008


def test_a_failed_lane_1_cancel_voids_nothing(x: Exchange) -> None:
    """design.md 3.5: 29 leaves the order alone, and its later placement meets 3005, not 3008."""
    order = x.long("alice", 1, "buy", STEP, TICK)
    x.place(order)
    assert x.cancel(order.id, order.good_til - 1, placed_later=True) == 29
    assert x.place(order) == 3005


def test_an_order_that_was_removed_in_this_block_is_told_apart(x: Exchange) -> None:
    """3009 and 3010, in this block only: its own subaccount traded through it."""
    order = x.long("alice", 1, "sell", STEP, BTC_PRICE)
    x.place(order)
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE))
    assert x.reasons() == [(1, "SELF_TRADE_ERROR")]
    assert x.place(order) == 3009
    assert x.cancel(order.id) == 3010
    x.step()
    assert x.cancel(order.id) == 3006
    assert x.place(order._replace(subticks=BTC_PRICE + TICK)) == 0


# Batches


def test_a_batch_cancels_every_id_in_every_market(x: Exchange) -> None:
    """Unknown orders are remembered like others."""
    for client_id in (1, 2):
        x.place(x.short("alice", client_id, "buy", STEP, TICK))
        x.place(x.short("alice", client_id, "buy", STEP, TICK, pair=ETH))
    assert x.batch_cancel(BatchCancel(sub("alice"), ((BTC, (1, 2, 3)), (ETH, (2,))), x.ctx.height + 40)) == 0
    assert [order_id.client_id for order_id in x.clob.open_orders(x.ctx, sub("alice"))] == [1]
    assert x.place(x.short("alice", 3, "buy", STEP, TICK)) == 7
    assert len(x.events("order_cancelled")) == 4


def test_a_batch_with_an_unknown_market_succeeds_and_says_so(x: Exchange) -> None:
    """dydx-clob.md 2.8: code 0; here the response is filled in."""
    command = BatchCancel(sub("alice"), ((BTC, (1, 2)), (9, (5,))), x.ctx.height)
    response = tx_pb2.MsgBatchCancelResponse.FromString(msgs.execute_batch_cancel(x.ctx, x.clob, command))
    assert [(batch.clob_pair_id, list(batch.client_ids)) for batch in response.short_term_succeeded] == [(BTC, [1, 2])]
    assert [(batch.clob_pair_id, list(batch.client_ids)) for batch in response.short_term_failed] == [(9, [5])]


@pytest.mark.parametrize(("ahead", "code"), [(-1, 10), (0, 0), (40, 0), (41, 11)])
def test_a_batch_has_the_window_of_orders(x: Exchange, ahead: int, code: int) -> None:
    """dydx-clob.md 2.8; good_til_block 0 is caught here."""
    assert x.batch_cancel(BatchCancel(sub("alice"), ((BTC, (1,)),), x.ctx.height + ahead)) == code
    assert x.batch_cancel(BatchCancel(sub("alice"), ((BTC, (1,)),), 0)) == 10


def test_the_messages_reach_the_keeper_through_their_routes(x: Exchange) -> None:
    """From protobuf to the book and back off it."""
    routes = {route.message: route for route in x.clob_module.messages}
    place = tx_pb2.MsgPlaceOrder()
    place.order.order_id.subaccount_id.owner = addresses.to_text(owner("alice"))
    place.order.order_id.client_id = 1
    place.order.side, place.order.quantums, place.order.subticks, place.order.good_til_block = 1, STEP, TICK, x.ctx.height
    route = routes[tx_pb2.MsgPlaceOrder]
    assert route.signer(place) == addresses.to_text(owner("alice"))
    assert route.execute(x.ctx, route.decode(place)) == b""
    assert x.rests(_id(1)) == STEP
    cancel = tx_pb2.MsgCancelOrder(order_id=place.order.order_id, good_til_block=x.ctx.height)
    route = routes[tx_pb2.MsgCancelOrder]
    assert route.signer(cancel) == addresses.to_text(owner("alice"))
    assert route.execute(x.ctx, route.decode(cancel)) == b""
    assert x.rests(_id(1)) is None
    batch = tx_pb2.MsgBatchCancel(subaccount_id=place.order.order_id.subaccount_id, good_til_block=x.ctx.height)
    batch.short_term_cancels.add(clob_pair_id=BTC, client_ids=[1, 2])
    route = routes[tx_pb2.MsgBatchCancel]
    assert route.signer(batch) == addresses.to_text(owner("alice"))
    assert tx_pb2.MsgBatchCancelResponse.FromString(route.execute(x.ctx, route.decode(batch))).short_term_failed == []
