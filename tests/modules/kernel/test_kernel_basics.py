"""Addresses, errors, events, genesis readers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel import address, errors
from modules.kernel.events import EventKind
from modules.kernel.genesis import Reader, parse_integer
from modules.kernel.module import Problems
from perpd_proto.tendermint.abci import types_pb2 as abci


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("subaccounts", "dydx1v88c3xv9xyv3eetdx0tvcmq7ung3dywp5upwc6"),
        ("insurance_fund", "dydx1c7ptc87hkd54e3r7zjy92q29xkq7t79w64slrq"),
        ("fee_collector", "dydx17xpfvakm2amg962yls6f84z3kell8c5leqdyt2"),
        ("subaccounts:1", "dydx1daqtvgfdcsgne505p4cltcwq5cfum94apsgv0c"),
        ("gov", "dydx10d07y265gmmuvt4z0w9aw880jnsr700jnmapky"),
    ],
)
def test_module_addresses_match_the_reference(name: str, text: str) -> None:
    """dydx-risk.md 1.3: the first 20 bytes of SHA-256(name)."""
    assert address.to_text(address.of_module(name)) == text


@given(st.binary(min_size=20, max_size=20))
def test_addresses_come_back(raw: bytes) -> None:
    """Text and back; any changed letter is noticed."""
    text = address.to_text(raw)
    assert address.from_text(text) == raw
    broken = text[:-1] + ("q" if text[-1] != "q" else "p")
    assert not address.is_valid(broken)


@pytest.mark.parametrize("text", ["", "dydx1", "cosmos1v88c3xv9xyv3eetdx0tvcmq7ung3dywp5upwc6", "x" * 200, "dydx1ä"])
def test_bad_addresses_are_sdk_7(text: str) -> None:
    """With a text that says what an address looks like."""
    with pytest.raises(errors.ChainError, match="dydx1") as caught:
        address.from_text(text)
    assert (caught.value.codespace, caught.value.code) == ("sdk", 7)


def test_a_code_is_registered_once() -> None:
    """A second registration of a number is a bug, found at import."""
    with pytest.raises(AssertionError, match="registered twice"):
        errors.register("sdk", 5, "again")


def test_an_error_tells_detail_then_registered_text() -> None:
    """The form of every log that a client sees."""
    assert errors.INSUFFICIENT_FUNDS("1 < 2").log == "1 < 2: insufficient funds"
    assert errors.INSUFFICIENT_FUNDS().log == "insufficient funds"


@given(st.lists(st.integers(-(2**80), 2**80) | st.text(max_size=300) | st.booleans(), min_size=3, max_size=3))
def test_events_encode_as_protobuf_does(values: list[Any]) -> None:
    """Bytes equal to tendermint.abci.Event's own, short and long values, with and without index."""
    kind = EventKind("sample", ("one", "two", "three"), indexed=("two",))
    texts = ["true" if value is True else "false" if value is False else str(value) for value in values]
    message = abci.Event(type="sample")
    for key, text in zip(kind.keys, texts, strict=True):
        message.attributes.add(key=key, value=text, index=key == "two")
    assert kind.encode(values) == message.SerializeToString()


def test_an_event_has_exactly_its_attributes() -> None:
    """A missing or superfluous value is a bug, not a shorter event."""
    with pytest.raises(AssertionError, match="2 attributes, got 1"):
        EventKind("sample", ("one", "two")).encode((1,))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), ("5", 5), ("-7", -7), (True, None), (1.0, None), ("1.0", None), ("٣", None), ("", None), ("--1", None), (None, None)],
)
def test_genesis_integers_are_integers(value: object, expected: int | None) -> None:
    """JSON integers or decimal ASCII strings; never floats or booleans."""
    assert parse_integer(value) == expected


def test_a_reader_reports_every_mistake_with_its_path() -> None:
    """Missing, wrong type, out of range, wrong choice, unknown key, nested list elements; nothing raises."""
    problems = Problems()
    section = {"size": "x", "far": 11, "kind": "C", "list": [{"id": 1}, 5, {}], "speling": 1, "flag": 1, "who": "nobody"}
    reader = Reader(section, "mod", problems)
    reader.integer("size", 0, 10)
    reader.integer("far", 0, 10)
    reader.integer("gone", 0, 10)
    reader.text("kind", choices=("A", "B"))
    reader.boolean("flag", default=False)
    reader.account("who")
    for element in reader.objects("list"):
        element.integer("id", 0, 10)
        element.done()
    reader.done()
    paths = [path for path, _ in problems.found]
    assert paths == [
        "mod.size",
        "mod.far",
        "mod.gone",
        "mod.kind",
        "mod.flag",
        "mod.who",
        "mod.list[1]",
        "mod.list[1].id",
        "mod.list[2].id",
        "mod.speling",
    ]
