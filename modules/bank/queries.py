"""Balances and supply, as wallets ask for them."""

from collections.abc import Iterable

from modules.bank.keeper import BankKeeper
from modules.kernel.context import Context
from modules.kernel.module import asked_address
from modules.kernel.pagination import paginate
from perpd_proto.cosmos.bank.v1beta1 import query_pb2
from perpd_proto.cosmos.base.v1beta1 import coin_pb2


def _coins(rows: Iterable[tuple[str, int]]) -> list[coin_pb2.Coin]:
    return [coin_pb2.Coin(denom=denom, amount=str(amount)) for denom, amount in rows]


def balance(ctx: Context, keeper: BankKeeper, request: query_pb2.QueryBalanceRequest) -> query_pb2.QueryBalanceResponse:
    """The amount held; a denomination not held answers "0" with its name."""
    denom_id = keeper.denom_id(ctx, request.denom)
    amount = 0 if denom_id is None else keeper.balance(ctx, asked_address(request.address), denom_id)
    return query_pb2.QueryBalanceResponse(balance=coin_pb2.Coin(denom=request.denom, amount=str(amount)))


def all_balances(ctx: Context, keeper: BankKeeper, request: query_pb2.QueryAllBalancesRequest) -> query_pb2.QueryAllBalancesResponse:
    """Every non-zero balance, sorted by denomination."""
    held = [(keeper.denom(ctx, denom_id), amount) for denom_id, amount in keeper.balances(ctx, asked_address(request.address))]
    rows, page = paginate(sorted(held), request.pagination, lambda row: row[0].encode())
    return query_pb2.QueryAllBalancesResponse(balances=_coins(rows), pagination=page)


def total_supply(ctx: Context, keeper: BankKeeper, request: query_pb2.QueryTotalSupplyRequest) -> query_pb2.QueryTotalSupplyResponse:
    """The supply of every denomination, sorted by its text."""
    supply = sorted((keeper.denom(ctx, denom_id), keeper.supply(ctx, denom_id)) for denom_id in keeper.denom_ids(ctx))
    rows, page = paginate(supply, request.pagination, lambda row: row[0].encode())
    return query_pb2.QueryTotalSupplyResponse(supply=_coins(rows), pagination=page)


def supply_of(ctx: Context, keeper: BankKeeper, request: query_pb2.QuerySupplyOfRequest) -> query_pb2.QuerySupplyOfResponse:
    """The supply of one denomination; "0" for an unknown one."""
    denom_id = keeper.denom_id(ctx, request.denom)
    amount = 0 if denom_id is None else keeper.supply(ctx, denom_id)
    return query_pb2.QuerySupplyOfResponse(amount=coin_pb2.Coin(denom=request.denom, amount=str(amount)))
