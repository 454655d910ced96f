"""Events: what has happened, as ABCI bytes. No protobuf objects: a block has thousands of them."""

from collections.abc import Iterable, Sequence

from modules.kernel.codec import uvarint

EventValue = int | str | bool


_SHORT = 128


class EventKind:
    """One event type with its attribute keys in order; `indexed` keys become searchable in the engine's index."""

    __slots__ = ("_heads", "_prefixes", "_tails", "_type", "keys", "type")

    def __init__(self, event_type: str, keys: Sequence[str], indexed: Iterable[str] = ()) -> None:
        self.type = event_type
        self.keys = tuple(keys)
        searchable = tuple(indexed)
        assert all(key in self.keys for key in searchable)
        self._type = b"\x0a" + uvarint(len(event_type)) + event_type.encode()
        self._heads = tuple(b"\x0a" + uvarint(len(key)) + key.encode() for key in self.keys)
        self._tails = tuple(b"\x18\x01" if key in searchable else b"" for key in self.keys)
        # What stands before a value depends on its length alone; made once for every short length.
        self._prefixes = tuple(
            tuple(_before_value(head, tail, size) for size in range(_SHORT)) for head, tail in zip(self._heads, self._tails, strict=True)
        )

    def encode(self, values: Sequence[EventValue]) -> bytes:
        """The body of one `tendermint.abci.Event`: numbers as decimal strings, booleans as true/false."""
        assert len(values) == len(self.keys), f"event {self.type} has {len(self.keys)} attributes, got {len(values)}"
        parts = [self._type]
        append = parts.append
        for index, value in enumerate(values):
            if value is True:
                text = b"true"
            elif value is False:
                text = b"false"
            else:
                text = str(value).encode()
            size = len(text)
            append(self._prefixes[index][size] if size < _SHORT else _before_value(self._heads[index], self._tails[index], size))
            append(text)
            append(self._tails[index])
        return b"".join(parts)


def _before_value(head: bytes, tail: bytes, size: int) -> bytes:
    """Tag and length of an attribute, its key, and (for a non-empty value) the value's tag and length."""
    value_head = b"\x12" + uvarint(size) if size else b""
    return b"\x12" + uvarint(len(head) + len(value_head) + size + len(tail)) + head + value_head


Event = tuple[EventKind, tuple[EventValue, ...]]
"""An emitted event: its kind and its values in the order of the kind's keys."""
