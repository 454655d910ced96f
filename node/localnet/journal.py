"""What happened, for people: one line per event, in the supervisor's log and wherever else it is shown."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RECENT = 50


@dataclass(frozen=True, slots=True)
class Event:
    """A sentence and when it became true; `alarm` if somebody should look."""

    time_seconds: float
    text: str
    alarm: bool

    def line(self) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.time_seconds))
        return f"{moment} {'ALARM ' if self.alarm else ''}{self.text}"


class Journal:
    """Appends events to a file and tells a listener; remembers the most recent ones."""

    def __init__(self, path: Path, listen: Callable[[Event], None] | None = None) -> None:
        self._path = path
        self._listen = listen
        self.recent: deque[Event] = deque(maxlen=RECENT)

    def say(self, text: str, *, alarm: bool = False) -> None:
        event = Event(time.time(), text, alarm)
        self.recent.append(event)
        with self._path.open("a") as handle:
            handle.write(event.line() + "\n")
        if self._listen:
            self._listen(event)
