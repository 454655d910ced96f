"""`perpd tx` for every kind of order, as a user types it, against a real application."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from support.single_node import SingleNode

Perpd = Callable[..., tuple[int, str, str]]
USDC = 1_000_000


@pytest.fixture
def tx(perpd: Perpd) -> Callable[..., dict[str, Any]]:
    """Runs `perpd tx … --json`, which succeeds; what it printed."""

    def run(*arguments: str) -> dict[str, Any]:
        code, out, err = perpd("tx", *arguments, "--json")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    return run


Tx = Callable[..., dict[str, Any]]


def subaccount(perpd: Perpd, name: str, number: int) -> dict[str, Any]:
    """What `perpd query subaccount` says."""
    code, out, err = perpd("query", "subaccount", name, "--subaccount", str(number), "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_stop_loss_waits_for_its_price_and_closes(perpd: Perpd, tx: Tx, node: SingleNode) -> None:
    """It is told what it waits for; when the price has come, the engine sells, and the order's status says so."""
    tx("deposit", "5000", "--from", "alice")
    tx("deposit", "5000", "--from", "bob")
    tx("place", "BTC-USD", "buy", "0.1", "47000", "--from", "alice")
    tx("place", "BTC-USD", "sell", "0.02", "47400", "--from", "alice")
    tx("place", "BTC-USD", "buy", "0.02", "47400", "--ioc", "--from", "bob")
    stop = ("place", "BTC-USD", "sell", "0.02", "46000", "--stop-loss", "47100", "--ioc", "--reduce-only", "--client-id", "5")
    code, out, err = perpd("tx", *stop, "--from", "bob")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["order 5: sell 0.02 BTC-USD at 46000", "  waits until the price falls to 47100"]
    asked = ("query", "order", "bob", "BTC-USD", "5", "--conditional", "--json")
    assert json.loads(perpd(*asked)[1])["status"] == "untriggered"
    node.prices[0] = 4_710_000_000
    node.block()
    node.block()
    node.block()
    ended = json.loads(perpd(*asked)[1])
    assert (ended["status"], ended["cause"], ended["filled_quantums"]) == ("filled", "engine", "200000000")


def test_a_take_profit_is_cancelled_by_its_number(perpd: Perpd, tx: Tx) -> None:
    """As any order is."""
    placed = tx("place", "ETH-USD", "buy", "0.5", "3000", "--take-profit", "2900", "--client-id", "6", "--from", "alice")
    assert (placed["waits"], placed["rests"], placed["order_flags"]) == (True, False, 32)
    assert perpd("tx", "cancel", "ETH-USD", "6", "--from", "alice")[0] == 0
    assert json.loads(perpd("query", "order", "alice", "ETH-USD", "6", "--conditional", "--json")[1])["status"] == "cancelled"


def test_a_twap_order_tells_its_slices(perpd: Perpd, tx: Tx, node: SingleNode) -> None:
    """Ten slices in five minutes; the first buys within the tolerance of the oracle price."""
    tx("place", "BTC-USD", "sell", "0.01", "47500", "--client-id", "8", "--from", "alice")
    words = ("twap", "BTC-USD", "buy", "0.01", "--tolerance", "1.5", "--client-id", "9", "--from", "bob")
    code, out, err = perpd("tx", *words)
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["order 9: buy 0.01 BTC-USD at the oracle price", "  10 slices, one every 30 seconds"]
    node.block()
    shown = json.loads(perpd("query", "order", "bob", "BTC-USD", "9", "--twap", "--json")[1])
    assert (shown["open"], shown["filled_quantums"]) == (True, "10000000")
    assert perpd("tx", "cancel", "BTC-USD", "9", "--from", "bob")[0] == 0
    assert perpd("tx", "cancel", "BTC-USD", "8", "--from", "alice")[0] == 0


def test_an_isolated_order_trades_in_a_child_of_its_own(perpd: Perpd, tx: Tx) -> None:
    """Its collateral is moved in the same transaction; the next order in that market goes to the same child, another market to the next."""
    tx("deposit", "500", "--from", "carol")
    tx("place", "BTC-USD", "sell", "0.01", "47600", "--from", "alice")
    opened = tx("place", "BTC-USD", "buy", "0.002", "47600", "--isolated", "100", "--from", "carol")
    assert (opened["subaccount"], opened["filled_quantums"]) == (128, "20000000")
    held = subaccount(perpd, "carol", 128)
    # 100 USDC less 0.002 x 47,600 and the taker's fee of 0.05 %.
    assert int(held["settled_collateral"]) == 100 * USDC - 95_200_000 - 47_600
    more = tx("place", "BTC-USD", "buy", "0.001", "47600", "--ioc", "--isolated", "50", "--from", "carol")
    assert (more["subaccount"], more["filled_quantums"]) == (128, "10000000")
    other = tx("place", "ETH-USD", "buy", "0.01", "3000", "--isolated", "60", "--from", "carol")
    assert (other["subaccount"], other["rests"]) == (256, True)
    assert int(subaccount(perpd, "carol", 0)["settled_collateral"]) == 290 * USDC


def test_own_leverage_is_shown_and_holds(perpd: Perpd, tx: Tx) -> None:
    """Twice at most: 50 % of initial margin; a third is rounded up, never more leverage than was asked for."""
    tx("deposit", "100", "--from", "dave")
    assert tx("leverage", "BTC-USD", "2", "--from", "dave")["custom_imf_ppm"] == 500_000
    assert tx("leverage", "ETH-USD", "3", "--from", "dave")["custom_imf_ppm"] == 333_334
    code, _, err = perpd("tx", "place", "BTC-USD", "buy", "0.005", "46000", "--from", "dave")
    assert (code, "clob/3007" in err) == (1, True)
    assert perpd("tx", "place", "BTC-USD", "buy", "0.004", "46000", "--from", "dave")[0] == 0
    code, _, err = perpd("tx", "leverage", "BTC-USD", "200", "--from", "dave")
    assert (code, "subaccounts/701" in err) == (1, True)


def test_a_builder_is_paid_on_top(perpd: Perpd, tx: Tx) -> None:
    """ADDRESS:PPM; the fee arrives in the builder's bank account."""
    builder = json.loads(perpd("query", "account", "heidi", "--json")[1])["address"]
    before = json.loads(perpd("query", "balance", "heidi", "--json")[1])
    tx("place", "BTC-USD", "sell", "0.01", "47700", "--from", "alice")
    tx("place", "BTC-USD", "buy", "0.01", "47700", "--ioc", "--builder", f"{builder}:1000", "--from", "bob")
    after = json.loads(perpd("query", "balance", "heidi", "--json")[1])
    assert before != after


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("leverage", "BTC-USD", "0.5"), "is no leverage"),
        (("place", "BTC-USD", "buy", "1", "40000", "--builder", "me"), "does not name a builder"),
        (("place", "BTC-USD", "buy", "1", "40000", "--isolated", "much"), "is not a number"),
        (("twap", "BTC-USD", "buy", "0.0005"), "clob/12"),
    ],
)
def test_what_cannot_be_done_is_said_plainly(perpd: Perpd, words: tuple[str, ...], said: str) -> None:
    """One sentence, exit code 1."""
    code, _, err = perpd("tx", *words, "--from", "alice")
    assert (code, err.count("\n")) == (1, 1)
    assert said in err


def test_options_that_exclude_each_other_are_not_understood(perpd: Perpd) -> None:
    """Exit code 2."""
    for pair in (("--ioc", "--post-only"), ("--stop-loss", "1", "--take-profit", "2")):
        assert perpd("tx", "place", "BTC-USD", "buy", "1", "40000", *pair, "--from", "alice")[0] == 2
