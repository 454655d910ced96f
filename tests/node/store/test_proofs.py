"""ICS-23 proofs: ours verify, tampered ones do not, and their bytes are those that stock verifiers accepted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from node.store import proofs, simple_merkle, tree
from perpd_proto.cosmos.ics23.v1.proofs_pb2 import CommitmentProof, ExistenceProof
from perpd_proto.tendermint.crypto.proof_pb2 import ProofOps
from support.critbit_reference import tree_keys, tree_maps

VECTORS = Path(__file__).parents[2] / "vectors"
STORES = json.loads((VECTORS / "multistore.json").read_text())
GOLDEN = json.loads((VECTORS / "ics23_proofs.json").read_text())

OTHER_STORES = {"bank": b"\x11" * 32, "empty": tree.EMPTY_ROOT, "zeta": b"\x22" * 32}


class Proven:
    """One small chain state with a store `perp`, and proofs of it."""

    def __init__(self, pairs: dict[bytes, bytes]) -> None:
        self.pairs = pairs
        self.root = tree.build(sorted(pairs.items()))
        self.store_roots = {**OTHER_STORES, "perp": tree.root_hash(self.root)}
        self.app_hash = simple_merkle.multistore_hash(self.store_roots)

    def prove(self, key: bytes) -> tuple[bytes | None, ProofOps]:
        return proofs.prove("perp", self.root, key, self.pairs.get, self.store_roots)

    def accepts(self, key: bytes, value: bytes | None, ops: ProofOps, store: str = "perp", app_hash: bytes | None = None) -> bool:
        try:
            proofs.verify(self.app_hash if app_hash is None else app_hash, store, key, value, ops)
        except proofs.InvalidProofError:
            return False
        return True


@given(tree_maps, tree_keys)
def test_every_key_can_be_proven_present_or_absent(pairs: dict[bytes, bytes], key: bytes) -> None:
    """Presence and absence, for any key against any non-empty store, over the wire and back; and never the contrary."""
    assume(pairs)
    state = Proven(pairs)
    for asked in (key, *pairs):
        value, ops = state.prove(asked)
        ops = ProofOps.FromString(ops.SerializeToString())
        assert value == pairs.get(asked)
        assert state.accepts(asked, value, ops)
        assert not state.accepts(asked, b"other" if value is None else None, ops)
        assert not state.accepts(asked + b"\0", value, ops)


EDGES = {b"aa": b"1", b"ab": b"2", b"abc": b"3", b"b": b"4"}


@pytest.mark.parametrize(
    ("key", "left", "right"),
    [
        (b"a", None, b"aa"),
        (b"\x00", None, b"aa"),
        (b"b\x00", b"b", None),
        (b"\xff" * 64, b"b", None),
        (b"ab\x00", b"ab", b"abc"),
        (b"aba", b"ab", b"abc"),
        (b"abcd", b"abc", b"b"),
    ],
)
def test_absence_names_the_neighbours_at_edges_and_among_prefixes(key: bytes, left: bytes | None, right: bytes | None) -> None:
    """Left of all, right of all, and between a key and its own extension."""
    state = Proven(EDGES)
    value, ops = state.prove(key)
    absence = CommitmentProof.FromString(ops.ops[0].data).nonexist
    assert value is None
    assert (absence.left.key if absence.HasField("left") else None) == left
    assert (absence.right.key if absence.HasField("right") else None) == right
    assert state.accepts(key, None, ops)


def test_an_empty_store_proves_nothing() -> None:
    """ICS-23 has no proof for it, so asking is an error and not a false proof."""
    with pytest.raises(proofs.EmptyStoreError, match="'perp' is empty"):
        Proven({}).prove(b"a")


def test_a_store_of_one_key_proves_absence_on_both_sides() -> None:
    """One leaf is the left-most and the right-most at once."""
    state = Proven({b"m": b"1"})
    for key in (b"a", b"z"):
        value, ops = state.prove(key)
        assert value is None
        assert state.accepts(key, None, ops)


@pytest.mark.parametrize("case", STORES["store_proofs"], ids=lambda case: f"{case['path']}:{case['simple_proof'][-8:]}")
def test_the_store_op_equals_the_shared_vectors(case: dict[str, Any]) -> None:
    """The second op is the one that Cosmos multistores give for these roots."""
    stores = next(entry["stores"] for entry in STORES["multistore"].values() if entry["app_hash"] == case["app_hash"])
    name = case["path"].split("/")[2]
    roots = {store: bytes.fromhex(root) for store, root in stores.items()}
    assert proofs._prove_store(name, roots).SerializeToString(deterministic=True).hex() == case["simple_proof"]


@pytest.mark.parametrize("case", GOLDEN["proofs"], ids=lambda case: f"{case['store']}-{case['key'][:16]}")
def test_proof_bytes_are_those_that_stock_verifiers_accepted(case: dict[str, Any]) -> None:
    """The golden proofs were checked once with the Go and the JavaScript library; the same bytes still come out."""
    stores = {name: {bytes.fromhex(key): bytes.fromhex(value) for key, value in pairs.items()} for name, pairs in GOLDEN["stores"].items()}
    trees = {name: tree.build(sorted(pairs.items())) for name, pairs in stores.items()}
    roots = {name: tree.root_hash(root) for name, root in trees.items()}
    key = bytes.fromhex(case["key"])
    value, ops = proofs.prove(case["store"], trees[case["store"]], key, stores[case["store"]].get, roots)
    assert simple_merkle.multistore_hash(roots).hex() == GOLDEN["app_hash"]
    assert (None if value is None else value.hex()) == case["value"]
    assert [op.data.hex() for op in ops.ops] == case["ops"]


@given(tree_maps, tree_keys, st.data())
def test_a_flipped_bit_anywhere_in_a_proof_is_noticed(pairs: dict[bytes, bytes], key: bytes, data: st.DataObject) -> None:
    """Whatever still decodes after one flipped bit shows nothing."""
    assume(pairs)
    state = Proven(pairs)
    value, ops = state.prove(data.draw(st.sampled_from([key, *pairs])))
    asked = ops.ops[0].key
    op = ops.ops[data.draw(st.integers(0, 1))]
    damaged = bytearray(op.data)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    before = CommitmentProof.FromString(op.data)
    op.data = bytes(damaged)
    try:
        same = CommitmentProof.FromString(op.data) == before
    except Exception:  # noqa: BLE001 - the decoder's own refusals are the verifier's business below
        same = False
    assert state.accepts(asked, value, ops) == same


def _exist(ops: ProofOps, change: Callable[[ExistenceProof], object]) -> None:
    proof = CommitmentProof.FromString(ops.ops[0].data)
    change(proof.exist)
    ops.ops[0].data = proof.SerializeToString()


TAMPERINGS: dict[str, Callable[[ProofOps], object]] = {
    "an op is missing": lambda ops: ops.ops.pop(),
    "an op is doubled": lambda ops: ops.ops.append(ops.ops[0]),
    "the ops are swapped": lambda ops: ops.ops.reverse(),
    "the type is another tree's": lambda ops: setattr(ops.ops[0], "type", "ics23:iavl"),
    "the first op names another key": lambda ops: setattr(ops.ops[0], "key", b"ab"),
    "the second op names another store": lambda ops: setattr(ops.ops[1], "key", b"bank"),
    "the store op is the key op": lambda ops: setattr(ops.ops[1], "data", ops.ops[0].data),
    "the key op is the store op": lambda ops: setattr(ops.ops[0], "data", ops.ops[1].data),
    "the data is not a proof": lambda ops: setattr(ops.ops[0], "data", b"\xff"),
    "the data is empty": lambda ops: setattr(ops.ops[0], "data", b""),
    "the value is another": lambda ops: _exist(ops, lambda proof: setattr(proof, "value", b"9")),
    "the value is empty": lambda ops: _exist(ops, lambda proof: setattr(proof, "value", b"")),
    "the value is not hashed": lambda ops: _exist(ops, lambda proof: setattr(proof.leaf, "prehash_value", 0)),
    "the leaf has a prefix of its own": lambda ops: _exist(ops, lambda proof: setattr(proof.leaf, "prefix", b"\0\0")),
    "the path is cut": lambda ops: _exist(ops, lambda proof: proof.path.pop()),
    "the path is reversed": lambda ops: _exist(ops, lambda proof: proof.path.reverse()),
    "an inner op looks like a leaf": lambda ops: _exist(ops, lambda proof: setattr(proof.path[0], "prefix", b"\0")),
    "an inner op is unhashed": lambda ops: _exist(ops, lambda proof: setattr(proof.path[0], "hash", 0)),
    "an inner op has both siblings": lambda ops: _exist(ops, lambda proof: setattr(proof.path[0], "suffix", b"s" * 64)),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampered_proof_is_refused(name: str) -> None:
    """Each way of bending a good existence proof shows nothing."""
    state = Proven(EDGES)
    value, ops = state.prove(b"aa")
    assert state.accepts(b"aa", value, ops)
    TAMPERINGS[name](ops)
    assert not state.accepts(b"aa", value, ops)


def test_a_proof_holds_only_for_its_app_hash_and_store() -> None:
    """Neither another header nor another store is shown by it."""
    state = Proven(EDGES)
    value, ops = state.prove(b"aa")
    assert not state.accepts(b"aa", value, ops, app_hash=b"\0" * 32)
    assert not state.accepts(b"aa", value, ops, store="bank")


def _absence(state: Proven, key: bytes, left: bytes | None, right: bytes | None) -> ProofOps:
    """A proof that `key` is absent, made of true existence proofs of any two keys."""
    exist = {held: CommitmentProof.FromString(state.prove(held)[1].ops[0].data).exist for held in (left, right) if held is not None}
    proof = CommitmentProof()
    proof.nonexist.key = key
    if left is not None:
        proof.nonexist.left.CopyFrom(exist[left])
    if right is not None:
        proof.nonexist.right.CopyFrom(exist[right])
    _, ops = state.prove(b"aa")
    ops.ops[0].key = key
    ops.ops[0].data = proof.SerializeToString()
    return ops


@pytest.mark.parametrize(
    ("key", "left", "right"),
    [
        (b"ab", b"aa", b"abc"),  # hides the present key between true neighbours
        (b"aba", b"aa", b"abc"),  # skips a leaf
        (b"aba", b"ab", b"b"),  # skips one on the other side
        (b"aba", None, b"abc"),  # not the left-most
        (b"aba", b"ab", None),  # not the right-most
        (b"aba", b"abc", b"ab"),  # turned around
        (b"aba", b"abc", b"b"),  # both above
        (b"aba", None, None),  # nothing shown
        (b"ab", b"ab", b"abc"),  # the key is its own neighbour
        (b"aba", b"ab", b"ab"),  # one leaf twice
    ],
)
def test_absence_cannot_be_shown_with_leaves_that_are_not_the_neighbours(key: bytes, left: bytes | None, right: bytes | None) -> None:
    """True leaves in a false arrangement prove nothing."""
    state = Proven(EDGES)
    assert state.accepts(b"aba", None, _absence(state, b"aba", b"ab", b"abc"))
    assert not state.accepts(key, None, _absence(state, key, left, right))


def test_neighbours_must_stand_left_and_right_where_their_paths_part() -> None:
    """In a tree whose leaves are out of order the two sides are crossed, and nothing is absent by that."""
    low, high = tree._make_leaf(b"a", b"1"), tree._make_leaf(b"c", b"2")
    for bit_order, accepted in (((low, high), True), ((high, low), False)):
        root = tree._make_inner(1, *bit_order)
        paths = {inner.key: tree.Path(inner, (tree.Step(root, inner is bit_order[1]),)) for inner in bit_order}
        values = {b"a": b"1", b"c": b"2"}
        absence = CommitmentProof()
        absence.nonexist.key = b"b"
        absence.nonexist.left.CopyFrom(proofs._leaf_proof(paths[b"a"], values.get))
        absence.nonexist.right.CopyFrom(proofs._leaf_proof(paths[b"c"], values.get))
        if accepted:
            proofs._verify_absence(absence.nonexist, root.digest, b"b")
        else:
            with pytest.raises(proofs.InvalidProofError, match="do not part"):
                proofs._verify_absence(absence.nonexist, root.digest, b"b")
