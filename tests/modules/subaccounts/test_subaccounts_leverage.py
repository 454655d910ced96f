"""Custom leverage: a subaccount's own least initial margins raise what it must have to open, and nothing else."""

import json

import pytest

from modules.kernel import address as addresses
from modules.subaccounts.model import CustomMargin, Fill, Leverage, UpdateResult
from modules.subaccounts.state import SubaccountsState
from node.wiring import Wiring
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK, perp_section
from support.risk_desk import RICH, Desk, desk_genesis, fine_genesis, problems_of

SUCCESS = UpdateResult.SUCCESS
NEWLY = UpdateResult.NEWLY_UNDERCOLLATERALIZED
BOTH = (SUCCESS, SUCCESS)
COIN = 10**10
ALICE, BOB = sub("alice"), sub("bob")


@pytest.fixture
def desk() -> Desk:
    """Alice has 10,000 USDC, Bob a million."""
    made = Desk()
    made.deposit("alice", 10_000_000_000)
    made.deposit("bob", RICH)
    return made


@pytest.mark.parametrize(("custom", "initial"), [(0, 5_439_616_000), (400_000, 5_824_000_000), (150_000, 5_439_616_000)])
def test_the_worked_example_of_custom_leverage(custom: int, initial: int) -> None:
    """SUB-11, E3: LINK at an open interest of 2,000,000 coins requires 37.36 %, or what the subaccount has chosen; maintenance stays."""
    held = {ALICE: (RICH, {LINK: 10**9}), BOB: (10**15, {LINK: -2 * 10**12}), sub("carol"): (RICH, {LINK: 2 * 10**12 - 10**9})}
    desk = Desk(fine_genesis(held))
    if custom:
        desk.subaccounts.set_leverage(desk.ctx, ALICE, ((LINK, custom),))
    assert desk.risk(ALICE) == (RICH + 14_560_000_000, initial, 728_000_000)
    assert desk.broken() == []


def test_a_fill_is_judged_by_the_accounts_own_margin(desk: Desk) -> None:
    """5x where the market allows 50x: one quantum below 20 % is refused to that side alone, and exactly 20 % is enough."""
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 200_000),))
    quantums = 8_000_000_000
    quote = desk.notional(BTC, quantums)
    required = desk.perp.margin(desk.ctx, BTC, quantums, custom_imf_ppm=200_000).initial
    free = 10_000_000_000 - required
    assert free > 0
    assert desk.trade(ALICE, BOB, BTC, quantums, quote, taker_fee=free + 1) == (NEWLY, SUCCESS)
    judge = desk.subaccounts.would_collateralise
    assert judge(desk.ctx, ALICE, BTC, quantums, -quote - free - 1) is NEWLY
    assert judge(desk.ctx, ALICE, BTC, -quantums, quote - free - 1) is NEWLY
    assert judge(desk.ctx, BOB, BTC, quantums, -quote) is SUCCESS
    assert judge(desk.ctx, ALICE, BTC, quantums, -quote - free) is SUCCESS
    assert desk.trade(ALICE, BOB, BTC, quantums, quote, taker_fee=free) == BOTH
    assert desk.risk(ALICE).net_collateral == desk.risk(ALICE).initial == required
    assert desk.code(lambda: desk.subaccounts.withdraw(desk.ctx, ALICE, owner("alice"), 1))[1] == 102
    assert desk.broken() == []


def test_it_never_changes_maintenance_or_who_is_liquidated(desk: Desk) -> None:
    """SUB-11: the same risk but for the initial requirement, at any price; the scan finds the same accounts."""
    desk.trade(ALICE, BOB, BTC, COIN)
    before = desk.risk(ALICE)
    desk.subaccounts.exchange(desk.ctx, Fill(ETH, ALICE, BOB, True, 10**9, desk.notional(ETH, 10**9), 0, 0))
    desk.subaccounts.exchange(desk.ctx, Fill(ETH, ALICE, BOB, False, 10**9, desk.notional(ETH, 10**9), 0, 0))
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 150_000),))
    assert desk.risk(ALICE)._replace(initial=before.initial) == before
    assert desk.risk(ALICE).initial > before.initial
    desk.set_price(BTC, 5_150_000_000)
    assert desk.subaccounts.below_maintenance(desk.ctx) == []
    desk.set_price(BTC, 5_060_000_000)
    assert desk.subaccounts.below_maintenance(desk.ctx) == [(ALICE, desk.risk(ALICE))]


def test_an_account_above_its_own_leverage_may_only_reduce(desk: Desk) -> None:
    """A choice that was affordable ceases to be when the price falls; closing a part stays possible, opening does not."""
    desk.trade(ALICE, BOB, BTC, COIN)
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 160_000),))
    desk.set_price(BTC, 5_900_000_000)
    assert desk.risk(ALICE).net_collateral < desk.risk(ALICE).initial
    assert desk.trade(ALICE, BOB, BTC, COIN // 100) == (UpdateResult.STILL_UNDERCOLLATERALIZED, SUCCESS)
    assert desk.trade(BOB, ALICE, BTC, COIN // 100) == BOTH


def test_entries_are_merged_and_never_taken_away(desk: Desk) -> None:
    """Named ones are overwritten, others stay; ascending; each is told."""
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((ETH, 50_000), (BTC, 40_000)))
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((LINK, 100_000), (BTC, 1_000_000)))
    assert desk.subaccounts.leverage(desk.ctx, ALICE) == ((BTC, 1_000_000), (ETH, 50_000), (LINK, 100_000))
    assert desk.subaccounts.leverage(desk.ctx, sub("alice", 1)) == desk.subaccounts.leverage(desk.ctx, BOB) == ()
    told = [(event["subaccount"], event["perpetual_id"], event["custom_imf_ppm"]) for event in desk.events("leverage_changed")]
    alice = addresses.to_text(owner("alice"))
    assert told == [(alice, BTC, 40_000), (alice, ETH, 50_000), (alice, BTC, 1_000_000), (alice, LINK, 100_000)]
    assert desk.broken() == []


def test_what_is_refused_changes_nothing(desk: Desk) -> None:
    """701 below the market's own, 703 beyond what the account has, perpetuals/1 for none; with the message's entries alone."""
    desk.trade(ALICE, BOB, BTC, COIN)
    desk.trade(ALICE, BOB, ETH, 10**9)
    before = desk.snapshot()
    for entries, code in (
        (((BTC, 19_999),), ("subaccounts", 701)),
        (((ETH, 20_000), (LINK, 99_999)), ("subaccounts", 701)),
        (((BTC, 170_000),), ("subaccounts", 703)),
        (((9, 500_000),), ("perpetuals", 1)),
    ):
        assert desk.code(lambda entries=entries: desk.subaccounts.set_leverage(desk.ctx, ALICE, entries))[:2] == code
        assert desk.snapshot() == before
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 160_000),))
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((ETH, 1_000_000),))
    assert desk.risk(ALICE).net_collateral < desk.risk(ALICE).initial, "each alone was affordable, as in the reference"


def test_the_answer_about_an_account_counts_its_leverage(desk: Desk) -> None:
    """Risk as it is judged."""
    desk.trade(ALICE, BOB, BTC, COIN)
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 100_000),))
    answer = desk.ask("/perpd.perp.v1.Query/Account", owner=addresses.to_text(owner("alice")))
    assert int.from_bytes(answer.initial_margin[1:], "big") == desk.risk(ALICE).initial == -(-desk.notional(BTC, COIN) // 10)


def test_a_genesis_carries_it() -> None:
    """Export and import are the same state, also of a subaccount that holds nothing."""
    desk = Desk()
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 40_000), (LINK, 500_000)))
    exported = json.loads(json.dumps(desk.wiring.subaccounts.export_genesis(desk.ctx)))
    again = Desk(desk_genesis(subaccounts=exported))
    assert again.subaccounts.leverage(again.ctx, ALICE) == ((BTC, 40_000), (LINK, 500_000))
    assert again.wiring.subaccounts.export_genesis(again.ctx) == exported


ENTRY = {"perpetual_id": BTC, "custom_imf_ppm": 40_000}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"owner": "x"}, "owner"),
        ({"number": 128_001}, "number"),
        ({"entries": []}, "entries"),
        ({"entries": [ENTRY, ENTRY]}, "entries[1].perpetual_id"),
        ({"entries": [ENTRY | {"perpetual_id": 9}]}, "entries[0].perpetual_id"),
        ({"entries": [ENTRY | {"custom_imf_ppm": 0}]}, "entries[0].custom_imf_ppm"),
        ({"entries": [ENTRY | {"custom_imf_ppm": 1_000_001}]}, "entries[0].custom_imf_ppm"),
        ({"leverage": 5}, "leverage"),
    ],
)
def test_mistakes_of_a_genesis_are_named(change: dict[str, object], path: str) -> None:
    """Each alone, at its place; and a subaccount is listed once."""
    good = {"owner": addresses.to_text(owner("alice")), "number": 0, "entries": [ENTRY]}
    assert problems_of(Wiring(), desk_genesis(subaccounts={"leverage": [good]})) == []
    found = problems_of(Wiring(), desk_genesis(subaccounts={"leverage": [good | change]}))
    assert f"subaccounts.leverage[0].{path}" in [where for where, _ in found]
    twice = problems_of(Wiring(), desk_genesis(subaccounts={"leverage": [good, good]}))
    assert [where for where, _ in twice] == ["subaccounts.leverage[1].number"]


@pytest.mark.parametrize("entries", [(), ((BTC, 0),), ((BTC, 1_000_001),), ((ETH, 5), (BTC, 5)), ((BTC, 5), (BTC, 5)), ((77, 5),)])
def test_the_invariants_see_leverage_that_cannot_be(entries: tuple[tuple[int, int], ...]) -> None:
    """Empty, out of range or order, of a perpetual that does not exist."""
    desk = Desk()
    state: SubaccountsState = desk.wiring.subaccounts._state
    state.leverage.set(desk.ctx, ALICE, Leverage(tuple(CustomMargin(*entry) for entry in entries)))
    assert any("leverage" in sentence for sentence in desk.broken())


def test_it_counts_beside_brackets() -> None:
    """The highest initial rule: brackets above it where the position is large, the account's own where it is small."""
    perp = perp_section()
    perp["liquidity_tiers"][0] |= {"initial_margin_ppm": 8_000, "brackets": "cex_tiers"}
    desk = Desk(desk_genesis(perp=perp))
    for name in ("alice", "bob"):
        desk.deposit(name, RICH)
    assert desk.trade(ALICE, BOB, BTC, COIN) == BOTH
    by_bracket = desk.risk(ALICE)
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 9_000),))
    assert desk.risk(ALICE) == by_bracket
    desk.subaccounts.set_leverage(desk.ctx, ALICE, ((BTC, 100_000),))
    assert desk.risk(ALICE) == by_bracket._replace(initial=6_012_345_678)
