"""The preamble (design.md 3.6, cometbft-abci.md C.6): each line of the list of checks, and a builder that never stops a proposer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.consensus.model import DEFAULT_PARAMS
from modules.oracle.model import PriceVote
from node.sequencer.block import open_block
from node.votes.extension import encode as encode_prices
from node.votes.preamble import CommitVote, LastCommit, Preamble, commit_of, encode, is_preamble, quorum, sign_bytes
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.bad_preambles import TAMPERINGS, Forger, Tampering, not_preambles, odd_encodings, tampered
from support.sequencing import (
    ABSENT,
    ALICE,
    APP_HASH,
    BOB,
    CHAIN_ID,
    COMMIT,
    HEIGHT,
    NIL,
    Desk,
    cancel,
    extended_commit,
    place,
    voters,
    voting_desk,
)

WHO = voters(4)
DESK = voting_desk(WHO)
PRICES = [encode_prices({0: 100 + number, 1: 7}, 4096) for number in range(4)]
HUGE = b"x" * 5000


def verify(raw: bytes, committed: LastCommit) -> Preamble | str:
    """The one judgement."""
    return DESK.sources.preambles.verify(DESK.ctx, raw, committed)


def accepted(raw: bytes, committed: LastCommit) -> Preamble:
    """What a good preamble says."""
    found = verify(raw, committed)
    assert isinstance(found, Preamble), found
    return found


def build(commit: abci.ExtendedCommitInfo, max_bytes: int = 1_000_000) -> bytes:
    """The proposer's preamble."""
    return DESK.sources.preambles.build(DESK.ctx, commit, max_bytes)


def leave_out(commit: abci.ExtendedCommitInfo, index: int) -> None:
    """As a proposer may."""
    vote = commit.votes[index]
    vote.block_id_flag = ABSENT
    vote.vote_extension = vote.extension_signature = b""


# Vectors


@pytest.mark.parametrize(
    ("extension", "height", "round_", "chain_id", "expected"),
    [
        ("0102", 7, 0, "perp-1", "150a0201021107000000000000002206706572702d31"),
        ("", 7, 0, "perp-1", "111107000000000000002206706572702d31"),
        (
            b"extension".hex(),
            1,
            1,
            "test_chain_id",
            "2c0a09657874656e73696f6e110100000000000000190100000000000000220d746573745f636861696e5f6964",
        ),
    ],
)
def test_sign_bytes_match_the_vectors(extension: str, height: int, round_: int, chain_id: str, expected: str) -> None:
    """cometbft-abci.md C.6: length-prefixed, zero values omitted, fixed 64-bit height and round."""
    assert sign_bytes(bytes.fromhex(extension), height, round_, chain_id).hex() == expected


@pytest.mark.parametrize(("total", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (40, 27), (100, 67)])
def test_the_quorum_is_more_than_two_thirds(total: int, needed: int) -> None:
    """⌊2·total/3⌋ + 1."""
    assert quorum(total) == needed


# When


@pytest.mark.parametrize(
    ("enabled", "initial", "height", "required"),
    [(0, 1, 50, False), (1, 1, 1, False), (1, 1, 2, True), (1, 50, 50, False), (1, 50, 51, True), (9, 1, 9, False), (9, 1, 10, True)],
)
def test_rule_a_depends_on_heights_alone(enabled: int, initial: int, height: int, *, required: bool) -> None:
    """Required exactly if extensions are enabled and h > max(enable height, initial height)."""
    desk = Desk(height=height, enable_height=enabled)
    chain = desk.wiring.consensus.keeper.chain(desk.ctx)
    desk.wiring.consensus.keeper.begin_chain(
        desk.ctx, chain_id=CHAIN_ID, initial_height=initial, enable_height=enabled, validators=[], engine=chain.engine
    )
    assert desk.sources.preambles.is_required(desk.ctx) is required


# What an honest proposer says


def test_every_committed_vote_is_carried_with_its_prices() -> None:
    """In the order of the validator set, with the set's total power; empty extensions report nothing."""
    commit = extended_commit(WHO, [PRICES[0], b"", PRICES[2], PRICES[3]])
    raw = build(commit)
    assert raw == encode(commit)
    found = accepted(raw, commit_of(commit))
    assert found.total_power == 40
    assert found.omitted == ()
    assert found.votes == (
        PriceVote(10, ((0, 100), (1, 7))),
        PriceVote(10, ()),
        PriceVote(10, ((0, 102), (1, 7))),
        PriceVote(10, ((0, 103), (1, 7))),
    )


def test_absent_and_nil_votes_are_no_omissions() -> None:
    """Who did not commit is not left out by the proposer."""
    commit = extended_commit(WHO, [PRICES[0], None, PRICES[2], PRICES[3]])
    found = accepted(build(commit), commit_of(commit))
    assert len(found.votes) == 3
    assert found.omitted == ()
    commit.votes[1].block_id_flag = NIL
    assert accepted(build(commit), commit_of(commit)).omitted == ()


def test_a_signed_malformed_extension_counts_as_empty() -> None:
    """It is carried where the power is needed, and reports nothing."""
    commit = extended_commit(WHO, [b"garbage", HUGE, PRICES[2], None])
    found = accepted(build(commit), commit_of(commit))
    assert [vote.prices for vote in found.votes] == [(), (), ((0, 102), (1, 7))]


def test_oversized_extensions_are_left_out_largest_first_while_power_suffices() -> None:
    """Of two, with one to spare: the larger goes, and its omission is told."""
    commit = extended_commit(WHO, [HUGE, HUGE + b"y", PRICES[2], PRICES[3]])
    raw = build(commit)
    found = accepted(raw, commit_of(commit))
    assert found.omitted == (WHO[1].address,)
    assert len(found.votes) == 3
    assert len(raw) < 2 * len(HUGE)


def test_a_late_unverifiable_extension_is_left_out() -> None:
    """Nobody would accept it."""
    commit = extended_commit(WHO, PRICES)
    commit.votes[2].extension_signature = bytes(64)
    found = accepted(build(commit), commit_of(commit))
    assert found.omitted == (WHO[2].address,)


def test_valid_extensions_go_too_where_there_is_no_room() -> None:
    """Largest first, down to a quorum and no further."""
    large = encode_prices(dict.fromkeys(range(100), 2**60), 4096)
    commit = extended_commit(WHO, [PRICES[0], large, PRICES[2], large])
    full = len(encode(commit))
    raw = build(commit, full - 1)
    assert accepted(raw, commit_of(commit)).omitted == (WHO[1].address,)
    assert build(commit, 10) == raw


def test_an_honest_proposer_is_not_stopped_by_too_few_good_votes() -> None:
    """The builder gives something; the others reject it, and the next round has another proposer."""
    commit = extended_commit(WHO, PRICES)
    for index in (0, 1):
        commit.votes[index].extension_signature = b"short"
    assert "less than the 27" in str(verify(build(commit), commit_of(commit)))
    assert is_preamble(build(abci.ExtendedCommitInfo()))


def test_powers_weigh_and_not_heads() -> None:
    """One validator with most of the power is a quorum alone."""
    who = voters(3, (100, 10, 10))
    desk = voting_desk(who)
    commit = extended_commit(who, [PRICES[0], HUGE, HUGE])
    found = desk.sources.preambles.verify(desk.ctx, desk.sources.preambles.build(desk.ctx, commit, 10**6), commit_of(commit))
    assert isinstance(found, Preamble)
    assert found.votes == (PriceVote(100, ((0, 100), (1, 7))),)
    assert found.total_power == 120
    assert found.omitted == (who[1].address, who[2].address)


EXTENSIONS = st.one_of(st.none(), st.sampled_from([b"", *PRICES, HUGE, b"garbage"]), st.binary(max_size=40))


@settings(max_examples=100)
@given(st.lists(EXTENSIONS, min_size=4, max_size=4), st.lists(st.integers(0, 3), max_size=2), st.sampled_from([0, 300, 800, 10**6]))
def test_what_is_built_is_accepted_whenever_the_good_votes_have_a_quorum(
    extensions: list[bytes | None], spoiled: list[int], max_bytes: int
) -> None:
    """Whatever late, malformed, oversized or forged extensions are among them."""
    commit = extended_commit(WHO, extensions)
    for index in spoiled:
        if commit.votes[index].block_id_flag == COMMIT:
            commit.votes[index].extension_signature = bytes(64)
    good = sum(10 for index, extension in enumerate(extensions) if extension is not None and index not in spoiled)
    found = verify(build(commit, max_bytes), commit_of(commit))
    assert isinstance(found, Preamble) == (good >= 27)


# What a cheating proposer says


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
def test_a_tampered_preamble_is_refused_with_its_reason(tampering: Tampering) -> None:
    """The judge of Prepare, Process and FinalizeBlock says what is wrong; the honest commit that was changed is good."""
    forger = Forger(extended_commit(WHO, [*PRICES[:3], None]), [one.key for one in WHO], HEIGHT - 1, CHAIN_ID)
    committed = commit_of(forger.commit)
    assert isinstance(verify(encode(forger.commit), committed), Preamble)
    found = verify(tampered(forger, tampering), committed)
    assert isinstance(found, str)
    assert tampering.reason in found


def test_a_commit_of_another_round_is_refused_though_it_is_signed() -> None:
    """Validators that voted in round 0 and again in round 2: only the votes of the commit's own round count."""
    first, later = extended_commit(WHO, PRICES), extended_commit(WHO, PRICES, round_=2)
    assert isinstance(verify(encode(first), commit_of(first)), Preamble)
    assert isinstance(verify(encode(later), commit_of(later)), Preamble)
    assert "round" in str(verify(encode(first), commit_of(later)))
    assert "round" in str(verify(encode(later), commit_of(first)))


@pytest.mark.parametrize(("powers", "enough"), [((27, 13), True), ((26, 14), False)])
def test_exactly_a_quorum_is_enough(powers: tuple[int, int], *, enough: bool) -> None:
    """27 of 40 decide, 26 do not."""
    who = voters(2, powers)
    desk = voting_desk(who)
    commit = extended_commit(who, [PRICES[0], None])
    found = desk.sources.preambles.verify(desk.ctx, encode(commit), commit_of(commit))
    assert isinstance(found, Preamble) is enough


def test_leaving_out_a_vote_is_allowed_while_a_quorum_remains() -> None:
    """The one difference that is allowed; it is told by name."""
    commit = extended_commit(WHO, PRICES)
    committed = commit_of(commit)
    leave_out(commit, 2)
    assert accepted(encode(commit), committed).omitted == (WHO[2].address,)
    leave_out(commit, 0)
    assert "less than the 27" in str(verify(encode(commit), committed))


def test_the_last_commit_must_be_of_our_own_validators() -> None:
    """Never the blob's word: another set, even if blob and commit agree, is refused."""
    strangers = voters(4, (10, 10, 10, 11))
    commit = extended_commit(strangers, PRICES)
    assert isinstance(verify(encode(commit), commit_of(commit)), str)
    assert isinstance(verify(encode(extended_commit(WHO, PRICES)), LastCommit(0, ())), str)


def test_the_set_of_the_block_before_counts() -> None:
    """A validator whose power changes at h still voted at h − 1 with the old one."""
    desk = voting_desk(WHO)
    keeper = desk.wiring.consensus.keeper
    desk.ctx.height = HEIGHT - 2
    keeper.change_validators(desk.ctx, [(WHO[0].public_key, 99)])
    desk.ctx.height = HEIGHT
    commit = extended_commit(WHO, PRICES)
    assert keeper.validators(desk.ctx, HEIGHT) != keeper.validators(desk.ctx, HEIGHT - 1)
    assert isinstance(desk.sources.preambles.verify(desk.ctx, encode(commit), commit_of(commit)), Preamble)


def test_a_preamble_has_one_encoding() -> None:
    """Signatures, auth info, memo, a second message, unknown fields, other varints: refused."""
    commit = extended_commit(WHO, PRICES)
    committed = commit_of(commit)
    raw = encode(commit)
    assert isinstance(verify(raw, committed), Preamble)
    for changed in odd_encodings(raw).values():
        assert "not canonically encoded" in str(verify(changed, committed))
        assert is_preamble(changed)
    for changed in not_preambles(raw, DESK.sign(ALICE, place(ALICE))).values():
        assert verify(changed, committed) == "it is not an unsigned TxRaw with one MsgPreamble"
        assert not is_preamble(changed)


# In a block


def test_a_block_begins_with_the_preamble_exactly_where_rule_a_says() -> None:
    """Missing, misplaced, or not expected: rule (a). FinalizeBlock executes what is executable all the same."""
    commit = extended_commit(WHO, PRICES)
    committed = commit_of(commit)
    raw, order = encode(commit), DESK.sign(ALICE, place(ALICE))
    assert DESK.process([raw, order], committed).accepted
    assert DESK.process([raw], committed).accepted
    for txs in ([], [order], [order, raw]):
        verdict = DESK.process(txs, committed)
        assert (verdict.accepted, verdict.rule, verdict.position) == (False, "a", 0)
        block = open_block(DESK.ctx, DESK.sources, txs, APP_HASH, committed)
        assert block.preamble is None
        assert [position for position, _ in block.admission.order] == [0][: len(txs)]
    twice = DESK.process([raw, raw, order], committed)
    assert (twice.accepted, twice.rule, twice.position) == (False, "b1", 1)
    off = Desk()
    verdict = off.process([raw, order], committed)
    assert (verdict.accepted, verdict.rule, verdict.position) == (False, "a", 0)
    block = open_block(off.ctx, off.sources, [raw, order], APP_HASH, committed)
    assert (block.preamble, block.first) == (None, 1)
    assert [position for position, _ in block.admission.order] == [1]


def test_a_proposal_carries_the_preamble_and_its_bytes_count() -> None:
    """First the preamble, then the transactions that fit beside it."""
    commit = extended_commit(WHO, PRICES)
    orders = [DESK.sign(who, message) for who in (ALICE, BOB) for message in (place(who), cancel(who))]
    proposal = DESK.prepare(orders, local_commit=commit)
    assert proposal.txs[0] == encode(commit)
    assert len(proposal.txs) == 5
    assert DESK.process(proposal.txs, commit_of(commit)).accepted
    desk = voting_desk(WHO, params=DEFAULT_PARAMS._replace(max_block_bytes=len(encode(commit)) + 3 + 600))
    small = desk.prepare(orders, local_commit=commit)
    assert 1 < len(small.txs) < 5
    assert desk.process(small.txs, commit_of(commit)).accepted
    assert DESK.prepare(orders, max_tx_bytes=10, local_commit=commit).txs == []


def test_preambles_mean_to_be_one_by_their_message() -> None:
    """Right or wrong; a signed transaction is none."""
    assert is_preamble(encode(abci.ExtendedCommitInfo()))
    assert not is_preamble(DESK.sign(ALICE, place(ALICE)))
    assert not is_preamble(b"")
    body = tx_pb2.TxBody()
    body.messages.add(type_url="/perpd.sequencer.v1.MsgPreamble", value=sequencer_pb2.MsgPreamble().SerializeToString())
    unsigned = tx_pb2.TxRaw(body_bytes=body.SerializeToString())
    assert is_preamble(unsigned.SerializeToString())
    unsigned.signatures.append(b"\x01" * 64)
    assert not is_preamble(unsigned.SerializeToString())


def test_the_commit_is_read_from_either_form() -> None:
    """Extended by the proposer's engine, plain by everybody's."""
    commit = extended_commit(WHO, [PRICES[0], None, PRICES[2], PRICES[3]], round_=2)
    plain = abci.CommitInfo(round=2)
    for one, vote in zip(WHO, commit.votes, strict=True):
        entry = plain.votes.add(block_id_flag=vote.block_id_flag)
        entry.validator.address = one.address
        entry.validator.power = one.power
    assert commit_of(commit) == commit_of(plain)
    assert commit_of(plain).votes[1] == CommitVote(WHO[1].address, 10, ABSENT)
