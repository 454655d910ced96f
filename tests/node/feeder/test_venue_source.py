import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from node.failure import Failure
from node.feeder import board, spec
from node.feeder.service import Feeder
from node.feeder.sources import MAXIMUM_AGE_SECONDS, SECOND, SILENT, LiveSource, Moment, Quote
from node.feeder.venues.conversation import Conversation
from node.feeder.venues.poller import Poller
from node.feeder.venues.source import VENUES, Venues, from_argument
from node.feeder.venues.venue import Answer, Venue
from node.metrics import Metrics
from support.bad_venue import BadVenue, Behaviour, answer, drip, flood, hang, reset_midway
from support.real_localnet import until

MARKETS = [(0, "BTC-USD", -5, 4_731_900_000), (1, "ETH-USD", -6, 3_829_000_000)]
KRAKEN = answer(
    b'{"error":[],"result":{"XXBTZUSD":{"a":["100","1"],"b":["100","1"],"c":["100","1"]},'
    b'"XETHZUSD":{"a":["10","1"],"b":["10","1"],"c":["10","1"]},"USDTZUSD":{"a":["1","1"],"b":["1","1"],"c":["1","1"]}}}'
)
BINANCE = answer(b'[{"symbol":"BTCUSDT","price":"101"},{"symbol":"ETHUSDT","price":"10.1"},{"symbol":"USDCUSDT","price":"1"}]')


def quick(venue: Venue, url: str) -> Venue:
    """The same venue here, asked without a pause."""
    return replace(venue, url=url, interval=0.01, gap=0.0)


@contextmanager
def running(source: Venues, markets: Sequence[tuple[int, str, int, int]] = MARKETS, metrics: Metrics | None = None) -> Iterator[Feeder]:
    """A feeder of this source alone, started and stopped."""
    feeder = Feeder([source], markets)
    feeder.start(metrics)
    try:
        yield feeder
    finally:
        feeder.stop()
        assert not source.poller.running()
        assert not any(thread.name == "venues" for thread in threading.enumerate())


@contextmanager
def venue_servers(**behaviours: Behaviour) -> Iterator[dict[str, BadVenue]]:
    """By the name of the venue that each stands for."""
    servers = {name: BadVenue({"": behaviour}) for name, behaviour in behaviours.items()}
    try:
        yield servers
    finally:
        for server in servers.values():
            server.close()


def source_of(servers: dict[str, BadVenue], minimum: int = 1) -> Venues:
    """Which asks these."""
    return Venues([quick(VENUES[name], server.url) for name, server in servers.items()], minimum)


def test_prices_of_venues_reach_the_vote() -> None:
    """Asked in the background, agreed on, in each market's exponent; counted in the metrics."""
    metrics = Metrics()
    with venue_servers(kraken=KRAKEN, binance=BINANCE) as servers, running(source_of(servers, 2), metrics=metrics) as feeder:
        until(lambda: len(feeder.current()) == 2, "both prices")
        assert feeder.current() == {0: 100_50000, 1: 10_050000}

        def sample(name: str, **labels: str) -> float:
            return metrics.registry.get_sample_value(name, labels) or 0.0

        assert sample("perpd_venue_answers_total", venue="kraken") >= 1
        assert sample("perpd_venue_answering", venue="binance") == 1
        assert sample("perpd_venue_age_seconds", venue="binance") < 30


@pytest.mark.parametrize("behaviour", [hang, drip, flood, reset_midway], ids=lambda behaviour: behaviour.__name__)
def test_one_broken_venue_costs_the_others_nothing(behaviour: Behaviour) -> None:
    """Its requests hang or break as long as the test lasts; the other is asked and heard meanwhile."""
    with venue_servers(coinbase=behaviour, kraken=KRAKEN) as servers, running(source_of(servers)) as feeder:
        until(lambda: len(feeder.current()) == 2, "prices of kraken")
        servers["coinbase"].asked.acquire()
        before = len(servers["kraken"].paths)
        until(lambda: len(servers["kraken"].paths) > before + 3, "kraken is asked on")
        assert feeder.current() == {0: 100_00000, 1: 10_000000}


def test_vote_waits_for_nothing_while_every_venue_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With requests under way that are never answered, the feeder's answer is empty and takes no lock, no sleep, no socket, no loop."""
    with venue_servers(coinbase=hang, kraken=hang) as servers, running(source_of(servers)) as feeder:
        for server in servers.values():
            server.asked.acquire()
        waited: list[str] = []
        here = threading.get_ident()

        def watched(owner: object, name: str) -> None:
            real = getattr(owner, name)

            def call(*arguments: object, **named: object) -> object:
                if threading.get_ident() == here:
                    waited.append(name)
                return real(*arguments, **named)

            monkeypatch.setattr(owner, name, call)

        watched(time, "sleep")
        watched(threading.Event, "wait")
        watched(threading.Condition, "wait")
        watched(threading.Thread, "join")
        watched(asyncio, "run")
        watched(asyncio, "run_coroutine_threadsafe")
        assert feeder.current() == {}
        assert waited == []
        threading.Event().wait(0)
        assert waited  # the watch would have seen it
        monkeypatch.undo()


def test_stopping_ends_requests_that_hang() -> None:
    """Nothing is awaited that a venue could withhold; the connection is closed and the thread is gone."""
    with venue_servers(coinbase=hang, binance=drip) as servers:
        source = Venues([replace(VENUES[name], url=server.url, timeout=600.0) for name, server in servers.items()])
        with running(source):
            for server in servers.values():
                server.asked.acquire()
        assert not source.poller.running()


def test_feeder_stops_before_it_started_and_twice() -> None:
    """A node that fails at start stops everything."""
    source = from_argument("kraken=http://127.0.0.1:9")
    feeder = Feeder([source], MARKETS)
    feeder.stop()
    feeder.start()
    feeder.stop()
    feeder.stop()
    assert not source.poller.running()


def test_started_thread_does_not_hold_the_process() -> None:
    """Should anything block it for ever."""
    source = from_argument("kraken=http://127.0.0.1:9")
    with running(source):
        assert all(thread.daemon for thread in threading.enumerate() if thread.name == "venues")


def test_no_answer_at_all_is_said_plainly_once_and_so_is_the_end_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """In one line with every venue's reason."""
    talks = [Conversation(VENUES[name], time.time_ns) for name in ("coinbase", "kraken")]
    poller = Poller(talks)
    with caplog.at_level(logging.INFO):
        poller._judge()
        talks[0].answering, talks[0].problem = False, "no address"
        poller._judge()
        talks[1].answering, talks[1].problem = False, "HTTP 503"
        poller._judge()
        poller._judge()
        talks[0].answering = True
        poller._judge()
    why = "(coinbase: no address; kraken: HTTP 503)"
    assert [record.getMessage() for record in caplog.records] == [
        f"no venue answers: this node's votes carry no prices of venues, and the chain's prices age {why}",
        "a venue answers again: this node's votes carry its prices",
    ]


def said(**prices: int) -> Venues:
    """Three venues, each with its price of BTC in dollars, told at second 100; not started."""
    source = Venues([replace(VENUES["coinbase"], name=name) for name in prices], clock=lambda: 100 * SECOND)
    source.follow(["BTC-USD"])
    for talk in source.conversations:
        body = f'{{"price":"{prices[talk.venue.name]}","time":"1970-01-01T00:01:40Z"}}'.encode()

        async def ask(path: str, body: bytes = body) -> Answer:
            return Answer(200, body)

        asyncio.run(talk.step(ask))
    return source


def at(second: int) -> Moment:
    """A vote at this second."""
    return Moment(now=second * SECOND, created=0, started=0, validator_index=0)


def test_price_is_reported_until_it_is_too_old() -> None:
    """And never a nanosecond longer."""
    source = said(a=100, b=101, c=150)
    feeder = Feeder([source], MARKETS[:1])
    assert source.quote(feeder._markets[0], at(110)) == Quote(100_50000, 100 * SECOND)
    assert feeder.current((100 + MAXIMUM_AGE_SECONDS) * SECOND) == {0: 100_50000}
    assert feeder.current((100 + MAXIMUM_AGE_SECONDS) * SECOND + 1) == {}


def test_dispute_is_silence_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Votes come several times a second."""
    source = said(a=100, b=150)
    feeder = Feeder([source], MARKETS[:1])
    with caplog.at_level(logging.WARNING):
        assert feeder.current(110 * SECOND) == feeder.current(111 * SECOND) == {}
    assert [record.getMessage() for record in caplog.records] == [
        "no price for BTC-USD: the 2 venues that have one are too few or disagree"
    ]


@pytest.mark.parametrize("text", ["venues", "venues,simulated:1", "venues:kraken,manual"])
def test_held_or_simulated_price_never_speaks_for_a_silent_venue(text: str) -> None:
    """What stands behind venues in the SPEC is never heard, for no market: it would look live."""
    feeder = Feeder(text, [*MARKETS, (2, "odd", -5, 5)])
    assert feeder.current() == {}
    source = spec.sources(text)[0]
    assert isinstance(source, LiveSource)
    assert source.quote(feeder._markets[0], at(1)) is SILENT


def test_what_stands_before_venues_speaks_first(tmp_path: Path) -> None:
    """A script for one market, and the price set by hand for any."""
    script = tmp_path / "s.csv"
    script.write_text("0,BTC-USD,40000\n")
    path = tmp_path / "board.json"
    feeder = Feeder(f"scripted:{script},venues", MARKETS, override=path)
    assert feeder.current() == {0: 40_000_00000}
    board.set_price(path, "ETH-USD", "7")
    assert feeder.current() == {0: 40_000_00000, 1: 7_000000}


def test_venues_are_chosen_by_name_address_and_number() -> None:
    """All of them, if none is named."""
    assert [talk.venue for talk in from_argument("").conversations] == list(VENUES.values())
    chosen = from_argument("kraken+binance=http://127.0.0.1:8080/x/@2")
    assert [talk.venue.name for talk in chosen.conversations] == ["kraken", "binance"]
    assert [talk.venue.url for talk in chosen.conversations] == [VENUES["kraken"].url, "http://127.0.0.1:8080/x"]
    assert chosen._minimum == 2
    assert spec.resolve("venues:kraken+coinbase@2, venues", Path("/")) == "venues:kraken+coinbase@2,venues"


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("mtgox", "is not a venue; use binance, coinbase, kraken"),
        ("kraken+", "is not a venue"),
        ("Kraken", "is not a venue"),
        ("kraken+kraken", "twice"),
        ("kraken@2", "must want 1 to 1"),
        ("kraken@0", "must want 1 to 1"),
        ("kraken=", "is not an address"),
        ("kraken=ftp://host", "is not an address"),
        ("kraken=http://", "is not an address"),
        ("kraken=http://host:port", "is not an address"),
        ("kraken=http://host?x=1", "is not an address"),
        ("kraken=http://[", "is not an address"),
    ],
)
def test_wrong_choice_is_one_plain_sentence(argument: str, sentence: str) -> None:
    """Before anything is started."""
    with pytest.raises(Failure, match=sentence):
        spec.resolve(f"venues:{argument}", Path("/"))


def test_each_venue_is_asked_for_what_it_has_and_for_what_converts_it() -> None:
    """Dollars in their own way; the helper pairs only where something needs conversion."""
    source = from_argument("binance+kraken")
    source.follow(["BTC-USD", "USDT-USD", "ETH-BTC", "odd"])
    asked = {talk.venue.name: ["-".join(pair) for pair in talk._wanted] for talk in source.conversations}
    assert asked == {"binance": ["USDC-USDT", "BTC-USDT", "ETH-BTC"], "kraken": ["USDT-USD", "BTC-USD", "ETH-BTC"]}
    alone = from_argument("kraken")
    alone.follow(["BTC-USD"])
    assert [talk._wanted for talk in alone.conversations] == [(("BTC", "USD"),)]
    source.follow([])
    assert [talk._wanted for talk in source.conversations] == [(), ()]
