"""Events: what has happened, as ABCI bytes. No protobuf objects: a block has thousands of them."""

from collections.abc import Iterable, Sequence

from modules.kernel.codec import uvarint

EventValue = int | str | bool


class EventKind:
    """One event type with its attribute keys in order; `indexed` keys become searchable in the engine's index."""

    __slots__ = ("_attribute_heads", "_head", "_tails", "keys", "type")

    def __init__(self, event_type: str, keys: Sequence[str], indexed: Iterable[str] = ()) -> None:
        self.type = event_type
        self.keys = tuple(keys)
        searchable = tuple(indexed)
        assert all(key in self.keys for key in searchable)
        encoded_type = event_type.encode()
        self._head = b"\x0a" + uvarint(len(encoded_type)) + encoded_type
        self._attribute_heads = tuple(b"\x0a" + uvarint(len(key.encode())) + key.encode() for key in self.keys)
        self._tails = tuple(b"\x18\x01" if key in searchable else b"" for key in self.keys)

    def encode(self, values: Sequence[EventValue]) -> bytes:
        """The body of one `tendermint.abci.Event`: numbers as decimal strings, booleans as true/false."""
        assert len(values) == len(self.keys), f"event {self.type} has {len(self.keys)} attributes, got {len(values)}"
        parts = [self._head]
        for head, tail, value in zip(self._attribute_heads, self._tails, values, strict=True):
            if value is True:
                text = b"true"
            elif value is False:
                text = b"false"
            else:
                text = str(value).encode()
            size = len(text)
            body_size = len(head) + len(tail) + (1 + size + (1 if size < 128 else len(uvarint(size))) if size else 0)
            parts.append(b"\x12" + uvarint(body_size) + head)
            if size:
                parts.append(b"\x12" + uvarint(size) + text)
            parts.append(tail)
        return b"".join(parts)


Event = tuple[EventKind, tuple[EventValue, ...]]
"""An emitted event: its kind and its values in the order of the kind's keys."""
