"""Vote extensions: what a validator's feeder says, in the one form that counts."""

from collections.abc import Mapping

from google.protobuf.message import DecodeError

from perpd_proto.perpd.sequencer.v1 import sequencer_pb2

PRICE_LIMIT = 2**64
Prices = tuple[tuple[int, int], ...]
"""(market id, price) with ids strictly ascending and 0 < price < 2^64."""


def encode(prices: Mapping[int, int], size_max: int) -> bytes:
    """The extension that carries these prices; prices that cannot be carried are left out, the highest ids first where it is too long."""
    usable = [(market, price) for market, price in sorted(prices.items()) if 0 <= market < 2**32 and 0 < price < PRICE_LIMIT]
    message = sequencer_pb2.VoteExtension(prices=[sequencer_pb2.Price(market_id=market, price=price) for market, price in usable])
    data = message.SerializeToString(deterministic=True)
    while len(data) > size_max:
        del message.prices[-1]
        data = message.SerializeToString(deterministic=True)
    return data


def decode(extension: bytes, size_max: int) -> Prices | None:
    """The prices of an extension; () for an empty one; None for anything that is oversized or malformed, or not canonically encoded."""
    if not extension:
        return ()
    if len(extension) > size_max:
        return None
    try:
        message = sequencer_pb2.VoteExtension.FromString(extension)
    except DecodeError:
        return None
    prices = tuple((entry.market_id, entry.price) for entry in message.prices)
    previous = -1
    for market, price in prices:
        if market <= previous or price == 0:
            return None
        previous = market
    return prices if message.SerializeToString(deterministic=True) == extension else None
