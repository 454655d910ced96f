"""Genesis of the order books.

Each of `clob_pairs`: `id`, `perpetual_id`, `step_base_quantums` (a multiple of the perpetual's funding lot), `subticks_per_tick`,
`quantum_conversion_exponent`, `status` (a name of PairStatus; ACTIVE when absent). `params`, all optional: `max_fills_per_order`,
`max_impact_orders`, `max_open_orders` (0: no limit), `max_due_per_block`.

`equity_tiers` (optional): `stateful` and `short_term`, each a list of `usd_tnc_required` (quote quantums, strictly ascending) and `limit`:
how many orders a subaccount with that equity may have. `block_rate_limits` (optional): `stateful_orders`, `short_term_orders_and_cancels`
and `leverage_updates`, each a list of `num_blocks` (no two equal) and `limit`: how many of one owner a node lets into its pool. An empty
or absent list limits nothing.

An export adds `orders` (resting, with their priority), `fills` of those, `waiting` (conditional orders before their trigger), `twaps`,
`trades` (the range of each market's last block with trades), `reached` (up to which price a block triggered what has not run yet), and
what blocks remember of short-term ids: `ended` (with fills) and `cancels`, each with the `height` of its block.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from modules.clob.limit_tables import NO_RATES, NO_TIERS, EquityTiers, RateLimits, export_tables, read_rates, read_tiers
from modules.clob.memory import ACCOUNT_BYTES, REMEMBERED_BLOCKS, Ended
from modules.clob.model import (
    CONDITIONAL,
    MAX_BUILDER_FEE_PPM,
    MAX_TWAP_DURATION_SECONDS,
    MAX_TWAP_INTERVAL_SECONDS,
    MIN_TWAP_DURATION_SECONDS,
    MIN_TWAP_INTERVAL_SECONDS,
    NOBODY,
    ORDER_ID,
    PLACED_FLAGS,
    PLAIN,
    SHORT_BLOCK_WINDOW,
    SHORT_TERM,
    TWAP,
    TWAP_SLICE,
    ClobPair,
    ClobParams,
    Condition,
    Extras,
    FillState,
    OrderId,
    PairStatus,
    ReachedKey,
    RestingOrder,
    TimeInForce,
    TradeRange,
    TwapOrder,
    TwapParameters,
    twap_id_of,
)
from modules.clob.state import ClobState
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import UINT32_MAX, UINT64_MAX
from modules.kernel.module import Problems
from modules.kernel.units import MAX_SUBACCOUNT_NUMBER, MILLION, Address, SubaccountId

V = TypeVar("V")

EXPONENT_RANGE = 30
"""Largest absolute quantum conversion exponent."""
MAX_LIMIT = 1_000_000
DEFAULT_PARAMS = ClobParams(max_fills_per_order=1_000, max_impact_orders=1_000, max_open_orders=0, max_due_per_block=2_000)
_SIDES = ("BUY", "SELL")
_RESTING_TIMES_IN_FORCE = (TimeInForce.REST.name, TimeInForce.POST_ONLY.name)
_TIMES_IN_FORCE = tuple(kind.name for kind in TimeInForce)
_CONDITIONS = tuple(condition.name for condition in Condition)
_STATUSES = tuple(status.name for status in PairStatus)
_UNREADABLE = Address(bytes(20))
"""Stands for an address that is a mistake; the mistake has been told."""


class Content(NamedTuple):
    """A section as domain objects."""

    pairs: dict[int, ClobPair]
    params: ClobParams
    orders: dict[OrderId, RestingOrder]
    fills: dict[OrderId, FillState]
    waiting: dict[OrderId, RestingOrder]
    twaps: dict[OrderId, TwapOrder]
    trades: dict[int, TradeRange]
    reached: dict[ReachedKey, int]
    memory: dict[int, dict[bytes, Ended]]
    """By height and account."""
    equity_tiers: EquityTiers = NO_TIERS
    rate_limits: RateLimits = NO_RATES


def _address(text: str) -> Address:
    return addresses.from_text(text) if addresses.is_valid(text) else _UNREADABLE


def _read_id(entry: Reader, pairs: Mapping[int, ClobPair], flags: tuple[int, ...]) -> OrderId:
    order_id = OrderId(
        entry.integer("clob_pair_id", 0, UINT32_MAX),
        SubaccountId(_address(entry.account("owner")), entry.integer("number", 0, MAX_SUBACCOUNT_NUMBER)),
        entry.integer("flags", 0, TWAP_SLICE),
        entry.integer("client_id", 0, UINT32_MAX),
    )
    if order_id.clob_pair_id not in pairs:
        entry.problem("clob_pair_id", f"{order_id.clob_pair_id} is not listed in clob.clob_pairs")
    if order_id.flags not in flags:
        entry.problem("flags", f"must be one of {', '.join(map(str, flags))}, not {order_id.flags}")
    return order_id


def _read_pairs(reader: Reader) -> dict[int, tuple[Reader, ClobPair]]:
    pairs: dict[int, tuple[Reader, ClobPair]] = {}
    perpetuals: dict[int, None] = {}
    for entry in reader.objects("clob_pairs", required=True):
        pair = ClobPair(
            entry.integer("id", 0, UINT32_MAX),
            entry.integer("perpetual_id", 0, UINT32_MAX),
            entry.integer("step_base_quantums", 1, UINT64_MAX),
            entry.integer("subticks_per_tick", 1, UINT32_MAX),
            entry.integer("quantum_conversion_exponent", -EXPONENT_RANGE, EXPONENT_RANGE),
            PairStatus[entry.text("status", PairStatus.ACTIVE.name, _STATUSES)],
        )
        if pair.id in pairs:
            entry.problem("id", f"{pair.id} has a second entry")
        if pair.perpetual_id in perpetuals:
            entry.problem("perpetual_id", f"perpetual {pair.perpetual_id} has a second order book")
        entry.done()
        perpetuals[pair.perpetual_id] = None
        pairs[pair.id] = (entry, pair)
    return pairs


def _read_params(reader: Reader | None) -> ClobParams:
    if reader is None:
        return DEFAULT_PARAMS
    params = ClobParams(
        reader.integer("max_fills_per_order", 1, MAX_LIMIT, DEFAULT_PARAMS.max_fills_per_order),
        reader.integer("max_impact_orders", 1, MAX_LIMIT, DEFAULT_PARAMS.max_impact_orders),
        reader.integer("max_open_orders", 0, MAX_LIMIT, DEFAULT_PARAMS.max_open_orders),
        reader.integer("max_due_per_block", 1, MAX_LIMIT, DEFAULT_PARAMS.max_due_per_block),
    )
    reader.done()
    return params


def _read_order(
    entry: Reader, content: "Content", flags: tuple[int, ...], times_in_force: tuple[str, ...], low_subticks: int = 1
) -> tuple[OrderId, RestingOrder]:
    order_id = _read_id(entry, content.pairs, flags)
    order = RestingOrder(
        entry.text("side", choices=_SIDES) == "BUY",
        entry.integer("quantums", 1, UINT64_MAX),
        entry.integer("subticks", low_subticks, UINT64_MAX),
        entry.integer("good_til", 1, UINT32_MAX),
        TimeInForce[entry.text("time_in_force", TimeInForce.REST.name, times_in_force)],
        entry.integer("client_metadata", 0, UINT32_MAX, 0),
        entry.integer("height", 0, UINT64_MAX),
        entry.integer("placement", 0, UINT32_MAX),
        _read_extras(entry, conditional=order_id.flags == CONDITIONAL),
    )
    pair = content.pairs.get(order_id.clob_pair_id)
    if pair is not None and order.quantums % pair.step_base_quantums:
        entry.problem("quantums", f"{order.quantums} is not a multiple of the pair's step, {pair.step_base_quantums}")
    if pair is not None and order.subticks % pair.subticks_per_tick:
        entry.problem("subticks", f"{order.subticks} is not a multiple of the pair's tick, {pair.subticks_per_tick}")
    return order_id, order


def _read_extras(entry: Reader, *, conditional: bool) -> Extras | None:
    builder, router = entry.account("builder", ""), entry.account("router", "")
    extras = Extras(
        Condition[entry.text("condition", Condition.NONE.name, _CONDITIONS)],
        entry.integer("trigger_subticks", 0, UINT64_MAX, 0),
        _address(builder) if builder else NOBODY,
        entry.integer("builder_fee_ppm", 1 if builder else 0, MAX_BUILDER_FEE_PPM if builder else 0, 0),
        _address(router) if router else NOBODY,
        entry.boolean("reduce_only", default=False),
    )
    if conditional != (extras.condition != Condition.NONE):
        entry.problem("condition", "conditional orders (flags 32), and only they, have one")
    if conditional != (extras.trigger_subticks != 0):
        entry.problem("trigger_subticks", "conditional orders (flags 32), and only they, have one")
    return None if extras == PLAIN else extras


def _read(section: Any, problems: Problems) -> tuple[Content, dict[int, Reader]]:
    reader = Reader(section, "clob", problems)
    read_pairs = _read_pairs(reader)
    pairs = {pair_id: pair for pair_id, (_, pair) in read_pairs.items()}
    content = Content(pairs, _read_params(reader.optional("params")), {}, {}, {}, {}, {}, {}, {})
    content = content._replace(equity_tiers=read_tiers(reader), rate_limits=read_rates(reader))
    _read_orders(reader, content)
    _read_fills(reader, content)
    _read_trades(reader, content)
    _read_reached(reader, content)
    _read_memory(reader, content)
    reader.done()
    return content, {pair_id: entry for pair_id, (entry, _) in read_pairs.items()}


def _read_orders(reader: Reader, content: Content) -> None:
    """Orders of every kind: each id once, each time priority once."""
    priorities: dict[tuple[int, int], None] = {}

    def note(entry: Reader, order: RestingOrder, *, known: bool) -> None:
        if known:
            entry.problem("client_id", "this order has a second entry")
        if (order.height, order.placement) in priorities:
            entry.problem("placement", "two orders have the same height and placement; time priority must be unique")
        entry.done()
        priorities[(order.height, order.placement)] = None

    for entry in reader.objects("orders"):
        order_id, order = _read_order(entry, content, PLACED_FLAGS, _RESTING_TIMES_IN_FORCE)
        note(entry, order, known=order_id in content.orders)
        content.orders[order_id] = order
    for entry in reader.objects("waiting"):
        order_id, order = _read_order(entry, content, (CONDITIONAL,), _TIMES_IN_FORCE)
        note(entry, order, known=order_id in content.orders or order_id in content.waiting)
        content.waiting[order_id] = order
    for entry in reader.objects("twaps"):
        order_id, twap = _read_twap(entry, content)
        note(entry, twap.placed, known=order_id in content.twaps)
        content.twaps[order_id] = twap
    for order_id in content.orders:
        if order_id.flags == TWAP_SLICE and twap_id_of(order_id) not in content.twaps:
            reader.problem("orders", f"{order_id.text} is a slice of an order that is not listed in clob.twaps")


def _read_twap(entry: Reader, content: Content) -> tuple[OrderId, TwapOrder]:
    order_id, placed = _read_order(entry, content, (TWAP,), _TIMES_IN_FORCE, low_subticks=0)
    parameters = TwapParameters(
        entry.integer("duration_seconds", MIN_TWAP_DURATION_SECONDS, MAX_TWAP_DURATION_SECONDS),
        entry.integer("interval_seconds", MIN_TWAP_INTERVAL_SECONDS, MAX_TWAP_INTERVAL_SECONDS),
        entry.integer("tolerance_ppm", 0, MILLION - 1),
    )
    if parameters.duration_seconds % parameters.interval_seconds:
        entry.problem("interval_seconds", f"{parameters.interval_seconds} does not divide the duration")
    twap = TwapOrder(
        placed,
        parameters,
        entry.integer("remaining_legs", 0, parameters.legs),
        entry.integer("remaining_quantums", 0, placed.quantums),
        entry.integer("next_seconds", 0, UINT64_MAX),
    )
    return order_id, twap


def _read_trades(reader: Reader, content: Content) -> None:
    for entry in reader.objects("trades"):
        pair_id = entry.integer("clob_pair_id", 0, UINT32_MAX)
        lowest = entry.integer("lowest", 1, UINT64_MAX)
        trades = TradeRange(entry.integer("height", 0, UINT64_MAX), lowest, entry.integer("highest", lowest, UINT64_MAX))
        if pair_id not in content.pairs:
            entry.problem("clob_pair_id", f"{pair_id} is not listed in clob.clob_pairs")
        if pair_id in content.trades:
            entry.problem("clob_pair_id", f"{pair_id} has a second entry")
        entry.done()
        content.trades[pair_id] = trades


def _read_reached(reader: Reader, content: Content) -> None:
    for entry in reader.objects("reached"):
        key = ReachedKey(
            entry.integer("height", 0, UINT64_MAX), entry.integer("clob_pair_id", 0, UINT32_MAX), entry.boolean("rises", default=False)
        )
        subticks = entry.integer("price_subticks", 1, UINT64_MAX)
        if key.clob_pair_id not in content.pairs:
            entry.problem("clob_pair_id", f"{key.clob_pair_id} is not listed in clob.clob_pairs")
        if key in content.reached:
            entry.problem("height", "this block, market and direction have a second entry")
        entry.done()
        content.reached[key] = subticks


def _read_fills(reader: Reader, content: Content) -> None:
    for entry in reader.objects("fills"):
        order_id = _read_id(entry, content.pairs, PLACED_FLAGS)
        fill = FillState(entry.integer("quantums", 1, UINT64_MAX), entry.integer("kept_until", 0, UINT64_MAX, 0))
        resting = content.orders.get(order_id)
        if (fill.kept_until == 0) == (order_id.flags == SHORT_TERM):
            entry.problem("kept_until", "must be a height for a short-term order and absent for another")
        if resting is None:
            entry.problem("client_id", "no such order rests")
        elif fill.quantums >= resting.quantums:
            entry.problem("quantums", f"the order rests and has only {resting.quantums}")
        if order_id in content.fills:
            entry.problem("client_id", "this order has a second entry")
        entry.done()
        content.fills[order_id] = fill


def _read_memory(reader: Reader, content: Content) -> None:
    """Cancels reach at most 40 blocks beyond theirs, fills 80: longer than that nothing is remembered."""
    memory: dict[int, dict[bytes, tuple[dict[int, int], dict[int, FillState]]]] = {}
    for entry in reader.objects("cancels"):
        order_id = _read_id(entry, content.pairs, (SHORT_TERM,))
        height = entry.integer("height", 0, UINT64_MAX)
        until = entry.integer("good_til_block", 1, height + SHORT_BLOCK_WINDOW if height <= UINT32_MAX - SHORT_BLOCK_WINDOW else UINT32_MAX)
        resting = content.orders.get(order_id)
        if resting is not None and resting.good_til <= until:
            entry.problem("good_til_block", "covers an order that rests")
        entry.done()
        block = memory.setdefault(height, {})
        block.setdefault(ORDER_ID.encode(order_id)[:ACCOUNT_BYTES], ({}, {}))[0][order_id.client_id] = until
    for entry in reader.objects("ended"):
        order_id = _read_id(entry, content.pairs, (SHORT_TERM,))
        height = entry.integer("height", 0, UINT64_MAX)
        fill = FillState(entry.integer("quantums", 1, UINT64_MAX), entry.integer("kept_until", 1, height + REMEMBERED_BLOCKS))
        entry.done()
        block = memory.setdefault(height, {})
        block.setdefault(ORDER_ID.encode(order_id)[:ACCOUNT_BYTES], ({}, {}))[1][order_id.client_id] = fill
    for height, accounts in memory.items():
        content.memory[height] = {account: Ended(*found) for account, found in accounts.items()}


def validate(section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
    """Reports every mistake of the section; each pair's perpetual and funding lot must fit sections `perp` and `funding`."""
    content, entries = _read(section, problems)
    perpetuals = _lots(whole)
    for pair_id, pair in content.pairs.items():
        if pair.perpetual_id not in perpetuals:
            entries[pair_id].problem("perpetual_id", f"{pair.perpetual_id} is not listed in perp.perpetuals")
            continue
        lot = perpetuals[pair.perpetual_id]
        if lot and pair.step_base_quantums % lot:
            entries[pair_id].problem("step_base_quantums", f"{pair.step_base_quantums} is not a multiple of the funding lot, {lot}")
    for pair_id in content.pairs:
        bids = [order.subticks for order_id, order in content.orders.items() if order_id.clob_pair_id == pair_id and order.is_buy]
        asks = [order.subticks for order_id, order in content.orders.items() if order_id.clob_pair_id == pair_id and not order.is_buy]
        if bids and asks and max(bids) >= min(asks):
            problems.add("clob.orders", f"the book of pair {pair_id} is crossed: bid {max(bids)}, ask {min(asks)}")


def _lots(whole: Mapping[str, Any]) -> dict[int, int]:
    """Perpetual id to its funding lot (0: section `funding` does not say; that is its own mistake to report)."""
    elsewhere = Problems()
    found = dict.fromkeys(
        (entry.integer("id", 0, UINT32_MAX) for entry in Reader(whole.get("perp"), "perp", elsewhere).objects("perpetuals")), 0
    )
    for entry in Reader(whole.get("funding"), "funding", elsewhere).objects("perpetuals"):
        perpetual_id = entry.integer("id", 0, UINT32_MAX)
        if perpetual_id in found:
            found[perpetual_id] = entry.integer("lot_base_quantums", 0, UINT64_MAX, 0)
    return found


def init(ctx: Context, state: ClobState, section: Any) -> None:
    """State as the (validated) section says; stateful orders that have expired by the chain's beginning are left out."""
    problems = Problems()
    content, _ = _read(section, problems)
    assert not problems.found, problems.found
    state.params.set(ctx, content.params)
    if content.equity_tiers != NO_TIERS:
        state.equity_tiers.set(ctx, content.equity_tiers)
    if content.rate_limits != NO_RATES:
        state.rate_limits.set(ctx, content.rate_limits)
    for pair_id, pair in content.pairs.items():
        state.pairs.set(ctx, pair_id, pair)
    for order_id, order in content.orders.items():
        # A chain may begin later than the state that it continues: what has expired by then is not taken over.
        if order_id.flags == SHORT_TERM or order.good_til > ctx.time_seconds:
            state.orders.set(ctx, order_id, order)
    for order_id, fill in content.fills.items():
        if state.orders.has(ctx, order_id):
            state.fills.set(ctx, order_id, fill)
    for order_id, order in content.waiting.items():
        if order.good_til > ctx.time_seconds:
            state.waiting.set(ctx, order_id, order)
    for order_id, twap in content.twaps.items():
        state.twaps.set(ctx, order_id, twap)
    for pair_id, trades in content.trades.items():
        state.trades.set(ctx, pair_id, trades)
    for key, subticks in content.reached.items():
        state.reached.set(ctx, key, subticks)
    for height, block in content.memory.items():
        state.memory.set(ctx, height, block)


def _id_fields(order_id: OrderId) -> dict[str, Any]:
    return {
        "owner": addresses.to_text(order_id.subaccount.owner),
        "number": order_id.subaccount.number,
        "client_id": order_id.client_id,
        "flags": order_id.flags,
        "clob_pair_id": order_id.clob_pair_id,
    }


def _order_fields(order: RestingOrder) -> dict[str, Any]:
    return {
        "side": _SIDES[0] if order.is_buy else _SIDES[1],
        "quantums": str(order.quantums),
        "subticks": str(order.subticks),
        "good_til": order.good_til,
        "time_in_force": TimeInForce(order.time_in_force).name,
        "client_metadata": order.client_metadata,
        "height": order.height,
        "placement": order.placement,
    } | ({} if order.extras is None else _extras_fields(order.extras))


def _extras_fields(extras: Extras) -> dict[str, Any]:
    found = {
        "condition": Condition(extras.condition).name if extras.condition else None,
        "trigger_subticks": str(extras.trigger_subticks) if extras.condition else None,
        "builder": addresses.to_text(extras.builder) if extras.builder else None,
        "builder_fee_ppm": extras.builder_fee_ppm if extras.builder else None,
        "router": addresses.to_text(extras.router) if extras.router else None,
        "reduce_only": True if extras.reduce_only else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _twap_fields(twap: TwapOrder) -> dict[str, Any]:
    return {
        **_order_fields(twap.placed),
        **twap.parameters._asdict(),
        "remaining_legs": twap.remaining_legs,
        "remaining_quantums": str(twap.remaining_quantums),
        "next_seconds": twap.next_seconds,
    }


def export(ctx: Context, state: ClobState) -> dict[str, Any]:
    """The section from which `init` builds this state; everything in key order."""
    return {
        "clob_pairs": [
            {
                "id": pair.id,
                "perpetual_id": pair.perpetual_id,
                "step_base_quantums": str(pair.step_base_quantums),
                "subticks_per_tick": pair.subticks_per_tick,
                "quantum_conversion_exponent": pair.quantum_conversion_exponent,
                "status": PairStatus(pair.status).name,
            }
            for _, pair in state.pairs.items(ctx)
        ],
        "params": state.params.require(ctx)._asdict(),
        **export_tables(state.equity_tiers.get(ctx) or NO_TIERS, state.rate_limits.get(ctx) or NO_RATES),
        "orders": [_id_fields(order_id) | _order_fields(order) for order_id, order in state.orders.items(ctx)],
        "fills": [
            _id_fields(order_id) | {"quantums": str(fill.quantums)} | ({"kept_until": fill.kept_until} if fill.kept_until else {})
            for order_id, fill in state.fills.items(ctx)
        ],
        "waiting": [_id_fields(order_id) | _order_fields(order) for order_id, order in state.waiting.items(ctx)],
        "twaps": [_id_fields(order_id) | _twap_fields(twap) for order_id, twap in state.twaps.items(ctx)],
        "trades": [
            {"clob_pair_id": pair_id, "height": trades.height, "lowest": str(trades.lowest), "highest": str(trades.highest)}
            for pair_id, trades in state.trades.items(ctx)
        ],
        "reached": [
            {"clob_pair_id": key.clob_pair_id, "height": key.height, "rises": key.rises, "price_subticks": str(subticks)}
            for key, subticks in state.reached.items(ctx)
        ],
        "cancels": [
            {"height": height} | _id_fields(order_id) | {"good_til_block": until}
            for height, account, ended in _remembered(ctx, state)
            for order_id, until in _by_id(account, ended.cancels)
        ],
        "ended": [
            {"height": height} | _id_fields(order_id) | {"quantums": str(fill.quantums), "kept_until": fill.kept_until}
            for height, account, ended in _remembered(ctx, state)
            for order_id, fill in _by_id(account, ended.fills)
        ],
    }


def _remembered(ctx: Context, state: ClobState) -> Iterator[tuple[int, bytes, Ended]]:
    for height, block in state.memory.items(ctx):
        for account in sorted(block):
            yield height, account, block[account]


def _by_id(account: bytes, values: Mapping[int, V]) -> Iterator[tuple[OrderId, V]]:
    """A block's values of one account with full ids, by client id."""
    example = ORDER_ID.decode(account + bytes(ORDER_ID.size - ACCOUNT_BYTES))
    for client_id in sorted(values):
        yield example._replace(client_id=client_id), values[client_id]
