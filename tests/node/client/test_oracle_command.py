"""`perpd query oracle` as a user types it, against a real application."""

from collections.abc import Callable

from support.chain import SECOND
from support.single_node import BTC_PRICE, SingleNode
from support.typed import document

Perpd = Callable[..., tuple[int, str, str]]


def test_all_prices_are_shown_with_age_standing_and_power(perpd: Perpd, node: SingleNode) -> None:
    """Confirmed in the last block by all power; one of which nobody speaks grows old, and then says what that allows."""
    node.block(2)
    found = document(perpd("query", "oracle", "--json"))["markets"]
    assert [(row["ticker"], row["standing"], row["age_nanoseconds"]) for row in found] == [
        ("BTC-USD", "FRESH", "0"),
        ("ETH-USD", "FRESH", "0"),
        ("SOL-USD", "FRESH", "0"),
    ]
    assert (found[0]["price"], found[0]["units"], found[0]["maximum_age_seconds"]) == ("47319", str(BTC_PRICE), 60)
    assert found[0]["reporting_power"] == found[0]["total_power"] != "0"
    del node.prices[1]
    node.block()
    node.chain.block_seconds_ns = 61 * SECOND
    node.block()
    node.chain.block_seconds_ns = SECOND
    found = document(perpd("query", "oracle", "--json"))["markets"]
    assert [(row["standing"], row["age_nanoseconds"]) for row in found] == [("FRESH", "0"), ("STALE", str(61 * SECOND)), ("FRESH", "0")]
    shown = perpd("query", "oracle")[1]
    assert "100 % of power" in shown
    assert "STALE" in shown


def test_one_market_is_shown_with_its_sources(perpd: Perpd, node: SingleNode) -> None:
    """Votes are the only source unless genesis names others; a market that does not exist is told in a sentence."""
    node.block(2)
    found = document(perpd("query", "oracle", "btc-usd", "--json"))
    assert (found["ticker"], found["in_force"], found["standing"]) == ("BTC-USD", "VOTES", "FRESH")
    assert [(row["source"], row["price"], row["fresh"]) for row in found["sources"]] == [("VOTES", "47319", True)]
    shown = perpd("query", "oracle", "BTC-USD")[1]
    assert "FRESH: everything is allowed" in shown
    assert "VOTES since genesis" in shown
    code, _, told = perpd("query", "oracle", "DOGE-USD")
    assert (code, "is no oracle market of this chain" in told) == (1, True)
