"""The bank as wiring sees it."""

from collections.abc import Mapping
from typing import Any

from modules.auth.keeper import AuthKeeper
from modules.bank import genesis, msgs, queries
from modules.bank.keeper import BankKeeper
from modules.bank.state import BankState
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from perpd_proto.cosmos.bank.v1beta1 import query_pb2, tx_pb2

_SERVICE = "/cosmos.bank.v1beta1.Query/"


class BankModule:
    """Routes, genesis and invariants of the bank."""

    name = "bank"
    changes: tuple[ChangeRoute, ...] = ()

    def __init__(self, registry: Registry, auth: AuthKeeper) -> None:
        self._state = BankState(registry)
        self._auth = auth
        self.keeper = keeper = BankKeeper(self._state, auth)
        self.messages = (
            MessageRoute(
                tx_pb2.MsgSend,
                tx_pb2.MsgSendResponse,
                lambda message: message.from_address,
                msgs.decode_send,
                lambda ctx, command: msgs.execute_send(ctx, keeper, command),
            ),
        )
        self.queries = (
            QueryRoute(
                _SERVICE + "Balance",
                query_pb2.QueryBalanceRequest,
                query_pb2.QueryBalanceResponse,
                lambda ctx, r: queries.balance(ctx, keeper, r),
            ),
            QueryRoute(
                _SERVICE + "AllBalances",
                query_pb2.QueryAllBalancesRequest,
                query_pb2.QueryAllBalancesResponse,
                lambda ctx, r: queries.all_balances(ctx, keeper, r),
            ),
            QueryRoute(
                _SERVICE + "TotalSupply",
                query_pb2.QueryTotalSupplyRequest,
                query_pb2.QueryTotalSupplyResponse,
                lambda ctx, r: queries.total_supply(ctx, keeper, r),
            ),
            QueryRoute(
                _SERVICE + "SupplyOf",
                query_pb2.QuerySupplyOfRequest,
                query_pb2.QuerySupplyOfResponse,
                lambda ctx, r: queries.supply_of(ctx, keeper, r),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, self._auth, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        """BANK-1: the balances of every denomination add up to its supply; none is zero or negative."""
        return self.keeper.check_supply(ctx)
