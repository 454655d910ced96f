"""Registered failures of codespace `prices`."""

from modules.kernel.errors import register

INVALID_INPUT = register("prices", 1, "a market needs a pair of 1 to 64 characters and a minimum price change of 1 to 9999 ppm")
MARKET_MISSING = register("prices", 200, "there is no such market; ask dydxprotocol.prices.Query/AllMarketParams for those that exist")
DUPLICATE_PAIR = register("prices", 205, "another market has this pair")
INVALID_PAIR = register("prices", 206, "a pair is BASE-QUOTE, with exactly one hyphen")
