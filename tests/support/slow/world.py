"""What the slow chain knows: plain dictionaries and lists, copied whole before anything that might have to be undone."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

MILLION = 1_000_000
SHORT_TERM, CONDITIONAL, LONG_TERM, TWAP, SLICE = 0, 32, 64, 128, 256
REST, IOC, POST_ONLY = 0, 1, 2
STOP_LOSS, TAKE_PROFIT = 1, 2
ACTIVE, POST_ONLY_STATUS, INITIALIZING = 1, 4, 5

Account = tuple[bytes, int]
"""A subaccount: 20 address bytes and a number."""
Name = tuple[int, Account, int, int]
"""An order id: clob pair, subaccount, flags, client id."""


class Fail(Exception):  # noqa: N818
    """A message cannot be accepted; it leaves no trace."""

    def __init__(self, code: int, codespace: str = "clob") -> None:
        super().__init__(codespace, code)
        self.codespace, self.code = codespace, code


class Market(NamedTuple):
    """One perpetual with its book; fields as in the genesis sections."""

    pair: int
    perpetual: int
    atomic_resolution: int
    price_exponent: int
    min_price_change_ppm: int
    step: int
    tick: int
    conversion: int
    """Quantum conversion exponent."""
    isolated: bool
    initial_ppm: int
    fraction_ppm: int
    lower_cap: int
    upper_cap: int
    lot: int
    status: int = ACTIVE
    brackets: tuple[tuple[int, int, int], ...] = ()
    """From which notional on, initial ppm, maintenance ppm; each rate holds for the part of the notional within its bracket."""


class FeeTier(NamedTuple):
    """What trades cost those who have traded so much."""

    taker_ppm: int
    maker_ppm: int
    volume: int = 0
    """Quote quantums."""
    total_share_ppm: int = 0
    maker_share_ppm: int = 0


class Rules(NamedTuple):
    """What genesis fixes."""

    markets: tuple[Market, ...]
    fee_tiers: tuple[FeeTier, ...]
    max_fills: int
    discounts: tuple[tuple[int, int, int, int], ...] = ()
    """Pair, from and until (unix nanoseconds), charge ppm."""
    revenue: tuple[tuple[bytes, int], ...] = ()
    """Address and ppm of what routers leave."""
    routers: tuple[tuple[bytes, int], ...] = ()
    stateful_limits: tuple[tuple[int, int], ...] = ()
    """From which net collateral on, how many orders."""
    short_term_limits: tuple[tuple[int, int], ...] = ()
    max_due: int = 2_000
    """Triggers and slices that a block runs."""

    def by_pair(self, pair: int) -> Market:
        """The market of a book. Fails with 8."""
        for market in self.markets:
            if market.pair == pair:
                return market
        raise Fail(8)

    def by_perpetual(self, perpetual: int) -> Market:
        """The market of a perpetual that exists."""
        return next(market for market in self.markets if market.perpetual == perpetual)


class Order(NamedTuple):
    """An order as its owner sent it."""

    account: Account
    client_id: int
    flags: int
    pair: int
    buys: bool
    quantums: int
    subticks: int
    good_til: int
    """Height or unix seconds."""
    time_in_force: int = REST
    reduce_only: bool = False
    condition: int = 0
    trigger: int = 0
    twap: tuple[int, int, int] | None = None
    """Duration s, interval s, tolerance ppm."""
    builder: tuple[bytes, int] | None = None
    """Address, ppm."""
    router: bytes | None = None

    @property
    def name(self) -> Name:
        """The order id."""
        return self.pair, self.account, self.flags, self.client_id


class Live(NamedTuple):
    """An order that is not over, and when its time priority began: (height, placement)."""

    order: Order
    since: tuple[int, int]


def copied(value: Any) -> Any:
    """The value with all dictionaries and lists in it new; everything else here never changes."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [copied(part) for part in value]
    return value


class World:
    """All state. `frame` gives a copy to come back to."""

    def __init__(self, rules: Rules, height: int, time_ns: int) -> None:
        self.rules = rules
        self.height, self.time_ns = height, time_ns
        self.placements = 0
        self.price: dict[int, int] = {}
        self.funding_index: dict[int, int] = {market.perpetual: 0 for market in rules.markets}
        self.wallet: dict[bytes, int] = {}
        """Bank accounts of people."""
        self.fees_collected = 0
        self.collateral: dict[Account, int] = {}
        self.positions: dict[Account, dict[int, int]] = {}
        self.leverage: dict[Account, dict[int, int]] = {}
        """Initial margin in ppm by perpetual, chosen by the trader."""
        self.volume: dict[bytes, tuple[int, int]] = {}
        """(as taker, as maker) up to the block before, quote quantums by owner."""
        self.volume_now: list[tuple[bytes, bytes, int]] = []
        """This block's fills: taker, maker, quote quantums."""
        self.open_interest: dict[int, int] = {market.perpetual: 0 for market in rules.markets}
        self.resting: list[Live] = []
        self.waiting: list[Live] = []
        """Conditional orders that have not triggered."""
        self.queue: list[Live] = []
        """Those of them that a price has reached and no block has run yet."""
        self.parents: list[dict[str, Any]] = []
        """TWAP orders: live, legs, quantums, due (unix seconds)."""
        self.filled: dict[Name, int] = {}
        self.filled_til: dict[Name, int] = {}
        """Short-term: latest good-til-block under which the id filled, or rested with fills."""
        self.cancelled_til: dict[Name, int] = {}
        """Short-term: latest good-til-block of its cancels."""
        self.voided: list[Name] = []
        """Stateful ids cancelled in lane 1 of this block."""
        self.removed: list[Name] = []
        """Stateful ids that ended in this block without their owner's doing."""
        self.trades: list[tuple[int, int]] = []
        """(pair, subticks) of this block's fills."""
        self.trades_before: list[tuple[int, int]] = []
        self.log: list[tuple[Any, ...]] = []

    @property
    def seconds(self) -> int:
        """Block time in whole seconds."""
        return self.time_ns // 1_000_000_000

    def frame(self) -> dict[str, Any]:
        """Everything as it is now."""
        return {name: copied(value) for name, value in self.__dict__.items()}

    def restore(self, frame: dict[str, Any]) -> None:
        """Everything as it was. Placements are not used twice."""
        placements = self.placements
        self.__dict__ = frame
        self.placements = placements

    def position(self, account: Account, perpetual: int) -> int:
        """Signed base quantums."""
        return self.positions.get(account, {}).get(perpetual, 0)

    def find(self, lives: Iterable[Live], name: Name) -> Live | None:
        """The one with that id."""
        return next((live for live in lives if live.order.name == name), None)

    def remaining(self, order: Order) -> int:
        """Base quantums not filled yet."""
        return order.quantums - self.filled.get(order.name, 0)

    def next_since(self) -> tuple[int, int]:
        """Time priority of what comes to rest now."""
        self.placements += 1
        return self.height, self.placements

    def exists(self, name: Name) -> bool:
        """A stateful order of that id is in state, of whatever kind."""
        lives = [*self.resting, *self.waiting, *(parent["live"] for parent in self.parents)]
        return self.find(lives, name) is not None

    def oracle_subticks(self, market: Market) -> Fraction:
        """The oracle's price in subticks, exactly (dydx-clob.md 4)."""
        exponent = market.price_exponent - market.conversion + market.atomic_resolution + 6
        return self.price[market.perpetual] * Fraction(10) ** exponent
