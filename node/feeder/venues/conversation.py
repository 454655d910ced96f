"""The talk with one venue: what is asked next, what is remembered of the answers, how long is waited."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from node.feeder.sources import SECOND, Report
from node.feeder.venues.aggregate import Told, Voice
from node.feeder.venues.backoff import Backoff
from node.feeder.venues.venue import Answer, Pair, Reason, Spoken, Venue, VenueError

SILENT_AFTER_FAILURES = 2
"""Failures in a row after which a venue is said to be silent: a single one is no news."""
ASK_AGAIN_SECONDS = 3600
"""After this time a venue is asked once more for a pair that it did not know."""
log = logging.getLogger("feeder")

Ask = Callable[[str], Awaitable[Answer]]
"""Sends one request, for a path, and gives the answer or raises VenueError."""


class Conversation:
    """One venue's own queue, back-off and cache. `step` runs in the poller's thread alone; `voice` and `follow` may be called from
    others: what they share is replaced as a whole, never changed.
    """

    def __init__(self, venue: Venue, clock: Callable[[], int], report: Report | None = None) -> None:
        """`clock`: Unix nanoseconds."""
        self.venue = venue
        self.report = report
        self.answering: bool | None = None
        """None until it has answered or failed often enough to be judged."""
        self.problem = ""
        """Why the last request gave nothing; empty after an answer."""
        self.last_answer_nanoseconds = clock()
        self._clock = clock
        self._told: Mapping[Pair, Told] = {}
        self._wanted: tuple[Pair, ...] = ()
        self._absent: dict[Pair, int] = {}
        self._queue: deque[tuple[Pair, ...]] = deque()
        self._round_nanoseconds = 0
        self._backoff = Backoff()
        self._failures = 0

    def follow(self, pairs: Sequence[Pair]) -> None:
        """From the next round on these are asked for, and nothing else is remembered."""
        self._wanted = tuple(dict.fromkeys(pairs))

    def voice(self, oldest_nanoseconds: int) -> Voice:
        """What the venue has said; what is older than that is not to be used."""
        return Voice(self.venue.dollar, self._told, oldest_nanoseconds)

    def age_seconds(self) -> int:
        """Since its last answer, or since we began to ask."""
        return max(self._clock() - self.last_answer_nanoseconds, 0) // SECOND

    async def step(self, ask: Ask) -> float:
        """Sends at most one request and gives the seconds to wait before the next step. Raises nothing but what ends the task."""
        if not self._queue and not self._begin_round():
            return self.venue.interval
        pairs = self._queue.popleft()
        begin = self._clock()  # a price without a time is not younger than its request
        try:
            answer = await ask(self.venue.path(pairs))
            spoken = self.venue.read(pairs, answer)
        except VenueError as error:
            if error.reason is Reason.UNKNOWN_PAIR:
                self._does_not_know(pairs, begin)
                return self.venue.gap
            return self._failed(error)
        except Exception as error:  # noqa: BLE001  (whatever it is, it must cost no other venue's prices)
            return self._failed(VenueError(Reason.INTERNAL, repr(error)))
        self._answered(spoken, begin)
        if self._queue:
            return self.venue.gap
        return max(self.venue.interval - (self._clock() - self._round_nanoseconds) / SECOND, self.venue.gap)

    def _begin_round(self) -> bool:
        """The queue holds every pair that the venue may know; False if there is none."""
        now = self._round_nanoseconds = self._clock()
        self._absent = {pair: until for pair, until in self._absent.items() if until > now and pair in self._wanted}
        pairs = [pair for pair in self._wanted if pair not in self._absent]
        size = self.venue.pairs_per_request
        self._queue = deque(tuple(pairs[begin : begin + size]) for begin in range(0, len(pairs), size))
        return bool(pairs)

    def _does_not_know(self, pairs: tuple[Pair, ...], now: int) -> None:
        """One unknown pair spoils a whole request, and the answer does not say which: the halves are asked for, down to the one."""
        if self.report is not None:
            self.report.venue_failed(self.venue.name, Reason.UNKNOWN_PAIR, silent=False)
        if len(pairs) > 1:
            half = len(pairs) // 2
            self._queue.extendleft((pairs[half:], pairs[:half]))
            return
        (pair,) = pairs
        self._absent[pair] = now + ASK_AGAIN_SECONDS * SECOND
        log.info("%s does not trade %s-%s", self.venue.name, *pair)
        self._alive()

    def _answered(self, spoken: Mapping[Pair, Spoken], begin: int) -> None:
        """The cache holds what is newer than before, and only of wanted pairs. A time ahead of our clock is not believed."""
        now = self._clock()
        told = {pair: told for pair, told in self._told.items() if pair in self._wanted}
        for pair, (price, time_nanoseconds) in spoken.items():
            new = Told(price, begin if time_nanoseconds is None else min(time_nanoseconds, now))
            old = told.get(pair)
            if pair in self._wanted and (old is None or not new.time_nanoseconds <= old.time_nanoseconds <= now):
                told[pair] = new
        self._told = told
        self.last_answer_nanoseconds = now
        if self.report is not None:
            self.report.venue_answered(self.venue.name)
        self._alive()

    def _alive(self) -> None:
        self._backoff.succeeded()
        self._failures = 0
        self.problem = ""
        if self.answering is not True:
            self.answering = True
            log.info("%s answers", self.venue.name)

    def _failed(self, error: VenueError) -> float:
        self._failures += 1
        self.problem = str(error)[:120]
        if self._failures >= SILENT_AFTER_FAILURES and self.answering is not False:
            self.answering = False
            log.warning("%s does not answer: %s", self.venue.name, self.problem)
        if self.report is not None:
            self.report.venue_failed(self.venue.name, error.reason, silent=self.answering is False)
        return max(self._backoff.failed(error.wait_seconds), self.venue.gap)
