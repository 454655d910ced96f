"""The perpetuals as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.oracle.keeper import OracleKeeper
from modules.perp import authority, genesis, queries
from modules.perp.keeper import PerpKeeper
from modules.perp.state import PerpState
from perpd_proto.dydxprotocol.perpetuals import query_pb2
from perpd_proto.perpd.perp.v1 import query_pb2 as own_pb2

_SERVICE = "/dydxprotocol.perpetuals.Query/"


class PerpModule:
    """Perpetuals, liquidity tiers, open interest, margins."""

    name = "perp"
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry, oracle: OracleKeeper) -> None:
        self._state = PerpState(registry)
        self.keeper = keeper = PerpKeeper(self._state, oracle)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(self._state, oracle)
        self.queries = (
            QueryRoute(
                _SERVICE + "AllLiquidityTiers",
                query_pb2.QueryAllLiquidityTiersRequest,
                query_pb2.QueryAllLiquidityTiersResponse,
                lambda ctx, request: queries.all_liquidity_tiers(ctx, keeper, request),
            ),
            QueryRoute(
                _SERVICE + "NextPerpetualId",
                query_pb2.QueryNextPerpetualIdRequest,
                query_pb2.QueryNextPerpetualIdResponse,
                lambda ctx, _: queries.next_perpetual_id(ctx, keeper),
            ),
            QueryRoute(
                "/perpd.perp.v1.Query/Margin",
                own_pb2.QueryMarginRequest,
                own_pb2.QueryMarginResponse,
                lambda ctx, request: queries.margin(ctx, keeper, request),
            ),
            QueryRoute(
                "/perpd.perp.v1.Query/Mark",
                own_pb2.QueryMarkRequest,
                own_pb2.QueryMarkResponse,
                lambda ctx, request: queries.mark(ctx, keeper, request),
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
