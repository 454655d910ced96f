"""The one matching loop: a taker walks the other side of the book. No state, no money: a venue has both.

Price, then time: the venue gives makers best first and, at one price, oldest first. Every fill is at the maker's price, which the loop
never needs to know beyond the crossing test.
"""

from enum import IntEnum
from typing import NamedTuple, Protocol

from modules.clob.model import Extras, OrderId, Removal
from modules.kernel.units import SubaccountId


class Taker(NamedTuple):
    """What wants to match."""

    subaccount: SubaccountId
    is_buy: bool
    subticks: int
    quantums: int
    """What is left to fill; positive."""
    post_only: bool = False
    reducible: int | None = None
    """Reduce-only: base quantums after which its position is closed. None: not reduce-only."""


class Maker(NamedTuple):
    """A resting order in the taker's way."""

    id: OrderId
    subticks: int
    quantums: int
    """What is left of it; positive."""
    extras: Extras | None = None
    reducible: int | None = None
    """Reduce-only: base quantums that it may fill now, of its position; 0: none. None: not reduce-only."""


class Attempt(IntEnum):
    """What came of trying one fill."""

    FILLED = 0
    """It happened, in full; the venue's book has been updated. (For a post-only taker: it could happen, and did not.)"""
    MAKER_FAILED = 1
    TAKER_FAILED = 2
    BOTH_FAILED = 3
    PASSED_OVER = 4
    """Not this maker, who stays where it is; the next one may do."""
    STOPPED = 5
    """No further fill may happen."""


class Ending(IntEnum):
    """Why the walk ended."""

    FILLED = 0
    NOTHING_CROSSES = 1
    """What is left may rest."""
    WOULD_CROSS = 2
    """A post-only taker met a maker with whom it could trade."""
    TAKER_FAILED = 3
    REDUCED = 4
    """A reduce-only taker has closed its position before it was filled."""
    LIMIT = 5
    STOPPED = 6


class Venue(Protocol):
    """The other side of a book, and what a fill does."""

    def maker(self, position: int) -> Maker | None:
        """The maker at a position of the book as it is now, 0 being the best; None behind the last."""

    def attempt(self, maker: Maker, quantums: int) -> Attempt:
        """Fill so much of both, or neither."""

    def remove(self, maker: Maker, reason: Removal) -> None:
        """Take the maker off the book."""


def take(taker: Taker, venue: Venue, makers_max: int) -> tuple[int, Ending]:
    """(base quantums filled, why the walk ended). At most `makers_max` makers are met, whether filled, removed or passed over.

    A maker of the taker's own subaccount is removed and the taker goes on (CLOB 5.2: self-trade), as is one that fails. A reduce-only
    maker fills no more than its position; with nothing to reduce it is removed.
    """
    subaccount, is_buy, limit, quantums, post_only, reducible = taker
    wanted = quantums if reducible is None or reducible > quantums else reducible
    filled = position = met = 0
    while filled < wanted:
        maker = venue.maker(position)
        if maker is None or (maker.subticks > limit if is_buy else maker.subticks < limit):
            return filled, Ending.NOTHING_CROSSES
        if met == makers_max:
            return filled, Ending.LIMIT
        met += 1
        if maker.id.subaccount == subaccount:
            venue.remove(maker, Removal.SELF_TRADE_ERROR)
            continue
        left = wanted - filled
        size = min(left, maker.quantums)
        if maker.reducible is not None:
            size = min(size, maker.reducible)
            if size == 0:
                venue.remove(maker, Removal.REDUCE_ONLY_RESIZE)
                continue
        attempt = venue.attempt(maker, size)
        if attempt is Attempt.FILLED:
            if post_only:
                return filled, Ending.WOULD_CROSS
            filled += size
        elif attempt is Attempt.MAKER_FAILED:
            venue.remove(maker, Removal.UNDERCOLLATERALIZED)
        elif attempt is Attempt.PASSED_OVER:
            position += 1
        elif attempt is Attempt.STOPPED:
            return filled, Ending.STOPPED
        else:
            if attempt is Attempt.BOTH_FAILED:
                venue.remove(maker, Removal.UNDERCOLLATERALIZED)
            return filled, Ending.TAKER_FAILED
    return filled, Ending.FILLED if filled == quantums else Ending.REDUCED
