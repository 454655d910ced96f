"""Inside the one door: how a subaccount is settled, changed, judged and written, and how bank money follows.

Nothing else writes accounts or the totals over them. The keeper's verbs are made of this.
"""

from typing import NamedTuple

from modules.auth.keeper import AuthKeeper
from modules.bank.keeper import BankKeeper
from modules.bank.model import FEE_COLLECTOR
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.units import Address, SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import formulas, safety
from modules.subaccounts.errors import FAILED_UPDATE, MONEY_STAYS, NOT_UPDATABLE, SAME_SUBACCOUNT_TWICE
from modules.subaccounts.events import POSITION_CLOSED, SETTLED_FUNDING
from modules.subaccounts.model import (
    CROSS_KEY,
    CROSS_POOL,
    EMPTY,
    NO_TOTALS,
    Backing,
    CustomMargin,
    Fill,
    MarketTotals,
    Risk,
    Row,
    Subaccount,
    UpdateResult,
    backing,
)
from modules.subaccounts.state import SubaccountsState

_MEMO = "subaccounts.backing"
_CROSS_POOL = addresses.of_module(CROSS_POOL)
_FEE_COLLECTOR = addresses.of_module(FEE_COLLECTOR)
_SUCCESS = UpdateResult.SUCCESS
_ERROR = UpdateResult.UPDATE_CAUSED_ERROR
_ISOLATION = UpdateResult.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS
_NOT_FRESH = UpdateResult.PRICE_NOT_FRESH

Results = tuple[UpdateResult, UpdateResult]
"""Of taker and maker."""
_BOTH: Results = (_SUCCESS, _SUCCESS)

Payments = tuple[tuple[int, int], ...]
"""(perpetual id, quote quantums received by funding settlement), never zero ones."""


class Side(NamedTuple):
    """One subaccount on its way through the door."""

    id: SubaccountId
    stored: Subaccount
    settled: Subaccount
    payments: Payments
    changed: Subaccount
    before: int = 0
    """Signed base quantums in the perpetual that is traded."""
    after: int = 0
    realised: int | None = None
    """Quote quantums that the position there brought, if this closes or flips it."""


class Door:
    """Settling, judging and writing of subaccounts. Amounts of money are quote quantums, sizes are base quantums."""

    __slots__ = ("_auth", "_bank", "_funding", "_perp", "_state")

    def __init__(self, state: SubaccountsState, auth: AuthKeeper, bank: BankKeeper, perp: PerpKeeper, funding: FundingKeeper) -> None:
        self._state = state
        self._auth = auth
        self._bank = bank
        self._perp = perp
        self._funding = funding

    # Reading

    def settle(self, ctx: Context, account: Subaccount) -> tuple[Subaccount, Payments]:
        """The account with all funding paid, and what each position received; the same object if there is nothing to pay."""
        index_of = self._funding.index
        for row in account.rows:
            if index_of(ctx, row[0]) != row[2]:
                break
        else:
            return account, ()
        collateral = account.collateral
        payments: list[tuple[int, int]] = []
        rows: list[Row] = []
        for perpetual_id, quantums, since, entry, realised in account.rows:
            index = index_of(ctx, perpetual_id)
            payment = self._funding.payment(ctx, perpetual_id, quantums, since)
            rows.append((perpetual_id, quantums, index, entry, realised + payment))
            if payment:
                payments.append((perpetual_id, payment))
                collateral += payment
        return Subaccount(collateral, tuple(rows)), tuple(payments)

    def risk_of(
        self, ctx: Context, settled: Subaccount, perpetual_id: int, open_interest: int | None, custom: tuple[CustomMargin, ...] = ()
    ) -> Risk:
        """Worth and requirements of a settled subaccount with custom margins (SUB-11).

        `open_interest` is what `perpetual_id` has after the trade that is judged.
        """
        net, initial, maintenance = settled.collateral, 0, 0
        margin = self._perp.margin
        chosen = dict(custom)
        for held_id, quantums, _, _, _ in settled.rows:
            value = margin(ctx, held_id, quantums, open_interest if held_id == perpetual_id else None, chosen.get(held_id, 0))
            net += value.notional
            initial += value.initial
            maintenance += value.maintenance
        return Risk(net, initial, maintenance)

    def backing(self, ctx: Context, perpetual_id: int) -> Backing:
        """Pool, fund and funding lot of an existing perpetual. Raises perpetuals/1 when there is none."""
        memo: dict[int, Backing] | None = ctx.scratch.get(_MEMO)
        if memo is None:
            memo = ctx.scratch[_MEMO] = {}
        found = memo.get(perpetual_id)
        if found is None:
            isolated = self._perp.require(ctx, perpetual_id).isolated
            found = memo[perpetual_id] = backing(perpetual_id, isolated, self._funding.lot(ctx, perpetual_id))
        return found

    def pool_of(self, ctx: Context, subaccount: Subaccount) -> tuple[int, Address]:
        """(key, address) of the collateral pool (SUB-4): an isolated perpetual's own for who is in it, else the cross pool."""
        if not subaccount.rows:
            return CROSS_KEY, _CROSS_POOL
        held = self.backing(ctx, subaccount.rows[0][0])
        return held.pool_key, held.pool

    def may_hold(self, ctx: Context, rows: tuple[Row, ...], perpetual_id: int) -> bool:
        """SUB-4 for a trade in `perpetual_id`."""
        if not rows or held_quantums(rows, perpetual_id):
            return True
        return formulas.may_hold(
            holds_any=True,
            holds_isolated=self.backing(ctx, rows[0][0]).isolated,
            isolated=self.backing(ctx, perpetual_id).isolated,
        )

    def custom(self, ctx: Context, subaccount_id: SubaccountId) -> tuple[CustomMargin, ...]:
        """What the subaccount has chosen, ascending by perpetual id."""
        found = self._state.leverage.get(ctx, subaccount_id)
        return () if found is None else found.entries

    def judge(self, ctx: Context, side: Side, perpetual_id: int, open_interest: int | None) -> UpdateResult:
        """SUB-3, by the bound where it suffices: it knows nothing of custom margins."""
        custom = self._state.leverage.get(ctx, side.id)
        if custom is None:
            if safety.clearly_initial(ctx, self._perp, side.changed, perpetual_id, open_interest):
                return _SUCCESS
            entries: tuple[CustomMargin, ...] = ()
        else:
            entries = custom.entries
        new = self.risk_of(ctx, side.changed, perpetual_id, open_interest, entries)
        if formulas.is_initially_collateralised(new):
            return _SUCCESS
        return formulas.transition(self.risk_of(ctx, side.settled, perpetual_id, open_interest, entries), new)

    # Money in and out

    def touch(self, ctx: Context, subaccount_id: SubaccountId, amount: int) -> Side:
        """The subaccount with so much more (negative: less) collateral, not yet written."""
        stored = self._state.accounts.get(ctx, subaccount_id) or EMPTY
        settled, payments = self.settle(ctx, stored)
        return Side(subaccount_id, stored, settled, payments, Subaccount(settled.collateral + amount, settled.rows))

    def require_fresh(self, ctx: Context, rows: tuple[Row, ...]) -> None:
        """Every market of these positions has a fresh price, so that its money may leave. Raises oracle/102."""
        for row in rows:
            standing = self._perp.standing(ctx, row[0])
            if standing:
                raise MONEY_STAYS(f"the price of perpetual {row[0]} is {standing.name}")

    def require_valid(self, ctx: Context, side: Side) -> None:
        """Raises subaccounts/102 if the change leaves too little."""
        result = self.judge(ctx, side, -1, None)
        if result:
            raise FAILED_UPDATE(result.text)

    # Trades

    def trade(self, ctx: Context, fill: Fill, *, judged: bool) -> Results:
        """One trade, wholly or not at all: both results are SUCCESS exactly if it has happened. Only if `judged` margin is looked at, and
        whether the market's price allows it (SUB-21).

        Raises subaccounts/101 (same subaccount) and 103 (no price).
        """
        perpetual_id = fill.perpetual_id
        if self._perp.terms(ctx, perpetual_id).price == 0:
            raise NOT_UPDATABLE(f"perpetual {perpetual_id}")
        assert fill.quote >= 0 or not judged, "only the engine may decide that a seller pays"
        taker, maker = self._sides(ctx, fill)
        if not (taker.before or self.may_hold(ctx, taker.stored.rows, perpetual_id)) or not (
            maker.before or self.may_hold(ctx, maker.stored.rows, perpetual_id)
        ):
            return (
                _SUCCESS if self.may_hold(ctx, taker.stored.rows, perpetual_id) else _ISOLATION,
                _SUCCESS if self.may_hold(ctx, maker.stored.rows, perpetual_id) else _ISOLATION,
            )
        if judged and self._perp.standing(ctx, perpetual_id):
            results = _reductions(taker, maker)
            if results != _BOTH:
                return results
        # What both sides together are long grows by as much as what they are short: one has what the other has given.
        opened = _more(taker.before, taker.after) + _more(maker.before, maker.after)
        if judged:
            open_interest = self._perp.open_interest(ctx, perpetual_id) + opened
            taker_result = self.judge(ctx, taker, perpetual_id, open_interest)
            maker_result = self.judge(ctx, maker, perpetual_id, open_interest)
            if taker_result or maker_result:
                return taker_result, maker_result
        traded = self.backing(ctx, perpetual_id)
        if traded.isolated and not (_can_change_pool(taker) and _can_change_pool(maker)):
            return (_SUCCESS if _can_change_pool(taker) else _ERROR), (_SUCCESS if _can_change_pool(maker) else _ERROR)
        mark = ctx.mark()
        try:
            self._pay(ctx, traded, taker, maker, fill)
        except ChainError:
            ctx.undo(mark)
            return _ERROR, _ERROR
        if opened:
            self._perp.change_open_interest(ctx, perpetual_id, opened)
            long, short, lots_index = self._state.market_totals.get(ctx, perpetual_id) or NO_TOTALS
            self.set_totals(ctx, perpetual_id, MarketTotals(long + opened, short + opened, lots_index))
        self.write(ctx, taker, maker)
        for side in (taker, maker):
            if side.realised is not None:
                ctx.emit(POSITION_CLOSED, addresses.to_text(side.id.owner), side.id.number, perpetual_id, side.realised)
        return _BOTH

    def _sides(self, ctx: Context, fill: Fill) -> tuple[Side, Side]:
        """Taker and maker with the trade made, not yet written. Raises subaccounts/101."""
        perpetual_id, taker_id, maker_id, taker_buys, quantums, quote, taker_fee, maker_fee, insurance_delta = fill[:9]
        taker_extra, maker_extra = fill.taker_builder_fee, fill.maker_builder_fee
        assert quantums > 0, fill
        assert taker_fee + maker_fee >= 0, "a rebate is paid out of the taker's fee"
        assert taker_extra >= 0 <= maker_extra, "what goes to a builder is charged, never paid"
        if taker_id == maker_id:
            raise SAME_SUBACCOUNT_TWICE(f"{addresses.to_text(taker_id.owner)}/{taker_id.number}")
        index = self._funding.index(ctx, perpetual_id)
        taker_costs, maker_costs = taker_fee + taker_extra + insurance_delta, maker_fee + maker_extra
        if not taker_buys:
            return (
                self._side(ctx, taker_id, perpetual_id, -quantums, quote, quote - taker_costs, index),
                self._side(ctx, maker_id, perpetual_id, quantums, quote, -quote - maker_costs, index),
            )
        return (
            self._side(ctx, taker_id, perpetual_id, quantums, quote, -quote - taker_costs, index),
            self._side(ctx, maker_id, perpetual_id, -quantums, quote, quote - maker_costs, index),
        )

    def _side(
        self, ctx: Context, subaccount_id: SubaccountId, perpetual_id: int, quantums_delta: int, quote: int, quote_delta: int, index: int
    ) -> Side:
        stored = self._state.accounts.get(ctx, subaccount_id) or EMPTY
        settled, payments = self.settle(ctx, stored)
        rows, before, after, realised = formulas.apply(settled.rows, perpetual_id, quantums_delta, quote, quote_delta, index)
        changed = Subaccount(settled.collateral + quote_delta, rows)
        return Side(subaccount_id, stored, settled, payments, changed, before, after, realised)

    def _pay(self, ctx: Context, traded: Backing, taker: Side, maker: Side, fill: Fill) -> None:
        """Bank money follows: what comes into the traded perpetual's pool first, then what leaves it."""
        move = self._bank.move
        insurance_delta = fill.insurance_delta
        if insurance_delta < 0:
            move(ctx, traded.fund, traded.pool, -insurance_delta)
        if traded.isolated:
            for side in (taker, maker):
                if not side.stored.rows:
                    move(ctx, _CROSS_POOL, traded.pool, side.settled.collateral)
        if insurance_delta > 0:
            move(ctx, traded.pool, traded.fund, insurance_delta)
        collected = fill.taker_fee + fill.maker_fee + fill.taker_builder_fee + fill.maker_builder_fee
        for recipient, amount in fill.payouts:
            assert amount > 0, fill
            move(ctx, traded.pool, recipient, amount)
            self._auth.ensure_account(ctx, recipient)
            collected -= amount
        assert collected >= 0, "no more is paid out than was charged"
        move(ctx, traded.pool, _FEE_COLLECTOR, collected)
        if traded.isolated:
            for side in (taker, maker):
                if not side.changed.rows:
                    move(ctx, traded.pool, _CROSS_POOL, side.changed.collateral)

    # Writing

    def write(self, ctx: Context, *sides: Side) -> None:
        """State and totals follow the changes; settled funding is told."""
        collateral: dict[int, int] = {}
        for side in sides:
            stored, changed = side.stored, side.changed
            if changed.collateral or changed.rows:
                self._state.accounts.set(ctx, side.id, changed)
            else:
                self._state.accounts.delete(ctx, side.id)
            after = self.pool_of(ctx, changed)[0]
            collateral[after] = collateral.get(after, 0) + changed.collateral
            # Positions before and after say the same pool, unless there are none on one side.
            before = after if stored.rows and changed.rows else self.pool_of(ctx, stored)[0]
            collateral[before] = collateral.get(before, 0) - stored.collateral
            for perpetual_id, payment in side.payments:
                totals = self._state.market_totals.get(ctx, perpetual_id) or NO_TOTALS
                self.set_totals(ctx, perpetual_id, totals._replace(lots_index=totals.lots_index - payment))
                ctx.emit(SETTLED_FUNDING, addresses.to_text(side.id.owner), side.id.number, perpetual_id, -payment)
        for pool_key, delta in collateral.items():
            if delta:
                self.set_collateral(ctx, pool_key, (self._state.pool_collateral.get(ctx, pool_key) or 0) + delta)

    def set_collateral(self, ctx: Context, pool_key: int, total: int) -> None:
        """The kept sum of collateral in a pool."""
        if total:
            self._state.pool_collateral.set(ctx, pool_key, total)
        else:
            self._state.pool_collateral.delete(ctx, pool_key)

    def set_totals(self, ctx: Context, perpetual_id: int, totals: MarketTotals) -> None:
        """The kept sums over all positions in a perpetual."""
        if totals == NO_TOTALS:
            self._state.market_totals.delete(ctx, perpetual_id)
        else:
            self._state.market_totals.set(ctx, perpetual_id, totals)


def held_quantums(rows: tuple[Row, ...], perpetual_id: int) -> int:
    """Signed base quantums of the position in one perpetual; 0 without one."""
    for row in rows:
        if row[0] == perpetual_id:
            return row[1]
    return 0


def _more(before: int, after: int) -> int:
    """By how much a size grew on the positive side."""
    return max(0, after) - max(0, before)


def _reductions(taker: Side, maker: Side) -> Results:
    """How both sides are judged where the price allows no new risk (SUB-21)."""
    return (
        _SUCCESS if formulas.only_reduces(taker.before, taker.after) else _NOT_FRESH,
        _SUCCESS if formulas.only_reduces(maker.before, maker.after) else _NOT_FRESH,
    )


def _can_change_pool(side: Side) -> bool:
    """Whether what moves with a subaccount that enters or leaves an isolated pool is not a debt."""
    if not side.stored.rows:
        return side.settled.collateral >= 0
    return bool(side.changed.rows) or side.changed.collateral >= 0
