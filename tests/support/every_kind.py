"""A simulated exchange in which everybody does everything: every kind of order, cancel and transfer, and the authority's changes.

Several subaccounts of each trader, cross and isolated markets, a market with brackets, equity tiers, volume tiers, routers, builders and
revenue shares; prices crash, or fall silent until they are stale, block times jump, markets change their status and are closed for good and
opened again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from modules.clob.model import CONDITIONAL, TWAP, TWAP_SLICE
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank_pb2
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from support import load
from support.app_network import deposit, transfer, withdraw
from support.authority_changes import AuthorityChanges
from support.chain import Block
from support.event_ledger import Values, values_of
from support.price_traffic import PriceTraffic, with_sources
from support.simulation import LINK, MAKERS, Simulation, genesis

ROUTER, REVENUE, BUILDER = 1, 2, 3
PRICES, PUSHER = 4, 5
"""Traders who get shares of fees, by number; the router gets one of both kinds. Then who brings signed prices, and who pushes them."""
CHILD = 128
"""The first child of subaccount 0, as front ends number them."""
BRACKETS_TIER = 8
KINDS = {load.SHORT_TERM: "short-term", load.LONG_TERM: "long-term", CONDITIONAL: "conditional", TWAP: "TWAP", TWAP_SLICE: "slice"}
TWAP_SECONDS, TWAP_INTERVALS = 300, (30, 60, 100, 150, 300)
MONEY = ("deposit", "deposit other", "withdraw", "withdraw", "transfer own", "transfer child", "transfer other", "send", "send two")
FIRST_TRANSFER_QUOTE = {True: 8_000 * load.DOLLAR, False: 15 * load.DOLLAR}
"""What makers, and all others, move from subaccount 0 to each of two others in the first block."""


def every_genesis(rng: random.Random) -> tuple[dict[str, Any], list[load.Trader]]:
    """The simulation's genesis with an authority (the last trader) and everything that genesis can switch on."""
    state, people = genesis(rng)
    state["authority"] = {"address": people[-1].text}
    state["oracle"] |= {"maximum_age_seconds": 30, "reopening": {"gap_seconds": 200, "fresh_prices": 2}}
    state["perp"]["perpetuals"][0]["liquidity_tier"] = BRACKETS_TIER
    state["fees"] = {
        "tiers": [
            {"name": "1", "taker_fee_ppm": 500, "maker_fee_ppm": 100},
            {"name": "2", "taker_fee_ppm": 400, "maker_fee_ppm": 0, "absolute_volume_requirement": str(20_000 * load.DOLLAR)},
            {"name": "3", "taker_fee_ppm": 350, "maker_fee_ppm": -110, "absolute_volume_requirement": str(100_000 * load.DOLLAR)},
        ],
        "window_seconds": 3_600,
        "revenue_shares": [
            {"address": people[ROUTER].text, "share_ppm": 30_000},
            {"address": people[REVENUE].text, "share_ppm": 70_001},
        ],
        "order_routers": [{"address": people[ROUTER].text, "share_ppm": 200_003}],
    }
    state["clob"] |= {
        "params": {"max_fills_per_order": rng.choice([3, 5, 500]), "max_open_orders": rng.choice([0, 12, 40])},
        "equity_tiers": {
            "stateful": [
                {"usd_tnc_required": "0", "limit": 4},
                {"usd_tnc_required": str(200 * load.DOLLAR), "limit": 12},
                {"usd_tnc_required": str(5_000 * load.DOLLAR), "limit": 60},
            ],
            "short_term": [{"usd_tnc_required": "0", "limit": 5}, {"usd_tnc_required": str(1_000 * load.DOLLAR), "limit": 50}],
        },
        "block_rate_limits": {"stateful_orders": [{"num_blocks": 2, "limit": 20}], "leverage_updates": [{"num_blocks": 5, "limit": 2}]},
    }
    with_sources(state, people[PUSHER], rng)
    return state, people


class EveryKind(Simulation):
    """One seed's exchange. `accepted` counts what succeeded in a block, by kind, and by what else it had: builder, router, fee."""

    def __init__(self, directory: Path, seed: int, apps: int = 1) -> None:
        super().__init__(directory, seed, apps, every_genesis)
        self.sent: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.money: Counter[str] = Counter()
        """Fills by what was special about their money or their orders."""
        self.kinds: dict[bytes, str] = {}
        """What the transactions of the next block are."""
        self._numbers = count(1_000_000)
        self.authority = AuthorityChanges(self.network, self.rng)
        self.prices = PriceTraffic(self.network, self.network.people[PRICES], self.network.people[PUSHER], seed)
        self._actions: tuple[tuple[int, Callable[[], Iterator[bytes]]], ...] = (
            (26, self._short_term),
            (5, self._replacement),
            (12, self._long_term),
            (12, self._conditional),
            (7, self._twap),
            (12, self._cancel_any),
            (3, self._cancel_batch),
            (4, self._leverage),
            (10, self._money),
            (3, self._bundle),
            (3, self._wrong),
        )

    # Blocks

    def scan(self) -> None:
        """As of every simulation, and the laws of money and positions counted once more without the modules' help."""
        super().scan()
        network, ledger = self.network, self.reader.ledger
        supply: Counter[str] = Counter()
        for (_, denom), amount in self.reader.bank.balances.items():
            supply[denom] += amount
        genesis_supply: Counter[str] = Counter()
        for holder in network.state["bank"]["balances"]:
            for coin in holder["coins"]:
                genesis_supply[coin["denom"]] += int(coin["amount"])
        assert supply == genesis_supply, "money came or went"
        for perpetual in network.state["perp"]["perpetuals"]:
            sizes = [held.quantums for (_, perpetual_id), held in ledger.positions.items() if perpetual_id == perpetual["id"]]
            assert sum(sizes) == 0, f"positions in perpetual {perpetual['id']} sum to {sum(sizes)}"
            interest = network.app.wiring.perp.keeper.open_interest(network.context(), perpetual["id"])
            assert sum(size for size in sizes if size > 0) == interest

    def run(self, blocks: int) -> None:
        """So many blocks, each followed by a full scan."""
        self.network.chain.start()
        for _ in range(blocks):
            self.block()
            self.scan()

    def step_ns(self) -> int:
        rng, kind = self.rng, self.rng.random()
        if kind < 0.02:
            return rng.randrange(30, 400) * 10**9
        return rng.randrange(300, 12_000) * 10**6

    def move_prices(self) -> None:
        """Besides the usual: crashes that ruin accounts, recoveries, and markets of which nobody reports a price for a while."""
        super().move_prices()
        if self.rng.random() < 0.05:
            market = self.rng.randrange(len(self.network.markets))
            first = int(self.network.state["oracle"]["markets"][market]["price"])
            self.network.prices[market] = first * self.rng.choice([400_000, 700_000, 900_000, 1_000_000, 1_150_000, 1_600_000]) // 1_000_000
        silent = self.network.unreported
        for market in list(silent):
            silent[market] -= 1
            if not silent[market]:
                del silent[market]
        if self.rng.random() < 0.03:
            silent[self.rng.randrange(len(self.network.markets))] = self.rng.randrange(5, 30)

    def pool(self) -> list[bytes]:
        rng, network = self.rng, self.network
        self.kinds = {}
        if network.height + 1 == network.chain.initial_height:
            return list(self._first())
        pool = super().pool()
        for name, message in self.authority.next():
            pool.append(self._named(name, network.people[-1], message))
        rng.shuffle(pool)
        pool += [self._named(name, who, message) for name, who, message in self.prices.next()]
        return pool

    def decided(self, block: Block) -> None:
        super().decided(block)
        for tx, result in zip(block.txs, block.results, strict=True):
            if tx in self.kinds and result.code == 0:
                self.accepted.update(self.kinds[tx].split(" + "))

    def _count(self, events: Any) -> None:
        super()._count(events)
        for event in events:
            if event.type == "match":
                self.money.update(_special(values_of(event)))
            elif event.type == "order_fill":
                values = values_of(event)
                for side in ("taker", "maker"):
                    self.money[f"{side} is {_kind_of(values[f'{side}_order'])}"] += 1

    def _named(self, kind: str, who: load.Trader, *messages: Any, fee: int = 0) -> bytes:
        tx = self._signed(who, *messages, fee=fee)
        self.kinds[tx] = kind
        self.sent.update(kind.split(" + "))
        return tx

    # What traders do

    def _first(self) -> Iterator[bytes]:
        """Everybody has something in the subaccount for isolated positions and in a child."""
        for who in self.network.people:
            amount = FIRST_TRANSFER_QUOTE[who.number < MAKERS]
            yield self._named("transfer own", who, *(transfer(who, who, amount, 0, number) for number in (1, CHILD)))

    def _quotes(self) -> Iterator[bytes]:
        for tx in super()._quotes():
            self.kinds[tx] = "maker quote"
            yield tx

    def _traffic(self) -> Iterator[bytes]:
        drawn = self.rng.randrange(sum(weight for weight, _ in self._actions))
        for weight, action in self._actions:
            drawn -= weight
            if drawn < 0:
                yield from action()
                return

    def _terms(self) -> tuple[load.Trader, int, int]:
        """Who, in which market, from which subaccount; seldom one that cannot have the market."""
        rng = self.rng
        who = rng.choice(self.network.people[:-1])
        place = rng.randrange(len(self.network.markets))
        isolated = self.network.markets[place].perpetual_id == LINK
        number = rng.choice([1, 1, 1, CHILD] if isolated else [0, 0, 0, 0, CHILD])
        return who, place, 1 - min(number, 1) if rng.random() < 0.03 else number

    def _draft(self, who: load.Trader, place: int, number: int, flags: int, time_in_force: int, reach_ppm: int) -> clob_pb2.MsgPlaceOrder:
        """An order of random side and size, its limit so far beyond the middle (or before it, if negative)."""
        rng = self.rng
        is_buy = rng.random() < 0.5
        middle = self._middle_ticks(place)
        ticks = middle + (middle * reach_ppm // 1_000_000 if is_buy else -(middle * reach_ppm // 1_000_000))
        worth = rng.choice([3, 30, 300, 2_000, 8_000, 60_000]) * load.DOLLAR
        kind = load.SHORT_TERM if flags == load.SHORT_TERM else load.LONG_TERM
        placed = self.order(
            who, place, flags=kind, is_buy=is_buy, ticks=ticks, steps=self._steps(place, worth), number=number, time_in_force=time_in_force
        )
        placed.order.order_id.order_flags = flags
        self._with_extras(placed.order)
        return placed

    def _with_extras(self, order: order_pb2.Order) -> None:
        """Sometimes a builder, sometimes a router, sometimes both."""
        rng, people = self.rng, self.network.people
        if rng.random() < 0.15:
            order.builder_code_parameters.builder_address = people[BUILDER].text
            order.builder_code_parameters.fee_ppm = rng.choice([1, 500, 10_000])
        if rng.random() < 0.15:
            order.order_router_address = people[ROUTER].text

    def _close(self, who: load.Trader, place: int, number: int, order: order_pb2.Order) -> bool:
        """Makes the order the opposite of the subaccount's position, if it has one."""
        size = self.reader.ledger.size((who.text, number), self.network.markets[place].perpetual_id)
        if size:
            order.side = order_pb2.Order.SIDE_SELL if size > 0 else order_pb2.Order.SIDE_BUY
        return size != 0

    def _placed(self, kind: str, who: load.Trader, placed: clob_pb2.MsgPlaceOrder) -> Iterator[bytes]:
        """The placement, counted also by its builder and router."""
        kinds = [kind]
        if placed.order.HasField("builder_code_parameters"):
            kinds.append("builder")
        if placed.order.order_router_address:
            kinds.append("router")
        yield self._named(" + ".join(kinds), who, placed)

    def _short_term(self) -> Iterator[bytes]:
        rng = self.rng
        who, place, number = self._terms()
        kind = rng.choice(["rest", "rest", "ioc", "ioc", "post-only", "reduce-only"])
        tif = {"rest": load.REST, "post-only": load.POST_ONLY}.get(kind, load.IMMEDIATE_OR_CANCEL)
        reach = rng.choice([-60_000, -8_000, -1_000, 1_000]) if kind == "post-only" else rng.choice([-3_000, 1_000, 8_000, 40_000])
        placed = self._draft(who, place, number, load.SHORT_TERM, tif, reach)
        if kind == "reduce-only":
            placed.order.reduce_only = True
            self._close(who, place, number, placed.order)
            placed.order.subticks = self._limit(place, placed.order, 30_000)
        yield from self._placed(f"short-term {kind}", who, placed)

    def _limit(self, place: int, order: order_pb2.Order, reach_ppm: int) -> int:
        """A limit in subticks so far beyond the middle of the market, for the order's side."""
        middle = self._middle_ticks(place)
        away = middle * reach_ppm // 1_000_000
        ticks = middle + (away if order.side == order_pb2.Order.SIDE_BUY else -away)
        return max(1, ticks) * self.network.markets[place].tick_subticks

    def _replacement(self) -> Iterator[bytes]:
        """Mostly of an order that rests: the same id, side and time in force, and a later good-til-block."""
        alive = self.reader.orders.resting
        old = [(who, one) for who, one in self._resting if one.order.order_id.order_flags == load.SHORT_TERM and self._name(one) in alive]
        if not old:
            return
        who, before = self.rng.choice(old)
        placed = clob_pb2.MsgPlaceOrder()
        placed.CopyFrom(before)
        placed.order.good_til_block += self.rng.randrange(5)
        placed.order.quantums *= self.rng.choice([1, 2])
        self._resting.append((who, placed))
        yield from self._placed("replacement", who, placed)

    def _name(self, placed: clob_pb2.MsgPlaceOrder) -> str:
        """The order's id as events have it."""
        order_id = placed.order.order_id
        owner, number = order_id.subaccount_id.owner, order_id.subaccount_id.number
        return f"{owner}/{number}/{order_id.client_id}/{order_id.order_flags}/{order_id.clob_pair_id}"

    def _long_term(self) -> Iterator[bytes]:
        rng = self.rng
        who, place, number = self._terms()
        kind, tif = rng.choice([("rest", load.REST), ("post-only", load.POST_ONLY)])
        placed = self._draft(who, place, number, load.LONG_TERM, tif, rng.choice([-20_000, -4_000, -500, 2_000]))
        yield from self._placed(f"long-term {kind}", who, placed)

    def _conditional(self) -> Iterator[bytes]:
        rng = self.rng
        who, place, number = self._terms()
        tif = rng.choice([load.REST, load.IMMEDIATE_OR_CANCEL, load.POST_ONLY])
        placed = self._draft(who, place, number, CONDITIONAL, tif, rng.choice([-5_000, 2_000, 30_000]))
        order = placed.order
        if tif == load.IMMEDIATE_OR_CANCEL and rng.random() < 0.6:
            order.reduce_only = True
            self._close(who, place, number, order)
        name, condition = rng.choice(
            [("stop-loss", order_pb2.Order.CONDITION_TYPE_STOP_LOSS), ("take-profit", order_pb2.Order.CONDITION_TYPE_TAKE_PROFIT)]
        )
        order.condition_type = condition
        rises = (name == "stop-loss") == (order.side == order_pb2.Order.SIDE_BUY)
        middle = self._middle_ticks(place)
        away = middle * rng.choice([-1_000, 0, 1_000, 5_000, 60_000]) // 1_000_000
        order.conditional_order_trigger_subticks = max(1, middle + (away if rises else -away)) * self.network.markets[place].tick_subticks
        self._resting.append((who, placed))
        yield from self._placed(f"{name}{' reduce-only' if order.reduce_only else ''}", who, placed)

    def _twap(self) -> Iterator[bytes]:
        rng = self.rng
        who, place, number = self._terms()
        placed = self._draft(who, place, number, TWAP, load.REST, rng.choice([-5_000, 5_000, 50_000]))
        order = placed.order
        kind = rng.choice(["limit", "market", "reduce-only"])
        if kind == "market":
            order.subticks = 0
        if kind == "reduce-only" and self._close(who, place, number, order):
            order.subticks = self._limit(place, order, 50_000)
            order.reduce_only, order.time_in_force = True, order_pb2.Order.TIME_IN_FORCE_IOC
        order.good_til_block_time = self.network.time_seconds + rng.choice([100, 1_000, 10_000])
        order.twap_parameters.duration = TWAP_SECONDS
        order.twap_parameters.interval = rng.choice(TWAP_INTERVALS)
        order.twap_parameters.price_tolerance = rng.choice([0, 5_000, 50_000])
        legs = TWAP_SECONDS // order.twap_parameters.interval
        order.quantums = max(order.quantums, legs * self.network.markets[place].step_base_quantums)
        yield from self._placed(f"TWAP {kind}", who, placed)

    def _cancel_any(self) -> Iterator[bytes]:
        """One of what was placed lately, of whatever kind; mostly one that is alive."""
        if not self._resting:
            return
        who, placed = self.rng.choice(self._resting)
        orders = self.reader.orders
        alive = [one for one in self._resting if self._name(one[1]) in {**orders.resting, **orders.waiting, **orders.working}]
        if alive and self.rng.random() < 0.8:
            flags = self.rng.choice(sorted({one.order.order_id.order_flags for _, one in alive}))
            who, placed = self.rng.choice([one for one in alive if one[1].order.order_id.order_flags == flags])
        tx = self._cancel(who, placed)
        self.kinds[tx] = f"cancel {KINDS[placed.order.order_id.order_flags]}"
        yield tx

    def _cancel_batch(self) -> Iterator[bytes]:
        tx = self._batch_cancel(self.rng.choice(self.network.people))
        self.kinds[tx] = "batch cancel"
        yield tx

    def _leverage(self) -> Iterator[bytes]:
        rng = self.rng
        who, place, number = self._terms()
        message = clob_pb2.MsgUpdateLeverage()
        message.subaccount_id.owner, message.subaccount_id.number = who.text, number
        for pair_id in sorted({place, rng.randrange(len(self.network.markets))}):
            message.clob_pair_leverage.add(clob_pair_id=pair_id, custom_imf_ppm=rng.choice([10_000, 50_000, 60_000, 250_000, 1_000_000]))
        yield self._named("leverage", who, message)

    def _money(self) -> Iterator[bytes]:
        """Deposits, withdrawals, transfers and sends, sometimes with a fee."""
        rng, network = self.rng, self.network
        who, other = rng.choice(network.people), rng.choice(network.people)
        amount = rng.choice([1, 777, 5 * load.DOLLAR, 60 * load.DOLLAR, 900 * load.DOLLAR])
        number, to_number = rng.choice([0, 0, 1, CHILD]), rng.choice([0, 1, 2, CHILD, CHILD + 1])
        kind = rng.choice(
            ["deposit", "deposit other", "withdraw", "withdraw", "transfer own", "transfer child", "transfer other", "send", "send two"]
        )
        message: Any
        if kind == "deposit":
            message = deposit(who, amount, number)
        elif kind == "deposit other":
            message = deposit(who, amount, number)
            message.recipient.owner = other.text
        elif kind == "withdraw":
            message = withdraw(who, amount, number)
            message.recipient = rng.choice([who, other]).text
        elif kind == "transfer own":
            message = transfer(who, who, amount, number, to_number)
        elif kind == "transfer child":
            message = transfer(who, who, amount, 0, CHILD) if rng.random() < 0.6 else transfer(who, who, amount, CHILD, 0)
        elif kind == "transfer other":
            message = transfer(who, other, amount, number, to_number)
        else:
            message = network.send(who, other, amount)
        messages = [message, network.send(who, other, 1)] if kind == "send two" else [message]
        fee = rng.choice([0, 0, 50, 12_345, 10**12])
        yield self._named(f"{kind} + fee" if 0 < fee < 10**12 else kind, who, *messages, fee=fee)

    def _bundle(self) -> Iterator[bytes]:
        """Money for a child and an order of it, at once."""
        who, place, _ = self._terms()
        placed = self._draft(who, place, CHILD + 1, load.LONG_TERM, load.REST, -2_000)
        yield self._named("bundle", who, transfer(who, who, 40 * load.DOLLAR, 0, CHILD + 1), placed)

    def _wrong(self) -> Iterator[bytes]:
        """What must fail, whoever sends it."""
        rng, network = self.rng, self.network
        who, place, number = self._terms()
        kind = rng.choice(["fill or kill", "slice", "stranger", "router", "no market", "no denomination"])
        placed = self._draft(who, place, number, load.LONG_TERM, load.REST, -2_000)
        self._resting.pop()
        if kind == "fill or kill":
            placed.order.time_in_force = order_pb2.Order.TIME_IN_FORCE_FILL_OR_KILL
        elif kind == "slice":
            placed.order.order_id.order_flags = 256
        elif kind == "router":
            placed.order.order_router_address = who.text if who.number != ROUTER else network.people[BUILDER].text
        elif kind == "no market":
            placed.order.order_id.clob_pair_id = 77
        message: Any = placed
        if kind == "stranger":
            message = self.authority.statuses(place, 2)
            message.authority = who.text
        elif kind == "no denomination":
            message = bank_pb2.MsgSend(from_address=who.text, to_address=network.people[0].text)
            message.amount.add(denom="nothing", amount="1")
        yield self._named(f"wrong: {kind}", who, message)


def _kind_of(order: str) -> str:
    """What kind of order takes part in a fill."""
    return KINDS[int(order.split("/")[3])] if "/" in order else "engine"


def _special(match: Values) -> Iterator[str]:
    """What is special about the money of a fill."""
    numbers = {key: int(value) for key, value in match.items() if value.lstrip("-").isdigit()}
    for side in ("taker", "maker"):
        if numbers[f"{side}_builder_fee_quantums"]:
            yield f"builder of {side}"
        if numbers[f"{side}_order_router_fee_quote_quantums"]:
            yield f"router of {side}"
    if numbers["maker_order_fee_quote_quantums"] < 0:
        yield "rebate"
    if numbers["insurance_fund_delta_quote_quantums"]:
        yield "into the fund" if numbers["insurance_fund_delta_quote_quantums"] > 0 else "out of the fund"
    if numbers["perpetual_id"] == LINK:
        yield "isolated"
    if match["is_deleverage"] == "true":
        yield "deleverage"
