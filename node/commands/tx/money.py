"""`perpd tx send | deposit | withdraw | transfer`."""

from __future__ import annotations

from typing import Any

import click

from node.client.amounts import shown_usdc, usdc
from node.commands.tx.signing import Signing, signing_options, subaccount_option, tell
from node.failure import Failure


@click.command()
@click.argument("to")
@click.argument("amount")
@click.option("--denom", help="Denomination whose smallest units AMOUNT counts.  [default: USDC, in dollars]")
@signing_options
def send(to: str, amount: str, denom: str | None, **options: Any) -> None:
    """Send AMOUNT to the bank account TO."""
    with Signing(options) as (session, client, wallet):
        recipient = session.address(to)
        units = usdc(amount) if denom is None else _whole(amount)
        sent = denom or client.latest.usdc_denom()
        included = client.send_coins(wallet, recipient, sent, units)
        said = f"{shown_usdc(units)} USDC" if denom is None else f"{units} {denom}"
        tell(included, f"sent {said} to {recipient}", options, recipient=recipient, denom=sent, amount=str(units))


@click.command()
@click.argument("amount")
@subaccount_option
@signing_options
def deposit(amount: str, number: int, **options: Any) -> None:
    """Move AMOUNT USDC from the bank account into a subaccount."""
    with Signing(options) as (_, client, wallet):
        units = usdc(amount)
        included = client.deposit(wallet, number, units)
        tell(included, f"deposited {shown_usdc(units)} USDC into subaccount {number}", options, quote_quantums=str(units))


@click.command()
@click.argument("amount")
@click.option("--to", help="Bank account that receives it.  [default: the signer's]")
@subaccount_option
@signing_options
def withdraw(amount: str, to: str | None, number: int, **options: Any) -> None:
    """Move AMOUNT USDC from a subaccount to a bank account."""
    with Signing(options) as (session, client, wallet):
        units = usdc(amount)
        included = client.withdraw(wallet, number, units, session.address(to) if to else "")
        tell(included, f"withdrew {shown_usdc(units)} USDC from subaccount {number}", options, quote_quantums=str(units))


@click.command()
@click.argument("to")
@click.argument("amount")
@click.option("--to-subaccount", "to_number", type=click.IntRange(min=0), default=0, show_default=True)
@subaccount_option
@signing_options
def transfer(to: str, amount: str, to_number: int, number: int, **options: Any) -> None:
    """Move AMOUNT USDC from a subaccount to one of TO."""
    with Signing(options) as (session, client, wallet):
        recipient, units = session.address(to), usdc(amount)
        included = client.transfer(wallet, number, recipient, to_number, units)
        tell(included, f"moved {shown_usdc(units)} USDC to {recipient}/{to_number}", options, quote_quantums=str(units))


def _whole(amount: str) -> int:
    if not (amount.isascii() and amount.isdigit()):
        raise Failure(f"{amount!r} is not a whole number of the denomination's smallest units.")
    return int(amount)
