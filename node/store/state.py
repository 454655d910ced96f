"""Typed state: live objects with a journal, the committed view under a staged block, and committed versions in the database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sortedcontainers import SortedDict, SortedList

from modules.kernel.stores import Index, Map, Ordered, Registry

_ABSENT: tuple[()] = ()


class LiveIndex:
    """An index kept in step with its map by every write and undo."""

    __slots__ = ("entry", "groups")

    def __init__(self, index: Index[Any, Any]) -> None:
        self.entry = index.entry
        self.groups: SortedDict = SortedDict()

    def changed(self, key: Any, old: Any, new: Any) -> None:
        before = self.entry(key, old) if old is not None else None
        after = self.entry(key, new) if new is not None else None
        if before == after:
            return
        groups = self.groups
        if before is not None:
            ordered = groups[before[0]]
            ordered.remove((before[1], key))
            if not ordered:
                del groups[before[0]]
        if after is not None:
            found = groups.get(after[0])
            if found is None:
                found = groups[after[0]] = SortedList()
            found.add((after[1], key))


class LiveState:
    """The state machine's objects in memory.

    Every write appends (slot, key, old value) to the journal; `rollback` pops it. `changes` gives the block's deduplicated final
    writes as bytes; `forget` (after commit) empties the journal.
    """

    __slots__ = ("_indexes", "_observers", "_sorted", "journal", "registry", "tables")

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.tables: list[dict[Any, Any]] = [{} for _ in registry.maps]
        self.journal: list[tuple[int, Any, Any]] = []
        self._sorted: list[list[Any] | None] = [None for _ in registry.maps]
        self._indexes = [LiveIndex(index) for index in registry.indexes]
        self._observers: list[tuple[LiveIndex, ...]] = [
            tuple(self._indexes[index.number] for index in registry.indexes if index.map.slot == declared.slot)
            for declared in registry.maps
        ]

    def clear(self) -> None:
        """Nothing has ever been written."""
        for table in self.tables:
            table.clear()
        for live in self._indexes:
            live.groups.clear()
        self._sorted = [None for _ in self.tables]
        self.journal.clear()

    def load(self, slot: int, key: Any, value: Any) -> None:
        """Put a committed value in place at start-up, without a journal entry."""
        self.tables[slot][key] = value
        self._sorted[slot] = None
        for live in self._observers[slot]:
            live.changed(key, None, value)

    def write(self, slot: int, key: Any, value: Any) -> None:
        table = self.tables[slot]
        old = table.get(key)
        if value is None:
            if old is None:
                return
            del table[key]
            self._sorted[slot] = None
        else:
            if old is None:
                self._sorted[slot] = None
            table[key] = value
        self.journal.append((slot, key, old))
        for live in self._observers[slot]:
            live.changed(key, old, value)

    def mark(self) -> int:
        return len(self.journal)

    def rollback(self, mark: int) -> None:
        journal = self.journal
        while len(journal) > mark:
            slot, key, old = journal.pop()
            table = self.tables[slot]
            current = table.get(key)
            if old is None:
                del table[key]
                self._sorted[slot] = None
            else:
                if current is None:
                    self._sorted[slot] = None
                table[key] = old
            for live in self._observers[slot]:
                live.changed(key, current, old)

    def forget(self) -> None:
        """What the journal could undo is final now."""
        self.journal.clear()

    def first_values(self) -> dict[tuple[int, Any], Any]:
        """(slot, key) -> the value before the journal's first write of it (None for absent), in order of first touch."""
        first: dict[tuple[int, Any], Any] = {}
        for slot, key, old in self.journal:
            first.setdefault((slot, key), old)
        return first

    def replaced(self, slot: int) -> dict[Any, Any]:
        """By key of one map the last value that a later write of this block has replaced or deleted; keys that had none are absent."""
        return {key: old for written, key, old in self.journal if written == slot and old is not None}

    def changes(self) -> dict[str, list[tuple[bytes, bytes | None]]]:
        """Per store the final writes since the journal began: (key bytes, value bytes or None for a deletion)."""
        by_store: dict[str, list[tuple[bytes, bytes | None]]] = {}
        maps = self.registry.maps
        for (slot, key), old in self.first_values().items():
            value = self.tables[slot].get(key)
            if value is old or value == old:
                continue
            declared = maps[slot]
            encoded = None if value is None else declared.value_codec.encode(value)
            by_store.setdefault(declared.store, []).append((declared.encode_key(key), encoded))
        return by_store

    def sorted_keys(self, slot: int, prefix: bytes) -> Iterable[Any]:
        keys = self._sorted[slot]
        if keys is None:
            keys = self._sorted[slot] = sorted(self.tables[slot])
        if not prefix:
            return keys
        encode = self.registry.maps[slot].key_codec.encode
        return [key for key in keys if encode(key).startswith(prefix)]

    def ordered(self, index: Index[Any, Any], group: Any) -> Ordered:
        found: Ordered = self._indexes[index.number].groups.get(group, _ABSENT)
        return found

    def groups(self, index: Index[Any, Any]) -> Iterable[Any]:
        return list(self._indexes[index.number].groups)


class _CommittedTable:
    """A live table as it was before the staged block."""

    __slots__ = ("_first", "_live", "_slot")

    def __init__(self, slot: int, live: dict[Any, Any], first: Mapping[tuple[int, Any], Any]) -> None:
        self._slot = slot
        self._live = live
        self._first = first

    def get(self, key: Any) -> Any:
        touched = (self._slot, key)
        return self._first[touched] if touched in self._first else self._live.get(key)


class CommittedView:
    """Read-only committed state while a block is staged: point reads only, which is all that a check needs."""

    __slots__ = ("tables",)

    def __init__(self, live: LiveState) -> None:
        first = live.first_values()
        touched: dict[int, None] = {}
        for slot, _ in first:
            touched[slot] = None
        self.tables: list[Any] = [
            _CommittedTable(slot, table, first) if slot in touched else table for slot, table in enumerate(live.tables)
        ]

    def write(self, slot: int, key: Any, value: Any) -> None:
        raise AssertionError("the committed view is read-only")

    def sorted_keys(self, slot: int, prefix: bytes) -> Iterable[Any]:
        raise AssertionError("the committed view answers point reads only")

    def ordered(self, index: Index[Any, Any], group: Any) -> Ordered:
        raise AssertionError("the committed view answers point reads only")

    def groups(self, index: Index[Any, Any]) -> Iterable[Any]:
        raise AssertionError("the committed view answers point reads only")

    def mark(self) -> int:
        return 0

    def rollback(self, mark: int) -> None:
        raise AssertionError("the committed view is read-only")


class ReadableVersion(Protocol):
    """What a committed version of the chain store offers."""

    def get(self, store: str, key: bytes) -> bytes | None: ...

    def iterate(self, store: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]: ...


class _VersionTable:
    """A map read from a committed version, decoded on each read and remembered for the life of the query."""

    __slots__ = ("_cache", "_map", "_version")

    def __init__(self, declared: Map[Any, Any], version: ReadableVersion) -> None:
        self._map = declared
        self._version = version
        self._cache: dict[Any, Any] = {}

    def get(self, key: Any) -> Any:
        if key in self._cache:
            return self._cache[key]
        data = self._version.get(self._map.store, self._map.encode_key(key))
        value = self._cache[key] = None if data is None else self._map.value_codec.decode(data)
        return value

    def scan(self, prefix: bytes) -> Iterator[tuple[Any, Any]]:
        for data, encoded in self._version.iterate(self._map.store, self._map.prefix + prefix):
            key = self._map.decode_key(data)
            value = self._cache[key] = self._map.value_codec.decode(encoded)
            yield key, value


class VersionState:
    """Read-only typed state at one committed height, straight from the database; safe beside the state thread."""

    __slots__ = ("_registry", "tables")

    def __init__(self, registry: Registry, version: ReadableVersion) -> None:
        self._registry = registry
        self.tables: Sequence[_VersionTable] = [_VersionTable(declared, version) for declared in registry.maps]

    def write(self, slot: int, key: Any, value: Any) -> None:
        raise AssertionError("a committed version is read-only")

    def sorted_keys(self, slot: int, prefix: bytes) -> Iterable[Any]:
        return (key for key, _ in self.tables[slot].scan(prefix))

    def ordered(self, index: Index[Any, Any], group: Any) -> Ordered:
        prefix = index.prefix(group) if index.prefix is not None else b""
        found = []
        for key, value in self.tables[index.map.slot].scan(prefix):
            entry = index.entry(key, value)
            if entry is not None and entry[0] == group:
                found.append((entry[1], key))
        found.sort()
        return found

    def groups(self, index: Index[Any, Any]) -> Iterable[Any]:
        found: dict[Any, None] = {}
        for key, value in self.tables[index.map.slot].scan(b""):
            entry = index.entry(key, value)
            if entry is not None:
                found[entry[0]] = None
        return sorted(found)

    def mark(self) -> int:
        return 0

    def rollback(self, mark: int) -> None:
        raise AssertionError("a committed version is read-only")
