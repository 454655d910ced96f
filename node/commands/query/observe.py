"""`perpd query observe`: what a price has been on average over windows of the past."""

from __future__ import annotations

from typing import Any

import click

from modules.kernel.codec import decode_signed
from node.client.amounts import shown
from node.client.show import facts, table
from node.commands.query.options import ask, query_options
from node.output import emit
from perpd_proto.perpd.oracle.v1 import query_pb2 as perpd_oracle

_NANOSECONDS = 10**9
_DEFAULT_SECONDS = 300


@click.command()
@click.argument("ticker")
@click.option(
    "--seconds",
    "lengths",
    type=click.IntRange(min=1, max=2**32),
    multiple=True,
    help=f"So long up to the latest block; may be given several times.  [default: {_DEFAULT_SECONDS}, or all that is kept]",
)
@click.option(
    "--between",
    "windows",
    type=(click.IntRange(min=0, max=2**63), click.IntRange(min=0, max=2**63)),
    multiple=True,
    metavar="FROM TO",
    help="From one moment up to another, in UNIX nanoseconds of block time.",
)
@click.option("--mark", is_flag=True, help="The mark price, not the index.")
@query_options
def observe(ticker: str, lengths: tuple[int, ...], windows: tuple[tuple[int, int], ...], mark: bool, **options: Any) -> None:
    """Show time-weighted average prices of a market over past windows.

    A price stays in force until the next one; FRESH says for how much of the window it was confirmed in time.
    """
    session, at = ask(options)
    with session:
        market = at.market(ticker)
        series = perpd_oracle.SERIES_MARK if mark else perpd_oracle.SERIES_INDEX
        series_id = market.perpetual_id if mark else market.oracle_market_id
        if not lengths and not windows:
            kept = at.observe(series, series_id)
            reach_ns = kept.latest_nanoseconds - kept.oldest_nanoseconds
            if reach_ns >= _DEFAULT_SECONDS * _NANOSECONDS:
                lengths = (_DEFAULT_SECONDS,)
            elif reach_ns:
                windows = ((kept.oldest_nanoseconds, kept.latest_nanoseconds),)
        found = at.observe(series, series_id, windows, lengths)
    title = f"{market.ticker} {'mark' if mark else 'index'}"
    if not found.averages:
        emit(_document(title, found), f"{title}: its first price came with the latest block", options["as_json"])
        return
    rows = [
        [
            shown(row.price, found.exponent),
            _seconds(row.denominator),
            f"{_seconds(found.latest_nanoseconds - row.to_nanoseconds)} ago",
            f"{_seconds(row.fresh_nanoseconds)}",
        ]
        for row in found.averages
    ]
    reach = facts([("kept", f"the last {_seconds(found.latest_nanoseconds - found.oldest_nanoseconds)}")], title)
    text = f"{reach}\n{table(['>average', '>over', '>until', '>fresh'], rows)}"
    emit(_document(title, found), text, options["as_json"])


def _seconds(nanoseconds: int) -> str:
    return f"{shown(nanoseconds, -9)} s"


def _document(title: str, found: perpd_oracle.QueryObserveResponse) -> dict[str, Any]:
    ticker, kind = title.split(" ")
    return {
        "ticker": ticker,
        "price": kind,
        "exponent": found.exponent,
        "oldest_nanoseconds": str(found.oldest_nanoseconds),
        "latest_nanoseconds": str(found.latest_nanoseconds),
        "averages": [
            {
                "from_nanoseconds": str(row.from_nanoseconds),
                "to_nanoseconds": str(row.to_nanoseconds),
                "average": shown(row.price, found.exponent),
                "numerator": str(decode_signed(row.numerator)),
                "denominator": str(row.denominator),
                "fresh_nanoseconds": str(row.fresh_nanoseconds),
            }
            for row in found.averages
        ],
    }
