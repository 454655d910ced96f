"""Lazy settlement: exact, at the door, and never a quantum lost between what accounts pay and receive."""

import pytest

from modules.subaccounts.model import UpdateResult
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK
from support.risk_desk import RICH, Desk

BOTH = (UpdateResult.SUCCESS, UpdateResult.SUCCESS)
LOT = 1_000_000
ALICE, BOB, CAROL = sub("alice"), sub("bob"), sub("carol")


@pytest.fixture
def desk() -> Desk:
    """Alice is long, Bob short: 10,000 lots of BTC, 3,000 of ETH; an hour at a premium of 1,000 ppm is charged."""
    made = Desk()
    for name in ("alice", "bob", "carol"):
        made.deposit(name, RICH)
    assert made.trade(ALICE, BOB, BTC, 10_000 * LOT) == BOTH
    assert made.trade(ALICE, BOB, ETH, 3_000 * LOT) == BOTH
    made.fund_hour({BTC: 1_000, ETH: -700})
    return made


def test_reading_settles_without_writing(desk: Desk) -> None:
    """What is stored stays; risk and `settled` count the payment; both sides sum to zero."""
    before = desk.snapshot()
    index = desk.funding.index(desk.ctx, BTC)
    other = desk.funding.index(desk.ctx, ETH)
    assert index > 0 > other
    stored, settled = desk.subaccounts.get(desk.ctx, ALICE), desk.subaccounts.settled(desk.ctx, ALICE)
    assert settled.collateral - stored.collateral == -10_000 * index - 3_000 * other
    assert [position.funding_index for position in settled.positions.values()] == [index, other]
    assert desk.risk(ALICE).net_collateral + desk.risk(BOB).net_collateral == 2 * RICH
    assert desk.snapshot() == before


def test_every_touch_settles_and_tells(desk: Desk) -> None:
    """Paid is positive when the subaccount paid; a second touch has nothing to settle and tells nothing."""
    index, other = desk.funding.index(desk.ctx, BTC), desk.funding.index(desk.ctx, ETH)
    before = desk.collateral(ALICE)
    desk.deposit("alice", 5)
    assert [(event["perpetual_id"], event["funding_paid_quote_quantums"]) for event in desk.events("settled_funding")] == [
        (BTC, 10_000 * index),
        (ETH, 3_000 * other),
    ]
    assert desk.collateral(ALICE) == before + 5 - 10_000 * index - 3_000 * other
    desk.deposit("alice", 5)
    assert len(desk.events("settled_funding")) == 2
    desk.subaccounts.transfer(desk.ctx, BOB, CAROL, 1)
    assert [event["funding_paid_quote_quantums"] for event in desk.events("settled_funding")][2:] == [-10_000 * index, -3_000 * other]
    assert desk.broken() == []


def test_a_new_position_starts_at_the_present_index(desk: Desk) -> None:
    """Carol owes nothing for the past, and a grown position is settled before it grows."""
    index = desk.funding.index(desk.ctx, BTC)
    assert desk.trade(CAROL, BOB, BTC, LOT) == BOTH
    assert desk.subaccounts.get(desk.ctx, CAROL).positions[BTC].funding_index == index
    assert desk.subaccounts.settled(desk.ctx, CAROL).collateral == desk.collateral(CAROL)
    assert desk.trade(ALICE, CAROL, BTC, LOT) == BOTH
    assert desk.position(ALICE) == 10_001 * LOT
    assert desk.subaccounts.get(desk.ctx, ALICE).positions[BTC].funding_index == index
    assert desk.broken() == []


def test_funding_alone_can_make_an_account_liquidatable(desk: Desk) -> None:
    """The scan counts what is unsettled."""
    dave = desk.deposit("dave", 100_000_000)
    assert desk.trade(dave, BOB, BTC, 500 * LOT) == BOTH
    desk.subaccounts.withdraw(desk.ctx, dave, owner("dave"), desk.risk(dave).net_collateral - desk.risk(dave).initial)
    assert desk.subaccounts.below_maintenance(desk.ctx) == []
    for _ in range(4):
        desk.fund_hour({BTC: 40_000})
    assert desk.collateral(dave) > desk.subaccounts.settled(desk.ctx, dave).collateral
    assert [key for key, _ in desk.subaccounts.below_maintenance(desk.ctx)] == [dave]
    assert desk.subaccounts.below_maintenance(desk.ctx)[0][1] == desk.risk(dave)


def test_after_everything_is_closed_the_deposits_are_there_to_the_quantum(desk: Desk) -> None:
    """P4: no dust, also over hours of funding, changing holders and an isolated market."""
    frank = desk.deposit("frank", RICH)
    assert desk.trade(frank, desk.deposit("erin", RICH), LINK, 7 * LOT) == BOTH
    for premium in (333, -1_777, 41):
        desk.fund_hour({BTC: premium, ETH: premium + 5, LINK: -premium})
        assert desk.trade(CAROL, ALICE, BTC, 1_001 * LOT) == BOTH
    desk.fund_hour({BTC: 997, ETH: 1, LINK: 99})
    for seller, perpetual in ((ALICE, BTC), (CAROL, BTC), (ALICE, ETH)):
        assert desk.trade(BOB, seller, perpetual, desk.position(seller, perpetual)) == BOTH
    assert desk.trade(sub("erin"), frank, LINK, 7 * LOT) == BOTH
    assert desk.subaccounts.with_positions(desk.ctx) == []
    held = dict(desk.subaccounts.accounts(desk.ctx))
    assert sum(account.collateral for account in held.values()) == 5 * RICH == desk.module_balance("subaccounts")
    assert desk.module_balance("subaccounts:2") == 0
    assert held[CAROL].collateral != RICH
    assert desk.broken() == []
