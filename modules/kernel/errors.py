"""Expected failures. A user meets (codespace, code, text); numbers are registered once and never reused."""

from collections.abc import Mapping


class ChainError(Exception):
    """An expected failure: what it touched is undone, its code and log go to the receipt."""

    __slots__ = ("detail", "kind")

    def __init__(self, kind: "ErrorKind", detail: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail

    @property
    def codespace(self) -> str:
        return self.kind.codespace

    @property
    def code(self) -> int:
        return self.kind.code

    @property
    def log(self) -> str:
        """`<detail>: <registered text>`, or the registered text alone."""
        return f"{self.detail}: {self.kind.text}" if self.detail else self.kind.text

    def __str__(self) -> str:
        return f"{self.kind.codespace}/{self.kind.code}: {self.log}"


class ErrorKind:
    """One registered code. Calling it gives the exception to raise: `raise STALE(f"market {id}")`."""

    __slots__ = ("code", "codespace", "text")

    def __init__(self, codespace: str, code: int, text: str) -> None:
        self.codespace = codespace
        self.code = code
        self.text = text

    def __call__(self, detail: str = "") -> ChainError:
        return ChainError(self, detail)

    def __repr__(self) -> str:
        return f"ErrorKind({self.codespace!r}, {self.code}, {self.text!r})"


_REGISTRY: dict[tuple[str, int], ErrorKind] = {}


def register(codespace: str, code: int, text: str) -> ErrorKind:
    """The kind for (codespace, code). 0 is success and 1 is reserved; registering a number twice is a bug."""
    assert code > 1 or codespace in ("prices", "perpetuals", "assets", "sending", "accountplus"), "0 and 1 are reserved"
    assert (codespace, code) not in _REGISTRY, f"{codespace}/{code} is registered twice"
    kind = _REGISTRY[(codespace, code)] = ErrorKind(codespace, code, text)
    return kind


def registry() -> Mapping[tuple[str, int], ErrorKind]:
    """Every registered kind by (codespace, code), for the registry vector and the docs."""
    return dict(sorted(_REGISTRY.items()))


# Codespace `sdk`: what every transaction can meet (client-surface.md 12.1); modules share these.
TX_PARSE = register("sdk", 2, "tx parse error")
UNAUTHORIZED = register("sdk", 4, "unauthorized")
INSUFFICIENT_FUNDS = register("sdk", 5, "insufficient funds")
UNKNOWN_REQUEST = register("sdk", 6, "unknown request")
INVALID_ADDRESS = register("sdk", 7, "invalid address")
INVALID_PUBKEY = register("sdk", 8, "invalid pubkey")
UNKNOWN_ADDRESS = register("sdk", 9, "unknown address")
INVALID_COINS = register("sdk", 10, "invalid coins")
OUT_OF_GAS = register("sdk", 11, "out of gas")
MEMO_TOO_LARGE = register("sdk", 12, "memo too large")
INSUFFICIENT_FEE = register("sdk", 13, "insufficient fee")
NO_SIGNATURES = register("sdk", 15, "no signatures supplied")
INVALID_REQUEST = register("sdk", 18, "invalid request")
TX_IN_MEMPOOL = register("sdk", 19, "tx already in mempool")
MEMPOOL_FULL = register("sdk", 20, "mempool is full")
TX_TOO_LARGE = register("sdk", 21, "tx too large")
KEY_NOT_FOUND = register("sdk", 22, "key not found")
INVALID_HEIGHT = register("sdk", 26, "invalid height")
TX_TIMEOUT = register("sdk", 30, "tx timeout height")
UNKNOWN_EXTENSION = register("sdk", 31, "unknown extension options")
WRONG_SEQUENCE = register("sdk", 32, "incorrect account sequence")
NOT_SUPPORTED = register("sdk", 37, "feature not supported")
INVALID_GAS_LIMIT = register("sdk", 41, "invalid gas limit")
