"""Queries of dydxprotocol.clob and perpd.clob.v1, on live state and on a committed version."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from modules.clob.model import OrderId, order_id_to_proto, order_to_proto
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.module import QueryError
from node.store.state import LiveState, VersionState
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, owner, sub
from support.markets import BTC, ETH

SERVICE = "/dydxprotocol.clob.Query/"
OWN = "/perpd.clob.v1.Query/"
ALICE = {"owner": addresses.to_text(owner("alice")), "number": 0}


class Version:
    """Everything that a live state holds, as a database would give it back."""

    def __init__(self, state: LiveState) -> None:
        self.stores: dict[str, dict[bytes, bytes]] = {}
        for declared in state.registry.maps:
            rows = self.stores.setdefault(declared.store, {})
            for key, value in state.tables[declared.slot].items():
                rows[declared.encode_key(key)] = declared.value_codec.encode(value)

    def get(self, store: str, key: bytes) -> bytes | None:
        """The value at a key."""
        return self.stores[store].get(key)

    def iterate(self, store: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs in key order."""
        return iter(sorted((key, value) for key, value in self.stores[store].items() if key.startswith(prefix)))


@pytest.fixture(params=["live", "version"])
def x(request: pytest.FixtureRequest) -> Exchange:
    """A book with three bids at two prices and two asks, one of them long-term and partly filled; asked live or from a version."""
    exchange = Exchange()
    exchange.place(exchange.short("alice", 1, "buy", 2 * STEP, BTC_PRICE - TICK))
    exchange.place(exchange.short("bob", 2, "buy", STEP, BTC_PRICE - 2 * TICK))
    exchange.place(exchange.short("bob", 3, "buy", 5 * STEP, BTC_PRICE - TICK))
    exchange.place(exchange.long("alice", 4, "sell", 4 * STEP, BTC_PRICE, client_metadata=2))
    exchange.place(exchange.short("carol", 5, "sell", STEP, BTC_PRICE + TICK))
    exchange.place(exchange.short("bob", 6, "buy", STEP, BTC_PRICE, tif="ioc"))
    exchange.place(exchange.short("alice", 7, "buy", STEP, TICK, pair=ETH))
    exchange.cancel(OrderId(BTC, sub("alice"), 0, 8))
    if request.param == "version":
        version = VersionState(exchange.registry, Version(exchange.state))
        exchange.ctx = Context(version, exchange.ctx.height, exchange.ctx.time_ns, "test-1")
    return exchange


def _refused(x: Exchange, path: str, **fields: Any) -> str:
    with pytest.raises(QueryError) as caught:
        x.ask(path, **fields)
    return caught.value.status


def test_a_pair_is_told_as_clients_know_it(x: Exchange) -> None:
    """ClobPair; pair and perpetual 0 are told too."""
    pair = x.ask(SERVICE + "ClobPair", id=BTC).clob_pair
    assert pair.HasField("perpetual_clob_metadata")
    assert (pair.id, pair.step_base_quantums, pair.subticks_per_tick, pair.quantum_conversion_exponent, pair.status) == (
        0,
        STEP,
        TICK,
        -9,
        1,
    )
    assert _refused(x, SERVICE + "ClobPair", id=9) == "NOT_FOUND"


def test_all_pairs_come_by_id_and_in_pages(x: Exchange) -> None:
    """ClobPairAll as Python (no pagination) and TypeScript (everything, counted) ask."""
    answer = x.ask(SERVICE + "ClobPairAll")
    assert [pair.id for pair in answer.clob_pair] == [0, 1, 2]
    answer = x.ask(SERVICE + "ClobPairAll", pagination={"limit": 2**64 - 1, "count_total": True})
    assert (len(answer.clob_pair), answer.pagination.total, answer.pagination.next_key) == (3, 3, b"")
    answer = x.ask(SERVICE + "ClobPairAll", pagination={"limit": 2})
    assert [pair.id for pair in x.ask(SERVICE + "ClobPairAll", pagination={"key": answer.pagination.next_key}).clob_pair] == [2]


def test_configurations_that_limit_nothing_are_empty(x: Exchange) -> None:
    """EquityTierLimitConfiguration, BlockRateLimitConfiguration, Leverage; NextClobPairId."""
    assert x.ask(SERVICE + "EquityTierLimitConfiguration").HasField("equity_tier_limit_config")
    assert not x.ask(SERVICE + "EquityTierLimitConfiguration").equity_tier_limit_config.stateful_order_equity_tiers
    assert x.ask(SERVICE + "BlockRateLimitConfiguration").HasField("block_rate_limit_config")
    assert not x.ask(SERVICE + "Leverage", **ALICE).clob_pair_leverage
    assert _refused(x, SERVICE + "Leverage", owner="nobody", number=0) == "INVALID_ARGUMENT"
    assert x.ask(SERVICE + "NextClobPairId").next_clob_pair_id == 3


def test_a_stateful_order_is_told_with_its_fill_and_priority(x: Exchange) -> None:
    """StatefulOrder: never a short-term one."""
    order_id = OrderId(BTC, sub("alice"), 64, 4)
    answer = x.ask(SERVICE + "StatefulOrder", order_id=order_id_to_proto(order_id))
    assert answer.order_placement.order == order_to_proto(x.long("alice", 4, "sell", 4 * STEP, BTC_PRICE, client_metadata=2))
    assert (answer.fill_amount, answer.triggered) == (STEP, False)
    assert answer.order_placement.placement_index.block_height == x.ctx.height
    assert answer.order_placement.placement_index.transaction_index == 3
    for missing in (order_id._replace(client_id=5), order_id._replace(flags=0, client_id=1), order_id._replace(flags=128)):
        assert _refused(x, SERVICE + "StatefulOrder", order_id=order_id_to_proto(missing)) == "NOT_FOUND"
    assert _refused(x, SERVICE + "StatefulOrder", order_id=order_id_to_proto(order_id._replace(flags=99_999))) == "INVALID_ARGUMENT"
    assert _refused(x, SERVICE + "StatefulOrder") == "INVALID_ARGUMENT"


def test_the_book_is_told_by_levels_with_remaining_sizes(x: Exchange) -> None:
    """Book, level 2."""
    answer = x.ask(OWN + "Book", clob_pair_id=BTC)
    assert answer.height == x.ctx.height
    assert [(level.subticks, level.quantums, level.order_count) for level in answer.bids] == [
        (BTC_PRICE - TICK, 7 * STEP, 2),
        (BTC_PRICE - 2 * TICK, STEP, 1),
    ]
    assert [(level.subticks, level.quantums, level.order_count) for level in answer.asks] == [
        (BTC_PRICE, 3 * STEP, 1),
        (BTC_PRICE + TICK, STEP, 1),
    ]
    assert not any(level.orders for level in (*answer.bids, *answer.asks))
    assert _refused(x, OWN + "Book", clob_pair_id=9) == "NOT_FOUND"


def test_the_book_is_told_order_by_order_in_matching_order(x: Exchange) -> None:
    """Book, level 3, cut to one level; the checksum stays that of the whole book."""
    answer = x.ask(OWN + "Book", clob_pair_id=BTC, levels=1, orders=True)
    assert [(row.order.order_id.client_id, row.remaining_quantums, row.placed_index) for row in answer.bids[0].orders] == [
        (1, 2 * STEP, 0),
        (3, 5 * STEP, 2),
    ]
    assert (len(answer.bids), len(answer.asks)) == (1, 1)
    assert answer.checksum == x.ask(OWN + "Book", clob_pair_id=BTC).checksum


def test_the_checksum_is_what_its_documentation_says(x: Exchange) -> None:
    """A client computes it from level 3 alone."""
    answer = x.ask(OWN + "Book", clob_pair_id=BTC, orders=True)
    data = BTC.to_bytes(4, "big")
    for side in (answer.bids, answer.asks):
        rows = [row for level in side for row in level.orders]
        data += len(rows).to_bytes(4, "big")
        for row in rows:
            name = row.order.order_id
            data += row.order.subticks.to_bytes(8, "big") + row.remaining_quantums.to_bytes(8, "big")
            data += addresses.from_text(name.subaccount_id.owner) + name.subaccount_id.number.to_bytes(4, "big")
            data += name.client_id.to_bytes(4, "big") + name.order_flags.to_bytes(4, "big")
    assert answer.checksum == sha256(data).digest()
    assert answer.checksum != x.ask(OWN + "Book", clob_pair_id=ETH).checksum


def test_orders_of_a_subaccount_come_from_all_markets_in_pages(x: Exchange) -> None:
    """Orders: by market, flags, client id."""
    rows, key = [], b""
    while True:
        answer = x.ask(OWN + "Orders", subaccount_id=ALICE, pagination={"limit": 2, "key": key})
        rows += [(row.order.order_id.clob_pair_id, row.order.order_id.client_id, row.remaining_quantums) for row in answer.orders]
        key = answer.pagination.next_key
        if not key:
            break
    assert rows == [(BTC, 1, 2 * STEP), (BTC, 4, 3 * STEP), (ETH, 7, STEP)]
    assert x.ask(OWN + "Orders", subaccount_id=ALICE).pagination.total == 3
    assert not x.ask(OWN + "Orders", subaccount_id=ALICE | {"number": 1}).orders
    assert _refused(x, OWN + "Orders") == "INVALID_ARGUMENT"
