"""The one door: what a fill, a deposit, a withdrawal and a transfer do to state, pools, fees and totals, and when they are refused."""

from typing import Any

import pytest

from modules.kernel import address as addresses
from modules.kernel.units import SubaccountId
from modules.subaccounts.model import Fill, Position, UpdateResult, subaccount
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK, oracle_section
from support.risk_desk import RICH, Desk, desk_genesis, fine_genesis

SUCCESS = UpdateResult.SUCCESS
BOTH = (SUCCESS, SUCCESS)
NEWLY, STILL, ERROR = UpdateResult.NEWLY_UNDERCOLLATERALIZED, UpdateResult.STILL_UNDERCOLLATERALIZED, UpdateResult.UPDATE_CAUSED_ERROR
ISOLATION = UpdateResult.VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS
COIN = 10**10
"""Base quantums of one BTC."""
LINKS = 10**6
"""Base quantums of one LINK: 14.56 USD."""
ALICE, BOB, CAROL = sub("alice"), sub("bob"), sub("carol")


@pytest.fixture
def desk() -> Desk:
    """Alice, Bob and Carol have 100,000 USDC each in subaccount 0."""
    made = Desk()
    for name in ("alice", "bob", "carol"):
        made.deposit(name, 100_000_000_000)
    return made


def refused(desk: Desk, action: Any) -> tuple[str, int, str]:
    """The code of an action that must fail, having changed nothing and told nothing."""
    before, events = desk.snapshot(), len(desk.ctx.events)
    code = desk.code(action)
    assert code[1] != 0
    assert desk.snapshot() == before
    assert len(desk.ctx.events) == events
    return code


def test_a_fill_moves_position_quote_and_fees(desk: Desk) -> None:
    """Buyer pays quote and fee, seller receives quote less fee; the fees lie with the collector; open interest is the long side."""
    assert desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000, taker_fee=30_000_000, maker_fee=-6_600_000) == BOTH
    assert desk.subaccounts.get(desk.ctx, ALICE) == subaccount(39_970_000_000, {BTC: Position(COIN, 0, 60_000_000_000, -30_000_000)})
    assert desk.subaccounts.get(desk.ctx, BOB) == subaccount(160_006_600_000, {BTC: Position(-COIN, 0, -60_000_000_000, 6_600_000)})
    assert desk.module_balance("fee_collector") == 23_400_000
    assert desk.module_balance("subaccounts") == 3 * 100_000_000_000 - 23_400_000
    assert desk.perp.open_interest(desk.ctx, BTC) == COIN
    assert desk.subaccounts.with_positions(desk.ctx) == sorted([ALICE, BOB])
    assert desk.subaccounts.holders(desk.ctx, BTC) == sorted([ALICE, BOB])
    assert desk.subaccounts.holders(desk.ctx, ETH) == []
    assert desk.broken() == []


def test_closing_on_both_sides_leaves_no_position_and_no_open_interest(desk: Desk) -> None:
    """What is bought and sold back at the same price is gone, totals included."""
    desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000)
    assert desk.trade(BOB, ALICE, BTC, COIN, 60_000_000_000) == BOTH
    assert desk.subaccounts.get(desk.ctx, ALICE) == subaccount(100_000_000_000, {})
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert desk.subaccounts.with_positions(desk.ctx) == []
    assert desk.broken() == []


def test_a_position_passes_on_without_changing_open_interest(desk: Desk) -> None:
    """Alice's long goes to Carol; Bob stays short."""
    desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000)
    assert desk.trade(CAROL, ALICE, BTC, COIN, 61_000_000_000) == BOTH
    assert desk.position(ALICE) == 0
    assert desk.collateral(ALICE) == 101_000_000_000
    assert desk.perp.open_interest(desk.ctx, BTC) == COIN
    assert desk.broken() == []


def test_a_flip_is_one_record_with_the_fills_share_as_entry(desk: Desk) -> None:
    """Alice goes from one long to two short in one fill."""
    desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000)
    assert desk.trade(CAROL, ALICE, BTC, 3 * COIN, 180_000_000_000) == BOTH
    assert desk.subaccounts.get(desk.ctx, ALICE).positions == {BTC: Position(-2 * COIN, 0, -120_000_000_000)}
    assert desk.perp.open_interest(desk.ctx, BTC) == 3 * COIN
    assert desk.broken() == []


def test_a_seller_as_taker_is_the_mirror_of_a_buyer(desk: Desk) -> None:
    """The fees follow the roles, the quote follows the side."""
    fill = Fill(BTC, ALICE, BOB, False, COIN, 60_000_000_000, 5, 3)
    assert desk.subaccounts.match(desk.ctx, fill) == BOTH
    assert (desk.collateral(ALICE), desk.collateral(BOB)) == (160_000_000_000 - 5, 40_000_000_000 - 3)
    assert (desk.position(ALICE), desk.position(BOB)) == (-COIN, COIN)
    assert desk.broken() == []


def test_positions_stay_in_order_of_their_ids(desk: Desk) -> None:
    """ETH first, BTC after: stored ascending."""
    desk.trade(ALICE, BOB, ETH, 10**9)
    desk.trade(ALICE, BOB, BTC, COIN)
    assert list(desk.subaccounts.get(desk.ctx, ALICE).positions) == [BTC, ETH]


def test_an_uncovered_side_is_named_and_nothing_changes(desk: Desk) -> None:
    """Newly: healthy before. Both sides are judged."""
    dave = desk.deposit("dave", 1_000_000)
    erin = desk.deposit("erin", 1_000_000)
    before = desk.snapshot()
    assert desk.trade(dave, ALICE, BTC, COIN) == (NEWLY, SUCCESS)
    assert desk.trade(ALICE, dave, BTC, COIN) == (SUCCESS, NEWLY)
    assert desk.trade(dave, erin, BTC, COIN) == (NEWLY, NEWLY)
    assert desk.snapshot() == before
    assert desk.ctx.events[-1][0].type == "deposit_to_subaccount"


def test_exactly_the_initial_requirement_is_enough_and_one_less_is_not(desk: Desk) -> None:
    """SUB-1 through the door: 2 % of the notional, ceiling."""
    requirement = desk.perp.margin(desk.ctx, BTC, COIN).initial
    dave, erin = desk.deposit("dave", requirement), desk.deposit("erin", requirement - 1)
    assert desk.trade(erin, ALICE, BTC, COIN) == (NEWLY, SUCCESS)
    assert desk.trade(dave, ALICE, BTC, COIN) == BOTH
    assert desk.broken() == []


BIG = 12_345_678_900
CROSS = {BTC: BIG, ETH: -2_000_000_000}
OTHER = {BTC: -BIG, ETH: 2_000_000_000}


@pytest.mark.parametrize(
    ("usdc", "net", "initial_ok", "liquidatable"),
    [
        (-66_500_000_000, 1_701_797_820, True, False),
        (-67_300_000_000, 901_797_820, False, True),
        (-68_100_000_000, 101_797_820, False, True),
        (-68_202_000_000, -202_180, False, True),
    ],
)
def test_a_cross_account_is_worth_what_the_reference_says(usdc: int, net: int, initial_ok: bool, liquidatable: bool) -> None:
    """SUB-1, SUB-2, E4: requirements 1,605,023,612 and 963,014,168 over two positions."""
    desk = Desk(fine_genesis({ALICE: (usdc, CROSS), BOB: (RICH, OTHER)}))
    risk = desk.risk(ALICE)
    assert risk == (net, 1_605_023_612, 963_014_168)
    assert (risk.net_collateral >= risk.initial) is initial_ok
    assert (desk.subaccounts.liquidatable(desk.ctx, ALICE) == risk) is liquidatable
    assert desk.subaccounts.below_maintenance(desk.ctx) == ([(ALICE, risk)] if liquidatable else [])


@pytest.mark.parametrize(
    ("sells", "quantums", "quote", "fee", "net", "maintenance", "expected"),
    [
        (True, 5_000_000_000, 30_000_000_000, 15_000_000, 825_069_430, 602_273_427, SUCCESS),
        (True, 5_000_000_000, 29_700_000_000, 14_850_000, 525_219_430, 602_273_427, STILL),
        (False, 1_000_000_000, 6_012_300_000, 3_006_150, 898_837_348, 1_035_162_316, STILL),
    ],
)
def test_the_transition_rule_decides_as_the_reference(
    sells: bool, quantums: int, quote: int, fee: int, net: int, maintenance: int, expected: UpdateResult
) -> None:
    """SUB-3, E4: an uncovered account may only reduce its risk, and only at a price that is good enough."""
    desk = Desk(fine_genesis({ALICE: (-67_300_000_000, CROSS), BOB: (RICH, OTHER)}))
    fill = Fill(BTC, ALICE, BOB, not sells, quantums, quote, fee, 0)
    signed = -quantums if sells else quantums
    cash = (quote if sells else -quote) - fee
    judged = desk.subaccounts.would_collateralise(desk.ctx, ALICE, BTC, signed, cash)
    assert judged is expected
    assert desk.subaccounts.match(desk.ctx, fill) == (expected, SUCCESS)
    if expected is SUCCESS:
        risk = desk.risk(ALICE)
        assert (risk.net_collateral, risk.maintenance) == (net, maintenance)
    assert desk.broken() == []


def test_margin_uses_the_open_interest_after_the_trade() -> None:
    """LINK's requirement grows from 20 M USDC of open interest: the trade that adds to it is judged with what it adds (E3)."""
    start = 2_000_000 * LINKS
    held = {sub("whale"): (1_000 * RICH, {LINK: start}), sub("maker"): (1_000 * RICH, {LINK: -start})}
    desk = Desk(desk_genesis(held))
    # E3: 1,000 LINK more make the fraction 374,036 ppm at 1,000,000,000 bq more; the requirement of that position follows.
    size = 1_000 * LINKS
    assert desk.perp.margin(desk.ctx, LINK, size, start).initial == 5_439_616_000
    needed = desk.perp.margin(desk.ctx, LINK, size, start + size).initial
    assert needed == 5_445_964_160
    desk.deposit("dave", needed - 1)
    assert desk.trade(sub("dave"), sub("maker"), LINK, size) == (NEWLY, SUCCESS)
    desk.deposit("dave", 1)
    assert desk.subaccounts.would_collateralise(desk.ctx, sub("dave"), LINK, size, -desk.notional(LINK, size)) is SUCCESS
    assert desk.trade(sub("dave"), sub("maker"), LINK, size) == BOTH
    assert desk.broken() == []


def test_an_isolated_position_takes_the_collateral_into_its_own_pool_and_brings_it_back(desk: Desk) -> None:
    """SUB-4: opening moves what the account had before the fill, closing what it has after it; fees leave the isolated pool."""
    assert desk.trade(ALICE, BOB, LINK, 100 * LINKS, 1_456_000_000, taker_fee=1_000) == BOTH
    assert desk.module_balance("subaccounts") == 100_000_000_000
    assert desk.module_balance("subaccounts:2") == 200_000_000_000 - 1_000
    assert desk.broken() == []
    assert desk.trade(CAROL, ALICE, LINK, 100 * LINKS, 1_500_000_000, taker_fee=7) == BOTH
    assert desk.collateral(ALICE) == 100_000_000_000 + 44_000_000 - 1_000
    assert desk.module_balance("subaccounts") == desk.collateral(ALICE)
    assert desk.module_balance("fee_collector") == 1_007
    assert desk.broken() == []


def test_isolated_and_cross_positions_never_meet_in_one_account(desk: Desk) -> None:
    """SUB-4: each side is named, nothing changes; also where both break it, and read-only."""
    desk.trade(ALICE, BOB, BTC, COIN)
    desk.trade(CAROL, desk.deposit("dave", RICH), LINK, LINKS)
    before = desk.snapshot()
    assert desk.trade(ALICE, sub("dave"), LINK, LINKS) == (ISOLATION, SUCCESS)
    assert desk.trade(CAROL, ALICE, BTC, COIN) == (ISOLATION, SUCCESS)
    assert desk.trade(ALICE, CAROL, BTC, COIN) == (SUCCESS, ISOLATION)
    assert desk.trade(ALICE, BOB, LINK, LINKS) == (ISOLATION, ISOLATION)
    assert desk.subaccounts.would_collateralise(desk.ctx, CAROL, BTC, COIN, 0) is ISOLATION
    assert desk.snapshot() == before


def test_a_debt_does_not_leave_an_isolated_pool() -> None:
    """Closing an isolated position below zero is refused to that side alone; down to exactly zero it closes and the account is gone."""
    held = {ALICE: (-1_000_000_000, {LINK: 100 * LINKS}), BOB: (5_000_000_000, {LINK: -100 * LINKS}), CAROL: (RICH, {})}
    desk = Desk(desk_genesis(held))
    before = desk.snapshot()
    assert desk.trade(CAROL, ALICE, LINK, 100 * LINKS, 999_999_999) == (SUCCESS, NEWLY)
    assert desk.snapshot() == before
    assert desk.trade(CAROL, ALICE, LINK, 100 * LINKS, 1_000_000_000) == BOTH
    assert ALICE not in dict(desk.subaccounts.accounts(desk.ctx)), "an empty subaccount is deleted"
    assert desk.broken() == []


def test_a_debt_does_not_enter_an_isolated_pool() -> None:
    """Opening moves the collateral of before the fill; a negative one is refused to that side alone, however good the fill."""
    desk = Desk(desk_genesis({ALICE: (-100, {}), BOB: (RICH, {}), CAROL: (RICH, {})}))
    before = desk.snapshot()
    assert desk.trade(ALICE, BOB, LINK, LINKS, 0) == (ERROR, SUCCESS)
    assert desk.trade(BOB, ALICE, LINK, LINKS, 99_000_000) == (SUCCESS, ERROR)
    assert desk.snapshot() == before
    assert desk.trade(ALICE, BOB, BTC, COIN, 0) == BOTH
    assert desk.broken() == []


def test_what_pool_or_fund_cannot_pay_refuses_the_fill_as_a_whole() -> None:
    """Bob's gain is Alice's debt, so the pool has only 100: a fee of 101 is not there. Nor is more than the fund holds."""
    desk = Desk(desk_genesis({ALICE: (-74_000_000_000, {BTC: COIN}), BOB: (74_000_000_100, {BTC: -COIN})}, fund=50))
    assert desk.module_balance("subaccounts") == 100
    before = desk.snapshot()
    assert desk.trade(CAROL, BOB, BTC, COIN // 10, 0, maker_fee=101) == (ERROR, ERROR)
    assert desk.trade(CAROL, BOB, BTC, COIN // 10, 0, delta=-51) == (ERROR, ERROR)
    assert desk.snapshot() == before
    assert desk.trade(CAROL, BOB, BTC, COIN // 10, 0, maker_fee=150, delta=-50) == BOTH
    assert (desk.module_balance("subaccounts"), desk.module_balance("insurance_fund")) == (0, 0)
    assert desk.broken() == []


def test_the_insurance_delta_moves_between_pool_and_fund(desk: Desk) -> None:
    """Positive: the taker pays the fund. Negative: the fund pays the taker. The isolated market's fund is its own."""
    assert desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000, delta=1_000) == BOTH
    assert desk.module_balance("insurance_fund") == RICH + 1_000
    assert desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000, delta=-400) == BOTH
    assert desk.module_balance("insurance_fund") == RICH + 600
    assert desk.collateral(ALICE) == 100_000_000_000 - 120_000_000_000 - 600
    dave = desk.deposit("dave", RICH)
    assert desk.trade(dave, CAROL, LINK, LINKS, 14_560_000, delta=50) == BOTH
    assert desk.module_balance("insurance_fund:2") == 50
    assert desk.broken() == []


def test_a_market_without_a_price_cannot_be_traded() -> None:
    """103 for the whole update, also read-only; deposits go on."""
    oracle = oracle_section()
    oracle["markets"][ETH]["price"] = "0"
    desk = Desk(desk_genesis(oracle=oracle))
    for name in ("alice", "bob"):
        desk.deposit(name, RICH)
    assert refused(desk, lambda: desk.trade(ALICE, BOB, ETH, 10**9, 1_000_000))[:2] == ("subaccounts", 103)
    assert refused(desk, lambda: desk.subaccounts.would_collateralise(desk.ctx, ALICE, ETH, 10**9, 0))[:2] == ("subaccounts", 103)
    assert desk.trade(ALICE, BOB, BTC, COIN) == BOTH


def test_nobody_trades_with_itself(desk: Desk) -> None:
    """101: one update names each subaccount once; two subaccounts of one owner may trade."""
    assert refused(desk, lambda: desk.trade(ALICE, ALICE, BTC, COIN))[:2] == ("subaccounts", 101)
    desk.deposit("alice", RICH, 1)
    assert desk.trade(ALICE, sub("alice", 1), BTC, COIN) == BOTH


def test_deposit_withdrawal_and_transfer_move_collateral_and_tell(desk: Desk) -> None:
    """Events have the reference's attributes; an empty subaccount is deleted."""
    bank = desk.bank.balance(desk.ctx, owner("alice"))
    before = len(desk.ctx.events)
    desk.deposit("alice", 500, 7)
    assert desk.bank.balance(desk.ctx, owner("alice")) == bank - 500
    desk.subaccounts.transfer(desk.ctx, sub("alice", 7), sub("erin", 3), 200)
    desk.subaccounts.withdraw(desk.ctx, sub("alice", 7), owner("bob"), 300)
    assert desk.subaccounts.get(desk.ctx, sub("alice", 7)) == subaccount(0, {})
    assert sub("alice", 7) not in dict(desk.subaccounts.accounts(desk.ctx))
    assert desk.collateral(sub("erin", 3)) == 200
    alice, bob, erin = (addresses.to_text(owner(name)) for name in ("alice", "bob", "erin"))
    assert [(kind.type, dict(zip(kind.keys, values, strict=True))) for kind, values in desk.ctx.events[before:]] == [
        ("deposit_to_subaccount", {"sender": alice, "recipient": alice, "recipient_number": 7, "asset_id": 0, "quantums": 500}),
        (
            "create_transfer",
            {"sender": alice, "sender_number": 7, "recipient": erin, "recipient_number": 3, "asset_id": 0, "quantums": 200},
        ),
        ("withdraw_from_subaccount", {"sender": alice, "sender_number": 7, "recipient": bob, "asset_id": 0, "quantums": 300}),
    ]
    assert desk.broken() == []


def test_a_withdrawal_and_a_transfer_leave_the_initial_requirement(desk: Desk) -> None:
    """102 names the result; exactly the requirement may remain."""
    desk.trade(ALICE, BOB, BTC, COIN)
    free = desk.risk(ALICE).net_collateral - desk.risk(ALICE).initial
    too_much = refused(desk, lambda: desk.subaccounts.withdraw(desk.ctx, ALICE, owner("alice"), free + 1))
    assert too_much == ("subaccounts", 102, "NewlyUndercollateralized")
    too_much = refused(desk, lambda: desk.subaccounts.transfer(desk.ctx, ALICE, BOB, free + 1))
    assert too_much == ("subaccounts", 102, "NewlyUndercollateralized")
    desk.subaccounts.withdraw(desk.ctx, ALICE, owner("alice"), free)
    assert desk.risk(ALICE).net_collateral == desk.risk(ALICE).initial
    desk.set_price(BTC, 6_000_000_000)
    still = refused(desk, lambda: desk.subaccounts.withdraw(desk.ctx, ALICE, owner("alice"), 1))
    assert still == ("subaccounts", 102, "StillUndercollateralized")
    assert desk.broken() == []


def test_a_deposit_is_taken_from_an_uncovered_account_too() -> None:
    """Any owner's, also where net collateral stays negative, with and without positions."""
    desk = Desk(desk_genesis({ALICE: (-80_000_000_000, {BTC: COIN}), BOB: (80_000_000_000, {BTC: -COIN})}))
    assert desk.risk(ALICE).net_collateral < 0
    desk.subaccounts.deposit(desk.ctx, owner("carol"), ALICE, 1)
    assert desk.collateral(ALICE) == -79_999_999_999
    assert desk.broken() == []


def test_money_goes_to_the_pool_of_who_receives_it(desk: Desk) -> None:
    """A deposit into, a transfer to and a withdrawal from an isolated account use its pool."""
    desk.trade(ALICE, BOB, LINK, LINKS)
    isolated = desk.module_balance("subaccounts:2")
    desk.deposit("alice", 1_000)
    desk.subaccounts.transfer(desk.ctx, CAROL, ALICE, 50)
    desk.subaccounts.withdraw(desk.ctx, ALICE, owner("alice"), 7)
    desk.subaccounts.transfer(desk.ctx, ALICE, CAROL, 3)
    assert desk.module_balance("subaccounts:2") == isolated + 1_000 + 50 - 7 - 3
    assert desk.broken() == []


@pytest.mark.parametrize("name", ["subaccounts", "subaccounts:2", "insurance_fund", "insurance_fund:2", "fee_collector"])
def test_pools_funds_and_the_collector_take_no_withdrawal(desk: Desk, name: str) -> None:
    """Sdk 4: one stray unit there would break conservation."""
    module = addresses.of_module(name)
    assert refused(desk, lambda: desk.subaccounts.withdraw(desk.ctx, ALICE, module, 1))[:2] == ("sdk", 4)


@pytest.mark.parametrize(("amount", "asset", "code"), [(0, 0, 500), (-1, 0, 500), (1, 1, 501)])
def test_only_a_positive_amount_of_usdc_moves(desk: Desk, amount: int, asset: int, code: int) -> None:
    """500 and 501, whoever calls."""
    assert refused(desk, lambda: desk.subaccounts.deposit(desk.ctx, owner("alice"), ALICE, amount, asset))[:2] == ("subaccounts", code)
    assert refused(desk, lambda: desk.subaccounts.withdraw(desk.ctx, ALICE, owner("alice"), amount, asset))[:2] == ("subaccounts", code)
    assert refused(desk, lambda: desk.subaccounts.transfer(desk.ctx, ALICE, BOB, amount, asset))[:2] == ("subaccounts", code)


def test_what_is_not_there_cannot_be_moved(desk: Desk) -> None:
    """Sdk 5 from the bank, 102 from a subaccount, 101 to itself."""
    assert refused(desk, lambda: desk.deposit("alice", 10**18))[:2] == ("sdk", 5)
    assert refused(desk, lambda: desk.subaccounts.withdraw(desk.ctx, sub("frank"), owner("frank"), 1))[1] == 102
    assert refused(desk, lambda: desk.subaccounts.transfer(desk.ctx, ALICE, ALICE, 1))[:2] == ("subaccounts", 101)


def test_profits_cannot_leave_before_a_loss_is_paid_for() -> None:
    """The pool has only what was paid in: a winner's withdrawal beyond it is refused (sdk 5), and the books stay exact."""
    desk = Desk(desk_genesis({ALICE: (-80_000_000_000, {BTC: COIN}), BOB: (81_000_000_000, {BTC: -COIN})}))
    assert desk.module_balance("subaccounts") == 1_000_000_000
    assert refused(desk, lambda: desk.subaccounts.withdraw(desk.ctx, BOB, owner("bob"), 1_000_000_001))[:2] == ("sdk", 5)
    desk.subaccounts.withdraw(desk.ctx, BOB, owner("bob"), 1_000_000_000)
    assert desk.broken() == []


def test_the_accounts_of_recipients_exist_afterwards(desk: Desk) -> None:
    """A withdrawal to, and a transfer to a subaccount of, an address that the chain has not met."""
    new, other = addresses.of_module("somebody"), addresses.of_module("somebody else")
    auth = desk.wiring.auth.keeper
    assert auth.account(desk.ctx, new) is None
    desk.subaccounts.withdraw(desk.ctx, ALICE, new, 5)
    desk.subaccounts.transfer(desk.ctx, ALICE, SubaccountId(other, 0), 5)
    assert auth.account(desk.ctx, new) is not None
    assert auth.account(desk.ctx, other) is not None


def test_the_books_speak_when_money_is_missing(desk: Desk) -> None:
    """SUB-8, SUB-9: a stray unit in a pool, a kept total that is wrong, an open interest that nobody holds."""
    desk.trade(ALICE, BOB, BTC, COIN)
    mark = desk.ctx.mark()
    desk.bank.move(desk.ctx, owner("dave"), addresses.of_module("subaccounts"), 1)
    assert "pool subaccounts holds 300000000001" in desk.subaccounts.conservation(desk.ctx)[0]
    assert "pool subaccounts holds 300000000001" in desk.subaccounts.conservation_by_scan(desk.ctx)[0]
    desk.ctx.undo(mark)
    desk.perp.change_open_interest(desk.ctx, BTC, 1)
    assert desk.subaccounts.conservation(desk.ctx) == [
        f"perpetual 0: longs {COIN}, shorts {COIN}, open interest {COIN + 1}",
    ]
    desk.ctx.undo(mark)
    accounts = desk.wiring.subaccounts._state.accounts
    accounts.set(desk.ctx, ALICE, desk.subaccounts.get(desk.ctx, ALICE)._replace(collateral=0))
    assert desk.subaccounts.conservation(desk.ctx) == []
    assert any("is kept as" in sentence for sentence in desk.subaccounts.conservation_by_scan(desk.ctx))
    accounts.set(desk.ctx, CAROL, subaccount(0, {}))
    accounts.set(desk.ctx, BOB, subaccount(1, {LINK: Position(5, 0, 0), BTC: Position(0, 0, 0)}))
    broken = desk.subaccounts.broken_accounts(desk.ctx)
    assert [any(word in sentence for sentence in broken) for word in ("empty", "order", "isolated")] == [True, True, True]
