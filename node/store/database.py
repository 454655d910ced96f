"""LevelDB as the chain uses it: opened once by one process, written in one synchronous batch per commit, read through snapshots.

Every failure that an operator can meet is a `DatabaseError` whose text is one plain sentence.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import plyvel

_MEBIBYTE: Final = 1 << 20
_OPTIONS: Final = {
    "create_if_missing": True,
    "paranoid_checks": True,  # without it damage in the middle of the log is skipped silently, and later records are kept
    "write_buffer_size": 16 * _MEBIBYTE,
    "max_open_files": 256,  # several nodes share one host
    "lru_cache_size": 32 * _MEBIBYTE,
    "bloom_filter_bits": 10,  # queries often ask for absent keys
}


class DatabaseError(Exception):
    """The database cannot do its work; the text is for the operator."""


class DatabaseLockedError(DatabaseError):
    """Another process, or this one already, has the database open."""


class DatabaseCorruptError(DatabaseError):
    """What is stored is damaged and must not be trusted."""


class Snapshot:
    """A consistent view of one moment, safe in any thread. Close it: an open one keeps old values from being dropped."""

    __slots__ = ("_snapshot", "_where")

    def __init__(self, snapshot: Any, where: Path) -> None:
        self._snapshot = snapshot
        self._where = where

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        try:
            value: bytes | None = self._snapshot.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise _plain(error, self._where) from error
        return value

    def iterate(
        self, start: bytes, stop: bytes, *, include_stop: bool = False, reverse: bool = False, fill_cache: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop (or <= stop) in key order, or in reverse; a whole scan should not fill the cache."""
        # plyvel 1.5 overlooks a single pair that stands at `start` itself when it goes in reverse: that bound is checked here.
        bounds = {"stop": stop, "include_stop": include_stop} if reverse else {"start": start, "stop": stop, "include_stop": include_stop}
        try:
            with self._snapshot.iterator(**bounds, reverse=reverse, verify_checksums=True, fill_cache=fill_cache) as pairs:
                for pair in pairs:
                    if pair[0] < start:
                        return
                    yield pair
        except plyvel.Error as error:
            raise _plain(error, self._where) from error

    def close(self) -> None:
        """Let go of the view; reading afterwards is an error."""
        self._snapshot.close()


class Database:
    """One open LevelDB directory."""

    def __init__(self, directory: Path, lock_file: Path) -> None:
        """Opens `directory`, creating it where absent; holds `lock_file` until `close`. Raises DatabaseError.

        LevelDB's own lock is lost when a process opens the same directory twice, so a lock on a file of ours comes first.
        """
        self._directory = directory
        directory.parent.mkdir(parents=True, exist_ok=True)
        self._lock_descriptor = _lock(lock_file)
        try:
            self._db: Any = plyvel.DB(str(directory), **_OPTIONS)
        except plyvel.Error as error:
            os.close(self._lock_descriptor)
            raise _plain(error, directory) from error

    def write(self, writes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """All of `writes`, in their order, or none of them, is on disk when this returns. None deletes."""
        try:
            with self._db.write_batch(transaction=True, sync=True) as batch:
                for key, value in writes:
                    if value is None:
                        batch.delete(key)
                    else:
                        batch.put(key, value)
        except plyvel.Error as error:
            raise _plain(error, self._directory) from error

    def snapshot(self) -> Snapshot:
        """A view of what is written now."""
        return Snapshot(self._db.snapshot(), self._directory)

    def close(self) -> None:
        """Close the database and release the lock; closing twice is harmless. No thread may be reading."""
        if not self._db.closed:
            self._db.close()
            os.close(self._lock_descriptor)


def _lock(lock_file: Path) -> int:
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise DatabaseLockedError(f"{lock_file.parent} is in use by another process (pid {owner}): stop it first") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _plain(error: Exception, directory: Path) -> DatabaseError:
    if isinstance(error, plyvel.CorruptionError):
        return DatabaseCorruptError(damage_report(directory, str(error)))
    return DatabaseError(f"the database in {directory} cannot be used: {error}")


def damage_report(directory: Path, what: str) -> str:
    """The sentence of a DatabaseCorruptError: what is wrong, and what to do."""
    return f"the database in {directory} is damaged ({what}): restore it from a backup, or remove it and sync again"
