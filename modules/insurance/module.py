"""Insurance funds as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.bank.keeper import BankKeeper
from modules.insurance import queries
from modules.insurance.keeper import InsuranceKeeper
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.perp.keeper import PerpKeeper
from perpd_proto.perpd.node.v1 import query_pb2


class InsuranceModule:
    """Holds no state of its own: a fund is a module account of the bank, and genesis gives it its first balance there."""

    name = "insurance"
    changes: tuple[ChangeRoute, ...] = ()
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry, bank: BankKeeper, perp: PerpKeeper) -> None:
        self._bank = bank
        self.keeper = keeper = InsuranceKeeper(bank, perp)
        self.queries = (
            QueryRoute(
                "/perpd.node.v1.Query/Insurance",
                query_pb2.QueryInsuranceRequest,
                query_pb2.QueryInsuranceResponse,
                lambda ctx, _: queries.insurance(ctx, keeper),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        Reader(section, "insurance", problems).done()

    def init_genesis(self, ctx: Context, section: Any) -> None:
        """Every fund is a module account, which takes no payments."""
        for name in self.keeper.names(ctx):
            self._bank.register_module_account(ctx, name)

    def export_genesis(self, ctx: Context) -> Any:
        return {}

    def check_invariants(self, ctx: Context) -> list[str]:
        """No fund is negative, and every fund is a module account."""
        broken = [f"{fund.name} holds {fund.balance}" for fund in self.keeper.funds(ctx) if fund.balance < 0]
        return broken + [
            f"{fund.name} is no module account" for fund in self.keeper.funds(ctx) if not self._bank.is_blocked(ctx, fund.address)
        ]
