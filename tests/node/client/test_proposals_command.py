"""`perpd query proposals` as a user types it, against a real application."""

import json
from collections.abc import Callable
from hashlib import sha256

from support.single_node import SingleNode

Perpd = Callable[..., tuple[int, str, str]]


def test_the_command_counts_and_explains(perpd: Perpd, node: SingleNode) -> None:
    """Counts alone, or every reason, or those of one transaction, for people and as JSON."""
    plain = perpd("query", "proposals")[1]
    assert "left out" in plain.splitlines()[0]
    assert "these proposals left nothing out" in perpd("query", "proposals", "--explain")[1]
    node.chain.prepare([b"garbage", b"rubbish"])
    names = [sha256(tx).hexdigest().upper() for tx in (b"garbage", b"rubbish")]
    assert not any(name in perpd("query", "proposals")[1] for name in names)
    explained = perpd("query", "proposals", "--explain")[1]
    assert all(name in explained for name in names)
    assert "is not well-formed" in explained
    [made, *_] = json.loads(perpd("query", "proposals", "--tx", names[1], "--json")[1])["proposals"]
    assert (made["pool_txs"], made["left_out_txs"]) == (2, 2)
    assert [(one["tx_hash"], one["rule"]) for one in made["left_out"]] == [(names[1], "b1")]
    assert all("left_out" not in made for made in json.loads(perpd("query", "proposals", "--json")[1])["proposals"])
    assert "none of these proposals left it out" in perpd("query", "proposals", "--tx", "ab" * 32)[1]


def test_what_is_no_hash_is_told_plainly(perpd: Perpd) -> None:
    """Letters that are no digits, and digits that are too few."""
    code, _, told = perpd("query", "proposals", "--tx", "xyz")
    assert (code, told) == (1, "perpd: xyz is not a transaction's hash: 64 hexadecimal digits.\n")
    code, _, told = perpd("query", "proposals", "--tx", "abcd")
    assert code == 1
    assert "has 32 bytes, not 2" in told
