"""The messages of `sending` as they arrive on the wire: who signs, what is refused with which code, what they do."""

from typing import Any

import pytest

from modules.kernel import address as addresses
from modules.kernel.errors import ChainError
from modules.subaccounts.msgs import Deposit, Transfer, Withdraw
from perpd_proto.dydxprotocol.sending import transfer_pb2, tx_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from support.clob_exchange import owner, sub
from support.risk_desk import RICH, Desk

ALICE, BOB = addresses.to_text(owner("alice")), addresses.to_text(owner("bob"))


def id_of(text: str, number: int = 0) -> subaccount_pb2.SubaccountId:
    """A subaccount id on the wire."""
    return subaccount_pb2.SubaccountId(owner=text, number=number)


def deposit(sender: str = ALICE, recipient: str = BOB, number: int = 2, asset_id: int = 0, quantums: int = 9) -> Any:
    """A message with everything in order but what the test sets."""
    return transfer_pb2.MsgDepositToSubaccount(sender=sender, recipient=id_of(recipient, number), asset_id=asset_id, quantums=quantums)


def withdraw(sender: str = ALICE, recipient: str = BOB, number: int = 2, asset_id: int = 0, quantums: int = 9) -> Any:
    """The same."""
    return transfer_pb2.MsgWithdrawFromSubaccount(sender=id_of(sender, number), recipient=recipient, asset_id=asset_id, quantums=quantums)


def transfer(sender: str = ALICE, recipient: str = BOB, number: int = 2, asset_id: int = 0, quantums: int = 9) -> Any:
    """The same."""
    moved = transfer_pb2.Transfer(sender=id_of(sender), recipient=id_of(recipient, number), asset_id=asset_id, amount=quantums)
    return tx_pb2.MsgCreateTransfer(transfer=moved)


def route(desk: Desk, message: Any) -> Any:
    """The route of a message's type."""
    (found,) = (one for one in desk.wiring.subaccounts.messages if one.message is type(message))
    return found


def test_messages_decode_to_commands_and_name_their_signer() -> None:
    """The owner signs for a subaccount, the sender for a bank account."""
    desk = Desk()
    assert [(route(desk, one).signer(one), route(desk, one).decode(one)) for one in (deposit(), withdraw(), transfer())] == [
        (ALICE, Deposit(owner("alice"), sub("bob", 2), 9)),
        (ALICE, Withdraw(sub("alice", 2), owner("bob"), 9)),
        (ALICE, Transfer(sub("alice"), sub("bob", 2), 9)),
    ]


def test_a_withdrawal_has_its_recipient_in_field_one() -> None:
    """dydx-risk.md 15.2: the numbers stand the other way round than one would think."""
    data = withdraw(quantums=1).SerializeToString()
    fields = {data[0] >> 3: data[2 : 2 + data[1]]}
    assert fields == {1: BOB.encode()}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (deposit(quantums=0), ("sending", 2)),
        (withdraw(quantums=0), ("sending", 2)),
        (transfer(quantums=0), ("sending", 2)),
        (deposit(asset_id=1), ("sending", 1101)),
        (withdraw(asset_id=1), ("sending", 1101)),
        (transfer(asset_id=1), ("sending", 1101)),
        (deposit(sender="dydx1"), ("sending", 6)),
        (withdraw(recipient=""), ("sending", 6)),
        (deposit(recipient=BOB[:-1]), ("subaccounts", 201)),
        (withdraw(sender="cosmos1" + ALICE[5:]), ("subaccounts", 201)),
        (transfer(sender=""), ("subaccounts", 201)),
        (transfer(recipient=BOB.upper()), ("subaccounts", 201)),
        (deposit(number=128_001), ("subaccounts", 200)),
        (withdraw(number=2**32 - 1), ("subaccounts", 200)),
        (transfer(number=128_001), ("subaccounts", 200)),
        (transfer(recipient=ALICE, number=0), ("sending", 1)),
        (tx_pb2.MsgCreateTransfer(), ("sending", 5)),
    ],
)
def test_malformed_messages_are_refused_before_any_state_is_read(message: Any, expected: tuple[str, int]) -> None:
    """One code each, from decoding alone."""
    with pytest.raises(ChainError) as raised:
        route(Desk(), message).decode(message)
    assert (raised.value.codespace, raised.value.code) == expected
    assert raised.value.kind.text in raised.value.log


def test_the_highest_subaccount_number_and_the_largest_amount_are_fine() -> None:
    """At the bounds themselves."""
    found = route(Desk(), deposit()).decode(deposit(number=128_000, quantums=2**64 - 1))
    assert found == Deposit(owner("alice"), sub("bob", 128_000), 2**64 - 1)


def test_executing_moves_the_money_and_answers_an_empty_response() -> None:
    """All three, one after the other; a failing one raises its code."""
    desk = Desk()
    for message in (deposit(recipient=ALICE, number=0, quantums=RICH), transfer(number=3, quantums=40), withdraw(number=0, quantums=5)):
        found = route(desk, message)
        assert found.execute(desk.ctx, found.decode(message)) == b"" == found.response().SerializeToString()
    assert desk.collateral(sub("alice")) == RICH - 45
    assert desk.collateral(sub("bob", 3)) == 40
    too_much = withdraw(number=0, quantums=RICH)
    assert desk.code(lambda: route(desk, too_much).execute(desk.ctx, route(desk, too_much).decode(too_much)))[:2] == ("subaccounts", 102)
    assert desk.broken() == []


def test_texts_of_results_are_the_names_clients_know() -> None:
    """Error 102 carries the result's name."""
    desk = Desk()
    desk.deposit("alice", 1)
    with pytest.raises(ChainError) as raised:
        desk.subaccounts.withdraw(desk.ctx, sub("alice"), owner("alice"), 2)
    assert raised.value.log.startswith("NewlyUndercollateralized: ")
