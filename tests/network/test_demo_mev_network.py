"""`perpd demo mev` as a user types it: real validators, one of which cheats, and the profit that it would have made."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from node.demo.mev.cheats import CHEATS
from node.localnet.supervisor import python_environment
from support.real_localnet import perpd, processes_of

pytestmark = [pytest.mark.network, pytest.mark.slow]

LAST_SECONDS = 120


def test_every_attack_is_caught_by_its_rule_and_earns_what_it_would_have_earned(tmp_path: Path) -> None:
    """All cheats, each rejected by three nodes with its rule and replaced in a later round; then profits and chances. Nothing runs on."""
    home = tmp_path / "home"
    facts = perpd("demo", "mev", "--home", str(home))
    assert [cheat["cheat"] for cheat in facts["cheats"]] == [cheat.name for cheat in CHEATS]
    for cheat, known in zip(facts["cheats"], CHEATS, strict=True):
        assert [(one["node"], one["rule"]) for one in cheat["verdicts"]] == [(f"node{number}", known.rule) for number in range(3)]
        assert cheat["expected_rule"] == known.rule
        assert cheat["round"] >= 1
        assert cheat["cheating_txs_decided"] == 0
    heights = [cheat["height"] for cheat in facts["cheats"]]
    assert heights == sorted(set(heights))
    assert facts["agreed"]["height"] > heights[-1]
    profits = {one["attack"]: one for one in facts["profit"]}
    assert len(profits) == len(facts["profit"]) == 5
    for name, one in profits.items():
        assert int(one["proposers_order"]["attacker"]) > 0
        assert sum(int(amount) for amount in one["proposers_order"].values()) == 0
        assert one["rejected"]["rule"] == "e"
        assert one["rejected"]["draws"] > 0
        best = int(one["canonical_order"]["attacker"]["best"])
        assert best == (int(one["proposers_order"]["attacker"]) if name in ("sandwich_with_a_quote", "first_in_queue") else 0)
    assert Counter(one["attack"] for one in facts["chances"] if int(one["won"])) == {"sandwich_with_a_quote": 4, "first_in_queue": 4}
    assert [one["attack"] for one in facts["withheld"]] == ["stale_quote", "squeezed_margin"]
    assert processes_of(home) == []


def test_an_interrupted_demonstration_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while validators run: exit code 130, no process, no file of the temporary directory."""
    environment = {**python_environment(), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "node", "demo", "mev"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1) as running:
        assert running.stdout is not None
        first = next(line for line in running.stdout if line.strip().startswith("block "))
        assert "(e)" in first
        (made,) = tmp_path.glob("perpd-mev-*")
        assert processes_of(made) != []
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        assert running.wait(LAST_SECONDS) == 130
    assert processes_of(made) == []
    assert not made.exists()
