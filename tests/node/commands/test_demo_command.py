"""`perpd demo` and the commands below it, as users type them, where nothing runs."""

import json
from pathlib import Path

import pytest

from node.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of `perpd demo …`."""
    with pytest.raises(SystemExit) as ended:
        main(["demo", *arguments])
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.out, told.err


def test_help_tells_of_the_demonstrations(capsys: pytest.CaptureFixture[str]) -> None:
    """The day at the exchange has options of its own; `mev` stands among the commands."""
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "--market" in out
    assert "mev" in out.partition("Commands:")[2]
    code, out, _ = run(capsys, "mev", "--help")
    assert (code, "--json" in out, "--home" in out) == (0, True, True)


def test_the_day_at_the_exchange_needs_a_running_localnet(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a command below it, `perpd demo` is what it was."""
    code, out, err = run(capsys, "--home", str(tmp_path), "--json")
    assert code == 1
    assert json.loads(out)["error"] in err
    assert str(tmp_path) in err


@pytest.mark.parametrize("content", ["file in a directory", "file"])
def test_a_used_home_is_refused_and_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str) -> None:
    """The demonstration begins a chain of its own and overwrites nothing."""
    home = tmp_path / "home"
    kept = home
    if content != "file":
        home.mkdir()
        kept = home / "kept"
    kept.write_text("mine")
    code, out, err = run(capsys, "mev", "--home", str(home), "--json")
    assert code == 1
    assert json.loads(out) == {"error": f"{home} is not empty; the demonstration begins a chain of its own, in a new or empty directory."}
    assert "is not empty" in err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("options", [["--json"], ["--home", "elsewhere"], ["--market", "ETH-USD"]])
def test_options_before_the_name_of_a_demonstration_are_refused(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """They would mean nothing there."""
    code, _, err = run(capsys, *options, "mev")
    assert code == 2
    assert "Options of mev stand after its name." in err
