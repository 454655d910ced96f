"""Typed state: journal, indexes, the committed view under a staged block, committed versions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.codec import KEY_U8, KEY_U32, UINT, Record, key_of, single
from modules.kernel.context import Context
from modules.kernel.events import EventKind
from modules.kernel.stores import Index, Map, Registry
from node.store.state import CommittedView, LiveState, VersionState


class Thing(NamedTuple):
    """A value that an index sorts."""

    group: int
    rank: int


THING: Record[Thing] = Record(Thing, group=UINT, rank=UINT)
Writes = list[tuple[int, Thing | None]]
WRITES = st.lists(st.tuples(st.integers(0, 12), st.none() | st.builds(Thing, st.integers(0, 2), st.integers(0, 5))), max_size=30)


class World:
    """One registry with an indexed map and an item."""

    def __init__(self) -> None:
        self.registry = Registry()
        schema = self.registry.schema("things")
        self.things: Map[Any, Thing] = schema.map(1, "things", key_of(lambda *parts: parts, KEY_U8, KEY_U32), THING)
        self.count = schema.item(2, "count", single(UINT))
        self.ranked: Index[Any, Thing] = schema.index(
            "ranked", self.things, lambda _, thing: (thing.group, thing.rank) if thing.group else None
        )
        self.state = LiveState(self.registry)
        self.ctx = Context(self.state, 1, 0, "test-1")

    def write(self, writes: Writes) -> None:
        for number, thing in writes:
            key = (number & 1, number)
            if thing is None:
                self.things.delete(self.ctx, key)
            else:
                self.things.set(self.ctx, key, thing)

    def picture(self) -> tuple[Any, ...]:
        """Everything that can be read: values, sorted keys, index groups."""
        ctx = self.ctx
        groups = list(self.ranked.groups(ctx))
        return list(self.things.items(ctx)), groups, [list(self.ranked.group(ctx, group)) for group in groups]


def fresh(world: World) -> World:
    """A world loaded from the values of another, as at start-up."""
    other = World()
    for key, thing in world.state.tables[world.things.slot].items():
        other.state.load(other.things.slot, key, thing)
    return other


@given(WRITES, WRITES, WRITES)
@settings(max_examples=150)
def test_rollback_undoes_exactly_what_came_after_the_mark(before: Writes, inside: Writes, after: Writes) -> None:
    """Values, key order and indexes are those of the mark, and equal a fresh build; what follows works on."""
    world = World()
    world.write(before)
    kept = world.picture()
    mark = world.ctx.mark()
    world.write(inside)
    world.ctx.undo(mark)
    assert world.picture() == kept == fresh(world).picture()
    world.write(after)
    assert world.picture() == fresh(world).picture()


@given(WRITES, WRITES)
@settings(max_examples=100)
def test_changes_are_the_net_difference(committed: Writes, block: Writes) -> None:
    """Each changed key once with its final bytes, untouched and restored keys not at all."""
    world = World()
    world.write(committed)
    world.state.forget()
    old = dict(world.state.tables[world.things.slot])
    world.write(block)
    new = world.state.tables[world.things.slot]
    expected = {
        world.things.encode_key(key): THING.encode(new[key]) if key in new else None
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    }
    assert dict(world.state.changes().get("things", [])) == expected


@given(WRITES, WRITES)
@settings(max_examples=100)
def test_the_committed_view_reads_as_before_the_block(committed: Writes, block: Writes) -> None:
    """While a block is staged, point reads of the view give the committed values."""
    world = World()
    world.write(committed)
    world.state.forget()
    old = dict(world.state.tables[world.things.slot])
    world.write(block)
    ctx = Context(CommittedView(world.state), 1, 0, "test-1")
    for number in range(13):
        assert world.things.get(ctx, (number & 1, number)) == old.get((number & 1, number))
    with pytest.raises(AssertionError, match="read-only"):
        world.things.set(ctx, (0, 0), Thing(1, 1))


class _Pairs:
    """A committed version made of plain pairs."""

    def __init__(self, pairs: dict[bytes, bytes]) -> None:
        self._pairs = pairs

    def get(self, _store: str, key: bytes) -> bytes | None:
        return self._pairs.get(key)

    def iterate(self, _store: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter([(key, value) for key, value in sorted(self._pairs.items()) if key.startswith(prefix)])


@given(WRITES)
@settings(max_examples=100)
def test_a_committed_version_reads_like_live_state(writes: Writes) -> None:
    """Keys, items and index groups of a version in the database equal those of the live state that was written to it."""
    world = World()
    world.write(writes)
    pairs = {key: value for key, value in world.state.changes().get("things", []) if value is not None}
    live = world.picture()
    world.ctx = Context(VersionState(world.registry, _Pairs(pairs)), 1, 0, "")  # type: ignore[arg-type]
    assert world.picture() == live
    assert list(world.things.keys(world.ctx, b"\x01")) == [key for key, _ in live[0] if key[0] == 1]


def test_undo_takes_events_along_and_never_reuses_a_placement() -> None:
    """A failed transaction leaves no event; its placement index is spent all the same."""
    kind = EventKind("sample", ("number",))
    world = World()
    world.ctx.emit(kind, 1)
    mark = world.ctx.mark()
    world.ctx.emit(kind, 2)
    assert world.ctx.next_placement() == 0
    world.ctx.undo(mark)
    assert world.ctx.events == [(kind, (1,))]
    assert world.ctx.next_placement() == 1


def test_items_and_prefixes_are_declared_once() -> None:
    """A prefix, a name or a store given twice is a bug, found at start."""
    world = World()
    world.count.set(world.ctx, 7)
    assert world.count.require(world.ctx) == 7
    registry = Registry()
    schema = registry.schema("one")
    schema.map(1, "a", KEY_U32, single(UINT))
    for prefix, name in ((1, "b"), (2, "a")):
        with pytest.raises(AssertionError, match="declared twice"):
            schema.map(prefix, name, KEY_U32, single(UINT))
    with pytest.raises(AssertionError, match="declared twice"):
        registry.schema("one")


def test_writing_while_iterating_is_fine() -> None:
    """`keys` and `items` walk a stable list."""
    world = World()
    world.write([(number, Thing(1, number)) for number in range(6)])
    for key, _ in world.things.items(world.ctx):
        world.things.delete(world.ctx, key)
        world.things.set(world.ctx, (1, 200 + key[1]), Thing(2, 0))
    assert sorted(key[1] for key in world.things.keys(world.ctx)) == [200, 201, 202, 203, 204, 205]
