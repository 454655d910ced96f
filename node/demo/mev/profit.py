"""What an order of transactions is worth to an attacker, read from account balances: the same executor, state and bytes, two orders."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from node.demo.mev.attacks import FIRST_IN_QUEUE, SANDWICH_WITH_A_QUOTE, SQUEEZED_MARGIN, STALE_QUOTE, Attack
from node.demo.mev.exchange import ATTACKER, VICTIM, Outcome, Scene
from node.sequencer.errors import ORDER
from node.sequencer.order import Rankable, canonical_order

SEEDS = 500
ACCOUNTS = (1, 2, 3, 5)
LOTTERIES = (SANDWICH_WITH_A_QUOTE, FIRST_IN_QUEUE)
"""Attacks that come down to being first of equals."""
TRIES = (1, 2, 4, 8)
SETTLED_BY_LANE = (STALE_QUOTE, SQUEEZED_MARGIN)
"""Attacks on a transaction whose lane comes before the attacker's, whatever the draw."""
MILLION = 1_000_000


def as_listed(_seed: bytes, txs: Sequence[Rankable]) -> list[int]:
    """The order in which the proposer has listed them: what an order is on a chain that leaves it to the proposer."""
    return list(range(len(txs)))


@cache
def app_hashes(count: int) -> tuple[bytes, ...]:
    """So many app hashes; with chain id and height each makes another seed, and another draw of who is first of equals."""
    return tuple(sha256(f"demo mev app hash {number}".encode()).digest() for number in range(count))


class Spread(NamedTuple):
    """What somebody gained at many seeds: quote quantums, the mean rounded down."""

    worst: int
    mean: int
    best: int


class Draws(NamedTuple):
    """One set in the canonical order at many seeds."""

    attacker: Spread
    victim: Spread
    seeds: int
    won: int
    """At how many of them the attacker gained anything."""

    @property
    def won_ppm(self) -> int:
        return self.won * MILLION // self.seeds


class Comparison(NamedTuple):
    """One attack in both orders."""

    attack: Attack
    listed: Outcome
    """In the proposer's order."""
    canonical: Draws
    rejected: int
    """At how many of the seeds a block in the proposer's order is rejected for its order; at the others the draw made it the valid one."""

    @property
    def rejected_ppm(self) -> int:
        return self.rejected * MILLION // self.canonical.seeds


class Chance(NamedTuple):
    """How often an attacker with so many accounts gains something in the canonical order."""

    attack: Attack
    accounts: int
    draws: Draws

    @property
    def expected_ppm(self) -> int:
        """Every account has one ticket and the victim has one; none where lanes decide."""
        return self.accounts * MILLION // (self.accounts + 1) if self.attack in LOTTERIES else 0


class Ground(NamedTuple):
    """How often a proposer finds a draw that it likes when it may try so many sets in the block before: each makes another seed."""

    attack: Attack
    tries: int
    won_ppm: int

    @property
    def expected_ppm(self) -> int:
        """With one account a try fails every other time."""
        return MILLION - (MILLION >> self.tries)


class Withheld(NamedTuple):
    """What a proposer gains that does not include the victim's transaction at all."""

    attack: Attack
    draws: Draws


def compare(attack: Attack, seeds: int = SEEDS) -> Comparison:
    """The attack with one account in the proposer's order and, at so many seeds, in the canonical one. Raises Failure."""
    scene, play = attack.scene()
    listed = scene.run(as_listed, app_hashes(1)[0], play.txs)
    rejected = sum(1 for app_hash in app_hashes(seeds) if scene.judge(app_hash, play.txs).rule == ORDER.id)
    return Comparison(attack, listed, _draw(scene, play.txs, seeds), rejected)


def chance(attack: Attack, accounts: int, seeds: int = SEEDS) -> Chance:
    """What so many accounts buy in the canonical order. Raises Failure."""
    scene, play = attack.scene(accounts)
    return Chance(attack, accounts, _draw(scene, play.txs, seeds))


def grind(attack: Attack, seeds: int = SEEDS) -> list[Ground]:
    """What trying seeds brings to one account, for each of TRIES. Raises Failure."""
    scene, play = attack.scene()
    won = [outcome.change(ATTACKER) > 0 for outcome in _outcomes(scene, play.txs, seeds)]
    found = []
    for tries in TRIES:
        groups = [won[begin : begin + tries] for begin in range(0, seeds - seeds % tries, tries)]
        found.append(Ground(attack, tries, sum(1 for group in groups if any(group)) * MILLION // len(groups)))
    return found


def withhold(attack: Attack, seeds: int = SEEDS) -> Withheld:
    """What leaving out brings, in the canonical order of what is left. Raises Failure."""
    scene, play = attack.scene()
    return Withheld(attack, _draw(scene, [tx for tx in play.txs if tx != play.rescue], seeds))


def _draw(scene: Scene, txs: Sequence[bytes], seeds: int) -> Draws:
    outcomes = _outcomes(scene, txs, seeds)
    attacker, victim = (sorted(outcome.change(role) for outcome in outcomes) for role in (ATTACKER, VICTIM))
    return Draws(_spread(attacker), _spread(victim), seeds, sum(1 for gained in attacker if gained > 0))


def _outcomes(scene: Scene, txs: Sequence[bytes], seeds: int) -> list[Outcome]:
    """In the canonical order, by seed."""
    return [scene.run(canonical_order, app_hash, txs) for app_hash in app_hashes(seeds)]


def _spread(ascending: Sequence[int]) -> Spread:
    return Spread(ascending[0], sum(ascending) // len(ascending), ascending[-1])
