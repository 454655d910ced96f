"""`perpd query observe` as a user types it, against a real application."""

from collections.abc import Callable

import grpc
import pytest

from perpd_proto.perpd.oracle.v1 import query_pb2
from support.chain import SECOND
from support.single_node import BTC_PRICE, SingleNode
from support.typed import document

Perpd = Callable[..., tuple[int, str, str]]


def test_averages_are_shown_for_index_and_mark(perpd: Perpd, node: SingleNode) -> None:
    """A price that rises by a thousand dollars for the last two of four seconds; with nothing named, all that is kept of 300 seconds."""
    node.block(2)
    node.prices[0] = BTC_PRICE + 100_000_000
    node.block()  # its votes bring the new price, and the next block begins with it
    node.block(3)
    latest = node.chain.time_ns
    for option in ((), ("--mark",)):
        found = document(perpd("query", "observe", "btc-usd", "--seconds", "4", "--seconds", "1", *option, "--json"))
        assert [row["average"] for row in found["averages"]] == ["47819", "48319"]
        assert found["price"] == ("mark" if option else "index")
        assert found["latest_nanoseconds"] == str(latest)
        assert [row["fresh_nanoseconds"] for row in found["averages"]] == [str(4 * SECOND), str(SECOND)]
        assert [row["denominator"] for row in found["averages"]] == [str(4 * SECOND), str(SECOND)]
    shown = perpd("query", "observe", "BTC-USD")[1]
    assert "BTC-USD index" in shown
    assert "average" in shown
    [whole] = document(perpd("query", "observe", "BTC-USD", "--json"))["averages"]
    assert (int(whole["to_nanoseconds"]), int(whole["denominator"])) == (latest, int(whole["fresh_nanoseconds"]))
    between = (str(latest - 2 * SECOND), str(latest - SECOND))
    [part] = document(perpd("query", "observe", "BTC-USD", "--between", *between, "--json"))["averages"]
    assert (part["from_nanoseconds"], part["to_nanoseconds"]) == between
    assert int(part["numerator"]) == int(part["denominator"]) * (BTC_PRICE + 100_000_000)


def test_what_is_not_kept_is_told_in_a_sentence(perpd: Perpd) -> None:
    """A window that begins before the chain, one that is empty, a market that does not exist."""
    code, _, told = perpd("query", "observe", "BTC-USD", "--seconds", "4000000")
    assert code == 1
    assert "is not kept: windows lie between" in told
    code, _, told = perpd("query", "observe", "BTC-USD", "--between", "5", "5")
    assert (code, "is empty" in told) == (1, True)
    code, _, told = perpd("query", "observe", "DOGE-USD")
    assert (code, "is no market of this chain" in told) == (1, True)


def test_grpc_answers_with_the_status_out_of_range(node: SingleNode) -> None:
    """A window that ends after the latest block, or begins before the oldest step."""
    kinds = (query_pb2.QueryObserveRequest.SerializeToString, query_pb2.QueryObserveResponse.FromString)
    with grpc.insecure_channel(node.address) as channel:
        ask = channel.unary_unary("/perpd.oracle.v1.Query/Observe", *kinds)
        kept = ask(query_pb2.QueryObserveRequest())
        for begin, end in ((kept.oldest_nanoseconds, kept.latest_nanoseconds + 1), (kept.oldest_nanoseconds - 1, kept.latest_nanoseconds)):
            with pytest.raises(grpc.RpcError) as refused:
                ask(query_pb2.QueryObserveRequest(windows=[query_pb2.Window(from_nanoseconds=begin, to_nanoseconds=end)]))
            assert refused.value.code() is grpc.StatusCode.OUT_OF_RANGE
