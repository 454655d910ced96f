"""State of the fees."""

from modules.fees.model import DISCOUNT, FEE_PARAMS, FEE_TIERS, TRAIL, VOLUME, HourKey
from modules.fees.pending import BLOCK_VOLUME
from modules.kernel.codec import KEY_ADDRESS, KEY_U32, KEY_U64, UINT, key_of, single
from modules.kernel.stores import Registry


class FeesState:
    """Tiers, discounts and destinations; and volume by trader, now and where each hour began."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("fees")
        self.tiers = schema.item(1, "tiers", FEE_TIERS)
        self.params = schema.item(2, "params", FEE_PARAMS)
        self.routers = schema.map(3, "routers", KEY_ADDRESS, single(UINT))
        """Share in ppm by registered order router."""
        self.discounts = schema.map(4, "discounts", KEY_U32, DISCOUNT)
        """By clob pair; one that is over stays until another takes its place."""
        self.trails = schema.map(5, "trails", KEY_ADDRESS, TRAIL)
        self.starts = schema.map(6, "starts", key_of(HourKey, KEY_U32, KEY_ADDRESS), VOLUME)
        """What a trail's sums were before the first trade of an hour."""
        self.traded = schema.map(7, "traded", KEY_ADDRESS, VOLUME)
        """By this block. Empty between blocks."""
        self.pending = schema.map(8, "pending", KEY_U64, BLOCK_VOLUME)
        """By height what its block traded, until it is in the trails."""
        self.trails_by_hour = schema.index("trails_by_hour", self.trails, lambda _, trail: ((), trail.hour))
        self.starts_by_hour = schema.index("starts_by_hour", self.starts, lambda _key, _value: ((), ()))
