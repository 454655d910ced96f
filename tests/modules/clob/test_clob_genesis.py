"""Section `clob` of a genesis: every mistake told with its path, and export as a valid genesis of the same state."""

import json
from typing import Any

import pytest

from modules.clob.model import OrderId
from modules.kernel import address as addresses
from modules.kernel.module import Problems
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, clob_section, genesis_of, owner, sub
from support.markets import BTC, ETH

ALICE = addresses.to_text(owner("alice"))


def _order(**changes: Any) -> dict[str, Any]:
    row = {
        "owner": ALICE,
        "number": 0,
        "client_id": 1,
        "flags": 0,
        "clob_pair_id": BTC,
        "side": "BUY",
        "quantums": STEP,
        "subticks": TICK,
        "good_til": 120,
        "height": 99,
        "placement": 0,
    }
    return row | changes


def _name(**changes: Any) -> dict[str, Any]:
    return {"owner": ALICE, "number": 0, "client_id": 1, "flags": 0, "clob_pair_id": BTC} | changes


def _pairs(**changes: Any) -> dict[str, Any]:
    section = clob_section()
    section["clob_pairs"][ETH] |= changes
    return section


MISTAKES = [
    ("clob.clob_pairs", {}),
    ("clob.clob_pairs[1].id", _pairs(id=BTC)),
    ("clob.clob_pairs[1].perpetual_id", _pairs(perpetual_id=BTC)),
    ("clob.clob_pairs[1].perpetual_id", _pairs(perpetual_id=7)),
    ("clob.clob_pairs[1].step_base_quantums", _pairs(step_base_quantums=0)),
    ("clob.clob_pairs[1].step_base_quantums", _pairs(step_base_quantums=1_500_000)),
    ("clob.clob_pairs[1].subticks_per_tick", _pairs(subticks_per_tick=0)),
    ("clob.clob_pairs[1].quantum_conversion_exponent", _pairs(quantum_conversion_exponent=31)),
    ("clob.clob_pairs[1].status", _pairs(status="OPEN")),
    ("clob.clob_pairs[1].tick", _pairs(tick=1)),
    ("clob.params.max_fills_per_order", clob_section(params={"max_fills_per_order": 0})),
    ("clob.params.max_impact_orders", clob_section(params={"max_impact_orders": 0})),
    ("clob.params.max_open_orders", clob_section(params={"max_open_orders": -1})),
    ("clob.params.max_due_per_block", clob_section(params={"max_due_per_block": 0})),
    ("clob.reached[0].height", clob_section(reached=[{"clob_pair_id": BTC, "price_subticks": TICK}])),
    ("clob.reached[0].clob_pair_id", clob_section(reached=[{"clob_pair_id": 9, "height": 99, "price_subticks": TICK}])),
    ("clob.reached[0].price_subticks", clob_section(reached=[{"clob_pair_id": BTC, "height": 99, "price_subticks": 0}])),
    ("clob.reached[0].rises", clob_section(reached=[{"clob_pair_id": BTC, "height": 99, "rises": 1, "price_subticks": TICK}])),
    ("clob.reached[1].height", clob_section(reached=[{"clob_pair_id": BTC, "height": 99, "price_subticks": TICK}] * 2)),
    ("clob.params.max_open", clob_section(params={"max_open": 1})),
    ("clob.orders[0].owner", clob_section(orders=[_order(owner="alice")])),
    ("clob.orders[0].number", clob_section(orders=[_order(number=128_001)])),
    ("clob.orders[0].client_id", clob_section(orders=[_order(client_id=2**32)])),
    ("clob.orders[0].flags", clob_section(orders=[_order(flags=128)])),
    ("clob.orders[0].condition", clob_section(orders=[_order(flags=32)])),
    ("clob.orders[0].trigger_subticks", clob_section(orders=[_order(trigger_subticks=TICK)])),
    ("clob.orders[0].clob_pair_id", clob_section(orders=[_order(clob_pair_id=9)])),
    ("clob.orders[0].side", clob_section(orders=[_order(side="LONG")])),
    ("clob.orders[0].quantums", clob_section(orders=[_order(quantums=STEP + 1)])),
    ("clob.orders[0].subticks", clob_section(orders=[_order(subticks=TICK + 1)])),
    ("clob.orders[0].time_in_force", clob_section(orders=[_order(time_in_force="IMMEDIATE_OR_CANCEL")])),
    ("clob.orders[0].good_til", clob_section(orders=[_order(good_til=0)])),
    ("clob.orders[1].client_id", clob_section(orders=[_order(), _order(placement=1)])),
    ("clob.orders[1].placement", clob_section(orders=[_order(), _order(client_id=2)])),
    ("clob.orders", clob_section(orders=[_order(), _order(client_id=2, side="SELL", placement=1)])),
    ("clob.fills[0].kept_until", clob_section(fills=[_name(quantums=STEP)])),
    ("clob.fills[0].kept_until", clob_section(orders=[_order(flags=64)], fills=[_name(flags=64, quantums=STEP, kept_until=9)])),
    ("clob.fills[0].client_id", clob_section(fills=[_name(flags=64, quantums=STEP)])),
    ("clob.fills[0].quantums", clob_section(orders=[_order()], fills=[_name(quantums=STEP, kept_until=160)])),
    ("clob.fills[0].client_id", clob_section(fills=[_name(quantums=STEP, kept_until=160)])),
    ("clob.cancels[0].flags", clob_section(cancels=[_name(flags=64, height=9, good_til_block=9)])),
    ("clob.cancels[0].height", clob_section(cancels=[_name(good_til_block=9)])),
    ("clob.cancels[0].good_til_block", clob_section(cancels=[_name(height=9, good_til_block=0)])),
    ("clob.cancels[0].good_til_block", clob_section(cancels=[_name(height=9, good_til_block=50)])),
    ("clob.cancels[0].good_til_block", clob_section(orders=[_order()], cancels=[_name(height=99, good_til_block=120)])),
    ("clob.ended[0].kept_until", clob_section(ended=[_name(height=9, quantums=STEP, kept_until=90)])),
    ("clob.ended[0].quantums", clob_section(ended=[_name(height=9, quantums=0, kept_until=50)])),
    ("clob.orderz", clob_section(orderz=[])),
]


@pytest.mark.parametrize(("path", "section"), MISTAKES, ids=[f"{number}-{row[0]}" for number, row in enumerate(MISTAKES)])
def test_a_mistake_is_told_with_its_path(path: str, section: dict[str, Any]) -> None:
    """Nothing raises, and the mistake's own path is among what is told."""
    x = Exchange()
    found = Problems()
    x.clob_module.validate_genesis(section, found, x.genesis | {"clob": section})
    assert path in [told for told, _ in found.found]


def test_sections_that_are_no_objects_are_told_too() -> None:
    """Whatever JSON holds."""
    x = Exchange()
    for section in (None, 3, [], "clob", {"clob_pairs": 5}, {"clob_pairs": [None]}, {"clob_pairs": [], "orders": [[]]}):
        found = Problems()
        x.clob_module.validate_genesis(section, found, {})
        assert found.found


def test_a_good_section_with_orders_fills_and_cancels_has_no_mistakes() -> None:
    """Integers may be texts."""
    section = clob_section(
        orders=[
            _order(quantums=str(3 * STEP)),
            _order(client_id=2, flags=64, good_til=1_800_000_000, placement=1, time_in_force="POST_ONLY"),
        ],
        fills=[_name(quantums=str(STEP), kept_until=160)],
        cancels=[_name(height=99, good_til_block=119), _name(client_id=7, height="95", good_til_block="130")],
        ended=[_name(client_id=9, height=98, quantums=STEP, kept_until=130)],
    )
    x = Exchange(genesis_of(clob=section))
    assert x.rests(OrderId(BTC, sub("alice"), 0, 1)) == 2 * STEP
    assert x.clob.cancelled_until(x.ctx, OrderId(BTC, sub("alice"), 0, 7)) == 130
    assert x.clob.fills(x.ctx, OrderId(BTC, sub("alice"), 0, 9)) == (STEP, 130)
    assert x.clob_module.check_invariants(x.ctx) == []


def test_an_export_builds_the_same_state_again() -> None:
    """design.md section 4: save, load, save gives equal bytes, and the same orders match in the same order."""
    x = Exchange()
    x.place(x.short("alice", 1, "buy", 3 * STEP, BTC_PRICE, client_metadata=4))
    x.place(x.long("bob", 2, "buy", 2 * STEP, BTC_PRICE, tif="post_only"))
    x.place(x.short("carol", 3, "sell", STEP, BTC_PRICE))
    x.place(x.short("carol", 4, "sell", STEP, BTC_PRICE + TICK))
    x.cancel(OrderId(ETH, sub("carol"), 0, 5))
    x.step()
    saved = {module.name: module.export_genesis(x.ctx) for module in x.modules}
    again = Exchange(json.loads(json.dumps(saved)), rich=())
    for slot, table in enumerate(x.state.tables):
        if x.registry.maps[slot].store == "clob":
            assert again.state.tables[slot] == table
    assert json.dumps(again.clob_module.export_genesis(again.ctx)) == json.dumps(saved["clob"])
    again.ctx.height = x.ctx.height
    for exchange in (x, again):
        exchange.place(exchange.short("carol", 9, "sell", 4 * STEP, BTC_PRICE))
        assert exchange.fills() == [(1, BTC_PRICE, 2 * STEP), (2, BTC_PRICE, 2 * STEP)]
