"""`perpd export`: the state of a stopped node as a genesis from which a chain can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from node import config as configuration
from node.failure import Failure
from node.output import emit, json_option


@click.command()
@click.option(
    "--home", type=click.Path(path_type=Path), required=True, help="The node's home, with app.toml. The node must not be running."
)
@click.option("--height", type=click.IntRange(min=1), help="Insist on this height.  [default: the last one, the only one on disk]")
@json_option
def command(home: Path, height: int | None, as_json: bool) -> None:
    """Print the state after the last block as app_state of a genesis.

    A chain begun from it goes on at the next height with the same accounts, positions, orders and funding.
    """
    document = exported(configuration.load(home).data, height)
    emit(document, json.dumps(document, indent=2), as_json)


def exported(data: Path, height: int | None = None) -> dict[str, Any]:
    """The genesis of the state in a node's data folder. Raises Failure."""
    from node.store.chain_store import ChainStore  # noqa: PLC0415 - the command line must stay quick without the whole chain
    from node.store.database import DatabaseError  # noqa: PLC0415
    from node.wiring import Wiring  # noqa: PLC0415

    wiring = Wiring()
    if not (data / "chain.db").is_dir():
        raise Failure(f"{data} has no state: no node has run there.")
    try:
        store = ChainStore(data, wiring.registry.stores, kept_versions=1)
        try:
            return _read(store, wiring, height)
        finally:
            store.close()
    except DatabaseError as error:
        raise Failure(f"{str(error).rstrip('.')}.") from None


def _read(store: Any, wiring: Any, height: int | None) -> dict[str, Any]:
    from modules.kernel import address as addresses  # noqa: PLC0415
    from modules.kernel.context import Context  # noqa: PLC0415
    from node.store.state import VersionState  # noqa: PLC0415

    for _ in store.load():
        pass
    if store.height == 0:
        raise Failure("the node has not committed a block yet.")
    if height is not None and height != store.height:
        raise Failure(f"the state on disk is that after block {store.height}, not {height}; a node keeps only the last one.")
    with store.version() as version:
        ctx = Context(VersionState(wiring.registry, version), store.height, store.time_ns, "")
        addresses.use_prefix(wiring.consensus.keeper.bech32_prefix(ctx))
        document: dict[str, Any] = wiring.export_genesis(ctx)
        return document
