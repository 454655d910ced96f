"""`perpd tx change`: a message of the genesis authority, from a JSON file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from node.commands.tx.signing import Signing, signing_options, tell
from node.failure import Failure


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@signing_options
def change(file: Path, **options: Any) -> None:
    """Change a parameter as the chain's authority (on a localnet: faucet).

    FILE (- reads it) is one message as JSON: "@type", which is /dydxprotocol.clob.MsgUpdateClobPair and the like, and its fields. The
    signer stands for `authority` where the file has none. It is in effect from the block after the one that carries it.
    """
    document = _read(file)
    with Signing(options) as (_, client, wallet):
        message = parse(document, wallet.address)
        included = client.send(wallet, message)
        name = message.DESCRIPTOR.full_name
        said = f"{name} is in effect from block {included.height + 1}"
        tell(included, said, options, message=name, fields=MessageToDict(message, preserving_proto_field_name=True))


def parse(document: dict[str, Any], authority: str) -> Any:
    """The message of a JSON object; `authority` stands where it names none. Raises Failure, which lists the messages for an unknown one."""
    from node.wiring import Wiring  # noqa: PLC0415  (other commands need not load the chain)

    kinds = {route.message.DESCRIPTOR.full_name: route.message for route in Wiring().changes.messages}
    fields = {"authority": authority} | document
    name = str(fields.pop("@type", "")).rpartition("/")[2]
    if name not in kinds:
        raise Failure(f'"@type" must be one of {", ".join(sorted(kinds))}; not {name or "missing"}.')
    try:
        return ParseDict(fields, kinds[name]())
    except ParseError as error:
        raise Failure(f"that is no {name}: {error}.") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(sys.stdin.read() if str(file) == "-" else file.read_text())
    except (OSError, ValueError) as error:
        raise Failure(f"{file} cannot be read: {error}.") from None
    if not isinstance(document, dict):
        raise Failure(f"{file} must be one JSON object.")
    return document
