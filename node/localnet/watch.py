"""What the nodes say about themselves over CometBFT's RPC, and what that means: progress, halts, who stays behind."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from node.localnet.journal import Journal

INTERVAL_SECONDS = 10
"""Over how much time the block interval is averaged."""
REMEMBERED_HEIGHTS = 64


@dataclass(slots=True)
class NodeView:
    """The last answers of one node. `height` 0: no block yet; `app_hash` belongs to the state before block `height`."""

    name: str
    rpc: str
    reachable: bool = False
    height: int = 0
    first_height: int | None = None
    """What it had when it first answered."""
    app_hash: str = ""
    catching_up: bool = False
    peers: int | None = None
    mempool: int | None = None
    advanced_seconds: float = field(default_factory=time.monotonic)
    """When (monotonic) its height last grew, or it was first asked."""
    blocks: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED_HEIGHTS))

    def interval_seconds(self) -> float | None:
        """Mean time between blocks lately, by their own time stamps; None before there are two."""
        if len(self.blocks) < 2:
            return None
        last_height, last_time = self.blocks[-1]
        first_height, first_time = next((height, at) for height, at in self.blocks if last_time - at <= INTERVAL_SECONDS)
        return (last_time - first_time) / (last_height - first_height) if last_height > first_height else None

    def progressed(self) -> bool:
        """Whether it has committed a block since it was first asked (or had none and now has)."""
        return self.first_height is not None and self.height > self.first_height


async def ask(client: httpx.AsyncClient, rpc: str, method: str, parameters: dict[str, str] | None = None) -> dict[str, Any] | None:
    """The result of one RPC call; None if there is no proper answer."""
    try:
        answer = (await client.get(f"{rpc}/{method}", params=parameters)).json()
    except (httpx.HTTPError, ValueError):
        return None
    result = answer.get("result") if isinstance(answer, dict) else None
    return result if isinstance(result, dict) else None


async def look(client: httpx.AsyncClient, view: NodeView, *, closely: bool) -> None:
    """Brings the view up to date; `closely` asks for peers and mempool too."""
    status = await ask(client, view.rpc, "status")
    if status is None:
        view.reachable = False
        return
    try:
        take_status(view, status["sync_info"], time.monotonic())
    except (KeyError, TypeError, ValueError):
        view.reachable = False
        return
    if closely:
        network, pool = await ask(client, view.rpc, "net_info"), await ask(client, view.rpc, "num_unconfirmed_txs")
        view.peers = _number(network, "n_peers")
        view.mempool = _number(pool, "n_txs")


def take_status(view: NodeView, info: dict[str, Any], now_seconds: float) -> None:
    """Enters `sync_info` of a /status answer. Raises KeyError, TypeError or ValueError if it is none."""
    height = int(info["latest_block_height"])
    block_time = block_seconds(info["latest_block_time"]) if height else 0.0
    view.reachable = True
    view.catching_up = bool(info["catching_up"])
    if view.first_height is None:
        view.first_height = height
    if height != view.height:
        view.advanced_seconds = now_seconds
        view.height, view.app_hash = height, str(info["latest_app_hash"])
        if height > view.first_height + 1:  # the first new block still has a time from before the stop
            view.blocks.append((height, block_time))


def block_seconds(text: str) -> float:
    """Unix time of the engine's time text, which has up to nine decimals."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")


def _number(result: dict[str, Any] | None, key: str) -> int | None:
    try:
        return int(result[key]) if result else None
    except (KeyError, TypeError, ValueError):
        return None


class Observer:
    """Draws conclusions from the views of all nodes and tells them once each."""

    def __init__(self, views: list[NodeView], journal: Journal, halt_seconds: float = 15.0) -> None:
        self.views = views
        self.halted = False
        self._journal = journal
        self._halt_seconds = halt_seconds
        self._behind: dict[str, None] = {}
        self._height = 0
        self._since = time.monotonic()

    def progressed(self) -> bool:
        """Whether the network has committed a block since we look at it."""
        return any(view.progressed() for view in self.views)

    def conclude(self, now_seconds: float) -> None:
        """To be called regularly: reports a halted consensus and its end, and nodes that stay behind."""
        height = max(view.height for view in self.views)
        if height > self._height:
            if self.halted:
                self._journal.say(f"blocks again after {now_seconds - self._since:.0f} s: height {height}")
            self.halted = False
            self._height, self._since = height, now_seconds
        elif all(view.first_height is None for view in self.views):
            self._since = now_seconds  # they are still starting, which a busy machine or a large state makes long
        elif not self.halted and now_seconds - self._since > self._halt_seconds:
            self.halted = True
            heights = ", ".join(f"{view.name} {view.height if view.reachable else 'does not answer'}" for view in self.views)
            self._journal.say(f"CONSENSUS IS HALTED: no block for {self._halt_seconds:.0f} s ({heights})", alarm=True)
        for view in self.views:
            self._follow(view, now_seconds)

    def _follow(self, view: NodeView, now_seconds: float) -> None:
        """Tells when a node stays behind while the others go on, and when it moves again."""
        standing = now_seconds - view.advanced_seconds
        if view.name in self._behind:
            if standing < self._halt_seconds:
                del self._behind[view.name]
                self._journal.say(f"{view.name} moves again at height {view.height}")
        elif standing > self._halt_seconds and not self.halted and view.height < self._height:
            self._behind[view.name] = None
            where = f"stands at height {view.height}" if view.reachable else "does not answer"
            self._journal.say(f"{view.name} {where} since {standing:.0f} s, the others are at {self._height}", alarm=True)
