"""Vote extensions: one encoding of ascending ids and possible prices, anything else malformed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.votes.extension import MAX_PRICE, encode, is_acceptable, parse
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2

PRICES = st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, MAX_PRICE), max_size=30)


def of(*pairs: tuple[int, int]) -> bytes:
    """The encoding of any pairs, in the order given."""
    return sequencer_pb2.VoteExtension(
        prices=[sequencer_pb2.Price(market_id=market_id, price=price) for market_id, price in pairs]
    ).SerializeToString()


@settings(max_examples=100)
@given(PRICES)
def test_what_is_encoded_is_parsed(prices: dict[int, int]) -> None:
    """Round trip, by ascending market id."""
    encoded = encode(prices, 4096)
    assert parse(encoded, 4096) == tuple(sorted(prices.items()))
    assert is_acceptable(encoded, 4096)


@settings(max_examples=100)
@given(PRICES, st.integers(0, 300))
def test_an_extension_never_exceeds_its_bound(prices: dict[int, int], max_bytes: int) -> None:
    """The highest ids are left out, no more of them than needed."""
    encoded = encode(prices, max_bytes)
    assert len(encoded) <= max_bytes
    found = parse(encoded, max_bytes)
    assert found is not None
    ordered = sorted(prices.items())
    assert list(found) == ordered[: len(found)]
    if len(found) < len(ordered):
        assert len(of(*ordered[: len(found) + 1])) > max_bytes


def test_prices_that_cannot_be_are_not_reported() -> None:
    """Zero, negative, too large; ids out of range. The rest is."""
    assert parse(encode({-1: 5, 0: 0, 1: -1, 2: MAX_PRICE + 1, 3: MAX_PRICE, 2**32: 1}, 4096), 4096) == ((3, MAX_PRICE),)
    assert encode({}, 0) == b""
    assert parse(b"", 0) == ()


@pytest.mark.parametrize(
    "extension",
    [
        of((2, 5), (1, 5)),
        of((1, 5), (1, 5)),
        of((0, 5), (0, 6)),
        of((1, 0)),
        of((1, 5)) + b"\x10\x01",
        b"\x0a\x04\x08\x01\x10\x85",
        b"\x0a\x05\x08\x01\x10\x85\x00",
        b"\x0a\x04\x10\x05\x08\x01",
        b"\x0a\x04\x08\x00\x10\x05",
        b"\x0a\x06\x08\x01\x10\x05\x18\x01",
        b"\x00",
        b"prices",
    ],
)
def test_anything_else_is_malformed(extension: bytes) -> None:
    """Order, duplicates, zero, unknown fields, long varints, fields out of order, explicit zeros, truncation, garbage."""
    assert parse(extension, 4096) is None
    assert not is_acceptable(extension, 4096)


def test_the_bound_is_inclusive() -> None:
    """One byte more is oversized."""
    extension = of((1, 5), (2, 6))
    assert is_acceptable(extension, len(extension))
    assert not is_acceptable(extension, len(extension) - 1)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_garbage_is_malformed_or_canonical(data: bytes) -> None:
    """Never an exception; what parses is the one encoding of what it says."""
    found = parse(data, 4096)
    if found is not None:
        assert encode(dict(found), 4096) == data
