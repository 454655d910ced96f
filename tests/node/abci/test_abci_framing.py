"""Frames are cut out of a byte stream, however it arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.abci.framing import FrameReader, decode_uvarint, encode_frame, encode_uvarint
from support.abci import FRAMES

BUFFER_BYTES = FrameReader().capacity_bytes()


class CountingReader(FrameReader):
    """Counts the bytes that it moves within its own memory."""

    moved_bytes = 0

    def _move_to_front(self, capacity: int = 0) -> None:
        self.moved_bytes += self.pending_bytes()
        super()._move_to_front(capacity)


def write_pieces(reader: FrameReader, pieces: list[bytes]) -> list[bytes]:
    """Fills the reader as a socket would, which writes what fits into the lent buffer."""
    bodies = []
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            room = reader.get_buffer()
            assert len(room) > 0
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            bodies += reader.received(count)
            rest = rest[count:]
    return bodies


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_engine_frames_survive_a_split_at_every_byte(name: str) -> None:
    """Each recorded frame has the same body in two pieces split anywhere, and byte by byte."""
    frame = FRAMES[name]
    prefix_bytes = 2 if frame[0] >= 0x80 else 1
    body = frame[prefix_bytes:]
    for cut in range(len(frame) + 1):
        assert write_pieces(FrameReader(), [frame[:cut], frame[cut:]]) == [body]
    assert write_pieces(FrameReader(), [frame[at : at + 1] for at in range(len(frame))]) == [body]
    assert encode_frame(body) == frame


BODIES = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda byte, size: bytes([byte]) * size, st.integers(0, 255), st.sampled_from((127, 128, 16383, 16384, 65535, 65537, 200_000))
        ),
    ),
    max_size=8,
)


@given(bodies=BODIES, data=st.data())
def test_any_frames_survive_any_splits(bodies: list[bytes], data: st.DataObject) -> None:
    """Bodies come out as they went in, in order, and memory is given back."""
    stream = b"".join(map(encode_frame, bodies))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12), label="cuts"))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    lent, fed = FrameReader(), FrameReader()
    assert write_pieces(lent, pieces) == bodies
    assert [body for piece in pieces for body in fed.feed(piece)] == bodies
    for reader in (lent, fed):
        assert reader.broken is None
        assert reader.pending_bytes() == 0
        assert reader.capacity_bytes() == BUFFER_BYTES


def test_a_frame_of_exactly_the_limit_passes_and_one_byte_more_breaks() -> None:
    """The limit is on the body."""
    assert FrameReader(1000).feed(encode_frame(bytes(1000))) == [bytes(1000)]
    reader = FrameReader(1000)
    assert reader.feed(encode_frame(bytes(1001))) == []
    assert reader.broken == "a frame of 1001 bytes, more than the limit of 1000"


@pytest.mark.parametrize("prefix", ["80808080808080808080", "ffffffffffffffffffff01", "ffffffffffffffffff01"])
def test_an_overlong_or_huge_length_breaks_the_reader(prefix: str) -> None:
    """Eleven bytes, or a number up to 2^64: no such frame. It breaks as soon as that is certain, split or not."""
    raw = bytes.fromhex(prefix)
    for pieces in ([raw], [raw[at : at + 1] for at in range(len(raw))]):
        reader = FrameReader()
        assert write_pieces(reader, pieces) == []
        assert reader.broken is not None


def test_a_length_cut_at_the_end_of_the_buffer_finds_room() -> None:
    """The first byte of a two-byte length fills the buffer to its last byte."""
    first, second = bytes(BUFFER_BYTES - 1 - 3), bytes(300)
    stream = encode_frame(first) + encode_frame(second)
    assert write_pieces(FrameReader(), [stream[:BUFFER_BYTES], stream[BUFFER_BYTES:]]) == [first, second]
    assert write_pieces(FrameReader(), [stream[:9], stream[9:BUFFER_BYTES], stream[BUFFER_BYTES:]]) == [first, second]


def test_frames_before_the_broken_one_are_delivered_and_none_after() -> None:
    """Order is kept up to the error; what follows it cannot be framed."""
    reader = FrameReader(100)
    assert reader.feed(encode_frame(b"one") + encode_frame(b"two") + encode_frame(bytes(101)) + encode_frame(b"three")) == [b"one", b"two"]
    assert reader.broken is not None
    assert reader.feed(encode_frame(b"four")) == []
    assert write_pieces(reader, [encode_frame(b"five"), bytes(3 * BUFFER_BYTES)]) == []


def test_a_claimed_length_alone_takes_no_memory() -> None:
    """The buffer is at most twice what has arrived (or its usual size), and returns to that afterwards."""
    size = 5_000_000
    frame = encode_frame(bytes(size))
    reader = FrameReader()
    sent = 0
    bodies: list[bytes] = []
    while sent < len(frame):
        bodies += reader.feed(frame[sent : sent + 7000])
        sent += 7000
        assert reader.capacity_bytes() <= max(BUFFER_BYTES, 2 * sent + 4096)
    assert bodies == [bytes(size)]
    assert reader.capacity_bytes() == BUFFER_BYTES


@pytest.mark.parametrize(
    ("frame_bytes", "piece_bytes"), [(BUFFER_BYTES - 10, 1), (BUFFER_BYTES + 10, 1), (6_000_000, 997), (6_000_000, 65_536)]
)
def test_moving_within_memory_is_linear(frame_bytes: int, piece_bytes: int) -> None:
    """However small the pieces, no more than twice the frame is copied while it is being collected."""
    stream = encode_frame(b"x" * 20) + encode_frame(bytes(frame_bytes))
    reader = CountingReader()
    bodies = [body for at in range(0, len(stream), piece_bytes) for body in reader.feed(stream[at : at + piece_bytes])]
    assert [len(body) for body in bodies] == [20, frame_bytes]
    assert reader.moved_bytes <= 2 * frame_bytes


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_varints_round_trip(number: int, tail: bytes) -> None:
    """Encoding is minimal, and decoding stops where it ends."""
    encoded = encode_uvarint(number)
    assert len(encoded) == max(1, -(-number.bit_length() // 7))
    assert decode_uvarint(encoded + tail, 0, len(encoded + tail)) == (number, len(encoded))
    assert decode_uvarint(encoded, 0, len(encoded) - 1) is None


def test_padded_lengths_are_read_as_the_engine_reads_them() -> None:
    """A length with needless bytes is still that length."""
    assert FrameReader().feed(bytes.fromhex("838000") + b"abc") == [b"abc"]
