"""What clients read: raw positions as the reference gives them, risk, pools, and the books."""

import pytest

from modules.kernel import address as addresses
from modules.kernel.codec import decode_signed
from modules.kernel.module import QueryError
from perpd_proto.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK
from support.risk_desk import NAMES, RICH, Desk

SERVICE, OWN = "/dydxprotocol.subaccounts.Query/", "/perpd.perp.v1.Query/"
ALICE = addresses.to_text(owner("alice"))
LOT = 1_000_000


@pytest.fixture
def desk() -> Desk:
    """Alice long BTC against Bob, Carol long LINK against Dave, an hour of funding charged and not settled."""
    made = Desk()
    for name in ("alice", "bob", "carol", "dave"):
        made.deposit(name, RICH)
    made.trade(sub("alice"), sub("bob"), BTC, 10_000 * LOT, 60_000_000_000)
    made.trade(sub("carol"), sub("dave"), LINK, 5 * LOT)
    made.fund_hour({BTC: 1_000, LINK: 100})
    return made


def test_a_subaccount_is_answered_raw_with_the_index_for_display(desk: Desk) -> None:
    """Unsettled collateral; the funding index in the reference's unit of quote per 10^6 base quantums."""
    desk.deposit("alice", 1)
    desk.fund_hour({BTC: 1_000})
    answer = desk.ask(SERVICE + "Subaccount", owner=ALICE, number=0).subaccount
    assert (answer.id.owner, answer.id.number) == (ALICE, 0)
    assert [(row.asset_id, decode_signed(row.quantums)) for row in answer.asset_positions] == [(0, desk.collateral(sub("alice")))]
    (row,) = answer.perpetual_positions
    stored = desk.subaccounts.get(desk.ctx, sub("alice")).positions[BTC]
    assert decode_signed(row.quantums) == 10_000 * LOT
    assert stored.funding_index != desk.funding.index(desk.ctx, BTC)
    assert decode_signed(row.funding_index) == stored.funding_index * 1_000_000 // LOT
    assert row.quote_balance == b"\x02"


def test_a_subaccount_that_does_not_exist_answers_its_id(desk: Desk) -> None:
    """Never NotFound; a bad owner is INVALID_ARGUMENT."""
    answer = desk.ask(SERVICE + "Subaccount", owner=ALICE, number=77).subaccount
    assert answer.id.number == 77
    assert not answer.asset_positions
    assert not answer.perpetual_positions
    with pytest.raises(QueryError, match="invalid owner") as raised:
        desk.ask(SERVICE + "Subaccount", owner="dydx1nobody", number=0)
    assert raised.value.status == "INVALID_ARGUMENT"


def test_all_subaccounts_come_in_pages_by_key(desk: Desk) -> None:
    """Two pages give what one gives."""
    for name in NAMES:
        desk.deposit(name, 5, 1)
    whole = desk.ask(SERVICE + "SubaccountAll")
    assert whole.pagination.total == len(whole.subaccount) == 12
    first = desk.ask(SERVICE + "SubaccountAll", pagination=PageRequest(limit=7))
    second = desk.ask(SERVICE + "SubaccountAll", pagination=PageRequest(key=first.pagination.next_key, limit=7))
    assert [*first.subaccount, *second.subaccount] == list(whole.subaccount)
    keys = [(addresses.from_text(row.id.owner), row.id.number) for row in whole.subaccount]
    assert keys == sorted(keys)


def test_pools_are_named_by_their_address(desk: Desk) -> None:
    """The reference's addresses: the common pool, and an isolated one of its own."""
    cross = desk.ask(SERVICE + "CollateralPoolAddress", perpetual_id=BTC).collateral_pool_address
    assert cross == "dydx1v88c3xv9xyv3eetdx0tvcmq7ung3dywp5upwc6"
    isolated = desk.ask(SERVICE + "CollateralPoolAddress", perpetual_id=LINK).collateral_pool_address
    assert addresses.from_text(isolated) == addresses.of_module("subaccounts:2")
    for method in ("CollateralPoolAddress", "GetWithdrawalAndTransfersBlockedInfo"):
        with pytest.raises(QueryError, match="not found") as raised:
            desk.ask(SERVICE + method, perpetual_id=99)
        assert raised.value.status == "NOT_FOUND"


def test_nothing_waits(desk: Desk) -> None:
    """No height at which withdrawals were blocked, because none are."""
    answer = desk.ask(SERVICE + "GetWithdrawalAndTransfersBlockedInfo", perpetual_id=BTC)
    assert answer.SerializeToString() == b""


def test_an_account_is_answered_with_its_risk(desk: Desk) -> None:
    """Settled worth and requirements; per position its value, entry cost, and what is unsettled."""
    answer = desk.ask(OWN + "Account", owner=ALICE, number=0)
    risk = desk.risk(sub("alice"))
    assert answer.height == desk.ctx.height
    assert decode_signed(answer.net_collateral) == risk.net_collateral
    assert decode_signed(answer.initial_margin) == risk.initial
    assert decode_signed(answer.maintenance_margin) == risk.maintenance
    owed = -10_000 * desk.funding.index(desk.ctx, BTC)
    assert decode_signed(answer.settled_collateral) == RICH - 60_000_000_000 + owed
    (position,) = answer.positions
    fields = ("quantums", "notional", "entry_quote", "unsettled_funding", "funding_index_lots")
    assert [decode_signed(getattr(position, name)) for name in fields] == [10_000 * LOT, 60_123_456_780, 60_000_000_000, owed, 0]
    short = desk.ask(OWN + "Account", owner=addresses.to_text(owner("bob")), number=0).positions[0]
    assert [decode_signed(getattr(short, name)) for name in fields] == [-10_000 * LOT, -60_123_456_780, -60_000_000_000, -owed, 0]
    nobody = desk.ask(OWN + "Account", owner=ALICE, number=5)
    assert decode_signed(nobody.net_collateral) == decode_signed(nobody.initial_margin) == 0


def test_the_books_are_answered_from_a_full_scan(desk: Desk) -> None:
    """Pools by name, markets by id; what does not add up is said."""
    answer = desk.ask(OWN + "Conservation")
    assert (answer.height, answer.supply_matches) == (desk.ctx.height, True)
    assert [(pool.name, pool.matches) for pool in answer.pools] == [("subaccounts", True), ("subaccounts:2", True)]
    for pool in answer.pools:
        assert decode_signed(pool.bank_balance) == decode_signed(pool.collateral) + decode_signed(pool.unsettled_funding)
    rows = [
        (row.perpetual_id, *(decode_signed(getattr(row, name)) for name in ("long_quantums", "short_quantums", "open_interest")))
        for row in answer.markets
    ]
    assert rows == [(BTC, 10_000 * LOT, -10_000 * LOT, 10_000 * LOT), (ETH, 0, 0, 0), (LINK, 5 * LOT, -5 * LOT, 5 * LOT)]
    assert all(decode_signed(row.unsettled_funding) == 0 for row in answer.markets)
    desk.deposit("alice", 1)
    half = desk.ask(OWN + "Conservation")
    assert decode_signed(half.markets[0].unsettled_funding) == 10_000 * desk.funding.index(desk.ctx, BTC)
    assert half.pools[0].matches
    desk.bank.move(desk.ctx, owner("erin"), addresses.of_module("subaccounts:2"), 1)
    assert [pool.matches for pool in desk.ask(OWN + "Conservation").pools] == [True, False]
