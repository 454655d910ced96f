"""From what venues say to one price of a market. Integers times 10^18; every division is a floor.

**Agreement.** The centre is the median of all fresh prices (of an even number: the mean of the two middle ones, floor). What is further
from the centre than OUTLIER_PPM is dropped; where not more than half remain, nobody knows, and there is no price. The price is the
median of what remains, by the same rule. So of three venues one may say anything: the price stays between the two others, or, if even
they are further apart than that, there is none. Of two venues both or none are right. Two of three that lie alike are believed.

**Dollars.** A venue whose dollar markets are quoted in USDT is converted by the agreed price of USDT-USD: what venues with true dollars
say of it, and one over Binance's USDC-USDT, which takes USDC for a dollar (accepted: it is one voice of several, unless Binance is the
only venue asked). Where there is no agreed one, what is quoted in USDT is silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from node.feeder.venues.venue import ONE, UNIT_EXPONENT, Pair

OUTLIER_PPM = 20_000
MILLION = 1_000_000
TETHER = Pair("USDT", "USD")
CIRCLE = Pair("USDC", "USDT")


class Told(NamedTuple):
    """A price, times 10^18, and the Unix nanoseconds when it was true."""

    price: int
    time_nanoseconds: int


class Voice(NamedTuple):
    """One venue: what its dollar markets are quoted in, what it has said, and the Unix nanoseconds before which that is too old."""

    dollar: str
    told: Mapping[Pair, Told]
    oldest_nanoseconds: int = 0

    def fresh(self, pair: Pair) -> Told | None:
        told = self.told.get(pair)
        return told if told is not None and told.time_nanoseconds >= self.oldest_nanoseconds else None


def median(prices: Sequence[int]) -> int:
    """Of ascending prices the middle one; of an even number the mean of the two middle ones, floor."""
    return (prices[(len(prices) - 1) // 2] + prices[len(prices) // 2]) // 2


@lru_cache(maxsize=2048)
def agreed(said: tuple[Told, ...], minimum: int = 1) -> Told | None:
    """The price that more than half of these, and at least `minimum`, agree on, as old as the oldest of them; None if there is none.
    Remembered, because votes come more often than answers.
    """
    if not said:
        return None
    centre = median(sorted(told.price for told in said))
    kept = [told for told in said if abs(told.price - centre) * MILLION <= centre * OUTLIER_PPM]
    if 2 * len(kept) <= len(said) or len(kept) < minimum:
        return None
    return Told(median(sorted(told.price for told in kept)), min(told.time_nanoseconds for told in kept))


def wanted(pair: Pair, dollar: str) -> Pair | None:
    """The pair that a venue with this dollar is asked for; None where it is asked for CIRCLE instead."""
    if pair.quote != "USD" or dollar == "USD":
        return pair
    return None if pair.base == dollar else Pair(pair.base, dollar)


def helpers(dollars: Sequence[str]) -> dict[str, Pair]:
    """What venues are asked for beside the markets, by their dollar: nothing unless some venue needs conversion."""
    return {"USD": TETHER, "USDT": CIRCLE} if "USDT" in dollars else {}


def tether(voices: Sequence[Voice]) -> Told | None:
    """The agreed price of USDT in dollars, which `market_price` needs where a voice is quoted in it."""
    return agreed(tuple([told for voice in voices if (told := _in_dollars(TETHER, voice, None)) is not None]))


def market_price(pair: Pair, voices: Sequence[Voice], dollar: Told | None, minimum: int) -> tuple[Told | None, int]:
    """The agreed price of a market and how many venues have one to give; `dollar` is the voices' `tether`."""
    said = tuple([told for voice in voices if (told := _in_dollars(pair, voice, dollar)) is not None])
    return agreed(said, minimum), len(said)


def _in_dollars(pair: Pair, voice: Voice, dollar: Told | None) -> Told | None:
    """What one voice says of the pair, in the pair's own quote currency; None where that is nothing or would round to zero."""
    asked = wanted(pair, voice.dollar)
    told = voice.fresh(asked or CIRCLE)
    if told is None or asked == pair:
        return told
    if asked is None:
        price, time_nanoseconds = ONE * ONE // told.price, told.time_nanoseconds
    elif dollar is None:
        return None
    else:
        price, time_nanoseconds = told.price * dollar.price // ONE, min(told.time_nanoseconds, dollar.time_nanoseconds)
    return Told(price, time_nanoseconds) if price else None


def to_exponent(price: int, exponent: int) -> int:
    """A price times 10^18 as an integer times 10^exponent, floor."""
    shift = exponent - UNIT_EXPONENT
    power: int = 10 ** abs(shift)
    return price // power if shift >= 0 else price * power
