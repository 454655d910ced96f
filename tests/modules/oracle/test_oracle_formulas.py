import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.oracle import formulas

POINTS = st.lists(st.tuples(st.integers(1, 10), st.integers(1, 50)), min_size=1, max_size=12)


def obvious_lower_median(points: list[tuple[int, int]]) -> int:
    """Every unit of power written out as one price; the lower of the middle ones."""
    spread = sorted(price for price, power in points for _ in range(power))
    return spread[(len(spread) - 1) // 2]


@pytest.mark.parametrize(
    ("reporting", "total", "enough"),
    [
        (2, 3, True),
        (66, 100, False),
        (67, 100, True),
        (20, 30, True),
        (19, 30, False),
        (0, 1, False),
        (3, 4, True),
        (2, 4, False),
        (1, 1, True),
    ],
)
def test_quorum_is_two_thirds_of_all_power(reporting: int, total: int, enough: bool) -> None:
    """ORACLE-1, at and beside the threshold."""
    assert formulas.has_quorum(reporting, total) is enough


@pytest.mark.parametrize(
    ("points", "median"),
    [
        ([(100, 33), (200, 33), (300, 33)], 200),
        ([(100, 50), (200, 50)], 100),
        ([(100, 1), (200, 1), (300, 1)], 200),
        ([(100, 30), (200, 30), (300, 41)], 200),
        ([(7, 1)], 7),
        ([(300, 1), (100, 1), (200, 1), (400, 1)], 200),
    ],
)
def test_median_of_the_worked_examples(points: list[tuple[int, int]], median: int) -> None:
    """ORACLE-2: E14 with our rule, first price with 2 x cumulative >= reporting."""
    assert formulas.aggregate(points) == median


@given(POINTS)
def test_median_equals_writing_out_every_unit_of_power(points: list[tuple[int, int]]) -> None:
    """ORACLE-2 against a brute-force reference; the order of validators does not matter."""
    assert formulas.aggregate(points) == obvious_lower_median(points)
    assert formulas.aggregate(points[::-1]) == formulas.aggregate(points)


@given(
    st.lists(st.tuples(st.integers(100, 110), st.integers(1, 30)), min_size=1, max_size=8),
    st.lists(st.tuples(st.sampled_from([1, 2**64 - 1]), st.integers(1, 30)), max_size=4),
    st.integers(0, 60),
)
def test_liars_below_a_third_cannot_leave_the_honest_range(
    honest: list[tuple[int, int]], liars: list[tuple[int, int]], silent: int
) -> None:
    """ORACLE-1 and ORACLE-2: lying and silent power together below a third of all power, the price is inside what honest ones said."""
    honest_power = sum(power for _, power in honest)
    lying_power = sum(power for _, power in liars)
    total = honest_power + lying_power + silent
    if 3 * (lying_power + silent) < total and formulas.has_quorum(honest_power + lying_power, total):
        price = formulas.aggregate(honest + liars)
        assert min(honest)[0] <= price <= max(honest)[0]


@pytest.mark.parametrize(("price", "age_ns", "fresh"), [(1, 60_000_000_000, True), (1, 60_000_000_001, False), (0, 0, False)])
def test_a_price_is_fresh_up_to_the_maximum_age(price: int, age_ns: int, fresh: bool) -> None:
    """ORACLE-3: to the nanosecond; price 0 is never fresh."""
    assert formulas.is_fresh(price, 5_000, 5_000 + age_ns, 60) is fresh
