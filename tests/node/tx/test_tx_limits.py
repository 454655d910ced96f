"""Shape, memo and gas: refused by CheckTx, and failing in execution, with sdk codes."""

from typing import Any

import pytest

from modules.consensus.model import DEFAULT_PARAMS
from modules.kernel.errors import INVALID_GAS_LIMIT, INVALID_REQUEST, MEMO_TOO_LARGE, OUT_OF_GAS, ChainError
from node.tx.limits import check_gas, check_limits, check_memo, check_shape, gas_used, gas_wanted
from support.sequencing import ALICE, BOB, LONG_TERM, Desk, batch_cancel, cancel, deposit, place, send, transfer

DESK = Desk()


def stateful(client_id: int = 1) -> Any:
    """A long-term order of ALICE."""
    return place(ALICE, client_id, flags=LONG_TERM)


@pytest.mark.parametrize(
    "messages",
    [
        [place(ALICE)],
        [batch_cancel(ALICE)],
        [send(ALICE, BOB), send(ALICE, BOB), deposit(ALICE)],
        [cancel(ALICE, flags=LONG_TERM), transfer(ALICE, ALICE), stateful(1), stateful(2)],
        [transfer(ALICE, ALICE), transfer(ALICE, BOB)],
    ],
)
def test_shapes_that_clients_send_pass(messages: list[Any]) -> None:
    """dydx-clob.md 2.1: one short-term message, or any stateful ones with one transfer; without clob messages anything."""
    check_shape(DESK.decode(DESK.sign(ALICE, *messages)))


@pytest.mark.parametrize(
    "messages",
    [
        [place(ALICE), place(ALICE, 2)],
        [cancel(ALICE), stateful()],
        [stateful(), batch_cancel(ALICE)],
        [stateful(), send(ALICE, BOB)],
        [deposit(ALICE), stateful()],
        [stateful(), transfer(ALICE, ALICE), transfer(ALICE, ALICE)],
    ],
)
def test_other_shapes_are_sdk_18(messages: list[Any]) -> None:
    """dydx-clob.md 2.1."""
    with pytest.raises(ChainError) as caught:
        check_shape(DESK.decode(DESK.sign(ALICE, *messages)))
    assert caught.value.kind is INVALID_REQUEST


def test_the_memo_is_bounded_in_bytes_of_utf8() -> None:
    """256 bytes pass, one more is sdk 12."""
    check_memo(DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), memo="é" * 128)), DEFAULT_PARAMS)
    with pytest.raises(ChainError) as caught:
        check_memo(DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), memo="é" * 128 + "a")), DEFAULT_PARAMS)
    assert caught.value.kind is MEMO_TOO_LARGE


def test_gas_is_a_constant_per_message_and_byte() -> None:
    """Whatever the messages do: gas is hashed into block results."""
    raw = DESK.sign(ALICE, send(ALICE, BOB), send(ALICE, BOB))
    tx = DESK.decode(raw)
    assert gas_used(tx, DEFAULT_PARAMS) == 2 * DEFAULT_PARAMS.gas_per_message + len(raw) * DEFAULT_PARAMS.gas_per_byte
    assert gas_wanted(tx) == 1_000_000
    order = DESK.decode(DESK.sign(ALICE, stateful(), gas_limit=0))
    assert (gas_used(order, DEFAULT_PARAMS), gas_wanted(order)) == (0, 0)
    check_gas(order, DEFAULT_PARAMS)


@pytest.mark.parametrize(
    ("gas_limit", "kind"),
    [(0, INVALID_GAS_LIMIT), (1, OUT_OF_GAS), (20_000, OUT_OF_GAS), (2**63, INVALID_REQUEST), (2**64 - 1, INVALID_REQUEST)],
)
def test_gas_limits_that_do_not_do(gas_limit: int, kind: Any) -> None:
    """sdk 41 for none, 11 for too little, 18 for what is no int64."""
    tx = DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), gas_limit=gas_limit))
    with pytest.raises(ChainError) as caught:
        check_limits(tx, DEFAULT_PARAMS)
    assert caught.value.kind is kind
    assert 0 <= gas_wanted(tx) < 2**63
    if kind is OUT_OF_GAS:
        used = gas_used(tx, DEFAULT_PARAMS)
        assert caught.value.log == f"out of gas in location: transaction; gasWanted: {gas_limit}, gasUsed: {used}: out of gas"


def test_exactly_the_gas_used_is_enough() -> None:
    """The limit is inclusive; its own length is part of the transaction."""
    used = gas_used(DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), gas_limit=30_000)), DEFAULT_PARAMS)
    tx = DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), gas_limit=used))
    assert gas_used(tx, DEFAULT_PARAMS) == used
    check_limits(tx, DEFAULT_PARAMS)
