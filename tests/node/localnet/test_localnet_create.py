import json
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from node import config as node_config
from node.client.price_signing import PriceSigners
from node.failure import Failure
from node.feeder import board
from node.localnet import create
from node.localnet.addresses import endpoints
from node.localnet.config import app_config, engine_config
from node.localnet.create import Wishes
from node.localnet.genesis import ACCOUNT_NAMES, FAUCET_OTHER_AMOUNT, FAUCET_QUOTE_AMOUNT, fund, name_authority
from node.localnet.home import Home, Network
from node.localnet.keys import Account, EngineKey

STATE: dict[str, Any] = {
    "consensus": {},
    "bank": {"denoms": ["usdc", "native"], "balances": [{"module": "insurance_fund", "coins": []}]},
    "oracle": {"markets": [{"ticker": "BTC-USD"}]},
}


def accept(_: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A validator that finds nothing."""
    return []


@pytest.fixture
def genesis(tmp_path: Path) -> Path:
    """A file with STATE."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps(STATE))
    return path


def made(tmp_path: Path, genesis: Path, **wishes: Any) -> tuple[Home, Network]:
    """A new chain in a home of its own."""
    home = Home(tmp_path / "net")
    home.path.mkdir(exist_ok=True)
    return home, create.prepare(home, Wishes(genesis=genesis, prices="manual", **wishes), accept)


def test_every_node_has_the_same_genesis_with_all_validators(tmp_path: Path, genesis: Path) -> None:
    """Chain id, no engine limit on blocks, extensions from height 1, app version 1, and each validator's own key."""
    home, network = made(tmp_path, genesis)
    texts = {node.genesis.read_text() for node in home.nodes(network.validators)}
    assert len(texts) == 1
    document = json.loads(texts.pop())
    assert document["chain_id"] == "localperpd-1"
    parameters = document["consensus_params"]
    assert parameters["block"]["max_bytes"] == "-1"
    assert parameters["abci"]["vote_extensions_enable_height"] == "1"
    assert parameters["version"]["app"] == "1"
    own = [EngineKey.from_file((node.config / "priv_validator_key.json").read_text()) for node in home.nodes(4)]
    assert [entry["address"] for entry in document["validators"]] == [key.address.hex().upper() for key in own]
    assert len({key.address for key in own}) == 4


def test_accounts_are_funded_in_every_denomination(tmp_path: Path, genesis: Path) -> None:
    """Their mnemonics are readable by the owner only; what the genesis gave to others stays."""
    home, network = made(tmp_path, genesis)
    balances = json.loads(home.node(0).genesis.read_text())["app_state"]["bank"]["balances"]
    assert balances[0] == {"module": "insurance_fund", "coins": []}
    assert [entry["address"] for entry in balances[1:]] == [account.address for account in network.accounts]
    assert [account.name for account in network.accounts] == list(ACCOUNT_NAMES)
    assert balances[1]["coins"] == [
        {"denom": "usdc", "amount": str(FAUCET_QUOTE_AMOUNT)},
        {"denom": "native", "amount": str(FAUCET_OTHER_AMOUNT)},
    ]
    assert stat.S_IMODE(home.accounts_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((home.node(0).config / "priv_validator_key.json").stat().st_mode) == 0o600


def test_the_faucet_is_the_authority_of_a_genesis_that_names_none(tmp_path: Path, genesis: Path) -> None:
    """Whoever tries the network may change its parameters; an authority that the genesis names stays."""
    home, network = made(tmp_path, genesis)
    assert network.accounts[0].name == "faucet"
    assert json.loads(home.node(0).genesis.read_text())["app_state"]["authority"] == {"address": network.accounts[0].address}
    for section in ({}, {"address": ""}):
        assert name_authority(STATE | {"authority": section}, "dydx1faucet")["authority"] == {"address": "dydx1faucet"}
    assert name_authority(STATE | {"authority": {"address": "dydx1own"}}, "dydx1faucet")["authority"] == {"address": "dydx1own"}


def test_funding_does_not_change_the_document_it_is_given() -> None:
    """The same state may be used again."""
    before = json.dumps(STATE)
    fund(STATE, [Account("alice", "dydx1alice", "words")])
    assert json.dumps(STATE) == before


def test_state_without_denominations_cannot_be_funded() -> None:
    """One plain sentence, not a chain whose accounts have nothing."""
    with pytest.raises(Failure, match=r"bank\.denoms"):
        fund({"bank": {}}, [])


def test_existing_chain_is_continued_unchanged(tmp_path: Path, genesis: Path) -> None:
    """A second `up` without wishes finds the same network, keys and genesis."""
    home, network = made(tmp_path, genesis)
    before = home.node(2).genesis.read_bytes()
    assert create.prepare(home, Wishes(), accept) == network == home.load()
    assert home.node(2).genesis.read_bytes() == before


def test_prices_of_an_existing_chain_may_change(tmp_path: Path, genesis: Path) -> None:
    """They are no part of the chain."""
    home, _ = made(tmp_path, genesis)
    assert create.prepare(home, Wishes(prices="simulated:5"), accept).prices == "simulated:5"
    assert home.load().prices == "simulated:5"


@pytest.mark.parametrize("wishes", [Wishes(validators=3), Wishes(genesis=Path("other.json")), Wishes(chain_id="other-1")])
def test_what_makes_a_chain_cannot_change_later(tmp_path: Path, genesis: Path, wishes: Wishes) -> None:
    """The sentence says how to get a new one."""
    home, _ = made(tmp_path, genesis)
    with pytest.raises(Failure, match=r"already has .*reset"):
        create.prepare(home, wishes, accept)


def test_reset_forgets_the_chain_and_keeps_keys_and_accounts(tmp_path: Path, genesis: Path) -> None:
    """Prices that were set by hand are forgotten too; the next chain may have another number of validators."""
    home, network = made(tmp_path, genesis)
    create.write_configs(home, network, endpoints(0, 4), 1)
    key = (home.node(1).config / "priv_validator_key.json").read_text()
    (home.node(1).app / "db").write_text("state")
    board.set_price(home.prices_file, "BTC-USD", "1")
    create.reset(home)
    assert not home.node(1).app.exists()
    assert not home.prices_file.exists()
    again = create.prepare(home, Wishes(genesis=genesis, validators=2), accept)
    assert (again.validators, again.accounts) == (2, network.accounts)
    assert (home.node(1).config / "priv_validator_key.json").read_text() == key
    assert json.loads((home.node(1).data / "priv_validator_state.json").read_text())["height"] == "0"


def test_signing_record_survives_a_continued_start(tmp_path: Path, genesis: Path) -> None:
    """A validator that forgot what it signed could sign twice."""
    home, _ = made(tmp_path, genesis)
    record = home.node(0).data / "priv_validator_state.json"
    record.write_text('{"height": "77"}')
    create.make_keys(home.node(0))
    assert record.read_text() == '{"height": "77"}'


def test_invalid_genesis_never_starts_and_says_where_it_is_wrong(tmp_path: Path, genesis: Path) -> None:
    """The first mistakes with their paths; nothing that looks like a chain is left."""
    home = Home(tmp_path / "net")
    home.path.mkdir()
    with pytest.raises(Failure, match=r"bank\.denoms must not.*perp\.tiers is missing.*2 more"):
        create.prepare(
            home,
            Wishes(genesis=genesis),
            lambda _: [("bank.denoms", "must not"), ("perp.tiers", "is missing"), ("c", "x"), ("d", "x"), ("e", "x")],
        )
    assert not home.exists()


@pytest.mark.parametrize(("text", "sentence"), [("{", "not valid JSON"), ("[]", "must be a JSON object"), ('{"a": 1.5}', "not an integer")])
def test_unreadable_genesis_is_one_plain_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """Whatever the file holds."""
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(Failure, match=sentence):
        create.load_genesis(path, accept)


@pytest.mark.parametrize("count", [0, -1, 17])
def test_number_of_validators_is_bounded(tmp_path: Path, genesis: Path, count: int) -> None:
    """One machine carries sixteen."""
    with pytest.raises(Failure, match="between 1 and 16"):
        made(tmp_path, genesis, validators=count)


def test_one_validator_is_a_network_too(tmp_path: Path, genesis: Path) -> None:
    """It has nobody to dial."""
    home, network = made(tmp_path, genesis, validators=1)
    create.write_configs(home, network, endpoints(0, 1), 1)
    assert tomllib.loads((home.node(0).config / "config.toml").read_text())["p2p"]["persistent_peers"] == ""


def test_accounts_follow_the_prefix_of_the_genesis(tmp_path: Path) -> None:
    """A chain with other addresses gets accounts that it can hold."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps(STATE | {"consensus": {"bech32_prefix": "perp"}}))
    _, network = made(tmp_path, path)
    assert all(account.address.startswith("perp1") for account in network.accounts)


def test_engine_configuration_is_toml_with_each_nodes_own_addresses(tmp_path: Path, genesis: Path) -> None:
    """Everybody else is a peer, by node id; the mempool is bounded."""
    home, network = made(tmp_path, genesis)
    create.write_configs(home, network, endpoints(0, 4), 1)
    parsed = [tomllib.loads((node.config / "config.toml").read_text()) for node in home.nodes(4)]
    ids = [create.node_id(node) for node in home.nodes(4)]
    assert parsed[2]["rpc"]["laddr"] == "tcp://127.0.0.3:26657"
    assert parsed[2]["p2p"]["persistent_peers"].split(",") == [f"{ids[i]}@127.0.0.{1 + i}:26656" for i in (0, 1, 3)]
    assert parsed[2]["proxy_app"] == f"unix://{home.node(2).socket}"
    assert parsed[2]["mempool"]["size"] == 3000
    assert parsed[2]["consensus"]["timeout_commit"] == "150ms"


def test_application_configuration_is_what_perpd_start_reads(tmp_path: Path, genesis: Path) -> None:
    """Through the very reader; the board tells the feeders when the network began."""
    home, network = made(tmp_path, genesis)
    create.write_configs(home, network, endpoints(1, 4), 1_800_000_000)
    config = node_config.load(home.node(3).home)
    assert config.abci == f"unix://{home.node(3).socket}"
    assert (config.grpc, config.metrics) == ("127.0.1.4:9090", "127.0.1.4:26680")
    assert config.engine_rpc == "http://127.0.1.4:26657"
    assert (config.prices, config.prices_override, config.validator_index) == ("manual", str(home.prices_file), 3)
    assert board.read(home.prices_file).started_seconds == 1_800_000_000
    assert board.read(home.prices_file).created_seconds == network.created_seconds


def test_strange_paths_survive_the_configuration_files() -> None:
    """Quotes, backslashes, controls and letters of all alphabets."""
    strange = Path('/tmp/a "quoted" \\ back\x7f\t žluťoučký 馬 🐎')
    [endpoint] = endpoints(0, 1)
    assert tomllib.loads(app_config(strange, endpoint, "manual", strange, 0))["prices_override"] == str(strange)
    assert tomllib.loads(engine_config("n", strange, endpoint, []))["proxy_app"] == f"unix://{strange}"


def test_markets_are_those_of_the_genesis(tmp_path: Path, genesis: Path) -> None:
    """For `perpd oracle set`, which refuses others."""
    home, _ = made(tmp_path, genesis)
    assert create.tickers(home) == ["BTC-USD"]


def test_record_of_another_version_is_refused(tmp_path: Path, genesis: Path) -> None:
    """Rather than misread."""
    home, _ = made(tmp_path, genesis)
    home.network_file.write_text('{"chain": "x"}')
    with pytest.raises(Failure, match="another version"):
        home.load()


def pulling(genesis: Path, **pull: Any) -> None:
    """The state, in which a market takes signed prices."""
    state = STATE | {"oracle": {"markets": [{"ticker": "BTC-USD", "sources": ["VOTES", "PULL"]}], **pull}}
    genesis.write_text(json.dumps(state))


def test_signed_prices_have_signers_whose_keys_stay_in_the_home(tmp_path: Path, genesis: Path) -> None:
    """Two of three, made where the genesis names nobody; a reset keeps them, and only their owner reads them."""
    pulling(genesis)
    home, _ = made(tmp_path, genesis)
    signers = PriceSigners.load(home.signers_file)
    document = json.loads(home.node(0).genesis.read_text())
    assert document["app_state"]["oracle"]["pull"] == {"signer_sets": [signers.public()]}
    assert (signers.version, signers.threshold, len(signers.keys)) == (1, 2, 3)
    assert stat.S_IMODE(home.signers_file.stat().st_mode) == 0o600
    create.reset(home)
    made(tmp_path, genesis)
    assert PriceSigners.load(home.signers_file).public() == signers.public()


def test_signers_that_a_genesis_names_are_left_alone(tmp_path: Path, genesis: Path) -> None:
    """So is a genesis whose markets have votes alone."""
    pulling(genesis, pull={"signer_sets": ["theirs"]})
    home, _ = made(tmp_path, genesis)
    assert json.loads(home.node(0).genesis.read_text())["app_state"]["oracle"]["pull"] == {"signer_sets": ["theirs"]}
    assert not home.signers_file.exists()
    with pytest.raises(Failure, match="there are no signers' keys"):
        PriceSigners.load(home.signers_file)
    home.signers_file.write_text('{"version": 1}')
    with pytest.raises(Failure, match="is no file of signers' keys"):
        PriceSigners.load(home.signers_file)
