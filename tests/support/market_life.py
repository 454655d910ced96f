"""A seeded life of a market: traders quote, take, cancel, lever up and move money while prices walk and epochs pass.

The chances come from SHA-256, so that a seed means the same life on every Python, for ever.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from support.exchange import DOLLAR, GAS_TOKEN, TRADERS, USDC, Exchange, Happened, genesis
from support.markets import BTC, ETH, LINK
from support.trader_messages import order_message, transfer_message

Item = TypeVar("Item")
MILLION = 1_000_000
STEP, TICK = 1_000_000, 100_000
ISOLATED_NUMBER = 128
"""The subaccount in which everyone trades LINK: a child of number 0, as front ends number them."""
COLLATERAL = {"alice": 200_000 * DOLLAR, "bob": 200_000 * DOLLAR, "carol": 300 * DOLLAR, "dave": 200 * DOLLAR, "erin": 100 * DOLLAR}
"""Two rich market makers, and three who lever up and get liquidated."""
SIZES = {BTC: 20, ETH: 60, LINK: 120}
"""The usual largest size of an order, in steps, of somebody with a thousandth of the makers' means."""


class Chance:
    """An endless row of numbers from a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, limit: int) -> int:
        """0 <= number < limit."""
        self._drawn += 1
        return int.from_bytes(sha256(b"%d/%d" % (self._seed, self._drawn)).digest()[:16], "big") % limit

    def between(self, low: int, high: int) -> int:
        """Both included."""
        return low + self.below(high - low + 1)

    def one_in(self, count: int) -> bool:
        return self.below(count) == 0

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]


def life_genesis() -> dict[str, Any]:
    """Funding every ten seconds with high interest; lots of one step."""
    state = genesis(collateral=COLLATERAL, isolated_insurance=100 * DOLLAR)
    for row in state["funding"]["perpetuals"]:
        row |= {"lot_base_quantums": str(STEP), "epoch_seconds": 10, "outage_seconds": 60}
    for row in state["perp"]["perpetuals"]:
        row["default_funding_ppm"] = 9_001
    state["fees"] = {
        "tiers": [
            {"name": "1", "taker_fee_ppm": 500, "maker_fee_ppm": -110},
            {"name": "2", "taker_fee_ppm": 450, "maker_fee_ppm": -110, "absolute_volume_requirement": "1000000000000"},
        ]
    }
    return state


class Known(NamedTuple):
    """An order id that was used."""

    name: str
    pair: int
    number: int
    client_id: int
    is_long_term: bool
    good_til: int


class MarketLife:
    """Makes each next block's pool for an exchange of `life_genesis`."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.exchange = exchange
        self.chance = Chance(seed)
        self.mids = {market: exchange.reported[0][market] for market in (BTC, ETH, LINK)}
        self._client_id = 0
        self._known: list[Known] = []
        self._actions: tuple[tuple[int, Callable[[], bytes]], ...] = (
            (8, self._quote),
            (8, self._take),
            (3, self._rest_long),
            (3, self._cancel),
            (1, self._cancel_many),
            (2, self._reduce),
            (2, self._replace),
            (2, self._move_money),
            (1, self._bundle),
        )

    def step(self, size: int = 14) -> Happened:
        """One block of this life."""
        return self.exchange.block(*self.next_pool(size))

    def next_pool(self, size: int = 14) -> list[bytes]:
        """The transactions of the next block; the first block funds the isolated subaccounts."""
        self._walk()
        if self.exchange.chain.height + 1 == self.exchange.chain.initial_height:
            return [self.exchange.deposit(name, 2_000 * DOLLAR, ISOLATED_NUMBER) for name in TRADERS]
        total = sum(weight for weight, _ in self._actions)
        pool: list[bytes] = []
        while len(pool) < size:
            drawn = self.chance.below(total)
            for weight, action in self._actions:
                drawn -= weight
                if drawn < 0:
                    tx = action()
                    if tx not in pool:
                        pool.append(tx)
                    break
        return pool

    def _walk(self) -> None:
        """Prices go up and down by at most 1.5 %."""
        for market in self.mids:
            self.mids[market] = self.mids[market] * (MILLION + self.chance.between(-15_000, 15_000)) // MILLION
            for reported in self.exchange.reported:
                reported[market] = self.mids[market]

    def _next_id(self) -> int:
        self._client_id += 1
        return self._client_id

    def _terms(self) -> tuple[str, int, int, str, int]:
        """Who, in which market, with which subaccount, on which side, how much."""
        name, pair = self.chance.pick(TRADERS), self.chance.pick((BTC, BTC, ETH, LINK))
        number = ISOLATED_NUMBER if pair == LINK else 0
        means = 5 if name in ("alice", "bob") and pair != LINK else 1
        size = self.chance.between(1, SIZES[pair] * means) * STEP * (10 if pair != LINK else 1)
        return name, pair, number, self.chance.pick(("buy", "sell")), size

    def _price(self, pair: int, distance_ppm: int) -> int:
        """Whole ticks near the middle of a market: its subticks are the oracle's number in all three."""
        return self.mids[pair] * (MILLION + distance_ppm) // MILLION // TICK * TICK

    def _quote(self) -> bytes:
        name, pair, number, side, size = self._terms()
        distance = self.chance.between(0, 4_000)
        price = self._price(pair, -distance if side == "buy" else distance)
        client_id, until = self._next_id(), self.exchange.next_height + self.chance.between(0, 12)
        self._known.append(Known(name, pair, number, client_id, False, until))
        tif = self.chance.pick(("rest", "post_only"))
        return self.exchange.limit(name, client_id, side, size, price, pair=pair, number=number, tif=tif, good_til_block=until)

    def _take(self) -> bytes:
        name, pair, number, side, size = self._terms()
        distance = self.chance.between(0, 20_000)
        price = self._price(pair, distance if side == "buy" else -distance)
        tif = self.chance.pick(("rest", "ioc"))
        if self.chance.one_in(20):
            number = ISOLATED_NUMBER - number  # the wrong one for this market
        return self.exchange.limit(name, self._next_id(), side, size, price, pair=pair, number=number, tif=tif)

    def _rest_long(self) -> bytes:
        name, pair, number, side, size = self._terms()
        distance = self.chance.between(1_000, 9_000)
        price = self._price(pair, -distance if side == "buy" else distance)
        client_id, until = self._next_id(), self.exchange.next_seconds + self.chance.between(1, 15)
        known = [one for one in self._known if one.is_long_term]
        if known and self.chance.one_in(6):
            name, pair, number, client_id, _, _ = self.chance.pick(known)
            price = self._price(pair, -distance if side == "buy" else distance)
        self._known.append(Known(name, pair, number, client_id, True, until))
        tif = self.chance.pick(("rest", "post_only"))
        return self.exchange.long_term(name, client_id, side, size, price, pair=pair, number=number, tif=tif, good_til_time=until)

    def _cancel(self) -> bytes:
        if not self._known:
            return self._quote()
        one = self.chance.pick(self._known)
        if one.is_long_term:
            return self.exchange.cancel_long_term(one.name, one.client_id, pair=one.pair, number=one.number)
        return self.exchange.cancel(one.name, one.client_id, pair=one.pair, number=one.number)

    def _cancel_many(self) -> bytes:
        name, pair, number, _, _ = self._terms()
        first = self.chance.between(1, self._client_id + 1)
        return self.exchange.batch_cancel(name, range(first, first + 10), pair=pair, number=number)

    def _reduce(self) -> bytes:
        name, pair, number, side, size = self._terms()
        price = self._price(pair, 20_000 if side == "buy" else -20_000)
        client_id = self._next_id()
        return self.exchange.limit(name, client_id, side, size, price, pair=pair, number=number, tif="ioc", reduce_only=True)

    def _replace(self) -> bytes:
        short = [one for one in self._known if not one.is_long_term]
        if not short:
            return self._quote()
        one = self.chance.pick(short)
        _, _, _, side, size = self._terms()
        until = max(one.good_til + 1, self.exchange.next_height)
        price = self._price(one.pair, -3_000 if side == "buy" else 3_000)
        return self.exchange.limit(one.name, one.client_id, side, size, price, pair=one.pair, number=one.number, good_til_block=until)

    def _move_money(self) -> bytes:
        name, other = self.chance.pick(TRADERS), self.chance.pick(TRADERS)
        amount = self.chance.between(1, 500 * DOLLAR)
        fee = self.chance.pick(((), ((USDC, 7),), ((GAS_TOKEN, 3), (USDC, 2))))
        number = self.chance.pick((0, 1, ISOLATED_NUMBER))
        kind = self.chance.below(5)
        if kind == 0:
            return self.exchange.deposit(name, amount, number, fee=fee)
        if kind == 1:
            return self.exchange.withdraw(name, amount * 4, number, fee=fee)
        if kind == 2:
            return self.exchange.transfer(name, amount, number=number, to=other, to_number=self.chance.pick((0, 2)), fee=fee)
        if kind == 3:
            return self.exchange.transfer(name, amount, number=number, to_number=3, fee=fee)
        return self.exchange.send(name, other if self.chance.one_in(2) else f"new{self._next_id()}", amount, fee=fee)

    def _bundle(self) -> bytes:
        """A transfer to an own subaccount and a long-term order there, in one transaction."""
        name, client_id = self.chance.pick(TRADERS), self._next_id()
        until = self.exchange.next_seconds + self.chance.between(1, 20)
        self._known.append(Known(name, ETH, 5, client_id, True, until))
        order = order_message(name, client_id, "buy", 10 * STEP, self._price(ETH, -2_000), pair=ETH, number=5, good_til_time=until)
        return self.exchange.sign(name, transfer_message(name, self.chance.between(1, 50 * DOLLAR), to_number=5), order)
