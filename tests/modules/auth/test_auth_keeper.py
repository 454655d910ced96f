"""Accounts, remembered hashes, genesis and queries of auth."""

from hashlib import sha256
from typing import Any

import pytest

from modules.auth.model import HASH_SET, Account, address_of_key
from modules.auth.module import AuthModule
from modules.consensus.module import ConsensusModule
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.module import Problems, QueryError
from modules.kernel.stores import Registry
from modules.kernel.units import Address
from node.store.state import LiveState
from perpd_proto.cosmos.auth.v1beta1 import auth_pb2, query_pb2
from perpd_proto.cosmos.crypto.secp256k1 import keys_pb2

KEY = bytes.fromhex("034890f87a547c919c81c1fb8a213363d5700985824f08392ec4e373fab55f049c")
ADDRESS = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"


def new_auth(section: Any = None) -> tuple[AuthModule, Context]:
    """Auth on a fresh state with this genesis section."""
    registry = Registry()
    consensus = ConsensusModule(registry)
    auth = AuthModule(registry, consensus.keeper)
    ctx = Context(LiveState(registry), 1, 0, "test-1")
    consensus.init_genesis(ctx, {})
    auth.init_genesis(ctx, section if section is not None else {})
    return auth, ctx


def address(number: int) -> Address:
    """A made-up address."""
    return Address(sha256(b"account %d" % number).digest()[:20])


def tx_hash(number: int) -> bytes:
    """A made-up hash."""
    return sha256(b"tx %d" % number).digest()


def test_the_address_of_the_known_key_is_the_known_one() -> None:
    """client-surface.md 3.2: RIPEMD-160(SHA-256(key)), bech32."""
    assert addresses.to_text(address_of_key(KEY)) == ADDRESS


def test_accounts_are_numbered_in_order_of_creation() -> None:
    """AUTH-2: ensure_account makes an account once, with the next number, and returns it ever after."""
    auth, ctx = new_auth()
    assert auth.keeper.account(ctx, address(1)) is None
    assert auth.keeper.ensure_account(ctx, address(1)) == Account(0)
    assert auth.keeper.ensure_account(ctx, address(2)) == Account(1)
    assert auth.keeper.ensure_account(ctx, address(1)) == Account(0)
    assert auth.check_invariants(ctx) == []


def test_consumed_accounts_are_as_given() -> None:
    """What admission found is what state has."""
    auth, ctx = new_auth()
    auth.keeper.ensure_account(ctx, address(1))
    used = Account(0, 3, KEY, (2**40,), 7)
    auth.keeper.consume(ctx, [(address(1), used)])
    assert auth.keeper.account(ctx, address(1)) == used


def test_hashes_are_remembered_for_forty_one_blocks() -> None:
    """A hash of block h is known in blocks h + 1 to h + 41 and forgotten in state from the end of h + 41 on."""
    auth, ctx = new_auth()
    ctx.height = 10
    auth.keeper.remember(ctx, [tx_hash(1), tx_hash(2)])
    for height in range(11, 60):
        ctx.height = height
        known = auth.keeper.remembers(ctx, tx_hash(1))
        assert known == (height <= 51)
        assert any(tx_hash(2) in one for one in auth.keeper.remembered(ctx)) == known
        assert not auth.keeper.remembers(ctx, tx_hash(3))
        auth.keeper.remember(ctx, [])
    assert ctx.state.tables[auth._state.remembered.slot] == {}


def test_remembered_hashes_are_encoded_in_order() -> None:
    """One set, one byte string, whatever order it was built in."""
    hashes = [tx_hash(number) for number in range(50)]
    encoded = HASH_SET.encode(frozenset(hashes))
    assert encoded == HASH_SET.encode(frozenset(reversed(hashes))) == b"".join(sorted(hashes))
    assert HASH_SET.decode(encoded) == frozenset(hashes)


def test_export_builds_the_same_state() -> None:
    """Accounts with all their parts, free numbers and remembered hashes survive a round trip."""
    auth, ctx = new_auth({"accounts": [{"address": ADDRESS, "account_number": 5, "public_key": KEY.hex()}]})
    auth.keeper.ensure_account(ctx, address(1))
    auth.keeper.consume(ctx, [(address(1), Account(6, 9, b"", (2**40, 2**40 + 5), 2**40 - 1))])
    ctx.height = 44
    auth.keeper.remember(ctx, [tx_hash(1), tx_hash(2)])
    exported = auth.export_genesis(ctx)
    problems = Problems()
    auth.validate_genesis(exported, problems, {})
    assert problems.found == []
    again, copy = new_auth(exported)
    assert again.export_genesis(copy) == exported
    assert sorted(copy.state.changes()["auth"]) == sorted(ctx.state.changes()["auth"])


def test_accounts_without_a_number_get_free_ones() -> None:
    """In the order of the list, above the explicit ones."""
    texts = [addresses.to_text(address(number)) for number in range(3)]
    auth, ctx = new_auth({"accounts": [{"address": texts[0]}, {"address": texts[1], "account_number": 4}, {"address": texts[2]}]})
    numbers = [auth.keeper.account(ctx, address(number)) for number in range(3)]
    assert [one.number for one in numbers if one is not None] == [5, 4, 6]
    assert auth.keeper.ensure_account(ctx, address(9)).number == 7


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ([], "auth"),
        ({"accounts": [{"address": "dydx1"}]}, "auth.accounts[0].address"),
        ({"accounts": [{"address": ADDRESS, "public_key": "00"}]}, "auth.accounts[0].public_key"),
        ({"accounts": [{"address": ADDRESS, "public_key": "02" + KEY.hex()[2:]}]}, "auth.accounts[0].public_key"),
        ({"accounts": [{"address": ADDRESS}, {"address": ADDRESS}]}, "auth.accounts[1].address"),
        ({"accounts": [{"address": ADDRESS, "timestamp_nonces": [5, 4]}]}, "auth.accounts[0].timestamp_nonces"),
        ({"accounts": [{"address": ADDRESS, "account_number": 5}], "next_account_number": 5}, "auth.next_account_number"),
        ({"remembered": [{"height": 1, "hashes": ["00"]}]}, "auth.remembered[0].hashes"),
        ({"remembered": [{"height": 1, "hashes": []}]}, "auth.remembered[0].hashes"),
        ({"acounts": []}, "auth.acounts"),
    ],
)
def test_genesis_mistakes_are_named_by_path(section: Any, path: str) -> None:
    """Each mistake has the path of the key that is wrong."""
    auth, _ = new_auth()
    problems = Problems()
    auth.validate_genesis(section, problems, {})
    assert path in [found for found, _ in problems.found]


def test_wallets_read_a_base_account() -> None:
    """An Any of BaseAccount, with the key once it is known."""
    auth, ctx = new_auth()
    auth.keeper.ensure_account(ctx, addresses.from_text(ADDRESS))
    route, info, params = auth.queries
    answer = route.handle(ctx, query_pb2.QueryAccountRequest(address=ADDRESS))
    assert answer.account.type_url == "/cosmos.auth.v1beta1.BaseAccount"
    found = auth_pb2.BaseAccount.FromString(answer.account.value)
    assert (found.address, found.account_number, found.sequence, found.HasField("pub_key")) == (ADDRESS, 0, 0, False)
    auth.keeper.consume(ctx, [(addresses.from_text(ADDRESS), Account(0, 4, KEY))])
    found = info.handle(ctx, query_pb2.QueryAccountInfoRequest(address=ADDRESS)).info
    assert found.sequence == 4
    assert found.pub_key.type_url == "/cosmos.crypto.secp256k1.PubKey"
    assert keys_pb2.PubKey.FromString(found.pub_key.value).key == KEY
    assert params.handle(ctx, query_pb2.QueryParamsRequest()).params.max_memo_characters == 256


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        (ADDRESS, "NOT_FOUND", f"account {ADDRESS} not found"),
        ("", "INVALID_ARGUMENT", "address cannot be empty"),
        ("cosmos1xyz", "INVALID_ARGUMENT", "invalid bech32 address: 'cosmos1xyz' is not a dydx1… address"),
    ],
)
def test_unknown_and_malformed_accounts_get_the_status_clients_expect(text: str, status: str, message: str) -> None:
    """NotFound makes CosmJS see a fresh account; anything else is an error to it."""
    auth, ctx = new_auth()
    with pytest.raises(QueryError) as caught:
        auth.queries[0].handle(ctx, query_pb2.QueryAccountRequest(address=text))
    assert (caught.value.status, caught.value.message) == (status, message)
