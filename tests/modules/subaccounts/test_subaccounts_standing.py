"""The door where a price is not fresh: neither side of a trade may grow or flip, whatever the sizes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.oracle.model import Standing
from modules.subaccounts import formulas
from modules.subaccounts.model import Fill, UpdateResult
from support.clob_exchange import sub
from support.markets import BTC
from support.risk_desk import RICH, Desk

LOT = 1_000_000
HOUR_NS = 3_600 * 10**9
ALICE, BOB, CAROL = sub("alice"), sub("bob"), sub("carol")
SIZES = st.integers(-(10**9), 10**9)


@given(SIZES, SIZES)
def test_a_reduction_neither_grows_nor_flips(before: int, after: int) -> None:
    """SUB-21, said the other way round; nothing is left of a position of nothing."""
    shrinks = abs(after) <= abs(before)
    same_side = after == 0 or (after > 0) == (before > 0)
    assert formulas.only_reduces(before, after) is (shrinks and same_side)


def stale_desk(**sizes: int) -> Desk:
    """Everybody rich, with positions in BTC (lots) whose sum is zero; then an hour without a price."""
    desk = Desk()
    for name in ("alice", "bob", "carol"):
        desk.deposit(name, RICH)
    for name, lots in sizes.items():
        if lots:
            desk.trade(*((sub(name), CAROL) if lots > 0 else (CAROL, sub(name))), BTC, abs(lots) * LOT)
    desk.ctx.time_ns += HOUR_NS
    desk.ctx.scratch.clear()
    assert desk.perp.standing(desk.ctx, BTC) is Standing.STALE
    return desk


@pytest.mark.parametrize(
    ("lots", "results"),
    [
        (1, ("SUCCESS", "SUCCESS")),
        (5, ("SUCCESS", "SUCCESS")),
        (6, ("PRICE_NOT_FRESH", "SUCCESS")),
        (8, ("PRICE_NOT_FRESH", "SUCCESS")),
        (9, ("PRICE_NOT_FRESH", "PRICE_NOT_FRESH")),
        (-1, ("PRICE_NOT_FRESH", "PRICE_NOT_FRESH")),
    ],
)
def test_each_side_is_told_whether_it_would_grow(lots: int, results: tuple[str, str]) -> None:
    """SUB-21: alice is long five lots, bob short eight; she sells him so many (negative: he sells her)."""
    desk = stale_desk(alice=5, bob=-8)
    before = desk.snapshot()
    fill = Fill(BTC, ALICE, BOB, lots < 0, abs(lots) * LOT, abs(lots) * 6_000_000, 0, 0)
    assert desk.subaccounts.match(desk.ctx, fill) == tuple(UpdateResult[name] for name in results)
    if results != ("SUCCESS", "SUCCESS"):
        assert desk.snapshot() == before
    assert desk.broken() == []


def test_the_engine_is_not_asked() -> None:
    """SUB-21 is no rule for what the protocol decides, such as final settlement: the same trade goes through `exchange`."""
    desk = stale_desk(alice=5, bob=-8)
    assert desk.subaccounts.exchange(desk.ctx, Fill(BTC, ALICE, BOB, True, LOT, 6_000_000, 0, 0))
    assert desk.subaccounts.position(desk.ctx, ALICE, BTC) == 6 * LOT


@given(st.lists(st.tuples(st.sampled_from((ALICE, BOB, CAROL)), st.sampled_from((ALICE, BOB, CAROL)), st.integers(1, 9)), max_size=12))
def test_no_position_grows_by_any_trades(trades: list[tuple[Any, Any, int]]) -> None:
    """SUB-21 over random lives: at a stale price sizes only fall, and open interest with them."""
    desk = stale_desk(alice=7, bob=-4)
    held = {key: desk.subaccounts.position(desk.ctx, key, BTC) for key in (ALICE, BOB, CAROL)}
    interest = desk.perp.open_interest(desk.ctx, BTC)
    for buyer, seller, lots in trades:
        if buyer == seller:
            continue
        desk.subaccounts.match(desk.ctx, Fill(BTC, buyer, seller, True, lots * LOT, lots * 6_000_000, 0, 0))
        now = {key: desk.subaccounts.position(desk.ctx, key, BTC) for key in held}
        assert all(formulas.only_reduces(held[key], now[key]) for key in held)
        assert desk.perp.open_interest(desk.ctx, BTC) <= interest
        held, interest = now, desk.perp.open_interest(desk.ctx, BTC)
    assert desk.broken() == []
