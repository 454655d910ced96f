"""What every command shares: text for people, `--json` for machines, and how failures are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


def json_option(function: Function) -> Function:
    """Adds `--json` as the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(function)


def emit(document: Any, text: str, as_json: bool) -> None:
    """Prints the answer of a command: the document with `--json`, else the text."""
    click.echo(json.dumps(document) if as_json else text)


def progress(line: str) -> None:
    """Prints what is being done; on standard error, so that answers stay clean."""
    click.echo(line, err=True)
