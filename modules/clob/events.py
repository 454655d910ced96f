"""Events of the order book. An order is named by one text: owner/subaccount number/client id/order flags/clob pair id."""

from collections.abc import Sequence

from modules.kernel.events import EventKind, EventValue

_MATCH_KEYS = (
    "taker_subaccount",
    "taker_subaccount_number",
    "maker_subaccount",
    "maker_subaccount_number",
    "taker_order_fee_quote_quantums",
    "maker_order_fee_quote_quantums",
    "taker_quote_balance_delta_quote_quantums",
    "maker_quote_balance_delta_quote_quantums",
    "taker_perpetual_quantums_delta_base_quantums",
    "maker_perpetual_quantums_delta_base_quantums",
    "insurance_fund_delta_quote_quantums",
    "is_liquidation",
    "is_deleverage",
    "perpetual_id",
    "taker_builder_address",
    "maker_builder_address",
    "taker_builder_fee_quantums",
    "maker_builder_fee_quantums",
    "taker_order_router_address",
    "maker_order_router_address",
    "taker_order_router_fee_quote_quantums",
    "maker_order_router_fee_quote_quantums",
)
NO_EXTRAS: tuple[EventValue, ...] = ("", "", 0, 0, "", "", 0, 0)
"""The last eight attributes of a `match` without builder and router."""
_OWN = len(_MATCH_KEYS) - len(NO_EXTRAS)


class _MatchKind(EventKind):
    """Encodes as any event does, but keeps the bytes of the extras that no fill has: a busy block has thousands of these."""

    __slots__ = ("_own", "_without_extras")

    def __init__(self) -> None:
        super().__init__("match", _MATCH_KEYS, ("taker_subaccount", "maker_subaccount"))
        self._own = EventKind("match", _MATCH_KEYS[:_OWN], ("taker_subaccount", "maker_subaccount"))
        example = (0,) * _OWN
        self._without_extras = super().encode((*example, *NO_EXTRAS))[len(self._own.encode(example)) :]

    def encode(self, values: Sequence[EventValue]) -> bytes:
        if values[_OWN:] != NO_EXTRAS:
            return super().encode(values)
        return self._own.encode(values[:_OWN]) + self._without_extras


MATCHED = _MatchKind()
"""Two subaccounts have traded, as the reference tells it: money only. Balance deltas are net of fees."""

ORDERS_FILLED = EventKind(
    "order_fill", ("taker_order", "maker_order", "subticks", "quantums", "taker_filled_quantums", "maker_filled_quantums")
)
"""What the `match` before it leaves out: which orders, at what price, how much of each is filled now. The engine's is `liquidation`."""

ORDER_PLACED = EventKind("order_placed", ("order", "is_buy", "subticks", "quantums", "filled_quantums", "good_til"))
"""The order rests on the book, last at its price; good_til is a height for flags 0, else unix seconds."""

ORDER_REMOVED = EventKind("order_removed", ("order", "reason"))
"""The order has ended, resting or just arrived, for a reason of `model.Removal` and not by its owner."""

ORDER_CANCELLED = EventKind("order_cancelled", ("order", "good_til", "removed"))
"""Its owner cancelled it. `removed`: it rested and has left the book; else only placements of the id are held off."""

ORDER_EXPIRED = EventKind("order_expired", ("order",))
"""The resting order's good_til has passed."""

CONDITIONAL_PLACED = EventKind(
    "conditional_placed", ("order", "is_buy", "subticks", "quantums", "good_til", "condition", "trigger_subticks")
)
"""The order waits for its trigger; the condition is a name of `model.Condition`."""

CONDITIONAL_TRIGGERED = EventKind("conditional_triggered", ("order", "price_subticks"))
"""The order waits no longer. What becomes of it follows: fills, then `order_placed` or `order_removed` unless it is filled."""

TWAP_PLACED = EventKind("twap_placed", ("order", "is_buy", "subticks", "quantums", "good_til", "duration", "interval", "tolerance_ppm"))
"""The TWAP order has begun; its first slice is due in the next block. Duration and interval are seconds."""

TWAP_SLICED = EventKind("twap_slice", ("order", "remaining_legs", "remaining_quantums", "slice_quantums"))
"""A slice of the TWAP order was due. It enters the book as an order with flags 256, unless its size is 0: the market did not trade."""
