"""One gRPC channel to one node: messages in, messages out, failures as plain sentences."""

import threading
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from node.client.errors import RequestFailedError

Answer = TypeVar("Answer")

HEIGHT_HEADER = "x-cosmos-block-height"
ANSWER_BYTES_MAX = 64 * 1024 * 1024
TIMEOUT_SECONDS = 20.0


class Connection:
    """Calls to the node at `address` (host:port). Safe to share between threads."""

    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.address = address
        self._timeout_seconds = timeout_seconds
        self._channel = grpc.insecure_channel(address, options=(("grpc.max_receive_message_length", ANSWER_BYTES_MAX),))
        self._methods: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def call(self, path: str, request: Any, answer: type[Answer], height: int = 0) -> Answer:
        """The answer to one unary call at a height (0: the latest committed). Raises RequestFailedError."""
        return self.call_at(path, request, answer, height)[0]

    def call_at(self, path: str, request: Any, answer: type[Answer], height: int = 0) -> tuple[Answer, int]:
        """The answer and the height that was read (0 where the node does not say)."""
        metadata = ((HEIGHT_HEADER, str(height)),) if height else ()
        try:
            data, call = self._method(path).with_call(request.SerializeToString(), timeout=self._timeout_seconds, metadata=metadata)
        except grpc.RpcError as error:
            raise self._failure(error) from None
        used = next((int(pair[1]) for pair in call.initial_metadata() if pair[0] == HEIGHT_HEADER), 0)
        kind: Any = answer
        return kind.FromString(data), used

    def _method(self, path: str) -> Any:
        with self._lock:
            if path not in self._methods:
                self._methods[path] = self._channel.unary_unary(path)
            return self._methods[path]

    def _failure(self, error: Any) -> RequestFailedError:
        status = error.code().name
        details = error.details() or ""
        if status == "UNAVAILABLE" and "engine" not in details and "stopping" not in details:
            return RequestFailedError(status, f"no node answers at {self.address}.")
        if status == "DEADLINE_EXCEEDED":
            return RequestFailedError(status, f"the node at {self.address} gave no answer within {self._timeout_seconds:g} seconds.")
        return RequestFailedError(status, f"the node at {self.address} refuses: {details or status}")
