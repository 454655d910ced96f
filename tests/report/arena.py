"""An attacker and honest makers on a real order book: the exchange's own modules match, and its accounts say what the attack cost.

The attacker is granted more than a block gives: it always acts last in a block, and takes its quotes back before anybody else acts.
"""

from dataclasses import dataclass, replace
from typing import Any

from report.marks import Reading, Rule, reading_of

from modules.clob.model import OrderId
from modules.kernel import address as addresses
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND
from modules.oracle.model import MARK, Series
from support.clob_exchange import STEP, TICK, Exchange, genesis_of, owner
from support.markets import BTC

INDEX = 6_000_000_000
"""60,000 USD, in the oracle's unit as in subticks: they are equal in this market."""
USDC = 1_000_000
"""Quote quantums."""
COIN = 10**10
"""Base quantums of 1 BTC."""
WEALTH = 10**9 * USDC
"""Of each participant: nobody is stopped by a want of money."""
LEVELS = 16
FARTHEST_PPM = 50_000
"""Of each side's last price from the index."""
GROWTH = 1.2
"""Each level holds so much more than the one nearer to the index."""
INITIAL_MARGIN_PPM = 20_000
"""Of the market's tier."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much rests within 1 % of the index on each side, in USDC, from which distance on."""

    name: str
    within_one_percent: int
    nearest_ppm: int

    def levels(self) -> list[tuple[int, int]]:
        """(distance in ticks, base quantums) of each level of a side, nearest first."""
        spread = (FARTHEST_PPM / self.nearest_ppm) ** (1 / (LEVELS - 1))
        distances = [self.nearest_ppm * spread**place for place in range(LEVELS)]
        near = sum(GROWTH**place for place, ppm in enumerate(distances) if ppm <= 10_000)
        found = []
        for place, ppm in enumerate(distances):
            coins = self.within_one_percent * GROWTH**place / near / (INDEX / 100_000)
            found.append((round(INDEX * ppm / MILLION / TICK), max(1, round(coins * COIN / STEP)) * STEP))
        return found


DEPTHS = (Depth("thin", 100_000, 500), Depth("medium", 1_000_000, 200), Depth("deep", 10_000_000, 50))


@dataclass(frozen=True, slots=True)
class Attack:
    """Every block all asks up to so many ticks above the index are bought. Then, or not, an own bid for `bid` quote quantums is left
    there; then, or not, an own ask at `wild_ask` times the index, so that the middle is wild once the side is empty.
    """

    reach_ticks: int
    bid: int = 0
    wild_ask: int = 0


@dataclass(frozen=True, slots=True)
class Bill:
    """What an attack has cost so far, in USDC."""

    bought: float
    """Notional of what was bought, at the prices paid."""
    capital: float
    """The loss and the initial margin of position and resting quotes: what must lie in the account."""
    loss: float
    """Of the position valued at the index, which is the best that closing it can bring, with the fees paid."""


class Arena:
    """One market of a given depth. Each block: the attacker's quotes go, makers refill, the attacker acts, the block ends."""

    def __init__(self, depth: Depth, rule: Rule, *, refill_ppm: int = 0, seconds: int = 1) -> None:
        """`refill_ppm` of a level's full size returns to it per second after something of it was taken."""
        self.depth = depth
        self.refill_ppm = refill_ppm
        self.seconds = seconds
        people = ("maker", "attacker")
        coins = [{"denom": "uusdc", "amount": str(2 * WEALTH)}]
        rows: list[dict[str, Any]] = [{"address": addresses.to_text(owner(name)), "coins": coins} for name in people]
        genesis = genesis_of(people, bank={"denoms": ["uusdc"], "balances": rows}, perp=rule.perp_section())
        self.exchange = Exchange(genesis, rich=(), price=INDEX)
        for name in people:
            self.exchange.deposit(name, WEALTH)
        self._next_id = 0
        self._quotes: list[OrderId] = []
        self._asks: list[tuple[int, int, list[OrderId]]] = []
        for distance, quantums in depth.levels():
            self._rest("maker", "buy", quantums, INDEX - distance * TICK)
            price = INDEX + distance * TICK
            self._asks.append((price, quantums, [self._rest("maker", "sell", quantums, price)]))
        self._begin()

    def block(self, attack: Attack | None) -> tuple[Reading, Bill]:
        """The attack, or nothing, at the end of this block; then the next one has begun: with this mark, and this paid until then."""
        if attack is not None:
            self._strike(attack)
        bill = self.bill()
        bid, ask = (self.exchange.clob.best_subticks(self.exchange.ctx, BTC, is_buy) for is_buy in (True, False))
        self._begin()
        made = reading_of(self.exchange.perp_module.keeper.mark.look(self.exchange.ctx, BTC))
        return (made if bid is None or ask is None else replace(made, middle=(bid + ask) // 2)), bill

    def _begin(self) -> None:
        """The next block has begun, the last one's quotes of the attacker are gone and the makers have refilled."""
        exchange = self.exchange
        exchange.step(seconds=self.seconds, prices={BTC: INDEX})
        exchange.oracle_module.keeper.record_prices(exchange.ctx)
        exchange.perp_module.keeper.mark.record(exchange.ctx)
        for order_id in self._quotes:
            assert exchange.cancel(order_id) == 0
        self._quotes.clear()
        for place, (price, full, orders) in enumerate(self._asks):
            left = [(order_id, remaining) for order_id in orders if (remaining := exchange.rests(order_id))]
            missing = full - sum(remaining for _, remaining in left)
            back = min(missing, full * self.refill_ppm * self.seconds // MILLION) // STEP * STEP
            kept = [order_id for order_id, _ in left]
            if back:
                kept.append(self._rest("maker", "sell", back, price))
            self._asks[place] = (price, full, kept)

    def _strike(self, attack: Attack) -> None:
        """The attacker's orders of this block."""
        limit = INDEX + attack.reach_ticks * TICK
        wanted = sum(level.quantums for level in self.exchange.clob.book(self.exchange.ctx, BTC).asks if level.subticks <= limit)
        if wanted:
            self._rest("attacker", "buy", wanted, limit, tif="ioc")
        if attack.bid:
            quantums = attack.bid * COIN // (limit * 10) // STEP * STEP + STEP
            self._quotes.append(self._rest("attacker", "buy", quantums, limit))
        if attack.wild_ask:
            price = INDEX * attack.wild_ask
            self._quotes.append(self._rest("attacker", "sell", STEP * 20_000, price))

    def average(self, seconds: int) -> int:
        """Of the mark over the last seconds up to this block, or since the first block, in the oracle's unit: what `observe` answers."""
        averages, ctx, series = self.exchange.oracle_module.keeper.averages, self.exchange.ctx, Series(MARK, BTC)
        kept = averages.kept(ctx, series)
        assert kept is not None
        return averages.average(ctx, series, max(kept.oldest_ns, ctx.time_ns - seconds * NANOSECONDS_PER_SECOND), ctx.time_ns).price

    def bill(self) -> Bill:
        """What the attacker has paid until now."""
        position = self.exchange.position("attacker")
        paid = WEALTH - self.exchange.collateral("attacker")
        loss = paid - position * INDEX // 10**9
        notional = position * INDEX // 10**9
        quoted = sum(self._notional(order_id) for order_id in self._quotes)
        capital = loss + (notional + quoted) * INITIAL_MARGIN_PPM // MILLION
        return Bill(paid / USDC, capital / USDC, loss / USDC)

    def _notional(self, order_id: OrderId) -> int:
        resting = self.exchange.clob.order(self.exchange.ctx, order_id)
        return 0 if resting is None else resting.quantums * resting.subticks // 10**9

    def _rest(self, name: str, side: str, quantums: int, subticks: int, **changes: Any) -> OrderId:
        self._next_id += 1
        short = "tif" in changes
        order = (self.exchange.short if short else self.exchange.long)(name, self._next_id, side, quantums, subticks, **changes)
        code = self.exchange.place(order)
        assert code == 0, f"{name} could not place {order}: code {code}"
        return order.id
