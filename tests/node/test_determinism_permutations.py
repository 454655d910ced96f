"""One set of transactions has one valid block, and FinalizeBlock computes it from any order (P2, design.md 3)."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import message
from support.exchange import DOLLAR, Exchange, OpenExchange, exchanges, genesis
from support.market_life import ISOLATED_NUMBER, Chance, MarketLife, life_genesis
from support.sequencing import Signer
from support.trader_messages import deposit_message

TENTH = 1_000_000_000
PRICE = 6_012_300_000
RICH = dict.fromkeys(("alice", "bob", "carol", "dave"), 100000 * DOLLAR)


@pytest.fixture
def open_exchange() -> Iterator[OpenExchange]:
    """Opens exchanges."""
    with exchanges() as start:
        yield start


Told = tuple[bytes, dict[bytes, list[bytes]], list[bytes]]


def outcome(exchange: Exchange, txs: list[bytes]) -> Told:
    """App hash, results by transaction (equal ones: as a sorted list) and the block's own events of FinalizeBlock; nothing is committed."""
    response = exchange.chain.finalize(txs, exchange.apps[0])
    by_tx: dict[bytes, list[bytes]] = {}
    for tx, result in zip(txs, response.tx_results, strict=True):
        by_tx.setdefault(tx, []).append(result.SerializeToString())
    return response.app_hash, {tx: sorted(results) for tx, results in by_tx.items()}, [one.SerializeToString() for one in response.events]


def is_accepted(exchange: Exchange, txs: list[bytes]) -> bool:
    """The first application's verdict on the proposal."""
    answer = exchange.apps[0].process_proposal(exchange.chain.process_request(txs))
    return bool(message(answer, abci.ResponseProcessProposal).status == abci.ResponseProcessProposal.ACCEPT)


def with_book(open_exchange: OpenExchange) -> Exchange:
    """A running exchange in whose book alice and bob have resting orders."""
    state = genesis(collateral=RICH)
    state["consensus"] = {"sequencer": {"quota_per_account_and_lane": 3}}
    exchange = open_exchange(state, nodes=2)
    exchange.block(
        exchange.limit("alice", 1, "sell", TENTH, PRICE),
        exchange.limit("bob", 1, "buy", TENTH, PRICE - 1_000_000),
        exchange.long_term("alice", 2, "sell", TENTH, PRICE + 500_000),
    )
    return exchange


def interacting(exchange: Exchange) -> list[bytes]:
    """Five transactions whose order would matter: a cancel, margin, a maker, its taker, and the next sequence of the same account."""
    return [
        exchange.cancel_long_term("alice", 2),
        exchange.transfer("alice", 5_000 * DOLLAR, to_number=1),
        exchange.limit("carol", 1, "sell", TENTH, PRICE - 100_000, tif="post_only"),
        exchange.limit("dave", 1, "buy", 2 * TENTH, PRICE + 500_000, tif="ioc"),
        exchange.withdraw("alice", 90_000 * DOLLAR),
    ]


def test_a_preamble_anywhere_else_is_no_valid_block(open_exchange: OpenExchange) -> None:
    """The same bytes with the preamble in another place, missing, or twice are rejected."""
    exchange = with_book(open_exchange)
    first, *rest = exchange.chain.prepare(interacting(exchange))
    for position in range(1, len(rest) + 1):
        assert not is_accepted(exchange, [*rest[:position], first, *rest[position:]])
    assert not is_accepted(exchange, rest)
    assert not is_accepted(exchange, [first, first, *rest])
    assert is_accepted(exchange, [first, *rest])


def inadmissible(exchange: Exchange, before: bytes, good: bytes) -> dict[bytes, int]:
    """One or more transactions for each rule of admission, with the code of codespace `sequencer` that they get. `before` was in the
    last block, `good` is in this one.
    """
    authority = clob_pb2.MsgCreateClobPair(authority=Signer("carol").text)
    account = exchange.wiring.auth.keeper.account(exchange.ctx, Signer("erin").address)
    assert account is not None
    forged = bytearray(exchange.deposit("bob", 77, sequence=0))
    forged[-1] ^= 1
    twins = sorted([exchange.deposit("erin", amount, sequence=account.sequence) for amount in (1, 2)], key=lambda tx: sha256(tx).digest())
    flood = [exchange.limit("bob", client, "buy", TENTH, PRICE - 2_000_000) for client in range(40, 46)]
    by_hash = sorted(flood, key=lambda tx: sha256(tx).digest())
    return {
        b"garbage": 3,
        good[:-5]: 3,
        exchange.chain.prepare([])[0]: 3,
        exchange.send("nobody", "alice", 1): 4,
        exchange.deposit("bob", 6, sequence=0, with_public_key=False, chain_id="another-1"): 5,
        bytes(forged): 5,
        exchange.limit("bob", 9, "buy", TENTH, PRICE, good_til_block=exchange.next_height - 1): 6,
        exchange.limit("bob", 9, "buy", TENTH, PRICE, good_til_block=exchange.next_height + 41): 6,
        exchange.sign("bob", deposit_message("bob", 5), sequence=0, timeout_height=exchange.next_height - 1): 6,
        before: 6,
        exchange.deposit("dave", 3, sequence=5): 7,
        exchange.sign("carol", authority, sequence=0): 8,
        twins[1]: 7,
        twins[0]: 0,
    } | {tx: 0 if rank < 3 else 11 for rank, tx in enumerate(by_hash)}


def test_inadmissible_transactions_have_one_verdict_whatever_the_order(open_exchange: OpenExchange) -> None:
    """Every rule broken in one block, among good ones: the same code each, the same effect, in sixty orders; never a valid proposal."""
    exchange = with_book(open_exchange)
    replayed = exchange.limit("carol", 7, "buy", TENTH, PRICE - 3_000_000)
    exchange.block(replayed)
    good = interacting(exchange)
    bad = inadmissible(exchange, replayed, good[3])
    first = exchange.chain.prepare([])[0]
    everything = [*good, *bad, good[2]]
    expected = outcome(exchange, [first, *everything])
    results = {tx: [abci.ExecTxResult.FromString(result) for result in found] for tx, found in expected[1].items()}
    for tx, code in bad.items():
        if tx != first:
            [result] = results[tx]
            assert (result.codespace, result.code) == (("sequencer", code) if code else ("", 0)), (code, result)
            assert not code or (result.gas_wanted, result.gas_used, len(result.events)) == (0, 0, 0)
    assert sorted(result.code for result in results[good[2]]) == [0, 9], "the same bytes twice count once"
    chance = Chance(5)
    for _ in range(60):
        block = [first, *chance.shuffled(everything)]
        assert outcome(exchange, block) == expected
        assert not is_accepted(exchange, block)
    # Without the inadmissible ones, in canonical order, the state is the same: they had no effect and no rank.
    clean = exchange.chain.prepare([*good, *(tx for tx, code in bad.items() if code == 0)])
    assert outcome(exchange, clean)[0] == expected[0]


def test_a_market_s_life_in_any_order(open_exchange: OpenExchange) -> None:
    """Fifteen blocks of random life with liquidations and failures: five shuffles of each give what the canonical order gives."""
    exchange = open_exchange(life_genesis(), nodes=2)
    life, chance = MarketLife(exchange, 19), Chance(6)
    failed = 0
    for _ in range(15):
        canonical = exchange.chain.prepare(life.next_pool(20))
        expected = outcome(exchange, canonical)
        failed += len([1 for results in expected[1].values() for result in results if abci.ExecTxResult.FromString(result).code])
        start = 1 if exchange.chain.height else 0  # the first block has no preamble
        for _ in range(5):
            shuffled = [*canonical[:start], *chance.shuffled(canonical[start:])]
            assert outcome(exchange, shuffled) == expected
            assert is_accepted(exchange, shuffled) == (shuffled == canonical)
        exchange.commit(canonical)
    assert failed > 20
    assert exchange.position("alice", 2, ISOLATED_NUMBER) or exchange.position("bob", 2, ISOLATED_NUMBER)
