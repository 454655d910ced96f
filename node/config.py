"""Typed configuration of one node: `app.toml` in its home."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class ConfigError(Exception):
    """The configuration cannot be used; the message is one plain sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Where a node listens and what it feeds."""

    home: Path
    abci: str
    """`unix:///path` or `tcp://host:port` on which the engine dials us."""
    grpc: str
    """`host:port` of the gRPC server; empty switches it off."""
    metrics: str
    """`host:port` of the Prometheus page; empty switches it off."""
    engine_rpc: str
    """URL of this node's own CometBFT RPC, which broadcasts and looks up transactions."""
    prices: str
    """Price source of this node's feeder."""
    prices_override: str
    """File that `perpd oracle set` writes and the feeder reads again on change; empty for none."""
    validator_index: int
    log_level: str
    versions_kept: int
    """How many committed heights stay answerable and provable."""
    history_blocks: int
    """For how many heights it is kept what became of orders; 0: not at all."""

    @property
    def data(self) -> Path:
        return self.home / "app"


_TEXTS = {
    "abci": None,
    "grpc": "127.0.0.1:9090",
    "metrics": "",
    "engine_rpc": "http://127.0.0.1:26657",
    "prices": "manual",
    "prices_override": "",
    "log_level": "info",
}
_NUMBERS = {"validator_index": (0, 0, 10_000), "versions_kept": (100, 2, 100_000), "history_blocks": (10_000, 0, 100_000_000)}


def load(home: Path) -> NodeConfig:
    """The configuration in HOME/app.toml. Raises ConfigError naming the file and the key."""
    path = home / "app.toml"
    try:
        raw = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; `perpd init --home {home}` writes one") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    values: dict[str, Any] = {}
    for key, fallback in _TEXTS.items():
        value = raw.pop(key, fallback)
        if not isinstance(value, str):
            raise ConfigError(f"{path}: {key} must be a text" if value is not None else f"{path}: {key} is missing")
        values[key] = value
    for key, (default, low, high) in _NUMBERS.items():
        number = raw.pop(key, default)
        if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
            raise ConfigError(f"{path}: {key} must be an integer between {low} and {high}")
        values[key] = number
    if raw:
        raise ConfigError(f"{path}: {', '.join(sorted(raw))} is not a known key")
    return NodeConfig(home=home, **values)
