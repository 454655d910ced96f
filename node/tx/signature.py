"""secp256k1 signatures over SIGN_MODE_DIRECT sign documents, straight on libsecp256k1.

The sign document is {1 body, 2 auth info, 3 chain id, 4 account number}. A canonical TxRaw {1 body, 2 auth info, 3 signature of 64 bytes}
begins with the very bytes of its first two fields, so it is never encoded again: everything before the signature, then the rest.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Any

from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from modules.kernel.codec import uvarint

SIGNATURE_BYTES = 64
SIGNATURE_FIELD_BYTES = SIGNATURE_BYTES + 2
"""Tag, length and signature at the end of a canonical TxRaw."""

_context = GLOBAL_CONTEXT.ctx
_new = ffi.new
_parse_compact = lib.secp256k1_ecdsa_signature_parse_compact
_verify = lib.secp256k1_ecdsa_verify


@lru_cache(maxsize=1 << 16)
def _parsed_key(public_key: bytes) -> Any:
    """The point of a compressed key, or None if there is no such point."""
    parsed = _new("secp256k1_pubkey *")
    return parsed if len(public_key) == 33 and lib.secp256k1_ec_pubkey_parse(_context, parsed, public_key, 33) else None


def verify(public_key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` (R‖S, 64 bytes) of the 32-byte digest is the key's. High S is invalid: libsecp256k1 refuses it."""
    key = _parsed_key(public_key)
    if key is None or len(signature) != SIGNATURE_BYTES or len(digest) != 32:
        return False
    parsed = _new("secp256k1_ecdsa_signature *")
    return bool(_parse_compact(_context, parsed, signature) and _verify(_context, parsed, digest, key))


@lru_cache(maxsize=1 << 16)
def _sign_tail(chain_id: str, account_number: int) -> bytes:
    text = chain_id.encode()
    tail = b"\x1a" + uvarint(len(text)) + text
    return tail + b"\x20" + uvarint(account_number) if account_number else tail


def sign_digest(unsigned: bytes, chain_id: str, account_number: int) -> bytes:
    """SHA-256 of the sign document. `unsigned` is the encoded TxRaw up to its signature field (both parts non-empty)."""
    return sha256(unsigned + _sign_tail(chain_id, account_number)).digest()


def sign(private_key: bytes, digest: bytes) -> bytes:
    """The deterministic (RFC 6979) low-S signature of a 32-byte digest, R‖S. Raises ValueError for a key that is not one."""
    signature = _new("secp256k1_ecdsa_signature *")
    if len(private_key) != 32 or not lib.secp256k1_ecdsa_sign(_context, signature, digest, private_key, ffi.NULL, ffi.NULL):
        raise ValueError("a private key is 32 bytes, above 0 and below the order of the curve")
    compact = _new("unsigned char[64]")
    lib.secp256k1_ecdsa_signature_serialize_compact(_context, compact, signature)
    return bytes(ffi.buffer(compact, SIGNATURE_BYTES))


def public_key_of(private_key: bytes) -> bytes:
    """The 33 bytes of the compressed public key. Raises ValueError for a key that is not one."""
    key = _new("secp256k1_pubkey *")
    if len(private_key) != 32 or not lib.secp256k1_ec_pubkey_create(_context, key, private_key):
        raise ValueError("a private key is 32 bytes, above 0 and below the order of the curve")
    compressed, size = _new("unsigned char[33]"), _new("size_t *", 33)
    lib.secp256k1_ec_pubkey_serialize(_context, compressed, size, key, lib.SECP256K1_EC_COMPRESSED)
    return bytes(ffi.buffer(compressed, 33))
