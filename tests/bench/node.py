"""`make bench`: the speed of one node, each figure beside its budget (design.md section 9).

Rates are what a client of the node's socket sees, with the node as a process of its own (the client's framing runs on another core);
medians over several rounds. The shares of the stages come from a separate run in this process, with timers around the stages, so that
they do not disturb the totals. Blocks of 1,000 transactions hold 600 resting limit orders, 300 crossing ones and 100 cancels.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

from bench import books, micro, prices
from bench.chain import BLOCK_TXS, LIFE_BLOCKS, MixedLoad, NodeProcess, TimedApplication, chain_of, decide_unseen, failures, localnet_state
from bench.report import Line, Report, machine, median
from bench.sequencer import sequencer

from node.abci.client import Client, check_tx_frames, open_response
from support import load
from support.broadcast import memory_bytes, quantile
from support.chain import Chain

PARTS = ("process", "stages", "sequencer", "micro", "books", "prices")
FLAGS = {"short-term": load.SHORT_TERM, "long-term": load.LONG_TERM}
IDLE_CALLS = 2_000
ORDERS_FOR_MEMORY = 10_000
KEYS_PER_TRADER = 3
"""Auth account, bank balance, subaccount."""


class Bench:
    """One node process with its chain, and what is measured on it."""

    def __init__(self, report: Report, directory: Path, people: list[load.Trader], rounds: int) -> None:
        self.report = report
        self.rounds = rounds
        self.people = people
        plain = localnet_state()
        self.books = load.markets(plain)
        self.node = NodeProcess(directory, load.with_traders(plain, people))
        self.node.start()
        self.client: Client = self.node.client()
        self.app = TimedApplication(self.client)
        self.chain: Chain = chain_of(self.app, self.node.app_state)
        self.chain.start()
        self.chain.run(3)
        self._next_client_id = 10_000_000

    def restart(self) -> float:
        """The process is a new one with the same state; seconds until it answered."""
        self.node.stop()
        seconds = self.node.start()
        self.client = self.node.client()
        self.app = self.chain.apps[0] = TimedApplication(self.client)
        height = self.client.info().last_block_height
        assert height == self.chain.height, f"the node is at {height}, not {self.chain.height}"
        return seconds

    def single_orders(self, count: int) -> list[bytes]:
        """Signed short-term placements of different signers, as far as there are so many."""
        txs = []
        for index in range(count):
            self._next_client_id += 1
            book = self.books[index % len(self.books)]
            subticks = book.middle_subticks - (10 + index % 100) * book.tick_subticks
            order = load.Order(
                self.people[index % len(self.people)], book, True, book.step_base_quantums, subticks, self._next_client_id, load.REST
            )
            content = load.message(order, flags=load.SHORT_TERM, good_til=self.chain.height + LIFE_BLOCKS)
            txs.append(load.signed(order.trader, content, 0, self.chain.chain_id))
        return txs

    def checks(self, txs: list[bytes], *, recheck: bool = False) -> float:
        """Transactions per second through CheckTx on one connection, all of them accepted."""
        frames = check_tx_frames(txs, recheck=recheck)
        begin = perf_counter()
        answers = self.client.check_txs_raw(frames)
        seconds = perf_counter() - begin
        refused = [answer for answer in (open_response(body, "check_tx") for body in answers) if answer.code]
        assert not refused, f"{len(refused)} of {len(txs)} were refused: {refused[0].codespace}/{refused[0].code} {refused[0].log}"
        return len(txs) / seconds

    def check_tx(self) -> None:
        """CheckTx of new transactions, of known ones, and one at a time."""
        fresh, again = [], []
        for _ in range(self.rounds):
            txs = self.single_orders(len(self.people))
            fresh.append(self.checks(txs))
            self.chain.run(1)
            again.append(self.checks(txs, recheck=True))
            self.chain.run(1)
        self.report.add(
            Line(what="CheckTx, signed place-order, unique signers", value=median(fresh), unit="tx/s", target=6_000, floor=4_000)
        )
        self.report.add(Line(what="recheck (known transaction)", value=median(again), unit="tx/s", target=60_000, floor=30_000))
        milliseconds = []
        for frame in check_tx_frames(self.single_orders(IDLE_CALLS)):
            begin = perf_counter()
            self.client.check_txs_raw([frame])
            milliseconds.append((perf_counter() - begin) * 1e3)
        self.chain.run(1)
        self.report.add(Line(what="CheckTx alone on an idle node, p50", value=quantile(milliseconds, 0.5), unit="ms"))
        line = Line(
            what="CheckTx alone on an idle node, p99",
            value=quantile(milliseconds, 0.99),
            unit="ms",
            target=0.5,
            floor=1,
            more_is_better=False,
        )
        self.report.add(line)

    def blocks(self, kind: str, people: list[load.Trader]) -> None:
        """FinalizeBlock + Commit of mixed blocks, checked before and never seen; the first block of each is not counted."""
        mixed = MixedLoad(people, self.books, flags=FLAGS[kind])
        for seen in (True, False):
            rates: list[float] = []
            parts: list[list[float]] = []
            fills, failed = 0, Counter[str]()
            for round_ in range(self.rounds + 1):
                txs = mixed.block(self.chain.height + 1, self.chain.time_ns // 10**9)
                if seen:
                    self.checks(txs)
                    block = self.chain.block(txs)
                else:
                    block = decide_unseen(self.chain, txs)
                assert len(block.txs) == BLOCK_TXS + 1, f"{BLOCK_TXS + 1 - len(block.txs)} transactions were left out"
                if round_:
                    seconds = self.app.last("finalize_block") + self.app.last("commit")
                    rates.append(BLOCK_TXS / seconds)
                    parts.append(
                        [self.app.last(name) * 1e3 for name in ("finalize_block", "commit", "prepare_proposal", "process_proposal")]
                    )
                    fills += sum(event.type == "match" for result in block.results for event in result.events)
                    failed.update(failures(block))
            names = "checked before" if seen else "never seen"
            budget = (5_000, 3_000) if seen else (3_000, 2_000)
            target, floor = budget if kind == "short-term" else (0, 0)
            what = f"FinalizeBlock + Commit, 1,000 {kind} txs, {names}"
            note = f"{fills / self.rounds / BLOCK_TXS:.2f} fills/tx" + (f", failed {dict(failed)}" if failed else "")
            self.report.add(Line(what=what, value=median(rates), unit="tx/s", target=target, floor=floor, note=note))
            finalize, commit, prepare, process = (median([row[index] for row in parts]) for index in range(4))
            rest = f", prepare {prepare:.0f} ms, process {process:.0f} ms" if seen else ""
            self.report.remark(f"  of it finalize {finalize:.0f} ms, commit {commit:.0f} ms{rest}")

    def memory_per_order(self) -> None:
        """What resident memory grows by for orders on the book, between two fresh starts."""
        self.restart()
        before = memory_bytes(self.node.pid)
        mixed = MixedLoad(self.people, self.books, flags=load.LONG_TERM, seed=7)
        for _ in range(ORDERS_FOR_MEMORY // BLOCK_TXS):
            block = decide_unseen(self.chain, mixed.resting(BLOCK_TXS, self.chain.time_ns // 10**9))
            assert not failures(block), failures(block)
        self.restart()
        each = (memory_bytes(self.node.pid) - before) / ORDERS_FOR_MEMORY / 1e3
        self.report.add(Line(what="memory per resting order", value=each, unit="KB", target=1.2, floor=2.4, more_is_better=False))


def idle_memory(report: Report, directory: Path) -> float:
    """Resident memory of a node on genesis/localnet.json after five blocks; returned in bytes."""
    node = NodeProcess(directory, localnet_state())
    try:
        node.start()
        chain = chain_of(TimedApplication(node.client()), node.app_state)
        chain.start()
        chain.run(5)
        resident = memory_bytes(node.pid)
    finally:
        node.stop()
    report.add(Line(what="memory of an idle node process", value=resident / 1e6, unit="MB", target=100, floor=150, more_is_better=False))
    return resident


def many_keys(report: Report, directory: Path, keys: int, base_bytes: float) -> None:
    """Restart with so many keys, and memory per account in a process that has just started."""
    people = load.traders(keys // KEYS_PER_TRADER)
    node = NodeProcess(directory, load.with_traders(localnet_state(), people))
    try:
        node.start()
        app = TimedApplication(node.client())
        chain = chain_of(app, node.app_state)
        chain.start()
        report.remark(f"InitChain of {len(people):,} accounts took {app.last('init_chain'):.1f} s")
        chain.run(2)
        restarts = []
        for _ in range(3):
            node.stop()
            restarts.append(node.start())
        assert node.client().info().last_block_height == 2
        resident = memory_bytes(node.pid)
    finally:
        node.stop()
    target, floor = (2, 5) if keys <= 200_000 else (15, 30)
    report.add(Line(what=f"restart from {keys:,} keys", value=median(restarts), unit="s", target=target, floor=floor, more_is_better=False))
    each = (resident - base_bytes) / len(people) / 1e3
    report.add(Line(what="memory per account", value=each, unit="KB", target=1.5, floor=3, more_is_better=False))


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--accounts", type=int, default=2_000, help="funded accounts with a subaccount each (20,000 takes a while)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the median counts")
    parser.add_argument("--keys", type=int, default=100_000, help="state keys for the restart; 0 leaves it out")
    parser.add_argument("--large", action="store_true", help="also 100,000 accounts in the liquidation pass")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a figure is below its floor")
    return parser.parse_args(arguments)


def measure_process(report: Report, options: argparse.Namespace, directory: Path) -> None:
    """Everything that is seen from outside of a node process."""
    report.begin(f"one node process, {options.accounts:,} funded accounts, over its unix socket")
    base_bytes = idle_memory(report, directory / "idle")
    people = load.traders(options.accounts)
    bench = Bench(report, directory / "node", people, options.rounds)
    try:
        bench.check_tx()
        bench.blocks("short-term", people)
        # Long-term orders use up sequences: people of their own.
        half = len(people) // 2
        bench.blocks("long-term", people[:half])
        bench.people = people[half:]
        bench.memory_per_order()
    finally:
        bench.node.stop()
    if options.keys:
        many_keys(report, directory / "keys", options.keys, base_bytes)


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 with `--strict` where something is below its floor."""
    options = parse(arguments)
    parts = options.only or PARTS
    report = Report()
    report.say(f"perpd, one node: {machine()}")
    logging.disable(logging.WARNING)
    directory = Path(tempfile.mkdtemp(prefix="perpd-bench-"))
    try:
        if "process" in parts:
            measure_process(report, options, directory)
        if "stages" in parts:
            micro.stages(report, directory / "stages", options.accounts, options.rounds)
        if "sequencer" in parts:
            sequencer(report, directory / "sequencer")
        if "micro" in parts:
            report.begin("single parts of a block")
            micro.liquidation_pass(report, 10_000)
            if options.large:
                micro.liquidation_pass(report, 100_000)
            micro.merkle_root(report)
        if "books" in parts:
            books.books(report)
        if "prices" in parts:
            prices.prices(report)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        report.write_json(options.json)
    if report.failed:
        report.say(f"\nbelow their floors: {'; '.join(report.failed)}")
    return 1 if options.strict and report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
