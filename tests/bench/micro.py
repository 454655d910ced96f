"""Measurements inside this process: the shares of the stages, counts per transaction, the liquidation pass, the Merkle root."""

import contextlib
import gc
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.chain import BLOCK_TXS, CHAIN_ID, MixedLoad, TimedApplication, chain_of, localnet_state
from bench.report import Line, Report, median
from bench.stages import Stages, Wrapper, importers, wrapped

from modules.authority.changes import Changes
from modules.clob.keeper import ClobKeeper
from modules.consensus.keeper import ConsensusKeeper
from modules.consensus.model import EngineParams
from modules.fees.keeper import FeesKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.liquidation.keeper import LiquidationKeeper
from modules.oracle.model import PriceVote
from modules.subaccounts.keeper import SubaccountsKeeper
from node import chain_genesis, results
from node.app import App
from node.history.history import History
from node.history.notes import Notes
from node.sequencer import admission, block
from node.store import tree
from node.store.chain_store import ChainStore
from node.store.database import Database
from node.store.state import LiveState
from node.tx import signature
from node.tx.cache import TxCache
from node.tx.envelope import Decoder, Tx
from node.wiring import Wiring
from support import load
from support.chain import GENESIS_TIME_NS, Chain

DECODE, SIGNATURE, HASH, ADMISSION, PREAMBLE = "decode", "signature", "hash, cache", "admission, order", "preamble"
MATCH, RISK, EDGES, LIQUIDATION = "match", "risk, positions", "begin, end of block", "liquidation pass"
FEES, HISTORY, ENGINE, CHANGES = "fees, volume", "history of orders", "triggers, slices", "authority's changes"
RESULTS, ENCODE, TREE, DISK, REST = "events, results", "encode state", "tree", "disk", "executor, other"
ORDER = (
    *(DECODE, SIGNATURE, HASH, ADMISSION, PREAMBLE, MATCH, RISK, FEES, LIQUIDATION, ENGINE, EDGES, CHANGES),
    *(RESULTS, HISTORY, ENCODE, TREE, DISK, REST),
)

TIMED: tuple[tuple[Any, str, str], ...] = (
    (App, "finalize_block", REST),
    (App, "commit", REST),
    (TxCache, "read", HASH),
    (Decoder, "decode", DECODE),
    (Tx, "command", DECODE),
    (Tx, "is_signed_by", SIGNATURE),
    (admission, "admit", ADMISSION),
    (block, "open_block", PREAMBLE),
    (ClobKeeper, "place", MATCH),
    (ClobKeeper, "cancel", MATCH),
    (SubaccountsKeeper, "match", RISK),
    (SubaccountsKeeper, "would_collateralise", RISK),
    (FeesKeeper, "rates", FEES),
    (FeesKeeper, "payouts", FEES),
    (FeesKeeper, "record", FEES),
    (FeesKeeper, "end_block", FEES),
    (ClobKeeper, "run_due", ENGINE),
    (ClobKeeper, "begin_block", EDGES),
    (ClobKeeper, "end_block", EDGES),
    (FundingKeeper, "begin_block", EDGES),
    (SubaccountsKeeper, "begin_block", EDGES),
    (SubaccountsKeeper, "conservation", EDGES),
    (Changes, "end_block", CHANGES),
    (ConsensusKeeper, "end_block", EDGES),
    (LiquidationKeeper, "run", LIQUIDATION),
    (results, "tx_result", RESULTS),
    (results, "failure", RESULTS),
    (results, "finalize_response", RESULTS),
    (Notes, "transaction", HISTORY),
    (Notes, "protocol", HISTORY),
    (History, "rows", HISTORY),
    (LiveState, "changes", ENCODE),
    (tree, "apply", TREE),
    (Database, "write", DISK),
    (Database, "snapshot", DISK),
)


def application(directory: Path) -> App:
    """A whole application of this process, with its state in `directory`."""
    wiring = Wiring()
    return App(ChainStore(directory, wiring.registry.stores), wiring)


def stages(report: Report, directory: Path, accounts: int, rounds: int) -> None:
    """Shares of FinalizeBlock + Commit by stage, checked before and never seen; then what is counted per transaction."""
    people = load.traders(accounts)
    state = load.with_traders(localnet_state(), people)
    clock = Stages()
    targets = [(owner, name, partial(clock.timing, stage)) for owner, name, stage in TIMED]
    report.begin("share of each stage in FinalizeBlock + Commit, µs per transaction (timers in this process; medians)")
    tables = {}
    for seen in (True, False):
        with wrapped(targets):
            app = application(directory / ("seen" if seen else "unseen"))
            chain = chain_of(TimedApplication(app), chain_genesis_bytes(state))
            chain.start()
            mixed = MixedLoad(people, load.markets(state), flags=load.SHORT_TERM)
            rows = [_stage_row(chain, clock, mixed, seen=seen) for _ in range(rounds + 1)][1:]
        app.store.close()
        tables["checked before" if seen else "never seen"] = rows
    _tell_stages(report, tables)
    counts(report, directory / "counts", people, state)


def chain_genesis_bytes(state: dict[str, Any]) -> bytes:
    """The state as InitChain gets it; it has no mistakes."""
    problems = chain_genesis.validate(state, Wiring().modules)
    assert not problems, problems
    return json.dumps(state).encode()


def _stage_row(chain: Chain, clock: Stages, mixed: MixedLoad, *, seen: bool) -> dict[str, float]:
    """Microseconds per transaction by stage, of one block."""
    txs = mixed.block(chain.height + 1, chain.time_ns // 10**9)
    proposal = None
    if seen:
        for tx in txs:
            chain.apps[0].check_tx(tx, False)
        proposal = chain.prepare(txs)
        assert all(chain.process(proposal))
    else:
        proposal = [*chain.prepare([]), *txs]
    chain.extend(proposal)
    clock.clear()
    chain.decide(proposal)
    return {stage: seconds * 1e6 / BLOCK_TXS for stage, seconds in clock.seconds.items()}


def _tell_stages(report: Report, tables: Mapping[str, list[dict[str, float]]]) -> None:
    """One row per stage, one column per kind of block."""
    columns = {name: {stage: median([row[stage] for row in rows]) for stage in ORDER} for name, rows in tables.items()}
    report.say(f"  {'':<22}" + "".join(f"{name:>24}" for name in columns))
    for stage in ORDER:
        cells = ""
        for name, column in columns.items():
            share = 100 * column[stage] / sum(column.values())
            cells += f"{column[stage]:>16.1f}{share:>6.0f} %"
            report.record(Line(what=f"{stage}, {name}", value=column[stage], unit="µs/tx", note=f"{share:.0f} %"))
        report.say(f"  {stage:<22}{cells}")
    report.say(f"  {'together':<22}" + "".join(f"{sum(column.values()):>16.1f}{100:>6} %" for column in columns.values()))


def counts(report: Report, directory: Path, people: list[load.Trader], state: dict[str, Any]) -> None:
    """What must not grow unnoticed: signature checks and hashes per transaction, through CheckTx, Prepare, Process, Finalize, Commit."""
    tally = Stages()
    count_verify: Callable[[Wrapper], Wrapper] = partial(tally.counting, "signature")
    count_decode: Callable[[Wrapper], Wrapper] = partial(tally.counting, "decode")
    app = application(directory)
    chain = chain_of(app, chain_genesis_bytes(state))
    chain.start()
    mixed = MixedLoad(people, load.markets(state), flags=load.SHORT_TERM)
    chain.block(mixed.block(1, chain.time_ns // 10**9), check=True)
    with wrapped([(signature, "verify", count_verify), (Decoder, "decode", count_decode)]), hashes_counted(tally):
        block_ = chain.block(mixed.block(2, chain.time_ns // 10**9), check=True)
    app.store.close()
    assert len(block_.txs) == BLOCK_TXS + 1
    report.begin("counts per transaction, from CheckTx to Commit")
    report.add(Line(what="signature checks", value=tally.calls["signature"] / BLOCK_TXS, unit="per tx", target=1, exact=True))
    report.add(Line(what="strict decodings", value=tally.calls["decode"] / BLOCK_TXS, unit="per tx", target=1, exact=True))
    report.add(Line(what="SHA-256 hashes (tree and mock consensus included)", value=tally.calls["sha256"] / BLOCK_TXS, unit="per tx"))


@contextlib.contextmanager
def hashes_counted(tally: Stages) -> Iterator[None]:
    """Every `sha256` that our modules have imported by name is counted."""
    plain = hashlib.sha256
    places = [(module, name) for module, name in importers(plain) if name == "sha256"]
    counted = tally.counting("sha256", plain)
    for module, name in places:
        setattr(module, name, counted)
    try:
        yield
    finally:
        for module, name in places:
            setattr(module, name, plain)


def liquidation_pass(report: Report, accounts: int) -> None:
    """The search for liquidatable accounts when prices have moved and nobody is."""
    people = load.traders(accounts)
    document = load.with_positions(load.with_traders(localnet_state(), people), people, 10, per_trader=2)
    wiring = Wiring()
    problems = chain_genesis.validate(document, wiring.modules)
    assert not problems, problems[:3]
    state = LiveState(wiring.registry)
    ctx = Context(state, 1, GENESIS_TIME_NS, CHAIN_ID)
    wiring.consensus.keeper.begin_chain(ctx, **_chain_of_one())
    wiring.init_genesis(ctx, document)
    state.forget()
    gc.collect()
    gc.freeze()
    milliseconds = []
    for round_ in range(7):
        ctx = Context(state, round_ + 2, GENESIS_TIME_NS + (round_ + 1) * 10**9, CHAIN_ID)
        votes = tuple(
            (market.id, wiring.oracle.keeper.recorded(ctx, market.id).price * 10_010 // 10_000)
            for market in wiring.oracle.keeper.markets(ctx)
        )
        wiring.oracle.keeper.apply_votes(ctx, [PriceVote(1, votes)], 1)
        ctx.scratch.clear()
        begin = perf_counter()
        wiring.liquidation.keeper.run(ctx)
        milliseconds.append((perf_counter() - begin) * 1e3)
        state.forget()
    gc.unfreeze()
    target, floor = (10, 20) if accounts <= 10_000 else (20, 160)
    what = f"liquidation pass, {accounts:,} accounts, {2 * accounts:,} positions"
    report.add(Line(what=what, value=median(milliseconds), unit="ms", target=target, floor=floor, more_is_better=False))


def _chain_of_one() -> dict[str, Any]:
    return {
        "chain_id": CHAIN_ID,
        "initial_height": 1,
        "enable_height": 1,
        "validators": [(bytes(32), 1)],
        "engine": EngineParams(-1, -1, 0, 0, 0, 1),
    }


def merkle_root(report: Report, keys: int = 300_000, changed: int = 2_000) -> None:
    """The root after changes of random keys: no locality, the worst case."""
    source = random.Random(1)
    names = sorted(b"\x01" + source.randbytes(20) for _ in range(keys))
    builder = tree.Builder()
    for name in names:
        builder.add(name, b"value of " + name)
    root = builder.finish()
    gc.collect()
    gc.freeze()
    gc.disable()
    milliseconds = []
    for round_ in range(7):
        writes = [(name, b"%d of " % round_ + name) for name in source.sample(names, changed)]
        begin = perf_counter()
        root = tree.apply(root, writes)
        milliseconds.append((perf_counter() - begin) * 1e3)
    gc.enable()
    gc.unfreeze()
    what = f"Merkle root, {changed:,} random of {keys:,} keys changed"
    report.add(Line(what=what, value=median(milliseconds), unit="ms", target=50, floor=80, more_is_better=False))
