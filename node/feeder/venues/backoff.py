"""How long a venue that fails is left alone: a fixed schedule without chance, so that a test can state it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_SECONDS = 1
LONGEST_SECONDS = 60
LONGEST_WISH_SECONDS = 3 * 86_400
"""The longest ban that a venue announces; a wish beyond it is cut."""


class Backoff:
    """1, 2, 4, … 60 seconds; from the start again after a success."""

    def __init__(self) -> None:
        self._failures = 0

    def failed(self, wish_seconds: int = 0) -> int:
        """The seconds to wait now: the schedule's, or what the venue asked for where that is longer."""
        seconds = min(FIRST_SECONDS << min(self._failures, 10), LONGEST_SECONDS)
        self._failures += 1
        return max(seconds, min(wish_seconds, LONGEST_WISH_SECONDS))

    def succeeded(self) -> None:
        self._failures = 0


def retry_after_seconds(text: str | None, now_nanoseconds: int) -> int:
    """What a Retry-After header asks for, as seconds or as a date, rounded up; 0 if there is none or it cannot be read."""
    text = (text or "").strip()
    if text.isascii() and text.isdecimal():
        return int(text) if len(text) < 10 else LONGEST_WISH_SECONDS
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return max(since.days * 86_400 + since.seconds - now_nanoseconds // 10**9, 0)
