"""Accounts as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.auth import genesis, queries
from modules.auth.keeper import AuthKeeper
from modules.auth.state import AuthState
from modules.consensus.keeper import ConsensusKeeper
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from perpd_proto.cosmos.auth.v1beta1 import query_pb2

_SERVICE = "/cosmos.auth.v1beta1.Query/"


class AuthModule:
    """Accounts have no messages: they come to be when they receive money, and change when their transactions are admitted."""

    name = "auth"
    changes: tuple[ChangeRoute, ...] = ()
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry, consensus: ConsensusKeeper) -> None:
        self._state = AuthState(registry)
        self.keeper = keeper = AuthKeeper(self._state)
        self.queries = (
            QueryRoute(
                _SERVICE + "Account",
                query_pb2.QueryAccountRequest,
                query_pb2.QueryAccountResponse,
                lambda ctx, request: queries.account(ctx, keeper, request),
            ),
            QueryRoute(
                _SERVICE + "AccountInfo",
                query_pb2.QueryAccountInfoRequest,
                query_pb2.QueryAccountInfoResponse,
                lambda ctx, request: queries.account_info(ctx, keeper, request),
            ),
            QueryRoute(
                _SERVICE + "Params",
                query_pb2.QueryParamsRequest,
                query_pb2.QueryParamsResponse,
                lambda ctx, request: queries.params(ctx, consensus, request),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        """AUTH-2: account numbers are unique and below the next free one."""
        numbers = [account.number for _, account in self.keeper.accounts(ctx)]
        free = self._state.next_number.get(ctx) or 0
        broken = [] if len(numbers) == len(dict.fromkeys(numbers)) else ["two accounts have the same number"]
        broken.extend(f"account number {number} is not below the next free number {free}" for number in numbers if number >= free)
        return broken
