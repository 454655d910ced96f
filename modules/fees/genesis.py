"""Genesis of the fees.

`tiers`: `name`, `maker_fee_ppm`, `taker_fee_ppm`, optionally the three volume requirements. Optional: `window_seconds`, how long volume
counts; `market_discounts`: `clob_pair_id`, `start_ns`, `end_ns` (unix nanoseconds), `charge_ppm`; `revenue_shares` and `order_routers`:
`address`, `share_ppm`. An export adds `volumes`: `address` and its `hours`, ascending: `hour` since the unix epoch, `taker`, `maker`.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

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
    Share,
    Volume,
)
from modules.fees.state import FeesState
from modules.fees.volume import Volumes
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MILLION, Address
from modules.subaccounts.model import FEE_COLLECTOR, fund_name, pool_name

LONGEST_WINDOW_SECONDS = 366 * 24 * HOUR_SECONDS
MAX_VOLUME = 2**128 - 1

Hours = tuple[tuple[int, Volume], ...]


class _Section(NamedTuple):
    tiers: tuple[FeeTier, ...]
    params: FeeParams
    routers: tuple[Share, ...]
    discounts: dict[int, Discount]
    volumes: dict[Address, Hours]


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
    )
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
        "volumes": list(_volumes(ctx, state, formulas.first_hour(ctx.time_ns, params.window_seconds))),
    }


def _share(account: Address, share_ppm: int) -> dict[str, Any]:
    return {"address": addresses.to_text(account), "share_ppm": share_ppm}


def _volumes(ctx: Context, state: FeesState, first: int) -> Iterator[dict[str, Any]]:
    volumes = Volumes(state)
    for owner in volumes.owners(ctx):
        hours = [
            {"hour": hour, "taker": str(volume.taker), "maker": str(volume.maker)} for hour, volume in volumes.by_hour(ctx, owner, first)
        ]
        if hours and owner != EVERYBODY:
            yield {"address": addresses.to_text(owner), "hours": hours}
