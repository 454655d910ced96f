import json

import pytest

from modules.kernel.module import QueryError
from modules.oracle.events import PRICE_UPDATED
from modules.oracle.model import PriceVote
from support.markets import BTC, ETH, START_SECONDS, Markets, oracle_section

SECOND = 10**9


def vote(price: int, market_id: int = BTC, power: int = 10) -> PriceVote:
    """A validator that reports one market."""
    return PriceVote(power, ((market_id, price),))


def test_a_market_is_priced_from_genesis_on() -> None:
    """The genesis price stands from the first block, with the genesis time as its age and no power behind it."""
    markets = Markets()
    price = markets.oracle.recorded(markets.ctx, BTC)
    assert (price.price, price.exponent, price.updated_height) == (6_012_345_678, -5, 0)
    assert (price.updated_ns, price.reporting_power) == (START_SECONDS * SECOND, 0)
    assert not markets.oracle.standing(markets.ctx, BTC)


def test_votes_of_two_thirds_set_the_median_with_height_time_and_power() -> None:
    """Three of four equal validators report: the middle one's price, and the record of who stood behind it."""
    markets = Markets()
    ctx = markets.step(SECOND)
    markets.oracle.apply_votes(ctx, [vote(500), vote(700), vote(600)], 40)
    price = markets.oracle.recorded(ctx, BTC)
    assert (price.price, price.updated_height, price.updated_ns) == (600, 2, ctx.time_ns)
    assert (price.reporting_power, price.total_power) == (30, 40)
    assert ctx.events == [(PRICE_UPDATED, (BTC, 600))]
    assert markets.broken() == []


def test_one_silent_and_one_lying_of_four_leave_an_honest_price() -> None:
    """design.md section 6, four equal validators."""
    markets = Markets()
    for lie in (1, 2**64 - 1):
        ctx = markets.step(SECOND)
        markets.oracle.apply_votes(ctx, [vote(lie), vote(600), vote(601)], 40)
        assert markets.oracle.recorded(ctx, BTC).price in (600, 601)


def test_too_little_power_leaves_the_price_to_age() -> None:
    """Below two thirds nothing changes: no event, no write, and in time the price is not fresh any more."""
    markets = Markets()
    before = markets.oracle.recorded(markets.ctx, BTC)
    ctx = markets.step(60 * SECOND)
    mark = ctx.state.mark()
    markets.oracle.apply_votes(ctx, [vote(500), vote(600)], 31)
    assert markets.oracle.recorded(ctx, BTC) == before
    assert (ctx.events, ctx.state.mark()) == ([], mark)
    assert not markets.oracle.standing(ctx, BTC)
    assert markets.oracle.standing(markets.step(1), BTC)


def test_an_agreement_on_the_same_price_makes_it_younger_without_an_event() -> None:
    """Confirmed is not changed, but it is fresh again."""
    markets = Markets()
    ctx = markets.step(100 * SECOND)
    assert markets.oracle.standing(ctx, BTC)
    markets.oracle.apply_votes(ctx, [vote(6_012_345_678)], 10)
    assert ctx.events == []
    assert not markets.oracle.standing(ctx, BTC)


def test_each_market_counts_its_own_reporters_and_unknown_ids_are_ignored() -> None:
    """A vote may carry any subset of markets; market 99 does not exist."""
    markets = Markets()
    ctx = markets.step(SECOND)
    votes = [PriceVote(10, ((BTC, 500), (ETH, 70), (99, 1))), PriceVote(10, ((BTC, 500), (99, 1))), PriceVote(10, ((99, 1),))]
    markets.oracle.apply_votes(ctx, votes, 30)
    assert markets.oracle.recorded(ctx, BTC).price == 500
    assert markets.oracle.recorded(ctx, ETH).price == 3_012_345_678
    assert markets.oracle.market(ctx, 99) is None
    assert len(ctx.events) == 1


def test_no_votes_change_nothing() -> None:
    """An empty preamble is no quorum, also on a chain that knows no power."""
    markets = Markets()
    ctx = markets.step(SECOND)
    markets.oracle.apply_votes(ctx, [], 40)
    markets.oracle.apply_votes(ctx, [], 0)
    assert ctx.events == []
    assert markets.oracle.recorded(ctx, BTC).updated_height == 0


def test_a_market_that_was_never_priced_is_not_fresh_until_its_first_agreement() -> None:
    """Price 0 means never set."""
    section = oracle_section()
    del section["markets"][BTC]["price"]
    markets = Markets({"oracle": section})
    assert markets.oracle.recorded(markets.ctx, BTC).price == 0
    assert markets.oracle.standing(markets.ctx, BTC)
    markets.set_price(BTC, 5)
    assert not markets.oracle.standing(markets.ctx, BTC)


def test_queries_answer_prices_params_and_what_is_behind_them() -> None:
    """The reference's five queries and our two."""
    markets = Markets()
    ctx = markets.step(SECOND)
    markets.oracle.apply_votes(ctx, [vote(600), vote(600), vote(600)], 40)
    prices, oracle = "/dydxprotocol.prices.Query/", "/perpd.oracle.v1.Query/"
    answer = markets.ask(prices + "MarketPrice", id=BTC).market_price
    assert (answer.id, answer.price, answer.exponent) == (BTC, 600, -5)
    assert [row.price for row in markets.ask(prices + "AllMarketPrices").market_prices] == [600, 3_012_345_678, 14_560_000_000]
    param = markets.ask(prices + "MarketParam", id=ETH).market_param
    assert (param.pair, param.exponent, param.min_price_change_ppm) == ("ETH-USD", -6, 1000)
    all_params = markets.ask(prices + "AllMarketParams", pagination={"limit": 2, "count_total": True})
    assert ([row.id for row in all_params.market_params], all_params.pagination.total) == ([BTC, ETH], 3)
    assert all_params.pagination.next_key == b"\0\0\0\2"
    assert markets.ask(prices + "NextMarketId").next_market_id == 3
    details = markets.ask(oracle + "Market", market_id=BTC)
    assert (details.ticker, details.price, details.updated_height, details.reporting_power, details.total_power) == (
        "BTC-USD",
        600,
        2,
        30,
        40,
    )
    assert details.updated_time_nanoseconds == ctx.time_ns
    assert [row.market_id for row in markets.ask(oracle + "Markets").markets] == [0, 1, 2]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/dydxprotocol.prices.Query/MarketPrice", "id"),
        ("/dydxprotocol.prices.Query/MarketParam", "id"),
        ("/perpd.oracle.v1.Query/Market", "market_id"),
    ],
)
def test_queries_of_an_unknown_market_are_not_found(path: str, field: str) -> None:
    """NOT_FOUND, not an empty answer."""
    with pytest.raises(QueryError) as caught:
        Markets().ask(path, **{field: 9})
    assert caught.value.status == "NOT_FOUND"


def test_genesis_export_builds_the_same_state() -> None:
    """save -> load -> save, through JSON, after prices have moved."""
    markets = Markets()
    markets.oracle.apply_votes(markets.step(SECOND), [vote(600)], 10)
    exported = json.loads(json.dumps(markets.export()["oracle"]))
    again = Markets({"oracle": exported})
    assert again.export()["oracle"] == exported
    assert list(again.oracle.markets(again.ctx)) == list(markets.oracle.markets(markets.ctx))
    assert again.oracle.recorded(again.ctx, BTC) == markets.oracle.recorded(markets.ctx, BTC)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"price": -1}, "oracle.markets[1].price"),
        ({"price": 2**64}, "oracle.markets[1].price"),
        ({"price": "3.5"}, "oracle.markets[1].price"),
        ({"exponent": 31}, "oracle.markets[1].exponent"),
        ({"id": 0}, "oracle.markets[1].id"),
        ({"ticker": "BTC-USD"}, "oracle.markets[1].ticker"),
        ({"ticker": "ETHUSD"}, "oracle.markets[1].ticker"),
        ({"ticker": "ETH-USD-PERP"}, "oracle.markets[1].ticker"),
        ({"min_price_change_ppm": 10_000}, "oracle.markets[1].min_price_change_ppm"),
        ({"prize": 1}, "oracle.markets[1].prize"),
    ],
)
def test_genesis_mistakes_are_named_with_their_path(change: dict[str, object], path: str) -> None:
    """Each mistake alone, at its place in the file."""
    markets = Markets()
    markets.genesis["oracle"]["markets"][1] |= change
    assert path in [found for found, _ in markets.problems()]


@pytest.mark.parametrize("section", [None, [], {"markets": 3}, {"markets": [None]}, {}])
def test_genesis_of_the_wrong_shape_is_reported_not_raised(section: object) -> None:
    """Whatever JSON stands there."""
    markets = Markets()
    markets.genesis["oracle"] = section
    assert any(path.startswith("oracle") for path, _ in markets.problems())
