"""The laws of money over all subaccounts: from totals kept with every change, or counted afresh."""

from collections.abc import Mapping
from typing import NamedTuple

from modules.bank.keeper import BankKeeper
from modules.funding.keeper import FundingKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.intmath import div_floor
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import formulas
from modules.subaccounts.model import CROSS_KEY, CROSS_POOL, NO_TOTALS, MarketTotals, Pool, pool_name
from modules.subaccounts.state import SubaccountsState


class Totals(NamedTuple):
    """Sums over all subaccounts; zero ones are absent."""

    collateral: Mapping[int, int]
    """By pool key."""
    markets: Mapping[int, MarketTotals]


class MarketReport(NamedTuple):
    """All positions in one perpetual."""

    perpetual_id: int
    long_quantums: int
    short_quantums: int
    """Magnitude."""
    open_interest: int
    unsettled_funding: int
    """Quote quantums that settling all of them would add to collateral."""


class Report(NamedTuple):
    """All pools and all markets."""

    pools: tuple[Pool, ...]
    """By name."""
    markets: tuple[MarketReport, ...]
    """Ascending by perpetual id."""


def kept(ctx: Context, state: SubaccountsState, perp: PerpKeeper) -> Totals:
    """As kept with every change."""
    collateral: dict[int, int] = {CROSS_KEY: state.pool_collateral.get(ctx, CROSS_KEY) or 0}
    markets = {}
    for perpetual in perp.all(ctx):
        markets[perpetual.id] = state.market_totals.get(ctx, perpetual.id) or NO_TOTALS
        if perpetual.isolated:
            collateral[perpetual.id + 1] = state.pool_collateral.get(ctx, perpetual.id + 1) or 0
    return Totals(collateral, markets)


def counted(ctx: Context, state: SubaccountsState, perp: PerpKeeper, funding: FundingKeeper) -> Totals:
    """The same from every subaccount."""
    collateral: dict[int, int] = {CROSS_KEY: 0}
    isolated: dict[int, bool] = {}
    sums: dict[int, list[int]] = {}
    for perpetual in perp.all(ctx):
        isolated[perpetual.id] = perpetual.isolated
        sums[perpetual.id] = [0, 0, 0]
        if perpetual.isolated:
            collateral[perpetual.id + 1] = 0
    for _, account in state.accounts.items(ctx):
        first = account.rows[0][0] if account.rows else None
        collateral[CROSS_KEY if first is None or not isolated[first] else first + 1] += account.collateral
        for perpetual_id, quantums, funding_index, _, _ in account.rows:
            row = sums[perpetual_id]
            row[0 if quantums > 0 else 1] += abs(quantums)
            row[2] += div_floor(quantums, funding.lot(ctx, perpetual_id)) * funding_index
    return Totals(collateral, {perpetual_id: MarketTotals(*row) for perpetual_id, row in sums.items()})


def report(ctx: Context, bank: BankKeeper, perp: PerpKeeper, funding: FundingKeeper, totals: Totals) -> Report:
    """What the totals mean at the block's funding indexes, beside the bank's balances and the open interest."""
    unsettled = dict.fromkeys(totals.collateral, 0)
    names = {CROSS_KEY: CROSS_POOL}
    markets = []
    for perpetual in perp.all(ctx):
        key = CROSS_KEY
        if perpetual.isolated:
            key = perpetual.id + 1
            names[key] = pool_name(perpetual.id, isolated=True)
        sums = totals.markets[perpetual.id]
        net_lots = div_floor(sums.long_quantums - sums.short_quantums, funding.lot(ctx, perpetual.id))
        owed = formulas.unsettled_in_market(sums.lots_index, net_lots, funding.index(ctx, perpetual.id))
        unsettled[key] += owed
        open_interest = perp.open_interest(ctx, perpetual.id)
        markets.append(MarketReport(perpetual.id, sums.long_quantums, sums.short_quantums, open_interest, owed))
    pools = []
    for key in sorted(names, key=names.__getitem__):
        account = addresses.of_module(names[key])
        pools.append(Pool(key, names[key], account, bank.balance(ctx, account), totals.collateral[key], unsettled[key]))
    return Report(tuple(pools), tuple(markets))


def broken(found: Report) -> list[str]:
    """A sentence for every pool that is not exact (SUB-8) and every market that is not balanced (SUB-9)."""
    sentences = [
        f"pool {pool.name} holds {pool.bank_balance}, its subaccounts {pool.collateral} and {pool.unsettled_funding} of unsettled funding"
        for pool in found.pools
        if not formulas.is_pool_exact(pool.bank_balance, pool.collateral, pool.unsettled_funding)
    ]
    sentences += [
        f"perpetual {market.perpetual_id}: longs {market.long_quantums}, shorts {market.short_quantums},"
        f" open interest {market.open_interest}"
        for market in found.markets
        if not formulas.is_market_balanced(market.long_quantums, market.short_quantums, market.open_interest)
    ]
    return sentences


def differences(kept_totals: Totals, counted_totals: Totals) -> list[str]:
    """Where the totals kept with every change are not what counting gives."""
    sentences = [
        f"collateral of pool {key} is kept as {kept_totals.collateral[key]} and counts {amount}"
        for key, amount in counted_totals.collateral.items()
        if kept_totals.collateral[key] != amount
    ]
    sentences += [
        f"totals of perpetual {key} are kept as {tuple(kept_totals.markets[key])} and count {tuple(sums)}"
        for key, sums in counted_totals.markets.items()
        if kept_totals.markets[key] != sums
    ]
    return sentences
