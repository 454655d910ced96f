"""Fee tiers, discounts, destinations of fees, and traded volume."""

from typing import NamedTuple

from modules.kernel.codec import BIG, BYTES, SINT, TEXT, UINT, Record, nested, repeated
from modules.kernel.intmath import divmod_floor
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND, Address
from perpd_proto.dydxprotocol.feetiers import params_pb2, per_market_fee_discount_pb2

HOUR_SECONDS = 3_600
DEFAULT_WINDOW_SECONDS = 30 * 24 * HOUR_SECONDS
LONGEST_DISCOUNT_NS = 90 * 24 * HOUR_SECONDS * NANOSECONDS_PER_SECOND
LATEST_NS = 253_402_300_800 * NANOSECONDS_PER_SECOND - 1
"""The end of the year 9999, where protobuf's timestamps end."""


class FeeTier(NamedTuple):
    """What a trader with enough volume pays, ppm of the traded quote quantums; negative: a rebate."""

    name: str
    absolute_volume_requirement: int
    """Quote quantums traded in the window."""
    total_volume_share_requirement_ppm: int
    """The trader's share of all volume."""
    maker_volume_share_requirement_ppm: int
    """The share of all volume that the trader made as maker."""
    maker_fee_ppm: int
    taker_fee_ppm: int

    def message(self) -> params_pb2.PerpetualFeeTier:
        return params_pb2.PerpetualFeeTier(**self._asdict())


class FeeTiers(NamedTuple):
    """All tiers, from the one that everybody has."""

    tiers: tuple[FeeTier, ...]


FEE_TIERS: Record[FeeTiers] = Record(
    FeeTiers,
    tiers=repeated(
        nested(
            Record(
                FeeTier,
                name=TEXT,
                absolute_volume_requirement=UINT,
                total_volume_share_requirement_ppm=UINT,
                maker_volume_share_requirement_ppm=UINT,
                maker_fee_ppm=SINT,
                taker_fee_ppm=SINT,
            )
        )
    ),
)


class Discount(NamedTuple):
    """For a while, one market charges only a part of every fee, and pays that part of every rebate."""

    start_ns: int
    """Unix nanoseconds; from this block time on."""
    end_ns: int
    """From this block time on no more."""
    charge_ppm: int

    def message(self, pair_id: int) -> per_market_fee_discount_pb2.PerMarketFeeDiscountParams:
        found = per_market_fee_discount_pb2.PerMarketFeeDiscountParams(clob_pair_id=pair_id, charge_ppm=self.charge_ppm)
        for timestamp, time_ns in ((found.start_time, self.start_ns), (found.end_time, self.end_ns)):
            timestamp.seconds, timestamp.nanos = divmod_floor(time_ns, NANOSECONDS_PER_SECOND)
        return found


FULL_CHARGE = Discount(0, 0, MILLION)
DISCOUNT: Record[Discount] = Record(Discount, start_ns=BIG, end_ns=BIG, charge_ppm=UINT)


class Share(NamedTuple):
    """So much of something goes to an account."""

    address: Address
    share_ppm: int


class FeeParams(NamedTuple):
    """What genesis alone decides."""

    window_seconds: int
    """How long volume counts."""
    revenue_shares: tuple[Share, ...]
    """Of what order routers leave of a fill's net fee; together less than all."""


FEE_PARAMS: Record[FeeParams] = Record(
    FeeParams, window_seconds=UINT, revenue_shares=repeated(nested(Record(Share, address=BYTES, share_ppm=UINT)))
)


EVERYBODY = Address(bytes(20))
"""Under this address, which no key has, stands what is kept of the whole exchange: every fill once, as taker."""


class HourKey(NamedTuple):
    """A trader's hour. Hours are counted from the unix epoch, so they begin at full hours UTC."""

    hour: int
    owner: Address


class Volume(NamedTuple):
    """Quote quantums traded as taker and as maker; also of more than 64 bits."""

    taker: int
    maker: int


NO_VOLUME = Volume(0, 0)
VOLUME: Record[Volume] = Record(Volume, taker=BIG, maker=BIG)


class Trail(NamedTuple):
    """All that an account has traded since its volume began to count, and when."""

    hour: int
    """Of its last trade."""
    hours: int
    """Bit k: it traded in hour - k. Bit 0 is set; hours that count no more may be missing."""
    taker: int
    maker: int


TRAIL: Record[Trail] = Record(Trail, hour=UINT, hours=BIG, taker=BIG, maker=BIG)
