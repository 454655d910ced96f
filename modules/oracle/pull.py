"""Signed pull updates: anyone brings what a threshold of a signer set has signed, and each node verifies it (in the manner of Pyth)."""

from collections.abc import Callable, Iterator, Sequence

from modules.bank.keeper import BankKeeper
from modules.bank.model import FEE_COLLECTOR
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.intmath import UINT64_MAX, div_ceil, divmod_floor, pow10
from modules.kernel.units import NANOSECONDS_PER_SECOND, Address
from modules.oracle import errors
from modules.oracle.choice import SourceChoice
from modules.oracle.events import PRICE_REPORTED, SIGNERS_ROTATED, UPDATE_PAID
from modules.oracle.sources import (
    DEFAULT_PULL,
    PriceUpdate,
    PullParams,
    Rotation,
    SignedUpdates,
    SignerSet,
    Source,
    SourcePrice,
)
from modules.oracle.state import OracleState

DOMAIN = b"perpd.oracle.v1.PriceUpdates"
"""Begins what is signed, so that no signature for anything else fits."""
_FEE_COLLECTOR = addresses.of_module(FEE_COLLECTOR)
Verifier = Callable[[bytes, bytes, bytes], bool]
"""verify(public key, signature, message): whether an ed25519 signature is valid. Pure."""


def sign_bytes(chain_id: str, version: int, updates: Sequence[PriceUpdate]) -> bytes:
    """ORACLE-34: what every signer signs. Integers are 8 bytes, big-endian, the exponent in two's complement; texts follow their length."""
    text = chain_id.encode()
    parts = [_word(len(DOMAIN)), DOMAIN, _word(len(text)), text, _word(version), _word(len(updates))]
    for one in updates:
        parts += [_word(one.market_id), _word(one.price), _word(one.exponent & UINT64_MAX), _word(one.confidence), _word(one.publish_ns)]
    return b"".join(parts)


def _word(number: int) -> bytes:
    return number.to_bytes(8, "big")


def in_exponent(update: PriceUpdate, exponent: int) -> tuple[int, int] | None:
    """ORACLE-35: (price, confidence) in another exponent: the price exactly, the confidence rounded up; None if it does not fit.

    A confidence that does not fit 64 bits is the largest one.
    """
    shift = update.exponent - exponent
    if shift >= 0:
        price, confidence, rest = update.price * pow10(shift), update.confidence * pow10(shift), 0
    else:
        price, rest = divmod_floor(update.price, pow10(-shift))
        confidence = div_ceil(update.confidence, pow10(-shift))
    return None if rest or not 0 < price <= UINT64_MAX else (price, min(confidence, UINT64_MAX))


class PullUpdates:
    """Takes updates, and rotates who signs them."""

    def __init__(self, state: OracleState, sources: SourceChoice, bank: BankKeeper, verify: Verifier) -> None:
        self._state = state
        self._sources = sources
        self._bank = bank
        self._verify = verify

    def params(self, ctx: Context) -> PullParams:
        """What an update must keep to."""
        return self._state.pull.get(ctx) or DEFAULT_PULL

    def sets(self, ctx: Context) -> Iterator[tuple[int, SignerSet]]:
        """(version, signer set), ascending; those that have expired stay until the next rotation."""
        yield from self._state.signer_sets.items(ctx)

    def update(self, ctx: Context, command: SignedUpdates) -> bytes:
        """Every update of the message is its market's latest one, and the sender has paid; signatures are verified last.

        Raises oracle 2 to 13, prices 200, sdk 5; then nothing of the message is taken.
        """
        found = self._state.signer_sets.get(ctx, command.version)
        if found is None or not found.is_valid(ctx.time_ns):
            raise errors.SET_NOT_VALID(f"version {command.version}")
        if len(command.signatures) < found.threshold:
            raise errors.TOO_FEW_SIGNERS(f"{len(command.signatures)} of at least {found.threshold}")
        for key, _ in command.signatures:
            if key not in found.keys:
                raise errors.NOT_A_SIGNER(f"{key.hex()} is not in version {command.version}")
        params = self.params(ctx)
        prices = [(one.market_id, self._price(ctx, params, one)) for one in command.updates]
        self._bank.move(ctx, Address(command.sender), _FEE_COLLECTOR, params.fee_quantums)
        message = sign_bytes(ctx.chain_id, command.version, command.updates)
        for key, signature in command.signatures:
            if not self._verify(key, signature, message):
                raise errors.BAD_SIGNATURE(f"that of {key.hex()}")
        for market_id, price in prices:
            self._sources.record(ctx, market_id, Source.PULL, price)
            ctx.emit(PRICE_REPORTED, market_id, Source.PULL.name, price.price, price.confidence, price.time_ns)
        ctx.emit(UPDATE_PAID, params.fee_quantums, addresses.to_text(command.sender), command.version)
        return b""

    def _price(self, ctx: Context, params: PullParams, update: PriceUpdate) -> SourcePrice:
        """What is recorded of one update. Raises why it is not taken."""
        market_id = update.market_id
        market = self._state.markets.get(ctx, market_id)
        if market is None:
            raise errors.MARKET_MISSING(f"market {market_id}")
        if not self._sources.takes(ctx, market_id, Source.PULL):
            raise errors.NOT_A_SOURCE(f"PULL is no source of {market.ticker}")
        converted = in_exponent(update, market.exponent)
        if converted is None:
            raise errors.BAD_EXPONENT(f"{update.price} x 10^{update.exponent} in {market.ticker}, whose exponent is {market.exponent}")
        last = self._sources.last(ctx, market_id, Source.PULL)
        if last is not None and update.publish_ns <= last.publish_ns:
            raise errors.NOT_NEWER(f"{market.ticker} was published at {last.publish_ns}, this one at {update.publish_ns}")
        age_ns = ctx.time_ns - update.publish_ns
        if age_ns > params.maximum_age_seconds * NANOSECONDS_PER_SECOND:
            raise errors.TOO_OLD(f"{market.ticker} is {age_ns} ns old, at most {params.maximum_age_seconds} seconds are taken")
        if -age_ns > params.maximum_ahead_seconds * NANOSECONDS_PER_SECOND:
            raise errors.IN_FUTURE(f"{market.ticker} is {-age_ns} ns ahead, at most {params.maximum_ahead_seconds} seconds are taken")
        taken = last.updates if last is not None and last.height == ctx.height else 0
        if taken >= params.updates_per_block:
            raise errors.TOO_MANY_UPDATES(f"{taken} of {market.ticker}")
        price, confidence = converted
        return SourcePrice(price, confidence, min(update.publish_ns, ctx.time_ns), ctx.height, update.publish_ns, taken + 1)

    def rotate(self, ctx: Context, wanted: Rotation) -> None:
        """The set signs from the next height on; the one before it stays valid for the overlap, and expired ones are forgotten.

        Raises oracle 16 if its version is not above every earlier one.
        """
        known = list(self.sets(ctx))
        if known and wanted.version <= known[-1][0]:
            raise errors.BAD_SIGNER_SET(f"version {wanted.version} after {known[-1][0]}")
        valid_until_ns = ctx.time_ns + self.params(ctx).overlap_seconds * NANOSECONDS_PER_SECOND
        for version, one in known:
            if not one.is_valid(ctx.time_ns):
                self._state.signer_sets.delete(ctx, version)
            elif not one.valid_until_ns:
                self._state.signer_sets.set(ctx, version, one._replace(valid_until_ns=valid_until_ns))
        self._state.signer_sets.set(ctx, wanted.version, SignerSet(wanted.threshold, wanted.keys, 0))
        ctx.emit(SIGNERS_ROTATED, wanted.version, wanted.threshold, len(wanted.keys))

    def check(self, ctx: Context) -> list[str]:
        """ORACLE-C: of the signer sets the last alone has no end, and every threshold can be met."""
        known = list(self.sets(ctx))
        broken = [f"signer set {version} ends at {one.valid_until_ns}" for version, one in known[-1:] if one.valid_until_ns]
        broken += [f"signer set {version} has no end" for version, one in known[:-1] if not one.valid_until_ns]
        broken += [f"signer set {version} cannot sign" for version, one in known if not 0 < one.threshold <= len(one.keys)]
        return broken
