"""The one table of queries, keyed by gRPC path: request bytes in, response bytes out, at a committed height.

It is served twice, as gRPC (`grpc_server`) and as ABCI Query paths (`abci_query`). Reads go to a committed version in the database, so
they run beside the state machine and never wait for a block.
"""

from collections.abc import Iterable, Mapping

from google.protobuf.message import DecodeError

from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import QueryError, QueryRoute
from modules.kernel.stores import Registry
from node.store.chain_store import ChainStore, FutureHeightError, PrunedHeightError
from node.store.state import VersionState


class QueryTable:
    """Every unary query that is answered from state."""

    __slots__ = ("_chain_id", "_registry", "_routes", "_store")

    def __init__(self, registry: Registry, store: ChainStore, routes: Iterable[QueryRoute]) -> None:
        self._registry = registry
        self._store = store
        self._routes: dict[str, QueryRoute] = {}
        for route in routes:
            assert route.path not in self._routes, f"{route.path} has two handlers"
            self._routes[route.path] = route

    @property
    def routes(self) -> Mapping[str, QueryRoute]:
        return self._routes

    def answer(self, path: str, data: bytes, height: int) -> tuple[bytes, int]:
        """(response bytes, height used); height 0 asks for the last committed one.

        Raises KeyError for an unknown path, QueryError with a gRPC status for everything else that a caller can get wrong.
        """
        route = self._routes[path]
        try:
            request = route.request.FromString(data)
        except DecodeError:
            raise QueryError("INVALID_ARGUMENT", f"the request is not a valid {route.request.DESCRIPTOR.full_name}") from None
        if height < 0:
            raise QueryError("INVALID_ARGUMENT", f"height {height} is negative; ask for 0 to get the last committed height")
        try:
            with self._store.version(height) as version:
                ctx = Context(VersionState(self._registry, version), version.height, version.time_ns, "")
                response = route.handle(ctx, request)
                return response.SerializeToString(), version.height
        except FutureHeightError:
            raise QueryError("FUTURE_HEIGHT", "cannot query with height in the future; please provide a valid height") from None
        except PrunedHeightError:
            raise QueryError(
                "INVALID_ARGUMENT", f"height {height} is no longer kept; the earliest is {self._store.earliest_height}"
            ) from None
        except ChainError as error:
            raise QueryError("UNKNOWN", error.log) from None
