"""Codecs: canonical, order-keeping, and readable by protobuf."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.codec import (
    BIG,
    BOOL,
    BYTES,
    KEY_ADDRESS,
    KEY_TEXT,
    KEY_U8,
    KEY_U16,
    KEY_U32,
    KEY_U64,
    MEMBER,
    SINT,
    TEXT,
    UINT,
    Record,
    decode_signed,
    encode_signed,
    key_of,
    nested,
    read_uvarint,
    repeated,
    single,
    uvarint,
)
from perpd_proto.dydxprotocol.prices import market_param_pb2

UINT64 = st.integers(0, 2**64 - 1)
SINT64 = st.integers(-(2**63), 2**63 - 1)


class Leaf(NamedTuple):
    """A record inside a record."""

    number: int
    text: str


class Sample(NamedTuple):
    """One field of every kind."""

    number: int
    signed: int
    large: int
    flag: bool
    raw: bytes
    text: str
    leaf: Leaf | None
    numbers: tuple[int, ...]
    leaves: tuple[Leaf, ...]


LEAF: Record[Leaf] = Record(Leaf, number=UINT, text=TEXT)
SAMPLE: Record[Sample] = Record(
    Sample,
    number=UINT,
    signed=SINT,
    large=BIG,
    flag=BOOL,
    raw=BYTES,
    text=TEXT,
    leaf=nested(LEAF),
    numbers=repeated(SINT),
    leaves=repeated(nested(LEAF)),
)
LEAVES = st.builds(Leaf, UINT64, st.text(max_size=200))
SAMPLES = st.builds(
    Sample,
    UINT64,
    SINT64,
    st.integers(-(2**300), 2**300),
    st.booleans(),
    st.binary(max_size=300),
    st.text(max_size=50),
    st.none() | LEAVES,
    st.lists(SINT64, max_size=5).map(tuple),
    st.lists(LEAVES, max_size=4).map(tuple),
)


@given(SAMPLES)
def test_a_record_comes_back_as_it_went(sample: Sample) -> None:
    """Decoding an encoding gives the value, and encoding that gives the same bytes: one value, one byte string."""
    encoded = SAMPLE.encode(sample)
    assert encoded
    assert SAMPLE.decode(encoded) == sample
    assert SAMPLE.encode(SAMPLE.decode(encoded)) == encoded


def test_a_record_of_defaults_is_not_empty() -> None:
    """Values in state are never empty: the first field is then written although it is zero."""
    assert LEAF.encode(Leaf(0, "")) == b"\x08\x00"
    assert LEAF.decode(b"\x08\x00") == Leaf(0, "")
    only_large: Record[tuple[int]] = Record(lambda real: (real,), real=BIG)
    assert only_large.encode(0) == b"\x0a\x01\x02"
    assert only_large.decode(b"\x0a\x01\x02") == (0,)


@given(UINT64, st.text(max_size=40), st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1))
def test_a_record_is_a_protobuf_message(identifier: int, text: str, exponent: int, exchanges: int) -> None:
    """The bytes of a record parse as the protobuf message with the same field numbers."""

    class Param(NamedTuple):
        id: int
        pair: str
        exponent: int
        min_exchanges: int

    codec: Record[Param] = Record(Param, id=UINT, pair=TEXT, exponent=SINT, min_exchanges=UINT)
    number = identifier & (2**32 - 1)
    message = market_param_pb2.MarketParam.FromString(codec.encode(Param(number, text, exponent, exchanges)))
    assert (message.id, message.pair, message.exponent, message.min_exchanges) == (number, text, exponent, exchanges)
    if number:
        assert message.SerializeToString() == codec.encode(Param(number, text, exponent, exchanges))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "02"), (1, "0201"), (-1, "0301"), (127, "027f"), (128, "0280"), (-256, "030100"), (-(2**64), "03010000000000000000")],
)
def test_signed_integers_match_the_vectors(value: int, encoded: str) -> None:
    """E1 of dydx-risk.md."""
    assert encode_signed(value).hex() == encoded
    assert decode_signed(bytes.fromhex(encoded)) == value


def test_signed_integers_refuse_other_formats() -> None:
    """Empty is zero; any other first byte is an error."""
    assert decode_signed(b"") == 0
    with pytest.raises(ValueError, match="not a serialized integer"):
        decode_signed(b"\x04\x01")


@given(st.integers(0, 2**70))
def test_uvarints_come_back(number: int) -> None:
    """LEB128 of any size, and the position behind it."""
    encoded = uvarint(number)
    assert read_uvarint(b"xx" + encoded + b"yy", 2) == (number, 2 + len(encoded))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(min_size=20, max_size=20), st.integers(0, 2**64 - 1)), max_size=20))
def test_key_order_is_the_order_of_typed_keys(keys: list[tuple[int, bytes, int]]) -> None:
    """Sorting encoded keys sorts the typed ones."""
    codec = key_of(lambda *parts: parts, KEY_U32, KEY_ADDRESS, KEY_U64)
    assert codec.size == 32
    assert [codec.decode(data) for data in sorted(codec.encode(key) for key in keys)] == sorted(keys)


def test_a_variable_part_stands_last() -> None:
    """Text may end a key; in the middle it would be ambiguous."""
    codec = key_of(lambda *parts: parts, KEY_U8, KEY_U16, KEY_TEXT)
    assert codec.decode(codec.encode((7, 300, "abc"))) == (7, 300, "abc")
    assert codec.size == 0
    with pytest.raises(AssertionError, match="variable width"):
        key_of(lambda *parts: parts, KEY_TEXT, KEY_U8)


@given(st.integers(-(2**200), 2**200), UINT64, st.text(max_size=20))
def test_bare_values_come_back_and_are_never_empty(large: int, number: int, text: str) -> None:
    """Each bare kind is a record of one field."""
    for field, value in ((BIG, large), (UINT, number), (TEXT, text)):
        codec = single(field)
        encoded = codec.encode(value)
        assert encoded
        assert codec.decode(encoded) == value


def test_members_of_sets_are_one_byte() -> None:
    """A set's member has value 01 (design.md section 4)."""
    assert MEMBER.encode(True) == b"\x01"
    assert MEMBER.decode(b"\x01") is True
