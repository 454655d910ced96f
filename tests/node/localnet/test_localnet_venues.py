import asyncio
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest

from node.localnet.journal import Event, Journal
from node.localnet.venues import VenueWatch, answering, names_venues
from node.metrics import Metrics


def watch(tmp_path: Path) -> tuple[VenueWatch, list[Event]]:
    """With what it says."""
    events: list[Event] = []
    return VenueWatch(Journal(tmp_path / "log", events.append)), events


def metrics_of_two() -> Metrics:
    """Of a node that asks kraken and binance and knows nothing yet."""
    metrics = Metrics()
    for name in ("kraken", "binance"):
        metrics.venue_followed(name, lambda: 5)
    return metrics


def told(metrics: Metrics) -> dict[str, bool | None]:
    """What the node's metrics page says."""
    return answering(generate_latest(metrics.registry).decode())


def test_metrics_of_a_node_say_which_venues_answer() -> None:
    """Unknown at first; a failure that is not yet silence changes nothing."""
    metrics = metrics_of_two()
    assert told(metrics) == {"kraken": None, "binance": None}
    metrics.venue_answered("kraken")
    metrics.venue_failed("binance", "timeout", silent=False)
    assert told(metrics) == {"kraken": True, "binance": None}
    metrics.venue_failed("binance", "timeout", silent=True)
    metrics.venue_failed("kraken", "timeout", silent=True)
    assert told(metrics) == {"kraken": False, "binance": False}


def test_silence_of_all_venues_is_an_alarm_and_each_change_is_told_once(tmp_path: Path) -> None:
    """Nothing is said before every venue is known."""
    found, events = watch(tmp_path)
    for venues in (
        {},
        {"kraken": False, "binance": None},
        {"kraken": False, "binance": False},
        {"binance": False, "kraken": False},
        {"kraken": True, "binance": False},
        {"kraken": True, "binance": True},
    ):
        found.conclude(venues)
    assert [(event.text, event.alarm) for event in events] == [
        ("no venue answers (binance, kraken): votes carry no prices, the chain goes on and its prices age", True),
        ("prices come from kraken; binance does not answer", False),
        ("prices come from binance, kraken", False),
    ]


def test_first_node_that_answers_speaks_for_all(tmp_path: Path) -> None:
    """One that is down or talks nonsense is passed over; if all are, nothing is said."""
    metrics = metrics_of_two()
    metrics.venue_answered("kraken")
    metrics.venue_answered("binance")

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.host == "down":
            raise httpx.ConnectError("refused")
        return httpx.Response(200, text="{" if request.url.host == "odd" else generate_latest(metrics.registry).decode())

    async def look(*addresses: str) -> list[Event]:
        found, events = watch(tmp_path)
        async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as client:
            await found.look(client, addresses)
        return events

    assert [event.text for event in asyncio.run(look("down:1", "odd:1", "good:1"))] == ["prices come from binance, kraken"]
    assert asyncio.run(look("down:1", "odd:1")) == []


@pytest.mark.parametrize(
    ("prices", "yes"), [("venues", True), ("scripted:/a,venues:kraken", True), ("simulated:1", False), ("scripted:/venues", False)]
)
def test_only_a_network_of_venues_is_watched_for_them(prices: str, yes: bool) -> None:
    """By its SPEC."""
    assert names_venues(prices) is yes
