"""`perpd query oracle`: what oracle prices are, how old, what they allow, and where they come from."""

from __future__ import annotations

from typing import Any

import click

from node.client.amounts import shown, shown_percent
from node.client.show import facts, table
from node.commands.query.options import ask, query_options
from node.failure import Failure
from node.output import emit
from perpd_proto.perpd.oracle.v1 import query_pb2

_MEANINGS = {
    "FRESH": "everything is allowed",
    "UNCERTAIN": "its confidence is too wide: only cancels, deposits and what reduces a position",
    "STALE": "too old: only cancels, deposits and what reduces a position",
    "REOPENING": "the chain stood still: only cancels, deposits and what reduces a position",
    "INVALID": "never set: only cancels and deposits",
}


@click.command()
@click.argument("ticker", required=False)
@query_options
def oracle(ticker: str | None, **options: Any) -> None:
    """Show the oracle's prices with age and standing; of one market, named by TICKER, also its sources.

    The standing says what a price allows: FRESH everything; UNCERTAIN, STALE and REOPENING cancels, deposits and what only reduces a
    position; INVALID only cancels and deposits.
    """
    session, at = ask(options)
    with session:
        markets = at.oracle_markets()
        if ticker is None:
            emit({"markets": [_document(market) for market in markets]}, _overview(markets), options["as_json"])
            return
        market = next((one for one in markets if one.ticker == ticker.upper()), None)
        if market is None:
            raise Failure(f"{ticker} is no oracle market of this chain; its markets are {', '.join(one.ticker for one in markets)}.")
        found = at.sources(market.market_id)
    sources = [_source(row, market.exponent) for row in found.sources]
    document = _document(market) | {"in_force": found.in_force, "since_height": str(found.since_height), "sources": sources}
    emit(document, _details(market, found), options["as_json"])


def _overview(markets: list[query_pb2.QueryMarketResponse]) -> str:
    rows = [
        [market.ticker, _price(market) or "none yet", market.standing, _age(market.age_nanoseconds) if market.price else "", _power(market)]
        for market in markets
    ]
    return table(["market", ">price", "standing", ">age", ">reported by"], rows)


def _details(market: query_pb2.QueryMarketResponse, found: query_pb2.QuerySourcesResponse) -> str:
    rows = [
        ("price", _price(market) or "none yet"),
        ("standing", f"{market.standing}: {_MEANINGS[market.standing]}"),
        ("age", f"{_age(market.age_nanoseconds)}, fresh up to {market.maximum_age_seconds} s"),
        ("confidence", f"± {shown(market.confidence, market.exponent)}" if market.confidence else "its source says nothing of it"),
        ("reported by", _power(market) or "no votes"),
        ("in force", f"{found.in_force} since {f'block {found.since_height}' if found.since_height else 'genesis'}"),
    ]
    if market.updates_to_come:
        rows.append(("open again", f"after {market.updates_to_come} more updates of its price"))
    sources = [
        [
            row.source,
            shown(row.price, market.exponent) if row.price else "none yet",
            _age(row.age_nanoseconds) if row.price else "",
            ", ".join(
                word
                for word, said in (("fresh", row.fresh), ("certain", row.certain), ("deviates", row.deviates))
                if said and (row.price or word == "deviates")
            ),
        ]
        for row in found.sources
    ]
    return f"{facts(rows, market.ticker)}\n{table(['source', '>price', '>age', 'state'], sources)}"


def _document(market: query_pb2.QueryMarketResponse) -> dict[str, Any]:
    return {
        "market_id": market.market_id,
        "ticker": market.ticker,
        "price": _price(market),
        "units": str(market.price),
        "exponent": market.exponent,
        "standing": market.standing,
        "age_nanoseconds": str(market.age_nanoseconds),
        "maximum_age_seconds": market.maximum_age_seconds,
        "confidence": shown(market.confidence, market.exponent) if market.confidence else "",
        "updates_to_come": market.updates_to_come,
        "updated_height": str(market.updated_height),
        "updated_time_nanoseconds": str(market.updated_time_nanoseconds),
        "reporting_power": str(market.reporting_power),
        "total_power": str(market.total_power),
    }


def _source(row: query_pb2.SourceState, exponent: int) -> dict[str, Any]:
    return {
        "source": row.source,
        "price": shown(row.price, exponent) if row.price else "",
        "confidence": shown(row.confidence, exponent) if row.confidence else "",
        "age_nanoseconds": str(row.age_nanoseconds),
        "maximum_age_seconds": row.maximum_age_seconds,
        "height": str(row.height),
        "fresh": row.fresh,
        "certain": row.certain,
        "deviates": row.deviates,
        "good_blocks": row.good_blocks,
        "switch_back_blocks": row.switch_back_blocks,
    }


def _price(market: query_pb2.QueryMarketResponse) -> str:
    return shown(market.price, market.exponent) if market.price else ""


def _age(nanoseconds: int) -> str:
    return f"{shown(nanoseconds, -9)} s"


def _power(market: query_pb2.QueryMarketResponse) -> str:
    """Of all voting power, rounded down to whole ppm."""
    if not market.total_power:
        return ""
    return f"{shown_percent(market.reporting_power * 1_000_000 // market.total_power)} of power"
