"""Stateless checks of MsgPlaceOrder, MsgCancelOrder and MsgBatchCancel (dydx-clob.md 2.3), each rule with its code."""

from typing import Any

import pytest

from modules.clob import msgs
from modules.clob.model import BatchCancel, CancelOrder, Order, OrderId, PlaceOrder, order_hash, order_to_proto
from modules.kernel import address as addresses
from modules.kernel.errors import ChainError
from perpd_proto.dydxprotocol.clob import order_pb2, tx_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from support.clob_exchange import owner, sub

ALICE = addresses.to_text(owner("alice"))


def _placement(**changes: Any) -> tx_pb2.MsgPlaceOrder:
    """A good short-term buy; `id_…` changes its id, anything else the order."""
    name = {"owner": ALICE, "number": 0, "client_id": 7, "order_flags": 0, "clob_pair_id": 3}
    fields: dict[str, Any] = {"side": 1, "quantums": 10, "subticks": 20, "good_til_block": 30}
    for key, value in changes.items():
        if key.startswith("id_"):
            name[key.removeprefix("id_")] = value
        elif value is None:
            fields.pop(key, None)
        else:
            fields[key] = value
    subaccount = subaccount_pb2.SubaccountId(owner=name.pop("owner"), number=name.pop("number"))
    order_id = order_pb2.OrderId(subaccount_id=subaccount, **name)
    return tx_pb2.MsgPlaceOrder(order=order_pb2.Order(order_id=order_id, **fields))


STATEFUL = {"good_til_block": None, "good_til_block_time": 99}
LONG = {"id_order_flags": 64, **STATEFUL}
CONDITIONAL = {"id_order_flags": 32, "condition_type": 1, "conditional_order_trigger_subticks": 5, **STATEFUL}
TWAP_PARAMETERS = {"duration": 300, "interval": 30, "price_tolerance": 0}
TWAP = {"id_order_flags": 128, "twap_parameters": TWAP_PARAMETERS, **STATEFUL}
BUILDER = {"builder_address": ALICE, "fee_ppm": 10_000}

REFUSED = [
    ("row 1: fill-or-kill", {"time_in_force": 3}, "clob", 48),
    ("row 1 comes before row 2", {"time_in_force": 3, "id_owner": "nobody"}, "clob", 48),
    ("row 2: owner", {"id_owner": "nobody"}, "subaccounts", 201),
    ("row 2: owner missing", {"id_owner": ""}, "subaccounts", 201),
    ("row 2: number", {"id_number": 128_001}, "subaccounts", 200),
    ("row 3: side beyond the enum", {"side": 3}, "clob", 3),
    ("row 4: time in force", {"time_in_force": 4}, "clob", 44),
    ("row 5: condition", {"condition_type": 3}, "clob", 6000),
    ("row 6: side 0", {"side": 0}, "clob", 3),
    ("row 7: quantums", {"quantums": 0}, "clob", 4),
    ("row 8: router", {"order_router_address": "router"}, "clob", 11000),
    ("row 9: good_til_block 0", {"good_til_block": 0}, "clob", 5),
    ("row 9: a time on a short-term order", STATEFUL, "clob", 5),
    ("row 10: good_til_block_time 0", {**LONG, "good_til_block_time": 0}, "clob", 3001),
    ("row 10: a block on a long-term order", {"id_order_flags": 64}, "clob", 3001),
    ("row 11: flags combine to nothing", {**LONG, "id_order_flags": 96}, "clob", 3000),
    ("row 11: slices of a TWAP are the protocol's", {**LONG, "id_order_flags": 256}, "clob", 3000),
    ("row 12: long-term IOC", {**LONG, "time_in_force": 1}, "clob", 3002),
    ("row 12 comes before row 13", {**LONG, "time_in_force": 1, "reduce_only": True}, "clob", 3002),
    ("row 13: reduce-only that may rest", {"reduce_only": True}, "clob", 9003),
    ("row 13: reduce-only post-only", {"reduce_only": True, "time_in_force": 2}, "clob", 9003),
    ("row 14: subticks 0", {"subticks": 0}, "clob", 6),
    ("row 15: conditional without condition", {**CONDITIONAL, "condition_type": 0}, "clob", 6000),
    ("row 16: conditional without trigger", {**CONDITIONAL, "conditional_order_trigger_subticks": 0}, "clob", 6001),
    ("row 17: condition on another kind", {"condition_type": 1}, "clob", 6000),
    ("row 18: trigger on another kind", {"conditional_order_trigger_subticks": 1}, "clob", 6001),
    ("row 19: builder address", {"builder_code_parameters": {**BUILDER, "builder_address": "x"}}, "clob", 50),
    ("row 19: builder fee 0", {"builder_code_parameters": {**BUILDER, "fee_ppm": 0}}, "clob", 50),
    ("row 19: builder fee above 1 %", {"builder_code_parameters": {**BUILDER, "fee_ppm": 10_001}}, "clob", 50),
    ("row 20: no parameters", {**TWAP, "twap_parameters": None}, "clob", 12),
    ("row 20: interval below", {**TWAP, "twap_parameters": {**TWAP_PARAMETERS, "interval": 29}}, "clob", 12),
    ("row 20: interval above", {**TWAP, "twap_parameters": {**TWAP_PARAMETERS, "interval": 3_601, "duration": 7_202}}, "clob", 12),
    ("row 20: duration below", {**TWAP, "twap_parameters": {**TWAP_PARAMETERS, "duration": 270}}, "clob", 12),
    ("row 20: duration above", {**TWAP, "twap_parameters": {**TWAP_PARAMETERS, "duration": 86_430}}, "clob", 12),
    ("row 20: interval does not divide", {**TWAP, "twap_parameters": {**TWAP_PARAMETERS, "duration": 301}}, "clob", 12),
    ("row 20: tolerance", {**TWAP, "twap_parameters": {**TWAP_PARAMETERS, "price_tolerance": 1_000_000}}, "clob", 12),
]


@pytest.mark.parametrize(("changes", "codespace", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_placement_that_breaks_a_stateless_rule_gets_its_code(changes: dict[str, Any], codespace: str, code: int) -> None:
    """Table 2.3, in its order."""
    with pytest.raises(ChainError) as caught:
        msgs.decode_place(_placement(**changes))
    assert (caught.value.codespace, caught.value.code) == (codespace, code)


ACCEPTED = [
    ("short-term", {}),
    ("IOC", {"time_in_force": 1}),
    ("post-only", {"time_in_force": 2}),
    ("reduce-only IOC", {"time_in_force": 1, "reduce_only": True}),
    ("long-term", LONG),
    ("long-term post-only", {**LONG, "time_in_force": 2}),
    ("conditional IOC reduce-only", {**CONDITIONAL, "time_in_force": 1, "reduce_only": True}),
    ("TWAP at market price", {**TWAP, "subticks": 0}),
    ("the largest subaccount number", {"id_number": 128_000}),
    ("TWAP parameters on another kind are ignored", {"twap_parameters": {"duration": 1}}),
    ("a builder code", {"builder_code_parameters": BUILDER}),
    ("a router", {"order_router_address": ALICE}),
]


@pytest.mark.parametrize("changes", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_a_placement_within_the_rules_is_decoded(changes: dict[str, Any]) -> None:
    """Every kind, at the edges of the rules."""
    message = _placement(**changes)
    decoded = msgs.decode_place(message)
    assert decoded.order.quantums == 10
    if decoded.twap is None:
        message.order.ClearField("twap_parameters")
    assert order_to_proto(decoded.order, decoded.twap) == message.order


def test_decoding_keeps_every_field() -> None:
    """From the wire to the domain and back."""
    message = _placement(side=2, client_metadata=2, time_in_force=2, id_number=5)
    decoded = msgs.decode_place(message)
    assert decoded == PlaceOrder(Order(OrderId(3, sub("alice", 5), 0, 7), False, 10, 20, 30, 2, False, 2))
    assert order_to_proto(decoded.order) == message.order


def test_order_hash_is_over_the_canonical_encoding() -> None:
    """dydx-clob.md 1.11: the published example, to the byte."""
    text = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
    order_id = OrderId(0, sub("alice")._replace(owner=addresses.from_text(text)), 0, 7)
    order = Order(order_id, True, 100_000_000, 5_000_000_000, 125)
    assert order_to_proto(order).SerializeToString(deterministic=True).hex() == (
        "0a340a2d0a2b64796478313939747167347764" + "6c6e7534716a6c786368706437736567343534393337686a726b6e6a7534"
        "1507000000" + "1001" + "1880c2d72f" + "2080e497d012" + "287d"
    )
    assert order_hash(order).hex() == "cf969298520028db91c1f40c6804cff8d1d3afd04c7c00637eb929576a003e8d"


def _cancel(flags: int = 0, **changes: Any) -> tx_pb2.MsgCancelOrder:
    fields = {"good_til_block": 5} | changes
    subaccount = subaccount_pb2.SubaccountId(owner=fields.pop("owner", ALICE), number=fields.pop("number", 0))
    order_id = order_pb2.OrderId(subaccount_id=subaccount, client_id=7, order_flags=flags, clob_pair_id=3)
    return tx_pb2.MsgCancelOrder(order_id=order_id, **fields)


@pytest.mark.parametrize(
    ("flags", "changes", "codespace", "code"),
    [
        (0, {"owner": "x"}, "subaccounts", 201),
        (0, {"number": 128_001}, "subaccounts", 200),
        (0, {"good_til_block": 0}, "clob", 5),
        (64, {}, "clob", 3001),
        (96, {"good_til_block": 0, "good_til_block_time": 9}, "clob", 3000),
        (256, {"good_til_block": 0, "good_til_block_time": 9}, "clob", 3000),
    ],
)
def test_a_cancel_that_breaks_a_stateless_rule_gets_its_code(flags: int, changes: dict[str, Any], codespace: str, code: int) -> None:
    """dydx-clob.md 2.3, MsgCancelOrder."""
    with pytest.raises(ChainError) as caught:
        msgs.decode_cancel(_cancel(flags, **changes))
    assert (caught.value.codespace, caught.value.code) == (codespace, code)


def test_cancels_of_every_kind_are_decoded() -> None:
    """A height for flags 0, a time for the others."""
    assert msgs.decode_cancel(_cancel()) == CancelOrder(OrderId(3, sub("alice"), 0, 7), 5)
    assert msgs.decode_cancel(_cancel(64, good_til_block=0, good_til_block_time=9)) == CancelOrder(OrderId(3, sub("alice"), 64, 7), 9)


def _batch(*batches: tuple[int, list[int]], owner_text: str = ALICE, number: int = 0) -> tx_pb2.MsgBatchCancel:
    message = tx_pb2.MsgBatchCancel(good_til_block=9)
    message.subaccount_id.owner = owner_text
    message.subaccount_id.number = number
    for pair, client_ids in batches:
        message.short_term_cancels.add(clob_pair_id=pair, client_ids=client_ids)
    return message


@pytest.mark.parametrize(
    ("message", "codespace", "code"),
    [
        (_batch((0, [1]), owner_text="x"), "subaccounts", 201),
        (_batch((0, [1]), number=128_001), "subaccounts", 200),
        (_batch(), "clob", 45),
        (_batch((0, [1]), (0, [2])), "clob", 45),
        (_batch((0, [])), "clob", 45),
        (_batch((0, [1, 1])), "clob", 45),
        (_batch((0, list(range(60))), (1, list(range(41)))), "clob", 45),
    ],
)
def test_a_batch_cancel_that_breaks_a_stateless_rule_gets_its_code(message: tx_pb2.MsgBatchCancel, codespace: str, code: int) -> None:
    """dydx-clob.md 2.3, MsgBatchCancel."""
    with pytest.raises(ChainError) as caught:
        msgs.decode_batch_cancel(message)
    assert (caught.value.codespace, caught.value.code) == (codespace, code)


def test_a_batch_of_a_hundred_is_decoded() -> None:
    """The largest allowed, over two markets; the same client id may stand in both."""
    message = _batch((0, list(range(60))), (1, list(range(40))))
    assert msgs.decode_batch_cancel(message) == BatchCancel(sub("alice"), ((0, tuple(range(60))), (1, tuple(range(40)))), 9)
