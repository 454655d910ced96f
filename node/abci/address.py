"""Where an ABCI server listens, in the engine's notation."""

from dataclasses import dataclass
from typing import Final

UNIX_PATH_BYTES_MAX: Final = 107
"""The kernel's limit of 108 counts a closing zero."""


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """Host and port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


def parse_address(text: str) -> UnixAddress | TcpAddress:
    """Reads `unix:///absolute/path` or `tcp://host:port`. Raises ValueError with a plain sentence."""
    scheme, separator, rest = text.partition("://")
    if scheme == "unix" and separator and rest:
        size = len(rest.encode("utf-8", "surrogateescape"))
        if size > UNIX_PATH_BYTES_MAX:
            raise ValueError(f"the socket path {rest!r} has {size} bytes, the system allows {UNIX_PATH_BYTES_MAX}")
        return UnixAddress(rest)
    if scheme == "tcp" and separator:
        host, _, port = rest.rpartition(":")
        if host and port.isascii() and port.isdigit() and int(port) <= 0xFFFF:
            return TcpAddress(host.removeprefix("[").removesuffix("]"), int(port))
    raise ValueError(f"{text!r} is neither unix:///path nor tcp://host:port")
