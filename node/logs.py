"""Structured logs: one line per event, `time level room message key=value …`, so that both people and tools can read them."""

import logging
import sys
import time
from typing import Any

_PLAIN = logging.LogRecord("", 0, "", 0, "", (), None).__dict__.keys() | {"message", "asctime", "taskName"}


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        fields = "".join(f" {key}={_text(value)}" for key, value in record.__dict__.items() if key not in _PLAIN)
        line = f"{moment} {record.levelname.lower()} {record.name} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _text(value: Any) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return repr(text) if " " in text or "=" in text else text


def setup(level: str) -> None:
    """Log lines go to standard error from here on. `level` is debug, info, warning or error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
