"""Who reported what, over gRPC, from the preamble of a block as the engine gives it."""

import copy
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from node.votes import extension, preamble
from perpd_proto.perpd.oracle.v1 import query_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import validator_pb2
from support.grpc_node import VECTORS, Chain, Engine, call, failure, serving

PATH = "/perpd.oracle.v1.Query/Reports"
COMMIT, ABSENT, NIL = validator_pb2.BLOCK_ID_FLAG_COMMIT, validator_pb2.BLOCK_ID_FLAG_ABSENT, validator_pb2.BLOCK_ID_FLAG_NIL
PRICES = {0: 6_012_345_678, 7: 2**64 - 1}
TOO_LONG = extension.encode(dict.fromkeys(range(1_000), 2**63), 100_000)


def vote(number: int, flag: int, carried: bytes = b"") -> abci.ExtendedVoteInfo:
    """Validator `number`, with as much power."""
    return abci.ExtendedVoteInfo(
        validator=abci.Validator(address=bytes([number]) * 20, power=number),
        block_id_flag=flag,  # type: ignore[arg-type]
        vote_extension=carried,
    )


VOTES = [
    vote(6, COMMIT, extension.encode(PRICES, 4096)),
    vote(5, COMMIT),
    vote(4, COMMIT, b"\x0a\x02\x10\x00"),
    vote(3, COMMIT, TOO_LONG),
    vote(2, ABSENT),
    vote(1, NIL),
]


@pytest.fixture
def channel(tmp_path: Any) -> Iterator[tuple[grpc.Channel, Engine]]:
    """To a server whose engine has blocks 22 (with a preamble) and 1 (empty)."""
    chain, engine = Chain(tmp_path), Engine()
    chain.begin()
    block = copy.deepcopy(VECTORS["block"])
    block["result"]["block"]["data"]["txs"] = [b64encode(preamble.encode(abci.ExtendedCommitInfo(votes=VOTES))).decode(), "YT0x"]
    kept = {"22": block, None: block, "1": VECTORS["block1"], "21": VECTORS["block"]}
    engine.answers["block"] = lambda params: dict(kept.get(params.get("height"), VECTORS["block_future"]))
    try:
        with serving(chain, engine.url) as (_, opened):
            yield opened, engine
    finally:
        engine.close()
        chain.store.close()


def ask(channel: grpc.Channel, height: int) -> query_pb2.QueryReportsResponse:
    """The answer about a height."""
    found: query_pb2.QueryReportsResponse = call(
        channel, PATH, query_pb2.QueryReportsRequest(height=height), query_pb2.QueryReportsResponse
    )
    return found


@pytest.mark.parametrize("height", [22, 0])
def test_every_validator_s_report_is_told(channel: tuple[grpc.Channel, Engine], height: int) -> None:
    """In the order of the set: prices, nothing, what is malformed or oversized, no vote, a vote for no block."""
    answer = ask(channel[0], height)
    assert answer.height == 22
    assert [(row.address, row.power, row.status) for row in answer.reports] == [
        (bytes([6 - place]) * 20, 6 - place, status)
        for place, status in enumerate(("REPORTED", "EMPTY", "MALFORMED", "MALFORMED", "ABSENT", "NIL"))
    ]
    assert {row.market_id: row.price for row in answer.reports[0].prices} == PRICES
    assert not any(row.prices for row in answer.reports[1:])


@pytest.mark.parametrize("height", [1, 21])
def test_a_block_without_a_preamble_has_no_reports(channel: tuple[grpc.Channel, Engine], height: int) -> None:
    """An empty one, and one whose first transaction is something else."""
    assert not ask(channel[0], height).reports


def test_a_height_that_is_none_is_refused(channel: tuple[grpc.Channel, Engine]) -> None:
    """Negative, and beyond the chain's end."""
    for height, text in ((-1, "is negative"), (100_000, "must be less than or equal to")):
        status, told = failure(channel[0], PATH, query_pb2.QueryReportsRequest(height=height))
        assert status is grpc.StatusCode.INVALID_ARGUMENT
        assert text in told
