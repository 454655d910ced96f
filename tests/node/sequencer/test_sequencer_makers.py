"""Makers are safe by construction (design.md 3.3 to 3.5): cancels before takers in every accepted block, margin and cancels before the
engine, the engine before takers and withdrawals; and nothing that an account does with its own transactions moves its first one forward.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.sequencer.lanes import CANCEL, LANES, MARGIN_ADD, OTHER, POST_ONLY, TAKER
from node.sequencer.order import canonical_order, framed_hash
from support.chain import Block
from support.exchange import DOLLAR, TRADERS, Exchange, Fill, Happened, OpenExchange, exchanges, genesis
from support.markets import BTC
from support.sequencing import ALICE, BOB, CAROL, DAVE, EVERYONE, TIME_MS, Desk, cancel, place
from support.slots import Placed, account, block_slots, drawn, message_kinds, ordered, signed_lanes, slots
from support.verdicts import ACCEPTED, Told, verdict

TENTH = 1_000_000_000
PRICE = 6_012_345_678
ABOVE = 6_100_000_000
BID = 5_990_000_000
CLOSED = 1_234_000_000
"""What one block may close of dave's position (dydx-risk.md E10)."""
RICH = dict.fromkeys(TRADERS, 200_000 * DOLLAR)
SEEDS = 2_000


@pytest.fixture
def open_exchange() -> Iterator[OpenExchange]:
    """Opens exchanges."""
    with exchanges() as start:
        yield start


def looked_at(exchange: Exchange, *txs: bytes) -> Happened:
    """The next block with this pool as it would be; nothing is committed. Every application accepts it, and lists it alike."""
    proposal = exchange.chain.prepare(txs)
    assert verdict(exchange.chain, proposal) == ACCEPTED
    assert set(txs) <= set(proposal)
    return decided(exchange, proposal)


def decided(exchange: Exchange, block: Sequence[bytes]) -> Happened:
    """The next block with this list, whoever made it; nothing is committed."""
    response = exchange.chain.finalize(block, exchange.apps[0])
    found = Block(exchange.next_height, 0, list(block), list(response.tx_results), list(response.events), response.app_hash)
    return Happened(found, exchange.names)


# Cancels before takers


def library(desk: Desk) -> list[bytes]:
    """Transactions of every kind by everybody; those with nonces may stand in any number."""
    found = []
    for who in EVERYONE:
        for index, (_, message) in enumerate(message_kinds(who, DAVE if who != DAVE else ALICE).values()):
            found.append(desk.sign(who, message, sequence=TIME_MS + index))
        found.extend(desk.sign(who, make(who, number)) for number in range(2, 9) for make in (place, cancel))
    return found


DESK, OTHER_DESK = Desk(), Desk()
LIBRARY = library(DESK)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LIBRARY), max_size=60, unique=True), st.randoms(use_true_random=False))
def test_in_every_accepted_block_every_cancel_precedes_every_taker(pool: list[bytes], random: Any) -> None:
    """Whatever the pool: lanes ascend. Moving any taker in front of any cancel makes a block that nobody accepts."""
    block = DESK.prepare(pool).txs
    assert sorted(block) == sorted(pool)
    assert OTHER_DESK.process(block).accepted
    lanes = [DESK.decode(raw).lane for raw in block]
    assert lanes == sorted(lanes)
    takers = [raw for raw, lane in zip(block, lanes, strict=True) if lane == TAKER]
    cancels = [raw for raw, lane in zip(block, lanes, strict=True) if lane == CANCEL]
    if takers and cancels:
        taker, voided = random.choice(takers), random.choice(cancels)
        moved = [raw for raw in block if raw != taker]
        moved.insert(moved.index(voided), taker)
        told = OTHER_DESK.process(moved)
        assert (told.accepted, told.rule) == (False, "e")
        random.shuffle(moved)
        assert OTHER_DESK.process(moved).accepted == (moved == block)


def test_hundreds_of_takers_by_everybody_cannot_reach_a_cancelled_quote(open_exchange: OpenExchange) -> None:
    """Four accounts with 75 orders each at one maker's quotes; her cancel, batch cancel and long-term cancel come in the same block."""
    exchange = open_exchange(genesis(collateral=RICH), nodes=2)
    exchange.block(
        *(exchange.limit("alice", number, "sell", TENTH, 6_012_300_000 + 100_000 * number) for number in range(1, 8)),
        exchange.long_term("alice", 9, "sell", TENTH, 6_012_300_000),
    )
    takers = [exchange.limit(name, 100 + number, "buy", TENTH, 6_020_000_000, tif="ioc") for name in TRADERS[1:] for number in range(75)]
    last = [exchange.cancel("alice", 1), exchange.batch_cancel("alice", range(2, 8)), exchange.cancel_long_term("alice", 9)]
    assert len(looked_at(exchange, *takers).fills()) == 8, "without cancels every quote is hit"
    happened = exchange.block(*takers, *last)
    assert set(happened.block.txs[1:4]) == set(last)
    assert [happened.code(tx) for tx in last] == [0, 0, 0]
    assert happened.fills() == []
    assert exchange.book() == {"bids": [], "asks": []}


@pytest.mark.parametrize("kind", ["cancel", "batch cancel", "long-term cancel"])
def test_a_cancel_and_a_taker_in_one_block_never_meet(open_exchange: OpenExchange, kind: str) -> None:
    """Without the cancel the taker fills. With it he gets nothing, whatever order a proposer lists: one is valid, both do the same."""
    exchange = open_exchange(genesis(collateral=RICH), nodes=2)
    make = exchange.long_term if kind == "long-term cancel" else exchange.limit
    exchange.block(make("alice", 1, "sell", TENTH, 6_012_300_000))
    taker = exchange.limit("bob", 1, "buy", TENTH, 6_012_300_000, tif="ioc")
    assert looked_at(exchange, taker).fills() == [Fill("bob/1", "alice/1", 6_012_300_000, TENTH)]
    undone = {
        "cancel": lambda: exchange.cancel("alice", 1),
        "batch cancel": lambda: exchange.batch_cancel("alice", [1]),
        "long-term cancel": lambda: exchange.cancel_long_term("alice", 1),
    }[kind]()
    honest = exchange.chain.prepare([taker, undone])
    assert honest[1:] == [undone, taker]
    assert verdict(exchange.chain, honest) == ACCEPTED
    first = [honest[0], taker, undone]
    assert verdict(exchange.chain, first) == Told(False, "e", 1)
    hashes = []
    for block in (honest, first):
        happened = decided(exchange, block)
        assert happened.fills() == []
        assert happened.code(undone) == 0
        hashes.append(happened.block.app_hash)
    assert hashes[0] == hashes[1]


# Margin and cancels before the engine, the engine before takers and withdrawals


def falling(open_exchange: OpenExchange, *bids: int) -> Exchange:
    """Dave is long with leverage, and carol bids for these sizes; at PRICE he is under water."""
    state = genesis(collateral={"alice": 200_000 * DOLLAR, "carol": 200_000 * DOLLAR, "erin": 200_000 * DOLLAR, "dave": 1_565_079_300})
    state["oracle"]["markets"][BTC]["price"] = str(ABOVE)
    exchange = open_exchange(state, nodes=2)
    exchange.block(exchange.limit("alice", 1, "sell", 12_345_000_000, ABOVE), exchange.deposit("dave", 500 * DOLLAR, 1))
    exchange.block(exchange.limit("dave", 1, "buy", 12_345_000_000, ABOVE))
    exchange.block(*(exchange.long_term("carol", 1 + number, "buy", size, BID) for number, size in enumerate(bids)))
    return exchange


def liquidated(happened: Happened) -> list[Fill]:
    """What the engine sold of dave's."""
    return [fill for fill in happened.fills() if fill.taker == "liquidation"]


def test_margin_added_in_the_block_saves_the_account(open_exchange: OpenExchange) -> None:
    """Under water at this block's prices: liquidated; with a deposit, or a transfer from another subaccount of his, in it: not."""
    exchange = falling(open_exchange, 20 * TENTH)
    exchange.price_becomes(PRICE)
    assert liquidated(looked_at(exchange)) == [Fill("liquidation", "carol/1", BID, CLOSED)]
    for saved in (
        exchange.deposit("dave", 500 * DOLLAR, sequence=1),
        exchange.deposit("erin", 500 * DOLLAR, to="dave", sequence=0),
        exchange.transfer("dave", 500 * DOLLAR, number=1, sequence=1),
    ):
        happened = looked_at(exchange, saved)
        assert happened.code(saved) == 0
        assert happened.events("liquidation") == []
        assert happened.fills() == []
    # A transfer from somebody else's subaccount is in the last lane: it comes too late, as does what fails.
    for late in (exchange.transfer("erin", 500 * DOLLAR, to="dave", sequence=0), exchange.deposit("dave", 10**18, sequence=1)):
        assert liquidated(looked_at(exchange, late)) == [Fill("liquidation", "carol/1", BID, CLOSED)]


def test_a_quote_cancelled_in_the_block_is_not_hit_by_a_liquidation(open_exchange: OpenExchange) -> None:
    """The maker who leaves at the new prices has left before the engine sells."""
    exchange = falling(open_exchange, 20 * TENTH)
    exchange.price_becomes(PRICE)
    short = exchange.limit("carol", 50, "buy", TENTH, BID + 1_000_000, tif="post_only")
    assert liquidated(looked_at(exchange, short))[0] == Fill("liquidation", "carol/50", BID + 1_000_000, TENTH), "makers are before it too"
    gone = exchange.cancel_long_term("carol", 1)
    happened = looked_at(exchange, gone)
    assert happened.code(gone) == 0
    assert [event["quantums_filled"] for event in happened.events("liquidation")] in ([], ["0"])
    assert happened.fills() == []
    assert exchange.position("dave") == 12_345_000_000


def test_a_taker_cannot_grab_the_liquidity_before_the_engine(open_exchange: OpenExchange) -> None:
    """One bid for exactly what the engine sells; erin sells into it in the same block and gets nothing, wherever a proposer lists her."""
    exchange = falling(open_exchange, CLOSED)
    taker = exchange.limit("erin", 1, "sell", CLOSED, BID, tif="ioc", good_til_block=exchange.next_height + 20)
    assert looked_at(exchange, taker).fills() == [Fill("erin/1", "carol/1", BID, CLOSED)], "before the price falls it is hers"
    exchange.price_becomes(PRICE)
    happened = looked_at(exchange, taker)
    assert happened.fills() == [Fill("liquidation", "carol/1", BID, CLOSED)]
    assert happened.code(taker) == 0
    assert happened.events_of(taker, "order_fill") == []


def test_nothing_is_withdrawn_before_losses_are_dealt_with(open_exchange: OpenExchange) -> None:
    """Alice owes 5,000 USD more than she has and no fund pays: bob, on the other side, takes the loss before his withdrawal."""
    size, loss = 12_345_678_900, 5_000 * DOLLAR
    worth = 74_226_489_176

    def start(collateral: int) -> Exchange:
        return open_exchange(
            genesis(
                collateral={"alice": collateral, "bob": 200_000 * DOLLAR},
                positions={"alice": {BTC: size}, "bob": {BTC: -size}},
                insurance=0,
            ),
            nodes=2,
        )

    net = 200_000 * DOLLAR - worth
    amount = net - 2_000 * DOLLAR
    solvent = start(-worth + 5_000 * DOLLAR)
    withdrawn = solvent.withdraw("bob", amount)
    assert looked_at(solvent, withdrawn).code(withdrawn) == 0, "where nobody owes anything it leaves"
    broke = start(-worth - loss)
    withdrawn = broke.withdraw("bob", amount)
    wallet = broke.wallet("bob")
    happened = broke.block(withdrawn)
    assert happened.code(withdrawn)
    [receipt] = happened.events("deleveraged")
    assert int(receipt["quote_quantums"]) == worth + loss
    assert broke.wallet("bob") == wallet
    assert broke.collateral("alice") == 0
    assert broke.risk("bob").net_collateral == net - loss


# What an account can do with its own transactions


COUNTS = st.dictionaries(st.tuples(st.sampled_from(LANES), st.integers(0, 6)), st.integers(1, 12), min_size=1, max_size=20)
SEED = st.binary(min_size=32, max_size=32)


@settings(max_examples=100)
@given(COUNTS, SEED, st.randoms(use_true_random=False))
def test_the_slots_of_an_account_depend_on_counts_and_seed_alone(counts: dict[tuple[int, int], int], seed: bytes, random: Any) -> None:
    """Other sequences, hashes and arrival, everybody's at once: every account stands in the same places of the block."""
    first = slots(seed, drawn(counts, random))
    assert all(slots(seed, drawn(counts, random)) == first for _ in range(3))


@settings(max_examples=100)
@given(COUNTS, SEED, st.randoms(use_true_random=False))
def test_everybodys_first_comes_before_anybodys_second(counts: dict[tuple[int, int], int], seed: bytes, random: Any) -> None:
    """Within a lane, and second before third: a hundred orders give no head start."""
    seen: dict[tuple[int, bytes], int] = {}
    ranks: dict[int, list[int]] = {lane: [] for lane in LANES}
    for tx in ordered(seed, drawn(counts, random)):
        group = tx.lane, tx.account
        ranks[tx.lane].append(seen.get(group, 0))
        seen[group] = seen.get(group, 0) + 1
    assert all(found == sorted(found) for found in ranks.values())


@settings(max_examples=100)
@given(COUNTS, SEED, st.integers(1, 30), st.randoms(use_true_random=False))
def test_splitting_never_moves_the_first_one_earlier(counts: dict[tuple[int, int], int], seed: bytes, more: int, random: Any) -> None:
    """However many an account adds in a lane: as many of others stand before its first there as before, or before its n-th."""

    def others_before(found: Sequence[Placed], lane: int, who: bytes) -> list[int]:
        before, places = 0, []
        for tx in found:
            if tx.account != who:
                before += 1
            elif tx.lane == lane:
                places.append(before)
        return places

    for (lane, number), count in counts.items():
        split = {**counts, (lane, number): count + more}
        who = account(number)
        one = others_before(ordered(seed, drawn(counts, random)), lane, who)
        many = others_before(ordered(seed, drawn(split, random)), lane, who)
        assert many[: len(one)] == one


LANE_COUNTS = st.dictionaries(st.sampled_from(LANES), st.integers(1, 5), min_size=1)


@settings(max_examples=40, deadline=None)
@given(mine=LANE_COUNTS, theirs=LANE_COUNTS, memo=st.sampled_from(["", "again"]), first=st.integers(0, 50), turned=st.booleans())
def test_signing_again_changes_no_slot(mine: dict[int, int], theirs: dict[int, int], memo: str, first: int, *, turned: bool) -> None:
    """Signed transactions: another memo, other client ids and amounts, other sequences, nonces the other way round: nobody moves."""
    others = [raw for who in (BOB, CAROL) for raw in signed_lanes(DESK, who, theirs)]
    before = block_slots(DESK, [*signed_lanes(DESK, ALICE, mine), *others])
    after = block_slots(DESK, [*others, *signed_lanes(DESK, ALICE, mine, memo=memo, first=first, turned=turned)])
    assert after == before


KIND_NAMES = tuple(message_kinds(ALICE, BOB))


def test_the_pairs_cover_every_lane() -> None:
    """Kinds of all five lanes are bundled."""
    assert {lane for lane, _ in message_kinds(ALICE, BOB).values()} == {CANCEL, MARGIN_ADD, POST_ONLY, TAKER, OTHER}


@pytest.mark.parametrize("one", KIND_NAMES)
def test_bundling_never_buys_an_earlier_place(one: str) -> None:
    """With any other kind, before or behind it: the bundle has the later of the two lanes, and as many of others before it as the later
    kind has alone.
    """
    around = [raw for who in (BOB, CAROL, DAVE) for raw in signed_lanes(DESK, who, dict.fromkeys(LANES, 2))]

    def stand(*messages: Any) -> tuple[int, int]:
        tx = DESK.sign(ALICE, *messages)
        admission = DESK.admit([*around, tx])
        assert not admission.refusals
        [(index, lane)] = [(index, found.lane) for index, (_, found) in enumerate(admission.order) if found.signer == ALICE.address]
        return lane, index

    lane, message = message_kinds(ALICE, BOB)[one]
    alone = stand(message)
    assert alone[0] == lane
    for other_lane, other in message_kinds(ALICE, BOB, client_id=5).values():
        later = max(alone, stand(other))
        assert later[0] == max(lane, other_lane)
        assert stand(message, other) == stand(other, message) == later


# What many accounts buy


def seeds() -> Iterator[bytes]:
    """The same for ever."""
    for number in range(SEEDS):
        yield framed_hash("a seed", number)


def share_of_first(attackers: int, orders_each: int) -> float:
    """In how many of the seeds an attacker's order stands before the victim's one in the taker lane."""
    everybody = [(1 + who, number) for who in range(attackers) for number in range(orders_each)]
    txs = [Placed(TAKER, account(who), number, framed_hash("tx", who, number)) for who, number in [(0, 0), *everybody]]
    wins = sum(1 for seed in seeds() if canonical_order(seed, txs)[0] != 0)
    return wins / SEEDS


@pytest.mark.parametrize("attackers", [1, 2, 3, 4, 9, 19, 99])
def test_with_k_accounts_the_first_slot_is_an_attackers_in_k_of_k_plus_one_blocks(attackers: int) -> None:
    """The honest fact: accounts are tickets. k accounts of one order each against one victim win the first slot with k / (k + 1)."""
    assert abs(share_of_first(attackers, 1) - attackers / (attackers + 1)) < 0.02


def test_orders_buy_no_tickets() -> None:
    """A hundred orders of one account win exactly the blocks that one order wins; so do ten of each of four accounts."""
    assert share_of_first(1, 100) == share_of_first(1, 1)
    assert share_of_first(4, 10) == share_of_first(4, 1)


def test_a_ticket_is_of_one_block_and_one_lane() -> None:
    """Who is first changes from seed to seed and from lane to lane: of pairs of accounts each comes first in about half of the blocks,
    and what came first in the lane of cancels says nothing about takers.
    """
    txs = [Placed(lane, account(who), 0, framed_hash("tx", who, lane)) for lane, who in product((CANCEL, TAKER), (0, 1))]
    firsts = [(canonical_order(seed, txs)[0], canonical_order(seed, txs)[2]) for seed in seeds()]
    for outcome in product((0, 1), (2, 3)):
        assert abs(firsts.count(outcome) / SEEDS - 0.25) < 0.03
