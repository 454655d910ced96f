"""`perpd demo mev`, told: every way to cheat on a real network and the rule that catches it, then what cheating would have earned."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from node.client.amounts import shown, shown_usdc
from node.demo.mev import network as cheating
from node.demo.mev import profit
from node.demo.mev.attacks import ATTACKS, SANDWICH
from node.demo.mev.cheats import CHEATS
from node.demo.mev.crowd import Crowd
from node.demo.mev.exchange import ATTACKER, VICTIM
from node.demo.mev.network import CHEATER, VALIDATORS, Attempt, CheatingNetwork
from node.demo.mev.profit import Chance, Comparison, Draws, Ground, Withheld
from node.failure import Failure
from node.sequencer.errors import ORDER

Say = Callable[[str], None]
PROPOSERS = "the proposer's order"
_NAME = 42
_TITLE = max(len(cheat.title) for cheat in CHEATS) + 3
_CENT = 10_000


def run(directory: Path, say: Say, report: Say) -> dict[str, Any]:
    """Plays everything; the network lives in `directory` meanwhile. `report` is told what is slow.

    Raises Failure if one attempt was not caught by its rule, or one number is not what it must be; nothing runs afterwards.
    """
    say(f"1. Validator {CHEATER} of {VALIDATORS} cheats whenever it proposes")
    with cheating.running(directory, report) as network:
        attempts = _cheat(network, say)
        agreed = _agree(network, say)
    compared = _compare(say)
    chances, ground, withheld = _still(say, report)
    broken = [*broken_attempts(attempts), *broken_profits(compared, chances, withheld)]
    if broken:
        for sentence in broken:
            say(f"  MISMATCH: {sentence}")
        raise Failure(f"{broken[0]}{f' (and {len(broken) - 1} more mismatches)' if len(broken) > 1 else ''}.")
    return {
        "cheats": [_attempt_facts(attempt) for attempt in attempts],
        "agreed": agreed,
        "profit": [_comparison_facts(one) for one in compared],
        "chances": [_chance_facts(one) for one in chances],
        "grinding": [
            {"attack": one.attack.name, "tries": one.tries, "won_ppm": one.won_ppm, "expected_ppm": one.expected_ppm} for one in ground
        ],
        "withheld": [{"attack": one.attack.name, **_draws_facts(one.draws)} for one in withheld],
    }


# Cheating


def _cheat(network: CheatingNetwork, say: Say) -> list[Attempt]:
    attempts = []
    with closing(Crowd(network.document)) as crowd:
        crowd.begin()
        for cheat in CHEATS:
            attempt = cheating.attempt(network, cheat.name, crowd.stir)
            say(attempt_line(attempt))
            attempts.append(attempt)
    return attempts


def attempt_line(attempt: Attempt) -> str:
    """What was tried, and what became of it."""
    first = attempt.verdicts[0]
    caught = f"({first.rule}) at position {first.position}, {len(attempt.verdicts)} of {VALIDATORS - 1} reject"
    decided = f"{attempt.decided_by} decides in round {attempt.round}"
    return f"  {f'block {attempt.height}':<12}{attempt.title + ':':<{_TITLE}}{caught}; {decided}"


def broken_attempts(attempts: Sequence[Attempt]) -> list[str]:
    """Everything about the attempts that is not as it must be, as sentences without their full stop."""
    found = []
    for attempt in attempts:
        who = f"{attempt.cheat} at height {attempt.height}"
        rules = sorted({verdict.rule for verdict in attempt.verdicts})
        if len(attempt.verdicts) != VALIDATORS - 1:
            found.append(f"{who} was rejected by {len(attempt.verdicts)} nodes, not by {VALIDATORS - 1}")
        if rules != [attempt.expected_rule]:
            found.append(f"{who} was rejected by rule {', '.join(rules) or '-'}, not by {attempt.expected_rule}")
        if len({verdict.position for verdict in attempt.verdicts}) > 1:
            found.append(f"{who} was rejected at different positions")
        found += [f"{node} has not counted the rejection of {who}" for node, count in attempt.counted if count < 1]
        if attempt.round < 1 or attempt.cheating_txs_decided:
            found.append(f"the block of {who} was decided in round {attempt.round} with {attempt.cheating_txs_decided} of its transactions")
    return found


def _agree(network: CheatingNetwork, say: Say) -> dict[str, Any]:
    """All nodes, the cheating one too, have computed the same state after everything that was tried. Raises Failure if not."""
    height = min(network.height(node) for node in range(VALIDATORS))
    hashes = {network.rpc("block", node, height=str(height))["block"]["header"]["app_hash"] for node in range(VALIDATORS)}
    if len(hashes) != 1:
        raise Failure(f"the nodes have {len(hashes)} different states below height {height}.")
    app_hash = hashes.pop().lower()
    say(f"  {f'block {height}':<12}every node has the same state, {app_hash[:16]}…; none has stopped")
    return {"height": height, "app_hash": app_hash}


# Earning


def _compare(say: Say) -> list[Comparison]:
    say("")
    say("2. What the proposer's order would have earned")
    say("  The same signed transactions, executor and state; only the order function is another. USDC, positions at the oracle price.")
    say("")
    draws = f"the one valid order, {profit.SEEDS} draws"
    say(f"  {'':<{_NAME}}{PROPOSERS:^22}  {draws:^33}")
    say(f"  {'':<{_NAME}}{'attacker':>11}{'victim':>11}  {'worst':>11}{'mean':>11}{'best':>11}{'victim, mean':>15}{'rejected':>12}")
    compared = []
    for attack in ATTACKS:
        found = profit.compare(attack)
        listed = "".join(f"{shown_cents(found.listed.change(role)):>11}" for role in (ATTACKER, VICTIM))
        drawn = "".join(f"{shown_cents(amount):>11}" for amount in found.canonical.attacker)
        say(f"  {attack.title:<{_NAME}}{listed}  {drawn}{shown_cents(found.canonical.victim.mean):>15}{_share(found.rejected_ppm):>12}")
        say(f"    {attack.tells}")
        compared.append(found)
    say("  Rejected: in how many draws a block in the proposer's order breaks rule (e); in the others the draw itself has favoured it.")
    say("  In each of these runs all accounts, trading fees and the insurance fund together gain exactly nothing.")
    return compared


def shown_cents(quote_quantums: int) -> str:
    """USDC, rounded to the nearest cent."""
    cents = (abs(quote_quantums) + _CENT // 2) // _CENT
    return shown_usdc(cents * _CENT if quote_quantums > 0 else -cents * _CENT)


def _still(say: Say, report: Say) -> tuple[list[Chance], list[Ground], list[Withheld]]:
    """What the order does not take from an attacker, in numbers."""
    say("")
    say("3. What an attacker still can do")
    report("executing some thousand blocks")
    contested = (*profit.LOTTERIES, *profit.SETTLED_BY_LANE)
    chances = [profit.chance(attack, accounts) for attack in contested for accounts in profit.ACCOUNTS]
    say("  Bring many funded accounts. How often the attacker gains anything:")
    say(f"  {'':<{_NAME}}" + "".join(f"{f'{accounts} acc.':>11}" for accounts in profit.ACCOUNTS))
    for attack in contested:
        row = [one.draws.won_ppm for one in chances if one.attack is attack]
        say(f"  {attack.title:<{_NAME}}" + "".join(f"{_share(won_ppm):>11}" for won_ppm in row))
    say("    Who is first of equals is a draw with one ticket per account: k of k + 1. Lanes are no draw, and no number of accounts helps.")
    ground = profit.grind(profit.LOTTERIES[0])
    say("  Try sets. The proposer of the block before can choose among several of its own blocks the one whose seed it likes:")
    say(f"  {'':<{_NAME}}" + "".join(f"{f'{tries} sets' if tries > 1 else '1 set':>11}" for tries in profit.TRIES))
    say(f"  {ground[0].attack.title:<{_NAME}}" + "".join(f"{_share(one.won_ppm):>11}" for one in ground))
    withheld = [profit.withhold(attack) for attack in profit.SETTLED_BY_LANE]
    say("  Leave out. A proposer decides what its own block holds, though not in which order. Without the victim's transaction:")
    for one in withheld:
        say(f"  {one.attack.title:<{_NAME}}{shown_cents(one.draws.attacker.mean):>11} USDC, until another validator proposes")
    return chances, ground, withheld


def _share(ppm: int) -> str:
    return f"{shown((ppm + 500) // 1_000, -1)} %"


def broken_profits(compared: Sequence[Comparison], chances: Sequence[Chance], withheld: Sequence[Withheld]) -> list[str]:
    """Everything about the money that is not as it must be, as sentences without their full stop."""
    found = []
    for one in compared:
        gained, best = one.listed.change(ATTACKER), one.canonical.attacker.best
        decided = one.attack in (SANDWICH, *profit.SETTLED_BY_LANE)
        if gained <= 0:
            found.append(f"the attacker gains {shown_usdc(gained)} USDC from a {one.attack.title} in its own order")
        if decided and one.rejected != one.canonical.seeds:
            found.append(f"the {one.attack.title} is the valid order in {one.canonical.seeds - one.rejected} draws")
        if best > (0 if decided else gained):
            found.append(f"the attacker gains up to {shown_usdc(best)} USDC from a {one.attack.title} in the one valid order")
    found += [
        f"with {chance.accounts} accounts the attacker gains from a {chance.attack.title} in {chance.draws.won} draws"
        for chance in chances
        if chance.attack in profit.SETTLED_BY_LANE and chance.draws.won
    ]
    found += [f"the attacker gains nothing from withholding in a {one.attack.title}" for one in withheld if one.draws.attacker.worst <= 0]
    return found


# For machines


def _attempt_facts(attempt: Attempt) -> dict[str, Any]:
    return {
        "cheat": attempt.cheat,
        "title": attempt.title,
        "height": attempt.height,
        "expected_rule": attempt.expected_rule,
        "verdicts": [verdict._asdict() for verdict in attempt.verdicts],
        "decided_by": attempt.decided_by,
        "round": attempt.round,
        "txs_decided": attempt.txs_decided,
        "cheating_txs_decided": attempt.cheating_txs_decided,
    }


def _comparison_facts(one: Comparison) -> dict[str, Any]:
    listed = {role: str(one.listed.change(role)) for role in one.listed.before}
    return {
        "attack": one.attack.name,
        "title": one.attack.title,
        "proposers_order": listed,
        "canonical_order": _draws_facts(one.canonical),
        "rejected": {"rule": ORDER.id, "draws": one.rejected},
    }


def _chance_facts(one: Chance) -> dict[str, Any]:
    return {"attack": one.attack.name, "accounts": one.accounts, "expected_ppm": one.expected_ppm, **_draws_facts(one.draws)}


def _draws_facts(draws: Draws) -> dict[str, Any]:
    """Amounts in quote quantums, as text."""
    spreads = {"attacker": draws.attacker, "victim": draws.victim}
    told = {who: {name: str(amount) for name, amount in spread._asdict().items()} for who, spread in spreads.items()}
    return {**told, "seeds": draws.seeds, "won": draws.won, "won_ppm": draws.won_ppm}
