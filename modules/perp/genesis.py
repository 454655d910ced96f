"""Genesis of the perpetuals.

Each of `liquidity_tiers`: `id`, `name`, `initial_margin_ppm`, `maintenance_fraction_ppm`, `impact_notional`, and optionally
`open_interest_lower_cap`, `open_interest_upper_cap` (quote quantums; upper 0 or absent: margins do not grow) and `brackets`: `"cex_tiers"`
or a list of `above_notional` (quote quantums, the first 0), `initial_ppm`, `maintenance_ppm`, all ascending. Each of `perpetuals`:
`id`, `ticker`, `market_id`, `atomic_resolution`, `default_funding_ppm`, `liquidity_tier`, `market_type` (`CROSS` or `ISOLATED`), and
optionally `margin_price` (`INDEX` or `MARK`), `mark_clamp_ppm`, `mark_ema_seconds`; an export adds `open_interest` and, where a book has
been seen, `mark`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION
from modules.perp.brackets import CEX_TIERS, PRESETS
from modules.perp.formulas import EMA_SCALE
from modules.perp.mark import is_within
from modules.perp.model import (
    CROSS,
    DEFAULT_CLAMP_PPM,
    DEFAULT_EMA_SECONDS,
    INDEX,
    ISOLATED,
    MARK,
    NAME_CHARACTERS_MAX,
    Bracket,
    LiquidityTier,
    Mark,
    Perpetual,
)
from modules.perp.state import PerpState

RESOLUTION_RANGE = 30
"""Largest absolute atomic resolution."""
MAX_OPEN_INTEREST = 2**127
MAX_EMA_SECONDS = 86_400
MAX_BASIS = 2**64
"""Largest absolute distance of book and index, oracle units."""
_TYPES = {"CROSS": CROSS, "ISOLATED": ISOLATED}
_TYPE_NAMES = {number: name for name, number in _TYPES.items()}
_MARGIN_PRICES = {"INDEX": INDEX, "MARK": MARK}
_MARGIN_PRICE_NAMES = {number: name for name, number in _MARGIN_PRICES.items()}


class _Row(NamedTuple):
    """One perpetual as the section has it."""

    entry: Reader
    perpetual: Perpetual
    open_interest: int
    mark: Mark | None


def _read_tiers(reader: Reader) -> dict[int, LiquidityTier]:
    tiers: dict[int, LiquidityTier] = {}
    for entry in reader.objects("liquidity_tiers", required=True):
        tier = LiquidityTier(
            entry.integer("id", 0, UINT32_MAX),
            entry.text("name", longest=NAME_CHARACTERS_MAX),
            entry.integer("initial_margin_ppm", 1, MILLION),
            entry.integer("maintenance_fraction_ppm", 1, MILLION),
            entry.integer("impact_notional", 1, UINT64_MAX),
            entry.integer("open_interest_lower_cap", 0, UINT64_MAX, 0),
            entry.integer("open_interest_upper_cap", 0, UINT64_MAX, 0),
            _read_brackets(entry),
        )
        if tier.id in tiers:
            entry.problem("id", f"{tier.id} has a second entry")
        if tier.open_interest_lower_cap > tier.open_interest_upper_cap:
            entry.problem("open_interest_lower_cap", f"must not be above the upper cap, {tier.open_interest_upper_cap}")
        entry.done()
        tiers[tier.id] = tier
    return tiers


def _read_brackets(tier: Reader) -> tuple[Bracket, ...]:
    if tier.is_text("brackets"):
        return PRESETS[tier.text("brackets", CEX_TIERS, tuple(PRESETS))]
    found: list[Bracket] = []
    for entry in tier.objects("brackets"):
        bracket = Bracket(
            entry.integer("above_notional", 0, UINT64_MAX),
            entry.integer("initial_ppm", 1, MILLION),
            entry.integer("maintenance_ppm", 1, MILLION),
        )
        entry.done()
        if not found and bracket.above_notional:
            entry.problem("above_notional", "must be 0 in the lowest bracket")
        if bracket.maintenance_ppm >= bracket.initial_ppm:
            entry.problem("maintenance_ppm", f"must be below initial_ppm, {bracket.initial_ppm}")
        if found and bracket.above_notional <= found[-1].above_notional:
            entry.problem("above_notional", f"must be above the bracket before, {found[-1].above_notional}")
        for name in ("initial_ppm", "maintenance_ppm"):
            if found and getattr(bracket, name) < getattr(found[-1], name):
                entry.problem(name, f"must not be below the bracket before, {getattr(found[-1], name)}")
        found.append(bracket)
    return tuple(found)


def _read_mark(perpetual: Reader, clamp_ppm: int) -> Mark | None:
    entry = perpetual.optional("mark")
    if entry is None:
        return None
    mark = Mark(
        entry.integer("price", 1, UINT64_MAX),
        entry.integer("index_price", 1, UINT64_MAX),
        entry.integer("basis", -MAX_BASIS, MAX_BASIS),
        entry.integer("impact_middle", 0, UINT64_MAX),
        entry.integer("ema", -MAX_BASIS * EMA_SCALE, MAX_BASIS * EMA_SCALE),
        entry.integer("book_middle", 0, UINT64_MAX),
        entry.integer("book_impact_middle", 0, UINT64_MAX),
        entry.integer("observed_ns", 0, UINT64_MAX),
        entry.integer("frozen_height", 0, UINT64_MAX),
    )
    if not is_within(mark, clamp_ppm):
        entry.problem("price", f"is further from the index than mark_clamp_ppm, {clamp_ppm}, allows")
    entry.done()
    return mark


def _read(section: Any, problems: Problems) -> tuple[dict[int, LiquidityTier], list[_Row]]:
    reader = Reader(section, "perp", problems)
    tiers = _read_tiers(reader)
    perpetuals: list[_Row] = []
    ids: dict[int, None] = {}
    for entry in reader.objects("perpetuals", required=True):
        perpetual = Perpetual(
            entry.integer("id", 0, UINT32_MAX),
            entry.text("ticker", longest=NAME_CHARACTERS_MAX),
            entry.integer("market_id", 0, UINT32_MAX),
            entry.integer("atomic_resolution", -RESOLUTION_RANGE, RESOLUTION_RANGE),
            entry.integer("default_funding_ppm", -MILLION, MILLION),
            entry.integer("liquidity_tier", 0, UINT32_MAX),
            _TYPES.get(entry.text("market_type", "CROSS", tuple(_TYPES)), CROSS),
            _MARGIN_PRICES[entry.text("margin_price", "INDEX", tuple(_MARGIN_PRICES))],
            entry.integer("mark_clamp_ppm", 0, MILLION - 1, DEFAULT_CLAMP_PPM),
            entry.integer("mark_ema_seconds", 1, MAX_EMA_SECONDS, DEFAULT_EMA_SECONDS),
        )
        if perpetual.id in ids:
            entry.problem("id", f"{perpetual.id} has a second entry")
        if perpetual.liquidity_tier not in tiers:
            entry.problem("liquidity_tier", f"{perpetual.liquidity_tier} is not listed in perp.liquidity_tiers")
        ids[perpetual.id] = None
        open_interest = entry.integer("open_interest", 0, MAX_OPEN_INTEREST, 0)
        perpetuals.append(_Row(entry, perpetual, open_interest, _read_mark(entry, perpetual.mark_clamp_ppm)))
        entry.done()
    reader.done()
    return tiers, perpetuals


def validate(section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
    """Reports every mistake of the section; each perpetual's market must be one of section `oracle`."""
    _, perpetuals = _read(section, problems)
    oracle = Reader(whole.get("oracle"), "oracle", Problems())
    markets = {market.integer("id", 0, UINT32_MAX): market.integer("price", 0, UINT64_MAX, 0) for market in oracle.objects("markets")}
    for entry, perpetual, _, mark in perpetuals:
        if perpetual.market_id not in markets:
            entry.problem("market_id", f"{perpetual.market_id} is not listed in oracle.markets")
        elif mark is not None and mark.index_price != markets[perpetual.market_id]:
            entry.problem("mark.index_price", f"must be the market's price, {markets[perpetual.market_id]}, not {mark.index_price}")


def init(ctx: Context, state: PerpState, section: Any) -> None:
    """State as the valid section says."""
    problems = Problems()
    tiers, perpetuals = _read(section, problems)
    assert not problems.found, problems.found
    for tier in tiers.values():
        state.tiers.set(ctx, tier.id, tier)
    for _, perpetual, open_interest, mark in perpetuals:
        state.perpetuals.set(ctx, perpetual.id, perpetual)
        if mark is not None:
            state.marks.set(ctx, perpetual.id, mark)
        if open_interest:
            state.open_interest.set(ctx, perpetual.id, open_interest)


def export(ctx: Context, state: PerpState) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    tiers = [
        {
            "id": tier.id,
            "name": tier.name,
            "initial_margin_ppm": tier.initial_margin_ppm,
            "maintenance_fraction_ppm": tier.maintenance_fraction_ppm,
            "impact_notional": str(tier.impact_notional),
            "open_interest_lower_cap": str(tier.open_interest_lower_cap),
            "open_interest_upper_cap": str(tier.open_interest_upper_cap),
        }
        | (
            {"brackets": [bracket._asdict() | {"above_notional": str(bracket.above_notional)} for bracket in tier.brackets]}
            if tier.brackets
            else {}
        )
        for _, tier in state.tiers.items(ctx)
    ]
    perpetuals = [
        {
            "id": perpetual.id,
            "ticker": perpetual.ticker,
            "market_id": perpetual.market_id,
            "atomic_resolution": perpetual.atomic_resolution,
            "default_funding_ppm": perpetual.default_funding_ppm,
            "liquidity_tier": perpetual.liquidity_tier,
            "market_type": _TYPE_NAMES[perpetual.market_type],
            "margin_price": _MARGIN_PRICE_NAMES[perpetual.margin_price],
            "mark_clamp_ppm": perpetual.mark_clamp_ppm,
            "mark_ema_seconds": perpetual.mark_ema_seconds,
            "open_interest": str(state.open_interest.get(ctx, perpetual.id) or 0),
        }
        | _written(state.marks.get(ctx, perpetual.id))
        for _, perpetual in state.perpetuals.items(ctx)
    ]
    return {"liquidity_tiers": tiers, "perpetuals": perpetuals}


def _written(mark: Mark | None) -> dict[str, Any]:
    return {} if mark is None else {"mark": {name: str(value) for name, value in mark._asdict().items()}}
