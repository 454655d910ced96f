"""MsgUpdateLeverage: a subaccount asks for more initial margin than a market does, so as not to trade above a leverage of its choice."""

from typing import Any, NamedTuple

from modules.clob.errors import INVALID_LEVERAGE, MISSING_SUBACCOUNT, UNKNOWN_PAIR
from modules.clob.keeper import ClobKeeper
from modules.kernel.context import Context
from modules.kernel.units import MILLION, SubaccountId
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import subaccount_id


class UpdateLeverage(NamedTuple):
    """The message after its stateless checks."""

    subaccount: SubaccountId
    entries: tuple[tuple[int, int], ...]
    """(clob pair id, initial margin in ppm of the notional), each pair once."""


def decode(message: Any) -> UpdateLeverage:
    """What a dydxprotocol.clob.MsgUpdateLeverage says. Raises 11001; subaccounts/201, 200; 11002."""
    if not message.HasField("subaccount_id"):
        raise MISSING_SUBACCOUNT("subaccount_id is missing")
    subaccount = subaccount_id(message.subaccount_id)
    entries: dict[int, int] = {}
    for entry in message.clob_pair_leverage:
        if not 1 <= entry.custom_imf_ppm <= MILLION:
            raise INVALID_LEVERAGE(f"clob pair {entry.clob_pair_id}: custom_imf_ppm {entry.custom_imf_ppm}")
        if entry.clob_pair_id in entries:
            raise INVALID_LEVERAGE(f"clob pair {entry.clob_pair_id} has two entries")
        entries[entry.clob_pair_id] = entry.custom_imf_ppm
    if not entries:
        raise INVALID_LEVERAGE("there is no entry")
    return UpdateLeverage(subaccount, tuple(entries.items()))


def execute(ctx: Context, keeper: ClobKeeper, subaccounts: SubaccountsKeeper, command: UpdateLeverage) -> bytes:
    """The margins hold from now on, those of other markets stay as they are; the response is empty.

    Raises 8; subaccounts/701 below the market's own margin, 703 if the subaccount could not keep its positions.
    """
    subaccounts.set_leverage(ctx, command.subaccount, _by_perpetual(ctx, keeper, command))
    return b""


def check(ctx: Context, keeper: ClobKeeper, subaccounts: SubaccountsKeeper, command: UpdateLeverage) -> None:
    """Whether the update would be accepted in this state. Raises the same codes; point reads only."""
    subaccounts.check_leverage(ctx, command.subaccount, _by_perpetual(ctx, keeper, command))


def _by_perpetual(ctx: Context, keeper: ClobKeeper, command: UpdateLeverage) -> list[tuple[int, int]]:
    rows = []
    for pair_id, ppm in command.entries:
        pair = keeper.pair(ctx, pair_id)
        if pair is None:
            raise UNKNOWN_PAIR(f"clob pair {pair_id}")
        rows.append((pair.perpetual_id, ppm))
    return rows
