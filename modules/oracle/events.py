"""Oracle events."""

from modules.kernel.events import EventKind

PRICE_UPDATED = EventKind("oracle_price_updated", ("market_id", "price"))
"""The market's price is another one than in the block before (confirmations are not events)."""
