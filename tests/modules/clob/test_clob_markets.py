"""Market statuses with orders of every kind, and the end of a market: dydx-clob.md 1.5, in all six statuses."""

import json

import pytest

from modules.clob.model import PLAIN, LiquidationOrder, OrderId, PairStatus, slice_id_of
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, owner, sub
from support.markets import BTC, ETH


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def _status(x: Exchange, status: PairStatus, pair_id: int = BTC) -> None:
    pair = x.clob.pair(x.ctx, pair_id)
    assert pair is not None
    x.clob_module._state.pairs.set(x.ctx, pair_id, pair._replace(status=status))


CODES = {
    PairStatus.ACTIVE: (0, 0, 0, 0, 0, 0, 0),
    PairStatus.PAUSED: (34, 34, 34, 34, 34, 34, 34),
    PairStatus.CANCEL_ONLY: (34, 34, 34, 34, 34, 34, 34),
    PairStatus.POST_ONLY: (34, 0, 34, 0, 34, 0, 34),
    PairStatus.INITIALIZING: (34, 0, 34, 34, 34, 34, 34),
    PairStatus.FINAL_SETTLEMENT: (34, 34, 34, 34, 34, 34, 34),
}
"""By status: short-term, short-term post-only, long-term, long-term post-only, conditional, conditional post-only, TWAP post-only."""


@pytest.mark.parametrize(("status", "codes"), CODES.items(), ids=[status.name for status in CODES])
def test_what_each_status_takes(x: Exchange, status: PairStatus, codes: tuple[int, ...]) -> None:
    """CLOB-6: a TWAP order's slices match at once, so its time in force opens no door. Cancels work in every status."""
    resting = x.long("bob", 90, "buy", STEP, TICK)
    x.place(resting)
    _status(x, status)
    orders = [
        x.short("alice", 1, "buy", STEP, TICK),
        x.short("alice", 2, "buy", STEP, TICK, tif="post_only"),
        x.long("alice", 3, "buy", STEP, TICK),
        x.long("alice", 4, "buy", STEP, TICK, tif="post_only"),
        x.conditional("alice", 5, "buy", STEP, TICK, "stop", TICK),
        x.conditional("alice", 6, "buy", STEP, TICK, "stop", TICK, tif="post_only"),
        x.twap("alice", 7, "buy", 10 * STEP, TICK, tif="post_only"),
    ]
    assert tuple(x.place(order) for order in orders) == codes
    assert x.cancel(resting.id) == 0


@pytest.mark.parametrize("status", [status for status in PairStatus if status is not PairStatus.ACTIVE])
def test_liquidations_need_an_active_market(x: Exchange, status: PairStatus) -> None:
    """1.5, code 1022 of the reference: the engine fills nothing."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    _status(x, status)
    assert x.clob.liquidate(x.ctx, LiquidationOrder(sub("alice"), BTC, True, STEP, BTC_PRICE), lambda _c, _q, _o: 0) == 0


def _of_every_kind(x: Exchange) -> list[OrderId]:
    """Orders of every kind on BTC, one of them with fills; one of each on ETH that is none of their business."""
    x.place(x.short("alice", 1, "sell", 3 * STEP, BTC_PRICE))
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    twap = x.twap("carol", 3, "buy", 100 * STEP, TICK)
    kinds = [x.long("bob", 4, "buy", STEP, TICK), x.conditional("bob", 5, "buy", STEP, TICK, "stop", 10 * BTC_PRICE // TICK * TICK)]
    triggered = x.conditional("bob", 6, "buy", STEP, TICK, "stop", TICK)
    for order in (twap, triggered, *kinds):
        assert x.place(order) == 0
    for order in (x.short("alice", 1, "buy", STEP, TICK, pair=ETH), x.conditional("bob", 5, "buy", STEP, TICK, "stop", TICK, pair=ETH)):
        assert x.place(order) == 0
    x.step()
    x.ctx.events.clear()
    return [OrderId(BTC, sub("alice"), 0, 1), twap.order.id, slice_id_of(twap.order.id), triggered.id, *(order.id for order in kinds)]


def test_the_end_of_a_market_ends_orders_of_every_kind_with_a_reason(x: Exchange) -> None:
    """1.5: also short-term ones; other markets go on. It may come after the block's end step, which an authority's changes follow."""
    ids = _of_every_kind(x)
    assert all(x.clob.placed(x.ctx, order_id) is not None for order_id in ids)
    x.cancel(OrderId(BTC, sub("carol"), 0, 77))
    x.end()
    _status(x, PairStatus.FINAL_SETTLEMENT)
    x.clob.end_market(x.ctx, BTC)
    removed = x.events("order_removed")
    assert sorted(event["order"] for event in removed) == sorted(order_id.text for order_id in ids)
    assert [event["reason"] for event in removed] == ["FINAL_SETTLEMENT"] * len(ids)
    assert all(x.clob.placed(x.ctx, order_id) is None for order_id in ids)
    assert x.clob.placed(x.ctx, OrderId(ETH, sub("alice"), 0, 1)) is not None
    assert x.broken() == []
    # What the block remembers holds both what it knew before and what the end of the market added.
    assert x.clob.fills(x.ctx, ids[0]).quantums == STEP
    assert x.clob.cancelled_until(x.ctx, OrderId(BTC, sub("carol"), 0, 77)) == x.ctx.height + 40


def test_an_export_holds_orders_of_every_kind(x: Exchange) -> None:
    """design.md section 4: save, load, save gives equal bytes, and what waits triggers and slices as before."""
    extras = PLAIN._replace(builder=owner("mason"), builder_fee_ppm=9)
    x.place(x.conditional("carol", 8, "sell", STEP, BTC_PRICE + 9 * TICK, "profit", BTC_PRICE + 9 * TICK, extras=extras))
    x.place(x.short("carol", 9, "sell", 2 * STEP, BTC_PRICE, extras=extras))
    x.place(x.short("alice", 10, "buy", STEP, BTC_PRICE))
    reducing = x.twap("alice", 11, "sell", 100 * STEP, BTC_PRICE + 20 * TICK, tif="ioc", reduce_only=True)
    assert x.place(reducing) == 0
    _of_every_kind(x)
    x.end()
    saved = {module.name: module.export_genesis(x.ctx) for module in x.modules}
    again = Exchange(json.loads(json.dumps(saved)), rich=())
    for slot, table in enumerate(x.state.tables):
        if x.registry.maps[slot].store == "clob":
            assert again.state.tables[slot] == table, x.registry.maps[slot].name
    assert json.dumps(again.clob_module.export_genesis(again.ctx)) == json.dumps(saved["clob"])
    assert {"waiting", "twaps", "trades"} <= {key for key, value in saved["clob"].items() if value}
    again.ctx.height, again.ctx.time_ns = x.ctx.height, x.ctx.time_ns
    for exchange in (x, again):
        exchange.step(seconds=30, prices={BTC: 6_100_000_000})
    assert [kind.type for kind, _ in again.ctx.events] == [kind.type for kind, _ in x.ctx.events]
    assert len(x.events("conditional_triggered")) == 1
    assert len(x.events("twap_slice")) == 2
