"""Coinbase Exchange: `GET /products/BTC-USD/ticker`, one pair a request, so a round over many markets takes its time: the public limit
is ten requests a second for all nodes behind one address, and a localnet has several.

The price is that of the last trade, with its time: a pair that has not traded for longer than prices may be old is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from node.feeder.venues.venue import Answer, Pair, Spoken, Venue, document, malformed, member, only_success, price, unknown_pair


def path(pairs: Sequence[Pair]) -> str:
    """Of a single pair."""
    (pair,) = pairs
    return f"/products/{pair.base}-{pair.quote}/ticker"


def read(pairs: Sequence[Pair], answer: Answer) -> dict[Pair, Spoken]:
    """An object with "price" and "time". The pair is in the address alone."""
    (pair,) = pairs
    if answer.status == 404:
        raise unknown_pair("no such product")
    only_success(answer)
    ticker = document(answer)
    return {pair: Spoken(price(member(ticker, "price")), _nanoseconds(member(ticker, "time")))}


def _nanoseconds(text: Any) -> int:
    """Unix nanoseconds of an ISO time in UTC, whose fraction has up to nine digits. Raises VenueError."""
    whole, _, fraction = text.removesuffix("Z").partition(".") if isinstance(text, str) else ("", "", "")
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError:
        raise malformed(f"{str(text)[:40]!r} is not a time") from None
    if moment.tzinfo is not None or not (fraction or "0").isascii() or not (fraction or "0").isdecimal() or len(fraction) > 9:
        raise malformed(f"{str(text)[:40]!r} is not a time in UTC")
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + int(fraction.ljust(9, "0"))


COINBASE = Venue(name="coinbase", url="https://api.exchange.coinbase.com", pairs_per_request=1, interval=2.0, gap=0.5, path=path, read=read)
