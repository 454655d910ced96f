"""Random crowds and crashes: deleveraging equals its slow reference, and whatever debt is left is what nobody could take."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.errors import ChainError
from modules.kernel.units import SubaccountId
from modules.subaccounts.model import subaccount
from support.clob_exchange import sub
from support.deleverage_reference import expected_deleveraging, told_shares
from support.markets import BTC, ETH, LINK
from support.risk_desk import NAMES, RICH, Desk, Holding, desk_genesis, fine_genesis

STEP = 1_000_000
LOT = 100
PRICES = {BTC: 6_012_345_678, ETH: 3_012_345_678, LINK: 14_560_000_000}
ALICE, MAKER, WHALE = sub("alice"), sub("maker"), sub("whale")


def sound(desk: Desk) -> bool:
    """Nothing is broken, kept totals equal a full scan, and money is conserved."""
    return desk.broken() == [] and desk.subaccounts.conservation_by_scan(desk.ctx) == []


lots_held = st.one_of(st.integers(1, 9), st.integers(1, 40_000))
worth_ppm = st.one_of(st.integers(0, 3), st.integers(0, 200_000), st.just(10**7))
opposite = st.lists(st.tuples(lots_held, worth_ppm, st.integers(-50, 50)), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(others=opposite, long=st.booleans(), shortfall_ppm=st.integers(0, 150_000), where=st.sampled_from((BTC, LINK)), spare=lots_held)
def test_one_account_is_deleveraged_as_the_slow_reference_says(
    others: list[tuple[int, int, int]], long: bool, shortfall_ppm: int, where: int, spare: int
) -> None:
    """LIQ-7 to LIQ-11 with random sizes, worth and entry costs, cross and isolated: the same counterparties, sizes and quotes; sums are
    exact; who was solvent stays so; an account that was placed wholly is gone.
    """
    sign = 1 if long else -1

    def value(lots: int) -> int:
        return lots * LOT * PRICES[where] // 10**9

    keys = [SubaccountId(sub("bob").owner, number) for number in range(len(others))]
    mine = sum(lots for lots, _, _ in others)
    held: dict[SubaccountId, Holding] = {
        ALICE: (-sign * value(mine) - value(mine) * shortfall_ppm // 1_000_000 - 1, {where: sign * mine * LOT}),
        WHALE: (100 * RICH, {where: sign * spare * LOT}),
        MAKER: (100 * RICH, {where: -sign * spare * LOT}),
    }
    for key, (lots, wealth_ppm, _) in zip(keys, others, strict=True):
        held[key] = (sign * value(lots) + value(lots) * wealth_ppm // 1_000_000, {where: -sign * lots * LOT})
    desk = Desk(fine_genesis(held, fund=0))
    accounts = desk.wiring.subaccounts._state.accounts
    for key, (lots, _, dearer_per_mille) in zip(keys, others, strict=True):
        stored = desk.subaccounts.get(desk.ctx, key)
        entry = -sign * value(lots) * (1_000 + dearer_per_mille) // 1_000
        accounts.set(desk.ctx, key, subaccount(stored.collateral, {where: stored.positions[where]._replace(entry_quote=entry)}))
    worth = {key: desk.risk(key).net_collateral for key in held}
    assert [key for key, net in worth.items() if net < 0] == [ALICE]
    expected = expected_deleveraging(desk, ALICE, where)
    desk.liquidate()
    assert told_shares(desk) == (expected or {})
    receipts = desk.events("deleveraged")
    assert len(receipts) == (expected is not None)
    for told in receipts:
        closed = mine * LOT - abs(desk.position(ALICE, where))
        assert told["quantums"] == sum(quantums for quantums, _ in told_shares(desk).values()) == closed
        assert told["quote_quantums"] == sum(quote for _, quote in told_shares(desk).values())
        assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx)) or closed < mine * LOT
    assert all(desk.risk(key).net_collateral >= 0 for key in held if key != ALICE)
    assert worth[ALICE] <= desk.risk(ALICE).net_collateral <= 0
    assert sound(desk)


market = st.sampled_from((BTC, ETH, LINK))
opening = st.tuples(st.just("open"), st.integers(0, 7), st.integers(0, 7), market, st.integers(5, 49), st.booleans())
ordering = st.tuples(st.just("order"), st.integers(0, 7), market, st.booleans(), st.integers(900, 1_100), st.integers(1, 5_000))
pricing = st.tuples(st.just("price"), market, st.integers(700, 1_300))
paying = st.tuples(st.just("deposit"), st.integers(0, 7), market, st.integers(1, 5_000))
ending = st.tuples(st.just("block"), st.booleans())
kinds: tuple[st.SearchStrategy[Any], ...] = (opening, opening, opening, ordering, pricing, paying, ending, ending)
action = st.integers(0, len(kinds) - 1).flatmap(kinds.__getitem__)


def act(desk: Desk, step: tuple[Any, ...]) -> None:
    """One step of a market's life. Who trades LINK, which is isolated, does so by the subaccount with number 1."""
    kind, *facts = step
    if kind == "open":
        trader, other, where, leverage, buys = facts
        sides = (sub(NAMES[trader], int(where == LINK)), sub(NAMES[other], int(where == LINK)))
        free = max(desk.risk(sides[0]).net_collateral - desk.risk(sides[0]).initial, 0)
        lots = free * leverage // desk.notional(where, 100 * STEP) * 100
        if lots and sides[0] != sides[1]:
            buyer, seller = sides if buys else sides[::-1]
            desk.trade(buyer, seller, where, lots * STEP, taker_fee=5)
    elif kind == "order":
        trader, where, buys, per_mille, lots = facts
        price = PRICES[where] * per_mille // 1_000 // 100_000 * 100_000
        desk.quote_order(NAMES[trader], "buy" if buys else "sell", lots * STEP, price, where, int(where == LINK))
    elif kind == "price":
        desk.set_price(facts[0], PRICES[facts[0]] * facts[1] // 1_000)
    elif kind == "deposit":
        desk.deposit(NAMES[facts[0]], facts[2] * 1_000_000, int(facts[1] == LINK))
    else:
        engine_step(desk)
        if facts[0]:
            desk.fund_hour({BTC: 30_000, ETH: -20_000, LINK: 7})
        desk.step()
        assert desk.broken() == []


def engine_step(desk: Desk) -> None:
    """The engine's step: money is conserved, nobody has lost its solvency to it, and funds have moved by liquidation fills only."""
    solvent = [key for key, _ in desk.subaccounts.accounts(desk.ctx) if desk.risk(key).net_collateral >= 0]
    funds = {fund.name: fund.balance for fund in desk.insurance.funds(desk.ctx)}
    told = desk.liquidate()
    assert all(desk.risk(key).net_collateral >= 0 for key in solvent)
    moved = dict.fromkeys(funds, 0)
    for summary in told:
        name = "insurance_fund:2" if summary["perpetual_id"] == LINK else "insurance_fund"
        moved[name] += summary["paid_to_fund"] - summary["paid_by_fund"]
    assert {fund.name: fund.balance for fund in desk.insurance.funds(desk.ctx)} == {name: funds[name] + moved[name] for name in funds}
    assert all(fund.balance >= 0 for fund in desk.insurance.funds(desk.ctx))
    assert desk.subaccounts.conservation_by_scan(desk.ctx) == []


def life(steps: list[tuple[Any, ...]]) -> Desk:
    """An exchange of leveraged traders with a small fund, after these steps."""
    desk = Desk(desk_genesis(fund=20_000_000))
    for name in NAMES:
        for number in (0, 1):
            desk.deposit(name, 3_000_000_000, number)
    for step in steps:
        mark = desk.ctx.mark()
        try:
            act(desk, step)
        except ChainError:
            desk.ctx.undo(mark)
    return desk


@settings(max_examples=30, deadline=None)
@given(st.lists(action, min_size=10, max_size=50), st.tuples(*[st.integers(600, 1_400)] * 3))
def test_after_any_crash_the_debt_left_is_what_nobody_could_take(steps: list[tuple[Any, ...]], crash: tuple[int, int, int]) -> None:
    """Crash everything and let blocks pass: each account of negative worth that is still there faces only people who cannot bear its share,
    as the slow reference confirms; where there is none, no debt exists. The same life gives the same state.
    """
    whole = [*steps, *[("price", where, crash[where]) for where in (BTC, ETH, LINK)]]
    desk = life(whole)
    assert life(whole).snapshot() == desk.snapshot()
    # Books are emptied of what may still be filled by letting the engine work until it does nothing.
    for _ in range(60):
        before = dict(desk.subaccounts.accounts(desk.ctx))
        engine_step(desk)
        if dict(desk.subaccounts.accounts(desk.ctx)) == before:
            break
        desk.step()
        assert desk.broken() == []
    for key in desk.subaccounts.with_positions(desk.ctx):
        if desk.risk(key).net_collateral < 0 and desk.risk(key).maintenance > 0:
            for perpetual_id in desk.subaccounts.get(desk.ctx, key).positions:
                if perpetual_id != LINK:
                    assert expected_deleveraging(desk, key, perpetual_id) is None
    for key, account in desk.subaccounts.accounts(desk.ctx):
        assert account.rows or account.collateral >= 0, key
