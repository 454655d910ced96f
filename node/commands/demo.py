"""`perpd demo`: a day at the exchange in half a minute, which proves afterwards that the money adds up."""

from __future__ import annotations

from pathlib import Path

import click

from node.commands.localnet import home_option
from node.demo import story
from node.localnet.home import Home
from node.output import emit, json_option, progress


@click.command()
@home_option
@click.option("--market", "ticker", default="BTC-USD", show_default=True)
@json_option
def command(directory: Path, ticker: str, as_json: bool) -> None:
    """Trade on a running localnet, liquidate, pay funding, and verify all of it from queries alone.

    Moves the price by hand for a moment, as `perpd oracle set` does. Exits 0 only if everything is exact.
    """
    facts = story.run(Home(directory), ticker.upper(), progress if as_json else click.echo)
    emit(facts, "\nall is exact", as_json)
