"""Our mark as the chain makes it, beside the two that it could have been: the book's middle alone and the index alone."""

from dataclasses import dataclass
from typing import Any

from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND
from modules.perp.model import DEFAULT_CLAMP_PPM, DEFAULT_EMA_SECONDS, BookPrices, Mark
from support.markets import BTC, Markets, perp_section


@dataclass(frozen=True, slots=True)
class Rule:
    """How a market makes its mark."""

    clamp_ppm: int = DEFAULT_CLAMP_PPM
    ema_seconds: int = DEFAULT_EMA_SECONDS

    def perp_section(self) -> dict[str, Any]:
        """The genesis section with a BTC market of this rule."""
        section = perp_section()
        section["perpetuals"][BTC] |= {"mark_clamp_ppm": self.clamp_ppm, "mark_ema_seconds": self.ema_seconds}
        return section


@dataclass(frozen=True, slots=True)
class Reading:
    """A mark and what it was made of, in the oracle's unit."""

    index: int
    middle: int
    impact_middle: int
    average: int
    """The index and the average distance of the middle from it."""
    mark: int

    def moved_ppm(self, price: int) -> float:
        """How far a price is above the index."""
        return (price - self.index) * MILLION / self.index


def reading_of(mark: Mark) -> Reading:
    """What a mark says; a missing component is the index."""
    index = mark.index_price
    return Reading(index, mark.book_middle or index, mark.impact_middle or index, index + mark.basis, mark.price)


class MarkDesk:
    """The module that makes marks, without an exchange: it is shown any book at all."""

    def __init__(self, rule: Rule) -> None:
        self._markets = Markets({"perp": rule.perp_section()})

    def block(self, index: int, seconds: int) -> Reading:
        """A block so much later has begun with this index: the mark is made of it and of the book last shown."""
        markets = self._markets
        markets.step(seconds * NANOSECONDS_PER_SECOND)
        markets.set_price(BTC, index)
        markets.perp.mark.begin_block(markets.ctx)
        return reading_of(markets.perp.mark.look(markets.ctx, BTC))

    def show(self, book: BookPrices, *, frozen: bool) -> None:
        """The block ends with this book."""
        self._markets.perp.mark.observe(self._markets.ctx, BTC, book, frozen=frozen)
