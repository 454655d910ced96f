"""What consensus itself needs as state: the chain's identity, limits of blocks, validator sets, the last block."""

from hashlib import sha256
from typing import NamedTuple

from modules.kernel.codec import BYTES, SINT, TEXT, UINT, Record, nested, repeated

LANES = 5
"""Cancel, margin add, post-only, taker, other."""
VALIDATOR_KEY_BYTES = 32
VALIDATOR_ADDRESS_BYTES = 20
MAX_TOTAL_POWER = 2**60 - 1
"""The engine's bound on the total voting power, (2^63 - 1) / 8 rounded down."""


class SequencerParams(NamedTuple):
    """Limits of admission and the price of gas; a change takes effect in the block after the one that carries it."""

    max_block_bytes: int
    """Of all transactions of a block as the engine counts them: the preamble, one tag byte and the length each included."""
    max_block_txs: int
    """Transactions of a block, preamble not counted."""
    quota_per_account_and_lane: int
    """Transactions of one account in one lane of a block."""
    max_tx_bytes: int
    """Of one encoded TxRaw."""
    lane_byte_share_ppm: tuple[int, ...]
    """Guaranteed shares of the block's bytes, one per lane, 10^6 together."""
    max_vote_extension_bytes: int
    """A larger vote extension counts as empty."""
    max_memo_bytes: int
    """Of UTF-8; a longer memo fails in execution."""
    gas_per_message: int
    gas_per_byte: int


class EngineParams(NamedTuple):
    """The engine's consensus parameters of genesis, kept for clients that ask for them."""

    block_max_bytes: int
    """-1: the engine's own maximum."""
    block_max_gas: int
    """-1: no limit."""
    evidence_max_age_blocks: int
    evidence_max_age_ns: int
    evidence_max_bytes: int
    app_version: int


class ChainIdentity(NamedTuple):
    """What InitChain said; constant for the life of the chain."""

    chain_id: str
    initial_height: int
    vote_extension_enable_height: int
    """0: vote extensions are off."""
    engine: EngineParams


class Validator(NamedTuple):
    """One validator of a set."""

    address: bytes
    """First 20 bytes of SHA-256(public key)."""
    public_key: bytes
    """32 raw bytes of ed25519."""
    power: int


class ValidatorSet(NamedTuple):
    """Who votes from a height on, until the next set: power descending, then address ascending, as the engine orders them."""

    from_height: int
    validators: tuple[Validator, ...]


class LastBlock(NamedTuple):
    """The last executed block; (initial height - 1, genesis time) before the first."""

    height: int
    time_ns: int


class ValidatorSets(NamedTuple):
    """The sets that may still be needed, by ascending height."""

    sets: tuple[ValidatorSet, ...]


def validator(public_key: bytes, power: int) -> Validator:
    """The validator with that key; its address follows from the key."""
    return Validator(sha256(public_key).digest()[:VALIDATOR_ADDRESS_BYTES], public_key, power)


def in_engine_order(validators: list[Validator]) -> tuple[Validator, ...]:
    """Power descending, then address ascending."""
    return tuple(sorted(validators, key=lambda one: (-one.power, one.address)))


DEFAULT_PARAMS = SequencerParams(
    max_block_bytes=4 * 1024 * 1024,
    max_block_txs=5_000,
    quota_per_account_and_lane=200,
    max_tx_bytes=64 * 1024,
    lane_byte_share_ppm=(250_000, 100_000, 300_000, 250_000, 100_000),
    max_vote_extension_bytes=4 * 1024,
    max_memo_bytes=256,
    gas_per_message=20_000,
    gas_per_byte=10,
)

PARAMS: Record[SequencerParams] = Record(
    SequencerParams,
    max_block_bytes=UINT,
    max_block_txs=UINT,
    quota_per_account_and_lane=UINT,
    max_tx_bytes=UINT,
    lane_byte_share_ppm=repeated(UINT),
    max_vote_extension_bytes=UINT,
    max_memo_bytes=UINT,
    gas_per_message=UINT,
    gas_per_byte=UINT,
)
ENGINE_PARAMS: Record[EngineParams] = Record(
    EngineParams,
    block_max_bytes=SINT,
    block_max_gas=SINT,
    evidence_max_age_blocks=UINT,
    evidence_max_age_ns=UINT,
    evidence_max_bytes=UINT,
    app_version=UINT,
)
CHAIN_IDENTITY: Record[ChainIdentity] = Record(
    ChainIdentity, chain_id=TEXT, initial_height=UINT, vote_extension_enable_height=UINT, engine=nested(ENGINE_PARAMS)
)
VALIDATOR: Record[Validator] = Record(Validator, address=BYTES, public_key=BYTES, power=UINT)
VALIDATOR_SET: Record[ValidatorSet] = Record(ValidatorSet, from_height=UINT, validators=repeated(nested(VALIDATOR)))
VALIDATOR_SETS: Record[ValidatorSets] = Record(ValidatorSets, sets=repeated(nested(VALIDATOR_SET)))
LAST_BLOCK: Record[LastBlock] = Record(LastBlock, height=UINT, time_ns=UINT)
