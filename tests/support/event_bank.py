"""Keeps every bank balance from events alone: accounts, collateral pools, insurance funds and the fee collector.

What a reader must know besides the events is in the genesis: its balances, which perpetuals are isolated, and the revenue shares.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from modules.kernel import address as addresses
from node.app import App
from support.event_ledger import Account, EventLedger, Side, Values, sides_of

MILLION = 1_000_000
CROSS_POOL, CROSS_FUND, FEE_COLLECTOR = "subaccounts", "insurance_fund", "fee_collector"


def _module(name: str) -> str:
    return addresses.to_text(addresses.of_module(name))


def _coins(text: str) -> Iterator[tuple[str, int]]:
    """(denomination, amount) of coins as text."""
    for coin in text.split(","):
        digits = len(coin) - len(coin.lstrip("0123456789"))
        yield coin[digits:], int(coin[:digits])


class EventBank:
    """Balances by (address text, denomination). Reads each event before the ledger does."""

    def __init__(self, genesis: Mapping[str, Any], ledger: EventLedger) -> None:
        self.balances: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._ledger = ledger
        self._quote: str = genesis["bank"]["denoms"][0]
        self._isolated = [entry["id"] for entry in genesis["perp"]["perpetuals"] if entry["market_type"] == "ISOLATED"]
        self._revenue = [(entry["address"], int(entry["share_ppm"])) for entry in genesis["fees"].get("revenue_shares", ())]
        for holder in genesis["bank"]["balances"]:
            name = holder["address"] if "address" in holder else _module(holder["module"])
            for coin in holder["coins"]:
                self.balances[name, coin["denom"]] += int(coin["amount"])

    def take(self, kind: str, values: Values) -> None:
        """Takes in one event."""
        if kind == "match":
            self._match(values)
        elif kind == "transfer":
            for denom, amount in _coins(values["amount"]):
                self._move(values["sender"], values["recipient"], amount, denom)
        elif kind == "tx":
            for denom, amount in _coins(values["fee"]):
                self._move(values["fee_payer"], _module(FEE_COLLECTOR), amount, denom)
        elif kind == "oracle_update_paid":
            self._move(values["fee_payer"], _module(FEE_COLLECTOR), int(values["fee"]))
        elif kind == "deposit_to_subaccount":
            pool = self._pool_of((values["recipient"], int(values["recipient_number"])))
            self._move(values["sender"], pool, int(values["quantums"]))
        elif kind == "withdraw_from_subaccount":
            pool = self._pool_of((values["sender"], int(values["sender_number"])))
            self._move(pool, values["recipient"], int(values["quantums"]))
        elif kind == "create_transfer":
            giver = self._pool_of((values["sender"], int(values["sender_number"])))
            taker = self._pool_of((values["recipient"], int(values["recipient_number"])))
            self._move(giver, taker, int(values["quantums"]))

    def _move(self, sender: str, recipient: str, amount: int, denom: str = "") -> None:
        denom = denom or self._quote
        self.balances[sender, denom] -= amount
        self.balances[recipient, denom] += amount

    def _pool_of(self, account: Account) -> str:
        """SUB-4: the pool in which the subaccount's collateral lies now."""
        return next((self._pool(perpetual_id) for perpetual_id in self._ledger.holds(account)), _module(CROSS_POOL))

    def _pool(self, perpetual_id: int) -> str:
        return _module(f"{CROSS_POOL}:{perpetual_id}" if perpetual_id in self._isolated else CROSS_POOL)

    def _match(self, values: Values) -> None:
        perpetual_id, sides = int(values["perpetual_id"]), sides_of(values)
        pool = self._pool(perpetual_id)
        fund = _module(f"{CROSS_FUND}:{perpetual_id}" if perpetual_id in self._isolated else CROSS_FUND)
        self._move(pool, fund, int(values["insurance_fund_delta_quote_quantums"]))
        net = 0
        for name, side in zip(("taker", "maker"), sides, strict=True):
            self._change_pool(side, perpetual_id)
            if values[f"{name}_builder_address"]:
                self._move(pool, values[f"{name}_builder_address"], int(values[f"{name}_builder_fee_quantums"]))
            net += int(values[f"{name}_order_fee_quote_quantums"])
        self._share(pool, net, values)

    def _share(self, pool: str, net: int, values: Values) -> None:
        """FEE-6: routers as the event says, revenue shares of what these leave as genesis says, the collector the rest."""
        left = net
        for name in ("taker", "maker"):
            routed = int(values[f"{name}_order_router_fee_quote_quantums"])
            if routed:
                self._move(pool, values[f"{name}_order_router_address"], routed)
                left -= routed
        rest = left
        if net > 0 and left > 0:
            for recipient, share_ppm in self._revenue:
                share = left * share_ppm // MILLION
                self._move(pool, recipient, share)
                rest -= share
        self._move(pool, _module(FEE_COLLECTOR), rest)

    def _change_pool(self, side: Side, perpetual_id: int) -> None:
        """What a subaccount has goes with it into an isolated market's pool, and comes back with what it leaves with."""
        if perpetual_id not in self._isolated:
            return
        before, collateral = self._ledger.size(side.account, perpetual_id), self._ledger.collateral[side.account]
        if before == 0:
            self._move(_module(CROSS_POOL), self._pool(perpetual_id), collateral)
        if before + side.quantums_delta == 0:
            self._move(self._pool(perpetual_id), _module(CROSS_POOL), collateral + side.quote_delta)

    def compare(self, app: App, ctx: Any) -> list[str]:
        """Sentences, one per balance that the application holds otherwise."""
        bank = app.wiring.bank
        held = {
            (addresses.to_text(key.address), bank.keeper.denom(ctx, key.denom_id)): amount
            for key, amount in bank._state.balances.items(ctx)
        }
        return [
            f"{bank.keeper.module_name(ctx, addresses.from_text(name)) or name} has {held.get((name, denom), 0)} {denom}, "
            f"the events say {self.balances.get((name, denom), 0)}"
            for name, denom in {**held, **self.balances}
            if held.get((name, denom), 0) != self.balances.get((name, denom), 0)
        ]
