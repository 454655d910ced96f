"""Subaccounts as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.auth.keeper import AuthKeeper
from modules.bank.keeper import BankKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import authority, genesis, msgs
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.queries import SubaccountsQueries
from modules.subaccounts.state import SubaccountsState
from perpd_proto.dydxprotocol.sending import transfer_pb2, tx_pb2
from perpd_proto.dydxprotocol.subaccounts import query_pb2
from perpd_proto.perpd.perp.v1 import query_pb2 as perpd_pb2

_QUERY = "/dydxprotocol.subaccounts.Query/"
_PERPD = "/perpd.perp.v1.Query/"


class SubaccountsModule:
    """Collateral, positions, and the messages that move collateral."""

    name = "subaccounts"

    def __init__(self, registry: Registry, auth: AuthKeeper, bank: BankKeeper, perp: PerpKeeper, funding: FundingKeeper) -> None:
        self._state = SubaccountsState(registry)
        self._bank = bank
        self.keeper = SubaccountsKeeper(self._state, auth, bank, perp, funding)
        self.messages = _messages(self.keeper)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(self.keeper.gating)
        self.queries = _queries(SubaccountsQueries(self.keeper, bank, perp, funding))

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems, whole)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, self.keeper, self._bank, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state, self.keeper)

    def check_invariants(self, ctx: Context) -> list[str]:
        return self.keeper.conservation_by_scan(ctx) + self.keeper.broken_accounts(ctx) + self.keeper.broken_leverage(ctx)


def _messages(keeper: SubaccountsKeeper) -> tuple[MessageRoute, ...]:
    return (
        MessageRoute(
            transfer_pb2.MsgDepositToSubaccount,
            tx_pb2.MsgDepositToSubaccountResponse,
            lambda message: message.sender,
            msgs.decode_deposit,
            lambda ctx, command: msgs.execute_deposit(ctx, keeper, command),
        ),
        MessageRoute(
            transfer_pb2.MsgWithdrawFromSubaccount,
            tx_pb2.MsgWithdrawFromSubaccountResponse,
            lambda message: message.sender.owner,
            msgs.decode_withdraw,
            lambda ctx, command: msgs.execute_withdraw(ctx, keeper, command),
        ),
        MessageRoute(
            tx_pb2.MsgCreateTransfer,
            tx_pb2.MsgCreateTransferResponse,
            lambda message: message.transfer.sender.owner,
            msgs.decode_transfer,
            lambda ctx, command: msgs.execute_transfer(ctx, keeper, command),
        ),
    )


def _queries(answers: SubaccountsQueries) -> tuple[QueryRoute, ...]:
    return (
        QueryRoute(_QUERY + "Subaccount", query_pb2.QueryGetSubaccountRequest, query_pb2.QuerySubaccountResponse, answers.subaccount),
        QueryRoute(
            _QUERY + "SubaccountAll", query_pb2.QueryAllSubaccountRequest, query_pb2.QuerySubaccountAllResponse, answers.subaccount_all
        ),
        QueryRoute(
            _QUERY + "CollateralPoolAddress",
            query_pb2.QueryCollateralPoolAddressRequest,
            query_pb2.QueryCollateralPoolAddressResponse,
            answers.collateral_pool_address,
        ),
        QueryRoute(
            _QUERY + "GetWithdrawalAndTransfersBlockedInfo",
            query_pb2.QueryGetWithdrawalAndTransfersBlockedInfoRequest,
            query_pb2.QueryGetWithdrawalAndTransfersBlockedInfoResponse,
            answers.blocked_info,
        ),
        QueryRoute(_PERPD + "Account", perpd_pb2.QueryAccountRequest, perpd_pb2.QueryAccountResponse, answers.account),
        QueryRoute(
            _PERPD + "Conservation",
            perpd_pb2.QueryConservationRequest,
            perpd_pb2.QueryConservationResponse,
            lambda ctx, _: answers.conservation(ctx),
        ),
    )
