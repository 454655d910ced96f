"""Genesis of consensus: limits, the address prefix, and (only in an export) the chain that is continued."""

from collections.abc import Mapping
from typing import Any

from modules.consensus.model import (
    DEFAULT_PARAMS,
    LANES,
    MAX_TOTAL_POWER,
    VALIDATOR_KEY_BYTES,
    ChainIdentity,
    EngineParams,
    LastBlock,
    SequencerParams,
    Validator,
    ValidatorSet,
    ValidatorSets,
    in_engine_order,
    validator,
)
from modules.consensus.state import ConsensusState
from modules.kernel import address
from modules.kernel.context import Context
from modules.kernel.genesis import Reader, hexadecimal, parse_integer
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION

INT64_MAX = 2**63 - 1
MAX_BLOCK_BYTES = 96 * 1024 * 1024
"""Below the engine's 104,857,600 with room for header, commit and evidence."""
DEFAULT_PREFIX = "dydx"


def read_params(reader: Reader) -> SequencerParams:
    """Limits of blocks within their bounds; what is not said is the default."""
    default = DEFAULT_PARAMS
    shares = []
    for index, value in enumerate(reader.values("lane_byte_share_ppm", list(default.lane_byte_share_ppm))):
        share = parse_integer(value)
        if share is None or not 0 <= share <= MILLION:
            reader.problem(f"lane_byte_share_ppm[{index}]", f"must be between 0 and {MILLION} ppm, not {value!r}")
            share = 0
        shares.append(share)
    if len(shares) != LANES or sum(shares) != MILLION:
        reader.problem("lane_byte_share_ppm", f"must be {LANES} shares (cancel, margin, post-only, taker, other) of {MILLION} ppm together")
    params = SequencerParams(
        max_block_bytes=reader.integer("max_block_bytes", 16 * 1024, MAX_BLOCK_BYTES, default.max_block_bytes),
        max_block_txs=reader.integer("max_block_txs", 1, 1_000_000, default.max_block_txs),
        quota_per_account_and_lane=reader.integer("quota_per_account_and_lane", 1, 1_000_000, default.quota_per_account_and_lane),
        max_tx_bytes=reader.integer("max_tx_bytes", 1024, 1024 * 1024, default.max_tx_bytes),
        lane_byte_share_ppm=tuple(shares),
        max_vote_extension_bytes=reader.integer("max_vote_extension_bytes", 32, 512 * 1024, default.max_vote_extension_bytes),
        max_memo_bytes=reader.integer("max_memo_bytes", 0, 64 * 1024, default.max_memo_bytes),
        gas_per_message=reader.integer("gas_per_message", 0, UINT32_MAX, default.gas_per_message),
        gas_per_byte=reader.integer("gas_per_byte", 0, UINT32_MAX, default.gas_per_byte),
    )
    if params.max_tx_bytes > params.max_block_bytes:
        reader.problem("max_tx_bytes", "must not be above max_block_bytes")
    reader.done()
    return params


def _read_engine(reader: Reader) -> EngineParams:
    engine = EngineParams(
        block_max_bytes=reader.integer("block_max_bytes", -1, INT64_MAX, -1),
        block_max_gas=reader.integer("block_max_gas", -1, INT64_MAX, -1),
        evidence_max_age_blocks=reader.integer("evidence_max_age_blocks", 0, INT64_MAX, 0),
        evidence_max_age_ns=reader.integer("evidence_max_age_ns", 0, INT64_MAX, 0),
        evidence_max_bytes=reader.integer("evidence_max_bytes", 0, INT64_MAX, 0),
        app_version=reader.integer("app_version", 0, INT64_MAX, 0),
    )
    reader.done()
    return engine


def _read_validators(reader: Reader) -> tuple[Validator, ...]:
    found = []
    for entry in reader.objects("validators", required=True):
        text = entry.text("public_key")
        power = entry.integer("power", 1, MAX_TOTAL_POWER)
        key = hexadecimal(text, VALIDATOR_KEY_BYTES) or b""
        if not key:
            entry.problem("public_key", f"must be {VALIDATOR_KEY_BYTES} bytes of an ed25519 key in hexadecimal")
        entry.done()
        found.append(validator(key, power))
    if not found:
        reader.problem("validators", "must name at least one validator")
    return in_engine_order(found)


def _read_chain(reader: Reader) -> tuple[ChainIdentity, ValidatorSets, LastBlock]:
    identity = ChainIdentity(
        chain_id=reader.text("chain_id", longest=50),
        initial_height=reader.integer("initial_height", 1, INT64_MAX),
        vote_extension_enable_height=reader.integer("vote_extension_enable_height", 0, INT64_MAX),
        engine=_read_engine(reader.object("engine")),
    )
    last = LastBlock(reader.integer("last_block_height", 0, INT64_MAX), reader.integer("last_block_time_ns", 0, UINT64_MAX))
    sets = []
    for entry in reader.objects("validator_sets", required=True):
        sets.append(ValidatorSet(entry.integer("from_height", 1, INT64_MAX), _read_validators(entry)))
        entry.done()
    if not sets or [one.from_height for one in sets] != sorted({one.from_height: None for one in sets}):
        reader.problem("validator_sets", "must be at least one set, by strictly ascending from_height")
    reader.done()
    return identity, ValidatorSets(tuple(sets)), last


def _read(section: Any, problems: Problems) -> tuple[str, SequencerParams, tuple[ChainIdentity, ValidatorSets, LastBlock] | None]:
    reader = Reader(section, "consensus", problems)
    prefix = reader.text("bech32_prefix", DEFAULT_PREFIX, longest=40)
    # Lower-case letters only: digits would be legal, but "1" separates prefix from data and confuses readers.
    if not (prefix.isascii() and prefix.isalpha() and prefix.islower()):
        reader.problem("bech32_prefix", f"must be lower-case letters, not {prefix!r}")
        prefix = DEFAULT_PREFIX
    nested = reader.optional("sequencer")
    params = DEFAULT_PARAMS if nested is None else read_params(nested)
    continued = reader.optional("chain")
    chain = None if continued is None else _read_chain(continued)
    reader.done()
    return prefix, params, chain


def validate(section: Any, problems: Problems) -> None:
    """Every mistake. The prefix is in use from here on: the sections below are read with it."""
    prefix, _, _ = _read(section, problems)
    address.use_prefix(prefix)


def init(ctx: Context, state: ConsensusState, section: Any) -> None:
    """Limits and prefix hold. Identity, validators and last block are those of `begin_chain`, before or after; without it an export's."""
    problems = Problems()
    prefix, params, chain = _read(section, problems)
    assert not problems.found, problems.found
    address.use_prefix(prefix)
    state.bech32_prefix.set(ctx, prefix)
    state.params.set(ctx, params)
    if chain is not None and state.chain.get(ctx) is None:
        identity, sets, last = chain
        state.chain.set(ctx, identity)
        state.validator_sets.set(ctx, sets)
        state.last_block.set(ctx, last)


def export(ctx: Context, state: ConsensusState) -> dict[str, Any]:
    """The section from which `init` builds this very state."""
    params = state.params.require(ctx)
    section: dict[str, Any] = {
        "bech32_prefix": state.bech32_prefix.require(ctx),
        "sequencer": {**params._asdict(), "lane_byte_share_ppm": list(params.lane_byte_share_ppm)},
    }
    chain = state.chain.get(ctx)
    if chain is not None:
        section["chain"] = _export_chain(chain, state.validator_sets.require(ctx), state.last_block.require(ctx))
    return section


def _export_chain(chain: ChainIdentity, sets: ValidatorSets, last: LastBlock) -> Mapping[str, Any]:
    return {
        "chain_id": chain.chain_id,
        "initial_height": str(chain.initial_height),
        "vote_extension_enable_height": str(chain.vote_extension_enable_height),
        "engine": {key: str(value) for key, value in chain.engine._asdict().items()},
        "last_block_height": str(last.height),
        "last_block_time_ns": str(last.time_ns),
        "validator_sets": [
            {
                "from_height": str(one.from_height),
                "validators": [{"public_key": who.public_key.hex(), "power": str(who.power)} for who in one.validators],
            }
            for one in sets.sets
        ],
    }
