"""However a node lives, it computes the same bytes (P1): busy or idle, warm or cold, restarted, killed, or fed by block sync."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.app import App
from perpd_proto.cosmos.bank.v1beta1 import query_pb2 as bank_query
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import SECOND, message
from support.exchange import DOLLAR, Exchange, OpenExchange, committed, exchanges, genesis, open_app
from support.market_life import Chance, MarketLife, life_genesis
from support.sequencing import Signer

BLOCKS = 20


@pytest.fixture
def open_exchange() -> Iterator[OpenExchange]:
    """Opens exchanges."""
    with exchanges() as start:
        yield start


@pytest.fixture
def exchange(open_exchange: OpenExchange) -> Exchange:
    """Four applications with the genesis of a market's life."""
    return open_exchange(life_genesis())


def tables(app: App) -> list[Any]:
    """All live objects, by map; those of subaccounts with the order of their positions."""
    found: list[Any] = [dict(table) for table in app.state.tables]
    order = [list(account.positions) for _, account in app.wiring.subaccounts.keeper.accounts(committed(app))]
    return [*found, order, app.store.app_hash]


def ask_everything(app: App) -> None:
    """Queries of the latest version, good and bad ones."""
    request = bank_query.QueryAllBalancesRequest(address=Signer("alice").text).SerializeToString()
    for path, data in (
        ("/cosmos.bank.v1beta1.Query/AllBalances", request),
        ("/dydxprotocol.subaccounts.Query/SubaccountAll", b""),
        ("/store/bank/key", b"\x01"),
        ("/nothing", b"\xff"),
    ):
        app.query(abci.RequestQuery(path=path, data=data))


def chatter(app: App, pool: list[bytes], chance: Chance) -> None:
    """A busy mempool: everything checked, some twice, rubbish too; simulations and queries in between."""
    for tx in [*pool, b"rubbish", pool[0][:-1]]:
        app.check_tx(tx, False)
        if chance.one_in(3):
            app.check_tx(tx, True)
        if chance.one_in(4):
            app.simulate(tx)
    ask_everything(app)


def fluster(exchange: Exchange, app: App, proposal: list[bytes], chance: Chance) -> None:
    """An engine that proposes, judges and finalizes other blocks of the same height before the one that is decided."""
    chain = exchange.chain
    start = 1 if chain.height else 0
    half = [*proposal[:start], *(tx for tx in proposal[start:] if chance.one_in(2))]
    later = chain.process_request(half)
    later.time.FromNanoseconds(chain.time_ns + 7 * SECOND)
    app.process_proposal(later)
    chain.finalize(half, app)
    app.info(abci.RequestInfo())
    app.check_tx(proposal[-1], False)
    chain.finalize([*proposal[:start], *reversed(proposal[start:])], app)
    app.process_proposal(chain.process_request(proposal))
    chain.finalize([], app)


class Observers:
    """Full nodes that only get decided blocks."""

    def __init__(self, exchange: Exchange, directory: Path) -> None:
        self._exchange = exchange
        self._directory = directory
        self.apps = {name: open_app(directory / name) for name in ("synced", "reborn", "killed")}
        for app in self.apps.values():
            app.init_chain(exchange.chain.init_request())

    def close(self) -> None:
        for app in self.apps.values():
            app.store.close()

    def _reopen(self, name: str) -> None:
        self.apps[name].store.close()
        self.apps[name] = open_app(self._directory / name)

    def follow(self, proposal: list[bytes]) -> dict[str, bytes]:
        """FinalizeBlock and Commit of a decided block; what each answered. `killed` loses the staged block once, `reborn` starts cold."""
        chain = self._exchange.chain
        if chain.height:
            self._reopen("reborn")
            chain.finalize(proposal, self.apps["killed"])
            self._reopen("killed")
            assert self.apps["killed"].store.height == chain.height
        answers = {}
        for name, app in self.apps.items():
            answers[name] = chain.finalize(proposal, app).SerializeToString()
            app.commit(abci.RequestCommit())
        return answers


def test_every_life_gives_the_same_chain(exchange: Exchange) -> None:
    """Seven applications, seven lives, twenty blocks with liquidations and epochs: the same answers, hashes and live objects."""
    observers = Observers(exchange, exchange.directory)
    life, chance = MarketLife(exchange, 19), Chance(8)
    chain = exchange.chain
    for _ in range(BLOCKS):
        pool = life.next_pool(20)
        chatter(exchange.apps[1], pool, chance)
        if chain.height:
            exchange.restart(2)
        proposal = chain.prepare(pool)
        fluster(exchange, exchange.apps[3], proposal, chance)
        answers = observers.follow(proposal)
        expected = chain.finalize(proposal, exchange.apps[0]).SerializeToString()
        assert answers == dict.fromkeys(answers, expected)
        exchange.commit(proposal)
        chatter(exchange.apps[1], pool, chance)
        known = tables(exchange.apps[0])
        for name, app in (*enumerate(exchange.apps), *observers.apps.items()):
            assert tables(app) == known, f"{name} has other objects at height {chain.height}"
    cold = exchange.restart(0)
    assert tables(cold) == known
    assert cold.wiring.check_invariants(committed(cold)) == []
    observers.close()


def test_proposals_do_not_disturb_checking(exchange: Exchange) -> None:
    """CheckTx goes on counting sequences where it was, also while a block is staged that uses the first of them."""
    app, chain = exchange.apps[0], exchange.chain
    first, second, third = (exchange.deposit("alice", amount * DOLLAR) for amount in (1, 2, 3))

    def code(tx: bytes) -> int:
        return int(message(app.check_tx(tx, False), abci.ResponseCheckTx).code)

    assert code(first) == 0
    proposal = chain.prepare([first], proposer=0)
    assert chain.process(proposal) == [True] * 4
    assert code(third) != 0, "its turn has not come"
    chain.extend(proposal)
    chain.finalize(proposal, app)
    assert code(second) == 0
    assert code(third) == 0
    exchange.commit(proposal)
    assert exchange.collateral("alice") == 200_001 * DOLLAR


def test_init_chain_may_come_any_number_of_times(open_exchange: OpenExchange) -> None:
    """Before the first commit a later InitChain replaces an earlier one wholly, staged block and all, also with another genesis."""
    exchange = open_exchange(genesis(collateral={"alice": 5 * DOLLAR}))
    other = open_exchange(life_genesis(), chain_id="another-1")
    app = exchange.apps[0]
    app.init_chain(other.chain.init_request())
    other.chain.extend([])
    other.chain.finalize([], app)
    answer = app.init_chain(exchange.chain.init_request())
    assert answer.app_hash == exchange.chain.genesis_hash
    deposit = exchange.deposit("alice", DOLLAR)
    assert exchange.block(deposit).code(deposit) == 0
    assert tables(exchange.restart(0)) == tables(exchange.apps[1])


@pytest.mark.parametrize(("initial_height", "enable_height"), [(1, 0), (1, 5), (1_000, 1), (1_000, 1_003)])
def test_chains_begin_at_any_height_and_vote_from_any_height(open_exchange: OpenExchange, initial_height: int, enable_height: int) -> None:
    """Without vote extensions prices stay; they move from the second block after the enable height on. Restarts included."""
    exchange = open_exchange(life_genesis(), initial_height=initial_height, enable_height=enable_height)
    life = MarketLife(exchange, 5)
    begun = exchange.price()
    for _ in range(8):
        moved = enable_height > 0 and exchange.next_height > max(enable_height, initial_height)
        happened = life.step()
        assert (exchange.price() != begun) == moved
        assert happened.block.height == exchange.chain.height
        exchange.restart(exchange.chain.height % 4)
    assert exchange.chain.height == initial_height + 7
