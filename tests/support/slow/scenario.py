"""Random trading for the slow chain and the real one side by side: the same messages, and everything compared after every one."""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from math import floor
from random import Random
from typing import Any, NamedTuple

from support.slow.chain import SlowChain
from support.slow.charges import tier_of
from support.slow.exchanges import (
    ACCOUNTS,
    BUILDER,
    DOLLAR,
    OWNERS,
    PRICES,
    ROUTERS,
    SECOND,
    SIZES,
    TREASURY,
    WALLET,
    genesis,
)
from support.slow.money import initial_ppm, notional, pools, worth_of
from support.slow.order import CANCEL, TAKER, Ticket, block_seed, canonical_order, lane_of
from support.slow.real import FIRST_HEIGHT, START_NS, RealChain, protobuf
from support.slow.rules import check_form
from support.slow.wire import name_text
from support.slow.world import (
    CONDITIONAL,
    IOC,
    LONG_TERM,
    POST_ONLY,
    REST,
    SHORT_TERM,
    TWAP,
    Account,
    Fail,
    Market,
    Order,
    Rules,
)


class Transaction(NamedTuple):
    """Messages of one owner."""

    owner: bytes
    messages: list[dict[str, Any]]
    sequence: int


class Duel:
    """Both chains at the same block. `transact` and the steps of a block assert that they agree; `seen` counts what happened."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.real = RealChain(genesis(rules))
        self.slow = SlowChain(rules, FIRST_HEIGHT, START_NS, PRICES)
        self.slow.world.wallet = dict.fromkeys(OWNERS, WALLET)
        self.height, self.time_ns, self.prices = FIRST_HEIGHT, START_NS, dict(PRICES)
        self.seen: Counter[Any] = Counter()
        self.trail: list[Any] = []
        """What was done, for a failing example."""
        for account, amount in ACCOUNTS:
            if amount:
                self.transact([{"kind": "deposit", "sender": account[0], "recipient": account, "amount": amount}], TAKER, [], [])

    def block(self, transactions: list[Transaction], prices: Mapping[int, int], elapsed_ns: int) -> None:
        """One block of these transactions in canonical order."""
        self.height, self.time_ns, self.prices = self.height + 1, self.time_ns + elapsed_ns, dict(prices)
        self.trail.append(("block", self.height, elapsed_ns, self.prices))
        index = self.real.begin(self.height, self.time_ns, self.prices)
        moved = sum(index[perpetual] != self.slow.world.funding_index[perpetual] for perpetual in index)
        self.seen["funding"] += moved
        self.slow.begin(self.height, self.time_ns, self.prices, index)
        self.seen["queued"] += len(self.slow.world.queue)
        self.compare("clock")
        ordered = self._ordered(transactions)
        later = [tx for tx in ordered if lane_of(tx.messages) != CANCEL]
        slow_later = [name for tx in later for name in placed_names(tx.messages)]
        real_later = self.real.placements([protobuf(message) for tx in later for message in tx.messages])
        for tx in ordered:
            if lane_of(tx.messages) < TAKER:
                self.transact(tx.messages, lane_of(tx.messages), slow_later, real_later)
        self.real.engine()
        self.slow.engine()
        self.compare("engine")
        for tx in ordered:
            if lane_of(tx.messages) >= TAKER:
                self.transact(tx.messages, lane_of(tx.messages), slow_later, real_later)
        self.real.end()
        self.slow.end()
        self.compare("end")
        self._count_facts()

    def _count_facts(self) -> None:
        """What has come into play, for tests that must not pass without it."""
        world = self.slow.world
        self.seen["tier"] += sum(tier_of(world, owner) != self.rules.fee_tiers[0] for owner in OWNERS)
        for name, payees in (("router", ROUTERS), ("revenue", [TREASURY]), ("builder", [BUILDER])):
            self.seen[name] += sum(world.wallet.get(payee, 0) > 0 for payee in payees)
        for account, positions in world.positions.items():
            for held, quantums in positions.items():
                market = self.rules.by_perpetual(held)
                value = notional(market, abs(quantums), world.price[held])
                self.seen["bracket"] += len(market.brackets) > 1 and value > market.brackets[1][0]
                self.seen["isolated"] += market.isolated
                scaled = initial_ppm(world, market, world.open_interest[held])
                self.seen["scaled"] += scaled > market.initial_ppm
                self.seen["leverage"] += world.leverage.get(account, {}).get(held, 0) > scaled

    def _ordered(self, transactions: list[Transaction]) -> list[Transaction]:
        tickets = [
            Ticket(lane_of(tx.messages), tx.owner, tx.sequence, sha256(position.to_bytes(4, "big")).digest())
            for position, tx in enumerate(transactions)
        ]
        seed = block_seed("test-1", self.height, b"")
        return [transactions[position] for position in canonical_order(seed, tickets)]

    def transact(self, messages: list[dict[str, Any]], lane: int, slow_later: list[Any], real_later: list[Any]) -> tuple[str, int]:
        """One transaction on both; what both answer."""
        self.trail.append((lane, messages))
        expected = self.slow.run(messages, lane, slow_later)
        found = self.real.run([protobuf(message) for message in messages], lane, real_later)
        assert found == expected, f"code {found}, the text gives {expected}: {self.story()}"
        self.seen["code", *expected] += 1
        self.compare(messages)
        return expected

    def compare(self, what: Any) -> None:
        """Events, books, waiting orders, accounts, pools, fees and open interest are equal."""
        log = self.slow.take_log()
        expected = [(entry[0], *(name_text(part) if isinstance(part, tuple) else part for part in entry[1:])) for entry in log]
        found = self.real.take_log()
        for entry in expected:
            self.seen[entry[0] if entry[0] != "ended" else entry[::2]] += 1
        assert _fills(found) == _fills(expected), f"fills {found}, the text gives {expected}: {self.story()}"
        assert _others(found) == _others(expected), f"ends {found}, the text gives {expected}: {self.story()}"
        world = self.slow.world
        for market in self.rules.markets:
            for buys in (True, False):
                book = self.real.book(market.pair, buys=buys)
                assert book == self.slow.book(market.pair, buys=buys), (
                    f"book {book}, the text gives {self.slow.book(market.pair, buys=buys)}: {self.story()}"
                )
            interest = self.real.wiring.perp.keeper.open_interest(self.real.ctx, market.perpetual)
            assert interest == world.open_interest[market.perpetual], f"open interest {interest}: {self.story()}"
        for account, _ in ACCOUNTS:
            assert self.real.waiting(account) == self.slow.waiting(account), self.story()
            assert self.real.parents(account) == self.slow.parents(account), self.story()
        self._compare_money()

    def _compare_money(self) -> None:
        world = self.slow.world
        for account, expected in self.slow.accounts().items():
            found = self.real.account(account)
            assert found == expected, f"account {account}: {found}, the text gives {expected}: {self.story()}"
            risk, worth = self.real.risk(account), worth_of(world, account)
            assert risk == worth, f"risk of {account}: {risk}, the text gives {worth}: {self.story()}"
        for name, amount in pools(world).items():
            held = self.real.module_balance(name) - self._unsettled(name)
            assert held == amount, f"pool {name} {held}, the text gives {amount}: {self.story()}"
        assert self.real.module_balance("fee_collector") == world.fees_collected, self.story()
        for address, amount in world.wallet.items():
            assert self.real.wallet(address) == amount, self.story()

    def _unsettled(self, _name: str) -> int:
        """Longs owe shorts of the same pool what is not settled, so a pool as a whole owes nothing."""
        return 0

    def story(self) -> str:
        """What was done, one step a line."""
        return "\n".join(["", *map(repr, self.trail[-40:])])


def placed_names(messages: list[dict[str, Any]]) -> list[Any]:
    """Ids of the stateful orders that these messages place; what has not even the form of an order places none."""
    found = []
    for message in messages:
        if message["kind"] == "place" and message["order"].flags != SHORT_TERM:
            try:
                check_form(message["order"])
            except Fail:
                continue
            found.append(message["order"].name)
    return found


def _fills(log: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [entry for entry in log if entry[0] == "fill"]


def _others(log: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(entry for entry in log if entry[0] != "fill")


class Crowd:
    """Random traders. Everything they choose comes from one Random, so that Hypothesis can shrink it and a seed can repeat it."""

    def __init__(self, random: Random, duel: Duel, kinds: tuple[str, ...]) -> None:
        self.random, self.duel, self.kinds = random, duel, kinds
        self.sequence = 0
        self.builders = True
        self.spent: list[Any] = []
        """Short-term ids that have had fills."""
        self.hurried = random.randint(0, 1) == 1
        """Blocks come a TWAP interval apart."""
        self.reusing = False
        """Whether short-term ids with remembered fills are placed again."""

    def block(self) -> None:
        """One block of up to a dozen transactions; seldom as many empty ones as short-term orders are remembered."""
        random = self.random
        remembered = sorted(set(self.duel.slow.world.filled_til.values()))
        if remembered and random.randint(0, 30) == 0:
            until = random.choice(remembered) + random.choice((38, 39, 40, 40))
            while self.duel.height < until:
                self.duel.block([], self.duel.prices, 1)
            self.reusing = True
        prices = {perpetual: max(1, price * self._move() // 10_000) for perpetual, price in self.duel.prices.items()}
        transactions = [self._transaction() for _ in range(random.randint(0, 14))]
        transactions += [self._placed_later(tx) for tx in transactions if self._chases(tx)]
        paces = (
            (31 * SECOND, 31 * SECOND, 101 * SECOND)
            if self.hurried and random.randint(0, 3)
            else (1, SECOND, 17 * SECOND // 10, 5 * SECOND)
        )
        elapsed_ns = random.choice(paces)
        self.duel.block(transactions, prices, elapsed_ns)
        self.reusing = False

    def _move(self) -> int:
        """The new price in basis points of the old one."""
        return self.random.choice((10_000,) * 8 + (9_995, 10_003, 9_990, 10_008, 9_900, 10_120, 9_700, 10_300, 8_700, 11_400))

    def _transaction(self) -> Transaction:
        self.sequence += 1
        account = self._account()
        kind = self.random.choice(self.kinds)
        messages = [self._message(kind, account)]
        if kind in ("long", "stateful_cancel") and self.random.randint(0, 5) == 0:
            messages.append(self._message(self.random.choice(("long", "stateful_cancel")), account))
        owner = account[0]
        if kind == "short":
            owner = messages[0]["order"].account[0]
        elif kind == "leverage":
            owner = messages[0]["account"][0]
        return Transaction(owner, messages, self.sequence)

    def _chases(self, tx: Transaction) -> bool:
        """Whether a placement of the id that is cancelled here follows in the block."""
        message = tx.messages[0]
        return message["kind"] == "cancel" and message["name"][2] in (LONG_TERM, CONDITIONAL) and self.random.randint(0, 2) == 0

    def _placed_later(self, tx: Transaction) -> Transaction:
        self.sequence += 1
        pair, account, flags, client_id = tx.messages[0]["name"]
        order = self._order(account, flags)
        order = order._replace(pair=pair, client_id=client_id) if self.random.randint(0, 9) else order
        return Transaction(account[0], [{"kind": "place", "order": order}], self.sequence)

    def _account(self) -> Account:
        return self.random.choice(ACCOUNTS[:2] if self.random.randint(0, 2) == 0 else ACCOUNTS)[0]

    def _message(self, kind: str, account: Account) -> dict[str, Any]:
        random = self.random
        match kind:
            case "short" | "long" | "conditional" | "twap":
                flags = {"short": SHORT_TERM, "long": LONG_TERM, "conditional": CONDITIONAL, "twap": TWAP}[kind]
                return {"kind": "place", "order": self._order(account, flags)}
            case "short_cancel":
                return {"kind": "cancel", "name": self._name(account, (SHORT_TERM,)), "good_til": self._good_til(SHORT_TERM)}
            case "stateful_cancel":
                name = self._name(account, (LONG_TERM, LONG_TERM, CONDITIONAL, TWAP))
                return {"kind": "cancel", "name": name, "good_til": self._good_til(LONG_TERM)}
            case "batch_cancel":
                pairs = random.sample((0, 5, 7, 8, 99), random.randint(1, 3))
                batches = [(pair, [random.randint(0, 5) for _ in range(random.randint(1, 2))]) for pair in pairs]
                return {"kind": kind, "account": account, "batches": batches, "good_til": self._good_til(SHORT_TERM)}
            case "deposit":
                return {"kind": kind, "sender": account[0], "recipient": self._account(), "amount": self._amount()}
            case "withdraw":
                return {"kind": kind, "sender": account, "recipient": account[0], "amount": self._amount()}
            case "leverage":
                pairs = random.sample((0, 5, 7, 99) if random.randint(0, 9) == 0 else (0, 5, 7), random.randint(1, 2))
                entries = [(pair, random.choice((20_000, 33_333, 100_000, 100_000, 500_000, 1_000_000, 1_000_000))) for pair in pairs]
                holders = sorted(account for account, held in self.duel.slow.world.positions.items() if held)
                account = random.choice(holders) if holders and random.randint(0, 2) else account
                return {"kind": kind, "account": account, "entries": entries if random.randint(0, 20) else entries[:1] * 2}
        return {"kind": "transfer", "sender": account, "recipient": self._account(), "amount": self._amount()}

    def _amount(self) -> int:
        return self.random.choice((1, 5, 90, 700, 25_000)) * self.random.choice((1, DOLLAR, DOLLAR)) * (self.random.randint(0, 20) > 0)

    def _good_til(self, flags: int) -> int:
        if flags == SHORT_TERM:
            ahead = (0, 1, 2, 3, 5, 20, 40, 40) if self.random.randint(0, 15) else (-1, 41)
            return self.duel.height + 1 + self.random.choice(ahead)
        now = self.duel.time_ns // SECOND
        return now + self.random.choice((7, 40, 400, 3_600, 3_600) if self.random.randint(0, 15) else (0, 1, 2, 95 * 86_400, 96 * 86_400))

    def _name(self, account: Account, flags: tuple[int, ...]) -> Any:
        """Mostly an order that exists."""
        world = self.duel.slow.world
        lives = [*world.resting, *world.waiting, *(parent["live"] for parent in world.parents)]
        names = [live.order.name for live in lives if live.order.account == account and live.order.flags in flags]
        if names and self.random.randint(0, 4):
            return self.random.choice(names)
        return self.random.choice((0, 0, 5, 7, 8, 9)), account, self.random.choice(flags), self.random.randint(0, 5)

    def _order(self, account: Account, flags: int) -> Order:
        random = self.random
        markets = self.duel.rules.markets
        held = [market for market in markets if market.perpetual in self.duel.slow.world.positions.get(account, {})]
        if held and random.randint(0, 2) == 0:
            market = random.choice(held)
        else:
            market = random.choice((*markets[:1] * 3, markets[1], *markets[2:3] * 2)) if random.randint(0, 15) else markets[3]
        buys = random.random() < 0.5
        oracle = floor(self.duel.slow.world.oracle_subticks(market))
        order = Order(
            account,
            random.randint(0, 5),
            flags,
            market.pair if random.randint(0, 99) else 99,
            buys,
            self._size(market),
            self._price(market, oracle),
            self._good_til(flags),
            random.choice((REST, REST, REST, IOC, POST_ONLY)),
        )
        if order.time_in_force == IOC and random.randint(0, 1):
            order = order._replace(reduce_only=True)
        if flags == LONG_TERM and order.time_in_force == IOC and random.randint(0, 19):
            order = order._replace(time_in_force=REST, reduce_only=False)
        if flags == SHORT_TERM and random.randint(0, 3) == 0:
            order = self._replacement(order)
        elif flags == SHORT_TERM and (self.reusing or random.randint(0, 20) == 0):
            order = self._reuse(order)
        if flags == CONDITIONAL:
            order = order._replace(condition=random.choice((1, 2)), trigger=self._price(market, oracle))
        if flags == TWAP:
            order = self._twap(order, market)
        if self.builders and random.randint(0, 12) == 0:
            order = order._replace(builder=(BUILDER, random.choice((1, 500, 10_000, 10_001))))
        if random.randint(0, 12) == 0:
            order = order._replace(router=random.choice(ROUTERS + ROUTERS[:2] * 3))
        return order

    def _replacement(self, order: Order) -> Order:
        """The order under the id of one that rests, mostly as a replacement must be."""
        resting = [live.order for live in self.duel.slow.world.resting if live.order.account == order.account]
        resting = [old for old in resting if old.flags == SHORT_TERM and old.pair == order.pair]
        if not resting:
            return order
        old = self.random.choice(resting)
        order = order._replace(client_id=old.client_id, buys=old.buys, good_til=old.good_til + self.random.choice((0, 1)))
        return order._replace(time_in_force=old.time_in_force, reduce_only=False) if self.random.randint(0, 5) else order

    def _reuse(self, order: Order) -> Order:
        """The order under an id whose fills may still be remembered, by its owner."""
        names = sorted(self.duel.slow.world.filled_til)
        names += [name for name in self.spent if name not in names]
        self.spent = names
        if not names:
            return order
        pair, account, _, client_id = self.random.choice(names)
        order = order._replace(pair=pair, account=account, client_id=client_id, good_til=self.duel.height + 1)
        market = self.duel.rules.by_pair(pair)
        price = self._price(market, floor(self.duel.slow.world.oracle_subticks(market)))
        return order._replace(quantums=self._size(market), subticks=price)

    def _twap(self, order: Order, market: Market) -> Order:
        random = self.random
        twap = random.choice(((300, 30, 0), (300, 60, 5_000), (300, 100, 20_000), (330, 30, 1), (86_400, 3_600, 0)))
        if random.randint(0, 15) == 0:
            twap = random.choice(((300, 45, 5), (300, 29, 0), (86_430, 30, 0), (300, 30, 1_000_000)))
        if random.randint(0, 1):
            order = order._replace(quantums=random.choice((10, 11, 33)) * SIZES[market.pair] // 50 * market.step)
        subticks = 0 if random.randint(0, 1) else order.subticks
        return order._replace(twap=twap, subticks=subticks, reduce_only=order.time_in_force == IOC and random.randint(0, 1) == 1)

    def _size(self, market: Market) -> int:
        random = self.random
        most = SIZES[market.pair]
        steps = random.choice((1, 2, 3, most // 50, most // 10, random.randint(1, most), most, most, most * 100))
        if random.randint(0, 50) == 0:
            return random.choice((0, steps * market.step + 1))
        return steps * market.step

    def _price(self, market: Market, oracle: int) -> int:
        """Near the oracle's price, often at the same few ticks, seldom far off or not in whole ticks."""
        random = self.random
        near = oracle * random.choice((10_000,) * 5 + (9_998, 10_002, 9_980, 10_020, 9_800, 10_200, 8_000, 12_500)) // 10_000
        return near - near % market.tick + random.choice((0, 0, 0, 1, -1)) * market.tick + (0 if random.randint(0, 60) else 1)
