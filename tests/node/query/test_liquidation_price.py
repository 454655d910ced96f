"""The price at which an account would be liquidated, against trying every price in the real oracle."""

from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.subaccounts.model import Subaccount
from node.query.services.positions import PRICE_MAX, liquidation_price
from support.clob_exchange import sub
from support.markets import BTC, ETH, perp_section
from support.risk_desk import Desk, desk_genesis

ALICE = sub("alice")
HALF = 500_000_000
"""Base quantums of which two are worth one quote quantum per oracle unit of price."""
HIGHEST_TRIED = 250
BRACKETS = [
    {"above_notional": "0", "initial_ppm": 80_000, "maintenance_ppm": 40_000},
    {"above_notional": "60", "initial_ppm": 400_000, "maintenance_ppm": 200_000},
    {"above_notional": "150", "initial_ppm": 1_000_000, "maintenance_ppm": 999_999},
]


@lru_cache(maxsize=2)
def desk(bracketed: bool) -> Desk:
    """A desk whose large-cap tier has brackets, or not."""
    perp: dict[str, Any] = perp_section()
    if bracketed:
        perp["liquidity_tiers"][0]["brackets"] = BRACKETS
    return Desk(desk_genesis(perp=perp))


def hold(on: Desk, collateral: int, sizes: dict[int, int]) -> None:
    """Alice holds exactly this, whatever anybody else has."""
    rows = tuple((perpetual_id, quantums, 0, 0, 0) for perpetual_id, quantums in sorted(sizes.items()) if quantums)
    on.wiring.subaccounts._state.accounts.set(on.ctx, ALICE, Subaccount(collateral, rows))


def liquidatable(on: Desk, price: int) -> bool:
    """What the engine would say with this price of BTC in the oracle."""
    on.set_price(BTC, price)
    return on.subaccounts.liquidatable(on.ctx, ALICE) is not None


def found(on: Desk, quantums: int) -> int | None:
    """The answer at the present price."""
    return liquidation_price(on.ctx, on.perp, on.risk(ALICE), BTC, quantums)


@settings(max_examples=120)
@given(
    st.booleans(),
    st.integers(-300, 300),
    st.integers(-6, 6).filter(bool),
    st.integers(-3, 3),
    st.integers(1, HIGHEST_TRIED),
    st.integers(1, 100),
)
def test_it_is_the_nearest_price_at_which_the_engine_would_act(
    bracketed: bool, collateral: int, halves: int, others: int, present: int, other_price: int
) -> None:
    """Equal to trying every price from 1 on; beyond what is tried, the engine acts at the answer and not one before it."""
    on = desk(bracketed)
    hold(on, collateral, {BTC: halves * HALF, ETH: others * HALF})
    on.set_price(ETH, other_price)
    tried = {price: liquidatable(on, price) for price in range(1, HIGHEST_TRIED + 1)}
    on.set_price(BTC, present)
    answer = found(on, halves * HALF)
    nearest = min((price for price, acts in tried.items() if acts), key=lambda price: abs(price - present), default=None)
    if answer is None:
        assert nearest is None
        assert not liquidatable(on, PRICE_MAX)
    elif answer <= HIGHEST_TRIED:
        assert answer == nearest
    else:
        assert nearest is None
        assert liquidatable(on, answer)
        assert not liquidatable(on, answer - 1)


def test_a_long_is_liquidated_below_and_a_short_above() -> None:
    """One unit of price before it the account is safe; without a price or without a way there, there is no answer."""
    on = desk(False)
    for halves, present in ((4, 100), (-4, 100)):
        hold(on, -150 if halves > 0 else 250, {BTC: halves * HALF})
        on.set_price(BTC, present)
        answer = found(on, halves * HALF)
        assert answer is not None
        assert (answer < present) == (halves > 0)
        toward = 1 if halves > 0 else -1
        assert (liquidatable(on, answer), liquidatable(on, answer + toward)) == (True, False)
    hold(on, 1_000, {BTC: HALF})
    on.set_price(BTC, 100)
    assert found(on, HALF) is None, "a long that is paid for in full"
