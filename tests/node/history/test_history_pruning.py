"""How long it is kept what became of orders, and what dropping it costs."""

from pathlib import Path
from typing import Any

import pytest

from modules.kernel.module import QueryError
from node.history.history import PRUNED_BLOCKS_MAX
from node.history.model import BLOCK_PREFIX, ORDER_PREFIX, SPAN_KEY, Span, decode_span
from node.store.database import Snapshot
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as own
from support import load
from support.app_network import AppNetwork, app_network, values
from support.load import IMMEDIATE_OR_CANCEL, SHORT_TERM


def rows(network: AppNetwork, prefix: bytes) -> list[int]:
    """The heights at the end of the keys that are kept under a prefix."""
    with network.app.store.version() as version:
        return sorted(int.from_bytes(key[-8:], "big") for key, _ in version.beside_pairs(prefix, prefix + b"\xff"))


def span(network: AppNetwork) -> Span:
    """What is covered."""
    with network.app.store.version() as version:
        return decode_span(version.beside(SPAN_KEY))


def trade(network: AppNetwork, client_id: int) -> None:
    """A block in which an order ends at once."""
    who = network.people[0]
    network.block([network.short_term(who, is_buy=True, ticks=-9, client_id=client_id, time_in_force=IMMEDIATE_OR_CANCEL)])


def ask(network: AppNetwork, client_id: int, who: load.Trader | None = None) -> own.QueryOrderResponse:
    """The answer about an order of the first trader. Raises QueryError."""
    asked = order_pb2.OrderId(client_id=client_id, order_flags=SHORT_TERM)
    asked.subaccount_id.owner = (who or network.people[0]).text
    answer, _ = network.app.table.answer("/perpd.clob.v1.Query/Order", own.QueryOrderRequest(order_id=asked).SerializeToString(), 0)
    found: own.QueryOrderResponse = own.QueryOrderResponse.FromString(answer)
    return found


def test_what_is_older_than_configured_is_dropped_block_by_block(tmp_path: Path) -> None:
    """Each block drops the rows of the one that leaves the window; the answer names the window."""
    with app_network(tmp_path, history_blocks=3) as network:
        for client_id in range(1, 8):
            trade(network, client_id)
            heights = [height for height in range(1, network.height + 1) if height > network.height - 3]
            assert rows(network, ORDER_PREFIX) == rows(network, BLOCK_PREFIX) == heights
        assert ask(network, 5).status == own.ORDER_STATUS_REMOVED
        with pytest.raises(QueryError, match="what became of orders for 3 blocks, at that height since block 5"):
            ask(network, 4)
        assert span(network) == (5, 5, 7)


def test_a_live_order_is_answered_however_old_its_placement_is(tmp_path: Path) -> None:
    """The state answers; what only the history knew is left out. Filled later, it is an ended order without its placement."""
    with app_network(tmp_path, history_blocks=2) as network:
        maker, taker, *_ = network.people
        network.block([network.short_term(maker, is_buy=True, ticks=-1, steps=10, client_id=1)])
        network.chain.run(3)
        found = ask(network, 1)
        assert (found.open, found.status, found.height, found.tx_hash) == (True, own.ORDER_STATUS_OPEN, 0, b"")
        assert (found.placed_height, found.placed_tx_hash) == (1, b"")
        network.block([network.short_term(taker, is_buy=False, ticks=-1, steps=10)])
        found = ask(network, 1)
        assert (found.open, found.status, found.height) == (False, own.ORDER_STATUS_FILLED, 5)
        assert (found.HasField("order"), found.placed_height) == (False, 0)


def test_a_lowered_limit_is_reached_in_bounded_steps(tmp_path: Path) -> None:
    """After a restart with fewer blocks no block drops more than its share of old ones, and questions see the new limit at once."""
    with app_network(tmp_path) as network:
        for client_id in range(1, 13):
            trade(network, client_id)
        network.history_blocks = 2
        network.restart(0)
        left = rows(network, BLOCK_PREFIX)
        assert left == list(range(1, 13))
        while len(left) > 2:
            trade(network, 20 + network.height)
            now = rows(network, BLOCK_PREFIX)
            assert now == rows(network, ORDER_PREFIX)
            assert len([height for height in left if height not in now]) <= PRUNED_BLOCKS_MAX
            with pytest.raises(QueryError, match="for 2 blocks"):
                ask(network, 11)
            left = now
        assert left == [network.height - 1, network.height]


def test_a_node_may_keep_no_history(tmp_path: Path) -> None:
    """Nothing is written, live orders are answered, and what was kept before goes."""
    with app_network(tmp_path) as network:
        for client_id in range(1, 8):
            trade(network, client_id)
        network.history_blocks = 0
        network.restart(0)
        network.block([network.short_term(network.people[1], is_buy=True, ticks=-1, client_id=1)])
        network.chain.run(3)
        assert rows(network, b"h/") == []
        assert ask(network, 1, network.people[1]).status == own.ORDER_STATUS_OPEN
        with pytest.raises(QueryError, match="keeps no history of orders"):
            ask(network, 7)


def test_a_gap_makes_what_lies_before_it_worthless(tmp_path: Path) -> None:
    """Switched off for a block and on again: coverage begins anew, and no answer comes from before the gap."""
    with app_network(tmp_path) as network:
        for client_id in range(1, 10):
            trade(network, client_id)
        network.history_blocks = 0
        network.restart(0)
        network.block()
        network.history_blocks = 100
        network.restart(0)
        network.block()
        assert span(network).first == network.height == 11
        with pytest.raises(QueryError, match="since block 11"):
            ask(network, 9)
        trade(network, 30)
        assert ask(network, 30).status == own.ORDER_STATUS_REMOVED
        network.chain.run(2)
        assert rows(network, BLOCK_PREFIX) == [12]


def test_history_is_no_part_of_the_state(tmp_path: Path) -> None:
    """Nodes with and without it have the same app hash and the same pairs, at every block."""
    with app_network(tmp_path / "with") as kept, app_network(tmp_path / "without", history_blocks=0) as bare:
        for client_id in range(1, 4):
            trade(kept, client_id)
            trade(bare, client_id)
            assert kept.chain.app_hash == bare.chain.app_hash
            assert values(kept.app) == values(bare.app)


def test_a_block_that_runs_reads_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be dropped is read after the commit before, so that FinalizeBlock works on memory alone."""
    reads: list[str] = []
    with app_network(tmp_path, history_blocks=2) as network:
        for client_id in range(1, 6):
            trade(network, client_id)
        proposal = network.propose([network.short_term(network.people[0], is_buy=True, ticks=-1)])
        for name in ("get", "iterate"):
            real = getattr(Snapshot, name)

            def counted(self: Snapshot, *given: object, _name: str = name, _real: Any = real, **named: object) -> Any:
                reads.append(_name)
                return _real(self, *given, **named)

            monkeypatch.setattr(Snapshot, name, counted)
        network.chain.finalize(proposal, network.app)
        assert reads == []
        network.decide(proposal)
        assert reads, "the next block's deletions were read after the commit"
        assert rows(network, BLOCK_PREFIX) == [5, 6]
