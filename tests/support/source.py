"""The project's own source as syntax trees, for the tests of house rules."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "proto" / "gen"
_NOT_OURS = frozenset(("__pycache__", "build", "dist", "reports", "node_modules"))
_HIDDEN_BUT_OURS = (".ci", ".github", ".gitignore", ".gitattributes", ".python-version")
_SET_NAMES = frozenset(("set", "frozenset", "Set", "AbstractSet", "MutableSet", "FrozenSet"))
_ORDERLESS_READERS = frozenset(
    ("list", "tuple", "enumerate", "iter", "next", "map", "filter", "zip", "reversed", "join", "extend", "update", "fromkeys")
)
"""Calls through which the order of a set would reach a result."""


class Found(NamedTuple):
    """A place in a file, for messages."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path as an import name, such as `modules.clob.keeper`; a package is its own name."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def found(self, node: ast.AST, what: str) -> Found:
        return Found(self.path, getattr(node, "lineno", 0), what)

    def imports(self) -> Iterator[tuple[ast.AST, str]]:
        """Every imported module by its full name; `from a.b import c` gives `a.b.c`, which may be a name inside a.b."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: imports are absolute"
                for alias in node.names:
                    yield node, f"{node.module}.{alias.name}"

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def load(path: Path) -> Source:
    """The file, read and parsed once."""
    text = path.read_text(encoding="utf-8")
    return Source(path, text, ast.parse(text, str(path)))


def files(*places: str, suffix: str = "") -> Iterator[Path]:
    """Every file of ours under these places of the tree, in order; generated code, environments and build output are not."""
    for place in places or (".",):
        start = ROOT / place
        found = [start] if start.is_file() else sorted(start.rglob("*")) if place != "." else _top_level()
        for path in found:
            inside = path.relative_to(ROOT)
            hidden = inside.parts[0].startswith(".") and inside.parts[0] not in _HIDDEN_BUT_OURS
            if hidden or _NOT_OURS & set(inside.parts) or GENERATED in path.parents or not path.name.endswith(suffix):
                continue
            if path.is_file():
                yield path


def _top_level() -> list[Path]:
    """All of the tree but hidden folders, which may hold whole environments."""
    found: list[Path] = []
    for path in sorted(ROOT.iterdir()):
        if path.is_dir() and (not path.name.startswith(".") or path.name in _HIDDEN_BUT_OURS):
            found += sorted(path.rglob("*"))
        elif path.is_file():
            found.append(path)
    return found


def sources(*places: str) -> list[Source]:
    """Every Python file of ours under these places."""
    return [load(path) for path in files(*places, suffix=".py")]


def iterated_sets(source: Source) -> Iterator[Found]:
    """Places where the order of a set reaches something: loops, comprehensions, list(…), join(…).

    A set is known by its literal, by set(…) and frozenset(…), by operators between sets, and by the annotation or assignment of its name
    in the file.
    """
    names = _set_names(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.For | ast.comprehension) and _is_set(node.iter, names):
            yield source.found(node.iter, "iterates over a set")
        elif isinstance(node, ast.Starred) and _is_set(node.value, names):
            yield source.found(node, "unpacks a set")
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in _ORDERLESS_READERS and any(_is_set(argument, names) for argument in node.args):
                yield source.found(node, f"gives a set to {called}()")


def _set_names(tree: ast.Module) -> frozenset[str]:
    """Names and attributes that hold sets somewhere in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None and _is_set_annotation(node.annotation):
            found.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and _is_set_annotation(node.annotation):
            found.add(_name(node.target))
        elif isinstance(node, ast.Assign) and _is_set(node.value, frozenset(found)):
            found.update(_name(target) for target in node.targets)
    return frozenset(found - {""})


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_set_annotation(node: ast.expr) -> bool:
    return _name(node.value if isinstance(node, ast.Subscript) else node) in _SET_NAMES


def _is_set(node: ast.expr, names: frozenset[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left, names) or _is_set(node.right, names)
    return isinstance(node, ast.Name | ast.Attribute) and _name(node) in names
