"""Prepare, Process, Extend and Verify are questions: whatever is asked, how often and in which order, the node stays as it was."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from node.app import App
from perpd_proto.cosmos.bank.v1beta1 import query_pb2 as bank_query
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import ABSENT, COMMIT, SECOND, message
from support.clob_exchange import clob_section
from support.exchange import DOLLAR, TRADERS, OpenExchange, exchanges, genesis, open_app
from support.random_pools import RandomPools
from support.sequencing import Signer

HEIGHTS_BEFORE, HEIGHTS, ACTIONS = 3, 4, 50
RATES = {
    "stateful_orders": [{"num_blocks": 3, "limit": 7}],
    "short_term_orders_and_cancels": [{"num_blocks": 2, "limit": 10}],
    "leverage_updates": [],
}

MET = {"accepted", "rejected", "acceptable", "unacceptable", "undone", "again", "/0", "clob/5001", "sequencer/11", "sdk/32"}
"""What must have come of it: verdicts, blocks undone and finalized again, and CheckTx codes, among them of rate limit and quota."""


@pytest.fixture
def open_exchange() -> Iterator[OpenExchange]:
    """Opens exchanges."""
    with exchanges() as start:
        yield start


def database(app: App) -> list[tuple[bytes, bytes]]:
    """Every pair on disk: state, commit info and what is kept beside them."""
    snapshot = app.store._database.snapshot()
    try:
        return list(snapshot.iterate(b"", b"\xff" * 80))
    finally:
        snapshot.close()


def live(app: App) -> list[Any]:
    """The live objects with the order that they are kept in, and whether a block is staged."""
    views = [[(group, list(ordered)) for group, ordered in index.groups.items()] for index in app.state._indexes]
    return [
        *[dict(table) for table in app.state.tables],
        views,
        len(app.state.journal),
        app._staged is not None,
        app.store._staged is not None,
    ]


def where_it_stands(app: App) -> tuple[Any, ...]:
    """What the engine is told, and what the store says is committed."""
    return app.info(abci.RequestInfo()).SerializeToString(), app.store.app_hash, app.store.height, app.store.time_ns


def pending(app: App) -> list[Any]:
    """What CheckTx counts: sequences and nonces used, hashes seen, quotas, and the windows of the rate limits."""
    check = app._check
    limiter = check._count.__self__  # type: ignore[union-attr]
    windows = [
        {owner: (list(sent.heights), list(sent.before), sent.total) for owner, sent in one._by_owner.items()} for one in limiter._windows
    ]
    return [dict(check._pending), list(check._seen), dict(check._quota), windows]


class Twins:
    """A validator that is asked everything and another one; and the subject's twin, who only gets CheckTx, FinalizeBlock and Commit."""

    def __init__(self, open_exchange: OpenExchange, seed: int) -> None:
        state = genesis(
            collateral=dict.fromkeys(TRADERS, 50_000 * DOLLAR),
            clob=clob_section() | {"block_rate_limits": RATES},
            consensus={"sequencer": {"quota_per_account_and_lane": 3}},
        )
        self.exchange = open_exchange(state, nodes=2)
        self.chain = self.exchange.chain
        self.subject = self.exchange.apps[0]
        self.twin = open_app(self.exchange.directory / "twin")
        self.twin.init_chain(self.chain.init_request())
        self.random = Random(seed)
        self.pools = RandomPools(self.twin, TRADERS, seed, self.chain.chain_id)
        self.seen: Counter[str] = Counter()
        self.pool: list[bytes] = []
        self.incoming: list[bytes] = []
        """What comes to CheckTx, sequences in their order."""
        self.proposal: list[bytes] = []
        self.staged: list[Any] | None = None
        """The subject's live objects since a block is staged on it."""
        self.answers: dict[bytes, tuple[bytes, list[Any]]] = {}
        """What the subject has answered to a RequestFinalizeBlock of this height, and its live objects then."""
        self.actions: tuple[tuple[Callable[[], None], bool], ...] = (
            (self.prepare, True),
            (self.process, True),
            (self.process, True),
            (self.extend, False),
            (self.verify, False),
            (self.ask, False),
            (self.check, False),
            (self.check, False),
            (self.finalize, False),
        )
        """Each with whether it undoes a staged block."""

    # Heights

    def new_pool(self) -> None:
        """The next height's, and what a proposer makes of it."""
        chain = self.chain
        chain.block_seconds_ns = self.random.choice((SECOND, 3 * SECOND + 1))
        library = self.pools.library(chain.height + 1, chain.time_ns + chain.block_seconds_ns)
        self.pool = self.pools.pool(library)
        self.incoming = [*(one.raw for following in library.chains for one in following), *self.pool]
        self.proposal = chain.prepare(self.pool, proposer=0)

    def height(self) -> None:
        """One height of the chain, in whose midst the subject is asked everything, and each time is what it was."""
        self.new_pool()
        self.check()
        self.staged = None
        self.answers.clear()
        stored, stands, objects = database(self.subject), where_it_stands(self.subject), live(self.subject)
        assert objects == live(self.twin)
        for _ in range(ACTIONS):
            action, undoes = self.random.choice(self.actions)
            self.seen[action.__name__] += 1
            if undoes and self.staged is not None:
                self.seen["undone"] += 1
                self.staged = None
            action()
            assert live(self.subject) == (objects if self.staged is None else self.staged), f"changed by {action.__name__}"
            assert where_it_stands(self.subject) == stands
            assert pending(self.subject) == pending(self.twin)
        assert database(self.subject) == stored
        self.decide()

    def decide(self) -> None:
        """Both finalize and commit; the subject's answer is the twin's to the byte. Sometimes an extension is garbage."""
        chain = self.chain
        chain.extend(self.proposal, forged={0: self.random.randbytes(20)} if self.random.random() < 0.5 else None)
        request = chain.finalize_request(self.proposal)
        assert self.subject.finalize_block(request) == self.twin.finalize_block(request)
        chain.decide(self.proposal)
        self.twin.commit(abci.RequestCommit())
        self.exchange.check()
        assert live(self.subject) == live(self.twin)
        assert database(self.subject) == database(self.twin)

    # Questions

    def prepare(self) -> None:
        """From any pool, with any room, and a last commit that nobody signed like that; then the honest question again."""
        random, chain = self.random, self.chain
        request = abci.RequestPrepareProposal(
            max_tx_bytes=random.choice((0, 1, 700, 5_000, 2**22)),
            txs=random.sample(self.pool, random.randint(0, len(self.pool))),
            height=chain.height + 1,
            time=chain.process_request([]).time,
        )
        if chain.extended is not None and random.random() < 0.9:
            request.local_last_commit.CopyFrom(chain.extended)
            self.spoil(request.local_last_commit)
        self.subject.prepare_proposal(request)
        assert chain.prepare(self.pool, proposer=0) == self.proposal, "the same question has another answer"

    def spoil(self, commit: Any) -> None:
        """In one half of all cases: another round, flag, extension, power or number of votes."""
        random = self.random
        if random.random() < 0.5 or not commit.votes:
            return
        vote = random.choice(commit.votes)
        kind = random.randrange(6)
        if kind == 0:
            commit.round += 1
        elif kind == 1:
            vote.block_id_flag = ABSENT if vote.block_id_flag == COMMIT else COMMIT
        elif kind == 2:
            vote.validator.power += 1
        elif kind == 3:
            commit.votes.add().CopyFrom(vote)
        elif isinstance(commit, abci.ExtendedCommitInfo):
            vote.vote_extension = random.randbytes(random.choice((3, 5_000)))
        else:
            del commit.votes[:]

    def process(self) -> None:
        """The honest proposal, or it in another order, cut, with rubbish, with another time, without or with a spoilt preamble."""
        random, chain = self.random, self.chain
        block, kind = list(self.proposal), random.randrange(8)
        place = random.randint(0, len(block))
        if kind == 1:
            random.shuffle(block)
        elif kind == 2:
            block = [raw for raw in block if random.random() < 0.5]
        elif kind == 3:
            block.insert(place, random.choice((b"", b"rubbish", *self.pool)))
        elif kind == 4:
            del block[:1]
        elif kind == 5:
            block[:1] = [block[0][:-3], block[0]] if place % 2 else [block[0] + b"\x0a\x00"]
        request = chain.process_request(block)
        if kind == 6:
            request.time.FromNanoseconds(chain.time_ns + 40 * SECOND)
        elif kind == 7:
            self.spoil(request.proposed_last_commit)
        answer = message(self.subject.process_proposal(request), abci.ResponseProcessProposal)
        if kind == 0:
            assert answer.status == abci.ResponseProcessProposal.ACCEPT
        self.seen["accepted" if answer.status == abci.ResponseProcessProposal.ACCEPT else "rejected"] += 1

    def extend(self) -> None:
        """For any block."""
        chain = self.chain
        request = chain.process_request(self.proposal if self.random.random() < 0.5 else [b"any"])
        self.subject.extend_vote(abci.RequestExtendVote(hash=request.hash, height=request.height, time=request.time, txs=request.txs))

    def verify(self) -> None:
        """Empty, random and far too large extensions, and one's own."""
        own = message(self.subject.extend_vote(abci.RequestExtendVote(height=self.chain.height + 1)), abci.ResponseExtendVote)
        size = self.random.choice((0, 1, 30, 10_000))
        extension = self.random.choice((own.vote_extension, own.vote_extension[:-1], self.random.randbytes(size)))
        request = abci.RequestVerifyVoteExtension(
            height=self.chain.height + 1,
            hash=self.random.randbytes(32),
            validator_address=self.random.choice(self.chain.validators).address,
            vote_extension=extension,
        )
        answer = message(self.subject.verify_vote_extension(request), abci.ResponseVerifyVoteExtension)
        self.seen["acceptable" if answer.status == abci.ResponseVerifyVoteExtension.ACCEPT else "unacceptable"] += 1

    def ask(self) -> None:
        """Queries and a simulation."""
        data = bank_query.QueryAllBalancesRequest(address=Signer("alice").text).SerializeToString()
        self.subject.query(abci.RequestQuery(path="/cosmos.bank.v1beta1.Query/AllBalances", data=data))
        self.subject.query(abci.RequestQuery(path="/nothing", data=b"\xff"))
        self.subject.simulate(self.random.choice(self.pool))

    # What changes a node, but not the other node's mind

    def check(self) -> None:
        """CheckTx answers what it answers on the twin, which was asked nothing else; most are new, some come a second time."""
        taken = self.random.sample(range(len(self.incoming)), min(6, len(self.incoming)))
        for raw, recheck in [*((self.incoming[place], False) for place in sorted(taken)), (self.random.choice(self.pool), True)]:
            answers = [app.check_tx(raw, recheck) for app in (self.subject, self.twin)]
            assert answers[0] == answers[1]
            answer = message(answers[0], abci.ResponseCheckTx)
            self.seen[f"{answer.codespace}/{answer.code}"] += 1
        self.incoming = [raw for place, raw in enumerate(self.incoming) if place not in taken]

    def finalize(self) -> None:
        """The subject stages some block of this height, which may never be decided; the same one again gives the same answer."""
        block = self.random.choice((self.proposal, self.proposal, self.proposal[::-1], self.proposal[:1], self.pool))
        request = self.chain.finalize_request(block)
        answer = bytes(self.subject.finalize_block(request))
        objects = live(self.subject)
        known = self.answers.setdefault(request.SerializeToString(), (answer, objects))
        assert known == (answer, objects)
        self.seen["again"] += known[1] is not objects
        self.staged = objects


@pytest.mark.parametrize("seed", range(4))
def test_questions_change_nothing(open_exchange: OpenExchange, seed: int) -> None:
    """Honest, wrong and absurd ones in any order, with CheckTx between them and blocks staged that are never decided."""
    twins = Twins(open_exchange, seed)
    try:
        twins.height()
        for _ in range(HEIGHTS_BEFORE):
            twins.new_pool()
            twins.decide()
        exchange = twins.exchange
        for _ in range(HEIGHTS_BEFORE):
            # The order in a block hangs on the app hash, so what is left of a book is another thing whenever state has another shape.
            if not all(exchange.book().values()):
                twins.new_pool()
                twins.decide()
        assert all(exchange.book().values())
        assert [name for name in TRADERS if exchange.position(name)]
        for _ in range(HEIGHTS):
            twins.height()
    finally:
        twins.twin.store.close()
    assert set(twins.seen) >= {action.__name__ for action, _ in twins.actions} | MET
