"""The RFC 6962 Merkle tree, the multistore's app hash and the data hash against vectors."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.codec import uvarint
from node.store import simple_merkle

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "multistore.json").read_text())


@pytest.mark.parametrize("name", sorted(VECTORS["multistore"]))
def test_app_hashes_equal_the_multistore_vectors(name: str) -> None:
    """The app hash is the provable map over store names and roots, empty stores included."""
    case = VECTORS["multistore"][name]
    roots = {store: bytes.fromhex(root) for store, root in case["stores"].items()}
    assert simple_merkle.multistore_hash(roots).hex() == case["app_hash"]
    assert simple_merkle.multistore_hash(dict(reversed(roots.items()))).hex() == case["app_hash"]


@pytest.mark.parametrize("case", VECTORS["simple_map_sdk"], ids=lambda case: ",".join(case["map"]) or "empty")
def test_provable_maps_equal_the_published_roots(case: dict[str, Any]) -> None:
    """A map's root is that which Cosmos multistores compute."""
    pairs = {key.encode(): value.encode() for key, value in case["map"].items()}
    assert simple_merkle.map_root(pairs).hex() == case["root"]


def test_a_map_within_a_multistore_equals_the_vector() -> None:
    """The price map's own root, and the app hash that has it beside a bank store."""
    case = VECTORS["simple_v"]
    root = simple_merkle.map_root({key.encode(): value.encode() for key, value in case["px_map"].items()})
    assert root.hex() == case["px_root"]
    bank = bytes.fromhex(VECTORS["multistore"]["bank"]["stores"]["bank"])
    assert simple_merkle.multistore_hash({"px": root, "bank": bank}).hex() == case["app_hash"]


def test_the_data_hash_equals_the_engines_vector() -> None:
    """Leaves are the hashes of the transactions."""
    transactions = [bytes.fromhex(transaction) for transaction in VECTORS["data_hash"]["txs"]]
    assert simple_merkle.data_hash(transactions).hex() == VECTORS["data_hash"]["hash"]


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=40), st.data())
def test_every_leafs_aunts_lead_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    """Folding a leaf's hash with its aunts, each on its side, gives the root."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    digest = sha256(b"\x00" + leaves[index]).digest()
    for aunt in simple_merkle.merkle_aunts(leaves, index):
        pair = aunt.digest + digest if aunt.is_left else digest + aunt.digest
        digest = sha256(b"\x01" + pair).digest()
    assert digest == simple_merkle.merkle_root(leaves)


def test_a_run_splits_at_the_largest_power_of_two_strictly_below_its_length() -> None:
    """Of five leaves four stand left; of four, two."""
    hashes = [sha256(b"\x00" + bytes((index,))).digest() for index in range(5)]

    def join(left: bytes, right: bytes) -> bytes:
        return sha256(b"\x01" + left + right).digest()

    four = join(join(hashes[0], hashes[1]), join(hashes[2], hashes[3]))
    assert simple_merkle.merkle_root([bytes((index,)) for index in range(4)]) == four
    assert simple_merkle.merkle_root([bytes((index,)) for index in range(5)]) == join(four, hashes[4])


@pytest.mark.parametrize(("number", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**63, "80808080808080808001")])
def test_lengths_are_written_as_unsigned_varints(number: int, encoded: str) -> None:
    """Seven bits a byte, the lowest first."""
    assert uvarint(number).hex() == encoded
