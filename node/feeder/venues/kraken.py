"""Kraken: `GET /0/public/Ticker?pair=XBTUSD,ETHUSD`, several pairs a request. It calls some assets by names of its own, answers under
other names than it is asked by, and tells errors in the body of a 200.

The answer has no time, so a market that stands still would look fresh: the price is the last trade held into what can be traded now,
the middle one of best bid, last trade and best ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from node.feeder.venues.venue import (
    Answer,
    Pair,
    Reason,
    Spoken,
    Venue,
    VenueError,
    document,
    each,
    malformed,
    member,
    only_success,
    price,
    unknown_pair,
)

ASSETS = {"BTC": "XBT", "DOGE": "XDG"}
RATE_LIMITS = ("EAPI:Rate limit exceeded", "EGeneral:Too many requests", "EGeneral:Temporary lockout", "EService:Throttled")
UNKNOWN = ("EQuery:Unknown asset pair", "EQuery:Invalid asset pair")


def path(pairs: Sequence[Pair]) -> str:
    """One request for all of them."""
    return f"/0/public/Ticker?pair={','.join(base + quote for base, quote in map(_named, pairs))}"


def read(pairs: Sequence[Pair], answer: Answer) -> dict[Pair, Spoken]:
    """{"error": [texts], "result": {name: {"a": [ask, …], "b": [bid, …], "c": [last trade, …]}}}."""
    only_success(answer)
    said = document(answer)
    _judge(member(said, "error"))
    result = member(said, "result")
    if not isinstance(result, dict):
        raise malformed("the result is not an object")
    keys = _keys(pairs)
    return each([(keys[key], ticker) for key, ticker in result.items() if key in keys], _price)


def _judge(errors: Any) -> None:
    """Raises VenueError for what the error list says; warnings begin with W and are none."""
    if not isinstance(errors, list) or not all(isinstance(text, str) for text in errors):
        raise malformed("the error list is not a list of texts")
    for text in errors:
        if text.startswith(RATE_LIMITS):
            raise VenueError(Reason.RATE_LIMIT, text[:80])
        if text.startswith(UNKNOWN):
            raise unknown_pair(text[:80])
        if not text.startswith("W"):
            raise VenueError(Reason.STATUS, text[:80])


def _price(ticker: Any) -> int:
    bid, last, ask = (_first(member(ticker, key)) for key in "bca")
    if bid > ask:
        raise malformed("the best bid is above the best ask")
    return sorted((bid, last, ask))[1]


def _first(values: Any) -> int:
    if not isinstance(values, list) or not values:
        raise malformed("a price list is empty or no list")
    return price(values[0])


def _named(pair: Pair) -> Pair:
    return Pair(ASSETS.get(pair.base, pair.base), ASSETS.get(pair.quote, pair.quote))


def _keys(pairs: Sequence[Pair]) -> dict[str, Pair]:
    """Every name under which the answer may hold a pair: XBTUSD, XXBTZUSD, USDTZUSD. Where two pairs could be meant, the plain name
    wins.
    """
    named = [(_named(pair), pair) for pair in pairs]
    keys = {base + quote: pair for (base, quote), pair in named}
    for (base, quote), pair in named:
        keys.setdefault(f"X{base}Z{quote}", pair)
        keys.setdefault(f"{base}Z{quote}", pair)
    return keys


KRAKEN = Venue(name="kraken", url="https://api.kraken.com", pairs_per_request=50, interval=5.0, gap=1.0, path=path, read=read)
