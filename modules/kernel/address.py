"""Account addresses: 20 bytes in the state machine, bech32 text at its edges."""

from functools import lru_cache
from hashlib import sha256

import bech32

from modules.kernel.errors import INVALID_ADDRESS
from modules.kernel.units import Address

_prefix = "dydx"


def use_prefix(prefix: str) -> None:
    """The human-readable part of every address of this chain; set once, from genesis, before any address is read."""
    global _prefix  # noqa: PLW0603 - one process serves one chain
    if prefix != _prefix:
        _prefix = prefix
        to_text.cache_clear()
        _from_text.cache_clear()


def prefix() -> str:
    """The human-readable part in use."""
    return _prefix


@lru_cache(maxsize=1 << 17)
def to_text(address: bytes) -> str:
    """Bech32 text of 20 raw bytes."""
    groups = bech32.convertbits(address, 8, 5)
    assert groups is not None, "bytes always regroup with padding"
    text: str = bech32.bech32_encode(_prefix, groups)
    return text


@lru_cache(maxsize=1 << 17)
def _from_text(text: str) -> Address | None:
    human, data = bech32.bech32_decode(text)
    if human != _prefix or data is None or text != text.lower():
        return None
    raw = bech32.convertbits(data, 5, 8, False)
    return Address(bytes(raw)) if raw is not None and len(raw) == 20 else None


def from_text(text: str) -> Address:
    """The 20 bytes of a bech32 address with this chain's prefix. Raises sdk 7."""
    address = _from_text(text) if len(text) <= 90 else None
    if address is None:
        raise INVALID_ADDRESS(f"{text[:90]!r} is not a {_prefix}1… address")
    return address


def is_valid(text: str) -> bool:
    """Whether `from_text` takes it."""
    return len(text) <= 90 and _from_text(text) is not None


@lru_cache(maxsize=4096)
def of_module(name: str) -> Address:
    """The address of a module account: the first 20 bytes of SHA-256(name)."""
    return Address(sha256(name.encode()).digest()[:20])
