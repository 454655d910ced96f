"""Which tier a trader is in, what a market's discount makes of its rates, what a fill then costs, and who gets the fees."""

from typing import Any

import pytest

from modules.clob.formulas import fees_of
from modules.fees import formulas
from modules.fees.model import Discount, FeeTier, Share, Volume
from modules.kernel.units import Address
from support.clob_exchange import owner
from support.fee_desk import SECOND, START, FeeDesk, text_of

PROMOTIONAL = [
    (0, 0, 0, 500),
    (1, 0, 0, 450),
    (5, 0, 0, 400),
    (25, 0, 0, 350),
    (125, 0, 0, 300),
    (125, 5_000, 0, 250),
    (125, 5_000, 10_000, 250),
    (125, 5_000, 20_000, 250),
    (125, 5_000, 40_000, 250),
]
"""dydx-risk.md 11.3: millions of USDC, shares in ppm, taker ppm; the maker's are all -110."""
TIERS = tuple(FeeTier(str(index + 1), row[0] * 10**12, row[1], row[2], -110, row[3]) for index, row in enumerate(PROMOTIONAL))
SECTION = {"tiers": [tier._asdict() for tier in TIERS]}
ROUTER = Share(owner("router"), 500_000)
FIRM = Share(owner("firm"), 200_000)
OTHER = Share(owner("other"), 300_000)


@pytest.mark.parametrize(
    ("taker", "maker", "total", "name"),
    [
        (0, 0, 0, "1"),
        (10**12 - 1, 0, 10**12, "1"),
        (10**12, 0, 10**12, "2"),
        (0, 10**12, 10**12, "2"),
        (5 * 10**11, 5 * 10**11, 10**12, "2"),
        (5 * 10**12, 0, 10**18, "3"),
        (25 * 10**12, 0, 10**18, "4"),
        (125 * 10**12 - 1, 0, 1, "4"),
        (125 * 10**12, 0, 25_000 * 10**12 + 200, "5"),
        (125 * 10**12, 0, 25_000 * 10**12 + 199, "6"),
        (125 * 10**12, 0, 25_000 * 10**12, "6"),
        (0, 125 * 10**12, 12_500 * 10**12 + 100, "6"),
        (0, 125 * 10**12, 12_500 * 10**12 + 99, "7"),
        (0, 125 * 10**12, 6_250 * 10**12 + 50, "7"),
        (0, 125 * 10**12, 6_250 * 10**12 + 49, "8"),
        (0, 125 * 10**12, 3_125 * 10**12 + 25, "8"),
        (0, 125 * 10**12, 3_125 * 10**12 + 24, "9"),
        (10**18, 0, 10**18, "6"),
    ],
)
def test_the_tier_is_the_last_before_the_first_missed(taker: int, maker: int, total: int, name: str) -> None:
    """FEE-2, 11.2 and 11.3: at and around each requirement; shares of all volume are rounded down."""
    assert TIERS[formulas.tier_index(TIERS, Volume(taker, maker), total)].name == name


def test_scanning_stops_at_the_first_missed_tier() -> None:
    """FEE-2: requirements never fall in a column, but another tier's may be met: who misses the second is not asked about the third."""
    tiers = (FeeTier("1", 0, 0, 0, 0, 500), FeeTier("2", 0, 0, 10, 0, 400), FeeTier("3", 5, 0, 10, 0, 300))
    assert formulas.tier_index(tiers, Volume(10**9, 0), 10**9) == 0
    assert formulas.tier_index(tiers, Volume(0, 0), 0) == 1
    assert formulas.tier_index(tiers, Volume(0, 5), 5) == 2


def test_a_trader_climbs_with_the_next_block_and_falls_with_time() -> None:
    """Rates change between blocks alone, both when volume comes and when it ages out."""
    desk = FeeDesk(SECTION)
    assert desk.rates("alice") == (500, -110)
    desk.fill("alice", "bob", 10**12)
    assert desk.rates("alice") == (500, -110), "constant during a block"
    desk.end()
    assert desk.rates("alice") == (450, -110), "what was read of the block before is forgotten"
    desk.step()
    assert desk.rates("alice") == desk.rates("bob") == (450, -110)
    assert desk.rates("carol") == (500, -110)
    desk.step(31 * 86_400)
    assert desk.rates("alice") == (500, -110)


@pytest.mark.parametrize(
    ("ppm", "charge", "result"),
    [
        (500, 10**6, 500),
        (500, 0, 0),
        (500, 500_000, 250),
        (350, 333_333, 116),
        (-110, 500_000, -55),
        (-110, 333_333, -36),
        (-1, 999_999, 0),
    ],
)
def test_a_discount_shrinks_fees_and_rebates_toward_zero(ppm: int, charge: int, result: int) -> None:
    """FEE-3, 11.2: tz(ppm x charge / 10^6)."""
    assert formulas.charged(ppm, Discount(5, 9, charge), 5) == result


@pytest.mark.parametrize(("now", "ppm"), [(4, 500), (5, 250), (8, 250), (9, 500)])
def test_a_discount_holds_from_its_start_until_before_its_end(now: int, ppm: int) -> None:
    """FEE-3: start <= block time < end, to the nanosecond."""
    assert formulas.charged(500, Discount(5, 9, 500_000), now) == ppm
    assert formulas.charged(500, None, now) == 500


def test_a_discount_is_one_markets() -> None:
    """Pair 1 charges half for one second; pair 0 does not know of it."""
    now = START * SECOND
    discount = {"clob_pair_id": 1, "start_ns": str(now), "end_ns": str(now + SECOND), "charge_ppm": 500_000}
    desk = FeeDesk(SECTION | {"market_discounts": [discount]})
    assert (desk.rates("alice", 0), desk.rates("alice", 1)) == ((500, -110), (250, -55))
    desk.step(1)
    assert desk.rates("alice", 1) == (500, -110)


@pytest.mark.parametrize(
    ("quote", "ppm", "fee"),
    [
        (12_345_678, 500, 6_173),
        (12_345_678, 100, 1_235),
        (1, 500, 1),
        (1, 250, 1),
        (999, 350, 1),
    ],
)
def test_a_fill_costs_what_the_worked_examples_say(quote: int, ppm: int, fee: int) -> None:
    """E13, from the tier's rate to the quantum, for both sides."""
    desk = FeeDesk({"tiers": [{"name": "1", "taker_fee_ppm": ppm, "maker_fee_ppm": ppm}]})
    assert fees_of(quote, *desk.rates("alice")) == (fee, fee)


@pytest.mark.parametrize(("quote", "maker_ppm", "rebate"), [(12_345_678, -110, -1_358), (1, -110, 0), (999, -50, 0)])
def test_a_rebate_is_rounded_toward_zero(quote: int, maker_ppm: int, rebate: int) -> None:
    """E13's rebates."""
    desk = FeeDesk({"tiers": [{"name": "1", "taker_fee_ppm": 500, "maker_fee_ppm": maker_ppm}]})
    assert fees_of(quote, *desk.rates("alice"))[1] == rebate


@pytest.mark.parametrize("charge", [0, 1, 3_000, 500_000])
def test_no_discount_makes_a_fill_cost_the_pool_money(charge: int) -> None:
    """11.5: where a discount leaves the taker less than the maker's rebate, the rebate is the taker's fee."""
    discount = {"clob_pair_id": 0, "start_ns": 0, "end_ns": 90 * 86_400 * SECOND, "charge_ppm": charge}
    tiers = [{"name": "1", "taker_fee_ppm": 110, "maker_fee_ppm": -110}]
    desk = FeeDesk({"tiers": tiers, "market_discounts": [discount]}, time_ns=SECOND)
    for quote in (0, 1, 999, 12_345_678, 10**15):
        assert sum(fees_of(quote, *desk.rates("alice"))) >= 0


@pytest.mark.parametrize(
    ("taker_fee", "maker_fee", "taker_router", "maker_router", "paid"),
    [
        (1_000, 200, None, None, [(FIRM, 240), (OTHER, 360)]),
        (1_001, 0, None, None, [(FIRM, 200), (OTHER, 300)]),
        (1_000, 200, ROUTER, None, [(ROUTER, 500), (FIRM, 140), (OTHER, 210)]),
        (1_000, 200, None, ROUTER, [(ROUTER, 100), (FIRM, 220), (OTHER, 330)]),
        (1_001, 201, ROUTER, ROUTER, [(ROUTER, 500), (ROUTER, 100), (FIRM, 120), (OTHER, 180)]),
        (1_000, -110, ROUTER, ROUTER, [(ROUTER, 445), (FIRM, 89), (OTHER, 133)]),
        (0, 200, ROUTER, ROUTER, [(ROUTER, 100), (FIRM, 20), (OTHER, 30)]),
        (1, 0, ROUTER, None, []),
        (7, -7, ROUTER, ROUTER, []),
        (0, 0, ROUTER, ROUTER, []),
        (-60, 100, None, ROUTER, []),
        (-50, 100, None, ROUTER, []),
        (-49, 100, None, ROUTER, [(ROUTER, 50)]),
        (-44, 100, ROUTER, ROUTER, [(ROUTER, 50), (FIRM, 1), (OTHER, 1)]),
    ],
)
def test_shares_are_of_what_is_left_in_order_and_rounded_down(
    taker_fee: int, maker_fee: int, taker_router: Share | None, maker_router: Share | None, paid: list[tuple[Share, int]]
) -> None:
    """FEE-6, 11.5: routers of min(taker fee, net) and max(maker fee, 0), then 20 % and 30 % of the rest; none where none is left."""
    found = formulas.payouts(taker_fee, maker_fee, taker_router, maker_router, (FIRM, OTHER))
    assert list(found) == [(share.address, amount) for share, amount in paid]
    assert sum(amount for _, amount in found) <= max(taker_fee + maker_fee, 0)


def test_only_registered_routers_are_paid() -> None:
    """The keeper's side: an unknown router gets nothing, and who asks for its share learns that there is none."""
    shares: dict[str, Any] = {
        "order_routers": [{"address": text_of("router"), "share_ppm": 500_000}],
        "revenue_shares": [{"address": text_of("firm"), "share_ppm": 200_000}],
    }
    desk = FeeDesk(shares)
    router, stranger = Address(owner("router")), Address(owner("stranger"))
    assert (desk.keeper.router_share(desk.ctx, router), desk.keeper.router_share(desk.ctx, stranger)) == (500_000, None)
    assert desk.keeper.payouts(desk.ctx, 1_000, 0, router, stranger) == ((router, 500), (owner("firm"), 100))
    assert desk.keeper.payouts(desk.ctx, 1_000, 0, stranger, None) == ((owner("firm"), 200),)
    bare = FeeDesk()
    assert bare.keeper.payouts(bare.ctx, 1_000, 0, None, None) == ()
