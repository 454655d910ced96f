"""The foreground: a live picture of the network on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from node.localnet.keeper import Keeper, Program
from node.localnet.watch import NodeView, ask
from perpd_proto.dydxprotocol.prices import query_pb2 as prices_pb2

if TYPE_CHECKING:
    from node.localnet.supervisor import Supervisor

REFRESH_SECONDS = 0.5
PLAIN_SECONDS = 5.0
EVENTS_SHOWN = 6
MARKETS_SHOWN = 8
PRICES_PATH = "/dydxprotocol.prices.Query/AllMarketPrices"
PARAMS_PATH = "/dydxprotocol.prices.Query/AllMarketParams"


class Prices:
    """The chain's market prices as text, asked of one node by `abci_query`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._tickers: dict[int, str] = {}

    async def refresh(self, client: httpx.AsyncClient, rpc: str) -> None:
        """Keeps the last prices where the node does not answer."""
        if not self._tickers:
            params = prices_pb2.QueryAllMarketParamsResponse()
            params.ParseFromString(await _query(client, rpc, PARAMS_PATH))
            self._tickers = {market.id: market.pair for market in params.market_params}
        answer = prices_pb2.QueryAllMarketPricesResponse()
        answer.ParseFromString(await _query(client, rpc, PRICES_PATH))
        if answer.market_prices:
            self.lines = [
                (self._tickers.get(price.id, str(price.id)), decimal(price.price, price.exponent))
                for price in answer.market_prices[:MARKETS_SHOWN]
            ]


def decimal(value: int, exponent: int) -> str:
    """value * 10^exponent as plain digits, trailing zeros of the fraction left out."""
    if exponent >= 0:
        return str(value * 10**exponent)
    digits = str(value).rjust(1 - exponent, "0")
    whole, fraction = digits[:exponent], digits[exponent:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


async def _query(client: httpx.AsyncClient, rpc: str, path: str) -> bytes:
    result = await ask(client, rpc, "abci_query", {"path": f'"{path}"', "data": "0x"})
    response = result.get("response", {}) if result else {}
    if not isinstance(response, dict) or response.get("code"):
        return b""
    return base64.b64decode(response.get("value") or "")


async def watch(supervisor: Supervisor, console: Console) -> None:
    """Shows the network until cancelled."""
    prices = Prices()
    async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
        if not console.is_terminal:
            await _plain(supervisor, console, client, prices)
            return
        with Live(picture(supervisor, prices), console=console, auto_refresh=False, screen=False) as live:
            while True:
                await _refresh(supervisor, client, prices)
                live.update(picture(supervisor, prices), refresh=True)
                await asyncio.sleep(REFRESH_SECONDS)


async def _plain(supervisor: Supervisor, console: Console, client: httpx.AsyncClient, prices: Prices) -> None:
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        await _refresh(supervisor, client, prices)
        console.print(plain_line(supervisor, prices), markup=False, highlight=False, soft_wrap=True)


async def _refresh(supervisor: Supervisor, client: httpx.AsyncClient, prices: Prices) -> None:
    view = next((view for view in supervisor.views if view.reachable and view.height), None)
    if view:
        await prices.refresh(client, view.rpc)


def plain_line(supervisor: Supervisor, prices: Prices) -> str:
    """The network in one line."""
    best = max(supervisor.views, key=lambda view: view.height)
    up = sum(keeper.application.running() and keeper.engine.running() for keeper in supervisor.keepers)
    said = f"; {', '.join(f'{ticker} {price}' for ticker, price in prices.lines[:3])}" if prices.lines else ""
    return f"block {best.height}, {_interval(best)} a block, {up} of {len(supervisor.keepers)} nodes up{said}"


def picture(supervisor: Supervisor, prices: Prices) -> Group:
    """Nodes, prices, and what happened lately."""
    first = supervisor.endpoints[0]
    uptime = int(time.monotonic() - supervisor.started_seconds)
    head = Text.assemble(
        (supervisor.network.chain_id, "bold"),
        f"  up {uptime // 3600}:{uptime // 60 % 60:02}:{uptime % 60:02}",
        f"  rpc http://{first.at('rpc')}  grpc {first.at('grpc')}",
        ("  CONSENSUS IS HALTED", "bold red") if supervisor.observer.halted else ("  Ctrl-C stops all", "dim"),
    )
    parts: list[Text | Table] = [head, _nodes(supervisor)]
    if prices.lines:
        parts.append(Text("  ".join(f"{ticker} {price}" for ticker, price in prices.lines), style="cyan"))
    parts.extend(
        Text(event.line()[11:400], style="red" if event.alarm else "dim", no_wrap=True, overflow="ellipsis")
        for event in list(supervisor.journal.recent)[-EVENTS_SHOWN:]
    )
    return Group(*parts)


def _nodes(supervisor: Supervisor) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("node", "height", "interval", "app hash", "peers", "mempool", "perpd", "cometbft"):
        table.add_column(title, justify="right" if title in ("height", "interval", "peers", "mempool") else "left", no_wrap=True)
    for keeper, view in zip(supervisor.keepers, supervisor.views, strict=True):
        table.add_row(
            view.name,
            f"{view.height}{' (catching up)' if view.catching_up and view.height else ''}" if view.reachable else Text("-", "red"),
            _interval(view),
            view.app_hash[:10].lower(),
            "-" if view.peers is None else str(view.peers),
            "-" if view.mempool is None else str(view.mempool),
            _process(keeper, keeper.application),
            _process(keeper, keeper.engine),
        )
    return table


def _interval(view: NodeView) -> str:
    seconds = view.interval_seconds()
    return "-" if seconds is None else f"{seconds:.2f} s"


def _process(keeper: Keeper, program: Program) -> Text:
    times = f", restarted {program.restarts}x" if program.restarts else ""
    if program.running() and program.child:
        return Text(f"{program.child.pid}{times}", style="yellow" if times else "green")
    return Text(f"{keeper.state}{times}", style="red")
