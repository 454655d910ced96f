"""Random sets of up to 2,000 transactions: one order, that of the text, and admission as the text says it, also where limits bite."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.consensus.model import DEFAULT_PARAMS, SequencerParams
from support.sequencer_library import Crew
from support.sequencer_twins import Known
from support.sequencing import TIME_MS
from support.slow.admission import NONCES_HELD, RULES, Judged, admit
from support.slow.admission import Signer as State
from support.slow.order import block_seed, canonical_order

SWAPS = 40
ROOMY = DEFAULT_PARAMS._replace(max_block_txs=4_000, quota_per_account_and_lane=4_000)


@pytest.mark.parametrize(("size", "people"), [(0, 1), (2, 1), (10, 4), (100, 3), (500, 60), (1_000, 10), (2_000, 40)])
def test_a_random_set_has_the_order_of_the_text_and_no_other(size: int, people: int) -> None:
    """Process accepts the slow order; where two neighbours are swapped, forty of them sampled, it says where, by rule (e)."""
    random = Random(size)
    crew = Crew(people, random)
    txs = crew.good_set(size)
    block = crew.block(ROOMY)
    random.shuffle(txs)
    expected = canonical_order(block_seed(block.chain_id, block.height, block.app_hash), [tx.slow.facts.ticket for tx in txs])
    found = crew.desk.admit([tx.raw for tx in txs])
    assert found.refusals == {}
    assert [position for position, _ in found.order] == expected
    canonical = [txs[position].raw for position in expected]
    assert crew.desk.process(canonical).accepted
    assert crew.desk.prepare([tx.raw for tx in txs]).txs == canonical
    for place in random.sample(range(size - 1), min(SWAPS, size - 1)) if size else ():
        listed = list(canonical)
        listed[place], listed[place + 1] = listed[place + 1], listed[place]
        verdict = crew.desk.process(listed)
        assert (verdict.accepted, verdict.rule, verdict.position) == (False, "e", place)


def make_library() -> tuple[Crew, list[Known]]:
    """Twelve accounts: with and without known keys, with no, some and all nonces held."""
    random = Random(7)
    crew = Crew(12, random)
    held = tuple(range(TIME_MS - NONCES_HELD, TIME_MS))
    crew.set_account(0, State(2, key_is_known=True, nonces=held))
    crew.set_account(1, State(0, key_is_known=True, nonces=(*held[:-1], TIME_MS + 500)))
    crew.set_account(2, State(5, nonces=(TIME_MS - 40_000, TIME_MS - 6, TIME_MS + 1)))
    crew.set_account(3, State(0, nonces=(TIME_MS - 30_001,), max_ejected_nonce=TIME_MS - 7))
    crew.set_account(4, State(1, key_is_known=True))
    library = crew.library(chain=6)
    remembered = [crew.sign(number, [crew.short_term(number)], 30, facts={"is_remembered": True}) for number in range(12)]
    crew.desk.remember(*(tx.raw for tx in remembered))
    return crew, [*library, *remembered]


CREW, LIBRARY = make_library()


def same(txs: list[Known], params: SequencerParams) -> Judged:
    """Admission of the desk and of the text: codes, order and what is used are equal. The text's."""
    expected = admit(CREW.block(params), [tx.slow.facts for tx in txs])
    found = CREW.desk.admit([tx.raw for tx in txs])
    codes = {position: found.refusals[position].code if position in found.refusals else 0 for position in range(len(txs))}
    differing = {position: (code, expected.codes[position]) for position, code in codes.items() if code != expected.codes[position]}
    assert differing == {}, "codes (found, the text's) by position"
    assert [refusal.rule.id for _, refusal in sorted(found.refusals.items())] == [RULES[code] for _, code in sorted(codes.items()) if code]
    assert [position for position, _ in found.order] == expected.order
    after: dict[bytes, State] = {
        address: State(one.sequence, bool(one.public_key), one.nonces, one.max_ejected_nonce)
        for address, one in dict(found.used_accounts).items()
    }
    assert {address: after.get(address, CREW.states[address]) for address in expected.used} == expected.used
    assert set(after) <= set(expected.used)
    unsequenced = [
        tx.slow.facts.tx_hash for position, tx in enumerate(txs) if expected.codes[position] == 0 and tx.slow.facts.good_til_blocks
    ]
    assert sorted(found.hashes) == sorted(unsequenced)
    return expected


def drawn(random: Random, size: int) -> list[Known]:
    """So many of the library, with a few of them twice; more often of a few accounts, so that sequences lead on and limits bite."""
    few = {CREW.people[number].address for number in random.sample(range(12), 4)}
    near = [tx for tx in LIBRARY if tx.slow.facts.account in few]
    txs = random.sample(near, min(size, len(near))) if random.randrange(2) else random.sample(LIBRARY, min(size, len(LIBRARY)))
    txs += random.choices(txs, k=len(txs) // 20) if txs else []
    random.shuffle(txs)
    return txs


def limits(random: Random) -> SequencerParams:
    """Tiny or roomy limits, each by itself."""
    return DEFAULT_PARAMS._replace(
        quota_per_account_and_lane=random.choice((1, 2, 3, 5, 200)),
        max_block_txs=random.choice((1, 5, 20, 60, 4_000)),
        max_block_bytes=random.choice((300, 2_000, 9_000, 20_000, 1_000_000)),
        max_tx_bytes=random.choice((64 * 1024, 64 * 1024, 450)),
    )


def test_admission_of_random_sets_is_the_text_s() -> None:
    """500 sets of up to 300, good and bad mixed, under every mixture of limits: every code of the table is met."""
    random = Random(8)
    seen: Counter[int] = Counter()
    for _ in range(500):
        seen.update(same(drawn(random, random.choice((5, 40, 100, 300))), limits(random)).codes.values())
    assert set(seen) == set(RULES) - {10}
    assert min(seen.values()) > 50, seen


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(LIBRARY) - 1), max_size=30), st.randoms(use_true_random=False))
def test_admission_of_any_set_is_the_text_s(numbers: list[int], random: Random) -> None:
    """As above, over sets that Hypothesis chooses and shrinks."""
    same([LIBRARY[number] for number in numbers], limits(random))


def test_admission_does_not_depend_on_the_order_of_the_list() -> None:
    """Forty sets, ten orders each: the same code for each transaction, the same canonical order."""
    random = Random(9)
    for _ in range(40):
        txs, params = drawn(random, 60), limits(random)
        first = told(txs, same(txs, params))
        for _ in range(10):
            random.shuffle(txs)
            assert told(txs, same(txs, params)) == first


def told(txs: list[Known], judged: Judged) -> tuple[list[tuple[bytes, int]], list[bytes]]:
    """(hash, code) sorted, and the hashes in canonical order."""
    codes = sorted((tx.slow.facts.tx_hash, judged.codes[position]) for position, tx in enumerate(txs))
    return codes, [txs[position].slow.facts.tx_hash for position in judged.order]
