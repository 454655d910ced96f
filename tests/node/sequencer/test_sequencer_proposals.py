"""Prepare and Process together: whatever is in the pool, the proposal is accepted, full, and the only order of its set."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.auth.model import Account
from modules.consensus.model import DEFAULT_PARAMS, SequencerParams
from node.tx.envelope import framed_size
from perpd_proto.dydxprotocol.sending import transfer_pb2
from support.sequencing import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    EVERYONE,
    HEIGHT,
    LONG_TERM,
    POST_ONLY,
    STRANGER,
    TIME_MS,
    Desk,
    cancel,
    deposit,
    place,
    send,
)

DESK, OTHER_DESK = Desk(), Desk()
"""Two nodes with the same state and caches of their own."""


def make_library() -> list[bytes]:
    """Half of it admissible, half not, over all lanes, with chains of sequences that jump between lanes."""
    desk = DESK
    txs: list[bytes] = []
    for who in EVERYONE:
        messages: list[Any] = [
            send(who, BOB),
            cancel(who, 7, flags=LONG_TERM),
            place(who, 8, flags=LONG_TERM),
            deposit(who),
            place(who, 9, flags=LONG_TERM, time_in_force=POST_ONLY),
            cancel(who, 9, flags=LONG_TERM),
            send(who, CAROL),
        ]
        txs.extend(desk.sign(who, message, sequence=sequence) for sequence, message in enumerate(messages))
        txs.append(desk.sign(who, send(who, ALICE, 9), sequence=1))
        txs.extend(desk.sign(who, place(who, number), sequence=number) for number in range(3))
        txs.extend(desk.sign(who, cancel(who, number), memo="x" * 40 * number) for number in range(3))
        txs.extend(desk.sign(who, place(who, number, time_in_force=POST_ONLY)) for number in range(2))
        txs.extend(desk.sign(who, send(who, DAVE), sequence=TIME_MS + number) for number in range(2))
        txs.append(desk.sign(who, place(who, good_til_block=HEIGHT - 1)))
        txs.append(desk.sign(who, send(who, BOB), sequence=50))
        txs.append(desk.sign(who, place(who, 77), chain_id="another"))
        txs.append(desk.sign(who, transfer_pb2.MsgSendFromModuleToAccount(authority=who.text), sequence=3))
        txs.append(desk.sign(who, send(who, ALICE, 7), sequence=TIME_MS))
    replayed = desk.sign(ALICE, place(ALICE, 99))
    for node in (DESK, OTHER_DESK):
        node.remember(replayed)
        # DAVE holds as many nonces as one can: a new one has to eject the smallest.
        full = Account(13, 0, b"", (*range(TIME_MS - 19, TIME_MS), TIME_MS + 1000))
        node.wiring.auth.keeper.consume(node.ctx, [(DAVE.address, full)])
        node.ctx.state.forget()
    return [*txs, replayed, desk.sign(STRANGER, place(STRANGER)), b"", b"garbage", bytes(300)]


LIBRARY = make_library()


def sample(random: Any, percent: int) -> list[int]:
    """Numbers in the library, each with this probability, in random order, a few of them twice."""
    chosen = [number for number in range(len(LIBRARY)) if random.randrange(100) < percent]
    chosen.extend(number for number in range(len(LIBRARY)) if random.randrange(100) < 3)
    random.shuffle(chosen)
    return chosen


POOLS = st.one_of(
    st.lists(st.integers(0, len(LIBRARY) - 1), max_size=20),
    st.builds(sample, st.randoms(use_true_random=False), st.sampled_from([30, 60, 100])),
)
PARAMS = st.builds(
    lambda count, quota, size: DEFAULT_PARAMS._replace(max_block_txs=count, quota_per_account_and_lane=quota, max_block_bytes=size),
    st.sampled_from([1, 3, 10, 1000]),
    st.sampled_from([1, 2, 200]),
    st.sampled_from([400, 1500, 4000, 1_000_000]),
)


def set_params(params: SequencerParams) -> None:
    """Both nodes have these limits in state."""
    for desk in (DESK, OTHER_DESK):
        desk.wiring.consensus.keeper.set_params(desk.ctx, params)
        desk.ctx.state.forget()


@settings(max_examples=150, deadline=None)
@given(POOLS, PARAMS, st.sampled_from([0, 300, 2000, 10**8]))
def test_what_one_node_prepares_every_node_accepts(numbers: list[int], params: SequencerParams, max_tx_bytes: int) -> None:
    """Garbage, forged, expired, duplicates, gaps, floods, any limit: ACCEPT, and never more bytes than the engine allows."""
    pool = [LIBRARY[number] for number in numbers]
    set_params(params)
    proposal = DESK.prepare(pool, max_tx_bytes)
    assert sum(framed_size(raw) for raw in proposal.txs) <= min(max_tx_bytes, params.max_block_bytes)
    assert OTHER_DESK.process(proposal.txs).accepted
    assert OTHER_DESK.ctx.state.mark() == DESK.ctx.state.mark() == 0


@settings(max_examples=60, deadline=None)
@given(POOLS, PARAMS)
def test_a_proposal_is_as_full_as_the_limits_allow(numbers: list[int], params: SequencerParams) -> None:
    """Adding any transaction of the pool breaks a rule: nothing admissible is left out unless a named limit is reached."""
    pool = [LIBRARY[number] for number in numbers]
    set_params(params)
    proposal = DESK.prepare(pool)
    assert sorted([*proposal.left_out.keys()]) == [
        position for position, raw in enumerate(pool) if raw not in proposal.txs or pool.index(raw) != position
    ]
    for raw in dict.fromkeys(pool):
        if raw not in proposal.txs:
            assert DESK.admit([*proposal.txs, raw]).refusals, "it would have been admissible"


def test_a_block_with_an_inadmissible_transaction_is_rejected_by_its_rule() -> None:
    """The first offending position and the rule's id."""
    set_params(DEFAULT_PARAMS)
    good = DESK.prepare(LIBRARY[:20]).txs
    cases = {
        "b1": b"garbage",
        "b2": DESK.sign(STRANGER, place(STRANGER)),
        "b3": DESK.sign(DAVE, place(DAVE), chain_id="another"),
        "b4": DESK.sign(DAVE, place(DAVE, good_til_block=HEIGHT + 41)),
        "b5": DESK.sign(DAVE, send(DAVE, BOB), sequence=1),
        "c": DESK.sign(DAVE, transfer_pb2.MsgSendFromModuleToAccount(authority=DAVE.text)),
        "d": next(raw for raw in good if DESK.decode(raw).is_unsequenced),
    }
    for rule, raw in cases.items():
        verdict = DESK.process([*good, raw])
        assert (verdict.accepted, verdict.rule, verdict.position) == (False, rule, len(good))
        assert verdict.reason
        two = DESK.process([good[0], b"garbage", *good[1:], raw])
        assert (two.accepted, two.rule, two.position) == (False, "b1", 1)


def test_a_flood_of_one_account_ends_at_its_quota() -> None:
    """The lowest ranks are proposed, the others left out by rule (f)."""
    set_params(DEFAULT_PARAMS._replace(quota_per_account_and_lane=3))
    flood = [DESK.sign(ALICE, place(ALICE, number), sequence=number) for number in range(10)]
    proposal = DESK.prepare(flood)
    assert sorted(proposal.txs) == sorted(flood[:3])
    assert [(position, refusal.rule.id) for position, refusal in sorted(proposal.left_out.items())] == [(n, "f") for n in range(3, 10)]


def test_limits_are_rules_for_proposers_too() -> None:
    """One over the quota, over the number, over the bytes: rule (f)."""
    set_params(DEFAULT_PARAMS)
    orders = DESK.prepare([DESK.sign(ALICE, place(ALICE, number)) for number in range(4)]).txs
    size = sum(framed_size(raw) for raw in orders)
    assert DESK.process(orders).accepted
    for change in ({"quota_per_account_and_lane": 3}, {"max_block_txs": 3}, {"max_block_bytes": size - 1}):
        set_params(DEFAULT_PARAMS._replace(**change))
        verdict = DESK.process(orders)
        assert (verdict.accepted, verdict.rule, verdict.position) == (False, "f", 3)
    set_params(DEFAULT_PARAMS._replace(quota_per_account_and_lane=4, max_block_txs=4, max_block_bytes=size))
    assert DESK.process(orders).accepted


def test_takers_cannot_crowd_out_a_cancel() -> None:
    """Guaranteed shares: a pool full of old takers leaves room for one late cancel, and the cancel stands first."""
    takers = [DESK.sign(who, place(who, number)) for who in EVERYONE for number in range(20)]
    late = DESK.sign(BOB, cancel(BOB, 3))
    set_params(DEFAULT_PARAMS._replace(max_block_bytes=20 * max(framed_size(raw) for raw in takers)))
    block = DESK.prepare([*takers, late]).txs
    assert block[0] == late
    assert len(block) >= 20


def test_cancels_cannot_crowd_out_takers() -> None:
    """Nor the other way round: a flood in the first lane leaves a quarter of the bytes to takers."""
    cancels = [DESK.sign(who, cancel(who, number)) for who in (ALICE, BOB) for number in range(40)]
    takers = [DESK.sign(who, place(who, number)) for who in (CAROL, DAVE) for number in range(10)]
    set_params(DEFAULT_PARAMS._replace(max_block_bytes=40 * max(framed_size(raw) for raw in takers)))
    block = DESK.prepare([*cancels, *takers]).txs
    taken = [raw for raw in block if raw in takers]
    assert len(taken) == 10


def test_shares_that_nobody_uses_are_open_to_all() -> None:
    """A pool of one lane fills the whole block."""
    takers = [DESK.sign(who, place(who, number)) for who in EVERYONE for number in range(10)]
    set_params(DEFAULT_PARAMS._replace(max_block_bytes=24 * max(framed_size(raw) for raw in takers)))
    assert len(DESK.prepare(takers).txs) >= 24


def test_a_chain_that_jumps_between_lanes_is_taken_whole() -> None:
    """Each pass can only take what follows a taken one; passes go on until nothing more fits."""
    set_params(DEFAULT_PARAMS)
    messages: list[Any] = [send(ALICE, BOB), cancel(ALICE, flags=LONG_TERM)] * 6
    chain = [DESK.sign(ALICE, message, sequence=sequence) for sequence, message in enumerate(messages)]
    proposal = DESK.prepare(chain[::-1])
    assert len(proposal.txs) == 12
    assert proposal.left_out == {}


def test_a_successor_of_what_does_not_fit_is_left_out() -> None:
    """And the reason can be asked for."""
    big = DESK.sign(ALICE, send(ALICE, BOB), sequence=0, memo="x" * 1200)
    small = DESK.sign(ALICE, cancel(ALICE, flags=LONG_TERM), sequence=1)
    other = DESK.sign(BOB, send(BOB, ALICE))
    set_params(DEFAULT_PARAMS._replace(max_block_bytes=framed_size(big) - 1))
    proposal = DESK.prepare([big, small, other])
    assert proposal.txs == [other]
    assert [(position, refusal.rule.id) for position, refusal in sorted(proposal.left_out.items())] == [(0, "f"), (1, "b5")]


def test_a_rival_takes_the_place_of_what_no_block_can_hold() -> None:
    """Of two with one sequence, one has an internal message and the lower hash: the other is proposed."""
    set_params(DEFAULT_PARAMS)
    bad = DESK.sign(ALICE, transfer_pb2.MsgSendFromModuleToAccount(authority=ALICE.text))
    rivals = [DESK.sign(ALICE, send(ALICE, BOB, amount)) for amount in range(1, 9)]
    good = next(raw for raw in rivals if DESK.decode(raw).hash > DESK.decode(bad).hash)
    assert DESK.rules([bad, good]) == ["c", "b5"]
    assert DESK.prepare([bad, good]).txs == [good]


def test_a_rival_takes_the_place_of_what_does_not_fit() -> None:
    """Of two with one sequence the first in order is too large for what is left; the same with two equal nonces."""
    for sequence in (0, TIME_MS):
        large = DESK.sign(ALICE, deposit(ALICE), sequence=sequence, memo="x" * 1000)
        small = DESK.sign(ALICE, send(ALICE, BOB), sequence=sequence)
        set_params(DEFAULT_PARAMS._replace(max_block_bytes=1000))
        assert DESK.prepare([large, small]).txs == [small]
        set_params(DEFAULT_PARAMS)
        proposal = DESK.prepare([small, large])
        assert proposal.txs == [large]
        assert [refusal.rule.id for refusal in proposal.left_out.values()] == ["b5"]


def test_the_quota_goes_to_those_that_can_be_taken() -> None:
    """Sequence 1 misses its predecessor's place in the block; the quota it would have used is open to a nonce."""
    big = DESK.sign(ALICE, deposit(ALICE), sequence=0, memo="x" * 3000)
    txs = [DESK.sign(ALICE, send(ALICE, BOB), sequence=sequence) for sequence in (1, TIME_MS)]
    set_params(DEFAULT_PARAMS._replace(quota_per_account_and_lane=1, max_block_bytes=2000))
    proposal = DESK.prepare([big, *txs])
    assert proposal.txs == [txs[1]]
    assert [(position, refusal.rule.id) for position, refusal in sorted(proposal.left_out.items())] == [(0, "f"), (1, "b5")]


def test_the_pool_may_be_in_any_order() -> None:
    """Nothing of a proposal depends on arrival while everything fits."""
    set_params(DEFAULT_PARAMS)
    assert DESK.prepare(LIBRARY).txs == DESK.prepare(LIBRARY[::-1]).txs
    assert len(DESK.prepare(LIBRARY).txs) > 60
