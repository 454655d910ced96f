"""TWAP orders: the protocol places a slice of the order at every interval.

A slice is an order of its own (flags 256) that matches at once; what is left of it rests for three seconds. The order itself stays one
interval after its last slice and then ends with an event, also when all of it has traded.
"""

from collections.abc import Iterator

from modules.clob import formulas
from modules.clob.checks import Checks
from modules.clob.entry import Entry
from modules.clob.events import ORDER_REMOVED, TWAP_PLACED, TWAP_SLICED
from modules.clob.model import (
    TWAP_SLICE_SECONDS,
    Due,
    Order,
    PairStatus,
    PlaceOrder,
    Removal,
    TimeInForce,
    TwapOrder,
    order_of,
    resting_of,
    slice_id_of,
)
from modules.clob.state import ClobState
from modules.kernel.context import Context
from modules.perp.keeper import PerpKeeper


class Twaps:
    """TWAP orders at work."""

    __slots__ = ("_checks", "_entry", "_perp", "_state")

    def __init__(self, state: ClobState, perp: PerpKeeper, checks: Checks, entry: Entry) -> None:
        self._state = state
        self._perp = perp
        self._checks = checks
        self._entry = entry

    def place(self, ctx: Context, command: PlaceOrder) -> None:
        """The order is at work: its first slice is due in the next block. It has been judged in full (CLOB 6.2)."""
        order, parameters = command.order, command.twap
        assert parameters is not None, "decoding gives every TWAP order its parameters"
        placed = resting_of(order, ctx.height, ctx.next_placement())
        self._state.twaps.set(ctx, order.id, TwapOrder(placed, parameters, parameters.legs, order.quantums, ctx.time_seconds))
        ctx.emit(
            TWAP_PLACED,
            order.id.text,
            order.is_buy,
            order.subticks,
            order.quantums,
            order.good_til,
            parameters.duration_seconds,
            parameters.interval_seconds,
            parameters.tolerance_ppm,
        )

    def due(self, ctx: Context) -> Iterator[Due]:
        """Orders with something to do in this block, however much time has passed: one slice each. Nothing is written."""
        for (next_seconds, height, placement), order_id in self._state.twap_due.group(ctx, ()):
            if next_seconds > ctx.time_seconds:
                break
            yield Due(order_id.clob_pair_id, height, placement, order_id)

    def run(self, ctx: Context, due: Due) -> None:
        """The order's next slice has entered its book, or the order has ended because it has none left.

        Raises the code of the rule that the slice breaks; then the caller undoes what was written and ends the order.
        """
        twap = self._state.twaps.get(ctx, due.id)
        if twap is None or (twap.placed.height, twap.placed.placement) != (due.height, due.placement):
            return
        if twap.remaining_legs == 0:
            self._state.twaps.delete(ctx, due.id)
            reason = Removal.TWAP_OVER if twap.remaining_quantums else Removal.FULLY_FILLED
            ctx.emit(ORDER_REMOVED, due.id.text, reason.name)
            return
        pair = self._checks.pair(ctx, due.id.clob_pair_id)
        placed, parameters, legs = twap.placed, twap.parameters, twap.remaining_legs
        index = self._perp.index_subticks(ctx, pair.perpetual_id, pair.quantum_conversion_exponent)
        trades = pair.status == PairStatus.ACTIVE and not self._perp.standing(ctx, pair.perpetual_id)
        quantums = 0
        if trades:
            quantums = formulas.slice_quantums(placed.quantums, parameters.legs, twap.remaining_quantums, legs, pair.step_base_quantums)
        left = twap._replace(remaining_legs=legs - 1, next_seconds=ctx.time_seconds + parameters.interval_seconds)
        self._state.twaps.set(ctx, due.id, left)
        ctx.emit(TWAP_SLICED, due.id.text, legs - 1, twap.remaining_quantums, quantums)
        if not trades:
            return
        subticks = formulas.slice_subticks(placed.subticks, index, parameters.tolerance_ppm, placed.is_buy, pair.subticks_per_tick)
        parent = order_of(due.id, placed)
        part = Order(
            slice_id_of(due.id),
            parent.is_buy,
            quantums,
            subticks,
            ctx.time_seconds + TWAP_SLICE_SECONDS,
            TimeInForce.REST,
            parent.reduce_only,
            parent.client_metadata,
        )
        self._entry.enter(ctx, part, self._checks.slice(ctx, pair, part))
