"""A localnet of one real application, and `perpd` as a user types it."""

from collections.abc import Callable, Iterator

import pytest

from node import cli
from support.single_node import SingleNode, single_node

Perpd = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    """A localnet of one node, with its home."""
    with single_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture
def perpd(capsys: pytest.CaptureFixture[str], node: SingleNode) -> Perpd:
    """Runs one command on that localnet: exit code, output, errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, "--home", str(node.home.path)])
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out, err

    return run
