"""What trading costs and who gets it: dydx-risk.md 11."""

from fractions import Fraction
from math import ceil, floor

from support.slow.world import MILLION, FeeTier, Market, Order, World


def fee(quote: int, ppm: int) -> int:
    """Ceiling toward plus infinity, also of a rebate (11.1)."""
    return ceil(Fraction(quote * ppm, MILLION))


def fill_quote(market: Market, subticks: int, quantums: int) -> int:
    """Quote quantums of a fill (dydx-clob.md 4)."""
    return floor(subticks * quantums * Fraction(10) ** market.conversion)


def tier_of(world: World, owner: bytes) -> FeeTier:
    """The last tier before the first that the owner misses (11.2)."""
    everybody = sum(taker for taker, _ in world.volume.values())
    taker, maker = world.volume.get(owner, (0, 0))
    found = world.rules.fee_tiers[0]
    for tier in world.rules.fee_tiers[1:]:
        enough = taker + maker >= tier.volume and taker + maker >= floor(Fraction(everybody * tier.total_share_ppm, MILLION))
        if not enough or maker < floor(Fraction(everybody * tier.maker_share_ppm, MILLION)):
            break
        found = tier
    return found


def rates(world: World, owner: bytes, pair: int) -> tuple[int, int]:
    """(taker ppm, maker ppm) with the market's discount (11.2)."""
    tier = tier_of(world, owner)
    found = tier.taker_ppm, tier.maker_ppm
    for market, start, end, charge in world.rules.discounts:
        if market == pair and start <= world.time_ns < end:
            found = int(Fraction(found[0] * charge, MILLION)), int(Fraction(found[1] * charge, MILLION))
    return found


def count_volume(world: World) -> None:
    """The block's fills count from the next block on (design: rates are constant during a block)."""
    for taker, maker, quote in world.volume_now:
        as_taker, as_maker = world.volume.get(taker, (0, 0))
        world.volume[taker] = as_taker + quote, as_maker
        as_taker, as_maker = world.volume.get(maker, (0, 0))
        world.volume[maker] = as_taker, as_maker + quote
    world.volume_now = []


def shares(world: World, taker: Order, maker: Order, taker_fee: int, maker_fee: int) -> list[tuple[bytes, int]]:
    """Who gets how much of the fees of a fill (11.5); the rest is the fee collector's."""
    net = taker_fee + maker_fee
    known = dict(world.rules.routers)
    routed: list[tuple[bytes, int]] = []
    if taker.router is not None and taker.router in known:
        routed.append((taker.router, floor(Fraction(min(taker_fee, net) * known[taker.router], MILLION))))
    if maker.router is not None and maker.router in known:
        routed.append((maker.router, floor(Fraction(max(maker_fee, 0) * known[maker.router], MILLION))))
    rest = net - sum(amount for _, amount in routed)
    if net == 0 or rest <= 0:
        return []
    return routed + [(address, floor(Fraction(rest * ppm, MILLION))) for address, ppm in world.rules.revenue]
