"""Which node and which account a command works with: from a localnet's home, or named one by one."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import click

from node.client.client import Client
from node.client.wallet import Wallet
from node.failure import Failure
from node.localnet import files
from node.localnet.home import Home

Function = TypeVar("Function", bound=Callable[..., Any])


def node_options(function: Function) -> Function:
    """Adds `--home`, `--node` and `--grpc`, which `Session.open` takes."""
    home = click.option(
        "--home",
        "directory",
        type=click.Path(path_type=Path),
        default=Path(".perpd/localnet"),
        show_default=True,
        help="The localnet to use.",
    )
    node = click.option("--node", "node_index", type=click.IntRange(min=0), default=0, show_default=True, help="Which of its nodes.")
    grpc = click.option("--grpc", "address", metavar="HOST:PORT", help="A node's gRPC address, instead of a localnet's.")
    return home(node(grpc(function)))


@dataclass(slots=True)
class Session:
    """An open connection, and the accounts that it knows by name."""

    client: Client
    accounts: dict[str, tuple[str, str]]
    """(address, mnemonic) by name; empty without a localnet."""

    @classmethod
    def open(cls, directory: Path, node_index: int, address: str | None) -> Self:
        """Raises Failure if there is no running localnet and no address."""
        if address is not None:
            return cls(Client(address), {})
        document = running_localnet(directory)
        nodes = document["nodes"]
        if node_index >= len(nodes):
            raise Failure(f"the localnet has the nodes 0 to {len(nodes) - 1}.")
        accounts = {entry["name"]: (entry["address"], entry["mnemonic"]) for entry in document["accounts"]}
        return cls(Client(nodes[node_index]["grpc"]), accounts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.client.close()

    def address(self, name: str) -> str:
        """An account's address, by its name on the localnet or as it is. Raises Failure."""
        if name in self.accounts:
            return self.accounts[name][0]
        if "1" not in name:
            known = f"; there are {', '.join(self.accounts)}" if self.accounts else ""
            raise Failure(f"{name} is neither an address nor the name of an account{known}.")
        return name

    def wallet(self, name: str | None, mnemonic_file: Path | None) -> Wallet:
        """The key that signs. Raises Failure if it is not said, or not known."""
        if mnemonic_file is not None:
            words = sys.stdin.read() if str(mnemonic_file) == "-" else _text(mnemonic_file)
            return Wallet.from_mnemonic(words)
        if name is None:
            raise Failure("say who signs: --from NAME for an account of the localnet, or --mnemonic-file FILE.")
        if name not in self.accounts:
            known = f" It has {', '.join(self.accounts)}." if self.accounts else ""
            raise Failure(f"no localnet account is called {name}.{known}")
        address, words = self.accounts[name]
        return Wallet.from_mnemonic(words, address.rpartition("1")[0])


def running_localnet(directory: Path) -> dict[str, Any]:
    """What localnet.json of a running localnet says. Raises Failure."""
    document = files.read_json(Home(directory).public_file)
    if not document:
        raise Failure(
            f"no localnet runs in {directory}; start one with `perpd localnet up --home {directory}`, or name a node with --grpc."
        )
    return document


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read: {error}.") from None
