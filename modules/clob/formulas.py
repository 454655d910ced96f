"""The book's arithmetic. Integers only; each function names its rounding."""

from collections.abc import Callable, Iterable

from modules.clob.model import (
    SHORT_BLOCK_WINDOW,
    SHORT_TERM,
    TWAP,
    FillState,
    Order,
    OrderId,
    PairStatus,
    RestingOrder,
    TimeInForce,
    order_hash,
    order_of,
)
from modules.kernel.intmath import (
    UINT64_MAX,
    div_ceil,
    div_floor,
    div_trunc,
    pow10,
    ppm_ceil,
    round_down_to_multiple,
    round_up_to_multiple,
    scale_floor,
)
from modules.kernel.units import MILLION

TRIGGER_CLAMP = 5
"""How many smallest price changes a trade may lie beside the index and still trigger at its own price."""
TWAP_CATCH_UP = 3
"""How many times its regular size a slice may be."""


def quote_of(subticks: int, quantums: int, exponent: int) -> int:
    """CLOB-1: quote quantums of a size at a price, floor(subticks x quantums x 10^exponent). Only the exponent may be negative."""
    return scale_floor(subticks * quantums, exponent)


def fees_of(quote: int, taker_ppm: int, maker_ppm: int) -> tuple[int, int]:
    """CLOB-2: (taker's, maker's) fee of a fill, each rounded up; a rebate is never more than the fill's taker fee."""
    taker_fee = ppm_ceil(quote, taker_ppm)
    maker_fee = ppm_ceil(quote, maker_ppm)
    return taker_fee, max(maker_fee, -taker_fee)


def builder_fee(quote: int, ppm: int) -> int:
    """CLOB-14: what a side pays its builder on top of its fee, rounded up."""
    return ppm_ceil(quote, ppm)


def liquidation_maker_fee(quote: int, maker_ppm: int) -> int:
    """CLOB-3: the maker's fee of a fill with an engine taker, who pays none: rounded up, no rebate."""
    return max(0, ppm_ceil(quote, maker_ppm))


def impact_price(orders: Iterable[tuple[int, int]], notional: int, exponent: int) -> tuple[int, int] | None:
    """CLOB-4: the average price in subticks, exact as (numerator, denominator), at which `notional` quote quantums trade.

    `orders` are (subticks, quantums), best first, positive. The last one counts in proportion; the base amount is rounded up. With a
    notional of 0 it is the best price. None: the book is not deep enough.
    """
    left, base = notional, 0
    for subticks, quantums in orders:
        if notional == 0:
            return subticks, 1
        quote = quote_of(subticks, quantums, exponent)
        if left > quote:
            base += quantums
            left -= quote
            continue
        base += div_ceil(quantums * left, quote)
        return (notional, base * pow10(exponent)) if exponent >= 0 else (notional * pow10(-exponent), base)
    return None


def premium_ppm(impact: tuple[int, int], index: tuple[int, int]) -> int:
    """CLOB-5: impact / index - 1 in ppm, toward zero; both are exact (numerator, denominator) in subticks, positive."""
    (impact_top, impact_bottom), (index_top, index_bottom) = impact, index
    return div_trunc(MILLION * (impact_top * index_bottom - index_top * impact_bottom), impact_bottom * index_top)


def status_allows(status: int, order: Order, index_subticks: int) -> bool:
    """CLOB-6: whether a market of this status takes the order; the index is rounded down to whole subticks.

    A TWAP order's time in force says nothing of its slices, which match at once.
    """
    if status == PairStatus.ACTIVE:
        return True
    if order.time_in_force != TimeInForce.POST_ONLY or order.id.flags == TWAP:
        return False
    if status == PairStatus.POST_ONLY:
        return True
    if status != PairStatus.INITIALIZING or order.id.flags != SHORT_TERM:
        return False
    return order.subticks <= index_subticks if order.is_buy else order.subticks >= index_subticks


def replaces(order: Order, resting: RestingOrder) -> bool:
    """CLOB-7: a later good-til-block (or an equal one and the greater hash), same side, time in force and reduce-only."""
    if order.is_buy != resting.is_buy or order.time_in_force != resting.time_in_force or order.reduce_only:
        return False
    if order.good_til != resting.good_til:
        return order.good_til > resting.good_til
    return order_hash(order) > order_hash(order_of(order.id, resting))


def book_premium(
    best_bid: int | None,
    best_ask: int | None,
    impact: Callable[[bool], tuple[int, int] | None],
    index: tuple[int, int],
) -> int:
    """CLOB-8: the impact premium in ppm of the index; 0 when it lies inside the spread or the side beyond it is not deep enough.

    `impact(is_buy)` gives a side's impact price (CLOB-4); only the side beyond the index is asked for.
    """
    for is_buy, best in ((True, best_bid), (False, best_ask)):
        if best is None or not _beyond(index, (best, 1), is_buy):
            continue
        price = impact(is_buy)
        return premium_ppm(price, index) if price is not None and _beyond(index, price, is_buy) else 0
    return 0


def filled_to(before: FillState, order_id: OrderId, good_til: int, quantums: int) -> FillState:
    """CLOB-9: fills of a short-term id are kept until 40 blocks after the latest good-til-block it had with them; others end with it."""
    if order_id.flags != SHORT_TERM:
        return FillState(quantums, 0)
    return FillState(quantums, max(before.kept_until, good_til + SHORT_BLOCK_WINDOW))


def floor_subticks(price: tuple[int, int]) -> int:
    """An exact price rounded down to whole subticks."""
    return div_floor(price[0], price[1])


def trigger_reach(rises: bool, price: tuple[int, int]) -> int:
    """CLOB-10: how far an exact price reaches. Triggers to which the price rises are met up to floor(price); those to which it falls,
    with their sign changed, up to -ceil(price).
    """
    return floor_subticks(price) if rises else -div_ceil(price[0], price[1])


def clamped_trade(subticks: int, index: tuple[int, int], min_price_change_ppm: int) -> tuple[int, int]:
    """CLOB-11: a trade's price moved into index x (1 +- 5 x min_price_change_ppm / 10^6), as an exact fraction: nothing is rounded."""
    top, bottom = index
    band = TRIGGER_CLAMP * min_price_change_ppm
    low, high = top * max(MILLION - band, 0), top * (MILLION + band)
    bottom *= MILLION
    return max(low, min(subticks * bottom, high)), bottom


def slice_quantums(quantums: int, legs: int, remaining_quantums: int, remaining_legs: int, step: int) -> int:
    """CLOB-12: min(ceil(remaining / legs left), 3 x ceil(quantums / legs)), rounded down to a step."""
    wanted = min(div_ceil(remaining_quantums, remaining_legs), TWAP_CATCH_UP * div_ceil(quantums, legs))
    return round_down_to_multiple(wanted, step)


def slice_subticks(limit_subticks: int, index: tuple[int, int], tolerance_ppm: int, is_buy: bool, tick: int) -> int:
    """CLOB-13: the order's limit, or without one the exact index x (1 +- tolerance), a buy's rounded up to a tick, a sell's down.

    At least one tick, and no more than whole ticks of 64 bits hold.
    """
    if limit_subticks:
        return limit_subticks
    top, bottom = index
    if is_buy:
        found = round_up_to_multiple(div_ceil(top * (MILLION + tolerance_ppm), bottom * MILLION), tick)
        return min(found, round_down_to_multiple(UINT64_MAX, tick))
    return max(round_down_to_multiple(div_floor(top * (MILLION - tolerance_ppm), bottom * MILLION), tick), tick)


def tier_limit(tiers: Iterable[tuple[int, int]], equity: int) -> int:
    """CLOB-20: of ascending (equity, limit) the limit of the highest tier whose equity is reached; 0 below the first."""
    limit = 0
    for required, allowed in tiers:
        if required > equity:
            break
        limit = allowed
    return limit


def trigger_room(most: int, slices: int) -> int:
    """CLOB-21: how many triggers a block runs at most beside that many due slices: max(most - slices, most - floor(most / 2))."""
    return max(most - slices, most - div_floor(most, 2))


def is_below(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether one exact positive fraction is less than another."""
    return first[0] * second[1] < second[0] * first[1]


def _beyond(index: tuple[int, int], price: tuple[int, int], is_buy: bool) -> bool:
    """Whether the index is below a bid's price, or above an ask's."""
    return is_below(index, price) if is_buy else is_below(price, index)
