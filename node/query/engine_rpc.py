"""HTTP client to the node's own engine: CometBFT's JSON-RPC, for what state alone cannot answer (transactions and blocks).

Used from one event loop. Requests name their parameters, bytes travel as base64, heights as decimal text (client-surface.md 2.3).
"""

import asyncio
from base64 import b64encode
from typing import Any

import httpx

_CONNECTIONS_MAX = 32
_TIMEOUT_SECONDS = 10.0


class EngineError(Exception):
    """The engine answered with an error; `text` is its own explanation."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class EngineUnreachableError(Exception):
    """The engine gave no usable answer; the message is one plain sentence."""


class EngineRpc:
    """The engine at `url`. Every call raises EngineError and EngineUnreachableError."""

    def __init__(self, url: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._client: httpx.AsyncClient | None = None
        self._turns = asyncio.Semaphore(_CONNECTIONS_MAX)

    async def close(self) -> None:
        """Ends the connections; the next call would open new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def broadcast_sync(self, tx: bytes) -> dict[str, Any]:
        """Code, codespace, log, data and hash of the check that decides about the pool."""
        return await self.call("broadcast_tx_sync", {"tx": b64encode(tx).decode()})

    async def broadcast_async(self, tx: bytes) -> dict[str, Any]:
        """The hash, before any check."""
        return await self.call("broadcast_tx_async", {"tx": b64encode(tx).decode()})

    async def tx(self, tx_hash: bytes) -> dict[str, Any]:
        """A committed transaction with its result and height. EngineError while it is not indexed."""
        return await self.call("tx", {"hash": b64encode(tx_hash).decode(), "prove": False})

    async def tx_search(self, query: str, page: int, per_page: int, descending: bool) -> dict[str, Any]:
        """One page of committed transactions that match the query on events."""
        order = "desc" if descending else "asc"
        return await self.call(
            "tx_search", {"query": query, "prove": False, "page": str(page), "per_page": str(per_page), "order_by": order}
        )

    async def block(self, height: int = 0) -> dict[str, Any]:
        """A block with its id; height 0 is the latest."""
        return await self.call("block", {"height": str(height)} if height else {})

    async def header(self, height: int) -> dict[str, Any]:
        return await self.call("header", {"height": str(height)})

    async def status(self) -> dict[str, Any]:
        return await self.call("status", {})

    async def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The `result` of one request."""
        if self._client is None:
            # The node's own engine is on this machine or beside it: no proxy of the environment may stand between.
            limits = httpx.Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=_CONNECTIONS_MAX)
            self._client = httpx.AsyncClient(timeout=self._timeout_seconds, limits=limits, trust_env=False)
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._turns:
            try:
                answer = (await self._client.post(self._url, json=request)).json()
            except httpx.TimeoutException:
                raise EngineUnreachableError(f"the engine gave no answer to {method} within {self._timeout_seconds:g} seconds") from None
            except httpx.HTTPError:
                raise EngineUnreachableError("the engine's RPC does not answer") from None
            except ValueError:
                raise EngineUnreachableError(f"the engine's answer to {method} is not JSON") from None
        if not isinstance(answer, dict):
            raise EngineUnreachableError(f"the engine's answer to {method} is not a JSON-RPC answer")
        error = answer.get("error")
        if isinstance(error, dict):
            raise EngineError(str(error.get("data") or error.get("message") or "unknown error"))
        result = answer.get("result")
        if not isinstance(result, dict):
            raise EngineUnreachableError(f"the engine's answer to {method} is not a JSON-RPC answer")
        return result
