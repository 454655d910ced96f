"""What an order of transactions is worth, from balances: only the order function differs between two runs of one executor."""

from hashlib import sha256

import pytest

from node.demo.mev import profit
from node.demo.mev.attacks import ATTACKS, FIRST_IN_QUEUE, SANDWICH, SANDWICH_WITH_A_QUOTE, SQUEEZED_MARGIN, STALE_QUOTE, Attack
from node.demo.mev.exchange import ATTACKER, CHAIN_ID, FEES, HEIGHT, INSURANCE, OTHER, VICTIM, Scene
from node.demo.mev.profit import app_hashes, as_listed
from node.failure import Failure
from node.sequencer.lanes import POST_ONLY, TAKER
from node.sequencer.order import canonical_order, framed_hash, seed_of

SEEDS = 60
APP_HASH = sha256(b"one state").digest()
LANE_OF_THE_DRAW = {SANDWICH_WITH_A_QUOTE.name: TAKER, FIRST_IN_QUEUE.name: POST_ONLY}

each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
each_lottery = pytest.mark.parametrize("attack", profit.LOTTERIES, ids=[attack.name for attack in profit.LOTTERIES])
each_by_lane = pytest.mark.parametrize("attack", profit.SETTLED_BY_LANE, ids=[attack.name for attack in profit.SETTLED_BY_LANE])


def changes(attack: Attack) -> dict[str, int]:
    """Who gains what in the proposer's order, quote quantums."""
    scene, play = attack.scene()
    outcome = scene.run(as_listed, APP_HASH, play.txs)
    return {role: outcome.change(role) for role in outcome.before}


def ticket(scene: Scene, lane: int, name: str, app_hash: bytes) -> bytes:
    """The draw of a party, computed from the text of the rule."""
    party = next(one for one in scene.parties if one.name == name)
    return framed_hash("ord", seed_of(CHAIN_ID, HEIGHT, app_hash), lane, bytes(party.address))[:16]


def test_a_sandwich_earns_what_the_victim_overpays_less_fees() -> None:
    """One coin each bought at 47,328 and 47,337, both sold at the victim's limit of 47,792; 5 bp as a taker, 1 bp as a maker."""
    bought, sold = (47_328 + 47_337) * 10**6, 2 * 47_792 * 10**6
    gained = sold - bought - bought * 5 // 10_000 - sold // 10_000
    victims = 2 * 47_319 * 10**6 - sold - sold * 5 // 10_000
    for attack in (SANDWICH, SANDWICH_WITH_A_QUOTE):
        found = changes(attack)
        assert (found[ATTACKER], found[VICTIM]) == (gained, victims)
        assert found[OTHER] == bought - 2 * 47_319 * 10**6 - bought // 10_000
        assert (found[FEES], found[INSURANCE]) == ((bought + sold) * 6 // 10_000, 0)


def test_a_stale_quote_costs_its_maker_the_jump() -> None:
    """The price is 47,792.19 when two coins quoted at 47,328 and 47,337 are bought."""
    worth, paid = 2 * 47_792_190_000, (47_328 + 47_337) * 10**6
    found = changes(STALE_QUOTE)
    assert found[ATTACKER] == worth - paid - paid * 5 // 10_000
    assert found[VICTIM] == paid - worth - paid // 10_000
    assert (found[OTHER], found[INSURANCE]) == (0, 0)


def test_squeezed_margin_sells_a_tenth_of_the_victim_to_the_attacker() -> None:
    """2 of 20 coins go at 46,136 where the price is 46,372.62; the victim gets the bankruptcy price, 0.8 % below it, the fund the rest."""
    worth, paid = 2 * 46_372_620_000, 2 * 46_136 * 10**6
    bankruptcy = worth - 7_420_000_000 // 10
    found = changes(SQUEEZED_MARGIN)
    assert found[ATTACKER] == worth - paid - paid // 10_000
    assert found[VICTIM] == bankruptcy - worth
    assert found[INSURANCE] == paid - bankruptcy


def test_whoever_is_first_in_the_queue_gets_the_fill() -> None:
    """Two coins bought at 47,271, where the price is 47,319; the maker behind gets nothing."""
    paid = 2 * 47_271 * 10**6
    found = changes(FIRST_IN_QUEUE)
    assert (found[ATTACKER], found[VICTIM]) == (2 * 47_319 * 10**6 - paid - paid // 10_000, 0)


@each_attack
def test_two_runs_differ_in_the_order_alone(attack: Attack) -> None:
    """The same bytes, the same balances before, the same tables of state before and after; and a list in canonical order, executed as
    listed, ends as the canonical order does.
    """
    scene, play = attack.scene()
    tables = [dict(table) for table in scene._state.tables]
    listed = scene.run(as_listed, APP_HASH, play.txs)
    assert [dict(table) for table in scene._state.tables] == tables
    canonical = scene.run(canonical_order, APP_HASH, play.txs)
    assert listed.txs == canonical.txs == play.txs
    assert listed.before == canonical.before
    decoded = [scene._cache.read(tx) for tx in play.txs]
    arranged = [play.txs[place] for place in canonical_order(seed_of(CHAIN_ID, HEIGHT, APP_HASH), decoded)]
    assert scene.run(as_listed, APP_HASH, arranged).after == canonical.after
    assert scene.judge(APP_HASH, arranged).accepted
    assert scene.run(canonical_order, APP_HASH, play.txs[::-1]).after == canonical.after


@each_attack
def test_every_attack_pays_in_the_proposers_order_and_never_better_in_the_canonical_one(attack: Attack) -> None:
    """At many seeds, and money is conserved in each of them."""
    scene, play = attack.scene()
    listed = scene.run(as_listed, APP_HASH, play.txs).change(ATTACKER)
    assert listed > 0
    for app_hash in app_hashes(SEEDS):
        outcome = scene.run(canonical_order, app_hash, play.txs)
        assert outcome.change(ATTACKER) <= listed
        assert sum(outcome.change(role) for role in outcome.before) == 0


@pytest.mark.parametrize("attack", [SANDWICH, STALE_QUOTE, SQUEEZED_MARGIN], ids=lambda attack: attack.name)
def test_these_attacks_of_one_account_gain_nothing_at_any_seed(attack: Attack) -> None:
    """All-taker sandwiches cannot surround a victim with one account, and lanes settle the others. The proposer's list is never valid."""
    found = profit.compare(attack, SEEDS)
    assert found.canonical.attacker.best == 0
    assert found.canonical.won == 0
    assert found.rejected == SEEDS


def test_a_failed_sandwich_costs_the_spread_and_the_fee() -> None:
    """Where the purchase comes first, the victim finds nothing to buy, and the attacker has bought above the price."""
    bought = (47_328 + 47_337) * 10**6
    found = profit.compare(SANDWICH, SEEDS)
    assert found.canonical.attacker.worst == 2 * 47_319 * 10**6 - bought - bought * 5 // 10_000


@each_by_lane
@pytest.mark.parametrize("accounts", [2, 5])
def test_no_number_of_accounts_beats_a_lane(attack: Attack, accounts: int) -> None:
    """Cancels and deposits come first, whoever is first of the others. Nobody loses anything."""
    draws = profit.chance(attack, accounts, SEEDS).draws
    assert (draws.attacker.worst, draws.attacker.best, draws.victim.worst, draws.victim.best) == (0, 0, 0, 0)


@each_lottery
@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_a_lottery_is_won_by_the_lowest_ticket_and_by_nothing_else(attack: Attack, accounts: int) -> None:
    """The attacker gains what the proposer's order would have given it exactly where one of its accounts has drawn before the victim."""
    scene, play = attack.scene(accounts)
    prize = scene.run(as_listed, APP_HASH, play.txs).change(ATTACKER)
    lane = LANE_OF_THE_DRAW[attack.name]
    won = 0
    for app_hash in app_hashes(SEEDS):
        own = min(ticket(scene, lane, attacker.name, app_hash) for attacker in scene.attackers)
        first = own < ticket(scene, lane, scene.victim.name, app_hash)
        assert scene.run(canonical_order, app_hash, play.txs).change(ATTACKER) == (prize if first else 0)
        won += first
    assert 0 < won < SEEDS
    assert profit.chance(attack, accounts, SEEDS).draws.won == won


@each_lottery
def test_more_accounts_win_more_often(attack: Attack) -> None:
    """One ticket per account: about k of k + 1, within a tenth at these seeds."""
    chances = [profit.chance(attack, accounts, 150) for accounts in (1, 2, 5)]
    assert [one.expected_ppm for one in chances] == [500_000, 666_666, 833_333]
    assert all(abs(one.draws.won_ppm - one.expected_ppm) < 100_000 for one in chances)


def test_trying_sets_finds_a_seed_sooner_or_later() -> None:
    """Whoever may choose among several seeds wins wherever one of them favours it."""
    scene, play = SANDWICH_WITH_A_QUOTE.scene()
    won = [scene.run(canonical_order, app_hash, play.txs).change(ATTACKER) > 0 for app_hash in app_hashes(SEEDS)]
    groups = [any(won[begin : begin + 4]) for begin in range(0, SEEDS, 4)]
    found = {one.tries: one for one in profit.grind(SANDWICH_WITH_A_QUOTE, SEEDS)}
    assert found[1].won_ppm == sum(won) * 10**6 // SEEDS
    assert found[4].won_ppm == sum(groups) * 10**6 // len(groups) > 800_000
    assert [found[tries].expected_ppm for tries in (1, 2, 4, 8)] == [500_000, 750_000, 937_500, 996_094]


@each_by_lane
def test_leaving_the_victims_transaction_out_pays_whatever_the_order(attack: Attack) -> None:
    """The order cannot help a transaction that is not in the block: the attacker gains as in its own order, and the block is valid."""
    scene, play = attack.scene()
    left = [tx for tx in play.txs if tx != play.rescue]
    assert len(left) == len(play.txs) - 1
    prize = scene.run(as_listed, APP_HASH, play.txs).change(ATTACKER)
    found = profit.withhold(attack, SEEDS).draws
    assert (found.attacker.worst, found.attacker.best) == (prize, prize)
    assert scene.judge(APP_HASH, left).accepted
    assert scene.judge(APP_HASH, play.txs).rule == "e"


def test_money_out_of_nothing_is_noticed() -> None:
    """A run whose balances do not add up raises instead of telling a profit."""

    class Generous(Scene):
        def _worth(self) -> dict[str, int]:
            found = super()._worth()
            found[ATTACKER] += self.wiring.consensus.keeper.last_block_height(self._context(HEIGHT))
            return found

    generous = Generous(STALE_QUOTE.setting)
    play = STALE_QUOTE.play(generous)
    with pytest.raises(Failure, match="all together gained 1 quote quantums"):
        generous.run(as_listed, APP_HASH, play.txs)


def test_a_transaction_that_is_refused_is_no_attack() -> None:
    """A set that is not admitted as a whole raises."""
    scene, play = STALE_QUOTE.scene()
    with pytest.raises(Failure, match="a transaction of the scene failed: sequencer"):
        scene.run(canonical_order, APP_HASH, (*play.txs, play.txs[0]))
