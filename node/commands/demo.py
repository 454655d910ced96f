"""`perpd demo`: what an exchange of one's own can do, shown and proven."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click
from click.core import ParameterSource

from node.commands.localnet import home_option
from node.demo import story
from node.demo.mev import story as mev_story
from node.failure import Failure
from node.localnet.home import Home
from node.output import emit, json_option, progress


@click.group(invoke_without_command=True)
@home_option
@click.option("--market", "ticker", default="BTC-USD", show_default=True)
@json_option
@click.pass_context
def command(ctx: click.Context, directory: Path, ticker: str, as_json: bool) -> None:
    """Trade on a running localnet, liquidate, pay funding, and verify all of it from queries alone.

    Moves the price by hand for a moment, as `perpd oracle set` does. Exits 0 only if everything is exact. The commands below show more,
    and need nothing that runs.
    """
    if ctx.invoked_subcommand is not None:
        given = [name for name in ctx.params if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT]
        if given:
            raise click.UsageError(f"Options of {ctx.invoked_subcommand} stand after its name.")
        return
    facts = story.run(Home(directory), ticker.upper(), progress if as_json else click.echo)
    emit(facts, "\nall is exact", as_json)


@command.command()
@click.option(
    "--home",
    "directory",
    type=click.Path(path_type=Path),
    help="New or empty; what the network leaves behind is kept there.  [default: a temporary one that is removed]",
)
@json_option
def mev(directory: Path | None, as_json: bool) -> None:
    """Let a validator cheat in every way there is, see it caught, and see what it would have earned.

    Starts four validators of its own, the last of which cheats, and stops them at the end. Then, in process, executes the same
    transactions in the proposer's order and in the canonical one, and compares balances. Exits 0 only if every attempt was caught by
    its rule and every number is what it must be.
    """
    if directory is not None and directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Failure(f"{directory} is not empty; the demonstration begins a chain of its own, in a new or empty directory.")
    with _interruptible(), _home(directory) as home:
        facts = mev_story.run(home, progress if as_json else click.echo, progress)
    emit(facts, "\nevery attempt was caught by its rule, and every number is what it must be", as_json)


@contextmanager
def _home(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
        return
    with TemporaryDirectory(prefix="perpd-mev-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def _interruptible() -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends what runs; further ones do not keep it from being taken down."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
