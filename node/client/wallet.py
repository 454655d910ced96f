"""A key that signs: from a mnemonic, at the path that all Cosmos wallets use."""

from dataclasses import dataclass
from typing import Self

from node.failure import Failure
from node.localnet import keys


@dataclass(frozen=True, slots=True)
class Wallet:
    """One account's key. `secret` is the 32-byte secp256k1 key."""

    address: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    @classmethod
    def from_mnemonic(cls, words: str, prefix: str = keys.DEFAULT_PREFIX) -> Self:
        """Raises Failure if the words are no mnemonic."""
        phrase = " ".join(words.split())
        if not keys.is_mnemonic(phrase):
            raise Failure("the mnemonic is no English BIP-39 phrase with a right checksum.")
        return cls(keys.address_of(keys.public_key(phrase), prefix), keys.secret_key(phrase))
