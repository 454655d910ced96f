"""Oracle and mark work in counts: so much for every market, however many there are."""

import pytest
from bench.prices import LEVELS, Desk

from modules.clob.checks import Checks

FEW, MANY = 3, 12
WRITTEN_MAX = 6
"""A market's price, two averages, its mark at both ends of the block, its premium."""


def test_price_work_is_the_same_for_each_of_many_markets() -> None:
    """What a block reads, writes and encodes for a market does not depend on the others."""
    few, many = (Desk(markets).counted().per(markets) for markets in (FEW, MANY))
    assert many.written <= few.written <= WRITTEN_MAX
    assert many.read <= few.read
    assert many.looked <= few.looked
    assert many.bytes <= few.bytes + LEVELS


def test_every_order_of_a_book_is_judged_once_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides, as deep as the impact notional; the premium takes the same walk."""
    desk = Desk(FEW)
    calls = []
    judge = Checks.as_maker

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return judge(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Checks, "as_maker", counted)
    desk.block()
    assert FEW * 2 < len(calls) <= FEW * 2 * LEVELS
