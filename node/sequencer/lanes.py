"""The lane of a message: derived from what it does, never declared (design.md 3.3).

Here too: which messages are short-term, because those carry no checked sequence. Both are read off the message alone.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

CANCEL = 1
MARGIN_ADD = 2
POST_ONLY = 3
TAKER = 4
OTHER = 5
LANES = (CANCEL, MARGIN_ADD, POST_ONLY, TAKER, OTHER)
LANE_NAMES = {CANCEL: "cancel", MARGIN_ADD: "margin add", POST_ONLY: "post-only", TAKER: "taker", OTHER: "other"}
BEFORE_ENGINE = (CANCEL, MARGIN_ADD, POST_ONLY)
"""Lanes that are executed before the engine's own orders; the others come after."""

SEQUENCED = -1
"""In place of a good-til-block: the message is not short-term."""

_SHORT_TERM = 0
_LONG_TERM = 64
_TIME_IN_FORCE_POST_ONLY = 2


class Traits(NamedTuple):
    """What the sequencer knows about one message."""

    lane: int
    good_til_block: int
    """Of a short-term order or cancel; SEQUENCED for every other message."""


_CANCEL = Traits(CANCEL, SEQUENCED)
_MARGIN_ADD = Traits(MARGIN_ADD, SEQUENCED)
_POST_ONLY = Traits(POST_ONLY, SEQUENCED)
_TAKER = Traits(TAKER, SEQUENCED)
_OTHER = Traits(OTHER, SEQUENCED)


def _place_order(message: Any) -> Traits:
    order = message.order
    flags = order.order_id.order_flags
    post_only = order.time_in_force == _TIME_IN_FORCE_POST_ONLY
    if flags == _SHORT_TERM:
        return Traits(POST_ONLY if post_only else TAKER, order.good_til_block)
    return _POST_ONLY if post_only and flags == _LONG_TERM else _TAKER


def _cancel_order(message: Any) -> Traits:
    if message.order_id.order_flags == _SHORT_TERM:
        return Traits(CANCEL, message.good_til_block)
    return _CANCEL


def _batch_cancel(message: Any) -> Traits:
    return Traits(CANCEL, message.good_til_block)


def _deposit(_message: Any) -> Traits:
    return _MARGIN_ADD


def _transfer(message: Any) -> Traits:
    transfer = message.transfer
    return _MARGIN_ADD if transfer.sender.owner == transfer.recipient.owner else _OTHER


def _other(_message: Any) -> Traits:
    return _OTHER


_BY_NAME: Mapping[str, Callable[[Any], Traits]] = {
    "dydxprotocol.clob.MsgPlaceOrder": _place_order,
    "dydxprotocol.clob.MsgCancelOrder": _cancel_order,
    "dydxprotocol.clob.MsgBatchCancel": _batch_cancel,
    "dydxprotocol.sending.MsgDepositToSubaccount": _deposit,
    "dydxprotocol.sending.MsgCreateTransfer": _transfer,
}


def traits_of(full_name: str) -> Callable[[Any], Traits]:
    """The function that tells a message's traits; messages without a rule of their own are OTHER."""
    return _BY_NAME.get(full_name, _other)
