"""Genesis of the oracle: markets and their first prices.

`maximum_age_seconds`: up to which age a price is fresh. Each of `markets`: `id`, `ticker` (`BASE-QUOTE`), `exponent`,
`min_price_change_ppm`, `price` (0 or absent: never set). An export adds what the last agreement was: `updated_height`, `updated_ns`
(0 or absent: genesis time), `reporting_power`, `total_power`.
"""

from typing import Any

from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.oracle import formulas
from modules.oracle.model import MIN_PRICE_CHANGE_PPM_MAX, TICKER_CHARACTERS_MAX, Market, MarketPrice
from modules.oracle.state import OracleState

EXPONENT_RANGE = 30
"""Largest absolute exponent of a price."""
MAX_AGE_SECONDS = 30 * 86_400


def _read(section: Any, problems: Problems) -> tuple[int, list[tuple[Market, MarketPrice]]]:
    reader = Reader(section, "oracle", problems)
    maximum_age_seconds = reader.integer("maximum_age_seconds", 1, MAX_AGE_SECONDS)
    markets: list[tuple[Market, MarketPrice]] = []
    ids: dict[int, None] = {}
    tickers: dict[str, None] = {}
    for entry in reader.objects("markets", required=True):
        market = Market(
            entry.integer("id", 0, UINT32_MAX),
            entry.text("ticker", longest=TICKER_CHARACTERS_MAX),
            entry.integer("exponent", -EXPONENT_RANGE, EXPONENT_RANGE),
            entry.integer("min_price_change_ppm", 1, MIN_PRICE_CHANGE_PPM_MAX),
        )
        price = MarketPrice(
            entry.integer("price", 0, UINT64_MAX, 0),
            market.exponent,
            entry.integer("updated_height", 0, UINT64_MAX, 0),
            entry.integer("updated_ns", 0, UINT64_MAX, 0),
            entry.integer("reporting_power", 0, UINT64_MAX, 0),
            entry.integer("total_power", 0, UINT64_MAX, 0),
        )
        if market.id in ids:
            entry.problem("id", f"{market.id} has a second entry")
        if market.ticker and not formulas.is_pair(market.ticker):
            entry.problem("ticker", f"must be BASE-QUOTE with one hyphen, not {market.ticker!r}")
        if market.ticker in tickers:
            entry.problem("ticker", f"{market.ticker!r} names two markets")
        ids[market.id] = tickers[market.ticker] = None
        entry.done()
        markets.append((market, price))
    reader.done()
    return maximum_age_seconds, markets


def validate(section: Any, problems: Problems) -> None:
    """Reports every mistake of the section."""
    _read(section, problems)


def init(ctx: Context, state: OracleState, section: Any) -> None:
    """Markets as listed; a price without a time is as old as the chain."""
    problems = Problems()
    maximum_age_seconds, markets = _read(section, problems)
    assert not problems.found, problems.found
    state.maximum_age_seconds.set(ctx, maximum_age_seconds)
    for market, price in markets:
        state.markets.set(ctx, market.id, market)
        state.prices.set(ctx, market.id, price if price.updated_ns else price._replace(updated_ns=ctx.time_ns))


def export(ctx: Context, state: OracleState) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    rows = []
    for market_id, market in state.markets.items(ctx):
        price = state.prices.get(ctx, market_id)
        assert price is not None
        rows.append(
            {
                "id": market.id,
                "ticker": market.ticker,
                "exponent": market.exponent,
                "min_price_change_ppm": market.min_price_change_ppm,
                "price": str(price.price),
                "updated_height": str(price.updated_height),
                "updated_ns": str(price.updated_ns),
                "reporting_power": str(price.reporting_power),
                "total_power": str(price.total_power),
            }
        )
    return {"maximum_age_seconds": state.maximum_age_seconds.require(ctx), "markets": rows}
