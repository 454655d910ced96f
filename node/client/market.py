"""One market as a trader needs it: units, steps and ticks, from the chain's own parameters."""

from dataclasses import dataclass

from node.client.amounts import USDC_EXPONENT, floored, scaled_down, shown
from node.failure import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A perpetual with its order book. Sizes are base quantums of 10^atomic_resolution coins; prices subticks."""

    ticker: str
    perpetual_id: int
    clob_pair_id: int
    oracle_market_id: int
    oracle_exponent: int
    atomic_resolution: int
    quantum_conversion_exponent: int
    step_base_quantums: int
    subticks_per_tick: int

    @property
    def price_exponent(self) -> int:
        """Dollars per coin = subticks x 10^this: quote quantums per base quantum, in the units of both."""
        return self.quantum_conversion_exponent - self.atomic_resolution + USDC_EXPONENT

    def quantums(self, size: str) -> int:
        """Coins as base quantums, rounded down to the step. Raises Failure if that is nothing."""
        units = floored(size, self.atomic_resolution)
        stepped = units - units % self.step_base_quantums
        if not stepped:
            raise Failure(f"{size} is below {self.shown_size(self.step_base_quantums)}, the smallest size in {self.ticker}.")
        return stepped

    def subticks(self, price: str) -> int:
        """Dollars per coin as subticks, rounded down to the tick. Raises Failure if that is nothing."""
        units = floored(price, self.price_exponent)
        ticked = units - units % self.subticks_per_tick
        if not ticked:
            raise Failure(f"{price} is below {self.shown_price(self.subticks_per_tick)}, the smallest price in {self.ticker}.")
        return ticked

    def shown_size(self, base_quantums: int) -> str:
        """Coins, exact."""
        return shown(base_quantums, self.atomic_resolution)

    def shown_price(self, subticks: int) -> str:
        """Dollars per coin, exact."""
        return shown(subticks, self.price_exponent)

    def shown_oracle_price(self, price: int) -> str:
        """Dollars per coin of an oracle price, exact."""
        return shown(price, self.oracle_exponent)

    def subticks_near(self, oracle_price: int, offset_ppm: int) -> int:
        """The tick at or below an oracle price moved by ppm: a price to quote."""
        units = scaled_down(oracle_price * (1_000_000 + offset_ppm), self.oracle_exponent - self.price_exponent - 6)
        return units - units % self.subticks_per_tick

    def quote(self, base_quantums: int, subticks: int) -> int:
        """Quote quantums that a size costs at a price, rounded toward zero."""
        amount = scaled_down(abs(base_quantums) * subticks, self.quantum_conversion_exponent)
        return -amount if base_quantums < 0 else amount
