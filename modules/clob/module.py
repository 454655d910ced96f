"""The order books as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.bank.keeper import BankKeeper
from modules.clob import genesis, invariants, msgs, queries
from modules.clob.keeper import ClobKeeper
from modules.clob.state import ClobState
from modules.fees.keeper import FeesKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.oracle.keeper import OracleKeeper
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from perpd_proto.dydxprotocol.clob import query_pb2, tx_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as own_pb2

_SERVICE = "/dydxprotocol.clob.Query/"
_OWN_SERVICE = "/perpd.clob.v1.Query/"


class ClobModule:
    """Markets, orders, matching."""

    name = "clob"
    changes: tuple[ChangeRoute, ...] = ()

    def __init__(
        self,
        registry: Registry,
        perp: PerpKeeper,
        funding: FundingKeeper,
        subaccounts: SubaccountsKeeper,
        fees: FeesKeeper,
        oracle: OracleKeeper,
        bank: BankKeeper,
    ) -> None:
        self._state = ClobState(registry)
        self.keeper = keeper = ClobKeeper(self._state, perp, funding, subaccounts, fees, oracle, bank)
        self.messages = _messages(keeper)
        self.queries = (*_reference_queries(keeper), *_own_queries(keeper))

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems, whole)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return invariants.broken(ctx, self._state, self.keeper)


def _messages(keeper: ClobKeeper) -> tuple[MessageRoute, ...]:
    return (
        MessageRoute(
            tx_pb2.MsgPlaceOrder,
            tx_pb2.MsgPlaceOrderResponse,
            lambda message: message.order.order_id.subaccount_id.owner,
            msgs.decode_place,
            lambda ctx, command: msgs.execute_place(ctx, keeper, command),
        ),
        MessageRoute(
            tx_pb2.MsgCancelOrder,
            tx_pb2.MsgCancelOrderResponse,
            lambda message: message.order_id.subaccount_id.owner,
            msgs.decode_cancel,
            lambda ctx, command: msgs.execute_cancel(ctx, keeper, command),
        ),
        MessageRoute(
            tx_pb2.MsgBatchCancel,
            tx_pb2.MsgBatchCancelResponse,
            lambda message: message.subaccount_id.owner,
            msgs.decode_batch_cancel,
            lambda ctx, command: msgs.execute_batch_cancel(ctx, keeper, command),
        ),
    )


def _reference_queries(keeper: ClobKeeper) -> tuple[QueryRoute, ...]:
    return (
        QueryRoute(
            _SERVICE + "ClobPair",
            query_pb2.QueryGetClobPairRequest,
            query_pb2.QueryClobPairResponse,
            lambda ctx, request: queries.clob_pair(ctx, keeper, request),
        ),
        QueryRoute(
            _SERVICE + "ClobPairAll",
            query_pb2.QueryAllClobPairRequest,
            query_pb2.QueryClobPairAllResponse,
            lambda ctx, request: queries.clob_pair_all(ctx, keeper, request),
        ),
        QueryRoute(
            _SERVICE + "EquityTierLimitConfiguration",
            query_pb2.QueryEquityTierLimitConfigurationRequest,
            query_pb2.QueryEquityTierLimitConfigurationResponse,
            lambda ctx, _request: queries.equity_tier_limits(ctx, keeper),
        ),
        QueryRoute(
            _SERVICE + "BlockRateLimitConfiguration",
            query_pb2.QueryBlockRateLimitConfigurationRequest,
            query_pb2.QueryBlockRateLimitConfigurationResponse,
            lambda ctx, _request: queries.block_rate_limits(ctx, keeper),
        ),
        QueryRoute(
            _SERVICE + "StatefulOrder",
            query_pb2.QueryStatefulOrderRequest,
            query_pb2.QueryStatefulOrderResponse,
            lambda ctx, request: queries.stateful_order(ctx, keeper, request),
        ),
        QueryRoute(
            _SERVICE + "NextClobPairId",
            query_pb2.QueryNextClobPairIdRequest,
            query_pb2.QueryNextClobPairIdResponse,
            lambda ctx, _request: queries.next_clob_pair_id(ctx, keeper),
        ),
        QueryRoute(
            _SERVICE + "Leverage",
            query_pb2.QueryLeverageRequest,
            query_pb2.QueryLeverageResponse,
            lambda _ctx, request: queries.leverage(request),
        ),
    )


def _own_queries(keeper: ClobKeeper) -> tuple[QueryRoute, ...]:
    return (
        QueryRoute(
            _OWN_SERVICE + "Book",
            own_pb2.QueryBookRequest,
            own_pb2.QueryBookResponse,
            lambda ctx, request: queries.book(ctx, keeper, request),
        ),
        QueryRoute(
            _OWN_SERVICE + "Orders",
            own_pb2.QueryOrdersRequest,
            own_pb2.QueryOrdersResponse,
            lambda ctx, request: queries.orders(ctx, keeper, request),
        ),
        QueryRoute(
            _OWN_SERVICE + "Order",
            own_pb2.QueryOrderRequest,
            own_pb2.QueryOrderResponse,
            lambda ctx, request: queries.order(ctx, keeper, request),
        ),
    )
