"""`perpd genesis validate` names every mistake by its path, and what it refuses never starts."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from modules.kernel import address as addresses
from node.chain_genesis import GenesisError
from node.cli import main
from support.chain import GENESIS_TIME_NS, Chain, make_validators
from support.exchange import open_app, quick_directory

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "genesis").glob("*.json"))
LOCALNET = json.loads((ROOT / "genesis" / "localnet.json").read_text())
SOMEBODY = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"


@pytest.fixture(autouse=True)
def _usual_prefix() -> Iterator[None]:
    """A genesis sets the address prefix of the process; the next test starts with the usual one."""
    yield
    addresses.use_prefix("dydx")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of `perpd …`."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.out, told.err


def written(directory: Path, document: Any) -> str:
    """A file with this document (or this text)."""
    path = directory / "genesis.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_genesis_files_are_valid(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    """Exit 0, one line that says what is in it; with --json an object without mistakes."""
    code, out, err = run(capsys, "genesis", "validate", str(path))
    assert (code, err) == (0, "")
    assert f"{path} is a valid genesis with " in out
    assert "BTC-USD" in out
    code, out, _ = run(capsys, "genesis", "validate", str(path), "--json")
    assert code == 0
    assert json.loads(out) == {"file": str(path), "valid": True, "mistakes": []}


Change = Callable[[dict[str, Any]], None]


def put(*place: Any) -> Change:
    """Sets the value at a path: the last argument, at the keys before it."""

    def change(state: dict[str, Any]) -> None:
        target: Any = state
        for key in place[:-2]:
            target = target[key]
        target[place[-2]] = place[-1]

    return change


def drop(*place: Any) -> Change:
    """Leaves out what is at a path."""

    def change(state: dict[str, Any]) -> None:
        target: Any = state
        for key in place[:-1]:
            target = target[key]
        del target[place[-1]]

    return change


def double(*place: Any) -> Change:
    """The first row of a list stands in it a second time."""

    def change(state: dict[str, Any]) -> None:
        target: Any = state
        for key in place:
            target = target[key]
        target.append(deepcopy(target[0]))

    return change


def account(**row: Any) -> Change:
    """One subaccount of somebody."""
    return put("subaccounts", "accounts", [{"owner": SOMEBODY, "number": 0, "collateral": "5"} | row])


POSITION = {"perpetual_id": 0, "quantums": "1000000", "funding_index": 0, "entry_quote": 0}
ORDER = {"owner": SOMEBODY, "number": 0, "client_id": 1, "flags": 64, "clob_pair_id": 0, "side": "BUY", "quantums": "1000000"} | {
    "subticks": "4000000000",
    "good_til": 4_000_000_000,
    "height": 0,
    "placement": 0,
}
USDC = LOCALNET["bank"]["denoms"][0]
COINS = [{"denom": USDC, "amount": "5"}]

BROKEN: dict[str, tuple[Change, str, str]] = {
    "a section is missing": (drop("oracle"), "oracle", "is missing"),
    "a section is no object": (put("fees", []), "fees", "must be an object"),
    "an unknown section": (put("oracles", {}), "oracles", "is not a module"),
    "an unknown key": (put("perp", "perpetuals", 0, "tickr", "X"), "perp.perpetuals[0].tickr", "is not a known key"),
    "no text": (put("oracle", "markets", 1, "ticker", 7), "oracle.markets[1].ticker", "must be a text"),
    "no whole text": (put("oracle", "markets", 1, "ticker", "\ud800-USD"), "oracle.markets[1].ticker", "must be a text"),
    "no integer": (put("oracle", "markets", 0, "price", "1e9"), "oracle.markets[0].price", "must be an integer"),
    "out of range": (put("oracle", "markets", 2, "exponent", 99), "oracle.markets[2].exponent", "between -30 and 30"),
    "a key is missing": (drop("oracle", "markets", 0, "exponent"), "oracle.markets[0].exponent", "is missing"),
    "a market twice": (double("oracle", "markets"), "oracle.markets[3].id", "second entry"),
    "a ticker without a quote": (put("oracle", "markets", 0, "ticker", "BTC"), "oracle.markets[0].ticker", "BASE-QUOTE"),
    "an unknown tier": (put("perp", "perpetuals", 1, "liquidity_tier", 77), "perp.perpetuals[1].liquidity_tier", "is not listed"),
    "an unknown market": (put("perp", "perpetuals", 2, "market_id", 9), "perp.perpetuals[2].market_id", "not listed in oracle.markets"),
    "an unknown market type": (put("perp", "perpetuals", 2, "market_type", "BOTH"), "perp.perpetuals[2].market_type", "must be one of"),
    "caps the wrong way round": (
        put("perp", "liquidity_tiers", 1, "open_interest_lower_cap", "60000000000000"),
        "perp.liquidity_tiers[1].open_interest_lower_cap",
        "upper cap",
    ),
    "an unfunded perpetual": (drop("funding", "perpetuals", 1), "funding.perpetuals", "no entry for perpetual 1"),
    "an odd epoch": (put("funding", "perpetuals", 0, "epoch_seconds", 7), "funding.perpetuals[0].epoch_seconds", "must divide a day"),
    "a step of half a lot": (
        put("clob", "clob_pairs", 0, "step_base_quantums", "1500000"),
        "clob.clob_pairs[0].step_base_quantums",
        "multiple of the funding lot",
    ),
    "a status that is no text": (put("clob", "clob_pairs", 0, "status", 1), "clob.clob_pairs[0].status", "must be a text"),
    "an unknown status": (put("clob", "clob_pairs", 0, "status", "OPEN"), "clob.clob_pairs[0].status", "must be one of"),
    "two books of one perpetual": (put("clob", "clob_pairs", 1, "perpetual_id", 0), "clob.clob_pairs[1].perpetual_id", "second order book"),
    "an order off the tick": (put("clob", "orders", [ORDER | {"subticks": "5"}]), "clob.orders[0].subticks", "multiple of the pair's tick"),
    "an order of no kind": (put("clob", "orders", [ORDER | {"flags": 2**32 - 1}]), "clob.orders[0].flags", "must be between 0 and"),
    "a crossed book": (
        put("clob", "orders", [ORDER, ORDER | {"side": "SELL", "client_id": 2, "placement": 1}]),
        "clob.orders",
        "the book of pair 0 is crossed",
    ),
    "a foreign address": (put("bank", "balances", 0, {"address": "cosmos1xyz", "coins": COINS}), "bank.balances[0].address", "dydx1"),
    "an unknown coin": (
        put("bank", "balances", 0, "coins", 0, "denom", "doge"),
        "bank.balances[0].coins[0].denom",
        "not listed in bank.denoms",
    ),
    "a mistyped module": (put("bank", "balances", 0, "module", "insurance_fnd"), "bank.balances[0].module", "is no module account"),
    "module and address": (put("bank", "balances", 0, "address", SOMEBODY), "bank.balances[0].address", "beside `module`"),
    "an account twice": (double("bank", "balances"), "bank.balances[1].address", "second entry"),
    "collateral without money": (account(), "subaccounts.accounts", "its balance in bank.balances is 0"),
    "an empty account": (account(collateral=0), "subaccounts.accounts[0].collateral", "must not be 0 without positions"),
    "an unmatched position": (account(positions=[POSITION]), "subaccounts.accounts", "must be equal"),
    "half a lot": (account(positions=[POSITION | {"quantums": "5"}]), "subaccounts.accounts[0].positions[0].quantums", "funding lot"),
    "a rebate above every fee": (put("fees", "tiers", 0, "maker_fee_ppm", -600), "fees.tiers", "must not be above the lowest taker fee"),
    "a high liquidation fee": (
        put("liquidation", "max_liquidation_fee_ppm", 2_000_000),
        "liquidation.max_liquidation_fee_ppm",
        "must be between 1 and 1000000",
    ),
    "shares of a block": (
        put("consensus", "sequencer", {"lane_byte_share_ppm": [1, 2, 3, 4, 5]}),
        "consensus.sequencer.lane_byte_share_ppm",
        "1000000 ppm together",
    ),
    "a prefix with capitals": (put("consensus", "bech32_prefix", "Dydx"), "consensus.bech32_prefix", "must be lower-case letters"),
    "a negative sequence": (put("auth", "accounts", [{"address": SOMEBODY, "sequence": -1}]), "auth.accounts[0].sequence", "between 0 and"),
}


def start(state: Any, initial_height: int = 1, time_ns: int = GENESIS_TIME_NS) -> None:
    """InitChain with this state on a fresh application. Raises GenesisError."""
    text = state if isinstance(state, str) else json.dumps(state)
    with quick_directory() as directory:
        app = open_app(directory)
        chain = Chain([app], make_validators(1), "start-1", text.encode(), initial_height=initial_height, time_ns=time_ns)
        try:
            app.init_chain(chain.init_request())
        finally:
            app.store.close()


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_named_with_its_path_and_the_genesis_never_starts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """One change to genesis/localnet.json each: exit 1, the path and what is wrong, no traceback; InitChain refuses with the same."""
    change, path, fragment = BROKEN[name]
    state = deepcopy(LOCALNET)
    change(state)
    file = written(tmp_path, state)
    code, out, err = run(capsys, "genesis", "validate", file, "--json")
    told = json.loads(out)
    assert (code, told["valid"], err) == (1, False, "")
    matching = [row for row in told["mistakes"] if row["path"] == path and fragment in row["sentence"]]
    assert matching, told["mistakes"]
    code, out, err = run(capsys, "genesis", "validate", file)
    assert (code, err) == (1, "")
    assert f"  {path}: " in out
    with pytest.raises(GenesisError) as refused:
        start(state)
    assert list(refused.value.problems) == [(row["path"], row["sentence"]) for row in told["mistakes"]]


def test_several_mistakes_are_told_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """All of them, each on its line, so that nobody mends one after the other."""
    state = deepcopy(LOCALNET)
    for name in ("an unknown tier", "an odd epoch", "a high liquidation fee"):
        BROKEN[name][0](state)
    code, out, _ = run(capsys, "genesis", "validate", written(tmp_path, state))
    assert code == 1
    assert "has 3 mistakes:" in out
    for name in ("an unknown tier", "an odd epoch", "a high liquidation fee"):
        assert f"  {BROKEN[name][1]}: " in out


NOT_JSON = {
    "nothing": ("", "is not valid JSON"),
    "half": ('{"oracle": {', "is not valid JSON"),
    "a list": ("[]", "must be a JSON object"),
    "a float": ('{"oracle": {"maximum_age_seconds": 1.5}}', "1.5 is not an integer"),
    "not a number": ('{"oracle": {"maximum_age_seconds": NaN}}', "NaN is not an integer"),
    "a key twice": ('{"oracle": {}, "oracle": {}}', "the key 'oracle' stands twice"),
    "too deep": ('{"a": ' * 100_000, "is not valid JSON"),
    "a huge number": (f'{{"a": {"9" * 5_000}}}', "is not valid JSON"),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_object_is_said_to_be_none(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """One sentence, exit 1; and it does not start."""
    text, fragment = NOT_JSON[name]
    code, out, err = run(capsys, "genesis", "validate", written(tmp_path, text))
    assert (code, err) == (1, "")
    assert "has 1 mistake:" in out
    assert fragment in out
    with pytest.raises(GenesisError):
        start(text)


def test_a_file_that_is_not_there_or_no_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Also a plain sentence."""
    code, out, _ = run(capsys, "genesis", "validate", str(tmp_path / "none.json"))
    assert code == 1
    assert "cannot be read: No such file" in out
    code, out, _ = run(capsys, "genesis", "validate", str(tmp_path))
    assert code == 1
    assert "cannot be read: Is a directory" in out
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    code, out, _ = run(capsys, "genesis", "validate", str(tmp_path / "bytes.json"))
    assert code == 1
    assert "is not valid JSON" in out


def engine_genesis(state: Any, **changes: Any) -> dict[str, Any]:
    """A genesis.json of CometBFT, as far as it matters here."""
    return {"chain_id": "mine-1", "genesis_time": "2026-01-31T12:00:00Z", "initial_height": "1", "app_state": state} | changes


def test_paths_in_an_engine_s_genesis_begin_with_app_state(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The path leads through the file that was given; what stands beside the state is looked at too."""
    code, out, _ = run(capsys, "genesis", "validate", written(tmp_path, engine_genesis(LOCALNET)))
    assert (code, "is a valid genesis" in out) == (0, True)
    state = deepcopy(LOCALNET)
    BROKEN["an unknown tier"][0](state)
    broken = engine_genesis(state, chain_id="x" * 51, initial_height="-1", genesis_time="yesterday")
    code, out, _ = run(capsys, "genesis", "validate", written(tmp_path, broken), "--json")
    assert code == 1
    paths = [row["path"] for row in json.loads(out)["mistakes"]]
    assert paths == ["chain_id", "initial_height", "genesis_time", "app_state.perp.perpetuals[1].liquidity_tier"]
    code, out, _ = run(capsys, "genesis", "validate", written(tmp_path, engine_genesis("nothing")), "--json")
    assert [row["path"] for row in json.loads(out)["mistakes"]] == ["app_state"]


def test_strange_characters_in_keys_can_be_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A key that no terminal can show is still a path."""
    text = json.dumps(LOCALNET).replace('"fees": {', '"fees": {"\\ud800": 1, ', 1)
    code, out, err = run(capsys, "genesis", "validate", written(tmp_path, text))
    assert (code, err) == (1, "")
    assert "  fees.\\ud800: is not a known key" in out
