"""Registered failures of codespaces `prices` and `oracle`."""

from modules.kernel.errors import register

INVALID_INPUT = register("prices", 1, "a market needs a pair of 1 to 64 characters and a minimum price change of 1 to 9999 ppm")
MARKET_MISSING = register("prices", 200, "there is no such market; ask dydxprotocol.prices.Query/AllMarketParams for those that exist")
DUPLICATE_PAIR = register("prices", 205, "another market has this pair")
INVALID_PAIR = register("prices", 206, "a pair is BASE-QUOTE, with exactly one hyphen")

# Codespace `oracle`: prices that come in transactions.
SET_NOT_VALID = register(
    "oracle", 2, "the signer set is unknown or has expired: sign with one that perpd.oracle.v1.Query/Signers calls valid"
)
TOO_FEW_SIGNERS = register("oracle", 3, "fewer signers have signed than the threshold of the set: add signatures of other signers")
SIGNER_TWICE = register("oracle", 4, "each signer signs once: leave the second signature out")
NOT_A_SIGNER = register("oracle", 5, "a signature is of a key that is not in the signer set: leave it out, or name the right version")
BAD_SIGNATURE = register(
    "oracle", 6, "a signature does not fit: it must be over this chain id, this version of the set and exactly these updates"
)
BAD_UPDATE = register(
    "oracle", 7, "an update names 1 to 200 markets by strictly ascending id, each with a price and a publish time above 0"
)
NOT_A_SOURCE = register("oracle", 8, "the market does not take prices from this source: perpd.oracle.v1.Query/Sources lists those it takes")
BAD_EXPONENT = register("oracle", 9, "the price cannot be written exactly in the exponent of the market: sign it in that one")
NOT_NEWER = register("oracle", 10, "the market has an update with this publish time or a later one: publish a newer one")
TOO_OLD = register("oracle", 11, "the publish time is too far in the past: publish the price of now")
IN_FUTURE = register("oracle", 12, "the publish time is too far ahead of the time of the block: send it later, or set the clock right")
TOO_MANY_UPDATES = register("oracle", 13, "this block takes no more updates of the market: send a newer one in a later block")
NOT_THE_PUSHER = register("oracle", 14, "only the address that genesis names may push prices of this market")
NOT_DUE = register("oracle", 15, "a push must move the price by the least deviation, or wait for the heartbeat since the last one")
BAD_SIGNER_SET = register(
    "oracle",
    16,
    "a signer set has a version above every earlier one, 1 to 32 different ed25519 keys, and a threshold of 1 to as many",
)
