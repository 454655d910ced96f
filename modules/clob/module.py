"""The order books as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.bank.keeper import BankKeeper
from modules.clob import authority, genesis, invariants, leverage, msgs, queries
from modules.clob.keeper import ClobKeeper
from modules.clob.state import ClobState
from modules.fees.keeper import FeesKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems
from modules.kernel.stores import Registry
from modules.oracle.keeper import OracleKeeper
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from perpd_proto.dydxprotocol.clob import tx_pb2


class ClobModule:
    """Markets, orders, matching."""

    name = "clob"

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
        self.messages = _messages(keeper, subaccounts)
        pairs = authority.Pairs(self._state, perp, funding, keeper.end_market)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(self._state, pairs, keeper.limits)
        self.queries = queries.routes(keeper, subaccounts)

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems, whole)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        return invariants.broken(ctx, self._state, self.keeper)


def _messages(keeper: ClobKeeper, subaccounts: SubaccountsKeeper) -> tuple[MessageRoute, ...]:
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
        MessageRoute(
            tx_pb2.MsgUpdateLeverage,
            tx_pb2.MsgUpdateLeverageResponse,
            lambda message: message.subaccount_id.owner,
            leverage.decode,
            lambda ctx, command: leverage.execute(ctx, keeper, subaccounts, command),
        ),
    )
