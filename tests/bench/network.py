"""`make bench-net`: real networks of one and of four validators on this machine, driven through `broadcast_tx_sync`.

Crossing orders, half resting and half taking, signed before the start by processes of low priority; the generator is one thread. A run
keeps at most a window of accepted and uncommitted orders in the network, so that it measures what the network takes and not how long its
queue can become; the overload run has no window. Engine and application run as `perpd localnet up` sets them up.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bench.localnet import KINDS, Crew, Localnet, Signers, crews
from bench.report import Line, Report, machine

from support import load
from support.broadcast import (
    ACCEPTED,
    Address,
    BlockWatch,
    Broadcaster,
    Decided,
    Feed,
    Sent,
    Stream,
    decided,
    machine_busy_seconds,
    quantile,
)

PROBE_RATE = 20
WARM_SECONDS = 3.0
"""The first part of a full run is not counted."""
BEFORE_SECONDS, AFTER_SECONDS = 6.0, 20.0
"""How long the probes of the overload run go before and after it."""
RECOVERY_SECONDS = 10.0
SPARE = 1.4
"""So many times the orders that a run should need are signed."""
FASTEST_BLOCK_SECONDS = 0.15
WINDOWS = {1: 2_500, 4: 800}
"""Accepted and uncommitted orders at most. With those under way it must stay below the engine's pool (3,000): what the application accepts
while the pool fills up is dropped by the engine without a word, and the account's later sequences with it."""
OTHERS_TOLERATED = 0.15
"""Cores that other programs may use while we measure, before the report says so."""


class Budget(NamedTuple):
    """Targets and floors of design.md section 9, and what the reference exchange's node does on such a machine."""

    orders: tuple[float, float]
    p50: tuple[float, float]
    p99: tuple[float, float]
    reference: str
    reference_orders: float
    reference_p50: float


BUDGETS = {
    1: Budget((3_000, 2_000), (0.15, 0.15), (0.40, 0.8), "570-750 orders/s, 320-380 fills/s, p50 0.30 s", 750, 0.30),
    4: Budget((1_000, 700), (0.20, 0.35), (0.40, 0.8), "180-280 orders/s with blocks of 2-3.5 s, p50 0.82 s at 20/s", 280, 0.82),
}
NO_BUDGET = Budget((0, 0), (0, 0), (0, 0), "", 0, 0)


class People:
    """The traders of a network, handed out in parts that never meet again: their sequences begin at 0."""

    def __init__(self, count: int) -> None:
        self.all = load.traders(count)
        self.standing = load.traders(2, first=count)
        self._taken = 0

    def take(self, count: int) -> list[load.Trader]:
        found = self.all[self._taken : self._taken + count]
        assert len(found) == count, "there are more runs than traders: use --accounts"
        self._taken += count
        return found


class ShortFeed:
    """Short-term orders of the batch whose heights the chain goes through."""

    def __init__(self, batches: list[deque[bytes]], watch: BlockWatch, first_height: int) -> None:
        self._batches = batches
        self._watch = watch
        self._first_height = first_height

    def __call__(self) -> bytes | None:
        batch = load.batch_of(self._watch.height, self._first_height)
        orders = self._batches[batch] if batch < len(self._batches) else None
        return orders.popleft() if orders else None


def list_feed(orders: deque[bytes]) -> Feed:
    """These orders, one after the other."""
    return lambda: orders.popleft() if orders else None


def until(feed: Feed, end_seconds: float) -> Feed:
    """The feed until a moment of the monotonic clock; then StopIteration, which ends its stream."""

    def limited() -> bytes | None:
        if time.monotonic() >= end_seconds:
            raise StopIteration
        return feed()

    return limited


@dataclass(frozen=True, slots=True)
class ShortPlan:
    """Short-term orders to be signed: for each squad so many of each batch of heights."""

    squads: list[Crew]
    each: int
    batches: int

    @property
    def count(self) -> int:
        """All orders."""
        return len(self.squads) * self.each * self.batches


class NetworkBench:
    """One network and its measurements."""

    def __init__(self, report: Report, net: Localnet, people: People, signers: Signers, options: argparse.Namespace) -> None:
        self.report = report
        self.net = net
        self.people = people
        self.signers = signers
        self.options = options
        self.budget = BUDGETS.get(net.validators, NO_BUDGET)
        self.capacity = options.rate_max or (3_500.0 if net.validators == 1 else 1_500.0)
        """Orders a second; a guess until the first full run has measured it."""
        self.interval_seconds = 0.35
        """Between blocks under load; likewise."""
        self.signing_rate = 5_000.0
        """Orders a second; likewise."""

    def addresses(self, streams: int) -> list[Address]:
        """The nodes in turn."""
        return [self.net.rpc[index % len(self.net.rpc)] for index in range(streams)]

    # Parts

    def stand(self) -> None:
        """The standing orders behind the touch are on the books."""
        bidder, asker = self.people.standing
        orders = load.standing(bidder, asker, self.net.books)
        txs = deque(load.sign_orders(orders, flags=load.LONG_TERM, good_til=int(time.time()) + 86_400, chain_id=self.net.chain_id))
        count = len(txs)
        caster = Broadcaster(self.net.watch)
        caster.run([Stream(self.net.rpc[0], list_feed(txs), label="standing")], 30, until=lambda: not txs)
        assert caster.outcomes[ACCEPTED] == count, caster.outcomes
        self.net.watch.wait_for(self.net.watch.height + 3)

    def idle_latency(self) -> None:
        """Submit to commit at 20 a second, long-term orders."""
        seconds = self.options.latency_seconds
        streams = 4 * self.net.validators
        squads = crews(self.people.take(8 * streams), streams)
        each = int(PROBE_RATE * seconds / streams * SPARE) + 2
        orders = self.signers.long_term(self.net, squads, each, _tomorrow())
        caster = Broadcaster(self.net.watch)
        flow = [
            Stream(address, list_feed(queue), interval_seconds=streams / PROBE_RATE)
            for address, queue in zip(self.addresses(streams), orders, strict=True)
        ]
        first = self.net.watch.height + 1
        caster.run(flow, seconds)
        self.net.watch.wait_for(self.net.watch.height + 3)
        found = decided(self.net.rpc[0], first, self.net.watch.height)
        times = latencies(caster.sent, found, self.net.watch)
        self._tell_latency(f"submit to commit at {PROBE_RATE}/s", times, self.budget.p50, self.budget.p99)
        self._tell_intervals("block interval at 20/s", first, self.net.watch.height)

    def full(self, kind: str) -> None:
        """What the network takes of crossing orders of one kind."""
        options = self.options
        streams = options.connections
        seconds = options.seconds + WARM_SECONDS
        if kind == "long-term":
            feeds = self._long_term(streams, self.capacity, seconds)
        else:
            plan = self._short_plan(streams, self.capacity, seconds, FASTEST_BLOCK_SECONDS, SPARE * self.interval_seconds)
            (feeds,) = self._short_term(plan)
        caster = Broadcaster(self.net.watch)
        flow = [Stream(address, feed) for address, feed in zip(self.addresses(streams), feeds, strict=True)]
        window = options.window or WINDOWS.get(self.net.validators, 800)
        begin = time.monotonic()
        busy_before, cpu_before, own_before = machine_busy_seconds(), self.net.cpu(), time.process_time()
        caster.run(flow, seconds, window=window)
        end = time.monotonic()
        cpu, own, busy = self.net.cpu(), time.process_time() - own_before, machine_busy_seconds() - busy_before
        self.net.watch.wait_for(self.net.watch.height + 3)
        chosen = [block for block in self.net.watch.blocks if begin + WARM_SECONDS <= block.at_seconds <= begin + seconds]
        if len(chosen) < 2:
            raise RuntimeError(f"only {len(chosen)} blocks in {options.seconds:.0f} s of load: nothing can be measured")
        first, last = chosen[0].height, chosen[-1].height
        found = decided(self.net.rpc[0], first - 1, self.net.watch.height)
        elapsed = chosen[-1].at_seconds - chosen[0].at_seconds
        counted = range(first + 1, last + 1)
        failed = sum((found.codes[height] for height in counted), Counter())
        orders = (sum(found.tx_counts[height] for height in counted) - failed.total()) / elapsed
        fills = sum(found.fills[height] for height in counted) / elapsed
        self.report.begin(
            f"{_nodes(self.net.validators)}: {kind} crossing orders, as many as it takes (window {window:,}) for {options.seconds:.0f} s"
        )
        target, floor = self.budget.orders
        note = f"{orders / self.budget.reference_orders:.1f} x the reference" if self.budget.reference_orders else ""
        self.report.add(Line(what="committed orders", value=orders, unit="/s", target=target, floor=floor, note=note))
        self.report.add(Line(what="fills", value=fills, unit="/s"))
        self._tell_intervals("block interval", first, last)
        times = latencies([sent for sent in caster.sent if sent.at_seconds >= begin + WARM_SECONDS], found, self.net.watch)
        self._tell_latency("submit to commit under this load", times)
        self._tell_outcomes(caster, failed)
        spent = {kind_: cpu[kind_] - cpu_before[kind_] for kind_ in KINDS}
        shares = ", ".join(f"{kind_} {100 * seconds_ / (end - begin):.0f} %" for kind_, seconds_ in spent.items())
        others = (busy - own - sum(spent.values())) / (end - begin)
        shares += f", generator {100 * own / (end - begin):.0f} %, others {100 * others:.0f} %"
        self.report.remark(f"processor use (100 % is one core): {shares}")
        if others > OTHERS_TOLERATED:
            self.report.remark("other programs kept this machine busy meanwhile: these figures are too low")
        self.capacity = orders
        self.interval_seconds = elapsed / (last - first)

    def overload(self) -> None:
        """Three times what it takes, without a window; then how soon it is as before."""
        options, net = self.options, self.net
        seconds, rate = options.overload_seconds, 3 * self.capacity
        # Every submission waits for its answer, so overload needs connections: the engine takes 900 a node.
        streams = options.overload_connections
        probes = 4 * net.validators
        probe_seconds = BEFORE_SECONDS + seconds + AFTER_SECONDS
        # A refused order breaks no sequence of later ones, so the probes are short-term too.
        slowest = min(2.0, SPARE * self.interval_seconds)
        fastest = max(FASTEST_BLOCK_SECONDS, self.interval_seconds / 2)
        load_plan = self._short_plan(streams, rate, BEFORE_SECONDS + seconds, fastest, slowest)
        probe_plan = self._short_plan(probes, PROBE_RATE, probe_seconds, FASTEST_BLOCK_SECONDS, 2.0)
        feeds, probe_feeds = self._short_term(load_plan, probe_plan)
        pids = net.processes()
        begin = time.monotonic()
        start, end = begin + BEFORE_SECONDS, begin + BEFORE_SECONDS + seconds
        probe_flow = [
            Stream(address, feed, interval_seconds=probes / PROBE_RATE, label="probe")
            for address, feed in zip(self.addresses(probes), probe_feeds, strict=True)
        ]
        flow = [
            Stream(address, until(feed, end), interval_seconds=streams / rate, starts_seconds=BEFORE_SECONDS, label="load")
            for address, feed in zip(self.addresses(streams), feeds, strict=True)
        ]
        caster = Broadcaster(net.watch)
        first = net.watch.height + 1
        caster.run([*probe_flow, *flow], probe_seconds)
        net.watch.wait_for(net.watch.height + 3)
        found = decided(net.rpc[0], first, net.watch.height)
        self.report.begin(f"{_nodes(net.validators)}: overload, {rate:,.0f} short-term orders/s offered for {seconds:.0f} s")
        self._tell_overload(caster, found, (start, end))
        same = net.processes() == pids
        self.report.add(
            Line(
                what="processes that ended",
                value=0 if same else 1,
                unit="",
                target=0,
                exact=True,
                note="" if same else f"{pids} -> {net.processes()}",
            )
        )

    # Telling

    def _tell_overload(self, caster: Broadcaster, found: Decided, span: tuple[float, float]) -> None:
        start, end = span
        blocks = [block for block in self.net.watch.blocks if start <= block.at_seconds <= end]
        offered = [sent for sent in caster.sent if sent.label == "load"]
        elapsed = blocks[-1].at_seconds - blocks[0].at_seconds
        committed = sum(found.tx_counts[block.height] - found.codes[block.height].total() for block in blocks[1:]) / elapsed
        self.report.add(Line(what="submissions answered", value=len(offered) / (end - start), unit="/s"))
        self.report.add(Line(what="committed orders meanwhile", value=committed, unit="/s"))
        self._tell_intervals("block interval meanwhile", blocks[0].height, blocks[-1].height)
        probes = [sent for sent in caster.sent if sent.label == "probe"]
        before = latencies([sent for sent in probes if sent.at_seconds < start - 1], found, self.net.watch)
        during = latencies([sent for sent in probes if start <= sent.at_seconds < end], found, self.net.watch)
        self._tell_latency("probes before", before)
        self._tell_latency("probes meanwhile", during)
        normal = max(2 * quantile(before, 0.99), quantile(before, 0.99) + 0.2)
        late = [sent.at_seconds - end for sent in probes if sent.at_seconds >= end and not _is_normal(sent, found, self.net.watch, normal)]
        what = f"after its end until probes are below {normal:.2f} s again"
        recovered = max(late, default=0.0)
        self.report.add(Line(what=what, value=recovered, unit="s", target=RECOVERY_SECONDS, floor=RECOVERY_SECONDS, more_is_better=False))
        heights = [block.height for block in self.net.watch.blocks if block.at_seconds >= start]
        failed = sum((found.codes[height] for height in heights if height in found.codes), Counter())
        self._tell_outcomes(caster, failed)
        if caster.skipped:
            self.report.remark(f"not sent, because every connection was waiting for an answer: {caster.skipped:,}")

    def _tell_latency(self, what: str, times: list[float], p50: tuple[float, float] = (0, 0), p99: tuple[float, float] = (0, 0)) -> None:
        for share, name, (target, floor) in ((0.5, "p50", p50), (0.99, "p99", p99)):
            note = ""
            if name == "p50" and target and self.budget.reference_p50:
                note = f"{quantile(times, share) / self.budget.reference_p50:.2f} x the reference"
            elif name == "p50":
                note = f"{len(times):,} orders"
            line = Line(
                what=f"{what}, {name}", value=quantile(times, share), unit="s", target=target, floor=floor, more_is_better=False, note=note
            )
            self.report.add(line)

    def _tell_intervals(self, what: str, first: int, last: int) -> None:
        arrivals = [block.at_seconds for block in self.net.watch.blocks if first <= block.height <= last]
        gaps = [after - before for before, after in pairwise(arrivals)]
        self.report.add(Line(what=f"{what}, p50", value=quantile(gaps, 0.5), unit="s"))
        self.report.add(Line(what=f"{what}, max", value=max(gaps, default=0.0), unit="s"))

    def _tell_outcomes(self, caster: Broadcaster, failed: Counter[str]) -> None:
        refused = {outcome: count for outcome, count in caster.outcomes.most_common() if outcome != ACCEPTED}
        text = ", ".join(f"{count:,} x {outcome}" for outcome, count in refused.items()) or "nothing"
        self.report.remark(f"accepted {caster.outcomes[ACCEPTED]:,}; refused: {text}; failed in blocks: {dict(failed) or 'none'}")

    def memory(self, when: str) -> None:
        """Resident memory of the largest process of each kind."""
        for kind, resident in self.net.memory().items():
            self.report.add(Line(what=f"memory of {kind}, {when}", value=resident / 1e6, unit="MB"))

    # Signing

    def _squads(self, streams: int) -> list[Crew]:
        return crews(self.people.take(max(2 * streams, self.options.run_accounts)), streams)

    def _long_term(self, streams: int, rate: float, seconds: float) -> list[Feed]:
        """One feed per stream, everything signed."""
        began = time.monotonic()
        signed = self.signers.long_term(self.net, self._squads(streams), int(rate * seconds / streams * SPARE), _tomorrow())
        self._note_signing(sum(map(len, signed)), began)
        return [list_feed(queue) for queue in signed]

    def _short_plan(self, streams: int, rate: float, seconds: float, fastest_seconds: float, slowest_seconds: float) -> ShortPlan:
        """Enough for blocks that are between so fast and so slow."""
        each = int(rate * load.BATCH_HEIGHTS * slowest_seconds / streams) + 2
        return ShortPlan(self._squads(streams), each, int(seconds / fastest_seconds / load.BATCH_HEIGHTS) + 2)

    def _short_term(self, *plans: ShortPlan) -> list[list[Feed]]:
        """For each plan one feed per stream, everything signed; the height at which they all begin has just been reached."""
        began = time.monotonic()
        count = sum(plan.count for plan in plans)
        patience = 1.5 * count / self.signing_rate + 1
        first_height = self.net.watch.height + int(patience / FASTEST_BLOCK_SECONDS)
        signed = [self.signers.short_term(self.net, plan.squads, plan.each, plan.batches, first_height) for plan in plans]
        self._note_signing(count, began)
        self.net.watch.wait_for(first_height)
        return [[ShortFeed(row, self.net.watch, first_height) for row in rows] for rows in signed]

    def _note_signing(self, count: int, began_seconds: float) -> None:
        elapsed = time.monotonic() - began_seconds
        self.signing_rate = count / elapsed
        self.report.say(f"  (signed {count:,} orders in {elapsed:.0f} s)")


def latencies(sent: Sequence[Sent], found: Decided, watch: BlockWatch) -> list[float]:
    """Seconds from submission to the arrival of the committed block, of everything that was accepted and committed."""
    arrivals = {block.height: block.at_seconds for block in watch.blocks}
    times = []
    for one in sent:
        height = found.heights.get(sha256(one.raw).digest()) if one.outcome == ACCEPTED else None
        if height is not None and height in arrivals:
            times.append(arrivals[height] - one.at_seconds)
    return times


def _is_normal(sent: Sent, found: Decided, watch: BlockWatch, bound_seconds: float) -> bool:
    """Whether the probe was accepted and committed within the bound."""
    times = latencies([sent], found, watch)
    return bool(times) and times[0] <= bound_seconds


def _tomorrow() -> int:
    return int(time.time()) + 86_400


def _nodes(validators: int) -> str:
    return "one validator" if validators == 1 else f"{validators} validators"


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench-net ARGS=…", description=__doc__)
    parser.add_argument("--validators", type=int, action="append", help="sizes of the networks [1 and 4]")
    parser.add_argument("--kinds", default="long-term,short-term", help="kinds of orders of the full runs")
    parser.add_argument("--seconds", type=float, default=20, help="measured part of a full run")
    parser.add_argument("--latency-seconds", type=float, default=20, help="length of the run at 20 orders a second; 0 leaves it out")
    parser.add_argument("--overload-seconds", type=float, default=30, help="length of the overload; 0 leaves it out")
    parser.add_argument("--connections", type=int, default=256, help="connections in full runs, all nodes together")
    parser.add_argument("--overload-connections", type=int, default=800, help="connections in the overload run, all nodes together")
    parser.add_argument(
        "--window", type=int, default=0, help="accepted and uncommitted orders at most [3000 with one validator, else 1500]"
    )
    parser.add_argument("--rate-max", type=float, default=0, help="orders a second for which the first full run signs enough")
    parser.add_argument("--run-accounts", type=int, default=512, help="traders of one run (the overload has two per connection)")
    parser.add_argument("--accounts", type=int, default=4_000, help="funded traders in genesis")
    parser.add_argument("--shm", action="store_true", help="chain data in memory (/dev/shm), to leave the disk out")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a figure is below its floor")
    return parser.parse_args(arguments)


def measure(report: Report, directory: Path, validators: int, signers: Signers, options: argparse.Namespace) -> None:
    """Everything about networks of one size."""
    people = People(options.accounts)
    report.begin(f"{_nodes(validators)}: genesis/localnet.json and {options.accounts:,} funded traders")
    with Localnet(directory, validators, people.all, people.standing) as net:
        bench = NetworkBench(report, net, people, signers, options)
        if bench.budget.reference:
            report.remark(
                f"reference exchange's node (Go), same orders, such a machine: {bench.budget.reference}; aim: 4 x orders, half the latency"
            )
        bench.stand()
        bench.memory("idle")
        if options.latency_seconds:
            bench.idle_latency()
        for kind in options.kinds.split(","):
            bench.full(kind)
        bench.memory("after full load")
        if options.overload_seconds:
            bench.overload()
            bench.memory("after overload")


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 with `--strict` where something is below its floor."""
    options = parse(arguments)
    report = Report()
    report.say(f"perpd networks: {machine()}")
    directory = Path(tempfile.mkdtemp(prefix="perpd-bench-net-", dir="/dev/shm" if options.shm else None))
    signers = Signers(2)
    try:
        for validators in options.validators or (1, 4):
            measure(report, directory, validators, signers, options)
    finally:
        signers.close()
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        report.write_json(options.json)
    if report.failed:
        report.say(f"\nbelow their floors: {'; '.join(report.failed)}")
    return 1 if options.strict and report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
