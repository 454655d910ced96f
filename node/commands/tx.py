"""`perpd tx`: sign a transaction, send it, and say what became of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from node.client import messages
from node.client.amounts import shown_usdc, usdc
from node.client.client import Client, Included
from node.client.market import Market
from node.client.messages import TimeInForce
from node.client.outcome import OrderOutcome, order_outcome
from node.client.session import Session, node_options
from node.client.wallet import Wallet
from node.failure import Failure
from node.output import emit, json_option
from perpd_proto.dydxprotocol.clob import order_pb2

Function = TypeVar("Function", bound=Callable[..., Any])

CLIENT_ID_LIMIT = 2**32
SHORT_TERM_BLOCKS_DEFAULT = 20
LONG_TERM_SECONDS_DEFAULT = 3600


def signing_options(function: Function) -> Function:
    """Which node, who signs, and `--json`."""
    name = click.option("--from", "sender", metavar="NAME", help="The localnet account that signs.")
    file = click.option("--mnemonic-file", type=click.Path(path_type=Path), help="File with the mnemonic that signs; - reads it.")
    return node_options(name(file(json_option(function))))


subaccount_option = click.option("--subaccount", "number", type=click.IntRange(min=0), default=0, show_default=True)


class _Signing:
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


@click.group()
def command() -> None:
    """Sign and send transactions; each command waits until its transaction is in a block."""


@command.command()
@click.argument("to")
@click.argument("amount")
@click.option("--denom", help="Denomination whose smallest units AMOUNT counts.  [default: USDC, in dollars]")
@signing_options
def send(to: str, amount: str, denom: str | None, **options: Any) -> None:
    """Send AMOUNT to the bank account TO."""
    with _Signing(options) as (session, client, wallet):
        recipient = session.address(to)
        units = usdc(amount) if denom is None else _whole(amount)
        sent = denom or client.latest.usdc_denom()
        included = client.send_coins(wallet, recipient, sent, units)
        said = f"{shown_usdc(units)} USDC" if denom is None else f"{units} {denom}"
        _tell(included, f"sent {said} to {recipient}", options, recipient=recipient, denom=sent, amount=str(units))


@command.command()
@click.argument("amount")
@subaccount_option
@signing_options
def deposit(amount: str, number: int, **options: Any) -> None:
    """Move AMOUNT USDC from the bank account into a subaccount."""
    with _Signing(options) as (_, client, wallet):
        units = usdc(amount)
        included = client.deposit(wallet, number, units)
        _tell(included, f"deposited {shown_usdc(units)} USDC into subaccount {number}", options, quote_quantums=str(units))


@command.command()
@click.argument("amount")
@click.option("--to", help="Bank account that receives it.  [default: the signer's]")
@subaccount_option
@signing_options
def withdraw(amount: str, to: str | None, number: int, **options: Any) -> None:
    """Move AMOUNT USDC from a subaccount to a bank account."""
    with _Signing(options) as (session, client, wallet):
        units = usdc(amount)
        included = client.withdraw(wallet, number, units, session.address(to) if to else "")
        _tell(included, f"withdrew {shown_usdc(units)} USDC from subaccount {number}", options, quote_quantums=str(units))


@command.command()
@click.argument("to")
@click.argument("amount")
@click.option("--to-subaccount", "to_number", type=click.IntRange(min=0), default=0, show_default=True)
@subaccount_option
@signing_options
def transfer(to: str, amount: str, to_number: int, number: int, **options: Any) -> None:
    """Move AMOUNT USDC from a subaccount to one of TO."""
    with _Signing(options) as (session, client, wallet):
        recipient, units = session.address(to), usdc(amount)
        included = client.transfer(wallet, number, recipient, to_number, units)
        _tell(included, f"moved {shown_usdc(units)} USDC to {recipient}/{to_number}", options, quote_quantums=str(units))


@command.command()
@click.argument("ticker")
@click.argument("side", type=click.Choice(["buy", "sell"]))
@click.argument("size")
@click.argument("price")
@click.option("--ioc", is_flag=True, help="What does not match at once ends.")
@click.option("--post-only", is_flag=True, help="Only if nothing matches at once.")
@click.option("--reduce-only", is_flag=True, help="Only down to no position; with --ioc.")
@click.option("--short-term", is_flag=True, help="Lives for --blocks instead of --seconds; orders with --ioc do so anyway.")
@click.option("--blocks", type=click.IntRange(1, 40), default=SHORT_TERM_BLOCKS_DEFAULT, show_default=True)
@click.option("--seconds", type=click.IntRange(min=1), default=LONG_TERM_SECONDS_DEFAULT, show_default=True)
@click.option("--client-id", type=click.IntRange(0, CLIENT_ID_LIMIT - 1), help="Number of the order among yours.  [default: random]")
@subaccount_option
@signing_options
def place(
    ticker: str,
    side: str,
    size: str,
    price: str,
    ioc: bool,
    post_only: bool,
    reduce_only: bool,
    short_term: bool,
    blocks: int,
    seconds: int,
    client_id: int | None,
    number: int,
    **options: Any,
) -> None:
    """Place an order: SIZE coins of TICKER at PRICE dollars, rounded down to the market's step and tick."""
    if ioc and post_only:
        raise click.UsageError("--ioc and --post-only exclude each other")
    with _Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        is_short = short_term or ioc
        order = messages.order(
            market,
            wallet.address,
            number,
            secrets.randbelow(CLIENT_ID_LIMIT) if client_id is None else client_id,
            is_buy=side == "buy",
            quantums=market.quantums(size),
            subticks=market.subticks(price),
            good_til_block=client.height + blocks if is_short else 0,
            good_til_seconds=0 if is_short else int(time.time()) + seconds,
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL if ioc else TimeInForce.POST_ONLY if post_only else TimeInForce.REST,
            reduce_only=reduce_only,
        )
        included = client.place(wallet, order)
        outcome = order_outcome(order.order_id, included)
        _tell(
            included,
            _describe(market, order, outcome),
            options,
            ticker=market.ticker,
            client_id=order.order_id.client_id,
            short_term=is_short,
            quantums=str(order.quantums),
            subticks=str(order.subticks),
            fills=[{"quantums": str(fill.quantums), "subticks": str(fill.subticks)} for fill in outcome.fills],
            filled_quantums=str(outcome.filled_quantums),
            rests=outcome.rests,
            reason=outcome.reason,
        )


@command.command()
@click.argument("ticker")
@click.argument("client_id", type=click.IntRange(0, CLIENT_ID_LIMIT - 1))
@click.option("--short-term", is_flag=True, help="Hold off a short-term order that is not on the book (yet).")
@subaccount_option
@signing_options
def cancel(ticker: str, client_id: int, short_term: bool, number: int, **options: Any) -> None:
    """Cancel the order CLIENT_ID in TICKER."""
    with _Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        resting = [
            row.order
            for row in client.latest.orders(wallet.address, number)
            if (row.order.order_id.client_id, row.order.order_id.clob_pair_id) == (client_id, market.clob_pair_id)
        ]
        if resting:
            order_id = resting[0].order_id
        elif short_term:
            order_id = messages.order_id(market, wallet.address, number, client_id, messages.SHORT_TERM)
        else:
            raise Failure(f"subaccount {number} has no order {client_id} on the book of {market.ticker}.")
        if order_id.order_flags == messages.SHORT_TERM:
            until = max([client.height + SHORT_TERM_BLOCKS_DEFAULT, *(order.good_til_block for order in resting)])
            included = client.cancel(wallet, order_id, good_til_block=until)
        else:
            included = client.cancel(wallet, order_id, good_til_seconds=resting[0].good_til_block_time)
        _tell(included, f"cancelled order {client_id} in {market.ticker}", options, ticker=market.ticker, client_id=client_id)


@command.command("batch-cancel")
@click.argument("ticker")
@click.argument("client_ids", type=click.IntRange(0, CLIENT_ID_LIMIT - 1), nargs=-1, required=True)
@click.option("--blocks", type=click.IntRange(1, 40), default=SHORT_TERM_BLOCKS_DEFAULT, show_default=True)
@subaccount_option
@signing_options
def batch_cancel(ticker: str, client_ids: tuple[int, ...], blocks: int, number: int, **options: Any) -> None:
    """Cancel short-term orders in TICKER, and hold off those numbers for --blocks."""
    with _Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        included = client.batch_cancel(wallet, number, [(market, client_ids)], client.height + blocks)
        _tell(
            included,
            f"cancelled {len(client_ids)} short-term order{'s' if len(client_ids) > 1 else ''} in {market.ticker}",
            options,
            ticker=market.ticker,
            client_ids=list(client_ids),
        )


def _tell(included: Included, said: str, options: dict[str, Any], **facts: Any) -> None:
    document = {"tx_hash": included.tx_hash, "height": included.height, "gas_used": included.response.gas_used, **facts}
    emit(document, f"{said}\n  block {included.height}, transaction {included.tx_hash}", options["as_json"])


def _describe(market: Market, order: order_pb2.Order, outcome: OrderOutcome) -> str:
    side = "buy" if order.side == order_pb2.Order.SIDE_BUY else "sell"
    size, price = market.shown_size(order.quantums), market.shown_price(order.subticks)
    lines = [f"order {order.order_id.client_id}: {side} {size} {market.ticker} at {price}"]
    lines += [f"  filled {market.shown_size(fill.quantums)} at {market.shown_price(fill.subticks)}" for fill in outcome.fills]
    left = order.quantums - outcome.filled_quantums
    if outcome.rests:
        lines.append(f"  {market.shown_size(left)} rests on the book")
    elif left:
        lines.append(f"  {market.shown_size(left)} ended: {outcome.reason or 'nothing rests'}")
    return "\n".join(lines)


def _whole(amount: str) -> int:
    if not (amount.isascii() and amount.isdigit()):
        raise Failure(f"{amount!r} is not a whole number of the denomination's smallest units.")
    return int(amount)
