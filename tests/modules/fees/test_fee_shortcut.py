"""The tier of a trader with little volume is told without summing: it is the one that the sums give."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.fees import formulas
from support.clob_exchange import owner
from support.fee_desk import FeeDesk

_TIER = {"maker_fee_ppm": 0, "taker_fee_ppm": 500}


@pytest.mark.parametrize("second", [{}, {"absolute_volume_requirement": 1_000}, {"maker_volume_share_requirement_ppm": 500_000}])
@settings(max_examples=30, deadline=None)
@given(fills=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(1, 700)), max_size=6), days=st.integers(0, 31))
def test_the_tier_is_the_one_of_the_formula(second: dict[str, int], fills: list[tuple[str, str, int]], days: int) -> None:
    """Whoever has traded, also nothing at all, and whether or not it still counts."""
    desk = FeeDesk({"tiers": [{"name": "1"} | _TIER, {"name": "2"} | _TIER | second]})
    for taker, maker, quote in fills:
        desk.fill(taker, maker, quote)
    desk.step(days * 86_400)
    for name in "abcd":
        expected = formulas.tier_index(desk.keeper.tiers(desk.ctx), desk.slow_volume(name), desk.slow_total())
        assert desk.keeper.tier_index(desk.ctx, owner(name)) == expected
