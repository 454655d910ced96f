"""Where everything of a localnet lies, and the record that outlives its processes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from node.failure import Failure
from node.localnet import files
from node.localnet.addresses import SOCKET_PATH_LIMIT, Endpoint, runtime_directory
from node.localnet.keys import Account

CHAIN_ID = "localperpd-1"
VALIDATORS = 4
VALIDATORS_MAXIMUM = 16


@dataclass(frozen=True, slots=True)
class NodeHome:
    """The directories of one node: `config` and `data` are CometBFT's, `app` is ours."""

    index: int
    home: Path

    @property
    def name(self) -> str:
        return f"node{self.index}"

    @property
    def config(self) -> Path:
        return self.home / "config"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def app(self) -> Path:
        return self.home / "app"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def genesis(self) -> Path:
        return self.config / "genesis.json"

    @property
    def socket(self) -> Path:
        """The ABCI socket: in the home, or, where that is too deep for a socket's path, in a short directory of the system's."""
        path = self.home.absolute() / "app" / "abci.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        return runtime_directory() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What a localnet is, whether or not it runs. Kept in `DIR/network.json`."""

    chain_id: str
    validators: int
    prices: str
    slot: int
    """Which block of addresses it had last; see addresses.endpoints."""
    created_seconds: int
    """Unix time of the chain's genesis; recorded and simulated prices run from here."""
    accounts: tuple[Account, ...]

    def with_slot(self, slot: int) -> Network:
        return replace(self, slot=slot)

    def with_prices(self, prices: str) -> Network:
        return replace(self, prices=prices)


class Home:
    """The directory DIR of a localnet."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def network_file(self) -> Path:
        return self.path / "network.json"

    @property
    def accounts_file(self) -> Path:
        return self.path / "accounts.json"

    @property
    def public_file(self) -> Path:
        """What scripts read: exists only while the network runs and has committed block 1."""
        return self.path / "localnet.json"

    @property
    def processes_file(self) -> Path:
        return self.path / "processes.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def log_file(self) -> Path:
        return self.path / "supervisor.log"

    @property
    def signers_file(self) -> Path:
        """Private keys of those who sign pull updates on this localnet, if its genesis has none of its own."""
        return self.path / "price-signers.json"

    @property
    def prices_file(self) -> Path:
        return self.path / "prices-override.json"

    def node(self, index: int) -> NodeHome:
        return NodeHome(index, self.path / f"node{index}")

    def nodes(self, count: int) -> list[NodeHome]:
        return [self.node(index) for index in range(count)]

    def exists(self) -> bool:
        return self.network_file.is_file()

    def load(self) -> Network:
        """The network of this directory. Raises Failure if there is none."""
        if not self.exists():
            raise Failure(f"there is no localnet in {self.path}; `perpd localnet up --home {self.path}` makes one.")
        record = files.read_json(self.network_file)
        accounts = files.read_json(self.accounts_file).get("accounts", [])
        try:
            return Network(accounts=tuple(Account(**entry) for entry in accounts), **record)
        except TypeError as error:
            raise Failure(f"{self.network_file} was written by another version of perpd: {error}.") from None

    def save(self, network: Network) -> None:
        """The record is on disk; the accounts, with their mnemonics, readable by the owner only."""
        record = asdict(network)
        files.write_json(self.accounts_file, {"accounts": record.pop("accounts")}, mode=0o600)
        files.write_json(self.network_file, record)

    def publish(self, network: Network, endpoints: list[Endpoint], pids: list[dict[str, int]]) -> None:
        """`localnet.json` says how to reach the running network (design.md section 7)."""
        nodes: list[dict[str, Any]] = [
            {
                "name": node.name,
                "rpc": f"http://{endpoint.at('rpc')}",
                "grpc": endpoint.at("grpc"),
                "metrics": f"http://{endpoint.at('metrics')}/metrics",
                "home": str(node.home),
                "pids": running,
            }
            for node, endpoint, running in zip(self.nodes(network.validators), endpoints, pids, strict=True)
        ]
        accounts = [asdict(account) for account in network.accounts]
        document = {"chain_id": network.chain_id, "nodes": nodes, "accounts": accounts, "prices": network.prices}
        files.write_json(self.public_file, document, mode=0o600)
