"""Isolation: a position in an account of its own loses at most that account's collateral, and no isolated pool draws on cross money.

Isolated by the market (LINK, with a pool and a fund of its own) and by the trader's choice (a child subaccount with one BTC position).
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel import address as addresses
from modules.kernel.units import SubaccountId
from modules.subaccounts.model import Fill, Subaccount, UpdateResult
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK, perp_section
from support.risk_desk import RICH, Desk, desk_genesis

LOT = 1_000_000
TICK = 100_000
PRICES = {BTC: 6_012_345_678, ETH: 3_012_345_678, LINK: 14_560_000_000}
BOTH = (UpdateResult.SUCCESS, UpdateResult.SUCCESS)
PARENT = sub("alice")
POOL = {BTC: "subaccounts", LINK: "subaccounts:2"}
FUND = {BTC: "insurance_fund", LINK: "insurance_fund:2"}


def bracketed_genesis(*, brackets: bool, fund: int) -> dict[str, Any]:
    """BTC with or without marginal brackets, and this much in the common fund."""
    perp = perp_section()
    if brackets:
        perp["liquidity_tiers"][0] |= {"initial_margin_ppm": 8_000, "brackets": "cex_tiers"}
    return desk_genesis(fund=fund, perp=perp)


def open_leveraged(desk: Desk, child: SubaccountId, perpetual: int, long: bool, stake: int, leverage: int) -> None:
    """The child has this stake, and a position of so many times it, or the most below that its market allows, against a rich other."""
    desk.subaccounts.transfer(desk.ctx, PARENT, child, stake)
    other = sub("whale", child.number)
    buyer, seller = (child, other) if long else (other, child)
    lots = stake * leverage // desk.notional(perpetual, LOT)
    while desk.trade(buyer, seller, perpetual, lots * LOT) != BOTH:
        lots = lots * 9 // 10


def quote_book(desk: Desk, perpetual: int, number: int, long: bool, price: int, book: list[tuple[int, int]]) -> None:
    """Orders of the maker around this price (of the oracle), to sell to or buy from the liquidated."""
    for per_mille, lots in book:
        subticks = max(price * per_mille // 1_000 // TICK * TICK, TICK)
        desk.quote_order("maker", "buy" if long else "sell", lots * LOT, subticks, perpetual, number)


@settings(max_examples=120, deadline=None)
@given(
    perpetual=st.sampled_from((BTC, LINK)),
    long=st.booleans(),
    stake=st.integers(50_000_000, 40_000_000_000),
    leverage=st.integers(2, 120),
    fund=st.sampled_from((0, 10**6, 10**10)),
    brackets=st.booleans(),
    path=st.lists(st.one_of(st.integers(960, 1_040), st.integers(500, 1_800)), min_size=1, max_size=4),
    premium=st.sampled_from((0, 40_000, -40_000)),
    book=st.lists(st.tuples(st.integers(900, 1_100), st.integers(1, 40_000)), max_size=4),
)
def test_an_isolated_position_loses_at_most_its_collateral(
    perpetual: int,
    long: bool,
    stake: int,
    leverage: int,
    fund: int,
    brackets: bool,
    path: list[int],
    premium: int,
    book: list[tuple[int, int]],
) -> None:
    """Through crashes, funding, liquidation, an empty fund and deleveraging: the owner's other subaccount, with a position of its own,
    and wallet are untouched to the quantum, and when the position is gone no debt is left.
    """
    desk = Desk(bracketed_genesis(brackets=brackets, fund=fund))
    number = 128 if perpetual == BTC else 1
    child = sub("alice", number)
    for name, own in (("alice", 0), ("bob", 0), ("whale", number), ("maker", number)):
        desk.deposit(name, 50 * RICH, own)
    assert desk.trade(PARENT, sub("bob"), ETH, 10**9) == BOTH
    open_leveraged(desk, child, perpetual, long, stake, leverage)
    assert desk.collateral(PARENT) == 50 * RICH - stake - desk.notional(ETH, 10**9)
    untouched = (desk.subaccounts.get(desk.ctx, PARENT), desk.bank.balance(desk.ctx, owner("alice")))
    for per_mille in path:
        price = PRICES[perpetual] * per_mille // 1_000
        desk.set_price(perpetual, price)
        quote_book(desk, perpetual, number, long, price, book)
        for _ in range(3):
            desk.liquidate()
            assert (desk.subaccounts.get(desk.ctx, PARENT), desk.bank.balance(desk.ctx, owner("alice"))) == untouched
            assert desk.subaccounts.conservation(desk.ctx) == []
            desk.step()
        if premium:
            desk.fund_hour({perpetual: premium})
    desk.liquidate()
    account = desk.subaccounts.settled(desk.ctx, child)
    assert account.rows or account.collateral >= 0, "a debt is left after the position"
    assert (desk.subaccounts.get(desk.ctx, PARENT), desk.bank.balance(desk.ctx, owner("alice"))) == untouched
    assert desk.broken() == []


@pytest.mark.parametrize(("perpetual", "number"), [(BTC, 128), (LINK, 1)])
def test_a_crash_to_a_third_takes_the_stake_and_nothing_else(perpetual: int, number: int) -> None:
    """No book, no fund: the other side is closed at the bankruptcy price; the stake is gone, the rest of the owner's money is not."""
    desk = Desk(bracketed_genesis(brackets=False, fund=0))
    child = sub("alice", number)
    for name, own in (("alice", 0), ("whale", number)):
        desk.deposit(name, 50 * RICH, own)
    open_leveraged(desk, child, perpetual, long=True, stake=10_000_000_000, leverage=2)
    desk.set_price(perpetual, PRICES[perpetual] // 3)
    assert desk.risk(child).net_collateral < 0
    for _ in range(20):
        desk.liquidate()
        desk.step()
    assert desk.position(child, perpetual) == 0
    assert desk.collateral(child) == 0
    assert desk.collateral(PARENT) == 50 * RICH - 10_000_000_000
    assert desk.subaccounts.settled(desk.ctx, sub("whale", number)).collateral == 50 * RICH + 10_000_000_000
    assert desk.broken() == []


USERS = tuple(sub(name, number) for name in ("alice", "bob", "carol", "dave") for number in (0, 1))
fills = st.tuples(
    st.sampled_from((BTC, LINK, LINK)),
    st.integers(0, len(USERS) - 1),
    st.integers(1, len(USERS) - 1),
    st.booleans(),
    st.integers(1, 3_000),
    st.integers(700, 1_300),
    st.integers(-(10**6), 10**6),
    st.integers(0, 5_000),
    st.booleans(),
)


def money(desk: Desk) -> dict[str, int]:
    """What every module account and the router hold."""
    names = ("fee_collector", *POOL.values(), *FUND.values())
    held = {name: desk.module_balance(name) for name in names}
    return held | {"router": desk.bank.balance(desk.ctx, addresses.of_module("router"))}


def is_in(account: Subaccount, perpetual: int) -> bool:
    """Whether the subaccount's collateral lies in the isolated perpetual's pool."""
    return bool(account.rows) and account.rows[0][0] == perpetual


def one_fill(desk: Desk, facts: tuple[Any, ...]) -> None:
    """A fill, judged or the engine's, and that each pool has gained or lost exactly what dydx-risk.md 6.3 says."""
    perpetual, first, offset, buys, lots, per_mille, delta, builder_fee, judged = facts
    taker, maker = USERS[first], USERS[(first + offset) % len(USERS)]
    quote = desk.notional(perpetual, lots * LOT) * per_mille // 1_000
    payouts = ((addresses.of_module("router"), builder_fee),) if builder_fee else ()
    fill = Fill(perpetual, taker, maker, buys, lots * LOT, quote, 900, -300, delta, builder_fee, 0, payouts)
    before, accounts = money(desk), [desk.subaccounts.settled(desk.ctx, key) for key in (taker, maker)]
    happened = desk.subaccounts.match(desk.ctx, fill) == BOTH if judged else desk.subaccounts.exchange(desk.ctx, fill)
    after, changed = money(desk), [desk.subaccounts.get(desk.ctx, key) for key in (taker, maker)]
    moved = {name: after[name] - amount for name, amount in before.items()}
    if not happened:
        assert not any(moved.values())
        return
    entered = [old.collateral for old, new in zip(accounts, changed, strict=True) if not is_in(old, LINK) and perpetual == LINK]
    left = [new.collateral for new in changed if not new.rows and perpetual == LINK]
    assert all(amount >= 0 for amount in (*entered, *left)), "a debt has changed pools"
    expected = dict.fromkeys(before, 0) | {"fee_collector": 600, "router": builder_fee, FUND[perpetual]: delta}
    expected[POOL[perpetual]] = -600 - builder_fee - delta
    expected[POOL[LINK]] += sum(entered) - sum(left)
    expected[POOL[BTC]] += sum(left) - sum(entered)
    assert moved == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(fills, min_size=5, max_size=30), st.lists(st.integers(400, 1_600), min_size=1, max_size=3))
def test_an_isolated_pool_never_draws_on_cross_money(trades: list[tuple[Any, ...]], path: list[int]) -> None:
    """Fill by fill: only the own collateral of who enters or leaves moves between pools, never a debt; fees and fund deltas stay with
    the traded market's. Then LINK alone crashes: the engine uses LINK's pool and fund only, and what comes to the cross pool is
    exactly the collateral of who left.
    """
    desk = Desk(desk_genesis(fund=RICH))
    for key in USERS:
        desk.subaccounts.deposit(desk.ctx, owner("whale"), key, 3_000_000_000)
    for facts in trades:
        one_fill(desk, facts)
        assert desk.subaccounts.conservation(desk.ctx) == []
    for per_mille in path:
        desk.set_price(LINK, PRICES[LINK] * per_mille // 1_000)
        inside = [key for key in USERS if is_in(desk.subaccounts.get(desk.ctx, key), LINK)]
        others = {key: desk.subaccounts.get(desk.ctx, key) for key in USERS if key not in inside}
        before = money(desk)
        mark = len(desk.ctx.events)
        desk.liquidate()
        if {event["perpetual_id"] for event in desk.events("deleveraged", mark)} <= {LINK}:
            left = [desk.collateral(key) for key in inside if not desk.subaccounts.get(desk.ctx, key).rows]
            after = money(desk)
            assert all(amount >= 0 for amount in left)
            assert after[POOL[BTC]] - before[POOL[BTC]] == sum(left)
            assert after[FUND[BTC]] == before[FUND[BTC]]
            assert {key: desk.subaccounts.get(desk.ctx, key) for key in others} == others
        desk.step()
    assert desk.broken() == []
