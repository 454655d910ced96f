"""From messages with prices to commands, after every stateless check."""

from typing import Any

from modules.kernel import address as addresses
from modules.kernel.intmath import UINT64_MAX
from modules.oracle import errors
from modules.oracle.sources import KEY_BYTES, MAX_SIGNERS, MAX_UPDATES, SIGNATURE_BYTES, PriceUpdate, Push, Rotation, SignedUpdates
from perpd_proto.perpd.oracle.v1 import tx_pb2

EXPONENT_RANGE = 30
"""Largest absolute exponent of an update."""


def decode_updates(message: tx_pb2.MsgUpdatePrices) -> SignedUpdates:
    """The updates with their signatures. Raises sdk 7, oracle 4, 5, 6, 7, 9."""
    updates = tuple(
        [
            PriceUpdate(one.market_id, one.price, one.exponent, one.confidence, one.publish_time_nanoseconds)
            for one in message.updates[: MAX_UPDATES + 1]
        ]
    )
    if not 0 < len(updates) <= MAX_UPDATES:
        raise errors.BAD_UPDATE(f"it has {len(message.updates)} updates")
    last = -1
    for one in updates:
        if one.market_id <= last:
            raise errors.BAD_UPDATE(f"market {one.market_id} stands after {last}")
        if not one.price or not one.publish_ns:
            raise errors.BAD_UPDATE(f"market {one.market_id} has the price {one.price}, published at {one.publish_ns}")
        if abs(one.exponent) > EXPONENT_RANGE:
            raise errors.BAD_EXPONENT(f"10^{one.exponent}")
        last = one.market_id
    return SignedUpdates(addresses.from_text(message.sender), message.signer_set, updates, _signatures(message))


def _signatures(message: tx_pb2.MsgUpdatePrices) -> tuple[tuple[bytes, bytes], ...]:
    if len(message.signatures) > MAX_SIGNERS:
        raise errors.NOT_A_SIGNER(f"{len(message.signatures)} signatures, a set has at most {MAX_SIGNERS} keys")
    seen: dict[bytes, None] = {}
    for one in message.signatures:
        if len(one.public_key) != KEY_BYTES:
            raise errors.NOT_A_SIGNER(f"a key has {len(one.public_key)} bytes, not {KEY_BYTES}")
        if one.public_key in seen:
            raise errors.SIGNER_TWICE(one.public_key.hex())
        if len(one.signature) != SIGNATURE_BYTES:
            raise errors.BAD_SIGNATURE(f"an ed25519 signature has {SIGNATURE_BYTES} bytes, not {len(one.signature)}")
        seen[one.public_key] = None
    return tuple([(one.public_key, one.signature) for one in message.signatures])


def decode_push(message: tx_pb2.MsgPushPrice) -> Push:
    """The price. Raises sdk 7, oracle 7."""
    if not 0 < message.price <= UINT64_MAX:
        raise errors.BAD_UPDATE(f"the price is {message.price}")
    return Push(addresses.from_text(message.sender), message.market_id, message.price)


def decode_rotation(message: Any) -> Rotation:
    """The signer set. Raises oracle 16."""
    keys = tuple(message.set.public_keys)
    if not 0 < len(keys) <= MAX_SIGNERS or len(dict.fromkeys(keys)) != len(keys):
        raise errors.BAD_SIGNER_SET(f"it has {len(keys)} keys")
    for key in keys:
        if len(key) != KEY_BYTES:
            raise errors.BAD_SIGNER_SET(f"a key has {len(key)} bytes, not {KEY_BYTES}")
    if not 0 < message.set.threshold <= len(keys):
        raise errors.BAD_SIGNER_SET(f"its threshold is {message.set.threshold}, of {len(keys)} keys")
    return Rotation(message.set.version, message.set.threshold, keys)
