import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from node.feeder.sources import SECOND
from node.feeder.venues.aggregate import Told
from node.feeder.venues.conversation import ASK_AGAIN_SECONDS, Conversation
from node.feeder.venues.venue import Answer, Pair, Reason, Spoken, Venue, VenueError, unknown_pair

A, B, C, D, E = (Pair(base, "USD") for base in "ABCDE")


class Desk:
    """A venue whose pairs cost 7 and which knows all but some of them, a clock that stands, and what was asked."""

    def __init__(self, *, size: int = 10) -> None:
        self.now = 1_000 * SECOND
        self.unknown: set[Pair] = set()
        self.asked: list[str] = []
        self.trouble: Exception | None = None
        self.time: int | None = None
        self.price = 7
        self.counted: list[str] = []
        self.while_asked: Callable[[], None] = lambda: None
        self.venue = Venue(name="desk", url="", pairs_per_request=size, interval=2.0, gap=0.5, path=self._path, read=self._read)
        self.talk = Conversation(self.venue, lambda: self.now, self)

    def step(self) -> float:
        """Seconds to wait."""
        return asyncio.run(self.talk.step(self._ask))

    def told(self) -> dict[Pair, Told]:
        return dict(self.talk.voice(0).told)

    def venue_followed(self, venue: str, age_seconds: Callable[[], int]) -> None:
        raise AssertionError

    def venue_answered(self, venue: str) -> None:
        self.counted.append("answer")

    def venue_failed(self, venue: str, reason: str, *, silent: bool) -> None:
        self.counted.append(f"{reason}{' silent' if silent else ''}")

    async def _ask(self, path: str) -> Answer:
        self.asked.append(path)
        self.while_asked()
        if self.trouble is not None:
            raise self.trouble
        return Answer(200, b"")

    def _path(self, pairs: Sequence[Pair]) -> str:
        return "".join(pair.base for pair in pairs)

    def _read(self, pairs: Sequence[Pair], answer: Answer) -> dict[Pair, Spoken]:
        if self.unknown.intersection(pairs):
            raise unknown_pair("one of them")
        return {pair: Spoken(self.price, self.time) for pair in pairs}


def test_round_over_all_pairs_is_followed_by_the_rest_of_the_interval() -> None:
    """Between its requests only the gap; what took longer than the interval waits the gap."""
    desk = Desk(size=2)
    desk.talk.follow([A, B, C])
    assert [desk.step(), desk.step(), desk.step()] == [0.5, 2.0, 0.5]
    assert desk.asked == ["AB", "C", "AB"]
    desk.now += 5 * SECOND
    assert desk.step() == 0.5


def test_without_markets_nothing_is_asked() -> None:
    """The venue is looked at again after the interval."""
    desk = Desk()
    assert (desk.step(), desk.asked) == (2.0, [])


def test_price_without_a_time_is_as_old_as_its_request() -> None:
    """Not as its answer, which may have taken its time."""
    desk = Desk()
    desk.talk.follow([A])
    desk.while_asked = lambda: setattr(desk, "now", desk.now + 2 * SECOND)
    desk.step()
    assert desk.told() == {A: Told(7, 1_000 * SECOND)}


def test_only_what_is_newer_replaces_what_is_known() -> None:
    """An older answer of another server of the venue changes nothing; nor does the same one again."""
    desk = Desk()
    desk.talk.follow([A])
    desk.time = 900
    desk.step()
    for time, price in ((899, 8), (900, 9)):
        desk.time, desk.price = time, price
        desk.step()
        assert desk.told() == {A: Told(7, 900)}
    desk.time = 901
    desk.step()
    assert desk.told() == {A: Told(9, 901)}


def test_time_ahead_of_our_clock_is_not_believed() -> None:
    """Else one such answer would hold its price for ever."""
    desk = Desk()
    desk.talk.follow([A])
    desk.time = 10**30
    desk.step()
    assert desk.told()[A].time_nanoseconds == desk.now


def test_clock_that_is_set_back_does_not_freeze_prices() -> None:
    """What is then from the future gives way to what is from now."""
    desk = Desk()
    desk.talk.follow([A])
    desk.step()
    desk.now, desk.price = 500 * SECOND, 8
    desk.step()
    assert desk.told() == {A: Told(8, 500 * SECOND)}


def test_nothing_is_remembered_but_what_is_followed() -> None:
    """The cache is as large as the list of markets."""
    desk = Desk()
    desk.talk.follow([A, B, A])
    desk.step()
    assert list(desk.told()) == [A, B]
    desk.talk.follow([B, C])
    desk.step()
    assert list(desk.told()) == [B, C]
    desk.while_asked = lambda: desk.talk.follow([C])
    desk.step()
    assert list(desk.told()) == [C]


def test_unknown_pair_is_found_by_halving_and_left_alone_for_an_hour() -> None:
    """The others are asked for without it."""
    desk = Desk()
    desk.unknown = {D}
    desk.talk.follow([A, B, C, D, E])
    waits = [desk.step() for _ in range(5)]
    assert desk.asked == ["ABCDE", "AB", "CDE", "C", "DE"]
    assert waits == [0.5] * 5
    desk.step(), desk.step()
    assert list(desk.told()) == [A, B, C, E]
    desk.asked.clear()
    desk.step()
    assert desk.asked == ["ABCE"]
    desk.now += ASK_AGAIN_SECONDS * SECOND
    desk.unknown = set()
    desk.step()
    assert desk.asked[1:] == ["ABCDE"]
    assert len(desk.told()) == 5


def test_venue_that_knows_no_pair_is_not_asked_again_and_again() -> None:
    """It is looked at once an interval and asked once an hour."""
    desk = Desk()
    desk.unknown = {A}
    desk.talk.follow([A])
    assert [desk.step(), desk.step(), desk.step()] == [0.5, 2.0, 2.0]
    assert desk.asked == ["A"]


@pytest.mark.parametrize("trouble", [VenueError(Reason.TIMEOUT, "slow"), ValueError("bug"), RuntimeError("bug")])
def test_failures_double_the_wait_and_success_ends_that(trouble: Exception) -> None:
    """Whatever the error is, expected or not; the next request is that for the next pairs, so one broken pair holds up no other."""
    desk = Desk(size=1)
    desk.talk.follow([A, B])
    desk.trouble = trouble
    assert [desk.step() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert desk.asked == ["A", "B"] * 4
    desk.trouble = None
    desk.step()
    desk.trouble = trouble
    assert desk.step() == 1


def test_venue_is_left_alone_as_long_as_it_asks() -> None:
    """However short the schedule is."""
    desk = Desk()
    desk.talk.follow([A])
    desk.trouble = VenueError(Reason.RATE_LIMIT, "HTTP 429", 600)
    assert desk.step() == 600


def test_what_happens_is_counted_and_told_once_per_change(caplog: pytest.LogCaptureFixture) -> None:
    """A single failure is no news; the second says that the venue is silent."""
    desk = Desk()
    desk.talk.follow([A])
    with caplog.at_level(logging.INFO):
        desk.step()
        desk.trouble = VenueError(Reason.CONNECTION, "refused")
        desk.step(), desk.step(), desk.step()
        desk.trouble = None
        desk.step(), desk.step()
    assert desk.counted == ["answer", "connection", "connection silent", "connection silent", "answer", "answer"]
    assert [record.getMessage() for record in caplog.records] == ["desk answers", "desk does not answer: refused", "desk answers"]


def test_age_counts_from_the_last_answer() -> None:
    """Or from the beginning where there was none; a clock that is set back makes it no less than zero."""
    desk = Desk()
    desk.talk.follow([A])
    desk.now += 40 * SECOND
    assert desk.talk.age_seconds() == 40
    desk.step()
    assert desk.talk.age_seconds() == 0
    desk.now -= 5 * SECOND
    assert desk.talk.age_seconds() == 0


def test_cancelling_ends_a_request_that_is_under_way() -> None:
    """It is no failure of the venue and is not swallowed."""
    desk = Desk()
    desk.talk = Conversation(replace(desk.venue), lambda: desk.now, desk)
    desk.talk.follow([A])

    async def begin_and_cancel() -> None:
        begun = asyncio.Event()

        async def ask(path: str) -> Answer:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        task = asyncio.create_task(desk.talk.step(ask))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(begin_and_cancel())
    assert desk.counted == []
