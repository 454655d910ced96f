"""`perpd oracle`: say what the feeders of a localnet report."""

from __future__ import annotations

from pathlib import Path

import click

from node.commands.localnet import home_option
from node.failure import Failure
from node.feeder import board
from node.localnet import create
from node.localnet.home import Home
from node.output import emit, json_option


@click.group()
def command() -> None:
    """Set prices by hand on a localnet."""


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
