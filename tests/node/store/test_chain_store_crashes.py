"""What a crash or a damaged disk leaves behind: the state of some completed commit, or a refusal in plain words."""

import random
import subprocess
import sys
from pathlib import Path

import plyvel
import pytest

from node.store.chain_store import ChainStore
from node.store.database import DatabaseCorruptError, DatabaseLockedError
from support.store_blocks import STORES, app_hash_of, commit_blocks, opened, pairs_at

SEED = 9


def start_chain(directory: Path, last_height: int, dies_staged_at: int = 0) -> subprocess.Popen[str]:
    """A process that commits blocks and prints each height once it is committed."""
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom support.store_blocks import main\nmain(*sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(directory), str(SEED), str(last_height), str(dies_staged_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def check_state(directory: Path) -> int:
    """The stored height, after comparing hash and every pair with a run that never crashed."""
    with opened(directory) as (store, pairs):
        expected = pairs_at(SEED, store.height) if store.height else {name: {} for name in STORES}
        assert pairs == expected
        assert store.app_hash == (app_hash_of(expected) if store.height else b"")
        return store.height


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_process_killed_among_commits_loses_no_committed_block(tmp_path: Path, seed: int) -> None:
    """kill -9 at seeded moments: what was reported as committed is there, whole, and the chain goes on from it."""
    rng = random.Random(seed)
    for _ in range(3):
        reported = 0
        with start_chain(tmp_path, last_height=10_000) as process:
            assert process.stdout is not None
            for _ in range(rng.randint(1, 60)):
                reported = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().rpartition("\n")[0].split()
        reported = int(rest[-1]) if rest else reported
        assert check_state(tmp_path) in (reported, reported + 1)


@pytest.mark.parametrize("height", [1, 2, 17])
def test_a_crash_between_stage_and_commit_loses_only_the_staged_block(tmp_path: Path, height: int) -> None:
    """The block is staged again after the restart and gives the same hash."""
    with start_chain(tmp_path, last_height=100, dies_staged_at=height) as process:
        process.wait()
    assert check_state(tmp_path) == height - 1
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, height)
    assert check_state(tmp_path) == height


def test_a_second_process_on_the_same_home_is_refused(tmp_path: Path) -> None:
    """One node per home; the refused one has touched nothing."""
    with start_chain(tmp_path, last_height=5) as process:
        assert process.stdout is not None
        assert [int(process.stdout.readline()) for _ in range(6)] == [0, 1, 2, 3, 4, 5]
        with pytest.raises(DatabaseLockedError, match="in use by another process"):
            ChainStore(tmp_path, STORES)
        process.communicate("")
    assert process.returncode == 0
    assert check_state(tmp_path) == 5


def test_a_log_torn_at_its_end_gives_the_commit_before(tmp_path: Path) -> None:
    """Power loss in the middle of the last write: the height before is complete, and the engine replays from it."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 12)
    log = newest(tmp_path, "*.log")
    log.write_bytes(log.read_bytes()[:-5])
    assert check_state(tmp_path) == 11


def test_damage_in_the_middle_of_the_log_is_refused(tmp_path: Path) -> None:
    """LevelDB alone would skip it silently and keep what comes later."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 12)
    flip_a_byte(newest(tmp_path, "*.log"))
    with pytest.raises(DatabaseCorruptError, match=r"is damaged .*restore it from a backup, or remove it and sync again"):
        ChainStore(tmp_path, STORES)
    with pytest.raises(DatabaseCorruptError):
        ChainStore(tmp_path, STORES)


def test_damage_in_a_table_is_refused(tmp_path: Path) -> None:
    """A block whose checksum is wrong stops the load."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 12)
    assert check_state(tmp_path) == 12
    flip_a_byte(newest(tmp_path, "*.ldb"), at=40)
    with pytest.raises(DatabaseCorruptError, match="is damaged"):
        check_state(tmp_path)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    """A file that was deleted by hand is noticed when the database is opened."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 12)
    assert check_state(tmp_path) == 12
    newest(tmp_path, "*.ldb").unlink()
    with pytest.raises(DatabaseCorruptError, match="is damaged"):
        ChainStore(tmp_path, STORES)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("first of bank", b"other", "the store 'bank' does not match its root of height 12"),
        ("first of bank", None, "the store 'bank' does not match its root of height 12"),
        (b"s/clob/new", b"1", "the store 'clob' does not match its root of height 12"),
        (b"s/void/new", b"1", "the store 'void' does not match its root of height 12"),
        ("first of auth", b"", "the store 'auth' holds an impossible pair"),
        (b"s/auth/", b"1", "the store 'auth' holds an impossible pair"),
        (b"s/auth/" + b"k" * 65, b"1", "the store 'auth' holds an impossible pair"),
        (b"m/commit", None, "there are values but no commit record"),
        (b"m/commit", b"\x01", "the commit record is too short"),
        ("format", b"", "the commit record has format 2, and this program reads format 1"),
        ("app hash", b"", "the stores do not match the app hash of height 12"),
    ],
)
def test_a_stored_state_that_contradicts_itself_is_refused(tmp_path: Path, key: str | bytes, value: bytes | None, reason: str) -> None:
    """Whatever was changed behind our back, the node does not start on it."""
    with opened(tmp_path) as (store, _):
        commit_blocks(store, SEED, 12)
    database = plyvel.DB(str(tmp_path / "chain.db"))
    record = bytearray(database.get(b"m/commit"))
    if isinstance(key, str):
        if key == "format":
            record[0] = 2
        elif key == "app hash":
            record[20] ^= 1
        if key.startswith("first of "):
            name = key.removeprefix("first of ")
            key = b"s/" + name.encode() + b"/" + min(pairs_at(SEED, 12)[name])
        else:
            key, value = b"m/commit", bytes(record)
    if value is None:
        database.delete(key)
    else:
        database.put(key, value)
    database.close()
    store = ChainStore(tmp_path, STORES)
    with pytest.raises(DatabaseCorruptError, match=reason):
        list(store.load())
    store.close()


def newest(directory: Path, pattern: str) -> Path:
    """The newest file of a kind in the database."""
    return max((directory / "chain.db").glob(pattern))


def flip_a_byte(path: Path, at: int | None = None) -> None:
    """Damage one byte, by default in the middle of the file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 0x55
    path.write_bytes(data)
