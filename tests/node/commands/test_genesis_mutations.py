"""Whatever stands in a genesis, validating it never raises, and what it accepts starts a whole chain: seeded changes of real ones."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from modules.kernel import address as addresses
from modules.kernel.context import Context
from node.chain_genesis import validate
from node.commands.genesis import rehearse
from node.store.state import LiveState
from node.wiring import Wiring
from support.exchange import exchanges
from support.market_life import Chance, MarketLife, life_genesis

LOCALNET = json.loads((Path(__file__).parents[3] / "genesis" / "localnet.json").read_text())
MUTATIONS = 350
JUNK: tuple[Any, ...] = (
    *(None, True, False, [], {}, "", "x", "-1", "0", -1, 0, 1, 2**31, 2**32, 2**63, 2**64, 2**130, 10**60, "9" * 60, "-5"),
    *([1], [[]], [{}], {"a": 1}, [None], "é", "\ud800", "0x10", "1e5", "٣", " 1", "dydx1", "A" * 300, "ab" * 16, "ab" * 32, "ab" * 33),
)


@pytest.fixture(autouse=True)
def _usual_prefix() -> Iterator[None]:
    """A genesis sets the address prefix of the process; the next test starts with the usual one."""
    yield
    addresses.use_prefix("dydx")


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document but the document itself."""
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*place, key))


def mutated(document: Any, known: list[tuple[Any, ...]], chance: Chance) -> Any:
    """A copy with one to three changes: junk in the place of a value, a value left out, a row twice, an unknown key."""
    changed = deepcopy(document)
    for _ in range(chance.pick((1, 1, 1, 2, 3))):
        *way, key = chance.pick(known)
        parent = changed
        for step in way:
            inside = (isinstance(parent, dict) and step in parent) or (
                isinstance(parent, list) and isinstance(step, int) and step < len(parent)
            )
            if not inside:
                break
            parent = parent[step]
        else:
            _change(parent, key, chance)
    return changed


def _change(parent: Any, key: Any, chance: Chance) -> None:
    kind = chance.below(10)
    if isinstance(parent, dict) and key in parent:
        if kind < 8:
            parent[key] = chance.pick(JUNK)
        elif kind == 8:
            del parent[key]
        else:
            parent["unknown"] = 1
    elif isinstance(parent, list) and key < len(parent):
        if kind < 6:
            parent[key] = chance.pick(JUNK)
        elif kind < 8:
            del parent[key]
        else:
            parent.append(deepcopy(parent[key]))


def documents() -> Iterator[Any]:
    """The localnet's genesis, and the export of a chain that has lived."""
    yield LOCALNET
    with exchanges() as open_exchange:
        exchange = open_exchange(life_genesis(), nodes=1)
        life = MarketLife(exchange, 19)
        for _ in range(12):
            life.step()
        yield json.loads(json.dumps(exchange.wiring.export_genesis(exchange.ctx)))


def test_no_change_of_a_genesis_makes_more_than_mistakes() -> None:
    """Valid ones build a state, hold every invariant or say which they break, and their export is a genesis of the same state."""
    chance = Chance(1)
    counts = {"mistakes": 0, "starts": 0}
    for document in documents():
        known = list(places(document))
        for _ in range(MUTATIONS // 2):
            changed = mutated(document, known, chance)
            addresses.use_prefix("dydx")
            if rehearse(changed):
                counts["mistakes"] += 1
                continue
            counts["starts"] += 1
            wiring = Wiring()
            ctx = Context(LiveState(wiring.registry), 12, 2 * 10**18, "")
            wiring.init_genesis(ctx, changed)
            exported = json.loads(json.dumps(wiring.export_genesis(ctx)))
            again = Wiring()
            assert validate(exported, again.modules) == []
            other = Context(LiveState(again.registry), 12, 2 * 10**18, "")
            again.init_genesis(other, exported)
            assert other.state.tables == ctx.state.tables
    assert counts["mistakes"] > 100
    assert counts["starts"] > 5, "some changes change nothing that matters"
