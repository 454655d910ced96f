"""Every set of up to six of twelve transactions has one valid block, and it does what the text says (P2, design.md 3.2 to 3.5).

The twelve are in `support.sequencer_universe`. 922 of their 2,510 subsets of up to six have sequences that lead on from the committed
ones: 1, 9, 38, 101, 191, 274 and 308 of none to six transactions. The other orders of these sets are 258,994.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice, permutations
from random import Random
from typing import Any, NamedTuple

import pytest

from support.exchange import exchanges
from support.sequencer_twins import Known, Twins
from support.sequencer_universe import admissible_sets, in_order, opened, universe
from support.slow.admission import Block, first_out_of_place
from support.slow.order import block_seed

SETS = 922
OTHER_ORDERS = 258_994
ALL_ORDERS_UP_TO = 4
"""Sets of so many transactions are finalized in every order; of larger ones in SAMPLED random ones."""
SAMPLED = 3
FINALIZED = 4_936 + 1_746


class Proof(NamedTuple):
    """The twins before the block, and every admissible set in the order in which its block holds it."""

    twins: Twins
    members: list[Known]
    preamble: list[bytes]
    block: Block
    sets: list[list[Known]]


@pytest.fixture(scope="module")
def proof() -> Iterator[Proof]:
    """One exchange for all sets: nothing of a tried block stays."""
    with exchanges() as open_exchange:
        twins = opened(open_exchange)
        members = universe(twins)
        preamble = twins.preamble()
        block = twins.facts_of_block(preamble)
        seed = block_seed(block.chain_id, block.height, block.app_hash)
        sets = [in_order(seed, [members[number] for number in chosen]) for chosen in admissible_sets(len(members))]
        yield Proof(twins, members, preamble, block, sets)


def raws(txs: list[Known]) -> list[bytes]:
    """As they stand in a block."""
    return [tx.raw for tx in txs]


def test_the_sets_are_all_there_are(proof: Proof) -> None:
    """Of each number of transactions as many as counted by hand, all different; every set is admissible as a whole."""
    assert Counter(len(txs) for txs in proof.sets) == {0: 1, 1: 9, 2: 38, 3: 101, 4: 191, 5: 274, 6: 308}
    assert len({frozenset(raws(txs)) for txs in proof.sets}) == len(proof.sets) == SETS
    assert {tx.slow.facts.lane for tx in proof.members} == {1, 2, 3, 4, 5}


def test_every_other_order_of_every_set_is_rejected(proof: Proof) -> None:
    """258,994 permutations: rule (e) at the first position that holds another transaction than the canonical order puts there."""
    judge = proof.twins.judge()
    other_orders = 0
    for txs in proof.sets:
        canonical = raws(txs)
        assert judge([*proof.preamble, *canonical]).accepted
        for listed in islice(permutations(canonical), 1, None):
            verdict = judge([*proof.preamble, *listed])
            first = first_out_of_place(listed, canonical)
            assert first is not None
            assert (verdict.accepted, verdict.rule, verdict.position) == (False, "e", len(proof.preamble) + first)
            other_orders += 1
    assert other_orders == OTHER_ORDERS


def test_every_set_is_executed_as_the_text_says(proof: Proof) -> None:
    """922 blocks: codes, fills, ends of orders, books, collateral, positions, wallets, sequences; and Prepare and Process agree on each."""
    twins, random = proof.twins, Random(1)
    seen: Counter[Any] = Counter()
    for txs in proof.sets:
        outcome, after = twins.try_slow(proof.block, txs)
        assert outcome.judged.order == list(range(len(txs)))
        twins.compare_trial(txs, proof.preamble, outcome, after)
        twins.compare_used(proof.block, outcome)
        canonical = [*proof.preamble, *raws(txs)]
        assert twins.exchange.chain.prepare(random.sample(raws(txs), len(txs))) == canonical
        assert twins.is_accepted(canonical)
        seen.update((proof.members.index(tx), result) for tx, result in zip(txs, outcome.results, strict=True))
        seen.update(entry[0] if entry[0] == "fill" else entry[2] for entry in outcome.log)
    failures = {key for key in seen if isinstance(key, tuple) and key[1] != ("", 0)}
    expected = {(1, ("subaccounts", 102)), (3, ("clob", 3008)), (5, ("clob", 7)), (8, ("clob", 3006)), (10, ("clob", 3007))}
    assert failures == expected
    assert all(seen[number, ("", 0)] for number in range(len(proof.members)) if number != 8), "these fail by what else is in the block"
    for happened in ("fill", "CANCELLED", "POST_ONLY_WOULD_CROSS_MAKER_ORDER", "SELF_TRADE_ERROR", "UNDERCOLLATERALIZED"):
        assert seen[happened], happened


def test_every_order_of_a_set_is_finalized_alike(proof: Proof) -> None:
    """Sets of up to four in all 4,936 other orders, larger ones in 1,746 random ones: equal app hash, results and events."""
    random = Random(2)
    finalized = 0
    for txs in proof.sets:
        canonical = raws(txs)
        if len(txs) <= ALL_ORDERS_UP_TO:
            others = list(islice(permutations(canonical), 1, None))
        else:
            others = [tuple(random.sample(canonical, len(canonical))) for _ in range(SAMPLED)]
        expected = proof.twins.seen([*proof.preamble, *canonical])
        for listed in others:
            assert proof.twins.seen([*proof.preamble, *listed]) == expected
            finalized += 1
    assert finalized == FINALIZED
