"""One connection of the engine: frames in, a queue, answers out, and who has to wait for whom."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Protocol, cast

from node.abci.dispatch import Lane, encode_exception, lane_of
from node.abci.framing import FRAME_BYTES_MAX_DEFAULT, FrameReader

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server holds and how long it works before it looks up."""

    frame_bytes_max: int = FRAME_BYTES_MAX_DEFAULT
    """The largest request. It must exceed the engine's `mempool.max_txs_bytes` where PrepareProposal offers the whole pool."""
    slice_calls_max: int = 16
    """Calls answered on one mempool or query connection before consensus is looked at again; Flush does not count."""
    slice_seconds_max: float = 0.003
    """The same in time: no further call is begun after it."""
    queue_frames_max: int = 4096
    queue_bytes_max: int = 8 * 1024 * 1024
    """With more than this waiting, a connection is not read until half of it is answered. One read may overshoot it."""
    write_buffer_bytes_max: int = 1024 * 1024
    """With more than this unread by the engine, a connection is not served, and so not read for long."""
    connections_max: int = 64
    """Further connections are closed at once; an engine opens four."""
    stop_seconds_max: float = 5.0
    """How long stopping waits for the engine to take the last answers."""


class Owner(Protocol):
    """What a connection tells its server."""

    def opened(self, connection: "Connection") -> bool:
        """A peer has connected; False refuses it."""

    def became_ready(self, connection: "Connection") -> None:
        """There is something to answer."""

    def closed(self, connection: "Connection") -> None:
        """The peer is gone, with whatever it was still to be told."""


class Connection(asyncio.BufferedProtocol):
    """Queues the requests of one peer in order. Serving them is the server's business."""

    def __init__(self, owner: Owner, limits: Limits) -> None:
        self._owner = owner
        self._limits = limits
        self._reader = FrameReader(limits.frame_bytes_max)
        self._transport: asyncio.Transport | None = None
        self._queue: deque[bytes] = deque()
        self._queue_bytes = 0
        self._lane = Lane.OTHER  # of the last request taken that has one
        self._is_writing_paused = False
        self._is_reading_paused = False
        self._is_input_over = False
        self._exception: str | None = None  # what the peer is told once everything before has been answered

    # For the server.

    @property
    def lane(self) -> Lane:
        """Whose work the head of the queue is. A Flush goes with the call before it."""
        lane = lane_of(self._queue[0]) if self._queue else None
        return self._lane if lane is None else lane

    def is_ready(self) -> bool:
        """Whether the head of the queue may be answered now."""
        return bool(self._queue) and not self._is_writing_paused

    def head(self) -> bytes | None:
        """The next request, left where it is."""
        return self._queue[0] if self._queue else None

    def take(self) -> bytes:
        """The next request, which must now be answered."""
        request = self._queue.popleft()
        self._queue_bytes -= len(request)
        lane = lane_of(request)
        if lane is not None:
            self._lane = lane
        return request

    def send(self, answers: list[bytes]) -> None:
        """Sends answers in one piece."""
        if answers and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(answers))

    def carry_on(self) -> None:
        """After a slice: reads on, or ends, where the queue now allows it."""
        if not self._queue and (self._is_input_over or self._exception is not None):
            self.close(self._exception)
        else:
            self._balance_reading()

    def close(self, exception: str | None = None) -> None:
        """Ends the connection after sending what is already written and, if given, an exception. Forgets the queue."""
        self._queue.clear()
        self._queue_bytes = 0
        if self._transport is not None and not self._transport.is_closing():
            if exception is not None:
                self._transport.write(encode_exception(exception))
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection now; what has not been sent is lost."""
        if self._transport is not None:
            self._transport.abort()

    # For the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._owner.opened(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=self._limits.write_buffer_bytes_max)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        requests = self._reader.received(nbytes)
        if requests:
            self._queue += requests
            self._queue_bytes += sum(map(len, requests))
        if self._reader.broken is not None and self._exception is None:
            self._exception = self._reader.broken
            logger.warning("closing a connection that sent %s", self._exception)
            if self._transport is not None:
                self._transport.pause_reading()  # for good
        if self._queue:
            self._balance_reading()
            self._owner.became_ready(self)
        elif self._exception is not None:
            self.close(self._exception)

    def eof_received(self) -> bool:
        if self._reader.pending_bytes():
            logger.warning("a connection ended within a frame, after %d bytes of it", self._reader.pending_bytes())
        self._is_input_over = True  # and reading was not paused, nor will it be: from now on the queue only shrinks
        # True keeps the other direction open, so that a peer that only says that it has no more to ask gets its answers.
        return bool(self._queue)

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        if self._queue:
            self._owner.became_ready(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            logger.info("a connection was lost: %s", exc)
        self._transport = None
        self._owner.closed(self)

    def _balance_reading(self) -> None:
        """Stops reading while too much waits to be answered, so that the peer's own queue fills up instead."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._exception is not None:
            return
        frames, size = len(self._queue), self._queue_bytes
        limits = self._limits
        if not self._is_reading_paused:
            if frames > limits.queue_frames_max or size > limits.queue_bytes_max:
                self._is_reading_paused = True
                transport.pause_reading()
        elif frames <= limits.queue_frames_max // 2 and size <= limits.queue_bytes_max // 2:
            self._is_reading_paused = False
            transport.resume_reading()
