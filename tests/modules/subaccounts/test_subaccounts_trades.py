"""What a fill carries besides price and size: builders' fees, payouts, realised profit; and trades that only the engine may make."""

import pytest

from modules.kernel import address as addresses
from modules.subaccounts.model import Fill, Position, UpdateResult
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK, oracle_section
from support.risk_desk import RICH, Desk, desk_genesis

BOTH = (UpdateResult.SUCCESS, UpdateResult.SUCCESS)
COIN = 10**10
LINKS = 10**6
ALICE, BOB, CAROL = sub("alice"), sub("bob"), sub("carol")
BUILDER, ROUTER = addresses.of_module("a builder"), addresses.of_module("a router")


@pytest.fixture
def desk() -> Desk:
    """Alice, Bob and Carol have 100,000 USDC each in subaccount 0."""
    made = Desk()
    for name in ("alice", "bob", "carol"):
        made.deposit(name, 100_000_000_000)
    return made


def test_builders_fees_are_charged_to_their_side_and_paid_out(desk: Desk) -> None:
    """Each side pays its own on top of its fee; named accounts get their parts and exist; the collector gets the rest."""
    fill = Fill(BTC, ALICE, BOB, True, COIN, 60_000_000_000, 30_000, -6_000, 0, 700, 50, ((BUILDER, 750), (ROUTER, 4_000)))
    assert desk.subaccounts.match(desk.ctx, fill) == BOTH
    assert desk.collateral(ALICE) == 40_000_000_000 - 30_700
    assert desk.collateral(BOB) == 160_000_000_000 + 6_000 - 50
    assert (desk.bank.balance(desk.ctx, BUILDER), desk.bank.balance(desk.ctx, ROUTER)) == (750, 4_000)
    assert desk.module_balance("fee_collector") == 30_000 - 6_000 - 4_000
    assert all(desk.wiring.auth.keeper.account(desk.ctx, address) is not None for address in (BUILDER, ROUTER))
    assert desk.subaccounts.get(desk.ctx, ALICE).positions[BTC].realised_quote == -30_700
    assert desk.subaccounts.get(desk.ctx, BOB).positions[BTC].realised_quote == 6_000 - 50
    assert desk.broken() == []


def test_all_of_a_fee_may_be_paid_out_and_the_same_account_may_be_named_twice(desk: Desk) -> None:
    """From an isolated market's own pool; nothing is left for the collector."""
    fill = Fill(LINK, ALICE, BOB, False, LINKS, 14_560_000, 100, 20, 0, 5, 0, ((ROUTER, 25), (BUILDER, 60), (ROUTER, 40)))
    assert desk.subaccounts.match(desk.ctx, fill) == BOTH
    assert (desk.bank.balance(desk.ctx, BUILDER), desk.bank.balance(desk.ctx, ROUTER)) == (60, 65)
    assert desk.module_balance("fee_collector") == 0
    assert desk.module_balance("subaccounts:2") == 200_000_000_000 - 125
    assert desk.broken() == []


def test_a_payout_that_the_pool_has_not_undoes_the_whole_fill() -> None:
    """The pool holds 100: 101 of fees are not there; no account was made for who would have got them."""
    desk = Desk(desk_genesis({ALICE: (-74_000_000_000, {BTC: COIN}), BOB: (74_000_000_100, {BTC: -COIN})}))
    before = desk.snapshot()
    fill = Fill(BTC, CAROL, BOB, True, COIN // 10, 0, 0, 0, 0, 0, 101, ((BUILDER, 101),))
    assert desk.subaccounts.match(desk.ctx, fill) == (UpdateResult.UPDATE_CAUSED_ERROR, UpdateResult.UPDATE_CAUSED_ERROR)
    assert not desk.subaccounts.exchange(desk.ctx, fill)
    assert desk.snapshot() == before


def test_the_engine_closes_at_a_price_that_leaves_an_account_uncovered() -> None:
    """What `match` refuses on both sides `exchange` does: no margin is judged. Fees, totals and open interest follow as ever."""
    desk = Desk(desk_genesis({ALICE: (-80_000_000_000, {BTC: COIN}), BOB: (81_000_000_000, {BTC: -COIN})}))
    fill = Fill(BTC, ALICE, BOB, False, COIN, 1_000_000_000, 0, 0)
    assert UpdateResult.SUCCESS not in desk.subaccounts.match(desk.ctx, fill)[:1]
    assert desk.subaccounts.exchange(desk.ctx, fill)
    assert (desk.collateral(ALICE), desk.collateral(BOB)) == (-79_000_000_000, 80_000_000_000)
    assert desk.perp.open_interest(desk.ctx, BTC) == 0
    assert desk.broken() == []


def test_the_engine_may_let_a_seller_pay() -> None:
    """A bankruptcy price below zero: Alice, long and worth less than nothing even at the oracle's price, pays Bob to take it."""
    desk = Desk(desk_genesis({ALICE: (1_000, {BTC: COIN}), BOB: (2_000, {BTC: -COIN})}))
    assert desk.subaccounts.exchange(desk.ctx, Fill(BTC, ALICE, BOB, False, COIN // 2, -400, 0, 0))
    assert (desk.collateral(ALICE), desk.collateral(BOB)) == (600, 2_400)
    assert desk.subaccounts.exchange(desk.ctx, Fill(BTC, BOB, ALICE, True, COIN // 2, -600, 0, 0))
    assert (desk.collateral(ALICE), desk.collateral(BOB)) == (0, 3_000)
    assert desk.broken() == []


def test_an_exchange_settles_funding_first(desk: Desk) -> None:
    """Its payments are told as ever, and belong to what the position realised."""
    desk.trade(ALICE, BOB, BTC, COIN)
    desk.fund_hour({BTC: 1_000})
    owed = desk.collateral(ALICE) - desk.subaccounts.settled(desk.ctx, ALICE).collateral
    assert owed > 0
    assert desk.subaccounts.exchange(desk.ctx, Fill(BTC, ALICE, BOB, False, COIN, desk.notional(BTC, COIN), 0, 0))
    assert [event["funding_paid_quote_quantums"] for event in desk.events("settled_funding")] == [owed, -owed]
    assert [event["realised_quote_quantums"] for event in desk.events("position_closed")] == [-owed, owed]
    assert desk.broken() == []


@pytest.mark.parametrize("delta", [0, -RICH - 1])
def test_an_exchange_that_cannot_be_has_changed_nothing(delta: int) -> None:
    """A debt would leave the isolated pool; the fund has less; a cross account may not hold LINK. The answer is no, never an error."""
    held = {ALICE: (-2_000_000_000, {LINK: 100 * LINKS}), BOB: (5_000_000_000, {LINK: -100 * LINKS}), CAROL: (RICH, {BTC: COIN})}
    held[sub("dave")] = (RICH, {BTC: -COIN})
    desk = Desk(desk_genesis(held))
    before, events = desk.snapshot(), len(desk.ctx.events)
    assert not desk.subaccounts.exchange(desk.ctx, Fill(LINK, ALICE, BOB, False, 100 * LINKS, 1_999_999_999, 0, 0))
    assert not desk.subaccounts.exchange(desk.ctx, Fill(BTC, CAROL, sub("dave"), False, COIN, 0, 0, 0, delta or -RICH - 7))
    assert not desk.subaccounts.exchange(desk.ctx, Fill(LINK, CAROL, ALICE, True, LINKS, 14_560_000, 0, 0))
    assert not desk.subaccounts.exchange(desk.ctx, Fill(LINK, ALICE, CAROL, False, LINKS, 14_560_000, 0, 0))
    assert desk.snapshot() == before
    assert len(desk.ctx.events) == events
    assert desk.subaccounts.exchange(desk.ctx, Fill(LINK, ALICE, BOB, False, 100 * LINKS, 2_000_000_000, 0, 0))
    assert desk.broken() == []


def test_an_exchange_raises_only_what_its_caller_must_not_ask() -> None:
    """101: with itself; 103: without a price."""
    oracle = oracle_section()
    oracle["markets"][ETH]["price"] = "0"
    desk = Desk(desk_genesis({ALICE: (RICH, {}), BOB: (RICH, {})}, oracle=oracle))
    assert desk.code(lambda: desk.subaccounts.exchange(desk.ctx, Fill(BTC, ALICE, ALICE, True, COIN, 1, 0, 0)))[:2] == ("subaccounts", 101)
    assert desk.code(lambda: desk.subaccounts.exchange(desk.ctx, Fill(ETH, ALICE, BOB, True, COIN, 1, 0, 0)))[:2] == ("subaccounts", 103)


def test_realised_profit_lives_as_long_as_the_position(desk: Desk) -> None:
    """Opened, grown, halved with a profit, flipped: told once, and what results from the flip starts at 0; then closed."""
    desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000, taker_fee=30)
    desk.trade(ALICE, BOB, BTC, COIN, 60_000_000_000, taker_fee=30)
    desk.trade(CAROL, ALICE, BTC, COIN, 61_000_000_000, maker_fee=10)
    assert desk.subaccounts.get(desk.ctx, ALICE).positions[BTC] == Position(COIN, 0, 60_000_000_000, 1_000_000_000 - 70)
    assert desk.events("position_closed") == []
    desk.trade(CAROL, ALICE, BTC, 2 * COIN, 122_000_000_000, taker_fee=9, maker_fee=5, delta=4)
    assert desk.subaccounts.get(desk.ctx, ALICE).positions[BTC] == Position(-COIN, 0, -61_000_000_000, 0)
    assert desk.subaccounts.get(desk.ctx, CAROL).positions[BTC] == Position(3 * COIN, 0, 183_000_000_000, -13)
    alice = {"subaccount": addresses.to_text(owner("alice")), "subaccount_number": 0, "perpetual_id": BTC}
    told = [alice | {"realised_quote_quantums": 2_000_000_000 - 75}]
    assert desk.events("position_closed") == told
    desk.trade(ALICE, BOB, BTC, COIN, 60_500_000_000)
    assert desk.events("position_closed") == [*told, alice | {"realised_quote_quantums": 500_000_000}]
    assert desk.subaccounts.get(desk.ctx, BOB).positions[BTC].quantums == -3 * COIN
    assert desk.broken() == []


def test_funding_that_was_settled_is_realised(desk: Desk) -> None:
    """At any touch, a deposit too; the other market's is its own."""
    desk.trade(ALICE, BOB, BTC, COIN)
    desk.trade(ALICE, BOB, ETH, 10**9)
    desk.fund_hour({BTC: 1_000, ETH: -700})
    desk.deposit("alice", 5)
    paid = {event["perpetual_id"]: event["funding_paid_quote_quantums"] for event in desk.events("settled_funding")}
    found = desk.subaccounts.get(desk.ctx, ALICE).positions
    assert {perpetual: position.realised_quote for perpetual, position in found.items()} == {BTC: -paid[BTC], ETH: -paid[ETH]}
    assert paid[BTC] > 0 > paid[ETH]
