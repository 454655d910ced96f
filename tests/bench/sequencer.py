"""The sequencer alone: the canonical order of a large set, Process of a block whose transactions were checked before, and Prepare."""

import gc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.chain import MixedLoad, chain_of, localnet_state
from bench.micro import application, chain_genesis_bytes
from bench.report import Line, Report, median

from modules.consensus.model import DEFAULT_PARAMS
from node.sequencer.order import canonical_order, seed_of
from node.tx.envelope import Decoder
from node.tx.router import Router
from support import load

ORDERED_TXS = 10_000
ACCOUNTS = 600
ROUNDS = 7


def sequencer(report: Report, directory: Path) -> None:
    """10,000 short-term orders and cancels of 600 accounts, in three lanes."""
    people = load.traders(ACCOUNTS)
    state = load.with_traders(localnet_state(), people)
    state["consensus"] = {"sequencer": {"max_block_txs": ORDERED_TXS, "max_block_bytes": 4 * DEFAULT_PARAMS.max_block_bytes}}
    app = application(directory)
    chain = chain_of(app, chain_genesis_bytes(state))
    chain.max_tx_bytes *= 4
    chain.start()
    chain.run(1)
    mixed = MixedLoad(people, load.markets(state), flags=load.SHORT_TERM)
    pool: list[bytes] = []
    while len(pool) < ORDERED_TXS:
        pool += mixed.block(chain.height + 1, chain.time_ns // 10**9)
    for tx in pool:
        answer = chain.apps[0].check_tx(tx, False)
        assert isinstance(answer, bytes)
    # The engine's pool has arrival order; a block has the canonical one.
    block = chain.prepare(pool)
    assert len(block) == ORDERED_TXS + 1
    decoder = Decoder(Router(app.wiring.messages))
    txs = [decoder.decode(raw) for raw in pool]
    seed = seed_of(chain.chain_id, chain.height + 1, chain.app_hash)
    gc.collect()
    gc.freeze()
    ordering = _milliseconds(lambda: canonical_order(seed, txs))
    processing = _milliseconds(lambda: chain.process(block))
    preparing = _milliseconds(lambda: chain.prepare(pool))
    assert chain.process(block) == [True]
    gc.unfreeze()
    app.store.close()
    report.begin(f"sequencer: {ORDERED_TXS:,} transactions of {ACCOUNTS} accounts, all checked before")
    report.add(Line(what="canonical order", value=ordering, unit="ms", target=50, more_is_better=False))
    beside = (processing - ordering) * 1e3 / ORDERED_TXS
    report.add(Line(what="ProcessProposal beside its sort", value=beside, unit="µs/tx", target=20, more_is_better=False))
    report.add(Line(what="ProcessProposal", value=processing, unit="ms"))
    report.add(Line(what="PrepareProposal", value=preparing, unit="ms"))


def _milliseconds(work: Callable[[], Any]) -> float:
    """The median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        begin = perf_counter()
        work()
        found.append((perf_counter() - begin) * 1e3)
    return median(found)
