"""The block environment and the growing output that go down the call chain."""

from typing import Any

from modules.kernel.events import Event, EventKind, EventValue
from modules.kernel.stores import State
from modules.kernel.units import NANOSECONDS_PER_SECOND


class Context:
    """What a call may see and change: state with its journal, height, block time, and the events so far.

    `height` is the height that is being executed (for checks and proposals: the next one; for queries: the committed one).
    `time_ns` is that block's time in nanoseconds (for checks: the last committed block's).
    """

    __slots__ = ("chain_id", "events", "height", "placements", "scratch", "state", "time_ns")

    def __init__(self, state: State, height: int, time_ns: int, chain_id: str) -> None:
        self.state = state
        self.height = height
        self.time_ns = time_ns
        self.chain_id = chain_id
        self.events: list[Event] = []
        self.placements = 0
        self.scratch: dict[Any, Any] = {}
        """Memo of what derives from prices and parameters alone; the executor clears it where those change."""

    @property
    def time_seconds(self) -> int:
        """Block time in whole unix seconds, rounded down."""
        return divmod(self.time_ns, NANOSECONDS_PER_SECOND)[0]

    def emit(self, kind: EventKind, *values: EventValue) -> None:
        """Record that something has happened; undone with the frame in which it happened."""
        self.events.append((kind, values))

    def next_placement(self) -> int:
        """The next index of this block's order placements, from 0: time priority inside a block. Never reused, also after an undo."""
        index = self.placements
        self.placements = index + 1
        return index

    def mark(self) -> tuple[int, int]:
        """A point to which `undo` can return."""
        return self.state.mark(), len(self.events)

    def undo(self, mark: tuple[int, int]) -> None:
        """Everything written and emitted since the mark has not happened."""
        self.state.rollback(mark[0])
        del self.events[mark[1] :]
