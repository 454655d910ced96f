"""The seeded exchange with every market on its mark price: books, crashes and liquidations move it, and nothing else changes its rules."""

import random
from pathlib import Path
from typing import Any

from modules.perp.formulas import mark_bounds
from support import load
from support.simulation import Simulation, genesis, running

SEED, BLOCKS_LEAST, BLOCKS_MOST = 6, 60, 300
CLAMP_PPM = 20_000


def by_mark(rng: random.Random) -> tuple[dict[str, Any], list[load.Trader]]:
    """The simulation's genesis, all positions valued with quick and wide marks."""
    state, people = genesis(rng)
    for perpetual in state["perp"]["perpetuals"]:
        perpetual |= {"margin_price": "MARK", "mark_clamp_ppm": CLAMP_PPM, "mark_ema_seconds": 5}
    for tier in state["perp"]["liquidity_tiers"]:
        tier["impact_notional"] = str(100 * load.DOLLAR)
    return state, people


def test_a_life_on_mark_prices_keeps_every_invariant(tmp_path: Path) -> None:
    """Liquidations by mark, restarts, and marks off their index at many heights, never beyond the clamp; the export is a genesis."""
    with running(Simulation(tmp_path, SEED, 2, by_mark), SEED) as simulation:
        chain = simulation.network.chain
        chain.start()
        off = frozen = 0
        while chain.height < BLOCKS_LEAST or not (frozen and simulation.events["liquidation"]):
            assert chain.height < BLOCKS_MOST, "nobody was liquidated in a market with a mark"
            simulation.block()
            app, ctx = simulation.network.app, simulation.network.context()
            marks = app.wiring.perp.keeper.mark
            for perpetual in app.wiring.perp.keeper.all(ctx):
                found = marks.look(ctx, perpetual.id)
                low, high = mark_bounds(found.index_price, CLAMP_PPM)
                assert low <= found.price <= high
                off += found.price != found.index_price
                frozen += found.frozen_height == ctx.height
        simulation.scan()
        assert off > BLOCKS_LEAST
        simulation.exported()
