"""`perpd init`: a single node's home."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from node import chain_genesis
from node.failure import Failure
from node.feeder import spec
from node.localnet import create, files
from node.localnet.addresses import endpoints
from node.localnet.config import Pace, app_config, engine_config
from node.localnet.genesis import engine_genesis, to_text
from node.localnet.home import NodeHome
from node.output import emit, json_option


@click.command()
@click.option("--home", "directory", type=click.Path(path_type=Path), default=Path(".perpd/node"), show_default=True)
@click.option("--chain-id", default="perpd-1", show_default=True, help="Name of the new chain.")
@click.option("--genesis", type=click.Path(path_type=Path), help="State with which the new chain begins.  [default: genesis/localnet.json]")
@click.option("--join", type=click.Path(path_type=Path), help="genesis.json of a running chain to join instead of a new one.")
@click.option("--peers", default="", help="Nodes to connect to: id@host:port,…")
@click.option("--prices", default="manual", show_default=True, metavar="SPEC", help="Price source of this node.")
@json_option
def command(directory: Path, chain_id: str, genesis: Path | None, join: Path | None, peers: str, prices: str, as_json: bool) -> None:
    """Make keys and configuration for one node: the only validator of a new chain, or one that joins a chain."""
    node = NodeHome(0, directory.absolute())
    if node.genesis.exists():
        raise Failure(f"{directory} already has a node; nothing was changed.")
    if join is not None and genesis is not None:
        raise Failure("--join takes the whole genesis of a running chain, so --genesis cannot be given too.")
    resolved = spec.resolve(prices, Path.cwd())
    if join is None:
        state = create.load_genesis(genesis or create.DEFAULT_GENESIS, create.mistakes)
        key = create.make_keys(node)
        text = to_text(engine_genesis(chain_id, [(directory.name, key)], state, int(time.time())))
    else:
        text = _whole_genesis(join)
        key = create.make_keys(node)
    [endpoint] = endpoints(0, 1)
    for place in (node.app, node.logs):
        place.mkdir(parents=True, exist_ok=True)
    identity = create.node_id(node)
    files.write_text(
        node.config / "config.toml", engine_config(directory.name, node.socket, endpoint, list(filter(None, peers.split(","))), Pace())
    )
    files.write_text(node.home / "app.toml", app_config(node.socket, endpoint, resolved, node.home / "prices-override.json", 0))
    files.write_text(node.genesis, text)
    document = {"home": str(node.home), "node_id": identity, "validator": key.address.hex().upper()}
    emit(
        document,
        f"node {identity} in {node.home}, validator {document['validator']}\n"
        f"start both: perpd start --home {directory}   and   cometbft start --home {directory}",
        as_json,
    )


def _whole_genesis(path: Path) -> str:
    """The text of an engine's genesis. Raises Failure."""
    try:
        text = path.read_text()
        document = chain_genesis.parse(text)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from None
    except chain_genesis.GenesisError as error:
        raise Failure(f"the genesis {path} cannot be used: {str(error).strip()}.") from None
    missing = [key for key in ("chain_id", "validators", "app_state") if key not in document]
    if missing:
        raise Failure(f"{path} is not the genesis.json of a chain: {json.dumps(missing)} are missing.")
    return text
