"""Validator sets by height, the last block, and genesis of consensus."""

from hashlib import sha256
from typing import Any

import pytest

from modules.consensus.errors import INVALID_VALIDATOR_CHANGE
from modules.consensus.model import DEFAULT_PARAMS, EngineParams, Validator
from modules.consensus.module import ConsensusModule
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import Problems
from modules.kernel.stores import Registry
from node.store.state import LiveState
from perpd_proto.cosmos.consensus.v1 import query_pb2 as cosmos
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2 as perpd

ENGINE = EngineParams(-1, -1, 100_000, 48 * 3600 * 10**9, 1_048_576, 1)


def key(number: int) -> bytes:
    """A made-up ed25519 key."""
    return sha256(b"key %d" % number).digest()


def new_chain(powers: list[int], height: int = 1) -> tuple[ConsensusModule, Context]:
    """A chain that begins with validators of these powers."""
    registry = Registry()
    module = ConsensusModule(registry)
    ctx = Context(LiveState(registry), height, 1_000, "test-1")
    module.init_genesis(ctx, {})
    module.keeper.begin_chain(
        ctx,
        chain_id="test-1",
        initial_height=height,
        enable_height=1,
        validators=[(key(number), power) for number, power in enumerate(powers)],
        engine=ENGINE,
    )
    return module, ctx


def powers_at(module: ConsensusModule, ctx: Context, height: int) -> dict[bytes, int]:
    """Powers by key of the set at a height."""
    return {one.public_key: one.power for one in module.keeper.validators(ctx, height)}


def test_validators_are_ordered_by_power_then_address() -> None:
    """Power descending, then address ascending; the address is the first 20 bytes of the key's SHA-256."""
    module, ctx = new_chain([5, 7, 7, 5])
    found = module.keeper.validators(ctx, 1)
    assert found == tuple(sorted(found, key=lambda one: (-one.power, one.address)))
    assert [one.power for one in found] == [7, 7, 5, 5]
    assert all(one == Validator(sha256(one.public_key).digest()[:20], one.public_key, one.power) for one in found)


def test_a_change_votes_two_heights_later_and_is_reported_once() -> None:
    """The set of h and h + 1 is the old one; the block that decides reports the net difference."""
    module, ctx = new_chain([5, 7])
    module.keeper.change_validators(ctx, [(key(0), 9), (key(2), 3)])
    assert powers_at(module, ctx, 1) == powers_at(module, ctx, 2) == {key(0): 5, key(1): 7}
    assert powers_at(module, ctx, 3) == {key(0): 9, key(1): 7, key(2): 3}
    assert module.keeper.validator_updates(ctx) == sorted([(key(0), 9), (key(2), 3)])
    module.keeper.end_block(ctx)
    ctx.height = 2
    assert module.keeper.validator_updates(ctx) == []
    module.keeper.change_validators(ctx, [(key(1), 0)])
    assert module.keeper.validator_updates(ctx) == [(key(1), 0)]
    assert powers_at(module, ctx, 4) == {key(0): 9, key(2): 3}


def test_two_changes_in_one_block_are_one_net_difference() -> None:
    """What is undone within a block is not reported."""
    module, ctx = new_chain([5, 7])
    module.keeper.change_validators(ctx, [(key(0), 9), (key(3), 1)])
    module.keeper.change_validators(ctx, [(key(0), 5), (key(1), 8)])
    module.keeper.change_validators(ctx, [(key(3), 0)])
    assert module.keeper.validator_updates(ctx) == [(key(1), 8)]


def test_a_set_stays_known_for_three_heights_after_its_end() -> None:
    """CON-1: a removed validator's key is at hand for the commits it still takes part in, and forgotten afterwards."""
    module, ctx = new_chain([5, 7])
    module.keeper.change_validators(ctx, [(key(0), 0)])
    for height in range(1, 9):
        ctx.height, ctx.time_ns = height, height * 10
        module.keeper.end_block(ctx)
        assert module.keeper.last_block_height(ctx) == height
        assert module.keeper.last_block_time(ctx) == height * 10
        # The set in force at 2 ended at 3.
        assert (key(0) in powers_at(module, ctx, 2)) == (height < 3 + 3)
        assert powers_at(module, ctx, height + 1) == ({key(0): 5, key(1): 7} if height + 1 < 3 else {key(1): 7})
        assert module.check_invariants(ctx) == []


@pytest.mark.parametrize(
    "changes",
    [
        [(b"short", 1)],
        [(key(9), 0)],
        [(key(0), -1)],
        [(key(0), 3), (key(0), 4)],
        [(key(0), 0), (key(1), 0)],
        [(key(0), 2**60)],
    ],
)
def test_changes_that_would_halt_the_engine_are_refused(changes: list[tuple[bytes, int]]) -> None:
    """Bad keys, unknown removals, negative powers, keys twice, nobody left, too much power."""
    module, ctx = new_chain([5, 7])
    with pytest.raises(ChainError) as caught:
        module.keeper.change_validators(ctx, changes)
    assert caught.value.kind is INVALID_VALIDATOR_CHANGE
    assert module.keeper.validator_updates(ctx) == []


def test_last_block_before_the_first_is_genesis() -> None:
    """Genesis time and initial height − 1."""
    module, ctx = new_chain([1], height=7)
    assert (module.keeper.last_block_height(ctx), module.keeper.last_block_time(ctx)) == (6, 1_000)
    assert module.keeper.initial_height(ctx) == 7
    assert module.keeper.chain_id(ctx) == "test-1"
    assert module.keeper.enable_height(ctx) == 1
    assert module.keeper.bech32_prefix(ctx) == "dydx"


def test_defaults_hold_where_genesis_says_nothing() -> None:
    """An empty section is a valid one."""
    module, ctx = new_chain([1])
    assert module.keeper.params(ctx) == DEFAULT_PARAMS
    assert sum(DEFAULT_PARAMS.lane_byte_share_ppm) == 1_000_000


def test_export_builds_the_same_state() -> None:
    """init_genesis(export) has the same tables, including validator sets and the last block."""
    module, ctx = new_chain([5, 7, 9])
    module.keeper.change_validators(ctx, [(key(1), 0)])
    module.keeper.set_params(ctx, DEFAULT_PARAMS._replace(max_block_txs=77))
    module.keeper.end_block(ctx)
    exported = module.export_genesis(ctx)
    problems = Problems()
    module.validate_genesis(exported, problems, {})
    assert problems.found == []
    registry = Registry()
    again = ConsensusModule(registry)
    copy = Context(LiveState(registry), 1, 0, "test-1")
    again.init_genesis(copy, exported)
    assert copy.state.changes() == ctx.state.changes()
    assert again.export_genesis(copy) == exported


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ([], "consensus"),
        ({"bech32_prefix": "Dydx"}, "consensus.bech32_prefix"),
        ({"bech32_prefix": "a1"}, "consensus.bech32_prefix"),
        ({"sequencer": {"max_block_txs": 0}}, "consensus.sequencer.max_block_txs"),
        ({"sequencer": {"max_block_bytes": 16384, "max_tx_bytes": 20000}}, "consensus.sequencer.max_tx_bytes"),
        ({"sequencer": {"lane_byte_share_ppm": [1, 2]}}, "consensus.sequencer.lane_byte_share_ppm"),
        ({"sequencer": {"lane_byte_share_ppm": [250000, 100000, 300000, 250000, "x"]}}, "consensus.sequencer.lane_byte_share_ppm[4]"),
        ({"sequencer": {"quota": 1}}, "consensus.sequencer.quota"),
        ({"chain": {}}, "consensus.chain.chain_id"),
        ({"surprise": 1}, "consensus.surprise"),
    ],
)
def test_genesis_mistakes_are_named_by_path(section: Any, path: str) -> None:
    """Each mistake has the path of the key that is wrong."""
    problems = Problems()
    ConsensusModule(Registry()).validate_genesis(section, problems, {})
    assert path in [found for found, _ in problems.found]


def test_clients_can_ask_for_the_parameters() -> None:
    """perpd's own limits, and the engine's parameters as Cosmos clients know them."""
    module, ctx = new_chain([1])
    ours, cosmos_route = module.queries
    answer = ours.handle(ctx, perpd.QueryParamsRequest())
    assert answer.params.max_block_bytes == DEFAULT_PARAMS.max_block_bytes
    assert tuple(answer.params.lane_byte_share_ppm) == DEFAULT_PARAMS.lane_byte_share_ppm
    engine = cosmos_route.handle(ctx, cosmos.QueryParamsRequest()).params
    assert (engine.block.max_bytes, engine.block.max_gas) == (-1, -1)
    assert engine.evidence.max_age_duration.seconds == 48 * 3600
    assert list(engine.validator.pub_key_types) == ["ed25519"]
    assert engine.abci.vote_extensions_enable_height == 1
