"""What the authority may change of fees: the tiers, and the discounts of markets."""

from modules.fees import errors, formulas
from modules.fees.keeper import FeesKeeper
from modules.fees.model import LATEST_NS, Discount, FeeTier
from modules.kernel.errors import INVALID_REQUEST
from modules.kernel.module import ChangeRoute
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND
from perpd_proto.dydxprotocol.feetiers import per_market_fee_discount_pb2, tx_pb2

LONGEST_NAME = 64


def changes(keeper: FeesKeeper) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(
            tx_pb2.MsgUpdatePerpetualFeeParams,
            tx_pb2.MsgUpdatePerpetualFeeParamsResponse,
            decode_tiers,
            keeper.set_tiers,
        ),
        ChangeRoute(
            tx_pb2.MsgSetMarketFeeDiscountParams,
            tx_pb2.MsgSetMarketFeeDiscountParamsResponse,
            decode_discounts,
            keeper.set_discounts,
        ),
    )


def decode_tiers(message: tx_pb2.MsgUpdatePerpetualFeeParams) -> tuple[FeeTier, ...]:
    """All tiers. Raises 400 to 403 with the first mistake (FEE-1), sdk 18 for what no genesis may hold either."""
    tiers = tuple(FeeTier(*[getattr(tier, name) for name in FeeTier._fields]) for tier in message.params.tiers)
    for kind, sentence in formulas.mistakes(tiers):
        raise kind(sentence)
    for tier in tiers:
        if not 1 <= len(tier.name) <= LONGEST_NAME:
            raise INVALID_REQUEST(f"the name of a tier has 1 to {LONGEST_NAME} characters, not {len(tier.name)}")
        if max(tier.total_volume_share_requirement_ppm, tier.maker_volume_share_requirement_ppm) > MILLION:
            raise INVALID_REQUEST(f"tier {tier.name!r} requires a share of more than {MILLION} ppm")
        if max(abs(tier.maker_fee_ppm), abs(tier.taker_fee_ppm)) > MILLION:
            raise INVALID_REQUEST(f"a fee of tier {tier.name!r} is more than {MILLION} ppm")
    return tiers


def decode_discounts(message: tx_pb2.MsgSetMarketFeeDiscountParams) -> tuple[tuple[int, Discount], ...]:
    """(clob pair, discount) each. Raises 406 for a time range that is none, 408 for a charge above all, sdk 18 for a pair named twice."""
    found: dict[int, Discount] = {}
    for params in message.params:
        pair_id = params.clob_pair_id
        discount = Discount(_nanoseconds(params, "start_time"), _nanoseconds(params, "end_time"), params.charge_ppm)
        mistake = formulas.discount_mistake(discount)
        if mistake is not None:
            kind, sentence = mistake
            raise kind(f"clob pair {pair_id}: {sentence}")
        if pair_id in found:
            raise INVALID_REQUEST(f"clob pair {pair_id} has two discounts")
        found[pair_id] = discount
    return tuple(found.items())


def _nanoseconds(params: per_market_fee_discount_pb2.PerMarketFeeDiscountParams, name: str) -> int:
    """Unix nanoseconds of a field. Raises 406 where it is missing, before 1970 or after the year 9999."""
    time = getattr(params, name)
    if not params.HasField(name):
        raise errors.INVALID_TIME_RANGE(f"clob pair {params.clob_pair_id}: {name} is missing")
    nanoseconds: int = time.seconds * NANOSECONDS_PER_SECOND + time.nanos
    if not (0 <= time.nanos < NANOSECONDS_PER_SECOND and 0 <= nanoseconds <= LATEST_NS):
        raise errors.INVALID_TIME_RANGE(f"clob pair {params.clob_pair_id}: {name} is not a time from 1970 to 9999")
    return nanoseconds
