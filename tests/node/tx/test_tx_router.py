"""The closed lists of messages: every type is in exactly one of them."""

import pytest

from modules.kernel.errors import INVALID_REQUEST, TX_PARSE, ChainError
from node.tx.kinds import INJECTED, INTERNAL
from node.tx.router import Router
from node.wiring import Wiring

ROUTER = Router(Wiring().messages)


def test_a_message_is_for_users_or_not() -> None:
    """What no module routes of an authority's messages is known and refused; proposers' messages are neither."""
    routed = [kind.name for kind in ROUTER.kinds() if kind.route is not None]
    refused = [kind.name for kind in ROUTER.kinds() if kind.route is None]
    assert sorted([*routed, *refused]) == sorted({*routed, *INTERNAL})
    assert not {*routed, *INTERNAL} & set(INJECTED)
    assert set(refused) <= set(INTERNAL)
    assert "cosmos.bank.v1beta1.MsgSend" in routed
    assert "dydxprotocol.clob.MsgPlaceOrder" in routed


def test_every_kind_is_found_by_url_and_by_any_prefix() -> None:
    """The part after the last slash decides."""
    for kind in ROUTER.kinds():
        assert ROUTER.by_url["/" + kind.name] is kind
        assert ROUTER.resolve("type.googleapis.com/" + kind.name) is kind
        assert ROUTER.resolve(kind.name) is kind


@pytest.mark.parametrize("name", INJECTED)
def test_injected_messages_cannot_be_sent(name: str) -> None:
    """sdk 18: they are proposers'."""
    with pytest.raises(ChainError) as caught:
        ROUTER.resolve("/" + name)
    assert caught.value.kind is INVALID_REQUEST


def test_unknown_messages_are_a_parse_error() -> None:
    """sdk 2, as in the reference."""
    with pytest.raises(ChainError) as caught:
        ROUTER.resolve("/a.b.MsgC")
    assert caught.value.kind is TX_PARSE
    assert caught.value.log == "unable to resolve type URL /a.b.MsgC: tx parse error"


def test_a_type_routed_twice_is_a_bug() -> None:
    """Two modules cannot execute one message."""
    routes = Wiring().messages
    with pytest.raises(AssertionError, match="two routes"):
        Router([*routes, routes[0]])
