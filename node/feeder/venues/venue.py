"""What a venue is to the feeder: how it is asked, how its answers read, and what can be wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from node.feeder.digits import scaled

UNIT_EXPONENT = -18
"""Venue prices are kept as integers times 10^-18 of the quote currency; what is finer is cut off."""
ONE = 10**18
_TICKER = re.compile(r"([A-Z0-9]{1,20})-([A-Z0-9]{1,20})")


class Pair(NamedTuple):
    """One unit of `base` costs so much of `quote`."""

    base: str
    quote: str


class Spoken(NamedTuple):
    """What an answer says of one pair: price times 10^18, and when it was true in Unix nanoseconds (None: when it was asked)."""

    price: int
    time_nanoseconds: int | None


class Reason(StrEnum):
    """Why a request gave no price; the label of the metric."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    STATUS = "status"
    RATE_LIMIT = "rate_limit"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNKNOWN_PAIR = "unknown_pair"
    INTERNAL = "internal"


class VenueError(Exception):
    """A request that gave no price. `wait_seconds`: how long the venue wants to be left alone at least."""

    def __init__(self, reason: Reason, text: str, wait_seconds: int = 0) -> None:
        super().__init__(text)
        self.reason = reason
        self.wait_seconds = wait_seconds


def malformed(text: str) -> VenueError:
    """The answer is not what the venue's documentation says."""
    return VenueError(Reason.MALFORMED, text)


def unknown_pair(text: str) -> VenueError:
    """The venue does not trade one of the pairs that were asked for."""
    return VenueError(Reason.UNKNOWN_PAIR, text)


class Answer(NamedTuple):
    """A complete HTTP answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """One exchange. All waiting times are in seconds."""

    name: str
    url: str
    """Where its public interface is; paths are appended."""
    dollar: str = "USD"
    """What its dollar markets are quoted in."""
    pairs_per_request: int
    interval: float
    """From the begin of one round over all pairs to the next, where nothing goes wrong."""
    gap: float
    """Between two requests at least."""
    timeout: float = 3.0
    """For one request, from the first byte sent to the last one received."""
    path: Callable[[Sequence[Pair]], str]
    """Path and query that ask for these pairs."""
    read: Callable[[Sequence[Pair], Answer], dict[Pair, Spoken]]
    """What the answer (200, 400 or 404) says of the pairs asked for; others in it are ignored, missing ones left out. Raises VenueError."""


def pair(ticker: str) -> Pair | None:
    """BASE-QUOTE as a pair; None for any other text, which no venue can be asked for."""
    match = _TICKER.fullmatch(ticker)
    return Pair(match[1], match[2]) if match else None


def price(value: Any) -> int:
    """A price text of a venue, times 10^18. Raises VenueError for whatever is not plain decimal digits above zero."""
    found = scaled(value, UNIT_EXPONENT) if isinstance(value, str) and value.isascii() else None
    if not found:
        raise malformed(f"{_short(value)} is not a price")
    return found


def document(answer: Answer) -> Any:
    """The body as JSON, with every number as the text that it was written as: no price passes through a float. Raises VenueError."""
    try:
        return json.loads(answer.body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise malformed(f"{_short(answer.body)} is not JSON") from None


def member(record: Any, key: str) -> Any:
    """The value at the key of a JSON object. Raises VenueError where it is no object or has no such key."""
    if not isinstance(record, dict) or key not in record:
        raise malformed(f"{_short(record)} has no {key}")
    return record[key]


def each(entries: Iterable[tuple[Pair, Any]], read: Callable[[Any], int]) -> dict[Pair, Spoken]:
    """The price of every entry that can be read: one market that is halted or damaged does not silence the others of its answer. Raises
    VenueError if none can.
    """
    found: dict[Pair, Spoken] = {}
    error = malformed("none of the pairs asked for is in the answer")
    for pair, entry in entries:
        try:
            found[pair] = Spoken(read(entry), None)
        except VenueError as trouble:
            error = trouble
    if not found:
        raise error
    return found


def only_success(answer: Answer) -> None:
    """Raises VenueError for an answer other than 200."""
    if answer.status != 200:
        raise VenueError(Reason.STATUS, f"HTTP {answer.status}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
