"""The rules about source find what they should find: each is shown a file that breaks it."""

import ast
from pathlib import Path

import pytest

from support import source
from support.source import ROOT, Source


def read(text: str) -> Source:
    """A file of that text."""
    return Source(ROOT / "modules" / "example.py", text, ast.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "for one in {1, 2}: pass",
        "for one in set(range(3)): pass",
        "found = [one for one in {1, 2}]",
        "found = list({one for one in (1, 2)})",
        "held = frozenset((1, 2))\nfor one in held: pass",
        "def f(held: set[int]) -> None:\n    for one in held: pass",
        "def f(held: frozenset[bytes]) -> bytes:\n    return b''.join(held)",
        "class A:\n    held: set[int]\n    def f(self) -> list[int]:\n        return [*self.held]",
        "for one in {1} | {2}: pass",
        "found = dict.fromkeys({1, 2})",
    ],
)
def test_an_iteration_over_a_set_is_found(text: str) -> None:
    """Loops, comprehensions and calls that read a set in its order are reported."""
    assert len(list(source.iterated_sets(read(text)))) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "held = {1, 2}\nfound = 1 in held",
        "held = {1, 2}\nfor one in sorted(held): pass",
        "def f(held: set[int]) -> int:\n    return len(held)",
        "def f(held: tuple[frozenset[bytes], ...]) -> bool:\n    return any(b'' in one for one in held)",
        "for one in {1: 2}: pass",
        "found = [one for one in (1, 2) if one in {1}]",
    ],
)
def test_membership_and_sorting_are_free(text: str) -> None:
    """Asking a set, measuring it or sorting it is no iteration in its order."""
    assert not list(source.iterated_sets(read(text)))


def test_imports_are_listed_with_their_full_names() -> None:
    """Both forms of import, at the top and inside functions."""
    found = [name for _, name in read("import os.path\nfrom modules.bank import keeper\ndef f() -> None:\n    import time").imports()]
    assert sorted(found) == ["modules.bank.keeper", "os.path", "time"]


def test_files_of_ours_are_found_and_others_are_not(tmp_path: Path) -> None:
    """The walk sees this file and the makefile, and neither generated code nor hidden folders."""
    found = list(source.files())
    assert Path(__file__).resolve() in found
    assert ROOT / "Makefile" in found
    assert not any(path.is_relative_to(source.GENERATED) for path in found)
    assert not any(part.startswith(".venv") for path in found for part in path.parts)
    assert tmp_path not in found
