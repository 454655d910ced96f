"""Orders in, fills and money out: the rules of dydx-clob.md 3 and 5 and of design.md 3.5, each as a short story."""

import pytest

from modules.clob.model import OrderId
from modules.kernel import address as addresses
from support.clob_exchange import BTC_PRICE, LINK_PRICE, RICH, STEP, TICK, Exchange, clob_section, fees_section, genesis_of, owner, sub
from support.markets import BTC, ETH, LINK


@pytest.fixture
def x() -> Exchange:
    """Three rich traders, empty books."""
    return Exchange()


def test_an_order_matches_in_the_block_that_carries_it_at_the_makers_price(x: Exchange) -> None:
    """design.md 3.5; the taker offered more than it pays."""
    maker = x.short("alice", 1, "sell", 5 * STEP, BTC_PRICE)
    assert x.place(maker) == 0
    assert x.place(x.short("bob", 2, "buy", 3 * STEP, BTC_PRICE + 9 * TICK)) == 0
    assert x.fills() == [(1, BTC_PRICE, 3 * STEP)]
    assert (x.position("alice"), x.position("bob")) == (-3 * STEP, 3 * STEP)
    assert x.rests(maker.id) == 2 * STEP
    assert x.rests(OrderId(BTC, sub("bob"), 0, 2)) is None


def test_the_money_of_a_fill(x: Exchange) -> None:
    """CLOB-1, CLOB-2: 0.0003 BTC at 60,123: quote 18,036,900, taker 500 ppm, maker -110 ppm; fees end in the fee collector."""
    x.place(x.short("alice", 1, "sell", 3 * STEP, BTC_PRICE))
    x.place(x.short("bob", 2, "buy", 3 * STEP, BTC_PRICE))
    quote, taker_fee, maker_fee = 18_036_900, 9_019, -1_984
    assert x.collateral("bob") == RICH - quote - taker_fee
    assert x.collateral("alice") == RICH + quote - maker_fee
    assert x.bank.balance(x.ctx, addresses.of_module("fee_collector")) == taker_fee + maker_fee
    assert x.subaccounts.conservation_by_scan(x.ctx) == []


def test_the_match_event_tells_the_references_22_attributes(x: Exchange) -> None:
    """dydx-clob.md 9."""
    x.place(x.short("alice", 1, "buy", 3 * STEP, BTC_PRICE, number=4))
    x.deposit("alice", RICH, 4)
    x.place(x.short("bob", 2, "sell", 3 * STEP, BTC_PRICE))
    x.ctx.events.clear()
    x.place(x.short("alice", 1, "buy", 3 * STEP, BTC_PRICE))
    x.place(x.short("bob", 3, "sell", 3 * STEP, BTC_PRICE))
    assert x.events("match") == [
        {
            "taker_subaccount": addresses.to_text(owner("bob")),
            "taker_subaccount_number": 0,
            "maker_subaccount": addresses.to_text(owner("alice")),
            "maker_subaccount_number": 0,
            "taker_order_fee_quote_quantums": 9_019,
            "maker_order_fee_quote_quantums": -1_984,
            "taker_quote_balance_delta_quote_quantums": 18_036_900 - 9_019,
            "maker_quote_balance_delta_quote_quantums": -18_036_900 + 1_984,
            "taker_perpetual_quantums_delta_base_quantums": -3 * STEP,
            "maker_perpetual_quantums_delta_base_quantums": 3 * STEP,
            "insurance_fund_delta_quote_quantums": 0,
            "is_liquidation": False,
            "is_deleverage": False,
            "perpetual_id": BTC,
            "taker_builder_address": "",
            "maker_builder_address": "",
            "taker_builder_fee_quantums": 0,
            "maker_builder_fee_quantums": 0,
            "taker_order_router_address": "",
            "maker_order_router_address": "",
            "taker_order_router_fee_quote_quantums": 0,
            "maker_order_router_fee_quote_quantums": 0,
        }
    ]


def test_price_then_time_decides_who_trades(x: Exchange) -> None:
    """dydx-clob.md 5.1; time runs on over blocks."""
    x.place(x.short("alice", 1, "sell", STEP, BTC_PRICE + TICK))
    x.place(x.short("alice", 2, "sell", STEP, BTC_PRICE))
    x.step()
    x.place(x.short("carol", 3, "sell", STEP, BTC_PRICE))
    x.place(x.long("carol", 4, "sell", STEP, BTC_PRICE - TICK))
    x.place(x.short("bob", 5, "buy", 4 * STEP, BTC_PRICE + TICK))
    assert x.fills() == [(4, BTC_PRICE - TICK, STEP), (2, BTC_PRICE, STEP), (3, BTC_PRICE, STEP), (1, BTC_PRICE + TICK, STEP)]


def test_bids_are_taken_from_the_highest_price_down(x: Exchange) -> None:
    """The other side of the same rule."""
    for client_id, ticks in ((1, 0), (2, 2), (3, 1), (4, 2)):
        x.place(x.short("alice", client_id, "buy", STEP, BTC_PRICE + ticks * TICK))
    x.place(x.short("bob", 9, "sell", 4 * STEP, BTC_PRICE))
    assert [client_id for client_id, _, _ in x.fills()] == [2, 4, 3, 1]


def test_what_does_not_match_rests_and_keeps_its_fills(x: Exchange) -> None:
    """A short-term and a long-term taker."""
    x.place(x.short("alice", 1, "sell", 2 * STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "sell", 2 * STEP, BTC_PRICE))
    for order in (x.short("bob", 3, "buy", 3 * STEP, BTC_PRICE), x.long("bob", 4, "buy", 3 * STEP, BTC_PRICE)):
        assert x.place(order) == 0
    assert x.rests(OrderId(BTC, sub("bob"), 0, 3)) is None
    assert x.rests(OrderId(BTC, sub("bob"), 64, 4)) == 2 * STEP
    placed = x.events("order_placed")[-1]
    assert (placed["quantums"], placed["filled_quantums"], placed["is_buy"]) == (3 * STEP, STEP, True)


def test_a_filled_long_term_order_frees_its_id_at_once(x: Exchange) -> None:
    """dydx-clob.md 3.3: fully filled, it leaves with its fill amount, as maker and as taker."""
    maker = x.long("alice", 1, "sell", 2 * STEP, BTC_PRICE)
    taker = x.long("bob", 1, "buy", 2 * STEP, BTC_PRICE)
    for _ in range(2):
        assert x.place(maker) == 0
        x.place(x.short("carol", x.ctx.next_placement() + 50, "buy", STEP, BTC_PRICE))
        assert x.clob.fills(x.ctx, maker.id).quantums == STEP
        x.place(x.short("carol", x.ctx.next_placement() + 50, "buy", STEP, BTC_PRICE))
        assert x.clob.fills(x.ctx, maker.id) == (0, 0)
    for _ in range(2):
        x.place(x.short("alice", x.ctx.next_placement() + 50, "sell", 2 * STEP, BTC_PRICE))
        assert x.place(taker) == 0
        assert x.clob.fills(x.ctx, taker.id) == (0, 0)


def test_an_ioc_remainder_ends(x: Exchange) -> None:
    """dydx-clob.md 2.6: code 0, with and without a fill."""
    assert x.place(x.short("bob", 1, "buy", STEP, BTC_PRICE, tif="ioc")) == 0
    x.place(x.short("alice", 2, "sell", STEP, BTC_PRICE))
    assert x.place(x.short("bob", 3, "buy", 2 * STEP, BTC_PRICE, tif="ioc")) == 0
    assert x.reasons() == [(1, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK"), (3, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK")]
    assert x.position("bob") == STEP
    assert x.clob.open_orders(x.ctx, sub("bob")) == []


def test_a_post_only_order_that_would_cross_ends_without_trading_and_its_predecessor_stays_removed(x: Exchange) -> None:
    """design.md 3.5: an outcome, code 0."""
    order = x.short("bob", 1, "buy", STEP, BTC_PRICE - TICK, tif="post_only")
    assert x.place(order) == 0
    maker = x.short("alice", 2, "sell", STEP, BTC_PRICE)
    x.place(maker)
    before = x.collateral("bob"), x.collateral("alice")
    assert x.place(order._replace(subticks=BTC_PRICE, good_til=order.good_til + 1)) == 0
    assert x.reasons() == [(1, "REPLACED"), (1, "POST_ONLY_WOULD_CROSS_MAKER_ORDER")]
    assert (x.collateral("bob"), x.collateral("alice")) == before
    assert x.rests(maker.id) == STEP
    assert x.rests(order.id) is None
    assert x.events("match") == []


def test_a_post_only_order_rests_when_only_invalid_makers_are_in_its_way(x: Exchange) -> None:
    """dydx-clob.md 3.7: its own and an undercollateralised one are removed."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("dave", 2, "sell", STEP, BTC_PRICE))
    order = x.short("bob", 3, "buy", STEP, BTC_PRICE, tif="post_only")
    assert x.place(order) == 0
    assert x.reasons() == [(1, "SELF_TRADE_ERROR"), (2, "UNDERCOLLATERALIZED")]
    assert x.rests(order.id) == STEP


def test_self_trade_removes_the_resting_order_of_the_same_subaccount_only(x: Exchange) -> None:
    """dydx-clob.md 5.2 step 3: another subaccount of the owner trades."""
    x.deposit("alice", RICH, 1)
    x.place(x.short("alice", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "sell", STEP, BTC_PRICE, number=1))
    assert x.place(x.short("alice", 3, "buy", STEP, BTC_PRICE)) == 0
    assert x.reasons() == [(1, "SELF_TRADE_ERROR")]
    assert x.fills() == [(2, BTC_PRICE, STEP)]


def test_an_undercollateralised_maker_is_removed_and_the_next_one_trades(x: Exchange) -> None:
    """dydx-clob.md 5.6."""
    x.place(x.short("dave", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "sell", STEP, BTC_PRICE))
    assert x.place(x.short("bob", 3, "buy", STEP, BTC_PRICE)) == 0
    assert x.reasons() == [(1, "UNDERCOLLATERALIZED")]
    assert x.fills() == [(2, BTC_PRICE, STEP)]


def test_an_undercollateralised_taker_keeps_its_fills_and_its_rest_ends(x: Exchange) -> None:
    """design.md 3.5: code 0; 4,000 USD carry 3.3 BTC at 2 % less fees, not 9."""
    x.deposit("dave", 4_000_000_000)
    bitcoin = 10**10
    for client_id in range(1, 10):
        x.place(x.short("alice", client_id, "sell", bitcoin, BTC_PRICE))
    assert x.place(x.short("dave", 50, "buy", 9 * bitcoin, BTC_PRICE)) == 0
    assert [client_id for client_id, _, _ in x.fills()] == [1, 2, 3]
    assert x.reasons() == [(50, "UNDERCOLLATERALIZED")]
    assert x.position("dave") == 3 * bitcoin
    assert x.clob.open_orders(x.ctx, sub("dave")) == []
    assert len(x.clob.open_orders(x.ctx, sub("alice"))) == 6


def test_a_taker_without_collateral_ends_with_code_0_and_its_predecessor_stays_removed(x: Exchange) -> None:
    """dydx-clob.md 2.6, 3.5."""
    order = x.short("dave", 1, "buy", STEP, BTC_PRICE - TICK)
    x.place(order)
    x.place(x.short("alice", 2, "sell", STEP, BTC_PRICE))
    assert x.place(order._replace(subticks=BTC_PRICE, good_til=order.good_til + 1)) == 0
    assert x.reasons() == [(1, "REPLACED"), (1, "UNDERCOLLATERALIZED")]
    assert x.fills() == []


def test_a_taker_that_may_not_trade_an_isolated_market_fails_and_leaves_no_trace(x: Exchange) -> None:
    """2005; also a maker that it would have removed on its way is back."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE))
    own = x.short("alice", 3, "sell", STEP, LINK_PRICE, pair=LINK)
    x.place(own)
    x.place(x.short("carol", 4, "sell", STEP, LINK_PRICE, pair=LINK))
    assert x.place(x.short("alice", 5, "buy", STEP, LINK_PRICE, pair=LINK)) == 2005
    assert x.rests(own.id) == STEP
    assert x.reasons() == []


def test_a_maker_that_may_not_trade_an_isolated_market_is_removed(x: Exchange) -> None:
    """dydx-clob.md 5.2 step 7: reported as undercollateralised."""
    x.place(x.short("alice", 3, "sell", STEP, LINK_PRICE, pair=LINK))
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE))
    x.place(x.short("carol", 4, "buy", STEP, LINK_PRICE, pair=LINK))
    assert x.reasons() == [(3, "UNDERCOLLATERALIZED")]
    assert x.rests(OrderId(LINK, sub("carol"), 0, 4)) == STEP


def test_trading_an_isolated_market_uses_its_own_pool(x: Exchange) -> None:
    """Both sides move their collateral there, fees come out of it, nothing is lost."""
    x.place(x.short("alice", 1, "sell", 2 * STEP, LINK_PRICE, pair=LINK))
    x.place(x.short("carol", 2, "buy", STEP, LINK_PRICE, pair=LINK))
    assert x.fills() == [(1, LINK_PRICE, STEP)]
    assert x.bank.balance(x.ctx, addresses.of_module("subaccounts:2")) > RICH
    assert x.subaccounts.conservation_by_scan(x.ctx) == []


def test_a_reduce_only_order_stops_at_a_closed_position(x: Exchange) -> None:
    """dydx-clob.md 5.2 step 9: clipped, never flipped; what is left ends."""
    x.place(x.short("bob", 1, "sell", 3 * STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", 3 * STEP, BTC_PRICE))
    x.place(x.short("bob", 3, "buy", 9 * STEP, BTC_PRICE))
    assert x.place(x.short("alice", 4, "sell", 9 * STEP, BTC_PRICE, tif="ioc", reduce_only=True)) == 0
    assert x.position("alice") == 0
    assert x.reasons() == [(4, "REDUCE_ONLY_RESIZE")]
    assert x.rests(OrderId(BTC, sub("bob"), 0, 3)) == 6 * STEP


def test_a_reduce_only_order_of_exactly_the_position_is_just_filled(x: Exchange) -> None:
    """The edge: no removal."""
    x.place(x.short("bob", 1, "sell", 3 * STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", 3 * STEP, BTC_PRICE))
    x.place(x.short("bob", 3, "buy", 9 * STEP, BTC_PRICE))
    assert x.place(x.short("alice", 4, "sell", 3 * STEP, BTC_PRICE, tif="ioc", reduce_only=True)) == 0
    assert (x.position("alice"), x.reasons()) == (0, [])


def test_a_reduce_only_order_with_a_thin_book_ends_as_an_ioc_remainder(x: Exchange) -> None:
    """It closes what it can."""
    x.place(x.short("bob", 1, "sell", 3 * STEP, BTC_PRICE))
    x.place(x.short("alice", 2, "buy", 3 * STEP, BTC_PRICE))
    x.place(x.short("bob", 3, "buy", STEP, BTC_PRICE))
    assert x.place(x.short("alice", 4, "sell", 2 * STEP, BTC_PRICE, tif="ioc", reduce_only=True)) == 0
    assert x.position("alice") == 2 * STEP
    assert x.reasons() == [(4, "IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK")]


def test_a_taker_stops_after_the_parameters_number_of_makers() -> None:
    """design.md 3.5: what is left ends with that reason, resting kind or not."""
    x = Exchange(genesis_of(clob=clob_section(params={"max_fills_per_order": 2})))
    for client_id in (1, 2, 3):
        x.place(x.short("alice", client_id, "sell", STEP, BTC_PRICE))
    assert x.place(x.short("bob", 9, "buy", 3 * STEP, BTC_PRICE)) == 0
    assert len(x.fills()) == 2
    assert x.reasons() == [(9, "FILL_LIMIT")]
    assert x.rests(OrderId(BTC, sub("bob"), 0, 9)) is None
    assert x.place(x.long("bob", 10, "buy", 3 * STEP, BTC_PRICE)) == 0
    assert x.rests(OrderId(BTC, sub("bob"), 64, 10)) == 2 * STEP


def test_a_rebate_never_exceeds_the_takers_fee() -> None:
    """CLOB-2 through the books, with the least generous tier that genesis allows: what the two pay together is never negative."""
    x = Exchange(genesis_of(fees=fees_section(110, -110)))
    x.place(x.short("alice", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("bob", 2, "buy", STEP, BTC_PRICE))
    match = x.events("match")[0]
    assert match["taker_order_fee_quote_quantums"] == 662
    assert match["maker_order_fee_quote_quantums"] == -661
    assert x.subaccounts.conservation_by_scan(x.ctx) == []


def test_a_fill_worth_nothing_still_moves_the_position() -> None:
    """dydx-clob.md 4: zero quote quantums are not rejected."""
    section = clob_section()
    section["clob_pairs"][ETH] |= {"step_base_quantums": str(STEP), "subticks_per_tick": 1}
    x = Exchange(genesis_of(clob=section, fees=fees_section(500, 100)))
    x.place(x.short("alice", 1, "buy", STEP, 1, pair=ETH))
    x.place(x.short("bob", 2, "sell", STEP, 1, pair=ETH))
    assert x.events("match")[0]["maker_quote_balance_delta_quote_quantums"] == 0
    assert x.position("alice", ETH) == STEP


def test_prices_and_sizes_at_the_edge_of_64_bits_do_no_harm(x: Exchange) -> None:
    """Products need more than 64 bits; the order is simply not affordable."""
    largest_size = (2**64 - 1) // STEP * STEP
    largest_price = (2**64 - 1) // TICK * TICK
    order = x.short("alice", 1, "buy", largest_size, largest_price)
    assert x.place(order) == 0
    assert x.place(x.short("bob", 2, "sell", largest_size, TICK, tif="ioc")) == 0
    assert x.fills() == []
    assert x.subaccounts.conservation_by_scan(x.ctx) == []
