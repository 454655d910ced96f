"""Signed and pushed prices for tests: signers with fixed keys, messages of theirs, and genesis sections with markets that take them."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from modules.oracle.pull import sign_bytes
from modules.oracle.sources import PriceUpdate
from node.client.price_signing import update_message
from perpd_proto.perpd.oracle.v1 import tx_pb2
from support.authority_desk import AUTHORITY
from support.markets import BTC, oracle_section
from support.sequencing import Signer

PUSHER = "dave"
VOTES, PULL, PUSH = "VOTES", "PULL", "PUSH"
FEE = 10_000
SECOND = 10**9


def private_key(number: int) -> Ed25519PrivateKey:
    """The key of a signer of prices."""
    return Ed25519PrivateKey.from_private_bytes(sha256(b"price signer %d" % number).digest())


def public_key(number: int) -> bytes:
    """32 bytes."""
    return private_key(number).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def signer_set(version: int = 1, threshold: int = 2, signers: Iterable[int] = (0, 1, 2), **changes: Any) -> dict[str, Any]:
    """A set as genesis has it: by default two of the first three."""
    return {"version": version, "threshold": threshold, "public_keys": [public_key(number).hex() for number in signers]} | changes


def sourced(section: dict[str, Any], market: int = BTC, sources: Sequence[str] = (VOTES, PULL, PUSH), **changes: Any) -> dict[str, Any]:
    """The section, in which the market names its sources: 5 blocks back, 1 % of deviation; the signers' first set is in force."""
    row: dict[str, Any] = {
        "sources": list(sources),
        "switch_back_blocks": 5,
        "max_deviation_ppm": 10_000,
        "maximum_confidence_ppm": 10_000,
    }
    if PUSH in sources:
        row["pusher"] = Signer(PUSHER).text
    section["markets"][market] |= row | changes
    section.setdefault("pull", {"signer_sets": [signer_set()]})
    return section


def priced(sources: Sequence[str] = (VOTES, PULL, PUSH), *, pull: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Section `oracle` of the stories, with these sources for BTC; `pull` are parameters of signed updates."""
    section = sourced(oracle_section(), BTC, sources, **changes)
    section["pull"] |= pull or {}
    return section


def price_update(price: int, publish_ns: int, market: int = BTC, exponent: int = -5, confidence: int = 0) -> PriceUpdate:
    """One market's price."""
    return PriceUpdate(market, price, exponent, confidence, publish_ns)


def signed_update(
    chain_id: str, *updates: PriceUpdate, sender: str = "alice", version: int = 1, signers: Iterable[int] = (0, 1)
) -> tx_pb2.MsgUpdatePrices:
    """The updates, signed by these signers."""
    message = update_message(version, updates)
    message.sender = Signer(sender).text
    signed = sign_bytes(chain_id, version, updates)
    for number in signers:
        message.signatures.add(public_key=public_key(number), signature=private_key(number).sign(signed))
    return message


def pushed(price: int, market: int = BTC, sender: str = PUSHER) -> tx_pb2.MsgPushPrice:
    """A push."""
    return tx_pb2.MsgPushPrice(sender=Signer(sender).text, market_id=market, price=price)


def rotation(version: int = 2, threshold: int = 2, signers: Iterable[int] = (3, 4, 5), sender: str = AUTHORITY.text) -> Any:
    """The authority's message that three others sign."""
    message = tx_pb2.MsgRotateSigners(authority=sender)
    message.set.version, message.set.threshold = version, threshold
    message.set.public_keys.extend([public_key(number) for number in signers])
    return message
