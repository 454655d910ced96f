"""Averages over time in a running chain: the index by vote and the mark, through silence, a restart, an export, at old heights."""

import json
from random import Random
from typing import Any

import pytest

from modules.kernel.module import QueryError
from modules.oracle.model import INDEX, MARK, Series
from node.app import App
from perpd_proto.perpd.oracle.v1 import query_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.averages import SlowAverages
from support.chain import SECOND
from support.exchange import Exchange, OpenExchange, committed, genesis
from support.markets import BTC, ETH, oracle_section

OLD = 6_012_345_678
OBSERVE = "/perpd.oracle.v1.Query/Observe"


def observe(app: App, *windows: tuple[int, int], height: int = 0, series: int = INDEX, series_id: int = BTC) -> Any:
    """The answer of the query table, as gRPC and ABCI give it, at a height."""
    rows = [query_pb2.Window(from_nanoseconds=begin, to_nanoseconds=end) for begin, end in windows]
    request = query_pb2.QueryObserveRequest(series=query_pb2.Series.Name(series), id=series_id, windows=rows)
    answer = query_pb2.QueryObserveResponse()
    answer.ParseFromString(app.table.answer(OBSERVE, request.SerializeToString(), height)[0])
    return answer


def average(app: App, begin: int, end: int, **changes: Any) -> tuple[int, int]:
    """Price and fresh nanoseconds of one window."""
    [found] = observe(app, (begin, end), **changes).averages
    return found.price, found.fresh_nanoseconds


def walk(exchange: Exchange, seed: int, blocks: int) -> SlowAverages:
    """Blocks in which validators report a random walk of BTC, with what the averages of that must be."""
    random, slow = Random(seed), SlowAverages()
    for _ in range(blocks):
        price = exchange.reported[0][BTC] + random.choice((0, random.randint(-(10**6), 10**6)))
        exchange.price_becomes(price)
        slow.record(exchange.chain.time_ns, exchange.price())
    return slow


def test_a_running_chain_answers_every_window_as_the_slow_way_does(open_exchange: OpenExchange) -> None:
    """Index and mark (which is the index while there is no book) over random windows, on each of four nodes, one of them restarted."""
    exchange = open_exchange()
    slow = walk(exchange, 1, 40)
    exchange.restart(2)
    first, last = slow.steps[0][0], exchange.chain.time_ns
    random = Random(2)
    for _ in range(20):
        begin, end = sorted(random.sample(range(first, last + 1), 2))
        wanted = slow.ask(begin, end)
        for app in exchange.apps:
            assert average(app, begin, end) == (wanted.integral // (end - begin), wanted.fresh_ns)
            assert average(app, begin, end, series=MARK) == average(app, begin, end)
    before = observe(exchange.apps[0], (first, last))
    exchange.run(3)
    assert observe(exchange.apps[2], (first, last)).averages == before.averages, "what has passed does not change"


def test_old_heights_answer_as_they_did_then(open_exchange: OpenExchange) -> None:
    """At a past height the windows end at that height's time; what came later is not known there."""
    exchange = open_exchange()
    exchange.run(2)
    height, time_ns = exchange.chain.height, exchange.chain.time_ns
    then = observe(exchange.apps[0], (time_ns - SECOND, time_ns))
    exchange.price_becomes(OLD * 2)
    exchange.run(4)
    assert observe(exchange.apps[0], (time_ns - SECOND, time_ns), height=height) == then
    assert then.latest_nanoseconds == time_ns
    with pytest.raises(QueryError, match="is not kept") as refused:
        observe(exchange.apps[0], (time_ns, time_ns + SECOND), height=height)
    assert refused.value.status == "OUT_OF_RANGE"


def test_abci_query_names_the_status_as_clients_match_it(open_exchange: OpenExchange) -> None:
    """Over the engine's RPC the same question has the same answer, and a window that is not kept the status OutOfRange."""
    exchange = open_exchange()
    exchange.run(3)
    app, now = exchange.apps[0], exchange.chain.time_ns
    request = query_pb2.QueryObserveRequest(windows=[query_pb2.Window(from_nanoseconds=now - SECOND, to_nanoseconds=now)])
    answer = app.query(abci.RequestQuery(path=OBSERVE, data=request.SerializeToString()))
    assert (answer.code, answer.value) == (0, observe(app, (now - SECOND, now)).SerializeToString())
    request.windows[0].to_nanoseconds += 1
    refused = app.query(abci.RequestQuery(path=OBSERVE, data=request.SerializeToString()))
    assert refused.code == 18
    assert refused.log.startswith(f"rpc error: code = OutOfRange desc = the window from {now - SECOND} to {now + 1} is not kept")


def test_silent_validators_leave_the_price_in_force_and_the_window_less_fresh(open_exchange: OpenExchange) -> None:
    """Nobody reports BTC for two minutes: its maximum age of a minute is fresh, the rest is not, and another market is not touched."""
    exchange = open_exchange()
    exchange.run(3)
    for reported in exchange.reported:
        del reported[BTC]
    exchange.run(1)
    updated_ns = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC).updated_ns
    exchange.chain.block_seconds_ns = 40 * SECOND
    exchange.run(3)
    now = exchange.chain.time_ns
    assert now - updated_ns == 120 * SECOND
    for series in (INDEX, MARK):
        assert average(exchange.apps[0], updated_ns, now, series=series) == (OLD, 60 * SECOND + 1)
        assert average(exchange.apps[0], updated_ns, now, series=series, series_id=ETH)[1] == 120 * SECOND
    for reported in exchange.reported:
        reported[BTC] = OLD + 1_000
    exchange.run(3)
    assert average(exchange.apps[0], now, exchange.chain.time_ns) == (OLD + 333, 40 * SECOND)


def test_a_chain_from_an_export_goes_on_with_the_same_history(open_exchange: OpenExchange) -> None:
    """The exported state has the same root, answers the old windows alike, and windows over the pause between the two chains."""
    exchange = open_exchange(genesis(oracle=oracle_section() | {"observations": 32}))
    walk(exchange, 3, 70)
    app = exchange.apps[0]
    kept = observe(app)
    oldest, latest = kept.oldest_nanoseconds, kept.latest_nanoseconds
    exported = json.loads(json.dumps(app.wiring.export_genesis(committed(app))))
    again = open_exchange(exported, initial_height=exchange.next_height, time_ns=exchange.chain.time_ns + 600 * SECOND)
    again.run(2)
    middle = (oldest + latest) >> 1
    for window in ((oldest, latest), (oldest, middle), (middle, latest)):
        for series in (INDEX, MARK):
            assert average(again.apps[0], *window, series=series) == average(app, *window, series=series)
    price, fresh_ns = average(again.apps[0], latest, latest + 600 * SECOND)
    updated_ns = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC).updated_ns
    assert (price, fresh_ns) == (exchange.price(), updated_ns + 60 * SECOND + 1 - latest)


def test_a_quiet_block_writes_nothing_of_the_averages(open_exchange: OpenExchange) -> None:
    """Prices that are confirmed leave no trace in the averages' pairs; one that changes writes a pair of its index and one of its mark."""
    exchange = open_exchange()
    exchange.run(2)
    app = exchange.apps[0]

    def pairs() -> dict[bytes, bytes]:
        with app.store.version(0) as version:
            return {key: value for prefix in (b"\x0b", b"\x0c") for key, value in version.iterate("oracle", prefix)}

    before = pairs()
    exchange.run(3)
    assert pairs() == before
    exchange.price_becomes(OLD + 1)
    exchange.run(1)
    after = pairs()
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {bytes((12, kind, 0, 0, 0, BTC, 0, 0, 0, 0)) for kind in (INDEX, MARK)}
    assert Series(INDEX, BTC) in dict(exchange.wiring.oracle._state.series.items(exchange.ctx))
