"""What the authority is, and what it has said in this block."""

from typing import Any, NamedTuple

from modules.kernel.codec import BYTES, TEXT, Record
from modules.kernel.module import ChangeRoute
from modules.kernel.units import Address

MAX_CHANGES_PER_BLOCK = 100
"""Each is tried on top of those before it, so that the work of a block's changes grows with the square of their number."""


class Change(NamedTuple):
    """A message of the authority after its stateless checks."""

    sender: Address
    name: str
    """Full name of the message type."""
    encoded: bytes
    """The message, deterministically encoded."""
    command: Any
    """Of the module that it changes."""
    route: ChangeRoute


class QueuedChange(NamedTuple):
    """A change that its transaction has made sure of, until the end of the block."""

    name: str
    encoded: bytes


QUEUED_CHANGE: Record[QueuedChange] = Record(QueuedChange, name=TEXT, encoded=BYTES)
