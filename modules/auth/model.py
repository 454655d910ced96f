"""Accounts and what protects their transactions from replay."""

import hashlib
from functools import lru_cache
from typing import NamedTuple

from bip32.ripemd160 import ripemd160

from modules.kernel.codec import BYTES, UINT, Record, repeated
from modules.kernel.units import Address

PUBLIC_KEY_BYTES = 33
HASH_BYTES = 32
REMEMBERED_BLOCKS = 41
"""A short-term message lives in 41 heights at most: its good-til-block is at most 40 above the height that carries it."""
FIRST_TIMESTAMP_NONCE = 2**40
"""A sequence from here on is a timestamp nonce: UNIX time in milliseconds."""
NONCE_WINDOW_MS = 30_000
MAX_NONCES = 20


class Account(NamedTuple):
    """One account as the chain knows it."""

    number: int
    """Given in order of creation and never again; covered by every signature."""
    sequence: int = 0
    """The number that the next ordinary transaction must carry."""
    public_key: bytes = b""
    """33 bytes, compressed secp256k1; empty before the first transaction."""
    nonces: tuple[int, ...] = ()
    """Timestamp nonces held, ascending, at most 20."""
    max_ejected_nonce: int = 0
    """New timestamp nonces must be above it."""


ACCOUNT: Record[Account] = Record(Account, number=UINT, sequence=UINT, public_key=BYTES, nonces=repeated(UINT), max_ejected_nonce=UINT)


class _HashSet:
    """Codec of a set of 32-byte hashes: ascending, back to back. Never empty in state."""

    def encode(self, value: frozenset[bytes]) -> bytes:
        return b"".join(sorted(value))

    def decode(self, data: bytes) -> frozenset[bytes]:
        return frozenset(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES))


HASH_SET = _HashSet()


def _ripemd160(data: bytes) -> bytes:
    try:
        return hashlib.new("ripemd160", data).digest()
    except ValueError:  # OpenSSL 3 may hide it; the result is the same
        slow: bytes = ripemd160(data)
        return slow


@lru_cache(maxsize=1 << 16)
def address_of_key(public_key: bytes) -> Address:
    """The account address of a compressed secp256k1 key: RIPEMD-160(SHA-256(key))."""
    return Address(_ripemd160(hashlib.sha256(public_key).digest()))
