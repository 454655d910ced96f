"""Custom leverage: a subaccount's own least initial margins, by perpetual (SUB-11)."""

from collections.abc import Iterable

from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import MILLION, SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts import formulas
from modules.subaccounts.door import Door
from modules.subaccounts.errors import LEVERAGE_NOT_FRESH, LEVERAGE_TOO_HIGH, LEVERAGE_UNAFFORDABLE
from modules.subaccounts.events import LEVERAGE_CHANGED
from modules.subaccounts.model import EMPTY, CustomMargin, Leverage
from modules.subaccounts.state import SubaccountsState


def choose(
    ctx: Context, state: SubaccountsState, perp: PerpKeeper, door: Door, subaccount_id: SubaccountId, entries: Iterable[tuple[int, int]]
) -> None:
    """The entries (perpetual id, ppm) are kept beside those of other perpetuals, which stay; nothing is ever taken away.

    Raises perpetuals/1, subaccounts/701, 703, oracle/103.
    """
    alone = judged(ctx, state, perp, door, subaccount_id, entries)
    kept = state.leverage.get(ctx, subaccount_id)
    merged = dict(kept.entries if kept is not None else ()) | dict(alone)
    state.leverage.set(ctx, subaccount_id, Leverage(tuple(CustomMargin(*entry) for entry in sorted(merged.items()))))
    owner = addresses.to_text(subaccount_id.owner)
    for perpetual_id, ppm in alone:
        ctx.emit(LEVERAGE_CHANGED, owner, subaccount_id.number, perpetual_id, ppm)


def judged(
    ctx: Context, state: SubaccountsState, perp: PerpKeeper, door: Door, subaccount_id: SubaccountId, entries: Iterable[tuple[int, int]]
) -> tuple[CustomMargin, ...]:
    """The entries in order, if they may be chosen now: as in the reference, with these alone the settled subaccount must be initially
    collateralised. Point reads only. Raises perpetuals/1, subaccounts/701, 703, oracle/103.
    """
    chosen = dict(entries)
    present = dict(door.custom(ctx, subaccount_id))
    for perpetual_id, ppm in chosen.items():
        perpetual = perp.require(ctx, perpetual_id)
        least = perp.tier(ctx, perpetual).initial_margin_ppm
        assert ppm <= MILLION, "above 100 % there is no leverage"
        if ppm < least:
            raise LEVERAGE_TOO_HIGH(f"perpetual {perpetual_id}: {ppm} ppm is below {least} ppm")
        standing = perp.standing(ctx, perpetual_id)
        if standing and ppm < present.get(perpetual_id, 0):
            raise LEVERAGE_NOT_FRESH(f"the price of perpetual {perpetual_id} is {standing.name}, its margin {present[perpetual_id]} ppm")
    settled, _ = door.settle(ctx, state.accounts.get(ctx, subaccount_id) or EMPTY)
    alone = tuple(CustomMargin(*entry) for entry in sorted(chosen.items()))
    risk = door.risk_of(ctx, settled, -1, None, alone)
    if not formulas.is_initially_collateralised(risk):
        raise LEVERAGE_UNAFFORDABLE(f"it has {risk.net_collateral} and would need {risk.initial} quote quantums")
    return alone


def broken(ctx: Context, state: SubaccountsState, perp: PerpKeeper) -> list[str]:
    """Full scan for entries out of order or range, or of a perpetual that does not exist."""
    sentences = []
    for key, value in state.leverage.items(ctx):
        ids = [entry.perpetual_id for entry in value.entries]
        sound = ids == sorted(dict.fromkeys(ids)) and all(perp.perpetual(ctx, perpetual_id) is not None for perpetual_id in ids)
        if not ids or not sound or not all(0 < entry.custom_imf_ppm <= MILLION for entry in value.entries):
            sentences.append(f"{addresses.to_text(key.owner)}/{key.number} has chosen leverage that cannot be")
    return sentences
