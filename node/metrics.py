"""Prometheus metrics of one node. Fed from results and timings here in `node`; the state machine knows nothing of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from modules.kernel.errors import ChainError
from node.executor import Tally

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The node's counters. One registry per node, so that several nodes fit into one process (tests)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.height = Gauge("perpd_height", "Last committed height.", registry=self.registry)
        self.blocks = Counter("perpd_blocks", "Committed blocks.", registry=self.registry)
        self.txs = Counter("perpd_txs", "Executed transactions by result.", ("codespace", "code"), registry=self.registry)
        self.checks = Counter("perpd_checks", "CheckTx verdicts.", ("codespace", "code", "kind"), registry=self.registry)
        self.fills = Counter("perpd_fills", "Matches between orders.", registry=self.registry)
        rejection = ("rule", "proposer")
        self.rejections = Counter("perpd_proposals_rejected", "Rejected proposals.", rejection, registry=self.registry)
        self.rejected_height = Gauge("perpd_last_rejected_height", "Of the last one.", rejection, registry=self.registry)
        self.rejected_position = Gauge(
            "perpd_last_rejected_position", "Of the last one's first offending transaction.", rejection, registry=self.registry
        )
        self.left_out = Counter("perpd_txs_left_out", "Transactions that proposals left out, by rule.", ("rule",), registry=self.registry)
        self.stage_seconds = Histogram(
            "perpd_stage_seconds", "Time by stage of a block's life.", ("stage",), buckets=_SECONDS, registry=self.registry
        )
        self.venue_answers = Counter(
            "perpd_venue_answers", "Answers with prices, by venue of the feeder.", ("venue",), registry=self.registry
        )
        self.venue_errors = Counter("perpd_venue_errors", "Requests without prices.", ("venue", "reason"), registry=self.registry)
        self.venue_answering = Gauge(
            "perpd_venue_answering", "1 while it answers, 0 while it does not.", ("venue",), registry=self.registry
        )
        self.venue_age = Gauge("perpd_venue_age_seconds", "Since its last answer.", ("venue",), registry=self.registry)
        self._accepted = {recheck: self.checks.labels("", "0", "recheck" if recheck else "new") for recheck in (False, True)}
        self._succeeded = self.txs.labels("", "0")

    def checked(self, error: ChainError | None, *, recheck: bool) -> None:
        """One CheckTx verdict; None accepts."""
        if error is None:
            self._accepted[recheck].inc()
        else:
            self.checks.labels(error.codespace, str(error.code), "recheck" if recheck else "new").inc()

    def rejected(self, rule: str, proposer: bytes, height: int, position: int) -> None:
        """A proposal was rejected by this rule, first at this position. `proposer` is an address from the engine's own validator set."""
        labels = (rule, proposer.hex())
        self.rejections.labels(*labels).inc()
        self.rejected_height.labels(*labels).set(height)
        self.rejected_position.labels(*labels).set(position)

    def committed(self, height: int, tally: Tally) -> None:
        """One block is final."""
        self.height.set(height)
        self.blocks.inc()
        self.fills.inc(tally.fills)
        failed = sum(tally.failures.values())
        self._succeeded.inc(tally.admitted - failed)
        for (codespace, code), count in tally.failures.items():
            self.txs.labels(codespace, str(code)).inc(count)
        if tally.refused:
            self.txs.labels("sequencer", "refused").inc(tally.refused)

    def venue_followed(self, venue: str, age_seconds: Callable[[], int]) -> None:
        """The feeder asks this venue; `age_seconds`: since its last answer."""
        self.venue_age.labels(venue).set_function(age_seconds)

    def venue_answered(self, venue: str) -> None:
        """It gave prices."""
        self.venue_answers.labels(venue).inc()
        self.venue_answering.labels(venue).set(1)

    def venue_failed(self, venue: str, reason: str, *, silent: bool) -> None:
        """A request gave none; `silent`: it is given up for now."""
        self.venue_errors.labels(venue, reason).inc()
        if silent:
            self.venue_answering.labels(venue).set(0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage of a block's life."""
        began = perf_counter()
        yield
        self.stage_seconds.labels(name).observe(perf_counter() - began)

    def serve(self, address: str) -> None:
        """Answer Prometheus on `host:port`, in a thread of its own."""
        host, _, port = address.rpartition(":")
        start_http_server(int(port), addr=host, registry=self.registry)
