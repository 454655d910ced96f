"""Bad transactions (P8) on four applications: a registered code and text, nothing changed, and every node goes on alike."""

from collections.abc import Iterator

import pytest

from modules.kernel.errors import registry
from support import load
from support.app_network import AppNetwork, app_network, deposit, differences, localnet_state, snapshot, withdraw
from support.bad_transactions import FAILING, INADMISSIBLE, POOR, SHORT, Case, authority_message, bob, order
from support.chain import result_of


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppNetwork]:
    """Four applications with blocks behind them; a maker's orders lie on the book, and somebody holds a position."""
    people = load.traders(6)
    state = load.with_traders(localnet_state(), people, {POOR: load.DOLLAR})
    with app_network(tmp_path_factory.mktemp("bad"), 4, people=people, state=state) as started:
        alice, bob, *_ = started.people
        started.block([started.long_term(alice, is_buy=True, ticks=-1, steps=1_000, good_til=started.time_seconds + 86_400)])
        started.block([started.short_term(bob, is_buy=False, ticks=-1, client_id=77, time_in_force=load.IMMEDIATE_OR_CANCEL)])
        started.block()
        yield started


def names(cases: list[Case]) -> list[str]:
    """Ids of the parametrised tests."""
    return [case.name for case in cases]


def assert_told(case: Case, codespace: str, code: int, log: str, expected: tuple[str, int]) -> None:
    """The code is the registered one, and the text ends in what is registered for it."""
    assert (codespace, code) == expected, f"{case.name}: {codespace}/{code} {log}"
    if code:
        assert log.endswith(registry()[expected].text), log


@pytest.mark.parametrize("case", INADMISSIBLE, ids=names(INADMISSIBLE))
def test_an_inadmissible_transaction_is_told_its_code_and_changes_nothing(network: AppNetwork, case: Case) -> None:
    """CheckTx refuses it; no correct proposer includes it, no node accepts a proposal with it; forced into a block it has no effect."""
    bad = case.build(network)
    for number in range(4):
        answer = network.check(bad, number)
        assert_told(case, answer.codespace, answer.code, answer.log, case.check)
        assert case.text in answer.log
    assert bad not in network.chain.prepare([bad])
    quiet = network.propose()
    assert network.chain.process([*quiet, bad]) == [False] * 4
    without = network.chain.finalize(quiet, network.app)
    state = snapshot(network.app)
    block = network.decide([*quiet, bad])
    assert_told(case, block.results[1].codespace, block.results[1].code, block.results[1].log, case.block)
    assert (block.results[1].gas_wanted, block.results[1].gas_used, list(block.results[1].events)) == (0, 0, [])
    assert block.app_hash == without.app_hash
    assert not differences(network.app, state, snapshot(network.app))
    assert list(block.events) == list(without.events)


@pytest.mark.parametrize("case", FAILING, ids=names(FAILING))
def test_a_failing_transaction_is_told_its_code_and_leaves_its_sequence_only(network: AppNetwork, case: Case) -> None:
    """A block may carry it. Its one trace is the used sequence, or, where it has none, that its hash is remembered."""
    bad = case.build(network)
    for number in range(4):
        answer = network.check(bad, number)
        assert_told(case, answer.codespace, answer.code, answer.log, case.check)
        assert not answer.code or case.text in answer.log
    quiet = network.propose()
    without = network.chain.finalize(quiet, network.app)
    state = snapshot(network.app)
    proposal = network.propose([bad])
    assert proposal == [*quiet, bad]
    assert network.chain.process(proposal) == [True] * 4
    block = network.decide(proposal)
    result = block.results[1]
    assert_told(case, result.codespace, result.code, result.log, case.block)
    assert case.text in result.log
    assert list(result.events) == []
    changed = differences(network.app, state, snapshot(network.app))
    assert changed in ({"auth/accounts": changed.get("auth/accounts")}, {"auth/remembered": [block.height]}), changed
    assert len(changed.get("auth/accounts", [0])) == 1
    assert block.app_hash != without.app_hash


def test_a_short_term_taker_without_margin_gets_nothing_and_the_book_stays(network: AppNetwork) -> None:
    """It is accepted, which is not a failure; what becomes of it is an outcome with its reason, and no money moves."""
    bad = order(network, SHORT, who=POOR, is_buy=False, ticks=-10, steps=500, client_id=901, time_in_force=load.IMMEDIATE_OR_CANCEL)
    assert network.check(bad).code == 0
    quiet = network.propose()
    network.chain.finalize(quiet, network.app)
    state = snapshot(network.app)
    block = network.decide(network.propose([bad]))
    result = result_of(block, bad)
    assert result.code == 0
    outcomes = {attribute.value for event in result.events if event.type == "order_removed" for attribute in event.attributes}
    assert "UNDERCOLLATERALIZED" in outcomes, result.events
    assert set(differences(network.app, state, snapshot(network.app))) == {"auth/remembered"}
    network.assert_sound()


def test_the_fee_of_a_failing_transaction_is_taken_and_nothing_else(network: AppNetwork) -> None:
    """It pays for its place in the block: sequence and fee are its only traces."""
    fee = 777
    bad = network.sign(bob(network), withdraw(bob(network), 10**15), fee=[(network.denom, fee)], sequence=network.sequence(bob(network)))
    quiet = network.propose()
    network.chain.finalize(quiet, network.app)
    state = snapshot(network.app)
    block = network.decide(network.propose([bad]))
    assert result_of(block, bad).code == 102
    changed = differences(network.app, state, snapshot(network.app))
    assert set(changed) == {"auth/accounts", "bank/balances"}
    assert len(changed["bank/balances"]) == 2
    balance = next(place for place, declared in enumerate(network.app.wiring.registry.maps) if declared.name == "balances")
    payer = next(key for key in changed["bank/balances"] if bob(network).address in key)
    assert state[balance][payer] - snapshot(network.app)[balance][payer] == fee


def test_what_follows_a_refused_sequence_is_refused_with_it(network: AppNetwork) -> None:
    """The account's sequences stop before it: what its owner signed for later does not happen without what was to come first."""
    sequence = network.sequence(bob(network))
    first = network.sign(bob(network), deposit(bob(network), 5), sequence=sequence)
    refused = network.sign(bob(network), authority_message(network), sequence=sequence + 1)
    behind = network.sign(bob(network), deposit(bob(network), 7), sequence=sequence + 2)
    assert network.chain.prepare([behind, refused, first])[1:] == [first]
    quiet = network.propose()
    alone = network.chain.finalize([*quiet, first], network.app)
    block = network.decide([*quiet, first, refused, behind])
    assert [(result.codespace, result.code) for result in block.results[2:]] == [("sequencer", 8), ("sequencer", 7)]
    assert block.app_hash == alone.app_hash
    assert network.sequence(bob(network)) == sequence + 1


def test_good_transactions_beside_bad_ones_are_executed_all_the_same(network: AppNetwork) -> None:
    """Every inadmissible case at once with a good deposit in their midst, forced into one block."""
    bad = [case.build(network) for case in INADMISSIBLE]
    fine = network.sign(network.people[2], deposit(network.people[2], 4_321))
    quiet = network.propose()
    block = network.decide([*quiet, *bad[:10], fine, *bad[10:]])
    assert result_of(block, fine).code == 0
    assert [result.code == 0 for result in block.results] == [position in (0, 11) for position in range(len(block.results))]
    network.assert_sound()


def test_the_network_goes_on_after_all_of_it(network: AppNetwork) -> None:
    """The last word: trades fill, all four agree, every invariant holds by full scan."""
    taker = network.short_term(
        network.people[3], is_buy=False, ticks=-1, client_id=902 + network.height, time_in_force=load.IMMEDIATE_OR_CANCEL
    )
    block = network.block([taker])
    assert [event.type for event in result_of(block, taker).events].count("match") == 1
    network.assert_sound()
