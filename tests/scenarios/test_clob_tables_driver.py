"""The tables' language is strict: a row that is not exactly what happens, or says something nobody knows, fails."""

import pytest

from support.clob_tables import play


@pytest.mark.parametrize(
    "row",
    [
        "alice/1 buy 1 @ 100",
        "alice/1 buy 1 @ 100 -> rests 2",
        "alice/1 buy 1 @ 100 -> rests 1, rests 1",
        "alice/1 buy 1 @ 100 -> nothing",
        "alice/1 buy 1 @ 100 -> ok",
        "alice/1 buy 1 @ 100 -> fails 12",
        "alice/1 buy 1 @ 100 postonly -> rests 1",
        "alice/1 bye 1 @ 100 -> rests 1",
        "alice/1 buy 1 at 100 -> rests 1",
        "alice/1 buy 1 @ 100 until -> rests 1",
        "alice/1 buy 1 @ 100 in DOGE -> rests 1",
        "alice/1 buy 0.00000000001 @ 100 -> fails 12",
        "alice/1X buy 1 @ 100 -> rests 1",
        "mallory/1 buy 1 @ 100 -> rests 1",
        "cancel alice/1 before its placment -> held off",
        "cancle alice/1 -> held off",
        "block BTC 101 102 -> nothing",
        "begin -> nothing\nengine now -> nothing",
        "has mallory -> 0 USDC",
        "has alice -> 10000.000001 USDC",
        "has alice -> 0 BTC, 10000 USDC",
        "bids BTC -> ",
    ],
)
def test_a_mistake_in_a_row_fails(row: str) -> None:
    """Typos on either side of the arrow, outcomes too many or too few, numbers finer than the market's."""
    with pytest.raises((AssertionError, KeyError)):
        play(row)
