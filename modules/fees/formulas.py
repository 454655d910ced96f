"""What makes fee tiers and discounts sound, which tier a trader is in, what a market charges, and who gets a fill's fees."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from modules.fees import errors
from modules.fees.model import HOUR_SECONDS, LONGEST_DISCOUNT_NS, Discount, FeeTier, Share, Trail, Volume
from modules.kernel.errors import ErrorKind
from modules.kernel.intmath import div_ceil, div_floor, div_trunc, ppm_floor
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND, Address

REQUIREMENTS = ("absolute_volume_requirement", "total_volume_share_requirement_ppm", "maker_volume_share_requirement_ppm")


def mistakes(tiers: Sequence[FeeTier]) -> list[tuple[ErrorKind, str]]:
    """FEE-1: what is wrong with a list of tiers, and the code of each mistake.

    There is at least one (400), the first asks for nothing (401), no requirement falls from one tier to the next (402), and the best
    rebate is never above the lowest taker fee (403): min(maker) + min(taker) >= 0.
    """
    if not tiers:
        return [(errors.NO_TIERS, "must hold at least one tier")]
    found = []
    if any(getattr(tiers[0], name) for name in REQUIREMENTS):
        found.append((errors.FIRST_TIER_REQUIRES, "the first tier must have no requirements: it is everybody's"))
    for before, after in pairwise(tiers):
        found += [
            (errors.TIERS_OUT_OF_ORDER, f"{name} of tier {after.name!r} must not be below that of {before.name!r}")
            for name in REQUIREMENTS
            if getattr(after, name) < getattr(before, name)
        ]
    if min(tier.maker_fee_ppm for tier in tiers) + min(tier.taker_fee_ppm for tier in tiers) < 0:
        found.append((errors.REBATE_ABOVE_FEE, "the highest maker rebate must not be above the lowest taker fee, out of which it is paid"))
    return found


def discount_mistake(discount: Discount) -> tuple[ErrorKind, str] | None:
    """FEE-5: what is wrong with a market's discount whatever the time is: its time range (406) or its charge (408)."""
    if not discount.start_ns < discount.end_ns:
        return errors.INVALID_TIME_RANGE, "it must start before it ends"
    if discount.end_ns - discount.start_ns > LONGEST_DISCOUNT_NS:
        return errors.INVALID_TIME_RANGE, "it must not last longer than 90 days"
    if not 0 <= discount.charge_ppm <= MILLION:
        return errors.INVALID_CHARGE, f"charge_ppm is {discount.charge_ppm}"
    return None


def tier_index(tiers: Sequence[FeeTier], own: Volume, total: int) -> int:
    """FEE-2: the tier of a trader with this volume where everybody together traded `total`: the last before the first that it misses.

    It needs taker + maker >= the absolute requirement, taker + maker >= floor(total x share), maker >= floor(total x maker's share).
    """
    both = own.taker + own.maker
    for index, tier in enumerate(tiers):
        reached = (
            both >= tier.absolute_volume_requirement
            and both >= ppm_floor(total, tier.total_volume_share_requirement_ppm)
            and own.maker >= ppm_floor(total, tier.maker_volume_share_requirement_ppm)
        )
        if not reached:
            return max(index - 1, 0)
    return len(tiers) - 1


def charged(ppm: int, discount: Discount | None, time_ns: int) -> int:
    """FEE-3: a tier's fee or rebate in a market with this discount: ppm x charge, toward zero, from its start until before its end."""
    if discount is None or not discount.start_ns <= time_ns < discount.end_ns:
        return ppm
    return div_trunc(ppm * discount.charge_ppm, MILLION)


def hour_of(time_ns: int) -> int:
    """The hour since the unix epoch in which a time lies."""
    return div_floor(time_ns, HOUR_SECONDS * NANOSECONDS_PER_SECOND)


def first_hour(time_ns: int, window_seconds: int) -> int:
    """FEE-4: the oldest hour that counts at a time. An hour counts as long as its end + window >= the time."""
    seconds = div_ceil(time_ns, NANOSECONDS_PER_SECOND)
    return max(div_ceil(seconds - window_seconds, HOUR_SECONDS) - 1, 0)


def hours_from(hours: int, latest: int, first: int) -> int:
    """Of the hours that these bits tell (bit k: `latest` - k) those from hour `first` on, which is not after `latest`."""
    width = latest - first + 1
    return hours & ((1 << width) - 1) if hours.bit_length() > width else hours


def hours_of(trail: Trail, first: int) -> Iterator[int]:
    """The hours of a trail's trades from hour `first` on, ascending; `first` is not after the last of them."""
    left = hours_from(trail.hours, trail.hour, first)
    while left:
        age = left.bit_length() - 1
        yield trail.hour - age
        left ^= 1 << age


def payouts(
    taker_fee: int, maker_fee: int, taker_router: Share | None, maker_router: Share | None, revenue: Iterable[Share]
) -> tuple[tuple[Address, int], ...]:
    """FEE-6: (account, quote quantums > 0) of what a fill's net fee, taker_fee + maker_fee, gives to others; the collector has the rest.

    The taker's router gets its share of min(taker fee, net), the maker's of the maker's fee, neither of less than nothing; revenue
    shares are of what these leave. All are rounded down. When routers would get all of the net fee or more (a negative taker's fee can
    do that), nobody gets anything. Revenue shares are less than all together, so they never exceed what is left.
    """
    net = taker_fee + maker_fee
    if net <= 0:
        return ()
    shares = _router_shares(taker_fee, maker_fee, taker_router, maker_router)
    left = net - sum(shares)
    if left <= 0:
        return ()
    routers = zip((taker_router, maker_router), shares, strict=True)
    paid = [(router.address, amount) for router, amount in routers if router is not None]
    paid += [(share.address, ppm_floor(left, share.share_ppm)) for share in revenue]
    return tuple([one for one in paid if one[1] > 0])


def routed(taker_fee: int, maker_fee: int, taker_router: Share | None, maker_router: Share | None) -> tuple[int, int]:
    """What of FEE-6's payouts is the taker's and what the maker's router's, quote quantums."""
    found = _router_shares(taker_fee, maker_fee, taker_router, maker_router)
    return found if sum(found) < taker_fee + maker_fee else (0, 0)


def _router_shares(taker_fee: int, maker_fee: int, taker_router: Share | None, maker_router: Share | None) -> tuple[int, int]:
    """What routers would get, whatever is left then."""
    net = taker_fee + maker_fee
    return (
        0 if taker_router is None else ppm_floor(max(min(taker_fee, net), 0), taker_router.share_ppm),
        0 if maker_router is None else ppm_floor(max(maker_fee, 0), maker_router.share_ppm),
    )
