"""The authority as wiring sees it."""

from collections.abc import Mapping
from typing import Any

from modules.authority import genesis
from modules.authority.keeper import AuthorityKeeper
from modules.authority.state import AuthorityState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from perpd_proto.perpd.authority.v1 import query_pb2


class AuthorityModule:
    """Who may change parameters. What can be changed is said by the modules that have it (`changes`)."""

    name = "authority"
    changes: tuple[ChangeRoute, ...] = ()
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry) -> None:
        self._state = AuthorityState(registry)
        self.keeper = keeper = AuthorityKeeper(self._state)
        self.queries = (
            QueryRoute(
                "/perpd.authority.v1.Query/Authority",
                query_pb2.QueryAuthorityRequest,
                query_pb2.QueryAuthorityResponse,
                lambda ctx, _: _authority(ctx, keeper),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return self.keeper.check(ctx)


def _authority(ctx: Context, keeper: AuthorityKeeper) -> query_pb2.QueryAuthorityResponse:
    found = keeper.address(ctx)
    return query_pb2.QueryAuthorityResponse(address="" if found is None else addresses.to_text(found))
