"""The frame of the ABCI socket: an unsigned LEB128 length, then that many bytes of protobuf.

Reading is incremental: bytes may arrive split anywhere, and no byte is looked at twice, apart from a length prefix that
was not complete. Memory grows with the bytes that have arrived, never with a length that is merely claimed.
"""

from typing import Final

FRAME_BYTES_MAX_DEFAULT: Final = 64 * 1024 * 1024
PREFIX_BYTES_MAX: Final = 10
"""A 64-bit number takes at most ten bytes of seven bits."""

_BUFFER_BYTES: Final = 64 * 1024
_ROOM_BYTES_MIN: Final = 4 * 1024
"""With less room than this behind the pending bytes, move them to the front of the buffer before the next read."""


def encode_uvarint(number: int) -> bytes:
    """Unsigned LEB128 of a number >= 0, in the fewest bytes."""
    if number < 0x80:
        return bytes((number,))
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def decode_uvarint(data: bytes | bytearray, position: int, end: int) -> tuple[int, int] | None:
    """The number at `position` and the position behind it; None if it runs into `end` or over ten bytes.

    Padded forms (more bytes than needed) are accepted, as the engine accepts them.
    """
    number = 0
    for index in range(position, min(position + PREFIX_BYTES_MAX, end)):
        byte = data[index]
        number |= (byte & 0x7F) << 7 * (index - position)
        if byte < 0x80:
            return number, index + 1
    return None


def encode_frame(body: bytes) -> bytes:
    """One complete frame."""
    return encode_uvarint(len(body)) + body


class FrameReader:
    """Cuts the byte stream of one connection into frame bodies.

    Either lend its buffer to the socket (`get_buffer`, then `received`), or hand it bytes (`feed`). After a length prefix
    that is too long or names too large a frame, `broken` tells why, and the reader ignores whatever else comes.
    """

    __slots__ = ("_buffer", "_end", "_frame_bytes_max", "_needed", "_start", "_view", "broken")

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX_DEFAULT) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._start = 0  # of the first byte not yet handed out
        self._end = 0  # behind the last byte received
        self._needed = 0  # bytes from _start to the end of the pending frame, prefix included; 0 while unknown
        self.broken: str | None = None
        self._use_buffer(bytearray(_BUFFER_BYTES))

    def pending_bytes(self) -> int:
        """How many bytes of an incomplete frame are held."""
        return self._end - self._start

    def capacity_bytes(self) -> int:
        """The size of the buffer, for those who watch memory."""
        return len(self._buffer)

    def get_buffer(self) -> memoryview:
        """Room for the next read; never empty. Valid until the next call of any method."""
        capacity = len(self._buffer)
        is_tight = capacity - self._end < _ROOM_BYTES_MIN
        if self._start and (is_tight or self._start + self._needed > capacity):
            self._move_to_front()  # at most once per frame
        elif is_tight and self._needed > capacity:
            # Doubling keeps the copying linear, and the memory within twice of what the peer has really sent.
            self._move_to_front(min(self._needed, 2 * capacity))
        return self._view[self._end :]

    def received(self, count: int) -> list[bytes]:
        """Takes note of `count` bytes written into the buffer; the bodies of all frames that are now complete, in order."""
        if self.broken is not None:
            return []
        self._end = end = self._end + count
        if end - self._start < self._needed:
            return []
        buffer, view, start = self._buffer, self._view, self._start
        frame_bytes_max = self._frame_bytes_max
        bodies: list[bytes] = []
        self._needed = 0
        while start < end:
            length = buffer[start]
            body = start + 1
            if length >= 0x80:
                prefix = decode_uvarint(buffer, start, end)
                if prefix is None:
                    if end - start >= PREFIX_BYTES_MAX:
                        self.broken = f"a frame length of more than {PREFIX_BYTES_MAX} bytes"
                    break
                length, body = prefix
            if length > frame_bytes_max:
                self.broken = f"a frame of {length} bytes, more than the limit of {frame_bytes_max}"
                break
            after = body + length
            if after > end:
                self._needed = after - start
                break
            bodies.append(bytes(view[body:after]))
            start = after
        self._start = start
        if start == end:
            self._rewind()
        return bodies

    def feed(self, data: bytes) -> list[bytes]:
        """Copies bytes in, as many reads as it takes; the bodies of all frames that are now complete."""
        bodies: list[bytes] = []
        remaining = memoryview(data)
        while remaining and self.broken is None:
            room = self.get_buffer()
            count = min(len(room), len(remaining))
            room[:count] = remaining[:count]
            bodies += self.received(count)
            remaining = remaining[count:]
        return bodies

    def _use_buffer(self, buffer: bytearray) -> None:
        # A lent view forbids resizing, and asyncio still holds its view while it reports the read: hence a new buffer each time.
        self._buffer = buffer
        self._view = memoryview(buffer)

    def _rewind(self) -> None:
        self._start = self._end = 0
        if len(self._buffer) > _BUFFER_BYTES:
            self._use_buffer(bytearray(_BUFFER_BYTES))

    def _move_to_front(self, capacity: int = 0) -> None:
        pending = bytes(self._view[self._start : self._end])
        if capacity:
            self._use_buffer(bytearray(capacity))
        self._view[: len(pending)] = pending
        self._start, self._end = 0, len(pending)
