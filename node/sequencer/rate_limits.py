"""How many messages one owner may bring into the pool within windows of blocks (dydx-clob.md 6.5).

This is about a node's own pool: counts are in its memory, begin at nothing with each start and each change of the windows, and no block
ever depends on them. What a block takes of one account is the lane quota's business. All subaccounts of an owner count together; an
attempt counts whatever then becomes of it, also when it is refused here, so that trying harder does not help. Only transactions whose
signature and good-til-blocks hold get here: nobody can use up another's windows, and an old transaction sent again uses up none.
"""

from bisect import bisect_left
from typing import Any

from modules.clob.errors import RATE_LIMIT_EXCEEDED
from modules.clob.keeper import ClobKeeper
from modules.clob.leverage import UpdateLeverage
from modules.clob.limit_tables import NO_RATES, RateLimit, RateLimits
from modules.clob.model import SHORT_TERM, BatchCancel, CancelOrder, PlaceOrder
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import Address
from node.tx.envelope import Tx

STATEFUL_ORDER, SHORT_TERM_MESSAGE, LEVERAGE_UPDATE = range(3)
"""The classes of messages that are counted, in the order of RateLimits."""
_CLASS_NAMES = ("stateful orders", "short-term orders and cancels", "leverage updates")
BATCH_CANCEL_WEIGHT = 2
_UNCOUNTED = (SHORT_TERM_MESSAGE, 0)
_TRIMMED_AT = 64


class _History:
    """What one owner has sent: for each height with something, the sum of all before it. One search gives the sum of any window."""

    __slots__ = ("before", "heights", "total")

    def __init__(self) -> None:
        self.heights: list[int] = []
        self.before: list[int] = []
        self.total = 0

    def add(self, height: int, weight: int) -> None:
        if not self.heights or self.heights[-1] < height:
            self.heights.append(height)
            self.before.append(self.total)
        self.total += weight

    def since(self, height: int) -> int:
        """The sum from that height on."""
        first = bisect_left(self.heights, height)
        return self.total - self.before[first] if first < len(self.heights) else 0

    def forget(self, height: int) -> None:
        """What lies before that height need not be kept; lists are cut when more than half of them need not."""
        first = bisect_left(self.heights, height)
        if first > _TRIMMED_AT and first + first > len(self.heights):
            del self.heights[:first], self.before[:first]


class Windows:
    """One class of messages: every owner that has sent some within the longest window."""

    __slots__ = ("_by_owner", "_limits", "_longest")

    def __init__(self, limits: tuple[RateLimit, ...]) -> None:
        self._limits = limits
        self._longest = max([num_blocks for num_blocks, _ in limits], default=0)
        self._by_owner: dict[Address, _History] = {}
        """In the order in which they last sent something."""

    def __len__(self) -> int:
        """How many owners are remembered."""
        return len(self._by_owner)

    def count(self, owner: Address, height: int, weight: int) -> tuple[RateLimit, int] | None:
        """The owner sends so much at this height (never below that of the call before). The first limit that this exceeds, and the sum."""
        if not self._limits:
            return None
        self._forget(height)
        history = self._by_owner.pop(owner, None) or _History()
        self._by_owner[owner] = history
        history.add(height, weight)
        history.forget(height - self._longest + 1)
        for limit in self._limits:
            found = history.since(height - limit.num_blocks + 1)
            if found > limit.limit:
                return limit, found
        return None

    def _forget(self, height: int) -> None:
        """Owners who have sent nothing within the longest window are gone: the first ones, because who sends becomes the last."""
        by_owner = self._by_owner
        while by_owner:
            owner = next(iter(by_owner))
            if by_owner[owner].heights[-1] > height - self._longest:
                return
            del by_owner[owner]


class RateLimiter:
    """Counts the messages of new transactions. One per node."""

    __slots__ = ("_clob", "_rates", "_windows")

    def __init__(self, clob: ClobKeeper) -> None:
        self._clob = clob
        self._rates = NO_RATES
        self._windows = _windows(NO_RATES)

    def check(self, ctx: Context, tx: Tx, commands: list[Any]) -> None:
        """Counts a transaction that is new, signed and within its blocks. Raises clob 5001 when it exceeds a window."""
        rates = self._clob.limits.rate_limits(ctx)
        if rates is not self._rates and rates != self._rates:
            self._windows = _windows(rates)
        self._rates = rates
        if rates is NO_RATES:
            return
        exceeded = None
        for command in commands:
            kind, weight = self._weigh(ctx, command)
            if weight:
                found = self._windows[kind].count(tx.signer, ctx.height, weight)
                if found is not None and exceeded is None:
                    exceeded = _CLASS_NAMES[kind], *found
        if exceeded is not None:
            name, (num_blocks, limit), count = exceeded
            blocks = "one block" if num_blocks == 1 else f"{num_blocks} blocks"
            raise RATE_LIMIT_EXCEEDED(f"{addresses.to_text(tx.signer)} has sent {count} {name} within {blocks}; the limit is {limit}")

    def _weigh(self, ctx: Context, command: Any) -> tuple[int, int]:
        """Class and weight of a message; what is for a market that there is not counts nothing."""
        if isinstance(command, PlaceOrder):
            known = self._clob.pair(ctx, command.order.id.clob_pair_id) is not None
            return (SHORT_TERM_MESSAGE if command.order.id.flags == SHORT_TERM else STATEFUL_ORDER), int(known)
        if isinstance(command, CancelOrder):
            known = self._clob.pair(ctx, command.id.clob_pair_id) is not None
            return SHORT_TERM_MESSAGE, int(known and command.id.flags == SHORT_TERM)
        if isinstance(command, BatchCancel):
            return SHORT_TERM_MESSAGE, BATCH_CANCEL_WEIGHT
        if isinstance(command, UpdateLeverage):
            return LEVERAGE_UPDATE, 1
        return _UNCOUNTED


def _windows(rates: RateLimits) -> tuple[Windows, ...]:
    return tuple(Windows(limits) for limits in rates)
