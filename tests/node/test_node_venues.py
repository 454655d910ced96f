"""A node whose venues hang: it starts, votes, and stops as if there were none."""

import asyncio
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from node import config
from node.chain_genesis import parse
from node.feeder.service import Feeder
from node.localnet.create import DEFAULT_GENESIS
from node.service import Node
from support.app_network import open_app
from support.bad_venue import Behaviour, bad_venue, drip, hang
from support.chain import Chain, make_validators


def settings(home: Path, url: str) -> config.NodeConfig:
    """Of a node that asks one venue there."""
    home.mkdir(exist_ok=True)
    (home / "app.toml").write_text(f'abci = "unix://{home}/abci.sock"\ngrpc = ""\nprices = "venues:coinbase={url}+kraken={url}"\n')
    return config.load(home)


def test_node_stops_at_once_while_its_venues_hang(tmp_path: Path) -> None:
    """It asks them from its start on, and leaves no thread behind; the metrics have them."""
    with bad_venue(hang) as venue:
        node = Node(settings(tmp_path, venue.url))
        node.feeder.follow([(0, "BTC-USD", -5, 1)])

        async def live() -> None:
            running = asyncio.create_task(node.run())
            await asyncio.get_running_loop().run_in_executor(None, venue.asked.acquire)
            assert any(thread.name == "venues" for thread in threading.enumerate())
            os.kill(os.getpid(), signal.SIGTERM)
            await running

        asyncio.run(live())
        assert not any(thread.name == "venues" for thread in threading.enumerate())
        assert node.metrics.registry.get_sample_value("perpd_venue_age_seconds", {"venue": "kraken"}) is not None


def test_node_that_cannot_listen_leaves_no_thread(tmp_path: Path) -> None:
    """What was started before the failure is stopped."""
    found = settings(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "abci.sock").mkdir()
    node = Node(found)
    with pytest.raises(OSError, match="sock"):
        asyncio.run(node.run())
    assert not any(thread.name == "venues" for thread in threading.enumerate())


@pytest.mark.parametrize("behaviour", [hang, drip], ids=lambda behaviour: behaviour.__name__)
def test_chain_goes_on_with_empty_votes_while_every_venue_hangs(tmp_path: Path, behaviour: Behaviour) -> None:
    """Four applications, each with a feeder whose requests are under way: every vote is empty, every block is decided."""
    with bad_venue(behaviour) as venue:
        feeders = [Feeder(f"venues:coinbase={venue.url}", [(0, "BTC-USD", -5, 4_731_900_000)]) for _ in range(4)]
        for feeder in feeders:
            feeder.start()
        try:
            for _ in feeders:
                venue.asked.acquire()
            apps = [open_app(tmp_path / f"node{number}", feeder.current) for number, feeder in enumerate(feeders)]
            state = json.dumps(parse(DEFAULT_GENESIS.read_bytes())).encode()
            chain = Chain(list(apps), make_validators(4), "silent-1", state)
            chain.start()
            chain.run(5)
            assert chain.height == 5
            assert chain.extended is not None
            assert [(vote.vote_extension, bool(vote.extension_signature)) for vote in chain.extended.votes] == [(b"", True)] * 4
        finally:
            for feeder in feeders:
                feeder.stop()
    assert not any(thread.name == "venues" for thread in threading.enumerate())
