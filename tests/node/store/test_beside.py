"""What is kept beside the state: in the batch of its block, under no root, as old as the version that is read."""

from pathlib import Path

import pytest

from support.store_blocks import block_writes, opened, time_of

SEED = 11
KEY = b"h/x/1"


def test_it_is_written_with_its_block_and_changes_no_root(tmp_path: Path) -> None:
    """Read at each version as of its commit, there after a restart, not among the loaded pairs."""
    with opened(tmp_path) as (store, _):
        plain = store.stage(1, time_of(1), block_writes(SEED, 1))
        assert store.stage(1, time_of(1), block_writes(SEED, 1), [(KEY, b"one"), (b"h/x/2", b"two")]) == plain
        store.commit()
        store.stage(2, time_of(2), {}, [(KEY, b"changed"), (b"h/x/2", None)])
        with store.version() as version:
            assert version.beside(KEY) == b"one", "nothing of a staged block is read"
        store.commit()
        with store.version(1) as version:
            assert list(version.beside_pairs(b"h/x/", b"h/y")) == [(KEY, b"one"), (b"h/x/2", b"two")]
        with store.version() as version:
            assert (version.beside(KEY), version.beside(b"h/x/2")) == (b"changed", None)
    with opened(tmp_path) as (store, loaded):
        assert not [value for held in loaded.values() for value in held.values() if value in (b"one", b"changed")]
        with store.version() as version:
            assert list(version.beside_pairs(b"h/", b"z")) == [(KEY, b"changed")]


def test_what_was_staged_before_is_forgotten(tmp_path: Path) -> None:
    """Staging again, and discarding, replace what lies beside too."""
    with opened(tmp_path) as (store, _):
        store.stage(1, time_of(1), {}, [(KEY, b"lost")])
        store.stage(1, time_of(1), {}, [(b"h/y", b"kept")])
        store.commit()
        store.stage(2, time_of(2), {}, [(KEY, b"lost")])
        store.discard()
        store.stage(2, time_of(2), {})
        store.commit()
        with store.version() as version:
            assert list(version.beside_pairs(b"h/", b"i")) == [(b"h/y", b"kept")]


def test_it_never_touches_the_state(tmp_path: Path) -> None:
    """Keys of values and of the commit record are refused, in writing and in reading."""
    with opened(tmp_path) as (store, _):
        for key in (b"s/auth/k", b"m/commit", b"x"):
            with pytest.raises(AssertionError, match="keys of its own"):
                store.stage(1, time_of(1), {}, [(key, b"1")])
        store.stage(1, time_of(1), block_writes(SEED, 1))
        store.commit()
        with store.version() as version, pytest.raises(AssertionError, match="read by store"):
            version.beside(b"m/commit")
