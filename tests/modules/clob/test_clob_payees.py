"""Builder codes and order routers: dydx-clob.md 5.4 and 11 item 27, dydx-risk.md 11.5."""

from typing import Any

import pytest

from modules.clob.model import PLAIN, Extras, OrderId, PlaceOrder
from modules.kernel import address as addresses
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange, fees_section, genesis_of, owner, sub
from support.markets import BTC

QUOTE = 6_012_300
"""Of one step at BTC_PRICE."""
FEES = fees_section(500, 100) | {"order_routers": [{"address": addresses.to_text(owner("router")), "share_ppm": 200_000}]}


@pytest.fixture
def x() -> Exchange:
    """Taker 500 ppm, maker 100 ppm; one registered router with a fifth of the fees."""
    return Exchange(genesis_of(fees=FEES))


def _by(builder: str, ppm: int) -> Extras:
    return PLAIN._replace(builder=owner(builder), builder_fee_ppm=ppm)


def _paid(x: Exchange, name: str) -> int:
    return x.bank.balance(x.ctx, owner(name), 0)


def _match(x: Exchange) -> dict[str, Any]:
    [told] = x.events("match")
    return told


def test_each_side_pays_its_builder_on_top_of_its_fee(x: Exchange) -> None:
    """CLOB-14: ceil(quote x ppm / 10^6), to the builder's bank account; told in the match, net of all in the deltas."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE, extras=_by("carpenter", 1)))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE, extras=_by("mason", 10_000)))
    taker_fee, maker_fee = 3_007, 602  # 6,012,300 x 500 and 100 ppm: 3,006.15 and 601.23
    assert (_paid(x, "mason"), _paid(x, "carpenter")) == (60_123, 7)
    told = _match(x)
    assert (told["taker_builder_address"], told["maker_builder_address"]) == tuple(
        addresses.to_text(owner(n)) for n in ("mason", "carpenter")
    )
    assert (told["taker_builder_fee_quantums"], told["maker_builder_fee_quantums"]) == (60_123, 7)
    assert (told["taker_order_fee_quote_quantums"], told["maker_order_fee_quote_quantums"]) == (taker_fee, maker_fee)
    assert told["taker_quote_balance_delta_quote_quantums"] == -QUOTE - taker_fee - 60_123
    assert told["maker_quote_balance_delta_quote_quantums"] == QUOTE - maker_fee - 7
    assert x.bank.balance(x.ctx, addresses.of_module("fee_collector"), 0) == taker_fee + maker_fee
    assert x.collateral("alice") == 10**12 - QUOTE - taker_fee - 60_123
    assert x.collateral("bob") == 10**12 + QUOTE - maker_fee - 7
    x.end()
    assert x.broken() == []


def test_a_resting_order_keeps_its_builder_over_several_fills(x: Exchange) -> None:
    """5.4: per fill, each rounded up."""
    x.place(x.short("bob", 1, "sell", 3 * STEP, BTC_PRICE, extras=_by("carpenter", 1)))
    for client_id in (2, 3, 4):
        x.place(x.short("alice", client_id, "buy", STEP, BTC_PRICE))
    assert _paid(x, "carpenter") == 21


def test_a_builder_that_takes_no_payments_is_refused_at_placement(x: Exchange) -> None:
    """11 item 27: a blocked module account would make every fill fail; 50."""
    for name in ("fee_collector", "insurance_fund", "subaccounts"):
        extras = PLAIN._replace(builder=addresses.of_module(name), builder_fee_ppm=1)
        assert x.place(x.short("alice", 1, "buy", STEP, TICK, extras=extras)) == 50
    assert x.place(x.short("alice", 1, "buy", STEP, TICK, extras=_by("anybody", 1))) == 0


def test_the_collateral_check_of_a_placement_counts_the_builders_fee() -> None:
    """6.2, of the quote: what fills must be able to pay it."""
    x = Exchange(genesis_of(fees=fees_section(500, 0)), rich=("alice",))
    quantums = 8_319_382_000_000  # the largest without a builder
    assert x.place(x.long("alice", 1, "buy", quantums, BTC_PRICE, extras=_by("mason", 1))) == 3007
    assert x.place(x.long("alice", 1, "buy", quantums, BTC_PRICE)) == 0


def test_a_fill_that_cannot_pay_its_builder_does_not_happen(x: Exchange) -> None:
    """6.1: judged after all that the fill costs."""
    x.deposit("dave", 180_370)  # 2 % of the notional of one step is 120,247
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE))
    x.place(x.short("dave", 2, "buy", STEP, BTC_PRICE, extras=_by("mason", 10_000)))
    assert x.reasons() == [(2, "UNDERCOLLATERALIZED")]
    assert _paid(x, "mason") == 0
    x.place(x.short("dave", 3, "buy", STEP, BTC_PRICE, extras=_by("mason", 9_000)))
    assert x.position("dave") == STEP


def test_an_order_router_must_be_registered(x: Exchange) -> None:
    """2.4: revshare 8, after the checks of the order itself."""
    order = x.short("alice", 1, "buy", STEP, TICK, extras=PLAIN._replace(router=owner("stranger")))
    assert x._outcome(lambda: x.clob.place(x.ctx, PlaceOrder(order))) == ("revshare", 8)
    assert x.place(order._replace(extras=PLAIN._replace(router=owner("router")))) == 0


def test_routers_get_their_share_of_both_sides_fees(x: Exchange) -> None:
    """dydx-risk.md 11.5: floor(fee x share), from the net fee; told in the match."""
    extras = PLAIN._replace(router=owner("router"))
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE, extras=extras))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE, extras=extras))
    told = _match(x)
    assert (told["taker_order_router_fee_quote_quantums"], told["maker_order_router_fee_quote_quantums"]) == (601, 120)
    assert told["taker_order_router_address"] == told["maker_order_router_address"] == addresses.to_text(owner("router"))
    assert _paid(x, "router") == 721
    assert x.bank.balance(x.ctx, addresses.of_module("fee_collector"), 0) == 3_007 + 602 - 721
    x.end()
    assert x.broken() == []


def test_a_makers_router_alone_is_not_taken_for_the_takers(x: Exchange) -> None:
    """Each side's attributes are its own."""
    x.place(x.short("bob", 1, "sell", STEP, BTC_PRICE, extras=PLAIN._replace(router=owner("router"))))
    x.place(x.short("alice", 2, "buy", STEP, BTC_PRICE))
    told = _match(x)
    assert (told["taker_order_router_address"], told["taker_order_router_fee_quote_quantums"]) == ("", 0)
    assert told["maker_order_router_fee_quote_quantums"] == 120


def test_slices_of_a_twap_order_have_neither_builder_nor_router(x: Exchange) -> None:
    """3.8: not copied."""
    x.place(x.twap("alice", 1, "buy", 100 * STEP, extras=_by("mason", 10_000)._replace(router=owner("router"))))
    x.place(x.short("bob", 2, "sell", 10 * STEP, BTC_PRICE))
    x.step()
    assert len(x.fills()) == 1
    assert (_paid(x, "mason"), _paid(x, "router")) == (0, 0)


def test_a_conditional_order_keeps_builder_and_router_through_its_trigger(x: Exchange) -> None:
    """3.4: it is the same order."""
    x.place(x.short("bob", 2, "sell", STEP, BTC_PRICE))
    extras = _by("mason", 10_000)._replace(router=owner("router"))
    x.place(x.conditional("alice", 1, "buy", 2 * STEP, BTC_PRICE, "stop", TICK, extras=extras))
    x.step()
    assert _paid(x, "mason") == 60_123
    x.place(x.short("bob", 3, "sell", STEP, BTC_PRICE))
    assert _paid(x, "mason") == 2 * 60_123
    assert x.rests(OrderId(BTC, sub("alice"), 32, 1)) is None
