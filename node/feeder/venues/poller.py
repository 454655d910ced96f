"""The thread beside the node in which venues are asked: a loop of its own, so that neither a vote waits for a venue nor a venue for a
block.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import httpx

from node.feeder.venues.conversation import Ask, Conversation
from node.feeder.venues.fetch import client, fetch
from node.feeder.venues.resolver import Resolver
from node.feeder.venues.venue import Answer

STOP_SECONDS = 5.0
"""How long the end of the thread is waited for; it ends at once unless something blocks it, and then does not hold the process."""
log = logging.getLogger("feeder")

Sleep = Callable[[float], Awaitable[None]]


class Poller:
    """Asks every venue in a task of its own, from `start` to `stop`."""

    def __init__(self, conversations: Sequence[Conversation], sleep: Sleep = asyncio.sleep) -> None:
        self.conversations = list(conversations)
        self._sleep = sleep
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._told_silent = False

    def start(self) -> None:
        """To be called once."""
        assert self._thread is None
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(Resolver())
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="venues", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No request is under way any more, no connection open. Does nothing if it was not started."""
        if self._thread is None or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(STOP_SECONDS)

    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._talk())
            loop.run_until_complete(loop.shutdown_asyncgens())
        except Exception:
            log.exception("the venues are asked no more")
        finally:
            loop.close()

    async def _talk(self) -> None:
        tasks = [asyncio.create_task(self._talk_with(conversation)) for conversation in self.conversations]
        await self._ending.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _talk_with(self, conversation: Conversation) -> None:
        try:
            async with client(conversation.venue) as http:
                ask: Ask = partial(_ask, http, conversation)
                while True:
                    wait = await conversation.step(ask)
                    self._judge()
                    await self._sleep(wait)
        except Exception:
            log.exception("%s is asked no more", conversation.venue.name)
            raise

    def _judge(self) -> None:
        """Says once when no venue answers, and once when one does again."""
        silent = all(conversation.answering is False for conversation in self.conversations)
        if silent == self._told_silent:
            return
        self._told_silent = silent
        if silent:
            why = "; ".join(f"{conversation.venue.name}: {conversation.problem}" for conversation in self.conversations)
            log.warning("no venue answers: this node's votes carry no prices of venues, and the chain's prices age (%s)", why)
        else:
            log.info("a venue answers again: this node's votes carry its prices")


async def _ask(http: httpx.AsyncClient, conversation: Conversation, path: str) -> Answer:
    return await fetch(http, conversation.venue, path, time.time_ns())
