"""The ABCI server: one thread, one pump that answers in order per connection and takes consensus first."""

import asyncio
import contextlib
import errno
import logging
import socket
import stat
import time
from collections import deque
from pathlib import Path

from node.abci.address import TcpAddress, UnixAddress, parse_address
from node.abci.application import Application
from node.abci.connection import Connection, Limits
from node.abci.dispatch import FLUSH_REQUEST, CallFailedError, Dispatcher, Lane, UndecodableRequestError

logger = logging.getLogger(__name__)

_SOCKET_MODE_DEFAULT = 0o600


class Server:
    """Serves one application to one engine, which opens four connections, and to the next engine after that one died.

    The socket knows no passwords: whoever may connect commands the application. A unix socket is its owner's alone unless
    `socket_mode` says otherwise; TCP belongs on the loopback.
    """

    def __init__(
        self,
        application: Application,
        address: str,
        *,
        limits: Limits | None = None,
        socket_mode: int = _SOCKET_MODE_DEFAULT,
    ) -> None:
        self._address = parse_address(address)
        self._limits = limits or Limits()
        self._socket_mode = socket_mode
        self._dispatcher = Dispatcher(application)
        self._connections: deque[Connection] = deque()
        self._is_pump_due = False
        self._is_halted = False
        self._is_started = False
        self._listener: asyncio.Server | None = None
        self._socket_identity: tuple[int, int] | None = None
        self._failing: Connection | None = None
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop
        self._all_closed: asyncio.Event
        self._stopped: asyncio.Event
        self.fatal: asyncio.Future[None]
        """From `start` on: ends with the application's exception when it raised where it may not."""

    @property
    def address(self) -> str:
        """Where the server listens; with a TCP port of 0, after `start`, the port that it got."""
        return str(self._address)

    async def start(self) -> None:
        """Listens; once in the life of a server. Replaces the socket file of one that is gone.

        Raises OSError, also where another server still answers on the address.
        """
        if self._is_started:
            raise RuntimeError("this server was started before")
        self._loop = asyncio.get_running_loop()
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._stopped = asyncio.Event()
        self.fatal = self._loop.create_future()
        if isinstance(self._address, UnixAddress):
            listening = _listen_on_path(self._address.path, self._socket_mode)
            self._socket_identity = _file_identity(self._address.path)
            self._listener = await self._loop.create_unix_server(self._new_connection, sock=listening)
        else:
            self._listener = await self._loop.create_server(self._new_connection, self._address.host, self._address.port)
            self._address = TcpAddress(self._address.host, self._listener.sockets[0].getsockname()[1])
        self._is_started = True
        logger.info("listening on %s", self._address)

    async def stop(self) -> None:
        """Answers nothing more, sends what is answered, closes every connection and removes the socket file. May be repeated."""
        if not self._is_started:
            return
        listener, self._listener = self._listener, None
        if listener is None:
            await self._stopped.wait()
            return
        self._is_halted = True
        listener.close()
        for connection in list(self._connections):
            connection.close()
        try:
            await self._wait_until_closed()
        finally:
            self._unlink_socket()
            self._stopped.set()
        await listener.wait_closed()
        logger.info("stopped listening on %s", self._address)

    async def run(self) -> None:
        """Starts unless started, and serves until `stop` is called. Raises what the application raised where it may not."""
        if not self._is_started:
            await self.start()
        stopped = self._loop.create_task(self._stopped.wait())
        try:
            await asyncio.wait((stopped, self.fatal), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await self.stop()
        if self.fatal.done():
            self.fatal.result()

    # For connections.

    def opened(self, connection: Connection) -> bool:
        """Takes a connection in, unless there are too many or the server is ending."""
        if self._is_halted or len(self._connections) >= self._limits.connections_max:
            logger.warning("refusing a connection: there are %d", len(self._connections))
            return False
        self._connections.append(connection)
        self._all_closed.clear()
        return True

    def became_ready(self, connection: Connection) -> None:
        """Has the pump run after all sockets that are readable now have been read."""
        if not self._is_pump_due and not self._is_halted:
            self._is_pump_due = True
            self._loop.call_soon(self._pump)

    def closed(self, connection: Connection) -> None:
        """Forgets a connection."""
        with contextlib.suppress(ValueError):  # one that was refused
            self._connections.remove(connection)
        if not self._connections:
            self._all_closed.set()
        if connection is self._failing:
            self._settle_failure()

    # The pump.

    def _pump(self) -> None:
        """One turn: all of consensus, or else one slice of one other connection."""
        self._is_pump_due = False
        if not self._serve_consensus():
            self._serve_next_slice()
        if not self._is_halted and any(connection.is_ready() for connection in self._connections):
            self._is_pump_due = True
            # The detour lets the loop poll and read every socket before the next turn, so that a consensus request which
            # arrived during this one is found by it.
            self._loop.call_soon(self._loop.call_soon, self._pump)

    def _serve_consensus(self) -> bool:
        """Answers the consensus requests at the heads of all queues; False if there was none."""
        has_served = False
        for connection in list(self._connections):
            if connection.is_ready() and connection.lane is Lane.CONSENSUS:
                has_served = True
                self._serve(connection, is_consensus=True)
                if self._is_halted:
                    break
        return has_served

    def _serve_next_slice(self) -> None:
        """Gives the next connection in turn a slice."""
        for _ in range(len(self._connections)):
            connection = self._connections[0]
            self._connections.rotate(-1)
            if connection.is_ready():
                self._serve(connection, is_consensus=False)
                return

    def _serve(self, connection: Connection, *, is_consensus: bool) -> None:
        """Answers from the head of one queue in one write: as long as it is consensus, or a slice."""
        answers: list[bytes] = []
        calls_left = self._limits.slice_calls_max
        deadline = time.monotonic() + self._limits.slice_seconds_max
        is_over = was_flush = False
        try:
            while (request := connection.head()) is not None:
                is_flush = request == FLUSH_REQUEST
                if is_consensus:
                    if connection.lane is not Lane.CONSENSUS:
                        break
                elif is_over and (was_flush or not is_flush):  # the Flush behind a call goes with it: the engine waits for that one
                    break
                answers.append(self._dispatcher.answer(connection.take()))
                was_flush = is_flush
                calls_left -= not is_flush
                is_over = calls_left <= 0 or time.monotonic() >= deadline
        except UndecodableRequestError as error:
            logger.warning("closing a connection that sent %s", error)
            connection.send(answers)
            connection.close(str(error))
        except CallFailedError as error:
            connection.send(answers)
            self._fail(connection, error)
        except Exception as error:
            connection.send(answers)
            self._fail(connection, error)
            raise
        else:
            connection.send(answers)
            connection.carry_on()

    # The end.

    def _fail(self, connection: Connection, error: Exception) -> None:
        """Stops serving, tells the engine why, and once it has been told, the owner."""
        logger.critical("the application failed, the server ends: %s", error)
        self._is_halted = True
        cause = error.__cause__
        # A future cannot carry StopIteration.
        self._failure = cause if isinstance(cause, Exception) and not isinstance(cause, StopIteration) else error
        self._failing = connection
        self._loop.call_later(self._limits.stop_seconds_max, self._settle_failure)
        connection.close(str(error))

    def _settle_failure(self) -> None:
        if self._failure is not None and not self.fatal.done():
            self.fatal.set_exception(self._failure)
            self.fatal.exception()  # it is logged already: an owner who only looks at `run` need not fetch it

    async def _wait_until_closed(self) -> None:
        try:
            async with asyncio.timeout(self._limits.stop_seconds_max):
                await self._all_closed.wait()
        except TimeoutError:
            logger.warning("%d connections did not take their last answers", len(self._connections))
            for connection in list(self._connections):
                connection.abort()
            await self._all_closed.wait()

    def _unlink_socket(self) -> None:
        if not isinstance(self._address, UnixAddress) or self._socket_identity is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if _file_identity(self._address.path) == self._socket_identity:  # else it is another server's by now
                Path(self._address.path).unlink()

    def _new_connection(self) -> Connection:
        return Connection(self, self._limits)


def _file_identity(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _listen_on_path(path: str, mode: int) -> socket.socket:
    """A unix socket bound to a path, to be listened on. Raises OSError."""
    _remove_stale_socket(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
        Path(path).chmod(mode)  # before anyone can connect: nobody listens yet
    except OSError:
        listening.close()
        raise
    return listening


def _remove_stale_socket(path: str) -> None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "this is not a socket, and is left alone", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:
            pass  # somebody is there, but busy
    raise OSError(errno.EADDRINUSE, "another server answers on this socket", path)
