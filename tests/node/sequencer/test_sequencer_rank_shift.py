"""Nothing that stands under an account without its owner's fresh signature enters a block, shifts its rank or uses its quota (design 3.2).

A proposer lists what it likes: forged, replayed, expired and repeated transactions of a victim who fills her quota in every lane. No block
with one of them is accepted; where one is decided all the same, the state and her results are those of the block without it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from node.sequencer.lanes import CANCEL, MARGIN_ADD, POST_ONLY, TAKER
from node.tx.signer import auth_info_bytes, seal
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.exchange import exchanges, genesis
from support.market_life import Chance
from support.rank_attacks import ATTACKER, PRICE, QUOTA, RICH, TENTH, VICTIM, Attack, Stage, attacks, open_stage, parts
from support.sequencing import Signer
from support.verdicts import ACCEPTED, Told, verdict

COUNTS = (1, QUOTA)
"""The victim's transactions per lane: one, and exactly as many as a block takes."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One chain for all attacks: proposals and finalized blocks are looked at and never committed."""
    with exchanges() as open_exchange:
        yield open_stage(open_exchange)


@pytest.fixture(scope="module")
def known(stage: Stage) -> dict[str, Attack]:
    """Every attack, built once."""
    return attacks(stage)


def finalized(stage: Stage, txs: Sequence[bytes]) -> abci.ResponseFinalizeBlock:
    """What the first application makes of a block that is decided, whatever it is."""
    return stage.exchange.chain.finalize(txs, stage.exchange.apps[0])


def results(txs: Sequence[bytes], response: abci.ResponseFinalizeBlock) -> dict[bytes, bytes]:
    """Encoded results by transaction; of one that stands there twice the admitted one's."""
    found: dict[bytes, bytes] = {}
    for tx, result in zip(txs, response.tx_results, strict=True):
        if tx not in found or result.codespace != "sequencer":
            found[tx] = result.SerializeToString()
    return found


def inserted(block: Sequence[bytes], position: int, *txs: bytes) -> list[bytes]:
    """The block with these at that position."""
    return [*block[:position], *txs, *block[position:]]


NAMES = (
    "a flipped bit in a taker",
    "a flipped bit in a cancel",
    "a flipped bit in a deposit",
    "a signature of zeros",
    "the signature of another of hers",
    "a high S",
    "the attacker's signature under her key",
    "the attacker's signature without a key",
    "her signature for another chain",
    "her signature for another account number",
    "another memo",
    "another message",
    "a message more",
    "a lower sequence to be ranked first",
    "another sequence in an order",
    "another fee",
    "the attacker's key",
    "her order beside the attacker's deposit",
    *(
        f"her {lane} with {how}"
        for lane in ("taker", "cancel", "margin")
        for how in (
            "an unknown field behind",
            "an unknown varint behind",
            "its body last",
            "its body twice",
            "a longer length",
            "a longer tag",
            "its signature twice",
            "a longer signature",
            "a shorter signature",
            "no signature",
        )
    ),
    "an order once more",
    "an order that failed once more",
    "a cancel once more",
    "a cancel that failed once more",
    "a batch cancel once more",
    "a sequence once more",
    "a nonce once more",
    "an order with a sequence once more",
    "an order with a good-til-block passed",
    "an order with a good-til-block too far",
    "a cancel with a good-til-block passed",
    "a cancel with a good-til-block too far",
    "an order with a timeout passed",
    "her next sequence with a timeout passed",
    "a sequence to come",
    "a nonce of before",
    "a nonce of later",
    "her taker twice",
    "her maker twice",
    "her cancel twice",
    "her deposit twice",
    "her payment twice",
)


def test_every_attack_has_its_test(known: dict[str, Attack]) -> None:
    """The list of names is the list of attacks."""
    assert set(NAMES) == set(known)


def test_the_clean_block_is_full_and_its_order_matters(stage: Stage) -> None:
    """The victim stands in every lane with her whole quota, nobody fails, and one rank more or less would change the state."""
    exchange = stage.exchange
    clean = exchange.chain.prepare(stage.pool(QUOTA))
    assert verdict(exchange.chain, clean) == ACCEPTED
    decoder = exchange.apps[0]._sources.cache
    lanes = [tx.lane for tx in map(decoder.read, clean[1:]) if tx.signer == Signer(VICTIM).address]
    assert {lane: lanes.count(lane) for lane in lanes} == dict.fromkeys(range(1, 6), QUOTA)
    response = finalized(stage, clean)
    assert not any(result.code for result in response.tx_results)
    # The offer is smaller than what takers want: who comes first gets it. Were her first taker second to another of hers, others' would
    # come before it; hence dropping any one of hers changes what the others get.
    for tx in stage.own["taker"]:
        other = exchange.chain.prepare([one for one in stage.pool(QUOTA) if one != tx])
        assert finalized(stage, other).app_hash != response.app_hash


@pytest.mark.parametrize("name", NAMES)
def test_no_block_with_it_is_accepted_at_any_position(stage: Stage, known: dict[str, Attack], name: str) -> None:
    """ProcessProposal names the attack's rule and position, wherever the proposer put it; hers are never the ones that break a rule."""
    attack = known[name]
    chain = stage.exchange.chain
    for count in COUNTS:
        clean = chain.prepare(stage.pool(count))
        for position in range(1, len(clean) + 1):
            block = inserted(clean, position, attack.tx)
            last = len(block) - 1 - block[::-1].index(attack.tx)
            assert verdict(chain, block) == Told(False, attack.rule, last)


@pytest.mark.parametrize("name", NAMES)
def test_where_it_is_decided_all_the_same_it_changes_nothing(stage: Stage, known: dict[str, Attack], name: str) -> None:
    """FinalizeBlock gives it its code and no event, gas or data; app hash, events and every other result are the clean block's."""
    attack = known[name]
    for count in COUNTS:
        clean = stage.exchange.chain.prepare(stage.pool(count))
        expected = finalized(stage, clean)
        for position in (1, len(clean) // 2, len(clean)):
            block = inserted(clean, position, attack.tx)
            response = finalized(stage, block)
            assert response.app_hash == expected.app_hash
            found = results(block, response)
            assert {tx: found[tx] for tx in clean} == results(clean, expected)
            refused = [result for result in response.tx_results if result.code]
            [told] = [result for result in refused if result.codespace == "sequencer"]
            assert (told.code, told.data, told.gas_wanted, told.gas_used, len(told.events)) == (attack.code, b"", 0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_proposer_leaves_it_out(stage: Stage, known: dict[str, Attack], name: str) -> None:
    """PrepareProposal makes the clean block from a pool with the attack before, between and behind hers."""
    chain, attack = stage.exchange.chain, known[name]
    for count in COUNTS:
        pool = stage.pool(count)
        clean = chain.prepare(pool)
        assert chain.prepare([attack.tx, *pool[:5], attack.tx, *pool[5:], attack.tx]) == clean


def test_all_attacks_at_once_change_nothing(stage: Stage, known: dict[str, Attack]) -> None:
    """A pool that is full of them gives the clean block; a block that is full of them, in twenty orders, gives the clean block's state."""
    chain, chance = stage.exchange.chain, Chance(11)
    every = [attack.tx for attack in known.values()]
    for count in COUNTS:
        pool = stage.pool(count)
        clean = chain.prepare(pool)
        expected = finalized(stage, clean)
        for _ in range(10):
            assert chain.prepare(chance.shuffled([*every, *pool, *every])) == clean
            block = [clean[0], *chance.shuffled([*every, *clean[1:]])]
            assert not verdict(chain, block).accepted
            response = finalized(stage, block)
            assert response.app_hash == expected.app_hash
            found = results(block, response)
            assert {tx: found[tx] for tx in clean} == results(clean, expected)


@pytest.mark.parametrize("number", [CANCEL, MARGIN_ADD, POST_ONLY, TAKER])
def test_one_more_of_her_own_breaks_the_quota_and_attacks_do_not(stage: Stage, known: dict[str, Attack], number: int) -> None:
    """The edge is real: what is refused beside a full lane is her own transaction beyond it, by rule (f), and no forged one counts."""
    exchange = stage.exchange
    clean = exchange.chain.prepare(stage.pool(QUOTA))
    more = {
        CANCEL: exchange.cancel(VICTIM, 71),
        MARGIN_ADD: exchange.deposit(VICTIM, 71, sequence=stage.next_ms + 71),
        POST_ONLY: exchange.limit(VICTIM, 71, "buy", TENTH, PRICE - 4_000_000, tif="post_only"),
        TAKER: exchange.limit(VICTIM, 71, "buy", TENTH, PRICE, tif="ioc"),
    }[number]
    for position in range(1, len(clean) + 1):
        assert verdict(exchange.chain, inserted(clean, position, more)).rule == "f"
    forged = [attack.tx for attack in known.values() if attack.rule in ("b1", "b2", "b3", "b4")]
    response = finalized(stage, [*clean, *forged, more])
    assert sorted(result.code for result in response.tx_results if result.code == 11) == [11]


def test_a_key_that_state_does_not_have_protects_as_well() -> None:
    """A newcomer's first transaction brings his key; before it nobody can act in his name with another key, with his, or with none."""
    with exchanges() as open_exchange:
        exchange, newcomer = open_exchange(genesis(collateral=RICH), nodes=2), Signer("frank")
        exchange.block(exchange.send("carol", newcomer.text, 1_000))
        account = exchange.wiring.auth.keeper.account(exchange.ctx, newcomer.address)
        assert account is not None
        assert account.public_key == b""
        own = exchange.send(newcomer.name, "carol", 7)
        sealed: dict[str, Any] = {"account_number": account.number, "chain_id": exchange.chain.chain_id}
        body, thief = parts(own).body_bytes, Signer(ATTACKER)
        attempts = {
            seal(thief.private_key, body, auth_info_bytes(None, 0), **sealed): "b2",
            seal(newcomer.private_key, body, auth_info_bytes(None, 0), **sealed): "b2",
            seal(thief.private_key, body, auth_info_bytes(thief.public_key, 0), **sealed): "b2",
            seal(thief.private_key, body, auth_info_bytes(newcomer.public_key, 0), **sealed): "b3",
        }
        clean = exchange.chain.prepare([own])
        assert verdict(exchange.chain, clean) == ACCEPTED
        for attempt, rule in attempts.items():
            assert verdict(exchange.chain, [clean[0], attempt, own]) == Told(False, rule, 1)
            assert exchange.chain.prepare([attempt, own]) == clean
        happened = exchange.decide(*attempts, own)
        assert [result.code for result in happened.block.results] == [0, 4, 4, 4, 5, 0]
        assert exchange.wallet(newcomer.name) == 993


def test_a_short_term_message_is_protected_as_long_as_it_lives() -> None:
    """The longest-lived ones, up to two heights behind their good-til-block, on a node that is restarted meanwhile: never twice."""
    with exchanges() as open_exchange:
        exchange = open_exchange(genesis(collateral=RICH), nodes=2)
        last = exchange.next_height + 40
        old = [
            exchange.limit(VICTIM, 81, "buy", TENTH, PRICE - 6_000_000, good_til_block=last),
            exchange.limit(VICTIM, 82, "buy", TENTH, PRICE + 1, good_til_block=last),
            exchange.cancel(VICTIM, 83, good_til_block=last),
        ]
        happened = exchange.block(*old)
        assert [happened.code(tx) for tx in old] == [0, 12, 0]
        while exchange.next_height <= last + 2:
            quiet = exchange.chain.prepare(old)
            assert len(quiet) == 1
            for tx in old:
                assert verdict(exchange.chain, [*quiet, tx]) == Told(False, "b4", 1)
            happened = exchange.decide(*old)
            assert [result.code for result in happened.block.results] == [0, 6, 6, 6]
            if exchange.chain.height % 15 == 0:
                exchange.restart(1)
