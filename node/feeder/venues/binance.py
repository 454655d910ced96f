"""Binance: `GET /api/v3/ticker/price?symbols=["BTCUSDT",…]`, any number of pairs in one request of weight 4.

It has no dollar markets: BTC-USD is asked for as BTCUSDT and converted (aggregate.py says how). The answer has no time; a price is
as old as its request. The host is the one that serves public market data only.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from node.feeder.venues.venue import Answer, Pair, Spoken, Venue, document, each, malformed, member, only_success, price, unknown_pair

INVALID_SYMBOL = "-1121"


def path(pairs: Sequence[Pair]) -> str:
    """One request for all of them."""
    symbols = ",".join(f'"{_symbol(pair)}"' for pair in pairs)
    return f"/api/v3/ticker/price?symbols={quote(f'[{symbols}]', safe='')}"


def read(pairs: Sequence[Pair], answer: Answer) -> dict[Pair, Spoken]:
    """A list of {"symbol", "price"}. One invalid symbol spoils the whole request, which then says code -1121."""
    if answer.status == 400 and member(document(answer), "code") == INVALID_SYMBOL:
        raise unknown_pair("invalid symbol")
    only_success(answer)
    entries = document(answer)
    if not isinstance(entries, list):
        raise malformed("the answer is not a list")
    asked = {_symbol(pair): pair for pair in pairs}
    ours = [(asked[symbol], entry) for entry in entries if (symbol := _symbol_of(entry)) in asked]
    return each(ours, lambda entry: price(member(entry, "price")))


def _symbol(pair: Pair) -> str:
    return pair.base + pair.quote


def _symbol_of(entry: object) -> str:
    symbol = member(entry, "symbol")
    return symbol if isinstance(symbol, str) else ""


BINANCE = Venue(
    name="binance", url="https://data-api.binance.vision", dollar="USDT", pairs_per_request=100, interval=2.0, gap=0.5, path=path, read=read
)
