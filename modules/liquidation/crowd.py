"""Who is on which side of a perpetual: a view for one block's pass, from which counterparties are chosen."""

from bisect import bisect_left, insort
from collections.abc import Container
from itertools import chain

from modules.kernel.context import Context
from modules.kernel.intmath import div_floor
from modules.kernel.units import SubaccountId
from modules.liquidation import formulas
from modules.liquidation.model import Holder
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Position

_Row = tuple[int, SubaccountId]
"""(minus the size in lots, key): the largest comes first, then the smaller key."""


class Crowd:
    """All positions in one perpetual by side and profit, largest first. Made by one scan; `refresh` follows what a fill changed."""

    __slots__ = ("_lot", "_perp", "_perpetual_id", "_places", "_sides", "_subaccounts")

    def __init__(self, ctx: Context, perp: PerpKeeper, subaccounts: SubaccountsKeeper, perpetual_id: int) -> None:
        self._perp = perp
        self._subaccounts = subaccounts
        self._perpetual_id = perpetual_id
        self._lot = subaccounts.backing(ctx, perpetual_id).lot
        self._sides: dict[tuple[bool, bool], list[_Row]] = {
            (long, profitable): [] for long in (True, False) for profitable in (True, False)
        }
        self._places: dict[SubaccountId, tuple[tuple[bool, bool], _Row]] = {}
        for key in subaccounts.with_positions(ctx):
            position = subaccounts.get(ctx, key).position(perpetual_id)
            if position is not None:
                group, row = self._place(ctx, key, position)
                self._sides[group].append(row)
        for rows in self._sides.values():
            rows.sort()

    def refresh(self, ctx: Context, key: SubaccountId) -> None:
        """The subaccount's position is seen as it is now."""
        found = self._places.pop(key, None)
        if found is not None:
            group, row = found
            rows = self._sides[group]
            del rows[bisect_left(rows, row)]
        position = self._subaccounts.get(ctx, key).position(self._perpetual_id)
        if position is not None:
            group, row = self._place(ctx, key, position)
            insort(self._sides[group], row)

    def choose(self, long: bool, without: Container[SubaccountId], holders_max: int) -> list[Holder]:
        """The counterparties that may share, in key order: the largest profitable ones of a side, then the largest others."""
        found: list[Holder] = []
        profitable, others = self._sides[long, True], self._sides[long, False]
        for place, (minus_lots, key) in enumerate(chain(profitable, others)):
            if len(found) == holders_max:
                break
            if key not in without:
                found.append(Holder(key, -minus_lots, place < len(profitable)))
        return sorted(found)

    def _place(self, ctx: Context, key: SubaccountId, position: Position) -> tuple[tuple[bool, bool], _Row]:
        notional = self._perp.notional(ctx, self._perpetual_id, position.quantums)
        group = (position.quantums > 0, formulas.is_profitable(notional, position.entry_quote))
        row = (-div_floor(abs(position.quantums), self._lot), key)
        self._places[key] = (group, row)
        return group, row
