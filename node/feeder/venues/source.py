"""`venues[:NAME[=URL]+…][@MINIMUM]` as a price source: what venues agree on, or silence."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from node.failure import Failure
from node.feeder.sources import MAXIMUM_AGE_SECONDS, SECOND, SILENT, Market, Moment, Quote, Report
from node.feeder.venues.aggregate import Told, Voice, helpers, market_price, tether, to_exponent, wanted
from node.feeder.venues.binance import BINANCE
from node.feeder.venues.coinbase import COINBASE
from node.feeder.venues.conversation import Conversation
from node.feeder.venues.kraken import KRAKEN
from node.feeder.venues.poller import Poller
from node.feeder.venues.venue import Pair, Venue, pair

VENUES = {venue.name: venue for venue in (BINANCE, COINBASE, KRAKEN)}
log = logging.getLogger("feeder")


class Venues:
    """Covers **every** market: one that venues have no agreed fresh price of is silent. No source after this one, the genesis price that
    ends every SPEC included, ever speaks in its place, because a held price would look live to the chain, which could then neither
    age it nor protect positions from it. Prices from elsewhere stand before: another source earlier in the SPEC, or `perpd oracle set`.
    """

    def __init__(self, venues: Sequence[Venue], minimum: int = 1, clock: Callable[[], int] = time.time_ns) -> None:
        """`minimum`: how many venues must agree. `clock`: Unix nanoseconds."""
        self.conversations = [Conversation(venue, clock) for venue in venues]
        self.poller = Poller(self.conversations)
        self._minimum = minimum
        self._pairs: dict[str, Pair] = {}
        self._disputed: dict[str, int] = {}
        self._heard: tuple[int, Sequence[Voice], Told | None] = (-1, (), None)
        """What was heard up to the moment of this vote, and of USDT: the same for all its markets."""

    def follow(self, tickers: Iterable[str]) -> None:
        """These markets' prices are asked for from now on."""
        self._pairs = {ticker: found for ticker in tickers if (found := pair(ticker)) is not None}
        helping = helpers([conversation.venue.dollar for conversation in self.conversations])
        for conversation in self.conversations:
            dollar = conversation.venue.dollar
            asked = [found for one in self._pairs.values() if (found := wanted(one, dollar)) is not None]
            helper = [helping[dollar]] if asked and dollar in helping else []
            conversation.follow([*helper, *asked])

    def start(self, report: Report | None = None) -> None:
        """Venues are asked, in a thread of their own, until `stop`."""
        for conversation in self.conversations:
            conversation.report = report
            if report is not None:
                report.venue_followed(conversation.venue.name, conversation.age_seconds)
        self.poller.start()

    def stop(self) -> None:
        self.poller.stop()

    def quote(self, market: Market, moment: Moment) -> Quote:
        """From what is remembered, without waiting for anything."""
        asked = self._pairs.get(market.ticker)
        if asked is None:
            return SILENT
        if moment.now != self._heard[0]:
            heard = [conversation.voice(moment.now - MAXIMUM_AGE_SECONDS * SECOND) for conversation in self.conversations]
            self._heard = (moment.now, heard, tether(heard))
        _, voices, dollar = self._heard
        told, count = market_price(asked, voices, dollar, self._minimum)
        if told is not None:
            self._disputed.pop(market.ticker, None)
            return Quote(to_exponent(told.price, market.exponent), told.time_nanoseconds)
        if count and self._disputed.get(market.ticker) != count:
            self._disputed[market.ticker] = count
            log.warning("no price for %s: the %d venues that have one are too few or disagree", market.ticker, count)
        return SILENT


def from_argument(argument: str) -> Venues:
    """The source of what stands after `venues:` in a SPEC; all venues if that is empty. Raises Failure."""
    names, separator, number = argument.rpartition("@")
    if not (separator and number.isascii() and number.isdecimal() and len(number) < 4):
        names, number = argument, "1"
    venues = [_venue(part) for part in names.split("+")] if names else list(VENUES.values())
    minimum = int(number)
    if len({venue.name for venue in venues}) != len(venues):
        raise Failure(f"'venues:{argument}' names a venue twice.")
    if not 0 < minimum <= len(venues):
        raise Failure(f"'venues:{argument}' wants {minimum} venues to agree, but must want 1 to {len(venues)}.")
    return Venues(venues, minimum)


def _venue(text: str) -> Venue:
    name, separator, url = text.partition("=")
    if name not in VENUES:
        raise Failure(f"{name!r} is not a venue; use {', '.join(VENUES)}.")
    if not separator:
        return VENUES[name]
    if not _is_address(url):
        raise Failure(f"{url!r} is not an address of {name}: give http:// or https:// and a host.")
    return replace(VENUES[name], url=url.rstrip("/"))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False
