"""The crit-bit tree's rules as slow and literal as they are written: bit strings, one recursive split, no sharing."""

from collections.abc import Mapping
from hashlib import sha256

from hypothesis import strategies as st


def bit_string(key: bytes) -> str:
    """The key zero-padded to 64 bytes, then its length byte, as 520 characters."""
    return "".join(f"{byte:08b}" for byte in key.ljust(64, b"\0") + bytes((len(key),)))


def reference_root(pairs: Mapping[bytes, bytes]) -> bytes:
    """The root hash of the tree over `pairs`."""
    if not pairs:
        return sha256(b"").digest()
    return _root([(bit_string(key), key, value) for key, value in pairs.items()])


def _root(entries: list[tuple[str, bytes, bytes]]) -> bytes:
    if len(entries) == 1:
        _, key, value = entries[0]
        return sha256(b"\x00" + bytes((len(key),)) + key + b"\x20" + sha256(value).digest()).digest()
    split = next(index for index in range(520) if len({bits[index] for bits, _, _ in entries}) == 2)
    left = _root([entry for entry in entries if entry[0][split] == "0"])
    right = _root([entry for entry in entries if entry[0][split] == "1"])
    return sha256(b"\x01" + left + right).digest()


# Few byte values and short keys make prefixes, trailing zeros and collisions of deletes with sets likely; the rest is any key.
tree_keys = st.one_of(
    st.lists(st.sampled_from([0x00, 0x01, 0x61, 0x7F, 0x80, 0xFF]), min_size=1, max_size=4).map(bytes),
    st.binary(min_size=1, max_size=64),
    st.binary(min_size=64, max_size=64),
)
tree_values = st.binary(min_size=1, max_size=3)
tree_maps = st.dictionaries(tree_keys, tree_values, max_size=24)
tree_blocks = st.lists(st.dictionaries(tree_keys, st.none() | tree_values, max_size=16), max_size=6)
"""Per block a map from key to new value, None for a delete."""
