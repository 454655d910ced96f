"""The file through which a person speaks to every feeder of a localnet, and which tells them when the network began."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.failure import Failure
from node.feeder.digits import scaled
from node.localnet import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """`created_seconds` and `started_seconds` are Unix times of the network's genesis and last start; `prices` are decimal texts
    by ticker that stand before every source.
    """

    created_seconds: int = 0
    started_seconds: int = 0
    prices: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> Board:
    """The board; an empty one if there is no file. Raises Failure if the file is damaged."""
    document = files.read_json(path)
    prices = document.get("prices", {})
    times = [document.get(key, 0) for key in ("created_seconds", "started_seconds")]
    if (
        not isinstance(prices, dict)
        or not all(isinstance(text, str) for text in prices.values())
        or not all(isinstance(time, int) for time in times)
    ):
        raise Failure(f"{path} is not a price board.")
    return Board(created_seconds=times[0], started_seconds=times[1], prices=dict(prices))


def start(path: Path, created_seconds: int, started_seconds: int) -> None:
    """The network starts: times are on the board, and prices that were set before stay set."""
    _change(path, lambda document: {**document, "created_seconds": created_seconds, "started_seconds": started_seconds})


def set_price(path: Path, ticker: str, price: str) -> None:
    """Every feeder that reads this board reports the price from now on. Raises Failure if it is no decimal number above zero."""
    if not scaled(price, -18):
        raise Failure(f"{price!r} is not a price: give a decimal number above zero, such as 42000.5.")
    _change(path, lambda document: {**document, "prices": {**document.get("prices", {}), ticker: price}})


def clear_price(path: Path, ticker: str) -> bool:
    """The ticker's sources speak again; False if no price was set."""
    if ticker not in read(path).prices:
        return False
    _change(path, lambda document: {**document, "prices": {key: text for key, text in document.get("prices", {}).items() if key != ticker}})
    return True


def clear_all(path: Path) -> None:
    """No price is set any more."""
    _change(path, lambda document: {**document, "prices": {}})


def _change(path: Path, change: Any) -> None:
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        read(path)
        files.write_json(path, change(files.read_json(path)))
