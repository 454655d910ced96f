"""What the mark is shown of a book: orders that count, walked once, and nothing of a market that is closed, ending or was liquidated in."""

import pytest

from modules.clob.checks import Checks
from modules.clob.model import PairStatus
from modules.clob.premium import book_prices
from modules.perp.model import BookPrices, Mark
from modules.subaccounts.model import Fill
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, sub
from support.markets import BTC

WHOLE = 2_000 * STEP
"""0.2 BTC, 12,000 USDC: deeper than the impact notional, 10,000."""


@pytest.fixture
def x() -> Exchange:
    """Rich alice, bob and carol; the default markets."""
    return Exchange()


def seen(x: Exchange, perpetual_id: int = BTC) -> Mark:
    """After the block's end."""
    return x.perp_module.keeper.mark.look(x.ctx, perpetual_id)


def prices(x: Exchange, orders_max: int = 1_000) -> BookPrices:
    """Of BTC's book now."""
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    return book_prices(x.ctx, x.clob._book, x.clob._checks, pair, 10**10, orders_max)


def make_book(x: Exchange) -> None:
    """A deep order on each side, ten ticks from the middle, and a small one each at five."""
    for client_id, (side, quantums, ticks) in enumerate((("buy", WHOLE, -10), ("sell", WHOLE, 10), ("buy", STEP, -5), ("sell", STEP, 5))):
        assert x.place(x.long("alice" if side == "buy" else "bob", client_id, side, quantums, BTC_PRICE + ticks * TICK)) == 0


def test_best_and_impact_prices_are_those_of_the_premium(x: Exchange) -> None:
    """Exact fractions: the best prices, and what 10,000 USDC cost on each side, most of it at the deep order."""
    make_book(x)
    found = prices(x)
    assert (found.bid, found.ask) == ((BTC_PRICE - 5 * TICK, 1), (BTC_PRICE + 5 * TICK, 1))
    assert found.impact_bid is not None
    assert found.impact_ask is not None
    bid, ask = (top // bottom for top, bottom in (found.impact_bid, found.impact_ask))
    assert BTC_PRICE - 10 * TICK <= bid < BTC_PRICE - 9 * TICK
    assert BTC_PRICE + 9 * TICK < ask <= BTC_PRICE + 10 * TICK
    x.end()
    assert (seen(x).book_middle, seen(x).book_impact_middle) == (BTC_PRICE, (bid + ask) // 2)


def test_only_so_many_orders_of_a_side_are_looked_at(x: Exchange) -> None:
    """One order is not deep enough, so there is no impact price; the best price is known."""
    make_book(x)
    found = prices(x, orders_max=1)
    assert (found.bid, found.impact_bid, found.impact_ask) == ((BTC_PRICE - 5 * TICK, 1), None, None)


def test_orders_that_their_owner_cannot_fill_do_not_count(x: Exchange) -> None:
    """Dave's better bid is worth nothing: with his last collateral he could not buy it."""
    make_book(x)
    x.deposit("dave", 100_000_000)
    assert x.place(x.long("dave", 9, "buy", STEP, BTC_PRICE)) == 0
    assert prices(x).bid == (BTC_PRICE, 1)
    x.subaccounts.withdraw(x.ctx, sub("dave"), sub("dave").owner, 100_000_000)
    assert x.rests(x.long("dave", 9, "buy", STEP, BTC_PRICE).id) == STEP
    assert prices(x).bid == (BTC_PRICE - 5 * TICK, 1)


def test_each_side_is_walked_once_a_block(x: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Premium and mark together judge each order at most once: two a side reach the impact notional."""
    make_book(x)
    calls = []
    judge = Checks.as_maker

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return judge(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Checks, "as_maker", counted)
    x.set_price(BTC, BTC_PRICE * 2)
    x.end()
    assert len(calls) == 4


@pytest.mark.parametrize("status", [status for status in PairStatus if status not in (PairStatus.ACTIVE, PairStatus.FINAL_SETTLEMENT)])
def test_a_market_that_is_not_active_shows_no_book(x: Exchange, status: PairStatus) -> None:
    """Its mark is the index, though the orders are still there."""
    make_book(x)
    x.step(3, seconds=60)
    pair = x.clob.pair(x.ctx, BTC)
    assert pair is not None
    x.clob_module._state.pairs.set(x.ctx, BTC, pair._replace(status=status))
    assert seen(x).book_middle == BTC_PRICE
    x.end()
    assert (seen(x).book_middle, seen(x).book_impact_middle) == (0, 0)
    x.step()
    assert seen(x).price == seen(x).index_price


def test_a_market_that_ends_is_at_its_index_from_the_next_block_on(x: Exchange) -> None:
    """Also when it ends after the block's end, as the authority's changes do; its engine's closes change nothing of that."""
    make_book(x)
    for _ in range(3):
        x.step(seconds=60, prices={BTC: BTC_PRICE - 40 * TICK})
    assert seen(x).price > seen(x).index_price
    x.end()
    x.clob.end_market(x.ctx, BTC)
    assert x.broken() == []
    x.step(prices={BTC: BTC_PRICE - 50 * TICK})
    assert seen(x) == Mark(BTC_PRICE - 50 * TICK, BTC_PRICE - 50 * TICK)


def test_a_touch_that_is_undone_freezes_nothing(x: Exchange) -> None:
    """It is noted in the frame in which it happens, and forgotten at the block's end."""
    make_book(x)
    x.step(2)
    fill = Fill(BTC, sub("alice"), sub("bob"), True, STEP, BTC_PRICE // 1_000, 0, 0)
    mark = x.ctx.mark()
    x.clob.tell_deleverage(x.ctx, fill)
    x.ctx.undo(mark)
    x.end()
    assert seen(x).frozen_height == 0
    x.step()
    x.clob.tell_deleverage(x.ctx, fill)
    before = seen(x)
    x.end()
    assert seen(x) == before._replace(frozen_height=x.ctx.height, observed_ns=x.ctx.time_ns)
    assert list(x.clob_module._state.touched.keys(x.ctx)) == []
