"""The messages that traders send, by name and with everything defaulted but the point of the test."""

from typing import Any

from modules.kernel import address as addresses
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending_pb2
from support.markets import BTC
from support.sequencing import Signer

SHORT_TERM, LONG_TERM = 0, 64
_TIMES_IN_FORCE: dict[str, Any] = {"rest": 0, "ioc": 1, "post_only": 2}
_SIDES: dict[str, Any] = {"buy": 1, "sell": 2}


def text_of(name: str) -> str:
    """A trader's address text; an address is its own."""
    return name if addresses.is_valid(name) else Signer(name).text


def deposit_message(name: str, amount: int, number: int = 0, to: str = "") -> Any:
    """From a wallet into a subaccount."""
    message = transfer_pb2.MsgDepositToSubaccount(sender=text_of(name), quantums=amount)
    message.recipient.owner, message.recipient.number = text_of(to or name), number
    return message


def transfer_message(name: str, amount: int, number: int = 0, to: str = "", to_number: int = 0) -> Any:
    """From one subaccount to another."""
    message = sending_pb2.MsgCreateTransfer()
    message.transfer.sender.owner, message.transfer.sender.number = text_of(name), number
    message.transfer.recipient.owner, message.transfer.recipient.number = text_of(to or name), to_number
    message.transfer.amount = amount
    return message


def order_message(
    name: str,
    client_id: int,
    side: str,
    quantums: int,
    subticks: int,
    *,
    tif: str = "rest",
    reduce_only: bool = False,
    pair: int = BTC,
    number: int = 0,
    good_til_block: int = 0,
    good_til_time: int = 0,
) -> Any:
    """A placement: long-term if it has a good-til-time. `side` is buy or sell, `tif` rest, ioc or post_only."""
    message = clob_pb2.MsgPlaceOrder()
    order = message.order
    order.order_id.subaccount_id.owner, order.order_id.subaccount_id.number = text_of(name), number
    order.order_id.client_id, order.order_id.clob_pair_id = client_id, pair
    order.side, order.time_in_force = _SIDES[side], _TIMES_IN_FORCE[tif]
    order.quantums, order.subticks, order.reduce_only = quantums, subticks, reduce_only
    if good_til_time:
        order.order_id.order_flags, order.good_til_block_time = LONG_TERM, good_til_time
    else:
        order.good_til_block = good_til_block
    return message


def cancel_message(name: str, client_id: int, pair: int = BTC, number: int = 0, flags: int = SHORT_TERM) -> Any:
    """A cancel whose good-til is still to be set."""
    message = clob_pb2.MsgCancelOrder()
    message.order_id.subaccount_id.owner, message.order_id.subaccount_id.number = text_of(name), number
    message.order_id.client_id, message.order_id.clob_pair_id, message.order_id.order_flags = client_id, pair, flags
    return message
