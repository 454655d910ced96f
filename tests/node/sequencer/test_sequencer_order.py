"""The canonical order against vectors and against an order written from the text."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.sequencer.order import canonical_order, framed_hash, ranks, seed_of
from support.slots import Placed

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sequencer.json").read_text())
SEED = bytes(32)


def part(value: Any) -> Any:
    """A part of H as the vectors write it: integers, texts, and bytes as `<hex> (n bytes)` or `(empty)`."""
    if isinstance(value, int):
        return value
    if value == "(empty)":
        return b""
    return bytes.fromhex(value.split(" ")[0]) if value.endswith(" bytes)") else value


def slow_order(seed: bytes, txs: Sequence[Placed]) -> list[int]:
    """Written from design.md 3.4, one transaction at a time."""

    def place(position: int) -> tuple[Any, ...]:
        tx = txs[position]
        before = sum(
            1
            for other in txs
            if (other.lane, other.account) == (tx.lane, tx.account) and (other.sequence, other.tx_hash) < (tx.sequence, tx.tx_hash)
        )
        return tx.lane, before, framed_hash("ord", seed, tx.lane, tx.account)[:16], tx.sequence, tx.tx_hash

    return sorted(range(len(txs)), key=place)


@pytest.mark.parametrize("case", VECTORS["hash"])
def test_the_framed_hash_matches_the_vectors(case: dict[str, Any]) -> None:
    """H of integers, texts and bytes."""
    assert framed_hash(*[part(value) for value in case["parts"]]).hex() == case["sha256"]


@pytest.mark.parametrize("case", VECTORS["cases"])
def test_seed_and_order_match_the_vectors(case: dict[str, Any]) -> None:
    """sequencer-vectors.json: the seed of the block and the canonical order of its transactions."""
    seed = seed_of(case["chain_id"], case["height"], bytes.fromhex(case["app_hash"]))
    assert seed.hex() == case["seed"]
    txs = [Placed(tx["lane"], bytes.fromhex(tx["account"]), tx["sequence"], bytes.fromhex(tx["tx_hash"])) for tx in case["txs"]]
    assert canonical_order(seed, txs) == case["order"]


PLACED = st.builds(
    Placed,
    st.integers(1, 5),
    st.integers(0, 3).map(lambda number: sha256(b"account %d" % number).digest()[:20]),
    st.one_of(st.integers(0, 3), st.just(2**64 - 1)),
    st.integers(0, 2**16).map(lambda number: sha256(b"tx %d" % number).digest()),
)


@settings(max_examples=100)
@given(st.lists(PLACED, max_size=30, unique_by=lambda tx: tx.tx_hash), st.randoms(use_true_random=False))
def test_the_order_is_of_the_set_not_of_the_list(txs: list[Placed], random: Any) -> None:
    """Any permutation gives the same sequence of transactions, and it is the one of the text."""
    expected = [txs[position] for position in slow_order(SEED, txs)]
    assert [txs[position] for position in canonical_order(SEED, txs)] == expected
    shuffled = list(txs)
    random.shuffle(shuffled)
    assert [shuffled[position] for position in canonical_order(SEED, shuffled)] == expected


def test_many_transactions_of_one_account_give_no_head_start() -> None:
    """Round-robin: of a lane, every account's first comes before anyone's second."""
    many = [Placed(4, b"\x01" * 20, number, sha256(b"many %d" % number).digest()) for number in range(100)]
    few = [Placed(4, bytes((number,)) * 20, 7, sha256(b"few %d" % number).digest()) for number in range(2, 12)]
    order = [(many + few)[position] for position in canonical_order(SEED, many + few)]
    assert {tx.account for tx in order[:11]} == {tx.account for tx in many + few}
    assert order[11:] == many[1:]


def test_signing_again_moves_nothing_between_accounts() -> None:
    """The ticket is over the account: another hash of the same account keeps its place among others."""
    accounts = [sha256(b"account %d" % number).digest()[:20] for number in range(20)]
    first = [Placed(3, account, 1, sha256(b"first" + account).digest()) for account in accounts]
    again = [Placed(3, account, 9, sha256(b"again" + account).digest()) for account in accounts]
    assert canonical_order(SEED, first) == canonical_order(SEED, again)


def test_ranks_count_within_account_and_lane() -> None:
    """By sequence first, then by hash."""
    txs = [
        Placed(1, b"\x01" * 20, 5, b"\x02" * 32),
        Placed(1, b"\x01" * 20, 5, b"\x01" * 32),
        Placed(1, b"\x01" * 20, 4, b"\x03" * 32),
        Placed(2, b"\x01" * 20, 9, b"\x04" * 32),
        Placed(1, b"\x02" * 20, 9, b"\x05" * 32),
    ]
    assert ranks(txs) == [2, 1, 0, 0, 0]
