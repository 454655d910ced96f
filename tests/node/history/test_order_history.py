"""What has become of an order, asked at every step of its life on whole applications."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from modules.kernel.module import QueryError
from node.history.model import ORDER_PREFIX
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as own
from support import load
from support.app_network import AppNetwork, app_network
from support.load import IMMEDIATE_OR_CANCEL, LONG_TERM, POST_ONLY, SHORT_TERM

PATH = "/perpd.clob.v1.Query/Order"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[AppNetwork]:
    """One application with two blocks behind it."""
    with app_network(tmp_path) as started:
        started.chain.run(2)
        yield started


def order_id(who: load.Trader, client_id: int = 1, flags: int = SHORT_TERM, market: int = 0) -> order_pb2.OrderId:
    """The id of a trader's order."""
    found = order_pb2.OrderId(client_id=client_id, order_flags=flags, clob_pair_id=market)
    found.subaccount_id.owner = who.text
    return found


def ask(network: AppNetwork, asked: order_pb2.OrderId, height: int = 0) -> own.QueryOrderResponse:
    """The answer at a height. Raises QueryError."""
    answer, _ = network.app.table.answer(PATH, own.QueryOrderRequest(order_id=asked).SerializeToString(), height)
    found: own.QueryOrderResponse = own.QueryOrderResponse.FromString(answer)
    return found


def status(network: AppNetwork, asked: order_pb2.OrderId) -> tuple[str, int, str]:
    """(status, filled in steps of the market, reason)."""
    found = ask(network, asked)
    step = network.markets[asked.clob_pair_id].step_base_quantums
    return own.OrderStatus.Name(found.status).removeprefix("ORDER_STATUS_"), found.filled_quantums // step, found.reason


def cancel(network: AppNetwork, who: load.Trader, client_id: int, good_til: int = 0) -> bytes:
    """A cancel of a short-term order, signed."""
    cancelled = clob_pb2.MsgCancelOrder(order_id=order_id(who, client_id), good_til_block=good_til or network.height + 20)
    return network.sign(who, cancelled, sequence=0)


def beside(network: AppNetwork, prefix: bytes) -> dict[bytes, bytes]:
    """What is kept beside the committed state."""
    with network.app.store.version() as version:
        return dict(version.beside_pairs(prefix, prefix + b"\xff"))


def test_an_order_is_asked_at_every_step_until_it_is_filled(network: AppNetwork) -> None:
    """Unknown, open, partly filled, filled; each time with the block and transaction that changed it."""
    maker, taker, *_ = network.people
    asked = order_id(maker)
    with pytest.raises(QueryError, match="keeps what became of orders for 10000 blocks, at that height since block 1"):
        ask(network, asked)
    placing = network.short_term(maker, is_buy=True, ticks=-1, steps=10, time_in_force=POST_ONLY)
    network.block([placing])
    placed = network.height
    found = ask(network, asked)
    assert (found.open, status(network, asked)) == (True, ("OPEN", 0, ""))
    assert (found.height, found.tx_hash, found.cause) == (placed, sha256(placing).digest(), own.ORDER_CAUSE_TRANSACTION)
    assert (found.placed_height, found.placed_tx_hash) == (placed, sha256(placing).digest())

    taking = network.short_term(taker, is_buy=False, ticks=-1, steps=4, time_in_force=IMMEDIATE_OR_CANCEL)
    network.block([taking])
    found = ask(network, asked)
    assert (found.open, status(network, asked)) == (True, ("OPEN", 4, ""))
    assert found.order.remaining_quantums * 10 == found.order.order.quantums * 6
    assert (found.height, found.tx_hash) == (placed + 1, sha256(taking).digest())
    assert (found.placed_height, found.placed_tx_hash) == (placed, sha256(placing).digest())
    assert status(network, order_id(taker)) == ("FILLED", 4, "")
    assert ask(network, order_id(taker)).placed_tx_hash == sha256(taking).digest()

    last = network.short_term(taker, is_buy=False, ticks=-1, steps=6, client_id=2)
    network.block([last])
    found = ask(network, asked)
    assert (found.open, status(network, asked)) == (False, ("FILLED", 10, ""))
    assert (found.height, found.tx_hash, found.order.remaining_quantums) == (placed + 2, sha256(last).digest(), 0)
    assert found.order.order == network.place(maker, flags=SHORT_TERM, good_til=placed + 19, is_buy=True, ticks=-1, time_in_force=2).order

    old = ask(network, asked, placed + 1)
    assert (old.open, old.filled_quantums, old.read_height) == (True, found.filled_quantums * 4 // 10, placed + 1)


def test_a_cancelled_order_keeps_what_was_filled_of_it(network: AppNetwork) -> None:
    """Short-term and long-term, filled in an earlier block; the cancel's transaction is named."""
    maker, taker, other, *_ = network.people
    network.block(
        [
            network.short_term(maker, is_buy=True, ticks=-1, steps=10, time_in_force=POST_ONLY),
            network.long_term(other, is_buy=True, ticks=-2, steps=10, time_in_force=POST_ONLY),
        ]
    )
    network.block([network.short_term(taker, is_buy=False, ticks=-3, steps=13, time_in_force=IMMEDIATE_OR_CANCEL)])
    assert status(network, order_id(other, flags=LONG_TERM)) == ("OPEN", 3, "")
    ending = clob_pb2.MsgCancelOrder(order_id=order_id(other, flags=LONG_TERM), good_til_block_time=network.time_seconds + 7200)
    cancelling = network.sign(other, ending)
    network.block([cancelling])
    found = ask(network, order_id(other, flags=LONG_TERM))
    assert status(network, order_id(other, flags=LONG_TERM)) == ("CANCELLED", 3, "")
    assert (found.tx_hash, found.order.remaining_quantums) == (sha256(cancelling).digest(), 7 * network.markets[0].step_base_quantums)
    assert status(network, order_id(maker)) == ("FILLED", 10, "")
    network.block([cancel(network, maker, 1)])
    assert status(network, order_id(maker)) == ("FILLED", 10, ""), "a cancel of what is filled changes nothing"


def test_a_cancel_before_its_order_is_told_with_its_height(network: AppNetwork) -> None:
    """The id was never placed: cancelled, no order, and until when placements of it fail."""
    who = network.people[0]
    network.block([cancel(network, who, 5, network.height + 9)])
    found = ask(network, order_id(who, 5))
    assert (found.status, found.open, found.HasField("order"), found.placed_height) == (own.ORDER_STATUS_CANCELLED, False, False, 0)
    assert found.cancelled_until == network.height + 8
    failed = network.short_term(who, is_buy=True, ticks=-1, client_id=5, good_til=network.height + 3)
    results = network.block([failed]).results
    assert results[-1].code
    assert not ask(network, order_id(who, 5)).HasField("order"), "a failed placement is no order"


def test_a_failed_placement_leaves_nothing(network: AppNetwork) -> None:
    """No rows beside the state, and NOT_FOUND."""
    who = network.people[0]
    bad = network.place(who, flags=LONG_TERM, good_til=network.time_seconds - 10, is_buy=True, ticks=-1)
    assert network.block([network.sign(who, bad)]).results[-1].code
    with pytest.raises(QueryError, match="is not known at height"):
        ask(network, order_id(who, flags=LONG_TERM))
    assert not beside(network, ORDER_PREFIX)


def test_expiry_is_the_clocks(network: AppNetwork) -> None:
    """By height and by time; the cause is the clock, no transaction."""
    first, second, *_ = network.people
    network.block(
        [
            network.short_term(first, is_buy=True, ticks=-1, good_til=network.height + 2),
            network.long_term(second, is_buy=True, ticks=-1, good_til=network.time_seconds + 3),
        ]
    )
    network.chain.run(3)
    for asked in (order_id(first), order_id(second, flags=LONG_TERM)):
        found = ask(network, asked)
        assert status(network, asked) == ("EXPIRED", 0, "")
        assert (found.cause, found.tx_hash, found.open) == (own.ORDER_CAUSE_CLOCK, b"", False)
        assert found.placed_tx_hash


def test_what_the_protocol_removes_has_its_reason(network: AppNetwork) -> None:
    """An IOC rest, a post-only order that would cross, a self-trade, and an order replaced by one that ended itself."""
    maker, taker, *_ = network.people
    network.block([network.short_term(maker, is_buy=True, ticks=-1, steps=10, client_id=1, time_in_force=POST_ONLY)])
    crossing = network.short_term(taker, is_buy=False, ticks=-1, client_id=2, time_in_force=POST_ONLY)
    rest = network.short_term(taker, is_buy=False, ticks=3, client_id=3, time_in_force=IMMEDIATE_OR_CANCEL)
    network.block([crossing, rest])
    assert status(network, order_id(taker, 2)) == ("REMOVED", 0, "POST_ONLY_WOULD_CROSS_MAKER_ORDER")
    assert status(network, order_id(taker, 3)) == ("REMOVED", 0, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK")
    assert ask(network, order_id(taker, 3)).placed_tx_hash == sha256(rest).digest()

    replacing = network.short_term(maker, is_buy=True, ticks=-4, steps=10, client_id=1, good_til=network.height + 25, time_in_force=2)
    network.block([replacing])
    found = ask(network, order_id(maker, 1))
    assert status(network, order_id(maker, 1)) == ("OPEN", 0, "")
    assert found.placed_tx_hash == found.tx_hash == sha256(replacing).digest()

    network.block([network.short_term(maker, is_buy=False, ticks=-5, steps=10, client_id=9)])
    assert status(network, order_id(maker, 1)) == ("REMOVED", 0, "SELF_TRADE_ERROR")
    assert status(network, order_id(maker, 9)) == ("OPEN", 0, "")


def test_an_id_may_live_again(network: AppNetwork) -> None:
    """Placed, cancelled, placed: the later life counts, with its own placement."""
    who = network.people[0]
    asked = order_id(who, flags=LONG_TERM)
    for life in range(2):
        placing = network.long_term(who, is_buy=True, ticks=-1 - life)
        network.block([placing])
        assert (ask(network, asked).placed_tx_hash, status(network, asked)[0]) == (sha256(placing).digest(), "OPEN")
        ending = clob_pb2.MsgCancelOrder(order_id=asked, good_til_block_time=network.time_seconds + 7200)
        network.block([network.sign(who, ending)])
        found = ask(network, asked)
        assert (found.placed_tx_hash, status(network, asked)[0]) == (sha256(placing).digest(), "CANCELLED")


def test_history_survives_a_restart_and_a_block_that_was_executed_twice(network: AppNetwork) -> None:
    """The same height finalized twice, once by a process that died before Commit, leaves the same rows as once."""
    maker, taker, *_ = network.people
    network.block([network.short_term(maker, is_buy=True, ticks=-1, steps=10, time_in_force=POST_ONLY)])
    before = ask(network, order_id(maker))
    network.restart(0)
    assert ask(network, order_id(maker)) == before

    taking = network.short_term(taker, is_buy=False, ticks=-1, steps=4)
    proposal = network.propose([taking])
    network.chain.finalize(proposal[:1], network.app)
    first = network.chain.finalize(proposal, network.app)
    assert ask(network, order_id(maker)) == before, "nothing of a staged block is told"
    network.restart(0)
    assert network.chain.finalize(proposal, network.app) == first
    network.decide(proposal)
    assert status(network, order_id(maker)) == ("OPEN", 4, "")
    assert status(network, order_id(taker)) == ("FILLED", 4, "")
    assert ask(network, order_id(maker)).tx_hash == sha256(taking).digest()
