"""What the cheating network reads of its nodes: their logs as they write them."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from node import logs
from node.demo.mev import network as cheating
from node.demo.mev.network import CHEATER, CheatingNetwork, attempt
from node.failure import Failure
from node.localnet.home import Home

PROPOSER = bytes(range(20))


def written(**fields: Any) -> str:
    """A line of a node's log about a rejected proposal."""
    record = logging.LogRecord("app", logging.WARNING, "", 0, "proposal rejected", (), None)
    record.__dict__.update({"height": 9, "proposer": PROPOSER, "rule": "e", "position": 3, "reason": "plain"} | fields)
    return logs._Lines().format(record) + "\n"


@pytest.mark.parametrize(
    "reason",
    ["plain", "two words", "it's", 'a "quoted" word', 'it\'s a "quoted" word', "a=b", "position=7 rule=a", "back\\slash and space"],
)
def test_a_rejection_is_read_as_it_was_logged(tmp_path: Path, reason: str) -> None:
    """Whatever its reason holds; only from the moment on at which one looks, of the one proposer, at the one height."""
    path = tmp_path / "perpd.log"
    path.write_text(written(reason="before"))
    log = cheating._Log(path, PROPOSER.hex())
    assert log.rejection(9) is None
    with path.open("a") as handle:
        handle.write(written(height=8, reason="another height") + written(proposer=bytes(20), reason="another proposer"))
        handle.write("2026-01-01T00:00:00.000Z info app something else height=9\n" + written(reason=reason))
    found = log.rejection(9)
    assert found is not None
    assert (found["rule"], found["position"], found["reason"]) == ("e", "3", reason)


def test_a_line_that_is_not_yet_whole_is_not_read(tmp_path: Path) -> None:
    """The node may be writing while one looks."""
    path = tmp_path / "perpd.log"
    path.touch()
    log = cheating._Log(path, PROPOSER.hex())
    whole = written(reason="some words")
    for length in range(len(whole)):
        path.write_text(whole[:length])
        assert log.rejection(9) is None
    path.write_text(whole)
    assert log.rejection(9) is not None


def test_an_attempt_that_never_comes_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a victim no sandwich: the sentence names what was missing, and the validator is told to be honest again."""
    home = Home(tmp_path)
    for node in home.nodes(CHEATER + 1):
        node.logs.mkdir(parents=True)
        (node.logs / "perpd.log").touch()
    silent = CheatingNetwork(home, SimpleNamespace())  # type: ignore[arg-type]  # no process is asked for
    monkeypatch.setattr(CheatingNetwork, "names_by_address", {PROPOSER.hex().upper(): f"node{CHEATER}"})
    monkeypatch.setattr(CheatingNetwork, "rejections", lambda *_: {})
    monkeypatch.setattr(CheatingNetwork, "height", lambda *_: 5)
    provoked: list[int] = []
    with pytest.raises(
        Failure, match=r"no block of the cheat sandwich .* within 0.2 seconds: it never had what it needs \(a taker order\)"
    ):
        attempt(silent, "sandwich", lambda: provoked.append(1), seconds=0.2)
    assert provoked == [1], "once per height"
    assert (home.node(CHEATER).home / "cheat.json").read_text() == '{\n  "cheat": ""\n}\n'
    with pytest.raises(Failure, match="there is no cheat kindness"):
        attempt(silent, "kindness")
