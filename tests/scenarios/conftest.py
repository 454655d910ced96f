"""Stories open their exchange here; it is closed when the story ends."""

from collections.abc import Iterator

import pytest

from support.exchange import OpenExchange, exchanges


@pytest.fixture
def open_exchange() -> Iterator[OpenExchange]:
    """Opens an exchange of four applications: `open_exchange(genesis(…), block_seconds=…)`."""
    with exchanges() as start:
        yield start
