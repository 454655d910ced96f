"""Queries about modules that this chain does not have, and that clients ask all the same.

They get an empty message instead of an error (client-surface.md 10). A closed table: a path leaves it when a module answers it, which
the query table enforces by refusing two handlers for one path.

`dydxprotocol.clob.Query/MevNodeToNodeCalculation` is served by nobody (UNIMPLEMENTED): it compares the orders that a proposer saw with
those that its block has, and no node here has a book of its own to compare with. `StreamOrderbookUpdates` needs a stream, not a state.
"""

from typing import Any

from modules.kernel.context import Context
from modules.kernel.module import QueryRoute
from perpd_proto.cosmos.distribution.v1beta1 import query_pb2 as distribution
from perpd_proto.cosmos.gov.v1 import query_pb2 as gov
from perpd_proto.cosmos.staking.v1beta1 import query_pb2 as staking
from perpd_proto.dydxprotocol.accountplus import query_pb2 as accountplus
from perpd_proto.dydxprotocol.affiliates import query_pb2 as affiliates
from perpd_proto.dydxprotocol.ratelimit import query_pb2 as ratelimit
from perpd_proto.dydxprotocol.rewards import query_pb2 as rewards
from perpd_proto.dydxprotocol.vault import query_pb2 as vault

_ABSENT: tuple[tuple[str, Any, Any], ...] = (
    (
        "/cosmos.staking.v1beta1.Query/DelegatorDelegations",
        staking.QueryDelegatorDelegationsRequest,
        staking.QueryDelegatorDelegationsResponse,
    ),
    (
        "/cosmos.staking.v1beta1.Query/DelegatorUnbondingDelegations",
        staking.QueryDelegatorUnbondingDelegationsRequest,
        staking.QueryDelegatorUnbondingDelegationsResponse,
    ),
    (
        "/cosmos.distribution.v1beta1.Query/DelegationRewards",
        distribution.QueryDelegationRewardsRequest,
        distribution.QueryDelegationRewardsResponse,
    ),
    (
        "/cosmos.distribution.v1beta1.Query/DelegationTotalRewards",
        distribution.QueryDelegationTotalRewardsRequest,
        distribution.QueryDelegationTotalRewardsResponse,
    ),
    ("/cosmos.gov.v1.Query/Proposals", gov.QueryProposalsRequest, gov.QueryProposalsResponse),
    ("/dydxprotocol.rewards.Query/Params", rewards.QueryParamsRequest, rewards.QueryParamsResponse),
    (
        "/dydxprotocol.accountplus.Query/GetAuthenticators",
        accountplus.GetAuthenticatorsRequest,
        accountplus.GetAuthenticatorsResponse,
    ),
    ("/dydxprotocol.ratelimit.Query/ListLimitParams", ratelimit.ListLimitParamsRequest, ratelimit.ListLimitParamsResponse),
    (
        "/dydxprotocol.ratelimit.Query/CapacityByDenom",
        ratelimit.QueryCapacityByDenomRequest,
        ratelimit.QueryCapacityByDenomResponse,
    ),
    ("/dydxprotocol.affiliates.Query/AffiliateInfo", affiliates.AffiliateInfoRequest, affiliates.AffiliateInfoResponse),
    ("/dydxprotocol.affiliates.Query/ReferredBy", affiliates.ReferredByRequest, affiliates.ReferredByResponse),
    (
        "/dydxprotocol.affiliates.Query/AllAffiliateTiers",
        affiliates.AllAffiliateTiersRequest,
        affiliates.AllAffiliateTiersResponse,
    ),
    (
        "/dydxprotocol.affiliates.Query/AffiliateWhitelist",
        affiliates.AffiliateWhitelistRequest,
        affiliates.AffiliateWhitelistResponse,
    ),
    (
        "/dydxprotocol.vault.Query/MegavaultOwnerShares",
        vault.QueryMegavaultOwnerSharesRequest,
        vault.QueryMegavaultOwnerSharesResponse,
    ),
    (
        "/dydxprotocol.vault.Query/MegavaultWithdrawalInfo",
        vault.QueryMegavaultWithdrawalInfoRequest,
        vault.QueryMegavaultWithdrawalInfoResponse,
    ),
)


def absent_routes() -> tuple[QueryRoute, ...]:
    """One route per path of the table. Messages inside the answer are there, with nothing in them: clients read their fields."""
    return tuple(_route(path, request, response) for path, request, response in _ABSENT)


def _route(path: str, request: Any, response: Any) -> QueryRoute:
    def handle(_ctx: Context, _request: Any) -> Any:
        answer = response()
        for field in response.DESCRIPTOR.fields:
            if field.message_type is not None and not field.is_repeated:
                getattr(answer, field.name).SetInParent()
        return answer

    return QueryRoute(path, request, response, handle)
