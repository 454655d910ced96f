"""Chains from the genesis files of this repository: every one of their markets trades."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.exchange import DOLLAR, OpenExchange
from support.sequencing import Signer

FILES = sorted((Path(__file__).parents[2] / "genesis").glob("*.json"))


def funded(path: Path, *names: str) -> dict[str, Any]:
    """The file's state with a million in the bank account of each trader."""
    state: dict[str, Any] = json.loads(path.read_text())
    coins = [{"denom": state["bank"]["denoms"][0], "amount": str(1_000_000 * DOLLAR)}]
    state["bank"]["balances"] += [{"address": Signer(name).text, "coins": coins} for name in names]
    return state


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_order_fills_in_every_market(open_exchange: OpenExchange, path: Path) -> None:
    """One step of each perpetual at the tick below its first price: quotes, fees and positions are those of the formulas."""
    exchange = open_exchange(funded(path, "alice", "bob"))
    exchange.block(*[exchange.deposit(name, 900_000 * DOLLAR) for name in ("alice", "bob")])
    clob, perp = exchange.wiring.clob.keeper, exchange.wiring.perp.keeper
    pairs = list(clob.pairs(exchange.ctx))
    assert len(pairs) >= 3
    prices = {}
    for pair in pairs:
        numerator, denominator = perp.index_subticks(exchange.ctx, pair.perpetual_id, pair.quantum_conversion_exponent)
        prices[pair.id] = numerator // denominator // pair.subticks_per_tick * pair.subticks_per_tick
    sizes = {pair.id: 10 * pair.step_base_quantums for pair in pairs}
    orders = []
    for pair in pairs:
        orders.append(exchange.limit("alice", 1, "sell", sizes[pair.id], prices[pair.id], pair=pair.id, tif="post_only"))
        orders.append(exchange.limit("bob", 1, "buy", sizes[pair.id], prices[pair.id], pair=pair.id, tif="ioc"))
    happened = exchange.block(*orders)
    assert [happened.code(tx) for tx in orders] == [0] * len(orders)
    assert sorted(fill[1:] for fill in happened.fills()) == sorted(("alice/1", prices[pair.id], sizes[pair.id]) for pair in pairs)
    maker_ppm, taker_ppm = (exchange.app_state["fees"]["tiers"][0][key] for key in ("maker_fee_ppm", "taker_fee_ppm"))
    paid = received = 0
    for pair in pairs:
        scaled, exponent = prices[pair.id] * sizes[pair.id], pair.quantum_conversion_exponent
        quote = scaled * 10**exponent if exponent >= 0 else scaled // 10**-exponent
        assert quote > 0
        paid += quote + -(-quote * taker_ppm // 1_000_000)
        received += quote - -(-quote * maker_ppm // 1_000_000)
        assert exchange.position("bob", pair.perpetual_id) == sizes[pair.id] == -exchange.position("alice", pair.perpetual_id)
    assert exchange.collateral("bob") == 900_000 * DOLLAR - paid
    assert exchange.collateral("alice") == 900_000 * DOLLAR + received
    assert exchange.module("fee_collector") == paid - received
    exchange.restart(1)
    exchange.run(2)
