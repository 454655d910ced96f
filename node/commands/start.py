"""`perpd start`: one node. It supervises nothing: it serves ABCI to its engine and gRPC to users."""

from pathlib import Path

import click

from node import config as configuration


@click.command("start")
@click.option("--home", type=click.Path(path_type=Path), required=True, help="The node's home, with app.toml.")
def command(home: Path) -> int:
    """Serve ABCI and gRPC of one node until it is told to stop."""
    from node import service  # noqa: PLC0415 - the command line must stay quick without the whole node

    return service.run(configuration.load(home))
