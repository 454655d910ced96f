"""Liquidation as wiring sees it."""

from collections.abc import Mapping
from typing import Any

from modules.clob.keeper import ClobKeeper
from modules.insurance.keeper import InsuranceKeeper
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.liquidation import authority, genesis
from modules.liquidation.keeper import LiquidationKeeper
from modules.liquidation.state import LiquidationState
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from perpd_proto.dydxprotocol.clob import query_pb2


class LiquidationModule:
    """The engine's liquidation pass. Nobody sends it messages."""

    name = "liquidation"
    messages: tuple[MessageRoute, ...] = ()

    def __init__(
        self, registry: Registry, perp: PerpKeeper, subaccounts: SubaccountsKeeper, insurance: InsuranceKeeper, clob: ClobKeeper
    ) -> None:
        self._state = LiquidationState(registry)
        self.keeper = keeper = LiquidationKeeper(self._state, perp, subaccounts, insurance, clob)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(self._state)
        self.queries = (
            QueryRoute(
                "/dydxprotocol.clob.Query/LiquidationsConfiguration",
                query_pb2.QueryLiquidationsConfigurationRequest,
                query_pb2.QueryLiquidationsConfigurationResponse,
                lambda ctx, _: query_pb2.QueryLiquidationsConfigurationResponse(liquidations_config=keeper.params(ctx).message()),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return []
