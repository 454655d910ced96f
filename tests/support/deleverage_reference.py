"""Who pays for an account of negative worth, written slowly from the text: another way to the same figures as the engine's."""

from fractions import Fraction

from modules.kernel import address as addresses
from modules.kernel.units import SubaccountId
from support.risk_desk import Desk

RE_SPLITS = 8
Expected = dict[SubaccountId, tuple[int, int]]
"""By counterparty: (base quantums closed, quote quantums that the account receives from it)."""


def told_shares(desk: Desk) -> Expected:
    """What the block's events say."""
    return {
        SubaccountId(addresses.from_text(told["subaccount"]), told["subaccount_number"]): (told["quantums"], told["quote_quantums"])
        for told in desk.events("deleverage_fill")
    }


def expected_deleveraging(desk: Desk, account: SubaccountId, perpetual_id: int) -> Expected | None:
    """What deleveraging a position closes as the state is now; None if nothing, or if it takes too many splits."""
    held = desk.position(account, perpetual_id)
    lot = desk.subaccounts.backing(desk.ctx, perpetual_id).lot
    sizes = {
        key: abs(desk.position(key, perpetual_id)) // lot
        for key in sorted(desk.subaccounts.with_positions(desk.ctx))
        if desk.position(key, perpetual_id) * held < 0
    }
    passed_over: set[SubaccountId] = set()
    for _ in range(1 + RE_SPLITS):
        willing = {key: lots for key, lots in sizes.items() if key not in passed_over}
        taken = _lots(desk, perpetual_id, abs(held) // lot, willing)
        if not taken:
            return None
        closed = sum(taken.values()) * lot
        quotes = _quotes(_credit(desk, account, perpetual_id, closed if held < 0 else -closed), taken)
        owing = {key for key in taken if _worth_after(desk, key, perpetual_id, taken[key] * lot, quotes[key]) < 0}
        if not owing:
            return {key: (lots * lot, quotes[key]) for key, lots in taken.items()}
        passed_over |= owing
    return None


def _lots(desk: Desk, perpetual_id: int, wanted: int, sizes: dict[SubaccountId, int]) -> dict[SubaccountId, int]:
    """Profitable ones first, pro rata; all others only for what is missing. Those who give nothing are left out."""
    taken: dict[SubaccountId, int] = {}
    for profitable in (True, False):
        group = {key: lots for key, lots in sizes.items() if _in_profit(desk, key, perpetual_id) is profitable}
        total = sum(group.values())
        goal = min(wanted, total)
        wanted -= goal
        exact = {key: Fraction(goal * lots, total) for key, lots in group.items()}
        share = {key: int(quota) for key, quota in exact.items()}
        by_remainder = sorted(exact, key=lambda key: (share[key] - exact[key], key))
        for key in by_remainder[: goal - sum(share.values())]:
            share[key] += 1
        taken |= share
    return {key: taken[key] for key in sorted(taken) if taken[key]}


def _in_profit(desk: Desk, key: SubaccountId, perpetual_id: int) -> bool:
    position = desk.subaccounts.get(desk.ctx, key).positions[perpetual_id]
    return desk.notional(perpetual_id, position.quantums) - position.entry_quote > 0


def _credit(desk: Desk, account: SubaccountId, perpetual_id: int, delta: int) -> int:
    """dydx-risk.md 9.6: minus the change of value, minus floor(worth x released requirement / requirement)."""
    risk, held = desk.risk(account), desk.position(account, perpetual_id)
    before, after = (desk.perp.margin(desk.ctx, perpetual_id, size) for size in (held, held + delta))
    released = Fraction(risk.net_collateral * abs(after.maintenance - before.maintenance), risk.maintenance)
    return -(after.notional - before.notional) - released.__floor__()


def _quotes(total: int, taken: dict[SubaccountId, int]) -> dict[SubaccountId, int]:
    """The total up to and including each key, toward zero, less what those before it pay."""
    whole, so_far, paid, quotes = sum(taken.values()), 0, 0, {}
    for key in sorted(taken):
        so_far += taken[key]
        quotes[key] = int(Fraction(total * so_far, whole)) - paid
        paid += quotes[key]
    return quotes


def _worth_after(desk: Desk, key: SubaccountId, perpetual_id: int, closed: int, quote: int) -> int:
    held = desk.position(key, perpetual_id)
    after = held - closed if held > 0 else held + closed
    return desk.risk(key).net_collateral + desk.notional(perpetual_id, after) - desk.notional(perpetual_id, held) - quote
