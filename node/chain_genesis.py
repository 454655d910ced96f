"""The chain's genesis document: `app_state`, one section per module, read strictly and validated with every mistake reported."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT64_MAX
from modules.kernel.module import Module, Problems

_INT64_MAX = 2**63 - 1
_OPTIONAL_SECTIONS = ("authority",)
"""May be missing, which is as an empty object: genesis files are older than they are."""


class GenesisError(Exception):
    """The genesis cannot be used. `problems` lists (path, sentence)."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{path} {sentence}" for path, sentence in problems))


def parse(text: str | bytes) -> Mapping[str, Any]:
    """The JSON object of an `app_state`. Floats, NaN and keys given twice are mistakes: money is never a float. Raises GenesisError."""

    def refuse_float(literal: str) -> Any:
        raise ValueError(f"{literal} is not an integer; write amounts as integers or as decimal strings")

    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"the key {key!r} stands twice in one object")
            found[key] = value
        return found

    try:
        document = json.loads(text, parse_float=refuse_float, parse_constant=refuse_float, object_pairs_hook=refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise GenesisError([("", f"is not valid JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise GenesisError([("", "must be a JSON object with one section per module")])
    return document


def read(path: Path) -> Mapping[str, Any]:
    """The JSON object of a genesis file. Raises GenesisError."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise GenesisError([("", f"{path} cannot be read: {error.strerror}")]) from None


def load(path: Path) -> Mapping[str, Any]:
    """`app_state` of a genesis file: the file itself, or its `app_state` where it is a whole CometBFT genesis. Raises GenesisError."""
    document = read(path)
    inner = document.get("app_state")
    return inner if isinstance(inner, dict) else document


def beginning(document: Mapping[str, Any]) -> tuple[int, int]:
    """(initial height, earliest genesis time in nanoseconds) of a chain with this state: an export goes on where its chain was, at the
    height after its last block; anything else begins at 1.
    """
    chain = Reader(document.get("consensus", {}), "consensus", Problems()).optional("chain")
    if chain is None:
        return 1, 0
    return chain.integer("last_block_height", 0, _INT64_MAX - 1) + 1, chain.integer("last_block_time_ns", 0, UINT64_MAX)


def validate_beginning(document: Mapping[str, Any], initial_height: int, time_ns: int) -> list[tuple[str, str]]:
    """Why a chain with this (valid) state cannot begin at this height and time, as (path, sentence): orders' priorities and lives, hashes
    and prices in an export are of heights and times up to its last block.
    """
    height, earliest_ns = beginning(document)
    problems = []
    if height > 1 and initial_height != height:
        problems.append(
            (
                "consensus.chain.last_block_height",
                f"is {height - 1}, so the chain that continues this state begins with initial_height {height}, not {initial_height}",
            )
        )
    if time_ns < earliest_ns:
        problems.append(
            ("consensus.chain.last_block_time_ns", f"is {earliest_ns}, so the chain cannot begin earlier, at {time_ns} (genesis_time)")
        )
    return problems


def validate(document: Mapping[str, Any], modules: Sequence[Module]) -> list[tuple[str, str]]:
    """Every mistake as (path, sentence); empty for a genesis that can start."""
    problems = Problems()
    names = [module.name for module in modules]
    for key in document:
        if key not in names:
            problems.add(key, f"is not a module; the sections are {', '.join(names)}")
    for module in modules:
        if module.name not in document:
            if module.name not in _OPTIONAL_SECTIONS:
                problems.add(module.name, "is missing")
            continue
        module.validate_genesis(document[module.name], problems, document)
    return problems.found
