"""`perpd tx`: sign a transaction, send it, and say what became of it."""

from __future__ import annotations

import click

from node.commands.tx import change, money, orders, prices


@click.group()
def command() -> None:
    """Sign and send transactions; each command waits until its transaction is in a block."""


for _found in (
    money.send,
    money.deposit,
    money.withdraw,
    money.transfer,
    orders.place,
    orders.twap,
    orders.cancel,
    orders.batch_cancel,
    orders.leverage,
    change.change,
    prices.price_update,
    prices.push_price,
):
    command.add_command(_found)
