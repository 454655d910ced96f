"""State of the subaccounts: prefixes, names, codecs."""

from modules.kernel.codec import BIG, KEY_ADDRESS, KEY_U32, UINT, Record, key_of, nested, repeated, single
from modules.kernel.stores import Registry
from modules.kernel.units import SubaccountId
from modules.subaccounts.model import SUBACCOUNT, CustomMargin, GatingParams, Leverage, MarketTotals, Subaccount


def _open(_: SubaccountId, value: Subaccount) -> tuple[int, int] | None:
    return (0, 0) if value.rows else None


class SubaccountsState:
    """Subaccounts, the totals over them, and what keeps money in."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("subaccounts")
        self.accounts = schema.map(1, "accounts", key_of(SubaccountId, KEY_ADDRESS, KEY_U32), SUBACCOUNT)
        """Never empty ones."""
        self.pool_collateral = schema.map(2, "pool_collateral", KEY_U32, single(BIG))
        """Sum of the collateral in a pool; 0 is the cross pool, an isolated perpetual's is its id + 1."""
        self.market_totals = schema.map(
            3, "market_totals", KEY_U32, Record(MarketTotals, long_quantums=BIG, short_quantums=BIG, lots_index=BIG)
        )
        self.leverage = schema.map(
            4,
            "leverage",
            key_of(SubaccountId, KEY_ADDRESS, KEY_U32),
            Record(Leverage, entries=repeated(nested(Record(CustomMargin, perpetual_id=UINT, custom_imf_ppm=UINT)))),
        )
        """Of subaccounts that have chosen any, whether or not they hold anything."""
        self.gating = schema.item(5, "gating", Record(GatingParams, outage_seconds=UINT, blocks=UINT))
        self.outage = schema.item(6, "outage", single(UINT))
        """Height of the last block after an outage; absent: there was none."""
        self.negative = schema.map(7, "negative", KEY_U32, single(UINT))
        """By pool: the last height at which one of its accounts was left negative."""
        self.open_accounts = schema.index("open_accounts", self.accounts, _open)
        """Subaccounts with positions, by key, all in group 0."""
