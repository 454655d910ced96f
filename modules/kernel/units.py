"""Names for the units that numbers carry. They cost nothing at run time and make signatures readable."""

from typing import NamedTuple, NewType

Quantums = NewType("Quantums", int)
"""Signed base quantums: 1 = 10^atomic_resolution coins; negative is short."""

QuoteQuantums = NewType("QuoteQuantums", int)
"""Signed quote quantums: 1 = 10^-6 USDC."""

Subticks = NewType("Subticks", int)
"""Order-book price; quote quantums per base quantum = subticks x 10^quantum_conversion_exponent."""

Ppm = NewType("Ppm", int)
"""Parts per million, signed."""

Nanoseconds = NewType("Nanoseconds", int)
"""Unix time or a span of it, in nanoseconds of block time."""

Address = NewType("Address", bytes)
"""The 20 raw bytes of an account address."""

MILLION = 1_000_000
NANOSECONDS_PER_SECOND = 1_000_000_000
QUOTE_ATOMIC_RESOLUTION = -6
MAX_SUBACCOUNT_NUMBER = 128_000


class SubaccountId(NamedTuple):
    """One trading account: its owner's address and a number from 0 to 128,000."""

    owner: Address
    number: int
