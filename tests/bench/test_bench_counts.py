"""What a block costs in counts, not in times: these hold on every machine, and a change of them is a change of the design."""

import gc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from bench import micro
from bench.chain import BLOCK_TXS, CANCELS, CROSSING, MixedLoad, chain_of, decide_unseen, failures, localnet_state
from bench.micro import application, chain_genesis_bytes
from bench.stages import Stages, wrapped

from node.store.database import Snapshot
from node.tx import signature
from node.tx.envelope import Decoder
from support import load
from support.chain import Chain

PEOPLE = 1_200
HASHES_PER_TX_MAX = 24
"""Measured 18; the cache key, the sign document, tickets and the tree's nodes. A hash is 0.5 µs."""

GARBAGE_OBJECTS_MAX = 100
"""In three blocks of 1,000 transactions; a cycle per transaction would be thousands."""


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain of one application with funded traders."""
    directory: Path = tmp_path_factory.mktemp("counts")
    app = application(directory)
    state = load.with_traders(localnet_state(), load.traders(PEOPLE))
    found = chain_of(app, chain_genesis_bytes(state))
    found.start()
    found.run(2)
    yield found
    app.store.close()


@pytest.fixture(scope="module")
def mixed() -> MixedLoad:
    """Short-term load of those traders."""
    return MixedLoad(load.traders(PEOPLE), load.markets(localnet_state()), flags=load.SHORT_TERM)


def next_txs(chain: Chain, mixed: MixedLoad) -> list[bytes]:
    """The load of the next block."""
    return mixed.block(chain.height + 1, chain.time_ns // 10**9)


def test_the_load_of_the_benches_is_what_it_says(chain: Chain, mixed: MixedLoad) -> None:
    """Of 1,000 transactions 300 fill, 100 cancel, and none fails."""
    chain.block(next_txs(chain, mixed))
    block = chain.block(next_txs(chain, mixed))
    events = [event.type for result in block.results for event in result.events]
    assert not failures(block)
    assert len(block.txs) == BLOCK_TXS + 1
    assert events.count("match") == CROSSING
    assert events.count("order_cancelled") == CANCELS


@pytest.mark.parametrize("seen", [True, False])
def test_a_node_decodes_and_verifies_a_transaction_once(chain: Chain, mixed: MixedLoad, seen: bool) -> None:
    """From CheckTx through Prepare, Process, Finalize and Commit, or in FinalizeBlock alone: one decoding, one signature check."""
    txs = next_txs(chain, mixed)
    tally = Stages()
    targets = [(signature, "verify", partial(tally.counting, "signature")), (Decoder, "decode", partial(tally.counting, "decode"))]
    with wrapped(targets), micro.hashes_counted(tally):
        if seen:
            chain.block(txs, check=True)
        else:
            decide_unseen(chain, txs)
    assert tally.calls["signature"] == BLOCK_TXS
    assert tally.calls["decode"] == BLOCK_TXS
    assert BLOCK_TXS < tally.calls["sha256"] <= HASHES_PER_TX_MAX * BLOCK_TXS


def test_execution_never_reads_the_database(chain: Chain, mixed: MixedLoad) -> None:
    """Live objects are the state: a block reads LevelDB nowhere."""
    txs = next_txs(chain, mixed)
    tally = Stages()
    with wrapped([(Snapshot, name, partial(tally.counting, name)) for name in ("get", "iterate")]):
        chain.block(txs, check=True)
    assert not tally.calls


def test_blocks_leave_no_cyclic_garbage(chain: Chain, mixed: MixedLoad) -> None:
    """What blocks drop is freed by reference counts alone: collections, the node's own after each commit among them, find nothing."""
    loads = [mixed.block(chain.height + 1 + ahead, chain.time_ns // 10**9) for ahead in range(3)]
    collected: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            collected.append(info["collected"])

    gc.collect()
    gc.callbacks.append(note)
    try:
        for txs in loads:
            for tx in txs:
                chain.apps[0].check_tx(tx, False)
            decide_unseen(chain, txs)
        gc.collect()
    finally:
        gc.callbacks.remove(note)
    assert len(collected) > len(loads), "the node collects after each commit"
    assert sum(collected) < GARBAGE_OBJECTS_MAX, f"{collected} objects were in cycles"
