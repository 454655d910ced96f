"""The transaction envelope in the bytes that wallets sign and send.

Vector: client-surface.md 3.2 (the public mnemonic of the reference chain's local network, MsgSend to itself).
"""

import hashlib

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from perpd_proto.cosmos.auth.v1beta1 import auth_pb2
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank_tx_pb2
from perpd_proto.cosmos.base.abci.v1beta1 import abci_pb2
from perpd_proto.cosmos.base.query.v1beta1 import pagination_pb2
from perpd_proto.cosmos.base.tendermint.v1beta1 import query_pb2 as block_query_pb2
from perpd_proto.cosmos.base.tendermint.v1beta1 import types_pb2 as sdk_types_pb2
from perpd_proto.cosmos.base.v1beta1 import coin_pb2
from perpd_proto.cosmos.crypto.ed25519 import keys_pb2 as ed25519_keys_pb2
from perpd_proto.cosmos.crypto.secp256k1 import keys_pb2
from perpd_proto.cosmos.tx.signing.v1beta1 import signing_pb2
from perpd_proto.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from perpd_proto.dydxprotocol.accountplus import tx_pb2 as accountplus_tx_pb2
from perpd_proto.tendermint.types import types_pb2

ADDRESS = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
PUBLIC_KEY = bytes.fromhex("034890f87a547c919c81c1fb8a213363d5700985824f08392ec4e373fab55f049c")
BODY = bytes.fromhex(
    "0a88010a1c2f636f736d6f732e62616e6b2e763162657461312e4d736753656e6412680a2b647964783139397471673477646c6e7534716a6c78636870643773656734"
    "3534393337686a726b6e6a7534122b647964783139397471673477646c6e7534716a6c786368706437736567343534393337686a726b6e6a75341a0c0a076164763474"
    "6e7412013512016d"
)
AUTH_INFO = bytes.fromhex(
    "0a500a460a1f2f636f736d6f732e63727970746f2e736563703235366b312e5075624b657912230a21034890f87a547c919c81c1fb8a213363d5700985824f08392ec4"
    "e373fab55f049c12040a020801180312120a0c0a0761647634746e7412013110c09a0c"
)
SIGNATURE = bytes.fromhex(
    "886efb72414ed99539eecfb957a956851742bc471fa0de934339758f97d0cc37077e0b82def13fd7136813896da1292e391488a05bf1dedcc2cf6c1b9fdfb78d"
)


def packed(message: Message) -> Any:
    """The message as clients pack it: type URL `/` and full name."""
    return Any(type_url=f"/{message.DESCRIPTOR.full_name}", value=message.SerializeToString())


def test_a_send_is_encoded_as_wallets_encode_it() -> None:
    """Body and auth info built from fields are the vector's bytes."""
    send = bank_tx_pb2.MsgSend(from_address=ADDRESS, to_address=ADDRESS, amount=[coin_pb2.Coin(denom="adv4tnt", amount="5")])
    body = tx_pb2.TxBody(messages=[packed(send)], memo="m")
    assert body.SerializeToString() == BODY
    signer = tx_pb2.SignerInfo(
        public_key=packed(keys_pb2.PubKey(key=PUBLIC_KEY)),
        mode_info=tx_pb2.ModeInfo(single=tx_pb2.ModeInfo.Single(mode=signing_pb2.SIGN_MODE_DIRECT)),
        sequence=3,
    )
    fee = tx_pb2.Fee(amount=[coin_pb2.Coin(denom="adv4tnt", amount="1")], gas_limit=200000)
    assert tx_pb2.AuthInfo(signer_infos=[signer], fee=fee).SerializeToString() == AUTH_INFO


def test_sign_bytes_and_transaction_hash_are_the_wallets() -> None:
    """SHA-256 over SignDoc is what is signed; over TxRaw it is the transaction's name."""
    document = tx_pb2.SignDoc(body_bytes=BODY, auth_info_bytes=AUTH_INFO, chain_id="localdydxprotocol", account_number=7)
    digest = hashlib.sha256(document.SerializeToString()).hexdigest()
    assert digest == "4ea0ded3afa0962912d90c4fb9260858e251fdc4196989be4bbd32a163049856"
    raw = tx_pb2.TxRaw(body_bytes=BODY, auth_info_bytes=AUTH_INFO, signatures=[SIGNATURE]).SerializeToString()
    assert hashlib.sha256(raw).hexdigest().upper() == "00CB8B8CA24EDE61281CDE082A30FFBDA83563184702A3FE6E4224144A0A1871"


def test_a_raw_transaction_decodes_to_its_parts() -> None:
    """TxRaw and Tx share their bytes, and the parts read back."""
    raw = tx_pb2.TxRaw(body_bytes=BODY, auth_info_bytes=AUTH_INFO, signatures=[SIGNATURE]).SerializeToString()
    transaction = tx_pb2.Tx.FromString(raw)
    assert transaction.SerializeToString() == raw
    (message,) = transaction.body.messages
    assert message.type_url == "/cosmos.bank.v1beta1.MsgSend"
    assert bank_tx_pb2.MsgSend.FromString(message.value).amount[0] == coin_pb2.Coin(denom="adv4tnt", amount="5")
    (signer,) = transaction.auth_info.signer_infos
    assert (signer.sequence, signer.mode_info.single.mode, transaction.auth_info.fee.gas_limit) == (3, 1, 200000)
    assert keys_pb2.PubKey.FromString(signer.public_key.value).key == PUBLIC_KEY


def test_an_account_number_of_zero_is_absent_from_sign_bytes() -> None:
    """Wallets leave defaults out, so must we."""
    document = tx_pb2.SignDoc(body_bytes=b"b", auth_info_bytes=b"a", chain_id="c", account_number=0)
    assert document.SerializeToString().hex() == "0a01621201611a0163"


def test_extension_options_have_the_numbers_that_say_who_may_ignore_them() -> None:
    """1023 is critical, 2047 (bit 10 set) is not; the selected authenticators are packed."""
    extension = packed(accountplus_tx_pb2.TxExtension(selected_authenticators=[1, 300]))
    assert extension.value.hex() == "0a0301ac02"
    critical = tx_pb2.TxBody(extension_options=[extension]).SerializeToString()
    ignorable = tx_pb2.TxBody(non_critical_extension_options=[extension]).SerializeToString()
    assert critical.startswith(bytes.fromhex("fa3f"))
    assert ignorable.startswith(bytes.fromhex("fa7f"))


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (pagination_pb2.PageRequest(key=b"k", offset=1, limit=2, count_total=True, reverse=True), "0a016b1001180220012801"),
        (pagination_pb2.PageResponse(next_key=b"k", total=3), "0a016b1003"),
        (auth_pb2.BaseAccount(address="a", pub_key=Any(), account_number=7, sequence=3), "0a0161120018072003"),
        (service_pb2.BroadcastTxRequest(tx_bytes=b"t", mode=service_pb2.BROADCAST_MODE_SYNC), "0a01741002"),
        (service_pb2.SimulateRequest(tx_bytes=b"t"), "120174"),
        (abci_pb2.GasInfo(gas_wanted=1, gas_used=2), "08011002"),
        (abci_pb2.TxMsgData(msg_responses=[Any(type_url="/m")]), "12040a022f6d"),
        (abci_pb2.TxResponse(height=5, txhash="H", codespace="s", code=4, raw_log="l"), "08051201481a0173200432016c"),
        (block_query_pb2.GetLatestBlockResponse(sdk_block=sdk_types_pb2.Block()), "1a00"),
        (ed25519_keys_pb2.PubKey(key=b"k"), "0a016b"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else "",
)
def test_messages_that_every_client_reads_have_the_published_numbers(message: Message, encoded: str) -> None:
    """Hand-made encodings of the field table, both ways."""
    assert message.SerializeToString(deterministic=True).hex() == encoded
    assert type(message).FromString(bytes.fromhex(encoded)) == message


def test_the_proposer_is_text_in_one_block_header_and_bytes_in_the_other() -> None:
    """Both headers agree in every number and name; only field 14 differs in type."""
    engine = {field.name: (field.number, field.type) for field in types_pb2.Header.DESCRIPTOR.fields}
    readable = {field.name: (field.number, field.type) for field in sdk_types_pb2.Header.DESCRIPTOR.fields}
    assert {name for name in engine | readable if engine.get(name) != readable.get(name)} == {"proposer_address"}
    assert engine["proposer_address"][0] == readable["proposer_address"][0] == 14
