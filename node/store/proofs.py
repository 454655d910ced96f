"""ICS-23 proofs of what the chain's state holds or does not hold, and an independent verifier of them.

A proof is two `ics23:simple` ops, both under TendermintSpec: the first proves the key in (or its absence from) its store's tree, the second
the store's root under the app hash. An absence proof shows the two neighbours between which the key would stand. An empty store proves
nothing, because ICS-23 has no proof for it.

The Go library accepts paths of at most 128 inner nodes. A path has at most one node for each bit in which its key parts from another, so it
stays far below as long as the parts of a key that users can choose freely are short (32 bits) or hashes (addresses).
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from modules.kernel.codec import uvarint
from node.store import simple_merkle, tree
from perpd_proto.cosmos.ics23.v1.proofs_pb2 import (
    NO_HASH,
    SHA256,
    VAR_PROTO,
    CommitmentProof,
    ExistenceProof,
    InnerOp,
    LeafOp,
    NonExistenceProof,
)
from perpd_proto.tendermint.crypto.proof_pb2 import ProofOp, ProofOps

PROOF_TYPE: Final = "ics23:simple"

_LEAF_PREFIX: Final = b"\x00"
_INNER_PREFIX: Final = b"\x01"
_DIGEST_BYTES: Final = 32
_SPEC_LEAF: Final = LeafOp(hash=SHA256, prehash_key=NO_HASH, prehash_value=SHA256, length=VAR_PROTO, prefix=_LEAF_PREFIX)


class EmptyStoreError(LookupError):
    """An empty store can prove neither presence nor absence."""


class InvalidProofError(Exception):
    """The proof does not show what it is claimed to show; the text says why."""


def prove(
    store: str, root: tree.Node | None, key: bytes, read: Callable[[bytes], bytes | None], store_roots: Mapping[str, bytes]
) -> tuple[bytes | None, ProofOps]:
    """The value of `key` in `store` (None when absent) and the proof of it under the multistore hash of `store_roots`.

    `read` gives the values behind the leaves of `root`. Raises EmptyStoreError.
    """
    value, first = _prove_key(store, root, key, read)
    ops = [
        ProofOp(type=PROOF_TYPE, key=key, data=first.SerializeToString(deterministic=True)),
        ProofOp(type=PROOF_TYPE, key=store.encode(), data=_prove_store(store, store_roots).SerializeToString(deterministic=True)),
    ]
    return value, ProofOps(ops=ops)


def verify(app_hash: bytes, store: str, key: bytes, value: bytes | None, proof_ops: ProofOps) -> None:
    """Returns when `proof_ops` shows that under `app_hash` the store holds `value` at `key`, or, for None, holds nothing there.

    Raises InvalidProofError otherwise. Shares no code with the making of proofs, and is stricter than stock ICS-23 verifiers: inner
    nodes must have the one form that this chain's trees have.
    """
    _require(len(proof_ops.ops) == 2, "there must be two proof ops")
    key_op, store_op = proof_ops.ops
    _require(key_op.type == PROOF_TYPE and store_op.type == PROOF_TYPE, f"both ops must be {PROOF_TYPE}")
    _require(key_op.key == key, "the first op must name the key")
    _require(store_op.key == store.encode(), "the second op must name the store")
    store_proof = _decode(store_op.data)
    _require(store_proof.WhichOneof("proof") == "exist", "the store itself must be proven to exist")
    root = store_proof.exist.value
    _require(len(root) == _DIGEST_BYTES, "a store root has 32 bytes")
    _verify_existence(store_proof.exist, app_hash, store.encode(), root)
    key_proof = _decode(key_op.data)
    if value is not None:
        _require(key_proof.WhichOneof("proof") == "exist", "presence needs an existence proof")
        _verify_existence(key_proof.exist, root, key, value)
    else:
        _require(key_proof.WhichOneof("proof") == "nonexist", "absence needs a non-existence proof")
        _verify_absence(key_proof.nonexist, root, key)


def _prove_key(
    store: str, root: tree.Node | None, key: bytes, read: Callable[[bytes], bytes | None]
) -> tuple[bytes | None, CommitmentProof]:
    path = tree.get_path(root, key)
    if path is not None:
        exist = _leaf_proof(path, read)
        return exist.value, CommitmentProof(exist=exist)
    left, right = tree.get_neighbours(root, key)
    if left is None and right is None:
        raise EmptyStoreError(f"the store {store!r} is empty, and an empty store cannot prove anything")
    absence = NonExistenceProof(
        key=key,
        left=None if left is None else _leaf_proof(left, read),
        right=None if right is None else _leaf_proof(right, read),
    )
    return None, CommitmentProof(nonexist=absence)


def _leaf_proof(path: tree.Path, read: Callable[[bytes], bytes | None]) -> ExistenceProof:
    value = read(path.leaf.key)
    assert value is not None, f"the tree holds {path.leaf.key.hex()} but the database does not"
    inner_ops = [
        InnerOp(hash=SHA256, prefix=_INNER_PREFIX + inner.left.digest)
        if went_right
        else InnerOp(hash=SHA256, prefix=_INNER_PREFIX, suffix=inner.right.digest)
        for inner, went_right in reversed(path.steps)
    ]
    return ExistenceProof(key=path.leaf.key, value=value, leaf=_SPEC_LEAF, path=inner_ops)


def _prove_store(store: str, store_roots: Mapping[str, bytes]) -> CommitmentProof:
    pairs = {name.encode(): root for name, root in store_roots.items()}
    key = store.encode()
    aunts = simple_merkle.merkle_aunts(simple_merkle.map_leaves(pairs), sorted(pairs).index(key))
    inner_ops = [
        InnerOp(hash=SHA256, prefix=_INNER_PREFIX + digest) if is_left else InnerOp(hash=SHA256, prefix=_INNER_PREFIX, suffix=digest)
        for digest, is_left in aunts
    ]
    return CommitmentProof(exist=ExistenceProof(key=key, value=pairs[key], leaf=_SPEC_LEAF, path=inner_ops))


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise InvalidProofError(reason)


def _decode(data: bytes) -> CommitmentProof:
    proof = CommitmentProof()
    try:
        proof.ParseFromString(data)
    except DecodeError as error:
        raise InvalidProofError("the proof is not a CommitmentProof message") from error
    return proof


def _verify_existence(proof: ExistenceProof, root: bytes, key: bytes, value: bytes) -> None:
    _require(proof.key == key and proof.value == value, "the proof is about another key or value")
    _require(_root_of(proof) == root, "the path does not lead to the root")


def _root_of(proof: ExistenceProof) -> bytes:
    """The root to which a well-formed existence proof leads."""
    _require(bool(proof.key) and bool(proof.value), "key and value must not be empty")
    _require(proof.leaf == _SPEC_LEAF, "the leaf op is not that of TendermintSpec")
    digest = sha256(_LEAF_PREFIX + uvarint(len(proof.key)) + proof.key + uvarint(_DIGEST_BYTES) + sha256(proof.value).digest()).digest()
    for step in proof.path:
        _require(step.hash == SHA256 and step.prefix[:1] == _INNER_PREFIX, "an inner op is not that of TendermintSpec")
        _require((len(step.prefix), len(step.suffix)) in ((1, _DIGEST_BYTES), (1 + _DIGEST_BYTES, 0)), "an inner op has a wrong size")
        digest = sha256(step.prefix + digest + step.suffix).digest()
    return digest


def _is_right_child(step: InnerOp) -> bool:
    return len(step.prefix) > 1


def _verify_absence(proof: NonExistenceProof, root: bytes, key: bytes) -> None:
    _require(bool(key) and proof.key == key, "the proof is about another key")
    has_left, has_right = proof.HasField("left"), proof.HasField("right")
    _require(has_left or has_right, "absence needs at least one neighbour")
    if has_left:
        _require(proof.left.key < key, "the left neighbour must be below the key")
        _require(_root_of(proof.left) == root, "the left neighbour's path does not lead to the root")
    if has_right:
        _require(key < proof.right.key, "the right neighbour must be above the key")
        _require(_root_of(proof.right) == root, "the right neighbour's path does not lead to the root")
    left_path, right_path = list(proof.left.path), list(proof.right.path)
    if not has_left:
        _require(not any(map(_is_right_child, right_path)), "the right neighbour is not the left-most leaf")
        return
    if not has_right:
        _require(all(map(_is_right_child, left_path)), "the left neighbour is not the right-most leaf")
        return
    while left_path and right_path and left_path[-1] == right_path[-1]:
        left_path.pop()
        right_path.pop()
    _require(bool(left_path) and bool(right_path), "the neighbours are one leaf")
    _require(not _is_right_child(left_path.pop()) and _is_right_child(right_path.pop()), "the neighbours do not part into left and right")
    _require(all(map(_is_right_child, left_path)) and not any(map(_is_right_child, right_path)), "there are leaves between the neighbours")
