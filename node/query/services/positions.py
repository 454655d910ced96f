"""perpd.perp.v1.Query/Positions: what positions have cost, earned and require, and where an account would be liquidated."""

from collections.abc import Callable

from modules.clob.keeper import ClobKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel.codec import encode_signed
from modules.kernel.context import Context
from modules.kernel.intmath import UINT64_MAX, div_ceil, div_floor, pow10
from modules.kernel.module import QueryRoute, asked_address
from modules.kernel.units import SubaccountId
from modules.oracle.keeper import OracleKeeper
from modules.perp.keeper import PerpKeeper
from modules.perp.queries import MARGIN_PRICE_KINDS
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Risk
from perpd_proto.perpd.perp.v1 import query_pb2

PATH = "/perpd.perp.v1.Query/Positions"
PRICE_MAX = UINT64_MAX
"""The highest price that an oracle market can have."""


def positions_routes(
    perp: PerpKeeper, oracle: OracleKeeper, funding: FundingKeeper, subaccounts: SubaccountsKeeper, clob: ClobKeeper
) -> tuple[QueryRoute, ...]:
    """For the query table."""
    handler = Positions(perp, oracle, funding, subaccounts, clob)
    return (QueryRoute(PATH, query_pb2.QueryPositionsRequest, query_pb2.QueryPositionsResponse, handler.positions),)


class Positions:
    """The handler, over the keepers that margin itself uses."""

    __slots__ = ("_clob", "_funding", "_oracle", "_perp", "_subaccounts")

    def __init__(
        self, perp: PerpKeeper, oracle: OracleKeeper, funding: FundingKeeper, subaccounts: SubaccountsKeeper, clob: ClobKeeper
    ) -> None:
        self._perp = perp
        self._oracle = oracle
        self._funding = funding
        self._subaccounts = subaccounts
        self._clob = clob

    def positions(self, ctx: Context, request: query_pb2.QueryPositionsRequest) -> query_pb2.QueryPositionsResponse:
        """One row per position; none where the subaccount has none or does not exist."""
        asked = SubaccountId(asked_address(request.owner), request.number)
        stored = self._subaccounts.get(ctx, asked)
        risk = self._subaccounts.risk(ctx, asked)
        custom = dict(self._subaccounts.leverage(ctx, asked))
        response = query_pb2.QueryPositionsResponse(height=ctx.height)
        for perpetual_id, quantums, funding_index, entry_quote, realised_quote in stored.rows:
            margin = self._perp.margin(ctx, perpetual_id, quantums, custom_imf_ppm=custom.get(perpetual_id, 0))
            perpetual = self._perp.require(ctx, perpetual_id)
            market = self._oracle.market(ctx, perpetual.market_id)
            assert market is not None, "every perpetual has a market"
            row = response.positions.add(
                perpetual_id=perpetual_id,
                quantums=encode_signed(quantums),
                entry_quote=encode_signed(entry_quote),
                notional=encode_signed(margin.notional),
                unrealised_quote=encode_signed(margin.notional - entry_quote),
                realised_quote=encode_signed(realised_quote),
                unsettled_funding=encode_signed(self._funding.payment(ctx, perpetual_id, quantums, funding_index)),
                initial_margin=encode_signed(margin.initial),
                maintenance_margin=encode_signed(margin.maintenance),
                custom_imf_ppm=custom.get(perpetual_id, 0),
                margin_price=self._perp.terms(ctx, perpetual_id).price,
                margin_price_kind=MARGIN_PRICE_KINDS[perpetual.margin_price],
                price_exponent=market.exponent,
                liquidation_price=liquidation_price(ctx, self._perp, risk, perpetual_id, quantums) or 0,
            )
            self._tell_subticks(ctx, row, abs(quantums), abs(entry_quote))
        return response

    def _tell_subticks(self, ctx: Context, row: query_pb2.PositionView, size: int, cost: int) -> None:
        """Prices in subticks, where the perpetual has a book; one beyond the wire's 64 bits shows as the highest that fits."""
        pair = self._clob.pair_of(ctx, row.perpetual_id)
        if pair is None:
            return
        exponent = pair.quantum_conversion_exponent
        row.clob_pair_id = pair.id
        numerator, denominator = cost * pow10(max(-exponent, 0)), size * pow10(max(exponent, 0))
        row.entry_subticks = min(div_floor(2 * numerator + denominator, 2 * denominator), UINT64_MAX)
        if row.liquidation_price:
            numerator, denominator = self._perp.subticks_of(ctx, row.perpetual_id, row.liquidation_price, exponent)
            divide = div_floor if row.liquidation_price >= row.margin_price else div_ceil
            row.liquidation_subticks = min(divide(numerator, denominator), UINT64_MAX)


def liquidation_price(ctx: Context, perp: PerpKeeper, risk: Risk, perpetual_id: int, quantums: int) -> int | None:
    """The margin price of one perpetual, in oracle units, nearest to the present one at which an account of this (settled) risk, with a
    position of `quantums` in it, can be liquidated; everything else stays. None where there is none from 1 to 2^64 - 1, or no price yet.

    Binary search over the real margin functions. It may be one, because what the account has above its requirement is monotone in the
    price: one quote quantum more of notional raises a maintenance requirement by at most one (rates are at most 100 %, and rounded up), so
    that a long's excess never falls as the price rises, and a short's never rises. That there is a requirement at all (a notional that
    rounds to zero has none) is monotone too: it only comes as the price rises.
    """
    present = perp.terms(ctx, perpetual_id).price
    if present == 0:
        return None
    now = perp.margin(ctx, perpetual_id, quantums)
    others_net, others_maintenance = risk.net_collateral - now.notional, risk.maintenance - now.maintenance

    def at(price: int) -> tuple[bool, bool]:
        """(there is a requirement, it is not covered) at this price."""
        value = perp.margin(perp.priced(ctx, perpetual_id, price), perpetual_id, quantums)
        maintenance = others_maintenance + value.maintenance
        return maintenance > 0, maintenance > others_net + value.notional

    def liquidatable(price: int) -> bool:
        required, uncovered = at(price)
        return required and uncovered

    if liquidatable(present):
        return present
    if quantums > 0 and not at(present)[1]:
        return _highest_below(present, at)
    # A short, or an account without worth and without a requirement: both only as the price rises.
    low, high = present, PRICE_MAX + 1
    reached = liquidatable if quantums < 0 else lambda price: at(price)[0]
    while high - low > 1:
        middle = div_floor(low + high, 2)
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high if high <= PRICE_MAX and liquidatable(high) else None


def _highest_below(present: int, at: Callable[[int], tuple[bool, bool]]) -> int | None:
    """The highest price below the present one at which a long's requirement is not covered, if there is a requirement there."""
    low, high = 0, present
    while high - low > 1:
        middle = div_floor(low + high, 2)
        low, high = (middle, high) if at(middle)[1] else (low, middle)
    return low if low and all(at(low)) else None
