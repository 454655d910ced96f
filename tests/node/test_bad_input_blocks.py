"""Blocks that no correct proposer makes: Process rejects them, and FinalizeBlock, which block sync spares no block, is total."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from node.sequencer.errors import BLOCK_BYTES, BLOCK_COUNT, ONCE, PREAMBLE, QUOTA, SEQUENCE
from node.tx.envelope import framed_size
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.app_network import AppNetwork, app_network, deposit, differences, localnet_state, snapshot, withdraw
from support.chain import message, result_of

ACCEPT = abci.ResponseProcessProposal.ACCEPT
REJECT = abci.ResponseProcessProposal.REJECT


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppNetwork]:
    """Four applications with a book."""
    with app_network(tmp_path_factory.mktemp("blocks"), 4) as started:
        alice = started.people[0]
        started.block([started.long_term(alice, is_buy=True, ticks=-1, steps=1_000, good_til=started.time_seconds + 86_400)])
        started.chain.run(2)
        yield started


def pool(network: AppNetwork, rng: random.Random) -> list[bytes]:
    """Good transactions of every lane; three of one account in sequence."""
    _, bob, carol, dave, *_ = network.people
    number = rng.randrange(1_000_000, 2_000_000_000)
    placed = load.Order(bob, network.markets[1], True, network.markets[1].step_base_quantums, 100_000, number, load.REST)
    return [
        network.sign(carol, deposit(carol, 1_000)),
        network.sign(carol, withdraw(carol, 10)),
        network.sign(carol, network.send(carol, dave, 1)),
        network.short_term(bob, is_buy=False, ticks=-1, client_id=number, time_in_force=load.IMMEDIATE_OR_CANCEL),
        network.short_term(dave, is_buy=True, ticks=-4, client_id=number, market=1, time_in_force=load.POST_ONLY),
        network.sign(bob, load.cancel_message(placed, flags=load.SHORT_TERM, good_til=network.height + 9), sequence=0),
    ]


def spoil(raw: bytes, rng: random.Random) -> bytes:
    """The bytes with a bit flipped, a piece missing, something in between, or all of it random."""
    kind = rng.randrange(5)
    place = rng.randrange(len(raw) + 1)
    if kind == 0 and raw:
        place = rng.randrange(len(raw))
        return raw[:place] + bytes((raw[place] ^ 1 << rng.randrange(8),)) + raw[place + 1 :]
    if kind == 1:
        return raw[:place]
    if kind == 2:
        return raw[:place] + rng.randbytes(rng.randint(1, 9)) + raw[place:]
    if kind == 3:
        return raw + raw[:place]
    return rng.randbytes(rng.randint(0, 400))


def refused(code: int, count: int) -> Counter[tuple[str, int]]:
    """So many refusals with this code of the sequencer."""
    return Counter({("sequencer", code): count})


def codes(results: Sequence[abci.ExecTxResult]) -> Counter[tuple[str, int]]:
    """How often which code, successes left out."""
    return Counter((result.codespace, result.code) for result in results if result.code)


@pytest.mark.parametrize("seed", range(6))
def test_a_block_of_garbage_is_an_empty_block(network: AppNetwork, seed: int) -> None:
    """Random bytes behind the preamble: one result each, and the app hash of the block without them, on all four."""
    rng = random.Random(seed)
    quiet = network.propose()
    without = network.chain.finalize(quiet, network.app)
    garbage = [rng.randbytes(rng.choice([0, 1, 2, 7, 60, 300, 5_000])) for _ in range(rng.randint(1, 40))]
    assert network.chain.process([*quiet, *garbage]) == [False] * 4
    block = network.decide([*quiet, *garbage])
    assert block.app_hash == without.app_hash
    assert codes(block.results) == refused(3, len(garbage))


@pytest.mark.parametrize("seed", range(12))
def test_spoiled_blocks_are_decided_alike_everywhere(network: AppNetwork, seed: int) -> None:
    """Good transactions, spoiled ones and repeated ones in any order, the preamble anywhere or nowhere: no exception, one result each,
    the same on four nodes, invariants by full scan. `decide` compares hashes and results.
    """
    rng = random.Random(seed)
    for _ in range(3):
        good = pool(network, rng)
        spoiled = [spoil(rng.choice(good), rng) for _ in range(rng.randint(1, 12))]
        txs = [*good, *spoiled, *rng.choices(good, k=rng.randint(0, 4))]
        rng.shuffle(txs)
        preamble = network.propose()
        kind = rng.randrange(4)
        if kind == 0:
            txs = [*preamble, *txs]
        elif kind == 1:
            txs.insert(rng.randrange(len(txs) + 1), preamble[0])
        elif kind == 2:
            txs = [spoil(preamble[0], rng), *txs]
        assert network.chain.process(txs) == [False] * 4
        block = network.decide(txs)
        assert len(block.results) == len(txs)
        network.assert_sound()


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_one_set_is_executed_in_the_one_canonical_order(network: AppNetwork, seed: int) -> None:
    """P2: FinalizeBlock of a permutation gives the same state; only the canonical one is accepted as a proposal."""
    rng = random.Random(seed)
    proposal = network.propose(pool(network, rng))
    canonical = network.chain.finalize(proposal, network.app)
    for _ in range(3):
        shuffled = proposal[1:]
        while shuffled == proposal[1:]:
            rng.shuffle(shuffled)
        assert network.chain.process([proposal[0], *shuffled]) == [False] * 4
        other = network.chain.finalize([proposal[0], *shuffled], network.app)
        assert other.app_hash == canonical.app_hash
        assert [other.tx_results[1 + shuffled.index(tx)] for tx in proposal[1:]] == list(canonical.tx_results[1:])
    network.decide(proposal)


@pytest.mark.parametrize("seed", range(8))
def test_a_spoiled_preamble_is_no_preamble(network: AppNetwork, seed: int) -> None:
    """Process rejects; FinalizeBlock counts no votes, says what is wrong, keeps the price, and executes the rest."""
    rng = random.Random(seed)
    network.prices[0] += 50_000_000
    preamble = network.propose()[0]
    spoiled = preamble
    while spoiled == preamble or not spoiled:
        spoiled = spoil(preamble, rng)
    carol = network.people[2]
    fine = network.sign(carol, deposit(carol, 1))
    before = network.app.wiring.oracle.keeper.recorded(network.context(), 0).price
    assert network.chain.process([spoiled]) == [False] * 4
    block = network.decide([spoiled, fine])
    assert block.results[0].codespace == "sequencer"
    assert block.results[0].code in (PREAMBLE.kind.code, 3)
    assert result_of(block, fine).code == 0
    assert network.app.wiring.oracle.keeper.recorded(network.context(), 0).price == before
    network.block()
    assert network.app.wiring.oracle.keeper.recorded(network.context(), 0).price == network.prices[0]


def test_a_preamble_of_another_height_twice_or_behind_something_is_refused(network: AppNetwork) -> None:
    """It must be this block's own, once, and first."""
    old = network.propose()[0]
    network.decide([old])
    preamble = network.propose()[0]
    carol = network.people[2]
    fine = network.sign(carol, deposit(carol, 1))
    for txs in ([old], [preamble, preamble], [fine, preamble], [fine], []):
        assert network.chain.process(txs) == [False] * 4
        answer = network.chain.finalize(txs, network.app)
        assert len(answer.tx_results) == len(txs)
    assert network.chain.process([preamble, fine]) == [True] * 4
    network.decide([preamble, fine])


def test_a_transaction_that_stands_twice_counts_once(network: AppNetwork) -> None:
    """With a sequence the copies break it; without one they break the rule that names them."""
    preamble = network.propose()[0]
    alice, _, carol, *_ = network.people
    sequenced = network.sign(carol, deposit(carol, 1))
    free = network.short_term(alice, is_buy=True, ticks=-30, client_id=31)
    once = network.chain.finalize([preamble, sequenced, free], network.app)
    block = network.decide([preamble, *[sequenced] * 3, *[free] * 3])
    assert codes(block.results) == refused(7, 2) + refused(ONCE.kind.code, 2)
    assert block.app_hash == once.app_hash


def test_limits_hold_in_blocks_that_break_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    """More of one account and lane than its quota, more transactions and more bytes than a block takes: what is above has no effect."""
    people = load.traders(4)
    state = load.with_traders(localnet_state(), people)
    state["consensus"] = {
        **state["consensus"],
        "sequencer": {"quota_per_account_and_lane": 20, "max_block_txs": 50, "max_block_bytes": 16_384, "max_tx_bytes": 4_096},
    }
    with app_network(tmp_path_factory.mktemp("limits"), 2, people=people, state=state) as small:
        small.chain.run(2)
        orders = {
            who.number: [small.short_term(who, is_buy=True, ticks=-40 - client_id, client_id=client_id) for client_id in range(40)]
            for who in people
        }
        preamble = small.propose()[0]
        block = small.decide([preamble, *orders[0]])
        assert codes(block.results) == refused(QUOTA.kind.code, 20)
        preamble = small.propose()[0]
        block = small.decide([preamble, *orders[1][:20], *orders[2][:20], *orders[3][:20]])
        assert codes(block.results) == refused(BLOCK_COUNT.kind.code, 10)
        wordy = [small.sign(who, deposit(who, 1), memo="m" * 250) for who in people for _ in range(10)]
        quiet = small.propose()
        size = sum(map(framed_size, [*quiet, *wordy]))
        assert size > 16_384
        block = small.decide([*quiet, *wordy])
        told = codes(block.results)
        assert told["sequencer", BLOCK_BYTES.kind.code] > 0
        assert set(told) <= {("sequencer", BLOCK_BYTES.kind.code), ("sequencer", SEQUENCE.kind.code)}
        kept = [tx for tx, result in zip(block.txs, block.results, strict=True) if not result.code]
        assert 16_384 - 600 < sum(map(framed_size, kept)) <= 16_384
        again = [small.sign(who, deposit(who, 1), memo="n" * 250) for who in people for _ in range(12)]
        proposal = small.propose(again)
        assert 16_384 - 600 < sum(map(framed_size, proposal)) <= 16_384
        assert small.chain.process(proposal) == [True, True]
        assert not codes(small.decide(proposal).results)
        small.assert_sound()


@pytest.mark.parametrize("seed", range(10))
def test_prepare_makes_a_proposal_of_any_pool_and_any_commit(network: AppNetwork, seed: int) -> None:
    """Whatever the engine hands over, Prepare raises nothing, keeps within its bytes and changes nothing."""
    rng = random.Random(seed)
    assert network.chain.extended is not None
    for _ in range(5):
        good = pool(network, rng)
        request = abci.RequestPrepareProposal(
            max_tx_bytes=rng.choice([0, 10, 500, 5_000, 1 << 22]),
            txs=[*good, *[spoil(rng.choice(good), rng) for _ in range(10)]],
            height=network.height + 1,
        )
        request.time.FromNanoseconds(network.chain.time_ns + 10**9)
        request.local_last_commit.CopyFrom(network.chain.extended)
        for vote in request.local_last_commit.votes:
            if rng.random() < 0.5:
                vote.vote_extension = rng.randbytes(rng.choice([0, 3, 20, 5_000]))
            if rng.random() < 0.3:
                vote.extension_signature = rng.randbytes(rng.choice([0, 63, 64]))
            if rng.random() < 0.2:
                vote.validator.power = rng.randrange(100)
            if rng.random() < 0.2:
                vote.validator.address = rng.randbytes(20)
            if rng.random() < 0.2:
                vote.block_id_flag = rng.randrange(4)
        if rng.random() < 0.3:
            del request.local_last_commit.votes[rng.randrange(4) :]
        before = snapshot(network.app)
        txs = message(network.app.prepare_proposal(request), abci.ResponsePrepareProposal).txs
        assert sum(map(framed_size, txs)) <= request.max_tx_bytes
        assert not differences(network.app, before, snapshot(network.app))
    network.block(pool(network, rng))


@pytest.mark.parametrize("seed", range(10))
def test_verdicts_and_blocks_with_any_last_commit_are_total(network: AppNetwork, seed: int) -> None:
    """A last commit that is not the validator set's: the proposal is rejected, the block is executed without votes."""
    rng = random.Random(seed)
    proposal = network.propose(pool(network, rng))
    honest = network.chain.process_request(proposal)
    for _ in range(5):
        request = abci.RequestProcessProposal()
        request.CopyFrom(honest)
        commit = request.proposed_last_commit
        kind = rng.randrange(4)
        if kind == 0:
            commit.round = rng.randrange(1, 100)
        elif kind == 1:
            del commit.votes[rng.randrange(4) :]
        elif kind == 2:
            commit.votes[rng.randrange(4)].validator.address = rng.randbytes(rng.randrange(30))
        else:
            commit.votes.add(block_id_flag=rng.randrange(4)).validator.power = rng.randrange(-5, 50)
        for app in network.apps:
            assert message(app.process_proposal(request), abci.ResponseProcessProposal).status == REJECT
        answers = [
            message(
                app.finalize_block(
                    abci.RequestFinalizeBlock(txs=proposal, decided_last_commit=commit, height=request.height, time=request.time)
                ),
                abci.ResponseFinalizeBlock,
            )
            for app in network.apps
        ]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0].tx_results[0].code == PREAMBLE.kind.code
    assert all(message(app.process_proposal(honest), abci.ResponseProcessProposal).status == ACCEPT for app in network.apps)
    network.decide(proposal)


@pytest.mark.parametrize("seed", range(5))
def test_any_vote_extension_is_answered_and_bad_ones_are_rejected(network: AppNetwork, seed: int) -> None:
    """Size and form decide, never anybody's own prices; an empty one is always welcome."""
    rng = random.Random(seed)
    honest = network.app.extend_vote(abci.RequestExtendVote(height=network.height + 1))
    extension = message(honest, abci.ResponseExtendVote).vote_extension

    def verdicts(content: bytes) -> set[int]:
        request = abci.RequestVerifyVoteExtension(height=network.height + 1, vote_extension=content)
        return {message(app.verify_vote_extension(request), abci.ResponseVerifyVoteExtension).status for app in network.apps}

    accepted, rejected = {abci.ResponseVerifyVoteExtension.ACCEPT}, {abci.ResponseVerifyVoteExtension.REJECT}
    assert verdicts(extension) == accepted
    assert verdicts(b"") == accepted
    assert verdicts(rng.randbytes(5_000)) == rejected
    assert verdicts(extension + extension) == rejected
    for _ in range(20):
        assert verdicts(spoil(extension, rng)) in (accepted, rejected)
