"""The slow chain: blocks of messages in a given order, everything undone by copies. Written from the text, for comparison only.

A message is a dictionary: {"kind": "place", "order"}, {"kind": "cancel", "name", "good_til"}, {"kind": "batch_cancel", "account",
"batches": [(pair, [client ids])], "good_til"}, {"kind": "deposit", "sender", "recipient", "amount"}, "withdraw", "transfer".
"""

from collections.abc import Mapping
from typing import Any

from support.slow import money
from support.slow.charges import count_volume
from support.slow.clock import begin_block, run_due
from support.slow.order import CANCEL
from support.slow.rules import check_form, check_window
from support.slow.trading import book_side, finish, place
from support.slow.world import SHORT_TERM, SLICE, TWAP, Account, Fail, Name, Rules, World


class SlowChain:
    """`begin`, messages of lanes 1 to 3, `engine`, messages of lanes 4 and 5, `end`."""

    def __init__(self, rules: Rules, height: int, time_ns: int, prices: Mapping[int, int]) -> None:
        self.world = World(rules, height, time_ns)
        self.world.price = dict(prices)
        self.due: list[Any] = []

    def begin(self, height: int, time_ns: int, prices: Mapping[int, int], funding_index: Mapping[int, int]) -> None:
        """The next block with its oracle prices (by perpetual) and the funding indexes reached by then."""
        world = self.world
        world.height, world.time_ns, world.price = height, time_ns, dict(prices)
        money.settle(world, funding_index)
        self.due = begin_block(world)

    def engine(self) -> None:
        """Step 5 without liquidation: what triggered, and TWAP slices."""
        run_due(self.world, self.due)

    def end(self) -> None:
        """Step 7."""
        count_volume(self.world)
        self.world.trades_before, self.world.trades = self.world.trades, []
        self.world.voided, self.world.removed = [], []

    def run(self, messages: list[dict[str, Any]], lane: int, placed_later: list[Name]) -> tuple[str, int]:
        """One transaction: (codespace, code). `placed_later`: stateful ids that admitted placements of later lanes name."""
        frame = self.world.frame()
        try:
            for message in messages:
                self._run(message, lane, placed_later)
        except Fail as failed:
            self.world.restore(frame)
            return failed.codespace, failed.code
        return "", 0

    def _run(self, message: dict[str, Any], lane: int, placed_later: list[Name]) -> None:
        world = self.world
        match message["kind"]:
            case "place":
                check_form(message["order"])
                place(world, message["order"])
            case "cancel":
                later = lane == CANCEL and message["name"] in placed_later
                cancel(world, message["name"], message["good_til"], placed_later=later)
            case "batch_cancel":
                batch_cancel(world, message["account"], message["batches"], message["good_til"])
            case "leverage":
                money.set_leverage(world, message["account"], message["entries"])
            case "deposit":
                money.deposit(world, message["sender"], message["recipient"], message["amount"])
            case "withdraw":
                money.withdraw(world, message["sender"], message["recipient"], message["amount"])
            case "transfer":
                money.transfer(world, message["sender"], message["recipient"], message["amount"])

    def take_log(self) -> list[tuple[Any, ...]]:
        """What has happened to orders since it was last asked."""
        log, self.world.log = self.world.log, []
        return log

    def book(self, pair: int, *, buys: bool) -> list[tuple[Name, int, int, int]]:
        """One side in matching order: (id, subticks, quantums, filled)."""
        filled = self.world.filled
        orders = [live.order for live in book_side(self.world, pair, buys=buys)]
        return [(order.name, order.subticks, order.quantums, filled.get(order.name, 0)) for order in orders]

    def waiting(self, account: Account) -> list[Name]:
        """Conditional orders of a subaccount that have not triggered, by id."""
        return sorted(live.order.name for live in self.world.waiting if live.order.account == account)

    def parents(self, account: Account) -> list[tuple[Name, int, int, int]]:
        """TWAP orders of a subaccount by id: legs and base quantums left, when the next is due (unix seconds)."""
        rows = [(parent["live"].order, parent) for parent in self.world.parents]
        return sorted((order.name, row["legs"], row["quantums"], row["due"]) for order, row in rows if order.account == account)

    def accounts(self) -> dict[Account, tuple[int, dict[int, int]]]:
        """Collateral, funding settled, and positions of every subaccount that has any."""
        keys = [*self.world.collateral, *self.world.positions]
        return {key: (self.world.collateral.get(key, 0), self.world.positions.get(key, {})) for key in keys}


def cancel(world: World, name: Name, good_til: int, *, placed_later: bool) -> None:
    """2.7 and design.md 3.5."""
    pair, account, flags, client_id = name
    if flags not in (0, 32, 64, 128):
        raise Fail(3000)
    if good_til == 0:
        raise Fail(5 if flags == SHORT_TERM else 3001)
    if flags == SHORT_TERM:
        world.rules.by_pair(pair)
    check_window(world, flags, good_til)
    if flags == SHORT_TERM:
        _cancel_short_term(world, name, good_til)
        return
    lives = [*world.resting, *world.waiting, *(parent["live"] for parent in world.parents)]
    live = world.find(lives, name)
    if live is None and not placed_later:
        raise Fail(3010 if name in world.removed else 3006)
    if live is not None and good_til < live.order.good_til:
        raise Fail(29)
    if placed_later:
        world.voided.append(name)
    if live is None:
        return
    world.waiting = [other for other in world.waiting if other.order.name != name]
    world.parents = [parent for parent in world.parents if parent["live"].order.name != name]
    finish(world, live.order)
    world.log.append(("ended", name, "CANCELLED"))
    piece = world.find(world.resting, (pair, account, SLICE, client_id))
    if flags == TWAP and piece is not None:
        finish(world, piece.order)
        world.log.append(("ended", piece.order.name, "CANCELLED"))


def _cancel_short_term(world: World, name: Name, good_til: int) -> None:
    world.cancelled_til[name] = max(world.cancelled_til.get(name, 0), good_til)
    live = world.find(world.resting, name)
    if live is not None and live.order.good_til <= good_til:
        finish(world, live.order)
        world.log.append(("ended", name, "CANCELLED"))


def batch_cancel(world: World, account: Account, batches: list[tuple[int, list[int]]], good_til: int) -> None:
    """2.3, 2.8: unknown markets are passed over."""
    pairs = [pair for pair, _ in batches]
    if not batches or len(pairs) != len(set(pairs)):
        raise Fail(45)
    if any(not ids or len(ids) != len(set(ids)) for _, ids in batches) or sum(len(ids) for _, ids in batches) > 100:
        raise Fail(45)
    check_window(world, SHORT_TERM, good_til)
    for pair, client_ids in batches:
        if any(market.pair == pair for market in world.rules.markets):
            for client_id in client_ids:
                _cancel_short_term(world, (pair, account, SHORT_TERM, client_id), good_til)
