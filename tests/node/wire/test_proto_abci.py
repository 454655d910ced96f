"""ABCI frames, block types and proofs in the bytes that CometBFT and light clients exchange.

Vectors: cometbft-abci.md B.5, C.2, F.7 and cometbft-vectors.json (frames, frames_v0_40, vote_extension, proofs, simple_v).
"""

import hashlib

import pytest

from perpd_proto.cosmos.ics23.v1 import proofs_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.crypto import proof_pb2
from perpd_proto.tendermint.types import canonical_pb2, params_pb2

REQUEST_FRAMES = {
    "ce010acb010ac801" + "78" * 200: abci.Request(echo=abci.RequestEcho(message="x" * 200)),
    "0742050a03616263": abci.Request(check_tx=abci.RequestCheckTx(tx=b"abc")),
    "0942070a036162631001": abci.Request(check_tx=abci.RequestCheckTx(tx=b"abc", type=abci.RECHECK)),
    "025a00": abci.Request(commit=abci.RequestCommit()),
    "090a070a0568656c6c6f": abci.Request(echo=abci.RequestEcho(message="hello")),
    "021200": abci.Request(flush=abci.RequestFlush()),
    "161a140a07302e33382e3235100b18082205322e302e30": abci.Request(
        info=abci.RequestInfo(version="0.38.25", block_version=11, p2p_version=8, abci_version="2.0.0")
    ),
    "08aa01050a03616263": abci.Request(insert_tx=abci.RequestInsertTx(tx=b"abc")),
    "03b20100": abci.Request(reap_txs=abci.RequestReapTxs()),
}

RESPONSE_FRAMES = {
    "0f4a0d08051a03626164420470657270": abci.Response(check_tx=abci.ResponseCheckTx(code=5, log="bad", codespace="perp")),
    "044a022801": abci.Response(check_tx=abci.ResponseCheckTx(gas_wanted=1)),
    "0462021864": abci.Response(commit=abci.ResponseCommit(retain_height=100)),
    "026200": abci.Response(commit=abci.ResponseCommit()),
    "0912070a0568656c6c6f": abci.Response(echo=abci.ResponseEcho(message="hello")),
    "080a060a04626f6f6d": abci.Response(exception=abci.ResponseException(error="boom")),
    "079a01040a020102": abci.Response(extend_vote=abci.ResponseExtendVote(vote_extension=b"\x01\x02")),
    "58aa0155121f28013a1b0a0466696c6c12130a066d61726b657412074254432d5553441801121008051201011a036261644204706572702a20"
    + "aa" * 32: abci.Response(
        finalize_block=abci.ResponseFinalizeBlock(
            tx_results=[
                abci.ExecTxResult(
                    gas_wanted=1,
                    events=[
                        abci.Event(type="fill", attributes=[abci.EventAttribute(key="market", value="BTC-USD", index=True)]),
                    ],
                ),
                abci.ExecTxResult(code=5, data=b"\x01", log="bad", codespace="perp"),
            ],
            app_hash=b"\xaa" * 32,
        )
    ),
    "021a00": abci.Response(flush=abci.ResponseFlush()),
    "3522330a04706572701205302e312e30180120072a20228d3a056db6610ff20b87b60ee1e58f3333a3148deb0b051d910bcbdece7a40": abci.Response(
        info=abci.ResponseInfo(
            data="perp",
            version="0.1.0",
            app_version=1,
            last_block_height=7,
            last_block_app_hash=bytes.fromhex("228d3a056db6610ff20b87b60ee1e58f3333a3148deb0b051d910bcbdece7a40"),
        )
    ),
    "038a0100": abci.Response(prepare_proposal=abci.ResponsePrepareProposal()),
    "059201020801": abci.Response(process_proposal=abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)),
    "059201020802": abci.Response(process_proposal=abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.REJECT)),
    "05a201020801": abci.Response(verify_vote_extension=abci.ResponseVerifyVoteExtension(status=abci.ResponseVerifyVoteExtension.ACCEPT)),
    "03b20100": abci.Response(insert_tx=abci.ResponseInsertTx()),
    "07b201040880fa01": abci.Response(insert_tx=abci.ResponseInsertTx(code=32000)),
    "0cba01090a036162630a026465": abci.Response(reap_txs=abci.ResponseReapTxs(txs=[b"abc", b"de"])),
}

# Method: number in Request, number in Response.
ENVELOPE = {
    "echo": (1, 2),
    "flush": (2, 3),
    "info": (3, 4),
    "init_chain": (5, 6),
    "query": (6, 7),
    "check_tx": (8, 9),
    "commit": (11, 12),
    "list_snapshots": (12, 13),
    "offer_snapshot": (13, 14),
    "load_snapshot_chunk": (14, 15),
    "apply_snapshot_chunk": (15, 16),
    "prepare_proposal": (16, 17),
    "process_proposal": (17, 18),
    "extend_vote": (18, 19),
    "verify_vote_extension": (19, 20),
    "finalize_block": (20, 21),
    "insert_tx": (21, 22),
    "reap_txs": (22, 23),
}

EXISTENCE_OPS = bytes.fromhex(
    "0a7e0a0a69637332333a6961766c1201621a6d0a6b0a01621201321a0b0801180120012a03000202222b08011204020402201a21202de087ae4493e1758ed8d20422"
    "e2dc08a8b97beaa2250c130381350ef62e65d822290801122504060220bbe33cd0a785b97b9fb1f964aa71159dacd9e0ade84df7403dc0f9dc24818404200a720a0c"
    "69637332333a73696d706c651204706572701a5c0a5a0a0470657270122094ee7455e38ba1286d6f8e8317485dd90e8d9ced4795e233270868ce3f74814e1a090801"
    "180120012a0100222508011221015fb14ea64b86a742767f0406aa4ce16afce66d3c67cf05d38d6606828927ec15"
)
EXISTENCE_ROOT = "9f6e1d5483512f45db0ce8a56cf6bd9f7bafaad4e6c8302fbcffe909ca3a8594"

ABSENCE = bytes.fromhex(
    "12dc010a026262126b0a01621201321a0b0801180120012a03000202222b08011204020402201a21202de087ae4493e1758ed8d20422e2dc08a8b97beaa2250c1303"
    "81350ef62e65d822290801122504060220bbe33cd0a785b97b9fb1f964aa71159dacd9e0ade84df7403dc0f9dc24818404201a690a01631201331a0b080118012001"
    "2a030002022229080112250204022033865dc40cf30b37d7125737a8ea8285e3e6bb7ae2fe836b7dd6b0f95f85b70c2022290801122504060220bbe33cd0a785b97b"
    "9fb1f964aa71159dacd9e0ade84df7403dc0f9dc2481840420"
)

SIMPLE_OPS = bytes.fromhex(
    "0a8a010a0873696d706c653a7612074554482d5553441a750a074554482d555344126a080310011a2085518aee0d7557b1c74a7f786d5309009dec3b6204881e69e2"
    "6a4026db84f9eb222093bf2be552d7d9409ab4ada0a1d9e81b5f5b3ae1cdb5018002a88ebd773b948c22200085b753c9885b76e4ef81bae4569c919a3f9fd756ed41"
    "26e3888cf5ff56bf1d0a5e0a0873696d706c653a76120270781a4e0a0270781248080210011a201ec9a2e08b48b9ad2d31a11ed02f21c67da1111d32db562bed4bc8"
    "9608af33412220228d3a056db6610ff20b87b60ee1e58f3333a3148deb0b051d910bcbdece7a40"
)
SIMPLE_ROOT = "b64578ea615181320b06b855f93980b0caa93ea9c9c526f7dd0b4e8a692ea99c"


def delimited(message: bytes) -> bytes:
    """`message` behind its length as an unsigned varint."""
    length, prefix = len(message), b""
    while length > 0x7F:
        prefix += bytes([length & 0x7F | 0x80])
        length >>= 7
    return prefix + bytes([length]) + message


def sha256(*parts: bytes) -> bytes:
    """The SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(proof: proofs_pb2.ExistenceProof) -> bytes:
    """The root that an existence proof claims, by the operations as its fields give them (all: SHA-256, length as varint)."""
    leaf = proof.leaf
    assert (leaf.hash, leaf.prehash_key, leaf.prehash_value, leaf.length) == (
        proofs_pb2.SHA256,
        proofs_pb2.NO_HASH,
        proofs_pb2.SHA256,
        proofs_pb2.VAR_PROTO,
    )
    node = sha256(leaf.prefix, delimited(proof.key), delimited(sha256(proof.value)))
    for step in proof.path:
        assert step.hash == proofs_pb2.SHA256
        node = sha256(step.prefix, node, step.suffix)
    return node


@pytest.mark.parametrize(("frame", "message"), REQUEST_FRAMES.items())
def test_a_request_frame_parses_and_encodes_to_the_same_bytes(frame: str, message: abci.Request) -> None:
    """Both ways, byte for byte."""
    raw = bytes.fromhex(frame)
    encoded = message.SerializeToString(deterministic=True)
    assert delimited(encoded) == raw
    assert abci.Request.FromString(raw[len(raw) - len(encoded) :]) == message


@pytest.mark.parametrize(("frame", "message"), RESPONSE_FRAMES.items())
def test_a_response_frame_parses_and_encodes_to_the_same_bytes(frame: str, message: abci.Response) -> None:
    """Both ways, byte for byte."""
    raw = bytes.fromhex(frame)
    encoded = message.SerializeToString(deterministic=True)
    assert delimited(encoded) == raw
    assert abci.Response.FromString(raw[len(raw) - len(encoded) :]) == message


def test_every_method_has_its_numbers_in_both_envelopes() -> None:
    """B.1: the response number is one more than the request's; exception is 1, and no other member exists."""
    requests = {field.name: field.number for field in abci.Request.DESCRIPTOR.oneofs_by_name["value"].fields}
    responses = {field.name: field.number for field in abci.Response.DESCRIPTOR.oneofs_by_name["value"].fields}
    assert requests == {name: numbers[0] for name, numbers in ENVELOPE.items()}
    assert responses == {"exception": 1} | {name: numbers[1] for name, numbers in ENVELOPE.items()}


def test_an_answer_without_fields_still_names_its_method() -> None:
    """An altogether empty response halts the engine; a set member with no content does not encode to nothing."""
    response = abci.Response()
    assert response.SerializeToString() == b""
    response.prepare_proposal.SetInParent()
    assert response.SerializeToString() == bytes.fromhex("8a0100")


def test_unknown_fields_of_a_newer_engine_are_passed_over() -> None:
    """0.39 adds field 6 to the consensus parameters; the rest reads as before."""
    newer = bytes.fromhex("0a020801") + bytes.fromhex("32030a0161")
    assert params_pb2.ConsensusParams.FromString(newer).block.max_bytes == 1


@pytest.mark.parametrize(
    ("extension", "height", "round_", "chain_id", "sign_bytes"),
    [
        ("0102", 7, 0, "perp-1", "150a0201021107000000000000002206706572702d31"),
        ("", 7, 0, "perp-1", "111107000000000000002206706572702d31"),
        (
            "657874656e73696f6e",
            1,
            1,
            "test_chain_id",
            "2c0a09657874656e73696f6e110100000000000000190100000000000000220d746573745f636861696e5f6964",
        ),
    ],
)
def test_a_vote_extension_is_signed_over_its_canonical_form(
    extension: str, height: int, round_: int, chain_id: str, sign_bytes: str
) -> None:
    """Height and round have fixed width, and the length stands before it."""
    canonical = canonical_pb2.CanonicalVoteExtension(extension=bytes.fromhex(extension), height=height, round=round_, chain_id=chain_id)
    assert delimited(canonical.SerializeToString()).hex() == sign_bytes


def test_the_hashed_part_of_a_result_has_the_engines_bytes() -> None:
    """C.2: the results hash of one result is the leaf hash of {code, data, gas wanted, gas used}."""
    result = abci.ExecTxResult(code=5, data=b"\x01", gas_wanted=10, gas_used=3)
    assert sha256(b"\x00", result.SerializeToString()).hex() == "8acc75824e92db1c86515921a31ff097009b7fb6fb88834589149fdb7de498dd"


def test_an_existence_proof_leads_to_the_app_hash() -> None:
    """F.7: perp/b = 2; the inner proof's root is the value that the outer one proves."""
    ops = proof_pb2.ProofOps.FromString(EXISTENCE_OPS)
    assert ops.SerializeToString() == EXISTENCE_OPS
    assert [(op.type, op.key) for op in ops.ops] == [("ics23:iavl", b"b"), ("ics23:simple", b"perp")]
    inner, outer = (proofs_pb2.CommitmentProof.FromString(op.data).exist for op in ops.ops)
    assert (inner.key, inner.value, outer.key) == (b"b", b"2", b"perp")
    assert outer.value == root_of(inner)
    assert root_of(outer).hex() == EXISTENCE_ROOT


def test_an_absence_proof_holds_both_neighbours_under_one_root() -> None:
    """The key bb lies between b and c."""
    proof = proofs_pb2.CommitmentProof.FromString(ABSENCE)
    assert proof.SerializeToString() == ABSENCE
    assert proof.WhichOneof("proof") == "nonexist"
    absent = proof.nonexist
    assert (absent.left.key, absent.key, absent.right.key) == (b"b", b"bb", b"c")
    assert root_of(absent.left) == root_of(absent.right)


def test_a_plain_value_proof_leads_to_the_app_hash() -> None:
    """Operations of type simple:v carry a ValueOp with aunts from leaf to root."""
    ops = proof_pb2.ProofOps.FromString(SIMPLE_OPS)
    assert ops.SerializeToString() == SIMPLE_OPS
    prices, stores = (proof_pb2.ValueOp.FromString(op.data) for op in ops.ops)
    assert sha256(b"\x00", delimited(prices.key), delimited(sha256(b"3200"))) == prices.proof.leaf_hash
    # Leaf 1 of 3 is the right child of a left child; leaf 1 of 2 is a right child.
    assert (prices.proof.index, prices.proof.total, stores.proof.index, stores.proof.total) == (1, 3, 1, 2)
    root = sha256(b"\x01", sha256(b"\x01", prices.proof.aunts[0], prices.proof.leaf_hash), prices.proof.aunts[1])
    assert sha256(b"\x00", delimited(stores.key), delimited(sha256(root))) == stores.proof.leaf_hash
    assert sha256(b"\x01", stores.proof.aunts[0], stores.proof.leaf_hash).hex() == SIMPLE_ROOT
