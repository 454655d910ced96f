"""Events of liquidation."""

from modules.kernel.events import EventKind

LIQUIDATED = EventKind(
    "liquidation",
    (
        "subaccount",
        "subaccount_number",
        "perpetual_id",
        "is_buy",
        "quantums_wanted",
        "quantums_filled",
        "fillable_subticks",
        "paid_to_fund",
        "paid_by_fund",
    ),
    indexed=("subaccount",),
)
"""An engine order has closed a part of a position. Its fills are told one by one (`match`); the last two are sums over them."""
