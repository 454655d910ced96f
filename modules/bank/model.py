"""What the bank knows: denominations interned to numbers, and amounts."""

from typing import NamedTuple

from modules.kernel.units import Address

USDC = 0
"""The interned number of the quote denomination; genesis lists it first."""
FEE_COLLECTOR = "fee_collector"
"""Module account that receives fees: of trades, of transactions, of signed prices."""


class BalanceKey(NamedTuple):
    """One account's holding of one denomination."""

    address: Address
    denom_id: int
