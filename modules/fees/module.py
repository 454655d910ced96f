"""Fees as wiring sees them."""

from collections.abc import Mapping
from typing import Any

from modules.fees import authority, formulas, genesis, queries
from modules.fees.keeper import FeesKeeper
from modules.fees.state import FeesState
from modules.fees.volume import broken
from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute, MessageRoute, Problems
from modules.kernel.stores import Registry


class FeesModule:
    """Fee tiers, volume, and where fees go. Users send it no messages."""

    name = "fees"
    messages: tuple[MessageRoute, ...] = ()

    def __init__(self, registry: Registry) -> None:
        self._state = FeesState(registry)
        self.keeper = FeesKeeper(self._state)
        self.changes: tuple[ChangeRoute, ...] = authority.changes(self.keeper)
        self.queries = queries.routes(self.keeper)

    def validate_genesis(self, section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
        genesis.validate(section, problems, whole)

    def init_genesis(self, ctx: Context, section: Any) -> None:
        genesis.init(ctx, self._state, section)

    def export_genesis(self, ctx: Context) -> Any:
        return genesis.export(ctx, self._state)

    def check_invariants(self, ctx: Context) -> list[str]:
        """FEE-1, and that volume adds up."""
        sentences = [sentence for _, sentence in formulas.mistakes(self.keeper.tiers(ctx))]
        return sentences + broken(ctx, self._state, self.keeper.first_hour(ctx))
