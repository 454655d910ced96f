"""Random books and crashes: money is conserved, funds stay above zero, and nobody gains by being liquidated."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.kernel.errors import ChainError
from support.clob_exchange import sub
from support.markets import BTC, ETH, LINK
from support.risk_desk import NAMES, RICH, Desk, desk_genesis

LOT = 1_000_000
TICK = 100_000
ALICE, BOB, MAKER = sub("alice"), sub("bob"), sub("maker")
PRICES = {BTC: 6_012_345_678, ETH: 3_012_345_678, LINK: 14_560_000_000}


def order_price(perpetual: int, per_mille: int) -> int:
    """Subticks so many thousandths of the oracle's, in whole ticks. In all three markets the oracle's price is its own subticks."""
    return PRICES[perpetual] * per_mille // 1_000 // TICK * TICK


@settings(max_examples=120, deadline=None)
@given(
    long=st.booleans(),
    lots=st.integers(1, 20_000),
    worth_ppm=st.integers(-30_000, 13_000),
    fund=st.sampled_from((0, 1, 10**6, 10**8, 10**12)),
    book=st.lists(st.tuples(st.integers(940, 1_060), st.integers(1, 8_000)), min_size=0, max_size=6),
    portion=st.sampled_from((100_000, 1_000_000)),
)
def test_one_account_is_never_riskier_nor_paid_beyond_bankruptcy(
    long: bool, lots: int, worth_ppm: int, fund: int, book: list[tuple[int, int]], portion: int
) -> None:
    """LIQ-5, LIQ-6 through the engine: net collateral per requirement does not fall; where only the fund paid, it does not rise by
    more than a quantum per fill; what the fund lost and gained is what the summary says.
    """
    size = lots * LOT if long else -lots * LOT
    start = Desk()
    value = start.notional(BTC, size)
    usdc = -value + abs(value) * worth_ppm // 1_000_000
    held = {ALICE: (usdc, {BTC: size}), BOB: (1_000 * RICH, {BTC: -size}), MAKER: (1_000 * RICH, {})}
    desk = Desk(
        desk_genesis(held, fund=fund, liquidation={"max_position_portion_liquidated_ppm": portion, "max_notional_liquidated": 10**13})
    )
    for per_mille, quantity in book:
        desk.quote_order("maker", "buy" if long else "sell", quantity * LOT, order_price(BTC, per_mille))
    old = desk.risk(ALICE)
    told = desk.liquidate()
    new = desk.risk(ALICE)
    assert desk.broken() == []
    assert desk.module_balance("insurance_fund") >= 0
    assert bool(told) <= (old.maintenance > old.net_collateral)
    gained = sum(event["paid_to_fund"] - event["paid_by_fund"] for event in told)
    assert desk.module_balance("insurance_fund") == fund + gained
    deleveraged = sum(event["quantums"] for event in desk.events("deleveraged"))
    for event in told:
        assert 0 < event["quantums_filled"] <= event["quantums_wanted"] <= abs(size)
        assert abs(desk.position(ALICE)) == abs(size) - event["quantums_filled"] - deleveraged
        assert new.net_collateral * old.maintenance >= old.net_collateral * new.maintenance
        if event["paid_to_fund"] == 0:
            fills = len([fill for fill in desk.events("match") if fill["is_liquidation"]])
            assert (new.net_collateral - fills) * old.maintenance < old.net_collateral * new.maintenance or not new.maintenance
        limit = event["fillable_subticks"]
        prices = [fill["subticks"] for fill in desk.events("order_fill")]
        assert all(price >= limit if long else price <= limit for price in prices)


market = st.sampled_from((BTC, ETH, LINK))
opening = st.tuples(st.just("open"), st.integers(0, 5), st.integers(6, 7), market, st.integers(1, 39), st.booleans())
ordering = st.tuples(st.just("order"), st.integers(0, 7), market, st.booleans(), st.integers(930, 1_070), st.integers(1, 9_000))
pricing = st.tuples(st.just("price"), market, st.integers(850, 1_150))
ending = st.tuples(st.just("block"), st.integers(0, 1))
kinds: tuple[st.SearchStrategy[Any], ...] = (opening, opening, ordering, ordering, ordering, pricing, ending)
action = st.integers(0, len(kinds) - 1).flatmap(kinds.__getitem__)


def act(desk: Desk, step: tuple[Any, ...]) -> None:
    """One step of a market's life; a block ends with its liquidation pass and, sometimes, an hour of funding.

    Who opens does so at up to 39 times what the account is worth. LINK is isolated and traded by subaccounts number 1.
    """
    kind, *facts = step
    if kind == "open":
        trader, other, where, leverage, buys = facts
        sides = (sub(NAMES[trader], int(where == LINK)), sub(NAMES[other], int(where == LINK)))
        free = max(desk.risk(sides[0]).net_collateral - desk.risk(sides[0]).initial, 0)
        lots = free * leverage // desk.notional(where, 100 * LOT) * 100
        if lots:
            buyer, seller = sides if buys else sides[::-1]
            desk.trade(buyer, seller, where, lots * LOT, taker_fee=5)
    elif kind == "order":
        trader, where, buys, per_mille, lots = facts
        price = order_price(where, per_mille)
        desk.quote_order(NAMES[trader], "buy" if buys else "sell", lots * LOT, price, where, int(where == LINK))
    elif kind == "price":
        desk.set_price(facts[0], PRICES[facts[0]] * facts[1] // 1_000)
    else:
        desk.liquidate()
        assert desk.subaccounts.conservation(desk.ctx) == []
        if facts[0]:
            desk.fund_hour({BTC: 30_000, ETH: -20_000, LINK: 7})
        desk.step()


def life(steps: list[tuple[Any, ...]]) -> Desk:
    """An exchange with leveraged traders, makers and a fund, after these steps and a crash."""
    desk = Desk(desk_genesis(fund=200_000_000))
    for name in NAMES:
        for number in (0, 1):
            desk.deposit(name, RICH if name in NAMES[6:] else 3_000_000_000, number)
    crash = [
        ("price", BTC, 950),
        ("block", 0),
        ("price", BTC, 1_040),
        ("price", ETH, 900),
        ("price", LINK, 900),
        ("block", 0),
        ("block", 1),
    ]
    for step in [*steps, *crash]:
        mark = desk.ctx.mark()
        try:
            act(desk, step)
        except ChainError:
            desk.ctx.undo(mark)
        assert desk.subaccounts.conservation(desk.ctx) == []
        assert all(fund.balance >= 0 for fund in desk.insurance.funds(desk.ctx))
    return desk


@settings(max_examples=40, deadline=None)
@given(st.lists(action, min_size=15, max_size=60))
def test_cascades_conserve_money_and_repeat_exactly(steps: list[tuple[Any, ...]]) -> None:
    """SUB-8, SUB-9 after every step; the fund is never negative; the same life gives the same state."""
    desk = life(steps)
    assert desk.broken() == []
    for perpetual in (BTC, ETH, LINK):
        accounts = [account for _, account in desk.subaccounts.accounts(desk.ctx)]
        assert sum(account.positions[perpetual].quantums for account in accounts if perpetual in account.positions) == 0
    assert life(steps).snapshot() == desk.snapshot()
