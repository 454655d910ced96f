"""Keys that sign pull updates, kept in one file, and updates signed with them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from modules.oracle.pull import sign_bytes
from modules.oracle.sources import MAX_SIGNERS, PriceUpdate
from node.failure import Failure
from node.localnet import files
from perpd_proto.perpd.oracle.v1 import tx_pb2


@dataclass(frozen=True, slots=True)
class PriceSigners:
    """A signer set with all of its private keys: for tests and localnets, where one person plays every signer."""

    version: int
    threshold: int
    keys: tuple[Ed25519PrivateKey, ...]

    @classmethod
    def generate(cls, version: int = 1, threshold: int = 2, count: int = 3) -> PriceSigners:
        """New keys. Raises Failure if they could not be a set."""
        if not 1 <= count <= MAX_SIGNERS or not 1 <= threshold <= count:
            raise Failure(f"a signer set has 1 to {MAX_SIGNERS} keys and a threshold of 1 to as many, not {threshold} of {count}.")
        return cls(version, threshold, tuple(Ed25519PrivateKey.generate() for _ in range(count)))

    @classmethod
    def load(cls, path: Path) -> PriceSigners:
        """The keys in a file of `save`. Raises Failure."""
        document = files.read_json(path)
        if not document:
            raise Failure(f"there are no signers' keys in {path}; `perpd oracle signers --keys {path}` makes some.")
        try:
            keys = tuple(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)) for text in document["private_keys"])
            return cls(int(document["version"]), int(document["threshold"]), keys)
        except (KeyError, TypeError, ValueError) as error:
            raise Failure(f"{path} is no file of signers' keys: {error}.") from None

    def save(self, path: Path) -> None:
        """The keys are in a file that only its owner reads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        private = [key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex() for key in self.keys]
        files.write_json(path, self.public() | {"private_keys": private}, mode=0o600)

    def public(self) -> dict[str, Any]:
        """The set as `pull.signer_sets` of a genesis has it."""
        return {
            "version": self.version,
            "threshold": self.threshold,
            "public_keys": [_raw(key).hex() for key in self.keys],
        }

    def rotation(self) -> dict[str, Any]:
        """The authority's message that names this set, as `perpd tx change` reads it."""
        keys = [b64encode(_raw(key)).decode() for key in self.keys]
        wanted = {"version": self.version, "threshold": self.threshold, "public_keys": keys}
        return {"@type": "/" + tx_pb2.MsgRotateSigners.DESCRIPTOR.full_name, "set": wanted}

    def sign(self, chain_id: str, updates: Sequence[PriceUpdate], signers: int) -> tx_pb2.MsgUpdatePrices:
        """A message without a sender, signed by the first so many signers; updates by ascending market."""
        ordered = sorted(updates)
        message = update_message(self.version, ordered)
        signed = sign_bytes(chain_id, self.version, ordered)
        for key in self.keys[:signers]:
            message.signatures.add(public_key=_raw(key), signature=key.sign(signed))
        return message


def update_message(version: int, updates: Iterable[PriceUpdate]) -> tx_pb2.MsgUpdatePrices:
    """The message for this version of the signer set, without a sender and signatures."""
    message = tx_pb2.MsgUpdatePrices(signer_set=version)
    for one in updates:
        message.updates.add(
            market_id=one.market_id,
            price=one.price,
            exponent=one.exponent,
            confidence=one.confidence,
            publish_time_nanoseconds=one.publish_ns,
        )
    return message


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
