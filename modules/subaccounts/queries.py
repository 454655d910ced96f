"""What is asked about subaccounts: as clients of the reference know it, and risk and the books as this chain adds them."""

from collections.abc import Iterator

from modules.bank.keeper import BankKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.codec import KEY_ADDRESS, KEY_U32, encode_signed
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.intmath import UINT32_MAX
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.kernel.units import SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import formulas
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Backing, Subaccount, subaccount_id_message
from perpd_proto.dydxprotocol.subaccounts import asset_position_pb2, perpetual_position_pb2, query_pb2, subaccount_pb2
from perpd_proto.perpd.perp.v1 import query_pb2 as perpd_pb2


class SubaccountsQueries:
    """Read-only answers over the keepers."""

    def __init__(self, keeper: SubaccountsKeeper, bank: BankKeeper, perp: PerpKeeper, funding: FundingKeeper) -> None:
        self._keeper = keeper
        self._bank = bank
        self._perp = perp
        self._funding = funding

    def subaccount(self, ctx: Context, request: query_pb2.QueryGetSubaccountRequest) -> query_pb2.QuerySubaccountResponse:
        """As stored, unsettled; one that does not exist answers its id with nothing in it."""
        asked = _subaccount_id(request.owner, request.number)
        return query_pb2.QuerySubaccountResponse(subaccount=self._message(ctx, asked, self._keeper.get(ctx, asked)))

    def subaccount_all(self, ctx: Context, request: query_pb2.QueryAllSubaccountRequest) -> query_pb2.QuerySubaccountAllResponse:
        """Every subaccount, by owner and number."""
        rows, page = paginate(list(self._keeper.accounts(ctx)), request.pagination, lambda row: _key(row[0]))
        return query_pb2.QuerySubaccountAllResponse(subaccount=[self._message(ctx, *row) for row in rows], pagination=page)

    def collateral_pool_address(
        self, ctx: Context, request: query_pb2.QueryCollateralPoolAddressRequest
    ) -> query_pb2.QueryCollateralPoolAddressResponse:
        """Where the collateral of who trades a perpetual lies."""
        pool = self._backing(ctx, request.perpetual_id).pool
        return query_pb2.QueryCollateralPoolAddressResponse(collateral_pool_address=addresses.to_text(pool))

    def blocked_info(
        self, ctx: Context, request: query_pb2.QueryGetWithdrawalAndTransfersBlockedInfoRequest
    ) -> query_pb2.QueryGetWithdrawalAndTransfersBlockedInfoResponse:
        """What keeps money in the perpetual's pool, in heights; 0: it has not happened."""
        found = self._keeper.gating.info(ctx, self._backing(ctx, request.perpetual_id).pool_key)
        return query_pb2.QueryGetWithdrawalAndTransfersBlockedInfoResponse(
            negative_tnc_subaccount_seen_at_block=found.negative_seen & UINT32_MAX,
            chain_outage_seen_at_block=found.outage_seen & UINT32_MAX,
            withdrawals_and_transfers_unblocked_at_block=found.unblocked_at & UINT32_MAX,
        )

    def account(self, ctx: Context, request: perpd_pb2.QueryAccountRequest) -> perpd_pb2.QueryAccountResponse:
        """Worth and requirements of one subaccount, funding settled up to the state that is read."""
        asked = _subaccount_id(request.owner, request.number)
        stored = self._keeper.get(ctx, asked)
        settled = self._keeper.settle(ctx, stored)
        risk = self._keeper.risk(ctx, asked)
        return perpd_pb2.QueryAccountResponse(
            height=ctx.height,
            net_collateral=encode_signed(risk.net_collateral),
            initial_margin=encode_signed(risk.initial),
            maintenance_margin=encode_signed(risk.maintenance),
            settled_collateral=encode_signed(settled.collateral),
            positions=self._positions(ctx, stored),
        )

    def conservation(self, ctx: Context) -> perpd_pb2.QueryConservationResponse:
        """The books of the exchange, counted from every subaccount and every balance."""
        books = self._keeper.books(ctx)
        return perpd_pb2.QueryConservationResponse(
            height=ctx.height,
            supply_matches=not self._bank.check_supply(ctx),
            pools=[
                perpd_pb2.PoolReport(
                    name=pool.name,
                    bank_balance=encode_signed(pool.bank_balance),
                    collateral=encode_signed(pool.collateral),
                    unsettled_funding=encode_signed(pool.unsettled_funding),
                    matches=formulas.is_pool_exact(pool.bank_balance, pool.collateral, pool.unsettled_funding),
                )
                for pool in books.pools
            ],
            markets=[
                perpd_pb2.PositionSums(
                    perpetual_id=market.perpetual_id,
                    long_quantums=encode_signed(market.long_quantums),
                    short_quantums=encode_signed(-market.short_quantums),
                    open_interest=encode_signed(market.open_interest),
                    unsettled_funding=encode_signed(market.unsettled_funding),
                )
                for market in books.markets
            ],
        )

    def _backing(self, ctx: Context, perpetual_id: int) -> Backing:
        if self._perp.perpetual(ctx, perpetual_id) is None:
            raise QueryError("NOT_FOUND", f"perpetual {perpetual_id} does not exist: not found")
        return self._keeper.backing(ctx, perpetual_id)

    def _positions(self, ctx: Context, stored: Subaccount) -> Iterator[perpd_pb2.PositionRisk]:
        for perpetual_id, position in stored.positions.items():
            owed = self._funding.payment(ctx, perpetual_id, position.quantums, position.funding_index)
            yield perpd_pb2.PositionRisk(
                perpetual_id=perpetual_id,
                quantums=encode_signed(position.quantums),
                notional=encode_signed(self._perp.notional(ctx, perpetual_id, position.quantums)),
                entry_quote=encode_signed(position.entry_quote),
                unsettled_funding=encode_signed(owed),
                funding_index_lots=encode_signed(position.funding_index),
            )

    def _message(self, ctx: Context, asked: SubaccountId, stored: Subaccount) -> subaccount_pb2.Subaccount:
        """On the wire `funding_index` is in the reference's unit, nearest, for display."""
        assets = [asset_position_pb2.AssetPosition(asset_id=0, quantums=encode_signed(stored.collateral))] if stored.collateral else []
        positions = [
            perpetual_position_pb2.PerpetualPosition(
                perpetual_id=perpetual_id,
                quantums=encode_signed(position.quantums),
                funding_index=encode_signed(self._funding.display_index(ctx, perpetual_id, position.funding_index)),
                quote_balance=encode_signed(0),
            )
            for perpetual_id, position in stored.positions.items()
        ]
        return subaccount_pb2.Subaccount(id=subaccount_id_message(asked), asset_positions=assets, perpetual_positions=positions)


def _subaccount_id(owner: str, number: int) -> SubaccountId:
    try:
        return SubaccountId(addresses.from_text(owner), number)
    except ChainError as error:
        raise QueryError("INVALID_ARGUMENT", f"invalid owner: {error.log}") from error


def _key(subaccount: SubaccountId) -> bytes:
    encoded: bytes = KEY_ADDRESS.encode(subaccount.owner) + KEY_U32.encode(subaccount.number)
    return encoded
