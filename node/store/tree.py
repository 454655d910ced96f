"""The Merkle crit-bit tree of one module store: its root depends on the set of key-value pairs and on nothing else.

A key's *position* is the key zero-padded to 64 bytes followed by its length in one byte, read as one big-endian integer of 520 bits.
Positions sort exactly as keys do. An inner node splits the keys below it at the highest bit in which their positions differ, so the shape
is a function of the key set: any order of writes, a restart and a state-sync restore give the same root.

Hashes follow ICS-23's TendermintSpec: leaf = SHA-256(00 | uvarint(len key) | key | 20 | SHA-256(value)),
inner = SHA-256(01 | left | right), empty = SHA-256("").

Nodes are immutable and shared: `apply` copies only the paths that change, hashes each new node once, and leaves old roots valid.
Nodes refer only downwards, so a dropped root is freed by reference counting alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias, final

KEY_BYTES_MAX: Final = 64
EMPTY_ROOT: Final = sha256(b"").digest()

_INNER_PREFIX: Final = b"\x01"
# What stands before the key and before SHA-256(value) in a leaf; lengths below 128 are one byte as uvarint.
_LEAF_PREFIX: Final = tuple(bytes((0, length)) for length in range(KEY_BYTES_MAX + 1))
_DIGEST_LENGTH: Final = b"\x20"
_LENGTH_BYTE: Final = tuple(bytes((length,)) for length in range(KEY_BYTES_MAX + 1))
_BITS: Final = tuple(1 << bit for bit in range(8 * (KEY_BYTES_MAX + 1)))

Write: TypeAlias = tuple[bytes, bytes | None]
"""A key and its new value, or None where the key is deleted."""


@final
class Leaf:
    """One key with the hash of its leaf; the value itself stays in the database."""

    __slots__ = ("digest", "key")

    def __init__(self, key: bytes, digest: bytes) -> None:
        self.key = key
        self.digest = digest


@final
class Inner:
    """A split: keys whose position has `bit` clear are under `left`, the others under `right`; `key` is the smallest of them all."""

    __slots__ = ("bit", "digest", "key", "left", "right")

    def __init__(self, key: bytes, digest: bytes, bit: int, left: Node, right: Node) -> None:
        self.key = key
        self.digest = digest
        self.bit = bit
        self.left = left
        self.right = right


Node: TypeAlias = Leaf | Inner


class _Counter:
    __slots__ = ("hashes",)

    def __init__(self) -> None:
        self.hashes = 0


_counter: Final = _Counter()


def hashes_done() -> int:
    """SHA-256 calls made by this file since the process began: two per leaf, one per inner node."""
    return _counter.hashes


def root_hash(root: Node | None) -> bytes:
    """The root's 32 bytes; of an empty tree SHA-256 of nothing."""
    return EMPTY_ROOT if root is None else root.digest


def apply(root: Node | None, writes: Sequence[Write]) -> Node | None:
    """The tree after `writes`, which come in any order, each key once. Returns `root` itself when nothing changes.

    Deleting an absent key and writing an equal value change nothing.
    """
    if not writes:
        return root
    ordered = [(_position(key), key, value) for key, value in sorted(writes, key=itemgetter(0))]
    previous = 0
    for position, key, _ in ordered:
        assert position > previous, f"the key {key.hex()} is written twice"
        previous = position
    if root is None:
        return _build_run(ordered, 0, len(ordered))
    return _merge(root, ordered, 0, len(ordered))


def build(pairs: Iterable[tuple[bytes, bytes]]) -> Node | None:
    """The tree of `pairs`, which come sorted by key, each key once."""
    builder = Builder()
    for key, value in pairs:
        builder.add(key, value)
    return builder.finish()


@final
class Builder:
    """Builds a tree from pairs in key order, one at a time, in constant time per pair and with no recursion."""

    __slots__ = ("_bits", "_current", "_open", "_position")

    def __init__(self) -> None:
        self._current: Node | None = None
        self._position = 0
        # Subtrees still waiting for their right sibling, with the bit at which they will be joined; the bits fall towards the end.
        self._open: list[Node] = []
        self._bits: list[int] = []

    def add(self, key: bytes, value: bytes) -> None:
        """Take the next pair; its key must be greater than the one before."""
        self.add_leaf(_position(key), _make_leaf(key, value))

    def finish(self) -> Node | None:
        """The tree of all that was added; None when that was nothing."""
        node = self._current
        if node is not None:
            while self._bits:
                node = _make_inner(self._bits.pop(), self._open.pop(), node)
        self._current = None
        return node

    def add_leaf(self, position: int, leaf: Leaf) -> None:
        """The same for a ready leaf at its key's position."""
        assert position > self._position, f"the key {leaf.key.hex()} is out of order"
        node = self._current
        if node is not None:
            bits = self._bits
            bit = _BITS[(position ^ self._position).bit_length() - 1]
            while bits and bits[-1] < bit:
                node = _make_inner(bits.pop(), self._open.pop(), node)
            self._open.append(node)
            bits.append(bit)
        self._current = leaf
        self._position = position


class Step(NamedTuple):
    """One inner node on the way down, and the side that was taken."""

    inner: Inner
    went_right: bool


class Path(NamedTuple):
    """The way from the root to a leaf; the first step is the root."""

    leaf: Leaf
    steps: tuple[Step, ...]


def get_path(root: Node | None, key: bytes) -> Path | None:
    """The way to `key`, or None when the tree does not hold it."""
    if root is None:
        return None
    path = _descend(root, _position(key))
    return path if path.leaf.key == key else None


def get_neighbours(root: Node | None, key: bytes) -> tuple[Path | None, Path | None]:
    """The ways to the greatest key below and the smallest key above an absent `key`; None where there is none."""
    if root is None:
        return None, None
    position = _position(key)
    nearest = _descend(root, position)
    assert nearest.leaf.key != key, "a key that is present has no gap to stand in"
    bit = _BITS[(position ^ _position(nearest.leaf.key)).bit_length() - 1]
    depth = 0
    while depth < len(nearest.steps) and nearest.steps[depth].inner.bit > bit:
        depth += 1
    # All keys of the subtree at `depth` agree above `bit` with the key, and differ from it in `bit`: they lie on one side of it.
    above = nearest.steps[:depth]
    subtree: Node = nearest.steps[depth].inner if depth < len(nearest.steps) else nearest.leaf
    if position & bit:
        return _edge(above, subtree, rightmost=True), _beside(above, rightwards=True)
    return _beside(above, rightwards=False), _edge(above, subtree, rightmost=False)


def iterate_leaves(root: Node | None) -> Iterator[Leaf]:
    """All leaves in key order."""
    waiting: list[Node] = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Inner):
            waiting.append(node.right)
            waiting.append(node.left)
        else:
            yield node


def _position(key: bytes) -> int:
    length = len(key)
    assert 0 < length <= KEY_BYTES_MAX, f"a key has 1 to {KEY_BYTES_MAX} bytes, not {length}"
    return int.from_bytes(key.ljust(KEY_BYTES_MAX, b"\0") + _LENGTH_BYTE[length], "big")


def _make_leaf(key: bytes, value: bytes) -> Leaf:
    _counter.hashes += 2
    return Leaf(key, sha256(_LEAF_PREFIX[len(key)] + key + _DIGEST_LENGTH + sha256(value).digest()).digest())


def _make_inner(bit: int, left: Node, right: Node) -> Inner:
    _counter.hashes += 1
    return Inner(left.key, sha256(_INNER_PREFIX + left.digest + right.digest).digest(), bit, left, right)


_PositionedWrite: TypeAlias = tuple[int, bytes, bytes | None]


def _build_run(writes: list[_PositionedWrite], low: int, high: int) -> Node | None:
    """The tree of writes[low:high] alone; deletes have nothing to delete."""
    builder = Builder()
    for position, key, value in writes[low:high]:
        if value is not None:
            builder.add_leaf(position, _make_leaf(key, value))
    return builder.finish()


def _merge(node: Node, writes: list[_PositionedWrite], low: int, high: int) -> Node | None:
    """`node` after writes[low:high], of which there is at least one. Recursion is bounded by the 520 bits of a position."""
    if high - low == 1:
        position, key, value = writes[low]
        return _set_one(node, position, key, value) if value is not None else _delete_one(node, position, key)
    if isinstance(node, Leaf):
        return _merge_leaf(node, writes, low, high)
    here = _position(node.key)
    # The writes are sorted, so that the first or the last of them differs from `node` in the highest bit of all.
    differing = (writes[low][0] ^ here) | (writes[high - 1][0] ^ here)
    bit = _BITS[differing.bit_length() - 1]
    if bit > node.bit:
        middle = _split(writes, low, high, bit)
        if here & bit:
            left = _build_run(writes, low, middle)
            right = _merge(node, writes, middle, high) if middle < high else node
        else:
            left = _merge(node, writes, low, middle) if low < middle else node
            right = _build_run(writes, middle, high)
    else:
        bit = node.bit
        middle = _split(writes, low, high, bit)
        left = _merge(node.left, writes, low, middle) if low < middle else node.left
        right = _merge(node.right, writes, middle, high) if middle < high else node.right
        if left is node.left and right is node.right:
            return node
    if left is None:
        return right
    if right is None:
        return left
    return _make_inner(bit, left, right)


def _split(writes: list[_PositionedWrite], low: int, high: int, bit: int) -> int:
    """The index of the first of writes[low:high] that has `bit` set; they agree in all higher bits."""
    while low < high:
        middle = (low + high) >> 1
        if writes[middle][0] & bit:
            high = middle
        else:
            low = middle + 1
    return low


def _merge_leaf(leaf: Leaf, writes: list[_PositionedWrite], low: int, high: int) -> Node | None:
    here = _position(leaf.key)
    builder = Builder()
    waits = True
    for position, key, value in writes[low:high]:
        if waits and position >= here:
            waits = False
            if position > here:
                builder.add_leaf(here, leaf)
        if value is not None:
            written = _make_leaf(key, value)
            builder.add_leaf(position, leaf if position == here and written.digest == leaf.digest else written)
    if waits:
        builder.add_leaf(here, leaf)
    return builder.finish()


def _set_one(root: Node, position: int, key: bytes, value: bytes) -> Node:
    steps: list[Inner] = []
    node = root
    while isinstance(node, Inner):
        steps.append(node)
        node = node.right if position & node.bit else node.left
    renewed: Node = _make_leaf(key, value)
    if node.key == key:
        if node.digest == renewed.digest:
            return root
    else:
        bit = _BITS[(position ^ _position(node.key)).bit_length() - 1]
        while steps and steps[-1].bit < bit:
            node = steps.pop()
        renewed = _make_inner(bit, node, renewed) if position & bit else _make_inner(bit, renewed, node)
    return _renew(steps, node, renewed)


def _delete_one(root: Node, position: int, key: bytes) -> Node | None:
    steps: list[Inner] = []
    node = root
    while isinstance(node, Inner):
        steps.append(node)
        node = node.right if position & node.bit else node.left
    if node.key != key:
        return root
    if not steps:
        return None
    parent = steps.pop()
    return _renew(steps, parent, parent.left if parent.right is node else parent.right)


def _renew(steps: list[Inner], old: Node, new: Node) -> Node:
    """Copy `steps`, from the last up to the root, with `new` in the place of `old`."""
    _counter.hashes += len(steps)
    for parent in reversed(steps):
        # Written out rather than through `_make_inner`: most of a block's hashes are made here.
        if parent.right is old:
            left = parent.left
            new = Inner(left.key, sha256(_INNER_PREFIX + left.digest + new.digest).digest(), parent.bit, left, new)
        else:
            right = parent.right
            new = Inner(new.key, sha256(_INNER_PREFIX + new.digest + right.digest).digest(), parent.bit, new, right)
        old = parent
    return new


def _descend(root: Node, position: int) -> Path:
    """The way to the one leaf that could have this position."""
    steps: list[Step] = []
    node = root
    while isinstance(node, Inner):
        went_right = bool(position & node.bit)
        steps.append(Step(node, went_right))
        node = node.right if went_right else node.left
    return Path(node, tuple(steps))


def _edge(above: tuple[Step, ...], subtree: Node, *, rightmost: bool) -> Path:
    """The way to the right-most (or left-most) leaf of `subtree`, which hangs under the steps `above`."""
    steps = list(above)
    node = subtree
    while isinstance(node, Inner):
        steps.append(Step(node, rightmost))
        node = node.right if rightmost else node.left
    return Path(node, tuple(steps))


def _beside(above: tuple[Step, ...], *, rightwards: bool) -> Path | None:
    """The way to the nearest leaf to the right (or left) of the subtree that hangs under the steps `above`."""
    for depth in range(len(above) - 1, -1, -1):
        inner, went_right = above[depth]
        if went_right is not rightwards:
            turned = (*above[:depth], Step(inner, rightwards))
            return _edge(turned, inner.right if rightwards else inner.left, rightmost=not rightwards)
    return None
