"""The verbs of subaccounts. `match`, `deposit`, `withdraw` and `transfer` are the one door for positions and collateral."""

from collections.abc import Iterator
from typing import NamedTuple

from modules.auth.keeper import AuthKeeper
from modules.bank.keeper import BankKeeper
from modules.bank.model import USDC
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import UNAUTHORIZED, ChainError
from modules.kernel.units import Address, SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import books, formulas, safety
from modules.subaccounts.errors import AMOUNT_NOT_POSITIVE, FAILED_UPDATE, NOT_UPDATABLE, NOT_USDC, SAME_SUBACCOUNT_TWICE
from modules.subaccounts.events import CREATED_TRANSFER, DEPOSITED, SETTLED_FUNDING, WITHDREW
from modules.subaccounts.model import (
    CROSS_KEY,
    CROSS_POOL,
    EMPTY,
    FEE_COLLECTOR,
    NO_TOTALS,
    Backing,
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

Payments = tuple[tuple[int, int], ...]
"""(perpetual id, quote quantums received by funding settlement), never zero ones."""


class _Side(NamedTuple):
    """One subaccount on its way through the door."""

    id: SubaccountId
    stored: Subaccount
    settled: Subaccount
    payments: Payments
    changed: Subaccount


class SubaccountsKeeper:
    """Collateral and positions by subaccount. Amounts of money are quote quantums, sizes are base quantums."""

    def __init__(self, state: SubaccountsState, auth: AuthKeeper, bank: BankKeeper, perp: PerpKeeper, funding: FundingKeeper) -> None:
        self._state = state
        self._auth = auth
        self._bank = bank
        self._perp = perp
        self._funding = funding

    # Reading

    def get(self, ctx: Context, subaccount_id: SubaccountId) -> Subaccount:
        """As stored: funding since the last settlement is not in the collateral. An absent subaccount reads as an empty one."""
        return self._state.accounts.get(ctx, subaccount_id) or EMPTY

    def settled(self, ctx: Context, subaccount_id: SubaccountId) -> Subaccount:
        """With funding paid up to now, without writing it."""
        return self._settle(ctx, self.get(ctx, subaccount_id))[0]

    def settle(self, ctx: Context, account: Subaccount) -> Subaccount:
        """A subaccount that was read, with funding paid up to now."""
        return self._settle(ctx, account)[0]

    def position(self, ctx: Context, subaccount_id: SubaccountId, perpetual_id: int) -> int:
        """Signed base quantums; 0 without a position."""
        found = self._state.accounts.get(ctx, subaccount_id)
        return 0 if found is None else _quantums(found.rows, perpetual_id)

    def risk(self, ctx: Context, subaccount_id: SubaccountId) -> Risk:
        """Worth and requirements with funding settled up to now, at the block's oracle prices."""
        return self.risk_of(ctx, self.settled(ctx, subaccount_id))

    def risk_of(self, ctx: Context, settled: Subaccount, perpetual_id: int = -1, open_interest: int | None = None) -> Risk:
        """The same of a settled subaccount; `open_interest` is what `perpetual_id` has after the trade that is being judged."""
        net, initial, maintenance = settled.collateral, 0, 0
        margin = self._perp.margin
        for held_id, quantums, _, _ in settled.rows:
            value = margin(ctx, held_id, quantums, open_interest if held_id == perpetual_id else None)
            net += value.notional
            initial += value.initial
            maintenance += value.maintenance
        return Risk(net, initial, maintenance)

    def with_positions(self, ctx: Context) -> list[SubaccountId]:
        """Every subaccount that has a position, by key."""
        return [key for _, key in self._state.open_accounts.group(ctx, 0)]

    def holders(self, ctx: Context, perpetual_id: int) -> list[SubaccountId]:
        """Every subaccount with a position in one perpetual, by key. Looks at all that have any position."""
        get = self._state.accounts.get
        found = []
        for _, key in self._state.open_accounts.group(ctx, 0):
            account = get(ctx, key)
            if account is not None and _quantums(account.rows, perpetual_id):
                found.append(key)
        return found

    def accounts(self, ctx: Context) -> Iterator[tuple[SubaccountId, Subaccount]]:
        """Every subaccount as stored, by key."""
        return self._state.accounts.items(ctx)

    def liquidatable(self, ctx: Context, subaccount_id: SubaccountId) -> Risk | None:
        """The settled risk of a subaccount below its maintenance requirement (SUB-2), else None."""
        risk = self.risk(ctx, subaccount_id)
        return risk if formulas.is_liquidatable(risk) else None

    def below_maintenance(self, ctx: Context) -> list[tuple[SubaccountId, Risk]]:
        """Every liquidatable subaccount with its settled risk, by key (SUB-2)."""
        return safety.below_maintenance(ctx, self._state, self._perp, self._funding, self._settled_risk)

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

    def conservation(self, ctx: Context) -> list[str]:
        """Sentences, one per broken law of money, from the totals kept with every change: O(markets). Run after every block."""
        return books.broken(books.report(ctx, self._bank, self._perp, self._funding, books.kept(ctx, self._state, self._perp)))

    def books(self, ctx: Context) -> books.Report:
        """Pools and markets counted afresh from all subaccounts."""
        return books.report(ctx, self._bank, self._perp, self._funding, books.counted(ctx, self._state, self._perp, self._funding))

    def conservation_by_scan(self, ctx: Context) -> list[str]:
        """The same laws from a full scan, and that the kept totals equal it."""
        counted = books.counted(ctx, self._state, self._perp, self._funding)
        broken = books.broken(books.report(ctx, self._bank, self._perp, self._funding, counted))
        return broken + books.differences(books.kept(ctx, self._state, self._perp), counted)

    def broken_accounts(self, ctx: Context) -> list[str]:
        """Full scan for empty subaccounts, positions of size zero or out of order, and company in an isolated perpetual."""
        broken = []
        for key, account in self._state.accounts.items(ctx):
            name = f"{addresses.to_text(key.owner)}/{key.number}"
            held = [row[0] for row in account.rows]
            if not account.collateral and not held:
                broken.append(f"{name} is stored though empty")
            if held != sorted(held) or not all(quantums for _, quantums, _, _ in account.rows):
                broken.append(f"{name} has positions of size zero or out of order")
            if len(held) > 1 and any(self.backing(ctx, perpetual_id).isolated for perpetual_id in held):
                broken.append(f"{name} holds an isolated position beside others")
        return broken

    def count_totals(self, ctx: Context) -> None:
        """The kept totals are what counting gives; for genesis."""
        totals = books.counted(ctx, self._state, self._perp, self._funding)
        for pool_key, amount in totals.collateral.items():
            self._set_collateral(ctx, pool_key, amount)
        for perpetual_id, sums in totals.markets.items():
            self._set_totals(ctx, perpetual_id, sums)

    # Judging without writing

    def would_collateralise(
        self, ctx: Context, subaccount_id: SubaccountId, perpetual_id: int, quantums_delta: int, quote_delta: int
    ) -> UpdateResult:
        """How a signed change of position and collateral would be judged now, open interest as it is. Raises 103 without a price."""
        if self._perp.terms(ctx, perpetual_id).price == 0:
            raise NOT_UPDATABLE(f"perpetual {perpetual_id}")
        settled = self.settled(ctx, subaccount_id)
        if not self._may_hold(ctx, settled.rows, perpetual_id):
            return _ISOLATION
        rows = formulas.apply(settled.rows, perpetual_id, quantums_delta, 0, 0)
        return self._judge(ctx, settled, Subaccount(settled.collateral + quote_delta, rows), -1, None)

    # The door

    def match(self, ctx: Context, fill: Fill) -> tuple[UpdateResult, UpdateResult]:
        """One trade, wholly or not at all; the results of taker and maker are both SUCCESS exactly if it has happened.

        Funding of both is settled first. Fees go from the perpetual's pool to the fee collector, the insurance delta between pool
        and fund. Raises subaccounts/101 (same subaccount) and 103 (no price); everything else is a result.
        """
        perpetual_id, taker_id, maker_id, taker_buys, quantums, quote, taker_fee, maker_fee, insurance_delta = fill
        assert quantums > 0 <= quote, fill
        assert taker_fee + maker_fee >= 0, "a rebate is paid out of the taker's fee"
        if taker_id == maker_id:
            raise SAME_SUBACCOUNT_TWICE(f"{addresses.to_text(taker_id.owner)}/{taker_id.number}")
        if self._perp.terms(ctx, perpetual_id).price == 0:
            raise NOT_UPDATABLE(f"perpetual {perpetual_id}")
        index = self._funding.index(ctx, perpetual_id)
        if taker_buys:
            taker = self._side(ctx, taker_id, perpetual_id, quantums, quote, -quote - taker_fee - insurance_delta, index)
            maker = self._side(ctx, maker_id, perpetual_id, -quantums, quote, quote - maker_fee, index)
        else:
            taker = self._side(ctx, taker_id, perpetual_id, -quantums, quote, quote - taker_fee - insurance_delta, index)
            maker = self._side(ctx, maker_id, perpetual_id, quantums, quote, -quote - maker_fee, index)
        if not self._may_hold(ctx, taker.stored.rows, perpetual_id) or not self._may_hold(ctx, maker.stored.rows, perpetual_id):
            return (
                _SUCCESS if self._may_hold(ctx, taker.stored.rows, perpetual_id) else _ISOLATION,
                _SUCCESS if self._may_hold(ctx, maker.stored.rows, perpetual_id) else _ISOLATION,
            )
        longer, shorter = _opened(taker, perpetual_id), _opened(maker, perpetual_id)
        long_delta, short_delta = longer[0] + shorter[0], longer[1] + shorter[1]
        open_interest = self._perp.open_interest(ctx, perpetual_id) + long_delta
        taker_result = self._judge(ctx, taker.settled, taker.changed, perpetual_id, open_interest)
        maker_result = self._judge(ctx, maker.settled, maker.changed, perpetual_id, open_interest)
        if taker_result or maker_result:
            return taker_result, maker_result
        traded = self.backing(ctx, perpetual_id)
        if traded.isolated and not (_can_change_pool(taker) and _can_change_pool(maker)):
            return (_SUCCESS if _can_change_pool(taker) else _ERROR), (_SUCCESS if _can_change_pool(maker) else _ERROR)
        mark = ctx.mark()
        try:
            self._pay(ctx, traded, taker, maker, taker_fee + maker_fee, insurance_delta)
        except ChainError:
            ctx.undo(mark)
            return _ERROR, _ERROR
        self._perp.change_open_interest(ctx, perpetual_id, long_delta)
        if long_delta or short_delta:
            totals = self._state.market_totals.get(ctx, perpetual_id) or NO_TOTALS
            self._set_totals(
                ctx, perpetual_id, MarketTotals(totals.long_quantums + long_delta, totals.short_quantums + short_delta, totals.lots_index)
            )
        self._write(ctx, taker, maker)
        return _SUCCESS, _SUCCESS

    def deposit(self, ctx: Context, sender: Address, recipient: SubaccountId, amount: int, asset_id: int = USDC) -> None:
        """The amount has gone from a bank account into a subaccount of any owner. Raises subaccounts/500, 501, sdk 5. Never gated."""
        _check_amount(amount, asset_id)
        side = self._touch(ctx, recipient, amount)
        # More collateral with the same positions always passes SUB-3, so there is nothing to judge.
        self._bank.move(ctx, sender, self.pool_of(ctx, side.stored)[1], amount)
        self._write(ctx, side)
        ctx.emit(DEPOSITED, addresses.to_text(sender), addresses.to_text(recipient.owner), recipient.number, asset_id, amount)

    def withdraw(self, ctx: Context, sender: SubaccountId, recipient: Address, amount: int, asset_id: int = USDC) -> None:
        """The amount has gone from a subaccount to a bank account, which has an auth account afterwards.

        Raises subaccounts/102 (too little would remain), 500, 501; sdk 4 to a module account; sdk 5 when the pool has less.
        """
        _check_amount(amount, asset_id)
        if self._bank.is_blocked(ctx, recipient):
            raise UNAUTHORIZED(f"{addresses.to_text(recipient)} is a module account and takes no payments; withdraw to a user's address")
        side = self._touch(ctx, sender, -amount)
        self._require_valid(ctx, side)
        self._bank.move(ctx, self.pool_of(ctx, side.stored)[1], recipient, amount)
        self._auth.ensure_account(ctx, recipient)
        self._write(ctx, side)
        ctx.emit(WITHDREW, addresses.to_text(sender.owner), sender.number, addresses.to_text(recipient), asset_id, amount)

    def transfer(self, ctx: Context, sender: SubaccountId, recipient: SubaccountId, amount: int, asset_id: int = USDC) -> None:
        """The amount has gone from one subaccount to another, whose owner has an auth account afterwards.

        Raises subaccounts/101, 102, 500, 501; sdk 5 when the sender's pool has less.
        """
        _check_amount(amount, asset_id)
        if sender == recipient:
            raise SAME_SUBACCOUNT_TWICE(f"{addresses.to_text(sender.owner)}/{sender.number}")
        giving, taking = self._touch(ctx, sender, -amount), self._touch(ctx, recipient, amount)
        self._require_valid(ctx, giving)
        self._bank.move(ctx, self.pool_of(ctx, giving.stored)[1], self.pool_of(ctx, taking.stored)[1], amount)
        self._write(ctx, giving, taking)
        self._auth.ensure_account(ctx, recipient.owner)
        ctx.emit(
            CREATED_TRANSFER,
            addresses.to_text(sender.owner),
            sender.number,
            addresses.to_text(recipient.owner),
            recipient.number,
            asset_id,
            amount,
        )

    # Inside the door

    def _settle(self, ctx: Context, account: Subaccount) -> tuple[Subaccount, Payments]:
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
        for perpetual_id, quantums, since, entry in account.rows:
            index = index_of(ctx, perpetual_id)
            rows.append((perpetual_id, quantums, index, entry))
            payment = self._funding.payment(ctx, perpetual_id, quantums, since)
            if payment:
                payments.append((perpetual_id, payment))
                collateral += payment
        return Subaccount(collateral, tuple(rows)), tuple(payments)

    def _settled_risk(self, ctx: Context, account: Subaccount) -> Risk:
        return self.risk_of(ctx, self._settle(ctx, account)[0])

    def _side(
        self, ctx: Context, subaccount_id: SubaccountId, perpetual_id: int, quantums_delta: int, quote: int, quote_delta: int, index: int
    ) -> _Side:
        stored = self._state.accounts.get(ctx, subaccount_id) or EMPTY
        settled, payments = self._settle(ctx, stored)
        rows = formulas.apply(settled.rows, perpetual_id, quantums_delta, quote, index)
        return _Side(subaccount_id, stored, settled, payments, Subaccount(settled.collateral + quote_delta, rows))

    def _touch(self, ctx: Context, subaccount_id: SubaccountId, amount: int) -> _Side:
        stored = self._state.accounts.get(ctx, subaccount_id) or EMPTY
        settled, payments = self._settle(ctx, stored)
        return _Side(subaccount_id, stored, settled, payments, Subaccount(settled.collateral + amount, settled.rows))

    def _may_hold(self, ctx: Context, rows: tuple[Row, ...], perpetual_id: int) -> bool:
        """SUB-4 for a trade in `perpetual_id`."""
        if not rows or _quantums(rows, perpetual_id):
            return True
        return formulas.may_hold(
            holds_any=True,
            holds_isolated=self.backing(ctx, rows[0][0]).isolated,
            isolated=self.backing(ctx, perpetual_id).isolated,
        )

    def _judge(self, ctx: Context, settled: Subaccount, changed: Subaccount, perpetual_id: int, open_interest: int | None) -> UpdateResult:
        """SUB-3, by the bound where it suffices."""
        if safety.clearly_initial(ctx, self._perp, changed, perpetual_id, open_interest):
            return _SUCCESS
        new = self.risk_of(ctx, changed, perpetual_id, open_interest)
        if formulas.is_initially_collateralised(new):
            return _SUCCESS
        return formulas.transition(self.risk_of(ctx, settled, perpetual_id, open_interest), new)

    def _require_valid(self, ctx: Context, side: _Side) -> None:
        result = self._judge(ctx, side.settled, side.changed, -1, None)
        if result:
            raise FAILED_UPDATE(result.text)

    def _pay(self, ctx: Context, traded: Backing, taker: _Side, maker: _Side, fees: int, insurance_delta: int) -> None:
        """Bank money follows: what comes into the traded perpetual's pool first, then what leaves it."""
        move = self._bank.move
        if insurance_delta < 0:
            move(ctx, traded.fund, traded.pool, -insurance_delta)
        if traded.isolated:
            for side in (taker, maker):
                if not side.stored.rows:
                    move(ctx, _CROSS_POOL, traded.pool, side.settled.collateral)
        if insurance_delta > 0:
            move(ctx, traded.pool, traded.fund, insurance_delta)
        move(ctx, traded.pool, _FEE_COLLECTOR, fees)
        if traded.isolated:
            for side in (taker, maker):
                if not side.changed.rows:
                    move(ctx, traded.pool, _CROSS_POOL, side.changed.collateral)

    def _write(self, ctx: Context, *sides: _Side) -> None:
        """State and totals follow the changes; settled funding is told."""
        collateral: dict[int, int] = {}
        for side in sides:
            stored, changed = side.stored, side.changed
            if changed.collateral or changed.rows:
                self._state.accounts.set(ctx, side.id, changed)
            else:
                self._state.accounts.delete(ctx, side.id)
            before, after = self.pool_of(ctx, stored)[0], self.pool_of(ctx, changed)[0]
            collateral[before] = collateral.get(before, 0) - stored.collateral
            collateral[after] = collateral.get(after, 0) + changed.collateral
            for perpetual_id, payment in side.payments:
                totals = self._state.market_totals.get(ctx, perpetual_id) or NO_TOTALS
                self._set_totals(ctx, perpetual_id, totals._replace(lots_index=totals.lots_index - payment))
                ctx.emit(SETTLED_FUNDING, addresses.to_text(side.id.owner), side.id.number, perpetual_id, -payment)
        for pool_key, delta in collateral.items():
            if delta:
                self._set_collateral(ctx, pool_key, (self._state.pool_collateral.get(ctx, pool_key) or 0) + delta)

    def _set_collateral(self, ctx: Context, pool_key: int, total: int) -> None:
        if total:
            self._state.pool_collateral.set(ctx, pool_key, total)
        else:
            self._state.pool_collateral.delete(ctx, pool_key)

    def _set_totals(self, ctx: Context, perpetual_id: int, totals: MarketTotals) -> None:
        if totals == NO_TOTALS:
            self._state.market_totals.delete(ctx, perpetual_id)
        else:
            self._state.market_totals.set(ctx, perpetual_id, totals)


def _check_amount(amount: int, asset_id: int) -> None:
    if asset_id != USDC:
        raise NOT_USDC(f"asset {asset_id}")
    if amount <= 0:
        raise AMOUNT_NOT_POSITIVE(f"{amount}")


def _opened(side: _Side, perpetual_id: int) -> tuple[int, int]:
    """By how much one side's long and short size in the perpetual grew."""
    before, after = _quantums(side.stored.rows, perpetual_id), _quantums(side.changed.rows, perpetual_id)
    long, short = (after, 0) if after > 0 else (0, -after)
    return (long - before, short) if before > 0 else (long, short + before)


def _can_change_pool(side: _Side) -> bool:
    """Whether what moves with a subaccount that enters or leaves an isolated pool is not a debt."""
    if not side.stored.rows:
        return side.settled.collateral >= 0
    return bool(side.changed.rows) or side.changed.collateral >= 0


def _quantums(rows: tuple[Row, ...], perpetual_id: int) -> int:
    for row in rows:
        if row[0] == perpetual_id:
            return row[1]
    return 0
