"""Key and value codecs: the only place where typed state becomes bytes.

Keys are fixed-width and big-endian, so the order of encoded keys is the order of the typed ones. Values are protobuf wire
format with field numbers in declaration order, defaults omitted, never empty; integers that may exceed 64 bits are
SerializableInt bytes (sign byte 02 or 03, then the big-endian magnitude). Encoding is canonical: one value, one byte string.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_SMALL_UVARINTS = tuple(bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7)) for number in range(16_384))


def uvarint(number: int) -> bytes:
    """Unsigned LEB128 of a non-negative integer."""
    if number < 16_384:
        return _SMALL_UVARINTS[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_uvarint(data: bytes, position: int) -> tuple[int, int]:
    """(value, next position) of the LEB128 at position. Raises IndexError when the data ends early."""
    byte = data[position]
    position += 1
    if byte < 128:
        return byte, position
    result, shift = byte & 127, 7
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, position
        shift += 7


def encode_signed(value: int) -> bytes:
    """SerializableInt: byte 02 (>= 0) or 03 (< 0), then the big-endian magnitude without leading zeros."""
    magnitude = abs(value)
    return (b"\x03" if value < 0 else b"\x02") + magnitude.to_bytes((magnitude.bit_length() + 7) >> 3, "big")


def decode_signed(data: bytes) -> int:
    """The integer of a SerializableInt; empty bytes are 0. Raises ValueError for another format."""
    if not data:
        return 0
    if data[0] not in (2, 3):
        raise ValueError(f"not a serialized integer: {data.hex()}")
    magnitude = int.from_bytes(data[1:], "big")
    return magnitude if data[0] == 2 else -magnitude


class KeyCodec(NamedTuple):
    """Fixed-width (or, for the last part of a key, variable) encoding that keeps order."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    size: int
    """Width in bytes; 0 means variable, allowed only as the last part."""


def _big_endian(size: int) -> KeyCodec:
    return KeyCodec(lambda number: number.to_bytes(size, "big"), lambda data: int.from_bytes(data, "big"), size)


KEY_U8 = _big_endian(1)
KEY_U16 = _big_endian(2)
KEY_U32 = _big_endian(4)
KEY_U64 = _big_endian(8)
KEY_ADDRESS = KeyCodec(bytes, bytes, 20)
KEY_HASH = KeyCodec(bytes, bytes, 32)
KEY_TEXT = KeyCodec(lambda text: text.encode(), lambda data: data.decode(), 0)
KEY_UNIT = KeyCodec(lambda _: b"", lambda _: (), 0)
"""The key of an Item: the prefix alone."""


def key_of(make: Callable[..., Any], *parts: KeyCodec) -> KeyCodec:
    """A composed key: `make` (a NamedTuple or `lambda *p: p`) is called with the decoded parts; iterating a key gives them back."""
    assert all(part.size for part in parts[:-1]), "only the last part of a key may have variable width"
    encoders = tuple(part.encode for part in parts)

    def encode(key: Sequence[Any]) -> bytes:
        return b"".join([encoder(part) for encoder, part in zip(encoders, key, strict=True)])

    def decode(data: bytes) -> Any:
        values, position = [], 0
        for part in parts:
            end = position + part.size if part.size else len(data)
            values.append(part.decode(data[position:end]))
            position = end
        return make(*values)

    total = sum(part.size for part in parts) if all(part.size for part in parts) else 0
    return KeyCodec(encode, decode, total)


class ValueCodec(Protocol[V]):
    """Canonical, never-empty encoding of a value."""

    def encode(self, value: V) -> bytes: ...

    def decode(self, data: bytes) -> V: ...


class Field(NamedTuple):
    """How one field of a record goes on the wire: wire type 0 (varint) or 2 (length-delimited) and its two directions."""

    wire_type: int
    encode: Callable[[Any], bytes]
    decode: Callable[[Any], Any]
    is_default: Callable[[Any], bool]
    repeated: bool = False


def zigzag(value: int) -> bytes:
    """A signed integer as the uvarint that protobuf gives it."""
    return uvarint(value << 1 if value >= 0 else (-value << 1) - 1)


def unzigzag(number: int) -> int:
    """The signed integer behind such a uvarint's number."""
    return number >> 1 if not number & 1 else -((number + 1) >> 1)


def _falsy(value: Any) -> bool:
    return not value


UINT = Field(0, uvarint, int, _falsy)
"""uint64 (0 <= x < 2^64)."""
SINT = Field(0, zigzag, unzigzag, _falsy)
"""sint64, zig-zag."""
BOOL = Field(0, lambda flag: b"\x01" if flag else b"\x00", bool, _falsy)
BIG = Field(2, encode_signed, decode_signed, _falsy)
"""A signed integer of any size."""
BYTES = Field(2, bytes, bytes, _falsy)
TEXT = Field(2, lambda text: text.encode(), lambda data: data.decode(), _falsy)


def repeated(item: Field) -> Field:
    """A tuple of items, each with its own tag (packing is not used: one rule for all kinds)."""
    return Field(item.wire_type, item.encode, item.decode, _falsy, True)


class Record(Generic[V]):
    """Codec of a dataclass or NamedTuple: its fields, in order, are protobuf fields 1, 2, 3 and so on.

    `make` is called with the decoded values in order; fields are read by attribute name.
    """

    __slots__ = ("_by_tag", "_count", "_first", "_make", "_plan")

    def __init__(self, make: Callable[..., V], **fields: Field) -> None:
        plan = []
        self._by_tag: dict[int, tuple[int, Field]] = {}
        for index, (name, field) in enumerate(fields.items()):
            tag = (index + 1) << 3 | field.wire_type
            plan.append((name, uvarint(tag), field))
            self._by_tag[tag] = (index, field)
        self._plan = tuple(plan)
        self._count = len(plan)
        self._make = make
        first = plan[0][2]
        self._first = plan[0][1] + (b"\x00" if first.wire_type == 0 or first.encode is not encode_signed else b"\x01\x02")

    def encode(self, value: V) -> bytes:
        parts: list[bytes] = []
        for name, tag, field in self._plan:
            item = getattr(value, name)
            if field.is_default(item):
                continue
            if field.repeated:
                for element in item:
                    body = field.encode(element)
                    parts.append(tag + body if field.wire_type == 0 else tag + uvarint(len(body)) + body)
                continue
            body = field.encode(item)
            parts.append(tag + body if field.wire_type == 0 else tag + uvarint(len(body)) + body)
        return b"".join(parts) or self._first

    def decode(self, data: bytes) -> V:
        values: list[Any] = [None] * self._count
        position, end = 0, len(data)
        while position < end:
            tag, position = read_uvarint(data, position)
            index, field = self._by_tag[tag]
            raw: int | bytes
            if tag & 7 == 0:
                raw, position = read_uvarint(data, position)
            else:
                size, position = read_uvarint(data, position)
                raw, position = data[position : position + size], position + size
            item = field.decode(raw)
            if field.repeated:
                if values[index] is None:
                    values[index] = []
                values[index].append(item)
            else:
                values[index] = item
        for index, (_, _, field) in enumerate(self._plan):
            if values[index] is None:
                values[index] = () if field.repeated else field.decode(0 if field.wire_type == 0 else b"")
            elif field.repeated:
                values[index] = tuple(values[index])
        return self._make(*values)


def nested(codec: Record[Any], default: Any = None) -> Field:
    """A record inside a record; `default` (compared with ==) is omitted on the wire and given back when absent."""
    return Field(2, codec.encode, lambda data: codec.decode(data) if data else default, lambda value: value == default)


class _Single(Generic[V]):
    """Codec of a bare value: as a record with one field, number 1."""

    __slots__ = ("_field", "_tag")

    def __init__(self, field: Field) -> None:
        self._field = field
        self._tag = uvarint(1 << 3 | field.wire_type)

    def encode(self, value: V) -> bytes:
        body = self._field.encode(value)
        return self._tag + body if self._field.wire_type == 0 else self._tag + uvarint(len(body)) + body

    def decode(self, data: bytes) -> V:
        if self._field.wire_type == 0:
            raw: Any = read_uvarint(data, 1)[0]
        else:
            size, position = read_uvarint(data, 1)
            raw = data[position : position + size]
        value: V = self._field.decode(raw)
        return value


def single(field: Field) -> ValueCodec[Any]:
    """The value codec of a bare integer, text or byte string."""
    return _Single(field)


class _Member:
    """The value of a set's member: one byte 01."""

    def encode(self, value: bool) -> bytes:
        assert value is True
        return b"\x01"

    def decode(self, data: bytes) -> bool:
        assert data == b"\x01"
        return True


MEMBER: ValueCodec[bool] = _Member()
