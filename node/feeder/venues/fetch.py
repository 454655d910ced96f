"""One HTTP request with a bound on everything: time, size, redirects (none), encodings (none)."""

from __future__ import annotations

import asyncio
import re

import httpx

from node.feeder.venues.backoff import retry_after_seconds
from node.feeder.venues.venue import Answer, Reason, Venue, VenueError

BYTES_MAX = 512 * 1024
"""Hundreds of tickers fit in; anything larger is not for us."""
LEAST_WAIT_SECONDS = {429: 10, 418: 120}
"""Where the venue limits us without saying for how long; 418 is Binance's ban for those who went on after 429."""
READABLE = (200, 400, 404)
"""Answers that the venue itself must read: an error may say which pair it does not know."""

_ERROR_NUMBER = re.compile(r"^\[Errno -?[0-9]+\] ")


def client(venue: Venue) -> httpx.AsyncClient:
    """A connection pool for one venue, so that none waits for another's. A proxy of the environment is used for TLS only: plain HTTP
    is for mirrors in one's own network.
    """
    return httpx.AsyncClient(
        base_url=venue.url,
        timeout=venue.timeout,
        headers={"User-Agent": "perpd-feeder", "Accept": "application/json", "Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=venue.url.startswith("https:"),
        limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
    )


async def fetch(http: httpx.AsyncClient, venue: Venue, path: str, now_nanoseconds: int) -> Answer:
    """The venue's answer to one request, where it is one to read. Raises VenueError for everything else, within the venue's timeout."""
    try:
        async with asyncio.timeout(venue.timeout), http.stream("GET", path) as response:
            _judge(response, now_nanoseconds)
            return Answer(response.status_code, await _body(response))
    except (TimeoutError, httpx.TimeoutException):
        raise VenueError(Reason.TIMEOUT, f"no complete answer within {venue.timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise VenueError(Reason.CONNECTION, _ERROR_NUMBER.sub("", str(error)) or type(error).__name__) from None


def _judge(response: httpx.Response, now_nanoseconds: int) -> None:
    status = response.status_code
    wish = retry_after_seconds(response.headers.get("Retry-After"), now_nanoseconds)
    if status in LEAST_WAIT_SECONDS:
        raise VenueError(Reason.RATE_LIMIT, f"HTTP {status}", wish or LEAST_WAIT_SECONDS[status])
    if status not in READABLE:
        raise VenueError(Reason.STATUS, f"HTTP {status}", wish)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise VenueError(Reason.MALFORMED, "the answer is compressed, which was not asked for")


async def _body(response: httpx.Response) -> bytes:
    """Raises VenueError as soon as it is larger than allowed; the rest is never read."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > BYTES_MAX:
            raise VenueError(Reason.TOO_LARGE, f"the answer is larger than {BYTES_MAX} bytes")
    return bytes(body)
