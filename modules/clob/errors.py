"""Registered failures of codespace `clob` (and those of `revshare` and `oracle` that orders can meet). Numbers are the reference's."""

from modules.kernel.errors import register

INVALID_SIDE = register("clob", 3, "the side must be buy or sell")
ZERO_QUANTUMS = register("clob", 4, "the size must be positive")
MISSING_GOOD_TIL_BLOCK = register("clob", 5, "a short-term order or cancel needs good_til_block above 0")
ZERO_SUBTICKS = register("clob", 6, "the price must be positive")
ORDER_IS_CANCELED = register(
    "clob", 7, "a cancel of this order id is remembered up to its good_til_block; use another client id or a later block"
)
UNKNOWN_PAIR = register("clob", 8, "there is no such clob pair; ask dydxprotocol.clob.Query/ClobPairAll for those that exist")
HEIGHT_EXCEEDS_GOOD_TIL_BLOCK = register("clob", 10, "good_til_block has passed; name a block that is still to come")
GOOD_TIL_BLOCK_TOO_FAR = register("clob", 11, "good_til_block is more than 40 blocks ahead; name a nearer one")
INVALID_ORDER = register(
    "clob", 12, "the order does not fit the market: price in whole ticks, size in whole steps, TWAP parameters in range"
)
INVALID_REPLACEMENT = register(
    "clob",
    20,
    "an order with this id rests and this is no replacement: same side and time in force, and a later good_til_block, are needed",
)
FULLY_FILLED = register("clob", 24, "what is left of this order id after its fills is less than one step; use another client id")
NO_PRICE = register("clob", 28, "the market has no oracle price yet; orders are accepted once it has")
INVALID_PAIR_PARAMETER = register("clob", 27, "a clob pair is of a perpetual, with a step and a tick above 0 and a known status")
INVALID_STATEFUL_CANCEL = register("clob", 29, "the cancel's good_til_block_time must not be before the order's")
PAIR_STATUS = register("clob", 34, "the market's status does not allow this order")
INVALID_STATUS_MOVE = register("clob", 35, "the market's status cannot move like this")
INVALID_PAIR_UPDATE = register(
    "clob", 39, "perpetual and exponent of a clob pair are fixed; step and tick can only become divisors of what they are"
)
INVALID_TIME_IN_FORCE = register("clob", 44, "the time in force must be 0 (rest), 1 (immediate-or-cancel) or 2 (post-only)")
INVALID_BATCH_CANCEL = register("clob", 45, "a batch cancel names 1 to 100 client ids, each once, grouped by clob pair, each pair once")
DEPRECATED_FIELD = register("clob", 48, "fill-or-kill is no longer supported; use immediate-or-cancel")
INVALID_BUILDER_CODE = register("clob", 50, "a builder code needs a valid address and a fee of 1 to 10000 ppm")

REDUCE_ONLY_WOULD_INCREASE = register("clob", 2001, "a reduce-only order must be opposite to an open position")
IOC_ALREADY_FILLED = register("clob", 2004, "this immediate-or-cancel order id has been filled before; use another client id")
VIOLATES_ISOLATED = register("clob", 2005, "a subaccount trades either one isolated market or cross markets; use another subaccount")

INVALID_FLAGS = register("clob", 3000, "order flags must be 0 (short-term), 32 (conditional), 64 (long-term) or 128 (TWAP)")
MISSING_GOOD_TIL_TIME = register("clob", 3001, "a stateful order or cancel needs good_til_block_time above 0")
LONG_TERM_IOC = register("clob", 3002, "a long-term order cannot be immediate-or-cancel")
TIME_EXCEEDS_GOOD_TIL_TIME = register("clob", 3003, "good_til_block_time has passed; name a time that is still to come")
GOOD_TIL_TIME_TOO_FAR = register("clob", 3004, "good_til_block_time is more than 95 days ahead; name an earlier time")
STATEFUL_EXISTS = register(
    "clob", 3005, "an order with this id exists; stateful orders are not replaced: cancel it, or use another client id"
)
STATEFUL_MISSING = register("clob", 3006, "there is no such order; perhaps it was filled or has ended: perpd.clob.v1.Query/Order tells")
COLLATERAL_CHECK = register("clob", 3007, "the subaccount could not carry this order if it were filled in full; deposit more or order less")
PREVIOUSLY_CANCELLED = register(
    "clob", 3008, "this order id was cancelled in this block; place it again in the next, or use another client id"
)
PREVIOUSLY_REMOVED = register(
    "clob", 3009, "an order with this id ended in this block; place it again in the next, or use another client id"
)
CANCEL_OF_REMOVED = register("clob", 3010, "the order ended earlier in this block, so there is nothing to cancel")

INVALID_RATE_LIMITS = register("clob", 5000, "each window of blocks of a class of messages is given once, within its bounds")
RATE_LIMIT_EXCEEDED = register("clob", 5001, "too many messages of this account in the last blocks; send fewer, or batch cancels")

INVALID_CONDITION = register("clob", 6000, "conditional orders (and only they) need a condition: stop-loss or take-profit")
INVALID_TRIGGER = register("clob", 6001, "conditional orders (and only they) need a trigger price")

REDUCE_ONLY_NEEDS_IOC = register("clob", 9003, "reduce-only works with immediate-or-cancel only")
INVALID_EQUITY_TIERS = register("clob", 10000, "equity tiers ascend strictly by equity, limits are at most 10000000")
TOO_MANY_OPEN_ORDERS = register("clob", 10001, "the subaccount has as many orders as its equity allows; cancel some first, or deposit")
MISSING_SUBACCOUNT = register("clob", 11001, "the message must name a subaccount")
INVALID_LEVERAGE = register("clob", 11002, "a leverage update names each clob pair once, with an initial margin of 1 to 1000000 ppm")
INVALID_ROUTER = register("clob", 11000, "the order router address is not valid")

PRICE_NOT_FRESH = register(
    "oracle",
    101,
    "the market's price is not fresh, so only orders opposite to a position and not larger are accepted; reduce it, or wait for prices",
)
UNKNOWN_ROUTER = register("revshare", 8, "the order router is not registered")
