"""More triggers and slices than one block runs: CLOB-21 and "More due than a block runs" of the module's README."""

import json
from typing import Any

import pytest
from bench.work import counted

from modules.clob import formulas
from modules.clob.authority import decode_params
from modules.clob.model import OrderId, PairStatus, PlaceOrder, ReachedKey, slice_id_of
from modules.kernel import address as addresses
from perpd_proto.perpd.clob.v1 import query_pb2 as own_query
from support.change_messages import book_limits
from support.clob_exchange import STEP, TICK, Exchange, clob_section, genesis_of, owner, sub
from support.markets import BTC, ETH

FAR = 9_000_000_000
"""The oracle's price that meets every buying stop up to it; the exponents cancel out."""
NEAR = 6_012_345_678
"""The oracle's price before and after."""
NEAR_ETH = 3_012_345_678


def _bounded(most: int) -> Exchange:
    """Three rich traders in markets whose blocks run so many triggers and slices."""
    return Exchange(genesis_of(clob=clob_section(params={"max_due_per_block": most})))


def _stops(x: Exchange, *client_ids: int, trigger: int = FAR, pair: int = BTC, **changes: Any) -> list[OrderId]:
    """Alice's buying stops wait, too low to match."""
    orders = [x.conditional("alice", client_id, "buy", STEP, TICK, "stop", trigger, pair=pair, **changes) for client_id in client_ids]
    assert [x.place(order) for order in orders] == [0] * len(orders)
    return [order.id for order in orders]


def _ran(x: Exchange) -> list[int]:
    """Client ids of this block's triggers and slices in the order in which they ran."""
    names = [
        dict(zip(kind.keys, values, strict=True))["order"]
        for kind, values in x.ctx.events
        if kind.type in ("conditional_triggered", "twap_slice")
    ]
    return [int(str(name).split("/")[2]) for name in names]


def _reached(x: Exchange) -> dict[ReachedKey, int]:
    return dict(x.clob_module._state.reached.items(x.ctx))


def _next(x: Exchange, price: int | None = None) -> list[int]:
    """What ran in the next block."""
    x.step(prices=None if price is None else {BTC: price})
    return _ran(x)


@pytest.mark.parametrize(
    ("most", "slices", "room"), [(2_000, 0, 2_000), (2_000, 300, 1_700), (2_000, 1_500, 1_000), (5, 5, 3), (1, 1, 1), (2, 2, 1)]
)
def test_triggers_have_at_least_half_of_a_block(most: int, slices: int, room: int) -> None:
    """CLOB-21, the half that is rounded up."""
    assert formulas.trigger_room(most, slices) == room


def test_what_a_block_cannot_run_runs_in_the_next_ones_although_the_price_has_gone_back() -> None:
    """Exactly the bound in each block, by placement; while some is left one value says so, then nothing."""
    x = _bounded(2)
    ids = _stops(x, 5, 4, 3, 2, 1)
    assert _next(x, FAR) == [5, 4]
    assert _reached(x) == {ReachedKey(101, BTC, True): FAR}
    assert _next(x, NEAR) == [3, 2]
    assert _reached(x) == {ReachedKey(101, BTC, True): FAR}
    assert _next(x) == [1]
    assert _reached(x) == {}
    assert [x.rests(order_id) for order_id in ids] == [STEP] * 5
    assert _next(x) == []


def test_what_fits_exactly_writes_nothing_more() -> None:
    """The ordinary case costs no state."""
    x = _bounded(2)
    _stops(x, 1, 2)
    _stops(x, 3, trigger=FAR + TICK)
    assert _next(x, FAR) == [1, 2]
    assert _reached(x) == {}
    assert _next(x) == []


def test_falling_triggers_are_remembered_too() -> None:
    """Selling stops: the price that fell is the smallest."""
    x = _bounded(1)
    for client_id, trigger in ((1, 5_900_000_000), (2, 5_950_000_000), (3, 5_800_000_000)):
        assert x.place(x.conditional("alice", client_id, "sell", STEP, 10**12, "stop", trigger)) == 0
    assert _next(x, 5_850_000_000) == [2]  # met first on the way down
    assert _reached(x) == {ReachedKey(101, BTC, False): 5_850_000_000}
    assert _next(x, NEAR) == [1]
    assert x.events("conditional_triggered")[0]["price_subticks"] == 5_850_000_000
    assert _next(x) == []
    assert _reached(x) == {}


def test_an_order_that_is_placed_while_others_are_left_over_waits_for_its_own_price() -> None:
    """Its trigger lies where the price has been, but it was not there then."""
    x = _bounded(2)
    _stops(x, 1, 2, 3, 4, 5)
    x.step(prices={BTC: FAR})
    _stops(x, 9)
    assert _next(x, NEAR) == [3, 4]
    _stops(x, 10)
    assert _next(x) == [5]
    assert _next(x) == []
    assert _next(x, FAR) == [9, 10]


def test_what_was_reached_in_an_earlier_block_runs_first_whatever_is_reached_later() -> None:
    """Nobody gets ahead by a nearer trigger or another market; what is left over runs before the block's own."""
    x = _bounded(2)
    _stops(x, 1, 2, 3, pair=BTC)
    x.step(prices={BTC: FAR})
    _stops(x, 10, 11, trigger=TICK)
    _stops(x, 20, trigger=TICK, pair=ETH)
    assert _next(x) == [3, 10]
    assert _reached(x) == {ReachedKey(102, BTC, True): FAR, ReachedKey(102, ETH, True): NEAR_ETH}
    _stops(x, 30, trigger=TICK)
    assert _next(x, NEAR) == [11, 20]
    assert _next(x) == [30]
    assert _reached(x) == {}


def test_a_cancel_beats_an_order_that_is_left_over_until_it_runs() -> None:
    """Also in the block in which it would run; its room is not given to another, for the block's work is decided before."""
    x = _bounded(1)
    first, second, third, fourth = _stops(x, 1, 2, 3, 4)
    x.step(prices={BTC: FAR})
    assert x.rests(first) == STEP
    assert x.cancel(third) == 0
    x.begin(prices={BTC: NEAR})
    assert x.cancel(second) == 0
    x.engine()
    assert _ran(x) == []
    assert _next(x) == [4]
    assert x.rests(fourth) == STEP
    assert x.clob.placed(x.ctx, second) is None
    assert _next(x) == []


def test_an_id_that_is_cancelled_and_placed_again_has_lost_its_trigger() -> None:
    """The new order was placed after the price."""
    x = _bounded(1)
    _, second = _stops(x, 1, 2)
    x.step(prices={BTC: FAR})
    assert x.cancel(second) == 0
    _stops(x, 2)
    assert _next(x, NEAR) == []
    assert _reached(x) == {}
    assert x.clob.waiting(x.ctx, second) is not None


def test_an_order_that_is_left_over_expires_by_its_time() -> None:
    """Expiry is complete in every block, and what has expired never runs."""
    x = _bounded(1)
    _stops(x, 1)
    [second, third] = _stops(x, 2, 3, good_til=x.ctx.time_seconds + 2)
    x.step(prices={BTC: FAR})
    assert _next(x) == []
    assert [event["order"] for event in x.events("order_expired")] == [second.text, third.text]
    assert _reached(x) == {}


def test_a_market_that_ends_takes_what_is_left_over_with_it() -> None:
    """Every order ends with an event, and another market's keep their place."""
    x = _bounded(1)
    _stops(x, 1, 2)
    _stops(x, 3, trigger=TICK, pair=ETH)
    x.step(prices={BTC: FAR})
    assert sorted(key.clob_pair_id for key in _reached(x)) == [BTC, ETH]
    x.clob.end_market(x.ctx, BTC)
    assert x.reasons() == [(1, "FINAL_SETTLEMENT"), (2, "FINAL_SETTLEMENT")]
    assert [key.clob_pair_id for key in _reached(x)] == [ETH]
    assert _next(x) == [3]
    assert _reached(x) == {}
    x.end()
    assert x.broken() == []


def test_a_market_that_is_not_active_keeps_its_place_and_takes_no_room() -> None:
    """Its triggers wait, also those that were reached before."""
    x = _bounded(1)
    _stops(x, 1, 2)
    _stops(x, 3, trigger=TICK, pair=ETH)
    x.step(prices={BTC: FAR})
    _status(x, PairStatus.PAUSED)
    assert _next(x, NEAR) == [3]
    assert _next(x) == []
    _status(x, PairStatus.ACTIVE)
    assert _next(x) == [2]


def _status(x: Exchange, status: PairStatus) -> None:
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    x.clob_module._state.pairs.set(x.ctx, BTC, pair._replace(status=status))


def _twaps(x: Exchange, *client_ids: int) -> list[PlaceOrder]:
    """Alice's TWAP orders of ten slices begin."""
    commands = [x.twap("alice", client_id, "buy", 100 * STEP) for client_id in client_ids]
    assert [x.place(command) for command in commands] == [0] * len(commands)
    return commands


def test_a_slice_that_does_not_fit_is_due_in_the_next_block_and_keeps_its_leg() -> None:
    """By the time from which it is due, then placement; its next slice comes one interval after the one that ran."""
    x = _bounded(2)
    commands = _twaps(x, 3, 2, 1)
    assert _next(x) == [3, 2]
    assert _next(x) == [1]
    assert _next(x) == []
    begun = x.ctx.time_seconds - 2
    twaps = [x.clob.twap(x.ctx, command.order.id) for command in commands]
    assert [(twap.remaining_legs, twap.next_seconds) for twap in twaps if twap] == [(9, begun + 30), (9, begun + 30), (9, begun + 31)]
    assert x.rests(slice_id_of(commands[2].order.id)) == 10 * STEP


def test_neither_triggers_nor_slices_starve_the_other() -> None:
    """Half of the block each, and the whole of it where there is nothing else to run."""
    x = _bounded(3)
    _twaps(x, 11, 12, 13)
    _stops(x, 1, 2, 3, 4, 5, 6)
    assert _next(x, FAR) == [11, 1, 2]
    assert _next(x) == [3, 4, 12]
    assert _next(x) == [5, 6, 13]
    assert _next(x) == []


def test_an_export_while_orders_are_left_over_goes_on_the_same() -> None:
    """The same values, and the same orders run in the following blocks."""
    x = _bounded(1)
    _stops(x, 1, 2, 3)
    x.step(prices={BTC: FAR})
    x.end()
    saved = {module.name: module.export_genesis(x.ctx) for module in x.modules}
    assert saved["clob"]["reached"] == [{"clob_pair_id": BTC, "height": 101, "rises": True, "price_subticks": str(FAR)}]
    again = Exchange(json.loads(json.dumps(saved)), rich=())
    assert _reached(again) == _reached(x)
    assert again.clob.params(again.ctx).max_due_per_block == 1
    assert json.dumps(again.clob_module.export_genesis(again.ctx)) == json.dumps(saved["clob"])
    again.ctx.height, again.ctx.time_ns = x.ctx.height, x.ctx.time_ns
    for _ in range(3):
        assert _next(again, NEAR) == _next(x, NEAR)
        assert again.ctx.events == x.ctx.events
    assert x.clob.waiting_orders(x.ctx, sub("alice")) == []


def test_an_order_that_is_left_over_is_shown_as_untriggered() -> None:
    """Until it runs."""
    x = _bounded(1)
    _stops(x, 1, 2)
    x.step(prices={BTC: FAR})
    alice = {"owner": addresses.to_text(owner("alice")), "number": 0}
    shown = x.ask("/perpd.clob.v1.Query/Orders", subaccount_id=alice).orders
    assert [order.status == own_query.ORDER_STATUS_UNTRIGGERED for order in shown] == [False, True]


def test_a_change_of_limits_leaves_the_bound() -> None:
    """Genesis alone sets it: the message has no field for it."""
    assert sorted(decode_params(book_limits(7, 8, 9))) == ["max_fills_per_order", "max_impact_orders", "max_open_orders"]
    x = _bounded(7)
    [change] = [route for route in x.clob_module.changes if route.message.DESCRIPTOR.full_name == "perpd.clob.v1.MsgUpdateParams"]
    change.apply(x.ctx, change.decode(book_limits(7, 8, 9)))
    assert x.clob.params(x.ctx) == (7, 8, 9, 7)


def test_the_work_of_a_block_does_not_grow_with_what_is_left_over() -> None:
    """Deciding and running one block's share costs the same however much has triggered: the block that meets it, and the next one."""
    works: list[list[dict[str, int]]] = []
    for waiting in (30, 600):
        x = _bounded(10)
        _stops(x, *range(waiting))
        found = []
        for price in (FAR, NEAR):
            with counted() as calls:
                ran = _next(x, price)
            assert len(ran) == 10
            found.append(dict(calls))
        works.append(found)
    for few, many in zip(*works, strict=True):
        assert few == many
