"""`perpd query orders`, `order`, `positions`: what a trader has, and what has become of an order."""

from __future__ import annotations

from typing import Any

import click

from modules.kernel.codec import decode_signed
from node.client import documents, messages
from node.client.amounts import shown_percent, shown_usdc
from node.client.market import Market
from node.client.queries import Queries
from node.client.show import facts, table
from node.commands.query.options import ask, query_options, subaccount_option
from node.failure import Failure
from node.output import emit
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as perpd_clob

_KINDS = {
    "short-term": messages.SHORT_TERM,
    "long-term": messages.LONG_TERM,
    "conditional": messages.CONDITIONAL,
    "twap": messages.TWAP,
}
_STATUS_WORDS = {
    perpd_clob.ORDER_STATUS_OPEN: "open",
    perpd_clob.ORDER_STATUS_UNTRIGGERED: "open: waits for its trigger",
    perpd_clob.ORDER_STATUS_TRIGGERED: "open: triggered, on the book",
    perpd_clob.ORDER_STATUS_FILLED: "filled",
    perpd_clob.ORDER_STATUS_CANCELLED: "cancelled by its owner",
    perpd_clob.ORDER_STATUS_EXPIRED: "expired",
    perpd_clob.ORDER_STATUS_REMOVED: "removed",
}
_CAUSE_WORDS = {
    perpd_clob.ORDER_CAUSE_CLOCK: "by the clock",
    perpd_clob.ORDER_CAUSE_ENGINE: "by the engine",
    perpd_clob.ORDER_CAUSE_BLOCK_END: "by a change of the authority",
}
_AMOUNTS = (
    "quantums",
    "entry_quote",
    "notional",
    "unrealised_quote",
    "realised_quote",
    "unsettled_funding",
    "initial_margin",
    "maintenance_margin",
)
_UNTIMED = "longer ago than this node keeps history"


@click.command()
@click.argument("name")
@subaccount_option
@query_options
def orders(name: str, number: int, **options: Any) -> None:
    """List what a subaccount has on books, waiting for its trigger, or at work as TWAP."""
    session, at = ask(options)
    with session:
        owner = session.address(name)
        by_pair = {row.clob_pair_id: row for row in at.markets()}
        found = [documents.resting_order(by_pair[row.order.order_id.clob_pair_id], row) for row in at.orders(owner, number)]
    columns = ["market", ">client id", "kind", "side", ">price", ">size", ">left", "status", "until"]
    rows = [
        [
            row["ticker"],
            str(row["client_id"]),
            row["kind"],
            row["side"],
            row["price"],
            row["size"],
            row["remaining_size"],
            row["status"],
            row["until"],
        ]
        for row in found
    ]
    text = table(columns, rows) if rows else f"subaccount {number} of {owner} has no order on a book"
    emit({"owner": owner, "number": number, "orders": found}, text, options["as_json"])


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="ID | NAME TICKER CLIENT_ID")
@click.option("--short-term", "kind", flag_value="short-term", help="The order is short-term.")
@click.option("--long-term", "kind", flag_value="long-term", default="long-term", help="It is long-term.  [default]")
@click.option("--conditional", "kind", flag_value="conditional", help="It is conditional.")
@click.option("--twap", "kind", flag_value="twap", help="It is a TWAP order.")
@subaccount_option
@query_options
def order(words: tuple[str, ...], kind: str, number: int, **options: Any) -> None:
    """Show what has become of an order. ID is the one text that events have: owner/subaccount/client id/flags/market."""
    session, at = ask(options)
    with session:
        if len(words) == 1:
            found, order_id = _named(at, words[0])
        elif len(words) == 3 and words[2].isdecimal() and int(words[2]) < 2**32:
            found = at.market(words[1])
            order_id = messages.order_id(found, session.address(words[0]), number, int(words[2]), _KINDS[kind])
        else:
            raise click.UsageError("an order is named by its ID, or by NAME TICKER CLIENT_ID")
        known = at.known_order(order_id)
    emit(_order_document(found, known), _order_text(found, known), options["as_json"])


@click.command()
@click.argument("name")
@subaccount_option
@query_options
def positions(name: str, number: int, **options: Any) -> None:
    """Show what positions have cost and earned, and where they would be liquidated."""
    session, at = ask(options)
    with session:
        owner, markets = session.address(name), documents.by_perpetual(at)
        read = at.positions(owner, number)
    found, rows = [], []
    for row in read.positions:
        market = markets[row.perpetual_id]
        amounts = {
            field: decode_signed(getattr(row, field))
            for field in (
                "quantums",
                "entry_quote",
                "notional",
                "unrealised_quote",
                "realised_quote",
                "initial_margin",
                "maintenance_margin",
            )
        }
        prices = {
            "entry_price": market.shown_price(row.entry_subticks),
            "margin_price": market.shown_oracle_price(row.margin_price),
            "liquidation_price": market.shown_oracle_price(row.liquidation_price) if row.liquidation_price else "",
        }
        document: dict[str, Any] = {"ticker": market.ticker, "size": market.shown_size(amounts["quantums"])}
        document |= {field: str(amount) for field, amount in amounts.items()} | prices
        document |= {"margin_price_kind": documents.margin_price(row.margin_price_kind), "custom_imf_ppm": row.custom_imf_ppm}
        found.append(document)
        rows.append(
            [
                market.ticker,
                document["size"],
                prices["entry_price"],
                prices["margin_price"],
                prices["liquidation_price"] or "none",
                shown_usdc(amounts["unrealised_quote"]),
                shown_usdc(amounts["realised_quote"]),
                shown_usdc(amounts["maintenance_margin"]),
                shown_percent(row.custom_imf_ppm) if row.custom_imf_ppm else "",
            ]
        )
    columns = ["market", ">size", ">entry", ">price", ">liquidated at", ">open profit", ">realised", ">maintenance", ">own margin"]
    text = table(columns, rows) if rows else f"subaccount {number} of {owner} has no position"
    emit({"owner": owner, "number": number, "height": read.height, "positions": found}, text, options["as_json"])


def _named(at: Queries, text: str) -> tuple[Market, order_pb2.OrderId]:
    """The market and the id that an event's text names. Raises Failure."""
    owner, *numbers = text.split("/")
    if len(numbers) != 4 or not all(part.isdecimal() and int(part) < 2**32 for part in numbers):
        raise Failure(f"{text!r} is no order id: it is written owner/subaccount/client id/flags/market.")
    number, client_id, flags, pair_id = map(int, numbers)
    market = next((row for row in at.markets() if row.clob_pair_id == pair_id), None)
    if market is None:
        raise Failure(f"this chain has no market {pair_id}.")
    return market, messages.order_id(market, owner, number, client_id, flags)


def _order_document(found: Market, known: perpd_clob.QueryOrderResponse) -> dict[str, Any]:
    document: dict[str, Any] = documents.resting_order(found, known.order) if known.HasField("order") else {}
    return document | {
        "open": known.open,
        "status": documents.order_status(known.status),
        "reason": known.reason,
        "filled_quantums": str(known.filled_quantums),
        "height": known.height,
        "tx_hash": known.tx_hash.hex(),
        "cause": perpd_clob.OrderCause.Name(known.cause).removeprefix("ORDER_CAUSE_").lower(),
        "placed_height": known.placed_height,
        "placed_tx_hash": known.placed_tx_hash.hex(),
        "cancelled_until": known.cancelled_until,
    }


def _order_text(found: Market, known: perpd_clob.QueryOrderResponse) -> str:
    status = _STATUS_WORDS[known.status]
    if known.reason:
        status += f": {known.reason.lower().replace('_', ' ')}"
    filled = found.shown_size(known.filled_quantums)
    rows = [("open", "yes" if known.open else "no"), ("status", status)]
    if known.HasField("order"):
        details = documents.resting_order(found, known.order)
        rows.append(("filled", f"{filled} of {details['size']}"))
        rows += [(key, str(details[key])) for key in ("kind", "side", "price", "until")]
    else:
        rows.append(("filled", filled))
    rows.append(("changed", f"in block {known.height} {_cause(known)}" if known.height else _UNTIMED))
    if known.placed_height:
        by = f" by transaction {known.placed_tx_hash.hex().upper()}" if known.placed_tx_hash else ""
        rows.append(("placed", f"in block {known.placed_height}{by}"))
    if known.cancelled_until:
        rows.append(("cancelled", f"new placements of this id up to block {known.cancelled_until} fail"))
    return facts(rows)


def _cause(known: perpd_clob.QueryOrderResponse) -> str:
    return f"by transaction {known.tx_hash.hex().upper()}" if known.tx_hash else _CAUSE_WORDS[known.cause]
