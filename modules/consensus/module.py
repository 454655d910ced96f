"""Consensus state as wiring sees it."""

from collections.abc import Mapping
from typing import Any

from modules.consensus import authority, genesis, queries
from modules.consensus.keeper import ConsensusKeeper
from modules.consensus.state import ConsensusState
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems, QueryRoute
from modules.kernel.stores import Registry
from perpd_proto.cosmos.consensus.v1 import query_pb2 as cosmos
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2 as perpd


class ConsensusModule:
    """The lowest module. Users send it no messages."""

    name = "consensus"
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry) -> None:
        self._state = ConsensusState(registry)
        self.keeper = keeper = ConsensusKeeper(self._state)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(keeper)
        self.queries = (
            QueryRoute(
                "/perpd.sequencer.v1.Query/Params",
                perpd.QueryParamsRequest,
                perpd.QueryParamsResponse,
                lambda ctx, request: queries.sequencer_params(ctx, keeper, request),
            ),
            QueryRoute(
                "/cosmos.consensus.v1.Query/Params",
                cosmos.QueryParamsRequest,
                cosmos.QueryParamsResponse,
                lambda ctx, request: queries.consensus_params(ctx, keeper, request),
            ),
        )

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        """CON-1: there is a validator set for the next height, and sets are ordered by height."""
        sets = self._state.validator_sets.get(ctx)
        if sets is None:
            return []
        heights = [one.from_height for one in sets.sets]
        broken = [] if heights == sorted(heights) else [f"validator sets are out of order: {heights}"]
        if not self.keeper.validators(ctx, self.keeper.last_block_height(ctx) + 1):
            broken.append("the next height has no validators")
        return broken
