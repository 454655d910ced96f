"""The list of cometbft-abci.md C.6 through real applications, each line a test: ProcessProposal rejects by rule (a) at position 0,
FinalizeBlock counts no votes and executes the rest, and PrepareProposal makes a preamble that others accept of whatever it is handed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.sequencer.errors import FORM, PREAMBLE
from node.tx.envelope import framed_size
from node.votes.extension import encode as encode_prices
from node.votes.preamble import commit_of, encode, is_preamble
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.app_network import AppNetwork, deposit
from support.bad_preambles import TAMPERINGS, Forger, Tampering, not_preambles, odd_encodings, tampered
from support.chain import message
from support.exchange import quick_directory
from support.sequencing import ABSENT, COMMIT, HEIGHT, NIL, Desk, extended_commit, voters, voting_desk
from support.verdicts import ACCEPTED, Told, verdict

REFUSED = Told(False, "a", 0)
MARKET = 0


@contextmanager
def opened(powers: Sequence[int], *, initial_height: int = 1, enable_height: int = 1) -> Iterator[AppNetwork]:
    """Applications whose validators have these powers, at genesis."""
    with quick_directory() as directory:
        network = AppNetwork(directory, len(powers), initial_height=initial_height)
        chain = network.chain
        chain.validators = [replace(one, power=power) for one, power in zip(chain.validators, powers, strict=True)]
        chain.enable_height = enable_height
        try:
            chain.start()
            yield network
        finally:
            network.close()


@contextmanager
def running(powers: Sequence[int], silent: Sequence[int] = ()) -> Iterator[AppNetwork]:
    """The same at height 3; of the last commit these were absent, by their place in it. Its votes say a price that is not yet in force."""
    with opened(powers) as network:
        network.chain.run(2)
        network.prices[MARKET] += 50_000_000
        order = list(network.chain.powers(network.height + 1))
        network.block(silent=[order[index] for index in silent])
        yield network


@pytest.fixture(scope="module")
def network() -> Iterator[AppNetwork]:
    """Four validators of equal power; the last of the set was absent. Their votes say a price that is not yet the chain's."""
    with running((10, 10, 10, 10), silent=(3,)) as started:
        yield started


@pytest.fixture(scope="module")
def uneven() -> Iterator[AppNetwork]:
    """14, 13 and 13 of 40, of which 27 decide: the first with either other is exactly a quorum, the others together are one below."""
    with running((14, 13, 13)) as started:
        yield started


@pytest.fixture(scope="module")
def five() -> Iterator[AppNetwork]:
    """Five validators, 100 together, of which 67 decide."""
    with running((30, 30, 20, 10, 10)) as started:
        yield started


def forger(network: AppNetwork) -> Forger:
    """What the next proposer's engine hands it."""
    chain = network.chain
    assert chain.extended is not None
    commit = abci.ExtendedCommitInfo()
    commit.CopyFrom(chain.extended)
    keys = [chain.validators[number].key for number in chain.powers(network.height)]
    return Forger(commit, keys, network.height, chain.chain_id)


def user_tx(network: AppNetwork) -> bytes:
    """A good transaction. Its nonce is the last block's time, so that it is the same whatever is finalized and not committed."""
    who = network.people[2]
    return network.sign(who, deposit(who, 1_000), sequence=network.chain.time_ns // 10**6)


def process(network: AppNetwork, raw: bytes) -> Told:
    """Of all applications, on a block of this preamble and a good transaction."""
    return verdict(network.chain, [raw, user_tx(network)])


def finalized(network: AppNetwork, txs: Sequence[bytes]) -> tuple[abci.ResponseFinalizeBlock, int]:
    """The answer of an application to a block that was decided, and the market's price afterwards; nothing is committed."""
    response = network.chain.finalize(txs, network.app)
    return response, network.app.wiring.oracle.keeper.recorded(network.context(), MARKET).price


def assert_without_votes(network: AppNetwork, txs: Sequence[bytes], codes: Sequence[int]) -> None:
    """The block is executed without votes: the price stays, the user's transaction succeeds, and the state is that of it alone."""
    old = network.prices[MARKET] - 50_000_000
    response, price = finalized(network, txs)
    assert price == old
    assert [result.code for result in response.tx_results] == list(codes)
    assert {result.codespace for result in response.tx_results if result.code} <= {"sequencer"}
    assert not any(result.events for result in response.tx_results if result.code)
    alone, _ = finalized(network, [tx for tx, code in zip(txs, codes, strict=True) if not code])
    assert response.app_hash == alone.app_hash


@pytest.fixture
def last_commit(network: AppNetwork) -> Iterator[AppNetwork]:
    """The network, whose last commit a test may change on both sides: afterwards it is as it was."""
    commit = abci.CommitInfo()
    commit.CopyFrom(network.chain.commit)
    yield network
    network.chain.commit = commit


def as_committed(network: AppNetwork, one: Forger) -> None:
    """Everybody's engine tells the flags and the round of this commit."""
    network.chain.commit = abci.CommitInfo(round=one.commit.round)
    for vote in one.commit.votes:
        network.chain.commit.votes.add(validator=vote.validator, block_id_flag=vote.block_id_flag)


# What is right


def test_the_honest_preamble_is_accepted_and_its_prices_are_the_blocks(network: AppNetwork) -> None:
    """The control of all that follows: accepted, code 0, and the price is what validators voted for."""
    raw = encode(forger(network).commit)
    assert network.chain.prepare([user_tx(network)])[0] == raw
    assert process(network, raw) == ACCEPTED
    response, price = finalized(network, [raw, user_tx(network)])
    assert [result.code for result in response.tx_results] == [0, 0]
    assert price == network.prices[MARKET]
    assert "vote_omitted" not in [event.type for event in response.events]


def test_exactly_a_quorum_is_enough_and_one_unit_less_is_not(uneven: AppNetwork) -> None:
    """27 of 40: the first and another. The two others have 26. What was left out is told with the proposer's address."""
    for omitted, accepted in ((0, False), (1, True), (2, True)):
        one = forger(uneven)
        one.leave_out(omitted)
        raw = encode(one.commit)
        assert process(uneven, raw) == (ACCEPTED if accepted else REFUSED)
        response, price = finalized(uneven, [raw, user_tx(uneven)])
        assert [result.code for result in response.tx_results] == [0 if accepted else PREAMBLE.kind.code, 0]
        assert price == uneven.prices[MARKET] - (0 if accepted else 50_000_000)
        told = [{one.key: one.value for one in event.attributes} for event in response.events if event.type == "vote_omitted"]
        proposer = uneven.chain.validators[uneven.chain.proposer(uneven.height + 1)].address.hex()
        expected = [{"validator": one.vote(omitted).validator.address.hex(), "proposer": proposer}] if accepted else []
        assert [{key: found[key] for key in ("validator", "proposer")} for found in told] == expected


def test_a_committed_nil_stays_nil_or_is_left_out(last_commit: AppNetwork) -> None:
    """Flag equal or neutralised to absent with empty fields; a nil said to commit is refused, though its signature is good."""
    one = forger(last_commit)
    one.flag(one.last, NIL)
    as_committed(last_commit, one)
    assert process(last_commit, encode(one.commit)) == ACCEPTED
    one.flag(one.last, ABSENT)
    assert process(last_commit, encode(one.commit)) == ACCEPTED
    bad: list[Callable[[], object]] = [
        lambda: one.set(one.last, block_id_flag=NIL, vote_extension=b"\x01"),
        lambda: one.set(one.last, vote_extension=b"", extension_signature=bytes(64)),
        lambda: one.sign(one.last, b""),
        lambda: one.flag(one.last, COMMIT),
    ]
    for change in bad:
        change()
        assert process(last_commit, encode(one.commit)) == REFUSED


def test_the_round_is_the_last_commits(last_commit: AppNetwork) -> None:
    """Decided in round 2: votes of round 2 are accepted; those of round 0 are not, with either number written above them."""
    one = forger(last_commit)
    first = encode(one.commit)
    one.commit.round = 2
    relabelled = encode(one.commit)
    for index in range(one.last):
        one.sign(index, one.vote(index).vote_extension)
    as_committed(last_commit, one)
    assert process(last_commit, encode(one.commit)) == ACCEPTED
    for raw in (first, relabelled):
        assert process(last_commit, raw) == REFUSED
        assert_without_votes(last_commit, [raw, user_tx(last_commit)], [PREAMBLE.kind.code, 0])


def test_who_was_absent_for_the_engine_is_absent(last_commit: AppNetwork) -> None:
    """A proposer that has a good late precommit cannot bring it in: the block's own last commit says absent."""
    one = forger(last_commit)
    last_commit.chain.commit.votes[1].block_id_flag = ABSENT
    assert process(last_commit, encode(one.commit)) == REFUSED


def test_the_list_is_as_long_as_both_others(last_commit: AppNetwork) -> None:
    """A last commit that is shorter than the set, with a preamble to match: neither blob nor engine is believed against state."""
    one = forger(last_commit)
    one.commit.votes.pop()
    as_committed(last_commit, one)
    assert process(last_commit, encode(one.commit)) == REFUSED


def test_powers_are_states_even_if_the_engine_says_the_same_lie(last_commit: AppNetwork) -> None:
    """One power inflated, and all powers scaled, in preamble and last commit alike: refused."""
    changes: list[Callable[[Forger], object]] = [lambda one: one.set(0, power=11), lambda one: one.scale(3), lambda one: one.swap(0, 1)]
    for change in changes:
        one = forger(last_commit)
        change(one)
        as_committed(last_commit, one)
        assert process(last_commit, encode(one.commit)) == REFUSED


# What a cheating proposer says


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
def test_a_tampered_preamble_is_rejected_and_has_no_votes(network: AppNetwork, tampering: Tampering) -> None:
    """Rule (a) at position 0 on every application; decided all the same: code 2, no votes, everything else executed."""
    raw = tampered(forger(network), tampering)
    assert process(network, raw) == REFUSED
    assert verdict(network.chain, [raw]) == REFUSED
    assert_without_votes(network, [raw, user_tx(network)], [PREAMBLE.kind.code, 0])


def encodings(network: AppNetwork) -> dict[str, bytes]:
    """Odd ones of the honest preamble."""
    return odd_encodings(encode(forger(network).commit))


def others(network: AppNetwork) -> dict[str, bytes]:
    """What cannot be read as a preamble."""
    return not_preambles(encode(forger(network).commit), b"\x0a\x00")


def test_trailing_and_unknown_fields_are_rejected(network: AppNetwork) -> None:
    """One commit has one encoding: at every depth, with anything more, behind or twice."""
    found = encodings(network)
    assert len(found) == 11
    for raw in found.values():
        assert process(network, raw) == REFUSED
        assert_without_votes(network, [raw, user_tx(network)], [PREAMBLE.kind.code, 0])


def test_a_first_transaction_that_does_not_decode_is_no_preamble(network: AppNetwork) -> None:
    """Rule (a): there has to be one. Decided all the same, those bytes are a transaction that is not well-formed."""
    for raw in others(network).values():
        assert process(network, raw) == REFUSED
        assert_without_votes(network, [raw, user_tx(network)], [FORM.kind.code, 0])


def test_a_missing_preamble_is_rejected(network: AppNetwork) -> None:
    """Also in an empty block."""
    assert verdict(network.chain, []) == REFUSED
    assert verdict(network.chain, [user_tx(network)]) == REFUSED
    assert_without_votes(network, [user_tx(network)], [0])


def test_a_preamble_behind_a_transaction_is_rejected(network: AppNetwork) -> None:
    """There it is a transaction that is not well-formed, and the block has none."""
    raw = encode(forger(network).commit)
    assert verdict(network.chain, [user_tx(network), raw]) == REFUSED
    assert_without_votes(network, [user_tx(network), raw], [0, FORM.kind.code])


def test_a_preamble_twice_is_rejected(network: AppNetwork) -> None:
    """The first counts; the second is a transaction without a signature: rule (b1) at its position."""
    raw = encode(forger(network).commit)
    assert verdict(network.chain, [raw, raw, user_tx(network)]) == Told(False, "b1", 1)
    assert verdict(network.chain, [raw, user_tx(network), raw]) == Told(False, "b1", 2)
    response, price = finalized(network, [raw, raw, user_tx(network)])
    assert [result.code for result in response.tx_results] == [0, FORM.kind.code, 0]
    assert price == network.prices[MARKET]


def test_of_two_preambles_a_bad_one_first_decides(network: AppNetwork) -> None:
    """A good one behind it does not heal the block."""
    good, one = encode(forger(network).commit), forger(network)
    one.leave_out(0)
    bad = encode(one.commit)
    assert verdict(network.chain, [bad, good, user_tx(network)]) == REFUSED
    assert verdict(network.chain, [good, bad, user_tx(network)]) == Told(False, "b1", 1)
    assert_without_votes(network, [bad, good, user_tx(network)], [PREAMBLE.kind.code, FORM.kind.code, 0])


def test_the_preamble_of_the_block_before_is_rejected(network: AppNetwork) -> None:
    """Its votes were for another height."""
    old = network.chain.blocks[-1].txs[0]
    assert is_preamble(old)
    assert process(network, old) == REFUSED
    assert_without_votes(network, [old, user_tx(network)], [PREAMBLE.kind.code, 0])


@pytest.mark.parametrize(("enabled", "initial", "first"), [(3, 1, 4), (1, 7, 8), (9, 7, 10), (0, 1, 10**9)])
def test_up_to_the_enable_height_there_must_be_none(enabled: int, initial: int, first: int) -> None:
    """Rule (a): from max(enable height, initial height) + 1 on required, before it absent; both are rejected and executed without."""
    foreign = encode(extended_commit(voters(4), [b""] * 4))
    with opened((10, 10), initial_height=initial, enable_height=enabled) as network:
        for height in range(initial, initial + 5):
            proposal = network.propose([user_tx(network)])
            assert verdict(network.chain, proposal) == ACCEPTED
            assert [is_preamble(raw) for raw in proposal] == [True, False][height < first :]
            if height < first:
                assert verdict(network.chain, [foreign, *proposal]) == REFUSED
                response, _ = finalized(network, [foreign, *proposal])
                assert [result.code for result in response.tx_results] == [PREAMBLE.kind.code, 0]
                assert response.app_hash == finalized(network, proposal)[0].app_hash
            else:
                assert verdict(network.chain, proposal[1:]) == REFUSED
            network.decide(proposal)


@pytest.mark.parametrize("offset", [-2, 0, 1, 2])
def test_the_set_is_that_of_the_block_before(offset: int) -> None:
    """A validator who joins or leaves at another height than h - 1: votes of that height's set are refused, though the engine agrees."""
    first, second = voters(4), voters(5)
    desk = voting_desk(first)
    keeper = desk.wiring.consensus.keeper
    joined = [(one.public_key, one.power) for one in second if one not in first]
    changes_at = {-2: HEIGHT - 3, 0: HEIGHT - 2, 1: HEIGHT - 1, 2: HEIGHT}[offset]
    desk.ctx.height = changes_at
    keeper.change_validators(desk.ctx, joined)
    desk.ctx.height = HEIGHT
    sets = {len(keeper.validators(desk.ctx, height)): height for height in (HEIGHT - 3, HEIGHT - 2, HEIGHT - 1, HEIGHT, HEIGHT + 2)}
    assert set(sets) == {4, 5}
    voting = len(keeper.validators(desk.ctx, HEIGHT - 1))
    assert voting == (5 if offset == -2 else 4)
    for who in (first, second):
        commit = extended_commit(who, [b""] * len(who))
        told = desk.process([encode(commit)], commit_of(commit))
        assert (told.accepted, told.rule, told.position) == ((True, "", 0) if len(who) == voting else (False, "a", 0))


# What an honest proposer makes of what it is handed


GOOD, EMPTY, LATE, UNSIGNED, MALFORMED, OVERSIZED, HUGE, SILENT, VOTED_NIL = range(9)
SIGNED = (GOOD, EMPTY, MALFORMED, OVERSIZED, HUGE)
SPOILED = (LATE, UNSIGNED, MALFORMED, OVERSIZED, HUGE, SILENT, VOTED_NIL)
"""What an honest validator that is there never sends."""


def spoil(one: Forger, index: int, kind: int) -> None:
    """Makes a vote of this kind of a good one."""
    extension = one.vote(index).vote_extension
    if kind == EMPTY:
        one.sign(index, b"")
    elif kind == LATE:
        one.sign(index, extension, height=one.height - 1)
    elif kind == UNSIGNED:
        one.set(index, extension_signature=b"")
    elif kind == MALFORMED:
        one.sign(index, extension + extension)
    elif kind == OVERSIZED:
        one.sign(index, encode_prices(dict.fromkeys(range(400), 2**60), 100_000))
    elif kind == HUGE:
        one.sign(index, bytes(60_000))
    elif kind == SILENT:
        one.leave_out(index)
    elif kind == VOTED_NIL:
        # Some engines may hand over what came with a vote for nothing.
        one.flag(index, NIL)


def proposal_of(network: AppNetwork, one: Forger, pool: Sequence[bytes], max_tx_bytes: int) -> list[bytes]:
    """PrepareProposal of the first application with this local last commit."""
    request = abci.RequestPrepareProposal(txs=pool, max_tx_bytes=max_tx_bytes, height=network.height + 1, local_last_commit=one.commit)
    request.time.FromNanoseconds(network.chain.time_ns + network.chain.block_seconds_ns)
    return list(message(network.app.prepare_proposal(request), abci.ResponsePrepareProposal).txs)


def assert_not_stopped(five: AppNetwork, kinds: Sequence[int], max_tx_bytes: int) -> None:
    """While honest votes are a quorum, every application accepts the proposal, it has the user's transaction, and honest prices hold.
    Below it there is a proposal all the same, which the others reject by rule (a) if what is signed is no quorum.
    """
    one = forger(five)
    for index, kind in enumerate(kinds):
        spoil(one, index, kind)
    pool = [user_tx(five)]
    kept = five.chain.commit
    as_committed(five, one)
    try:
        proposal = proposal_of(five, one, pool, max_tx_bytes)
        assert sum(map(framed_size, proposal)) <= max_tx_bytes
        powers = [vote.validator.power for vote in one.commit.votes]

        def power_of(*those: int) -> int:
            return sum(power for power, kind in zip(powers, kinds, strict=True) if kind in those)

        if power_of(GOOD, EMPTY) >= 67:
            assert verdict(five.chain, proposal) == ACCEPTED
            assert proposal[1:] == pool
            response, price = finalized(five, proposal)
            assert [result.code for result in response.tx_results] == [0, 0]
            assert price == five.prices[MARKET] - (0 if power_of(GOOD) >= 67 else 50_000_000)
        elif power_of(*SIGNED) < 67:
            assert verdict(five.chain, proposal) == REFUSED
    finally:
        five.chain.commit = kept


@pytest.mark.parametrize("spoiled", [(0,), (1,), (2,), (3,), (4,), (2, 3), (2, 4), (3, 4)], ids=str)
def test_no_extension_of_a_third_stops_an_honest_proposer(five: AppNetwork, spoiled: tuple[int, ...]) -> None:
    """Exhaustive: whoever together has less than a third, with every combination of late, unsigned, malformed, oversized and huge
    extensions, nil and absent votes.
    """
    for kinds in product(SPOILED, repeat=len(spoiled)):
        every = [GOOD] * 5
        for index, kind in zip(spoiled, kinds, strict=True):
            every[index] = kind
        assert_not_stopped(five, every, 20_000)


@settings(max_examples=150, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([GOOD] * 12 + [EMPTY] * 3 + [*SPOILED]), min_size=5, max_size=5),
    max_tx_bytes=st.sampled_from([20_000, 70_000, 4_000_000]),
)
def test_no_mix_of_extensions_stops_a_proposer(five: AppNetwork, kinds: list[int], max_tx_bytes: int) -> None:
    """All kinds at once, at any place, with and without a quorum of honest ones: Prepare never raises."""
    assert_not_stopped(five, kinds, max_tx_bytes)


def test_a_local_commit_that_is_nonsense_is_answered(five: AppNetwork) -> None:
    """Strangers, other powers, too few entries, none, another round: there is a proposal, which the others reject."""
    changes: list[Callable[[Forger], object]] = [
        lambda one: one.set(0, address=b"\x01" * 20),
        lambda one: one.set(0, power=2**62),
        lambda one: one.set(0, power=-5),
        lambda one: one.commit.votes.pop(),
        lambda one: one.commit.ClearField("votes"),
        lambda one: setattr(one.commit, "round", 9),
    ]
    for change in changes:
        one = forger(five)
        change(one)
        proposal = proposal_of(five, one, [user_tx(five)], 4_000_000)
        assert verdict(five.chain, proposal) == REFUSED
        assert is_preamble(proposal[0])


def test_a_chain_without_extensions_takes_no_preamble_however_good() -> None:
    """Enable height 0: the same commit that another chain would need is refused."""
    who = voters(4)
    commit = extended_commit(who, [b""] * 4)
    assert voting_desk(who).process([encode(commit)], commit_of(commit)).accepted
    off = Desk(validators=[(one.public_key, one.power) for one in who])
    assert off.process([], commit_of(commit)).accepted
    told = off.process([encode(commit)], commit_of(commit))
    assert (told.accepted, told.rule, told.position) == (False, "a", 0)
