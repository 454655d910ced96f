"""How many orders a subaccount may have (CLOB-20), and the windows in which its owner's messages are counted before they enter a block.

Room is judged in blocks; windows only where a node takes transactions from strangers (`node/sequencer/rate_limits.py`).
"""

from typing import NamedTuple

from modules.clob.errors import TOO_MANY_OPEN_ORDERS
from modules.clob.formulas import tier_limit
from modules.clob.limit_tables import NO_RATES, NO_TIERS, EquityTier, EquityTiers, RateLimits, require_rates, require_tiers
from modules.clob.state import ClobState
from modules.kernel.context import Context
from modules.kernel.units import SubaccountId
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper

_MEMO = "clob.limits"
_QUOTE_DECIMALS = 6


class _Rules(NamedTuple):
    """What parameters and tables say, read once per block."""

    all_kinds: int
    """Of orders of every kind together; 0: no limit."""
    stateful: tuple[EquityTier, ...]
    short_term: tuple[EquityTier, ...]


class Limits:
    """Room for orders. Amounts are quote quantums."""

    __slots__ = ("_perp", "_state", "_subaccounts")

    def __init__(self, state: ClobState, perp: PerpKeeper, subaccounts: SubaccountsKeeper) -> None:
        self._state = state
        self._perp = perp
        self._subaccounts = subaccounts

    def require_room(self, ctx: Context, subaccount: SubaccountId, *, short_term: bool) -> None:
        """The subaccount may have one more order of that kind (CLOB-20). Raises 10001.

        Reads lengths of indexes and, where there is a table, the subaccount: never the orders themselves.
        """
        rules = self._rules(ctx)
        if rules.all_kinds:
            self._require_room_for_all(ctx, subaccount, rules.all_kinds)
        tiers = rules.short_term if short_term else rules.stateful
        if not tiers:
            return
        count = self._state.short_term_count(ctx, subaccount) if short_term else self._state.stateful_count(ctx, subaccount)
        equity = self.equity(ctx, subaccount)
        limit = tier_limit(tiers, equity)
        if count >= limit:
            raise TOO_MANY_OPEN_ORDERS(_explanation(tiers, equity, count, limit, short_term=short_term))

    def equity(self, ctx: Context, subaccount: SubaccountId) -> int:
        """Net collateral with funding settled up to now, at the block's prices."""
        collateral, rows = self._subaccounts.settled(ctx, subaccount)
        notional = self._perp.notional
        return collateral + sum([notional(ctx, row[0], row[1]) for row in rows])

    def equity_tiers(self, ctx: Context) -> EquityTiers:
        """The tables in force."""
        return self._state.equity_tiers.get(ctx) or NO_TIERS

    def rate_limits(self, ctx: Context) -> RateLimits:
        """The windows in force. A point read."""
        return self._state.rate_limits.get(ctx) or NO_RATES

    def set_equity_tiers(self, ctx: Context, tiers: EquityTiers) -> None:
        """The tables are in force from the next block on. Raises 10000."""
        item = self._state.equity_tiers
        if require_tiers(tiers) == NO_TIERS:
            item.map.delete(ctx, ())
        else:
            item.set(ctx, tiers)

    def set_rate_limits(self, ctx: Context, rates: RateLimits) -> None:
        """The windows are in force from the next block on. Raises 5000."""
        item = self._state.rate_limits
        if require_rates(rates) == NO_RATES:
            item.map.delete(ctx, ())
        else:
            item.set(ctx, rates)

    def _rules(self, ctx: Context) -> _Rules:
        found: _Rules | None = ctx.scratch.get(_MEMO)
        if found is None:
            tiers = self.equity_tiers(ctx)
            found = ctx.scratch[_MEMO] = _Rules(self._state.params.require(ctx).max_open_orders, tiers.stateful, tiers.short_term)
        return found

    def _require_room_for_all(self, ctx: Context, subaccount: SubaccountId, limit: int) -> None:
        count = self._state.short_term_count(ctx, subaccount) + self._state.stateful_count(ctx, subaccount)
        if count >= limit:
            raise TOO_MANY_OPEN_ORDERS(f"it has {count} orders; whatever its equity, the limit is {limit}")


def _explanation(tiers: tuple[EquityTier, ...], equity: int, count: int, limit: int, *, short_term: bool) -> str:
    kind = "resting short-term" if short_term else "stateful"
    told = f"it has {count} {kind} orders; at {_usdc(equity)} USDC of equity the limit is {limit}"
    for required, allowed in tiers:
        if required > equity and allowed > count:
            return f"{told}, at {_usdc(required)} USDC it is {allowed}"
    return f"{told}, and more equity does not raise it"


def _usdc(quote_quantums: int) -> str:
    """Quote quantums as USDC, without zeros at the end."""
    digits = str(abs(quote_quantums)).rjust(_QUOTE_DECIMALS + 1, "0")
    whole, part = digits[:-_QUOTE_DECIMALS], digits[-_QUOTE_DECIMALS:].rstrip("0")
    return ("-" if quote_quantums < 0 else "") + whole + (f".{part}" if part else "")
