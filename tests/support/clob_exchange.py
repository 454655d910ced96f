"""An exchange up to its order books for tests: real modules on an in-memory state, everything defaulted but the point of the test."""

from hashlib import sha256
from typing import Any

from modules.auth.module import AuthModule
from modules.bank.module import BankModule
from modules.clob.model import (
    CONDITIONAL,
    LONG_TERM,
    PLAIN,
    SHORT_TERM,
    TWAP,
    BatchCancel,
    CancelOrder,
    Condition,
    Order,
    OrderId,
    PlaceOrder,
    TimeInForce,
    TwapParameters,
)
from modules.clob.module import ClobModule
from modules.consensus.module import ConsensusModule
from modules.fees.module import FeesModule
from modules.funding.module import FundingModule
from modules.insurance.module import InsuranceModule
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import Problems
from modules.kernel.stores import Registry
from modules.kernel.units import NANOSECONDS_PER_SECOND, Address, SubaccountId
from modules.oracle.model import PriceVote
from modules.oracle.module import OracleModule
from modules.perp.module import PerpModule
from modules.subaccounts.module import SubaccountsModule
from node import ed25519
from node.store.state import LiveState
from support.markets import BTC, ETH, LINK, START_SECONDS, confirm_prices, funding_section, oracle_section, perp_section

STEP = 1_000_000
"""Base quantums of one step of every pair: 0.0001 BTC, 0.001 ETH, 1 LINK."""
TICK = 100_000
BTC_PRICE = 6_012_300_000
"""Subticks of 60,123 USD: whole ticks just below the oracle's price, 6,012,345,678."""
LINK_PRICE = 14_560_000_000
RICH = 1_000_000_000_000
"""Quote quantums: a million USDC."""
HEIGHT = 100


def owner(name: str) -> Address:
    """The account of that name."""
    return Address(sha256(name.encode()).digest()[:20])


def sub(name: str, number: int = 0) -> SubaccountId:
    """The subaccount of that name's account."""
    return SubaccountId(owner(name), number)


def clob_section(**changes: Any) -> dict[str, Any]:
    """Three ACTIVE pairs over BTC, ETH and the isolated LINK."""
    pairs = [
        {
            "id": pair,
            "perpetual_id": pair,
            "step_base_quantums": str(STEP),
            "subticks_per_tick": TICK,
            "quantum_conversion_exponent": -9,
            "status": "ACTIVE",
        }
        for pair in (BTC, ETH, LINK)
    ]
    return {"clob_pairs": pairs, "params": {}} | changes


def fees_section(taker_ppm: int = 500, maker_ppm: int = -110) -> dict[str, Any]:
    """One tier for everybody."""
    return {"tiers": [{"name": "1", "taker_fee_ppm": taker_ppm, "maker_fee_ppm": maker_ppm}]}


def genesis_of(holders: tuple[str, ...] = ("alice", "bob", "carol", "dave"), **sections: Any) -> dict[str, Any]:
    """A whole genesis: every holder has two million USDC in the bank."""
    balances: list[dict[str, Any]] = [
        {"address": addresses.to_text(owner(name)), "coins": [{"denom": "uusdc", "amount": str(2 * RICH)}]} for name in holders
    ]
    balances.append({"module": "insurance_fund", "coins": [{"denom": "uusdc", "amount": str(RICH)}]})
    return {
        "consensus": {},
        "auth": {},
        "bank": {"denoms": ["uusdc"], "balances": balances},
        "oracle": oracle_section(),
        "perp": perp_section(),
        "funding": funding_section(),
        "subaccounts": {},
        "fees": fees_section(),
        "insurance": {},
        "clob": clob_section(),
    } | sections


class Exchange:
    """One application without its node: `step` moves on to the next block, `place` and `cancel` say how a message ends."""

    def __init__(
        self,
        genesis: dict[str, Any] | None = None,
        *,
        rich: tuple[str, ...] = ("alice", "bob", "carol"),
        price: int = 0,
        height: int = HEIGHT,
    ) -> None:
        self.genesis = genesis_of() if genesis is None else genesis
        self.registry = Registry()
        self.consensus_module = ConsensusModule(self.registry)
        self.auth_module = AuthModule(self.registry, consensus=self.consensus_module.keeper)
        self.bank_module = BankModule(self.registry, auth=self.auth_module.keeper)
        self.oracle_module = OracleModule(self.registry, bank=self.bank_module.keeper, verify=ed25519.is_valid)
        self.perp_module = PerpModule(self.registry, oracle=self.oracle_module.keeper)
        self.funding_module = FundingModule(self.registry, perp=self.perp_module.keeper)
        self.subaccounts_module = SubaccountsModule(
            self.registry,
            auth=self.auth_module.keeper,
            bank=self.bank_module.keeper,
            perp=self.perp_module.keeper,
            funding=self.funding_module.keeper,
        )
        self.fees_module = FeesModule(self.registry)
        self.insurance_module = InsuranceModule(self.registry, bank=self.bank_module.keeper, perp=self.perp_module.keeper)
        self.clob_module = ClobModule(
            self.registry,
            perp=self.perp_module.keeper,
            funding=self.funding_module.keeper,
            subaccounts=self.subaccounts_module.keeper,
            fees=self.fees_module.keeper,
            oracle=self.oracle_module.keeper,
            bank=self.bank_module.keeper,
        )
        self.modules: tuple[Any, ...] = (
            self.consensus_module,
            self.auth_module,
            self.bank_module,
            self.oracle_module,
            self.perp_module,
            self.funding_module,
            self.subaccounts_module,
            self.fees_module,
            self.insurance_module,
            self.clob_module,
        )
        self.clob = self.clob_module.keeper
        self.subaccounts = self.subaccounts_module.keeper
        self.bank = self.bank_module.keeper
        self.funding = self.funding_module.keeper
        assert self.problems() == []
        self.state = LiveState(self.registry)
        self.ctx = Context(self.state, height, START_SECONDS * NANOSECONDS_PER_SECOND, "test-1")
        for module in self.modules:
            module.init_genesis(self.ctx, self.genesis[module.name])
        for name in rich:
            self.deposit(name, RICH)
        if price:
            self.set_price(BTC, price)
        self.funding.begin_block(self.ctx)
        self.state.forget()
        self.ctx.events.clear()

    def problems(self) -> list[tuple[str, str]]:
        """Every mistake of the genesis."""
        found = Problems()
        for module in self.modules:
            module.validate_genesis(self.genesis[module.name], found, self.genesis)
        return found.found

    def deposit(self, name: str, amount: int, number: int = 0) -> None:
        """So much USDC (quote quantums) from the name's bank account into its subaccount."""
        self.subaccounts.deposit(self.ctx, owner(name), sub(name, number), amount)

    def set_price(self, market_id: int, price: int) -> None:
        """The oracle's market has this price from this block on."""
        self.oracle_module.keeper.apply_votes(self.ctx, [PriceVote(1, ((market_id, price),))], 1)
        self.perp_module.keeper.mark.begin_block(self.ctx)
        self.ctx.scratch.clear()

    def end(self) -> None:
        """The end step of the block."""
        self.clob.end_block(self.ctx)
        self.fees_module.keeper.end_block(self.ctx)

    def step(self, blocks: int = 1, seconds: int = 1, prices: dict[int, int] | None = None) -> None:
        """So many blocks later, each so long; each block's begin, engine and end have run, and this block's events are gone.

        `prices` (market id to price) are the oracle's from the first of these blocks on.
        """
        for _ in range(blocks):
            self.begin(seconds, prices)
            self.engine()
            prices = None

    def begin(self, seconds: int = 1, prices: dict[int, int] | None = None) -> None:
        """The next block has begun and stands before its first lane: `engine` runs what is due in it."""
        self.end()
        self.state.forget()
        self.ctx = Context(self.state, self.ctx.height + 1, self.ctx.time_ns + seconds * NANOSECONDS_PER_SECOND, "test-1")
        confirm_prices(self.ctx, self.oracle_module.keeper)
        for market_id, price in (prices or {}).items():
            self.set_price(market_id, price)
        self.perp_module.keeper.mark.begin_block(self.ctx)
        self.funding.begin_block(self.ctx)
        self.due = self.clob.begin_block(self.ctx)

    def engine(self) -> None:
        """The engine's step: triggers and slices."""
        self.clob.run_due(self.ctx, self.due)

    def _outcome(self, action: Any) -> tuple[str, int]:
        """(codespace, code) of what a transaction with this action gets; a failed one has left no trace."""
        mark = self.ctx.mark()
        try:
            action()
        except ChainError as error:
            self.ctx.undo(mark)
            return error.codespace, error.code
        return "", 0

    def place(self, order: Order | PlaceOrder) -> int:
        """The code that placing this order gives."""
        command = PlaceOrder(order) if isinstance(order, Order) else order
        return self._outcome(lambda: self.clob.place(self.ctx, command))[1]

    def cancel(self, order_id: OrderId, good_til: int | None = None, *, placed_later: bool = False) -> int:
        """The code that cancelling gives; good_til defaults to as far as may be."""
        if good_til is None:
            good_til = self.ctx.height + 40 if order_id.flags == SHORT_TERM else self.ctx.time_seconds + 95 * 86_400
        return self._outcome(lambda: self.clob.cancel(self.ctx, CancelOrder(order_id, good_til, placed_later)))[1]

    def batch_cancel(self, command: BatchCancel) -> int:
        """The code that a batch cancel gives."""
        return self._outcome(lambda: self.clob.batch_cancel(self.ctx, command))[1]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type in the block so far."""
        return [dict(zip(found.keys, values, strict=True)) for found, values in self.ctx.events if found.type == kind]

    def reasons(self) -> list[tuple[int, str]]:
        """(client id, reason) of this block's removals, so far."""
        return [(int(event["order"].split("/")[2]), event["reason"]) for event in self.events("order_removed")]

    def fills(self) -> list[tuple[int, int, int]]:
        """(maker's client id, subticks, quantums) of this block's fills, so far."""
        return [(int(event["maker_order"].split("/")[2]), event["subticks"], event["quantums"]) for event in self.events("order_fill")]

    def rests(self, order_id: OrderId) -> int | None:
        """What remains of a resting order; None if it does not rest."""
        found = self.clob.order(self.ctx, order_id)
        return None if found is None else found.quantums - self.clob.fills(self.ctx, order_id).quantums

    def position(self, name: str, perpetual_id: int = BTC, number: int = 0) -> int:
        """Signed base quantums."""
        return self.subaccounts.position(self.ctx, sub(name, number), perpetual_id)

    def collateral(self, name: str, number: int = 0) -> int:
        """Quote quantums, funding not settled."""
        return self.subaccounts.get(self.ctx, sub(name, number)).collateral

    def broken(self) -> list[str]:
        """All invariants of all modules; they hold between blocks, so after `end`."""
        return [sentence for module in self.modules for sentence in module.check_invariants(self.ctx)]

    def ask(self, path: str, **fields: Any) -> Any:
        """The answer of the query at that gRPC path."""
        for module in self.modules:
            for route in module.queries:
                if route.path == path:
                    return route.handle(self.ctx, route.request(**fields))
        raise AssertionError(f"no query {path}")

    def short(self, name: str, client_id: int, side: str, quantums: int, subticks: int, **changes: Any) -> Order:
        """A short-term order good for ten more blocks."""
        return self._order(name, client_id, side, quantums, subticks, SHORT_TERM, self.ctx.height + 10, changes)

    def long(self, name: str, client_id: int, side: str, quantums: int, subticks: int, **changes: Any) -> Order:
        """A long-term order good for an hour."""
        return self._order(name, client_id, side, quantums, subticks, LONG_TERM, self.ctx.time_seconds + 3_600, changes)

    def conditional(
        self, name: str, client_id: int, side: str, quantums: int, subticks: int, kind: str, trigger: int, **changes: Any
    ) -> Order:
        """A conditional order good for an hour: kind `stop` (stop-loss) or `profit` (take-profit), with its trigger in subticks."""
        condition = {"stop": Condition.STOP_LOSS, "profit": Condition.TAKE_PROFIT}[kind]
        changes["extras"] = changes.get("extras", PLAIN)._replace(condition=condition, trigger_subticks=trigger)
        return self._order(name, client_id, side, quantums, subticks, CONDITIONAL, self.ctx.time_seconds + 3_600, changes)

    def twap(self, name: str, client_id: int, side: str, quantums: int, subticks: int = 0, **changes: Any) -> PlaceOrder:
        """A TWAP order of ten slices, one every half minute; without a limit price each trades up to 1 % from the oracle's."""
        parameters = TwapParameters(changes.pop("duration", 300), changes.pop("interval", 30), changes.pop("tolerance", 10_000))
        good_til = self.ctx.time_seconds + 3_600
        return PlaceOrder(self._order(name, client_id, side, quantums, subticks, TWAP, good_til, changes), parameters)

    def _order(
        self, name: str, client_id: int, side: str, quantums: int, subticks: int, flags: int, good_til: int, changes: dict[str, Any]
    ) -> Order:
        number, pair = changes.pop("number", 0), changes.pop("pair", BTC)
        kind = {"ioc": TimeInForce.IMMEDIATE_OR_CANCEL, "post_only": TimeInForce.POST_ONLY, "rest": TimeInForce.REST}[
            changes.pop("tif", "rest")
        ]
        order_id = OrderId(pair, sub(name, number), changes.pop("flags", flags), client_id)
        order = Order(order_id, side == "buy", quantums, subticks, good_til, kind)
        return order._replace(**changes)
