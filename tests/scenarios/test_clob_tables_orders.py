"""dydx-clob.md 3.1 to 3.3, 3.5 and 3.7 as tables: what each kind of order may be, how it lives, is replaced and ends.

Where design.md decides differently (an order may match in its own block, cancels are consensus state), the tables show ours. The language
of the tables: support/clob_tables.py.
"""

import pytest

from support.clob_tables import play

DAYS_95 = 95 * 86_400


@pytest.mark.parametrize(
    "row",
    [
        "alice/1 buy 1 @ 100 -> rests 1",
        "alice/1 buy 1 @ 100 post-only -> rests 1",
        "alice/1 buy 1 @ 100 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK",
        "alice/1 buy 1 @ 100 fok -> fails 48",
        "alice/1L buy 1 @ 100 -> rests 1",
        "alice/1L buy 1 @ 100 post-only -> rests 1",
        "alice/1L buy 1 @ 100 ioc -> fails 3002",
        "alice/1L buy 1 @ 100 fok -> fails 48",
        "alice/1C buy 1 @ 100 stop 105 -> waits",
        "alice/1C buy 1 @ 100 stop 105 post-only -> waits",
        "alice/1C buy 1 @ 100 stop 105 ioc -> waits",
        "alice/1C buy 1 @ 100 stop 105 fok -> fails 48",
        "alice/1T buy 10 @ 100 over 300/30 -> works",
        "alice/1T buy 10 @ 100 over 300/30 post-only -> works",
        "alice/1T buy 10 @ 100 over 300/30 ioc -> works",
        "alice/1T buy 10 @ 100 over 300/30 fok -> fails 48",
        "alice/1S buy 1 @ 100 -> fails 3000",
    ],
)
def test_3_1_each_kind_has_its_times_in_force(row: str) -> None:
    """Fill-or-kill is gone for all; a long-term order is never immediate; slices are the protocol's own."""
    play(row)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ("alice/1 sell 1 @ 90 reduce-only", "fails 9003"),
        ("alice/1 sell 1 @ 90 reduce-only post-only", "fails 9003"),
        ("alice/1 sell 1 @ 90 reduce-only ioc", "takes 1 @ 95 of carol/1"),
        ("alice/1L sell 1 @ 90 reduce-only", "fails 9003"),
        ("alice/1L sell 1 @ 90 reduce-only ioc", "fails 3002"),
        ("alice/1C sell 1 @ 90 stop 95 reduce-only", "fails 9003"),
        ("alice/1C sell 1 @ 90 stop 95 reduce-only ioc", "waits"),
        ("alice/1T sell 10 @ 90 over 300/30 reduce-only", "fails 9003"),
        ("alice/1T sell 10 @ 90 over 300/30 reduce-only ioc", "works"),
    ],
)
def test_3_1_reduce_only_goes_with_ioc_and_never_with_long_term(row: str, outcome: str) -> None:
    """With a position to reduce, so that nothing else refuses it."""
    play(f"""
        bob/9 sell 5 @ 100 -> rests 5
        alice/9 buy 5 @ 100 -> takes 5 @ 100 of bob/9
        carol/1 buy 1 @ 95 -> rests 1
        {row} -> {outcome}
    """)


@pytest.mark.parametrize(
    "row",
    [
        "alice/1 buy 1 @ 100 stop 105 -> fails 6000",
        "alice/1L buy 1 @ 100 profit 95 -> fails 6000",
        "alice/1C buy 1 @ 100 -> fails 6000",
        "alice/1C buy 1 @ 100 stop 0 -> fails 6001",
        "alice/1T buy 10 @ 100 -> fails 12",
        "alice/1 buy 0 @ 100 -> fails 4",
        "alice/1 buy 1 @ 0 -> fails 6",
        "alice/1 buy 1 @ market -> fails 6",
        "alice/1T buy 10 @ market over 300/30 -> works",
        "alice/1 buy 1 @ 100 until 0 -> rests 1",
        "alice/1 buy 1 @ 100 until -100 -> fails 5",
        "alice/1L buy 1 @ 100 until -1700000000 -> fails 3001",
    ],
)
def test_3_1_each_kind_has_its_own_fields(row: str) -> None:
    """Conditions and triggers belong to conditional orders only, parameters of slices to TWAP orders, a good-til to all."""
    play(row)


@pytest.mark.parametrize(
    "row",
    [
        "alice/1 buy 1 @ 100.5 -> fails 12",
        "alice/1 buy 0.5 @ 100 -> fails 12",
        "alice/1L buy 1 @ 100.5 -> fails 12",
        "alice/1L buy 1.5 @ 100 -> fails 12",
        "alice/1C buy 1 @ 100 stop 105.5 -> fails 12",
        "alice/1T buy 10 @ 100.5 over 300/30 -> fails 12",
        "alice/1T buy 9 @ 100 over 300/30 -> fails 12",
        "alice/1T buy 10 @ 100 over 300/30 -> works",
    ],
)
def test_3_1_prices_are_whole_ticks_and_sizes_whole_steps(row: str) -> None:
    """Of a TWAP order each of its slices, so 9 steps in 10 slices are too few."""
    play(row)


# 3.2 Short-term


@pytest.mark.parametrize(("until", "outcome"), [("-1", "fails 10"), ("0", "rests 1"), ("40", "rests 1"), ("41", "fails 11")])
def test_3_2_a_short_term_order_is_good_for_its_block_and_forty_more(until: str, outcome: str) -> None:
    """H <= good-til-block <= H + 40, H being the block that carries it."""
    play(f"alice/1 buy 1 @ 100 until {until} -> {outcome}")


def test_3_2_an_order_fills_in_its_good_til_block_at_the_latest() -> None:
    """It leaves the book when the next block begins."""
    play("""
        alice/1 buy 2 @ 100 until 2 -> rests 2
        block x2 -> nothing
        bob/1 sell 1 @ 100 -> takes 1 @ 100 of alice/1
        block -> alice/1 expires
        bob/2 sell 1 @ 100 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
    """)


def test_3_2_an_id_used_again_inherits_its_fills_until_forty_blocks_after_its_good_til_block() -> None:
    """Remaining = new quantums - filled: less than a step is 24, a second IOC 2004. Good-til-block + 40 is the last block that knows."""
    play("""
        bob/1 sell 9 @ 100 until 40 -> rests 9
        alice/1 buy 2 @ 100 until 0 ioc -> takes 2 @ 100 of bob/1
        alice/1 buy 2 @ 100 until 5 ioc -> fails 24
        alice/1 buy 3 @ 100 until 5 ioc -> fails 2004
        block x40 -> nothing
        alice/1 buy 2 @ 100 ioc -> fails 24
        block -> bob/1 expires
        alice/1 buy 2 @ 99 -> rests 2
    """)


def test_3_2_an_id_that_rests_again_is_remembered_from_its_later_good_til_block() -> None:
    """Ours (CLOB-9): what counts is the latest good-til-block that the id had with fills, whether these were filled under it or not."""
    play("""
        bob/1 sell 9 @ 100 until 40 -> rests 9
        alice/1 buy 2 @ 100 until 0 ioc -> takes 2 @ 100 of bob/1
        alice/1 buy 3 @ 99 until 5 -> rests 1
        cancel alice/1 until 5 -> cancelled
        block x45 -> bob/1 expires
        alice/1 buy 2 @ 100 ioc -> fails 24
        block -> nothing
        alice/1 buy 2 @ 99 -> rests 2
    """)


def test_3_2_a_short_term_id_is_free_at_once_when_nothing_of_it_was_filled() -> None:
    """An IOC order that met nothing leaves no trace."""
    play("""
        alice/1 buy 2 @ 100 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
        alice/1 sell 3 @ 110 -> rests 3
    """)


# 3.3 Long-term


def test_3_3_a_filled_long_term_order_frees_its_id_at_once() -> None:
    """Removed in the same block with its fill amount; ours matches in its own block (design.md)."""
    play("""
        bob/1L sell 2 @ 100 -> rests 2
        alice/1L buy 2 @ 100 -> takes 2 @ 100 of bob/1L
        alice/1L buy 1 @ 99 -> rests 1
        bob/1L sell 1 @ 101 -> rests 1
    """)


@pytest.mark.parametrize(
    ("until", "outcome"),
    [("0", "fails 3003"), ("1", "rests 1"), (str(DAYS_95), "rests 1"), (str(DAYS_95 + 1), "fails 3004")],
)
def test_3_3_a_long_term_order_lives_at_most_95_days(until: str, outcome: str) -> None:
    """good_til_block_time is after the block's time and at most 8,208,000 s after it."""
    play(f"alice/1L buy 1 @ 100 until {until} -> {outcome}")


def test_3_3_it_expires_in_the_first_block_at_or_after_its_time() -> None:
    """At exactly its second it is gone before anything of that block can match it."""
    play("""
        alice/1L buy 1 @ 100 until 5 -> rests 1
        block +4s -> nothing
        block +1s -> alice/1L expires
        bob/1 sell 1 @ 100 ioc -> ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
        alice/2L buy 1 @ 100 until 5 -> rests 1
        block +60s -> alice/2L expires
    """)


def test_3_3_a_long_term_order_is_kept_by_all_four_parts_of_its_id() -> None:
    """The same client id under other flags, in another market or of another subaccount is another order."""
    play("""
        transfer alice 1000 to alice#1 -> ok
        alice/1L buy 1 @ 90 -> rests 1
        alice/1L buy 1 @ 90 -> fails 3005
        alice/1 buy 1 @ 91 -> rests 1
        alice/1C buy 1 @ 92 stop 105 -> waits
        alice/1T buy 10 @ 93 over 300/30 -> works
        alice/1L buy 1 @ 9 in ETH -> rests 1
        alice#1/1L buy 1 @ 90 -> rests 1
        bids BTC -> 1 @ 91 alice/1, 1 @ 90 alice/1L, 1 @ 90 alice#1/1L
        bids ETH -> 1 @ 9 alice/1L
    """)


# 3.5 Replacement


def test_3_5_a_later_good_til_block_replaces_size_and_price() -> None:
    """Also to a smaller one; the order it replaces is told as REPLACED."""
    play("""
        alice/1 buy 5 @ 100 until 10 -> rests 5
        alice/1 buy 2 @ 98 until 11 -> ends REPLACED, rests 2
        alice/1 buy 7 @ 99 until 40 -> ends REPLACED, rests 7
        bids BTC -> 7 @ 99 alice/1
    """)


def test_3_5_an_earlier_good_til_block_never_replaces() -> None:
    """Code 20, and the order rests as it was."""
    play("""
        alice/1 buy 5 @ 100 until 10 -> rests 5
        alice/1 buy 6 @ 100 until 9 -> fails 20
        bids BTC -> 5 @ 100 alice/1
    """)


def test_3_5_of_equal_good_til_blocks_the_greater_hash_stays() -> None:
    """Of two orders exactly one replaces the other, whichever is placed first; the same bytes replace nothing."""
    outcomes = []
    for first, second in (("5 @ 100", "6 @ 100"), ("6 @ 100", "5 @ 100")):
        table = play(f"alice/1 buy {first} until 10 -> rests {first[0]}")
        outcomes.append(table.outcomes(f"alice/1 buy {second} until 10")[0])
        resting = second if outcomes[-1] == "ends REPLACED" else first
        assert table.outcomes(f"alice/1 buy {resting} until 10") == ["fails 20"]
    assert sorted(outcomes) == ["ends REPLACED", "fails 20"]


@pytest.mark.parametrize(
    "row",
    [
        "alice/1 sell 5 @ 105 until 11",
        "alice/1 buy 5 @ 100 until 11 post-only",
        "alice/1 buy 5 @ 100 until 11 ioc",
    ],
)
def test_3_5_a_replacement_has_the_same_side_and_time_in_force(row: str) -> None:
    """Code 20 otherwise, so an IOC order never takes a resting one's place."""
    play(f"""
        alice/1 buy 5 @ 100 until 10 -> rests 5
        {row} -> fails 20
        bids BTC -> 5 @ 100 alice/1
    """)


def test_3_5_a_replacement_with_reduce_only_is_refused() -> None:
    """Same reduce_only as well; what rests is never reduce-only."""
    play("""
        bob/9 sell 5 @ 100 -> rests 5
        alice/9 buy 5 @ 100 -> takes 5 @ 100 of bob/9
        alice/1 sell 5 @ 105 until 10 -> rests 5
        alice/1 sell 5 @ 105 until 11 reduce-only ioc -> fails 20
    """)


def test_3_5_replacement_carries_its_fills_over() -> None:
    """Remaining = new size - filled; less than a step is 24 and leaves the old order."""
    play("""
        alice/1 buy 5 @ 100 until 10 -> rests 5
        bob/1 sell 2 @ 100 -> takes 2 @ 100 of alice/1
        alice/1 buy 2 @ 100 until 11 -> fails 24
        bids BTC -> 3 @ 100 alice/1
        alice/1 buy 4 @ 100 until 11 -> ends REPLACED, rests 2
        alice/1 buy 3 @ 100 until 12 -> ends REPLACED, rests 1
    """)


def test_3_5_the_replaced_order_is_no_obstacle_and_stays_removed_if_the_new_one_ends() -> None:
    """The new one is matched first, without the old one; post-only crossing and a missing margin do not bring the old one back."""
    play(
        """
        alice/1 buy 1 @ 98 until 10 post-only -> rests 1
        bob/1 sell 1 @ 100 -> rests 1
        alice/1 buy 1 @ 100 until 11 post-only -> ends REPLACED, ends POST_ONLY_WOULD_CROSS_MAKER_ORDER
        bids BTC -> nothing
        carol/1 buy 1 @ 99 until 10 -> rests 1
        carol/1 buy 1 @ 100 until 11 -> ends REPLACED, ends UNDERCOLLATERALIZED
        bids BTC -> nothing
        asks BTC -> 1 @ 100 bob/1
        """,
        deposits={"alice": 100, "bob": 100, "carol": 5},
    )


def test_3_5_a_replacement_that_breaks_an_isolated_rule_fails_and_leaves_the_old_one() -> None:
    """2005 is a failure of the transaction, which leaves nothing (design.md 3.5)."""
    play("""
        bob/1 sell 1 @ 10 in LINK -> rests 1
        alice/1 buy 1 @ 9 in LINK until 10 -> rests 1
        carol/9 sell 1 @ 100 -> rests 1
        alice/9 buy 1 @ 100 -> takes 1 @ 100 of carol/9
        alice/1 buy 1 @ 10 in LINK until 11 -> fails 2005
        bids LINK -> 1 @ 9 alice/1
    """)


def test_3_5_a_replacement_loses_its_place_in_the_queue() -> None:
    """Even if only the size shrinks."""
    play("""
        alice/1 buy 5 @ 100 until 10 -> rests 5
        bob/1 buy 1 @ 100 -> rests 1
        alice/1 buy 4 @ 100 until 11 -> ends REPLACED, rests 4
        bids BTC -> 1 @ 100 bob/1, 4 @ 100 alice/1
    """)


@pytest.mark.parametrize(
    "row",
    ["alice/1L buy 5 @ 100", "alice/1C buy 5 @ 100 stop 105", "alice/1T buy 50 @ 100 over 300/30"],
)
def test_3_5_stateful_orders_are_never_replaced(row: str) -> None:
    """3005 with whatever good-til; cancelled, the id is free at once (ours: in the same block, unless lane 1 cancelled it)."""
    first = {"L": "rests 5", "C": "waits", "T": "works"}[row[7]]
    name = row.split(maxsplit=1)[0]
    play(f"""
        {row} -> {first}
        {row} until 7200 -> fails 3005
        cancel {name} -> cancelled
        {row} -> {first}
    """)


# 3.7 Post-only, IOC


def test_3_7_a_post_only_order_that_would_match_ends_and_trades_nothing() -> None:
    """Ours: an outcome with code 0 (design.md 3.5), where the reference's CheckTx says 2003."""
    play("""
        bob/1 sell 5 @ 100 -> rests 5
        alice/1 buy 1 @ 100 post-only -> ends POST_ONLY_WOULD_CROSS_MAKER_ORDER
        alice/2 buy 1 @ 99 post-only -> rests 1
        alice/3L buy 1 @ 101 post-only -> ends POST_ONLY_WOULD_CROSS_MAKER_ORDER
        asks BTC -> 5 @ 100 bob/1
        has alice -> 10000 USDC
    """)


def test_3_7_makers_that_could_not_match_are_removed_from_a_post_only_orders_path() -> None:
    """Its own orders and undercollateralised ones go; if nothing valid remains it rests."""
    play(
        """
        carol/1 sell 1 @ 98 -> rests 1
        alice/1 sell 1 @ 99 -> rests 1
        bob/1 sell 1 @ 101 -> rests 1
        alice/2 buy 1 @ 100 post-only -> carol/1 ends UNDERCOLLATERALIZED, alice/1 ends SELF_TRADE_ERROR, rests 1
        alice/3 buy 1 @ 101 post-only -> ends POST_ONLY_WOULD_CROSS_MAKER_ORDER
        """,
        deposits={"alice": 100, "bob": 100, "carol": 5},
    )


def test_3_7_an_ioc_order_matches_once_and_never_rests() -> None:
    """The remainder is dropped; a short-term IOC id with fills cannot be used again."""
    play("""
        bob/1 sell 2 @ 100 -> rests 2
        alice/1 buy 5 @ 100 ioc -> takes 2 @ 100 of bob/1, ends IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK
        bids BTC -> nothing
        bob/2 sell 2 @ 100 -> rests 2
        alice/1 buy 5 @ 100 ioc -> fails 2004
        alice/2 buy 2 @ 100 ioc -> takes 2 @ 100 of bob/2
    """)


def test_3_7_a_reduce_only_order_closes_its_position_and_never_flips_it() -> None:
    """It needs a position of the other sign (2001), is clipped to it and ends there."""
    play("""
        alice/1 sell 1 @ 100 reduce-only ioc -> fails 2001
        bob/9 sell 3 @ 100 -> rests 3
        alice/9 buy 3 @ 100 -> takes 3 @ 100 of bob/9
        carol/1 buy 9 @ 100 -> rests 9
        alice/1 buy 1 @ 100 reduce-only ioc -> fails 2001
        alice/2 sell 5 @ 100 reduce-only ioc -> takes 3 @ 100 of carol/1, ends REDUCE_ONLY_RESIZE
        has alice -> 9999.7 USDC
        alice/3 sell 1 @ 100 reduce-only ioc -> fails 2001
    """)


def test_3_7_a_reduce_only_order_within_its_position_fills_in_full() -> None:
    """One that asks for exactly the position is filled, not resized."""
    play("""
        bob/9 sell 3 @ 100 -> rests 3
        alice/9 buy 3 @ 100 -> takes 3 @ 100 of bob/9
        carol/1 buy 9 @ 100 -> rests 9
        alice/1 sell 1 @ 100 reduce-only ioc -> takes 1 @ 100 of carol/1
        alice/2 sell 2 @ 100 reduce-only ioc -> takes 2 @ 100 of carol/1
    """)
