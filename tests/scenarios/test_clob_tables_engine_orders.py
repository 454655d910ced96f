"""dydx-clob.md 3.4 and 3.8 as tables: conditional and TWAP orders, with the choices of design.md 3.5.

Triggers are decided when a block begins, by its oracle price and the lowest and highest trade of the block before; what is due enters its
book at the engine's turn. The language of the tables: support/clob_tables.py.
"""

from typing import Any

import pytest

from support.clob_tables import play

FAR: dict[str, Any] = {"min_price_change_ppm": 9_999}
"""Trades count up to 4.9995 % beside the oracle's price."""


# 3.4 By the oracle's price


@pytest.mark.parametrize(
    ("order", "price", "triggers"),
    [
        ("buy 1 @ 90 stop 105", "104.99999", False),
        ("buy 1 @ 90 stop 105", "105", True),
        ("buy 1 @ 90 stop 105", "105.00001", True),
        ("sell 1 @ 110 profit 105", "104.99999", False),
        ("sell 1 @ 110 profit 105", "105", True),
        ("sell 1 @ 110 profit 105", "105.00001", True),
        ("sell 1 @ 110 stop 95", "95.00001", False),
        ("sell 1 @ 110 stop 95", "95", True),
        ("sell 1 @ 110 stop 95", "94.99999", True),
        ("buy 1 @ 90 profit 95", "95.00001", False),
        ("buy 1 @ 90 profit 95", "95", True),
        ("buy 1 @ 90 profit 95", "94.99999", True),
    ],
)
def test_3_4_the_oracle_triggers_all_four_directions(order: str, price: str, triggers: bool) -> None:
    """Stop-loss buys and take-profit sells when the price rises to the trigger, the others when it falls to it; equality counts."""
    play(f"""
        alice/1C {order} -> waits
        block -> nothing
        block BTC {price} -> {f"alice/1C triggers at {price}, alice/1C rests 1" if triggers else "nothing"}
    """)


def test_3_4_an_order_whose_condition_holds_already_triggers_in_the_next_block() -> None:
    """Never in its own: triggers are decided at the block's beginning."""
    play("""
        alice/1C buy 1 @ 90 stop 100 -> waits
        alice/2C buy 1 @ 90 stop 1 -> waits
        block -> alice/1C triggers at 100, alice/1C rests 1, alice/2C triggers at 100, alice/2C rests 1
    """)


# 3.4 By trades of the block before


@pytest.mark.parametrize(
    ("order", "triggers_at"),
    [
        ("buy 1 @ 90 stop 103", "103"),
        ("buy 1 @ 90 stop 104", ""),
        ("sell 1 @ 120 profit 103", "103"),
        ("sell 1 @ 120 profit 104", ""),
        ("sell 1 @ 120 stop 98", "98"),
        ("sell 1 @ 120 stop 97", ""),
        ("buy 1 @ 90 profit 98", "98"),
        ("buy 1 @ 90 profit 97", ""),
    ],
)
def test_3_4_the_lowest_and_highest_trade_trigger_too(order: str, triggers_at: str) -> None:
    """Trades at 98, 101 and 103 in the block before; the oracle stands at 100. They count for one block only."""
    play(
        f"""
        bob/1 sell 1 @ 101 -> rests 1
        bob/2 sell 1 @ 103 -> rests 1
        bob/3 buy 1 @ 98 -> rests 1
        carol/1 buy 2 @ 103 ioc -> takes 1 @ 101 of bob/1, takes 1 @ 103 of bob/2
        carol/2 sell 1 @ 98 ioc -> takes 1 @ 98 of bob/3
        alice/1C {order} -> waits
        block -> {f"alice/1C triggers at {triggers_at}, alice/1C rests 1" if triggers_at else "nothing"}
        block -> nothing
        """,
        **FAR,
    )


@pytest.mark.parametrize(("change_ppm", "trigger", "triggers_at"), [(9_999, 104, "104.9995"), (9_999, 105, ""), (1_000, 101, "")])
def test_3_4_a_trade_counts_no_further_than_five_smallest_changes_from_the_oracle(change_ppm: int, trigger: int, triggers_at: str) -> None:
    """A trade at 110 counts as 100 x (1 + 5 x change): 104.9995 at 9,999 ppm, 100.5 at 1,000."""
    play(
        f"""
        bob/1 sell 1 @ 110 -> rests 1
        carol/1 buy 1 @ 110 ioc -> takes 1 @ 110 of bob/1
        alice/1C buy 1 @ 90 stop {trigger} -> waits
        block -> {f"alice/1C triggers at {triggers_at}, alice/1C rests 1" if triggers_at else "nothing"}
        """,
        min_price_change_ppm=change_ppm,
    )


def test_3_4_the_three_prices_are_tried_in_order() -> None:
    """The oracle's first, then the lowest trade, then the highest: what triggers it is told."""
    play(
        """
        bob/1 sell 1 @ 103 -> rests 1
        bob/2 buy 1 @ 98 -> rests 1
        carol/1 buy 1 @ 103 ioc -> takes 1 @ 103 of bob/1
        carol/2 sell 1 @ 98 ioc -> takes 1 @ 98 of bob/2
        alice/1C buy 1 @ 90 stop 100 -> waits
        alice/2C buy 1 @ 90 stop 102 -> waits
        alice/3C sell 1 @ 120 stop 99 -> waits
        begin -> nothing
        engine -> alice/1C triggers at 100, alice/1C rests 1, alice/2C triggers at 103, alice/2C rests 1, \
alice/3C triggers at 98, alice/3C rests 1
        """,
        **FAR,
    )


# 3.4 What becomes of a triggered order


def test_3_4_triggered_orders_run_by_market_and_placement_and_join_the_tail() -> None:
    """Time priority is from the trigger, not from the placement."""
    play("""
        alice/1C buy 1 @ 9 profit 9 in ETH -> waits
        alice/2C buy 1 @ 95 stop 105 -> waits
        alice/3C buy 1 @ 95 stop 104 -> waits
        bob/1 buy 1 @ 95 -> rests 1
        block BTC 105 ETH 9 -> alice/2C triggers at 105, alice/2C rests 1, alice/3C triggers at 105, alice/3C rests 1, \
alice/1C triggers at 9, alice/1C rests 1
        bids BTC -> 1 @ 95 bob/1, 1 @ 95 alice/2C, 1 @ 95 alice/3C
    """)


def test_3_4_a_triggered_order_matches_at_once_up_to_its_limit() -> None:
    """A stop market is a conditional IOC with a far price; its remainder ends."""
    play("""
        bob/1 sell 1 @ 105 -> rests 1
        bob/2 sell 1 @ 107 -> rests 1
        alice/1C buy 3 @ 106 stop 105 -> waits
        alice/2C buy 3 @ 120 stop 105 ioc -> waits
        block BTC 105 -> alice/1C triggers at 105, alice/1C takes 1 @ 105 of bob/1, alice/1C rests 2, \
alice/2C triggers at 105, alice/2C takes 1 @ 107 of bob/2, alice/2C ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
    """)


def test_3_4_a_triggered_order_that_fails_is_removed_with_its_reason() -> None:
    """No limbo (design.md): no position to reduce, no margin, post-only that crosses, an isolated rule."""
    play(
        """
        bob/1 sell 1 @ 105 -> rests 1
        bob/2 sell 1 @ 10 in LINK -> rests 1
        carol/9 sell 1 @ 100 -> rests 1
        erin/9 buy 1 @ 100 -> takes 1 @ 100 of carol/9
        alice/1C sell 1 @ 90 profit 105 reduce-only ioc -> waits
        alice/2C buy 1 @ 105 stop 105 post-only -> waits
        dave/1C buy 1 @ 105 stop 105 -> waits
        erin/1C buy 1 @ 10 profit 10 in LINK -> waits
        begin BTC 105 -> nothing
        engine -> alice/1C triggers at 105, alice/1C ends REDUCE_ONLY_RESIZE, \
alice/2C triggers at 105, alice/2C ends POST_ONLY_WOULD_CROSS_MAKER_ORDER, \
dave/1C triggers at 105, dave/1C ends UNDERCOLLATERALIZED, \
erin/1C triggers at 10, erin/1C ends VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS
        asks BTC -> 1 @ 105 bob/1
        asks LINK -> 1 @ 10 bob/2
        """,
        deposits={"alice": 1000, "bob": 1000, "carol": 1000, "dave": 5, "erin": 1000},
    )


def test_3_4_a_reduce_only_stop_closes_its_position_and_no_more() -> None:
    """The position may have shrunk meanwhile: it is clipped."""
    play("""
        bob/9 sell 3 @ 100 -> rests 3
        alice/9 buy 3 @ 100 -> takes 3 @ 100 of bob/9
        carol/1 buy 9 @ 95 -> rests 9
        alice/1C sell 3 @ 90 stop 95 reduce-only ioc -> waits
        alice/8 sell 1 @ 95 ioc -> takes 1 @ 95 of carol/1
        block BTC 95 -> alice/1C triggers at 95, alice/1C takes 2 @ 95 of carol/1, alice/1C ends REDUCE_ONLY_RESIZE
        has alice -> 9984.7075 USDC
    """)


def test_3_4_a_cancel_of_lane_1_beats_the_trigger() -> None:
    """design.md 3.5 step 5: the engine comes after lanes 1 to 3."""
    play("""
        alice/1C buy 1 @ 90 stop 105 -> waits
        alice/2C buy 1 @ 90 stop 105 -> waits
        begin BTC 105 -> nothing
        cancel alice/1C -> cancelled
        engine -> alice/2C triggers at 105, alice/2C rests 1
    """)


def test_3_4_a_waiting_order_expires_by_its_time_and_a_triggered_one_too() -> None:
    """Expiry comes before the trigger in the same block."""
    play("""
        alice/1C buy 1 @ 90 stop 105 until 5 -> waits
        alice/2C buy 1 @ 90 stop 103 until 5 -> waits
        block BTC 103 -> alice/2C triggers at 103, alice/2C rests 1
        block +4s BTC 105 -> alice/2C expires, alice/1C expires
    """)


def test_3_4_nothing_is_judged_before_the_trigger() -> None:
    """6.2: conditional orders need no collateral to wait, and no position to reduce."""
    play(
        """
        dave/1C buy 1000 @ 100 stop 105 -> waits
        dave/2C sell 1 @ 100 stop 95 reduce-only ioc -> waits
        """,
        deposits={"dave": 1},
    )


# 3.8 TWAP


def test_3_8_a_slice_comes_at_every_interval_from_the_next_block_on() -> None:
    """Duration 300 s at 30 s: ten legs. What rests of a slice ends after three seconds. One interval after its last slice it has ended."""
    play("""
        alice/1T buy 10 @ 100 over 300/30 -> works
        bob/1L sell 10 @ 100 -> rests 10
        block -> alice/1T slice 1 leaving 9 legs, alice/1S takes 1 @ 100 of bob/1L
        block +29s -> nothing
        block +1s -> alice/1T slice 1 leaving 8 legs, alice/1S takes 1 @ 100 of bob/1L
        block x7 +30s -> alice/1T slice 1 leaving 7 legs, alice/1S takes 1 @ 100 of bob/1L, \
alice/1T slice 1 leaving 6 legs, alice/1S takes 1 @ 100 of bob/1L, alice/1T slice 1 leaving 5 legs, alice/1S takes 1 @ 100 of bob/1L, \
alice/1T slice 1 leaving 4 legs, alice/1S takes 1 @ 100 of bob/1L, alice/1T slice 1 leaving 3 legs, alice/1S takes 1 @ 100 of bob/1L, \
alice/1T slice 1 leaving 2 legs, alice/1S takes 1 @ 100 of bob/1L, alice/1T slice 1 leaving 1 legs, alice/1S takes 1 @ 100 of bob/1L
        block +30s -> alice/1T slice 1 leaving 0 legs, alice/1S takes 1 @ 100 of bob/1L
        has alice -> 10 BTC, 8999.5 USDC
        block +29s -> nothing
        block +1s -> alice/1T ends FULLY_FILLED
    """)


def test_3_8_missed_size_is_caught_up_with_up_to_three_regular_slices() -> None:
    """min(ceil(remaining / legs left), 3 x ceil(size / legs)), rounded down to a step: 10/9 -> 1 ... 10/5 -> 2, 10/3 -> 3, 10/1 -> 3."""
    sizes = [1, 1, 1, 1, 1, 2, 2, 3, 3, 3]
    slices = [f"alice/1T slice {size} leaving {9 - place} legs, alice/1S rests {size}" for place, size in enumerate(sizes)]
    play(f"""
        alice/1T buy 10 @ 90 over 300/30 -> works
        block -> {slices[0]}
        block x8 +30s -> {", ".join(f"alice/1S expires, {one}" for one in slices[1:9])}
        block +30s -> alice/1S expires, {slices[9]}
        block +3s -> alice/1S expires
        block +27s -> alice/1T ends TWAP_OVER
    """)


def test_3_8_fills_as_a_maker_count_too() -> None:
    """Whatever of a slice trades before it ends reduces what remains: 11 of 12 over 9 legs is 1, over 2 legs 5 is capped at 3."""
    play("""
        alice/1T buy 12 @ 90 over 300/100 -> works
        block -> alice/1T slice 4 leaving 2 legs, alice/1S rests 4
        bob/1 sell 1 @ 90 ioc -> takes 1 @ 90 of alice/1S
        block +3s -> alice/1S expires
        block +97s -> alice/1T slice 5 leaving 1 legs, alice/1S rests 5
        bob/2 sell 5 @ 90 ioc -> takes 5 @ 90 of alice/1S
        block +100s -> alice/1T slice 6 leaving 0 legs, alice/1S rests 6
        bob/3 sell 6 @ 90 ioc -> takes 6 @ 90 of alice/1S
        block +100s -> alice/1T ends FULLY_FILLED
    """)


@pytest.mark.parametrize(
    ("order", "price"),
    [
        ("buy 10 @ 95 over 300/30 tolerance 10000", "95"),
        ("sell 10 @ 115 over 300/30 tolerance 10000", "115"),
        ("buy 10 @ market over 300/30 tolerance 0", "101"),
        ("sell 10 @ market over 300/30 tolerance 0", "100"),
        ("buy 10 @ market over 300/30 tolerance 10000", "102"),
        ("sell 10 @ market over 300/30 tolerance 10000", "99"),
        ("buy 10 @ market over 300/30 tolerance 999999", "201"),
        ("sell 10 @ market over 300/30 tolerance 999999", "1"),
    ],
)
def test_3_8_a_slices_price_is_the_limit_or_the_oracles_with_tolerance(order: str, price: str) -> None:
    """Oracle 100.05: a buy is rounded up to a tick (101.0505 -> 102), a sell down (99.0495 -> 99), at least one tick."""
    side = order.split(maxsplit=1)[0]
    question = "bids" if side == "buy" else "asks"
    play(f"""
        alice/1T {order} -> works
        block BTC 100.05 -> alice/1T slice 1 leaving 9 legs, alice/1S rests 1
        {question} BTC -> 1 @ {price} alice/1S
    """)


@pytest.mark.parametrize(
    ("over", "outcome"),
    [
        ("300/30", "works"),
        ("300/29", "fails 12"),
        ("270/30", "fails 12"),
        ("299/30", "fails 12"),
        ("310/30", "fails 12"),
        ("86400/3600", "works"),
        ("86430/30", "fails 12"),
        ("7202/3601", "fails 12"),
        ("300/30 tolerance 999999", "works"),
        ("300/30 tolerance 1000000", "fails 12"),
    ],
)
def test_3_8_durations_intervals_and_tolerances_have_their_bounds(over: str, outcome: str) -> None:
    """Duration 300 to 86,400 s, interval 30 to 3,600 s that divides it, tolerance below 1,000,000 ppm."""
    play(f"alice/1T buy 100 @ 1 over {over} -> {outcome}")


def test_3_8_a_gap_in_time_gives_one_slice() -> None:
    """The next interval counts from the slice, not from the plan."""
    play("""
        alice/1T buy 10 @ 90 over 300/30 -> works
        block -> alice/1T slice 1 leaving 9 legs, alice/1S rests 1
        block +95s -> alice/1S expires, alice/1T slice 1 leaving 8 legs, alice/1S rests 1
        block +29s -> alice/1S expires
        block +1s -> alice/1T slice 1 leaving 7 legs, alice/1S rests 1
    """)


def test_3_8_cancelling_the_parent_cancels_its_live_slice() -> None:
    """In the same step; nothing follows, and the id is free."""
    play("""
        alice/1T buy 10 @ 90 over 300/30 -> works
        block -> alice/1T slice 1 leaving 9 legs, alice/1S rests 1
        cancel alice/1T -> alice/1S cancelled, cancelled
        bids BTC -> nothing
        block +30s -> nothing
    """)


def test_3_8_a_cancel_of_lane_1_beats_the_slice() -> None:
    """Decided at the beginning, done at the engine's turn."""
    play("""
        alice/1T buy 10 @ 90 over 300/30 -> works
        begin -> nothing
        cancel alice/1T -> cancelled
        engine -> nothing
    """)


def test_3_8_a_slice_cannot_be_named_by_its_owner() -> None:
    """Flags 256 are the protocol's."""
    play("""
        alice/1T buy 10 @ 90 over 300/30 -> works
        block -> alice/1T slice 1 leaving 9 legs, alice/1S rests 1
        cancel alice/1S -> fails 3000
    """)


def test_3_8_a_slice_that_cannot_be_carried_ends_the_parent() -> None:
    """Collateral is checked for the full size at placement and for each slice at its time."""
    play(
        """
        alice/1T buy 10 @ 100 over 300/30 -> works
        bob/1T buy 11 @ 100 over 300/30 -> fails 3007
        withdraw alice 91 -> ok
        block -> alice/1T ends UNDERCOLLATERALIZED
        block +30s -> nothing
        """,
        deposits={"alice": 100, "bob": 109},
    )


def test_3_8_an_isolated_rule_ends_the_parent() -> None:
    """At placement it is 2005, at a slice the reason."""
    play("""
        alice/1T buy 10 @ 10 in LINK over 300/30 -> works
        bob/9 sell 1 @ 100 -> rests 1
        alice/9 buy 1 @ 100 -> takes 1 @ 100 of bob/9
        alice/2T buy 10 @ 10 in LINK over 300/30 -> fails 2005
        block -> alice/1T ends VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS
    """)


def test_3_8_a_slice_that_loses_its_margin_while_it_matches_leaves_the_parent() -> None:
    """Only a failed placement of a slice ends the parent: one that a taker's own margin ends has been placed."""
    play(
        """
        bob/1L sell 50 @ 104 -> rests 50
        alice/1T buy 10 @ 104 over 300/30 -> works
        withdraw alice 130.5 -> ok
        block -> alice/1T slice 1 leaving 9 legs, alice/1S ends UNDERCOLLATERALIZED
        deposit alice 20 -> ok
        block +30s -> alice/1T slice 1 leaving 8 legs, alice/1S takes 1 @ 104 of bob/1L
        """,
        deposits={"alice": 145, "bob": 1000},
        fees=(10_000, 0),
    )


def test_3_8_reduce_only_is_inherited_and_clips_each_slice() -> None:
    """A slice that rests fills no more than the position; without a position the parent ends."""
    play("""
        bob/9 sell 3 @ 100 -> rests 3
        alice/9 buy 3 @ 100 -> takes 3 @ 100 of bob/9
        alice/1T sell 8 @ 110 over 300/150 reduce-only ioc -> works
        block -> alice/1T slice 4 leaving 1 legs, alice/1S rests 4
        carol/1 buy 4 @ 110 -> takes 3 @ 110 of alice/1S, alice/1S ends REDUCE_ONLY_RESIZE, rests 1
        block +150s -> alice/1T ends REDUCE_ONLY_RESIZE
    """)


def test_3_8_time_in_force_of_the_parent_says_nothing_of_its_slices() -> None:
    """Slices match and rest, whatever the parent says."""
    play("""
        bob/1L sell 1 @ 100 -> rests 1
        alice/1T buy 20 @ 100 over 300/30 post-only -> works
        block -> alice/1T slice 2 leaving 9 legs, alice/1S takes 1 @ 100 of bob/1L, alice/1S rests 1
    """)


def test_3_8_builder_and_router_are_not_copied_to_slices() -> None:
    """Neither is paid."""
    play("""
        bob/1L sell 10 @ 100 -> rests 10
        alice/1T buy 10 @ 100 over 300/30 builder erin 10000 router dave -> works
        bank dave -> 1990000 USDC
        block -> alice/1T slice 1 leaving 9 legs, alice/1S takes 1 @ 100 of bob/1L
        has alice -> 1 BTC, 9899.95 USDC
        bank erin -> 1990000 USDC
        bank dave -> 1990000 USDC
    """)


def test_3_8_good_til_time_does_not_end_it() -> None:
    """It ends by its legs."""
    play("""
        alice/1T buy 10 @ 90 over 300/30 until 10 -> works
        block -> alice/1T slice 1 leaving 9 legs, alice/1S rests 1
        block +30s -> alice/1S expires, alice/1T slice 1 leaving 8 legs, alice/1S rests 1
    """)
