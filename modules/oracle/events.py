"""Oracle events."""

from modules.kernel.events import EventKind

PRICE_UPDATED = EventKind("oracle_price_updated", ("market_id", "price"))
"""The market's price is another one than in the block before (confirmations are not events)."""
STANDING_CHANGED = EventKind("oracle_standing_changed", ("market_id", "standing"))
"""What the market's price allows is another thing than in the block before; the standing is a name of `model.Standing`."""
