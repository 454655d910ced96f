"""Seeded exchanges in which everybody does everything; after each block all invariants hold and the events alone tell the whole state.

Campaigns over other seeds, as many as one likes: PERPD_SIMULATION_SEEDS=1000-1099 with the slow tests of this file.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from modules.clob.model import PairStatus, Removal
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.app_network import AppNetwork, app_network, deposit, differences, snapshot
from support.every_kind import BUILDER, EveryKind
from support.replay import digest, elsewhere
from support.simulation import running

SEEDS, BLOCKS = (2, 3, 4, 5, 6, 8), 120
FIRST_SLOW, LAST_SLOW = os.environ.get("PERPD_SIMULATION_SEEDS", "41-46").split("-")
SLOW_SEEDS, SLOW_BLOCKS = range(int(FIRST_SLOW), int(LAST_SLOW) + 1), 600
UNREACHED = (Removal.INTERNAL_ERROR, Removal.INVALID)
"""Reasons of endings that no message can bring about: a pool without its money, an order that does not fit its market any more."""
KINDS = (
    *(f"short-term {kind}" for kind in ("rest", "ioc", "post-only", "reduce-only")),
    *(
        "replacement",
        "long-term rest",
        "long-term post-only",
        "stop-loss",
        "stop-loss reduce-only",
        "take-profit",
        "take-profit reduce-only",
    ),
    *("TWAP limit", "TWAP market", "TWAP reduce-only", "builder", "router", "bundle"),
    *("cancel short-term", "cancel long-term", "cancel conditional", "cancel TWAP", "batch cancel", "leverage"),
    *("deposit", "deposit other", "withdraw", "transfer own", "transfer child", "transfer other", "send", "send two", "fee"),
    *("price update", "push"),
)
CHANGES = (
    *("liquidity tier", "perpetual", "funding", "oracle market", "liquidations", "engine limits", "book limits", "gating", "equity tiers"),
    *("rate limits", "fee tiers", "discount", "block limits", "validators", "finer grid", "price signers"),
    *(status.name for status in PairStatus),
)
WRONG = ("fill or kill", "slice", "stranger", "router", "no market", "no denomination", "old price")
EVENTS = (
    *("match", "order_fill", "order_placed", "order_removed", "order_cancelled", "order_expired", "conditional_placed", "twap_placed"),
    *("conditional_triggered", "twap_slice", "liquidation", "deleveraged", "deleverage_fill", "deleverage_passed_over", "final_settlement"),
    *("settled_funding", "funding_epoch_ended", "position_closed", "leverage_changed", "deposit_to_subaccount", "withdraw_from_subaccount"),
    *("create_transfer", "transfer", "tx", "change_queued", "change_applied", "oracle_price_updated", "block_step"),
    *("oracle_price_reported", "oracle_update_paid", "oracle_source_changed", "oracle_sources_deviated", "oracle_signers_rotated"),
    "oracle_standing_changed",
)
MONEY = (
    *(f"{side} is {kind}" for side in ("taker", "maker") for kind in ("short-term", "long-term", "conditional", "slice")),
    *("taker is engine", "builder of taker", "builder of maker", "router of taker", "router of maker", "rebate", "isolated"),
    *("into the fund", "out of the fund", "deleverage"),
)


class Lives(NamedTuple):
    """What has happened in all short lives together."""

    accepted: Counter[str]
    sent: Counter[str]
    events: Counter[str]
    endings: Counter[str]
    money: Counter[str]
    accidents: Counter[str]


class Life(NamedTuple):
    """One life's blocks, and genesis' app hash with the digest of what came of each block."""

    init: abci.RequestInitChain
    requests: list[abci.RequestFinalizeBlock]
    digests: list[bytes]


@contextmanager
def lived(directory: Path, seed: int, blocks: int, apps: int = 1) -> Iterator[tuple[EveryKind, Life]]:
    """A simulation after so many blocks."""
    simulation = EveryKind(directory, seed, apps)
    init = simulation.network.chain.init_request()
    with running(simulation, seed):
        simulation.run(blocks)
        chain = simulation.network.chain
        yield simulation, Life(init, simulation.requests, [chain.genesis_hash, *map(digest, chain.blocks)])


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Lives:
    """Every invariant has been checked by full scan after each block of all seeds."""
    sums = Lives(*(Counter() for _ in Lives._fields))
    for seed in SEEDS:
        with lived(tmp_path_factory.mktemp(f"seed{seed}"), seed, BLOCKS) as (simulation, _):
            orders = simulation.reader.orders
            found = (simulation.accepted, simulation.sent, simulation.events, orders.endings, simulation.money, simulation.accidents)
            for total, one in zip(sums, found, strict=True):
                total.update(one)
    return sums


def missing(names: tuple[str, ...], counted: Counter[str]) -> list[str]:
    """Those that have not happened."""
    return [name for name in names if not counted[name]]


def test_every_kind_of_message_is_accepted_somewhere_and_what_is_wrong_nowhere(lives: Lives) -> None:
    """Nothing below is true for want of orders, cancels, money or changes of any kind."""
    assert not missing(KINDS, lives.accepted)
    assert not missing(tuple(f"authority: {name}" for name in CHANGES), lives.accepted)
    wrong = (*(f"wrong: {name}" for name in WRONG), "authority: refused")
    assert not missing(wrong, lives.sent)
    assert not [name for name in wrong if lives.accepted[name]]


def test_every_event_ending_and_way_of_money_happens_somewhere(lives: Lives) -> None:
    """Triggers, slices, liquidations, deleveragings, settlements, fees to builders and routers, and every reason for which orders end."""
    assert not missing(EVENTS, lives.events)
    assert not missing(("filled", "cancelled", "expired"), lives.endings)
    assert not missing(tuple(reason.name for reason in Removal if reason not in UNREACHED), lives.endings)
    assert not missing(MONEY, lives.money)
    assert not missing(("process", "engine", "another block", "another time", "restart"), lives.accidents)


def test_another_process_finds_the_same_states_results_and_events(tmp_path: Path) -> None:
    """P1: an application with other hash seeds, without accidents, CheckTx and proposals, and with cold caches, tells the same."""
    with lived(tmp_path, SEEDS[0], 90) as (_, life):
        assert len(set(life.digests)) == 91
        assert elsewhere(life.init, life.requests, hash_seed=4711) == life.digests


def roots(network: AppNetwork) -> dict[str, bytes]:
    """The root of each module's store after the last block."""
    with network.app.store.version() as version:
        return dict(version.store_roots())


def test_a_chain_that_begins_from_an_export_goes_on_alike(tmp_path: Path) -> None:
    """With orders that wait, slices to come, custom leverage, volumes and open positions: the same state, and the same after a block.

    But for the chain's identity, and the time of the prices: the new chain's first block has no votes to confirm them.
    """
    with lived(tmp_path / "old", SEEDS[1], 85) as (simulation, _):
        orders, old = simulation.reader.orders, simulation.network
        for table in (
            orders.resting,
            orders.waiting,
            orders.working,
            simulation.reader.ledger.positions,
            simulation.reader.ledger.leverage,
        ):
            assert table, "an export of nothing proves nothing"
        # The votes under way say what they will say again: the new chain's first block has none, and must miss no move of a price.
        old.unreported.clear()
        old.chain.block_seconds_ns = 10**9
        for _ in range(2):
            old.block([])
        document = simulation.exported()
        state = json.loads(json.dumps(document))
        with app_network(
            tmp_path / "new", state=state, people=old.people, initial_height=old.height + 1, time_ns=old.chain.time_ns
        ) as fresh:
            again = fresh.app.wiring.export_genesis(fresh.context())
            assert {**again, "consensus": None} == {**document, "consensus": None}
            tables = differences(fresh.app, snapshot(old.app), snapshot(fresh.app))
            assert {name.partition("/")[0] for name in tables} == {"consensus"}, tables
            tx = old.sign(old.people[BUILDER], deposit(old.people[BUILDER], 5))
            for network in (old, fresh):
                network.chain.block_seconds_ns = 10**9
                assert network.block([tx]).results[-1].code == 0
            before, after = roots(old), roots(fresh)
            assert [name for name in before if before[name] != after[name]] == ["consensus", "oracle"]
            fresh.assert_sound()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW_SEEDS)
def test_a_long_life_of_every_kind(tmp_path: Path, seed: int) -> None:
    """As the short ones with two applications, long enough for everybody to be ruined; then replayed elsewhere and exported."""
    with lived(tmp_path, seed, SLOW_BLOCKS, apps=2) as (simulation, life):
        simulation.exported()
        assert elsewhere(life.init, life.requests, hash_seed=seed) == life.digests
