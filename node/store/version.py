"""One committed height: read and proven beside the state thread while later blocks are executed."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from node.store import proofs, tree
from node.store.database import Snapshot
from perpd_proto.tendermint.crypto.proof_pb2 import ProofOps

BESIDE: Final = b"h/"
"""What stands before every key that is kept beside the state."""
_FORMAT: Final = 1
_HEAD: Final = struct.Struct(">BQQ32sH")
_ROOT_BYTES: Final = 32


class UnknownStoreError(LookupError):
    """There is no store of that name."""


class InvalidKeyError(LookupError):
    """No store can hold such a key: keys have 1 to 64 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInfo:
    """What is remembered of a commit; `time_ns` is the block's time in nanoseconds since 1970."""

    height: int
    time_ns: int
    app_hash: bytes
    store_roots: Mapping[str, bytes]

    def encode(self) -> bytes:
        """The bytes kept under `m/commit`."""
        parts = [_HEAD.pack(_FORMAT, self.height, self.time_ns, self.app_hash, len(self.store_roots))]
        for name, root in self.store_roots.items():
            encoded = name.encode()
            parts += (bytes((len(encoded),)), encoded, root)
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> "CommitInfo":
        """The inverse of `encode`. Raises ValueError with the reason."""
        if len(data) < _HEAD.size:
            raise ValueError("the commit record is too short")
        version, height, time_ns, app_hash, count = _HEAD.unpack_from(data)
        if version != _FORMAT:
            raise ValueError(f"the commit record has format {version}, and this program reads format {_FORMAT}")
        offset = _HEAD.size
        roots: dict[str, bytes] = {}
        for _ in range(count):
            name_end = offset + 1 + int.from_bytes(data[offset : offset + 1], "big")
            name = data[offset + 1 : name_end].decode()
            offset = name_end + _ROOT_BYTES
            roots[name] = data[name_end:offset]
        if offset != len(data) or len(roots) != count:
            raise ValueError("the commit record has a wrong length")
        return cls(height=height, time_ns=time_ns, app_hash=app_hash, store_roots=roots)


def store_prefix(store: str) -> bytes:
    """What stands before a store's raw keys in the database."""
    return b"s/" + store.encode() + b"/"


class Version:
    """The state after one committed block. Safe in any thread while it is held through `ChainStore.version`."""

    __slots__ = ("_roots", "_snapshot", "_trees", "app_hash", "height", "time_ns")

    def __init__(self, info: CommitInfo, trees: Mapping[str, tree.Node | None], snapshot: Snapshot) -> None:
        self.height = info.height
        self.time_ns = info.time_ns
        self.app_hash = info.app_hash
        self._roots = info.store_roots
        self._trees = trees
        self._snapshot = snapshot

    def store_roots(self) -> Mapping[str, bytes]:
        """Each store's tree root, by store name in ascending order; `app_hash` is their multistore hash."""
        return self._roots

    def get(self, store: str, key: bytes) -> bytes | None:
        """The value at `key`, or None. Raises UnknownStoreError."""
        self._require_store(store)
        return self._snapshot.get(store_prefix(store) + key)

    def iterate(self, store: str, prefix: bytes = b"", start: bytes | None = None, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """The pairs whose key begins with `prefix`, ascending from `start` (included) on, or descending from `start` (included).

        Raises UnknownStoreError.
        """
        self._require_store(store)
        return self._iterate(store_prefix(store), prefix, start, reverse)

    def prove(self, store: str, key: bytes) -> tuple[bytes | None, ProofOps]:
        """The value at `key` (None when absent) and the proof of it under `app_hash`.

        Raises UnknownStoreError, InvalidKeyError, and proofs.EmptyStoreError where the store is empty.
        """
        self._require_store(store)
        if not 0 < len(key) <= tree.KEY_BYTES_MAX:
            raise InvalidKeyError(f"a key has 1 to {tree.KEY_BYTES_MAX} bytes, not {len(key)}")
        base = store_prefix(store)
        return proofs.prove(store, self._trees[store], key, lambda held: self._snapshot.get(base + held), self._roots)

    def beside(self, key: bytes) -> bytes | None:
        """What was kept beside the state at a whole database key as of this commit."""
        assert key.startswith(BESIDE), "values of the state are read by store"
        return self._snapshot.get(key)

    def beside_pairs(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The pairs kept beside the state with start <= key < stop, ascending."""
        assert start.startswith(BESIDE), "values of the state are read by store"
        return self._snapshot.iterate(start, min(stop, successor(BESIDE)))

    def _iterate(self, base: bytes, prefix: bytes, start: bytes | None, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        lowest, beyond = base + prefix, successor(base + prefix)
        include_beyond = False
        if start is not None:
            if not reverse:
                lowest = max(lowest, base + start)
            elif base + start < beyond:
                beyond, include_beyond = base + start, True
        if lowest > beyond:
            return
        skipped = len(base)
        for key, value in self._snapshot.iterate(lowest, beyond, include_stop=include_beyond, reverse=reverse):
            yield key[skipped:], value

    def _require_store(self, store: str) -> None:
        if store not in self._trees:
            raise UnknownStoreError(f"there is no store {store!r}")


def successor(prefix: bytes) -> bytes:
    """The smallest bytes above everything that begins with `prefix`; a store's prefix never is all ff."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,))
