"""The composition root: the modules in order, what each is given, and the routes. Nothing else names all modules."""

from collections.abc import Mapping
from typing import Any

from modules.auth.module import AuthModule
from modules.authority.changes import Changes
from modules.authority.module import AuthorityModule
from modules.bank.module import BankModule
from modules.clob.module import ClobModule
from modules.consensus.module import ConsensusModule
from modules.fees.module import FeesModule
from modules.funding.module import FundingModule
from modules.insurance.module import InsuranceModule
from modules.kernel.context import Context
from modules.kernel.module import MessageRoute, Module, QueryRoute
from modules.kernel.stores import Registry
from modules.liquidation.module import LiquidationModule
from modules.oracle.module import OracleModule
from modules.perp.module import PerpModule
from modules.subaccounts.module import SubaccountsModule
from node import ed25519


class Wiring:
    """One application's modules, each built from those above it. Keepers hold no data, so checks, blocks and queries share them."""

    def __init__(self) -> None:
        self.registry = registry = Registry()
        self.consensus = ConsensusModule(registry)
        self.auth = AuthModule(registry, consensus=self.consensus.keeper)
        self.bank = BankModule(registry, auth=self.auth.keeper)
        self.authority = AuthorityModule(registry)
        self.oracle = OracleModule(registry, bank=self.bank.keeper, verify=ed25519.is_valid)
        self.perp = PerpModule(registry, oracle=self.oracle.keeper)
        self.funding = FundingModule(registry, perp=self.perp.keeper)
        self.subaccounts = SubaccountsModule(
            registry, auth=self.auth.keeper, bank=self.bank.keeper, perp=self.perp.keeper, funding=self.funding.keeper
        )
        self.fees = FeesModule(registry)
        self.insurance = InsuranceModule(registry, bank=self.bank.keeper, perp=self.perp.keeper)
        self.clob = ClobModule(
            registry,
            perp=self.perp.keeper,
            funding=self.funding.keeper,
            subaccounts=self.subaccounts.keeper,
            fees=self.fees.keeper,
            oracle=self.oracle.keeper,
            bank=self.bank.keeper,
        )
        self.liquidation = LiquidationModule(
            registry,
            perp=self.perp.keeper,
            subaccounts=self.subaccounts.keeper,
            insurance=self.insurance.keeper,
            clob=self.clob.keeper,
        )
        self.modules: tuple[Module, ...] = (
            self.consensus,
            self.auth,
            self.bank,
            self.authority,
            self.oracle,
            self.perp,
            self.funding,
            self.subaccounts,
            self.fees,
            self.insurance,
            self.clob,
            self.liquidation,
        )
        changes = [change for module in self.modules for change in module.changes]
        self.changes = Changes(self.authority.keeper, changes, self.funding.keeper.follow_terms)
        self.messages: tuple[MessageRoute, ...] = (
            *(route for module in self.modules for route in module.messages),
            *self.changes.messages,
        )
        self.queries: tuple[QueryRoute, ...] = tuple(route for module in self.modules for route in module.queries)

    def init_genesis(self, ctx: Context, document: Mapping[str, Any]) -> None:
        """The state of a validated genesis. Lower modules first: a higher one may ask what they hold."""
        for module in self.modules:
            module.init_genesis(ctx, document.get(module.name, {}))

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        """A genesis document of the state in ctx."""
        return {module.name: module.export_genesis(ctx) for module in self.modules}

    def check_invariants(self, ctx: Context) -> list[str]:
        """Every broken invariant of every module, by full scan."""
        return [f"{module.name}: {sentence}" for module in self.modules for sentence in module.check_invariants(ctx)]
