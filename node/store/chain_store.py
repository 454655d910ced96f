"""The chain's committed state on disk and its Merkle trees in memory: stage a block, commit it, read and prove recent heights.

Layout of the database: `s/<store>/<raw key>` holds a value, `m/commit` the last commit's height, time, app hash and store roots, `h/…` what
a node keeps beside the state (`node/history`), under no root and not read at start. One synchronous batch per commit writes all of them, so
that a crash leaves the state of some completed commit and never a mixture. There are no tree
nodes on disk: the trees are rebuilt from the pairs at start, and their roots checked against `m/commit`.

One thread (the state thread) loads, stages and commits; any thread may hold a version.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Condition
from typing import Final

from node.store import simple_merkle, tree
from node.store.database import Database, DatabaseCorruptError, DatabaseError, Snapshot, damage_report
from node.store.version import BESIDE, CommitInfo, Version, store_prefix, successor

_COMMIT_KEY: Final = b"m/commit"
_STORE_NAME_BYTES_MAX: Final = 32

StoreWrites = Mapping[str, Sequence[tree.Write]]
"""By store name the block's final writes, in any order, each key once; None deletes."""
BesideWrites = Sequence[tuple[bytes, bytes | None]]
"""Whole database keys, all under `version.BESIDE`; None deletes."""


class HeightError(LookupError):
    """The height asked for cannot be answered."""


class FutureHeightError(HeightError):
    """The height is not committed yet."""


class PrunedHeightError(HeightError):
    """The height is no longer kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    info: CommitInfo
    trees: Mapping[str, tree.Node | None]
    writes: list[tuple[bytes, bytes | None]]


@dataclass(slots=True)
class _Kept:
    """A version with the number of threads that hold it; its snapshot closes when it is dropped and nobody holds it."""

    version: Version
    snapshot: Snapshot
    readers: int = 0
    dropped: bool = False


class ChainStore:
    """Committed state under `directory` (a node's data folder). After construction: exhaust `load()`, then stage and commit."""

    def __init__(self, directory: Path, store_names: Iterable[str], kept_versions: int = 100) -> None:
        """Opens the database; the last `kept_versions` heights stay readable. Raises DatabaseError in plain words."""
        self.store_names = tuple(sorted(store_names))
        assert len(set(self.store_names)) == len(self.store_names), "store names differ"
        for name in self.store_names:
            assert 0 < len(name.encode()) <= _STORE_NAME_BYTES_MAX, f"{name!r} cannot name a store"
            assert "/" not in name, f"{name!r} cannot name a store"
        assert kept_versions > 0, "the latest version is always kept"
        self._directory = directory
        self._kept_versions = kept_versions
        self._trees: Mapping[str, tree.Node | None] = dict.fromkeys(self.store_names)
        self._info: CommitInfo | None = None
        self._loaded = False
        self._genesis: list[tuple[bytes, bytes | None]] = []
        self._staged: _Staged | None = None
        self._changed = Condition()
        self._versions: dict[int, _Kept] = {}  # by height, oldest first
        self._held = 0
        self._closed = False
        self._database = Database(directory / "chain.db", directory / "chain.lock")

    @property
    def height(self) -> int:
        """The height of the last completed commit; 0 before the first."""
        return 0 if self._info is None else self._info.height

    @property
    def time_ns(self) -> int:
        """The block time of the last completed commit, in nanoseconds since 1970; 0 before the first."""
        return 0 if self._info is None else self._info.time_ns

    @property
    def app_hash(self) -> bytes:
        """The app hash of the last completed commit; empty before the first."""
        return b"" if self._info is None else self._info.app_hash

    @property
    def earliest_height(self) -> int:
        """The oldest height that `version` answers; 0 before the first commit."""
        with self._changed:
            return next(iter(self._versions), 0)

    def load(self) -> Generator[tuple[str, bytes, bytes], None, None]:
        """Every stored (store name, key, value), by store and key, while the trees are rebuilt.

        Only when the iterator is exhausted are the trees checked and the store ready. Raises DatabaseError where what is stored is
        damaged or was written for other stores: then nothing that was yielded may be trusted.
        """
        assert not self._loaded, "the state is loaded once"
        snapshot = self._database.snapshot()
        try:
            info = self._read_commit_info(snapshot)
            trees: dict[str, tree.Node | None] = {}
            for name in self.store_names:
                trees[name] = yield from self._load_store(snapshot, name)
            self._check_roots(info, trees)
        except BaseException:
            snapshot.close()
            raise
        self._loaded = True
        if info is None:
            snapshot.close()
        else:
            self._install(info, trees, snapshot)

    def stage_genesis(self, writes: StoreWrites) -> bytes:
        """The app hash of a state that consists of `writes` alone; whatever was staged before is forgotten.

        May come any number of times before the first commit, which writes these pairs together with its own block's. With
        `stage(height, time, {})` and `commit()` it is also how a state-sync restore becomes the state at that height.
        """
        assert self._loaded, "load comes first"
        assert self._info is None, "there is committed state"
        self._staged = None
        trees = dict.fromkeys(self.store_names, None)
        self._trees, self._genesis = self._applied(trees, writes)
        return simple_merkle.multistore_hash(_roots(self._trees))

    def stage(self, height: int, time_ns: int, writes: StoreWrites, beside: BesideWrites = ()) -> bytes:
        """The app hash after a block with these `writes` on top of the last commit (or of genesis); nothing is on disk yet.

        `beside` is written with them and changes no root. Staging again replaces what was staged.
        """
        assert self._loaded, "load comes first"
        assert height == self.height + 1 or (self._info is None and height > 0), f"height {height} cannot follow {self.height}"
        trees, flat = self._applied(self._trees, writes)
        assert all(key.startswith(BESIDE) for key, _ in beside), "what is beside the state has keys of its own"
        flat += beside
        roots = _roots(trees)
        info = CommitInfo(height=height, time_ns=time_ns, app_hash=simple_merkle.multistore_hash(roots), store_roots=roots)
        self._staged = _Staged(info=info, trees=trees, writes=flat)
        return info.app_hash

    def discard(self) -> None:
        """Forget the staged block, if there is one."""
        self._staged = None

    def commit(self) -> Version:
        """The staged block is on disk, all or nothing, and is the latest version. Raises DatabaseError, and then nothing has changed."""
        staged = self._staged
        assert staged is not None, "nothing is staged"
        self._database.write(chain(self._genesis, staged.writes, ((_COMMIT_KEY, staged.info.encode()),)))
        self._staged = None
        self._genesis = []
        return self._install(staged.info, staged.trees, self._database.snapshot())

    @contextmanager
    def version(self, height: int = 0) -> Iterator[Version]:
        """Holds the version at `height` (0 = the latest) readable for the length of the block, however many commits go by.

        Raises FutureHeightError and PrunedHeightError.
        """
        kept = self._hold(height)
        try:
            yield kept.version
        finally:
            self._release(kept)

    def close(self, timeout_seconds: float = 5) -> None:
        """Close the database as soon as nobody holds a version; no new holder is let in. Closing twice is harmless.

        Raises DatabaseError when versions are still held after `timeout_seconds`: the database then stays open until the process ends,
        which loses nothing.
        """
        with self._changed:
            self._closed = True
            if not self._changed.wait_for(lambda: self._held == 0, timeout_seconds):
                raise DatabaseError(f"the database in {self._directory} stays open: {self._held} readers still use it")
            while self._versions:
                self._drop_oldest()
        self._database.close()

    def _load_store(self, snapshot: Snapshot, name: str) -> Generator[tuple[str, bytes, bytes], None, tree.Node | None]:
        base = store_prefix(name)
        skipped = len(base)
        builder = tree.Builder()
        for stored, value in snapshot.iterate(base, successor(base), fill_cache=False):
            key = stored[skipped:]
            if not 0 < len(key) <= tree.KEY_BYTES_MAX or not value:
                raise self._damaged(f"the store {name!r} holds an impossible pair at key {key.hex()}")
            builder.add(key, value)
            yield name, key, value
        return builder.finish()

    def _read_commit_info(self, snapshot: Snapshot) -> CommitInfo | None:
        data = snapshot.get(_COMMIT_KEY)
        if data is None:
            if next(snapshot.iterate(b"s/", b"s0"), None) is not None:
                raise self._damaged("there are values but no commit record")
            return None
        try:
            info = CommitInfo.decode(data)
        except ValueError as error:
            raise self._damaged(str(error)) from error
        if tuple(info.store_roots) != self.store_names:
            raise DatabaseError(
                f"the database in {self._directory} has the stores {', '.join(info.store_roots)},"
                f" but this program has {', '.join(self.store_names)}: it was written by another version"
            )
        return info

    def _check_roots(self, info: CommitInfo | None, trees: Mapping[str, tree.Node | None]) -> None:
        if info is None:
            return
        for name, root in _roots(trees).items():
            if root != info.store_roots[name]:
                raise self._damaged(f"the store {name!r} does not match its root of height {info.height}")
        if simple_merkle.multistore_hash(info.store_roots) != info.app_hash:
            raise self._damaged(f"the stores do not match the app hash of height {info.height}")

    def _damaged(self, what: str) -> DatabaseCorruptError:
        return DatabaseCorruptError(damage_report(self._directory, what))

    def _applied(
        self, trees: Mapping[str, tree.Node | None], writes: StoreWrites
    ) -> tuple[dict[str, tree.Node | None], list[tuple[bytes, bytes | None]]]:
        """The trees after `writes`, and the writes as the database takes them."""
        after = dict(trees)
        flat: list[tuple[bytes, bytes | None]] = []
        for name in sorted(writes):
            assert name in after, f"there is no store {name!r}"
            changes = writes[name]
            assert all(value != b"" for _, value in changes), f"a value for {name!r} is empty"
            after[name] = tree.apply(after[name], changes)
            base = store_prefix(name)
            flat += [(base + key, value) for key, value in changes]
        return after, flat

    def _install(self, info: CommitInfo, trees: Mapping[str, tree.Node | None], snapshot: Snapshot) -> Version:
        version = Version(info, trees, snapshot)
        with self._changed:
            self._info = info
            self._trees = trees
            self._versions[info.height] = _Kept(version, snapshot)
            while len(self._versions) > self._kept_versions:
                self._drop_oldest()
        return version

    def _drop_oldest(self) -> None:
        kept = self._versions.pop(next(iter(self._versions)))
        kept.dropped = True
        if kept.readers == 0:
            kept.snapshot.close()

    def _hold(self, height: int) -> _Kept:
        with self._changed:
            if self._closed:
                raise DatabaseError(f"the database in {self._directory} is being closed")
            latest = self.height
            if latest == 0:
                raise FutureHeightError("no block is committed yet")
            if height > latest:
                raise FutureHeightError(f"height {height} is not committed yet: the latest is {latest}")
            kept = self._versions.get(height or latest)
            if kept is None:
                raise PrunedHeightError(f"height {height} is not kept: the earliest is {next(iter(self._versions))}")
            kept.readers += 1
            self._held += 1
            return kept

    def _release(self, kept: _Kept) -> None:
        with self._changed:
            kept.readers -= 1
            self._held -= 1
            if kept.dropped and kept.readers == 0:
                kept.snapshot.close()
            if self._held == 0:
                self._changed.notify_all()


def _roots(trees: Mapping[str, tree.Node | None]) -> dict[str, bytes]:
    return {name: tree.root_hash(root) for name, root in trees.items()}
