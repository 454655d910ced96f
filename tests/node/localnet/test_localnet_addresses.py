import socket
import stat
import tempfile
from pathlib import Path

import pytest

from node.failure import Failure
from node.localnet import addresses
from node.localnet.addresses import PORTS, endpoints, is_free, reserve
from node.localnet.home import Home


@pytest.mark.parametrize("spread", [True, False])
def test_no_two_nodes_of_any_two_slots_share_an_address(spread: bool) -> None:
    """Neither in one localnet nor between two on the same machine, whichever way nodes are told apart."""
    seen = [
        (endpoint.host, port)
        for slot in range(addresses.SLOTS)
        for endpoint in endpoints(slot, 16, spread)
        for port in endpoint.ports.values()
    ]
    assert len(set(seen)) == len(seen) == addresses.SLOTS * 16 * len(PORTS)


def test_first_slot_has_the_familiar_ports() -> None:
    """Clients' defaults find node 0."""
    first, second = endpoints(0, 2)
    assert (first.at("rpc"), first.at("grpc")) == ("127.0.0.1:26657", "127.0.0.1:9090")
    assert second.at("rpc") == "127.0.0.2:26657"


def test_two_localnets_at_once_get_different_addresses() -> None:
    """Even before either listens anywhere."""
    with reserve(4) as (slot, first), reserve(4, preferred=slot) as (other_slot, second):
        assert slot != other_slot
        assert not {endpoint.host for endpoint in first} & {endpoint.host for endpoint in second}
    with reserve(4, preferred=slot) as (again, _):
        assert again == slot


def test_slot_with_a_listener_is_not_taken() -> None:
    """Whoever it is that listens there."""
    with reserve(2) as (slot, found):
        pass
    with socket.create_server((found[1].host, found[1].ports["grpc"])):
        assert not is_free(found)
        with reserve(2, preferred=slot) as (other, _):
            assert other != slot


def test_no_free_slot_is_one_plain_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the ports."""
    monkeypatch.setattr(addresses, "is_free", lambda found: False)
    with pytest.raises(Failure, match=r"no free addresses for 3 nodes.*26657"), reserve(3):
        pass


def test_runtime_directory_belongs_to_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others could otherwise talk to our applications; one that others may enter is refused."""
    monkeypatch.setattr(tempfile, "tempdir", str(short := Path(tempfile.mkdtemp(dir="/tmp"))))
    try:
        directory = addresses.runtime_directory()
        assert directory.parent == short
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        directory.chmod(0o755)
        with pytest.raises(Failure, match="belongs to you alone"):
            addresses.runtime_directory()
    finally:
        directory.rmdir()
        short.rmdir()


def test_socket_lies_in_the_home_unless_its_path_is_too_long(tmp_path: Path) -> None:
    """The kernel takes 107 bytes; different deep homes have different short paths."""
    near = Home(Path("/tmp/a")).node(3).socket
    assert near == Path("/tmp/a/node3/app/abci.sock")
    deep = [Home(tmp_path / name / ("d" * 100)).node(0).socket for name in ("one", "two")]
    assert len(set(deep)) == 2
    assert all(len(str(path)) < 108 for path in deep)
