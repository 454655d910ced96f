"""Sets with inadmissible members: each one's code, and rank and effect of the others, are the text's in any order (design.md 3.2)."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any

import pytest

from support.exchange import exchanges
from support.sequencer_misfits import Misfits, by_hash, shuffles
from support.sequencer_twins import Known
from support.sequencer_universe import universe
from support.slow.admission import RULES, admit

GROUPS = 38
LARGER_SETS = 120
ALONE = {
    "garbage": [3],
    "nothing": [3],
    "cut short": [3],
    "a longer length": [3],
    "a field more": [3],
    "two signatures": [3],
    "another preamble": [3],
    "two signers": [3],
    "too large": [3],
    "stranger": [4],
    "foreign key": [4],
    "unknown key": [4],
    "other chain": [5],
    "other number": [5],
    "flipped bit": [5],
    "high S": [5],
    "timeout": [6],
    "good-til too low": [6],
    "good-til too high": [6],
    "one of two too high": [6],
    "remembered": [6],
    "gap": [7, 7],
    "used sequence": [7],
    "rivals": [0, 0, 7, 7],
    "rival of a good one": [0, 7],
    "used nonce": [7],
    "old nonce": [7],
    "early nonce": [7],
    "equal nonces": [0, 7, 7],
    "nonce below all held": [7],
    "nonces beside all held": [0, 0, 0, 7],
    "kind with a follower": [7, 8],
    "kind with the lower hash": [7, 8],
    "kind with the higher hash": [0, 7],
    "unsequenced twice": [0, 9],
    "sequenced twice": [0, 7],
    "flood": [0, 0, 0, 11, 11, 11],
    "flood in sequence": [0, 0, 0, 0, 7, 11, 11],
}
"""The codes of each group's own transactions beside the good ones, sorted; with a rival or a double the good one's is among them."""


class Trial:
    """Blocks of good transactions and misfits."""

    def __init__(self, misfits: Misfits) -> None:
        self.twins = misfits.twins
        self.good = universe(self.twins)
        self.groups = misfits.groups(self.good)
        self.preamble = self.twins.preamble()
        self.block = self.twins.facts_of_block(self.preamble)
        self.seen: Counter[int] = Counter()

    def judge(self, txs: list[Known], random: Random, orders: int = 2) -> dict[bytes, list[int]]:
        """One set in several orders, everything compared; the codes by hash."""
        twins, preamble = self.twins, self.preamble
        first, *others = shuffles(txs, random.shuffle, 1 + orders)
        outcome, after = twins.try_slow(self.block, first)
        expected = twins.compare_trial(first, preamble, outcome, after)
        twins.compare_used(self.block, outcome)
        clean = [*preamble, *(first[position].raw for position in outcome.judged.order)]
        cleaned = twins.seen(clean)
        assert cleaned.app_hash == expected.app_hash, "the inadmissible ones have an effect or a rank"
        codes = by_hash(first, outcome.judged.codes)
        for other in others:
            assert twins.seen([*preamble, *(tx.raw for tx in other)]) == expected
            assert by_hash(other, admit(self.block, [tx.slow.facts for tx in other]).codes) == codes
        self._judge_proposals([first, *others], clean)
        self.seen.update(outcome.judged.codes.values())
        return codes

    def _judge_proposals(self, lists: list[list[Known]], clean: list[bytes]) -> None:
        """Process names the first inadmissible one and its rule, and accepts the others alone."""
        judge = self.twins.judge()
        for listed in lists:
            found = admit(self.block, [tx.slow.facts for tx in listed])
            refused = [position for position in range(len(listed)) if found.codes[position]]
            verdict = judge([*self.preamble, *(tx.raw for tx in listed)])
            if refused:
                expected: Any = (False, RULES[found.codes[refused[0]]], len(self.preamble) + refused[0])
                assert (verdict.accepted, verdict.rule, verdict.position) == expected
            else:
                assert verdict.accepted == (found.order == list(range(len(listed))))
        assert judge(clean).accepted

    def some(self, random: Random) -> list[Known]:
        """Half of the good ones and up to eight groups."""
        names = random.sample(sorted(self.groups), random.randint(3, 8))
        return [*random.sample(self.good, 6), *(tx for name in names for tx in self.groups[name])]


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """One exchange for all sets: nothing of a tried block stays."""
    with exchanges() as open_exchange:
        yield Trial(Misfits(open_exchange))


def test_each_group_alone_has_its_codes(trial: Trial) -> None:
    """Thirty-eight groups, every rule of (b1) to (d) and the quota: the codes that the table gives, and the text."""
    assert sorted(trial.groups) == sorted(ALONE)
    assert len(ALONE) == GROUPS
    for name, group in trial.groups.items():
        codes = trial.judge([*trial.good, *group], Random(name))
        mine = {tx.slow.facts.tx_hash for tx in group}
        if name == "rival of a good one":
            mine.add(trial.good[0].slow.facts.tx_hash)
        assert sorted(code for one in mine for code in codes[one]) == ALONE[name], name


def test_every_pair_of_groups_is_judged_alike_in_any_order(trial: Trial) -> None:
    """703 pairs beside twelve good ones, two orders each."""
    random = Random(3)
    pairs = list(combinations(sorted(trial.groups), 2))
    assert len(pairs) == GROUPS * (GROUPS - 1) / 2 == 703
    for one, other in pairs:
        trial.judge([*trial.good, *trial.groups[one], *trial.groups[other]], random, orders=1)


def test_larger_combinations_are_judged_alike_in_any_order(trial: Trial) -> None:
    """120 random sets of three to eight groups."""
    random = Random(4)
    for _ in range(LARGER_SETS):
        trial.judge(trial.some(random), random)


@pytest.mark.parametrize(("limits", "code"), [({"max_block_txs": 20}, 12), ({"max_block_bytes": 16_384}, 13)])
def test_the_limits_of_a_block_drop_the_canonically_last_in_any_order(limits: dict[str, int], code: int) -> None:
    """Sixty random sets, most of them over a limit: what is over it goes, what follows that in sequence goes too."""
    random = Random(5)
    with exchanges() as open_exchange:
        misfits = Misfits(open_exchange, max_memo_bytes=1_000, **limits)
        trial = Trial(misfits)
        padding = misfits.padding()
        over = followed = 0
        for _ in range(60):
            codes = trial.judge([*trial.some(random), *random.sample(padding, random.randint(20, 30))], random)
            over += [code] in codes.values()
            followed += any(codes.get(tx.slow.facts.tx_hash) == [7] for tx in trial.good)
    assert over > 30
    assert followed > 5
