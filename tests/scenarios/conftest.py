"""Stories open their exchange here; it is closed when the story ends."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.exchange import Exchange, OpenExchange


@pytest.fixture
def open_exchange(tmp_path: Path) -> Iterator[OpenExchange]:
    """Opens an exchange of four applications: `open_exchange(genesis, block_seconds=…)`."""
    opened: list[Exchange] = []

    def start(app_state: Mapping[str, Any] | None = None, **changes: Any) -> Exchange:
        exchange = Exchange(tmp_path / f"exchange{len(opened)}", app_state, **changes)
        opened.append(exchange)
        return exchange

    yield start
    for exchange in opened:
        exchange.close()
