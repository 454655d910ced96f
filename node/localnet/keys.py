"""Keys of a localnet: ed25519 for the engine in its own JSON formats, BIP-39 mnemonics for the accounts."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import bech32
from bip32 import BIP32
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mnemonic import Mnemonic

from modules.auth.model import address_of_key
from node.failure import Failure

HD_PATH = "m/44'/118'/0'/0/0"
DEFAULT_PREFIX = "dydx"


@dataclass(frozen=True, slots=True)
class EngineKey:
    """An ed25519 key of the engine, a validator's or a node's. `seed` and `public` are 32 raw bytes."""

    seed: bytes
    public: bytes

    @classmethod
    def from_seed(cls, seed: bytes) -> EngineKey:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(seed, private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))

    @classmethod
    def generate(cls) -> EngineKey:
        return cls.from_seed(
            Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
            )
        )

    @property
    def address(self) -> bytes:
        """20 bytes: the start of SHA-256 of the public key."""
        return hashlib.sha256(self.public).digest()[:20]

    def public_json(self) -> dict[str, str]:
        return {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(self.public).decode()}

    def private_json(self) -> dict[str, str]:
        return {"type": "tendermint/PrivKeyEd25519", "value": base64.b64encode(self.seed + self.public).decode()}

    def validator_file(self) -> str:
        """The text of `priv_validator_key.json`."""
        return json.dumps({"address": self.address.hex().upper(), "pub_key": self.public_json(), "priv_key": self.private_json()}, indent=2)

    def node_file(self) -> str:
        """The text of `node_key.json`; the node's id on the peer network is `address` in lower hex."""
        return json.dumps({"priv_key": self.private_json()})

    @classmethod
    def from_file(cls, text: str) -> EngineKey:
        """The key of either file. Raises Failure."""
        try:
            document: dict[str, Any] = json.loads(text)
            raw = base64.b64decode(document["priv_key"]["value"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise Failure(
                "a key file of the engine is damaged; `perpd localnet reset` keeps keys, so remove the home to make new ones."
            ) from None
        key = cls.from_seed(raw[:32]) if len(raw) == 64 else None
        if key is None or key.public != raw[32:]:
            raise Failure("a key file of the engine is damaged: its public key does not belong to its private key.")
        return key


@dataclass(frozen=True, slots=True)
class Account:
    """A funded account of the localnet. The mnemonic is a secret of this localnet only."""

    name: str
    address: str
    mnemonic: str


def new_mnemonic() -> str:
    """24 words from the system's randomness."""
    return str(Mnemonic("english").generate(strength=256))


def is_mnemonic(words: str) -> bool:
    """Whether the words are a BIP-39 phrase in English with a right checksum."""
    return bool(Mnemonic("english").check(words))


def secret_key(mnemonic: str) -> bytes:
    """The 32-byte secp256k1 key at HD_PATH, BIP-39 without passphrase."""
    return bytes(BIP32.from_seed(Mnemonic.to_seed(mnemonic)).get_privkey_from_path(HD_PATH))


def public_key(mnemonic: str) -> bytes:
    """The 33-byte compressed secp256k1 key at HD_PATH."""
    return bytes(BIP32.from_seed(Mnemonic.to_seed(mnemonic)).get_pubkey_from_path(HD_PATH))


def address_of(public: bytes, prefix: str = DEFAULT_PREFIX) -> str:
    """Bech32 of the account address of a compressed key, with any prefix: the chain's own is not known before its genesis is."""
    text: str = bech32.bech32_encode(prefix, bech32.convertbits(address_of_key(public), 8, 5) or [])
    return text


def new_account(name: str, prefix: str = DEFAULT_PREFIX) -> Account:
    """A new account with a mnemonic of its own."""
    words = new_mnemonic()
    return Account(name, address_of(public_key(words), prefix), words)
