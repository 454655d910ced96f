"""Vote extensions: a validator's own prices, in one encoding only (design.md 3.6)."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from google.protobuf.message import DecodeError

from perpd_proto.perpd.sequencer.v1 import sequencer_pb2

MAX_PRICE = 2**64 - 1
MAX_MARKET_ID = 2**32 - 1

Prices = tuple[tuple[int, int], ...]
"""(market id, price) pairs: ids strictly ascending, prices above 0 and below 2^64."""


def encode(prices: Mapping[int, int], max_bytes: int) -> bytes:
    """The extension that reports these prices by market id; empty for none. Never longer than `max_bytes`.

    Prices that no extension can carry are left out; so are the highest market ids where it would be oversized and count as empty.
    """
    kept = [(market_id, prices[market_id]) for market_id in sorted(prices)]
    kept = [(market_id, price) for market_id, price in kept if 0 <= market_id <= MAX_MARKET_ID and 0 < price <= MAX_PRICE]
    encoded = _encode(kept)
    while len(encoded) > max_bytes:
        # A price takes less than 32 bytes, so this never cuts more than is needed, and needs few rounds.
        del kept[-max(1, (len(encoded) - max_bytes) >> 5) :]
        encoded = _encode(kept)
    return encoded


def _encode(pairs: Iterable[tuple[int, int]]) -> bytes:
    extension = sequencer_pb2.VoteExtension()
    for market_id, price in pairs:
        extension.prices.add(market_id=market_id, price=price)
    encoded: bytes = extension.SerializeToString()
    return encoded


def parse(extension: bytes, max_bytes: int) -> Prices | None:
    """The reported prices; None if malformed.

    Malformed: larger than `max_bytes`, ids not strictly ascending, a price not above 0 and below 2^64, or not the one encoding of
    its pairs.
    """
    return _parse(extension) if len(extension) <= max_bytes else None


@lru_cache(maxsize=1024)
def _parse(extension: bytes) -> Prices | None:
    try:
        message = sequencer_pb2.VoteExtension.FromString(extension)
    except DecodeError:
        return None
    pairs = tuple([(one.market_id, one.price) for one in message.prices])
    last = -1
    for market_id, price in pairs:
        if market_id <= last or price <= 0:
            return None
        last = market_id
    return pairs if _encode(pairs) == extension else None


def is_acceptable(extension: bytes, max_bytes: int) -> bool:
    """VerifyVoteExtension: size and form only, so that no difference of opinion about prices can cost a precommit."""
    return parse(extension, max_bytes) is not None
