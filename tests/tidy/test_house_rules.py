"""House rules on the source itself: who may import whom, what consensus code may not use, how long things may be."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from support import source
from support.source import ROOT, Found, Source

LAYERS = (
    "kernel", "consensus", "auth", "bank", "authority", "oracle", "perp", "funding", "subaccounts", "fees", "insurance",
    "clob", "liquidation",
)  # fmt: skip
"""The modules, lowest first. None imports a higher one."""
FORMULA_PREFIX = {
    "auth": "AUTH", "authority": "AUT", "bank": "BANK", "clob": "CLOB", "consensus": "CON", "fees": "FEE", "funding": "FUND",
    "insurance": "INS", "liquidation": "LIQ", "oracle": "ORACLE", "perp": "PERP", "subaccounts": "SUB",
}  # fmt: skip
SHARED_FILES = ("keeper", "model")
"""What other modules may import of a module."""
WIRE_FILES = ("model", "msgs", "authority", "queries", "genesis", "module")
"""The files of a module that may see protobuf; `module` for its routes."""
SHARED_WIRE_FILES = ("modules.kernel.pagination",)
"""What the queries of all modules share."""
MODULE_LIBRARIES = frozenset((
    "__future__", "abc", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "heapq", "itertools", "operator", "struct",
    "typing", "bech32", "bip32", "google", "modules", "perpd_proto",
))  # fmt: skip
"""Everything that state machine code imports: no files, sockets, clocks, threads, databases, randomness, environment."""
CONSENSUS_ROOMS = (
    "modules", "node/executor.py", "node/ed25519.py", "node/sequencer", "node/tx", "node/votes", "node/store/state.py",
    "node/store/tree.py",
)  # fmt: skip
"""Code whose results every node must compute alike."""
UNPREDICTABLE = frozenset((
    "os", "sys", "time", "datetime", "calendar", "random", "secrets", "uuid", "decimal", "fractions", "math", "cmath", "statistics",
    "locale", "threading", "asyncio", "socket", "platform", "getpass", "tempfile", "glob",
))  # fmt: skip
FORBIDDEN_CALLS = ("float", "complex", "round", "hash", "id", "input", "open", "eval", "exec")
FILE_LINES_MAX, FUNCTION_LINES_MAX = 500, 70
LONG_FILES: dict[str, str] = {}
"""Files above the limit, each with the reason."""
LONG_FUNCTIONS = {"node/localnet/config.py:engine_config": "it is the text of one configuration file"}
"""Functions above the limit as `file:name`, each with the reason."""
LATE_IMPORTS = {
    "node/commands": "the command line must answer quickly, without the whole node",
    "node/localnet/create.py": "the same: stopping and looking need no chain",
}
"""Where an import may stand inside a function, and why."""
_ID = re.compile(r"\b([A-Z]+-[0-9]+)\b")


def told(found: Iterable[Found | str]) -> str:
    """The violations, one a line."""
    return "\n" + "\n".join(sorted({str(one) for one in found}))


def room(place: str) -> list[Source]:
    """The files of one place; there must be some, or a rule would hold for nothing."""
    found = source.sources(place)
    assert found, f"there is nothing at {place}"
    return found


# Arrows


def _module_imports() -> Iterator[tuple[Source, ast.AST, list[str]]]:
    """(file, node, parts) of every import of `modules.…` inside modules."""
    for one in room("modules"):
        for node, name in one.imports():
            if name.startswith("modules."):
                yield one, node, name.split(".")


def test_the_layers_name_every_module() -> None:
    """Each folder in modules has its place in the order."""
    folders = {path.parent.name for path in (ROOT / "modules").glob("*/__init__.py")}
    assert folders == set(LAYERS)


def test_modules_import_only_lower_modules() -> None:
    """The kernel knows nobody; every other module knows itself and those before it."""
    found = []
    for one, node, parts in _module_imports():
        own = one.path.parent.name
        if own != "modules" and LAYERS.index(parts[1]) > LAYERS.index(own):
            found.append(one.found(node, f"{own} imports {parts[1]}, which is above it"))
    assert not found, told(found)


def test_modules_reach_each_other_through_keeper_and_model_only() -> None:
    """A module's state, formulas, messages, events and errors are its own."""
    found = []
    for one, node, parts in _module_imports():
        own = one.path.parent.name
        if parts[1] not in ("kernel", own) and (len(parts) < 3 or parts[2] not in SHARED_FILES):
            found.append(one.found(node, f"imports {'.'.join(parts)}"))
    assert not found, told(found)


def test_modules_import_nothing_that_touches_the_world() -> None:
    """No node, files, sockets, clocks, threads, databases or servers: only a closed list of libraries."""
    found = []
    for one in room("modules"):
        for node, name in one.imports():
            if name.partition(".")[0] not in MODULE_LIBRARIES:
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_only_the_edges_of_a_module_see_protobuf() -> None:
    """Message classes travel no further in than model, msgs, queries, genesis and the routes."""
    found = []
    for one in room("modules"):
        for node, name in one.imports():
            if (
                name.partition(".")[0] in ("perpd_proto", "google")
                and one.path.stem not in WIRE_FILES
                and one.name not in SHARED_WIRE_FILES
            ):
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_the_abci_library_stands_alone() -> None:
    """`node/abci` imports the engine's messages and the standard library: it could be published by itself."""
    found = []
    for one in room("node/abci"):
        for node, name in one.imports():
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and not name.startswith(("perpd_proto.tendermint.", "node.abci.", "google.protobuf.")):
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_the_store_knows_no_module_but_the_kernel() -> None:
    """`node/store` keeps bytes and typed tables, and does not know of what."""
    found = []
    for one in room("node/store"):
        for node, name in one.imports():
            ours = name.startswith(("modules.", "node."))
            if ours and not name.startswith(("modules.kernel.", "node.store")):
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_only_wiring_composes_modules() -> None:
    """The classes in `module.py` files are named by the composition root and nobody else in node."""
    found = []
    for one in room("node"):
        for node, name in one.imports():
            parts = name.split(".")
            if parts[0] == "modules" and len(parts) > 2 and parts[2] == "module" and parts[1] != "kernel" and one.name != "node.wiring":
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_the_program_never_imports_its_tests() -> None:
    """Arrows point from tests to node, never back."""
    found = []
    for one in [*room("node"), *room("modules")]:
        for node, name in one.imports():
            if name.partition(".")[0] in ("tests", "support", "bench", "tidy", "pytest", "hypothesis"):
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_imports_stand_at_the_top() -> None:
    """No import hides inside a function: what a file needs is seen in its first lines."""
    found = []
    for one in [*room("node"), *room("modules")]:
        where = str(one.path.relative_to(ROOT))
        if any(where.startswith(place) for place in LATE_IMPORTS):
            continue
        found += [
            one.found(node, f"imports inside {function.name}")
            for function in one.functions()
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
    assert not found, told(found)


@pytest.mark.parametrize("name", ["node", "modules", "perpd_proto"])
def test_packages_load_from_this_tree(name: str) -> None:
    """What one sees is what one imports: no installed namesake shadows it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve().is_relative_to(ROOT)


def test_folders_of_other_things_are_no_packages() -> None:
    """`proto` (a namesake of proto-plus), `genesis` and `tests` can never be imported."""
    found = [str(path) for place in ("proto", "genesis", "tests") for path in source.files(place, suffix="__init__.py")]
    assert not found, told(found)


# Determinism


def _consensus() -> list[Source]:
    return [one for place in CONSENSUS_ROOMS for one in room(place)]


def test_consensus_code_has_no_floats() -> None:
    """No float literal, no true division, no float, round, hash or id: integers only, and nothing that differs between processes."""
    found = []
    for one in _consensus():
        for node in ast.walk(one.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
                found.append(one.found(node, f"the float {node.value}"))
            elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
                found.append(one.found(node, "true division"))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                found.append(one.found(node, f"calls {node.func.id}()"))
    assert not found, told(found)


def test_consensus_code_imports_nothing_unpredictable() -> None:
    """No clock, randomness, environment or thread reaches what nodes must agree on."""
    found = []
    for one in _consensus():
        for node, name in one.imports():
            if name.partition(".")[0] in UNPREDICTABLE:
                found.append(one.found(node, f"imports {name}"))
    assert not found, told(found)


def test_consensus_code_never_iterates_over_sets() -> None:
    """Sets are for membership: their order differs from process to process."""
    found = [place for one in _consensus() for place in source.iterated_sets(one)]
    assert not found, told(found)


def test_divisions_in_modules_name_their_rounding() -> None:
    """A bare // stands in kernel/intmath.py alone; everybody else says div_floor, div_ceil or div_trunc."""
    found = [
        one.found(node, "a bare //")
        for one in room("modules")
        for node in ast.walk(one.tree)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.FloorDiv) and one.name != "modules.kernel.intmath"
    ]
    assert not found, told(found)


# Formulas, tests, sizes, words


def _ids(text: str, prefix: str) -> frozenset[str]:
    return frozenset(name for name in _ID.findall(text) if name.startswith(f"{prefix}-"))


def test_every_formula_of_a_readme_is_in_code_and_in_a_test() -> None:
    """An id in a table under `## Formulas` is cited in formulas.py (any other of the module in some file of it), and in a test."""
    tests = "\n".join(one.text for one in source.sources("tests"))
    found = []
    for name, prefix in FORMULA_PREFIX.items():
        folder = ROOT / "modules" / name
        readme = folder / "README.md"
        if not readme.is_file():
            found.append(f"modules/{name} has no README.md")
            continue
        text = readme.read_text()
        section = text.partition("\n## Formulas\n")[2].partition("\n## ")[0]
        formulas = folder / "formulas.py"
        cited = _ids(formulas.read_text() if formulas.is_file() else "", prefix)
        anywhere = frozenset().union(*(_ids(one.text, prefix) for one in source.sources(f"modules/{name}")))
        found += [f"{formula} of modules/{name}/README.md is not cited in formulas.py" for formula in _ids(section, prefix) - cited]
        found += [f"{formula} of modules/{name}/README.md is not cited in modules/{name}" for formula in _ids(text, prefix) - anywhere]
        found += [f"{formula} of modules/{name}/README.md is not cited in any test" for formula in _ids(text, prefix) - _ids(tests, prefix)]
        found += [f"{formula} in modules/{name}/formulas.py is not in its README.md" for formula in cited - _ids(text, prefix)]
    assert not found, told(found)


def test_every_test_says_what_it_expects() -> None:
    """Each test has a docstring."""
    found = [
        one.found(function, f"{function.name} has no docstring")
        for one in source.sources("tests")
        for function in one.functions()
        if function.name.startswith("test_") and one.path.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert not found, told(found)


def test_test_files_have_names_of_their_own() -> None:
    """No two test files share a name: what fails is found at once."""
    names = [path.name for path in source.files("tests", suffix=".py") if path.name.startswith("test_")]
    assert len(set(names)) == len(names), told(name for name in names if names.count(name) > 1)


def test_no_test_is_left_out_without_a_reason() -> None:
    """Skips say why, nothing is expected to fail, and no test sleeps for a fixed time of a second or more."""
    found = []
    for one in source.sources("tests"):
        for node in ast.walk(one.tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called.endswith("mark.xfail") or (called.endswith(("mark.skip", "pytest.skip")) and not node.args and not node.keywords):
                found.append(one.found(node, called))
            length = node.args[0] if called in ("time.sleep", "sleep") and node.args else None
            if isinstance(length, ast.Constant) and isinstance(length.value, int | float) and length.value >= 1:
                found.append(one.found(node, f"sleeps {length.value} s"))
    assert not found, told(found)


def test_files_are_short() -> None:
    """A file stops at 500 lines; one that may not says why."""
    found = []
    for one in source.sources():
        lines = one.text.count("\n")
        name = str(one.path.relative_to(ROOT))
        if lines > FILE_LINES_MAX and name not in LONG_FILES:
            found.append(f"{name} has {lines} lines")
    assert not found, told(found)
    assert all((ROOT / name).is_file() and reason for name, reason in LONG_FILES.items())


def test_functions_are_short() -> None:
    """A function stops at 70 lines; one that may not says why. Scenarios in tests may be longer."""
    found = []
    for one in source.sources("node", "modules", "tests/support", "tests/bench", "tests/report", "proto/generate.py"):
        for function in one.functions():
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            name = f"{one.path.relative_to(ROOT)}:{function.name}"
            if lines > FUNCTION_LINES_MAX and name not in LONG_FUNCTIONS:
                found.append(f"{name} has {lines} lines")
    assert not found, told(found)


def test_nothing_is_left_to_do() -> None:
    """No unfinished marks in code or documents."""
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")
    found = []
    for path in source.files("node", "modules", "tests", "proto", "genesis"):
        if path.suffix in (".py", ".md", ".proto", ".toml"):
            found += [
                f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(path.read_text().splitlines(), 1) if marks.search(line)
            ]
    assert not found, told(found)


def test_the_tree_names_no_host_of_its_makers() -> None:
    """No package registry, mirror or private path stands anywhere: the tree means the same on every machine."""
    names = (
        "pypi" + ".org",
        "python" + "hosted.org",
        "proxy.golang" + ".org",
        "registry.npm" + "js.org",
        "extra-" + "index-url",
        "--" + "index-url",
    )
    paths = ("/wo" + "rk/", "/tmp" + "/w/", "/home" + "/user", "/ro" + "ot/")
    found = []
    for path in source.files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)} names {word}" for word in (*names, *paths) if word in text]
    assert not found, told(found)
