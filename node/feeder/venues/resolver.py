"""Name lookups that nobody waits for at the end: the system's resolver cannot be cancelled, and a hanging one must not hold a process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

LOOKUPS_MAX = 8
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


class Resolver(ThreadPoolExecutor):
    """Each call in a daemon thread of its own, at most LOOKUPS_MAX at once; ending does not wait for them. A ThreadPoolExecutor, because
    an event loop takes no other; its own workers, which the interpreter joins at exit, are never started.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._free = threading.BoundedSemaphore(LOOKUPS_MAX)

    def submit(self, function: Callable[_Given, _Found], /, *arguments: _Given.args, **named: _Given.kwargs) -> Future[_Found]:
        """Raises OSError if too many lookups hang."""
        if not self._free.acquire(blocking=False):
            raise OSError("too many name lookups hang")
        future: Future[_Found] = Future()

        def run() -> None:
            try:
                found = function(*arguments, **named)
            except BaseException as error:  # noqa: BLE001  (handed to whoever waits)
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)
            else:
                if future.set_running_or_notify_cancel():
                    future.set_result(found)
            finally:
                self._free.release()

        threading.Thread(target=run, name="venue-lookup", daemon=True).start()
        return future
