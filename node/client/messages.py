"""The messages that traders send, from plain values."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

from node.client.market import Market
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from perpd_proto.cosmos.base.v1beta1 import coin_pb2
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_tx
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending_tx
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2

SHORT_TERM = 0
CONDITIONAL = 32
LONG_TERM = 64
TWAP = 128

CHILDREN_STEP = 128
"""A child subaccount has its parent's number plus a multiple of this, as existing front ends number them."""


class TimeInForce(IntEnum):
    """What becomes of the part of an order that does not match at once."""

    REST = 0
    IMMEDIATE_OR_CANCEL = 1
    POST_ONLY = 2


class Condition(IntEnum):
    """What a conditional order waits for."""

    STOP_LOSS = 1
    """A buy: the price has risen to the trigger; a sell: it has fallen to it."""
    TAKE_PROFIT = 2
    """The other way round."""


class Trigger(NamedTuple):
    """When a conditional order becomes an order like others."""

    condition: Condition
    subticks: int


class Builder(NamedTuple):
    """Who receives a fee on top of every fill."""

    address: str
    fee_ppm: int


def subaccount(owner: str, number: int) -> subaccount_pb2.SubaccountId:
    """The id of a subaccount."""
    return subaccount_pb2.SubaccountId(owner=owner, number=number)


def deposit(sender: str, number: int, quote_quantums: int) -> Any:
    """From a bank account to the subaccount of that number of the same owner."""
    return transfer_pb2.MsgDepositToSubaccount(sender=sender, recipient=subaccount(sender, number), quantums=quote_quantums)


def withdraw(owner: str, number: int, quote_quantums: int, recipient: str = "") -> Any:
    """From a subaccount to a bank account, by default its owner's."""
    return transfer_pb2.MsgWithdrawFromSubaccount(sender=subaccount(owner, number), recipient=recipient or owner, quantums=quote_quantums)


def transfer(owner: str, number: int, recipient: str, recipient_number: int, quote_quantums: int) -> Any:
    """Between subaccounts."""
    return sending_tx.MsgCreateTransfer(
        transfer=transfer_pb2.Transfer(
            sender=subaccount(owner, number), recipient=subaccount(recipient, recipient_number), amount=quote_quantums
        )
    )


def send(sender: str, recipient: str, denom: str, amount: int) -> Any:
    """Between bank accounts."""
    return bank_tx.MsgSend(from_address=sender, to_address=recipient, amount=[coin_pb2.Coin(denom=denom, amount=str(amount))])


def order(
    market: Market,
    owner: str,
    number: int,
    client_id: int,
    *,
    is_buy: bool,
    quantums: int,
    subticks: int,
    good_til_block: int = 0,
    good_til_seconds: int = 0,
    time_in_force: TimeInForce = TimeInForce.REST,
    reduce_only: bool = False,
    trigger: Trigger | None = None,
    builder: Builder | None = None,
) -> order_pb2.Order:
    """A short-term order (with `good_til_block`), or a long-term one (with `good_til_seconds`, UNIX time), conditional with a trigger."""
    assert bool(good_til_block) != bool(good_til_seconds), "an order lives until a block or until a time"
    assert trigger is None or good_til_seconds, "a conditional order lives until a time"
    flags = SHORT_TERM if good_til_block else LONG_TERM if trigger is None else CONDITIONAL
    found = order_pb2.Order(
        order_id=order_id(market, owner, number, client_id, flags),
        side=order_pb2.Order.SIDE_BUY if is_buy else order_pb2.Order.SIDE_SELL,
        quantums=quantums,
        subticks=subticks,
        time_in_force=int(time_in_force),  # type: ignore[arg-type]  # the enum's numbers are the wire's
        reduce_only=reduce_only,
    )
    if good_til_block:
        found.good_til_block = good_til_block
    else:
        found.good_til_block_time = good_til_seconds
    if trigger is not None:
        found.condition_type = int(trigger.condition)  # type: ignore[assignment]  # the enum's numbers are the wire's
        found.conditional_order_trigger_subticks = trigger.subticks
    if builder is not None:
        found.builder_code_parameters.builder_address = builder.address
        found.builder_code_parameters.fee_ppm = builder.fee_ppm
    return found


def twap(
    market: Market,
    owner: str,
    number: int,
    client_id: int,
    *,
    is_buy: bool,
    quantums: int,
    subticks: int,
    good_til_seconds: int,
    duration_seconds: int,
    interval_seconds: int,
    tolerance_ppm: int,
) -> order_pb2.Order:
    """An order that the chain works off in slices, one per interval; subticks 0: each slice at the oracle price within the tolerance."""
    found = order(
        market,
        owner,
        number,
        client_id,
        is_buy=is_buy,
        quantums=quantums,
        subticks=subticks,
        good_til_seconds=good_til_seconds,
    )
    found.order_id.order_flags = TWAP
    plan = order_pb2.TwapParameters(duration=duration_seconds, interval=interval_seconds, price_tolerance=tolerance_ppm)
    found.twap_parameters.CopyFrom(plan)
    return found


def leverage(owner: str, number: int, chosen: Iterable[tuple[Market, int]]) -> Any:
    """Own initial margin fractions, in ppm, of one subaccount by market."""
    return clob_tx.MsgUpdateLeverage(
        subaccount_id=subaccount(owner, number),
        clob_pair_leverage=[clob_tx.LeverageEntry(clob_pair_id=market.clob_pair_id, custom_imf_ppm=ppm) for market, ppm in chosen],
    )


def order_id(market: Market, owner: str, number: int, client_id: int, flags: int) -> order_pb2.OrderId:
    """What names an order."""
    return order_pb2.OrderId(
        subaccount_id=subaccount(owner, number), client_id=client_id, order_flags=flags, clob_pair_id=market.clob_pair_id
    )


def place(placed: order_pb2.Order) -> Any:
    """Place one order."""
    return clob_tx.MsgPlaceOrder(order=placed)


def cancel(cancelled: order_pb2.OrderId, *, good_til_block: int = 0, good_til_seconds: int = 0) -> Any:
    """Cancel one order: a short-term one and all placements of its id up to a block, another from now on."""
    assert bool(good_til_block) != bool(good_til_seconds), "a cancel holds until a block or until a time"
    if good_til_block:
        return clob_tx.MsgCancelOrder(order_id=cancelled, good_til_block=good_til_block)
    return clob_tx.MsgCancelOrder(order_id=cancelled, good_til_block_time=good_til_seconds)


def batch_cancel(owner: str, number: int, client_ids: Iterable[tuple[Market, Iterable[int]]], good_til_block: int) -> Any:
    """Cancel short-term orders of one subaccount, by market."""
    return clob_tx.MsgBatchCancel(
        subaccount_id=subaccount(owner, number),
        short_term_cancels=[clob_tx.OrderBatch(clob_pair_id=market.clob_pair_id, client_ids=list(ids)) for market, ids in client_ids],
        good_til_block=good_til_block,
    )
