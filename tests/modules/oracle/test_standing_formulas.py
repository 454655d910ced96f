"""What a price allows, and how far one block may move it: the formulas alone."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.oracle import formulas
from modules.oracle.model import Standing

PRICES = st.integers(1, 2**64 - 1)


def test_of_all_that_applies_the_highest_standing_counts() -> None:
    """ORACLE-4 over every combination: never set, then reopening, then old, then wide; FRESH only if nothing is wrong."""
    for price, fresh, confident, reopening in product((0, 1), (True, False), (True, False), (True, False)):
        applies = [Standing.FRESH]
        applies += [Standing.UNCERTAIN] * (not confident) + [Standing.STALE] * (not fresh)
        applies += [Standing.REOPENING] * reopening + [Standing.INVALID] * (price == 0)
        assert formulas.standing(price, fresh=fresh, confident=confident, reopening=reopening) is max(applies)


@pytest.mark.parametrize(
    ("price", "confidence", "maximum_ppm", "confident"),
    [(1_000, 10, 10_000, True), (1_000, 11, 10_000, False), (999, 10, 10_000, False), (1, 2**64, 0, True), (5, 0, 1, True)],
)
def test_a_confidence_is_narrow_up_to_the_bound(price: int, confidence: int, maximum_ppm: int, confident: bool) -> None:
    """ORACLE-5: exact at the bound, without a division; a bound of 0 is none."""
    assert formulas.is_confident(price, confidence, maximum_ppm) is confident


@pytest.mark.parametrize(
    ("old", "agreed", "minimum_ppm", "moves"),
    [
        (1_000, 1_000, 0, False),
        (1_000, 1_001, 0, True),
        (1_000, 1_001, 1_000, True),
        (1_000, 999, 1_000, True),
        (1_001, 1_002, 1_000, False),
        (0, 1, 10**6, True),
    ],
)
def test_a_small_move_is_none(old: int, agreed: int, minimum_ppm: int, moves: bool) -> None:
    """ORACLE-6: from exactly the smallest move on, on both sides; the first price always."""
    assert formulas.is_move(old, agreed, minimum_ppm) is moves


@given(PRICES, PRICES, st.integers(1, 10**6))
def test_no_block_moves_a_price_further_than_the_bound(old: int, agreed: int, maximum_ppm: int) -> None:
    """ORACLE-7: toward the agreed price, never beyond it, and by at most floor(old x ppm / 10^6), or one unit where that is 0."""
    moved = formulas.moved(old, agreed, maximum_ppm)
    assert abs(moved - old) <= max(old * maximum_ppm // 10**6, 1)
    assert min(old, agreed) <= moved <= max(old, agreed)
    assert moved != old or agreed == old


@given(PRICES, PRICES)
def test_without_a_bound_and_at_first_a_price_moves_at_once(old: int, agreed: int) -> None:
    """ORACLE-7: a bound of 0 ppm is none, and the first price has nothing to move from."""
    assert formulas.moved(old, agreed, 0) == agreed
    assert formulas.moved(0, agreed, 1) == agreed


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1_000, 10**6))
def test_a_clamped_price_arrives(old: int, agreed: int, maximum_ppm: int) -> None:
    """Block by block it gets there: at 0.1 % a block, a factor of a million takes fewer than 20,000 blocks, also from one unit."""
    price = old
    for _ in range(20_000):
        if price == agreed:
            break
        price = formulas.moved(price, agreed, maximum_ppm)
    assert price == agreed
