"""The command `perpd`. Each module in node/commands is one subcommand, named after its file, and defines `command`."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
import sys

import click

from node import commands
from node.config import ConfigError
from node.failure import Failure


class Commands(click.Group):
    """Subcommands are imported when they are used, so that none pays for what another needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        found = importlib.import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        return found


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        try:
            version = importlib.metadata.version("perpd")
        except importlib.metadata.PackageNotFoundError:
            version = "of a source tree that is not installed"
        click.echo(f"perpd {version}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version and exit.")
def cli() -> None:
    """A perpetual-futures exchange as its own blockchain."""


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 1 could not (one plain sentence on standard error, and `{"error"}` with --json), 2 not
    understood, 130 interrupted.
    """
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    if not __debug__:
        return _failed("perpd refuses to run with python -O: its assertions guard money.", arguments)
    try:
        code = cli.main(args=arguments, prog_name="perpd", standalone_mode=False)
    except (Failure, ConfigError) as failure:
        return _failed(str(failure), arguments)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    return code if isinstance(code, int) else 0


def _failed(sentence: str, arguments: list[str]) -> int:
    click.echo(f"perpd: {sentence}", err=True)
    if "--json" in arguments:
        click.echo(json.dumps({"error": sentence}))
    return 1
