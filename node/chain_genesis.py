"""The chain's genesis document: `app_state`, one section per module, read strictly and validated with every mistake reported."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modules.kernel.module import Module, Problems


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


def load(path: Path) -> Mapping[str, Any]:
    """`app_state` of a genesis file: the file itself, or its `app_state` where it is a whole CometBFT genesis. Raises GenesisError."""
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise GenesisError([("", f"{path} cannot be read: {error.strerror}")]) from None
    inner = document.get("app_state")
    return inner if isinstance(inner, dict) else document


def validate(document: Mapping[str, Any], modules: Sequence[Module]) -> list[tuple[str, str]]:
    """Every mistake as (path, sentence); empty for a genesis that can start."""
    problems = Problems()
    names = [module.name for module in modules]
    for key in document:
        if key not in names:
            problems.add(key, f"is not a module; the sections are {', '.join(names)}")
    for module in modules:
        if module.name not in document:
            problems.add(module.name, "is missing")
            continue
        module.validate_genesis(document[module.name], problems, document)
    return problems.found
