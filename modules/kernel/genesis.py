"""Reading a genesis section with every mistake reported by its path, never by an exception."""

from collections.abc import Iterator
from typing import Any, TypeGuard

from modules.kernel import address
from modules.kernel.module import Problems


class Reader:
    """One JSON object of a genesis file. Reads note a problem and give a harmless default; unknown keys are problems too (`done`)."""

    __slots__ = ("_known", "_section", "path", "problems")

    def __init__(self, section: Any, path: str, problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._known: dict[str, None] = {}
        if not isinstance(section, dict):
            problems.add(path, "must be an object")
            section = {}
        self._section: dict[str, Any] = section

    def problem(self, key: str, sentence: str) -> None:
        self.problems.add(f"{self.path}.{key}", sentence)

    def _take(self, key: str, default: Any, required: bool) -> Any:
        self._known[key] = None
        if key not in self._section:
            if required:
                self.problem(key, "is missing")
            return default
        return self._section[key]

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """An integer, as a JSON number or a decimal string, in [low, high]."""
        value = self._take(key, default if default is not None else low, default is None)
        number = parse_integer(value)
        if number is None:
            self.problem(key, f"must be an integer, not {value!r}")
            return low
        if not low <= number <= high:
            self.problem(key, f"must be between {low} and {high}, not {number}")
            return low
        return number

    def text(self, key: str, default: str | None = None, choices: tuple[str, ...] = (), longest: int = 256) -> str:
        value = self._take(key, default or "", default is None)
        if not is_text(value) or len(value) > longest or (default is None and not value):
            self.problem(key, f"must be a text of 1 to {longest} characters, not {value!r}")
            return choices[0] if choices else ""
        if choices and value not in choices:
            self.problem(key, f"must be one of {', '.join(choices)}, not {value!r}")
            return choices[0]
        return value

    def is_text(self, key: str) -> bool:
        """Whether there is a text: for a value that may be a name or something longer."""
        return isinstance(self._section.get(key), str)

    def boolean(self, key: str, default: bool) -> bool:
        value = self._take(key, default, False)
        if not isinstance(value, bool):
            self.problem(key, f"must be true or false, not {value!r}")
            return default
        return value

    def account(self, key: str, default: str | None = None) -> str:
        """A bech32 address as text ("" where the default is given and used)."""
        value = self.text(key, default, longest=90)
        if value and not address.is_valid(value):
            self.problem(key, f"{value!r} is not a {address.prefix()}1… address")
        return value

    def object(self, key: str) -> "Reader":
        """A nested object; a missing one is a problem."""
        return Reader(self._take(key, {}, True), f"{self.path}.{key}", self.problems)

    def optional(self, key: str) -> "Reader | None":
        self._known[key] = None
        return self.object(key) if key in self._section else None

    def objects(self, key: str, required: bool = False) -> Iterator["Reader"]:
        """The objects of a list, each with its own path (`section.list[3]`)."""
        value = self._take(key, [], required)
        if not isinstance(value, list):
            self.problem(key, "must be a list")
            return
        for index, element in enumerate(value):
            yield Reader(element, f"{self.path}.{key}[{index}]", self.problems)

    def values(self, key: str, default: list[Any] | None = None) -> list[Any]:
        value = self._take(key, default if default is not None else [], default is None)
        if not isinstance(value, list):
            self.problem(key, "must be a list")
            return []
        return value

    def done(self) -> None:
        """Report keys that nobody asked for: a misspelt parameter must not be ignored."""
        for key in self._section:
            if key not in self._known:
                self.problem(key, f"is not a known key; known here: {', '.join(self._known)}")


def is_text(value: Any) -> TypeGuard[str]:
    """Whether a JSON value is a text that has UTF-8 bytes: JSON can also write halves of characters (lone surrogates), which have none."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_integer(value: Any) -> int | None:
    """A JSON integer or a decimal string (optional minus sign) as int; None for anything else (floats and booleans too)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit() and len(value) <= 80:
        return int(value)
    return None


def hexadecimal(text: Any, size: int) -> bytes | None:
    """Exactly `size` bytes written in hexadecimal, or None."""
    try:
        data = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return None
    return data if len(data) == size else None
