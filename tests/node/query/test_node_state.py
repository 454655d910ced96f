"""What the node knows beside the modules: validators, block limits, its commits, over abci_query as well."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from modules.kernel.module import QueryError
from perpd_proto.cosmos.base.node.v1beta1 import query_pb2 as node_service
from perpd_proto.cosmos.crypto.ed25519 import keys_pb2
from perpd_proto.cosmos.params.v1beta1 import query_pb2 as params
from perpd_proto.cosmos.staking.v1beta1 import query_pb2 as staking
from perpd_proto.dydxprotocol.assets import query_pb2 as assets
from perpd_proto.perpd.node.v1 import query_pb2 as perpd_node
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.grpc_node import DENOM, VALIDATOR_KEYS, Chain

VALIDATORS = "/cosmos.staking.v1beta1.Query/Validators"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Committed state with two blocks."""
    chain = Chain(tmp_path_factory.mktemp("chain"))
    chain.begin()
    chain.block()
    yield chain
    chain.store.close()


def validators(chain: Chain, request: staking.QueryValidatorsRequest) -> staking.QueryValidatorsResponse:
    """The table's answer."""
    answer: staking.QueryValidatorsResponse = staking.QueryValidatorsResponse.FromString(
        chain.table.answer(VALIDATORS, request.SerializeToString(), 0)[0]
    )
    return answer


def test_validators_are_those_who_vote(chain: Chain) -> None:
    """Keys and powers of the consensus set, bonded, under operator addresses."""
    found = validators(chain, staking.QueryValidatorsRequest())
    keys = [keys_pb2.PubKey.FromString(row.consensus_pubkey.value).key for row in found.validators]
    assert sorted(keys) == sorted(VALIDATOR_KEYS)
    assert keys == sorted(keys, key=lambda key: sha256(key).digest()[:20])
    assert {(row.tokens, row.delegator_shares, row.status) for row in found.validators} == {("10", "10" + "0" * 18, 3)}
    assert all(row.operator_address.startswith("dydxvaloper1") for row in found.validators)


def test_validators_can_be_asked_by_status_and_in_pages(chain: Chain) -> None:
    """Nobody is unbonded; a page of one has a next key; the largest limit there is works."""
    assert len(validators(chain, staking.QueryValidatorsRequest(status="BOND_STATUS_BONDED")).validators) == 2
    assert not validators(chain, staking.QueryValidatorsRequest(status="BOND_STATUS_UNBONDED")).validators
    request = staking.QueryValidatorsRequest()
    request.pagination.limit = 1
    first = validators(chain, request)
    request.pagination.key = first.pagination.next_key
    second = validators(chain, request)
    assert first.validators[0].operator_address != second.validators[0].operator_address
    assert not second.pagination.next_key
    request = staking.QueryValidatorsRequest()
    request.pagination.limit, request.pagination.count_total = 2**64 - 1, True
    assert validators(chain, request).pagination.total == 2
    with pytest.raises(QueryError, match="invalid validator status"):
        validators(chain, staking.QueryValidatorsRequest(status="ASLEEP"))


def test_block_limits_stand_where_older_clients_look(chain: Chain) -> None:
    """cosmpy's fallback reads max_gas out of this JSON."""
    path = "/cosmos.params.v1beta1.Query/Params"
    request = params.QueryParamsRequest(subspace="baseapp", key="BlockParams")
    found = params.QueryParamsResponse.FromString(chain.table.answer(path, request.SerializeToString(), 0)[0])
    assert found.param.value == '{"max_bytes": "-1", "max_gas": "-1"}'
    with pytest.raises(QueryError, match="not found"):
        chain.table.answer(path, params.QueryParamsRequest(subspace="x").SerializeToString(), 0)


def test_both_statuses_name_the_committed_height_and_root(chain: Chain) -> None:
    """perpd's and the Cosmos one agree."""
    ours = perpd_node.QueryStatusResponse.FromString(chain.table.answer("/perpd.node.v1.Query/Status", b"", 0)[0])
    theirs = node_service.StatusResponse.FromString(chain.table.answer("/cosmos.base.node.v1beta1.Service/Status", b"", 0)[0])
    assert (ours.height, ours.app_hash) == (theirs.height, theirs.app_hash) == (chain.store.height, chain.store.app_hash)
    assert (ours.earliest_height, theirs.earliest_store_height) == (1, 1)
    assert ours.time == theirs.timestamp


def test_they_answer_over_abci_query_too(chain: Chain) -> None:
    """With the height used, also for one in the past."""
    answer = chain.abci.answer(abci.RequestQuery(path="/perpd.node.v1.Query/AppHash", height=1))
    assert (answer.code, answer.height) == (0, 1)
    with chain.store.version(1) as version:
        assert perpd_node.QueryAppHashResponse.FromString(answer.value).app_hash == version.app_hash
    request = perpd_node.QueryAppHashRequest(height=99).SerializeToString()
    refused = chain.abci.answer(abci.RequestQuery(path="/perpd.node.v1.Query/AppHash", data=request))
    assert (refused.codespace, refused.code) == ("sdk", 26)


def test_the_quote_asset_names_the_banks_denomination(chain: Chain) -> None:
    """Clients learn from it what USDC is called here; there is no other asset."""
    path = "/dydxprotocol.assets.Query/"
    one = assets.QueryAssetResponse.FromString(chain.table.answer(path + "Asset", b"", 0)[0]).asset
    assert (one.id, one.symbol, one.denom, one.denom_exponent, one.atomic_resolution) == (0, "USDC", DENOM, -6, -6)
    assert list(assets.QueryAllAssetsResponse.FromString(chain.table.answer(path + "AllAssets", b"", 0)[0]).asset) == [one]
    with pytest.raises(QueryError, match="asset 7 not found"):
        chain.table.answer(path + "Asset", assets.QueryAssetRequest(id=7).SerializeToString(), 0)
