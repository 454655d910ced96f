"""A desk of the fees alone: blocks at any time, fills by name, and a slow second answer from the list of all fills."""

from typing import Any

from modules.fees.formulas import first_hour
from modules.fees.model import HOUR_SECONDS, Volume
from modules.fees.module import FeesModule
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.module import Problems
from modules.kernel.stores import Registry
from node.store.state import LiveState
from support.clob_exchange import owner

SECOND = 10**9
START = 1_700_000_000 // HOUR_SECONDS * HOUR_SECONDS
"""Unix seconds at a full hour."""

TIERS = [
    {"name": "1", "maker_fee_ppm": -110, "taker_fee_ppm": 500},
    {"name": "2", "absolute_volume_requirement": "1000000000000", "maker_fee_ppm": -110, "taker_fee_ppm": 450},
    {
        "name": "6",
        "absolute_volume_requirement": 125_000_000_000_000,
        "total_volume_share_requirement_ppm": 5_000,
        "maker_volume_share_requirement_ppm": 10_000,
        "maker_fee_ppm": -110,
        "taker_fee_ppm": 250,
    },
]


def text_of(name: str) -> str:
    """The address of the name's account."""
    return addresses.to_text(owner(name))


def problems(section: Any, whole: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """Every mistake of a genesis section."""
    found = Problems()
    FeesModule(Registry()).validate_genesis(section, found, {} if whole is None else whole)
    return found.found


class FeeDesk:
    """One fees module on an in-memory state. Fills are remembered beside it, so that `slow_volume` can count them."""

    def __init__(self, section: dict[str, Any] | None = None, *, height: int = 1, time_ns: int = START * SECOND) -> None:
        self.registry = Registry()
        self.module = FeesModule(self.registry)
        self.keeper = self.module.keeper
        self.state = LiveState(self.registry)
        self.ctx = Context(self.state, height, time_ns, "test-1")
        section = {"tiers": TIERS} | (section or {})
        assert problems(section) == []
        self.module.init_genesis(self.ctx, section)
        self.state.forget()
        self.fills: list[tuple[int, str, str, int]] = []
        """(hour, taker, maker, quote) of all blocks that have ended."""
        self._block: list[tuple[int, str, str, int]] = []

    def fill(self, taker: str, maker: str, quote: int) -> None:
        """A fill of this block."""
        self.keeper.record(self.ctx, owner(taker), owner(maker), quote)
        self._block.append((self.ctx.time_seconds // HOUR_SECONDS, taker, maker, quote))

    def end(self) -> dict[str, list[tuple[bytes, bytes | None]]]:
        """The block ends; what it has written."""
        self.keeper.end_block(self.ctx)
        self.fills += self._block
        self._block = []
        changes = self.state.changes()
        self.state.forget()
        return changes

    def step(self, seconds: int = 1, nanoseconds: int = 0) -> None:
        """The block ends; the next is so much later."""
        self.end()
        self.ctx = Context(self.state, self.ctx.height + 1, self.ctx.time_ns + seconds * SECOND + nanoseconds, "test-1")

    def volume(self, name: str) -> tuple[int, int]:
        """(taker, maker) volume of the name's account that counts."""
        volume = self.keeper.volume(self.ctx, owner(name))
        return volume.taker, volume.maker

    def slow_volume(self, name: str) -> Volume:
        """The same from the list of fills, hour by hour: an hour counts while its end + window >= now."""
        window_ns = self.keeper.window_seconds(self.ctx) * SECOND
        counting = [one for one in self.fills if (one[0] + 1) * HOUR_SECONDS * SECOND + window_ns >= self.ctx.time_ns]
        return Volume(
            sum(quote for _, taker, _, quote in counting if taker == name),
            sum(quote for _, _, maker, quote in counting if maker == name),
        )

    def slow_total(self) -> int:
        """What everybody has traded in the window, from the list of fills."""
        first = first_hour(self.ctx.time_ns, self.keeper.window_seconds(self.ctx))
        return sum(quote for hour, _, _, quote in self.fills if hour >= first)

    def rates(self, name: str, pair_id: int = 0) -> tuple[int, int]:
        """(taker, maker) ppm."""
        return self.keeper.rates(self.ctx, owner(name), pair_id)

    def ask(self, method: str, service: str = "feetiers", **fields: Any) -> Any:
        """The answer of a query."""
        (route,) = (one for one in self.module.queries if one.path == f"/dydxprotocol.{service}.Query/{method}")
        return route.handle(self.ctx, route.request(**fields))

    def broken(self) -> list[str]:
        """Broken invariants."""
        return self.module.check_invariants(self.ctx)

    def again(self) -> "FeeDesk":
        """A desk whose genesis is this one's export, at this time."""
        return FeeDesk(self.module.export_genesis(self.ctx), height=self.ctx.height, time_ns=self.ctx.time_ns)
