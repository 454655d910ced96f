"""Oracle events."""

from modules.kernel.events import EventKind

PRICE_UPDATED = EventKind("oracle_price_updated", ("market_id", "price"))
"""The market's price is another one than in the block before (confirmations are not events)."""
STANDING_CHANGED = EventKind("oracle_standing_changed", ("market_id", "standing"))
"""What the market's price allows is another thing than in the block before; the standing is a name of `model.Standing`."""
PRICE_REPORTED = EventKind("oracle_price_reported", ("market_id", "source", "price", "confidence", "time"))
"""A signed update or a push was taken, in the market's exponent; it acts from the next block on. `time` is when its age begins, in ns."""
UPDATE_PAID = EventKind("oracle_update_paid", ("fee", "fee_payer", "signer_set"), indexed=("fee_payer",))
"""The sender of a signed update has paid so many quote quantums to the fee collector."""
SOURCE_CHANGED = EventKind("oracle_source_changed", ("market_id", "from", "to"))
"""Another source is in force from this block on."""
SOURCES_DEVIATED = EventKind("oracle_sources_deviated", ("market_id", "in_force", "deviating"))
"""The fresh sources that are further from the market's price than it allows are others than before: by name, comma between; or none."""
SIGNERS_ROTATED = EventKind("oracle_signers_rotated", ("version", "threshold", "keys"))
"""Another signer set signs updates; those before it stay valid for the overlap."""
