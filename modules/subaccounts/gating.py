"""When money may not leave: for some blocks after an outage, and while some account of a pool is worth less than nothing (SUB-20).

An outage leaves prices behind, and a negative account is a loss that nobody has taken yet: until both are dealt with, whoever leaves first
would leave it to the others. Deposits, and transfers between subaccounts of one owner in one pool, are never gated: what stays in the
pool still bears its losses.
"""

from typing import NamedTuple

from modules.kernel.context import Context
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.subaccounts.errors import FAILED_UPDATE
from modules.subaccounts.formulas import unblocked_at
from modules.subaccounts.model import CROSS_KEY, GatingParams, UpdateResult
from modules.subaccounts.state import SubaccountsState

DEFAULT_GATING = GatingParams(outage_seconds=300, blocks=50)


class BlockedInfo(NamedTuple):
    """What gates a pool, in heights; 0: it has not happened."""

    negative_seen: int
    outage_seen: int
    unblocked_at: int
    """From this height on money may leave; it stays when it has passed. 0: nothing was seen."""


class Gating:
    """Keeps the last heights of what gates, and judges by them."""

    __slots__ = ("_state",)

    def __init__(self, state: SubaccountsState) -> None:
        self._state = state

    def params(self, ctx: Context) -> GatingParams:
        """The parameters in force."""
        return self._state.gating.get(ctx) or DEFAULT_GATING

    def set_params(self, ctx: Context, params: GatingParams) -> None:
        """These are in force from the next block on."""
        self._state.gating.set(ctx, params)

    def begin_block(self, ctx: Context, gap_ns: int) -> None:
        """A gap since the block before that is long enough is an outage, seen now."""
        if gap_ns >= self.params(ctx).outage_seconds * NANOSECONDS_PER_SECOND:
            self._state.outage.set(ctx, ctx.height)

    def saw_negative(self, ctx: Context, pool_key: int) -> None:
        """Some account of the pool is still worth less than nothing after the engine has done what it could in this block."""
        if self._state.negative.get(ctx, pool_key) != ctx.height:
            self._state.negative.set(ctx, pool_key, ctx.height)

    def info(self, ctx: Context, pool_key: int) -> BlockedInfo:
        """What gates the pool."""
        negative, outage = self._state.negative.get(ctx, pool_key) or 0, self._state.outage.get(ctx) or 0
        return BlockedInfo(negative, outage, unblocked_at(negative, outage, self.params(ctx).blocks))

    def require_open(self, ctx: Context, pool_key: int) -> None:
        """Money may leave the pool. Raises subaccounts/102 with the result WithdrawalsAndTransfersBlocked."""
        negative, outage, unblocked_at = self.info(ctx, pool_key)
        if ctx.height >= unblocked_at:
            return
        pool = "the cross pool" if pool_key == CROSS_KEY else f"the pool of perpetual {pool_key - 1}"
        why = (
            f"the chain stood still before block {outage}" if outage >= negative else f"block {negative} left an account of {pool} negative"
        )
        raise FAILED_UPDATE(f"{UpdateResult.WITHDRAWALS_AND_TRANSFERS_BLOCKED.text} until block {unblocked_at}, because {why}")
