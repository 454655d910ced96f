"""Registered failures of codespace `perpetuals`."""

from modules.kernel.errors import register

PERPETUAL_MISSING = register(
    "perpetuals", 1, "the perpetual does not exist; ask dydxprotocol.perpetuals.Query/AllPerpetuals for those that do"
)
MARKET_MISSING = register("perpetuals", 2, "the perpetual needs an oracle market that exists, with a price where positions are open")
INITIAL_MARGIN = register("perpetuals", 3, "the initial margin must be 1 to 1000000 ppm")
MAINTENANCE_FRACTION = register("perpetuals", 4, "the maintenance fraction must be 1 to 1000000 ppm of the initial margin")
DEFAULT_FUNDING = register("perpetuals", 5, "the default funding must be between -1000000 and 1000000 ppm")
EMPTY_TICKER = register("perpetuals", 6, "the ticker must not be empty")
TIER_MISSING = register("perpetuals", 12, "there is no such liquidity tier; set it first")
IMPACT_NOTIONAL = register("perpetuals", 16, "the impact notional must be positive")
MARKET_TYPE = register("perpetuals", 23, "the market type must be 1 (cross) or 2 (isolated)")
OPEN_INTEREST_CAPS = register("perpetuals", 24, "the lower open interest cap must not be above the upper one")
