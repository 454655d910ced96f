"""Fee tiers."""

from typing import NamedTuple

from modules.kernel.codec import SINT, TEXT, UINT, Record, nested, repeated
from perpd_proto.dydxprotocol.feetiers import params_pb2


class FeeTier(NamedTuple):
    """What a trader with enough volume pays, ppm of the traded quote quantums; negative: a rebate."""

    name: str
    absolute_volume_requirement: int
    """Quote quantums traded in 30 days."""
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
