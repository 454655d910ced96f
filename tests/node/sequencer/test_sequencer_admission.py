"""Admission, rule by rule (design.md 3.2): what is refused, what that does to others, and that the order of the list does not matter."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.auth.model import Account
from modules.consensus.model import DEFAULT_PARAMS
from modules.kernel.units import Address
from node.tx.envelope import framed_size
from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.dydxprotocol.sending import transfer_pb2
from support.sequencing import (
    ALICE,
    BOB,
    CAROL,
    CHAIN_ID,
    HEIGHT,
    LONG_TERM,
    POST_ONLY,
    STRANGER,
    TIME_MS,
    Desk,
    Signer,
    batch_cancel,
    cancel,
    deposit,
    place,
    send,
)


def used(desk: Desk, txs: list[bytes]) -> dict[Address, Account]:
    """The accounts that change."""
    return dict(desk.admit(txs).used_accounts)


def internal(who: Signer) -> Any:
    """A message that users may not send."""
    return transfer_pb2.MsgSendFromModuleToAccount(authority=who.text)


# One transaction


def test_admitted_transactions_of_every_lane() -> None:
    """Each kind alone is admitted; the order is by lane."""
    desk = Desk()
    txs = [
        desk.sign(ALICE, send(ALICE, BOB), sequence=1),
        desk.sign(ALICE, place(ALICE)),
        desk.sign(BOB, place(BOB, time_in_force=POST_ONLY)),
        desk.sign(ALICE, deposit(ALICE)),
        desk.sign(CAROL, batch_cancel(CAROL)),
    ]
    admission = desk.admit(txs)
    assert admission.refusals == {}
    assert [position for position, _ in admission.order] == [4, 3, 2, 1, 0]
    assert [tx.lane for _, tx in admission.order] == [1, 2, 3, 4, 5]
    assert admission.hashes == [admission.order[index][1].hash for index in (0, 2, 3)]


def test_form_is_rule_b1() -> None:
    """Garbage, the empty string, more bytes than allowed."""
    desk = Desk()
    raw = desk.sign(ALICE, send(ALICE, BOB))
    for limit, rule in ((len(raw), ""), (len(raw) - 1, "b1")):
        desk.wiring.consensus.keeper.set_params(desk.ctx, DEFAULT_PARAMS._replace(max_tx_bytes=limit))
        assert desk.rules([b"", b"garbage", raw]) == ["b1", "b1", rule]
    refusal = desk.admit([b"garbage"]).refusals[0]
    assert (refusal.codespace, refusal.code) == ("sequencer", 3)
    assert refusal.log.endswith(refusal.rule.kind.text)


def test_account_is_rule_b2() -> None:
    """Unknown account, another's key, a key that nobody knows yet; a known key may be left out."""
    desk = Desk()
    txs = [
        desk.sign(STRANGER, send(STRANGER, BOB)),
        seal(BOB.private_key, body_bytes([send(ALICE, BOB)]), auth_info_bytes(BOB.public_key, 0), account_number=10, chain_id=CHAIN_ID),
        desk.sign(ALICE, send(ALICE, BOB), with_public_key=False),
    ]
    assert desk.rules(txs) == ["b2", "b2", "b2"]
    assert used(desk, [desk.sign(ALICE, send(ALICE, BOB))])[ALICE.address].public_key == ALICE.public_key
    desk.wiring.auth.keeper.consume(desk.ctx, [(ALICE.address, Account(10, 0, ALICE.public_key))])
    assert desk.rules(txs[2:]) == [""]


def test_a_first_short_term_order_records_the_key() -> None:
    """First use records it, whatever the transaction is; the account is otherwise unchanged."""
    desk = Desk()
    assert used(desk, [desk.sign(ALICE, place(ALICE))]) == {ALICE.address: Account(10, 0, ALICE.public_key)}
    desk.wiring.auth.keeper.consume(desk.ctx, [(ALICE.address, Account(10, 0, ALICE.public_key))])
    assert used(desk, [desk.sign(ALICE, place(ALICE))]) == {}


def test_signature_is_rule_b3() -> None:
    """Another chain id, another account number, a flipped bit; also when the transaction was read before."""
    desk = Desk()
    good = desk.sign(ALICE, send(ALICE, BOB))
    flipped = good[:-1] + bytes((good[-1] ^ 1,))
    others = [
        desk.sign(ALICE, send(ALICE, BOB), chain_id="perp-2"),
        desk.sign(ALICE, send(ALICE, BOB), account_number=11),
        flipped,
    ]
    assert desk.rules(others) == desk.rules(others) == ["b3", "b3", "b3"]
    # The same bytes under another account number: what was verified once must not count for it.
    assert desk.rules([good]) == [""]
    desk.wiring.auth.keeper.consume(desk.ctx, [(ALICE.address, Account(77))])
    assert desk.rules([good]) == ["b3"]


@pytest.mark.parametrize(("timeout", "rule"), [(0, ""), (HEIGHT, ""), (HEIGHT + 1, ""), (HEIGHT - 1, "b4"), (1, "b4")])
def test_the_timeout_height_is_the_last_one(timeout: int, rule: str) -> None:
    """(b4): 0 or at least the block's height."""
    desk = Desk()
    assert desk.rules([desk.sign(ALICE, send(ALICE, BOB), timeout_height=timeout)]) == [rule]


@pytest.mark.parametrize(("good_til_block", "rule"), [(0, "b4"), (HEIGHT - 1, "b4"), (HEIGHT, ""), (HEIGHT + 40, ""), (HEIGHT + 41, "b4")])
def test_short_term_messages_live_from_h_to_h_plus_forty(good_til_block: int, rule: str) -> None:
    """(b4): orders, cancels, batch cancels, and every message of a transaction."""
    desk = Desk()
    for message in (
        place(ALICE, good_til_block=good_til_block),
        cancel(ALICE, good_til_block=good_til_block),
        batch_cancel(ALICE, good_til_block=good_til_block),
    ):
        assert desk.rules([desk.sign(ALICE, message)]) == [rule]
        assert desk.rules([desk.sign(ALICE, cancel(ALICE), message)]) == [rule]


def test_a_short_term_message_is_admitted_once_in_the_life_of_the_chain() -> None:
    """(b4): its hash is remembered, also when its execution failed; another signature over the same order is another hash."""
    desk = Desk()
    order = desk.sign(ALICE, place(ALICE))
    again = desk.sign(ALICE, place(ALICE), memo="again")
    desk.remember(order)
    assert desk.rules([order, again]) == ["b4", ""]
    desk = Desk()
    desk.remember(order, height=HEIGHT - 41)
    assert desk.rules([order]) == ["b4"]
    desk = Desk()
    desk.remember(order, height=HEIGHT - 42)
    assert desk.rules([order]) == [""]


def test_the_sequence_of_an_unsequenced_transaction_is_only_signed() -> None:
    """(b5) does not apply, and nothing is used up."""
    desk = Desk()
    txs = [desk.sign(ALICE, place(ALICE, number), sequence=sequence) for number, sequence in enumerate((0, 7, 7, 2**63))]
    assert desk.rules(txs) == [""] * 4
    assert used(desk, txs)[ALICE.address].sequence == 0


def test_a_mixed_transaction_is_sequenced() -> None:
    """A short-term order beside a stateful one: protected by the sequence, no window."""
    desk = Desk()
    messages = (place(ALICE, good_til_block=1), place(ALICE, 2, flags=LONG_TERM))
    assert desk.rules([desk.sign(ALICE, *messages), desk.sign(BOB, send(BOB, ALICE), sequence=1)]) == ["", "b5"]


def test_internal_messages_are_rule_c() -> None:
    """They are well-formed, signed and in sequence, and not for users."""
    desk = Desk()
    assert desk.rules([desk.sign(ALICE, internal(ALICE))]) == ["c"]


# Sets


def test_sequences_run_across_lanes() -> None:
    """(b5): s, s + 1, … each once, in whatever lanes; a gap ends the chain."""
    desk = Desk()
    desk.set_sequence(ALICE, 5)
    messages = [send(ALICE, BOB), cancel(ALICE, flags=LONG_TERM), place(ALICE, flags=LONG_TERM), deposit(ALICE)]
    txs = [desk.sign(ALICE, message, sequence=sequence) for sequence, message in zip((5, 6, 8, 9), messages, strict=True)]
    assert desk.rules(txs) == ["", "", "b5", "b5"]
    assert used(desk, txs)[ALICE.address].sequence == 7
    old = desk.sign(ALICE, send(ALICE, BOB), sequence=4)
    assert desk.rules([old]) == ["b5"]


def test_of_equal_sequences_the_lowest_hash_counts() -> None:
    """(b5), whichever comes first in the list."""
    desk = Desk()
    rivals = sorted([desk.sign(ALICE, send(ALICE, BOB, amount)) for amount in range(1, 6)], key=lambda raw: desk.decode(raw).hash)
    follower = desk.sign(ALICE, send(ALICE, BOB), sequence=1)
    for listed in (rivals, rivals[::-1]):
        assert {raw: rule for raw, rule in zip([*listed, follower], desk.rules([*listed, follower]), strict=True) if not rule} == {
            rivals[0]: "",
            follower: "",
        }


def test_a_transaction_listed_twice_counts_once() -> None:
    """(b5) for sequenced ones, (d) for the others."""
    desk = Desk()
    ordinary, order = desk.sign(ALICE, send(ALICE, BOB)), desk.sign(ALICE, place(ALICE))
    nonce = desk.sign(BOB, send(BOB, ALICE), sequence=TIME_MS)
    assert desk.rules([ordinary, order, nonce, ordinary, order, nonce]) == ["", "", "", "b5", "d", "b5"]
    assert len(desk.admit([order, order]).hashes) == 1


def test_with_a_dropped_transaction_its_successors_go() -> None:
    """Sequence 1 is no user's message: 2 has nothing to follow, 0 stays."""
    desk = Desk()
    txs = [
        desk.sign(ALICE, send(ALICE, BOB), sequence=2),
        desk.sign(ALICE, internal(ALICE), sequence=1),
        desk.sign(ALICE, send(ALICE, BOB), sequence=0),
    ]
    assert desk.rules(txs) == ["b5", "c", ""]
    assert used(desk, txs)[ALICE.address].sequence == 1


def test_a_rival_dropped_later_does_not_come_back() -> None:
    """Rules apply each once: of two with sequence 0 the lower hash wins in (b5), and (c) then drops it; the other stays refused."""
    desk = Desk()
    bad = desk.sign(ALICE, internal(ALICE))
    rival = next(
        raw
        for raw in (desk.sign(ALICE, send(ALICE, BOB, amount)) for amount in range(1, 200))
        if desk.decode(raw).hash > desk.decode(bad).hash
    )
    assert desk.rules([rival, bad]) == ["b5", "c"]


def test_timestamp_nonces_are_applied_in_ascending_order() -> None:
    """(b5): each must be accepted; they neither need nor use a sequence."""
    desk = Desk()
    nonces = [TIME_MS + 3, TIME_MS - 30_001, TIME_MS - 30_000, TIME_MS + 30_000, TIME_MS + 30_001]
    txs = [desk.sign(ALICE, send(ALICE, BOB), sequence=nonce) for nonce in nonces]
    txs.append(desk.sign(ALICE, send(ALICE, BOB), sequence=0))
    assert desk.rules(txs) == ["", "b5", "", "", "b5", ""]
    account = used(desk, txs)[ALICE.address]
    assert (account.sequence, account.nonces) == (1, (TIME_MS - 30_000, TIME_MS + 3, TIME_MS + 30_000))


def test_used_nonces_of_state_count() -> None:
    """A nonce that an earlier block used is refused."""
    desk = Desk()
    desk.wiring.auth.keeper.consume(desk.ctx, [(ALICE.address, Account(10, 0, b"", (TIME_MS,)))])
    txs = [desk.sign(ALICE, send(ALICE, BOB), sequence=nonce) for nonce in (TIME_MS, TIME_MS + 1)]
    assert desk.rules(txs) == ["b5", ""]


def test_a_nonce_dropped_by_a_limit_is_not_used() -> None:
    """What (f) drops leaves no trace in the account."""
    desk = Desk(DEFAULT_PARAMS._replace(quota_per_account_and_lane=2))
    txs = [desk.sign(ALICE, send(ALICE, BOB), sequence=TIME_MS + number) for number in range(4)]
    assert desk.rules(txs) == ["", "", "f", "f"]
    assert used(desk, txs)[ALICE.address].nonces == (TIME_MS, TIME_MS + 1)


def test_the_quota_keeps_the_lowest_ranks() -> None:
    """(f): per account and lane, by (sequence, hash); other lanes and accounts do not count."""
    desk = Desk(DEFAULT_PARAMS._replace(quota_per_account_and_lane=2))
    orders = [desk.sign(ALICE, place(ALICE, number), sequence=number) for number in (5, 3, 4, 1)]
    others = [desk.sign(ALICE, cancel(ALICE)), desk.sign(BOB, place(BOB))]
    assert desk.rules([*orders, *others]) == ["f", "", "f", "", "", ""]
    assert desk.admit(orders).refusals[0].code == 11


def test_a_quota_drops_successors_in_other_lanes() -> None:
    """Sequence 2 is over the quota of its lane: 3, a cancel in an earlier lane, goes with it."""
    desk = Desk(DEFAULT_PARAMS._replace(quota_per_account_and_lane=2))
    txs = [desk.sign(ALICE, send(ALICE, BOB), sequence=number) for number in range(3)]
    txs.append(desk.sign(ALICE, cancel(ALICE, flags=LONG_TERM), sequence=3))
    assert desk.rules(txs) == ["", "", "f", "b5"]


def test_the_number_of_transactions_keeps_the_canonically_first() -> None:
    """(f): cancels before takers, whatever the list says."""
    desk = Desk(DEFAULT_PARAMS._replace(max_block_txs=3))
    txs = [desk.sign(who, place(who)) for who in (ALICE, BOB, CAROL)] + [desk.sign(who, cancel(who)) for who in (ALICE, BOB)]
    kept = [tx.lane for _, tx in desk.admit(txs).order]
    assert kept == [1, 1, 4]
    assert {refusal.code for refusal in desk.admit(txs).refusals.values()} == {12}
    assert sorted(desk.rules(txs)) == ["", "", "", "f", "f"]


def test_the_bytes_of_a_block_include_the_preamble() -> None:
    """(f): tags and lengths counted, the canonically first stay; what stands before `first` counts for bytes only."""
    desk = Desk()
    txs = [desk.sign(who, place(who)) for who in (ALICE, BOB, CAROL)]
    total = sum(framed_size(raw) for raw in txs)
    preamble = b"p" * 100
    for limit, kept in ((total + 102, 3), (total + 101, 2), (total, 2), (102, 0)):
        desk.wiring.consensus.keeper.set_params(desk.ctx, DEFAULT_PARAMS._replace(max_block_bytes=limit))
        admission = desk.admit([preamble, *txs], first=1)
        assert len(admission.order) == kept
        assert all((refusal.rule.id, refusal.code) == ("f", 13) for refusal in admission.refusals.values())
        assert 0 not in admission.refusals
        assert admission.txs[0] is None


def test_a_block_limit_drops_successors_that_stand_before_it() -> None:
    """The cut takes sequence 0, a send in the last lane: sequence 1, a cancel in the first, goes too."""
    desk = Desk(DEFAULT_PARAMS._replace(max_block_txs=2))
    txs = [
        desk.sign(ALICE, send(ALICE, BOB), sequence=0),
        desk.sign(ALICE, cancel(ALICE, flags=LONG_TERM), sequence=1),
        desk.sign(BOB, place(BOB)),
    ]
    assert desk.rules(txs) == ["f", "b5", ""]


# Attacks on others


def test_nothing_inadmissible_shifts_a_victims_rank_or_uses_its_quota() -> None:
    """Forged, replayed, expired transactions under a victim's account leave its own as they were."""
    desk = Desk(DEFAULT_PARAMS._replace(quota_per_account_and_lane=2))
    replayed = desk.sign(ALICE, place(ALICE, 9), sequence=0)
    desk.remember(replayed)
    own = [desk.sign(ALICE, place(ALICE, number), sequence=5 + number) for number in range(2)]
    forged = desk.sign(ALICE, place(ALICE, 8), sequence=1)
    attack = [
        replayed,
        forged[:-1] + bytes((forged[-1] ^ 1,)),
        desk.sign(ALICE, place(ALICE, 7, good_til_block=HEIGHT - 1), sequence=2),
        seal(
            STRANGER.private_key,
            body_bytes([place(ALICE, 6)]),
            auth_info_bytes(STRANGER.public_key, 3),
            account_number=10,
            chain_id=CHAIN_ID,
        ),
        seal(
            STRANGER.private_key, body_bytes([place(ALICE, 6)]), auth_info_bytes(ALICE.public_key, 3), account_number=10, chain_id=CHAIN_ID
        ),
    ]
    others = [desk.sign(who, place(who)) for who in (BOB, CAROL)]
    alone = [tx.hash for _, tx in desk.admit([*own, *others]).order]
    assert [tx.hash for _, tx in desk.admit([*attack, *own, *others]).order] == alone
    assert desk.rules([*attack, *own, *others]) == ["b4", "b3", "b4", "b2", "b3", "", "", "", ""]


def library() -> tuple[Desk, list[bytes]]:
    """A desk with tight limits and transactions that break every rule, alone and together."""
    desk = Desk(DEFAULT_PARAMS._replace(quota_per_account_and_lane=2, max_block_txs=5, max_block_bytes=1500))
    replayed = desk.sign(BOB, cancel(BOB, 99))
    desk.remember(replayed)
    good = desk.sign(CAROL, send(CAROL, BOB))
    txs = [
        desk.sign(ALICE, send(ALICE, BOB), sequence=0),
        desk.sign(ALICE, send(ALICE, BOB, 2), sequence=0),
        desk.sign(ALICE, cancel(ALICE, flags=LONG_TERM), sequence=1),
        desk.sign(ALICE, deposit(ALICE), sequence=2),
        desk.sign(ALICE, place(ALICE, flags=LONG_TERM), sequence=4),
        desk.sign(BOB, internal(BOB), sequence=0),
        desk.sign(BOB, deposit(BOB), sequence=1),
        replayed,
        *(desk.sign(BOB, place(BOB, number), sequence=number) for number in range(3)),
        *(desk.sign(CAROL, cancel(CAROL, number)) for number in range(3)),
        desk.sign(CAROL, place(CAROL, good_til_block=HEIGHT + 41)),
        desk.sign(STRANGER, place(STRANGER)),
        good,
        good[:-1] + bytes((good[-1] ^ 1,)),
        desk.sign(CAROL, send(CAROL, BOB), sequence=TIME_MS),
        desk.sign(CAROL, send(CAROL, BOB), sequence=TIME_MS + 40_000),
        b"garbage",
    ]
    return desk, txs


DESK, LIBRARY = library()


def outcome(txs: list[bytes]) -> tuple[list[bytes], dict[bytes, list[tuple[str, int]]], dict[Address, Account], list[bytes]]:
    """Everything that FinalizeBlock makes of a list: order, refusals by transaction, accounts, hashes."""
    admission = DESK.admit(txs)
    refusals: dict[bytes, list[tuple[str, int]]] = {}
    for position, refusal in admission.refusals.items():
        refusals.setdefault(txs[position], []).append((refusal.rule.id, refusal.code))
    for found in refusals.values():
        found.sort()
    return [tx.raw for _, tx in admission.order], refusals, dict(admission.used_accounts), admission.hashes


@settings(max_examples=150)
@given(st.lists(st.sampled_from(LIBRARY), max_size=20), st.randoms(use_true_random=False))
def test_admission_is_of_the_set(txs: list[bytes], random: Any) -> None:
    """P2: whatever the order of the list, the same transactions have the same codes, order and effect on accounts."""
    shuffled = list(txs)
    random.shuffle(shuffled)
    assert outcome(shuffled) == outcome(txs)


def test_every_order_of_a_small_set_has_one_outcome() -> None:
    """Exhaustive: all 720 lists of six transactions that interfere with each other."""
    txs = [LIBRARY[0], LIBRARY[1], LIBRARY[2], LIBRARY[5], LIBRARY[6], LIBRARY[10]]
    expected = outcome(txs)
    assert len(expected[0]) > 1
    assert len(expected[1]) > 1
    for listed in permutations(txs):
        assert outcome(list(listed)) == expected


@settings(max_examples=100)
@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from(LIBRARY)), max_size=12))
def test_admission_is_total(txs: list[bytes]) -> None:
    """Every transaction has a form and a place in the order, or a refusal; never both, never an exception."""
    admission = DESK.admit(txs)
    admitted = [position for position, _ in admission.order]
    assert sorted([*admitted, *admission.refusals]) == list(range(len(txs)))
    assert all(admission.txs[position] is tx for position, tx in admission.order)
    for refusal in admission.refusals.values():
        assert refusal.codespace == "sequencer"
        assert refusal.code > 1


def test_reading_before_changes_nothing() -> None:
    """Cold and warm caches, and caches that keep nothing, give the same outcome."""
    warm = outcome(LIBRARY)
    DESK.sources.cache.max_count = 0
    for tx in DESK.admit(LIBRARY).txs:
        if tx is not None:
            DESK.sources.cache.forget(tx.hash)
    assert len(DESK.sources.cache) == 0
    assert outcome(LIBRARY) == warm
    DESK.sources.cache.max_count = 1000
