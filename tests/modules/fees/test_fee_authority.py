"""What the authority changes of fees: every code of feetiers, bounds of every field, and from when a change is in effect."""

from typing import Any

import pytest

from modules.fees.authority import decode_discounts, decode_tiers
from modules.fees.model import LATEST_NS, Discount
from modules.kernel.errors import ChainError
from modules.kernel.module import QueryError
from perpd_proto.dydxprotocol.feetiers import per_market_fee_discount_pb2, tx_pb2
from support.authority_desk import AUTHORITY, STRANGER, Desk
from support.clob_exchange import owner

DAY = 86_400
SECOND = 10**9


def tiers_message(*tiers: dict[str, Any], authority: str = AUTHORITY.text) -> tx_pb2.MsgUpdatePerpetualFeeParams:
    """The message that sets these tiers."""
    found = tx_pb2.MsgUpdatePerpetualFeeParams(authority=authority)
    found.params.SetInParent()
    for tier in tiers:
        found.params.tiers.add(**({"name": "1", "taker_fee_ppm": 500} | tier))
    return found


def discount_params(pair_id: int = 0, start: int = 0, end: int = DAY, charge: int = 500_000, **nanos: int) -> Any:
    """A market's discount, times in unix seconds."""
    found = per_market_fee_discount_pb2.PerMarketFeeDiscountParams(clob_pair_id=pair_id, charge_ppm=charge)
    found.start_time.seconds, found.start_time.nanos = start, nanos.get("start_nanos", 0)
    found.end_time.seconds, found.end_time.nanos = end, nanos.get("end_nanos", 0)
    return found


def discounts_message(*params: Any, authority: str = AUTHORITY.text) -> tx_pb2.MsgSetMarketFeeDiscountParams:
    """The message that sets these discounts."""
    return tx_pb2.MsgSetMarketFeeDiscountParams(authority=authority, params=params)


def code_of(decode: Any, message: Any) -> tuple[str, int]:
    """How decoding ends."""
    try:
        decode(message)
    except ChainError as error:
        return error.codespace, error.code
    return "", 0


@pytest.mark.parametrize(
    ("tiers", "code"),
    [
        ([], ("feetiers", 400)),
        ([{"absolute_volume_requirement": 1}], ("feetiers", 401)),
        ([{"total_volume_share_requirement_ppm": 1}], ("feetiers", 401)),
        ([{"maker_volume_share_requirement_ppm": 1}], ("feetiers", 401)),
        ([{}, {"absolute_volume_requirement": 2}, {"absolute_volume_requirement": 1}], ("feetiers", 402)),
        ([{"maker_fee_ppm": -501}], ("feetiers", 403)),
        ([{"maker_fee_ppm": -500}], ("", 0)),
        ([{}, {"taker_fee_ppm": 100}, {"maker_fee_ppm": -101}], ("feetiers", 403)),
        ([{"name": ""}], ("sdk", 18)),
        ([{"name": "n" * 64}], ("", 0)),
        ([{"name": "n" * 65}], ("sdk", 18)),
        ([{}, {"total_volume_share_requirement_ppm": 1_000_000}], ("", 0)),
        ([{}, {"total_volume_share_requirement_ppm": 1_000_001}], ("sdk", 18)),
        ([{}, {"maker_volume_share_requirement_ppm": 1_000_001}], ("sdk", 18)),
        ([{"taker_fee_ppm": 1_000_000, "maker_fee_ppm": -1_000_000}], ("", 0)),
        ([{"taker_fee_ppm": 1_000_001}], ("sdk", 18)),
        ([{"maker_fee_ppm": 1_000_001}], ("sdk", 18)),
        ([{}, {"absolute_volume_requirement": 2**64 - 1}], ("", 0)),
    ],
)
def test_tiers_are_checked_before_anything_else(tiers: list[dict[str, Any]], code: tuple[str, int]) -> None:
    """FEE-1 with its codes, and the bounds of genesis."""
    assert code_of(decode_tiers, tiers_message(*tiers)) == code


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ([discount_params()], ("", 0)),
        ([], ("", 0)),
        ([discount_params(start=5, end=5)], ("feetiers", 406)),
        ([discount_params(start=5, end=4)], ("feetiers", 406)),
        ([discount_params(start=5, end=5, end_nanos=1)], ("", 0)),
        ([discount_params(start=1, end=90 * DAY + 1)], ("", 0)),
        ([discount_params(start=1, end=90 * DAY + 1, end_nanos=1)], ("feetiers", 406)),
        ([discount_params(start=-1)], ("feetiers", 406)),
        ([discount_params(start_nanos=-1)], ("feetiers", 406)),
        ([discount_params(start_nanos=SECOND)], ("feetiers", 406)),
        ([discount_params(start=253_402_300_799, end=253_402_300_799, end_nanos=SECOND - 1)], ("", 0)),
        ([discount_params(start=253_402_300_799, end=253_402_300_800)], ("feetiers", 406)),
        ([per_market_fee_discount_pb2.PerMarketFeeDiscountParams(clob_pair_id=1)], ("feetiers", 406)),
        ([discount_params(charge=0)], ("", 0)),
        ([discount_params(charge=1_000_000)], ("", 0)),
        ([discount_params(charge=1_000_001)], ("feetiers", 408)),
        ([discount_params(1), discount_params(2), discount_params(1)], ("sdk", 18)),
        ([discount_params(2**32 - 1)], ("", 0)),
    ],
)
def test_discounts_are_checked_before_anything_else(params: list[Any], code: tuple[str, int]) -> None:
    """FEE-5: time range and charge at, below and above their bounds."""
    assert code_of(decode_discounts, discounts_message(*params)) == code


def test_a_discount_keeps_its_nanoseconds() -> None:
    """The latest time that protobuf's timestamps have is the latest here."""
    message = discounts_message(discount_params(3, 253_402_300_799, 253_402_300_799, 7, start_nanos=5, end_nanos=SECOND - 1))
    assert decode_discounts(message) == ((3, Discount(253_402_300_799 * SECOND + 5, LATEST_NS, 7)),)


def test_a_strangers_change_is_refused_with_the_codespaces_number() -> None:
    """404, and nothing is changed."""
    desk = Desk()
    now = desk.ctx.time_seconds
    assert desk.send(tiers_message({"taker_fee_ppm": 1}, authority=STRANGER.text)) == "feetiers/404"
    assert desk.send(discounts_message(discount_params(0, now, now + DAY), authority=STRANGER.text)) == "feetiers/404"


def test_new_tiers_are_in_effect_from_the_next_height() -> None:
    """Queued in the block, applied as its last writes."""
    desk = Desk()
    fees, before = desk.wiring.fees.keeper, desk.wiring.fees.keeper.tiers(desk.ctx)
    assert fees.rates(desk.ctx, owner("alice"), 0) == (500, -110)
    assert desk.send(tiers_message({"name": "all", "taker_fee_ppm": 70, "maker_fee_ppm": 30})) == ""
    assert fees.tiers(desk.ctx) == before
    desk.wiring.changes.end_block(desk.ctx)
    assert [tier.name for tier in fees.tiers(desk.ctx)] == ["all"]
    assert fees.rates(desk.ctx, owner("alice"), 0) == (70, 30)


def test_a_discount_takes_its_markets_place_and_must_end_in_the_future() -> None:
    """406 at the moment of its end; another market's discount stays."""
    desk = Desk()
    fees, now = desk.wiring.fees.keeper, desk.ctx.time_seconds
    assert desk.send(discounts_message(discount_params(0, now - DAY, now))) == "feetiers/406"
    assert desk.send(discounts_message(discount_params(0, now - DAY, now, end_nanos=1), discount_params(1, now, now + DAY, 0))) == ""
    assert desk.send(discounts_message(discount_params(0, now, now + DAY, 100_000))) == ""
    desk.wiring.changes.end_block(desk.ctx)
    assert [(pair_id, discount.charge_ppm) for pair_id, discount in fees.discounts(desk.ctx)] == [(0, 100_000), (1, 0)]
    assert [fees.rates(desk.ctx, owner("alice"), pair_id) for pair_id in (0, 1, 2)] == [(50, -11), (0, 0), (500, -110)]


def test_a_market_without_a_discount_is_not_found() -> None:
    """407's text, as gRPC's NOT_FOUND."""
    desk = Desk()
    (route,) = (one for one in desk.wiring.fees.queries if one.path.endswith("/PerMarketFeeDiscountParams"))
    with pytest.raises(QueryError, match="no fee discount") as raised:
        route.handle(desk.ctx, route.request(clob_pair_id=5))
    assert raised.value.status == "NOT_FOUND"


def test_staking_tiers_cannot_be_set() -> None:
    """Nothing is staked here: no route takes the message."""
    assert tx_pb2.MsgSetStakingTiers.DESCRIPTOR.full_name not in Desk().routes
