"""The authority on a running chain: what it changes holds from the next height on, on every node, and nobody else changes anything."""

from typing import Any

from modules.clob.model import PairStatus, pair_to_proto
from modules.consensus.model import VALIDATOR_KEY_BYTES
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.perpetuals import tx_pb2 as perpetuals
from perpd_proto.perpd.consensus.v1 import tx_pb2 as consensus
from perpd_proto.perpd.sequencer.v1 import tx_pb2 as sequencer
from support.chain import make_validators
from support.change_messages import block_limits_by
from support.exchange import DOLLAR, Exchange, OpenExchange, genesis
from support.markets import BTC
from support.sequencing import Signer

PRICE = 6_012_300_000
STEP, TICK = 1_000_000, 100_000
CAROL = {"address": Signer("carol").text}


def tier(sender: str, initial_ppm: int) -> perpetuals.MsgSetLiquidityTier:
    """Large-Cap with another initial margin."""
    message = perpetuals.MsgSetLiquidityTier(authority=Signer(sender).text)
    message.liquidity_tier.name = "Large-Cap"
    message.liquidity_tier.initial_margin_ppm = initial_ppm
    message.liquidity_tier.maintenance_fraction_ppm = 600_000
    message.liquidity_tier.impact_notional = 10_000_000_000
    return message


def limits(exchange: Exchange, sender: str, **changes: Any) -> sequencer.MsgUpdateParams:
    """The limits of blocks as they are, but for these."""
    return block_limits_by(Signer(sender).text, exchange.wiring.consensus.keeper.params(exchange.ctx), **changes)


def powers(sender: str, *changes: tuple[int, int]) -> consensus.MsgUpdateValidators:
    """New powers of the mock network's validators by number."""
    message = consensus.MsgUpdateValidators(authority=Signer(sender).text)
    keys = [one.public_key for one in make_validators(8)]
    for number, power in changes:
        message.validators.add(public_key=keys[number], power=power)
    return message


def test_margins_change_at_the_next_height(open_exchange: OpenExchange) -> None:
    """In the block of the change a withdrawal behind it is judged by the old tier, in the next one by the new."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR, "bob": 50_000 * DOLLAR}, authority=CAROL))
    exchange.block(exchange.limit("bob", 1, "sell", 1_000 * STEP, PRICE))
    exchange.block(exchange.limit("alice", 1, "buy", 1_000 * STEP, PRICE))
    # Worth 6,012,345,678: 2 % are 120,246,914, 4 % are 240,493,828; net is 997,039,528.
    assert exchange.risk("alice").initial == 120_246_914
    change = exchange.sign("carol", tier("carol", 40_000))
    behind = exchange.withdraw("alice", 800_000_000)
    happened = exchange.block(change, behind)
    assert (happened.code(change), happened.code(behind)) == (0, 0)
    assert happened.events_of(change, "change_queued") == [{"place": "0", "message": "dydxprotocol.perpetuals.MsgSetLiquidityTier"}]
    assert happened.events("change_applied") == [{"place": "0", "message": "dydxprotocol.perpetuals.MsgSetLiquidityTier"}]
    assert exchange.risk("alice").initial == 240_493_828
    late = exchange.withdraw("alice", 1)
    assert exchange.block(late).outcome(late) == ("subaccounts", 102)


def test_a_traders_attempt_fails_and_changes_nothing(open_exchange: OpenExchange) -> None:
    """CheckTx says so; in a block it fails with the same code, and its sequence is used."""
    exchange = open_exchange(genesis(authority=CAROL))
    attempt = exchange.sign("alice", tier("alice", 1_000_000))
    for checked in exchange.check_tx(attempt):
        assert (checked.codespace, checked.code) == ("perpetuals", 19)
        assert CAROL["address"] in checked.log
    happened = exchange.decide(attempt)
    assert happened.outcome(attempt) == ("perpetuals", 19)
    assert happened.events("change_applied") == []
    assert [one.initial_margin_ppm for one in exchange.wiring.perp.keeper.tiers(exchange.ctx)] == [20_000, 100_000, 1_000_000]


def test_without_an_authority_nobody_changes_anything(open_exchange: OpenExchange) -> None:
    """A genesis without the section is one with nobody."""
    exchange = open_exchange(genesis())
    attempt = exchange.sign("carol", powers("carol", (0, 1_000)))
    happened = exchange.decide(attempt)
    assert happened.outcome(attempt) == ("sdk", 4)
    assert exchange.chain.power_changes == []


def test_limits_of_blocks_change_at_the_next_height(open_exchange: OpenExchange) -> None:
    """Three transactions are in the block of the change; the next ones take two."""
    exchange = open_exchange(genesis(authority=CAROL), nodes=2)
    change = exchange.sign("carol", limits(exchange, "carol", max_block_txs=2))
    sent = [exchange.send(name, "erin", 1) for name in ("alice", "bob")]
    assert [result.code for result in exchange.block(change, *sent).block.results if result.gas_used] == [0, 0, 0]
    pool = [exchange.send(name, "erin", 1) for name in ("alice", "bob", "dave")]
    proposal = exchange.chain.prepare(pool)
    assert len(proposal) == 1 + 2
    too_many = [*exchange.chain.prepare([]), *pool]
    assert exchange.chain.process(too_many) == [False, False]
    happened = exchange.commit(proposal)
    assert len(happened.block.txs) == 3


def test_a_new_set_of_validators_votes_two_heights_later(open_exchange: OpenExchange) -> None:
    """One comes, one goes, one grows: every preamble through the change is accepted, and prices follow the votes of the set of h - 1."""
    exchange = open_exchange(genesis(authority=CAROL), nodes=5, followers=1)
    chain = exchange.chain
    exchange.run(2)
    assert list(chain.powers(chain.height + 1).values()) == [10, 10, 10, 10]
    change = exchange.sign("carol", powers("carol", (4, 30), (0, 0), (1, 15)))
    decided = exchange.block(change)
    height = decided.block.height
    assert decided.code(change) == 0
    keys = [one.public_key for one in chain.validators]
    assert chain.power_changes == [(height + 2, {keys[0]: 0, keys[1]: 15, keys[4]: 30})]
    assert chain.powers(height + 1) == dict.fromkeys((0, 1, 2, 3), 10)
    assert chain.powers(height + 2) == {4: 30, 1: 15, 2: 10, 3: 10}
    keeper = exchange.wiring.consensus.keeper
    for following in range(height + 1, height + 6):
        block = exchange.block().block
        assert block.height == following
        assert block.results[0].code == 0, block.results[0].log
        expected = chain.powers(following)
        assert {one.public_key: one.power for one in keeper.validators(exchange.ctx, following)} == {
            keys[number]: power for number, power in expected.items()
        }
    # 55 of 65 report a new price.
    for number in (1, 2, 4):
        exchange.reported[number][0] = 7_000_000_000
    exchange.block()
    exchange.block()
    assert exchange.price() == 7_000_000_000
    assert exchange.wiring.oracle.keeper.recorded(exchange.ctx, 0).total_power == 65
    exchange.block(silent=[3])
    assert exchange.run(2).block.results[0].code == 0


def test_a_chain_with_changed_validators_survives_restarts_and_exports(open_exchange: OpenExchange) -> None:
    """The sets are state: an application that starts anew in the middle of the change goes on with the others."""
    exchange = open_exchange(genesis(authority=CAROL), nodes=3)
    exchange.run(2)
    exchange.block(exchange.sign("carol", powers("carol", (0, 25))))
    exchange.restart(1)
    exchange.run()
    exchange.restart(0)
    exchange.run(3)
    sets = exchange.wiring.export_genesis(exchange.ctx)["consensus"]["chain"]["validator_sets"]
    assert sorted(int(one["power"]) for one in sets[-1]["validators"]) == [10, 10, 25]
    assert all(len(bytes.fromhex(one["public_key"])) == VALIDATOR_KEY_BYTES for one in sets[-1]["validators"])


def test_two_changes_of_validators_in_a_row_are_told_as_what_each_adds(open_exchange: OpenExchange) -> None:
    """The engine adds each block's difference to the set after the last one's."""
    exchange = open_exchange(genesis(authority=CAROL), nodes=4)
    exchange.run(2)
    first = exchange.block(exchange.sign("carol", powers("carol", (0, 20)))).block.height
    exchange.block(exchange.sign("carol", powers("carol", (0, 30))), exchange.sign("carol", powers("carol", (1, 5))))
    keys = [one.public_key for one in exchange.chain.validators]
    assert exchange.chain.power_changes == [(first + 2, {keys[0]: 20}), (first + 3, {keys[0]: 30, keys[1]: 5})]
    assert exchange.run(4).block.results[0].code == 0


def status(exchange: Exchange, new: PairStatus) -> clob.MsgUpdateClobPair:
    """BTC's market with another status."""
    found = exchange.wiring.clob.keeper.pair(exchange.ctx, BTC)
    assert found is not None
    message = clob.MsgUpdateClobPair(authority=CAROL["address"])
    message.clob_pair.CopyFrom(pair_to_proto(found._replace(status=int(new))))
    return message


def test_a_market_is_settled_for_good_and_begins_anew(open_exchange: OpenExchange) -> None:
    """Its orders end with the block of the change, its positions in the blocks after it; empty, it may begin anew, and not before."""
    exchange = open_exchange(genesis(collateral={"alice": 10_000 * DOLLAR, "bob": 50_000 * DOLLAR}, authority=CAROL))
    exchange.block(exchange.limit("bob", 1, "sell", 1_000 * STEP, PRICE))
    exchange.block(exchange.limit("alice", 1, "buy", 1_000 * STEP, PRICE), exchange.long_term("bob", 2, "sell", 10 * STEP, PRICE + TICK))
    change = exchange.sign("carol", status(exchange, PairStatus.FINAL_SETTLEMENT))
    early = exchange.sign("carol", status(exchange, PairStatus.INITIALIZING))
    happened = exchange.block(change, early)
    assert happened.code(change) == 0
    # On top of the first, which waits: there are positions.
    assert happened.outcome(early) == ("clob", 35)
    assert happened.removed() == [("bob/2", "FINAL_SETTLEMENT")]
    assert exchange.position("alice") == 1_000 * STEP
    refused = exchange.limit("bob", 3, "sell", STEP, PRICE)
    assert exchange.decide(refused).outcome(refused) == ("clob", 34)
    assert (exchange.position("alice"), exchange.open_interest()) == (0, 0)
    again = exchange.sign("carol", status(exchange, PairStatus.INITIALIZING))
    assert exchange.block(again).code(again) == 0
    active = exchange.sign("carol", status(exchange, PairStatus.ACTIVE))
    assert exchange.block(active).code(active) == 0
    exchange.block(exchange.limit("bob", 4, "sell", STEP, PRICE))
    assert len(exchange.block(exchange.limit("alice", 2, "buy", STEP, PRICE)).fills()) == 1


def test_a_finer_grid_holds_from_the_next_height(open_exchange: OpenExchange) -> None:
    """Beside the change an order on it is refused; behind it, it rests."""
    exchange = open_exchange(genesis(collateral={"bob": 50_000 * DOLLAR}, authority=CAROL))
    wanted = status(exchange, PairStatus.ACTIVE)
    wanted.clob_pair.step_base_quantums, wanted.clob_pair.subticks_per_tick = STEP // 10, TICK // 10
    change = exchange.sign("carol", wanted)
    fine = {"quantums": 3 * STEP // 10, "subticks": PRICE + TICK // 10}
    beside = exchange.limit("bob", 1, "sell", **fine)
    happened = exchange.block(change, beside)
    assert (happened.code(change), happened.outcome(beside)) == (0, ("clob", 12))
    behind = exchange.limit("bob", 2, "sell", **fine)
    assert exchange.block(behind).code(behind) == 0
    assert exchange.book()["asks"] == [("bob/2", fine["subticks"], fine["quantums"])]
