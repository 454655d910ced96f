"""Final settlement: every position of a market that ends is closed at the oracle price, those of negative worth at their own."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modules.clob.model import PairStatus
from modules.kernel import address as addresses
from modules.kernel.units import SubaccountId
from support.clob_exchange import clob_section, sub
from support.markets import BTC, ETH, LINK, oracle_section
from support.risk_desk import NAMES, RICH, Desk, Holding, desk_genesis, fine_genesis

LOT = 1_000_000
ALICE, BOB, CAROL, DAVE, ERIN, MAKER = (sub(name) for name in ("alice", "bob", "carol", "dave", "erin", "maker"))
Held = dict[SubaccountId, Holding]


def ending(*pairs: int, step: int = LOT) -> dict[str, Any]:
    """Section `clob` with these pairs in final settlement."""
    section = clob_section()
    for row in section["clob_pairs"]:
        row["step_base_quantums"] = step
        if row["id"] in pairs:
            row["status"] = "FINAL_SETTLEMENT"
    return section


def settled(desk: Desk, blocks: int = 1) -> Desk:
    """So many blocks later; each is sound by a full scan."""
    for _ in range(blocks):
        desk.step()
        desk.liquidate()
        assert sound(desk)
    return desk


def end(desk: Desk, pair_id: int) -> None:
    """The market is in final settlement from now on."""
    pairs = desk.wiring.clob._state.pairs
    found = pairs.get(desk.ctx, pair_id)
    assert found is not None
    pairs.set(desk.ctx, pair_id, found._replace(status=PairStatus.FINAL_SETTLEMENT))


def sound(desk: Desk) -> bool:
    """Nothing is broken, kept totals equal a full scan, and money is conserved."""
    return desk.broken() == [] and desk.subaccounts.conservation_by_scan(desk.ctx) == []


def worth(desk: Desk) -> dict[SubaccountId, int]:
    """Net collateral of everybody."""
    return {key: desk.risk(key).net_collateral for key, _ in desk.subaccounts.accounts(desk.ctx)}


def closes(desk: Desk) -> list[tuple[str, str, int, int]]:
    """(long, short, quantums, quote) of the present block's closes."""
    return [(told["long"], told["short"], told["quantums"], told["quote_quantums"]) for told in desk.events("final_settlement")]


def test_longs_and_shorts_close_in_key_order_at_the_oracle_price() -> None:
    """LIQ-12: sizes met pairwise, quotes the sizes' notional; nobody's worth changes, and no position of the market is left."""
    held: Held = {
        ALICE: (RICH, {BTC: 700 * LOT}),
        BOB: (RICH, {BTC: 300 * LOT}),
        CAROL: (RICH, {BTC: -400 * LOT}),
        DAVE: (RICH, {BTC: -600 * LOT}),
    }
    desk = Desk(desk_genesis(held, clob=ending(BTC)))
    before = worth(desk)
    desk.liquidate()
    longs, shorts = sorted((ALICE, BOB)), sorted((CAROL, DAVE))
    left = {key: abs(held[key][1][BTC]) for key in held}
    expected = []
    for key in longs:
        for other in shorts:
            size = min(left[key], left[other])
            if size:
                expected.append((addresses.to_text(key.owner), addresses.to_text(other.owner), size, desk.notional(BTC, size)))
                left[key] -= size
                left[other] -= size
    assert closes(desk) == expected
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert desk.subaccounts.holders(desk.ctx, BTC) == []
    assert all(abs(worth(desk)[key] - before[key]) <= 2 for key in held)
    assert [told["is_deleverage"] for told in desk.events("match")] == [True] * len(expected)
    assert desk.events("final_settlement")[0]["oracle_price"] == 6_012_345_678
    assert sound(desk)
    assert settled(desk).events("match") == []


def test_other_markets_of_the_same_accounts_go_on() -> None:
    """Only the market that ends is closed; positions elsewhere keep size and cost."""
    held: Held = {ALICE: (RICH, {BTC: 100 * LOT, ETH: 50 * LOT}), BOB: (RICH, {BTC: -100 * LOT, ETH: -50 * LOT})}
    desk = Desk(desk_genesis(held, clob=ending(BTC)))
    kept = {key: desk.subaccounts.get(desk.ctx, key).positions[ETH] for key in held}
    desk.liquidate()
    assert {key: desk.subaccounts.get(desk.ctx, key).positions for key in held} == {key: {ETH: position} for key, position in kept.items()}
    assert desk.perp.open_interest(desk.ctx, ETH) == 50 * LOT


def test_who_is_of_negative_worth_closes_at_its_own_price_first() -> None:
    """Its shortfall is shared by the other side; then the rest closes at the oracle price. No debt is left."""
    held: Held = {
        ALICE: (-6_300_000_000, {BTC: 1_000 * LOT}),
        BOB: (RICH, {BTC: 3_000 * LOT}),
        CAROL: (RICH, {BTC: -1_000 * LOT}),
        DAVE: (RICH, {BTC: -3_000 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=RICH, clob=ending(BTC)))
    before = worth(desk)
    desk.liquidate()
    assert desk.events("deleveraged")[0]["quote_quantums"] == 6_300_000_000
    shortfall = 6_300_000_000 - desk.notional(BTC, 1_000 * LOT)
    after = worth(desk)
    assert ALICE not in after
    assert abs(after[CAROL] - before[CAROL] + shortfall // 4) <= 2
    assert abs(after[DAVE] - before[DAVE] + shortfall * 3 // 4) <= 2
    assert abs(after[BOB] - before[BOB]) <= 2
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert desk.module_balance("insurance_fund") == RICH
    assert sound(desk)


def test_a_negative_account_that_nobody_can_pay_for_stays_visible_and_the_rest_closes() -> None:
    """What is open at the end is its position and as much of the other side; it ends once somebody can bear it."""
    held: Held = {
        ALICE: (-9_000_000_000, {BTC: 1_000 * LOT}),
        BOB: (RICH, {BTC: 500 * LOT}),
        CAROL: (7_000_000_000, {BTC: -1_000 * LOT}),
        DAVE: (3_010_000_000, {BTC: -500 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0, clob=ending(BTC)))
    desk.liquidate()
    assert sound(desk)
    settled(desk, 3)
    assert desk.position(ALICE) == 1_000 * LOT == desk.perp.open_interest(desk.ctx, BTC)
    assert desk.position(BOB) == 0
    assert desk.risk(ALICE).net_collateral < 0
    for key in sorted((CAROL, DAVE)):
        desk.deposit("carol" if key == CAROL else "dave", RICH)
    settled(desk)
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert all(net >= 0 for net in worth(desk).values())


def test_an_isolated_market_ends_and_all_its_collateral_goes_back_to_the_cross_pool() -> None:
    """Also with somebody of negative worth; its own fund is not asked, and its pool is empty at the end."""
    held: Held = {
        ALICE: (-15_000_000_000, {LINK: 1_000 * LOT}),
        BOB: (10_000_000_000, {LINK: 2_000 * LOT}),
        CAROL: (60_000_000_000, {LINK: -1_000 * LOT}),
        DAVE: (70_000_000_000, {LINK: -2_000 * LOT}),
        MAKER: (RICH, {BTC: LOT}),
        ERIN: (RICH, {BTC: -LOT}),
    }
    desk = Desk(desk_genesis(held, clob=ending(LINK)))
    pool, isolated = desk.module_balance("subaccounts"), desk.module_balance("subaccounts:2")
    desk.liquidate()
    assert desk.perp.open_interest(desk.ctx, LINK) == 0
    assert desk.module_balance("subaccounts:2") == 0
    assert desk.module_balance("subaccounts") == pool + isolated
    assert desk.module_balance("insurance_fund") == RICH
    assert sum(desk.collateral(key) for key in (BOB, CAROL, DAVE)) == isolated
    assert desk.position(MAKER) == LOT
    assert sound(desk)
    # Nothing holds them in the isolated market any more.
    assert not any(desk.trade(BOB, CAROL, BTC, LOT))


def test_a_block_makes_so_many_closes_and_the_next_goes_on() -> None:
    """The parameter bounds all markets together; every block is sound, and in the end nothing is open."""
    held: Held = {sub(name, number): (RICH, {BTC: LOT * (1 if number else -1)}) for name in NAMES for number in (0, 1)}
    held |= {sub(name, number + 2): (RICH, {ETH: LOT * (1 if number else -1)}) for name in NAMES[:3] for number in (0, 1)}
    desk = Desk(desk_genesis(held, clob=ending(BTC, ETH), liquidation={"max_settled_pairs_per_block": 3}))
    made = []
    for _ in range(5):
        desk.liquidate()
        assert sound(desk)
        made.append([told["perpetual_id"] for told in desk.events("final_settlement")])
        desk.step()
    assert made == [[BTC] * 3, [BTC] * 3, [BTC] * 2 + [ETH], [ETH] * 2, []]
    assert desk.subaccounts.with_positions(desk.ctx) == []


def test_pairs_wait_while_accounts_of_negative_worth_have_not_been_tried() -> None:
    """A block's limit on deleveraging comes before closing at the oracle price, which would take their counterparties away."""
    held: Held = {
        ALICE: (-6_300_000_000, {BTC: 1_000 * LOT}),
        BOB: (-6_200_000_000, {BTC: 1_000 * LOT}),
        CAROL: (RICH, {BTC: 1_000 * LOT}),
        DAVE: (RICH, {BTC: -3_000 * LOT}),
    }
    desk = Desk(desk_genesis(held, fund=0, clob=ending(BTC), liquidation={"max_deleveraged_positions_per_block": 1}))
    desk.liquidate()
    assert len(desk.events("deleveraged")) == 1
    assert closes(desk) == []
    settled(desk)
    assert len(desk.events("deleveraged")) == 1
    assert len(closes(desk)) == 1
    assert desk.perp.open_interest(desk.ctx, BTC) == 0


def test_a_market_without_a_price_waits() -> None:
    """Nothing is closed at zero; the first price ends it."""
    oracle = oracle_section()
    oracle["markets"][BTC]["price"] = "0"
    held: Held = {ALICE: (RICH, {BTC: LOT}), BOB: (RICH, {BTC: -LOT})}
    desk = Desk(desk_genesis(held, oracle=oracle, clob=ending(BTC)))
    before = desk.snapshot()
    desk.liquidate()
    assert desk.snapshot() == before
    desk.set_price(BTC, 6_000_000_000)
    desk.liquidate()
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert sound(desk)


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED", "CANCEL_ONLY", "POST_ONLY", "INITIALIZING"])
def test_no_other_status_settles(status: str) -> None:
    """Positions of healthy accounts stay."""
    clob = clob_section()
    clob["clob_pairs"][BTC]["status"] = status
    desk = Desk(desk_genesis({ALICE: (RICH, {BTC: LOT}), BOB: (RICH, {BTC: -LOT})}, clob=clob))
    before = desk.snapshot()
    desk.liquidate()
    assert desk.snapshot() == before


def test_funding_is_settled_with_a_close() -> None:
    """Who owes funding pays it before the position is gone."""
    desk = Desk()
    for name in ("alice", "bob"):
        desk.deposit(name, RICH)
    desk.trade(ALICE, BOB, BTC, 100 * LOT)
    desk.fund_hour({BTC: 48_000})
    desk.fund_hour({BTC: 48_000})
    owed = desk.subaccounts.settled(desk.ctx, ALICE).collateral - desk.collateral(ALICE)
    assert owed < 0
    end(desk, BTC)
    desk.liquidate()
    paid = {told["subaccount"]: told["funding_paid_quote_quantums"] for told in desk.events("settled_funding")}
    assert paid == {addresses.to_text(ALICE.owner): -owed, addresses.to_text(BOB.owner): owed}
    assert desk.collateral(ALICE) == RICH + owed
    assert desk.collateral(BOB) == RICH - owed
    assert sound(desk)


def test_a_long_worth_exactly_nothing_is_not_rounded_into_debt() -> None:
    """LIQ-12: in two parts it would lose a quantum; the shorts that pay it are the ones with something left."""
    size = 12_345_600
    value = size * 6_012_345_678 // 10**9
    held: Held = {ALICE: (-value, {BTC: size}), BOB: (RICH, {BTC: -6_173_000}), CAROL: (RICH, {BTC: -6_172_600})}
    desk = Desk(fine_genesis(held, fund=0, clob=ending(BTC, step=100)))
    parts = sum(part * 6_012_345_678 // 10**9 for part in (6_173_000, 6_172_600))
    assert parts == value - 1
    desk.liquidate()
    assert ALICE not in worth(desk)
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert desk.collateral(BOB) + desk.collateral(CAROL) == 2 * RICH - value
    assert sound(desk)


PRICES = (6_012_345_678, 3_012_345_678, 14_560_000_000)
side = st.tuples(st.integers(-3_000, 3_000), st.one_of(st.integers(-200_000, 200_000), st.just(0)))
books = st.tuples(*[st.lists(side, min_size=1, max_size=6)] * 3)


def crowded(books_of: tuple[list[tuple[int, int]], ...], spare_ppm: int) -> Held:
    """Per market holders of (lots, worth as ppm of the notional), and one more who makes sizes meet, worth `spare_ppm` of them all.

    Whoever holds BTC has an ETH position too, where there is one at the same place of the list.
    """
    held: dict[SubaccountId, tuple[int, dict[int, int]]] = {}
    for where, rows in enumerate(books_of):
        gross = sum(abs(lots) for lots, _ in rows)
        net = sum(lots for lots, _ in rows)
        for place, (lots, worth_ppm) in enumerate([*rows, (-net, spare_ppm * max(gross, 1) // max(abs(net), 1))]):
            key = SubaccountId(sub("bob").owner, place + (100 if where == LINK else 0))
            quantums = lots * 100
            value = abs(quantums) * PRICES[where] // 10**9
            collateral, positions = held.get(key, (0, {}))
            worth = value * worth_ppm // 1_000_000
            held[key] = (collateral + worth - (value if lots > 0 else -value), positions | ({where: quantums} if lots else {}))
    return {key: (collateral, positions) for key, (collateral, positions) in held.items() if positions}


@settings(max_examples=120, deadline=None)
@given(
    books,
    st.lists(st.sampled_from((BTC, ETH, LINK)), min_size=1, max_size=3, unique=True),
    st.sampled_from((0, 30_000, 10**6)),
    st.integers(1, 6),
    st.booleans(),
)
def test_any_state_settles_without_a_quantum_lost(
    books_of: tuple[list[tuple[int, int]], ...], ends: list[int], spare_ppm: int, limit: int, moves: bool
) -> None:
    """Random positions of random worth, also below zero, and the end of some markets: every block is sound; nobody that was solvent ends in
    debt; and after enough blocks a market is empty unless somebody of negative worth is in it whom nobody can pay for.
    """
    held = crowded(books_of, spare_ppm)
    pools = {isolated: sum(c for c, positions in held.values() if (LINK in positions) is isolated) for isolated in (True, False)}
    assume(min(pools.values()) >= 0)
    limits = {"max_settled_pairs_per_block": limit, "max_deleveraged_positions_per_block": limit}
    desk = Desk(fine_genesis(held, fund=0, liquidation=limits, clob=ending(*ends, step=100)))
    solvent = {key for key, net in worth(desk).items() if net >= 0}
    for _ in range(30):
        desk.liquidate()
        assert sound(desk)
        assert all(worth(desk).get(key, 0) >= 0 for key in solvent)
        desk.step()
        if moves:
            desk.set_price(BTC, PRICES[BTC] * (95 + desk.ctx.height % 11) // 100)
            solvent = {key for key, net in worth(desk).items() if net >= 0}
    after = worth(desk)
    for where in ends:
        holders = desk.subaccounts.holders(desk.ctx, where)
        if holders and not any(after[key] < 0 for key in holders):
            nothing_left = {desk.position(key, where) > 0 for key in holders if after[key] > 0}
            assert len(nothing_left) < 2, "a long and a short with something left would have closed"
