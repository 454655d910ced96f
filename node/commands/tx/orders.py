"""`perpd tx place | twap | cancel | batch-cancel | leverage`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from node.client import messages
from node.client.amounts import floored, shown_usdc, usdc
from node.client.client import Client, Included
from node.client.market import Market
from node.client.messages import Builder, Condition, TimeInForce, Trigger
from node.client.outcome import OrderOutcome, order_outcome
from node.client.wallet import Wallet
from node.commands.tx.signing import Signing, signing_options, subaccount_option, tell
from node.failure import Failure
from perpd_proto.dydxprotocol.clob import order_pb2

Function = TypeVar("Function", bound=Callable[..., Any])

CLIENT_ID_LIMIT = 2**32
SHORT_TERM_BLOCKS_DEFAULT = 20
LONG_TERM_SECONDS_DEFAULT = 3600
CHILDREN_MAX = 1000
MILLION = 1_000_000
_PPM_EXPONENT = -6

_side = click.argument("side", type=click.Choice(["buy", "sell"]))
_client_id = click.option(
    "--client-id", type=click.IntRange(0, CLIENT_ID_LIMIT - 1), help="Number of the order among yours.  [default: random]"
)
_seconds = click.option("--seconds", type=click.IntRange(min=1), default=LONG_TERM_SECONDS_DEFAULT, show_default=True)
_isolated = click.option(
    "--isolated",
    metavar="USDC",
    help="Trade in a child subaccount of its own, and move so much collateral there: no more than that can be lost.",
)


def _placing(function: Function) -> Function:
    """The options of `place` that say what kind of order it is."""
    for option in reversed(
        (
            click.option("--ioc", is_flag=True, help="What does not match at once ends."),
            click.option("--post-only", is_flag=True, help="Only if nothing matches at once."),
            click.option("--reduce-only", is_flag=True, help="Only down to no position; with --ioc."),
            click.option("--short-term", is_flag=True, help="Lives for --blocks instead of --seconds; orders with --ioc do so anyway."),
            click.option("--stop-loss", metavar="PRICE", help="Wait until the price has moved against the position, to PRICE."),
            click.option("--take-profit", metavar="PRICE", help="Wait until the price has moved in favour of the position, to PRICE."),
            click.option("--builder", metavar="ADDRESS:PPM", help="Who receives a fee on top of each fill, and how much."),
            click.option("--blocks", type=click.IntRange(1, 40), default=SHORT_TERM_BLOCKS_DEFAULT, show_default=True),
        )
    ):
        function = option(function)
    return function


@click.command()
@click.argument("ticker")
@_side
@click.argument("size")
@click.argument("price")
@_placing
@_seconds
@_isolated
@_client_id
@subaccount_option
@signing_options
def place(ticker: str, side: str, size: str, price: str, number: int, isolated: str | None, client_id: int | None, **options: Any) -> None:
    """Place an order: SIZE coins of TICKER at PRICE dollars, rounded down to the market's step and tick."""
    if options["ioc"] and options["post_only"]:
        raise click.UsageError("--ioc and --post-only exclude each other")
    if options["stop_loss"] and options["take_profit"]:
        raise click.UsageError("--stop-loss and --take-profit exclude each other")
    with Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        used, collateral = _place_for(client, wallet, number, market, isolated)
        trigger = _trigger(market, options["stop_loss"], options["take_profit"])
        is_short = trigger is None and bool(options["short_term"] or options["ioc"])
        order = messages.order(
            market,
            wallet.address,
            used,
            _number(client_id),
            is_buy=side == "buy",
            quantums=market.quantums(size),
            subticks=market.subticks(price),
            good_til_block=client.height + options["blocks"] if is_short else 0,
            good_til_seconds=0 if is_short else int(time.time()) + options["seconds"],
            time_in_force=_time_in_force(ioc=options["ioc"], post_only=options["post_only"]),
            reduce_only=options["reduce_only"],
            trigger=trigger,
            builder=_builder(options["builder"]),
        )
        _tell_order(market, order, _send(client, wallet, order, number, collateral), options, collateral)


@click.command()
@click.argument("ticker")
@_side
@click.argument("size")
@click.option("--price", help="Worst price of every slice, in dollars.  [default: the oracle price within --tolerance]")
@click.option("--duration", type=click.IntRange(300, 86_400), default=300, show_default=True, help="Seconds; a multiple of --interval.")
@click.option("--interval", type=click.IntRange(30, 3_600), default=30, show_default=True, help="Seconds from slice to slice.")
@click.option("--tolerance", default="1", show_default=True, help="Percent that a slice's price may be worse than the oracle's.")
@_isolated
@_client_id
@subaccount_option
@signing_options
def twap(
    ticker: str,
    side: str,
    size: str,
    price: str | None,
    duration: int,
    interval: int,
    tolerance: str,
    number: int,
    isolated: str | None,
    client_id: int | None,
    **options: Any,
) -> None:
    """Buy or sell SIZE coins of TICKER in equal slices over time; the chain places each."""
    with Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        used, collateral = _place_for(client, wallet, number, market, isolated)
        order = messages.twap(
            market,
            wallet.address,
            used,
            _number(client_id),
            is_buy=side == "buy",
            quantums=market.quantums(size),
            subticks=0 if price is None else market.subticks(price),
            good_til_seconds=int(time.time()) + duration + interval,
            duration_seconds=duration,
            interval_seconds=interval,
            tolerance_ppm=floored(tolerance, _PPM_EXPONENT + 2),
        )
        _tell_order(market, order, _send(client, wallet, order, number, collateral), options, collateral)


@click.command()
@click.argument("ticker")
@click.argument("times")
@subaccount_option
@signing_options
def leverage(ticker: str, times: str, number: int, **options: Any) -> None:
    """Open positions in TICKER with at most TIMES leverage from now on: more margin than the market asks for."""
    with Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        millionths = floored(times, _PPM_EXPONENT)
        if millionths < MILLION:
            raise Failure(f"{times} is no leverage: it is 1 or more.")
        # The fraction is rounded up: the leverage is at most what was asked for.
        ppm = -(-MILLION * MILLION // millionths)
        included = client.send(wallet, messages.leverage(wallet.address, number, [(market, ppm)]))
        said = f"subaccount {number} trades {market.ticker} with at most {times} times leverage"
        tell(included, said, options, ticker=market.ticker, custom_imf_ppm=ppm)


@click.command()
@click.argument("ticker")
@click.argument("client_id", type=click.IntRange(0, CLIENT_ID_LIMIT - 1))
@click.option("--short-term", is_flag=True, help="Hold off a short-term order that is not on the book (yet).")
@subaccount_option
@signing_options
def cancel(ticker: str, client_id: int, short_term: bool, number: int, **options: Any) -> None:
    """Cancel the order CLIENT_ID in TICKER."""
    with Signing(options) as (_, client, wallet):
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
        tell(included, f"cancelled order {client_id} in {market.ticker}", options, ticker=market.ticker, client_id=client_id)


@click.command("batch-cancel")
@click.argument("ticker")
@click.argument("client_ids", type=click.IntRange(0, CLIENT_ID_LIMIT - 1), nargs=-1, required=True)
@click.option("--blocks", type=click.IntRange(1, 40), default=SHORT_TERM_BLOCKS_DEFAULT, show_default=True)
@subaccount_option
@signing_options
def batch_cancel(ticker: str, client_ids: tuple[int, ...], blocks: int, number: int, **options: Any) -> None:
    """Cancel short-term orders in TICKER, and hold off those numbers for --blocks."""
    with Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        included = client.batch_cancel(wallet, number, [(market, client_ids)], client.height + blocks)
        tell(
            included,
            f"cancelled {len(client_ids)} short-term order{'s' if len(client_ids) > 1 else ''} in {market.ticker}",
            options,
            ticker=market.ticker,
            client_ids=list(client_ids),
        )


def _number(client_id: int | None) -> int:
    return secrets.randbelow(CLIENT_ID_LIMIT) if client_id is None else client_id


def _time_in_force(*, ioc: bool, post_only: bool) -> TimeInForce:
    return TimeInForce.IMMEDIATE_OR_CANCEL if ioc else TimeInForce.POST_ONLY if post_only else TimeInForce.REST


def _trigger(market: Market, stop_loss: str | None, take_profit: str | None) -> Trigger | None:
    if stop_loss is not None:
        return Trigger(Condition.STOP_LOSS, market.subticks(stop_loss))
    if take_profit is not None:
        return Trigger(Condition.TAKE_PROFIT, market.subticks(take_profit))
    return None


def _builder(text: str | None) -> Builder | None:
    if text is None:
        return None
    address, _, ppm = text.rpartition(":")
    if not address or not (ppm.isascii() and ppm.isdigit()):
        raise Failure(f"{text} does not name a builder: an address, a colon, and the fee in ppm.")
    return Builder(address, int(ppm))


def _place_for(client: Client, wallet: Wallet, number: int, market: Market, isolated: str | None) -> tuple[int, int]:
    """(subaccount that trades, collateral in quote quantums that is moved there first)."""
    if isolated is None:
        return number, 0
    return _child(client, wallet, number, market), usdc(isolated)


def _child(client: Client, wallet: Wallet, parent: int, market: Market) -> int:
    """The child subaccount for a position in the market: the one that has it, else the first that holds nothing and has no order."""
    free = None
    for number in range(parent + messages.CHILDREN_STEP, parent + CHILDREN_MAX * messages.CHILDREN_STEP, messages.CHILDREN_STEP):
        held = client.latest.subaccount(wallet.address, number)
        if any(position.perpetual_id == market.perpetual_id for position in held.perpetual_positions):
            return number
        used = held.perpetual_positions or held.asset_positions or client.latest.orders(wallet.address, number)
        if not used:
            # Children are taken in order, so behind the first unused one there is none.
            free = number
            break
    if free is None:
        raise Failure(f"all {CHILDREN_MAX - 1} child subaccounts of subaccount {parent} are in use.")
    return free


def _send(client: Client, wallet: Wallet, order: order_pb2.Order, parent: int, collateral: int) -> Included:
    """The order is accepted, its collateral before it: in one transaction, or in two where a short-term order must stand alone."""
    if not collateral:
        return client.place(wallet, order)
    moved = messages.transfer(wallet.address, parent, wallet.address, order.order_id.subaccount_id.number, collateral)
    if order.order_id.order_flags == messages.SHORT_TERM:
        client.send(wallet, moved)
        return client.place(wallet, order)
    return client.send(wallet, moved, messages.place(order))


def _tell_order(market: Market, order: order_pb2.Order, included: Included, options: dict[str, Any], collateral: int) -> None:
    outcome = order_outcome(order.order_id, included)
    number = order.order_id.subaccount_id.number
    said = _describe(market, order, outcome)
    if collateral:
        said += f"\n  in subaccount {number}, with {shown_usdc(collateral)} USDC of its own"
    tell(
        included,
        said,
        options,
        ticker=market.ticker,
        subaccount=number,
        client_id=order.order_id.client_id,
        order_flags=order.order_id.order_flags,
        short_term=order.order_id.order_flags == messages.SHORT_TERM,
        quantums=str(order.quantums),
        subticks=str(order.subticks),
        fills=[{"quantums": str(fill.quantums), "subticks": str(fill.subticks)} for fill in outcome.fills],
        filled_quantums=str(outcome.filled_quantums),
        rests=outcome.rests,
        waits=outcome.waits,
        reason=outcome.reason,
    )


def _describe(market: Market, order: order_pb2.Order, outcome: OrderOutcome) -> str:
    side = "buy" if order.side == order_pb2.Order.SIDE_BUY else "sell"
    size = market.shown_size(order.quantums)
    price = market.shown_price(order.subticks) if order.subticks else "the oracle price"
    lines = [f"order {order.order_id.client_id}: {side} {size} {market.ticker} at {price}"]
    lines += [f"  filled {market.shown_size(fill.quantums)} at {market.shown_price(fill.subticks)}" for fill in outcome.fills]
    left = order.quantums - outcome.filled_quantums
    if outcome.waits:
        lines.append(f"  {_waiting(market, order)}")
    elif outcome.rests:
        lines.append(f"  {market.shown_size(left)} rests on the book")
    elif left:
        lines.append(f"  {market.shown_size(left)} ended: {outcome.reason or 'nothing rests'}")
    return "\n".join(lines)


def _waiting(market: Market, order: order_pb2.Order) -> str:
    if order.order_id.order_flags == messages.TWAP:
        plan = order.twap_parameters
        return f"{plan.duration // plan.interval} slices, one every {plan.interval} seconds"
    rises = (order.side == order_pb2.Order.SIDE_BUY) == (int(order.condition_type) == Condition.STOP_LOSS)
    return f"waits until the price {'rises' if rises else 'falls'} to {market.shown_price(order.conditional_order_trigger_subticks)}"
