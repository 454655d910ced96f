"""Keeps every order that is alive from events alone: the books in their order, what waits for its trigger, and TWAP orders."""

from collections import Counter
from typing import Any, NamedTuple

from modules.clob.model import Condition
from node.app import App
from support.event_ledger import Values

_SLICE, _TWAP = "256", "128"


class Resting(NamedTuple):
    """An order on a book."""

    is_buy: bool
    subticks: int
    remaining: int
    good_til: int


class Waiting(NamedTuple):
    """A conditional order before its trigger."""

    is_buy: bool
    subticks: int
    quantums: int
    good_til: int
    condition: str
    trigger_subticks: int


class Working(NamedTuple):
    """A TWAP order at work."""

    is_buy: bool
    subticks: int
    quantums: int
    good_til: int
    duration: int
    interval: int
    tolerance_ppm: int
    remaining_legs: int
    remaining: int
    next_seconds: int


def _flags(order: str) -> str:
    return order.split("/")[3]


def _parent(order: str) -> str:
    """The TWAP order of a slice."""
    owner, number, client_id, _, pair_id = order.split("/")
    return f"{owner}/{number}/{client_id}/{_TWAP}/{pair_id}"


class EventOrders:
    """By the text of their ids; books in the order of placement. An event that does not fit what came before it is an error."""

    def __init__(self) -> None:
        self.resting: dict[str, Resting] = {}
        self.waiting: dict[str, Waiting] = {}
        self.working: dict[str, Working] = {}
        self.endings: Counter[str] = Counter()
        """How orders have ended."""

    def take(self, kind: str, values: Values, time_seconds: int) -> None:
        """Takes in one event of a block with that time."""
        if kind == "order_placed":
            self._placed(values)
        elif kind == "order_fill":
            self._filled(values)
        elif kind == "order_removed":
            self._ended(values["order"], values["reason"], known=False)
        elif kind == "order_expired":
            self._ended(values["order"], "expired", known=True)
        elif kind == "order_cancelled":
            if values["removed"] == "true":
                self._ended(values["order"], "cancelled", known=True)
            elif values["order"] in self.resting:
                assert self.resting[values["order"]].good_til > int(values["good_til"]), "the order is not newer than its cancel"
        elif kind == "conditional_placed":
            assert not self._alive(values["order"]), values
            self.waiting[values["order"]] = Waiting(
                values["is_buy"] == "true",
                int(values["subticks"]),
                int(values["quantums"]),
                int(values["good_til"]),
                values["condition"],
                int(values["trigger_subticks"]),
            )
        elif kind == "conditional_triggered":
            del self.waiting[values["order"]]
        elif kind == "twap_placed":
            self._begun(values, time_seconds)
        elif kind == "twap_slice":
            self._sliced(values, time_seconds)

    def _alive(self, order: str) -> bool:
        return order in self.resting or order in self.waiting or order in self.working

    def _placed(self, values: Values) -> None:
        order = values["order"]
        assert not self._alive(order), f"{order} rests twice"
        remaining = int(values["quantums"]) - int(values["filled_quantums"])
        self.resting[order] = Resting(values["is_buy"] == "true", int(values["subticks"]), remaining, int(values["good_til"]))

    def _filled(self, values: Values) -> None:
        taker, maker, quantums = values["taker_order"], values["maker_order"], int(values["quantums"])
        resting = self.resting[maker]
        assert resting.subticks == int(values["subticks"]), values
        assert resting.remaining >= quantums, values
        if resting.remaining == quantums:
            del self.resting[maker]
            self.endings["filled"] += 1
        else:
            self.resting[maker] = resting._replace(remaining=resting.remaining - quantums)
        for order in (taker, maker):
            if order != "liquidation" and _flags(order) == _SLICE:
                parent = self.working[_parent(order)]
                self.working[_parent(order)] = parent._replace(remaining=parent.remaining - quantums)

    def _ended(self, order: str, how: str, *, known: bool) -> None:
        """The order is gone; one that ends as it arrives was never known."""
        found = [table.pop(order) for table in (self.resting, self.waiting, self.working) if order in table]
        assert len(found) == 1 if known else len(found) <= 1, f"{order} ended ({how}) and was {found}"
        self.endings[how] += 1

    def _begun(self, values: Values, time_seconds: int) -> None:
        assert not self._alive(values["order"]), values
        numbers = {key: int(values[key]) for key in ("subticks", "quantums", "good_til", "duration", "interval", "tolerance_ppm")}
        self.working[values["order"]] = Working(
            is_buy=values["is_buy"] == "true",
            **numbers,
            remaining_legs=numbers["duration"] // numbers["interval"],
            remaining=numbers["quantums"],
            next_seconds=time_seconds,
        )

    def _sliced(self, values: Values, time_seconds: int) -> None:
        order = self.working[values["order"]]
        assert int(values["remaining_legs"]) == order.remaining_legs - 1, values
        assert int(values["remaining_quantums"]) == order.remaining, values
        assert int(values["slice_quantums"]) <= order.remaining, values
        self.working[values["order"]] = order._replace(remaining_legs=order.remaining_legs - 1, next_seconds=time_seconds + order.interval)

    def compare(self, app: App, ctx: Any) -> list[str]:
        """Sentences, one per order that the application has otherwise, and per book in another order."""
        keeper, state = app.wiring.clob.keeper, app.wiring.clob._state
        broken = []
        for pair in keeper.pairs(ctx):
            book = keeper.book(ctx, pair.id)
            for is_buy, levels in ((True, book.bids), (False, book.asks)):
                held = [
                    (order_id.text, Resting(order.is_buy, order.subticks, remaining, order.good_til))
                    for level in levels
                    for order_id, order, remaining in level.orders
                ]
                told = self._side(pair.id, is_buy)
                if held != told:
                    broken.append(f"pair {pair.id}, {'bids' if is_buy else 'asks'}: {held}, the events say {told}")
        waits = {
            order_id.text: Waiting(
                order.is_buy,
                order.subticks,
                order.quantums,
                order.good_til,
                Condition(order.extras.condition).name,
                order.extras.trigger_subticks,
            )
            for order_id, order in state.waiting.items(ctx)
            if order.extras is not None
        }
        works = {
            order_id.text: Working(
                *(twap.placed.is_buy, twap.placed.subticks, twap.placed.quantums, twap.placed.good_til),
                *twap.parameters,
                *(twap.remaining_legs, twap.remaining_quantums, twap.next_seconds),
            )
            for order_id, twap in state.twaps.items(ctx)
        }
        for name, state_has, events_say in (("waiting", waits, self.waiting), ("at work", works, self.working)):
            broken += [
                f"{order} is {name} as {state_has.get(order)}, the events say {events_say.get(order)}"
                for order in {**state_has, **events_say}
                if state_has.get(order) != events_say.get(order)
            ]
        return broken

    def _side(self, pair_id: int, is_buy: bool) -> list[tuple[str, Resting]]:
        """One side of a book in matching order: `sorted` keeps the order of placement within a price."""
        found = [row for row in self.resting.items() if row[1].is_buy == is_buy and row[0].endswith(f"/{pair_id}")]
        return sorted(found, key=lambda row: -row[1].subticks if is_buy else row[1].subticks)
