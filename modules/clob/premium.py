"""What others need of a book at a block's end: how far from the index one would trade a given notional, and its middles.

Only orders count that their owner could still fill in full, and of a side at most so many are looked at. Each side is walked once.
"""

from collections.abc import Iterator
from itertools import chain, islice

from modules.clob import formulas
from modules.clob.book import OrderBook
from modules.clob.checks import Checks
from modules.clob.model import ClobPair
from modules.kernel.context import Context
from modules.perp.model import BookPrices, Exact


def book_prices(ctx: Context, book: OrderBook, checks: Checks, pair: ClobPair, notional: int, orders_max: int) -> BookPrices:
    """Best and impact prices (CLOB-4) of both sides, in subticks; of a side at most the first `orders_max` orders are looked at."""
    bid, impact_bid = _side(ctx, book, checks, pair, True, notional, orders_max)
    ask, impact_ask = _side(ctx, book, checks, pair, False, notional, orders_max)
    return BookPrices(bid, ask, impact_bid, impact_ask, pair.quantum_conversion_exponent)


def impact_premium(ctx: Context, book: OrderBook, pair: ClobPair, prices: BookPrices, index: Exact) -> int:
    """A market's premium in ppm of the index, which is in subticks, exact and positive (CLOB-8), with the impact prices found before."""
    return formulas.book_premium(
        book.best_subticks(ctx, pair.id, is_buy=True),
        book.best_subticks(ctx, pair.id, is_buy=False),
        lambda is_buy: prices.impact_bid if is_buy else prices.impact_ask,
        index,
    )


def _side(
    ctx: Context, book: OrderBook, checks: Checks, pair: ClobPair, is_buy: bool, notional: int, orders_max: int
) -> tuple[Exact | None, Exact | None]:
    """The best price of the orders that count, and the impact price."""
    depth = _depth(ctx, book, checks, pair, is_buy, orders_max)
    best = next(depth, None)
    if best is None:
        return None, None
    return (best[0], 1), formulas.impact_price(chain((best,), depth), notional, pair.quantum_conversion_exponent)


def _depth(ctx: Context, book: OrderBook, checks: Checks, pair: ClobPair, is_buy: bool, orders_max: int) -> Iterator[tuple[int, int]]:
    """(subticks, remaining) of the orders that count, best first."""
    for order_id, order, remaining in islice(book.side(ctx, pair.id, is_buy), orders_max):
        if not checks.as_maker(ctx, pair, order_id.subaccount, is_buy, remaining, order.subticks, order.extras):
            yield order.subticks, remaining
