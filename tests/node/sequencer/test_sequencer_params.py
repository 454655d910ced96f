"""The sequencer's parameters (design.md 3.2 to 3.4): each one set in a genesis changes what whole applications propose, accept and execute,
impossible ones are refused with a plain sentence, and nothing else than block, state and parameters is read.
"""

import ast
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from modules.consensus.model import DEFAULT_PARAMS, SequencerParams
from modules.kernel.errors import MEMO_TOO_LARGE
from node.chain_genesis import GenesisError
from node.sequencer.errors import BLOCK_BYTES, BLOCK_COUNT, FORM, QUOTA
from node.tx.envelope import framed_size
from node.votes.extension import encode as encode_prices
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import source
from support.chain import message
from support.exchange import DOLLAR, TRADERS, Exchange, exchanges, genesis
from support.markets import BTC
from support.sequencing import ALICE, BOB, EVERYONE, Desk, cancel, deposit, place, send
from support.trader_messages import deposit_message
from support.verdicts import ACCEPTED, Told, verdict

SMALL_BLOCK = 16 * 1024
"""The least that a genesis may say."""
TENTH = 1_000_000_000
LOW = 5_000_000_000
RICH = dict.fromkeys(TRADERS, 100_000 * DOLLAR)


@contextmanager
def chain_of(**params: Any) -> Iterator[Exchange]:
    """Two applications, one block old, whose genesis says these parameters."""
    state = genesis(collateral=RICH)
    state["consensus"] = {"sequencer": params}
    with exchanges() as start:
        exchange = start(state, nodes=2)
        exchange.run()
        yield exchange


@pytest.fixture(scope="module")
def usual() -> Iterator[Exchange]:
    """With the default parameters."""
    with chain_of() as exchange:
        yield exchange


def bids(exchange: Exchange, count: int, names: Sequence[str] = TRADERS) -> list[bytes]:
    """So many short-term bids of each, far below the market."""
    until = exchange.next_height + 9
    return [exchange.limit(name, number, "buy", TENTH, LOW, good_til_block=until) for name in names for number in range(count)]


def codes(exchange: Exchange, block: Sequence[bytes]) -> list[int]:
    """Of a block that is decided, whatever it is; nothing is committed."""
    return [result.code for result in exchange.chain.finalize(block, exchange.apps[0]).tx_results]


def assert_limit(tight: Exchange, usual: Exchange, pool: list[bytes], kept: int, rule: str, code: int) -> None:
    """The usual chain takes all of the pool; the tight one proposes `kept` of it, rejects more by the rule, and executes no more."""
    assert len(usual.chain.prepare(pool)) == len(pool) + 1
    proposal = tight.chain.prepare(pool)
    assert len(proposal) == kept + 1
    assert verdict(tight.chain, proposal) == ACCEPTED
    assert verdict(usual.chain, usual.chain.prepare(pool)) == ACCEPTED
    more = next(tx for tx in pool if tx not in proposal)
    block = [*proposal, more]
    told = verdict(tight.chain, block)
    assert (told.accepted, told.rule) == (False, rule)
    assert sorted(codes(tight, block)) == [0] * (kept + 1) + [code]


# What each one does


def test_the_quota_bounds_one_account_in_one_lane(usual: Exchange) -> None:
    """quota_per_account_and_lane."""
    with chain_of(quota_per_account_and_lane=2) as tight:
        assert_limit(tight, usual, bids(tight, 3, ["alice"]), 2, "f", QUOTA.kind.code)
        assert len(tight.chain.prepare([*bids(tight, 3), *(tight.cancel(name, 99) for name in TRADERS)])) == 1 + 2 * 5 + 5


def test_the_number_of_transactions_bounds_a_block(usual: Exchange) -> None:
    """max_block_txs; the preamble is not counted."""
    with chain_of(max_block_txs=7) as tight:
        assert_limit(tight, usual, bids(tight, 2), 7, "f", BLOCK_COUNT.kind.code)


def test_the_bytes_bound_a_block(usual: Exchange) -> None:
    """max_block_bytes, the preamble included: filled to less than one more transaction."""
    with chain_of(max_block_bytes=SMALL_BLOCK, max_tx_bytes=4096) as tight:
        pool = bids(tight, 20)
        size = max(map(framed_size, pool))
        proposal = tight.chain.prepare(pool)
        assert SMALL_BLOCK - size < sum(map(framed_size, proposal)) <= SMALL_BLOCK
        assert_limit(tight, usual, pool, len(proposal) - 1, "f", BLOCK_BYTES.kind.code)


def of_size(exchange: Exchange, size: int) -> bytes:
    """A deposit of exactly so many bytes, by its memo."""
    made = (exchange.sign("alice", deposit_message("alice", 1), sequence=0, memo="m" * length) for length in range(size))
    return next(tx for tx in made if len(tx) == size)


def test_a_larger_transaction_than_allowed_is_not_well_formed(usual: Exchange) -> None:
    """max_tx_bytes: rule (b1) from the first byte too many on; what just fits is executed (and fails for its memo)."""
    with chain_of(max_tx_bytes=1024) as tight:
        fits, exceeds = of_size(tight, 1024), of_size(tight, 1025)
        proposal = tight.chain.prepare([fits])
        assert verdict(tight.chain, proposal) == ACCEPTED
        assert codes(tight, proposal) == [0, MEMO_TOO_LARGE.code]
        proposal = tight.chain.prepare([exceeds])
        assert len(proposal) == 1
        assert verdict(tight.chain, [*proposal, exceeds]) == Told(False, "b1", 1)
        assert codes(tight, [*proposal, exceeds]) == [0, FORM.kind.code]
        assert len(usual.chain.prepare([exceeds])) == 2


def test_a_block_may_not_be_smaller_than_a_transaction() -> None:
    """Two parameters that would contradict each other."""
    with chain_of(max_block_bytes=SMALL_BLOCK, max_tx_bytes=SMALL_BLOCK):
        pass
    with (
        pytest.raises(GenesisError, match="max_tx_bytes must not be above max_block_bytes"),
        chain_of(max_block_bytes=SMALL_BLOCK, max_tx_bytes=SMALL_BLOCK + 1),
    ):
        pass


SHARES: dict[tuple[int, ...], tuple[str, ...]] = {
    (1_000_000, 0, 0, 0, 0): ("cancel",),
    (0, 0, 0, 1_000_000, 0): ("bid",),
    (0, 0, 0, 0, 1_000_000): ("payment",),
    (500_000, 0, 0, 250_000, 250_000): ("cancel", "bid", "payment"),
}


@pytest.mark.parametrize("shares", SHARES, ids=str)
def test_shares_decide_who_gets_in_when_a_block_is_full(shares: tuple[int, ...]) -> None:
    """lane_byte_share_ppm: a pool of three lanes, each more than a block; of each lane at least its share of the bytes gets in."""
    with chain_of(lane_byte_share_ppm=list(shares), max_block_bytes=SMALL_BLOCK, max_tx_bytes=4096) as exchange:
        pool = {
            "cancel": [exchange.cancel(name, number) for name in TRADERS for number in range(1, 21)],
            "bid": bids(exchange, 20),
            "payment": [exchange.send(name, "carol", 1) for name in TRADERS for _ in range(20)],
        }
        proposal = exchange.chain.prepare([tx for txs in pool.values() for tx in txs])
        assert verdict(exchange.chain, proposal) == ACCEPTED
        room = SMALL_BLOCK - framed_size(proposal[0])
        used = {kind: sum(framed_size(tx) for tx in proposal if tx in txs) for kind, txs in pool.items()}
        largest = max(framed_size(tx) for txs in pool.values() for tx in txs)
        for kind, share in zip(("cancel", "bid", "payment"), (shares[0], shares[3], shares[4]), strict=True):
            assert used[kind] > room * share // 1_000_000 - largest
        # What is left of all shares goes to the canonically first.
        assert {kind for kind, size in used.items() if size > largest} == set(SHARES[shares])


def verified(exchange: Exchange, extension: bytes) -> bool:
    """Whether an application accepts another's vote with it."""
    asked = abci.RequestVerifyVoteExtension(height=exchange.next_height, vote_extension=extension)
    answer = message(exchange.apps[0].verify_vote_extension(asked), abci.ResponseVerifyVoteExtension)
    return bool(answer.status == abci.ResponseVerifyVoteExtension.ACCEPT)


def test_a_larger_extension_than_allowed_is_cut_refused_and_counts_as_empty() -> None:
    """max_vote_extension_bytes: one's own is cut to it, others' are refused above it, and a signed one above it reports no price."""
    prices = {0: 2**60, 1: 2**61, 2: 2**62}
    long = encode_prices(prices, 4096)
    for limit, fits in ((32, False), (len(long) - 1, False), (len(long), True)):
        with chain_of(max_vote_extension_bytes=limit) as exchange:
            for reported in exchange.reported:
                reported.update(prices)
            own = message(exchange.apps[0].extend_vote(abci.RequestExtendVote()), abci.ResponseExtendVote).vote_extension
            assert 0 < len(own) <= limit
            assert (own == long) is fits
            assert verified(exchange, own)
            assert verified(exchange, long) is fits
            before = exchange.price(BTC)
            quiet = exchange.chain.prepare([])
            exchange.chain.extend(quiet, forged={0: long, 1: long})
            exchange.chain.decide(quiet)
            proposal = exchange.chain.prepare([])
            assert long in proposal[0], "both are needed for a quorum, so both are carried"
            assert verdict(exchange.chain, proposal) == ACCEPTED
            exchange.commit(proposal)
            assert exchange.price(BTC) == (2**60 if fits else before)


def test_a_longer_memo_fails_and_is_no_admission(usual: Exchange) -> None:
    """max_memo_bytes: of UTF-8, counted in execution; the block is valid and the transaction fails with sdk 12."""
    for limit, memo, code in ((4, "éé", 0), (4, "ééé", 12), (0, "", 0), (0, "m", 12)):
        with chain_of(max_memo_bytes=limit) as exchange:
            tx = exchange.sign("alice", deposit_message("alice", 1), memo=memo)
            proposal = exchange.chain.prepare([tx])
            assert verdict(exchange.chain, proposal) == ACCEPTED
            assert codes(exchange, proposal) == [0, code]
    long = usual.sign("bob", deposit_message("bob", 1), sequence=0, memo="m" * (DEFAULT_PARAMS.max_memo_bytes + 1))
    assert codes(usual, usual.chain.prepare([long])) == [0, 12]


def test_gas_is_per_message_and_per_byte() -> None:
    """gas_per_message and gas_per_byte: what results report, and above the limit the transaction fails with sdk 11."""
    for per_message, per_byte in ((1, 0), (0, 1), (1_000, 7), (0, 0)):
        with chain_of(gas_per_message=per_message, gas_per_byte=per_byte) as exchange:
            messages = [deposit_message("alice", 1), deposit_message("alice", 2)]
            tx = exchange.sign("alice", *messages)
            used = 2 * per_message + per_byte * len(tx)
            happened = exchange.block(tx)
            assert (happened.code(tx), happened.result(tx).gas_used) == (0, used)
            if per_message:
                short = exchange.sign("alice", *messages, gas_limit=2 * per_message - 1)
                happened = exchange.block(short)
                assert happened.code(short) == 11


def test_every_parameter_has_its_test() -> None:
    """A parameter that is added needs one: those of this file and no others."""
    assert SequencerParams._fields == (
        "max_block_bytes",
        "max_block_txs",
        "quota_per_account_and_lane",
        "max_tx_bytes",
        "lane_byte_share_ppm",
        "max_vote_extension_bytes",
        "max_memo_bytes",
        "gas_per_message",
        "gas_per_byte",
    )


# What cannot be


IMPOSSIBLE: list[tuple[str, Any, str]] = [
    ("max_block_bytes", 0, "max_block_bytes must be between 16384 and 100663296, not 0"),
    ("max_block_bytes", SMALL_BLOCK - 1, "max_block_bytes must be between 16384 and 100663296, not 16383"),
    ("max_block_bytes", 96 * 1024 * 1024 + 1, "max_block_bytes must be between 16384 and 100663296"),
    ("max_block_bytes", -1, "max_block_bytes must be between 16384 and 100663296, not -1"),
    ("max_block_txs", 0, "max_block_txs must be between 1 and 1000000, not 0"),
    ("max_block_txs", 1_000_001, "max_block_txs must be between 1 and 1000000, not 1000001"),
    ("quota_per_account_and_lane", 0, "quota_per_account_and_lane must be between 1 and 1000000, not 0"),
    ("quota_per_account_and_lane", True, "quota_per_account_and_lane must be an integer, not True"),
    ("quota_per_account_and_lane", "many", "quota_per_account_and_lane must be an integer, not 'many'"),
    ("max_tx_bytes", 1023, "max_tx_bytes must be between 1024 and 1048576, not 1023"),
    ("max_tx_bytes", 1024 * 1024 + 1, "max_tx_bytes must be between 1024 and 1048576"),
    ("max_vote_extension_bytes", 31, "max_vote_extension_bytes must be between 32 and 524288, not 31"),
    ("max_vote_extension_bytes", 512 * 1024 + 1, "max_vote_extension_bytes must be between 32 and 524288"),
    ("max_memo_bytes", -1, "max_memo_bytes must be between 0 and 65536, not -1"),
    ("max_memo_bytes", 65_537, "max_memo_bytes must be between 0 and 65536, not 65537"),
    ("gas_per_message", -1, "gas_per_message must be between 0 and 4294967295, not -1"),
    ("gas_per_byte", 2**32, "gas_per_byte must be between 0 and 4294967295, not 4294967296"),
    (
        "lane_byte_share_ppm",
        [250_000, 100_000, 300_000, 250_000, 99_999],
        "(cancel, margin, post-only, taker, other) of 1000000",
    ),
    ("lane_byte_share_ppm", [250_000, 100_000, 300_000, 250_000, 100_001], "must be 5 shares"),
    ("lane_byte_share_ppm", [0, 0, 0, 0, 0], "must be 5 shares"),
    ("lane_byte_share_ppm", [250_000, 250_000, 250_000, 250_000], "must be 5 shares"),
    ("lane_byte_share_ppm", [1_000_000, 0, 0, 0, 0, 0], "must be 5 shares"),
    ("lane_byte_share_ppm", [1_000_001, -1, 0, 0, 0], "lane_byte_share_ppm[1] must be between 0 and 1000000 ppm, not -1"),
    ("lane_byte_share_ppm", ["a", 0, 0, 0, 1_000_000], "lane_byte_share_ppm[0] must be between 0 and 1000000 ppm, not 'a'"),
    ("lane_byte_share_ppm", 5, "lane_byte_share_ppm must be a list"),
    ("lanes", 5, "lanes is not a known key; known here: "),
]


@pytest.mark.parametrize(("name", "value", "sentence"), IMPOSSIBLE, ids=[f"{name}={value}" for name, value, _ in IMPOSSIBLE])
def test_impossible_parameters_are_refused_with_a_plain_sentence(name: str, value: Any, sentence: str) -> None:
    """InitChain of a whole application: the path of the key and what it has to be; the chain does not begin."""
    with pytest.raises(GenesisError) as caught, chain_of(**{name: value}):
        pass
    assert f"consensus.sequencer.{name}" in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("quota_per_account_and_lane", 2.5), ("lane_byte_share_ppm", [0.25, 0.25, 0.25, 0.25, 0])])
def test_fractions_are_refused_before_anything_is_read(name: str, value: Any) -> None:
    """A genesis holds no floats, whatever they would mean."""
    with pytest.raises(GenesisError, match="is not an integer; write amounts as integers"), chain_of(**{name: value}):
        pass


EDGES: list[dict[str, Any]] = [
    {"max_block_bytes": SMALL_BLOCK, "max_tx_bytes": 1024, "max_block_txs": 1, "quota_per_account_and_lane": 1, "max_memo_bytes": 0},
    {"max_block_bytes": 96 * 1024 * 1024, "max_tx_bytes": 1024 * 1024, "max_block_txs": 1_000_000, "quota_per_account_and_lane": 1_000_000},
    {"lane_byte_share_ppm": ["0", "0", "0", "0", "1000000"], "max_vote_extension_bytes": 32, "gas_per_message": 0, "gas_per_byte": 0},
    {"max_vote_extension_bytes": 512 * 1024, "gas_per_message": 2**32 - 1, "gas_per_byte": 2**32 - 1, "max_memo_bytes": 65_536},
]


@pytest.mark.parametrize("params", EDGES, ids=range(len(EDGES)))
def test_a_chain_lives_at_the_edges(params: dict[str, Any]) -> None:
    """The least and the most of everything: blocks are proposed, accepted and executed, and at least one transaction fits."""
    with chain_of(**params) as exchange:
        pool = [exchange.cancel("alice", 99), *bids(exchange, 3)]
        for _ in range(3):
            block = exchange.chain.block(pool)
            assert not pool or len(block.txs) > 1
            assert {result.code for result in block.results} == {0}
            pool = [tx for tx in pool if tx not in block.txs]
        exchange.check()


# Nothing else is read


def forbidden(*_: Any, **__: Any) -> NoReturn:
    """What no rule may ask."""
    raise AssertionError("a rule read the clock, chance or the environment")


def test_rules_ask_neither_clock_nor_chance_nor_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of them broken, pools are prepared and blocks judged as before, by a node that has read nothing yet."""
    pool = [DESK.sign(who, make(who), sequence=0) for who in EVERYONE for make in (place, cancel)]
    pool += [
        DESK.sign(ALICE, deposit(ALICE)),
        DESK.sign(ALICE, send(ALICE, BOB), sequence=1),
        b"garbage",
        DESK.sign(BOB, send(BOB, ALICE), sequence=9),
    ]
    expected, fresh = DESK.prepare(pool), Desk()
    for module, names in (
        (time, ("time", "time_ns", "monotonic", "monotonic_ns")),
        (random, ("random", "randrange", "getrandbits", "choice", "shuffle")),
        (os, ("urandom", "getenv", "listdir", "stat")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    found = fresh.prepare(pool)
    verdicts = [fresh.process(found.txs), fresh.process(found.txs[::-1])]
    rules = fresh.rules(pool)
    monkeypatch.undo()
    assert found == expected
    assert [told.accepted for told in verdicts] == [True, False]
    assert rules == DESK.rules(pool)
    assert rules[-2:] == ["b1", "b5"]


DESK = Desk()
MUTATORS = frozenset((
    "append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "clear", "remove", "discard", "appendleft", "sort",
    "reverse", "move_to_end",
))  # fmt: skip


def changes_of_module_state(tree: ast.Module) -> list[int]:
    """Lines on which a function changes a name of its module: global statements, items set or deleted, methods that change; and caches."""
    names = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    names |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    found = []
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        found += [one.lineno for one in function.decorator_list if "cache" in ast.unparse(one)]
        for node in ast.walk(function):
            changed: list[ast.expr] = []
            if isinstance(node, ast.Global):
                found.append(node.lineno)
            elif isinstance(node, ast.Assign | ast.Delete):
                changed = [target.value for target in node.targets if isinstance(target, ast.Subscript | ast.Attribute)]
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript | ast.Attribute):
                changed = [node.target.value]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
                changed = [node.func.value]
            found += [one.lineno for one in changed if isinstance(one, ast.Name) and one.id in names]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "seen = {}\ndef f(x):\n    seen[x] = 1",
        "seen = []\ndef f(x):\n    seen.append(x)",
        "count = 0\ndef f():\n    global count\n    count += 1",
        "seen: dict[int, int] = {}\nclass A:\n    def f(self):\n        del seen[1]",
        "seen = {}\ndef f(x):\n    seen[x] += 1",
        "@lru_cache\ndef f(x):\n    return x",
    ],
)
def test_module_state_is_found(text: str) -> None:
    """The rule below finds what it should find."""
    assert changes_of_module_state(ast.parse(text))


def test_the_sequencer_has_no_state_of_its_modules() -> None:
    """No function of node/sequencer changes a name of its module or keeps a cache: what two calls share is their arguments."""
    files = source.sources("node/sequencer")
    assert len(files) > 8
    assert {str(one.path.name): changes_of_module_state(one.tree) for one in files if changes_of_module_state(one.tree)} == {}
