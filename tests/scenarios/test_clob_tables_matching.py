"""dydx-clob.md 5 as tables: books, the taker's walk, one match with its money and fees, fill amounts, and makers that cannot pay.

Money is to the quantum: a fill of 1 at 100 costs the taker 0.05 (500 ppm) and pays the maker 0.011 (110 ppm). The language of the tables:
support/clob_tables.py.
"""

from typing import Any

import pytest

from support.clob_tables import play
from support.markets import START_SECONDS

# 5.1 Book


def test_5_1_price_then_time() -> None:
    """Bids from the highest down, asks from the lowest up; at one price the oldest first, whatever its kind."""
    play("""
        alice/1 sell 1 @ 102 -> rests 1
        bob/1L sell 1 @ 101 -> rests 1
        alice/2 sell 1 @ 101 post-only -> rests 1
        carol/1 buy 1 @ 98 -> rests 1
        carol/2 buy 1 @ 99 -> rests 1
        bob/2L buy 1 @ 98 -> rests 1
        asks BTC -> 1 @ 101 bob/1L, 1 @ 101 alice/2, 1 @ 102 alice/1
        bids BTC -> 1 @ 99 carol/2, 1 @ 98 carol/1, 1 @ 98 bob/2L
        dave/1 buy 3 @ 102 -> takes 1 @ 101 of bob/1L, takes 1 @ 101 of alice/2, takes 1 @ 102 of alice/1
        erin/1 sell 3 @ 98 -> takes 1 @ 99 of carol/2, takes 1 @ 98 of carol/1, takes 1 @ 98 of bob/2L
    """)


def test_5_1_time_runs_through_blocks() -> None:
    """Time is (block, place in the block)."""
    play("""
        alice/1 buy 1 @ 99 -> rests 1
        block -> nothing
        bob/1 buy 1 @ 99 -> rests 1
        block -> nothing
        carol/1L buy 1 @ 99 -> rests 1
        bids BTC -> 1 @ 99 alice/1, 1 @ 99 bob/1, 1 @ 99 carol/1L
    """)


def test_5_1_a_partly_filled_maker_keeps_its_place() -> None:
    """Only what remains of it shrinks."""
    play("""
        alice/1 buy 3 @ 99 -> rests 3
        bob/1 buy 1 @ 99 -> rests 1
        carol/1 sell 2 @ 99 -> takes 2 @ 99 of alice/1
        bids BTC -> 1 @ 99 alice/1, 1 @ 99 bob/1
        carol/2 sell 2 @ 99 -> takes 1 @ 99 of alice/1, takes 1 @ 99 of bob/1
    """)


def test_5_1_markets_do_not_meet() -> None:
    """Each pair has its own book."""
    play("""
        alice/1 sell 1 @ 10 in ETH -> rests 1
        bob/1 buy 1 @ 10 in LINK -> rests 1
        bob/2 buy 1 @ 20 -> rests 1
    """)


# 5.2 Taker loop


def test_5_2_row_1_it_stops_at_its_limit() -> None:
    """A price equal to the limit crosses, one beyond does not; the rest joins the book."""
    play("""
        alice/1 sell 1 @ 100 -> rests 1
        alice/2 sell 1 @ 102 -> rests 1
        bob/1 buy 3 @ 101 -> takes 1 @ 100 of alice/1, rests 2
        bids BTC -> 2 @ 101 bob/1
        carol/1 sell 3 @ 101 -> takes 2 @ 101 of bob/1, rests 1
    """)


def test_5_2_row_3_a_maker_of_the_same_subaccount_is_removed_and_the_taker_goes_on() -> None:
    """The taker is never reduced; another subaccount of the same owner does trade."""
    play("""
        transfer alice 1000 to alice#1 -> ok
        alice/1 sell 5 @ 100 -> rests 5
        alice/2L sell 1 @ 100 -> rests 1
        alice#1/1 sell 1 @ 100 -> rests 1
        bob/1 sell 1 @ 101 -> rests 1
        alice/3 buy 3 @ 101 -> alice/1 ends SELF_TRADE_ERROR, alice/2L ends SELF_TRADE_ERROR, takes 1 @ 100 of alice#1/1, \
takes 1 @ 101 of bob/1, rests 1
        has alice -> 2 BTC, 8798.8995 USDC
        has alice#1 -> -1 BTC, 1100.011 USDC
    """)


def test_5_2_row_5_a_fill_is_the_smaller_of_both() -> None:
    """And at the maker's price."""
    play("""
        alice/1 sell 2 @ 100 -> rests 2
        bob/1 buy 5 @ 110 -> takes 2 @ 100 of alice/1, rests 3
        carol/1 sell 1 @ 90 -> takes 1 @ 110 of bob/1
        has carol -> -1 BTC, 10109.945 USDC
    """)


def test_5_2_row_6_a_reduce_only_maker_fills_no_more_than_its_position() -> None:
    """Only slices rest reduce-only. It is resized to its position; with nothing to reduce it goes and the taker goes on."""
    play("""
        bob/9 sell 2 @ 100 -> rests 2
        alice/9 buy 2 @ 100 -> takes 2 @ 100 of bob/9
        alice/1T sell 4 @ 105 over 300/300 reduce-only ioc -> works
        block -> alice/1T slice 4 leaving 0 legs, alice/1S rests 4
        carol/1 sell 1 @ 105 -> rests 1
        dave/1 buy 5 @ 105 -> takes 2 @ 105 of alice/1S, alice/1S ends REDUCE_ONLY_RESIZE, takes 1 @ 105 of carol/1, rests 2
        has alice -> 10009.9231 USDC
    """)


def test_5_2_a_resting_reduce_only_order_ends_when_its_position_is_closed_by_another() -> None:
    """It stays while the position only shrinks; when the sign changes, also to zero, it is removed (end of 5.2)."""
    play("""
        bob/9 sell 3 @ 100 -> rests 3
        alice/9 buy 3 @ 100 -> takes 3 @ 100 of bob/9
        alice/1T sell 3 @ 105 over 300/300 reduce-only ioc -> works
        block -> alice/1T slice 3 leaving 0 legs, alice/1S rests 3
        carol/1 buy 1 @ 99 -> rests 1
        alice/2 sell 1 @ 99 ioc -> takes 1 @ 99 of carol/1
        asks BTC -> 3 @ 105 alice/1S
        carol/2 buy 2 @ 99 -> rests 2
        alice/3 sell 2 @ 99 ioc -> takes 2 @ 99 of carol/2, alice/1S ends REDUCE_ONLY_RESIZE
        asks BTC -> nothing
    """)


def test_5_2_row_7_a_maker_without_margin_is_removed_and_the_taker_goes_on() -> None:
    """Its reason is always UNDERCOLLATERALIZED."""
    play(
        """
        alice/1 sell 1 @ 100 -> rests 1
        bob/1 sell 1 @ 100 -> rests 1
        carol/1 buy 2 @ 100 -> alice/1 ends UNDERCOLLATERALIZED, takes 1 @ 100 of bob/1, rests 1
        has alice -> 9 USDC
        """,
        deposits={"alice": 9, "bob": 100, "carol": 100},
    )


def test_5_2_row_7_a_maker_that_breaks_an_isolated_rule_is_removed_as_undercollateralised() -> None:
    """It came to rest before its owner opened a position elsewhere."""
    play("""
        alice/1 sell 1 @ 10 in LINK -> rests 1
        bob/9 sell 1 @ 100 -> rests 1
        alice/9 buy 1 @ 100 -> takes 1 @ 100 of bob/9
        carol/1 buy 1 @ 10 in LINK -> alice/1 ends UNDERCOLLATERALIZED, rests 1
    """)


def test_5_2_row_7_a_taker_without_margin_stops_and_keeps_its_fills() -> None:
    """What is left ends; makers behind it stay."""
    play(
        """
        bob/1 sell 1 @ 100 -> rests 1
        bob/2 sell 1 @ 100 -> rests 1
        bob/3 sell 1 @ 100 -> rests 1
        alice/1 buy 3 @ 100 -> takes 1 @ 100 of bob/1, takes 1 @ 100 of bob/2, ends UNDERCOLLATERALIZED
        asks BTC -> 1 @ 100 bob/3
        has alice -> 2 BTC, -174.1 USDC
        """,
        deposits={"alice": 26, "bob": 1000},
    )


def test_5_2_row_7_when_both_fail_the_maker_goes_too() -> None:
    """The taker stops all the same."""
    play(
        """
        alice/1 sell 1 @ 100 -> rests 1
        carol/1 sell 1 @ 100 -> rests 1
        bob/1 buy 1 @ 100 -> alice/1 ends UNDERCOLLATERALIZED, ends UNDERCOLLATERALIZED
        asks BTC -> 1 @ 100 carol/1
        """,
        deposits={"alice": 5, "bob": 5, "carol": 100},
    )


def test_5_2_row_7_a_taker_that_breaks_an_isolated_rule_fails_with_2005() -> None:
    """All fills of it are discarded, and makers that it removed are back: the transaction leaves nothing."""
    play("""
        alice/1 sell 1 @ 10 in LINK -> rests 1
        bob/9 sell 1 @ 100 -> rests 1
        carol/9 buy 1 @ 100 -> takes 1 @ 100 of bob/9
        carol/1 sell 1 @ 9 in LINK -> rests 1
        carol/2 buy 1 @ 10 in LINK -> fails 2005
        asks LINK -> 1 @ 9 carol/1, 1 @ 10 alice/1
    """)


def test_5_2_row_8_a_post_only_taker_ends_at_the_first_valid_maker() -> None:
    """The trade is discarded; what was removed on the path stays removed."""
    play("""
        alice/1 sell 1 @ 100 -> rests 1
        bob/1 sell 1 @ 100 -> rests 1
        alice/2 buy 2 @ 100 post-only -> alice/1 ends SELF_TRADE_ERROR, ends POST_ONLY_WOULD_CROSS_MAKER_ORDER
        asks BTC -> 1 @ 100 bob/1
        has bob -> 10000 USDC
    """)


def test_5_2_row_9_a_reduce_only_taker_stops_when_its_position_is_closed() -> None:
    """Also over several makers."""
    play("""
        bob/9 sell 2 @ 100 -> rests 2
        alice/9 buy 2 @ 100 -> takes 2 @ 100 of bob/9
        carol/1 buy 1 @ 99 -> rests 1
        carol/2 buy 5 @ 98 -> rests 5
        alice/1 sell 9 @ 98 reduce-only ioc -> takes 1 @ 99 of carol/1, takes 1 @ 98 of carol/2, ends REDUCE_ONLY_RESIZE
    """)


def test_5_2_a_taker_stops_after_the_markets_number_of_makers() -> None:
    """Ours (design.md 3.5): makers met count, filled or removed; what is left ends with that reason."""
    table = """
        alice/1 sell 1 @ 100 -> rests 1
        bob/1 sell 1 @ 100 -> rests 1
        carol/1 sell 1 @ 100 -> rests 1
    """
    two, three = {"max_fills_per_order": 2}, {"max_fills_per_order": 3}
    play(table + "dave/1 buy 3 @ 100 -> takes 1 @ 100 of alice/1, takes 1 @ 100 of bob/1, ends FILL_LIMIT", params=two)
    play(table + "alice/2 buy 3 @ 100 -> alice/1 ends SELF_TRADE_ERROR, takes 1 @ 100 of bob/1, ends FILL_LIMIT", params=two)
    play(table + "dave/1 buy 2 @ 100 -> takes 1 @ 100 of alice/1, takes 1 @ 100 of bob/1", params=two)
    play(table + "dave/1 buy 9 @ 100 -> takes 1 @ 100 of alice/1, takes 1 @ 100 of bob/1, takes 1 @ 100 of carol/1, rests 6", params=three)


# 5.3 One match


@pytest.mark.parametrize(
    ("row", "taker", "maker"),
    [
        ("alice/1 buy 2 @ 100", "2 BTC, 9799.9 USDC", "-2 BTC, 10200.022 USDC"),
        ("alice/1 sell 2 @ 100", "-2 BTC, 10199.9 USDC", "2 BTC, 9800.022 USDC"),
    ],
)
def test_5_3_both_sides_are_settled_at_the_makers_price(row: str, taker: str, maker: str) -> None:
    """Quote and fee of each side, to the quantum; the fee collector has what is left of both."""
    side = "sell" if "buy" in row else "buy"
    play(f"""
        bob/1 {side} 2 @ 100 -> rests 2
        {row} -> takes 2 @ 100 of bob/1
        has alice -> {taker}
        has bob -> {maker}
        bank fee_collector -> 0.078 USDC
        open-interest BTC -> 2
    """)


def test_5_3_open_interest_follows_positions() -> None:
    """It grows with new positions on both sides, stays when one is passed on, falls when both close."""
    play("""
        bob/1 sell 2 @ 100 -> rests 2
        alice/1 buy 2 @ 100 -> takes 2 @ 100 of bob/1
        open-interest BTC -> 2
        carol/1 buy 1 @ 100 -> rests 1
        alice/2 sell 1 @ 100 -> takes 1 @ 100 of carol/1
        open-interest BTC -> 2
        carol/2 sell 1 @ 100 -> rests 1
        bob/2 buy 1 @ 100 -> takes 1 @ 100 of carol/2
        open-interest BTC -> 1
        bob/3 buy 3 @ 100 -> rests 3
        alice/3 sell 3 @ 100 -> takes 3 @ 100 of bob/3
        has alice -> -2 BTC, 10199.7 USDC
        has bob -> 2 BTC, 9800.005 USDC
        open-interest BTC -> 2
    """)


# 5.4 Fees


def test_5_4_fees_are_rounded_up_and_rebates_towards_zero() -> None:
    """ceil(quote x ppm / 10^6) with its sign. 1.000001 USDC: 500.0005 -> 501 and -110.00011 -> -110. 3 USDC: nothing to round."""
    play("""
        bob/1 sell 1 @ 1.000001 in ETH -> rests 1
        alice/1 buy 1 @ 2 in ETH -> takes 1 @ 1.000001 of bob/1
        has alice -> 1 ETH, 9998.999498 USDC
        has bob -> -1 ETH, 10001.000111 USDC
        bob/2 sell 3 @ 1 in ETH -> rests 3
        carol/1 buy 3 @ 1 in ETH -> takes 3 @ 1 of bob/2
        has carol -> 3 ETH, 9996.9985 USDC
        has bob -> -4 ETH, 10004.000441 USDC
    """)


@pytest.mark.parametrize(
    ("fees", "taker", "maker", "collector"),
    [
        ((500, -110), "9899.95", "10100.011", "0.039"),
        ((500, 100), "9899.95", "10099.99", "0.06"),
        ((500, 0), "9899.95", "10100", "0.05"),
        ((110, -110), "9899.989", "10100.011", "0"),
        ((0, 0), "9900", "10100", "0"),
    ],
)
def test_5_4_a_rebate_is_a_negative_maker_fee_paid_out_of_the_takers(fees: tuple[int, int], taker: str, maker: str, collector: str) -> None:
    """What is left of both is the fee collector's."""
    play(
        f"""
        bob/1 sell 1 @ 100 -> rests 1
        alice/1 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        has alice -> 1 BTC, {taker} USDC
        has bob -> -1 BTC, {maker} USDC
        bank fee_collector -> {collector} USDC
        """,
        fees=fees,
    )


def test_5_4_each_side_pays_its_builder_on_top() -> None:
    """ceil(quote x fee_ppm / 10^6) goes straight to the builder's bank account: 1,000 ppm of 100 and 10,000 ppm of 100."""
    play("""
        bob/1 sell 1 @ 100 builder erin 1000 -> rests 1
        alice/1 buy 1 @ 100 builder carol 10000 -> takes 1 @ 100 of bob/1
        has alice -> 1 BTC, 9898.95 USDC
        has bob -> -1 BTC, 10099.911 USDC
        bank erin -> 1990000.1 USDC
        bank carol -> 1990001 USDC
        bank fee_collector -> 0.039 USDC
    """)


@pytest.mark.parametrize(
    ("builder", "outcome"), [("erin 0", "fails 50"), ("erin 1", "rests 1"), ("erin 10000", "rests 1"), ("erin 10001", "fails 50")]
)
def test_5_4_a_builder_fee_is_1_to_10000_ppm(builder: str, outcome: str) -> None:
    """To an account that takes payments."""
    play(f"alice/1 buy 1 @ 100 builder {builder} -> {outcome}")
    play("alice/1 buy 1 @ 100 builder fee_collector 100 -> fails 50")


def test_5_4_a_registered_router_gets_its_share_of_the_takers_fee() -> None:
    """20 % of min(taker fee, net fee): net is 0.039; of the maker's fee nothing, as it is a rebate. Others are revshare 8."""
    play("""
        bob/1 sell 1 @ 100 router dave -> rests 1
        alice/1 buy 1 @ 100 router dave -> takes 1 @ 100 of bob/1
        has alice -> 1 BTC, 9899.95 USDC
        bank dave -> 1990000.0078 USDC
        bank fee_collector -> 0.0312 USDC
        alice/2 buy 1 @ 100 router erin -> fails revshare/8
    """)


def test_5_4_a_makers_router_gets_its_share_of_a_positive_maker_fee() -> None:
    """20 % of 0.05 and 20 % of 0.01."""
    play(
        """
        bob/1 sell 1 @ 100 router dave -> rests 1
        alice/1 buy 1 @ 100 router dave -> takes 1 @ 100 of bob/1
        bank dave -> 1990000.012 USDC
        bank fee_collector -> 0.048 USDC
        """,
        fees=(500, 100),
    )


def tier(name: str, volume_usdc: int, taker_ppm: int, maker_ppm: int, **changes: int) -> dict[str, Any]:
    """One fee tier."""
    required = {"absolute_volume_requirement": str(volume_usdc * 10**6)} if volume_usdc else {}
    return {"name": name, "taker_fee_ppm": taker_ppm, "maker_fee_ppm": maker_ppm} | required | changes


def test_5_4_the_tier_follows_the_owners_volume_up_to_the_last_block() -> None:
    """Taker and maker volume of all subaccounts count; within the block that reaches 1,000 USDC nothing changes yet."""
    play(
        """
        bob/1 sell 20 @ 100 -> rests 20
        alice/1 buy 10 @ 100 -> takes 10 @ 100 of bob/1
        alice/2 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        has alice -> 11 BTC, 8899.45 USDC
        block -> nothing
        alice/3 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        has alice -> 12 BTC, 8799.42 USDC
        carol/1 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        has carol -> 1 BTC, 9899.95 USDC
        """,
        fee_changes={"tiers": [tier("1", 0, 500, -110), tier("2", 1_000, 300, -110)]},
    )


def test_5_4_the_first_tier_that_is_missed_ends_the_search() -> None:
    """Alice has all of the taker volume and none of the maker's: the second tier is missed, so the third is not looked at."""
    play(
        """
        bob/1 sell 20 @ 100 -> rests 20
        alice/1 buy 10 @ 100 -> takes 10 @ 100 of bob/1
        block -> nothing
        alice/2 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        has alice -> 11 BTC, 8899.45 USDC
        """,
        fee_changes={
            "tiers": [
                tier("1", 0, 500, 0),
                tier("2", 1_000, 300, 0, maker_volume_share_requirement_ppm=10_000),
                tier("3", 1_000, 100, 0, maker_volume_share_requirement_ppm=10_000),
            ]
        },
    )


def test_5_4_a_market_s_discount_charges_a_part_of_fees_and_rebates() -> None:
    """Half of 500 is 250; half of -110 is -55, toward zero. Other markets charge in full."""
    begins = START_SECONDS * 10**9
    discount = {"clob_pair_id": 0, "start_ns": str(begins), "end_ns": str(begins + 10 * 10**9), "charge_ppm": 500_000}
    play(
        """
        bob/1 sell 2 @ 100 -> rests 2
        bob/2 sell 1 @ 10 in ETH -> rests 1
        alice/1 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        carol/1 buy 1 @ 10 in ETH -> takes 1 @ 10 of bob/2
        has alice -> 1 BTC, 9899.975 USDC
        has carol -> 1 ETH, 9989.995 USDC
        block +10s -> nothing
        dave/1 buy 1 @ 100 -> takes 1 @ 100 of bob/1
        has dave -> 1 BTC, 9899.95 USDC
        """,
        fee_changes={"market_discounts": [discount]},
    )


# 5.5 Fill amounts


def test_5_5_fills_of_one_id_add_up_over_placements() -> None:
    """What rests is the order less its fills, whoever was maker."""
    play("""
        bob/1 sell 1 @ 100 -> rests 1
        alice/1 buy 5 @ 100 -> takes 1 @ 100 of bob/1, rests 4
        bob/2 sell 1 @ 100 -> takes 1 @ 100 of alice/1
        bids BTC -> 3 @ 100 alice/1
        cancel alice/1 until 10 -> cancelled
        alice/1 buy 5 @ 100 until 11 -> rests 3
    """)


def test_5_5_a_stateful_orders_fills_go_with_it() -> None:
    """Cancelled and placed again it starts at 0."""
    play("""
        alice/1L buy 5 @ 100 -> rests 5
        bob/1 sell 2 @ 100 -> takes 2 @ 100 of alice/1L
        cancel alice/1L -> cancelled
        alice/1L buy 5 @ 100 -> rests 5
    """)


# 5.6 Undercollateralised makers


def test_5_6_a_makers_margin_is_judged_when_it_matches_and_not_before() -> None:
    """Short-term orders of any size rest; the long-term one was checked, and its owner's collateral has gone since."""
    play(
        """
        alice/1 sell 1000 @ 101 -> rests 1000
        bob/1L sell 1 @ 100 -> rests 1
        withdraw bob 91 -> ok
        carol/1 buy 5 @ 101 -> bob/1L ends UNDERCOLLATERALIZED, takes 5 @ 101 of alice/1
        bob/1L sell 1 @ 100 -> fails 3009
        block -> nothing
        bob/1L sell 1 @ 100 -> fails 3007
        """,
        deposits={"alice": 1000, "bob": 100, "carol": 1000},
    )


# 5.8 The book's premium


@pytest.mark.parametrize(
    ("orders", "premium"),
    [
        ("bob/1 buy 100 @ 103", 29_999),
        ("bob/1 buy 97 @ 103", 0),
        ("bob/1 sell 110 @ 95", -50_000),
        ("bob/1 sell 105 @ 95", 0),
        ("bob/1 buy 100 @ 100", 0),
        ("bob/1 buy 100 @ 99", 0),
        ("bob/1 sell 100 @ 101", 0),
        ("alice/1 buy 100 @ 110", 0),
    ],
)
def test_5_8_the_premium_is_of_the_impact_price_beyond_the_index(orders: str, premium: int) -> None:
    """10,000 USDC deep at index 100: of bids above it, or of asks below it; 0 inside the spread, without that depth, and for orders that
    their owner could not fill. The base amount is rounded up, so a bid's 3 % are a hair less.
    """
    size = orders.split()[2]
    play(
        f"""
        {orders} -> rests {size}
        block -> nothing
        premium BTC -> {premium} ppm
        """,
        deposits={"alice": 100, "bob": 100_000},
    )
