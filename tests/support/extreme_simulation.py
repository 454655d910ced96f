"""A simulated exchange at the edges of the wire: prices from 1 to 2^64 − 1, sizes and limits up to it, fortunes without end."""

import random
from typing import Any

from modules.kernel.intmath import UINT64_MAX
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.simulation import Simulation, genesis

_IDS = ("id", "perpetual_id", "clob_pair_id", "market_id")


def rich_genesis(rng: random.Random) -> tuple[dict[str, Any], list[load.Trader]]:
    """The simulation's genesis with collateral from a thousand dollars to 10^24 of them."""
    state, people = genesis(rng)
    for entry in state["subaccounts"]["accounts"]:
        entry["collateral"] = str(rng.choice([10**9, 10**15, 2**60, 10**24, 10**30]))
    total = sum(int(entry["collateral"]) for entry in state["subaccounts"]["accounts"])
    pool = next(entry for entry in state["bank"]["balances"] if entry.get("module") == "subaccounts")
    pool["coins"][0]["amount"] = str(total)
    return state, people


class ExtremeSimulation(Simulation):
    """Random traffic as in a simulation, but every number may be the smallest or the largest that a message can hold."""

    def move_prices(self) -> None:
        rng, prices = self.rng, self.network.prices
        for place, market in enumerate(prices):
            kind = rng.random()
            if kind < 0.2:
                extremes = [1, 2, 7, 1_000, UINT64_MAX, UINT64_MAX - 1, 2**63, rng.randrange(1, 2**64), rng.randrange(1, 2**32)]
                prices[market] = rng.choice(extremes)
            elif kind < 0.3:
                prices[market] = int(self.network.state["oracle"]["markets"][place]["price"])

    def order(self, who: load.Trader, place: int, *, ticks: int, steps: int, **fields: Any) -> clob_pb2.MsgPlaceOrder:
        rng, market = self.rng, self.network.markets[place]
        most_ticks, most_steps = UINT64_MAX // market.tick_subticks, UINT64_MAX // market.step_base_quantums
        if rng.random() < 0.5:
            steps = rng.choice([1, most_steps, most_steps // 2, rng.randrange(1, most_steps), rng.randrange(1, 10**6)])
        if rng.random() < 0.5:
            ticks = rng.choice([1, 2, most_ticks, most_ticks // 2, rng.randrange(1, most_ticks), rng.randrange(1, 10**6)])
        message = super().order(who, place, ticks=min(ticks, most_ticks), steps=min(steps, most_steps), **fields)
        if rng.random() < 0.1:
            message.order.quantums = rng.randrange(2**64)
        if rng.random() < 0.1:
            message.order.subticks = rng.randrange(2**64)
        return message

    def ask_everything(self) -> dict[str, set[int]]:
        """Every query of every module about every trader and market; the codes of the answers by path. None of them raises."""
        codes: dict[str, set[int]] = {}
        app = self.network.app
        for route in app.wiring.queries:
            for who in self.network.people:
                for number in range(len(self.network.markets)):
                    request = _request(route.request, who.text, number)
                    answer = app.query(abci.RequestQuery(path=route.path, data=request.SerializeToString()))
                    codes.setdefault(route.path, set()).add(answer.code)
        return codes


def _request(kind: Any, owner: str, number: int) -> Any:
    """A request about that owner and that market, as far as it has fields for them."""
    request = kind()
    for field in request.DESCRIPTOR.fields:
        if field.name in ("owner", "address", "user"):
            setattr(request, field.name, owner)
        elif field.name in _IDS:
            setattr(request, field.name, number)
        elif field.name == "number":
            request.number = number % 2
        elif field.name == "subaccount_id":
            request.subaccount_id.owner = owner
        elif field.name == "orders":
            request.orders = True
    return request
