"""`perpd query mark` as a user types it, against a real application."""

from collections.abc import Callable

from support.single_node import BTC_PRICE, SingleNode
from support.typed import document

Perpd = Callable[..., tuple[int, str, str]]


def test_a_market_without_a_book_has_the_index_as_its_mark(perpd: Perpd, node: SingleNode) -> None:
    """Every component is there; a missing book is told in words."""
    node.block()
    found = document(perpd("query", "mark", "btc-usd", "--json"))
    assert (found["mark_price"], found["index_price"], found["average_price"]) == ("47319", "47319", "47319")
    assert (found["median"], found["clamped"], found["clamp_ppm"], found["ema_seconds"]) == ("INDEX", False, 5_000, 150)
    assert (found["margin_price"], found["impact_middle"], found["average_basis"]) == ("INDEX", "", "0")
    assert found["book"] == {"middle": "", "impact_middle": "", "average_basis": "0", "observed_nanoseconds": "0", "frozen": False}
    assert BTC_PRICE == 47_319 * 100_000
    shown = perpd("query", "mark", "BTC-USD")[1]
    assert "the book is not deep enough: the index counts" in shown
    assert "0.5 %" in shown


def test_all_markets_are_listed_with_what_makes_their_marks(perpd: Perpd) -> None:
    """A line for each; an unknown market is told in a sentence."""
    listed = document(perpd("query", "mark", "--json"))["markets"]
    assert [row["ticker"] for row in listed] == ["BTC-USD", "ETH-USD", "SOL-USD"]
    shown = perpd("query", "mark")[1]
    assert all(f"{row['ticker']}" in shown for row in listed)
    assert "the index" in shown
    code, _, told = perpd("query", "mark", "DOGE-USD")
    assert (code, "is no market of this chain" in told) == (1, True)
