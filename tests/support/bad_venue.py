"""A venue on this machine that answers as it is told, or misbehaves: raw sockets in threads, for every way of being broken."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket, str, threading.Event], None]
"""Does something with a connection whose request for this path has been read, until it wants or the event (the end) is set."""


def answer(body: bytes, status: str = "200 OK", **headers: str) -> Behaviour:
    """A complete answer; header names with _ for -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
    head = "\r\n".join([*lines, "", ""]).encode()

    def behave(connection: socket.socket, path: str, ending: threading.Event) -> None:
        connection.sendall(head + body)

    return behave


def hang(connection: socket.socket, path: str, ending: threading.Event) -> None:
    """Nothing is ever said."""
    ending.wait()


def drip(connection: socket.socket, path: str, ending: threading.Event) -> None:
    """A byte now and then, so that no wait for the next one is ever long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not ending.wait(0.01):
        connection.sendall(b" ")


def reset_midway(connection: socket.socket, path: str, ending: threading.Event) -> None:
    """Half an answer and a reset."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"price":')
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def end_midway(connection: socket.socket, path: str, ending: threading.Event) -> None:
    """Half an answer and an orderly end."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"price":')


def flood(connection: socket.socket, path: str, ending: threading.Event) -> None:
    """An answer of ten megabytes without a stated length."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(160):
        connection.sendall(b"[" * 65536)


def noise(connection: socket.socket, path: str, ending: threading.Event) -> None:
    """No HTTP at all."""
    connection.sendall(b"\0\xff\x16\x03" * 100)


class BadVenue:
    """Listens at `url`; `behaviours` are by the beginning of the path, "" for every other. `paths` are those asked for, in order."""

    def __init__(self, behaviours: dict[str, Behaviour], tls: ssl.SSLContext | None = None) -> None:
        self.behaviours = behaviours
        self.paths: list[str] = []
        self.asked = threading.Semaphore(0)
        """Released once for every request that was read."""
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._listen)]
        self._connections: list[socket.socket] = []
        self._threads[0].start()

    def close(self) -> None:
        """Nothing of it is left."""
        self._ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()

    def _listen(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        """One request a connection."""
        with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
            opened.enter_context(connection)
            if self._tls is not None:
                connection = opened.enter_context(self._tls.wrap_socket(connection, server_side=True))
            request = b""
            while b"\r\n\r\n" not in request:
                chunk = connection.recv(65536)
                if not chunk:
                    return
                request += chunk
            path = request.split(b" ", 2)[1].decode()
            self.paths.append(path)
            self.asked.release()
            fitting = max((begin for begin in self.behaviours if path.startswith(begin)), key=len)
            self.behaviours[fitting](connection, path, self._ending)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)


@contextmanager
def bad_venue(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[BadVenue]:
    """One that always behaves like this."""
    venue = BadVenue({"": behaviour}, tls)
    try:
        yield venue
    finally:
        venue.close()
