"""What every question has in common: the node, the height, how to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from node.client.queries import Queries
from node.client.session import Session, node_options
from node.output import json_option

Function = TypeVar("Function", bound=Callable[..., Any])


def query_options(function: Function) -> Function:
    """Which node, at which height, and `--json`."""
    height = click.option("--height", type=click.IntRange(min=0), default=0, help="State after that block.  [default: the latest]")
    return node_options(height(json_option(function)))


subaccount_option = click.option("--subaccount", "number", type=click.IntRange(min=0), default=0, show_default=True)


def ask(options: dict[str, Any]) -> tuple[Session, Queries]:
    """A session with the node that the options name, and questions at their height."""
    session = Session.open(options["directory"], options["node_index"], options["address"])
    return session, session.client.at(options["height"])
