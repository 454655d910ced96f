"""Ed25519 signatures of validators and of price updates: verified once per process, then remembered."""

from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_KNOWN_MAX = 4096
_known: OrderedDict[bytes, bool] = OrderedDict()


@lru_cache(maxsize=1024)
def _key(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)


def is_valid(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature is valid; never raises. Pure, and asked for each proposal and again when it is decided; hence remembered."""
    asked = sha256(public_key + signature + message).digest() if len(public_key) == 32 and len(signature) == 64 else b""
    if not asked:
        return False
    found = _known.get(asked)
    if found is None:
        try:
            _key(public_key).verify(signature, message)
            found = True
        except (InvalidSignature, ValueError):
            found = False
        _known[asked] = found
        if len(_known) > _KNOWN_MAX:
            _known.popitem(last=False)
    return found
