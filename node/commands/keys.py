"""`perpd keys`: account keys."""

from __future__ import annotations

import sys

import click

from node.failure import Failure
from node.localnet import keys
from node.output import emit, json_option

prefix_option = click.option("--prefix", default=keys.DEFAULT_PREFIX, show_default=True, help="Human-readable part of addresses.")


@click.group()
def command() -> None:
    """Make and look at account keys."""


@command.command()
@prefix_option
@json_option
def new(prefix: str, as_json: bool) -> None:
    """Make a new key and print its mnemonic, which nobody else has."""
    account = keys.new_account("", prefix)
    emit({"address": account.address, "mnemonic": account.mnemonic}, f"{account.address}\n{account.mnemonic}", as_json)


@command.command()
@prefix_option
@json_option
def address(prefix: str, as_json: bool) -> None:
    """Print the address of the mnemonic on standard input."""
    words = " ".join(sys.stdin.read().split())
    if not keys.is_mnemonic(words):
        raise Failure("standard input holds no English BIP-39 mnemonic with a right checksum.")
    public = keys.public_key(words)
    text = keys.address_of(public, prefix)
    emit({"address": text, "public_key": public.hex()}, text, as_json)
