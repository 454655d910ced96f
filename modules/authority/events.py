"""What is told about changes: each when its transaction has queued it, and at the end of the block what became of it."""

from modules.kernel.events import EventKind

CHANGE_QUEUED = EventKind("change_queued", ("place", "message"), indexed=("message",))
"""Of the transaction: it will be tried at the end of this block."""
CHANGE_APPLIED = EventKind("change_applied", ("place", "message"), indexed=("message",))
"""Of the block: in effect from the next height on."""
CHANGE_REFUSED = EventKind("change_refused", ("place", "message", "codespace", "code", "log"), indexed=("message",))
"""Of the block: what came after the transaction made it impossible; nothing of it is in effect."""
