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
    """CLOB-8: ppm of the index, 0 when it lies inside the spread or the side is not deep enough. `index` in subticks, exact, positive.

    Only the side beyond the index is walked, and of it only orders that their owner could still fill in full, at most `orders_max` of
    the side's first orders.
    """
    for is_buy in (True, False):
        best = book.best_subticks(ctx, pair.id, is_buy)
        if best is None or not _beyond(index, (best, 1), is_buy):
            continue
        impact = formulas.impact_price(_depth(ctx, book, checks, pair, is_buy, orders_max), notional, pair.quantum_conversion_exponent)
        return formulas.premium_ppm(impact, index) if impact is not None and _beyond(index, impact, is_buy) else 0
    return 0


def _beyond(index: tuple[int, int], price: tuple[int, int], is_buy: bool) -> bool:
    """Whether the index is below a bid's price, or above an ask's."""
    return formulas.is_below(index, price) if is_buy else formulas.is_below(price, index)


def _depth(ctx: Context, book: OrderBook, checks: Checks, pair: ClobPair, is_buy: bool, orders_max: int) -> Iterator[tuple[int, int]]:
    """(subticks, remaining) of the orders that count, best first."""
    for order_id, order, remaining in islice(book.side(ctx, pair.id, is_buy), orders_max):
        if not checks.as_maker(ctx, pair, order_id.subaccount, is_buy, remaining, order.subticks):
            yield order.subticks, remaining
