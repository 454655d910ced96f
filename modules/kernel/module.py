"""What a module gives to the composition root (`node/wiring.py`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from modules.kernel import address
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.units import Address

CommandDecoder = Callable[[Any], Any]
"""decode(protobuf message) -> the module's command (a domain object), after every stateless check. Raises ChainError."""

CommandExecutor = Callable[[Context, Any], bytes]
"""execute(ctx, command) -> encoded response message (empty bytes for an empty response). Raises ChainError."""

ChangeApplier = Callable[[Context, Any], None]
"""apply(ctx, command): the change is in state. Raises ChainError; what it wrote by then is undone by who called it."""

QueryHandler = Callable[[Context, Any], Any]
"""handle(ctx, request message) -> response message. Raises QueryError or ChainError."""


@dataclass(frozen=True, slots=True)
class MessageRoute:
    """One message type that a module executes."""

    message: Any
    """The protobuf class."""
    response: Any
    """The protobuf class of its response."""
    signer: Callable[[Any], str]
    """The bech32 address that must sign it."""
    decode: CommandDecoder
    execute: CommandExecutor


@dataclass(frozen=True, slots=True)
class ChangeRoute:
    """One message of the genesis authority: it changes parameters at the end of the block that carries it, never a balance.

    The message names its signer in field `authority`; modules/authority makes a MessageRoute of it.
    """

    message: Any
    """The protobuf class."""
    response: Any
    """The protobuf class of its response, which is empty."""
    decode: CommandDecoder
    apply: ChangeApplier


@dataclass(frozen=True, slots=True)
class QueryRoute:
    """One unary query: full gRPC path, request and response classes."""

    path: str
    request: Any
    response: Any
    handle: QueryHandler


class QueryError(Exception):
    """A query's failure with a gRPC status name: NOT_FOUND, INVALID_ARGUMENT, OUT_OF_RANGE, INTERNAL, UNKNOWN."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def asked_address(text: str) -> Address:
    """The account that a query names. Raises QueryError with INVALID_ARGUMENT."""
    try:
        return address.from_text(text)
    except ChainError as error:
        raise QueryError("INVALID_ARGUMENT", f"invalid bech32 address: {error.log}") from error


class Module(Protocol):
    """The only face of a module that wiring reads."""

    @property
    def name(self) -> str: ...

    @property
    def messages(self) -> tuple[MessageRoute, ...]: ...

    @property
    def changes(self) -> tuple[ChangeRoute, ...]: ...

    @property
    def queries(self) -> tuple[QueryRoute, ...]: ...

    def validate_genesis(self, section: Any, problems: "Problems", whole: Mapping[str, Any]) -> None:
        """Every mistake of this module's genesis section, each with its path; nothing raises."""

    def init_genesis(self, ctx: Context, section: Any) -> None:
        """State as the (validated) section says."""

    def export_genesis(self, ctx: Context) -> Any:
        """The section from which init_genesis would build this state."""

    def check_invariants(self, ctx: Context) -> list[str]:
        """Sentences, one per broken invariant (full scan; for tests and simulation)."""


@dataclass(slots=True)
class Problems:
    """Mistakes found in a genesis file: (path, sentence)."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, sentence: str) -> None:
        self.found.append((path, sentence))
