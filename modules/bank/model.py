"""What the bank knows: denominations interned to numbers, and amounts."""

from typing import NamedTuple

from modules.kernel.units import Address

USDC = 0
"""The interned number of the quote denomination; genesis lists it first."""


class BalanceKey(NamedTuple):
    """One account's holding of one denomination."""

    address: Address
    denom_id: int
