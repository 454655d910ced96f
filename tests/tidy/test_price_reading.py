"""There is one way to read a price in the state machine and in the node, and it names its maximum age (design.md section 6)."""

import ast
from collections.abc import Iterator

import pytest

from support import source
from support.source import ROOT, Found, Source

OWN = "modules.oracle"
"""Whose files may look at a price as it is kept."""
KEEPERS = ("oracle", "_oracle")
"""What the oracle's keeper is called by those who have it; `wiring.oracle.keeper` besides."""


def _is_keeper(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in KEEPERS
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr == "keeper":
        return isinstance(node.value, ast.Attribute | ast.Name) and _is_keeper(node.value)
    return node.attr in KEEPERS


def ageless_reads(one: Source) -> Iterator[Found]:
    """Reads of a price that name no maximum age, and any look at the price map."""
    for node, name in one.imports():
        if name.startswith(OWN + ".state"):
            yield one.found(node, "imports the oracle's state")
    for found in ast.walk(one.tree):
        if isinstance(found, ast.Attribute) and found.attr == "recorded" and _is_keeper(found.value):
            yield one.found(found, "reads a price without an age")
        if isinstance(found, ast.Attribute) and found.attr == "price" and _is_keeper(found.value):
            call = next((parent for parent in ast.walk(one.tree) if isinstance(parent, ast.Call) and parent.func is found), None)
            named = [*call.args, *(keyword for keyword in call.keywords if keyword.arg == "maximum_age_seconds")] if call else []
            if len(named) != 3:
                yield one.found(found, "reads a price and names no maximum age")


def test_no_price_is_read_without_its_age() -> None:
    """Outside the oracle nothing reads the price map or `recorded`, and every call of `price` has its three arguments."""
    looked = [one for one in source.sources("modules", "node") if not one.name.startswith(OWN + ".")]
    readers = [one for one in looked if any(f"{keeper}.price(" in one.text for keeper in (*KEEPERS, "oracle.keeper"))]
    assert readers, "somebody reads prices, or this rule holds for nothing"
    found = [str(place) for one in looked for place in ageless_reads(one)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "price = self._oracle.price(ctx, 0)",
        "price = oracle.price(ctx, market_id).price",
        "price = wiring.oracle.keeper.recorded(ctx, 0)",
        "read = oracle.price",
        "from modules.oracle.state import OracleState",
    ],
)
def test_a_read_without_an_age_is_found(text: str) -> None:
    """Each way around the rule, shown to it."""
    assert list(ageless_reads(Source(ROOT / "modules" / "example.py", text, ast.parse(text))))


@pytest.mark.parametrize("text", ["oracle.price(ctx, 0, 60)", "self._oracle.price(ctx, 0, maximum_age_seconds=60)", "order.price(1)"])
def test_a_read_with_its_age_is_free(text: str) -> None:
    """Position or keyword; and other things that are called price."""
    assert not list(ageless_reads(Source(ROOT / "modules" / "example.py", text, ast.parse(text))))
