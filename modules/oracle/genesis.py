"""Genesis of the oracle: markets and their first prices.

`maximum_age_seconds`: up to which age a price is fresh. `reopening` (may be absent): `gap_seconds` (default 300), the gap between blocks
after which markets have to prove themselves again, and `fresh_prices` (default 3; 0: they never have to), by how many updates.

Each of `markets`: `id`, `ticker` (`BASE-QUOTE`), `exponent`, `min_price_change_ppm`, `price` (0 or absent: never set), and bounds, of which
0 or absent is none: `maximum_age_seconds` (its own instead of the section's), `maximum_confidence_ppm`, `maximum_move_ppm` and
`minimum_move_ppm` per block. An export adds what the last agreement was: `updated_height`, `updated_ns` (0 or absent: genesis time),
`reporting_power`, `total_power`, `confidence`, and `standing` as it was told last with `updates_to_come` while the market is REOPENING.

`observations` and `series`: see `twap_genesis`. Sources of markets, and who signs and pushes: see `source_genesis`.
"""

from typing import Any, NamedTuple

from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION
from modules.oracle import formulas, source_genesis, twap_genesis
from modules.oracle.model import (
    DEFAULT_REOPENING,
    MIN_PRICE_CHANGE_PPM_MAX,
    TICKER_CHARACTERS_MAX,
    Market,
    MarketPrice,
    Reopening,
    Standing,
)
from modules.oracle.state import OracleState

EXPONENT_RANGE = 30
"""Largest absolute exponent of a price."""
MAX_AGE_SECONDS = 30 * 86_400
FRESH_PRICES_MAX = 1_000


class _Entry(NamedTuple):
    market: Market
    price: MarketPrice
    standing: Standing
    updates_to_come: int
    sources: source_genesis.MarketSection


class _Section(NamedTuple):
    maximum_age_seconds: int
    reopening: Reopening
    markets: list[_Entry]
    averages: twap_genesis.AveragesSection
    pull: source_genesis.PullSection


def _read_reopening(reader: Reader | None) -> Reopening:
    if reader is None:
        return DEFAULT_REOPENING
    found = Reopening(
        reader.integer("gap_seconds", 1, MAX_AGE_SECONDS, DEFAULT_REOPENING.gap_seconds),
        reader.integer("fresh_prices", 0, FRESH_PRICES_MAX, DEFAULT_REOPENING.fresh_prices),
    )
    reader.done()
    return found


def _read_market(entry: Reader) -> Market:
    return Market(
        entry.integer("id", 0, UINT32_MAX),
        entry.text("ticker", longest=TICKER_CHARACTERS_MAX),
        entry.integer("exponent", -EXPONENT_RANGE, EXPONENT_RANGE),
        entry.integer("min_price_change_ppm", 1, MIN_PRICE_CHANGE_PPM_MAX),
        entry.integer("maximum_age_seconds", 0, MAX_AGE_SECONDS, 0),
        entry.integer("maximum_confidence_ppm", 0, MILLION, 0),
        entry.integer("maximum_move_ppm", 0, MILLION, 0),
        entry.integer("minimum_move_ppm", 0, MILLION, 0),
    )


def _read(section: Any, problems: Problems) -> _Section:
    reader = Reader(section, "oracle", problems)
    maximum_age_seconds = reader.integer("maximum_age_seconds", 1, MAX_AGE_SECONDS)
    reopening = _read_reopening(reader.optional("reopening"))
    markets: list[_Entry] = []
    ids: dict[int, None] = {}
    tickers: dict[str, None] = {}
    for entry in reader.objects("markets", required=True):
        market = _read_market(entry)
        price = MarketPrice(
            entry.integer("price", 0, UINT64_MAX, 0),
            market.exponent,
            entry.integer("updated_height", 0, UINT64_MAX, 0),
            entry.integer("updated_ns", 0, UINT64_MAX, 0),
            entry.integer("reporting_power", 0, UINT64_MAX, 0),
            entry.integer("total_power", 0, UINT64_MAX, 0),
            entry.integer("confidence", 0, UINT64_MAX, 0),
        )
        standing = Standing.FRESH if price.price else Standing.INVALID
        told = entry.text("standing", standing.name, tuple(Standing.__members__))
        updates_to_come = entry.integer("updates_to_come", 0, FRESH_PRICES_MAX, 0)
        sources = source_genesis.read_market(entry, market, maximum_age_seconds)
        if market.id in ids:
            entry.problem("id", f"{market.id} has a second entry")
        if market.ticker and not formulas.is_pair(market.ticker):
            entry.problem("ticker", f"must be BASE-QUOTE with one hyphen, not {market.ticker!r}")
        if market.ticker in tickers:
            entry.problem("ticker", f"{market.ticker!r} names two markets")
        ids[market.id] = tickers[market.ticker] = None
        entry.done()
        markets.append(_Entry(market, price, Standing.__members__.get(told, standing), updates_to_come, sources))
    averages = twap_genesis.read(reader, ids)
    pull = source_genesis.read_pull(reader.optional("pull"))
    reader.done()
    return _Section(maximum_age_seconds, reopening, markets, averages, pull)


def validate(section: Any, problems: Problems) -> None:
    """Reports every mistake of the section."""
    _read(section, problems)


def init(ctx: Context, state: OracleState, section: Any) -> None:
    """Markets as listed; a price without a time is as old as the chain."""
    problems = Problems()
    maximum_age_seconds, reopening, markets, averages, pull = _read(section, problems)
    assert not problems.found, problems.found
    state.maximum_age_seconds.set(ctx, maximum_age_seconds)
    state.reopening.set(ctx, reopening)
    for market, price, standing, updates_to_come, sources in markets:
        state.markets.set(ctx, market.id, market)
        state.prices.set(ctx, market.id, price if price.updated_ns else price._replace(updated_ns=ctx.time_ns))
        if standing:
            state.standings.set(ctx, market.id, int(standing))
        if updates_to_come:
            state.reopenings.set(ctx, market.id, updates_to_come)
        source_genesis.init_market(ctx, state, market.id, sources)
    source_genesis.init_pull(ctx, state, pull)
    twap_genesis.init(ctx, state, averages)


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
                "maximum_age_seconds": market.maximum_age_seconds,
                "maximum_confidence_ppm": market.maximum_confidence_ppm,
                "maximum_move_ppm": market.maximum_move_ppm,
                "minimum_move_ppm": market.minimum_move_ppm,
                "price": str(price.price),
                "updated_height": str(price.updated_height),
                "updated_ns": str(price.updated_ns),
                "reporting_power": str(price.reporting_power),
                "total_power": str(price.total_power),
                "confidence": str(price.confidence),
                "standing": Standing(state.standings.get(ctx, market_id) or Standing.FRESH).name,
                "updates_to_come": state.reopenings.get(ctx, market_id) or 0,
                **source_genesis.export_market(ctx, state, market_id),
            }
        )
    return {
        "maximum_age_seconds": state.maximum_age_seconds.require(ctx),
        "reopening": state.reopening.require(ctx)._asdict(),
        "markets": rows,
        "pull": source_genesis.export_pull(ctx, state),
        **twap_genesis.export(ctx, state),
    }
