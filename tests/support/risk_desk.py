"""A whole application without its node, for tests of accounts, risk and liquidation: `step` moves on, `trade` uses the one door."""

from collections.abc import Mapping
from typing import Any

from modules.clob.model import Order, OrderId, PlaceOrder
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.events import EventKind
from modules.kernel.module import Problems
from modules.kernel.units import NANOSECONDS_PER_SECOND, SubaccountId
from modules.oracle.model import PriceVote
from modules.subaccounts.model import Fill, Risk, UpdateResult, fund_name, pool_name
from node.store.state import LiveState
from node.wiring import Wiring
from support.clob_exchange import clob_section, fees_section, owner, sub
from support.markets import BTC, ETH, LINK, START_SECONDS, confirm_prices, funded, funding_section, oracle_section, perp_section

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "maker", "whale")
RICH = 1_000_000_000_000
"""Quote quantums: a million USDC."""
LOT = 100
"""Base quantums of a lot and a step on desks whose sizes come from the worked examples, which are no whole steps."""
HEIGHT = 100
Holding = tuple[int, Mapping[int, int]]
"""(collateral, signed quantums by perpetual id)."""


def desk_genesis(accounts: Mapping[SubaccountId, Holding] | None = None, fund: int = RICH, **sections: Any) -> dict[str, Any]:
    """A genesis in which these subaccounts exist from the start; pools and open interest are made to fit. LINK is isolated."""
    held = accounts or {}
    pools: dict[str, int] = {}
    longs: dict[int, int] = {}
    for collateral, positions in held.values():
        pool = pool_name(LINK, isolated=LINK in positions)
        pools[pool] = pools.get(pool, 0) + collateral
        for perpetual_id, quantums in positions.items():
            longs[perpetual_id] = longs.get(perpetual_id, 0) + max(quantums, 0)
    balances: list[dict[str, Any]] = [{"address": addresses.to_text(owner(name)), **_coins(100 * RICH)} for name in NAMES]
    modules = pools | ({fund_name(BTC, isolated=False): fund} if fund else {})
    balances += [{"module": name, **_coins(amount)} for name, amount in modules.items() if amount]
    perp = perp_section()
    for perpetual in perp["perpetuals"]:
        perpetual["open_interest"] = longs.get(perpetual["id"], 0)
    return {
        "consensus": {},
        "authority": {},
        "auth": {},
        "bank": {"denoms": ["uusdc"], "balances": balances},
        "oracle": oracle_section(),
        "perp": perp,
        "funding": funding_section(),
        "subaccounts": {"accounts": [_account(key, holding) for key, holding in held.items()]},
        "fees": fees_section(),
        "insurance": {},
        "clob": clob_section(),
        "liquidation": {},
    } | sections


def fine_genesis(accounts: Mapping[SubaccountId, Holding] | None = None, **sections: Any) -> dict[str, Any]:
    """The same with lots and steps of 100 base quantums."""
    clob = clob_section()
    for pair in clob["clob_pairs"]:
        pair["step_base_quantums"] = LOT
    funding = {"perpetuals": [funded(perpetual_id, lot_base_quantums=LOT) for perpetual_id in (BTC, ETH, LINK)]}
    return desk_genesis(accounts, **({"clob": clob, "funding": funding} | sections))


def _coins(amount: int) -> dict[str, Any]:
    return {"coins": [{"denom": "uusdc", "amount": str(amount)}]}


def _account(key: SubaccountId, holding: Holding) -> dict[str, Any]:
    collateral, positions = holding
    return {
        "owner": addresses.to_text(key.owner),
        "number": key.number,
        "collateral": str(collateral),
        "positions": [
            {"perpetual_id": perpetual_id, "quantums": str(quantums), "funding_index": "0", "entry_quote": "0"}
            for perpetual_id, quantums in positions.items()
        ],
    }


class Desk:
    """One application. Amounts are quote quantums, sizes base quantums, names stand for accounts."""

    def __init__(self, genesis: dict[str, Any] | None = None, time_ns: int = START_SECONDS * NANOSECONDS_PER_SECOND) -> None:
        self.genesis = desk_genesis() if genesis is None else genesis
        self.wiring = Wiring()
        self.subaccounts = self.wiring.subaccounts.keeper
        self.bank = self.wiring.bank.keeper
        self.perp = self.wiring.perp.keeper
        self.funding = self.wiring.funding.keeper
        self.insurance = self.wiring.insurance.keeper
        self.clob = self.wiring.clob.keeper
        self.liquidation = self.wiring.liquidation.keeper
        assert problems_of(self.wiring, self.genesis) == []
        self.state = LiveState(self.wiring.registry)
        self.ctx = Context(self.state, HEIGHT, time_ns, "test-1")
        self.wiring.init_genesis(self.ctx, self.genesis)
        self.funding.begin_block(self.ctx)
        self.state.forget()
        self.client_ids = 0
        self._past: list[tuple[EventKind, tuple[Any, ...]]] = []

    def step(self, seconds: int = 1, premiums: Mapping[int, int] | None = None) -> None:
        """The next block, so much later. Premiums (ppm by perpetual) stand meanwhile, and funding is charged where an epoch ends."""
        self.clob.end_block(self.ctx)
        self.wiring.fees.keeper.end_block(self.ctx)
        for perpetual_id, premium in (premiums or {}).items():
            self.funding.add_premium(self.ctx, perpetual_id, premium)
        self.state.forget()
        self._past += self.ctx.events
        self.ctx = Context(self.state, self.ctx.height + 1, self.ctx.time_ns + seconds * NANOSECONDS_PER_SECOND, "test-1")
        confirm_prices(self.ctx, self.wiring.oracle.keeper)
        self.perp.mark.begin_block(self.ctx)
        self.funding.begin_block(self.ctx)
        self.clob.begin_block(self.ctx)

    def fund_hour(self, premiums: Mapping[int, int]) -> None:
        """Premiums (ppm of 8 hours) stand for an hour's blocks; at its end every market has been charged."""
        for _ in range(16):
            self.step(240, premiums)

    def deposit(self, name: str, amount: int, number: int = 0) -> SubaccountId:
        """From the name's bank account into its subaccount."""
        self.subaccounts.deposit(self.ctx, owner(name), sub(name, number), amount)
        return sub(name, number)

    def set_price(self, market_id: int, price: int) -> None:
        """The oracle's market has this price from now on."""
        self.wiring.oracle.keeper.apply_votes(self.ctx, [PriceVote(1, ((market_id, price),))], 1)
        self.perp.mark.begin_block(self.ctx)
        self.ctx.scratch.clear()

    def notional(self, perpetual_id: int, quantums: int) -> int:
        """Quote quantums of a size at the oracle's price."""
        return self.perp.notional(self.ctx, perpetual_id, quantums)

    def trade(
        self, buyer: SubaccountId, seller: SubaccountId, perpetual_id: int, quantums: int, quote: int | None = None, **fees: int
    ) -> tuple[UpdateResult, UpdateResult]:
        """A fill with the buyer as taker, at the oracle's price unless a quote is given."""
        at = self.notional(perpetual_id, quantums) if quote is None else quote
        fill = Fill(
            perpetual_id, buyer, seller, True, quantums, at, fees.get("taker_fee", 0), fees.get("maker_fee", 0), fees.get("delta", 0)
        )
        return self.subaccounts.match(self.ctx, fill)

    def quote_order(self, name: str, side: str, quantums: int, subticks: int, pair: int = BTC, number: int = 0) -> OrderId:
        """A long-term order of the name rests (or trades) at this price."""
        self.client_ids += 1
        order_id = OrderId(pair, sub(name, number), 64, self.client_ids)
        self.clob.place(self.ctx, PlaceOrder(Order(order_id, side == "buy", quantums, subticks, self.ctx.time_seconds + 86_400)))
        return order_id

    def liquidate(self) -> list[dict[str, Any]]:
        """The block's liquidation pass; returns its summaries."""
        before = len(self.ctx.events)
        self.liquidation.run(self.ctx)
        return self.events("liquidation", before)

    def risk(self, key: SubaccountId) -> Risk:
        return self.subaccounts.risk(self.ctx, key)

    def collateral(self, key: SubaccountId) -> int:
        """As stored, funding not settled."""
        return self.subaccounts.get(self.ctx, key).collateral

    def position(self, key: SubaccountId, perpetual_id: int = BTC) -> int:
        return self.subaccounts.position(self.ctx, key, perpetual_id)

    def module_balance(self, name: str) -> int:
        """Quote quantums of a module account."""
        return self.bank.balance(self.ctx, addresses.of_module(name))

    def events(self, kind: str, since: int = 0) -> list[dict[str, Any]]:
        """The present block's events of one type."""
        return [dict(zip(found.keys, values, strict=True)) for found, values in self.ctx.events[since:] if found.type == kind]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Every event of one type since genesis."""
        return [dict(zip(found.keys, values, strict=True)) for found, values in (*self._past, *self.ctx.events) if found.type == kind]

    def code(self, action: Any) -> tuple[str, int, str]:
        """(codespace, code, detail) of what an action raises, ("", 0, "") if nothing; a failed one is undone."""
        mark = self.ctx.mark()
        try:
            action()
        except ChainError as error:
            self.ctx.undo(mark)
            return error.codespace, error.code, error.detail
        return "", 0, ""

    def snapshot(self) -> list[dict[Any, Any]]:
        """Everything there is, to compare with later."""
        return [dict(table) for table in self.state.tables]

    def broken(self) -> list[str]:
        """Every broken invariant of every module, and of the totals kept with every change."""
        return self.wiring.check_invariants(self.ctx) + self.subaccounts.conservation(self.ctx)

    def ask(self, path: str, **fields: Any) -> Any:
        """The answer of the query at that gRPC path."""
        for route in self.wiring.queries:
            if route.path == path:
                return route.handle(self.ctx, route.request(**fields))
        raise AssertionError(f"no query {path}")


def problems_of(wiring: Wiring, genesis: dict[str, Any]) -> list[tuple[str, str]]:
    """Every mistake of a genesis."""
    found = Problems()
    for module in wiring.modules:
        module.validate_genesis(genesis[module.name], found, genesis)
    return found.found
