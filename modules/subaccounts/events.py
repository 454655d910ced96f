"""Events of collateral and funding, with the reference's names and attributes."""

from modules.kernel.events import EventKind

SETTLED_FUNDING = EventKind(
    "settled_funding",
    ("subaccount", "subaccount_number", "perpetual_id", "funding_paid_quote_quantums"),
    indexed=("subaccount",),
)
"""Funding of one position went into the collateral; paid is positive when the subaccount paid."""

POSITION_CLOSED = EventKind(
    "position_closed",
    ("subaccount", "subaccount_number", "perpetual_id", "realised_quote_quantums"),
    indexed=("subaccount",),
)
"""A position is gone, or has turned into one of the other side: what it brought in all, fees and funding included (SUB-10)."""

LEVERAGE_CHANGED = EventKind(
    "leverage_changed",
    ("subaccount", "subaccount_number", "perpetual_id", "custom_imf_ppm"),
    indexed=("subaccount",),
)
"""The subaccount's own least initial margin in one perpetual, ppm of the notional; one event per perpetual that was named."""

CREATED_TRANSFER = EventKind(
    "create_transfer",
    ("sender", "sender_number", "recipient", "recipient_number", "asset_id", "quantums"),
    indexed=("sender", "recipient"),
)
DEPOSITED = EventKind(
    "deposit_to_subaccount",
    ("sender", "recipient", "recipient_number", "asset_id", "quantums"),
    indexed=("sender", "recipient"),
)
WITHDREW = EventKind(
    "withdraw_from_subaccount",
    ("sender", "sender_number", "recipient", "asset_id", "quantums"),
    indexed=("sender", "recipient"),
)
