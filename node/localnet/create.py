"""Makes a localnet's keys, genesis and configuration, or takes up those of an existing home."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node import chain_genesis
from node.failure import Failure
from node.feeder import board, spec
from node.localnet import files
from node.localnet.addresses import Endpoint
from node.localnet.config import Pace, app_config, engine_config
from node.localnet.genesis import (
    ACCOUNT_NAMES,
    address_prefix,
    engine_genesis,
    fund,
    name_authority,
    name_signers,
    needs_signers,
    to_text,
)
from node.localnet.home import CHAIN_ID, VALIDATORS, VALIDATORS_MAXIMUM, Home, Network, NodeHome
from node.localnet.keys import EngineKey, new_account

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_GENESIS = PROJECT / "genesis" / "localnet.json"
EMPTY_SIGN_STATE = '{\n  "height": "0",\n  "round": 0,\n  "step": 0\n}\n'

Validate = Callable[[Mapping[str, Any]], Sequence[tuple[str, str]]]
"""Gives every mistake of a chain genesis as (path, sentence)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asked for; None where nothing was said, so that an existing home keeps what it has."""

    validators: int | None = None
    genesis: Path | None = None
    prices: str | None = None
    chain_id: str | None = None


def prepare(home: Home, wishes: Wishes, validate: Validate | None = None) -> Network:
    """The network of this home, made now if the home has no chain, else the one it has. Keys are never replaced. Raises Failure."""
    old = home.load() if home.exists() else None
    if old is not None and home.node(0).genesis.is_file():
        network = _continued(home, old, wishes)
        home.save(network)
        return network
    return _new_chain(home, old, wishes, validate or mistakes)


def reset(home: Home) -> None:
    """The chain is gone: blocks, state, genesis, logs, prices that were set. Keys and accounts stay. Raises Failure."""
    network = home.load()
    for node in home.nodes(network.validators):
        node.genesis.unlink(missing_ok=True)
        for directory in (node.data, node.app, node.logs):
            shutil.rmtree(directory, ignore_errors=True)
    for path in (home.public_file, home.prices_file, home.log_file):
        path.unlink(missing_ok=True)


def write_configs(home: Home, network: Network, endpoints: Sequence[Endpoint], started_seconds: int, pace: Pace | None = None) -> None:
    """Every node's configuration for these addresses, and the board from which the feeders take their time."""
    nodes = home.nodes(network.validators)
    ids = [node_id(node) for node in nodes]
    for node, endpoint in zip(nodes, endpoints, strict=True):
        peers = [f"{ids[other.index]}@{endpoints[other.index].at('p2p')}" for other in nodes if other.index != node.index]
        for directory in (node.config, node.data, node.app, node.logs):
            directory.mkdir(parents=True, exist_ok=True)
        files.write_text(node.config / "config.toml", engine_config(node.name, node.socket, endpoint, peers, pace))
        files.write_text(node.home / "app.toml", app_config(node.socket, endpoint, network.prices, home.prices_file, node.index))
    board.start(home.prices_file, network.created_seconds, started_seconds)


def tickers(home: Home) -> list[str]:
    """The oracle markets of the home's genesis; empty if it has none yet. Raises Failure if there is no localnet."""
    home.load()
    section = files.read_json(home.node(0).genesis).get("app_state", {}).get("oracle")
    markets = section.get("markets", []) if isinstance(section, dict) else []
    return [str(market["ticker"]) for market in markets if isinstance(market, dict) and "ticker" in market]


def make_keys(node: NodeHome) -> EngineKey:
    """The node's validator key; both keys and an empty signing record are made where they are missing. Never touches an existing one:
    a validator that forgets what it signed could sign twice.
    """
    for directory in (node.config, node.data):
        directory.mkdir(parents=True, exist_ok=True)
    validator, identity, signed = (
        node.config / "priv_validator_key.json",
        node.config / "node_key.json",
        node.data / "priv_validator_state.json",
    )
    if not validator.exists():
        files.write_text(validator, EngineKey.generate().validator_file() + "\n", mode=0o600)
    if not identity.exists():
        files.write_text(identity, EngineKey.generate().node_file() + "\n", mode=0o600)
    if not signed.exists():
        files.write_text(signed, EMPTY_SIGN_STATE, mode=0o600)
    return EngineKey.from_file(validator.read_text())


def node_id(node: NodeHome) -> str:
    """The node's name on the peer network."""
    return EngineKey.from_file((node.config / "node_key.json").read_text()).address.hex()


def mistakes(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every mistake of a chain genesis, as the modules find them."""
    from node.wiring import Wiring  # noqa: PLC0415  (continuing, stopping and looking need not load the chain)

    return chain_genesis.validate(document, Wiring().modules)


def _continued(home: Home, old: Network, wishes: Wishes) -> Network:
    again = f"`perpd localnet reset --home {home.path}` first, or another --home"
    if wishes.genesis is not None:
        raise Failure(f"{home.path} already has a chain with its own genesis; for a new one use {again}.")
    if wishes.validators not in (None, old.validators):
        raise Failure(f"{home.path} already has a chain of {old.validators} validators; for {wishes.validators} use {again}.")
    if wishes.chain_id not in (None, old.chain_id):
        raise Failure(f"{home.path} already has the chain {old.chain_id}; for {wishes.chain_id} use {again}.")
    return old if wishes.prices is None else old.with_prices(spec.resolve(wishes.prices, Path.cwd()))


def _new_chain(home: Home, old: Network | None, wishes: Wishes, validate: Validate) -> Network:
    count = wishes.validators if wishes.validators is not None else old.validators if old else VALIDATORS
    if not 1 <= count <= VALIDATORS_MAXIMUM:
        raise Failure(f"--validators must be between 1 and {VALIDATORS_MAXIMUM}, not {count}.")
    app_state = load_genesis(wishes.genesis or DEFAULT_GENESIS, validate)
    prices = (
        spec.resolve(wishes.prices, Path.cwd()) if wishes.prices is not None else old.prices if old else spec.resolve(spec.DEFAULT, PROJECT)
    )
    prefix = address_prefix(app_state)
    accounts = old.accounts if old else ()
    if not accounts or not accounts[0].address.startswith(f"{prefix}1"):
        accounts = tuple(new_account(name, prefix) for name in ACCOUNT_NAMES)
    network = Network(
        chain_id=wishes.chain_id or (old.chain_id if old else CHAIN_ID),
        validators=count,
        prices=prices,
        slot=old.slot if old else 0,
        created_seconds=int(time.time()),
        accounts=accounts,
    )
    nodes = home.nodes(count)
    validators = [(node.name, make_keys(node)) for node in nodes]
    state = _with_signers(home, name_authority(fund(app_state, accounts), accounts[0].address))
    text = to_text(engine_genesis(network.chain_id, validators, state, network.created_seconds))
    for node in nodes[1:]:
        files.write_text(node.genesis, text)
    home.save(network)
    files.write_text(nodes[0].genesis, text)  # last: it says that everything else is there
    return network


def _with_signers(home: Home, app_state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same state; where markets take signed prices and nobody is named, the home's signers sign them. Their keys are kept."""
    if not needs_signers(app_state):
        return app_state
    from node.client.price_signing import PriceSigners  # noqa: PLC0415  (the same)

    if not home.signers_file.exists():
        PriceSigners.generate().save(home.signers_file)
    return name_signers(app_state, PriceSigners.load(home.signers_file).public())


def load_genesis(path: Path, validate: Validate) -> Mapping[str, Any]:
    """A chain genesis without mistakes. Raises Failure, which names the first mistakes by their path."""
    try:
        document = chain_genesis.load(path)
    except chain_genesis.GenesisError as error:
        raise Failure(f"the genesis {path} cannot be used: {str(error).strip()}.") from None
    problems = [f"{place} {sentence}" for place, sentence in validate(document)]
    if problems:
        more = f" (and {len(problems) - 3} more; `perpd genesis validate {path}` lists them all)" if len(problems) > 3 else ""
        raise Failure(f"the genesis {path} cannot be used: {'; '.join(problems[:3])}{more}.")
    return document
