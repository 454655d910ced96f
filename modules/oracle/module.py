"""The oracle as wiring sees it."""

from collections.abc import Mapping
from typing import Any

from modules.bank.keeper import BankKeeper
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.oracle import authority, genesis, msgs, push, queries
from modules.oracle.keeper import OracleKeeper
from modules.oracle.pull import PullUpdates, Verifier
from modules.oracle.state import OracleState
from perpd_proto.dydxprotocol.prices import query_pb2 as prices_pb2
from perpd_proto.perpd.oracle.v1 import query_pb2 as oracle_pb2
from perpd_proto.perpd.oracle.v1 import tx_pb2

_PRICES = "/dydxprotocol.prices.Query/"
_ORACLE = "/perpd.oracle.v1.Query/"


class OracleModule:
    """Markets, prices, and the aggregation of votes."""

    name = "oracle"

    def __init__(self, registry: Registry, *, bank: BankKeeper, verify: Verifier) -> None:
        """`verify` judges ed25519 signatures; it is pure."""
        self._state = OracleState(registry)
        self.keeper = keeper = OracleKeeper(self._state)
        self.pull = pull = PullUpdates(self._state, keeper.sources, bank, verify)
        self.changes: tuple[ChangeRoute, ...] = (*authority.changes(self._state), authority.rotation(pull))
        self.messages = _messages(self._state, keeper, pull)
        self.queries = (*_reference_queries(keeper), *_own_queries(keeper, pull))

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return [*self.keeper.check(ctx), *self.keeper.sources.check(ctx), *self.pull.check(ctx)]


def _messages(state: OracleState, keeper: OracleKeeper, pull: PullUpdates) -> tuple[MessageRoute, ...]:
    """Prices that come in transactions."""
    return (
        MessageRoute(
            tx_pb2.MsgUpdatePrices,
            tx_pb2.MsgUpdatePricesResponse,
            lambda message: message.sender,
            msgs.decode_updates,
            pull.update,
        ),
        MessageRoute(
            tx_pb2.MsgPushPrice,
            tx_pb2.MsgPushPriceResponse,
            lambda message: message.sender,
            msgs.decode_push,
            lambda ctx, command: push.push(ctx, state, keeper.sources, command),
        ),
    )


def _reference_queries(keeper: OracleKeeper) -> tuple[QueryRoute, ...]:
    """What the reference's clients ask."""
    return (
        QueryRoute(
            _PRICES + "MarketPrice",
            prices_pb2.QueryMarketPriceRequest,
            prices_pb2.QueryMarketPriceResponse,
            lambda ctx, request: queries.market_price(ctx, keeper, request),
        ),
        QueryRoute(
            _PRICES + "AllMarketPrices",
            prices_pb2.QueryAllMarketPricesRequest,
            prices_pb2.QueryAllMarketPricesResponse,
            lambda ctx, request: queries.all_market_prices(ctx, keeper, request),
        ),
        QueryRoute(
            _PRICES + "MarketParam",
            prices_pb2.QueryMarketParamRequest,
            prices_pb2.QueryMarketParamResponse,
            lambda ctx, request: queries.market_param(ctx, keeper, request),
        ),
        QueryRoute(
            _PRICES + "AllMarketParams",
            prices_pb2.QueryAllMarketParamsRequest,
            prices_pb2.QueryAllMarketParamsResponse,
            lambda ctx, request: queries.all_market_params(ctx, keeper, request),
        ),
        QueryRoute(
            _PRICES + "NextMarketId",
            prices_pb2.QueryNextMarketIdRequest,
            prices_pb2.QueryNextMarketIdResponse,
            lambda ctx, _: queries.next_market_id(ctx, keeper),
        ),
    )


def _own_queries(keeper: OracleKeeper, pull: PullUpdates) -> tuple[QueryRoute, ...]:
    """What only this chain can answer."""
    return (
        QueryRoute(
            _ORACLE + "Market",
            oracle_pb2.QueryMarketRequest,
            oracle_pb2.QueryMarketResponse,
            lambda ctx, request: queries.market(ctx, keeper, request),
        ),
        QueryRoute(
            _ORACLE + "Markets",
            oracle_pb2.QueryMarketsRequest,
            oracle_pb2.QueryMarketsResponse,
            lambda ctx, request: queries.markets(ctx, keeper, request),
        ),
        QueryRoute(
            _ORACLE + "Sources",
            oracle_pb2.QuerySourcesRequest,
            oracle_pb2.QuerySourcesResponse,
            lambda ctx, request: queries.sources(ctx, keeper, request),
        ),
        QueryRoute(
            _ORACLE + "Signers",
            oracle_pb2.QuerySignersRequest,
            oracle_pb2.QuerySignersResponse,
            lambda ctx, _: queries.signers(ctx, pull),
        ),
        QueryRoute(
            _ORACLE + "Observe",
            oracle_pb2.QueryObserveRequest,
            oracle_pb2.QueryObserveResponse,
            lambda ctx, request: queries.observe(ctx, keeper, request),
        ),
    )
