"""Funding as wiring sees it. It also answers the reference's queries for perpetuals, which show the funding index."""

from collections.abc import Mapping
from typing import Any

from modules.funding import authority, genesis, queries
from modules.funding.keeper import FundingKeeper
from modules.funding.state import FundingState
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.perp.keeper import PerpKeeper
from perpd_proto.dydxprotocol.perpetuals import query_pb2 as perpetuals_pb2
from perpd_proto.perpd.funding.v1 import query_pb2 as funding_pb2

_PERPETUALS = "/dydxprotocol.perpetuals.Query/"
_FUNDING = "/perpd.funding.v1.Query/"


class FundingModule:
    """Premiums, rates, and the funding index."""

    name = "funding"
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry, perp: PerpKeeper) -> None:
        self._state = FundingState(registry)
        self.keeper = keeper = FundingKeeper(self._state, perp)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(self._state)
        self.queries = (
            QueryRoute(
                _PERPETUALS + "Perpetual",
                perpetuals_pb2.QueryPerpetualRequest,
                perpetuals_pb2.QueryPerpetualResponse,
                lambda ctx, request: queries.perpetual(ctx, perp, keeper, request),
            ),
            QueryRoute(
                _PERPETUALS + "AllPerpetuals",
                perpetuals_pb2.QueryAllPerpetualsRequest,
                perpetuals_pb2.QueryAllPerpetualsResponse,
                lambda ctx, request: queries.all_perpetuals(ctx, perp, keeper, request),
            ),
            QueryRoute(
                _PERPETUALS + "Params",
                perpetuals_pb2.QueryParamsRequest,
                perpetuals_pb2.QueryParamsResponse,
                lambda ctx, _: queries.params(ctx, keeper),
            ),
            QueryRoute(
                _PERPETUALS + "PremiumVotes",
                perpetuals_pb2.QueryPremiumVotesRequest,
                perpetuals_pb2.QueryPremiumVotesResponse,
                lambda _, __: queries.premium_votes(),
            ),
            QueryRoute(
                _PERPETUALS + "PremiumSamples",
                perpetuals_pb2.QueryPremiumSamplesRequest,
                perpetuals_pb2.QueryPremiumSamplesResponse,
                lambda _, __: queries.premium_samples(),
            ),
            QueryRoute(
                _FUNDING + "Funding",
                funding_pb2.QueryFundingRequest,
                funding_pb2.QueryFundingResponse,
                lambda ctx, request: queries.funding(ctx, perp, keeper, request),
            ),
            QueryRoute(
                _FUNDING + "Rates",
                funding_pb2.QueryRatesRequest,
                funding_pb2.QueryRatesResponse,
                lambda ctx, request: queries.rates(ctx, perp, keeper, request),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems, whole)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return self.keeper.check(ctx)
