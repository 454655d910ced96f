"""`perpd query reports`: which validator reported which prices."""

from __future__ import annotations

from typing import Any

import click

from node.client.amounts import shown
from node.client.session import Session, node_options
from node.client.show import table
from node.output import emit, json_option
from perpd_proto.perpd.oracle.v1 import query_pb2


@click.command()
@click.argument("height", type=click.IntRange(min=0), default=0)
@node_options
@json_option
def reports(height: int, as_json: bool, **options: Any) -> None:
    """Show what each validator reported at the beginning of block HEIGHT, by default the latest.

    ABSENT: no vote is in the block; NIL: a vote for no block; EMPTY: it reported no price; MALFORMED: what it reported does not count.
    """
    with Session.open(options["directory"], options["node_index"], options["address"]) as session:
        latest = session.client.latest
        found = latest.reports(height)
        exponents = {market.oracle_market_id: (market.ticker, market.oracle_exponent) for market in latest.markets()}
    documents = [_document(row, exponents) for row in found.reports]
    document = {"height": found.height, "reports": documents}
    rows = [[one["address"], str(one["power"]), one["status"], _prices(one)] for one in documents]
    empty = f"block {found.height} carries no reports"
    emit(document, table(["validator", ">power", "reported", "prices"], rows, f"block {found.height}") if rows else empty, as_json)


def _document(row: query_pb2.ValidatorReport, exponents: dict[int, tuple[str, int]]) -> dict[str, Any]:
    prices = [
        {
            "market_id": one.market_id,
            "ticker": exponents[one.market_id][0] if one.market_id in exponents else None,
            "price": shown(one.price, exponents[one.market_id][1]) if one.market_id in exponents else None,
            "units": str(one.price),
        }
        for one in row.prices
    ]
    return {"address": row.address.hex().upper(), "power": row.power, "status": row.status, "prices": prices}


def _prices(report: dict[str, Any]) -> str:
    return ", ".join([f"{one['ticker']} {one['price']}" if one["ticker"] else f"market {one['market_id']}" for one in report["prices"]])
