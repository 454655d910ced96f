"""Signed pull updates through whole applications: what is taken and when it acts, and everything that is refused changes nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.oracle.sources import Source, SourcePrice
from node.sequencer.lanes import OTHER, traits_of
from support.authority_desk import AUTHORITY
from support.exchange import WALLET, Exchange, OpenExchange, genesis, quick_directory
from support.markets import BTC, ETH
from support.price_desk import (
    FEE,
    PULL,
    PUSHER,
    SECOND,
    price_update,
    priced,
    public_key,
    pushed,
    rotation,
    signed_update,
    signer_set,
    sourced,
)
from support.sequencing import Signer
from support.stage import Stage, stage_genesis
from support.trader_messages import text_of

NEW = 6_100_000_000
CAROL = {"address": AUTHORITY.text}


def said(exchange: Exchange, source: Source = Source.PULL, market: int = BTC) -> SourcePrice | None:
    """What a source has said last."""
    return exchange.wiring.oracle.keeper.sources.last(exchange.ctx, market, source)


def next_ns(exchange: Exchange) -> int:
    """Time of the next block."""
    return exchange.chain.time_ns + exchange.chain.block_seconds_ns


def signed(exchange: Exchange, price: int = NEW, *, publish_ns: int = 0, confidence: int = 0, exponent: int = -5, **changes: Any) -> bytes:
    """A transaction with an update of BTC, published at the time of the next block unless said otherwise."""
    update = price_update(price, publish_ns or next_ns(exchange), exponent=exponent, confidence=confidence)
    message = signed_update(changes.pop("chain_id", exchange.chain.chain_id), update, **changes)
    return exchange.sign(changes.get("sender", "alice"), message)


def outcome(exchange: Exchange, tx: bytes) -> tuple[str, int]:
    """What a block with this transaction alone says of it."""
    return exchange.block(tx).outcome(tx)


# What is taken


def test_an_update_acts_from_the_next_block_on_and_its_sender_pays(open_exchange: OpenExchange) -> None:
    """Pull is the only source: the price stands in state at once, the market has it a block later, and the fee is with the collector."""
    exchange = open_exchange(genesis(oracle=priced([PULL])))
    published = next_ns(exchange) - SECOND
    tx = signed(exchange, publish_ns=published, confidence=7)
    before, collected = exchange.price(), exchange.module("fee_collector")
    happened = exchange.block(tx)
    assert happened.code(tx) == 0
    assert exchange.price() == before
    assert said(exchange) == SourcePrice(NEW, 7, published, exchange.chain.height, published, 1)
    assert (exchange.wallet("alice"), exchange.module("fee_collector")) == (WALLET - FEE, collected + FEE)
    assert happened.events_of(tx, "oracle_price_reported") == [
        {"market_id": "0", "source": "PULL", "price": str(NEW), "confidence": "7", "time": str(published)}
    ]
    assert happened.events_of(tx, "oracle_update_paid") == [{"fee": str(FEE), "fee_payer": text_of("alice"), "signer_set": "1"}]
    exchange.block()
    recorded = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC)
    assert (recorded.price, recorded.confidence, recorded.updated_ns) == (NEW, 7, published)
    assert recorded.updated_height == exchange.chain.height - 1


def test_messages_with_prices_are_of_the_last_lane_and_pass_the_check(open_exchange: OpenExchange) -> None:
    """Lane 5, after whatever prices decide in this block; a pool takes them without looking at signatures of signers."""
    exchange = open_exchange(genesis(oracle=priced([PULL])))
    message = signed_update(exchange.chain.chain_id, price_update(NEW, next_ns(exchange)))
    for one in (message, pushed(NEW), rotation()):
        assert traits_of(one.DESCRIPTOR.full_name)(one).lane == OTHER
    assert [answer.code for answer in exchange.check_tx(exchange.sign("alice", message))] == [0] * 4


def test_one_message_carries_many_markets_each_in_its_own_exponent(open_exchange: OpenExchange) -> None:
    """An update in a coarser exponent is converted exactly."""
    section = sourced(priced([PULL]), ETH, [PULL])
    exchange = open_exchange(genesis(oracle=section))
    now = next_ns(exchange)
    message = signed_update(exchange.chain.chain_id, price_update(61_000, now, exponent=0), price_update(30, now, ETH, 2, 1))
    tx = exchange.sign("alice", message)
    assert outcome(exchange, tx) == ("", 0)
    exchange.block()
    assert (exchange.price(), exchange.price(ETH)) == (6_100_000_000, 3_000_000_000)
    assert exchange.wiring.oracle.keeper.recorded(exchange.ctx, ETH).confidence == 100_000_000


def test_a_publish_time_a_little_ahead_is_taken_and_is_as_old_as_the_block(open_exchange: OpenExchange) -> None:
    """Its age never counts from the future."""
    exchange = open_exchange(genesis(oracle=priced([PULL])))
    now = next_ns(exchange)
    assert outcome(exchange, signed(exchange, publish_ns=now + 5 * SECOND)) == ("", 0)
    found = said(exchange)
    assert found is not None
    assert (found.time_ns, found.publish_ns) == (now, now + 5 * SECOND)


def test_more_signatures_than_the_threshold_are_welcome(open_exchange: OpenExchange) -> None:
    """All three of two needed."""
    exchange = open_exchange(genesis(oracle=priced([PULL])))
    assert outcome(exchange, signed(exchange, signers=(2, 0, 1))) == ("", 0)


def test_a_block_takes_so_many_updates_of_a_market_and_no_more(open_exchange: OpenExchange) -> None:
    """Two of three in one block, each newer than the one before; the next block takes the third. Order is canonical: names differ."""
    exchange = open_exchange(genesis(oracle=priced([PULL], pull={"updates_per_block": 2})))
    start = next_ns(exchange) - 10 * SECOND
    txs = [signed(exchange, NEW + number, publish_ns=start + number * SECOND) for number in range(3)]
    happened = exchange.block(*txs)
    assert [happened.outcome(tx) for tx in txs] == [("", 0), ("", 0), ("oracle", 13)]
    found = said(exchange)
    assert found is not None
    assert (found.price, found.updates) == (NEW + 1, 2)
    assert outcome(exchange, signed(exchange, NEW + 2, publish_ns=start + 2 * SECOND)) == ("", 0)
    found = said(exchange)
    assert found is not None
    assert found.updates == 1


# Rotation


def rotated(open_exchange: OpenExchange) -> Exchange:
    """After a rotation to signers 3 to 5, with ten seconds of overlap."""
    exchange = open_exchange(genesis(oracle=priced([PULL], pull={"overlap_seconds": 10}), authority=CAROL))
    tx = exchange.sign("carol", rotation())
    happened = exchange.block(tx)
    assert happened.code(tx) == 0
    assert happened.events("oracle_signers_rotated") == [{"version": "2", "threshold": "2", "keys": "3"}]
    return exchange


def test_a_new_set_signs_from_the_block_after_its_rotation_on(open_exchange: OpenExchange) -> None:
    """In the block of the rotation its updates are still unknown."""
    exchange = open_exchange(genesis(oracle=priced([PULL]), authority=CAROL))
    change = exchange.sign("carol", rotation())
    early = signed(exchange, version=2, signers=(3, 4))
    happened = exchange.block(change, early)
    assert (happened.code(change), happened.outcome(early)) == (0, ("oracle", 2))
    assert outcome(exchange, signed(exchange, version=2, signers=(3, 4))) == ("", 0)


def test_the_old_set_signs_through_the_overlap_and_then_no_more(open_exchange: OpenExchange) -> None:
    """Valid up to the tenth second after the rotation, the tenth included."""
    exchange = rotated(open_exchange)
    end = exchange.chain.time_ns + 10 * SECOND
    while next_ns(exchange) <= end:
        assert outcome(exchange, signed(exchange)) == ("", 0)
    assert outcome(exchange, signed(exchange)) == ("oracle", 2)
    assert outcome(exchange, signed(exchange, version=2, signers=(4, 5))) == ("", 0)


def test_another_rotation_does_not_lengthen_the_overlap_of_an_older_set(open_exchange: OpenExchange) -> None:
    """Three sets are valid at once for a while; each ends ten seconds after it was replaced itself."""
    exchange = rotated(open_exchange)
    ends = {version: one.valid_until_ns for version, one in exchange.wiring.oracle.pull.sets(exchange.ctx)}
    assert ends == {1: exchange.chain.time_ns + 10 * SECOND, 2: 0}
    exchange.run(3)
    exchange.block(exchange.sign("carol", rotation(3, 1, [6])))
    later = {version: one.valid_until_ns for version, one in exchange.wiring.oracle.pull.sets(exchange.ctx)}
    assert later == {1: ends[1], 2: exchange.chain.time_ns + 10 * SECOND, 3: 0}
    assert outcome(exchange, signed(exchange)) == ("", 0)


def test_expired_sets_are_forgotten_at_the_next_rotation(open_exchange: OpenExchange) -> None:
    """What is kept of signers does not grow with every rotation; versions only rise."""
    exchange = rotated(open_exchange)
    exchange.run(12)
    exchange.block(exchange.sign("carol", rotation(5, 1, [0])))
    assert [version for version, _ in exchange.wiring.oracle.pull.sets(exchange.ctx)] == [2, 5]
    tx = exchange.sign("carol", rotation(5))
    assert outcome(exchange, tx) == ("oracle", 16)


def test_the_first_set_may_come_by_rotation(open_exchange: OpenExchange) -> None:
    """A genesis may name no signers."""
    exchange = open_exchange(genesis(oracle=priced([PULL], pull={"signer_sets": []}), authority=CAROL))
    assert outcome(exchange, signed(exchange)) == ("oracle", 2)
    exchange.block(exchange.sign("carol", rotation(1, 2, (0, 1))))
    assert outcome(exchange, signed(exchange)) == ("", 0)


# Pushes


def test_a_push_is_taken_when_it_moves_enough_or_the_heartbeat_has_passed(open_exchange: OpenExchange) -> None:
    """By 0.5 % exactly, or an hour after the last one; it acts in the next block."""
    exchange = open_exchange(genesis(oracle=priced(["PUSH"])))
    first, edge = 6_000_000_000, 6_030_000_000
    assert outcome(exchange, exchange.sign(PUSHER, pushed(first))) == ("", 0)
    exchange.block()
    assert exchange.price() == first
    assert outcome(exchange, exchange.sign(PUSHER, pushed(edge - 1))) == ("oracle", 15)
    assert outcome(exchange, exchange.sign(PUSHER, pushed(edge))) == ("", 0)
    assert outcome(exchange, exchange.sign(PUSHER, pushed(edge))) == ("oracle", 15)
    pushed_ns = said_time(exchange)
    exchange.chain.time_ns = pushed_ns + 3_600 * SECOND - 2 * exchange.chain.block_seconds_ns
    exchange.block()
    assert next_ns(exchange) == pushed_ns + 3_600 * SECOND
    assert outcome(exchange, exchange.sign(PUSHER, pushed(edge))) == ("", 0)


def said_time(exchange: Exchange) -> int:
    """When the pusher said its last price."""
    found = said(exchange, Source.PUSH)
    assert found is not None
    return found.time_ns


# What is refused


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One node: BTC takes votes, signed updates and pushes; ETH takes votes alone. An update of BTC has been taken."""
    with quick_directory() as directory:
        opened = Stage(directory / "prices", stage_genesis(oracle=priced()))
        try:
            tx = signed(opened, publish_ns=next_ns(opened))
            assert outcome(opened, tx) == ("", 0)
            opened.run(2)
            yield opened
        finally:
            opened.close()


def altered(stage: Stage) -> bytes:
    """One unit more than was signed."""
    message = signed_update(stage.chain.chain_id, price_update(NEW, next_ns(stage)))
    message.updates[0].price += 1
    return stage.sign("alice", message)


def twice(stage: Stage) -> bytes:
    """Two signatures of one signer make no threshold."""
    return signed(stage, signers=(1, 1))


def replayed(stage: Stage) -> bytes:
    """The update of the fixture once more, byte for byte, from somebody else."""
    found = said(stage)
    assert found is not None
    return signed(stage, publish_ns=found.publish_ns, sender="erin")


def of_two_markets(stage: Stage, *markets: int) -> bytes:
    """Updates of these markets."""
    updates = [price_update(NEW, next_ns(stage), market) for market in markets]
    return stage.sign("alice", signed_update(stage.chain.chain_id, *updates))


def bad_signature(stage: Stage) -> bytes:
    """A third signature that is not needed is garbage: nothing of it is passed over."""
    message = signed_update(stage.chain.chain_id, price_update(NEW, next_ns(stage)))
    message.signatures.add(public_key=public_key(2), signature=bytes(64))
    return stage.sign("alice", message)


REFUSED: dict[str, tuple[Callable[[Stage], bytes], int]] = {
    "unknown set": (lambda stage: signed(stage, version=2), 2),
    "set that signed is another one": (lambda stage: signed(stage, signers=(3, 4)), 5),
    "one signature too few": (lambda stage: signed(stage, signers=(1,)), 3),
    "no signature": (lambda stage: signed(stage, signers=()), 3),
    "the same signer twice": (twice, 4),
    "one stranger among enough signers": (lambda stage: signed(stage, signers=(0, 1, 3)), 5),
    "altered price": (altered, 6),
    "garbage beside enough signatures": (bad_signature, 6),
    "another chain's": (lambda stage: signed(stage, chain_id="elsewhere-1"), 6),
    "replayed": (replayed, 10),
    "old time": (lambda stage: signed(stage, publish_ns=next_ns(stage) - 60 * SECOND - 1), 10),
    "future time": (lambda stage: signed(stage, publish_ns=next_ns(stage) + 5 * SECOND + 1), 12),
    "finer exponent than fits": (lambda stage: signed(stage, 61_000_000_001, exponent=-6), 9),
    "exponent that makes it too large": (lambda stage: signed(stage, 2**63, exponent=-3), 9),
    "exponent beyond all bounds": (lambda stage: signed(stage, exponent=31), 9),
    "a market without this source": (lambda stage: of_two_markets(stage, BTC, ETH), 8),
    "the same market twice": (lambda stage: of_two_markets(stage, BTC, BTC), 7),
    "no update": (of_two_markets, 7),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_whole_and_changes_nothing(name: str, stage: Stage) -> None:
    """Exactly this code; `tried` compares the whole state, and the sender keeps its money."""
    build, code = REFUSED[name]
    result = stage.tried(build(stage))
    assert (result.codespace, result.code) == ("oracle", code), result.log
    assert not [event for event in result.events if event.type != "tx"]


def test_an_update_older_than_may_be_is_refused_though_it_is_the_first(open_exchange: OpenExchange) -> None:
    """To the nanosecond: 60 seconds are taken."""
    exchange = open_exchange(genesis(oracle=priced([PULL])))
    assert outcome(exchange, signed(exchange, publish_ns=next_ns(exchange) - 60 * SECOND - 1)) == ("oracle", 11)
    assert said(exchange) is None
    assert outcome(exchange, signed(exchange, publish_ns=next_ns(exchange) - 60 * SECOND)) == ("", 0)


def test_a_market_that_is_none_is_refused(stage: Stage) -> None:
    """By the code that every message about a market that does not exist has."""
    result = stage.tried(of_two_markets(stage, BTC, 99))
    assert (result.codespace, result.code) == ("prices", 200)


def test_who_cannot_pay_the_fee_brings_no_prices(open_exchange: OpenExchange) -> None:
    """A wallet one unit short; it keeps what it has."""
    document = genesis(oracle=priced([PULL], pull={"fee_quantums": str(WALLET + 1)}))
    exchange = open_exchange(document)
    assert outcome(exchange, signed(exchange)) == ("sdk", 5)
    assert exchange.wallet("alice") == WALLET
    assert said(exchange) is None


def test_only_the_named_address_pushes_and_only_where_push_is_a_source(stage: Stage) -> None:
    """Alice's push of BTC, dave's of ETH."""
    for message, code in ((pushed(NEW, sender="alice"), 14), (pushed(NEW, ETH), 8)):
        result = stage.tried(stage.signed(message))
        assert (result.codespace, result.code) == ("oracle", code)


def test_only_the_authority_rotates(stage: Stage) -> None:
    """Anyone else is told so, and the set stays."""
    result = stage.tried(stage.sign("alice", rotation(sender=Signer("alice").text)))
    assert (result.codespace, result.code) == ("sdk", 4)


def test_a_set_of_two_signs_with_both_alone(open_exchange: OpenExchange) -> None:
    """Threshold equal to the number of keys."""
    section = priced([PULL], pull={"signer_sets": [signer_set(7, 2, (0, 1))]})
    exchange = open_exchange(genesis(oracle=section))
    assert outcome(exchange, signed(exchange, version=7, signers=(0,))) == ("oracle", 3)
    assert outcome(exchange, signed(exchange, version=7, signers=(1, 0))) == ("", 0)
