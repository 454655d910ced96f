"""The text SPEC behind `--prices`: sources separated by commas; the first that covers a market speaks for it.

recorded:FILE[@SPEED]   columns `time,TICKER,…`; time is ISO 8601 or Unix seconds, ascending
simulated:SEED          every market, around its genesis price
venues[:NAME+…][@N]     binance, coinbase, kraken (all, if none is named), at least N agreeing (1); NAME=URL asks a mirror. Covers every
                        market: what stands before it in the SPEC speaks first, what stands after it never
scripted:FILE           lines `seconds after start,ticker,price[,node]`; price `-` is silence
manual                  the genesis price until `perpd oracle set`; also the end of every SPEC (but never heard behind venues)
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from node.failure import Failure
from node.feeder.digits import scaled
from node.feeder.sources import SECOND, Held, Recorded, Scripted, Simulated, Source
from node.feeder.venues.source import from_argument

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT = f"recorded:{PROJECT / 'genesis' / 'prices' / 'btc-usd-2022-01-03.csv'},simulated:1"
"""What a localnet feeds if nothing else is asked for: one real day of BTC-USD, everything else simulated."""
SPEED_LIMIT = 100_000


def resolve(spec: str, directory: Path) -> str:
    """The same SPEC with every file as an absolute path (relative ones count from `directory`), so that it means the same to a
    process started elsewhere. Every file has been read. Raises Failure.
    """
    resolved = []
    for part in _parts(spec):
        kind, _, argument = part.partition(":")
        if kind in ("recorded", "scripted"):
            path, speed = _path_and_speed(argument) if kind == "recorded" else (argument, "")
            absolute = directory / path
            if "," in str(absolute):
                raise Failure(f"{absolute} has a comma in its name, which separates price sources.")
            part = f"{kind}:{absolute}{'@' + speed if speed else ''}"  # noqa: PLW2901
        _source(part)
        resolved.append(part)
    return ",".join(resolved)


def sources(spec: str) -> list[Source]:
    """The sources of a SPEC in its order, `manual` last. Raises Failure."""
    return [*(_source(part) for part in _parts(spec)), Held()]


def _parts(spec: str) -> list[str]:
    parts = [part.strip() for part in spec.split(",")]
    if not all(parts):
        raise Failure(f"the price source {spec!r} is empty or has an empty part.")
    return parts


def _source(part: str) -> Source:
    kind, _, argument = part.partition(":")
    match kind:
        case "manual" if not argument:
            return Held()
        case "simulated" if argument.isascii() and argument.isdecimal() and len(argument) <= 18:
            return Simulated(int(argument))
        case "recorded" if argument:
            path, speed = _path_and_speed(argument)
            return _recorded(Path(path), speed)
        case "scripted" if argument:
            return _scripted(Path(argument))
        case "venues" if argument or part == "venues":
            return from_argument(argument)
    raise Failure(f"{part!r} is not a price source; use recorded:FILE[@SPEED], simulated:SEED, scripted:FILE, manual or venues.")


def _path_and_speed(argument: str) -> tuple[str, str]:
    path, separator, speed = argument.rpartition("@")
    return (path, speed) if separator and scaled(speed, -6) is not None else (argument, "")


def _recorded(path: Path, speed: str) -> Recorded:
    speed_ppm = scaled(speed or "1", -6) or 0
    if not 0 < speed_ppm <= SPEED_LIMIT * 1_000_000:
        raise Failure(f"the speed {speed} of {path} must be above 0 and at most {SPEED_LIMIT}.")
    rows = list(_rows(path))
    _, header = rows[0] if rows else (0, [])
    tickers = header[1:]
    if not tickers or header[0] != "time" or len(set(tickers)) != len(tickers):
        raise Failure(f"{path} must begin with the columns time,TICKER and have every ticker once.")
    seconds: list[int] = []
    texts: dict[str, list[str]] = {ticker: [] for ticker in tickers}
    for line, row in rows[1:]:
        moment = _seconds(row[0])
        if moment is None or (seconds and moment <= seconds[-1]) or len(row) != len(header):
            raise Failure(f"{path} line {line} must have a time after the one before it and {len(tickers)} prices.")
        if not all(scaled(text, -18) for text in row[1:]):
            raise Failure(f"{path} line {line} has a price that is not a decimal number above zero.")
        seconds.append(moment)
        for ticker, text in zip(tickers, row[1:], strict=True):
            texts[ticker].append(text)
    if len(seconds) < 2:
        raise Failure(f"{path} must have at least two prices.")
    prices: dict[str, Callable[[int], Sequence[int]]] = {ticker: functools.partial(_all_scaled, column) for ticker, column in texts.items()}
    return Recorded([second - seconds[0] for second in seconds], prices, speed_ppm)


def _scripted(path: Path) -> Scripted:
    steps: list[tuple[int, str, Callable[[int], int] | None, int | None]] = []
    for line, row in _rows(path):
        if row[0] == "seconds":
            continue
        after = scaled(row[0], -9)
        node = row[3] if len(row) > 3 else ""
        if after is None or not 3 <= len(row) <= 4 or not row[1] or not (node == "" or (node.isascii() and node.isdecimal())):
            raise Failure(f"{path} line {line} must be: seconds after start,ticker,price or -[,node].")
        if row[2] != "-" and not scaled(row[2], -18):
            raise Failure(f"{path} line {line} has the price {row[2]!r}, which is not a decimal number above zero.")
        steps.append((after, row[1], None if row[2] == "-" else functools.partial(_scaled, row[2]), int(node) if node else None))
    if not steps:
        raise Failure(f"{path} has no steps.")
    return Scripted(steps)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is neither empty nor a comment."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            for line, row in enumerate(csv.reader(handle), 1):
                cells = [cell.strip() for cell in row]
                if any(cells) and not cells[0].startswith("#"):
                    yield line, cells
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Failure(f"the price file {path} cannot be read: {reason}.") from None


def _seconds(text: str) -> int | None:
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _scaled(text: str, exponent: int) -> int:
    return scaled(text, exponent) or 0


def _all_scaled(texts: Sequence[str], exponent: int) -> list[int]:
    return [_scaled(text, exponent) for text in texts]


assert SECOND == 10**9  # steps are read with nine decimals
