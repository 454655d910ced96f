"""`perpd genesis`: what a genesis file says, before a chain is started from it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from node import chain_genesis
from node.output import emit, json_option

Mistakes = list[tuple[str, str]]
"""(path in the file, sentence); the path is empty where the file as a whole is meant."""


@click.group()
def command() -> None:
    """Look at genesis files."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def validate(file: Path, as_json: bool) -> int:
    """Say every mistake of FILE with its path; exit with 1 if there is one.

    FILE is the state of a chain (as in genesis/ or from `perpd export`) or an engine's whole genesis.json.
    """
    mistakes, app_state = examine(file)
    rows = [{"path": path, "sentence": sentence} for path, sentence in mistakes]
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        text = "\n".join([f"{file} has {count}:", *(f"  {path}: {sentence}" if path else f"  {sentence}" for path, sentence in mistakes)])
    else:
        text = f"{file} is a valid genesis with {_describe(app_state)}"
    emit({"file": str(file), "valid": not mistakes, "mistakes": rows}, _printable(text), as_json)
    return 1 if mistakes else 0


def examine(path: Path) -> tuple[Mistakes, Mapping[str, Any]]:
    """Every mistake of a genesis file and its app_state; a file without mistakes is one from which a chain starts."""
    try:
        document = chain_genesis.read(path)
        initial_height, time_ns, place = None, None, ""
        mistakes: Mistakes = []
        app_state: Any = document
        if "app_state" in document:
            place = "app_state"
            app_state = document["app_state"]
            mistakes, initial_height, time_ns = _engine_part(document)
            if not isinstance(app_state, dict):
                return [*mistakes, (place, "must be a JSON object with one section per module")], {}
    except chain_genesis.GenesisError as error:
        return list(error.problems), {}
    found = rehearse(app_state, initial_height, time_ns)
    return [*mistakes, *((f"{place}.{where}".strip(".") if place else where, sentence) for where, sentence in found)], app_state


def rehearse(app_state: Mapping[str, Any], initial_height: int | None = None, time_ns: int | None = None) -> Mistakes:
    """What InitChain would say of this state; without height and time at those from which the state can go on."""
    from modules.kernel.context import Context  # noqa: PLC0415 - the command line must stay quick without the whole chain
    from node.store.state import LiveState  # noqa: PLC0415
    from node.wiring import Wiring  # noqa: PLC0415

    wiring = Wiring()
    problems = chain_genesis.validate(app_state, wiring.modules)
    if problems:
        return problems
    height, earliest_ns = chain_genesis.beginning(app_state)
    initial_height = height if initial_height is None else initial_height
    time_ns = max(earliest_ns, time.time_ns()) if time_ns is None else time_ns
    problems = chain_genesis.validate_beginning(app_state, initial_height, time_ns)
    if problems:
        return problems
    ctx = Context(LiveState(wiring.registry), initial_height - 1, time_ns, "")
    wiring.init_genesis(ctx, app_state)
    return [("", sentence) for sentence in wiring.check_invariants(ctx)]


def _engine_part(document: Mapping[str, Any]) -> tuple[Mistakes, int | None, int | None]:
    """What an engine's genesis says beside the state, as far as the state depends on it: mistakes, initial height, genesis time."""
    mistakes: Mistakes = []
    chain_id = document.get("chain_id")
    if not isinstance(chain_id, str) or not 0 < len(chain_id) <= 50:
        mistakes.append(("chain_id", f"must be a text of 1 to 50 characters, not {chain_id!r}"))
    initial_height: int | None = None
    text = document.get("initial_height", "1")
    if isinstance(text, str | int) and not isinstance(text, bool) and str(text).isascii() and str(text).isdigit() and int(text) < 2**63:
        initial_height = max(int(text), 1)
    else:
        mistakes.append(("initial_height", f"must be a height, not {text!r}"))
    time_ns: int | None = None
    moment = document.get("genesis_time")
    try:
        parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        mistakes.append(("genesis_time", f"must be a time such as 2026-01-31T12:00:00Z, not {moment!r}"))
    else:
        time_ns = int(parsed.timestamp()) * 10**9
    return mistakes, initial_height, time_ns


def _describe(app_state: Mapping[str, Any]) -> str:
    tickers = [str(row["ticker"]) for row in app_state["perp"]["perpetuals"]]
    shown = ", ".join(tickers[:10]) + (f" and {len(tickers) - 10} more" if len(tickers) > 10 else "")
    height = chain_genesis.beginning(app_state)[0]
    after = f", continuing after block {height - 1}" if height > 1 else ""
    return f"{len(tickers)} perpetual{'' if len(tickers) == 1 else 's'}: {shown}{after}"


def _printable(text: str) -> str:
    """The text without the halves of characters that JSON can hold and no terminal can show."""
    return text.encode("utf-8", "backslashreplace").decode()
