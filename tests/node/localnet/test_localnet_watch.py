import asyncio
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from node.localnet import live
from node.localnet.journal import Event, Journal
from node.localnet.live import Prices, decimal
from node.localnet.watch import NodeView, Observer, block_seconds, take_status
from support import localnet_fakes as fakes


def sync_info(height: int, time: str = "2026-01-01T00:00:00.25Z", *, catching_up: bool = False) -> dict[str, Any]:
    """What /status says."""
    return {
        "latest_block_height": str(height),
        "latest_block_time": time,
        "latest_app_hash": "ABCDEF0123456789",
        "catching_up": catching_up,
    }


def observer(tmp_path: Path, count: int = 2) -> tuple[Observer, list[NodeView], list[Event]]:
    """Of some nodes, with what it says; time is given by the tests and begins at 0."""
    events: list[Event] = []
    views = [NodeView(f"node{index}", "", advanced_seconds=0.0) for index in range(count)]
    found = Observer(views, Journal(tmp_path / "log", events.append), halt_seconds=15.0)
    found.conclude(0.0)
    return found, views, events


def at(view: NodeView, height: int, now_seconds: float) -> None:
    """The node reports a height."""
    take_status(view, sync_info(height), now_seconds)


def test_progress_is_a_block_more_than_at_the_first_look(tmp_path: Path) -> None:
    """A node that merely remembers an old chain has not progressed."""
    found, [view, _], _ = observer(tmp_path)
    at(view, 100, 1.0)
    assert not found.progressed()
    at(view, 101, 2.0)
    assert found.progressed()


def test_halted_consensus_is_told_loudly_once_and_its_end_too(tmp_path: Path) -> None:
    """Which heights the nodes have belongs to it; a node that is down is named."""
    found, [first, second], events = observer(tmp_path)
    at(first, 7, 1.0)
    at(second, 7, 1.0)
    second.reachable = False
    for now_seconds in (1.0, 15.9, 17.0, 40.0):
        found.conclude(now_seconds)
    assert [event.text for event in events] == ["CONSENSUS IS HALTED: no block for 15 s (node0 7, node1 does not answer)"]
    assert events[0].alarm
    assert found.halted
    at(first, 8, 41.0)
    found.conclude(41.0)
    assert events[1].text == "blocks again after 40 s: height 8"
    assert not found.halted


def test_network_whose_nodes_still_start_is_not_halted(tmp_path: Path) -> None:
    """On a busy machine they may need long; time counts from the first answer of any of them."""
    found, [first, _], events = observer(tmp_path)
    found.conclude(40.0)
    assert not found.halted
    at(first, 0, 41.0)
    found.conclude(50.0)
    assert events == []
    found.conclude(56.0)
    assert found.halted
    assert events[0].text.startswith("CONSENSUS IS HALTED")


def test_node_that_stays_behind_is_told_once_and_so_is_its_return(tmp_path: Path) -> None:
    """While the others go on, its standing is its own trouble, not a halt."""
    found, [first, second], events = observer(tmp_path)
    at(second, 3, 1.0)
    for step in range(40):
        at(first, 10 + step, float(step))
        found.conclude(float(step))
    assert [event.text for event in events] == ["node1 stands at height 3 since 16 s, the others are at 27"]
    at(second, 50, 40.0)
    found.conclude(40.0)
    assert events[1].text == "node1 moves again at height 50"


def test_interval_is_taken_from_the_blocks_own_times() -> None:
    """Over the last ten seconds at most."""
    view = NodeView("node0", "")
    assert view.interval_seconds() is None
    take_status(view, sync_info(0), 0.0)
    take_status(view, sync_info(2, "2026-01-01T00:00:00Z"), 0.0)
    take_status(view, sync_info(50, "2026-01-01T00:01:00Z"), 0.0)
    take_status(view, sync_info(60, "2026-01-01T00:01:02.5Z"), 0.0)
    assert view.interval_seconds() == 0.25


def test_interval_leaves_out_the_time_while_the_network_was_down() -> None:
    """The first new block of a continued chain carries a time of its predecessor's votes."""
    view = NodeView("node0", "")
    for height, time in [(100, "00:00:00"), (101, "00:00:00"), (102, "05:00:00"), (104, "05:00:01")]:
        take_status(view, sync_info(height, f"2026-01-01T{time}Z"), 0.0)
    assert view.interval_seconds() == 0.5


@pytest.mark.parametrize(("text", "fraction"), [("2026-01-01T00:00:01Z", 0.0), ("2026-01-01T00:00:01.123456789Z", 0.123456789)])
def test_engine_times_have_up_to_nine_decimals(text: str, fraction: float) -> None:
    """Trailing zeros are left out by the engine."""
    assert block_seconds(text) - block_seconds("2026-01-01T00:00:01Z") == pytest.approx(fraction, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "exponent", "text"),
    [(4731900000, -5, "47319"), (1, -5, "0.00001"), (17605000000, -8, "176.05"), (3, 2, "300"), (0, -3, "0")],
)
def test_prices_are_shown_as_plain_decimals(value: int, exponent: int, text: str) -> None:
    """Exact, without trailing zeros."""
    assert decimal(value, exponent) == text


def test_picture_shows_nodes_prices_and_events(tmp_path: Path) -> None:
    """Everything that a person wants to see at once, in 120 columns."""

    async def picture() -> str:
        with fakes.fake_localnet(tmp_path, 2) as (home, endpoints):
            supervisor = fakes.supervisor(home, endpoints)
            take_status(supervisor.views[0], sync_info(42), 0.0)
            supervisor.views[0].mempool = 17
            supervisor.journal.say("node1/perpd exited with code 3", alarm=True)
            prices = Prices()
            prices.lines = [("BTC-USD", "47319")]
            console = Console(width=120, record=True, file=(tmp_path / "screen").open("w"))
            with console.file:
                console.print(live.picture(supervisor, prices))
            assert live.plain_line(supervisor, prices) == "block 42, - a block, 0 of 2 nodes up; BTC-USD 47319"
            return console.export_text()

    text = asyncio.run(picture())
    for expected in ("fake-1", "42", "abcdef0123", "17", "BTC-USD 47319", "node1/perpd exited with code 3", "Ctrl-C stops all"):
        assert expected in text
