import asyncio
import gzip
import ssl
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from node.feeder.venues.backoff import LONGEST_WISH_SECONDS, Backoff, retry_after_seconds
from node.feeder.venues.coinbase import COINBASE
from node.feeder.venues.fetch import BYTES_MAX, client, fetch
from node.feeder.venues.resolver import LOOKUPS_MAX, Resolver
from node.feeder.venues.venue import Answer, Reason, VenueError
from support.bad_venue import Behaviour, answer, bad_venue, drip, end_midway, flood, hang, noise, reset_midway

TIMEOUT = 0.3
"""For those that are to run into it."""
PLENTY = 30.0
NEW_YEAR = 1_640_995_200 * 10**9
"""2022-01-01T00:00:00Z."""


def ask(url: str, timeout: float = PLENTY) -> Answer:
    """One request to whoever listens there."""
    venue = replace(COINBASE, url=url, timeout=timeout)

    async def request() -> Answer:
        async with client(venue) as http:
            return await fetch(http, venue, "/products/BTC-USD/ticker", NEW_YEAR)

    return asyncio.run(request())


def error(behaviour: Behaviour, timeout: float = PLENTY) -> VenueError:
    """What a request to a venue that behaves like this comes to."""
    with bad_venue(behaviour) as venue, pytest.raises(VenueError) as caught:
        ask(venue.url, timeout)
    return caught.value


def test_complete_answer_comes_as_it_is() -> None:
    """Status and body."""
    with bad_venue(answer(b'{"price":"1"}')) as venue:
        assert ask(venue.url) == Answer(200, b'{"price":"1"}')
        assert venue.paths == ["/products/BTC-USD/ticker"]


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found"])
def test_refusals_are_read_by_the_venue(status: str) -> None:
    """They may say that a pair is unknown."""
    with bad_venue(answer(b"{}", status)) as venue:
        assert ask(venue.url) == Answer(int(status[:3]), b"{}")


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        ("429 Too Many Requests", "17", 17),
        ("429 Too Many Requests", "", 10),
        ("429 Too Many Requests", "soon", 10),
        ("429 Too Many Requests", "Sat, 01 Jan 2022 00:01:00 GMT", 60),
        ("418 I'm a teapot", "3600", 3600),
        ("418 I'm a teapot", "", 120),
    ],
)
def test_rate_limit_is_known_with_its_waiting_time(status: str, retry_after: str, wait: int) -> None:
    """What the venue asks for, or a cautious time where it says nothing that can be read."""
    caught = error(answer(b"{}", status, Retry_After=retry_after))
    assert (caught.reason, caught.wait_seconds) == (Reason.RATE_LIMIT, wait)


@pytest.mark.parametrize("status", ["503 Service Unavailable", "500 Error", "301 Moved", "302 Found", "204 No Content", "451 Not Here"])
def test_other_answers_are_errors_and_redirects_are_not_followed(status: str) -> None:
    """One request, whatever the answer points at."""
    with bad_venue(answer(b"", status, Location="/elsewhere", Retry_After="5")) as venue, pytest.raises(VenueError) as caught:
        ask(venue.url)
    assert (caught.value.reason, caught.value.wait_seconds) == (Reason.STATUS, 5)
    assert len(venue.paths) == 1


@pytest.mark.parametrize("behaviour", [reset_midway, end_midway, noise, lambda *_: None], ids=["reset", "end", "noise", "nothing"])
def test_broken_connection_is_an_error(behaviour: Behaviour) -> None:
    """In the middle of an answer or before it."""
    assert error(behaviour).reason is Reason.CONNECTION


@pytest.mark.parametrize("behaviour", [hang, drip])
def test_whole_request_has_one_time_limit(behaviour: Behaviour) -> None:
    """Silence ends it, and so does an answer of which a byte comes now and then."""
    assert error(behaviour, TIMEOUT).reason is Reason.TIMEOUT


def test_large_answer_is_not_read_to_its_end() -> None:
    """Ten megabytes, announced or not."""
    assert error(flood).reason is Reason.TOO_LARGE
    assert error(answer(b"[" * (BYTES_MAX + 1))).reason is Reason.TOO_LARGE
    assert error(answer(b"[" * (BYTES_MAX + 1), "404 Not Found")).reason is Reason.TOO_LARGE


def test_compressed_answer_is_refused_unread() -> None:
    """A few kilobytes could unpack to gigabytes; we ask for none."""
    bomb = gzip.compress(bytes(10_000_000))
    assert len(bomb) < BYTES_MAX
    assert error(answer(bomb, Content_Encoding="gzip")).reason is Reason.MALFORMED


def certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "venue")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    signed = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False).sign(
        key, SHA256()
    )
    path = directory / "venue.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


def test_venue_that_cannot_prove_who_it_is_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TLS, its certificate must be signed by somebody known; one who is not gets no request. The same one is heard once known."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with bad_venue(answer(b"{}"), tls=context) as venue:
        with pytest.raises(VenueError, match=r"(?i)certificate") as caught:
            ask(venue.url)
        assert caught.value.reason is Reason.CONNECTION
        assert venue.paths == []
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert ask(venue.url) == Answer(200, b"{}")


def test_nobody_listening_is_an_error() -> None:
    """A port that was just closed."""
    with bad_venue(hang) as venue:
        url = venue.url
    with pytest.raises(VenueError) as caught:
        ask(url)
    assert caught.value.reason is Reason.CONNECTION


def test_name_without_address_is_an_error() -> None:
    """The top-level name `invalid` never has one."""
    with pytest.raises(VenueError) as caught:
        ask("http://venue.invalid")
    assert caught.value.reason in (Reason.CONNECTION, Reason.TIMEOUT)


def test_backoff_doubles_to_a_minute_and_begins_anew_after_success() -> None:
    """Without chance; the venue's own wish counts where it is longer, up to the longest ban there is."""
    backoff = Backoff()
    assert [backoff.failed() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.failed(3600) == 3600
    assert backoff.failed(10**9) == LONGEST_WISH_SECONDS
    backoff.succeeded()
    assert [backoff.failed(3), backoff.failed()] == [3, 2]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0), ("", 0), ("0", 0), ("120", 120), ("-5", 0), ("1.5", 0), ("never", 0), ("9" * 400, LONGEST_WISH_SECONDS),
        ("Sat, 01 Jan 2022 00:00:30 GMT", 30), ("Fri, 31 Dec 2021 23:00:00 GMT", 0), ("Sat, 99 Jan 2022 00:00:30 GMT", 0), ("\u0661", 0),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, seconds: int) -> None:
    """Anything else, and the past, is no wish."""
    assert retry_after_seconds(text, NEW_YEAR) == seconds


def test_hanging_lookups_are_bounded_and_do_not_hold_the_end() -> None:
    """They cannot be cancelled; too many of them fail at once, and no thread of them outlives the process."""
    resolver, hanging = Resolver(), threading.Event()
    lookups = [resolver.submit(hanging.wait) for _ in range(LOOKUPS_MAX)]
    with pytest.raises(OSError, match="too many"):
        resolver.submit(hanging.wait)
    resolver.shutdown()  # waits for nobody
    assert not any(lookup.done() for lookup in lookups)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "venue-lookup")
    hanging.set()
    assert all(lookup.result() for lookup in lookups)


def test_lookups_give_their_result_or_their_error() -> None:
    """To whoever waits, through the loop as well."""
    resolver = Resolver()
    assert resolver.submit(max, 1, 2).result() == 2
    with pytest.raises(ZeroDivisionError):
        resolver.submit(divmod, 1, 0).result()
