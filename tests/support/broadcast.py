"""Sends transactions to real nodes through `broadcast_tx_sync` and watches their blocks: one thread, one epoll loop, little else.

Each stream is one keep-alive HTTP connection with one request under way, as CometBFT's RPC wants it. A `BlockWatch` is a websocket on
which a node tells every block as soon as it is committed.
"""

import base64
import contextlib
import heapq
import http.client
import json
import os
import re
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

ACCEPTED: Final = "accepted"
POOL_FULL: Final = "mempool is full"
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEIGHT: Final = re.compile(rb'"value":\{"height":"(\d+)"')
_TX_COUNT: Final = re.compile(rb'"num_txs":"(\d+)"')
_SUBSCRIBE: Final = json.dumps(
    {"jsonrpc": "2.0", "method": "subscribe", "id": 0, "params": {"query": "tm.event='NewBlockEvents'"}}
).encode()
_TEXT_FRAME, _CLOSE_FRAME, _PING_FRAME, _PONG_FRAME = 1, 8, 9, 10
_ANSWER_SECONDS = 15.0
"""How long the end of a run waits for answers that are still out."""
_STARVED_SECONDS = 0.02
"""When a stream whose feed had nothing asks again."""

Feed = Callable[[], bytes | None]
"""The stream's next transaction; None: there is none now. StopIteration: there will be none."""


class Address(NamedTuple):
    """Where a node's RPC listens."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Address":
        parts = urlsplit(url)
        if not parts.hostname or not parts.port:
            raise ValueError(f"{url} has no host and port")
        return cls(parts.hostname, parts.port)


class Sent(NamedTuple):
    """One answered submission; times are `time.monotonic()` seconds."""

    raw: bytes
    at_seconds: float
    answered_seconds: float
    outcome: str
    """ACCEPTED, POOL_FULL, `codespace/code`, or the node's error text."""
    label: str
    """The stream's."""


class Block(NamedTuple):
    """A block as the watch heard of it."""

    height: int
    at_seconds: float
    """`time.monotonic()` of its arrival."""
    tx_count: int
    """The preamble counted in."""


@dataclass(slots=True)
class Stream:
    """One connection: what it sends, how often, and how it stands."""

    address: Address
    feed: Feed
    interval_seconds: float = 0.0
    """Between two submissions; 0: as soon as the answer is there."""
    starts_seconds: float = 0.0
    """After the begin of the run."""
    label: str = ""
    due_seconds: float = 0.0
    connection: socket.socket | None = None
    received: bytearray = field(default_factory=bytearray)
    raw: bytes = b""
    """Under way now; empty: idle."""
    at_seconds: float = 0.0


class BlockWatch:
    """Every committed block of one node, from now on."""

    def __init__(self, address: Address) -> None:
        self.blocks: list[Block] = []
        self.tx_count = 0
        """Transactions in all those blocks, preambles not counted."""
        self._received = bytearray()
        self._message = bytearray()
        self._socket = socket.create_connection(address, timeout=10)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /websocket HTTP/1.1\r\nHost: {address.host}:{address.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while _HEAD_END not in self._received:
            self._receive()
        head, _, rest = bytes(self._received).partition(_HEAD_END)
        assert b" 101 " in head.split(b"\r\n")[0], head
        self._received = bytearray(rest)
        self._send(_TEXT_FRAME, _SUBSCRIBE)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def height(self) -> int:
        """The last block's; 0 before the first."""
        return self.blocks[-1].height if self.blocks else 0

    def ready(self) -> None:
        """Takes in what has arrived."""
        now = time.monotonic()
        self._receive()
        for kind, payload in self._frames():
            if kind == _PING_FRAME:
                self._send(_PONG_FRAME, payload)
            elif kind == _CLOSE_FRAME:
                raise ConnectionError(f"the node ended the subscription: {payload[2:].decode(errors='replace')}")
            elif (height := _HEIGHT.search(payload)) and (count := _TX_COUNT.search(payload)):
                block = Block(int(height[1]), now, int(count[1]))
                self.blocks.append(block)
                self.tx_count += max(0, block.tx_count - 1)

    def wait(self, seconds: float) -> None:
        """So long, while what arrives is taken in. A node ends a subscription that nobody reads."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and select.select([self], [], [], left)[0]:
            self.ready()

    def wait_for(self, height: int, patience_seconds: float = 120.0) -> None:
        """Returns when the block of this height is committed. Raises TimeoutError."""
        deadline = time.monotonic() + patience_seconds
        while self.height < height:
            if not select.select([self], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"no block {height} within {patience_seconds:.0f} s; the last is {self.height}")
            self.ready()

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> None:
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the node closed the websocket")
        self._received += data

    def _send(self, kind: int, payload: bytes) -> None:
        """One frame, with a mask of zeros, which leaves the payload as it is."""
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack(">H", size)
        self._socket.sendall(bytes((0x80 | kind,)) + length + bytes(4) + payload)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Whole messages: (kind, payload); fragments are joined."""
        data = self._received
        while len(data) >= 2:
            kind, final, size, start = data[0] & 15, data[0] & 0x80, data[1] & 127, 2
            if size >= 126:
                start = 4 if size == 126 else 10
                if len(data) < start:
                    return
                size = int.from_bytes(data[2:start], "big")
            if len(data) < start + size:
                return
            payload = bytes(data[start : start + size])
            del data[: start + size]
            if kind >= _CLOSE_FRAME:
                yield kind, payload
                continue
            self._message += payload
            if final:
                whole, self._message = bytes(self._message), bytearray()
                yield _TEXT_FRAME, whole


class Broadcaster:
    """Drives streams for a while. `sent` and `outcomes` grow; `watch` is kept up to date meanwhile."""

    def __init__(self, watch: BlockWatch) -> None:
        self.watch = watch
        self.sent: list[Sent] = []
        self.outcomes: Counter[str] = Counter()
        self.skipped = 0
        """Submissions that were due while their connection was busy for longer than `patience_seconds`, and were given up."""
        self._poll = select.epoll()
        self._streams: dict[int, Stream] = {}
        self._accepted = 0

    def run(
        self,
        streams: list[Stream],
        seconds: float,
        *,
        window: int = 0,
        patience_seconds: float = 0.5,
        until: Callable[[], bool] | None = None,
    ) -> None:
        """Submissions for so many seconds (or until `until()`), then waits for the answers that are out.

        `window`: not more accepted and uncommitted transactions than this (0: no limit).
        """
        committed_before = self.watch.tx_count
        self._accepted = 0
        begin = time.monotonic()
        heap = []
        for index, stream in enumerate(streams):
            stream.due_seconds = begin + stream.starts_seconds + stream.interval_seconds * index / len(streams)
            heap.append((stream.due_seconds, index))
        heapq.heapify(heap)
        numbers = {id(stream): index for index, stream in enumerate(streams)}
        with self._watching():
            while (now := time.monotonic()) - begin < seconds and not (until is not None and until()):
                is_open = not window or self._accepted - (self.watch.tx_count - committed_before) < window
                starved: list[tuple[float, int]] = []
                while heap and is_open and heap[0][0] <= now:
                    _, index = heapq.heappop(heap)
                    with contextlib.suppress(StopIteration):
                        if not self._submit(streams[index]):
                            starved.append((now + _STARVED_SECONDS, index))
                for entry in starved:
                    heapq.heappush(heap, entry)
                timeout = max(0.0005, min(heap[0][0] - now, 0.05)) if heap and is_open else 0.05
                for stream in self._poll_once(timeout):
                    heapq.heappush(heap, (self._next_due(stream, patience_seconds), numbers[id(stream)]))
            deadline = time.monotonic() + _ANSWER_SECONDS
            while any(stream.raw for stream in streams) and time.monotonic() < deadline:
                self._poll_once(0.05)
        for stream in streams:
            self._drop(stream)

    def _next_due(self, stream: Stream, patience_seconds: float) -> float:
        """When the stream sends again: on schedule, catching up with what is not older than the patience."""
        now = time.monotonic()
        if not stream.interval_seconds:
            return now
        stream.due_seconds += stream.interval_seconds
        late = now - stream.due_seconds - patience_seconds
        if late > 0:
            missed = int(late / stream.interval_seconds) + 1
            self.skipped += missed
            stream.due_seconds += missed * stream.interval_seconds
        return stream.due_seconds

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        self._poll.register(self.watch, select.EPOLLIN)
        try:
            yield
        finally:
            self._poll.unregister(self.watch)

    def _submit(self, stream: Stream) -> bool:
        raw = stream.feed()
        if raw is None:
            return False
        stream.raw = raw
        self._send(stream)
        return True

    def _send(self, stream: Stream) -> None:
        if stream.connection is None:
            stream.connection = socket.create_connection(stream.address, timeout=30)
            stream.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream.received.clear()
            self._streams[stream.connection.fileno()] = stream
            self._poll.register(stream.connection, select.EPOLLIN)
        body = b'{"jsonrpc":"2.0","id":1,"method":"broadcast_tx_sync","params":{"tx":"' + base64.b64encode(stream.raw) + b'"}}'
        stream.at_seconds = time.monotonic()
        stream.connection.sendall(
            b"POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    def _drop(self, stream: Stream) -> None:
        if stream.connection is not None:
            del self._streams[stream.connection.fileno()]
            self._poll.unregister(stream.connection)
            stream.connection.close()
            stream.connection = None

    def _poll_once(self, timeout_seconds: float) -> list[Stream]:
        """Takes in what is ready; the streams that are idle now."""
        done = []
        for descriptor, _ in self._poll.poll(timeout_seconds):
            if descriptor == self.watch.fileno():
                self.watch.ready()
                continue
            stream = self._streams[descriptor]
            if self._take(stream):
                done.append(stream)
        return done

    def _take(self, stream: Stream) -> bool:
        """Reads; True when the answer is complete (or can never come)."""
        assert stream.connection is not None
        try:
            data = stream.connection.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self._drop(stream)
            if not stream.raw:
                return False
            # The server closes idle connections; a request that met such an end was never read.
            self._finish(stream, "connection ended")
            return True
        stream.received += data
        head = stream.received.find(_HEAD_END)
        if head < 0:
            return False
        length = _LENGTH.search(stream.received, 0, head)
        assert length is not None, bytes(stream.received[:head])
        end = head + len(_HEAD_END) + int(length[1])
        if len(stream.received) < end:
            return False
        body = bytes(stream.received[head + len(_HEAD_END) : end])
        stream.received.clear()
        self._finish(stream, _outcome(body))
        return True

    def _finish(self, stream: Stream, outcome: str) -> None:
        self.sent.append(Sent(stream.raw, stream.at_seconds, time.monotonic(), outcome, stream.label))
        stream.raw = b""
        self.outcomes[outcome] += 1
        if outcome == ACCEPTED:
            self._accepted += 1


def _outcome(body: bytes) -> str:
    if b'"code":0,' in body:
        return ACCEPTED
    if POOL_FULL.encode() in body:
        return POOL_FULL
    answer = json.loads(body)
    if "error" in answer:
        return str(answer["error"].get("data") or answer["error"].get("message"))[:120]
    result = answer["result"]
    return f"{result['codespace'] or 'undefined'}/{result['code']}"


# Looking at what was decided, after a run


def get(address: Address, path: str) -> bytes:
    """The body of one GET."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def rpc(address: Address, path: str) -> Any:
    """The result of one RPC call by path, such as `status` or `block?height=3`."""
    answer = json.loads(get(address, f"/{path}"))
    assert "result" in answer, answer
    return answer["result"]


class Decided(NamedTuple):
    """What a range of blocks holds."""

    heights: dict[bytes, int]
    """Transaction hash to height; preambles among them."""
    codes: dict[int, Counter[str]]
    """Height to the failed transactions by codespace/code."""
    fills: dict[int, int]
    """Height to the number of `match` events."""
    tx_counts: dict[int, int]
    """Height to the number of transactions, preamble not counted."""


def decided(address: Address, first: int, last: int) -> Decided:
    """The blocks `first` to `last`, with their results."""
    found = Decided({}, {}, {}, {})
    for height in range(first, last + 1):
        encoded = rpc(address, f"block?height={height}")["block"]["data"]["txs"] or []
        for text in encoded:
            found.heights[sha256(base64.b64decode(text)).digest()] = height
        found.tx_counts[height] = max(0, len(encoded) - 1)
        body = get(address, f"/block_results?height={height}")
        found.fills[height] = body.count(b'"type":"match"')
        found.codes[height] = Counter()
        if re.search(rb'"code":[1-9]', body):
            results = json.loads(body)["result"]["txs_results"] or []
            found.codes[height].update(f"{one['codespace']}/{one['code']}" for one in results if one["code"])
    return found


# Looking at processes

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor time used by a process so far."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def machine_busy_seconds() -> float:
    """Processor time that this machine has spent on anything so far, all cores together."""
    with open("/proc/stat", "rb") as file:  # noqa: PTH123
        fields = [int(text) for text in file.readline().split()[1:9]]
    user, nice, system, _idle, _waiting, *interrupts = fields
    return (user + nice + system + sum(interrupts)) / _TICKS_PER_SECOND


def memory_bytes(pid: int) -> int:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(b"VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def quantile(values: list[float], share: float) -> float:
    """The smallest value with at least that share of all at or below it; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))] if ordered else 0.0
