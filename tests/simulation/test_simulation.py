"""Seeded exchanges with random traffic, crashes of prices, engines and processes; a failure names its seed and height."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.app_network import app_network, differences, snapshot, values
from support.extreme_simulation import ExtremeSimulation, rich_genesis
from support.simulation import Simulation, running, simulated

ROOT = Path(__file__).parents[2]
SHORT_SEED, SHORT_BLOCKS = 6, 120
LONG_SEEDS, LONG_BLOCKS = (11, 12, 13, 14, 15, 16), 1_000


def assert_eventful(simulation: Simulation) -> None:
    """What the simulation is for has happened in it."""
    events, accidents = simulation.events, simulation.accidents
    for kind in ("match", "liquidation", "settled_funding", "funding_epoch_ended", "order_expired", "order_cancelled", "create_transfer"):
        assert events[kind] > 10, f"{kind}: {events[kind]}"
    assert simulation.reasons["UNDERCOLLATERALIZED"] > 10
    assert min(accidents[kind] for kind in ("process", "engine", "another block", "another time", "restart")) > 0, accidents
    assert len(simulation.codes) >= 6


def test_a_short_life_keeps_every_invariant_through_every_accident(tmp_path: Path) -> None:
    """Three applications, each with accidents of its own, agree at every height; state is what events tell; its export is a genesis."""
    with simulated(tmp_path, SHORT_SEED, SHORT_BLOCKS) as simulation:
        assert_eventful(simulation)
        simulation.exported()


def test_a_chain_that_begins_from_an_export_holds_the_same_state(tmp_path: Path) -> None:
    """Export and import, with open positions, orders, unsettled funding and remembered hashes, lose and add nothing."""
    with simulated(tmp_path / "old", SHORT_SEED + 1, 60, count=1) as simulation:
        document = simulation.exported()
        old = simulation.network
        state = json.loads(json.dumps(document))
        with app_network(
            tmp_path / "new", state=state, people=old.people, initial_height=old.height + 1, time_ns=old.chain.time_ns
        ) as fresh:
            again = fresh.app.wiring.export_genesis(fresh.context())
            assert {**again, "consensus": None} == {**document, "consensus": None}  # that section holds the old chain's identity
            tables = differences(fresh.app, snapshot(old.app), snapshot(fresh.app))
            assert {name.partition("/")[0] for name in tables} <= {"consensus"}, tables
            fresh.block()
            fresh.assert_sound()


def live_at_the_edges(directory: Path, seed: int, blocks: int) -> None:
    """An extreme simulation runs, and then answers whatever one may ask."""
    with running(ExtremeSimulation(directory, seed, 1, rich_genesis), seed) as simulation:
        simulation.run(blocks)
        assert simulation.events["match"] > 10
        assert simulation.events["liquidation"] > 0
        assert simulation.events["deleveraged"] > 0
        simulation.exported()
        codes = simulation.ask_everything()
        assert len(codes) > 20
        answered = [path for path, found in codes.items() if 0 in found]
        assert len(answered) > 20
        assert not [path for path, found in codes.items() if found & {1, 111222}], "an internal error"


def test_extreme_prices_sizes_and_fortunes_stop_no_node(tmp_path: Path) -> None:
    """P8: no number that a message, a vote or a genesis can hold makes a block, an export or a query raise, or money vanish."""
    live_at_the_edges(tmp_path, 3, 40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [31, 32, 33, 34])
def test_a_long_life_at_the_edges_stops_no_node(tmp_path: Path, seed: int) -> None:
    """The same for longer."""
    live_at_the_edges(tmp_path, seed, 400)


@pytest.mark.slow
@pytest.mark.parametrize("seed", LONG_SEEDS)
def test_a_long_life_keeps_every_invariant_through_every_accident(tmp_path: Path, seed: int) -> None:
    """As the short one, long enough for accounts to be ruined and funds to run dry."""
    with simulated(tmp_path, seed, LONG_BLOCKS) as simulation:
        assert_eventful(simulation)
        simulation.exported()
        network = simulation.network
        for number in range(len(network.apps)):
            before = values(network.apps[number])
            assert values(network.restart(number)) == before
        network.assert_sound()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22])
def test_processes_with_other_hash_seeds_live_the_same_life(seed: int) -> None:
    """P1: what sets and dictionaries of one process look like inside never reaches the state."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "proto/gen", "tests"))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "support.simulation", str(seed), "200"],
            env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for hash_seed in ("0", "4711")
    ]
    answers = [process.communicate(timeout=600)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert len(answers[0]) > 10
    assert answers[0] == answers[1]
