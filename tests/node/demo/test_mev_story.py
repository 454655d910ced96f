"""What `perpd demo mev` says of attempts and of money, and that it does not pass over anything that is not as it must be."""

from pathlib import Path

import pytest

from node.demo.mev import profit
from node.demo.mev.attacks import ATTACKS, FIRST_IN_QUEUE, SANDWICH, STALE_QUOTE
from node.demo.mev.cheats import CHEATS
from node.demo.mev.exchange import ATTACKER
from node.demo.mev.network import Attempt, Verdict
from node.demo.mev.story import attempt_line, broken_attempts, broken_profits, shown_cents

README = Path(__file__).parents[3] / "README.md"
SEEDS = 8
CAUGHT = Attempt(
    cheat="sandwich",
    title="puts its own orders around a victim's",
    height=31,
    expected_rule="e",
    verdicts=tuple(Verdict(f"node{number}", "e", 3, "it belongs elsewhere") for number in range(3)),
    counted=tuple((f"node{number}", 1) for number in range(3)),
    decided_by="node1",
    round=1,
    txs_decided=4,
    cheating_txs_decided=0,
)


def test_an_attempt_that_was_caught_is_one_line() -> None:
    """Height, what was tried, rule, position, who rejected, who decided and in which round."""
    line = attempt_line(CAUGHT)
    assert " ".join(line.split()) == (
        "block 31 puts its own orders around a victim's: (e) at position 3, 3 of 3 reject; node1 decides in round 1"
    )
    assert broken_attempts([CAUGHT]) == []


def test_titles_do_not_run_into_what_follows() -> None:
    """The columns have room for the longest."""
    lines = [attempt_line(CAUGHT._replace(title=cheat.title)) for cheat in CHEATS]
    assert len({line.index("(e)") for line in lines}) == 1
    assert all(": " in line for line in lines)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"expected_rule": "a"}, "was rejected by rule e, not by a"),
        ({"verdicts": CAUGHT.verdicts[:2]}, "was rejected by 2 nodes, not by 3"),
        ({"verdicts": (*CAUGHT.verdicts[:2], Verdict("node2", "e", 4, ""))}, "was rejected at different positions"),
        ({"verdicts": (*CAUGHT.verdicts[:2], Verdict("node2", "f", 3, ""))}, "was rejected by rule e, f, not by e"),
        ({"counted": (("node0", 1), ("node1", 0), ("node2", 1))}, "node1 has not counted the rejection of sandwich at height 31"),
        ({"round": 0}, "was decided in round 0 with 0 of its transactions"),
        ({"cheating_txs_decided": 2}, "was decided in round 1 with 2 of its transactions"),
    ],
)
def test_whatever_is_not_as_it_must_be_is_named(changed: dict[str, object], sentence: str) -> None:
    """One sentence for one mistake."""
    found = broken_attempts([CAUGHT, CAUGHT._replace(**changed)])  # type: ignore[arg-type]  # fields by name
    assert len(found) == 1
    assert sentence in found[0]


def test_true_numbers_are_in_order() -> None:
    """As the scenes give them."""
    compared = [profit.compare(attack, SEEDS) for attack in (SANDWICH, STALE_QUOTE, FIRST_IN_QUEUE)]
    chances = [profit.chance(STALE_QUOTE, 2, SEEDS)]
    assert broken_profits(compared, chances, [profit.withhold(STALE_QUOTE, SEEDS)]) == []


def test_numbers_that_say_otherwise_are_named() -> None:
    """An attack that pays nothing, or pays in the canonical order, a lane that is beaten, an omission that brings nothing."""
    stale, queue = profit.compare(STALE_QUOTE, SEEDS), profit.compare(FIRST_IN_QUEUE, SEEDS)
    nothing = stale.listed.__class__(stale.listed.before, stale.listed.before, stale.listed.txs)
    paid = stale.canonical._replace(attacker=stale.canonical.attacker._replace(best=1), won=1)
    better = queue.canonical._replace(attacker=queue.canonical.attacker._replace(best=queue.canonical.attacker.best + 1))
    chance = profit.chance(STALE_QUOTE, 2, SEEDS)._replace(draws=paid)
    withheld = profit.withhold(STALE_QUOTE, SEEDS)._replace(draws=stale.canonical)
    found = broken_profits(
        [
            stale._replace(listed=nothing),
            stale._replace(canonical=paid),
            stale._replace(rejected=SEEDS - 1),
            queue._replace(canonical=better),
        ],
        [chance],
        [withheld],
    )
    assert found == [
        "the attacker gains 0.00 USDC from a stale quote in its own order",
        "the attacker gains up to 0.000001 USDC from a stale quote in the one valid order",
        "the stale quote is the valid order in 1 draws",
        "the attacker gains up to 86.545801 USDC from a first in the queue in the one valid order",
        "with 2 accounts the attacker gains from a stale quote in 1 draws",
        "the attacker gains nothing from withholding in a stale quote",
    ]


def test_readme_shows_what_the_demonstration_computes() -> None:
    """One row per attack: the attacker's gain in the proposer's order, and worst, mean and best in the one valid order."""
    text = README.read_text()
    assert f"{profit.SEEDS} draws" in text
    for attack in ATTACKS:
        one = profit.compare(attack)
        drawn = " / ".join(shown_cents(amount) for amount in one.canonical.attacker)
        assert f"| {shown_cents(one.listed.change(ATTACKER))} | {drawn} |" in text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (4_999, "0.00"), (5_000, "0.01"), (-4_999, "0.00"), (-993_792_000, "-993.79"), (862_109_100, "862.11")],
)
def test_money_is_shown_to_the_nearest_cent(amount: int, text: str) -> None:
    """Halves away from zero, and nothing is not negative."""
    assert shown_cents(amount) == text
