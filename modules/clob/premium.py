"""The impact premium of a market: how far from the index one would trade a given notional on the book."""

from collections.abc import Iterator
from itertools import islice

from modules.clob import formulas
from modules.clob.book import OrderBook
from modules.clob.checks import Checks
from modules.clob.model import ClobPair
from modules.kernel.context import Context


def impact_premium(
    ctx: Context, book: OrderBook, checks: Checks, pair: ClobPair, index: tuple[int, int], notional: int, orders_max: int
) -> int:
    """A market's premium in ppm of the index, which is in subticks, exact and positive (CLOB-8).

    Only orders count that their owner could still fill in full, and of a side at most the first `orders_max` are looked at.
    """
    return formulas.book_premium(
        book.best_subticks(ctx, pair.id, is_buy=True),
        book.best_subticks(ctx, pair.id, is_buy=False),
        lambda is_buy: _depth(ctx, book, checks, pair, is_buy, orders_max),
        notional,
        pair.quantum_conversion_exponent,
        index,
    )


def _depth(ctx: Context, book: OrderBook, checks: Checks, pair: ClobPair, is_buy: bool, orders_max: int) -> Iterator[tuple[int, int]]:
    """(subticks, remaining) of the orders that count, best first."""
    for order_id, order, remaining in islice(book.side(ctx, pair.id, is_buy), orders_max):
        if not checks.as_maker(ctx, pair, order_id.subaccount, is_buy, remaining, order.subticks, order.extras):
            yield order.subticks, remaining
