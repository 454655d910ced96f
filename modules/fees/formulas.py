"""What makes a list of fee tiers sound."""

from collections.abc import Sequence
from itertools import pairwise

from modules.fees.model import FeeTier

REQUIREMENTS = ("absolute_volume_requirement", "total_volume_share_requirement_ppm", "maker_volume_share_requirement_ppm")


def mistakes(tiers: Sequence[FeeTier]) -> list[str]:
    """FEE-1: what is wrong with a list of tiers.

    There is at least one, the first asks for nothing, no requirement falls from one tier to the next, and the best rebate is never
    above the lowest taker fee: min(maker) + min(taker) >= 0, so that a fill's fees never cost the pool money.
    """
    if not tiers:
        return ["must hold at least one tier"]
    found = []
    if any(getattr(tiers[0], name) for name in REQUIREMENTS):
        found.append("the first tier must have no requirements: it is everybody's")
    for before, after in pairwise(tiers):
        found += [
            f"{name} of tier {after.name!r} must not be below that of {before.name!r}"
            for name in REQUIREMENTS
            if getattr(after, name) < getattr(before, name)
        ]
    if min(tier.maker_fee_ppm for tier in tiers) + min(tier.taker_fee_ppm for tier in tiers) < 0:
        found.append("the highest maker rebate must not be above the lowest taker fee, out of which it is paid")
    return found
