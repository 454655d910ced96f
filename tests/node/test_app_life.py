"""The life of a block in one node (design.md 3.1), on the real application with its database on disk."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.abci.dispatch import Dispatcher
from node.app import APP_VERSION, VERSION
from node.chain_genesis import GenesisError
from perpd_proto.dydxprotocol.subaccounts import query_pb2 as subaccounts_query
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.app_network import AppNetwork, app_network, deposit, differences, snapshot, transfer, values, withdraw
from support.chain import Chain, message, result_of, timestamp
from support.load import IMMEDIATE_OR_CANCEL, POST_ONLY

SUBACCOUNT_PATH = "/dydxprotocol.subaccounts.Query/Subaccount"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[AppNetwork]:
    """One application with three blocks behind it."""
    with app_network(tmp_path) as started:
        started.chain.run(3)
        yield started


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[AppNetwork]:
    """Two applications; what is done to the first alone must not show in comparison with the second."""
    with app_network(tmp_path, 2) as started:
        started.chain.run(2)
        yield started


def info(network: AppNetwork, number: int = 0) -> tuple[int, bytes]:
    """Height and app hash as Info reports them."""
    answer = message(network.apps[number].info(abci.RequestInfo()), abci.ResponseInfo)
    assert (answer.version, answer.app_version) == (VERSION, APP_VERSION)
    return answer.last_block_height, answer.last_block_app_hash


def traffic(network: AppNetwork, offset: int = 0) -> list[bytes]:
    """A deposit, a maker, a taker that fills it, a transfer and a withdrawal."""
    alice, bob, carol, *_ = network.people
    return [
        network.sign(carol, deposit(carol, 5_000_000)),
        network.short_term(alice, is_buy=True, ticks=2, client_id=offset, time_in_force=POST_ONLY),
        network.short_term(bob, is_buy=False, ticks=0, client_id=offset, time_in_force=IMMEDIATE_OR_CANCEL),
        network.sign(carol, transfer(carol, carol, 1_000_000, to_number=1)),
        network.sign(carol, withdraw(carol, 2_000_000)),
    ]


# Where the node stands


def test_info_reports_what_is_committed_at_every_step(tmp_path: Path) -> None:
    """Height 0 and no hash before the first commit; a staged block does not count; Commit does."""
    with app_network(tmp_path) as network:
        assert info(network) == (0, b"")
        first = network.propose()
        staged = network.chain.finalize(first, network.app)
        assert info(network) == (0, b"")
        network.decide(first)
        assert info(network) == (1, staged.app_hash)
        network.decide(network.propose(traffic(network)))
        assert info(network) == (2, network.chain.app_hash)
        proposal = network.propose()
        network.chain.finalize(proposal, network.app)
        assert info(network) == (2, network.chain.app_hash)


def test_a_block_of_trades_is_the_same_after_a_restart(network: AppNetwork) -> None:
    """P5: the new process reports the same height and hash, holds the same objects, and continues."""
    block = network.block(traffic(network))
    assert [result.code for result in block.results] == [0] * 6
    before, stood = snapshot(network.app), info(network)
    network.restart(0)
    assert info(network) == stood
    assert snapshot(network.app) == before
    network.assert_sound()
    network.block(traffic(network, 1))
    assert info(network)[0] == stood[0] + 1


def test_a_node_that_restarts_after_every_block_agrees_with_one_that_never_does(tmp_path: Path) -> None:
    """P1: the app hash does not depend on the history of the process. `decide` compares it at every height."""
    with app_network(tmp_path, 2) as network:
        for offset in range(6):
            network.block(traffic(network, offset))
            network.restart(0)
        assert values(network.apps[0]) == values(network.apps[1])


def test_indexes_and_order_of_a_restarted_node_are_those_of_a_running_one(pair: AppNetwork) -> None:
    """Orders rest in several markets and at several prices when the first node restarts; what they do afterwards is equal."""
    makers = pair.people[:4]
    orders = [
        pair.long_term(who, is_buy=number % 2 == 0, ticks=-number if number % 2 == 0 else number, client_id=market, market=market)
        for number, who in enumerate(makers, 1)
        for market in range(3)
    ]
    pair.block(orders)
    pair.restart(0)
    taker = pair.people[5]
    sweeps = [
        pair.short_term(taker, is_buy=is_buy, ticks=60 if is_buy else -60, client_id=market, steps=25, market=market)
        for market, is_buy in enumerate((True, False, True))
    ]
    block = pair.block(sweeps)
    fills = [event for result in block.results for event in result.events if event.type == "match"]
    assert len(fills) >= 6
    pair.assert_sound()


# An engine dies between FinalizeBlock and Commit while the application lives on


def test_finalizing_the_same_block_again_gives_the_same_result_as_once(pair: AppNetwork) -> None:
    """The first application is asked three times, the second once: same response, same hash, same values on disk."""
    proposal = pair.propose(traffic(pair))
    once = pair.chain.finalize(proposal, pair.apps[1])
    for _ in range(3):
        assert pair.chain.finalize(proposal, pair.apps[0]) == once
    pair.decide(proposal)
    assert values(pair.apps[0]) == values(pair.apps[1])


def test_finalizing_another_block_at_the_same_height_forgets_the_first(pair: AppNetwork) -> None:
    """Nothing of the staged block survives: neither in state nor in indexes, books, sequences or remembered hashes."""
    other = pair.propose(traffic(pair))
    before = snapshot(pair.apps[0])
    pair.chain.finalize(other, pair.apps[0])
    assert differences(pair.apps[0], before, snapshot(pair.apps[0]))
    alice, bob, carol, *_ = pair.people
    chosen = [
        *pair.propose(),
        pair.sign(carol, deposit(carol, 7), sequence=0),
        pair.short_term(bob, is_buy=True, ticks=3, client_id=9),
        pair.short_term(alice, is_buy=False, ticks=1, client_id=9),
    ]
    pair.decide(chosen)
    assert values(pair.apps[0]) == values(pair.apps[1])
    assert snapshot(pair.apps[0]) == snapshot(pair.apps[1])
    pair.block(traffic(pair, 20))


def test_a_process_that_dies_with_a_staged_block_finalizes_it_again(pair: AppNetwork) -> None:
    """Nothing of a staged block is on disk: the new process stands at the height before and comes to the same result."""
    proposal = pair.propose(traffic(pair))
    staged = pair.chain.finalize(proposal, pair.apps[0])
    stood = info(pair)
    pair.restart(0)
    assert info(pair) == stood
    assert pair.chain.finalize(proposal, pair.apps[0]) == staged
    pair.decide(proposal)


def test_a_new_engine_may_ask_for_proposals_and_votes_while_a_block_is_staged(pair: AppNetwork) -> None:
    """Prepare, Process, Extend and Verify of the same height see committed state: the answers are those of a node without staged block."""
    proposal = pair.propose(traffic(pair))
    pair.chain.finalize(proposal, pair.apps[0])
    request = pair.chain.process_request(proposal)
    assert [message(app.process_proposal(request), abci.ResponseProcessProposal).status for app in pair.apps] == [1, 1]
    pair.chain.finalize(proposal, pair.apps[0])
    assert pair.chain.prepare(proposal[1:], proposer=0) == pair.chain.prepare(proposal[1:], proposer=1)
    pair.chain.finalize(proposal, pair.apps[0])
    pair.chain.extend(proposal)
    pair.decide(proposal)
    assert values(pair.apps[0]) == values(pair.apps[1])


def test_check_tx_while_a_block_is_staged_judges_by_committed_state(network: AppNetwork) -> None:
    """A sequence that the staged block uses is still the right one; what it deposits is not there yet; the staging is not disturbed."""
    carol = network.people[2]
    tx = network.sign(carol, deposit(carol, 1_000_000), sequence=0)
    proposal = network.propose([tx])
    staged = network.chain.finalize(proposal, network.app)
    assert network.check(tx).code == 0
    behind = network.sign(carol, deposit(carol, 1), sequence=5)
    refused = network.check(behind)
    assert (refused.codespace, refused.code) == ("sdk", 32)
    assert refused.log.startswith("account sequence mismatch, expected 1, got 5")
    assert network.check(network.short_term(network.people[0], is_buy=True, ticks=-5)).code == 0
    block = network.decide(proposal)
    assert block.app_hash == staged.app_hash
    assert result_of(block, tx).code == 0
    refused = network.check(tx)
    assert (refused.codespace, refused.code) == ("sdk", 32)
    assert refused.log.startswith("account sequence mismatch, expected 1, got 0")


def test_long_term_orders_checked_while_a_block_is_staged_meet_committed_collateral(network: AppNetwork) -> None:
    """The staged block takes the collateral away; CheckTx still sees it, and after Commit no longer."""
    alice = network.people[0]
    whole = 100_000 * 10**6
    proposal = network.propose([network.sign(alice, withdraw(alice, whole), sequence=0)])
    network.chain.finalize(proposal, network.app)
    order = network.place(alice, flags=64, good_til=network.time_seconds + 600, is_buy=True, ticks=-1)
    assert network.check(network.sign(alice, order, sequence=0)).code == 0
    network.decide(proposal)
    refused = network.check(network.sign(alice, order, sequence=1))
    assert (refused.codespace, refused.code) == ("clob", 3007)


# Genesis


def test_init_chain_may_come_again_and_builds_the_same_state(tmp_path: Path) -> None:
    """At height 0 the engine asks after every restart, of it or of us, also when block 1 was staged already."""
    with app_network(tmp_path) as network:
        first = network.chain.genesis_hash
        network.chain.finalize(network.propose(), network.app)
        for _ in range(2):
            network.chain.start()
            assert network.chain.genesis_hash == first
        network.restart(0)
        assert info(network) == (0, b"")
        network.chain.start()
        assert network.chain.genesis_hash == first
        network.chain.run(2)
        assert info(network)[0] == 2


def test_init_chain_with_another_state_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    """It wipes and rebuilds: the app hash is that of a node which never saw the first genesis."""
    with app_network(tmp_path / "twice") as twice:
        plain = {**twice.state, "bank": {**twice.state["bank"], "denoms": [twice.denom, "other"]}}
        with app_network(tmp_path / "once", state=plain) as once:
            twice.chain.app_state = once.chain.app_state
            twice.chain.start()
            assert twice.chain.genesis_hash == once.chain.genesis_hash
            assert twice.block().app_hash == once.block().app_hash
            assert values(twice.app) == values(once.app)


def test_an_invalid_genesis_is_refused_with_every_mistake_and_the_node_stands_at_nothing(tmp_path: Path) -> None:
    """The exception names the paths; InitChain with a valid one works afterwards."""
    with app_network(tmp_path) as network:
        good = network.chain.app_state
        network.chain.app_state = good.replace(b'"maintenance_fraction_ppm": 600000', b'"maintenance_fraction_ppm": 1600000')
        with pytest.raises(GenesisError) as caught:
            network.chain.start()
        assert all(path.startswith("perp.liquidity_tiers") for path, _ in caught.value.problems)
        assert len(caught.value.problems) >= 2
        network.chain.app_state = good
        network.chain.start()
        network.chain.run(1)


# Heights


@pytest.mark.parametrize("offset", [-1, 1, 10])
def test_finalizing_any_other_height_stops_the_node(network: AppNetwork, offset: int) -> None:
    """A gap or a step back means that engine and application do not belong together."""
    request = abci.RequestFinalizeBlock(height=network.height + 1 + offset, time=timestamp(network.chain.time_ns))
    with pytest.raises(
        AssertionError, match=f"asked to finalize height {network.height + 1 + offset}, the next one is {network.height + 1}"
    ):
        network.app.finalize_block(request)


def test_a_new_chain_begins_at_its_initial_height_only(tmp_path: Path) -> None:
    """With an initial height of 50 the first block is 50, and 1 is an exception."""
    with app_network(tmp_path, initial_height=50) as network:
        with pytest.raises(AssertionError, match="the next one is 50"):
            network.app.finalize_block(abci.RequestFinalizeBlock(height=1, time=timestamp(network.chain.time_ns)))
        network.block(traffic(network))
        assert info(network)[0] == 50
        network.restart(0)
        network.block(traffic(network, 1))
        assert info(network)[0] == 51


def test_an_engine_that_is_at_another_height_stops_the_node(network: AppNetwork) -> None:
    """Process rejects for rules of blocks alone; an engine and an application that disagree on the height are no proposer's fault."""
    request = network.chain.process_request(network.propose())
    request.height += 1
    with pytest.raises(AssertionError, match=f"asked about a proposal of height {request.height}, the next is {request.height - 1}"):
        network.app.process_proposal(request)


def test_commit_without_a_block_stops_the_node(network: AppNetwork) -> None:
    """There is nothing that could be made durable."""
    with pytest.raises(AssertionError, match="nothing is staged"):
        network.app.commit(abci.RequestCommit())


# Purity


def noise(network: AppNetwork, rng: random.Random, pool: list[bytes], chain: Chain) -> None:
    """One call of those that must change nothing, on the first application."""
    app = network.apps[0]
    tx = rng.choice(pool) if rng.random() < 0.7 else rng.randbytes(rng.randint(0, 300))
    kind = rng.randrange(7)
    if kind == 0:
        app.check_tx(tx, rng.random() < 0.3)
    elif kind == 1:
        chain.prepare(rng.sample(pool, rng.randint(0, len(pool))), proposer=0)
    elif kind == 2:
        chosen = rng.sample(pool, rng.randint(0, len(pool)))
        app.process_proposal(chain.process_request([rng.randbytes(20), *chosen] if rng.random() < 0.5 else chosen))
    elif kind == 3:
        app.extend_vote(abci.RequestExtendVote(hash=rng.randbytes(32), height=chain.height + 1, txs=[tx]))
    elif kind == 4:
        extension = rng.randbytes(rng.randint(0, 5_000))
        app.verify_vote_extension(
            abci.RequestVerifyVoteExtension(hash=rng.randbytes(32), height=chain.height + 1, vote_extension=extension)
        )
    elif kind == 5:
        path = rng.choice([SUBACCOUNT_PATH, "/dydxprotocol.clob.Query/ClobPairAll", "/store/bank/key", "/nonsense"])
        app.query(
            abci.RequestQuery(
                path=path, data=rng.randbytes(rng.randint(0, 30)), height=rng.choice([0, 0, 1, 999]), prove=rng.random() < 0.3
            )
        )
    else:
        app.simulate(tx)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_proposals_votes_checks_and_queries_change_nothing_in_any_number_and_order(pair: AppNetwork, seed: int) -> None:
    """One application is bothered between blocks and, as far as its engine may, within them; the other sees blocks only."""
    rng = random.Random(seed)
    for offset in range(4):
        pool = traffic(pair, offset)
        before = snapshot(pair.apps[0])
        for _ in range(30):
            noise(pair, rng, pool, pair.chain)
        assert not differences(pair.apps[0], before, snapshot(pair.apps[0]))
        proposal = pair.propose(pool)
        pair.chain.finalize(proposal, pair.apps[0])
        for _ in range(10):
            noise(pair, rng, pool, pair.chain)
        pair.decide(proposal)
        probes = traffic(pair, offset + 100)
        assert [pair.check(tx, 0) for tx in probes] == [pair.check(tx, 1) for tx in probes]
    assert values(pair.apps[0]) == values(pair.apps[1])


def test_check_tx_and_query_disturb_no_staged_block(network: AppNetwork) -> None:
    """They come on connections of their own, between FinalizeBlock and Commit: the staged values are written."""
    pool = traffic(network)
    proposal = network.propose(pool)
    staged = network.chain.finalize(proposal, network.app)
    middle = snapshot(network.app)
    for tx in pool:
        network.app.check_tx(tx, False)
        network.app.simulate(tx)
    query = subaccounts_query.QueryGetSubaccountRequest(owner=network.people[2].text).SerializeToString()
    network.app.query(abci.RequestQuery(path=SUBACCOUNT_PATH, data=query))
    assert not differences(network.app, middle, snapshot(network.app))
    network.app.commit(abci.RequestCommit())
    assert info(network) == (network.height + 1, staged.app_hash)


def test_a_warm_cache_and_a_cold_one_come_to_the_same_block(pair: AppNetwork) -> None:
    """The first application has seen, decoded and verified everything before; the second meets it in FinalizeBlock."""
    for offset in range(3):
        pool = traffic(pair, offset)
        for tx in pool:
            assert pair.check(tx, 0).code == 0
        proposal = pair.chain.prepare(pool, proposer=0)
        pair.chain.extend(proposal)
        pair.decide(proposal)


# Our own bugs


def _bug(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a bug")


def request_of(name: str, **fields: Any) -> bytes:
    """An encoded ABCI request."""
    request = abci.Request()
    part = getattr(request, name)
    part.SetInParent()
    for key, value in fields.items():
        setattr(part, key, value)
    encoded: bytes = request.SerializeToString()
    return encoded


def unframed(frame: bytes) -> abci.Response:
    """The response in a frame."""
    position = 0
    while frame[position] & 128:
        position += 1
    response: abci.Response = abci.Response.FromString(frame[position + 1 :])
    return response


def test_a_bug_in_check_tx_is_an_error_answer_and_the_node_lives_on(network: AppNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sent the transaction learns that something is wrong here; blocks go on."""
    dispatcher = Dispatcher(network.app)
    tx = network.short_term(network.people[0], is_buy=True, ticks=-3)
    with monkeypatch.context() as patch:
        patch.setattr(type(network.app.wiring.clob.keeper), "check_place", _bug)
        answer = unframed(dispatcher.answer(request_of("check_tx", tx=tx)))
        assert (answer.check_tx.codespace, answer.check_tx.code, answer.check_tx.log) == ("undefined", 1, "internal error")
    assert unframed(dispatcher.answer(request_of("check_tx", tx=tx))).check_tx.code == 0
    assert result_of(network.block([tx]), tx).code == 0


def test_a_bug_in_a_query_is_an_error_answer_and_the_node_lives_on(network: AppNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """The asker gets an error code; the next query and the next block are unharmed."""
    dispatcher = Dispatcher(network.app)
    data = subaccounts_query.QueryGetSubaccountRequest(owner=network.people[2].text).SerializeToString()
    with monkeypatch.context() as patch:
        patch.setattr(type(network.app.wiring.subaccounts.keeper), "get", _bug)
        answer = unframed(dispatcher.answer(request_of("query", path=SUBACCOUNT_PATH, data=data)))
        assert answer.query.code != 0
    healthy = unframed(dispatcher.answer(request_of("query", path=SUBACCOUNT_PATH, data=data)))
    assert healthy.query.code == 0
    assert subaccounts_query.QuerySubaccountResponse.FromString(healthy.query.value).subaccount.asset_positions
    network.block(traffic(network))


def test_a_bug_in_finalize_block_is_no_answer_at_all(network: AppNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception goes up to the process, which ends with it; nothing of the block is on disk, and a repaired program goes on."""
    proposal = network.propose(traffic(network))
    stood = info(network)
    with monkeypatch.context() as patch:
        patch.setattr(type(network.app.wiring.liquidation.keeper), "run", _bug)
        with pytest.raises(RuntimeError, match="a bug"):
            network.chain.finalize(proposal, network.app)
    network.restart(0)
    assert info(network) == stood
    network.decide(proposal)


def test_money_that_is_not_conserved_stops_the_node_before_commit(network: AppNetwork) -> None:
    """P3: a block after which the books do not balance is never answered. Here one quantum has left the pool behind its module's back."""
    proposal = network.propose()
    ctx, wiring = network.context(), network.app.wiring
    _, account = next(wiring.subaccounts.keeper.accounts(ctx))
    wiring.bank.keeper.move(ctx, wiring.subaccounts.keeper.pool_of(ctx, account)[1], network.people[0].address, 1)
    network.app.state.forget()
    with pytest.raises(AssertionError, match="money is not conserved at height 4"):
        network.chain.finalize(proposal, network.app)
