"""The price sources of a localnet. A source answers for one market at one moment; it keeps no clock of its own, so every node
that asks for the same moment gets the same answer, whenever it was started.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple, Protocol, runtime_checkable

SECOND = 10**9
BILLION = 10**9
MAXIMUM_AGE_SECONDS = 30
"""What is older is not reported."""
JITTER_PPB = 20_000
"""How far a node's own view strays from the common price, so that the median over validators has something to do."""


class Market(NamedTuple):
    """A market as its genesis or its chain names it; prices are integers times 10^exponent."""

    id: int
    ticker: str
    exponent: int
    initial_price: int


class Quote(NamedTuple):
    """A price, as integer times 10^exponent of its market, and when it was true."""

    price: int
    time_nanoseconds: int


SILENT = Quote(0, 0)
"""The source covers this market but says nothing now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When and where a price is asked for; times are Unix nanoseconds."""

    now: int
    created: int
    """Genesis of the network: recorded and simulated prices run from here."""
    started: int
    """Last start of the network: scripts count from here."""
    validator_index: int


class Source(Protocol):
    """One place where prices come from."""

    def quote(self, market: Market, moment: Moment) -> Quote | None:
        """The price, SILENT, or None if this source does not cover the market and the next one is to be asked."""


class Report(Protocol):
    """Who counts how live sources do: the node's metrics."""

    def venue_followed(self, venue: str, age_seconds: Callable[[], int]) -> None:
        """The venue is asked from now on; `age_seconds`: since its last answer."""

    def venue_answered(self, venue: str) -> None:
        """It gave prices."""

    def venue_failed(self, venue: str, reason: str, *, silent: bool) -> None:
        """A request gave none; `silent`: it is given up for now."""


@runtime_checkable
class LiveSource(Source, Protocol):
    """A source that learns its prices from the world, beside the node, while it runs."""

    def follow(self, tickers: Iterable[str]) -> None:
        """These markets will be asked for."""

    def start(self, report: Report | None = None) -> None:
        """It learns from now on and tells `report` how that goes."""

    def stop(self) -> None:
        """Nothing of it is running."""


class Held:
    """`manual`: the genesis price for ever; what `perpd oracle set` says stands before every source."""

    def quote(self, market: Market, moment: Moment) -> Quote | None:
        return Quote(market.initial_price, moment.now) if market.initial_price > 0 else None


class Scripted:
    """`scripted:FILE`: from each step's second on its price. Before the first, and for other markets, the next source speaks."""

    def __init__(self, steps: Sequence[tuple[int, str, Callable[[int], int] | None, int | None]]) -> None:
        """`steps`: nanoseconds after start, ticker, price as a function of the exponent (None: silent), node (None: all)."""
        self._steps: dict[str, list[tuple[int, Callable[[int], int] | None, int | None]]] = {}
        for after, ticker, price, node in sorted(steps, key=lambda step: step[0]):
            self._steps.setdefault(ticker, []).append((after, price, node))

    def quote(self, market: Market, moment: Moment) -> Quote | None:
        elapsed = moment.now - moment.started
        for after, price, node in reversed(self._steps.get(market.ticker, ())):
            if after <= elapsed and node in (None, moment.validator_index):
                return SILENT if price is None else Quote(price(market.exponent), moment.now)
        return None


class Recorded:
    """`recorded:FILE@SPEED`: a recorded series, straight lines between its points; at its end it runs backward, so that the price
    never jumps.
    """

    def __init__(self, seconds: Sequence[int], prices: Mapping[str, Callable[[int], Sequence[int]]], speed_ppm: int) -> None:
        """`seconds` ascend from 0; `prices` gives, per ticker and exponent, a price per point."""
        self._times = [second * SECOND for second in seconds]
        self._prices = prices
        self._speed_ppm = speed_ppm
        self._scaled: dict[tuple[str, int], Sequence[int]] = {}

    def quote(self, market: Market, moment: Moment) -> Quote | None:
        if market.ticker not in self._prices:
            return None
        key = (market.ticker, market.exponent)
        series = self._scaled.get(key)
        if series is None:
            series = self._scaled[key] = self._prices[market.ticker](market.exponent)
        length = self._times[-1]
        place = max(moment.now - moment.created, 0) * self._speed_ppm // 1_000_000 % (2 * length)
        if place > length:
            place = 2 * length - place
        after = min(bisect.bisect_right(self._times, place), len(series) - 1)
        begin, end = self._times[after - 1], self._times[after]
        first, last = series[after - 1], series[after]
        price = first + (last - first) * (place - begin) // (end - begin)
        return Quote(_jittered(price, 0, market, moment), moment.now)


class Simulated:
    """`simulated:SEED`: every market takes a random walk around its genesis price, in integers. Each PERIOD is a bridge that begins and
    ends at the genesis price; a point in it is found by halving, so no step depends on having computed those before.
    """

    PERIOD = 1 << 17  # seconds, about a day and a half
    STEP_PPB = 150_000
    """Typical change within a second; over t seconds it grows with the square root of t."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._paths: dict[int, list[tuple[int, int, int, int]]] = {}

    def quote(self, market: Market, moment: Moment) -> Quote | None:
        if market.initial_price <= 0:
            return None
        second = max(moment.now - moment.created, 0) // SECOND
        price = market.initial_price + market.initial_price * self.deviation_ppb(market.id, second) // BILLION
        return Quote(_jittered(max(price, 1), self._seed, market, moment), moment.now)

    def deviation_ppb(self, market_id: int, second: int) -> int:
        """How far the walk is from its start, in parts per billion of the genesis price."""
        path = self._paths.setdefault(market_id, [])  # (begin, length, value at begin, value at end), each inside the one before
        while path and not path[-1][0] <= second < path[-1][0] + path[-1][1]:
            path.pop()
        if not path:
            path.append((second - second % self.PERIOD, self.PERIOD, 0, 0))
        while path[-1][1] > 1:
            begin, length, first, last = path[-1]
            half = length // 2
            middle = begin + half
            reach = isqrt(3 * self.STEP_PPB * self.STEP_PPB * length // 4)  # of a uniform draw with a bridge's variance
            value = (first + last) // 2 + _draw(reach, self._seed, market_id, middle)
            path.append((begin, half, first, value) if second < middle else (middle, half, value, last))
        return path[-1][2]


def _jittered(price: int, seed: int, market: Market, moment: Moment) -> int:
    shift = _draw(JITTER_PPB, seed, market.id, moment.now // SECOND, 1 + moment.validator_index)
    return max(price + price * shift // BILLION, 1)


def _draw(reach: int, *key: int) -> int:
    """An integer in [-reach, reach], the same for the same key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % (2 * reach + 1) - reach
