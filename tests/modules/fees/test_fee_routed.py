"""What of a fill's payouts is told as a router's: also where the same account has a revenue share."""

import pytest

from modules.fees import formulas
from modules.fees.model import Share
from support.sequencing import Signer

ROUTER = Share(Signer("router").address, 200_000)
OTHER = Share(Signer("other").address, 500_000)
REVENUE = (Share(ROUTER.address, 100_000),)


@pytest.mark.parametrize(
    ("taker_fee", "maker_fee", "taker_router", "maker_router", "routed"),
    [
        (500, 100, ROUTER, None, (100, 0)),
        (500, 100, None, ROUTER, (0, 20)),
        (500, -110, None, ROUTER, (0, 0)),
        (4, 0, ROUTER, None, (0, 0)),
        (500, 100, ROUTER, ROUTER, (100, 20)),
        (4, 100, ROUTER, ROUTER, (0, 20)),
        (500, 100, OTHER, ROUTER, (250, 20)),
        (-100, 110, None, Share(OTHER.address, 999_999), (0, 0)),
        (0, 0, ROUTER, ROUTER, (0, 0)),
    ],
)
def test_routers_and_revenue_shares_make_up_all_payouts(
    taker_fee: int, maker_fee: int, taker_router: Share | None, maker_router: Share | None, routed: tuple[int, int]
) -> None:
    """FEE-6: a rebated maker's router gets nothing, and no revenue share is taken for its."""
    assert formulas.routed(taker_fee, maker_fee, taker_router, maker_router) == routed
    paid = sum(amount for _, amount in formulas.payouts(taker_fee, maker_fee, taker_router, maker_router, REVENUE))
    everything_routed = taker_fee == -100
    left = 0 if everything_routed else max(taker_fee + maker_fee, 0) - sum(routed)
    assert paid == sum(routed) + left // 10
