"""Committed heights, read and proven beside the state thread."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.store import proofs, simple_merkle
from node.store.chain_store import ChainStore, FutureHeightError, PrunedHeightError
from node.store.database import DatabaseError
from node.store.version import CommitInfo, InvalidKeyError, UnknownStoreError, Version
from support.store_blocks import STORES, app_hash_of, block_writes, commit_blocks, opened, pairs_at, time_of

SEED = 5


def state_of(version: Version) -> dict[str, dict[bytes, bytes]]:
    """Everything that a version holds."""
    return {name: dict(version.iterate(name)) for name in STORES}


def test_every_kept_height_reads_as_it_was(tmp_path: Path) -> None:
    """Values, hash, time and roots of a height are those of its block, whatever came later."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 8)
        for height in range(1, 9):
            with store.version(height) as version:
                expected = pairs_at(SEED, height)
                assert state_of(version) == expected
                assert (version.height, version.time_ns, version.app_hash) == (height, time_of(height), app_hash_of(expected))
                assert simple_merkle.multistore_hash(version.store_roots()) == version.app_hash
                assert all(version.get(name, key) == value for name, held in expected.items() for key, value in held.items())
                assert version.get("auth", b"nothing here") is None
        with store.version() as latest, store.version(0) as same:
            assert latest.height == 8
            assert same is latest


def test_every_kept_height_proves_what_it_held(tmp_path: Path) -> None:
    """Presence and absence verify under that height's app hash."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 6)
        asked = sorted({key for height in range(1, 7) for key in pairs_at(SEED, height)["bank"]})
        for height in range(1, 7):
            with store.version(height) as version:
                for key in asked:
                    value, ops = version.prove("bank", key)
                    assert value == pairs_at(SEED, height)["bank"].get(key)
                    proofs.verify(app_hash_of(pairs_at(SEED, height)), "bank", key, value, ops)
                with pytest.raises(proofs.EmptyStoreError):
                    version.prove("void", b"a")


def test_impossible_questions_are_typed_errors(tmp_path: Path) -> None:
    """A query can name the wrong store, key or height; each has its own error."""
    with opened(tmp_path) as (store, _):
        with pytest.raises(FutureHeightError, match="no block is committed yet"), store.version():
            pass
        commit_blocks(store, SEED, 2)
        with pytest.raises(FutureHeightError, match="height 3 is not committed yet: the latest is 2"), store.version(3):
            pass
        with pytest.raises(PrunedHeightError, match="height -1 is not kept: the earliest is 1"), store.version(-1):
            pass
        with store.version() as version:
            for ask in (version.get, version.prove):
                with pytest.raises(UnknownStoreError, match="no store 'perp'"):
                    ask("perp", b"a")
            with pytest.raises(UnknownStoreError):
                version.iterate("perp")
            for key in (b"", b"k" * 65):
                with pytest.raises(InvalidKeyError, match="1 to 64 bytes"):
                    version.prove("bank", key)


def test_only_the_last_heights_are_kept(tmp_path: Path) -> None:
    """Older ones are refused by name, and their snapshots are closed."""
    with opened(tmp_path, kept_versions=3) as (store, _):
        commit_blocks(store, SEED, 2)
        oldest = store._versions[1]
        commit_blocks(store, SEED, 7)
        assert store.earliest_height == 5
        with pytest.raises(PrunedHeightError, match="height 4 is not kept: the earliest is 5"), store.version(4):
            pass
        with store.version(5) as version:
            assert state_of(version) == pairs_at(SEED, 5)
        with pytest.raises(RuntimeError):
            oldest.snapshot.get(b"m/commit")


def test_after_a_restart_the_last_height_is_kept(tmp_path: Path) -> None:
    """Trees of older heights are not on disk; the latest answers and proves at once."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 4)
    with opened(tmp_path) as (store, _):
        assert store.earliest_height == 4
        with pytest.raises(PrunedHeightError), store.version(3):
            pass
        with store.version(4) as version:
            key = min(pairs_at(SEED, 4)["auth"])
            value, ops = version.prove("auth", key)
            proofs.verify(store.app_hash, "auth", key, value, ops)


def test_a_held_version_outlives_its_pruning(tmp_path: Path) -> None:
    """A reader keeps its snapshot until it lets go, and then it is closed."""
    with opened(tmp_path, kept_versions=2) as (store, _):
        commit_blocks(store, SEED, 1)
        with store.version(1) as version, store.version(1) as again:
            assert again is version
            commit_blocks(store, SEED, 6)
            with pytest.raises(PrunedHeightError), store.version(1):
                pass
            assert state_of(version) == pairs_at(SEED, 1)
        with pytest.raises(RuntimeError):
            version.get("auth", b"a")


def test_an_error_inside_lets_go_of_the_version(tmp_path: Path) -> None:
    """A failed query holds nothing."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 1)
        with pytest.raises(ZeroDivisionError), store.version():
            raise ZeroDivisionError
        assert store._held == 0


@pytest.fixture(scope="module")
def one_version(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Version]:
    """A version whose store `bank` holds keys with shared prefixes, zeros and ff bytes, between two other stores."""
    keys = [b"\0", b"\0\0", b"a", b"a\0", b"a\xff", b"a\xff\xff", b"ab", b"b", b"\xff", b"\xff\xff", b"\xff\xff\0"]
    with opened(tmp_path_factory.mktemp("iterate")) as (store, _):
        writes = {name: [(key, name.encode() + key) for key in keys] for name in STORES}
        store.stage(1, time_of(1), writes)
        store.commit()
        with store.version() as version:
            yield version


few_bytes = st.lists(st.sampled_from([0x00, 0x61, 0x62, 0xFF]), max_size=3).map(bytes)


@given(prefix=few_bytes, start=st.none() | few_bytes, reverse=st.booleans())
def test_iteration_is_a_filter_over_the_sorted_pairs(one_version: Version, prefix: bytes, start: bytes | None, reverse: bool) -> None:
    """Prefix, inclusive start and direction mean the same as on a sorted list, and never reach another store."""
    everything = sorted(one_version.iterate("bank"))
    assert len(everything) == 11
    expected = [pair for pair in everything if pair[0].startswith(prefix)]
    if start is not None:
        expected = [pair for pair in expected if (pair[0] <= start if reverse else pair[0] >= start)]
    if reverse:
        expected.reverse()
    assert list(one_version.iterate("bank", prefix, start, reverse)) == expected


def test_readers_in_threads_see_whole_blocks_while_the_chain_goes_on(tmp_path: Path) -> None:
    """Every version that a reader holds is exactly one block's state and proves itself, however fast versions are dropped."""
    expected = {height: app_hash_of(pairs_at(SEED, height)) for height in range(1, 41)}
    failures: list[BaseException] = []
    reads: list[int] = []
    done = threading.Event()

    def read(store: ChainStore) -> None:
        try:
            while not done.is_set():
                with store.version() as version:
                    assert app_hash_of(state_of(version)) == version.app_hash == expected[version.height]
                    key, held = next(version.iterate("auth"))
                    value, ops = version.prove("auth", key)
                    assert value == held
                    proofs.verify(version.app_hash, "auth", key, value, ops)
                    reads.append(version.height)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    with opened(tmp_path, kept_versions=2) as (store, _):
        commit_blocks(store, SEED, 1)
        readers = [threading.Thread(target=read, args=(store,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            commit_blocks(store, SEED, 40)
            while not failures and (not reads or reads[-1] < 40):
                done.wait(0.001)
        finally:
            done.set()
            for reader in readers:
                reader.join()
        assert not failures
        assert len(store._versions) == 2


def test_closing_waits_for_readers_and_lets_no_new_one_in(tmp_path: Path) -> None:
    """The database is never closed under a thread that reads it."""
    store = ChainStore(tmp_path, STORES)
    assert not list(store.load())
    commit_blocks(store, SEED, 1)
    holding, may_go = threading.Event(), threading.Event()
    seen: list[dict[str, dict[bytes, bytes]]] = []

    def read() -> None:
        with store.version() as version:
            holding.set()
            may_go.wait()
            seen.append(state_of(version))

    reader = threading.Thread(target=read)
    reader.start()
    holding.wait()
    with pytest.raises(DatabaseError, match="1 readers still use it"):
        store.close(timeout_seconds=0)
    with pytest.raises(DatabaseError, match="being closed"), store.version():
        pass
    may_go.set()
    store.close()
    reader.join()
    assert seen == [pairs_at(SEED, 1)]
    store.close()


def test_a_commit_record_round_trips() -> None:
    """Encoding and decoding keep every field and the order of stores."""
    info = CommitInfo(height=2**40, time_ns=2**60 + 1, app_hash=b"\x07" * 32, store_roots={"a": b"\1" * 32, "b": b"\2" * 32})
    decoded = CommitInfo.decode(info.encode())
    assert decoded == info
    assert list(decoded.store_roots) == ["a", "b"]


@pytest.mark.parametrize("cut", [0, 10, 52, 60, 100])
def test_a_commit_record_of_wrong_length_is_refused(cut: int) -> None:
    """A cut or lengthened record is never half understood."""
    data = CommitInfo(height=1, time_ns=1, app_hash=b"\x07" * 32, store_roots={"a": b"\1" * 32, "b": b"\2" * 32}).encode()
    for damaged in (data[:cut], data + b"\0"):
        with pytest.raises(ValueError, match="commit record"):
            CommitInfo.decode(damaged)


def test_a_later_block_does_not_change_what_an_open_iteration_gives(tmp_path: Path) -> None:
    """A query that was begun before a commit ends on its own block."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 1)
        with store.version() as version:
            pairs = version.iterate("clob")
            first = next(pairs)
            store.stage(2, time_of(2), block_writes(SEED, 2))
            store.commit()
            assert dict([first, *pairs]) == pairs_at(SEED, 1)["clob"]
