"""`perpd tx` and `perpd query` as a user types them, against a real application."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from node import cli
from support.single_node import CHAIN_ID, SingleNode
from support.typed import document

Perpd = Callable[..., tuple[int, str, str]]


def test_a_trader_deposits_trades_and_withdraws(perpd: Perpd) -> None:
    """The whole way, each step told with its block."""
    for name in ("alice", "bob"):
        code, out, _ = perpd("tx", "deposit", "5000", "--from", name)
        assert code == 0
        assert out.startswith("deposited 5,000.00 USDC into subaccount 0\n  block ")
    code, out, _ = perpd("tx", "place", "BTC-USD", "sell", "0.1", "47000", "--from", "alice", "--client-id", "7")
    assert out.splitlines()[:2] == ["order 7: sell 0.1 BTC-USD at 47000", "  0.1 rests on the book"]
    code, out, _ = perpd("query", "book", "BTC-USD")
    assert "sell" in out
    assert "47000" in out
    code, out, _ = perpd("tx", "place", "btc-usd", "buy", "0.12345", "47100", "--ioc", "--from", "bob", "--client-id", "8")
    assert out.splitlines()[:3] == [
        "order 8: buy 0.1234 BTC-USD at 47100",
        "  filled 0.1 at 47000",
        "  0.0234 ended: immediate or cancel would rest on book",
    ]
    code, out, _ = perpd("query", "subaccount", "bob")
    assert "BTC-USD" in out
    assert "0.1" in out
    (held,) = document(perpd("query", "positions", "bob", "--json"))["positions"]
    assert (held["ticker"], held["size"], held["entry_price"]) == ("BTC-USD", "0.1", "47000")
    assert "47000" in perpd("query", "positions", "bob")[1]
    owner = document(perpd("query", "account", "alice", "--json"))["address"]
    told = perpd("query", "order", f"{owner}/0/7/64/0")[1]
    assert "0.1 of 0.1" in told
    assert perpd("query", "order", "dave/7")[2].endswith("it is written owner/subaccount/client id/flags/market.\n")
    assert perpd("query", "order", "alice", "BTC-USD")[0] == 2
    code, out, _ = perpd("tx", "withdraw", "10", "--from", "bob")
    assert out.startswith("withdrew 10.00 USDC")
    code, out, _ = perpd("tx", "transfer", "carol", "1.5", "--to-subaccount", "3", "--from", "bob")
    assert "/3\n" in out
    code, out, _ = perpd("tx", "send", "carol", "2", "--from", "bob")
    assert out.startswith("sent 2.00 USDC to dydx1")
    assert document(perpd("query", "subaccount", "carol", "--subaccount", "3", "--json"))["settled_collateral"] == "1500000"


def test_orders_are_listed_shown_and_cancelled(perpd: Perpd) -> None:
    """Long-term by its number alone, short-term in a batch; an unknown one is a failure."""
    perpd("tx", "deposit", "1000", "--from", "dave")
    placed = document(perpd("tx", "place", "ETH-USD", "buy", "0.5", "3000.55", "--from", "dave", "--post-only", "--json"))
    assert (placed["ticker"], placed["rests"], placed["fills"], placed["short_term"]) == ("ETH-USD", True, [], False)
    client_id = str(placed["client_id"])
    listed = document(perpd("query", "orders", "dave", "--json"))["orders"]
    assert [(row["client_id"], row["price"], row["size"]) for row in listed] == [(placed["client_id"], "3000.5", "0.5")]
    shown = document(perpd("query", "order", "dave", "ETH-USD", client_id, "--json"))
    assert (shown["open"], shown["side"], shown["filled_quantums"]) == (True, "buy", "0")
    assert "yes" in perpd("query", "order", "dave", "ETH-USD", client_id)[1]
    assert client_id in perpd("query", "orders", "dave")[1]
    code, out, _ = perpd("tx", "cancel", "ETH-USD", client_id, "--from", "dave")
    assert (code, out.splitlines()[0]) == (0, f"cancelled order {client_id} in ETH-USD")
    code, _, err = perpd("tx", "cancel", "ETH-USD", client_id, "--from", "dave")
    assert (code, err) == (1, f"perpd: subaccount 0 has no order {client_id} on the book of ETH-USD.\n")
    code, out, _ = perpd("query", "order", "dave", "ETH-USD", client_id)
    assert (code, "cancelled by its owner" in out, "by transaction" in out) == (0, True, True)
    ended = document(perpd("query", "order", "dave", "ETH-USD", client_id, "--json"))
    assert (ended["open"], ended["status"], ended["cause"], ended["size"]) == (False, "cancelled", "transaction", "0.5")
    assert ended["placed_height"] < ended["height"]
    code, _, err = perpd("query", "order", "dave", "ETH-USD", "4711")
    assert (code, "since block" in err) == (1, True)
    for number in ("11", "12", "13"):
        perpd("tx", "place", "ETH-USD", "buy", "0.1", "3000", "--from", "dave", "--short-term", "--client-id", number)
    assert perpd("tx", "cancel", "ETH-USD", "13", "--from", "dave")[0] == 0
    code, out, _ = perpd("tx", "batch-cancel", "ETH-USD", "11", "12", "--from", "dave")
    assert out.startswith("cancelled 2 short-term orders in ETH-USD")
    assert document(perpd("query", "orders", "dave", "--json"))["orders"] == []
    assert perpd("tx", "cancel", "ETH-USD", "99", "--short-term", "--from", "dave")[0] == 0
    assert "has no order" in perpd("query", "orders", "dave")[1]


def test_every_query_answers_people_and_machines(perpd: Perpd, node: SingleNode) -> None:
    """As text and as one JSON object."""
    sent = document(perpd("tx", "send", "alice", "1", "--from", "faucet", "--json"))
    commands: dict[tuple[str, ...], str] = {
        ("status",): "app hash",
        ("account", "alice"): "sequence",
        ("balance", "alice"): "USDC",
        ("subaccount", "alice"): "collateral",
        ("risk", "alice"): "liquidatable",
        ("markets",): "SOL-USD",
        ("market", "BTC-USD"): "maintenance margin",
        ("book", "SOL-USD"): "is empty",
        ("orders", "erin"): "has no order",
        ("funding", "BTC-USD"): "epoch ends",
        ("tx", sent["tx_hash"]): "/cosmos.bank.v1beta1.MsgSend",
        ("block",): "proposer",
        ("block", "2"): "proposer",
        ("conservation",): "the money adds up",
        ("insurance",): "insurance_fund",
    }
    for words, said in commands.items():
        code, out, err = perpd("query", *words)
        assert (code, err) == (0, ""), words
        assert said in out, words
        assert document(perpd("query", *words, "--json")), words
    status = document(perpd("query", "status", "--json"))
    assert (status["chain_id"], status["height"]) == (CHAIN_ID, node.store.height)
    earlier = document(perpd("query", "status", "--json", "--height", "2"))
    assert (earlier["height"], earlier["app_hash"]) == (2, node.chain.blocks[1].app_hash.hex())
    assert document(perpd("query", "conservation", "--json"))["adds_up"] is True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tx", "withdraw", "1", "--from", "grace"), "subaccounts/102"),
        (("tx", "deposit", "0", "--from", "grace"), "sending"),
        (("tx", "deposit", "1.0000001", "--from", "grace"), "finer than 0.000001"),
        (("tx", "deposit", "much", "--from", "grace"), "is not a number"),
        (("tx", "deposit", "1", "--from", "nobody"), "no localnet account is called nobody. It has faucet, alice"),
        (("tx", "deposit", "1"), "say who signs"),
        (("tx", "place", "BTC-USD", "buy", "0.00001", "1", "--from", "grace"), "the smallest size in BTC-USD"),
        (("tx", "place", "NO-USD", "buy", "1", "1", "--from", "grace"), "no market of this chain"),
        (("tx", "send", "somebody", "1", "--from", "grace"), "neither an address nor the name of an account"),
        (("tx", "send", "bob", "1.5", "--denom", "adydx", "--from", "grace"), "not a whole number"),
        (("query", "balance", "somebody"), "neither an address nor the name"),
        (("query", "status", "--height", "999999"), "future"),
        (("query", "status", "--node", "5"), "the nodes 0 to 0"),
        (("query", "tx", "ab" * 32), "is in no block"),
        (("query", "tx", "zz"), "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_done_is_one_plain_sentence(perpd: Perpd, words: tuple[str, ...], said: str) -> None:
    """Exit code 1, nothing on standard output, and an object with the sentence for machines."""
    code, out, err = perpd(*words)
    assert (code, out) == (1, "")
    assert err.startswith("perpd: ")
    assert err.count("\n") == 1
    assert said in err
    code, out, _ = perpd(*words, "--json")
    assert code == 1
    assert said in json.loads(out)["error"]


def test_a_node_and_a_key_can_be_named_without_a_localnet(node: SingleNode, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """--grpc and --mnemonic-file."""
    words = tmp_path / "words"
    words.write_text(node.accounts[9].mnemonic)
    with pytest.raises(SystemExit) as ended:
        cli.main(["tx", "deposit", "3", "--grpc", node.address, "--mnemonic-file", str(words)])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("deposited 3.00 USDC")
    with pytest.raises(SystemExit) as ended:
        cli.main(["tx", "deposit", "3", "--grpc", node.address, "--mnemonic-file", str(tmp_path / "nothing")])
    assert ended.value.code == 1
    assert "cannot be read" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["query", "status", "--home", str(tmp_path)])
    assert ended.value.code == 1
    assert "no localnet runs in" in capsys.readouterr().err


def test_options_that_exclude_each_other_are_not_understood(perpd: Perpd) -> None:
    """Exit code 2, as for every command line that makes no sense."""
    code, _, err = perpd("tx", "place", "BTC-USD", "buy", "1", "1", "--ioc", "--post-only", "--from", "alice")
    assert (code, "exclude each other" in err) == (2, True)
