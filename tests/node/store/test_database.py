"""The LevelDB wrapper: one process, whole batches, stable snapshots, plain words for every failure."""

import subprocess
import sys
from pathlib import Path

import plyvel
import pytest

from node.store.database import Database, DatabaseError, DatabaseLockedError

HOLDER = """
import sys
from pathlib import Path
from node.store.database import Database, DatabaseLockedError
try:
    database = Database(Path(sys.argv[1]) / "chain.db", Path(sys.argv[1]) / "chain.lock")
except DatabaseLockedError as error:
    sys.exit(str(error))
sys.stdout.write("open\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def open_database(directory: Path) -> Database:
    """The database of a data folder."""
    return Database(directory / "chain.db", directory / "chain.lock")


def start_holder(directory: Path) -> subprocess.Popen[str]:
    """Another process that opens the same data folder and holds it until its input closes."""
    code = f"import sys; sys.path[:] = {sys.path!r}\n{HOLDER}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_cannot_open_one_home(tmp_path: Path) -> None:
    """The second is told who has it; when the first is killed, the home is free again."""
    with start_holder(tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(DatabaseLockedError, match=rf"in use by another process \(pid {holder.pid}\): stop it first"):
            open_database(tmp_path)
        holder.kill()
    open_database(tmp_path).close()


def test_opening_twice_in_one_process_does_not_lose_the_lock(tmp_path: Path) -> None:
    """LevelDB's own lock would be lost by the attempt; ours still keeps other processes out."""
    database = open_database(tmp_path)
    with pytest.raises(DatabaseLockedError):
        open_database(tmp_path)
    with start_holder(tmp_path) as other:
        _, complaint = other.communicate()
    assert other.returncode == 1
    assert "in use by another process" in complaint
    database.write([(b"k", b"v")])
    database.close()
    database.close()


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """An error while the batch is being filled leaves nothing of it."""

    def broken() -> object:
        yield b"a", b"2"
        raise ZeroDivisionError

    database = open_database(tmp_path)
    database.write([(b"a", b"1"), (b"b", b"1")])
    with pytest.raises(ZeroDivisionError):
        database.write(broken())  # type: ignore[arg-type]
    snapshot = database.snapshot()
    assert list(snapshot.iterate(b"", b"\xff")) == [(b"a", b"1"), (b"b", b"1")]
    snapshot.close()
    database.close()


def test_writes_take_effect_in_their_order(tmp_path: Path) -> None:
    """A pair that is put and then deleted in one batch is gone, and the other way round it is there."""
    database = open_database(tmp_path)
    database.write([(b"a", b"1"), (b"a", None), (b"b", None), (b"b", b"2")])
    snapshot = database.snapshot()
    assert (snapshot.get(b"a"), snapshot.get(b"b")) == (None, b"2")
    snapshot.close()
    database.close()


def test_a_snapshot_does_not_see_later_writes(tmp_path: Path) -> None:
    """It is one moment, for single reads and for iteration."""
    database = open_database(tmp_path)
    database.write([(b"a", b"1")])
    snapshot = database.snapshot()
    database.write([(b"a", b"2"), (b"b", b"2")])
    assert snapshot.get(b"a") == b"1"
    assert list(snapshot.iterate(b"", b"\xff")) == [(b"a", b"1")]
    snapshot.close()
    database.close()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("include_stop", [False, True])
def test_every_range_over_few_keys_is_exact(tmp_path: Path, reverse: bool, include_stop: bool) -> None:
    """All ranges, also those of one pair at their very start, which plyvel itself overlooks in reverse."""
    keys = [b"a", b"a\xff", b"b", b"c"]
    bounds = [b"", b"a", b"a\x01", b"a\xff", b"b", b"bb", b"c", b"d"]
    database = open_database(tmp_path)
    database.write([(key, key) for key in keys])
    snapshot = database.snapshot()
    for start in bounds:
        for stop in bounds:
            expected = [key for key in keys if start <= key and (key < stop or (include_stop and key == stop))]
            found = [key for key, _ in snapshot.iterate(start, stop, include_stop=include_stop, reverse=reverse)]
            assert found == (expected[::-1] if reverse else expected), (start, stop)
    snapshot.close()
    database.close()


def test_a_directory_that_cannot_be_a_database_is_a_plain_error(tmp_path: Path) -> None:
    """The sentence names the directory, and the lock is free afterwards."""
    (tmp_path / "chain.db").write_text("a file")
    with pytest.raises(DatabaseError, match=r"chain\.db cannot be used"):
        open_database(tmp_path)
    (tmp_path / "chain.db").unlink()
    open_database(tmp_path).close()


def test_an_error_while_reading_is_a_plain_error(tmp_path: Path) -> None:
    """LevelDB's own exceptions do not leave this file."""

    class Broken:
        def get(self, key: bytes, **options: object) -> bytes:
            raise plyvel.IOError("gone")

        iterator = get

    database = open_database(tmp_path)
    snapshot = database.snapshot()
    real, snapshot._snapshot = snapshot._snapshot, Broken()
    with pytest.raises(DatabaseError, match="cannot be used: gone"):
        snapshot.get(b"a")
    snapshot._snapshot = real
    snapshot.close()
    database.close()
