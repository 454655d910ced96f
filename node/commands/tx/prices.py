"""`perpd tx price-update` and `perpd tx push-price`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from google.protobuf.json_format import ParseDict, ParseError

from node.client.amounts import exact
from node.commands.tx.signing import Signing, signing_options, tell
from node.failure import Failure
from perpd_proto.perpd.oracle.v1 import tx_pb2


@click.command("price-update")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@signing_options
def price_update(file: Path, **options: Any) -> None:
    """Send prices that others have signed (FILE of `perpd oracle sign`; - reads it). Whoever sends them pays the fee."""
    message = _read(file)
    with Signing(options) as (_, client, wallet):
        message.sender = wallet.address
        included = client.send(wallet, message)
        said = f"{len(message.updates)} signed price{'' if len(message.updates) == 1 else 's'} will count from block {included.height + 1}"
        tell(included, said, options, updates=len(message.updates), signer_set=message.signer_set)


@click.command("push-price")
@click.argument("ticker")
@click.argument("price")
@signing_options
def push_price(ticker: str, price: str, **options: Any) -> None:
    """Push PRICE, in dollars, of TICKER: for the one address that genesis has named for it."""
    with Signing(options) as (_, client, wallet):
        market = client.latest.market(ticker)
        units = exact(price, market.oracle_exponent)
        included = client.send(wallet, tx_pb2.MsgPushPrice(sender=wallet.address, market_id=market.oracle_market_id, price=units))
        said = f"{market.ticker} was pushed at {price}; it will count from block {included.height + 1}"
        tell(included, said, options, ticker=market.ticker, price=str(units))


def _read(file: Path) -> tx_pb2.MsgUpdatePrices:
    try:
        document = json.loads(sys.stdin.read() if str(file) == "-" else file.read_text())
        message = ParseDict(document, tx_pb2.MsgUpdatePrices())
    except (OSError, ValueError, ParseError) as error:
        raise Failure(f"{file} is no signed update of prices: {error}.") from None
    assert isinstance(message, tx_pb2.MsgUpdatePrices)
    return message
