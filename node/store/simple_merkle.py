"""The RFC 6962 style Merkle tree of CometBFT, and what the chain hashes with it: the multistore's app hash and a block's data hash.

leaf hash = SHA-256(00 | leaf), inner hash = SHA-256(01 | left | right), no leaves = SHA-256(""); a run of n leaves splits at the largest
power of two strictly below n.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from modules.kernel.codec import uvarint


class Aunt(NamedTuple):
    """A sibling met on the way from a leaf to the root, and the side on which it stands."""

    digest: bytes
    is_left: bool


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves` in the order given."""
    return _root_of_digests([_leaf_hash(leaf) for leaf in leaves])


def merkle_aunts(leaves: Sequence[bytes], index: int) -> list[Aunt]:
    """The aunts of leaves[index], from the leaf up to the root; none when it is the only leaf."""
    assert 0 <= index < len(leaves), "there is no such leaf"
    digests = [_leaf_hash(leaf) for leaf in leaves]
    aunts: list[Aunt] = []
    while len(digests) > 1:
        middle = _split_point(len(digests))
        if index < middle:
            aunts.append(Aunt(_root_of_digests(digests[middle:]), is_left=False))
            digests = digests[:middle]
        else:
            aunts.append(Aunt(_root_of_digests(digests[:middle]), is_left=True))
            digests = digests[middle:]
            index -= middle
    aunts.reverse()
    return aunts


def map_leaves(pairs: Mapping[bytes, bytes]) -> list[bytes]:
    """The leaves of a provable map, sorted by key: length-prefixed key, then length-prefixed SHA-256 of the value."""
    return [_length_prefixed(key) + _length_prefixed(sha256(pairs[key]).digest()) for key in sorted(pairs)]


def map_root(pairs: Mapping[bytes, bytes]) -> bytes:
    """The root of a provable map."""
    return merkle_root(map_leaves(pairs))


def multistore_hash(store_roots: Mapping[str, bytes]) -> bytes:
    """The app hash: the provable map from store name to store root. Empty stores take part with the root of the empty tree."""
    return map_root({name.encode(): root for name, root in store_roots.items()})


def data_hash(transactions: Sequence[bytes]) -> bytes:
    """A block header's `data_hash`: the leaves are the transactions' SHA-256 hashes."""
    return merkle_root([sha256(transaction).digest() for transaction in transactions])


def _leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def _split_point(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def _root_of_digests(digests: Sequence[bytes]) -> bytes:
    if not digests:
        return sha256(b"").digest()
    if len(digests) == 1:
        return digests[0]
    middle = _split_point(len(digests))
    return sha256(b"\x01" + _root_of_digests(digests[:middle]) + _root_of_digests(digests[middle:])).digest()


def _length_prefixed(data: bytes) -> bytes:
    return uvarint(len(data)) + data
