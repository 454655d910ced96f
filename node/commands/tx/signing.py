"""Who signs, and how a command tells what became of its transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from node.client.client import Client, Included
from node.client.session import Session, node_options
from node.client.wallet import Wallet
from node.failure import Failure
from node.output import emit, json_option

Function = TypeVar("Function", bound=Callable[..., Any])


def signing_options(function: Function) -> Function:
    """Which node, who signs, and `--json`."""
    name = click.option("--from", "sender", metavar="NAME", help="The localnet account that signs.")
    file = click.option("--mnemonic-file", type=click.Path(path_type=Path), help="File with the mnemonic that signs; - reads it.")
    return node_options(name(file(json_option(function))))


subaccount_option = click.option("--subaccount", "number", type=click.IntRange(min=0), default=0, show_default=True)


class Signing:
    """An open session with the key that signs."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._session = Session.open(options["directory"], options["node_index"], options["address"])
        self.as_json: bool = options["as_json"]
        self.options = options

    def __enter__(self) -> tuple[Session, Client, Wallet]:
        try:
            wallet = self._session.wallet(self.options["sender"], self.options["mnemonic_file"])
        except Failure:
            self._session.client.close()
            raise
        return self._session, self._session.client, wallet

    def __exit__(self, *_: object) -> None:
        self._session.client.close()


def tell(included: Included, said: str, options: dict[str, Any], **facts: Any) -> None:
    """Text for people, one JSON object for machines."""
    document = {"tx_hash": included.tx_hash, "height": included.height, "gas_used": included.response.gas_used, **facts}
    emit(document, f"{said}\n  block {included.height}, transaction {included.tx_hash}", options["as_json"])
