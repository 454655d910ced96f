"""The typed layer between modules and bytes.

A module declares its state once (`state.py`): a `Map`, `Item` or `Index` in a named store. Declarations hold no data. Every
call names a `ctx`, whose `state` has the data: live dictionaries with a journal, or a committed version in the database.
Values are immutable: change by writing a new one, so that the journal can undo by putting the old one back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from modules.kernel.codec import KEY_UNIT, KeyCodec, ValueCodec

K = TypeVar("K")
V = TypeVar("V")


class Table(Protocol):
    """The data of one map at one moment: a dict, or something that reads like one."""

    def get(self, key: Any, /) -> Any: ...


class Ordered(Protocol):
    """The sorted entries of one group of an index; each entry is (sort, key)."""

    def __iter__(self) -> Iterator[tuple[Any, Any]]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Any, Any]: ...


class State(Protocol):
    """What a context's state offers to the typed layer."""

    @property
    def tables(self) -> Sequence[Table]: ...

    def write(self, slot: int, key: Any, value: Any) -> None: ...

    def sorted_keys(self, slot: int, prefix: bytes) -> Iterable[Any]: ...

    def ordered(self, index: "Index[Any, Any]", group: Any) -> Ordered: ...

    def groups(self, index: "Index[Any, Any]") -> Iterable[Any]: ...

    def mark(self) -> int: ...

    def rollback(self, mark: int) -> None: ...


class HasState(Protocol):
    """Anything that carries a state; in practice `modules.kernel.context.Context`."""

    @property
    def state(self) -> Any: ...


class Map(Generic[K, V]):
    """Typed key to typed value. Absent is None."""

    __slots__ = ("key_codec", "name", "prefix", "slot", "store", "value_codec")

    def __init__(self, store: str, slot: int, prefix: int, name: str, key_codec: KeyCodec, value_codec: ValueCodec[V]) -> None:
        self.store = store
        self.slot = slot
        self.prefix = bytes((prefix,))
        self.name = name
        self.key_codec = key_codec
        self.value_codec = value_codec
        assert key_codec.size <= 63, "a key has at most 64 bytes with its prefix"

    def get(self, ctx: HasState, key: K) -> V | None:
        value: V | None = ctx.state.tables[self.slot].get(key)
        return value

    def has(self, ctx: HasState, key: K) -> bool:
        return ctx.state.tables[self.slot].get(key) is not None

    def set(self, ctx: HasState, key: K, value: V) -> None:
        ctx.state.write(self.slot, key, value)

    def delete(self, ctx: HasState, key: K) -> None:
        """After this the key is absent, whether or not it was there."""
        ctx.state.write(self.slot, key, None)

    def keys(self, ctx: HasState, prefix: bytes = b"") -> Iterable[K]:
        """Keys in order whose encoding (without the map's prefix byte) starts with `prefix`. Writing meanwhile is fine."""
        keys: Iterable[K] = ctx.state.sorted_keys(self.slot, prefix)
        return keys

    def items(self, ctx: HasState, prefix: bytes = b"") -> Iterator[tuple[K, V]]:
        """(key, value) in key order."""
        table = ctx.state.tables[self.slot]
        for key in ctx.state.sorted_keys(self.slot, prefix):
            value = table.get(key)
            if value is not None:
                yield key, value

    def unordered(self, ctx: HasState) -> Iterable[tuple[K, V]]:
        """(key, value) of live state in an order that may differ from node to node: only for what is sorted afterwards, or summed.

        Much faster than `items` where nearly all are passed over. Do not write to the map meanwhile.
        """
        pairs: Iterable[tuple[K, V]] = ctx.state.tables[self.slot].items()
        return pairs

    def encode_key(self, key: K) -> bytes:
        """The key's bytes inside its store, with the map's prefix."""
        return self.prefix + self.key_codec.encode(key)

    def decode_key(self, data: bytes) -> K:
        key: K = self.key_codec.decode(data[1:])
        return key


class Item(Generic[V]):
    """One typed value."""

    __slots__ = ("map",)

    def __init__(self, inner: Map[tuple[()], V]) -> None:
        self.map = inner

    def get(self, ctx: HasState) -> V | None:
        value: V | None = ctx.state.tables[self.map.slot].get(())
        return value

    def require(self, ctx: HasState) -> V:
        """The value; that it is there is guaranteed by genesis."""
        value: V | None = ctx.state.tables[self.map.slot].get(())
        assert value is not None, f"{self.map.store}/{self.map.name} is missing"
        return value

    def set(self, ctx: HasState, value: V) -> None:
        ctx.state.write(self.map.slot, (), value)


class Index(Generic[K, V]):
    """A sorted view derived from one map; it is not state, has no bytes, and always equals a fresh build.

    `entry(key, value)` gives (group, sort) or None. Inside a group entries are ordered by (sort, key).
    """

    __slots__ = ("entry", "map", "name", "number", "prefix")

    def __init__(
        self,
        number: int,
        name: str,
        source: Map[K, V],
        entry: Callable[[K, V], tuple[Any, Any] | None],
        prefix: Callable[[Any], bytes] | None,
    ) -> None:
        self.number = number
        self.name = name
        self.map = source
        self.entry = entry
        self.prefix = prefix

    def group(self, ctx: HasState, group: Any) -> Ordered:
        """The group's entries, (sort, key) ascending. Do not write to the map while iterating it: take `list(…)` or `first`."""
        ordered: Ordered = ctx.state.ordered(self, group)
        return ordered

    def first(self, ctx: HasState, group: Any) -> tuple[Any, K] | None:
        """The smallest entry of the group, or None."""
        ordered = ctx.state.ordered(self, group)
        return ordered[0] if len(ordered) else None

    def groups(self, ctx: HasState) -> Iterable[Any]:
        """The non-empty groups, ascending."""
        found: Iterable[Any] = ctx.state.groups(self)
        return found


class Schema:
    """The declarations of one store (one module). Refuses a prefix or name given twice."""

    __slots__ = ("_names", "_prefixes", "_registry", "store")

    def __init__(self, registry: "Registry", store: str) -> None:
        self._registry = registry
        self.store = store
        self._prefixes: dict[int, str] = {}
        self._names: dict[str, int] = {}

    def map(self, prefix: int, name: str, key_codec: KeyCodec, value_codec: ValueCodec[V]) -> Map[Any, V]:
        assert prefix not in self._prefixes, f"{self.store}: prefix {prefix} is declared twice"
        assert name not in self._names, f"{self.store}: {name} is declared twice"
        self._prefixes[prefix] = name
        self._names[name] = prefix
        return self._registry.add_map(self.store, prefix, name, key_codec, value_codec)

    def item(self, prefix: int, name: str, value_codec: ValueCodec[V]) -> Item[V]:
        return Item(self.map(prefix, name, KEY_UNIT, value_codec))

    def index(
        self,
        name: str,
        source: Map[K, V],
        entry: Callable[[K, V], tuple[Any, Any] | None],
        prefix: Callable[[Any], bytes] | None = None,
    ) -> Index[K, V]:
        """Declare a derived view; `prefix(group)` narrows what a committed version must scan (encoded key prefix)."""
        return self._registry.add_index(f"{self.store}/{name}", source, entry, prefix)


class Registry:
    """All declarations of one application, with the slots under which a state keeps their data."""

    __slots__ = ("indexes", "maps", "stores")

    def __init__(self) -> None:
        self.maps: list[Map[Any, Any]] = []
        self.indexes: list[Index[Any, Any]] = []
        self.stores: list[str] = []

    def schema(self, store: str) -> Schema:
        assert store not in self.stores, f"store {store} is declared twice"
        self.stores.append(store)
        return Schema(self, store)

    def add_map(self, store: str, prefix: int, name: str, key_codec: KeyCodec, value_codec: ValueCodec[Any]) -> Map[Any, Any]:
        found: Map[Any, Any] = Map(store, len(self.maps), prefix, name, key_codec, value_codec)
        self.maps.append(found)
        return found

    def add_index(
        self,
        name: str,
        source: Map[K, V],
        entry: Callable[[K, V], tuple[Any, Any] | None],
        prefix: Callable[[Any], bytes] | None,
    ) -> Index[K, V]:
        index: Index[K, V] = Index(len(self.indexes), name, source, entry, prefix)
        self.indexes.append(index)
        return index
