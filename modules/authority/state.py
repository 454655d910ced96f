"""State of the authority."""

from modules.authority.model import QUEUED_CHANGE
from modules.kernel.codec import BYTES, KEY_U32, single
from modules.kernel.stores import Registry


class AuthorityState:
    """Who it is, and the changes of the running block."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("authority")
        self.address = schema.item(1, "address", single(BYTES))
        """20 bytes, or none: nobody."""
        self.queue = schema.map(2, "queue", KEY_U32, QUEUED_CHANGE)
        """By place in the block, from 0. Empty between blocks."""
