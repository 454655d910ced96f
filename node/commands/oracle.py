"""`perpd oracle`: say what the feeders of a localnet report, and sign prices."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from google.protobuf.json_format import MessageToDict

from node.client.amounts import exact
from node.client.session import Session, node_options
from node.commands.localnet import home_option
from node.failure import Failure
from node.feeder import board
from node.localnet import create, files
from node.localnet.home import Home
from node.output import emit, json_option


@click.group()
def command() -> None:
    """Set prices by hand on a localnet, and sign prices that anyone may send."""


@command.command("set")
@click.argument("ticker")
@click.argument("price")
@home_option
@json_option
def set_price(ticker: str, price: str, directory: Path, as_json: bool) -> None:
    """Every local feeder reports PRICE for TICKER from now on, whatever its sources say."""
    home = Home(directory)
    tickers = create.tickers(home)
    if tickers and ticker not in tickers:
        raise Failure(
            f"{ticker} is not a market of this chain; its markets are {', '.join(tickers[:20])}{' …' if len(tickers) > 20 else ''}."
        )
    board.set_price(home.prices_file, ticker, price)
    emit({"ticker": ticker, "price": price}, f"{ticker} is {price} from now on", as_json)


@command.command()
@click.argument("ticker", required=False)
@home_option
@json_option
def clear(ticker: str | None, directory: Path, as_json: bool) -> None:
    """Give TICKER, or all, back to the price sources."""
    home = Home(directory)
    home.load()
    if ticker is None:
        board.clear_all(home.prices_file)
    elif not board.clear_price(home.prices_file, ticker):
        raise Failure(f"no price was set for {ticker}.")
    emit({"cleared": ticker}, f"{ticker or 'every market'} follows its sources again", as_json)


@command.command()
@home_option
@json_option
def show(directory: Path, as_json: bool) -> None:
    """Show the prices that were set by hand."""
    home = Home(directory)
    sources = home.load().prices
    prices = board.read(home.prices_file).prices
    text = "\n".join([f"sources: {sources}", *(f"{ticker} is set to {price}" for ticker, price in sorted(prices.items()))])
    emit({"sources": sources, "prices": prices}, text, as_json)


keys_option = click.option(
    "--keys", "keys_file", type=click.Path(path_type=Path), help="File with the signers' keys.  [default: price-signers.json in the home]"
)


@command.command()
@click.option("--count", type=int, default=3, show_default=True, help="How many signers.")
@click.option("--threshold", type=int, default=2, show_default=True, help="How many of them must sign.")
@click.option("--version", type=click.IntRange(min=0, max=2**32 - 1), default=1, show_default=True, help="Of the signer set.")
@click.option("--change", type=click.Path(path_type=Path), help="Write the message that rotates to this set, for `perpd tx change`.")
@keys_option
@home_option
@json_option
def signers(count: int, threshold: int, version: int, change: Path | None, keys_file: Path | None, directory: Path, as_json: bool) -> None:
    """Make keys that sign prices, or show those that are there; never replaces any.

    What is shown is an entry of `oracle.pull.signer_sets` in a genesis. On a running chain the authority names it with the message that
    --change writes.
    """
    from node.client.price_signing import PriceSigners  # noqa: PLC0415  (other commands need no keys)

    path = keys_file or Home(directory).signers_file
    if not path.exists():
        PriceSigners.generate(version, threshold, count).save(path)
    found = PriceSigners.load(path)
    if change is not None:
        files.write_json(change, found.rotation())
    lines = [f"signer set {found.version}, {found.threshold} of {len(found.keys)} sign; keys in {path}", *found.public()["public_keys"]]
    emit(found.public() | {"keys_file": str(path)}, "\n".join(lines), as_json)


@command.command()
@click.argument("prices", nargs=-1, required=True, metavar="TICKER=PRICE[:CONFIDENCE]...")
@keys_option
@click.option("--signers", "count", type=click.IntRange(min=0), help="How many sign.  [default: the threshold]")
@click.option("--time", "publish_ns", type=click.IntRange(min=1), help="Publish time in UNIX nanoseconds.  [default: now]")
@click.option("--chain-id", help="The chain for which it is signed.  [default: the node's]")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this file.  [default: show it]")
@node_options
def sign(prices: tuple[str, ...], keys_file: Path | None, count: int | None, out: Path | None, **options: Any) -> None:
    """Sign an update of prices, in dollars, which anyone may send (`perpd tx price-update`).

    CONFIDENCE is half the width of what the price may be, in dollars.
    """
    from modules.oracle.sources import PriceUpdate  # noqa: PLC0415  (other commands need no chain)
    from node.client.price_signing import PriceSigners  # noqa: PLC0415

    found = PriceSigners.load(keys_file or Home(options["directory"]).signers_file)
    publish_ns = options["publish_ns"] or time.time_ns()
    updates: dict[int, PriceUpdate] = {}
    with Session.open(options["directory"], options["node_index"], options["address"]) as session:
        for text in prices:
            ticker, _, wanted = text.partition("=")
            price, _, width = wanted.partition(":")
            market = session.client.latest.market(ticker)
            exponent = market.oracle_exponent
            update = PriceUpdate(market.oracle_market_id, exact(price, exponent), exponent, exact(width or "0", exponent), publish_ns)
            if updates.setdefault(update.market_id, update) is not update:
                raise Failure(f"{ticker} stands twice.")
        chain_id = options["chain_id"] or session.client.chain_id
    message = found.sign(chain_id, list(updates.values()), found.threshold if count is None else count)
    document = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    if out is not None:
        files.write_json(out, document)
    emit(document, f"signed for {chain_id}: {', '.join(prices)}; in {out}", out is None)
