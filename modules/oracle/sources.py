"""Where a market's price may come from, and what each source has said last. A market that names no sources has votes alone."""

from enum import IntEnum
from typing import NamedTuple

from modules.kernel.codec import BYTES, KEY_U8, KEY_U32, UINT, Record, key_of, nested, repeated

MAX_SIGNERS = 32
"""Keys of one set; so many signatures a message may carry, each about 0.1 ms of work."""
MAX_UPDATES = 200
"""Markets of one message."""
KEY_BYTES, SIGNATURE_BYTES = 32, 64


class Source(IntEnum):
    """The numbers are in state keys."""

    VOTES = 1
    """The validators' vote extensions."""
    PULL = 2
    """Updates that a threshold of a signer set has signed, sent by anyone."""
    PUSH = 3
    """Updates of one named address."""


class SourceKey(NamedTuple):
    """One source of one market."""

    market_id: int
    source: int


class SourceRule(NamedTuple):
    """One entry of a market's list."""

    source: int
    maximum_age_seconds: int
    """Up to which age its price is fresh enough to be in force."""


class MarketSources(NamedTuple):
    """What genesis says about a market's sources."""

    order: tuple[SourceRule, ...]
    """The most preferred first; each source once."""
    switch_back_blocks: int
    """A preferred source is in force again after so many blocks in a row in which it was fresh and certain."""
    max_deviation_ppm: int
    """How far another fresh source may be from the price in force; beyond it that price is uncertain."""
    pusher: bytes
    """Address that pushes prices; empty where PUSH is no source."""
    push_deviation_ppm: int
    """A push is taken if it moves the price by at least so much,"""
    push_heartbeat_seconds: int
    """or if the last one is at least so old."""


class SourcePrice(NamedTuple):
    """What a source has said last of a market, in the market's exponent."""

    price: int
    confidence: int
    """Half the width of what the price may be; 0 for votes and pushes."""
    time_ns: int
    """Its age counts from here: never after the block that brought it."""
    height: int
    """Of that block."""
    publish_ns: int = 0
    """Pull: the publish time as signed; it may lie ahead of the block."""
    updates: int = 0
    """Pull: how many updates block `height` has taken."""
    reporting_power: int = 0
    total_power: int = 0


class Choice(NamedTuple):
    """Which source is in force."""

    place: int
    """In the market's list."""
    since_height: int
    """Of the switch to it; 0: since genesis."""
    runs: tuple[int, ...]
    """For each place before it: in how many blocks in a row its source was good, up to `switch_back_blocks`."""
    deviating: int
    """Bits by place: fresh sources that are too far from the price in force."""


FIRST_CHOICE = Choice(0, 0, (), 0)


class SignerSet(NamedTuple):
    """Who signs pull updates."""

    threshold: int
    keys: tuple[bytes, ...]
    valid_until_ns: int
    """0: until it is replaced."""

    def is_valid(self, now_ns: int) -> bool:
        """Whether updates signed by it are taken at this block time."""
        return not self.valid_until_ns or now_ns <= self.valid_until_ns


class PullParams(NamedTuple):
    """What a pull update must keep to."""

    fee_quantums: int = 10_000
    """Of one message, in quote quantums."""
    maximum_age_seconds: int = 60
    maximum_ahead_seconds: int = 5
    updates_per_block: int = 4
    """Of one market."""
    overlap_seconds: int = 3_600
    """How long a set stays valid after it was replaced."""


DEFAULT_PULL = PullParams()


class SignedUpdates(NamedTuple):
    """A message with pull updates after its stateless checks."""

    sender: bytes
    version: int
    """Of the signer set."""
    updates: tuple["PriceUpdate", ...]
    """By strictly ascending market id."""
    signatures: tuple[tuple[bytes, bytes], ...]
    """(public key, signature), no key twice."""


class Push(NamedTuple):
    """A pushed price after its stateless checks."""

    sender: bytes
    market_id: int
    price: int


class Rotation(NamedTuple):
    """A new signer set after its stateless checks."""

    version: int
    threshold: int
    keys: tuple[bytes, ...]


class PriceUpdate(NamedTuple):
    """One market's price as signers say it, in the exponent that they name."""

    market_id: int
    price: int
    exponent: int
    confidence: int
    publish_ns: int


class SourceState(NamedTuple):
    """A source as queries show it."""

    rule: SourceRule
    price: SourcePrice | None
    fresh: bool
    certain: bool
    deviates: bool
    good_blocks: int


SOURCE_KEY = key_of(SourceKey, KEY_U32, KEY_U8)
SOURCE_RULE: Record[SourceRule] = Record(SourceRule, source=UINT, maximum_age_seconds=UINT)
MARKET_SOURCES: Record[MarketSources] = Record(
    MarketSources,
    order=repeated(nested(SOURCE_RULE)),
    switch_back_blocks=UINT,
    max_deviation_ppm=UINT,
    pusher=BYTES,
    push_deviation_ppm=UINT,
    push_heartbeat_seconds=UINT,
)
SOURCE_PRICE: Record[SourcePrice] = Record(
    SourcePrice,
    price=UINT,
    confidence=UINT,
    time_ns=UINT,
    height=UINT,
    publish_ns=UINT,
    updates=UINT,
    reporting_power=UINT,
    total_power=UINT,
)
CHOICE: Record[Choice] = Record(Choice, place=UINT, since_height=UINT, runs=repeated(UINT), deviating=UINT)
SIGNER_SET: Record[SignerSet] = Record(SignerSet, threshold=UINT, keys=repeated(BYTES), valid_until_ns=UINT)
PULL_PARAMS: Record[PullParams] = Record(
    PullParams, fee_quantums=UINT, maximum_age_seconds=UINT, maximum_ahead_seconds=UINT, updates_per_block=UINT, overlap_seconds=UINT
)
