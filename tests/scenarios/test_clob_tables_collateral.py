"""dydx-clob.md 6 as tables: margin when matching and when placing, leverage, limits by equity, and the fixed limits.

A position of 1 at 100 needs 10 USDC of initial and 5 of maintenance margin. The language of the tables: support/clob_tables.py.
"""

from typing import Any

import pytest

from support.clob_tables import play

NO_FEES = (0, 0)


# 6.1 When matching


@pytest.mark.parametrize(("amount", "outcome"), [(50, "takes 5 @ 100 of bob/1"), (49, "ends UNDERCOLLATERALIZED")])
def test_6_1_a_match_needs_initial_margin_of_what_it_leads_to(amount: int, outcome: str) -> None:
    """Five at 100 need exactly 50: equality passes, one USDC less does not."""
    play(
        f"""
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 ioc -> {outcome}
        """,
        deposits={"alice": amount, "bob": 1000},
        fees=NO_FEES,
    )


def test_6_1_margins_are_told_as_they_are() -> None:
    """Net = collateral + notional at the oracle's price; initial 10 %, maintenance half of it; the price of the trade is profit or loss."""
    play("""
        bob/1 sell 2 @ 110 -> rests 2
        alice/1 buy 2 @ 110 -> takes 2 @ 110 of bob/1
        margin alice -> net 9979.89, initial 20, maintenance 10
        margin bob -> net 10020.0242, initial 20, maintenance 10
        block BTC 120 -> nothing
        margin alice -> net 10019.89, initial 24, maintenance 12
        margin bob -> net 9980.0242, initial 24, maintenance 12
    """)


def test_6_1_fees_count() -> None:
    """5 at 100 need 50 and cost 0.25."""
    play(
        """
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 ioc -> ends UNDERCOLLATERALIZED
        deposit alice 0.249999 -> ok
        alice/2 buy 5 @ 100 ioc -> ends UNDERCOLLATERALIZED
        deposit alice 0.000001 -> ok
        alice/3 buy 5 @ 100 ioc -> takes 5 @ 100 of bob/1
        """,
        deposits={"alice": 50, "bob": 1000},
    )


def test_6_1_below_initial_margin_a_trade_may_reduce_the_risk() -> None:
    """Net 40 of 45 needed after the fall: buying fails; selling half keeps net / maintenance from falling and passes."""
    play(
        """
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 -> takes 5 @ 100 of bob/1
        block BTC 90 -> nothing
        margin alice -> net 40, initial 45, maintenance 22.5
        carol/1 sell 1 @ 90 -> rests 1
        alice/2 buy 1 @ 90 ioc -> ends UNDERCOLLATERALIZED
        erin/1 buy 3 @ 89 -> rests 3
        alice/3 sell 3 @ 89 ioc -> takes 3 @ 89 of erin/1
        margin alice -> net 37, initial 18, maintenance 9
        """,
        deposits={"alice": 90, "bob": 1000, "carol": 1000, "erin": 1000},
        fees=NO_FEES,
    )


@pytest.mark.parametrize(("price", "outcome"), [(82, "takes 1 @ 82 of carol/1"), (81, "ends UNDERCOLLATERALIZED")])
def test_6_1_a_reduction_must_not_lower_net_over_maintenance_and_ties_pass(price: int, outcome: str) -> None:
    """Net 40, maintenance 22.5. Selling 1 of 5 frees a fifth of it: at 82 net is 32 = 40 x 4/5, at 81 it is less."""
    play(
        f"""
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 -> takes 5 @ 100 of bob/1
        block BTC 90 -> nothing
        carol/1 buy 1 @ {price} -> rests 1
        alice/2 sell 1 @ {price} ioc -> {outcome}
        """,
        deposits={"alice": 90, "bob": 1000, "carol": 1000},
        fees=NO_FEES,
    )


def test_6_1_the_last_position_cannot_be_closed_into_debt() -> None:
    """With maintenance 0 afterwards and net below 0 the trade fails; at net 0 it passes."""
    play(
        """
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 -> takes 5 @ 100 of bob/1
        carol/1 buy 5 @ 81 -> rests 5
        block BTC 90 -> nothing
        alice/2 sell 5 @ 81 ioc -> ends UNDERCOLLATERALIZED
        cancel carol/1 -> cancelled
        carol/2 buy 5 @ 82 -> rests 5
        alice/3 sell 5 @ 82 ioc -> takes 5 @ 82 of carol/2
        has alice -> 0 USDC
        """,
        deposits={"alice": 90, "bob": 1000, "carol": 1000},
        fees=NO_FEES,
    )


def test_6_1_initial_margin_grows_with_open_interest_this_match_counted() -> None:
    """Between caps of 1,000 and 2,000 USDC from 10 % to 100 %: after 12 at 100 it is 28 %, so 12 x 28 = 336."""
    play(
        """
        bob/1 sell 12 @ 100 -> rests 12
        alice/1 buy 12 @ 100 ioc -> ends UNDERCOLLATERALIZED
        deposit alice 1 -> ok
        alice/2 buy 12 @ 100 ioc -> takes 12 @ 100 of bob/1
        margin alice -> net 336, initial 336, maintenance 60
        open-interest BTC -> 12
        carol/1 sell 3 @ 100 -> rests 3
        erin/1 buy 1 @ 100 -> takes 1 @ 100 of carol/1
        margin erin -> net 1000, initial 37, maintenance 5
        """,
        deposits={"alice": 335, "bob": 10_000, "carol": 1000, "erin": 1000},
        fees=NO_FEES,
        open_interest_caps=(1_000, 2_000),
    )


@pytest.mark.parametrize(
    ("held", "tried", "outcome"),
    [
        ("BTC", "ETH", "takes 1 @ 10 of carol/1"),
        ("BTC", "BTC", "takes 1 @ 10 of carol/1"),
        ("LINK", "LINK", "takes 1 @ 10 of carol/1"),
        ("BTC", "LINK", "fails 2005"),
        ("LINK", "BTC", "fails 2005"),
    ],
)
def test_6_1_a_subaccount_trades_one_isolated_market_or_cross_ones(held: str, tried: str, outcome: str) -> None:
    """Another subaccount of the same owner is free to."""
    play(f"""
        bob/1 sell 1 @ 10 in {held} -> rests 1
        alice/1 buy 1 @ 10 in {held} -> takes 1 @ 10 of bob/1
        carol/1 sell 1 @ 10 in {tried} -> rests 1
        alice/2 buy 1 @ 10 in {tried} -> {outcome}
        transfer alice 100 to alice#128 -> ok
        dave/1 sell 1 @ 9 in {tried} -> rests 1
        alice#128/1 buy 1 @ 9 in {tried} -> takes 1 @ 9 of dave/1
    """)


def test_6_1_an_isolated_position_takes_its_collateral_into_a_pool_of_its_own() -> None:
    """All of the subaccount's collateral moves when the position opens and comes back when it closes; positions in between move nothing."""
    play(
        """
        bank subaccounts -> 200 USDC
        bob/1 sell 2 @ 10 in LINK -> rests 2
        alice/1 buy 2 @ 10 in LINK -> takes 2 @ 10 of bob/1
        bank subaccounts -> 0 USDC
        bank subaccounts:2 -> 200 USDC
        alice/2 sell 1 @ 10 in LINK -> rests 1
        bob/2 buy 1 @ 10 in LINK -> takes 1 @ 10 of alice/2
        bank subaccounts:2 -> 200 USDC
        alice/3 sell 1 @ 10 in LINK -> rests 1
        bob/3 buy 1 @ 10 in LINK -> takes 1 @ 10 of alice/3
        bank subaccounts -> 200 USDC
        bank subaccounts:2 -> 0 USDC
        """,
        deposits={"alice": 100, "bob": 100},
        fees=NO_FEES,
    )


# 6.1 Any other update


@pytest.mark.parametrize(("amount", "outcome"), [("50", "ok"), ("50.000001", "fails subaccounts/102")])
def test_6_1_a_withdrawal_leaves_initial_margin(amount: str, outcome: str) -> None:
    """Also a transfer to another subaccount, one's own or not."""
    for row in (f"withdraw alice {amount}", f"transfer alice {amount} to alice#1", f"transfer alice {amount} to carol"):
        play(
            f"""
            bob/1 sell 5 @ 100 -> rests 5
            alice/1 buy 5 @ 100 -> takes 5 @ 100 of bob/1
            {row} -> {outcome}
            """,
            deposits={"alice": 100, "bob": 1000},
            fees=NO_FEES,
        )


def test_6_1_a_deposit_is_never_refused() -> None:
    """Even one that does not suffice."""
    play(
        """
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 -> takes 5 @ 100 of bob/1
        block BTC 50 -> nothing
        margin alice -> net -200, initial 25, maintenance 12.5
        deposit alice 1 -> ok
        withdraw alice 1 -> fails subaccounts/102
        """,
        deposits={"alice": 50, "bob": 1000},
        fees=NO_FEES,
    )


# 6.2 When a stateful order is placed


@pytest.mark.parametrize(("row", "outcome"), [("alice/1L buy 10 @ 100", "rests 10"), ("alice/1T sell 10 @ 100 over 300/30", "works")])
def test_6_2_long_term_and_twap_orders_are_judged_in_full_at_placement(row: str, outcome: str) -> None:
    """As a maker at its own price: 10 at 100 need 100."""
    play(f"{row} -> {outcome}", deposits={"alice": "100"}, fees=NO_FEES)
    play(f"{row} -> fails 3007", deposits={"alice": "99.999999"}, fees=NO_FEES)


def test_6_2_the_price_of_the_order_counts_against_the_oracles() -> None:
    """A buy above the oracle loses the difference, one below gains it; of a TWAP order without a limit floor(oracle) counts."""
    play(
        """
        alice/1L buy 10 @ 101 -> fails 3007
        alice/2L buy 10 @ 100 -> rests 10
        alice/3L buy 11 @ 99 -> rests 11
        alice/4L buy 12 @ 99 -> fails 3007
        alice/5T buy 10 @ market over 300/30 tolerance 500000 -> works
        alice/6T buy 11 @ market over 300/30 -> fails 3007
        """,
        deposits={"alice": 100},
        fees=NO_FEES,
    )


def test_6_2_each_order_is_judged_alone() -> None:
    """Other open orders are not summed; a position is."""
    play(
        """
        alice/1L buy 10 @ 100 -> rests 10
        alice/2L buy 10 @ 100 -> rests 10
        bob/1 sell 20 @ 100 -> takes 10 @ 100 of alice/1L, alice/2L ends UNDERCOLLATERALIZED, rests 10
        alice/3L buy 1 @ 100 -> fails 3007
        alice/4L sell 10 @ 101 -> rests 10
        alice/5L sell 20 @ 101 -> rests 20
        alice/6L sell 24 @ 101 -> fails 3007
        """,
        deposits={"alice": 100, "bob": 1000},
        fees=NO_FEES,
    )


def test_6_2_the_makers_fee_and_its_builders_count() -> None:
    """10 at 100: 1 USDC of fee at 1,000 ppm, and 10 of a builder's at 10,000 ppm of the quote."""
    play(
        """
        alice/1L buy 10 @ 100 -> fails 3007
        deposit alice 1 -> ok
        alice/1L buy 10 @ 100 -> rests 10
        alice/2L buy 10 @ 100 builder erin 10000 -> fails 3007
        deposit alice 10 -> ok
        alice/2L buy 10 @ 100 builder erin 10000 -> rests 10
        """,
        deposits={"alice": 100},
        fees=(1000, 1000),
    )


def test_6_2_short_term_and_conditional_orders_are_not_judged_at_placement() -> None:
    """Only when they match."""
    play(
        """
        alice/1 buy 1000 @ 100 -> rests 1000
        alice/1C buy 1000 @ 100 stop 105 -> waits
        alice/1L buy 1 @ 100 -> fails 3007
        """,
        deposits={"alice": 1},
    )


def test_6_2_isolated_rules_hold_at_placement_of_long_term_orders() -> None:
    """2005 instead of 3007."""
    play("""
        bob/1 sell 1 @ 100 -> rests 1
        alice/1 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        alice/1L buy 1 @ 10 in LINK -> fails 2005
        alice/2L buy 1 @ 10 in ETH -> rests 1
    """)


# 6.3 Leverage


def test_6_3_custom_leverage_raises_initial_margin_only() -> None:
    """From 10 % to 20 %; never maintenance; of this market only."""
    play(
        """
        leverage alice BTC 200000 -> ok
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 ioc -> ends UNDERCOLLATERALIZED
        deposit alice 1 -> ok
        alice/2 buy 5 @ 100 ioc -> takes 5 @ 100 of bob/1
        margin alice -> net 100, initial 100, maintenance 25
        withdraw alice 1 -> fails subaccounts/102
        leverage alice BTC 100000 -> ok
        margin alice -> net 100, initial 50, maintenance 25
        withdraw alice 1 -> ok
        """,
        deposits={"alice": 99, "bob": 1000},
        fees=NO_FEES,
    )


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ("leverage alice BTC 0", "fails 11002"),
        ("leverage alice BTC 99999", "fails subaccounts/701"),
        ("leverage alice BTC 100000", "ok"),
        ("leverage alice BTC 200000", "ok"),
        ("leverage alice BTC 200001", "fails subaccounts/703"),
        ("leverage alice ETH 1000000", "ok"),
        ("leverage alice BTC 1000001", "fails 11002"),
    ],
)
def test_6_3_a_custom_margin_lies_between_the_tiers_and_all_of_it_and_must_be_met(row: str, outcome: str) -> None:
    """With a position of 5 at 100 and 100 USDC 20 % are what it can have."""
    play(
        f"""
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 5 @ 100 -> takes 5 @ 100 of bob/1
        {row} -> {outcome}
        """,
        deposits={"alice": 100, "bob": 1000},
        fees=NO_FEES,
    )


# 6.4 Equity tiers


def tiers(*rows: tuple[int, int]) -> list[dict[str, Any]]:
    """(USDC, limit) each."""
    return [{"usd_tnc_required": str(usdc * 10**6), "limit": limit} for usdc, limit in rows]


SHIPPED = {
    "stateful": tiers((0, 0), (20, 1), (100, 5)),
    "short_term": tiers((0, 0), (20, 1), (100, 5)),
}


@pytest.mark.parametrize(("amount", "limit"), [(19, 0), (20, 1), (99, 1), (100, 5)])
def test_6_4_equity_sets_how_many_stateful_orders_there_may_be(amount: int, limit: int) -> None:
    """The highest tier whose equity is reached. Below the first that allows any: none. The next one is 10001."""
    placed = "\n".join(f"alice/{number}L buy 1 @ 100 -> rests 1" for number in range(limit))
    play(f"{placed}\nalice/99L buy 1 @ 100 -> fails 10001", deposits={"alice": amount}, equity_tiers=SHIPPED)


def test_6_4_long_term_conditional_and_twap_orders_count_together() -> None:
    """In all markets, waiting or triggered, slices not; each that ends makes room."""
    play(
        """
        alice/1L buy 1 @ 50 -> rests 1
        alice/2L buy 1 @ 5 in ETH -> rests 1
        alice/1C buy 1 @ 50 stop 105 -> waits
        alice/2C buy 1 @ 50 stop 110 -> waits
        alice/1T buy 10 @ 50 over 300/30 -> works
        alice/3L buy 1 @ 50 -> fails 10001
        alice/3C buy 1 @ 50 stop 110 -> fails 10001
        alice/2T buy 10 @ 50 over 300/30 -> fails 10001
        block BTC 105 -> alice/1C triggers at 105, alice/1C rests 1, alice/1T slice 1 leaving 9 legs, alice/1S rests 1
        alice/3L buy 1 @ 50 -> fails 10001
        cancel alice/2C -> cancelled
        alice/3L buy 1 @ 50 -> rests 1
        """,
        deposits={"alice": 500},
        equity_tiers=SHIPPED,
    )


def test_6_4_resting_short_term_orders_have_a_limit_of_their_own() -> None:
    """Ours (design.md): what rests counts; IOC orders and replacements need no room."""
    play(
        """
        alice/1L buy 1 @ 50 -> rests 1
        alice/1 buy 1 @ 50 until 10 -> rests 1
        alice/2 buy 1 @ 50 -> fails 10001
        alice/1 buy 1 @ 51 until 11 -> ends REPLACED, rests 1
        alice/2 buy 1 @ 50 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
        cancel alice/1 until 11 -> cancelled
        alice/3 buy 1 @ 50 -> rests 1
        """,
        deposits={"alice": 20},
        equity_tiers=SHIPPED,
    )


def test_6_4_equity_is_net_collateral() -> None:
    """Positions at the oracle's price: after the rise 100 are reached."""
    play(
        """
        bob/1 sell 1 @ 100 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
        alice/9 buy 1 @ 100 -> rests 1
        bob/2 sell 1 @ 100 ioc -> takes 1 @ 100 of alice/9
        alice/1L buy 1 @ 50 -> rests 1
        alice/2L buy 1 @ 50 -> fails 10001
        block BTC 110 -> nothing
        alice/2L buy 1 @ 50 -> rests 1
        """,
        deposits={"alice": 90, "bob": 1000},
        fees=NO_FEES,
        equity_tiers=SHIPPED,
    )


def test_6_4_an_empty_table_limits_nothing() -> None:
    """However little there is."""
    play("\n".join(f"alice/{number} buy 1 @ 100 -> rests 1" for number in range(30)), deposits={})


def test_6_4_the_parameter_counts_orders_of_all_kinds() -> None:
    """Ours: `max_open_orders`, whatever the equity."""
    play(
        """
        alice/1 buy 1 @ 50 -> rests 1
        alice/1L buy 1 @ 50 -> rests 1
        alice/1C buy 1 @ 50 stop 105 -> fails 10001
        alice/2 buy 1 @ 50 -> fails 10001
        alice/2 buy 1 @ 50 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
        """,
        params={"max_open_orders": 2},
    )


def test_6_4_room_is_asked_before_router_and_collateral() -> None:
    """The order of 2.4: 10001, then revshare 8, then 3007."""
    play(
        """
        alice/1L buy 1 @ 50 -> rests 1
        alice/2L buy 1000 @ 100 router erin -> fails 10001
        cancel alice/1L -> cancelled
        alice/2L buy 1000 @ 100 router erin -> fails revshare/8
        alice/2L buy 1000 @ 100 router dave -> fails 3007
        """,
        deposits={"alice": 20},
        equity_tiers=SHIPPED,
    )


# 6.6 Fixed limits


def test_6_6_subaccount_numbers_end_at_128000() -> None:
    """200 above it, also in cancels and transfers."""
    play("""
        alice#128000/1 buy 1 @ 50 -> rests 1
        alice#128001/1 buy 1 @ 50 -> fails subaccounts/200
        cancel alice#128001/1 -> fails subaccounts/200
        transfer alice 1 to alice#128000 -> ok
        transfer alice 1 to alice#128001 -> fails subaccounts/200
    """)
