"""dydx-clob.md 3.6, with 2.7 and 2.8, as tables: cancels are consensus state and remembered (design.md 3.5), one by one and in batches.

The language of the tables: support/clob_tables.py.
"""

import pytest

from support.clob_tables import play

DAYS_95 = 95 * 86_400


def test_3_6_a_short_term_cancel_is_remembered_up_to_its_good_til_block() -> None:
    """Placements of the id with a good-til-block up to it fail with 7, in this block and later; a later one is another matter."""
    play("""
        alice/1 buy 1 @ 100 until 5 -> rests 1
        cancel alice/1 until 5 -> cancelled
        alice/1 buy 1 @ 100 until 5 -> fails 7
        block x4 -> nothing
        alice/1 buy 1 @ 100 until 1 -> fails 7
        alice/1 buy 1 @ 100 until 2 -> rests 1
    """)


def test_3_6_a_cancel_may_come_before_its_order() -> None:
    """An unknown order is no error: a proposer gains nothing by putting the cancel first."""
    play("""
        cancel alice/1 until 5 -> held off
        alice/1 buy 1 @ 100 until 5 -> fails 7
        alice/1 buy 1 @ 100 until 6 -> rests 1
        alice#1/1 buy 1 @ 100 until 5 -> rests 1
        alice/1 buy 1 @ 10 in ETH until 5 -> rests 1
    """)


def test_3_6_a_cancel_with_an_earlier_good_til_block_leaves_the_order() -> None:
    """It returns 0 all the same, and holds off placements up to its own good-til-block."""
    play("""
        alice/1 buy 1 @ 100 until 10 -> rests 1
        cancel alice/1 until 9 -> held off
        bids BTC -> 1 @ 100 alice/1
        cancel alice/1 until 10 -> cancelled
    """)


def test_3_6_raising_a_cancel_overwrites_it_and_a_lower_one_changes_nothing() -> None:
    """Ours: a valid cancel always succeeds (design.md 3.5), where the reference has code 9."""
    play("""
        cancel alice/1 until 5 -> held off
        cancel alice/1 until 8 -> held off
        cancel alice/1 until 8 -> held off
        cancel alice/1 until 3 -> held off
        alice/1 buy 1 @ 100 until 8 -> fails 7
        alice/1 buy 1 @ 100 until 9 -> rests 1
    """)


@pytest.mark.parametrize(("until", "outcome"), [("-1", "fails 10"), ("0", "held off"), ("40", "held off"), ("41", "fails 11")])
def test_3_6_a_short_term_cancel_has_the_window_of_orders(until: str, outcome: str) -> None:
    """2.7: codes 10 and 11 as for orders."""
    play(f"""
        cancel alice/1 until {until} -> {outcome}
        batch-cancel alice BTC 1 until {until} -> {"alice/1 held off" if outcome == "held off" else outcome}
    """)


@pytest.mark.parametrize("row", ["alice/1L buy 1 @ 90", "alice/1C buy 1 @ 90 stop 105", "alice/1T buy 10 @ 90 over 300/30"])
def test_3_6_a_stateful_cancel_reaches_its_orders_good_til_time(row: str) -> None:
    """29 one second before it; 3003, 3004 outside of the window; 3006 when there is no such order any more."""
    name = row.split(maxsplit=1)[0]
    first = {"L": "rests 1", "C": "waits", "T": "works"}[name[-1]]
    play(f"""
        cancel {name} -> fails 3006
        {row} until 100 -> {first}
        cancel {name} until 99 -> fails 29
        cancel {name} until 0 -> fails 3003
        cancel {name} until {DAYS_95 + 1} -> fails 3004
        cancel {name} until {DAYS_95} -> cancelled
        cancel {name} -> fails 3006
    """)


@pytest.mark.parametrize("row", ["alice/1L buy 1 @ 90", "alice/1C buy 1 @ 90 stop 105", "alice/1T buy 10 @ 90 over 300/30"])
def test_3_6_a_cancel_of_lane_1_voids_the_placement_behind_it(row: str) -> None:
    """3008 for that block (design.md 3.5), whether the order was there before or not; free in the next."""
    name = row.split(maxsplit=1)[0]
    first = {"L": "rests 1", "C": "waits", "T": "works"}[name[-1]]
    play(f"""
        cancel {name} before its placement -> held off
        {row} -> fails 3008
        block -> nothing
        {row} -> {first}
        cancel {name} before its placement -> cancelled
        {row} -> fails 3008
    """)


def test_3_6_a_failed_cancel_voids_nothing() -> None:
    """Outside of its window it is no cancel."""
    play("""
        cancel alice/1L until 0 before its placement -> fails 3003
        alice/1L buy 1 @ 90 -> rests 1
    """)


def test_3_6_an_order_removed_in_this_block_is_told_apart() -> None:
    """2.4, 2.7: 3009 for a placement and 3010 for a cancel of an id that was removed in this block; in the next it is as if never there."""
    play("""
        alice/1L buy 1 @ 100 -> rests 1
        alice/2 sell 1 @ 100 -> alice/1L ends SELF_TRADE_ERROR, rests 1
        alice/1L buy 1 @ 90 -> fails 3009
        cancel alice/1L -> fails 3010
        block -> nothing
        cancel alice/1L -> fails 3006
        alice/1L buy 1 @ 90 -> rests 1
    """)


def test_3_6_a_long_term_order_that_ends_on_arrival_is_removed_in_this_block_too() -> None:
    """5.2: a stateful taker that would cross as post-only is a removal like a maker's, so its id is used up for the block."""
    play("""
        bob/1 sell 1 @ 100 -> rests 1
        alice/1L buy 1 @ 100 post-only -> ends POST_ONLY_WOULD_CROSS_MAKER_ORDER
        alice/1L buy 1 @ 99 -> fails 3009
        cancel alice/1L -> fails 3010
        block -> nothing
        alice/1L buy 1 @ 99 -> rests 1
    """)


def test_3_6_a_batch_cancels_every_id_of_every_market_named() -> None:
    """2.8: each id as a short-term cancel of its own; long-term orders of the same client id stay."""
    play("""
        alice/1 buy 1 @ 100 -> rests 1
        alice/2 buy 1 @ 99 until 11 -> rests 1
        alice/3L buy 1 @ 98 -> rests 1
        alice/1 buy 1 @ 9 in ETH -> rests 1
        batch-cancel alice BTC 1 2 3 ETH 1 until 10 -> alice/1 cancelled, alice/2 held off, alice/3 held off, alice/1 cancelled
        bids BTC -> 1 @ 99 alice/2, 1 @ 98 alice/3L
        bids ETH -> nothing
        batch-cancel alice -> fails 45
        batch-cancel alice BTC 1 BTC 2 -> fails 45
        batch-cancel alice BTC 1 1 -> fails 45
        batch-cancel alice BTC -> fails 45
    """)


def test_3_6_a_batch_holds_at_most_a_hundred_ids_over_all_its_markets() -> None:
    """100 are fine, also spread over two markets; 101 are not."""
    hundred = " ".join(map(str, range(100)))
    held_off = ", ".join(f"alice/{number} held off" for number in range(100))
    split = f"BTC {' '.join(map(str, range(50)))} ETH {' '.join(map(str, range(50, 101)))}"
    play(f"""
        batch-cancel alice BTC {hundred} -> {held_off}
        batch-cancel alice BTC {hundred} 100 -> fails 45
        batch-cancel alice {split} -> fails 45
    """)
