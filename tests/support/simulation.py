"""A seeded exchange in motion: makers, gamblers, crashes of prices and of processes; every block agreed upon by several applications.

Run as a program it prints the app hash of every tenth block, so that two processes can be compared.
"""

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from node import chain_genesis
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.app_network import AppNetwork, deposit, localnet_state, transfer, withdraw
from support.chain import Block, Validator, make_validators, timestamp
from support.event_reader import EventReader

LINK = 3
"""Index and id of the isolated market, which the localnet's genesis does not have."""
TRADERS, MAKERS = 18, 4
"""The first MAKERS of the traders quote, all others gamble."""
MAKER_COLLATERAL_QUOTE = 40_000 * load.DOLLAR
FUND_QUOTE = 300 * load.DOLLAR
SCAN_BLOCKS = 8
"""How often all invariants are checked by full scan."""
ORDERS_REMEMBERED = 60


def genesis(rng: random.Random) -> tuple[dict[str, Any], list[load.Trader]]:
    """Three markets of the localnet and an isolated one, poor traders, a small insurance fund, sometimes rebates for makers."""
    state = localnet_state()
    usdc = state["bank"]["denoms"][0]
    state["oracle"]["markets"].append(
        {"id": LINK, "ticker": "LINK-USD", "exponent": -9, "min_price_change_ppm": 2500, "price": "14560000000"}
    )
    perpetual = {
        "id": LINK,
        "ticker": "LINK-USD",
        "market_id": LINK,
        "atomic_resolution": -6,
        "default_funding_ppm": 100,
        "liquidity_tier": 4,
        "market_type": "ISOLATED",
    }
    state["perp"]["perpetuals"].append(perpetual)
    state["funding"]["perpetuals"].append(state["funding"]["perpetuals"][0] | {"id": LINK})
    pair = {"id": LINK, "perpetual_id": LINK, "step_base_quantums": "1000000", "subticks_per_tick": 10_000_000}
    state["clob"]["clob_pairs"].append(pair | {"quantum_conversion_exponent": -9, "status": "ACTIVE"})
    state["bank"]["balances"] = [
        {"module": name, "coins": [{"denom": usdc, "amount": str(FUND_QUOTE)}]} for name in ("insurance_fund", f"insurance_fund:{LINK}")
    ]
    state["fees"]["tiers"][0]["maker_fee_ppm"] = rng.choice([100, 0, -200])
    state["liquidation"]["min_position_notional_liquidated"] = str(rng.choice([10, 1_000]) * load.DOLLAR)
    state["clob"]["params"] = {"max_fills_per_order": rng.choice([2, 5, 500])}
    people = load.traders(TRADERS)
    poor = {who.number: rng.choice([20, 100, 600, 2_500]) * load.DOLLAR for who in people[MAKERS:]}
    rich = {who.number: MAKER_COLLATERAL_QUOTE for who in people[:MAKERS]}
    return load.with_traders(state, people, poor | rich), people


MakeGenesis = Callable[[random.Random], tuple[dict[str, Any], list[load.Trader]]]


class Simulation:
    """One seed's exchange. `block` is one height with everything that may happen around it."""

    def __init__(self, directory: Path, seed: int, count: int = 3, make_genesis: MakeGenesis = genesis) -> None:
        self.rng = random.Random(seed)
        state, people = make_genesis(self.rng)
        self.network = AppNetwork(directory, count, people=people, state=state)
        powers = [4, *([3] * (count - 1))]
        self.network.chain.validators = [Validator(one.key, power) for one, power in zip(make_validators(count), powers, strict=True)]
        self.events: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.accidents: Counter[str] = Counter()
        self.hashes: list[bytes] = []
        self.requests: list[abci.RequestFinalizeBlock] = []
        """Every decided block, for another application to live through."""
        self._client_id = 0
        self.reader = EventReader(state)
        self._resting: list[tuple[load.Trader, clob_pb2.MsgPlaceOrder]] = []

    # Blocks

    def run(self, blocks: int) -> None:
        """So many blocks, with full scans on the way and at the end."""
        self.network.chain.start()
        for number in range(blocks):
            self.block()
            if number % SCAN_BLOCKS == 0:
                self.scan()
        self.scan()

    def scan(self) -> None:
        """Every invariant holds by full scan on every application, and the state is what the events since genesis tell."""
        network = self.network
        network.assert_sound()
        differences = self.reader.compare(network.app, network.context())
        assert not differences, differences

    def block(self) -> None:
        """Prices move, transactions are sent, the block is decided through whatever accident, and time goes on."""
        rng, network = self.rng, self.network
        self.move_prices()
        network.chain.block_seconds_ns = self.step_ns()
        pool = self.pool()
        if rng.random() < 0.5:
            for tx in pool:
                network.check(tx, rng.randrange(len(network.apps)))
        rng.shuffle(pool)
        silent = [rng.randrange(1, len(network.apps))] if len(network.apps) > 2 and rng.random() < 0.1 else []
        proposal = network.chain.prepare(pool)
        assert all(network.chain.process(proposal)), f"a correct proposal was rejected at height {network.height + 1}"
        network.chain.extend(proposal, silent=silent)
        self._accident(proposal)
        self.requests.append(network.chain.finalize_request(proposal))
        self.decided(network.decide(proposal))
        if rng.random() < 0.03:
            network.restart(rng.randrange(len(network.apps)))
            self.accidents["restart"] += 1

    def step_ns(self) -> int:
        """How much later than the block before the next one is: a moment, seldom an outage."""
        rng = self.rng
        return 45 * 10**9 if rng.random() < 0.01 else rng.randrange(200, 4_000) * 10**6

    def pool(self) -> list[bytes]:
        """What is sent for the next block."""
        pool = [tx for _ in range(self.rng.randrange(14)) for tx in self._traffic()]
        if self.rng.random() < 0.7:
            pool += self._quotes()
        return pool

    def decided(self, block: Block) -> None:
        """What a committed block tells is read and counted."""
        self.hashes.append(block.app_hash)
        self.reader.read(block)
        self._count(block.events)
        for result in block.results:
            self._count(result.events)
            if result.code:
                self.codes[f"{result.codespace}/{result.code}"] += 1

    def _accident(self, proposal: list[bytes]) -> None:
        """Sometimes, on some application, between FinalizeBlock and Commit: the process dies, or its engine does and asks again."""
        rng, network = self.rng, self.network
        for number in range(len(network.apps)):
            kind = rng.random()
            if kind < 0.03:
                network.chain.finalize(proposal, network.apps[number])
                network.restart(number)
                self.accidents["process"] += 1
            elif kind < 0.06:
                network.chain.finalize(proposal, network.apps[number])
                self.accidents["engine"] += 1
            elif kind < 0.08:
                some = [tx for tx in proposal if rng.random() < 0.5]
                network.chain.finalize(some, network.apps[number])
                self.accidents["another block"] += 1
            elif kind < 0.1:
                request = abci.RequestFinalizeBlock(height=network.height + 1, time=timestamp(network.chain.time_ns + 77 * 10**9))
                network.apps[number].finalize_block(request)
                self.accidents["another time"] += 1

    def _count(self, events: Any) -> None:
        for event in events:
            self.events[event.type] += 1
            if event.type == "order_removed":
                self.reasons[event.attributes[1].value] += 1

    def move_prices(self) -> None:
        """Small steps, now and then a crash or a jump of a third, seldom of nearly everything; never to zero."""
        rng, prices = self.rng, self.network.prices
        for market in prices:
            kind = rng.random()
            if kind < 0.6:
                ppm = rng.randrange(-3_000, 3_001)
            elif kind < 0.64:
                ppm = rng.choice([-60_000, -30_000, 30_000, 60_000])
            elif kind < 0.643:
                ppm = rng.choice([-900_000, -330_000, 500_000])
            else:
                continue
            prices[market] = max(1_000_000, prices[market] + prices[market] * ppm // 1_000_000)

    # Traffic

    def _middle_ticks(self, place: int) -> int:
        """The present index price of a market in ticks."""
        genesis_price = int(self.network.state["oracle"]["markets"][place]["price"])
        market = self.network.markets[place]
        return max(1, market.middle_subticks * self.network.prices[place] // genesis_price // market.tick_subticks)

    def order(
        self, who: load.Trader, place: int, *, flags: int, is_buy: bool, ticks: int, steps: int, number: int = 0, time_in_force: int = 0
    ) -> clob_pb2.MsgPlaceOrder:
        market = self.network.markets[place]
        self._client_id += 1
        good_til = self.network.height + 1 + self.rng.randrange(25)
        if flags == load.LONG_TERM:
            good_til = self.network.time_seconds + self.rng.choice([20, 200, 5_000])
        order = load.Order(
            who,
            market,
            is_buy,
            max(1, steps) * market.step_base_quantums,
            max(1, ticks) * market.tick_subticks,
            self._client_id,
            time_in_force,
        )
        message = load.message(order, flags=flags, good_til=good_til)
        message.order.order_id.subaccount_id.number = number
        if time_in_force != load.IMMEDIATE_OR_CANCEL:
            self._resting = [*self._resting[-ORDERS_REMEMBERED:], (who, message)]
        return message

    def _quotes(self) -> Iterator[bytes]:
        """Both sides of a market from one maker, from subaccount 1 in the isolated one."""
        rng = self.rng
        who = rng.choice(self.network.people[:MAKERS])
        place = rng.randrange(len(self.network.markets))
        middle = self._middle_ticks(place)
        for is_buy in (True, False):
            for level in range(1, 4):
                offset = level * max(1, middle // rng.choice([300, 1_000, 5_000]))
                ticks = middle - offset if is_buy else middle + offset
                steps = self._steps(place, rng.choice([50, 500, 4_000]) * load.DOLLAR)
                flags = rng.choice([load.SHORT_TERM, load.SHORT_TERM, load.LONG_TERM])
                order = self.order(
                    who,
                    place,
                    flags=flags,
                    is_buy=is_buy,
                    ticks=ticks,
                    steps=steps,
                    number=int(place == LINK),
                    time_in_force=rng.choice([load.REST, load.POST_ONLY]),
                )
                yield self._signed(who, order)

    def _steps(self, place: int, quote: int) -> int:
        """The size of so much money in steps."""
        market = self.network.markets[place]
        worth = market.quote(market.step_base_quantums, self._middle_ticks(place) * market.tick_subticks)
        return quote // max(1, worth)

    def _signed(self, who: load.Trader, *messages: Any, fee: int = 0) -> bytes:
        short = len(messages) == 1 and _is_short_term(messages[0])
        coins = [(self.network.denom, fee)] if fee else []
        return self.network.sign(who, *messages, sequence=0 if short else None, fee=coins)

    def _traffic(self) -> Iterator[bytes]:
        """What one trader does: gamble, move money, cancel, or send several messages at once."""
        rng, network = self.rng, self.network
        who = rng.choice(network.people)
        other = rng.choice(network.people)
        amount = rng.choice([1, 777, 5 * load.DOLLAR, 90 * load.DOLLAR, 3_000 * load.DOLLAR])
        number, to_number = rng.choice([0, 0, 0, 1]), rng.choice([0, 1, 1, 2])
        kind = rng.randrange(20)
        if kind < 9:
            yield self._signed(who, self._gamble(who, number))
        elif kind < 11:
            yield self._signed(who, deposit(who, amount, number), fee=rng.choice([0, 0, 50]))
        elif kind < 13:
            yield self._signed(who, withdraw(who, amount, number), fee=rng.choice([0, 0, 50, 10**12]))
        elif kind < 15:
            yield self._signed(who, transfer(who, rng.choice([who, other]), amount, number, to_number))
        elif kind == 15:
            yield self._signed(who, network.send(who, other, amount))
        elif kind < 18 and self._resting:
            yield self._cancel(*rng.choice(self._resting))
        elif kind == 18:
            yield self._batch_cancel(who)
        else:
            first = self.order(
                who, 0, flags=load.LONG_TERM, is_buy=rng.random() < 0.5, ticks=self._middle_ticks(0), steps=rng.randint(1, 40)
            )
            second = self.order(
                who, 1, flags=load.LONG_TERM, is_buy=rng.random() < 0.5, ticks=self._middle_ticks(1), steps=rng.randint(1, 40)
            )
            yield self._signed(who, first, transfer(who, other, 1 + amount // 1_000, 0, 1), second)

    def _gamble(self, who: load.Trader, number: int) -> clob_pb2.MsgPlaceOrder:
        """A highly leveraged order near the price; sometimes reduce-only, sometimes of an id that was used before."""
        rng = self.rng
        place = rng.randrange(len(self.network.markets))
        middle = self._middle_ticks(place)
        worth = rng.choice([30, 300, 2_000, 20_000, 150_000]) * load.DOLLAR
        is_buy = rng.random() < 0.5
        reach = max(1, middle * rng.choice([1, 5, 20, 60]) // 1_000)
        ticks = middle + (reach if is_buy == (rng.random() < 0.75) else -reach)
        flags = rng.choice([load.SHORT_TERM, load.SHORT_TERM, load.LONG_TERM])
        kinds = [load.REST, load.POST_ONLY] if flags == load.LONG_TERM else [load.REST, load.IMMEDIATE_OR_CANCEL, load.POST_ONLY]
        time_in_force = rng.choice(kinds)
        steps = self._steps(place, worth)
        order = self.order(who, place, flags=flags, is_buy=is_buy, ticks=ticks, steps=steps, number=number, time_in_force=time_in_force)
        if time_in_force == load.IMMEDIATE_OR_CANCEL and rng.random() < 0.4:
            order.order.reduce_only = True
        if flags == load.SHORT_TERM and rng.random() < 0.15 and self._resting:
            order.order.order_id.client_id = rng.choice(self._resting)[1].order.order_id.client_id
        return order

    def _cancel(self, who: load.Trader, placed: clob_pb2.MsgPlaceOrder) -> bytes:
        message = clob_pb2.MsgCancelOrder(order_id=placed.order.order_id)
        if placed.order.order_id.order_flags == load.SHORT_TERM:
            message.good_til_block = self.network.height + 1 + self.rng.randrange(30)
        else:
            message.good_til_block_time = placed.order.good_til_block_time
        return self._signed(who, message)

    def _batch_cancel(self, who: load.Trader) -> bytes:
        ids = {order.order.order_id.client_id for owner, order in self._resting if owner is who} or {1}
        message = clob_pb2.MsgBatchCancel(good_til_block=self.network.height + 10)
        message.subaccount_id.owner = who.text
        for pair_id in range(len(self.network.markets)):
            message.short_term_cancels.add(clob_pair_id=pair_id, client_ids=sorted(ids)[:20])
        return self._signed(who, message)

    # The end

    def exported(self) -> dict[str, Any]:
        """The genesis document of the state now, the same from every application; raises if it is no valid one."""
        documents = []
        for number, app in enumerate(self.network.apps):
            document = app.wiring.export_genesis(self.network.context(number))
            problems = chain_genesis.validate(chain_genesis.parse(json.dumps(document)), app.wiring.modules)
            assert not problems, problems
            documents.append(document)
        assert all(document == documents[0] for document in documents)
        return documents[0]


def _is_short_term(message: Any) -> bool:
    """Whether the message stands in a transaction without a sequence."""
    if isinstance(message, clob_pb2.MsgBatchCancel):
        return True
    if isinstance(message, clob_pb2.MsgPlaceOrder):
        return message.order.order_id.order_flags == load.SHORT_TERM
    return isinstance(message, clob_pb2.MsgCancelOrder) and message.order_id.order_flags == load.SHORT_TERM


@contextmanager
def simulated(directory: Path, seed: int, blocks: int, count: int = 3) -> Iterator[Simulation]:
    """A simulation that has run; whatever goes wrong in it names the seed and the height."""
    with running(Simulation(directory, seed, count), seed) as simulation:
        simulation.run(blocks)
        yield simulation


AnySimulation = TypeVar("AnySimulation", bound=Simulation)


@contextmanager
def running(simulation: AnySimulation, seed: int) -> Iterator[AnySimulation]:
    """Whatever goes wrong in the block names the seed and the height; at its end everything is closed."""
    try:
        yield simulation
    except Exception as error:
        error.add_note(f"simulation: seed {seed}, after height {simulation.network.height}")
        raise
    finally:
        simulation.network.close()


def main(seed: str, blocks: str) -> None:
    """Prints the app hash of every tenth block and of the last."""
    with tempfile.TemporaryDirectory() as directory, simulated(Path(directory), int(seed), int(blocks), count=1) as simulation:
        for app_hash in [*simulation.hashes[::10], simulation.hashes[-1]]:
            sys.stdout.write(f"{app_hash.hex()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
