"""What a node has proposed can be asked for, with the reason for everything that it left out; and what it rejected is counted."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from modules.kernel.module import QueryError
from node.sequencer.prepare import Proposal
from node.sequencer.proposals import KEPT_PROPOSALS, ProposalLog
from perpd_proto.perpd.node.v1 import query_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.app_network import AppNetwork, app_network, localnet_state
from support.chain import message

QUOTA = 3
PATH = "/perpd.node.v1.Query/Proposals"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[AppNetwork]:
    """One application whose blocks take three transactions of an account in a lane."""
    people = load.traders(3)
    state = load.with_traders(localnet_state(), people)
    state["consensus"] = {"sequencer": {"quota_per_account_and_lane": QUOTA}}
    with app_network(tmp_path, people=people, state=state) as opened:
        opened.block()
        yield opened


def asked(network: AppNetwork, tx_hash: bytes = b"") -> list[query_pb2.Proposal]:
    """The query's answer on the application."""
    request = query_pb2.QueryProposalsRequest(tx_hash=tx_hash).SerializeToString()
    return list(query_pb2.QueryProposalsResponse.FromString(network.app.table.answer(PATH, request, 0)[0]).proposals)


def flood(network: AppNetwork) -> list[bytes]:
    """Five bids of one account, of which a block takes three."""
    return [network.short_term(network.people[0], is_buy=True, ticks=-50, client_id=number) for number in range(1, 6)]


def test_each_transaction_that_is_left_out_has_its_rule_and_a_reason(network: AppNetwork) -> None:
    """Two above the quota, a gap in sequence, garbage: rule, code and sentence; the rest is counted as proposed."""
    pool = flood(network)
    gap = network.sign(network.people[1], network.send(network.people[1], network.people[2], 1), sequence=9)
    proposal = network.propose([*pool, gap, b"garbage"])
    [made, first] = asked(network)
    assert (first.height, first.pool_txs) == (1, 0)
    assert (made.height, made.pool_txs, made.proposed_txs, made.left_out_txs) == (2, 7, QUOTA, 4)
    assert made.proposed_txs == len(proposal) - 1, "and the preamble"
    assert 0 < made.proposed_bytes <= made.max_bytes
    told = {one.tx_hash: one for one in made.left_out}
    refused = [tx for tx in pool if tx not in proposal]
    assert sorted(told) == sorted(sha256(tx).digest() for tx in [*refused, gap, b"garbage"])
    for tx in refused:
        one = told[sha256(tx).digest()]
        assert (one.rule, one.code) == ("f", 11)
        assert f"a block takes {QUOTA} of one account in one lane" in one.reason
    assert told[sha256(gap).digest()].rule == "b5"
    assert "account sequence mismatch, expected 0, got 9" in told[sha256(gap).digest()].reason
    assert told[sha256(b"garbage").digest()].rule == "b1"


def test_one_transaction_can_be_asked_for(network: AppNetwork) -> None:
    """Only what is said of it; the counts stay those of the whole proposal."""
    pool = flood(network)
    proposal = network.propose(pool)
    refused = next(tx for tx in pool if tx not in proposal)
    [made, _] = asked(network, sha256(refused).digest())
    assert ([one.tx_hash for one in made.left_out], made.left_out_txs) == ([sha256(refused).digest()], 2)
    [made, _] = asked(network, sha256(proposal[-1]).digest())
    assert (list(made.left_out), made.left_out_txs) == ([], 2)


def test_a_hash_of_another_length_is_an_argument_that_is_invalid(network: AppNetwork) -> None:
    """And the answer says which length it has."""
    with pytest.raises(QueryError, match="has 32 bytes, not 2") as caught:
        asked(network, b"ab")
    assert caught.value.status == "INVALID_ARGUMENT"


def test_only_the_latest_proposals_are_kept() -> None:
    """The memory that this takes is bounded."""
    log = ProposalLog()
    for height in range(1, KEPT_PROPOSALS + 6):
        log.note(height, [], Proposal([], {}, 100))
    assert [made.height for made in log.latest()] == list(range(KEPT_PROPOSALS + 5, 5, -1))


def test_a_rejected_proposal_is_in_the_log_and_in_the_metrics(network: AppNetwork, caplog: pytest.LogCaptureFixture) -> None:
    """Rule, height, proposer and first offending position; nothing is written for one that is accepted."""
    honest = network.propose(flood(network))
    request = network.chain.process_request([honest[0], honest[2], honest[1], honest[3]])
    proposer = request.proposer_address.hex()
    assert all(network.chain.process(honest))
    assert "proposal rejected" not in caplog.text
    answer = message(network.app.process_proposal(request), abci.ResponseProcessProposal)
    assert answer.status == abci.ResponseProcessProposal.REJECT
    [record] = [one for one in caplog.records if one.message == "proposal rejected"]
    fields: dict[str, Any] = record.__dict__
    assert (fields["rule"], fields["height"], fields["proposer"].hex(), fields["position"]) == ("e", 2, proposer, 1)
    labels = {"rule": "e", "proposer": proposer}
    sample = network.app.metrics.registry.get_sample_value
    assert sample("perpd_proposals_rejected_total", labels) == 1
    assert sample("perpd_last_rejected_height", labels) == 2
    assert sample("perpd_last_rejected_position", labels) == 1
