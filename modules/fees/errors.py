"""Registered failures of codespace `feetiers`. Numbers are the reference's; 404, not being the authority, is registered by `authority`."""

from modules.kernel.errors import register

NO_TIERS = register("feetiers", 400, "there must be at least one fee tier")
FIRST_TIER_REQUIRES = register("feetiers", 401, "the first fee tier must have no requirements: it is everybody's")
TIERS_OUT_OF_ORDER = register("feetiers", 402, "no requirement may be below that of the tier before")
REBATE_ABOVE_FEE = register("feetiers", 403, "the highest maker rebate must not be above the lowest taker fee, out of which it is paid")
INVALID_TIME_RANGE = register(
    "feetiers", 406, "a market's discount must start before it ends, end in the future and last at most 90 days; both times in this era"
)
NO_DISCOUNT = register("feetiers", 407, "the market has no fee discount")
INVALID_CHARGE = register("feetiers", 408, "charge_ppm is the part of the fee that is charged: 0 to 1000000")
