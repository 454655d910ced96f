"""The verbs of consensus state: identity, limits, validator sets by height, the last block."""

from collections.abc import Iterable, Sequence

from modules.consensus.errors import INVALID_VALIDATOR_CHANGE
from modules.consensus.model import (
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
from modules.kernel.context import Context

VOTING_DELAY_BLOCKS = 2
"""A change that block h decides votes from h + 2 on."""
KEPT_BLOCKS = 3
"""How many heights back a validator set stays known after its end."""


class ConsensusKeeper:
    """Reads are point reads; they serve checks, proposals, execution and queries alike."""

    def __init__(self, state: ConsensusState) -> None:
        self._state = state

    # Identity and limits.

    def begin_chain(
        self,
        ctx: Context,
        *,
        chain_id: str,
        initial_height: int,
        enable_height: int,
        validators: Iterable[tuple[bytes, int]],
        engine: EngineParams,
    ) -> None:
        """What InitChain said is in force; `ctx.time_ns` is the genesis time. Validators are (ed25519 key, power); power 0 is nobody."""
        self._state.chain.set(ctx, ChainIdentity(chain_id, initial_height, enable_height, engine))
        first = in_engine_order([validator(key, power) for key, power in validators if power > 0])
        self._state.validator_sets.set(ctx, ValidatorSets((ValidatorSet(initial_height, first),)))
        self._state.last_block.set(ctx, LastBlock(initial_height - 1, ctx.time_ns))

    def chain(self, ctx: Context) -> ChainIdentity:
        return self._state.chain.require(ctx)

    def chain_id(self, ctx: Context) -> str:
        return self.chain(ctx).chain_id

    def initial_height(self, ctx: Context) -> int:
        return self.chain(ctx).initial_height

    def enable_height(self, ctx: Context) -> int:
        """From which height on precommits carry extensions; 0: never."""
        return self.chain(ctx).vote_extension_enable_height

    def bech32_prefix(self, ctx: Context) -> str:
        prefix: str = self._state.bech32_prefix.require(ctx)
        return prefix

    def params(self, ctx: Context) -> SequencerParams:
        return self._state.params.require(ctx)

    def set_params(self, ctx: Context, params: SequencerParams) -> None:
        """New limits. Called as one of a block's last writes, so that they hold from the next block on."""
        self._state.params.set(ctx, params)

    # The last block.

    def last_block_time(self, ctx: Context) -> int:
        """Block time of the last executed block, in nanoseconds; genesis time before the first."""
        return self._state.last_block.require(ctx).time_ns

    def last_block_height(self, ctx: Context) -> int:
        """The last executed height; initial height − 1 before the first."""
        return self._state.last_block.require(ctx).height

    def end_block(self, ctx: Context) -> None:
        """The block of `ctx` is the last one, and validator sets that nobody can need any more are forgotten."""
        self._state.last_block.set(ctx, LastBlock(ctx.height, ctx.time_ns))
        sets = self._sets(ctx)
        # A set is over when its successor is in force; it stays for evidence and for the commit of the block before.
        oldest = ctx.height - KEPT_BLOCKS
        successors = (*sets[1:], None)
        kept = tuple(one for one, successor in zip(sets, successors, strict=True) if successor is None or successor.from_height > oldest)
        if len(kept) != len(sets):
            self._state.validator_sets.set(ctx, ValidatorSets(kept))

    # Validators.

    def _sets(self, ctx: Context) -> tuple[ValidatorSet, ...]:
        return self._state.validator_sets.require(ctx).sets

    def validators(self, ctx: Context, height: int) -> tuple[Validator, ...]:
        """Who votes at a height: power descending, then address. Empty for heights whose set is no longer (or never was) known."""
        found: tuple[Validator, ...] = ()
        for one in self._sets(ctx):
            if one.from_height > height:
                break
            found = one.validators
        return found

    def change_validators(self, ctx: Context, changes: Sequence[tuple[bytes, int]]) -> None:
        """Keys get new powers (0 removes) from two heights after this one on. Raises consensus 2 for what the engine would not take."""
        start = ctx.height + VOTING_DELAY_BLOCKS
        by_key = {one.public_key: one for one in self.validators(ctx, start)}
        changed: dict[bytes, None] = {}
        for key, power in changes:
            name = key.hex()
            if len(key) != VALIDATOR_KEY_BYTES:
                raise INVALID_VALIDATOR_CHANGE(f"key {name} has {len(key)} bytes; an ed25519 key has {VALIDATOR_KEY_BYTES}")
            if key in changed:
                raise INVALID_VALIDATOR_CHANGE(f"key {name} stands twice in one change")
            if power < 0 or (power == 0 and key not in by_key):
                raise INVALID_VALIDATOR_CHANGE(f"power {power} of key {name}: a power is positive, or 0 to remove a validator")
            changed[key] = None
            if power:
                by_key[key] = validator(key, power)
            else:
                del by_key[key]
        if not by_key:
            raise INVALID_VALIDATOR_CHANGE("it would leave no validator")
        if sum(one.power for one in by_key.values()) > MAX_TOTAL_POWER:
            raise INVALID_VALIDATOR_CHANGE(f"the total power would exceed {MAX_TOTAL_POWER}")
        others = tuple(one for one in self._sets(ctx) if one.from_height != start)
        self._state.validator_sets.set(ctx, ValidatorSets((*others, ValidatorSet(start, in_engine_order(list(by_key.values()))))))

    def validator_updates(self, ctx: Context) -> list[tuple[bytes, int]]:
        """What this block tells the engine: the net difference that it made, as (key, new power), ordered by key; power 0 removes."""
        before = {one.public_key: one.power for one in self.validators(ctx, ctx.height + VOTING_DELAY_BLOCKS - 1)}
        after = {one.public_key: one.power for one in self.validators(ctx, ctx.height + VOTING_DELAY_BLOCKS)}
        keys = sorted({**before, **after})
        return [(key, after.get(key, 0)) for key in keys if before.get(key) != after.get(key)]
