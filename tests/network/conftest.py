"""The localnet that tests share which leave it running."""

from collections.abc import Iterator

import pytest

from support.localnet import Localnet, localnet


@pytest.fixture(scope="session")
def shared_localnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localnet]:
    """Four validators with everything as it is by default. Whoever sets a price clears it again."""
    with localnet(tmp_path_factory.mktemp("net") / "home") as network:
        yield network
