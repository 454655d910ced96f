"""Files that other processes read while we write them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from node.failure import Failure


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """The file holds `text`, all or nothing: a reader sees the old content or the new. `mode` guards secrets from the start."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write_json(path: Path, document: Any, mode: int = 0o644) -> None:
    """As write_text, with the document as indented JSON."""
    write_text(path, json.dumps(document, indent=2) + "\n", mode)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of ours; empty if there is none. Raises Failure if it is damaged."""
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read: {error}.") from None
    if not isinstance(document, dict):
        raise Failure(f"{path} does not hold a JSON object.")
    return document


def last_lines(path: Path, count: int, *, begin_byte: int = 0, reach_bytes: int = 16384) -> list[str]:
    """The last non-empty lines of a log from `begin_byte` on, oldest first; none if there is no such file."""
    try:
        with path.open("rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(begin_byte, size - reach_bytes))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.rstrip() for line in lines if line.strip()][-count:]
