"""Strict decoding: every rule of client-surface.md 3.3 with its code, and no way to say the same with other bytes."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.errors import (
    INVALID_ADDRESS,
    INVALID_COINS,
    INVALID_PUBKEY,
    INVALID_REQUEST,
    NO_SIGNATURES,
    NOT_SUPPORTED,
    TX_PARSE,
    UNAUTHORIZED,
    UNKNOWN_EXTENSION,
    ChainError,
    ErrorKind,
)
from node.sequencer.lanes import CANCEL, MARGIN_ADD, OTHER, POST_ONLY, TAKER
from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.dydxprotocol.accountplus import tx_pb2 as accountplus
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from support.sequencing import (
    ALICE,
    BOB,
    CHAIN_ID,
    LONG_TERM,
    Desk,
    batch_cancel,
    cancel,
    deposit,
    place,
    send,
    transfer,
)
from support.sequencing import (
    POST_ONLY as POST_ONLY_TIME_IN_FORCE,
)

DESK = Desk()
UNKNOWN_FIELD = b"\xf8\x07\x01"  # number 127, varint 1
NON_CRITICAL_FIELD = b"\xc0\x40\x01"  # number 1032, which has bit 10, varint 1


def sealed(body: bytes, auth_info: bytes | None = None) -> bytes:
    """A transaction of ALICE with this body, signed as it stands."""
    parts = auth_info_bytes(ALICE.public_key, 0) if auth_info is None else auth_info
    return seal(ALICE.private_key, body, parts, account_number=10, chain_id=CHAIN_ID)


def refused(raw: bytes) -> ErrorKind:
    """The registered kind of the error that decoding raises."""
    with pytest.raises(ChainError) as caught:
        DESK.decode(raw)
    assert caught.value.log.endswith(caught.value.kind.text)
    return caught.value.kind


def raw_body(*messages: tuple[str, bytes], **changes: Any) -> Any:
    """A TxBody of (type URL, value) pairs."""
    body = tx_pb2.TxBody(**changes)
    for type_url, value in messages:
        body.messages.add(type_url=type_url, value=value)
    return body


def place_body() -> Any:
    """A TxBody with one order of ALICE."""
    return raw_body(("/dydxprotocol.clob.MsgPlaceOrder", place(ALICE).SerializeToString()))


# What is read


def test_a_decoded_order_has_all_that_admission_needs() -> None:
    """Hash, signer, key, sequence, window, lane, and the command of its module."""
    raw = DESK.sign(ALICE, place(ALICE, good_til_block=77), sequence=5, memo="Client Example", timeout_height=99)
    tx = DESK.decode(raw)
    assert tx.raw == raw
    assert tx.hash == sha256(raw).digest()
    assert tx.framed_size == len(raw) + 3
    assert tx.signer == ALICE.address
    assert (tx.public_key, tx.has_foreign_key) == (ALICE.public_key, False)
    assert (tx.sequence, tx.timeout_height, tx.memo, tx.gas_limit) == (5, 99, "Client Example", 1_000_000)
    assert (tx.lane, tx.good_til_blocks, tx.is_unsequenced, tx.is_free) == (TAKER, (77,), True, True)
    assert tx.lane_account == bytes((TAKER,)) + ALICE.address
    assert tx.tail == (5).to_bytes(8, "big") + tx.hash
    assert tx.command(0) is tx.commands()[0]


@pytest.mark.parametrize(
    ("messages", "lane", "good_til_blocks"),
    [
        ([cancel(ALICE)], CANCEL, (60,)),
        ([cancel(ALICE, flags=LONG_TERM)], CANCEL, ()),
        ([batch_cancel(ALICE)], CANCEL, (60,)),
        ([deposit(ALICE)], MARGIN_ADD, ()),
        ([transfer(ALICE, ALICE)], MARGIN_ADD, ()),
        ([transfer(ALICE, BOB)], OTHER, ()),
        ([place(ALICE, time_in_force=POST_ONLY_TIME_IN_FORCE)], POST_ONLY, (60,)),
        ([place(ALICE, flags=LONG_TERM, time_in_force=POST_ONLY_TIME_IN_FORCE)], POST_ONLY, ()),
        ([place(ALICE, flags=32, time_in_force=POST_ONLY_TIME_IN_FORCE)], TAKER, ()),
        ([place(ALICE, flags=128)], TAKER, ()),
        ([place(ALICE)], TAKER, (60,)),
        ([send(ALICE, BOB)], OTHER, ()),
        ([cancel(ALICE, flags=LONG_TERM), place(ALICE, flags=LONG_TERM)], TAKER, ()),
        ([place(ALICE, flags=LONG_TERM), transfer(ALICE, ALICE), cancel(ALICE)], TAKER, ()),
        ([cancel(ALICE), send(ALICE, BOB)], OTHER, ()),
        ([cancel(ALICE), batch_cancel(ALICE, good_til_block=61)], CANCEL, (60, 61)),
    ],
)
def test_the_lane_is_the_last_of_any_message(messages: list[Any], lane: int, good_til_blocks: tuple[int, ...]) -> None:
    """design.md 3.3: bundling never buys an earlier place; only short-term messages alone make a transaction unsequenced."""
    tx = DESK.decode(DESK.sign(ALICE, *messages))
    assert (tx.lane, tx.good_til_blocks) == (lane, good_til_blocks)


def test_a_sequence_from_two_to_the_forty_is_a_timestamp_nonce() -> None:
    """Unless the transaction is unsequenced: then any number is only signed."""
    assert not DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), sequence=2**40 - 1)).has_timestamp_nonce
    assert DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), sequence=2**40)).has_timestamp_nonce
    assert DESK.decode(DESK.sign(ALICE, send(ALICE, BOB), sequence=2**64 - 1)).has_timestamp_nonce
    assert not DESK.decode(DESK.sign(ALICE, place(ALICE), sequence=2**40)).has_timestamp_nonce


def test_the_key_may_be_left_to_state() -> None:
    """Absent, or an empty Any."""
    assert DESK.decode(DESK.sign(ALICE, place(ALICE), with_public_key=False)).public_key == b""
    auth_info = tx_pb2.AuthInfo.FromString(auth_info_bytes(None, 0))
    auth_info.signer_infos[0].public_key.SetInParent()
    assert DESK.decode(sealed(body_bytes([place(ALICE)]), auth_info.SerializeToString())).public_key == b""


def test_a_key_that_is_not_the_signers_is_noticed() -> None:
    """It decodes; admission refuses it by rule (b2)."""
    tx = DESK.decode(sealed(body_bytes([place(ALICE)]), auth_info_bytes(BOB.public_key, 0)))
    assert tx.has_foreign_key


def test_explicit_zeros_and_any_field_order_are_accepted_inside() -> None:
    """Observed: one client writes `clob_pair_id = 0` explicitly. Inside body and auth info nothing need be canonical."""
    order_id = place(ALICE).order.order_id.SerializeToString() + b"\x20\x00"
    order = bytearray(b"\x28\x3c\x10\x01\x20\xc0\x84\x3d\x18\x0a")  # good-til-block before side, subticks before quantums
    order += b"\x0a" + bytes((len(order_id),)) + order_id
    body = raw_body(("/dydxprotocol.clob.MsgPlaceOrder", b"\x0a" + bytes((len(order),)) + bytes(order))).SerializeToString()
    tx = DESK.decode(sealed(b"\x12\x00" + body + b"\x18\x00"))
    assert tx.good_til_blocks == (60,)
    assert tx.messages[0].order.order_id.client_id == 1


def test_the_type_url_counts_from_its_last_slash() -> None:
    """`/name`, `type.googleapis.com/name` and the bare name are the same."""
    value = place(ALICE).SerializeToString()
    for type_url in ("type.googleapis.com/dydxprotocol.clob.MsgPlaceOrder", "dydxprotocol.clob.MsgPlaceOrder"):
        assert DESK.decode(sealed(raw_body((type_url, value)).SerializeToString())).lane == TAKER


def test_an_empty_extension_changes_nothing() -> None:
    """The TypeScript client adds one to every transaction."""
    body = place_body()
    body.non_critical_extension_options.add(type_url="/dydxprotocol.accountplus.TxExtension", value=b"")
    assert DESK.decode(sealed(body.SerializeToString())).lane == TAKER


def test_non_critical_unknown_fields_of_the_body_are_let_pass() -> None:
    """Numbers with bit 10 set, in the body itself and nowhere else."""
    body = place_body().SerializeToString()
    assert DESK.decode(sealed(body + NON_CRITICAL_FIELD)).lane == TAKER
    assert refused(sealed(body + NON_CRITICAL_FIELD + UNKNOWN_FIELD)) is TX_PARSE
    inner = raw_body(("/dydxprotocol.clob.MsgPlaceOrder", place(ALICE).SerializeToString() + NON_CRITICAL_FIELD)).SerializeToString()
    assert refused(sealed(inner)) is TX_PARSE
    assert refused(sealed(inner + NON_CRITICAL_FIELD)) is TX_PARSE
    assert refused(sealed(body + b"\xf8\x7f\x01")) is TX_PARSE  # 2047 is known, and no varint
    assert refused(sealed(body + b"\xc3\x40\xc4\x40")) is TX_PARSE  # a group


# What is refused


def test_unknown_fields_are_refused_at_every_depth() -> None:
    """TxBody, Any, message, nested message, AuthInfo, SignerInfo, key, Fee, extension."""
    message = place(ALICE)
    order_id = message.order.order_id.SerializeToString() + UNKNOWN_FIELD
    nested = clob.MsgPlaceOrder.FromString(message.SerializeToString())
    nested.order.order_id.MergeFromString(UNKNOWN_FIELD)
    assert order_id in nested.SerializeToString()
    url = "/dydxprotocol.clob.MsgPlaceOrder"
    bodies = [
        place_body().SerializeToString() + UNKNOWN_FIELD,
        raw_body((url, message.SerializeToString() + UNKNOWN_FIELD)).SerializeToString(),
        raw_body((url, nested.SerializeToString())).SerializeToString(),
    ]
    inside_any = place_body()
    inside_any.messages[0].MergeFromString(UNKNOWN_FIELD)
    bodies.append(inside_any.SerializeToString())
    bodies.append(inside_any.SerializeToString() + NON_CRITICAL_FIELD)
    extended = place_body()
    extended.non_critical_extension_options.add(type_url="/dydxprotocol.accountplus.TxExtension", value=UNKNOWN_FIELD)
    bodies.append(extended.SerializeToString())
    for body in bodies:
        assert refused(sealed(body)) is TX_PARSE
    good = tx_pb2.AuthInfo.FromString(auth_info_bytes(ALICE.public_key, 0, fee=[("uusdc", 1)]))
    parts = [
        lambda info: info,
        lambda info: info.signer_infos[0],
        lambda info: info.signer_infos[0].public_key,
        lambda info: info.signer_infos[0].mode_info,
        lambda info: info.signer_infos[0].mode_info.single,
        lambda info: info.fee,
        lambda info: info.fee.amount[0],
    ]
    for part in parts:
        info = tx_pb2.AuthInfo.FromString(good.SerializeToString())
        part(info).MergeFromString(UNKNOWN_FIELD)
        assert refused(sealed(body_bytes([message]), info.SerializeToString())) is TX_PARSE
    good.signer_infos[0].public_key.value += UNKNOWN_FIELD
    assert refused(sealed(body_bytes([message]), good.SerializeToString())) is TX_PARSE


def test_tx_raw_is_its_own_canonical_encoding() -> None:
    """Fields 1, 2, 3 once each, in order, shortest lengths, 64 bytes of signature; anything else has another code or sdk 2."""
    raw = DESK.sign(ALICE, place(ALICE))
    envelope = tx_pb2.TxRaw.FromString(raw)
    body = tx_pb2.TxRaw(body_bytes=envelope.body_bytes).SerializeToString()
    assert raw.startswith(body)
    auth_info = raw[len(body) : -66]
    signature = raw[-66:]
    assert body + auth_info + signature == raw
    assert refused(b"") is TX_PARSE
    assert refused(auth_info + body + signature) is TX_PARSE
    assert refused(body + body + auth_info + signature) is TX_PARSE
    assert refused(body + auth_info + signature + UNKNOWN_FIELD) is TX_PARSE
    assert refused(body + auth_info) is NO_SIGNATURES
    assert refused(body + auth_info + signature + signature) is UNAUTHORIZED
    assert refused(body + auth_info + b"\x1a\x3f" + signature[3:]) is UNAUTHORIZED
    assert refused(body + auth_info + b"\x1a\x41" + signature[2:] + b"\x00") is UNAUTHORIZED
    assert refused(body + auth_info + b"\x1a\xc0\x00" + signature[2:]) is TX_PARSE
    size = len(envelope.auth_info_bytes)
    assert size < 128
    assert refused(body + b"\x12" + bytes((size | 128, 0)) + envelope.auth_info_bytes + signature) is TX_PARSE
    assert refused(b"\x0a" + b"\xff" * 60_000) is TX_PARSE
    assert refused(raw[:-1]) is TX_PARSE
    assert refused(raw + b"\x00") is TX_PARSE


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda body: body.messages.add(type_url="/cosmos.staking.v1beta1.MsgDelegate"), TX_PARSE),
        (lambda body: body.messages.add(type_url=""), TX_PARSE),
        (lambda body: body.messages.add(type_url="/perpd.sequencer.v1.MsgPreamble"), INVALID_REQUEST),
        (lambda body: body.messages.add(type_url="/dydxprotocol.clob.MsgProposedOperations"), INVALID_REQUEST),
        (lambda body: body.messages.add(type_url="/dydxprotocol.clob.MsgPlaceOrder", value=b"\x0a\x05"), TX_PARSE),
        (lambda body: body.messages.add(type_url="/dydxprotocol.clob.MsgPlaceOrder", value=place(BOB).SerializeToString()), UNAUTHORIZED),
        (lambda body: body.messages.add(type_url="/dydxprotocol.clob.MsgPlaceOrder", value=b""), UNAUTHORIZED),
        (lambda body: body.ClearField("messages"), TX_PARSE),
        (lambda body: (body.ClearField("messages"), setattr(body, "memo", "m")), INVALID_REQUEST),
        (lambda body: body.extension_options.add(type_url="/dydxprotocol.accountplus.TxExtension"), UNKNOWN_EXTENSION),
        (lambda body: body.non_critical_extension_options.add(type_url="/a.B"), TX_PARSE),
        (
            lambda body: body.non_critical_extension_options.add(
                type_url="/dydxprotocol.accountplus.TxExtension",
                value=accountplus.TxExtension(selected_authenticators=[0]).SerializeToString(),
            ),
            NOT_SUPPORTED,
        ),
    ],
)
def test_bodies_that_cannot_be_are_refused(change: Any, kind: ErrorKind) -> None:
    """Unknown and injected messages, several signers, nobody, extensions that mean something."""
    body = place_body()
    change(body)
    assert refused(sealed(body.SerializeToString())) is kind


def test_the_signer_must_have_an_address_of_this_chain() -> None:
    """Another prefix, nonsense, nothing: sdk 7."""
    for owner in ("cosmos1qypqxpq9qcrsszgszyfpx9q4zct3sxfq0fzduj", "alice", ""):
        message = place(ALICE)
        message.order.order_id.subaccount_id.owner = owner
        assert refused(sealed(body_bytes([message]))) is INVALID_ADDRESS


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda info: info.ClearField("signer_infos"), NO_SIGNATURES),
        (lambda info: info.signer_infos.add(), UNAUTHORIZED),
        (lambda info: info.signer_infos[0].ClearField("mode_info"), NOT_SUPPORTED),
        (lambda info: setattr(info.signer_infos[0].mode_info.single, "mode", 127), NOT_SUPPORTED),
        (lambda info: info.signer_infos[0].mode_info.multi.SetInParent(), NOT_SUPPORTED),
        (lambda info: setattr(info.fee, "granter", ALICE.text), NOT_SUPPORTED),
        (lambda info: setattr(info.fee, "payer", BOB.text), UNAUTHORIZED),
        (lambda info: setattr(info.signer_infos[0].public_key, "type_url", "/cosmos.crypto.ed25519.PubKey"), INVALID_PUBKEY),
        (lambda info: setattr(info.signer_infos[0].public_key, "value", b"\x0a\x02ab"), INVALID_PUBKEY),
        (lambda info: setattr(info.signer_infos[0].public_key, "value", b""), INVALID_PUBKEY),
        (lambda info: setattr(info.signer_infos[0].public_key, "value", b"\x0a"), TX_PARSE),
    ],
)
def test_auth_infos_that_cannot_be_are_refused(change: Any, kind: ErrorKind) -> None:
    """Exactly one signer with a secp256k1 key and SIGN_MODE_DIRECT, who pays for itself."""
    info = tx_pb2.AuthInfo.FromString(auth_info_bytes(ALICE.public_key, 0))
    change(info)
    assert refused(sealed(body_bytes([place(ALICE)]), info.SerializeToString())) is kind


def test_naming_oneself_as_payer_is_allowed() -> None:
    """The fee payer may be the signer by name."""
    info = tx_pb2.AuthInfo.FromString(auth_info_bytes(ALICE.public_key, 0))
    info.fee.payer = ALICE.text
    assert DESK.decode(sealed(body_bytes([place(ALICE)]), info.SerializeToString())).signer == ALICE.address


def test_messages_of_the_authority_decode_and_are_marked() -> None:
    """They exist, have a signer, and are not for users: rule (c), not (b1)."""
    message = transfer_pb2.MsgSendFromModuleToAccount(authority=ALICE.text)
    tx = DESK.decode(sealed(body_bytes([message])))
    assert tx.internal_message == "dydxprotocol.sending.MsgSendFromModuleToAccount"
    with pytest.raises(ChainError) as caught:
        tx.command(0)
    assert caught.value.kind is INVALID_REQUEST


def test_fees_are_read_when_they_are_taken() -> None:
    """A fee that cannot be is no reason to refuse the form; it fails when the fee is taken."""
    body = body_bytes([send(ALICE, BOB)])

    def fee(*coins: tuple[str, str]) -> Any:
        info = tx_pb2.AuthInfo.FromString(auth_info_bytes(ALICE.public_key, 0))
        for denom, amount in coins:
            info.fee.amount.add(denom=denom, amount=amount)
        return DESK.decode(sealed(body, info.SerializeToString())).fee()

    assert fee() == ()
    assert fee(("a", "3"), ("b", "0"), ("c", "18446744073709551616")) == (("a", 3), ("c", 2**64))
    wrong = [
        [("a", "-1")],
        [("a", "")],
        [("a", "1.5")],
        [("a", "٣")],
        [("a", "9" * 39)],
        [("b", "1"), ("a", "1")],
        [("a", "1"), ("a", "1")],
        [("", "1")],
    ]
    for coins in wrong:
        with pytest.raises(ChainError) as caught:
            fee(*coins)
        assert caught.value.kind is INVALID_COINS


def test_simulation_takes_what_clients_simulate() -> None:
    """No signature or an empty one, sign mode 0, gas 0 (client-surface.md 5.1); a complete transaction too."""
    info = tx_pb2.AuthInfo.FromString(auth_info_bytes(ALICE.public_key, 4, gas_limit=0))
    info.signer_infos[0].mode_info.single.mode = 0
    for signatures in ([], [b""], [b"\x01" * 64]):
        envelope = tx_pb2.TxRaw(body_bytes=body_bytes([send(ALICE, BOB)]), auth_info_bytes=info.SerializeToString(), signatures=signatures)
        tx = DESK.decoder.decode_for_simulation(envelope.SerializeToString())
        assert (tx.sequence, tx.gas_limit, tx.signer) == (4, 0, ALICE.address)
    assert DESK.decoder.decode_for_simulation(DESK.sign(ALICE, place(ALICE))).lane == TAKER
    with pytest.raises(ChainError):
        DESK.decoder.decode_for_simulation(b"\x0a\x05")


# No second form


RAW = DESK.sign(ALICE, place(ALICE), memo="Client Example")
TWO_MESSAGES = DESK.sign(ALICE, cancel(ALICE, flags=LONG_TERM), place(ALICE, flags=LONG_TERM))


@settings(max_examples=200)
@given(
    st.sampled_from([RAW, TWO_MESSAGES]),
    st.lists(
        st.tuples(st.sampled_from(["replace", "insert", "delete", "copy"]), st.integers(0, 1000), st.integers(0, 255)),
        min_size=1,
        max_size=4,
    ),
)
def test_without_the_key_no_other_bytes_are_admitted(raw: bytes, edits: list[tuple[str, int, int]]) -> None:
    """Malleability: whatever is done to a signed transaction, it is the same bytes or it is refused by a form or signature rule."""
    changed = bytearray(raw)
    for edit, where, value in edits:
        position = where % len(changed)
        if edit == "replace":
            changed[position] = value
        elif edit == "insert":
            changed.insert(position, value)
        elif edit == "delete":
            del changed[position]
        else:
            changed[position:position] = changed[position : position + value]
    (rule,) = DESK.rules([bytes(changed)])
    if bytes(changed) == raw:
        assert rule == ""
    else:
        assert rule in ("b1", "b2", "b3")


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_garbage_is_always_a_registered_error(data: bytes) -> None:
    """Nothing that arrives makes the decoder raise anything but a ChainError."""
    for decode in (DESK.decoder.decode, DESK.decoder.decode_for_simulation):
        with pytest.raises(ChainError):
            decode(data)


def test_a_preamble_is_no_transaction() -> None:
    """Unsigned, and its message has no signer."""
    body = body_bytes([sequencer_pb2.MsgPreamble()])
    assert refused(tx_pb2.TxRaw(body_bytes=body).SerializeToString()) is TX_PARSE
    assert refused(sealed(body)) is INVALID_REQUEST
