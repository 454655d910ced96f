"""The feeder that a node asks once per vote."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from node.failure import Failure
from node.feeder import board
from node.feeder.board import Board
from node.feeder.digits import scaled
from node.feeder.sources import MAXIMUM_AGE_SECONDS, SECOND, SILENT, LiveSource, Market, Moment, Quote, Report, Source
from node.feeder.spec import sources

PRICE_LIMIT = 2**64
log = logging.getLogger("feeder")


class Feeder:
    """One node's own view of the prices. Every source answers in microseconds, so it is asked when the vote is due; one that learns from
    the network (LiveSource) fills a cache in a thread of its own, between `start` and `stop`, and answers from that, with its time.
    """

    def __init__(
        self,
        spec: str | Sequence[Source],
        markets: Iterable[tuple[int, str, int, int]],
        *,
        override: Path | None = None,
        validator_index: int = 0,
        now_nanoseconds: int | None = None,
    ) -> None:
        """`markets`: (id, ticker, exponent, initial price). `override`: the board that `perpd oracle set` writes. Raises Failure
        if the SPEC cannot be used.
        """
        self._sources = sources(spec) if isinstance(spec, str) else list(spec)
        self._live = [source for source in self._sources if isinstance(source, LiveSource)]
        self._validator_index = validator_index
        self._override = override
        self._board = Board()
        self._board_stamp: tuple[int, int, int] | None = None
        self._begin = time.time_ns() if now_nanoseconds is None else now_nanoseconds
        self._complaints: dict[str, str] = {}
        self.follow(markets)

    def follow(self, markets: Iterable[tuple[int, str, int, int]]) -> None:
        """From now on these are the markets; for when the chain opens or changes one."""
        self._markets = [Market(*market) for market in markets]
        for source in self._live:
            source.follow([market.ticker for market in self._markets])

    def start(self, report: Report | None = None) -> None:
        """Live sources learn from now on; `report` hears how that goes."""
        for source in self._live:
            source.start(report)

    def stop(self) -> None:
        """Nothing of the feeder is running."""
        for source in self._live:
            source.stop()

    def current(self, now_nanoseconds: int | None = None) -> dict[int, int]:
        """Price by market id, each an integer times 10^exponent in (0, 2^64); markets without a fresh price are left out. Never
        raises: what goes wrong is a log line and silence.
        """
        try:
            now = time.time_ns() if now_nanoseconds is None else now_nanoseconds
            self._reread_board()
            moment = Moment(
                now=now,
                created=self._board.created_seconds * SECOND or self._begin,
                started=self._board.started_seconds * SECOND or self._begin,
                validator_index=self._validator_index,
            )
            prices = {market.id: self._price(market, moment) for market in self._markets}
        except Exception as error:  # noqa: BLE001  (a dead feeder is silent, it never halts the chain)
            self._complain("feeder", f"no prices: {error!r}")
            return {}
        return {market_id: price for market_id, price in prices.items() if price}

    def _price(self, market: Market, moment: Moment) -> int:
        """The market's price; 0 for none."""
        try:
            quote = self._quote(market, moment)
        except Exception as error:  # noqa: BLE001  (one broken market does not silence the others)
            self._complain(market.ticker, f"no price for {market.ticker}: {error!r}")
            return 0
        if quote is None or quote is SILENT:
            return 0
        if moment.now - quote.time_nanoseconds > MAXIMUM_AGE_SECONDS * SECOND:
            self._complain(market.ticker, f"no price for {market.ticker}: the last one is older than {MAXIMUM_AGE_SECONDS} s")
            return 0
        if not 0 < quote.price < PRICE_LIMIT:
            self._complain(market.ticker, f"no price for {market.ticker}: {quote.price} is out of range")
            return 0
        self._complaints.pop(market.ticker, None)
        return quote.price

    def _quote(self, market: Market, moment: Moment) -> Quote | None:
        said = self._board.prices.get(market.ticker)
        if said is not None:
            return Quote(scaled(said, market.exponent) or 0, moment.now)
        return next((quote for source in self._sources if (quote := source.quote(market, moment)) is not None), None)

    def _reread_board(self) -> None:
        """The board as it is on disk; a damaged one is complained about, and the last good one stays."""
        if self._override is None:
            return
        try:
            status = self._override.stat()
        except FileNotFoundError:
            self._board, self._board_stamp = Board(), None
            return
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp == self._board_stamp:
            return
        try:
            self._board = board.read(self._override)
        except Failure as failure:
            self._complain("board", str(failure))
            return
        self._board_stamp = stamp
        self._complaints.pop("board", None)

    def _complain(self, subject: str, text: str) -> None:
        """Logged once until it changes or ends: votes come several times a second."""
        if self._complaints.get(subject) != text:
            self._complaints[subject] = text
            log.warning(text)
