"""Orders that were accepted at a fresh price and meet their book at one that is not: whatever the way, nobody's position grows."""

import pytest

from modules.clob.model import PlaceOrder, Removal
from modules.oracle.model import Standing
from support.clob_exchange import BTC_PRICE, STEP, TICK, Exchange
from support.markets import BTC


@pytest.fixture
def x() -> Exchange:
    """Bob is long five steps and alice short them; the books are empty."""
    made = Exchange()
    assert made.place(made.short("alice", 90, "sell", 5 * STEP, BTC_PRICE)) == 0
    assert made.place(made.short("bob", 91, "buy", 5 * STEP, BTC_PRICE)) == 0
    made.step()
    return made


def grow_old(x: Exchange) -> None:
    """Two minutes pass without a price."""
    x.ctx.time_ns += 120 * 10**9
    x.ctx.scratch.clear()
    assert x.perp_module.keeper.standing(x.ctx, BTC) is Standing.STALE


@pytest.mark.parametrize(("name", "side"), [("carol", "buy"), ("bob", "buy"), ("alice", "sell")])
def test_a_taker_that_would_grow_ends_with_the_reason(x: Exchange, name: str, side: str) -> None:
    """It got past the checks while the price was fresh; the door stops it, and the maker that it crossed stays."""
    maker, maker_side = ("bob", "sell") if side == "buy" else ("alice", "buy")
    if name == maker:
        maker = "carol"
    assert x.place(x.short(maker, 1, maker_side, 2 * STEP, BTC_PRICE)) == 0
    order = x.short(name, 2, side, 2 * STEP, BTC_PRICE)
    accepted = x.clob._checks.placement(x.ctx, PlaceOrder(order))
    grow_old(x)
    before = {one: x.position(one) for one in ("alice", "bob", "carol")}
    assert x.clob._entry.enter(x.ctx, order, accepted) is Removal.PRICE_NOT_FRESH
    assert x.reasons() == [(2, "PRICE_NOT_FRESH")]
    assert {one: x.position(one) for one in before} == before
    assert x.rests(x.short(maker, 1, maker_side, 2 * STEP, BTC_PRICE).id) == 2 * STEP


def test_a_maker_passed_over_counts_against_what_one_order_may_meet(x: Exchange) -> None:
    """With two makers at most, the second who may not sell ends the walk: there is no free search through a dead book."""
    params = x.clob.params(x.ctx)
    x.clob._state.params.set(x.ctx, params._replace(max_fills_per_order=2))
    for client_id in (1, 2):
        assert x.place(x.short("carol", client_id, "sell", STEP, BTC_PRICE)) == 0
    assert x.place(x.short("bob", 3, "sell", STEP, BTC_PRICE + TICK)) == 0
    grow_old(x)
    assert x.place(x.short("alice", 4, "buy", STEP, BTC_PRICE + TICK)) == 0
    assert (x.fills(), x.reasons()) == ([], [(4, "FILL_LIMIT")])
    x.clob._state.params.set(x.ctx, params)
    assert x.place(x.short("alice", 5, "buy", STEP, BTC_PRICE + TICK)) == 0
    assert x.fills() == [(3, BTC_PRICE + TICK, STEP)]


def test_a_replacement_that_could_grow_leaves_the_old_order_where_it_is(x: Exchange) -> None:
    """Bob sells three of his five: two more would close him, and are accepted; a sixth step is not, and the order stays as it was."""
    assert x.place(x.short("bob", 1, "sell", 3 * STEP, BTC_PRICE)) == 0
    grow_old(x)
    assert x.place(x.short("bob", 1, "sell", 6 * STEP, BTC_PRICE, good_til=x.ctx.height + 12)) == 101
    assert x.rests(x.short("bob", 1, "sell", STEP, BTC_PRICE).id) == 3 * STEP
    assert x.place(x.short("bob", 1, "sell", 5 * STEP, BTC_PRICE, good_til=x.ctx.height + 12)) == 0
    assert x.rests(x.short("bob", 1, "sell", STEP, BTC_PRICE).id) == 5 * STEP


def test_what_an_order_has_filled_before_does_not_count(x: Exchange) -> None:
    """Bob has sold two of an order of five: with three left of his position, what is left of it still only reduces."""
    assert x.place(x.short("bob", 1, "sell", 5 * STEP, BTC_PRICE)) == 0
    assert x.place(x.short("carol", 2, "buy", 2 * STEP, BTC_PRICE)) == 0
    grow_old(x)
    assert x.place(x.short("bob", 1, "sell", 5 * STEP, BTC_PRICE, good_til=x.ctx.height + 12)) == 0
    assert x.place(x.short("bob", 1, "sell", 6 * STEP, BTC_PRICE, good_til=x.ctx.height + 13)) == 101
