"""Builders for tests of prices, margins and funding: real modules on an in-memory state, with everything but the point of the test set."""

from typing import Any

from modules.auth.module import AuthModule
from modules.bank.module import BankModule
from modules.consensus.module import ConsensusModule
from modules.funding.module import FundingModule
from modules.kernel.context import Context
from modules.kernel.module import Problems
from modules.kernel.stores import Registry
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.oracle.keeper import OracleKeeper
from modules.oracle.model import PriceVote
from modules.oracle.module import OracleModule
from modules.perp.module import PerpModule
from node import ed25519
from node.store.state import LiveState

START_SECONDS = 1_700_000_000
"""2023-11-14 22:13:20 UTC: inside an hour and inside a minute."""
BTC, ETH, LINK = 0, 1, 2
LARGE_CAP, SMALL_CAP, SAFETY = 0, 1, 2


def oracle_section() -> dict[str, Any]:
    """BTC at 60,123.45678 USD, ETH at 3,012.345678 USD, LINK at 14.56 USD: the prices of the worked examples in dydx-risk.md 16."""
    return {
        "maximum_age_seconds": 60,
        "markets": [
            {"id": BTC, "ticker": "BTC-USD", "exponent": -5, "min_price_change_ppm": 1000, "price": "6012345678"},
            {"id": ETH, "ticker": "ETH-USD", "exponent": -6, "min_price_change_ppm": 1000, "price": "3012345678"},
            {"id": LINK, "ticker": "LINK-USD", "exponent": -9, "min_price_change_ppm": 2500, "price": "14560000000"},
        ],
    }


def tier(tier_id: int, name: str, initial: int, fraction: int, impact: int, lower: int = 0, upper: int = 0) -> dict[str, Any]:
    """One liquidity tier of section `perp`."""
    return {
        "id": tier_id,
        "name": name,
        "initial_margin_ppm": initial,
        "maintenance_fraction_ppm": fraction,
        "impact_notional": str(impact),
        "open_interest_lower_cap": str(lower),
        "open_interest_upper_cap": str(upper),
    }


def perpetual(perpetual_id: int, ticker: str, atomic_resolution: int, tier_id: int, **changes: Any) -> dict[str, Any]:
    """One perpetual of section `perp`, priced by the market of the same id."""
    row: dict[str, Any] = {
        "id": perpetual_id,
        "ticker": ticker,
        "market_id": perpetual_id,
        "atomic_resolution": atomic_resolution,
        "default_funding_ppm": 0,
        "liquidity_tier": tier_id,
        "market_type": "CROSS",
    }
    return row | changes


def perp_section() -> dict[str, Any]:
    """The worked examples' perpetuals: BTC and ETH large-cap, LINK small-cap and isolated."""
    return {
        "liquidity_tiers": [
            tier(LARGE_CAP, "Large-Cap", 20_000, 600_000, 10_000_000_000),
            tier(SMALL_CAP, "Small-Cap", 100_000, 500_000, 5_000_000_000, 20_000_000_000_000, 50_000_000_000_000),
            tier(SAFETY, "Safety", 1_000_000, 200_000, 2_500_000_000, 2_000_000_000_000, 5_000_000_000_000),
        ],
        "perpetuals": [
            perpetual(BTC, "BTC-USD", -10, LARGE_CAP),
            perpetual(ETH, "ETH-USD", -9, LARGE_CAP),
            perpetual(LINK, "LINK-USD", -6, SMALL_CAP, market_type="ISOLATED"),
        ],
    }


def funded(perpetual_id: int, **changes: Any) -> dict[str, Any]:
    """One perpetual of section `funding`: hourly, lots of 10^6 base quantums, gaps up to five minutes covered."""
    row: dict[str, Any] = {
        "id": perpetual_id,
        "model": "PREMIUM",
        "source": "IMPACT",
        "accrual": "EPOCH",
        "epoch_seconds": 3600,
        "lot_base_quantums": "1000000",
        "outage_seconds": 300,
    }
    return row | changes


def funding_section() -> dict[str, Any]:
    """Funding for all three."""
    return {"perpetuals": [funded(perpetual_id) for perpetual_id in (BTC, ETH, LINK)]}


def confirm_prices(ctx: Context, oracle: OracleKeeper) -> None:
    """As if every validator had reported the price that each market has, where it has one."""
    prices = [(market.id, oracle.recorded(ctx, market.id).price) for market in oracle.markets(ctx)]
    oracle.apply_votes(ctx, [PriceVote(1, tuple([row for row in prices if row[1]]))], 1)
    ctx.scratch.clear()


class Markets:
    """An exchange below its accounts: oracle, perp and funding over one live state, at a block that `step` moves on."""

    def __init__(self, genesis: dict[str, Any] | None = None, at_seconds: int = START_SECONDS) -> None:
        self.genesis = {"oracle": oracle_section(), "perp": perp_section(), "funding": funding_section()} | (genesis or {})
        self.registry = Registry()
        auth = AuthModule(self.registry, consensus=ConsensusModule(self.registry).keeper)
        self.bank_module = BankModule(self.registry, auth=auth.keeper)
        self.oracle_module = OracleModule(self.registry, bank=self.bank_module.keeper, verify=ed25519.is_valid)
        self.perp_module = PerpModule(self.registry, oracle=self.oracle_module.keeper)
        self.funding_module = FundingModule(self.registry, perp=self.perp_module.keeper)
        self.modules = (self.oracle_module, self.perp_module, self.funding_module)
        self.oracle = self.oracle_module.keeper
        self.perp = self.perp_module.keeper
        self.funding = self.funding_module.keeper
        assert self.problems() == []
        self.ctx = Context(LiveState(self.registry), 1, at_seconds * NANOSECONDS_PER_SECOND, "test-1")
        for module in self.modules:
            module.init_genesis(self.ctx, self.genesis[module.name])

    def problems(self) -> list[tuple[str, str]]:
        """Every mistake of the genesis."""
        found = Problems()
        for module in self.modules:
            module.validate_genesis(self.genesis[module.name], found, self.genesis)
        return found.found

    def step(self, elapsed_ns: int) -> Context:
        """The next block, that much later. Prices stay, and nobody reports them."""
        self.ctx = Context(self.ctx.state, self.ctx.height + 1, self.ctx.time_ns + elapsed_ns, "test-1")
        return self.ctx

    def set_price(self, market_id: int, price: int) -> None:
        """The oracle's market has this price from this block on, as if every validator had reported it."""
        self.oracle.apply_votes(self.ctx, [PriceVote(1, ((market_id, price),))], 1)
        self.ctx.scratch.clear()

    def export(self) -> dict[str, Any]:
        return {module.name: module.export_genesis(self.ctx) for module in self.modules}

    def broken(self) -> list[str]:
        """All invariants of the three modules."""
        return [sentence for module in self.modules for sentence in module.check_invariants(self.ctx)]

    def ask(self, path: str, **fields: Any) -> Any:
        """The answer of the query at that gRPC path."""
        for module in self.modules:
            for route in module.queries:
                if route.path == path:
                    return route.handle(self.ctx, route.request(**fields))
        raise AssertionError(f"no query {path}")
