"""Fees as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.fees import formulas, genesis, queries
from modules.fees.keeper import FeesKeeper
from modules.fees.state import FeesState
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from perpd_proto.dydxprotocol.feetiers import query_pb2
from perpd_proto.dydxprotocol.stats import query_pb2 as stats_query_pb2


class FeesModule:
    """Fee tiers and what traders pay."""

    name = "fees"
    changes: tuple[ChangeRoute, ...] = ()
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry) -> None:
        self._state = FeesState(registry)
        self.keeper = keeper = FeesKeeper(self._state)
        self.queries = (
            QueryRoute(
                "/dydxprotocol.feetiers.Query/PerpetualFeeParams",
                query_pb2.QueryPerpetualFeeParamsRequest,
                query_pb2.QueryPerpetualFeeParamsResponse,
                lambda ctx, _: queries.perpetual_fee_params(ctx, keeper),
            ),
            QueryRoute(
                "/dydxprotocol.feetiers.Query/UserFeeTier",
                query_pb2.QueryUserFeeTierRequest,
                query_pb2.QueryUserFeeTierResponse,
                lambda ctx, request: queries.user_fee_tier(ctx, keeper, request),
            ),
            QueryRoute(
                "/dydxprotocol.stats.Query/UserStats",
                stats_query_pb2.QueryUserStatsRequest,
                stats_query_pb2.QueryUserStatsResponse,
                lambda _, request: queries.user_stats(request),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return formulas.mistakes(self.keeper.tiers(ctx))
