"""Funding events."""

from modules.kernel.events import EventKind

EPOCH_ENDED = EventKind(
    "funding_epoch_ended",
    ("perpetual_id", "epoch_end_seconds", "rate_ppm", "premium_ppm", "capped_ppm", "covered_ns", "index_change", "index"),
)
"""Covered time was charged: the index has moved. Positions settle when they are touched next."""
