"""What is stored of orders: its bytes, and that what events alone decide is what the state says too."""

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from modules.clob.model import ORDER_ID, OrderId
from modules.kernel.units import Address, SubaccountId
from node.history.model import (
    BLOCK_PREFIX,
    BY_TRANSACTION,
    CHANGE_HEAD,
    CLOCK,
    ENGINE,
    LIVE,
    ORDER_KEY,
    ORDER_KEY_ID,
    ORDER_PREFIX,
    SAME_CAUSE,
    Cause,
    CauseKind,
    Change,
    decode_change,
    encode_cause,
    order_key,
)
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from support.app_network import AppNetwork, app_network
from support.load import IMMEDIATE_OR_CANCEL, POST_ONLY, REST

HASH, OTHER_HASH = bytes(range(32)), bytes(32)
MESSAGE = b"\x0a\x02\x10\x01"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[AppNetwork]:
    """One application with two blocks behind it."""
    with app_network(tmp_path) as started:
        started.chain.run(2)
        yield started


def changes(network: AppNetwork) -> dict[OrderId, Change]:
    """What the latest block did, by order."""
    with network.app.store.version() as version:
        pairs = list(version.beside_pairs(ORDER_PREFIX, ORDER_PREFIX + b"\xff"))
    return {ORDER_ID.decode(key[ORDER_KEY_ID]): decode_change(data) for key, data in pairs if key[-8:] == network.height.to_bytes(8, "big")}


def test_a_key_is_the_order_as_state_has_it_and_a_height() -> None:
    """Packed in one go or put together, it is the same."""
    order_id = OrderId(7, SubaccountId(Address(bytes(range(20))), 3), 64, 0xFFFFFFFF)
    pair, (owner, number), flags, client = order_id
    packed = ORDER_KEY.pack(ORDER_PREFIX, pair, owner, number, flags, client, 1 << 40)
    assert packed == order_key(ORDER_ID.encode(order_id), 1 << 40)
    assert ORDER_ID.decode(packed[ORDER_KEY_ID]) == order_id


@pytest.mark.parametrize("cause", [CLOCK, ENGINE, Cause(CauseKind.TRANSACTION, HASH)])
def test_a_change_is_read_as_it_was_written(cause: Cause) -> None:
    """Without a placement, with one of the same transaction, and with one of another; amounts up to 64 bits."""
    filled = (1 << 64) - 1
    head = CHANGE_HEAD.pack(4, 102, filled) + encode_cause(cause)
    assert decode_change(head) == Change(4, 102, cause, filled)
    assert decode_change(head + SAME_CAUSE + MESSAGE) == Change(4, 102, cause, filled, MESSAGE, cause)
    placed_by = Cause(CauseKind.TRANSACTION, OTHER_HASH)
    assert decode_change(head + BY_TRANSACTION + OTHER_HASH + MESSAGE) == Change(4, 102, cause, filled, MESSAGE, placed_by)


def test_an_order_placed_and_partly_filled_in_one_block_is_open(network: AppNetwork) -> None:
    """As a maker and as a taker; the maker's change is the taker's doing, its placement its own."""
    maker, taker, other, *_ = network.people
    placing = network.short_term(maker, is_buy=True, ticks=-1, steps=10, time_in_force=POST_ONLY)
    taking = network.short_term(taker, is_buy=False, ticks=-1, steps=4)
    network.block([placing, taking])
    found = {order_id.subaccount.owner: change for order_id, change in changes(network).items()}
    step = network.markets[0].step_base_quantums
    by_taker, by_maker = (Cause(CauseKind.TRANSACTION, sha256(tx).digest()) for tx in (taking, placing))
    placed = network.place(maker, flags=0, good_til=network.height + 19, is_buy=True, ticks=-1, steps=10, time_in_force=POST_ONLY)
    assert clob_pb2.MsgPlaceOrder.FromString(found[maker.address].placement) == placed
    assert found[maker.address][:4] == (1, 0, by_taker, 4 * step)
    assert found[maker.address].placed_by == by_maker
    assert found[taker.address][:4] == (4, 0, by_taker, 4 * step)

    network.block([network.short_term(other, is_buy=False, ticks=-1, steps=9)])
    found = {order_id.subaccount.owner: change for order_id, change in changes(network).items()}
    assert found[maker.address][:2] == (4, 0)
    assert (found[other.address].status, found[other.address].filled) == (1, 6 * step)


@pytest.mark.parametrize("seed", range(3))
def test_what_the_events_decide_is_what_the_state_says(network: AppNetwork, seed: int) -> None:
    """Blocks of random orders and cancels: a row says live exactly where the order lives, with the state's fills, and none is missing."""
    source = random.Random(seed)
    clob = network.app.wiring.clob.keeper
    ids = [OrderId(0, SubaccountId(who.address, 0), 0, client_id) for who in network.people for client_id in range(6)]
    before: dict[OrderId, int] = {}
    statuses = set()
    for _ in range(12):
        txs = []
        for _ in range(12):
            who, client_id = source.choice(network.people), source.randrange(6)
            if source.random() < 0.15:
                cancelled = network.place(who, flags=0, good_til=0, is_buy=True, ticks=0, client_id=client_id).order.order_id
                txs.append(network.sign(who, clob_pb2.MsgCancelOrder(order_id=cancelled, good_til_block=network.height + 20), sequence=0))
                continue
            order = {"is_buy": source.random() < 0.5, "ticks": source.randint(-2, 2), "steps": source.randint(1, 9), "client_id": client_id}
            kind = source.choice([REST, IMMEDIATE_OR_CANCEL, POST_ONLY])
            txs.append(network.short_term(who, **order, good_til=network.height + source.randint(2, 20), time_in_force=kind))
        network.block(txs)
        found = changes(network)
        with network.app.store.version() as version:
            listed = version.beside(BLOCK_PREFIX + network.height.to_bytes(8, "big")) or b""
        assert sorted(ORDER_ID.decode(listed[start : start + 34]) for start in range(0, len(listed), 34)) == sorted(found)
        ctx = network.context()
        alive = {order_id: clob.fills(ctx, order_id).quantums for order_id in ids if clob.placed(ctx, order_id) is not None}
        for order_id, change in found.items():
            assert (change.status in LIVE) == (order_id in alive)
            if order_id in alive:
                assert change.filled == alive[order_id]
        assert all(order_id in found for order_id in {**before, **alive} if before.get(order_id) != alive.get(order_id))
        before = alive
        statuses |= {change.status for change in found.values()}
    assert statuses >= {1, 4, 5, 7}
