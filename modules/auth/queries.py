"""Read-only answers about accounts, in the messages that wallets know."""

from typing import Any

from modules.auth.keeper import AuthKeeper
from modules.consensus.keeper import ConsensusKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.module import QueryError
from perpd_proto.cosmos.auth.v1beta1 import auth_pb2, query_pb2
from perpd_proto.cosmos.crypto.secp256k1 import keys_pb2

PUBLIC_KEY_URL = "/cosmos.crypto.secp256k1.PubKey"
_SIGNATURE_LIMIT = 1
"""A transaction has exactly one."""


def _base_account(ctx: Context, keeper: AuthKeeper, text: str) -> auth_pb2.BaseAccount:
    if not text:
        raise QueryError("INVALID_ARGUMENT", "address cannot be empty")
    if not addresses.is_valid(text):
        raise QueryError("INVALID_ARGUMENT", f"invalid bech32 address: {text[:90]!r} is not a {addresses.prefix()}1… address")
    account = keeper.account(ctx, addresses.from_text(text))
    if account is None:
        raise QueryError("NOT_FOUND", f"account {text} not found")
    found = auth_pb2.BaseAccount(address=text, account_number=account.number, sequence=account.sequence)
    if account.public_key:
        found.pub_key.type_url = PUBLIC_KEY_URL
        found.pub_key.value = keys_pb2.PubKey(key=account.public_key).SerializeToString()
    return found


def account(ctx: Context, keeper: AuthKeeper, request: Any) -> query_pb2.QueryAccountResponse:
    """The account as an Any of BaseAccount."""
    response = query_pb2.QueryAccountResponse()
    response.account.type_url = "/cosmos.auth.v1beta1.BaseAccount"
    response.account.value = _base_account(ctx, keeper, request.address).SerializeToString()
    return response


def account_info(ctx: Context, keeper: AuthKeeper, request: Any) -> query_pb2.QueryAccountInfoResponse:
    """The account, plain."""
    return query_pb2.QueryAccountInfoResponse(info=_base_account(ctx, keeper, request.address))


def params(ctx: Context, consensus: ConsensusKeeper, _request: Any) -> query_pb2.QueryParamsResponse:
    """Limits of a transaction in the terms of the Cosmos SDK; verifying a signature costs no gas of its own here."""
    limits = consensus.params(ctx)
    return query_pb2.QueryParamsResponse(
        params=auth_pb2.Params(
            max_memo_characters=limits.max_memo_bytes, tx_sig_limit=_SIGNATURE_LIMIT, tx_size_cost_per_byte=limits.gas_per_byte
        )
    )
