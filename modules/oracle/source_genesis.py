"""Genesis of sources: which each market has, who signs and pushes, and, in an export, what the sources have said.

Of a market: `sources` (a list of VOTES, PULL and PUSH, the most preferred first; default ["VOTES"]) and, where it names more than votes,
`source_ages_seconds` (by name; default: the market's maximum age), `switch_back_blocks` (default 10), `max_deviation_ppm` (default 20,000),
and for PUSH `pusher` (an address), `push_deviation_ppm` (default 5,000), `push_heartbeat_seconds` (default 3,600).

Of the section: `pull` (may be absent) with `fee_quantums` (default 10,000), `maximum_age_seconds` (default 60), `maximum_ahead_seconds`
(default 5), `updates_per_block` (default 4), `overlap_seconds` (default 3,600) and `signer_sets`, each with `version`, `threshold`,
`public_keys` (64 hexadecimal digits each) and `valid_until_ns` (0 or absent: until it is replaced).

An export adds to a market `source_prices` and `choice`.
"""

from typing import Any, NamedTuple

from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader, hexadecimal
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.units import MILLION
from modules.oracle.model import Market
from modules.oracle.sources import (
    DEFAULT_PULL,
    FIRST_CHOICE,
    KEY_BYTES,
    MAX_SIGNERS,
    Choice,
    MarketSources,
    PullParams,
    SignerSet,
    Source,
    SourceKey,
    SourcePrice,
    SourceRule,
)
from modules.oracle.state import OracleState

SECONDS_MAX = 30 * 86_400
SWITCH_BACK_BLOCKS, MAX_DEVIATION_PPM, PUSH_DEVIATION_PPM, PUSH_HEARTBEAT_SECONDS = 10, 20_000, 5_000, 3_600
BLOCKS_MAX, UPDATES_MAX, FEE_MAX = 1_000_000, 1_000, 10**15
_NAMES = tuple(Source.__members__)
_NEEDS_SOURCES = "is read only where `sources` names more than VOTES"


class MarketSection(NamedTuple):
    """What an entry of `markets` says of sources."""

    rules: MarketSources | None
    """None: votes alone."""
    prices: tuple[tuple[Source, SourcePrice], ...]
    choice: Choice


class PullSection(NamedTuple):
    """What `pull` says."""

    params: PullParams
    sets: tuple[tuple[int, SignerSet], ...]


def read_market(entry: Reader, market: Market, section_age_seconds: int) -> MarketSection:
    """Reads the keys of one market, and reports every mistake in them."""
    order = _read_order(entry)
    ages = _read_ages(entry, order, market.maximum_age_seconds or section_age_seconds)
    pusher = entry.account("pusher", "")
    rules = MarketSources(
        tuple([SourceRule(int(source), age) for source, age in zip(order, ages, strict=True)]),
        entry.integer("switch_back_blocks", 1, BLOCKS_MAX, SWITCH_BACK_BLOCKS),
        entry.integer("max_deviation_ppm", 1, MILLION, MAX_DEVIATION_PPM),
        bytes(addresses.from_text(pusher)) if pusher and addresses.is_valid(pusher) else b"",
        entry.integer("push_deviation_ppm", 0, MILLION, PUSH_DEVIATION_PPM),
        entry.integer("push_heartbeat_seconds", 1, SECONDS_MAX, PUSH_HEARTBEAT_SECONDS),
    )
    if (Source.PUSH in order) != bool(pusher):
        entry.problem("pusher", "must be the address that pushes prices where PUSH is a source, and absent elsewhere")
    if len(order) > 1 and not 0 < market.maximum_confidence_ppm <= rules.max_deviation_ppm:
        entry.problem(
            "maximum_confidence_ppm",
            f"must be 1 to {rules.max_deviation_ppm} (max_deviation_ppm) of several sources, not {market.maximum_confidence_ppm}",
        )
    prices = _read_prices(entry, order)
    choice = _read_choice(entry, order)
    if order == (Source.VOTES,):
        defaults = (SWITCH_BACK_BLOCKS, MAX_DEVIATION_PPM, PUSH_DEVIATION_PPM, PUSH_HEARTBEAT_SECONDS)
        for key, value, default in zip(
            ("switch_back_blocks", "max_deviation_ppm", "push_deviation_ppm", "push_heartbeat_seconds"),
            (rules.switch_back_blocks, rules.max_deviation_ppm, rules.push_deviation_ppm, rules.push_heartbeat_seconds),
            defaults,
            strict=True,
        ):
            if value != default:
                entry.problem(key, _NEEDS_SOURCES)
        return MarketSection(None, (), FIRST_CHOICE)
    return MarketSection(rules, prices, choice)


def _read_order(entry: Reader) -> tuple[Source, ...]:
    names = entry.values("sources", [Source.VOTES.name])
    if not names or any(name not in _NAMES for name in names) or len(dict.fromkeys(names)) != len(names):
        entry.problem("sources", f"must be a list of {', '.join(_NAMES)}, each at most once, not {names!r}")
        return (Source.VOTES,)
    return tuple([Source[name] for name in names])


def _read_ages(entry: Reader, order: tuple[Source, ...], default: int) -> list[int]:
    reader = entry.optional("source_ages_seconds")
    if reader is None:
        return [default] * len(order)
    if order == (Source.VOTES,):
        entry.problem("source_ages_seconds", _NEEDS_SOURCES)
    found = [reader.integer(source.name, 1, SECONDS_MAX, default) for source in order]
    reader.done()
    return found


def _read_prices(entry: Reader, order: tuple[Source, ...]) -> tuple[tuple[Source, SourcePrice], ...]:
    found: dict[Source, SourcePrice] = {}
    for row in entry.objects("source_prices"):
        source = Source[row.text("source", choices=_NAMES)]
        price = SourcePrice(
            row.integer("price", 1, UINT64_MAX),
            *[row.integer(key, 0, UINT64_MAX) for key in ("confidence", "time_ns", "height")],
            *[row.integer(key, 0, UINT64_MAX, 0) for key in ("publish_ns", "updates", "reporting_power", "total_power")],
        )
        if source in found or source not in order:
            row.problem("source", f"{source.name} must be one of the market's sources, once")
        row.done()
        found[source] = price
    return tuple(found.items())


def _read_choice(entry: Reader, order: tuple[Source, ...]) -> Choice:
    reader = entry.optional("choice")
    if reader is None:
        return FIRST_CHOICE
    place = reader.integer("place", 0, len(order) - 1)
    since_height = reader.integer("since_height", 0, UINT64_MAX)
    runs = reader.values("runs")
    deviating = reader.integer("deviating", 0, (1 << len(order)) - 1)
    if len(runs) != place or any(not isinstance(run, int) or isinstance(run, bool) or not 0 <= run <= BLOCKS_MAX for run in runs):
        reader.problem("runs", f"must be {place} numbers of blocks, one for each source before the one in force")
        runs = [0] * place
    reader.done()
    return Choice(place, since_height, tuple(runs), deviating)


def read_pull(reader: Reader | None) -> PullSection:
    """Reads `pull`, and reports every mistake in it."""
    if reader is None:
        return PullSection(DEFAULT_PULL, ())
    params = PullParams(
        reader.integer("fee_quantums", 0, FEE_MAX, DEFAULT_PULL.fee_quantums),
        reader.integer("maximum_age_seconds", 1, SECONDS_MAX, DEFAULT_PULL.maximum_age_seconds),
        reader.integer("maximum_ahead_seconds", 0, SECONDS_MAX, DEFAULT_PULL.maximum_ahead_seconds),
        reader.integer("updates_per_block", 1, UPDATES_MAX, DEFAULT_PULL.updates_per_block),
        reader.integer("overlap_seconds", 0, SECONDS_MAX, DEFAULT_PULL.overlap_seconds),
    )
    sets: dict[int, SignerSet] = {}
    last = -1
    for row in reader.objects("signer_sets"):
        version, found = _read_set(row)
        if version <= last:
            row.problem("version", f"must be above {last}: sets stand in ascending order")
        sets[version] = found
        last = max(last, version)
    if any(bool(one.valid_until_ns) != (version != last) for version, one in sets.items()):
        reader.problem("signer_sets", "the last set alone is valid until it is replaced; every other one needs `valid_until_ns`")
    reader.done()
    return PullSection(params, tuple(sets.items()))


def _read_set(row: Reader) -> tuple[int, SignerSet]:
    version = row.integer("version", 0, UINT32_MAX)
    texts = row.values("public_keys")
    keys = [_key(text) for text in texts]
    if not 0 < len(keys) <= MAX_SIGNERS or b"" in keys or len(dict.fromkeys(keys)) != len(keys):
        row.problem("public_keys", f"must be 1 to {MAX_SIGNERS} different ed25519 keys of {2 * KEY_BYTES} hexadecimal digits")
    threshold = row.integer("threshold", 1, max(len(keys), 1))
    valid_until_ns = row.integer("valid_until_ns", 0, UINT64_MAX, 0)
    row.done()
    return version, SignerSet(threshold, tuple(keys), valid_until_ns)


def _key(text: Any) -> bytes:
    """Empty for what is not KEY_BYTES in hexadecimal digits and nothing else."""
    key = hexadecimal(text, KEY_BYTES)
    return key if key is not None and key.hex() == text.lower() else b""


def init_market(ctx: Context, state: OracleState, market_id: int, section: MarketSection) -> None:
    """The market's sources as read; nothing for votes alone."""
    if section.rules is None:
        return
    state.sources.set(ctx, market_id, section.rules)
    for source, price in section.prices:
        state.source_prices.set(ctx, SourceKey(market_id, source), price)
    if section.choice != FIRST_CHOICE:
        state.choices.set(ctx, market_id, section.choice)


def init_pull(ctx: Context, state: OracleState, section: PullSection) -> None:
    """Parameters and signer sets as read."""
    if section.params != DEFAULT_PULL:
        state.pull.set(ctx, section.params)
    for version, one in section.sets:
        state.signer_sets.set(ctx, version, one)


def export_market(ctx: Context, state: OracleState, market_id: int) -> dict[str, Any]:
    """The keys from which `read_market` and `init_market` build this state."""
    rules = state.sources.get(ctx, market_id)
    if rules is None:
        return {}
    row: dict[str, Any] = {
        "sources": [Source(rule.source).name for rule in rules.order],
        "source_ages_seconds": {Source(rule.source).name: rule.maximum_age_seconds for rule in rules.order},
        "switch_back_blocks": rules.switch_back_blocks,
        "max_deviation_ppm": rules.max_deviation_ppm,
        "push_deviation_ppm": rules.push_deviation_ppm,
        "push_heartbeat_seconds": rules.push_heartbeat_seconds,
    }
    if rules.pusher:
        row["pusher"] = addresses.to_text(rules.pusher)
    prices = []
    for rule in rules.order:
        price = state.source_prices.get(ctx, SourceKey(market_id, rule.source))
        if price is not None:
            prices.append({"source": Source(rule.source).name} | {key: str(value) for key, value in price._asdict().items()})
    row["source_prices"] = prices
    choice = state.choices.get(ctx, market_id)
    if choice is not None:
        row["choice"] = choice._asdict() | {"since_height": str(choice.since_height), "runs": list(choice.runs)}
    return row


def export_pull(ctx: Context, state: OracleState) -> dict[str, Any]:
    """The object from which `read_pull` and `init_pull` build this state."""
    params = state.pull.get(ctx) or DEFAULT_PULL
    return params._asdict() | {
        "fee_quantums": str(params.fee_quantums),
        "signer_sets": [
            {
                "version": version,
                "threshold": one.threshold,
                "public_keys": [key.hex() for key in one.keys],
                "valid_until_ns": str(one.valid_until_ns),
            }
            for version, one in state.signer_sets.items(ctx)
        ],
    }
