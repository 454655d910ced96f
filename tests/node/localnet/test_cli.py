import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from node import cli
from node.feeder import board
from node.localnet import create
from node.localnet.create import Wishes
from node.localnet.home import Home
from node.localnet.supervisor import SOURCE_ROOTS

MNEMONIC = (
    "merge panther lobster crazy road hollow amused security before critic about cliff exhibit cause coyote talent happy where lion river"
    " tobacco option coconut small"
)


def perpd(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A localnet that does not run, with the market BTC-USD."""
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bank": {"denoms": ["usdc"]}, "oracle": {"markets": [{"ticker": "BTC-USD"}]}}))
    found = Home(tmp_path / "net")
    found.path.mkdir()
    create.prepare(found, Wishes(genesis=state, prices="manual"), lambda _: [])
    return found


def test_help_lists_every_command_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Each file in node/commands can be imported and explains itself."""
    code, out, _ = perpd(capsys, "--help")
    assert code == 0
    for name in ("init", "keys", "localnet", "oracle"):
        assert any(line.split()[:1] == [name] and len(line.split()) > 2 for line in out.splitlines())


@pytest.mark.parametrize("arguments", [["localnet", "up", "--validators", "many"], ["no-such-command"], ["oracle", "set", "BTC-USD"]])
def test_command_that_is_not_understood_exits_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """And says why on standard error."""
    code, out, err = perpd(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


@pytest.mark.parametrize(
    "arguments",
    [["localnet", "down"], ["localnet", "status"], ["localnet", "reset"], ["oracle", "set", "BTC-USD", "1"], ["oracle", "show"]],
)
def test_failure_is_one_plain_sentence_and_json_for_machines(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    """No traceback, exit code 1."""
    code, out, err = perpd(capsys, *arguments, "--home", str(tmp_path / "nowhere"), "--json")
    assert code == 1
    assert err.startswith("perpd: there is no localnet in")
    assert err.count("\n") == 1
    assert json.loads(out)["error"] in err


def test_status_of_a_stopped_localnet_says_that_it_does_not_run(capsys: pytest.CaptureFixture[str], home: Home) -> None:
    """Asking is no failure."""
    code, out, _ = perpd(capsys, "localnet", "status", "--home", str(home.path), "--json")
    assert code == 0
    assert json.loads(out)["running"] is False
    assert "is not running" in perpd(capsys, "localnet", "status", "--home", str(home.path))[1]


def test_down_of_a_stopped_localnet_is_no_failure(capsys: pytest.CaptureFixture[str], home: Home) -> None:
    """What was asked for is so."""
    assert perpd(capsys, "localnet", "down", "--home", str(home.path), "--json")[:2] == (0, '{"stopped": false}\n')


def test_price_set_by_hand_is_on_the_board_until_cleared(capsys: pytest.CaptureFixture[str], home: Home) -> None:
    """Every feeder reads it from there."""
    place = ("--home", str(home.path))
    assert perpd(capsys, "oracle", "set", "BTC-USD", "42000.5", *place)[0] == 0
    assert board.read(home.prices_file).prices == {"BTC-USD": "42000.5"}
    assert json.loads(perpd(capsys, "oracle", "show", *place, "--json")[1])["prices"] == {"BTC-USD": "42000.5"}
    assert perpd(capsys, "oracle", "clear", "BTC-USD", *place)[0] == 0
    assert board.read(home.prices_file).prices == {}
    assert perpd(capsys, "oracle", "clear", "BTC-USD", *place)[0] == 1


@pytest.mark.parametrize(
    ("ticker", "price"), [("BTC-USD", "0"), ("BTC-USD", "-1"), ("BTC-USD", "1e5"), ("BTC-USD", "NaN"), ("BTC-UDS", "1")]
)
def test_price_that_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str], home: Home, ticker: str, price: str) -> None:
    """Nothing is written."""
    code, _, err = perpd(capsys, "oracle", "set", "--home", str(home.path), "--", ticker, price)
    assert code == 1
    assert "not a" in err
    assert board.read(home.prices_file).prices == {}


def test_address_of_a_mnemonic_on_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Secrets do not belong on a command line."""
    (tmp_path / "words").write_text(MNEMONIC + "\n")
    with (tmp_path / "words").open() as words:
        monkeypatch.setattr(sys, "stdin", words)
        assert perpd(capsys, "keys", "address")[:2] == (0, "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4\n")


def test_new_key_is_printed_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    """For machines as one object."""
    document = json.loads(perpd(capsys, "keys", "new", "--json")[1])
    assert document["address"].startswith("dydx1")
    assert len(document["mnemonic"].split()) == 24


def test_node_that_joins_a_chain_gets_keys_configuration_and_that_chains_genesis(
    capsys: pytest.CaptureFixture[str], home: Home, tmp_path: Path
) -> None:
    """A second `init` on the same home changes nothing."""
    place = tmp_path / "joined"
    peer = f"{create.node_id(home.node(0))}@127.0.0.1:26656"
    arguments = ["init", "--home", str(place), "--join", str(home.node(0).genesis), "--peers", peer, "--json"]
    code, out, err = perpd(capsys, *arguments)
    assert (code, err) == (0, "")
    assert json.loads(out)["home"] == str(place)
    assert (place / "config" / "genesis.json").read_text() == home.node(0).genesis.read_text()
    assert peer in (place / "config" / "config.toml").read_text()
    key = (place / "config" / "node_key.json").read_bytes()
    assert perpd(capsys, *arguments)[0] == 1
    assert (place / "config" / "node_key.json").read_bytes() == key


def test_perpd_refuses_to_run_without_its_assertions() -> None:
    """python -O would switch off what guards money."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, SOURCE_ROOTS))}
    done = subprocess.run([sys.executable, "-O", "-m", "node", "keys", "new"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "refuses" in done.stderr
