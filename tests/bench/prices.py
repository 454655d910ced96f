"""Oracle and mark work of a block: every market gets a new price, a mark, and has its book looked at."""

import gc
from copy import deepcopy
from time import perf_counter
from typing import Any

from bench.chain import CHAIN_ID, localnet_state
from bench.report import Line, Report, median
from bench.work import Trees, Work, counted, work_of

from modules.clob.model import LONG_TERM, Order, OrderId, PlaceOrder
from modules.consensus.model import EngineParams
from modules.kernel.context import Context
from modules.kernel.units import SubaccountId
from modules.oracle.model import PriceVote
from node import chain_genesis
from node.store.state import LiveState
from node.wiring import Wiring
from support import load
from support.chain import GENESIS_TIME_NS, SECOND, make_validators

MARKETS = (33, 200)
VALIDATORS = 4
LEVELS = 5
"""Orders of each side of each book: together as deep as the impact notional, so that all of them are looked at."""
BLOCKS = 9
STEPS = ("prices", "marks", "books", "trees")


class Desk:
    """So many markets like the localnet's first, each with a book, and blocks that bring all of them new prices."""

    def __init__(self, markets: int) -> None:
        people = load.traders(LEVELS)
        document = load.with_traders(_many(markets), people)
        self.books = load.markets(document)
        self.wiring = Wiring()
        problems = chain_genesis.validate(document, self.wiring.modules)
        assert not problems, problems[:3]
        self.state = LiveState(self.wiring.registry)
        self.ctx = Context(self.state, 1, GENESIS_TIME_NS, CHAIN_ID)
        self.wiring.consensus.keeper.begin_chain(
            self.ctx,
            chain_id=CHAIN_ID,
            initial_height=1,
            enable_height=1,
            validators=[(one.public_key, one.power) for one in make_validators(VALIDATORS)],
            engine=EngineParams(-1, -1, 0, 0, 0, 1),
        )
        self.wiring.init_genesis(self.ctx, document)
        perp = self.wiring.perp.keeper
        notional = perp.tier(self.ctx, perp.require(self.ctx, 0)).impact_notional
        for market in self.books:
            worth = market.quote(market.step_base_quantums, market.middle_subticks)
            size = notional // (LEVELS - 1) // worth * market.step_base_quantums
            for level, person in enumerate(people):
                for is_buy in (True, False):
                    ticks = (level + 1) * market.tick_subticks * (-1 if is_buy else 1)
                    order_id = OrderId(market.pair_id, SubaccountId(person.address, 0), LONG_TERM, int(is_buy))
                    order = Order(order_id, is_buy, size, market.middle_subticks + ticks, self.ctx.time_seconds + 86_400)
                    self.wiring.clob.keeper.place(self.ctx, PlaceOrder(order))
        self._trees = Trees(self.state)
        self.block()
        self.block()

    def block(self) -> tuple[dict[str, float], tuple[int, int]]:
        """The price work of one block. (Milliseconds by step, (bytes of its values, hashes))."""
        wiring = self.wiring
        self.ctx = ctx = Context(self.state, self.ctx.height + 1, self.ctx.time_ns + SECOND, CHAIN_ID)
        oracle, mark = wiring.oracle.keeper, wiring.perp.keeper.mark
        prices = tuple((market.id, oracle.recorded(ctx, market.id).price + 100_000) for market in oracle.markets(ctx))
        votes = [PriceVote(10, tuple((market_id, price + number) for market_id, price in prices)) for number in range(VALIDATORS)]
        moments = [perf_counter()]
        oracle.begin_block(ctx, SECOND)
        oracle.apply_votes(ctx, votes, 10 * VALIDATORS)
        ctx.scratch.clear()
        oracle.tell_standings(ctx)
        oracle.record_prices(ctx)
        moments.append(perf_counter())
        mark.begin_block(ctx)
        mark.record(ctx)
        moments.append(perf_counter())
        wiring.clob.keeper.end_block(ctx)
        moments.append(perf_counter())
        done = self._trees.commit()
        moments.append(perf_counter())
        return {step: (after - before) * 1e3 for step, before, after in zip(STEPS, moments, moments[1:], strict=False)}, done

    def counted(self) -> Work:
        """What such a block reads, writes and hashes."""
        with counted() as calls:
            _, (size, hashes) = self.block()
        return work_of(calls, size, hashes)


def prices(report: Report) -> None:
    """For as many markets as dYdX Chain began with, and for 200."""
    for markets in MARKETS:
        desk = Desk(markets)
        gc.collect()
        gc.freeze()
        blocks = [desk.block()[0] for _ in range(BLOCKS)]
        gc.unfreeze()
        work = desk.counted().per(markets)
        report.begin(f"oracle + mark work per block, {markets} markets, a new price and a book of {2 * LEVELS} orders in each")
        step = {name: median([block[name] for block in blocks]) for name in STEPS}
        report.add(Line(what="votes of 4 validators, medians, standings, averages", value=step["prices"], unit="ms"))
        report.add(Line(what="marks at the block's beginning, and their averages", value=step["marks"], unit="ms"))
        report.add(Line(what="books shown to premium and mark at its end", value=step["books"], unit="ms"))
        report.add(Line(what="values encoded, trees", value=step["trees"], unit="ms"))
        together = sum(step.values())
        target = markets * 0.5
        report.add(Line(what="together", value=together, unit="ms", target=target, floor=4 * target, more_is_better=False))
        report.add(Line(what="values written", value=work.written, unit="per market"))
        report.add(Line(what="values read", value=work.read, unit="per market"))


def _many(markets: int) -> dict[str, Any]:
    """The localnet's genesis with so many copies of its first market."""
    state = deepcopy(localnet_state())
    for section, rows in (("oracle", "markets"), ("perp", "perpetuals"), ("funding", "perpetuals"), ("clob", "clob_pairs")):
        first = state[section][rows][0]
        state[section][rows] = [first | _named(first, number) for number in range(markets)]
    return state


def _named(row: dict[str, Any], number: int) -> dict[str, Any]:
    names = {"id": number, "market_id": number, "perpetual_id": number, "ticker": f"M{number}-USD"}
    return {name: value for name, value in names.items() if name in row}
