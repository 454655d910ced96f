"""Staging, committing and loading the chain's state."""

import gc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from node.store import simple_merkle, tree
from node.store.chain_store import ChainStore
from node.store.database import DatabaseError
from support.critbit_reference import reference_root, tree_blocks
from support.store_blocks import STORES, app_hash_of, block_writes, commit_blocks, genesis_writes, opened, pairs_at, time_of

SEED = 3


def test_a_new_store_reports_no_height_and_no_hash(tmp_path: Path) -> None:
    """What Info reports before the first commit."""
    with opened(tmp_path) as (store, pairs):
        assert (store.height, store.time_ns, store.app_hash, store.earliest_height) == (0, 0, b"", 0)
        assert pairs == {name: {} for name in STORES}


def test_the_genesis_hash_is_that_of_its_pairs_however_often_it_comes(tmp_path: Path) -> None:
    """InitChain may come again: it wipes what the one before had built."""
    with opened(tmp_path) as (store, _):
        first = store.stage_genesis(genesis_writes(SEED))
        assert first == app_hash_of(pairs_at(SEED, 0))
        store.stage(1, time_of(1), block_writes(SEED, 1))
        assert store.stage_genesis(genesis_writes(SEED + 1)) == app_hash_of(pairs_at(SEED + 1, 0)) != first
        assert store.stage_genesis(genesis_writes(SEED)) == first
        with pytest.raises(AssertionError, match="nothing is staged"):
            store.commit()


def test_the_app_hash_of_empty_stores_is_defined(tmp_path: Path) -> None:
    """A genesis without pairs is a state like any other."""
    with opened(tmp_path) as (store, _):
        expected = simple_merkle.multistore_hash(dict.fromkeys(STORES, tree.EMPTY_ROOT))
        assert store.stage_genesis({}) == store.stage(1, time_of(1), {}) == expected


def test_nothing_is_on_disk_before_the_first_commit(tmp_path: Path) -> None:
    """A restart after InitChain and FinalizeBlock alone is a restart from nothing."""
    with opened(tmp_path) as (store, _):
        store.stage_genesis(genesis_writes(SEED))
        store.stage(1, time_of(1), block_writes(SEED, 1))
    with opened(tmp_path) as (store, pairs):
        assert store.height == 0
        assert not any(pairs.values())


def test_genesis_is_written_with_the_first_block(tmp_path: Path) -> None:
    """After the first commit both are there, whatever the initial height."""
    with opened(tmp_path) as (store, _):
        store.stage_genesis(genesis_writes(SEED))
        store.stage(71, time_of(1), block_writes(SEED, 1))
        store.commit()
        assert store.height == 71
        with pytest.raises(AssertionError, match="committed state"):
            store.stage_genesis({})
    with opened(tmp_path) as (store, pairs):
        assert store.height == 71
        assert pairs == pairs_at(SEED, 1)


def test_a_restart_continues_with_the_same_hash_and_pairs(tmp_path: Path) -> None:
    """Cut anywhere, the chain of app hashes is that of an uncut run."""
    for last_height in (1, 2, 5, 9, 10):
        with opened(tmp_path) as (store, _):
            commit_blocks(store, SEED, last_height)
            running = (store.height, store.time_ns, store.app_hash)
        with opened(tmp_path) as (store, pairs):
            assert (store.height, store.time_ns, store.app_hash) == running
            assert running == (last_height, time_of(last_height), app_hash_of(pairs_at(SEED, last_height)))
            assert pairs == pairs_at(SEED, last_height)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=tree_blocks)
def test_random_blocks_survive_a_restart(tmp_path_factory: pytest.TempPathFactory, blocks: list[dict[bytes, bytes | None]]) -> None:
    """Loaded pairs and roots are those of the literal model."""
    directory = tmp_path_factory.mktemp("chain")
    model: dict[bytes, bytes] = {}
    with opened(directory) as (store, _):
        for height, block in enumerate(blocks, start=1):
            app_hash = store.stage(height, time_of(height), {"bank": list(block.items())})
            store.commit()
            model = {key: value for key, value in {**model, **block}.items() if value is not None}
            assert app_hash == simple_merkle.multistore_hash({**dict.fromkeys(STORES, tree.EMPTY_ROOT), "bank": reference_root(model)})
    with opened(directory) as (store, pairs):
        assert store.height == len(blocks)
        assert pairs["bank"] == model


def test_pairs_are_loaded_by_store_and_in_key_order(tmp_path: Path) -> None:
    """The order is fixed, so that what is built from it is the same on every node."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 4)
    store = ChainStore(tmp_path, reversed(STORES))
    loaded = [(name, key) for name, key, _ in store.load()]
    store.close()
    assert loaded == sorted(loaded)
    assert len(loaded) == sum(map(len, pairs_at(SEED, 4).values()))


def test_staging_again_replaces_and_discarding_forgets(tmp_path: Path) -> None:
    """A repeated FinalizeBlock starts from the last commit, and what is discarded leaves no trace."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 2)
        committed = store.app_hash
        expected = store.stage(3, time_of(3), block_writes(SEED, 3))
        assert store.stage(3, time_of(3), block_writes(SEED + 1, 3)) != expected
        assert store.app_hash == committed
        store.discard()
        with pytest.raises(AssertionError, match="nothing is staged"):
            store.commit()
        assert store.stage(3, time_of(3), block_writes(SEED, 3)) == expected
        assert store.commit().app_hash == store.app_hash == expected
    with opened(tmp_path) as (_, pairs):
        assert pairs == pairs_at(SEED, 3)


def test_changing_a_staged_list_afterwards_changes_nothing(tmp_path: Path) -> None:
    """What is hashed is what is written."""
    with opened(tmp_path) as (store, _):
        changes: list[tree.Write] = [(b"a", b"1")]
        app_hash = store.stage(1, time_of(1), {"bank": changes})
        changes.append((b"b", b"2"))
        store.commit()
    with opened(tmp_path) as (store, pairs):
        assert pairs["bank"] == {b"a": b"1"}
        assert store.app_hash == app_hash


def test_misuse_is_refused(tmp_path: Path) -> None:
    """Heights follow each other, values are not empty, stores are known, and load comes first."""
    store = ChainStore(tmp_path, STORES)
    with pytest.raises(AssertionError, match="load comes first"):
        store.stage(1, time_of(1), {})
    with pytest.raises(AssertionError, match="load comes first"):
        store.stage_genesis({})
    store.close()
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 2)
        for height in (0, 2, 4):
            with pytest.raises(AssertionError, match="cannot follow 2"):
                store.stage(height, time_of(height), {})
        with pytest.raises(AssertionError, match="is empty"):
            store.stage(3, time_of(3), {"bank": [(b"a", b"")]})
        with pytest.raises(AssertionError, match="no store 'perp'"):
            store.stage(3, time_of(3), {"perp": []})
        with pytest.raises(AssertionError, match="loaded once"):
            next(store.load())


@pytest.mark.parametrize("names", [["a", "a"], [""], ["a/b"], ["n" * 33]])
def test_impossible_store_names_are_refused(tmp_path: Path, names: list[str]) -> None:
    """Names are unique, not empty, without a slash and at most 32 bytes."""
    with pytest.raises(AssertionError):
        ChainStore(tmp_path, names)


def test_a_store_set_other_than_the_stored_one_is_refused(tmp_path: Path) -> None:
    """The app hash is over all stores, so another set is another program."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 1)
    other = ChainStore(tmp_path, (*STORES, "zeta"))
    with pytest.raises(DatabaseError, match="has the stores auth, bank, clob, void, but this program has auth, bank, clob, void, zeta"):
        list(other.load())
    other.close()


def test_a_restore_is_a_genesis_committed_at_its_height(tmp_path: Path) -> None:
    """State sync puts pairs in place, compares the root, and commits; a half-done restore is wiped by the next."""
    wanted = pairs_at(SEED, 6)
    with opened(tmp_path) as (store, _):
        store.stage_genesis({"bank": [(b"half", b"done")]})
        root = store.stage_genesis({name: list(held.items()) for name, held in wanted.items()})
        assert root == app_hash_of(wanted)
        assert store.stage(6, time_of(6), {}) == root
        store.commit()
        commit_blocks(store, SEED, 7)
        assert store.app_hash == app_hash_of(pairs_at(SEED, 7))
    with opened(tmp_path) as (store, pairs):
        assert store.height == 7
        assert pairs == pairs_at(SEED, 7)


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses, the committed state and the staged block stay as they were."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 2)
        before = (store.height, store.app_hash)
        expected = store.stage(3, time_of(3), block_writes(SEED, 3))
        with monkeypatch.context() as patch:
            patch.setattr(store._database, "write", _refuse)
            with pytest.raises(DatabaseError, match="no space"):
                store.commit()
        assert (store.height, store.app_hash) == before
        store.commit()
        assert (store.height, store.app_hash) == (3, expected)


def test_a_commit_is_one_synchronous_batch(tmp_path: Path) -> None:
    """Values, commit record and, the first time, genesis go to disk in one record, and it is on the disk before commit returns."""

    class Spy:
        def __init__(self, database: Any) -> None:
            self.database = database
            self.batches: list[dict[str, object]] = []

        def write_batch(self, **options: object) -> Any:
            self.batches.append(options)
            return self.database.write_batch(**options)

        def __getattr__(self, name: str) -> Any:
            assert not name.startswith(("put", "delete")), "everything goes through a batch"
            return getattr(self.database, name)

    with opened(tmp_path) as (store, _):
        spy = store._database._db = Spy(store._database._db)
        commit_blocks(store, SEED, 3)
        assert spy.batches == [{"transaction": True, "sync": True}] * 3


def test_blocks_and_queries_leave_no_cyclic_garbage(tmp_path: Path) -> None:
    """A node runs with the collector off: dropped versions are freed by reference counts alone."""
    with opened(tmp_path, kept_versions=2) as (store, _):
        commit_blocks(store, SEED, 1)
        gc.collect()
        gc.disable()
        try:
            for height in range(2, 12):
                commit_blocks(store, SEED, height)
                with store.version() as version:
                    key, _value = next(version.iterate("auth"))
                    version.prove("auth", key)
            assert gc.collect() == 0
        finally:
            gc.enable()


def _refuse(_: object) -> None:
    raise DatabaseError("no space left on the disk")


def test_an_abandoned_load_leaves_the_store_unready(tmp_path: Path) -> None:
    """Pairs count only when the whole state was checked."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 1)
    store = ChainStore(tmp_path, STORES)
    pairs = store.load()
    next(pairs)
    pairs.close()
    assert store.height == 0
    with pytest.raises(AssertionError, match="load comes first"):
        store.stage(2, time_of(2), {})
    store.close()
