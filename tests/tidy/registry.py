"""What clients and indexers may rely on, gathered from the code: error codes, event kinds, store prefixes.

`python -m tidy.registry` (with the project, proto/gen and tests on the path; `make vectors`) writes tests/vectors/registry.json anew. A
change there is a change of bytes that people have stored: the changelog names it.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import modules
import node
from modules.kernel import errors
from modules.kernel.events import EventKind
from node.wiring import Wiring

VECTOR = Path(__file__).resolve().parents[1] / "vectors" / "registry.json"
_INDEXED = b"\x18\x01"


def everything() -> list[ModuleType]:
    """Every module of ours, imported."""
    return [
        importlib.import_module(one.name)
        for package in (modules, node)
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not one.name.endswith("__main__")
    ]


def event_kinds() -> list[EventKind]:
    """Every event kind that a module declares at its top, each once."""
    found: dict[int, EventKind] = {}
    for module in everything():
        for value in vars(module).values():
            if isinstance(value, EventKind):
                found[id(value)] = value
    return list(found.values())


def gather() -> dict[str, Any]:
    """The registry as the vector has it."""
    everything()
    registry = Wiring().registry
    stores: dict[str, dict[str, str]] = {}
    for declared in sorted(registry.maps, key=lambda one: (one.store, one.prefix)):
        stores.setdefault(declared.store, {})[declared.prefix.hex()] = declared.name
    return {
        "errors": {f"{codespace}/{code}": kind.text for (codespace, code), kind in errors.registry().items()},
        "events": {
            kind.type: [key + " (indexed)" * (tail == _INDEXED) for key, tail in zip(kind.keys, kind._tails, strict=True)]
            for kind in sorted(event_kinds(), key=lambda kind: kind.type)
        },
        "stores": stores,
    }


def text() -> str:
    """The vector's text."""
    return json.dumps(gather(), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Writes the vector."""
    VECTOR.write_text(text())
    sys.stdout.write(f"{VECTOR} is written; say in CHANGELOG.md what changed\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
