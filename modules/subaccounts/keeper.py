"""The verbs of subaccounts. `match`, `deposit`, `withdraw` and `transfer` are the one door for positions and collateral."""

from collections.abc import Iterable, Iterator

from modules.auth.keeper import AuthKeeper
from modules.bank.keeper import BankKeeper
from modules.bank.model import USDC
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import UNAUTHORIZED
from modules.kernel.units import Address, SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import books, formulas, leverage, safety
from modules.subaccounts.door import Door, Side, held_quantums
from modules.subaccounts.errors import AMOUNT_NOT_POSITIVE, NOT_UPDATABLE, NOT_USDC, SAME_SUBACCOUNT_TWICE
from modules.subaccounts.events import CREATED_TRANSFER, DEPOSITED, WITHDREW
from modules.subaccounts.gating import Gating
from modules.subaccounts.model import (
    EMPTY,
    Backing,
    CustomMargin,
    Fill,
    Risk,
    Subaccount,
    UpdateResult,
)
from modules.subaccounts.state import SubaccountsState

_ISOLATION = UpdateResult.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS


class SubaccountsKeeper:
    """Collateral and positions by subaccount. Amounts of money are quote quantums, sizes are base quantums."""

    def __init__(self, state: SubaccountsState, auth: AuthKeeper, bank: BankKeeper, perp: PerpKeeper, funding: FundingKeeper) -> None:
        self._state = state
        self._auth = auth
        self._bank = bank
        self._perp = perp
        self._funding = funding
        self._door = Door(state, auth, bank, perp, funding)
        self.gating = Gating(state)
        """What keeps money in, its parameters and state."""

    # Reading

    def get(self, ctx: Context, subaccount_id: SubaccountId) -> Subaccount:
        """As stored: funding since the last settlement is not in the collateral. An absent subaccount reads as an empty one."""
        return self._state.accounts.get(ctx, subaccount_id) or EMPTY

    def settled(self, ctx: Context, subaccount_id: SubaccountId) -> Subaccount:
        """With funding paid up to now, without writing it."""
        return self._door.settle(ctx, self.get(ctx, subaccount_id))[0]

    def settle(self, ctx: Context, account: Subaccount) -> Subaccount:
        """A subaccount that was read, with funding paid up to now."""
        return self._door.settle(ctx, account)[0]

    def position(self, ctx: Context, subaccount_id: SubaccountId, perpetual_id: int) -> int:
        """Signed base quantums; 0 without a position."""
        found = self._state.accounts.get(ctx, subaccount_id)
        return 0 if found is None else held_quantums(found.rows, perpetual_id)

    def risk(self, ctx: Context, subaccount_id: SubaccountId) -> Risk:
        """Worth and requirements with funding settled up to now, at the block's oracle prices."""
        return self._settled_risk(ctx, subaccount_id, self.get(ctx, subaccount_id))

    def risk_of(self, ctx: Context, settled: Subaccount, perpetual_id: int = -1, open_interest: int | None = None) -> Risk:
        """The same of any settled holdings, without custom leverage; `open_interest` is that of `perpetual_id` after a trade."""
        return self._door.risk_of(ctx, settled, perpetual_id, open_interest)

    def with_positions(self, ctx: Context) -> list[SubaccountId]:
        """Every subaccount that has a position, by key."""
        return [key for _, key in self._state.open_accounts.group(ctx, 0)]

    def holders(self, ctx: Context, perpetual_id: int) -> list[SubaccountId]:
        """Every subaccount with a position in one perpetual, by key. Looks at all that have any position."""
        get = self._state.accounts.get
        found = []
        for _, key in self._state.open_accounts.group(ctx, 0):
            account = get(ctx, key)
            if account is not None and held_quantums(account.rows, perpetual_id):
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
        """Every subaccount with positions that is liquidatable (SUB-2) or worth less than nothing, with its settled risk, by key."""
        return safety.below_maintenance(ctx, self._state, self._perp, self._funding, self._settled_risk)

    def leverage(self, ctx: Context, subaccount_id: SubaccountId) -> tuple[CustomMargin, ...]:
        """(perpetual id, ppm): the least initial margins that the subaccount has chosen, ascending by perpetual."""
        return self._door.custom(ctx, subaccount_id)

    def backing(self, ctx: Context, perpetual_id: int) -> Backing:
        """Pool, fund and funding lot of an existing perpetual. Raises perpetuals/1 when there is none."""
        return self._door.backing(ctx, perpetual_id)

    def pool_of(self, ctx: Context, subaccount: Subaccount) -> tuple[int, Address]:
        """(key, address) of the collateral pool (SUB-4): an isolated perpetual's own for who is in it, else the cross pool."""
        return self._door.pool_of(ctx, subaccount)

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
            if held != sorted(held) or not all(row[1] for row in account.rows):
                broken.append(f"{name} has positions of size zero or out of order")
            if len(held) > 1 and any(self.backing(ctx, perpetual_id).isolated for perpetual_id in held):
                broken.append(f"{name} holds an isolated position beside others")
        return broken

    def broken_leverage(self, ctx: Context) -> list[str]:
        """Full scan for chosen leverage that cannot be."""
        return leverage.broken(ctx, self._state, self._perp)

    def count_totals(self, ctx: Context) -> None:
        """The kept totals are what counting gives; for genesis."""
        totals = books.counted(ctx, self._state, self._perp, self._funding)
        for pool_key, amount in totals.collateral.items():
            self._door.set_collateral(ctx, pool_key, amount)
        for perpetual_id, sums in totals.markets.items():
            self._door.set_totals(ctx, perpetual_id, sums)

    # The block

    def begin_block(self, ctx: Context, gap_ns: int) -> None:
        """An outage is known; `gap_ns` lies between the time of the block before and this one's, 0 where there is no block before."""
        self.gating.begin_block(ctx, gap_ns)

    def saw_negative(self, ctx: Context, subaccount_id: SubaccountId) -> None:
        """The subaccount is worth less than nothing although the engine has done what it could: its pool is gated (SUB-20)."""
        self.gating.saw_negative(ctx, self.pool_of(ctx, self.get(ctx, subaccount_id))[0])

    # Judging without writing

    def would_collateralise(
        self, ctx: Context, subaccount_id: SubaccountId, perpetual_id: int, quantums_delta: int, quote_delta: int
    ) -> UpdateResult:
        """How a signed change of position and collateral would be judged now, open interest as it is. Raises 103 without a price."""
        if self._perp.terms(ctx, perpetual_id).price == 0:
            raise NOT_UPDATABLE(f"perpetual {perpetual_id}")
        settled = self.settled(ctx, subaccount_id)
        if not self._door.may_hold(ctx, settled.rows, perpetual_id):
            return _ISOLATION
        rows = formulas.apply(settled.rows, perpetual_id, quantums_delta, 0, 0, 0)[0]
        changed = Subaccount(settled.collateral + quote_delta, rows)
        return self._door.judge(ctx, Side(subaccount_id, settled, settled, (), changed), -1, None)

    def check_leverage(self, ctx: Context, subaccount_id: SubaccountId, entries: Iterable[tuple[int, int]]) -> None:
        """Whether `set_leverage` would accept these now. Raises its codes; point reads only."""
        leverage.judged(ctx, self._state, self._perp, self._door, subaccount_id, entries)

    # The door

    def match(self, ctx: Context, fill: Fill) -> tuple[UpdateResult, UpdateResult]:
        """One trade, wholly or not at all; the results of taker and maker are both SUCCESS exactly if it has happened.

        Funding of both is settled first. Fees go from the perpetual's pool to whom `payouts` names and, the rest, to the fee collector,
        the insurance delta between pool and fund. Raises subaccounts/101 (same subaccount) and 103 (no price); everything else is a result.
        """
        return self._door.trade(ctx, fill, judged=True)

    def exchange(self, ctx: Context, fill: Fill) -> bool:
        """A trade that the engine decides: like `match`, but nobody's margin is judged, and the quote may be negative (the seller pays).

        False, and nothing has happened, when a subaccount may not hold the perpetual, would enter or leave an isolated pool with a
        debt, or pool or fund lack the money. Raises subaccounts/101 and 103.
        """
        taker_result, maker_result = self._door.trade(ctx, fill, judged=False)
        return not (taker_result or maker_result)

    def set_leverage(self, ctx: Context, subaccount_id: SubaccountId, entries: Iterable[tuple[int, int]]) -> None:
        """The subaccount's own initial margins (perpetual id, ppm of the notional up to 10^6) hold from now on, beside those of others.

        Raises perpetuals/1; subaccounts/701 below the tier's initial margin; 703 if these alone leave it less than it would need;
        oracle/103 for one that is lowered while the market's price is not fresh.
        """
        leverage.choose(ctx, self._state, self._perp, self._door, subaccount_id, entries)

    def deposit(self, ctx: Context, sender: Address, recipient: SubaccountId, amount: int, asset_id: int = USDC) -> None:
        """The amount has gone from a bank account into a subaccount of any owner. Raises subaccounts/500, 501, sdk 5. Never gated."""
        _check_amount(amount, asset_id)
        side = self._door.touch(ctx, recipient, amount)
        # More collateral with the same positions always passes SUB-3, so there is nothing to judge.
        self._bank.move(ctx, sender, self.pool_of(ctx, side.stored)[1], amount)
        self._door.write(ctx, side)
        ctx.emit(DEPOSITED, addresses.to_text(sender), addresses.to_text(recipient.owner), recipient.number, asset_id, amount)

    def withdraw(self, ctx: Context, sender: SubaccountId, recipient: Address, amount: int, asset_id: int = USDC) -> None:
        """The amount has gone from a subaccount to a bank account, which has an auth account afterwards.

        Raises subaccounts/102 (gated, or too little would remain), 500, 501; oracle/102 with a position at a price that is not fresh; sdk 4
        to a module account; sdk 5 when the pool has less.
        """
        _check_amount(amount, asset_id)
        if self._bank.is_blocked(ctx, recipient):
            raise UNAUTHORIZED(f"{addresses.to_text(recipient)} is a module account and takes no payments; withdraw to a user's address")
        side = self._door.touch(ctx, sender, -amount)
        pool_key, pool = self.pool_of(ctx, side.stored)
        self.gating.require_open(ctx, pool_key)
        self._door.require_fresh(ctx, side.stored.rows)
        self._door.require_valid(ctx, side)
        self._bank.move(ctx, pool, recipient, amount)
        self._auth.ensure_account(ctx, recipient)
        self._door.write(ctx, side)
        ctx.emit(WITHDREW, addresses.to_text(sender.owner), sender.number, addresses.to_text(recipient), asset_id, amount)

    def transfer(self, ctx: Context, sender: SubaccountId, recipient: SubaccountId, amount: int, asset_id: int = USDC) -> None:
        """The amount has gone from one subaccount to another, whose owner has an auth account afterwards.

        Raises subaccounts/101, 102 (gated towards another owner or out of the pool, or too little would remain), 500, 501;
        oracle/102 when the sender has a position at a price that is not fresh; sdk 5 when the sender's pool has less.
        """
        _check_amount(amount, asset_id)
        if sender == recipient:
            raise SAME_SUBACCOUNT_TWICE(f"{addresses.to_text(sender.owner)}/{sender.number}")
        giving, taking = self._door.touch(ctx, sender, -amount), self._door.touch(ctx, recipient, amount)
        pool_key, pool = self.pool_of(ctx, giving.stored)
        other_key, other = self.pool_of(ctx, taking.stored)
        if sender.owner != recipient.owner or pool_key != other_key:
            self.gating.require_open(ctx, pool_key)
        self._door.require_fresh(ctx, giving.stored.rows)
        self._door.require_valid(ctx, giving)
        self._bank.move(ctx, pool, other, amount)
        self._door.write(ctx, giving, taking)
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

    def _settled_risk(self, ctx: Context, subaccount_id: SubaccountId, account: Subaccount) -> Risk:
        return self._door.risk_of(ctx, self._door.settle(ctx, account)[0], -1, None, self._door.custom(ctx, subaccount_id))


def _check_amount(amount: int, asset_id: int) -> None:
    if asset_id != USDC:
        raise NOT_USDC(f"asset {asset_id}")
    if amount <= 0:
        raise AMOUNT_NOT_POSITIVE(f"{amount}")
