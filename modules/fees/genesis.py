"""Genesis of the fees.

`tiers`: `name`, `maker_fee_ppm`, `taker_fee_ppm`, optionally the three volume requirements. Optional: `window_seconds`, how long volume
counts; `market_discounts`: `clob_pair_id`, `start_ns`, `end_ns` (unix nanoseconds), `charge_ppm`; `revenue_shares` and `order_routers`:
`address`, `share_ppm`; `volumes`: `address` and its `hours`, ascending: `hour` since the unix epoch, `taker`, `maker`. An export has
`volume_trails`, `volume_starts` and `volume_pending` instead, as state keeps them, so that a chain that begins from it has the same root.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from modules.bank.model import FEE_COLLECTOR
from modules.fees import formulas
from modules.fees.model import (
    DEFAULT_WINDOW_SECONDS,
    EVERYBODY,
    HOUR_SECONDS,
    LATEST_NS,
    Discount,
    FeeParams,
    FeeTier,
    FeeTiers,
    HourKey,
    Share,
    Trail,
    Volume,
)
from modules.fees.pending import BlockVolume, pending_heights
from modules.fees.state import FeesState
from modules.fees.volume import Volumes
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION, Address
from modules.subaccounts.model import fund_name, pool_name

LONGEST_WINDOW_SECONDS = 366 * 24 * HOUR_SECONDS
MAX_VOLUME = 2**128 - 1
MAX_HOURS = 2 ** (366 * 24 + 2) - 1
"""Bitmap of the hours of the longest window, and of the two in which it begins and ends."""

Hours = tuple[tuple[int, Volume], ...]


class _Section(NamedTuple):
    tiers: tuple[FeeTier, ...]
    params: FeeParams
    routers: tuple[Share, ...]
    discounts: dict[int, Discount]
    volumes: dict[Address, Hours]
    kept: "_Kept"


class _Kept(NamedTuple):
    """Volume as state keeps it."""

    trails: dict[Address, Trail]
    starts: dict[HourKey, Volume]
    pending: dict[int, BlockVolume]


def _read(section: Any, problems: Problems) -> _Section:
    reader = Reader(section, "fees", problems)
    tiers = tuple(_read_tiers(reader))
    for _, sentence in formulas.mistakes(tiers):
        reader.problem("tiers", sentence)
    window_seconds = reader.integer("window_seconds", HOUR_SECONDS, LONGEST_WINDOW_SECONDS, DEFAULT_WINDOW_SECONDS)
    revenue_shares = _read_shares(reader, "revenue_shares")
    if sum([share.share_ppm for share in revenue_shares]) >= MILLION:
        reader.problem("revenue_shares", f"must be less than {MILLION} ppm together")
    found = _Section(
        tiers,
        FeeParams(window_seconds, revenue_shares),
        _read_shares(reader, "order_routers"),
        _read_discounts(reader),
        _read_volumes(reader, window_seconds),
        _read_kept(reader),
    )
    for key, sentence in _kept_mistakes(found.kept):
        reader.problem(key, sentence)
    if found.volumes and any(found.kept):
        reader.problem("volumes", "must be absent beside an export's `volume_trails`, which say the same")
    reader.done()
    return found


def _read_tiers(reader: Reader) -> Iterator[FeeTier]:
    for entry in reader.objects("tiers", required=True):
        yield FeeTier(
            entry.text("name", longest=64),
            entry.integer("absolute_volume_requirement", 0, UINT64_MAX, 0),
            entry.integer("total_volume_share_requirement_ppm", 0, MILLION, 0),
            entry.integer("maker_volume_share_requirement_ppm", 0, MILLION, 0),
            entry.integer("maker_fee_ppm", -MILLION, MILLION),
            entry.integer("taker_fee_ppm", -MILLION, MILLION),
        )
        entry.done()


def _read_address(entry: Reader, seen: Mapping[Address, Any]) -> Address | None:
    """The account of an entry of a list in which each stands once; None where it is unusable, which is told."""
    text = entry.account("address")
    if not addresses.is_valid(text):
        return None
    account = addresses.from_text(text)
    if account in seen:
        entry.problem("address", f"{text} is listed twice")
        return None
    return account


def _read_shares(reader: Reader, key: str) -> tuple[Share, ...]:
    shares: dict[Address, int] = {}
    for entry in reader.objects(key):
        account = _read_address(entry, shares)
        share_ppm = entry.integer("share_ppm", 1, MILLION - 1)
        if account is not None:
            shares[account] = share_ppm
        entry.done()
    return tuple([Share(account, share_ppm) for account, share_ppm in shares.items()])


def _read_discounts(reader: Reader) -> dict[int, Discount]:
    found: dict[int, Discount] = {}
    for entry in reader.objects("market_discounts"):
        pair_id = entry.integer("clob_pair_id", 0, UINT32_MAX)
        discount = Discount(
            entry.integer("start_ns", 0, LATEST_NS), entry.integer("end_ns", 0, LATEST_NS), entry.integer("charge_ppm", 0, MILLION)
        )
        mistake = formulas.discount_mistake(discount)
        if mistake is not None:
            entry.problem("end_ns", mistake[1])
        if pair_id in found:
            entry.problem("clob_pair_id", f"clob pair {pair_id} is listed twice")
        found[pair_id] = discount
        entry.done()
    return found


def _read_volumes(reader: Reader, window_seconds: int) -> dict[Address, Hours]:
    found: dict[Address, Hours] = {}
    earliest = latest = None
    for entry in reader.objects("volumes"):
        account = _read_address(entry, found)
        if account == EVERYBODY:
            entry.problem("address", "has no key; the volume of the whole exchange is the sum of its takers'")
        hours = []
        for row in entry.objects("hours", required=True):
            hour = row.integer("hour", 0, UINT32_MAX)
            hours.append((hour, Volume(row.integer("taker", 0, MAX_VOLUME, 0), row.integer("maker", 0, MAX_VOLUME, 0))))
            row.done()
            earliest = hour if earliest is None else min(earliest, hour)
            latest = hour if latest is None else max(latest, hour)
        if any(before >= after for (before, _), (after, _) in pairwise(hours)):
            entry.problem("hours", "must ascend by `hour`")
        entry.done()
        if account is not None:
            found[account] = tuple(hours)
    if earliest is not None and latest is not None and (latest - earliest - 1) * HOUR_SECONDS > window_seconds:
        reader.problem("volumes", f"must all be of one window of {window_seconds} s, not of hours {earliest} to {latest}")
    return found


def _read_volume(entry: Reader) -> Volume:
    return Volume(entry.integer("taker", 0, MAX_VOLUME, 0), entry.integer("maker", 0, MAX_VOLUME, 0))


def _read_kept(reader: Reader) -> _Kept:
    kept = _Kept({}, {}, {})
    for entry in reader.objects("volume_trails"):
        account = _read_address(entry, kept.trails)
        hour, hours = entry.integer("hour", 0, UINT32_MAX), entry.integer("hours", 1, MAX_HOURS)
        volume = _read_volume(entry)
        if account is not None:
            kept.trails[account] = Trail(hour, hours, volume.taker, volume.maker)
        entry.done()
    for entry in reader.objects("volume_starts"):
        account, hour, volume = _read_address(entry, {}), entry.integer("hour", 0, UINT32_MAX), _read_volume(entry)
        if account is not None:
            kept.starts[HourKey(hour, account)] = volume
        entry.done()
    for entry in reader.objects("volume_pending"):
        height, hour = entry.integer("height", 0, UINT64_MAX), entry.integer("hour", 0, UINT32_MAX)
        rows: dict[Address, Volume] = {}
        for row in entry.objects("volumes", required=True):
            account, volume = _read_address(row, rows), _read_volume(row)
            if account is not None:
                rows[account] = volume
            row.done()
        if EVERYBODY not in rows:
            entry.problem("volumes", f"must have everybody's, under {addresses.to_text(EVERYBODY)}")
        kept.pending[height] = BlockVolume(hour, rows)
        entry.done()
    return kept


def _kept_mistakes(kept: _Kept) -> Iterator[tuple[str, str]]:
    """What no export has: sums that fall, hours without a start, blocks of several hours or of more volume than their takers'."""
    oldest = min([key.hour for key in kept.starts], default=0)
    for owner, trail in kept.trails.items():
        name = addresses.to_text(owner)
        if not trail.hours & 1:
            yield "volume_trails", f"the hours of {name} must have the one of its last trade, bit 0"
        # Starts are forgotten by hour, the oldest first, so of the oldest hour that is left some may be gone.
        needed = formulas.hours_of(trail, oldest + 1) if trail.hour > oldest else ()
        missing = [hour for hour in needed if HourKey(hour, owner) not in kept.starts]
        if missing:
            yield "volume_starts", f"{name} lacks the start of its hour {missing[0]}"
    for key, start in kept.starts.items():
        later = kept.trails.get(key.owner)
        if later is not None and not (start.taker <= later.taker and start.maker <= later.maker):
            yield "volume_starts", f"the start of hour {key.hour} of {addresses.to_text(key.owner)} is above the sums of its trail"
    if len({block.hour: None for block in kept.pending.values()}) > 1:
        yield "volume_pending", "all blocks must be of one hour"
    for height, block in kept.pending.items():
        takers = sum([volume.taker for owner, volume in block.volumes.items() if owner != EVERYBODY])
        if block.volumes.get(EVERYBODY) != (takers, 0):
            yield "volume_pending", f"takers of height {height} traded {takers}, which everybody's volume must say"


def _module_accounts(whole: Mapping[str, Any]) -> dict[Address, str]:
    """Accounts whose money only their module moves. What the perpetuals' section says amiss is told there."""
    names = [FEE_COLLECTOR, pool_name(0, False), fund_name(0, False)]
    reader = Reader(whole.get("perp", {}), "perp", Problems())
    for perpetual in reader.objects("perpetuals"):
        perpetual_id = perpetual.integer("id", 0, UINT32_MAX)
        names += [pool_name(perpetual_id, True), fund_name(perpetual_id, True)]
    return {addresses.of_module(name): name for name in names}


def validate(section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
    """Every mistake of the section."""
    found = _read(section, problems)
    taken = _module_accounts(whole)
    for key, shares in (("revenue_shares", found.params.revenue_shares), ("order_routers", found.routers)):
        for share in shares:
            if share.address in taken:
                problems.add(f"fees.{key}", f"{addresses.to_text(share.address)} is the module account {taken[share.address]}")


def init(ctx: Context, state: FeesState, section: Any) -> None:
    """State as the valid section says. Volume of hours that count no more at this time is left out."""
    problems = Problems()
    found = _read(section, problems)
    assert not problems.found, problems.found
    state.tiers.set(ctx, FeeTiers(found.tiers))
    state.params.set(ctx, found.params)
    for share in found.routers:
        state.routers.set(ctx, share.address, share.share_ppm)
    for pair_id, discount in found.discounts.items():
        state.discounts.set(ctx, pair_id, discount)
    volumes, first = Volumes(state), formulas.first_hour(ctx.time_ns, found.params.window_seconds)
    totals: dict[int, int] = {}
    for owner, hours in found.volumes.items():
        for hour, volume in hours:
            if hour >= first:
                volumes.add(ctx, owner, hour, first, volume)
                totals[hour] = totals.get(hour, 0) + volume.taker
    for hour, total in sorted(totals.items()):
        volumes.add(ctx, EVERYBODY, hour, first, Volume(total, 0))
    _init_kept(ctx, state, found.kept, first)


def _init_kept(ctx: Context, state: FeesState, kept: _Kept, first: int) -> None:
    """State has these rows; what is pending goes into the trails where this chain begins at a height that does not look for it.

    A trail that lacks what it needs, which no export has, does not count.
    """
    for owner, trail in kept.trails.items():
        if trail.hour < first or all(HourKey(hour, owner) in kept.starts for hour in formulas.hours_of(trail, first)):
            state.trails.set(ctx, owner, trail)
    for key, volume in kept.starts.items():
        state.starts.set(ctx, key, volume)
    found = pending_heights(ctx.height)
    if all(height in found for height in kept.pending):
        for height, block in kept.pending.items():
            state.pending.set(ctx, height, block)
        return
    volumes = Volumes(state)
    for _, block in sorted(kept.pending.items()):
        for owner, volume in sorted(block.volumes.items()):
            volumes.add(ctx, owner, block.hour, first, volume)


def export(ctx: Context, state: FeesState) -> dict[str, Any]:
    """The section from which `init` builds this state, at this or a later time, but for what counts no more."""
    params = state.params.require(ctx)
    return {
        "tiers": [
            tier._asdict() | {"absolute_volume_requirement": str(tier.absolute_volume_requirement)}
            for tier in state.tiers.require(ctx).tiers
        ],
        "window_seconds": params.window_seconds,
        "market_discounts": [
            {
                "clob_pair_id": pair_id,
                "start_ns": str(discount.start_ns),
                "end_ns": str(discount.end_ns),
                "charge_ppm": discount.charge_ppm,
            }
            for pair_id, discount in state.discounts.items(ctx)
        ],
        "revenue_shares": [_share(share.address, share.share_ppm) for share in params.revenue_shares],
        "order_routers": [_share(account, share_ppm) for account, share_ppm in state.routers.items(ctx)],
        **_kept(ctx, state),
    }


def _share(account: Address, share_ppm: int) -> dict[str, Any]:
    return {"address": addresses.to_text(account), "share_ppm": share_ppm}


def _kept(ctx: Context, state: FeesState) -> dict[str, Any]:
    return {
        "volume_trails": [
            {"address": addresses.to_text(owner), "hour": trail.hour, "hours": str(trail.hours)} | _volume(trail)
            for owner, trail in state.trails.items(ctx)
        ],
        "volume_starts": [
            {"address": addresses.to_text(key.owner), "hour": key.hour} | _volume(volume) for key, volume in state.starts.items(ctx)
        ],
        "volume_pending": [
            {
                "height": str(height),
                "hour": block.hour,
                "volumes": [{"address": addresses.to_text(owner)} | _volume(volume) for owner, volume in sorted(block.volumes.items())],
            }
            for height, block in state.pending.items(ctx)
        ],
    }


def _volume(volume: Volume | Trail) -> dict[str, str]:
    return {"taker": str(volume.taker), "maker": str(volume.maker)}
