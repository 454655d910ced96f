"""Events of liquidation, deleveraging and final settlement."""

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

DELEVERAGED = EventKind(
    "deleveraged",
    (
        "subaccount",
        "subaccount_number",
        "perpetual_id",
        "position_quantums",
        "position_notional",
        "position_maintenance",
        "net_collateral",
        "maintenance",
        "oracle_price",
        "lot_quantums",
        "quantums",
        "left_notional",
        "left_maintenance",
        "quote_quantums",
        "counterparties",
        "profitable_quantums",
        "other_quantums",
    ),
    indexed=("subaccount",),
)
"""A receipt: a subaccount of negative worth has closed `quantums` (positive) of a position for `quote_quantums` (signed: received).
Everything but quantums and quote is as it was before, `left_…` as the position is worth after. The last two are the sizes of all
counterparties that were considered and not passed over; each share is told by a `deleverage_fill` after it, in key order."""

DELEVERAGE_FILL = EventKind(
    "deleverage_fill",
    (
        "subaccount",
        "subaccount_number",
        "perpetual_id",
        "quantums",
        "quote_quantums",
        "position_quantums",
        "entry_quote_quantums",
        "net_collateral",
        "is_profitable",
    ),
    indexed=("subaccount",),
)
"""One counterparty's share: it closes `quantums` (positive) and pays `quote_quantums` (signed). The rest is as it was before."""

DELEVERAGE_PASSED_OVER = EventKind(
    "deleverage_passed_over",
    ("subaccount", "subaccount_number", "perpetual_id", "position_quantums", "net_collateral"),
    indexed=("subaccount",),
)
"""A counterparty that its share would have left with negative net collateral, or whom its pool could not have paid."""

SETTLED_AT_ORACLE = EventKind(
    "final_settlement",
    ("long", "long_number", "short", "short_number", "perpetual_id", "quantums", "quote_quantums", "oracle_price"),
    indexed=("long", "short"),
)
"""A long and a short of a market in final settlement have closed against each other: the short pays the quote to the long."""
