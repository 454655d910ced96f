"""A seeded chain of blocks for the chain store, and a process that commits them until it is killed."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.store import simple_merkle, tree
from node.store.chain_store import ChainStore

STORES = ("auth", "bank", "clob", "void")  # `void` stays empty

Pairs = dict[str, dict[bytes, bytes]]


def genesis_writes(seed: int) -> dict[str, list[tree.Write]]:
    """The first state; block writes touch the same few keys, so that overwrites and deletes are common."""
    return _writes(random.Random(seed), deletes=False)


def block_writes(seed: int, height: int) -> dict[str, list[tree.Write]]:
    """The net writes of one block, a function of the two numbers."""
    return _writes(random.Random((seed << 32) + height), deletes=True)


def pairs_at(seed: int, height: int) -> Pairs:
    """The whole state after block `height`; height 0 is genesis."""
    pairs: Pairs = {name: {} for name in STORES}
    for writes in (genesis_writes(seed), *(block_writes(seed, number) for number in range(1, height + 1))):
        for name, changes in writes.items():
            for key, value in changes:
                if value is None:
                    pairs[name].pop(key, None)
                else:
                    pairs[name][key] = value
    return pairs


def app_hash_of(pairs: Pairs) -> bytes:
    """The app hash of a state, computed without any history."""
    return simple_merkle.multistore_hash({name: tree.root_hash(tree.build(sorted(held.items()))) for name, held in pairs.items()})


def time_of(height: int) -> int:
    """A block's time in nanoseconds."""
    return 1_700_000_000_000_000_000 + height * 1_000_000_007


@contextmanager
def opened(directory: Path, kept_versions: int = 100) -> Iterator[tuple[ChainStore, Pairs]]:
    """A loaded chain store with what it loaded; closed at the end."""
    store = ChainStore(directory, STORES, kept_versions)
    try:
        pairs: Pairs = {name: {} for name in STORES}
        for name, key, value in store.load():
            pairs[name][key] = value
        yield store, pairs
    finally:
        store.close()


def commit_blocks(store: ChainStore, seed: int, last_height: int) -> None:
    """Commit every block up to `last_height`, after genesis where the store is new."""
    if store.height == 0:
        store.stage_genesis(genesis_writes(seed))
    for height in range(store.height + 1, last_height + 1):
        store.stage(height, time_of(height), block_writes(seed, height))
        store.commit()


def main(directory: str, seed: str, last_height: str, dies_staged_at: str) -> None:
    """Commit blocks and report each on standard output; at one height die between stage and commit (0: never)."""
    with opened(Path(directory)) as (store, _):
        if store.height == 0:
            store.stage_genesis(genesis_writes(int(seed)))
        sys.stdout.write(f"{store.height}\n")
        sys.stdout.flush()
        for height in range(store.height + 1, int(last_height) + 1):
            store.stage(height, time_of(height), block_writes(int(seed), height))
            if height == int(dies_staged_at):
                os.kill(os.getpid(), signal.SIGKILL)
            store.commit()
            sys.stdout.write(f"{height}\n")
            sys.stdout.flush()
        sys.stdin.read()  # hold the database until standard input closes


def _writes(rng: random.Random, *, deletes: bool) -> dict[str, list[tree.Write]]:
    def value() -> bytes | None:
        return None if deletes and rng.random() < 0.25 else rng.randbytes(rng.randint(1, 60))

    return {
        name: [(key, value()) for key in sorted({bytes((rng.randrange(6),)) * rng.randint(1, 64) for _ in range(size)})]
        for name, size in (("auth", 8), ("bank", rng.randint(0, 20)), ("clob", 30))
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
