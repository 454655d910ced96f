"""Random messages of every kind over several accounts, markets and blocks: what must hold whatever happens."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.clob.model import ORDER_ID, BatchCancel, LiquidationOrder, Order, OrderId, TimeInForce
from modules.kernel import address as addresses
from modules.kernel.errors import registry
from modules.kernel.units import Address, SubaccountId
from perpd_proto.dydxprotocol.clob import order_pb2, tx_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from support.clob_exchange import BTC_PRICE, LINK_PRICE, STEP, TICK, Exchange, clob_section, genesis_of, owner, sub
from support.markets import BTC, ETH, LINK, START_SECONDS

NAMES = ("alice", "bob", "dave")
"""dave owns a hundred USDC only, so he is often undercollateralised."""
PRICES = {BTC: BTC_PRICE, ETH: 3_012_300_000, LINK: LINK_PRICE}


class Place(NamedTuple):
    """A placement; `good_til` counts blocks or seconds from the block's."""

    name: str
    pair: int
    client_id: int
    long_term: bool
    is_buy: bool
    steps: int
    ticks: int
    good_til: int
    time_in_force: int
    reduce_only: bool


class Cancel(NamedTuple):
    """A cancel, maybe of lane 1."""

    name: str
    pair: int
    client_id: int
    long_term: bool
    good_til: int
    placed_later: bool


class Batch(NamedTuple):
    """A batch cancel of two ids."""

    name: str
    pair: int
    client_id: int
    good_til: int


class Liquidate(NamedTuple):
    """An engine order; the fund pays or gets `delta` for each fill."""

    name: str
    pair: int
    is_buy: bool
    steps: int
    ticks: int
    delta: int


class Step(NamedTuple):
    """Blocks pass, and a price may move."""

    blocks: int
    seconds: int
    price_percent: int


Action = Place | Cancel | Batch | Liquidate | Step


def _place(random: Random) -> Place:
    return Place(
        random.choice(NAMES),
        random.choice([BTC, BTC, BTC, BTC, ETH, LINK]),
        random.randrange(8),
        random.random() < 0.3,
        random.random() < 0.5,
        random.choice([random.randint(1, 20), random.randint(1, 20), random.randint(500, 3_000)]),
        random.randint(-3, 3),
        random.choice([1, 3, 10, 20, 40, 41]),
        random.choice([0, 0, 0, 0, 1, 1, 2]),
        random.random() < 0.3,
    )


def _cancel(random: Random) -> Cancel:
    return Cancel(
        random.choice(NAMES),
        random.choice([BTC, BTC, BTC, ETH, LINK]),
        random.randrange(8),
        random.random() < 0.5,
        random.choice([0, 5, 40, 41]),
        random.random() < 0.5,
    )


def _actions(seed: int, count: int) -> list[Action]:
    """So many random actions: mostly placements close to one price, ids that come again, few accounts."""
    random = Random(seed)
    makers: list[tuple[Callable[[], Action], int]] = [
        (lambda: _place(random), 75),
        (lambda: _cancel(random), 8),
        (lambda: Batch(random.choice(NAMES), random.choice([BTC, 9]), random.randrange(8), random.choice([5, 40, 41])), 2),
        (
            lambda: Liquidate(
                random.choice(NAMES),
                random.choice([BTC, LINK]),
                random.random() < 0.5,
                random.randint(1, 50),
                random.randint(-3, 3),
                random.randint(-500, 500),
            ),
            5,
        ),
        (lambda: Step(random.randint(1, 3), random.randint(1, 10), random.choice([100, 100, 100, 97, 103])), 10),
    ]
    kinds = random.choices([make for make, _ in makers], [weight for _, weight in makers], k=count)
    return [make() for make in kinds]


RUNS = given(seed=st.integers(0, 2**32), count=st.integers(1, 250))


def _perform(x: Exchange, action: Action) -> None:
    if isinstance(action, Step):
        x.step(action.blocks, action.seconds)
        if action.price_percent != 100:
            x.set_price(BTC, 6_012_345_678 * action.price_percent // 100)
        return
    if isinstance(action, Liquidate):
        delta = action.delta
        order = LiquidationOrder(
            sub(action.name), action.pair, action.is_buy, action.steps * STEP, PRICES[action.pair] + action.ticks * TICK
        )
        x.clob.liquidate(x.ctx, order, lambda _ctx, _size, quote: min(delta, quote))
        return
    if isinstance(action, Batch):
        ids = (action.client_id, action.client_id + 1)
        x.batch_cancel(BatchCancel(sub(action.name), ((action.pair, ids),), x.ctx.height + action.good_til))
        return
    order_id = OrderId(action.pair, sub(action.name), 64 if action.long_term else 0, action.client_id)
    good_til = action.good_til + (x.ctx.time_seconds if action.long_term else x.ctx.height)
    if isinstance(action, Cancel):
        x.cancel(order_id, good_til, placed_later=action.placed_later)
        return
    kind = TimeInForce.REST if action.long_term and action.time_in_force == 1 else TimeInForce(action.time_in_force)
    x.place(
        Order(
            order_id,
            action.is_buy,
            action.steps * STEP,
            PRICES[action.pair] + action.ticks * TICK,
            good_til,
            kind,
            action.reduce_only and kind is TimeInForce.IMMEDIATE_OR_CANCEL,
        )
    )


def _exchange(max_fills: int = 5) -> Exchange:
    section = clob_section(params={"max_fills_per_order": max_fills})
    x = Exchange(genesis_of(clob=section), rich=("alice", "bob"))
    x.deposit("dave", 100_000_000)
    x.ctx.events.clear()
    return x


class Replica:
    """The books as someone knows them who reads events only."""

    def __init__(self) -> None:
        self.orders: dict[str, list[int]] = {}
        """Order text -> [is buy, subticks, quantums, filled, age]."""
        self.age = 0

    def read(self, kind: str, event: dict[str, Any]) -> None:
        """One event's change."""
        if kind == "order_placed":
            self.age += 1
            row = [event["is_buy"], event["subticks"], event["quantums"], event["filled_quantums"], self.age]
            self.orders[event["order"]] = row
        elif kind == "order_fill":
            row = self.orders[event["maker_order"]]
            assert row[1] == event["subticks"]
            row[3] += event["quantums"]
            assert row[3] == event["maker_filled_quantums"]
            if row[3] == row[2]:
                del self.orders[event["maker_order"]]
        elif kind == "order_expired" or (kind == "order_cancelled" and event["removed"]):
            del self.orders[event["order"]]
        elif kind == "order_removed":
            self.orders.pop(event["order"], None)

    def book(self, pair: int) -> list[list[tuple[str, int, int]]]:
        """(order text, subticks, remaining) of bids and asks in matching order."""
        rows = [(text, row) for text, row in self.orders.items() if text.endswith(f"/{pair}")]
        bids = sorted((entry for entry in rows if entry[1][0]), key=lambda entry: (-entry[1][1], entry[1][4]))
        asks = sorted((entry for entry in rows if not entry[1][0]), key=lambda entry: (entry[1][1], entry[1][4]))
        return [[(text, row[1], row[2] - row[3]) for text, row in side] for side in (bids, asks)]


def _watch(x: Exchange, replica: Replica) -> Callable[[], None]:
    """Feeds the replica what has been emitted since the last call; a new block has a new list of events."""
    seen: list[Any] = [None, 0]

    def catch_up() -> None:
        if seen[0] is not x.ctx.events:
            seen[:] = [x.ctx.events, 0]
        for kind, values in x.ctx.events[seen[1] :]:
            replica.read(kind.type, dict(zip(kind.keys, values, strict=True)))
        seen[1] = len(x.ctx.events)

    return catch_up


def _real_book(x: Exchange, pair: int) -> list[list[tuple[str, int, int]]]:
    return [
        [(order_id.text, order.subticks, remaining) for level in side for order_id, order, remaining in level.orders]
        for side in x.clob.book(x.ctx, pair)
    ]


@settings(max_examples=40, deadline=None)
@RUNS
def test_invariants_hold_after_every_block(seed: int, count: int) -> None:
    """Books uncrossed and backed by their views, fills within sizes, money conserved by a full scan, open interest equal on both sides."""
    x = _exchange()
    for action in [*_actions(seed, count), Step(1, 1, 100)]:
        if isinstance(action, Step):
            x.end()
            assert x.broken() == []
            assert x.subaccounts.conservation_by_scan(x.ctx) == []
        _perform(x, action)


@settings(max_examples=40, deadline=None)
@RUNS
def test_events_alone_rebuild_every_book(seed: int, count: int) -> None:
    """order_placed, order_fill, order_removed, order_cancelled, order_expired are enough, down to the queue."""
    x, replica = _exchange(), Replica()
    catch_up = _watch(x, replica)
    for action in _actions(seed, count):
        _perform(x, action if not isinstance(action, Step) else action._replace(blocks=1))
        catch_up()
        for pair in (BTC, ETH, LINK):
            assert replica.book(pair) == _real_book(x, pair)


@settings(max_examples=25, deadline=None)
@RUNS
def test_genesis_export_round_trips_from_any_state(seed: int, count: int) -> None:
    """save -> load -> save gives equal texts."""
    x = _exchange()
    for action in [*_actions(seed, count), Step(1, 1, 100)]:
        _perform(x, action)
    saved = {module.name: module.export_genesis(x.ctx) for module in x.modules}
    again = Exchange(json.loads(json.dumps(saved)), rich=(), height=x.ctx.height)
    assert {module.name: module.export_genesis(again.ctx) for module in again.modules} == saved


@settings(max_examples=25, deadline=None)
@RUNS
def test_undoing_restores_books_views_and_events_exactly(seed: int, count: int) -> None:
    """Whatever a block did, its journal takes back."""
    x = _exchange()
    actions = [action for action in _actions(seed, 2 * count) if not isinstance(action, Step)]
    for action in actions[:count]:
        _perform(x, action)
    before = [dict(table) for table in x.state.tables]
    books = [_real_book(x, pair) for pair in (BTC, ETH, LINK)]
    mark, events = x.ctx.mark(), list(x.ctx.events)
    for action in actions[count:]:
        _perform(x, action)
    x.ctx.undo(mark)
    assert [dict(table) for table in x.state.tables] == before
    assert [_real_book(x, pair) for pair in (BTC, ETH, LINK)] == books
    assert x.ctx.events == events
    x.end()
    assert x.clob_module.check_invariants(x.ctx) == []


@settings(deadline=None)
@given(
    st.binary(min_size=20, max_size=20),
    st.integers(0, 128_000),
    st.sampled_from([0, 32, 64, 128]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_an_order_id_is_its_key(account: bytes, number: int, flags: int, client_id: int, pair: int) -> None:
    """Bytes and text name the same order; the market comes first."""
    order_id = OrderId(pair, SubaccountId(Address(account), number), flags, client_id)
    data = ORDER_ID.encode(order_id)
    assert (len(data), ORDER_ID.decode(data), data[:4]) == (34, order_id, pair.to_bytes(4, "big"))
    assert order_id.text == f"{addresses.to_text(account)}/{number}/{client_id}/{flags}/{pair}"


UINT32 = st.sampled_from([0, 1, 64, 120, 141, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)
UINT64 = st.sampled_from([0, 1, STEP, TICK, STEP * TICK, 2**63, 2**64 - 1, (2**64 - 1) // (STEP * TICK) * STEP * TICK])
OWNERS = st.sampled_from([addresses.to_text(owner("alice")), addresses.to_text(owner("bob")), "", "dydx1", "a" * 200])
IDS = st.builds(
    order_pb2.OrderId,
    subaccount_id=st.builds(subaccount_pb2.SubaccountId, owner=OWNERS, number=st.sampled_from([0, 0, 1, 128_000, 128_001, 2**32 - 1])),
    client_id=UINT32,
    order_flags=st.sampled_from([0, 0, 0, 64, 64, 32, 128, 256, 96, 2**32 - 1]),
    clob_pair_id=st.sampled_from([0, 0, 1, 2, 3, 2**32 - 1]),
)


@st.composite
def _orders(draw: st.DrawFn) -> order_pb2.Order:
    order = order_pb2.Order(
        order_id=draw(IDS),
        side=draw(st.sampled_from([1, 2, 1, 2, 0, 3, -1])),
        quantums=draw(UINT64),
        subticks=draw(UINT64),
        time_in_force=draw(st.sampled_from([0, 0, 1, 2, 3, 4, -1])),
        reduce_only=draw(st.booleans()),
        client_metadata=draw(UINT32),
        condition_type=draw(st.sampled_from([0, 0, 0, 1, 2, 3, -1])),
        conditional_order_trigger_subticks=draw(st.sampled_from([0, 0, 0, 1, TICK, 2**64 - 1])),
        order_router_address=draw(st.sampled_from(["", "", "", "x"]) | OWNERS),
    )
    if draw(st.booleans()):
        order.good_til_block = draw(st.integers(99, 142) | UINT32)
    else:
        order.good_til_block_time = draw(st.integers(START_SECONDS - 1, START_SECONDS + 95 * 86_400 + 1) | UINT32)
    if draw(st.integers(0, 3)) == 0:
        order.builder_code_parameters.builder_address = draw(OWNERS)
        order.builder_code_parameters.fee_ppm = draw(UINT32)
    if draw(st.integers(0, 3)) == 0:
        order.twap_parameters.duration = draw(st.sampled_from([0, 300, 86_400, 2**32 - 1]))
        order.twap_parameters.interval = draw(st.sampled_from([0, 30, 60, 2**32 - 1]))
        order.twap_parameters.price_tolerance = draw(UINT32)
    return order


@settings(max_examples=200, deadline=None)
@given(st.lists(_orders(), min_size=1, max_size=6), st.lists(st.tuples(IDS, UINT32, UINT32), max_size=3), st.lists(UINT32, max_size=4))
def test_no_message_whatever_raises_anything_but_a_registered_code(
    orders: list[order_pb2.Order], cancels: list[tuple[order_pb2.OrderId, int, int]], client_ids: list[int]
) -> None:
    """Every field at, below and above its bounds; what fails changes nothing (P8)."""
    x = _exchange()
    routes = {route.message: route for route in x.clob_module.messages}
    messages: list[Any] = [tx_pb2.MsgPlaceOrder(order=order) for order in orders]
    messages += [
        tx_pb2.MsgCancelOrder(order_id=order_id, good_til_block=block)
        if block % 2
        else tx_pb2.MsgCancelOrder(order_id=order_id, good_til_block_time=time)
        for order_id, block, time in cancels
    ]
    batch = tx_pb2.MsgBatchCancel(subaccount_id=orders[0].order_id.subaccount_id, good_til_block=orders[0].good_til_block)
    batch.short_term_cancels.add(clob_pair_id=orders[0].order_id.clob_pair_id, client_ids=client_ids)
    for message in [*messages, batch]:
        route = routes[type(message)]
        before = x.ctx.mark(), len(x.ctx.events)
        codespace, code = x._outcome(lambda route=route, message=message: route.execute(x.ctx, route.decode(message)))
        if code:
            assert (codespace, code) in registry()
            assert (x.ctx.mark(), len(x.ctx.events)) == before
    x.end()
    assert x.broken() == []
