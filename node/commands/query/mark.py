"""`perpd query mark`: the mark price of a market with everything that it is made of."""

from __future__ import annotations

from typing import Any

import click

from modules.kernel.codec import decode_signed
from node.client import documents
from node.client.amounts import shown, shown_percent
from node.client.market import Market
from node.client.show import facts, table
from node.commands.query.options import ask, query_options
from node.output import emit
from perpd_proto.perpd.perp.v1 import query_pb2

_MILLIONTHS = -6
_COMPONENTS = {
    query_pb2.MARK_COMPONENT_UNSPECIFIED: "",
    query_pb2.MARK_COMPONENT_INDEX: "INDEX",
    query_pb2.MARK_COMPONENT_AVERAGE: "AVERAGE",
    query_pb2.MARK_COMPONENT_IMPACT: "IMPACT",
}
_WORDS = {"INDEX": "the index", "AVERAGE": "index and average basis", "IMPACT": "the impact middle", "": "nothing"}


@click.command()
@click.argument("ticker", required=False)
@query_options
def mark(ticker: str | None, **options: Any) -> None:
    """Show the mark price of a market and its components; without TICKER a line for every market.

    The mark is the median of the index, the index plus the average distance of book and index, and the middle of the prices at which the
    impact notional trades, at most so far from the index. It is made when a block begins, of the book at the end of the block before.
    """
    session, at = ask(options)
    with session:
        markets = [at.market(ticker)] if ticker else at.markets()
        found = [(market, at.mark(market.perpetual_id)) for market in markets]
    if ticker:
        ((market, row),) = found
        emit(_document(market, row), _text(market, row), options["as_json"])
        return
    rows = [
        [
            market.ticker,
            _price(market, row.mark_price) or "none yet",
            _price(market, row.index_price),
            _words(row),
            documents.margin_price(row.margin_price),
        ]
        for market, row in found
    ]
    text = table(["market", ">mark", ">index", "made by", "margin"], rows)
    emit({"markets": [_document(market, row) for market, row in found]}, text, options["as_json"])


def _price(market: Market, price: int) -> str:
    return market.shown_oracle_price(price) if price else ""


def _words(row: query_pb2.QueryMarkResponse) -> str:
    return f"{_WORDS[_COMPONENTS[row.median]]}{', clamped' if row.clamped else ''}"


def _document(market: Market, row: query_pb2.QueryMarkResponse) -> dict[str, Any]:
    basis, millionths = decode_signed(row.average_basis), decode_signed(row.book.basis_millionths)
    return {
        "ticker": market.ticker,
        "height": row.height,
        "mark_price": _price(market, row.mark_price),
        "index_price": _price(market, row.index_price),
        "average_price": _price(market, row.index_price and max(row.index_price + basis, 0)),
        "average_basis": shown(basis, row.exponent),
        "impact_middle": _price(market, row.impact_middle),
        "median": _COMPONENTS[row.median],
        "clamped": row.clamped,
        "clamp_ppm": row.clamp_ppm,
        "ema_seconds": row.ema_seconds,
        "margin_price": documents.margin_price(row.margin_price),
        "book": {
            "middle": _price(market, row.book.middle),
            "impact_middle": _price(market, row.book.impact_middle),
            "average_basis": shown(millionths, row.exponent + _MILLIONTHS),
            "observed_nanoseconds": str(row.book.observed_nanoseconds),
            "frozen": row.book.frozen,
        },
    }


def _text(market: Market, row: query_pb2.QueryMarkResponse) -> str:
    document = _document(market, row)
    book = document["book"]
    lacking = "the book is not deep enough: the index counts"
    rows = [
        ("mark", document["mark_price"] or "none yet"),
        ("made by", _words(row)),
        ("index", document["index_price"] or "none yet"),
        ("average basis", f"{document['average_basis']}, so {document['average_price'] or 'none yet'}"),
        ("impact middle", document["impact_middle"] or lacking),
        ("at most from index", shown_percent(row.clamp_ppm)),
        ("average over", f"{row.ema_seconds} s"),
        ("margin price", document["margin_price"]),
        ("book now: middle", book["middle"] or "a side is empty: the index counts"),
        ("  impact middle", book["impact_middle"] or lacking),
        ("  average basis", book["average_basis"]),
        ("  seen until", f"{shown(row.book.observed_nanoseconds, -9)} (unix seconds)" if row.book.observed_nanoseconds else "never"),
    ]
    if row.book.frozen:
        rows.append(("  frozen", "liquidation or deleveraging has touched the market in this block"))
    return facts(rows, market.ticker)
