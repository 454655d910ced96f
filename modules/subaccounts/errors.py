"""Registered failures of codespaces `subaccounts` and `sending`, and those of `oracle` that accounts meet."""

from modules.kernel.errors import register

SAME_SUBACCOUNT_TWICE = register("subaccounts", 101, "one update names the same subaccount twice; use two different subaccounts")
FAILED_UPDATE = register(
    "subaccounts", 102, "failed to apply subaccount updates: keep enough collateral for your positions, or reduce them first"
)
NOT_UPDATABLE = register("subaccounts", 103, "the position cannot change before its market has a price")
NUMBER_TOO_BIG = register("subaccounts", 200, "a subaccount number is at most 128000")
BAD_OWNER = register("subaccounts", 201, "the owner of a subaccount must be a valid address")
AMOUNT_NOT_POSITIVE = register("subaccounts", 500, "the quantums to move must be positive")
NOT_USDC = register("subaccounts", 501, "only asset 0 (USDC) can be moved")
LEVERAGE_TOO_HIGH = register("subaccounts", 701, "the leverage exceeds the market's; ask for at least its initial margin")
LEVERAGE_UNAFFORDABLE = register(
    "subaccounts",
    703,
    "with this leverage the subaccount would not have the initial margin of its positions; add collateral or reduce them",
)

MONEY_STAYS = register(
    "oracle",
    102,
    "the subaccount has a position in a market whose price is not fresh, so its collateral stays; close that position or wait for prices",
)
LEVERAGE_NOT_FRESH = register(
    "oracle", 103, "the price of the market is not fresh, so its custom margin can only be raised; wait for a fresh price to lower it"
)

SENDER_IS_RECIPIENT = register("sending", 1, "sender and recipient are the same subaccount")
ZERO_AMOUNT = register("sending", 2, "the amount must be positive")
MISSING_FIELD = register("sending", 5, "a required field is missing")
BAD_ACCOUNT = register("sending", 6, "the account address is not valid")
ASSET_NOT_SUPPORTED = register("sending", 1101, "only asset 0 (USDC) can be deposited, withdrawn or transferred")
