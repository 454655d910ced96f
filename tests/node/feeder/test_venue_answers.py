import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from node.feeder.venues.binance import BINANCE
from node.feeder.venues.coinbase import COINBASE
from node.feeder.venues.kraken import KRAKEN
from node.feeder.venues.venue import ONE, Answer, Pair, Reason, Spoken, Venue, VenueError, pair

BTC, ETH, DOGE, USDT = (Pair(base, "USD") for base in ("BTC", "ETH", "DOGE", "USDT"))
BTC_USDT, ETH_USDT = Pair("BTC", "USDT"), Pair("ETH", "USDT")

BINANCE_RECORDED = b'[{"symbol":"BTCUSDT","price":"47250.10000000"},{"symbol":"ETHUSDT","price":"3829.05000000"}]'
COINBASE_RECORDED = (
    b'{"ask":"47250.11","bid":"47250.1","volume":"10325.16478293","trade_id":260391113,"price":"47250.1","size":"0.00107842",'
    b'"time":"2022-01-03T00:00:00.123456Z","rfq_volume":"12.5"}'
)
KRAKEN_RECORDED = (
    b'{"error":[],"result":{"XXBTZUSD":{"a":["47250.20000","1","1.000"],"b":["47250.10000","3","3.000"],"c":["47250.10000","0.00100000"],'
    b'"v":["126.5","2519.4"],"p":["47201.1","46990.5"],"t":[1211,25611],"l":["47100.0","45700.0"],"h":["47310.0","47580.0"],"o":"47210.0"},'
    b'"XDGUSD":{"a":["0.17091000","5000","5000.000"],"b":["0.17085000","100","100.000"],"c":["0.17000000","59.1"]},'
    b'"USDTZUSD":{"a":["1.00010000","1","1.0"],"b":["1.00000000","1","1.0"],"c":["1.00010000","5.0"]}}}'
)


def said(venue: Venue, pairs: Sequence[Pair], body: bytes, status: int = 200) -> dict[Pair, Spoken]:
    """What the venue reads in this body."""
    return venue.read(pairs, Answer(status, body))


def reason(venue: Venue, pairs: Sequence[Pair], body: bytes, status: int = 200) -> Reason:
    """Why the venue reads nothing in it."""
    with pytest.raises(VenueError) as caught:
        said(venue, pairs, body, status)
    return caught.value.reason


def test_binance_answer_is_read_exactly() -> None:
    """Two pairs in one request; an answer without a time has none."""
    path = urlsplit(BINANCE.path([BTC_USDT, ETH_USDT]))
    assert (path.path, parse_qs(path.query)) == ("/api/v3/ticker/price", {"symbols": ['["BTCUSDT","ETHUSDT"]']})
    assert said(BINANCE, [BTC_USDT, ETH_USDT], BINANCE_RECORDED) == {
        BTC_USDT: Spoken(4_725_010 * ONE // 100, None),
        ETH_USDT: Spoken(382_905 * ONE // 100, None),
    }


def test_coinbase_answer_is_read_exactly() -> None:
    """With the time of the trade, to the microsecond."""
    assert COINBASE.path([BTC]) == "/products/BTC-USD/ticker"
    assert said(COINBASE, [BTC], COINBASE_RECORDED) == {BTC: Spoken(472_501 * ONE // 10, 1_641_168_000_123_456_000)}


def test_kraken_answer_is_read_exactly() -> None:
    """Under its own names; a last trade outside of what can be traded now counts as the nearer end of that."""
    assert KRAKEN.path([BTC, DOGE, USDT]) == "/0/public/Ticker?pair=XBTUSD,XDGUSD,USDTUSD"
    assert said(KRAKEN, [BTC, DOGE, USDT], KRAKEN_RECORDED) == {
        BTC: Spoken(472_501 * ONE // 10, None),
        DOGE: Spoken(17_085 * ONE // 100_000, None),
        USDT: Spoken(10_001 * ONE // 10_000, None),
    }


@pytest.mark.parametrize(
    ("venue", "pairs", "body"),
    [(BINANCE, [BTC_USDT], BINANCE_RECORDED), (KRAKEN, [BTC], KRAKEN_RECORDED)],
)
def test_pairs_nobody_asked_for_are_ignored(venue: Venue, pairs: list[Pair], body: bytes) -> None:
    """And an answer that has only such is malformed."""
    assert list(said(venue, pairs, body)) == pairs
    assert reason(venue, [Pair("SOL", pairs[0].quote)], body) is Reason.MALFORMED


def test_one_damaged_market_does_not_silence_the_others_of_its_answer() -> None:
    """A halted one has price zero."""
    binance = BINANCE_RECORDED.replace(b"47250.10000000", b"0.00000000")
    assert list(said(BINANCE, [BTC_USDT, ETH_USDT], binance)) == [ETH_USDT]
    kraken = KRAKEN_RECORDED.replace(b'"b":["47250.10000","3","3.000"]', b'"b":[]')
    assert list(said(KRAKEN, [BTC, USDT], kraken)) == [USDT]


BAD_PRICES: list[Any] = [
    "-1",
    "0",
    "0.0",
    "NaN",
    "Infinity",
    "1e5",
    "+1",
    "",
    " ",
    "1,5",
    "0x10",
    "9" * 41,
    "\u0661",
    None,
    True,
    [],
    {},
    ["1"],
    -1,
    0,
]


@pytest.mark.parametrize("value", BAD_PRICES, ids=repr)
@pytest.mark.parametrize("venue", [BINANCE, COINBASE, KRAKEN], ids=lambda venue: venue.name)
def test_what_is_no_price_is_malformed(venue: Venue, value: Any) -> None:
    """Signs, exponents, non-finite words, other types, nothing: never a number by accident."""
    text = json.dumps(value)
    bodies = {
        "binance": f'[{{"symbol":"BTCUSDT","price":{text}}}]',
        "coinbase": f'{{"price":{text},"time":"2022-01-03T00:00:00Z"}}',
        "kraken": f'{{"error":[],"result":{{"XXBTZUSD":{{"a":[{text}],"b":[{text}],"c":[{text}]}}}}}}',
    }
    assert reason(venue, [BTC_USDT if venue is BINANCE else BTC], bodies[venue.name].encode()) is Reason.MALFORMED


BAD_BODIES = [
    b"", b"{", b"null", b"[]", b"{}", b"5", b'"text"', b"<html>busy</html>", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5000, b"NaN",
    b'{"error":"x","result":{}}', b'{"error":[[]],"result":{}}', b'{"error":[],"result":[]}', b'{"error":[]}',
    b'{"error":[],"result":{"XXBTZUSD":5}}',
    b'[{"price":"1"}]', b'[{"symbol":5,"price":"1"}]', b'[{"symbol":["BTCUSDT"],"price":"1"}]', b"[5]", b'{"price":"1"}',
    b'{"time":"2022-01-03T00:00:00Z"}',
    b'{"symbol":"BTCUSDT","price":"1"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("venue", [BINANCE, COINBASE, KRAKEN], ids=lambda venue: venue.name)
def test_what_is_no_answer_is_malformed(venue: Venue, body: bytes) -> None:
    """Not JSON, the wrong shape, nothing of what was asked for, nested without end: one reason, no other exception."""
    assert reason(venue, [BTC_USDT if venue is BINANCE else BTC], body) is Reason.MALFORMED


@pytest.mark.parametrize(
    "time", ["", "yesterday", "2022-13-01T00:00:00Z", "2022-01-03T00:00:00+01:00", "2022-01-03T00:00:00.x", 1641168000, None]
)
def test_coinbase_time_must_be_one(time: Any) -> None:
    """In UTC; a price of an unknown time is none."""
    body = json.dumps({"price": "1", "time": time}).encode()
    assert reason(COINBASE, [BTC], body) is Reason.MALFORMED


def test_unknown_pairs_are_told_from_other_errors() -> None:
    """Each venue has its own way to say so."""
    assert reason(BINANCE, [BTC_USDT], b'{"code":-1121,"msg":"Invalid symbol."}', 400) is Reason.UNKNOWN_PAIR
    assert reason(BINANCE, [BTC_USDT], b'{"code":-1003,"msg":"Too much request weight used."}', 400) is Reason.STATUS
    assert reason(BINANCE, [BTC_USDT], b"no such page", 404) is Reason.STATUS
    assert reason(COINBASE, [BTC], b'{"message":"NotFound"}', 404) is Reason.UNKNOWN_PAIR
    assert reason(COINBASE, [BTC], b'{"message":"bad"}', 400) is Reason.STATUS
    assert reason(KRAKEN, [BTC], b'{"error":["EQuery:Unknown asset pair"]}') is Reason.UNKNOWN_PAIR
    assert reason(KRAKEN, [BTC], b'{"error":["EAPI:Rate limit exceeded"]}') is Reason.RATE_LIMIT
    assert reason(KRAKEN, [BTC], b'{"error":["EService:Unavailable"]}') is Reason.STATUS


def test_warnings_of_kraken_are_no_errors() -> None:
    """They begin with W."""
    body = KRAKEN_RECORDED.replace(b'"error":[]', b'"error":["WGeneral:Slow"]')
    assert list(said(KRAKEN, [BTC], body)) == [BTC]


@pytest.mark.parametrize("asset", ["LTC", "XRP", "SOL", "BTC", "DOGE"])
@pytest.mark.parametrize("form", ["{}USD", "X{}ZUSD", "{}ZUSD"])
def test_kraken_pairs_are_found_under_old_and_new_names(asset: str, form: str) -> None:
    """XLTCZUSD, SOLUSD, USDTZUSD."""
    name = form.format({"BTC": "XBT", "DOGE": "XDG"}.get(asset, asset))
    body = json.dumps({"error": [], "result": {name: {"a": ["3"], "b": ["1"], "c": ["2"]}}}).encode()
    assert said(KRAKEN, [Pair(asset, "USD")], body) == {Pair(asset, "USD"): Spoken(2 * ONE, None)}


@pytest.mark.parametrize(
    "ticker", ["", "BTC", "BTC-USD-X", "btc-usd", "BTC-", "../x-USD", "B TC-USD", "BTC/USD", "A" * 21 + "-USD", "BTC-USD\n"]
)
def test_ticker_that_could_be_no_pair_is_asked_of_nobody(ticker: str) -> None:
    """It would become part of an address."""
    assert pair(ticker) is None


def test_addresses_hold_nothing_but_names() -> None:
    """Whatever the chain calls a market."""
    for venue in (BINANCE, COINBASE, KRAKEN):
        assert re.fullmatch(r"[A-Za-z0-9/?=,%-]+", venue.path([Pair("A1", "USD")]))


def test_price_without_quotation_marks_is_read_digit_by_digit() -> None:
    """Exactly as it was written: 0.1 and 2^53 + 1 are no floats."""
    body = b'[{"symbol":"BTCUSDT","price":9007199254740993.1}]'
    assert said(BINANCE, [BTC_USDT], body)[BTC_USDT].price == 90_071_992_547_409_931 * ONE // 10
