"""Building and signing transactions: for clients, tools and tests. The state machine never signs."""

from collections.abc import Sequence
from typing import Any

from node.tx.envelope import PUBLIC_KEY_URL
from node.tx.signature import public_key_of, sign, sign_digest
from perpd_proto.cosmos.crypto.secp256k1 import keys_pb2
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2

DEFAULT_GAS_LIMIT = 1_000_000
_SIGN_MODE_DIRECT = 1


def body_bytes(messages: Sequence[Any], memo: str = "", timeout_height: int = 0) -> bytes:
    """The encoded TxBody."""
    body = tx_pb2.TxBody(memo=memo, timeout_height=timeout_height)
    for message in messages:
        body.messages.add(type_url="/" + message.DESCRIPTOR.full_name, value=message.SerializeToString())
    encoded: bytes = body.SerializeToString()
    return encoded


def auth_info_bytes(
    public_key: bytes | None, sequence: int, *, fee: Sequence[tuple[str, int]] = (), gas_limit: int = DEFAULT_GAS_LIMIT
) -> bytes:
    """The encoded AuthInfo of one signer; without a key the chain takes the one that it knows. Fee coins by ascending denomination."""
    auth_info = tx_pb2.AuthInfo()
    info = auth_info.signer_infos.add(sequence=sequence)
    if public_key is not None:
        info.public_key.type_url = PUBLIC_KEY_URL
        info.public_key.value = keys_pb2.PubKey(key=public_key).SerializeToString()
    info.mode_info.single.mode = _SIGN_MODE_DIRECT
    for denom, amount in fee:
        auth_info.fee.amount.add(denom=denom, amount=str(amount))
    auth_info.fee.gas_limit = gas_limit
    encoded: bytes = auth_info.SerializeToString()
    return encoded


def seal(private_key: bytes, body: bytes, auth_info: bytes, *, account_number: int, chain_id: str) -> bytes:
    """The signed TxRaw of an encoded body and auth info."""
    unsigned: bytes = tx_pb2.TxRaw(body_bytes=body, auth_info_bytes=auth_info).SerializeToString()
    return unsigned + b"\x1a\x40" + sign(private_key, sign_digest(unsigned, chain_id, account_number))


def sign_tx(
    private_key: bytes,
    messages: Sequence[Any],
    *,
    account_number: int,
    sequence: int,
    chain_id: str,
    fee: Sequence[tuple[str, int]] = (),
    gas_limit: int = DEFAULT_GAS_LIMIT,
    memo: str = "",
    timeout_height: int = 0,
    with_public_key: bool = True,
) -> bytes:
    """The signed TxRaw of these protobuf messages, ready to broadcast."""
    key = public_key_of(private_key) if with_public_key else None
    return seal(
        private_key,
        body_bytes(messages, memo, timeout_height),
        auth_info_bytes(key, sequence, fee=fee, gas_limit=gas_limit),
        account_number=account_number,
        chain_id=chain_id,
    )
