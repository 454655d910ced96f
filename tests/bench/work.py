"""Counted work of the state machine: what a step reads, writes, looks at, encodes and hashes. Counts hold on every machine."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from bench.stages import Stages, Wrapper, wrapped
from sortedcontainers import SortedList

from modules.kernel.stores import Item, Map
from node.store import tree
from node.store.state import LiveState

READ, WRITTEN, INDEXED, LOOKED, LISTED = "read", "written", "indexed", "looked at", "listed"


class Work(NamedTuple):
    """What was done, all of it or per operation."""

    read: float
    """Values asked for by key."""
    written: float
    """Writes and undone writes of values."""
    indexed: float
    """Entries put into an index or taken out of it."""
    looked: float
    """Entries and groups of indexes that were met."""
    listed: float
    """Keys of a map that were put in order or met in it."""
    bytes: float
    """Of the final values, as they are encoded and hashed."""
    hashes: float
    """SHA-256 of the trees. These alone grow with the number of keys, by one for each doubling."""

    def per(self, count: int) -> "Work":
        """The same per operation."""
        return Work(*(value / count for value in self))


class _Entries:
    """A group of an index whose entries are counted as they are met."""

    def __init__(self, inner: Any, calls: Counter[str]) -> None:
        self._inner = inner
        self._calls = calls

    def __iter__(self) -> Iterator[Any]:
        for entry in self._inner:
            self._calls[LOOKED] += 1
            yield entry

    def __len__(self) -> int:
        return len(self._inner)

    def __getitem__(self, position: int) -> Any:
        self._calls[LOOKED] += 1
        return self._inner[position]


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """While the block runs, the work of every live state."""
    tally = Stages()
    calls = tally.calls

    def through_index(function: Wrapper) -> Wrapper:
        return lambda *arguments: _Entries(function(*arguments), calls)

    def through_groups(function: Wrapper) -> Wrapper:
        return lambda *arguments: _met(function(*arguments), LOOKED, calls)

    def through_keys(function: Wrapper) -> Wrapper:
        def keys(state: LiveState, slot: int, prefix: bytes) -> Iterable[Any]:
            if prefix or state._sorted[slot] is None:
                calls[LISTED] += len(state.tables[slot])
            return _met(function(state, slot, prefix), LISTED, calls)

        return keys

    def count(name: str) -> Callable[[Wrapper], Wrapper]:
        return partial(tally.counting, name)

    with wrapped(
        [
            *((owner, name, count(READ)) for owner, name in ((Map, "get"), (Map, "has"), (Item, "get"), (Item, "require"))),
            (LiveState, "write", count(WRITTEN)),
            (LiveState, "ordered", through_index),
            (LiveState, "groups", through_groups),
            (LiveState, "sorted_keys", through_keys),
            *((SortedList, name, count(INDEXED)) for name in ("add", "remove")),
        ]
    ):
        yield calls


def _met(found: Iterable[Any], name: str, calls: Counter[str]) -> Iterator[Any]:
    for one in found:
        calls[name] += 1
        yield one


class Trees:
    """The Merkle trees of a state, block by block."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        maps = sorted(state.registry.maps, key=lambda declared: (declared.store, declared.prefix))
        self._roots: dict[str, tree.Node | None] = {
            store: tree.build(
                sorted(
                    (declared.encode_key(key), declared.value_codec.encode(value))
                    for declared in group
                    for key, value in state.tables[declared.slot].items()
                )
            )
            for store, group in groupby(maps, key=lambda declared: declared.store)
        }

    def commit(self) -> tuple[int, int]:
        """The block is final. (Bytes of its values, hashes)."""
        before, size = tree.hashes_done(), 0
        for store, writes in self._state.changes().items():
            self._roots[store] = tree.apply(self._roots[store], writes)
            size += sum(len(value) for _, value in writes if value is not None)
        self._state.forget()
        return size, tree.hashes_done() - before


def work_of(calls: Counter[str], size: int, hashes: int) -> Work:
    """Counts of one step, with what its commit has given."""
    return Work(calls[READ], calls[WRITTEN], calls[INDEXED], calls[LOOKED], calls[LISTED], size, hashes)
