"""Pushed prices: one named address per market says when it has moved, and now and then that it has not (in the manner of Chainlink)."""

from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import MILLION, NANOSECONDS_PER_SECOND
from modules.oracle import errors
from modules.oracle.choice import SourceChoice
from modules.oracle.events import PRICE_REPORTED
from modules.oracle.sources import Push, Source, SourcePrice
from modules.oracle.state import OracleState


def is_due(last: SourcePrice | None, price: int, now_ns: int, deviation_ppm: int, heartbeat_seconds: int) -> bool:
    """ORACLE-36: it is the first push, at least so many ppm away from the last one (exactly), or the heartbeat after it."""
    if last is None:
        return True
    moved = abs(price - last.price) * MILLION >= last.price * deviation_ppm
    return moved or now_ns - last.time_ns >= heartbeat_seconds * NANOSECONDS_PER_SECOND


def push(ctx: Context, state: OracleState, sources: SourceChoice, command: Push) -> bytes:
    """The price is what PUSH says of the market from the next block on. Raises prices 200, oracle 8, 14, 15."""
    market_id = command.market_id
    market = state.markets.get(ctx, market_id)
    if market is None:
        raise errors.MARKET_MISSING(f"market {market_id}")
    rules = state.sources.get(ctx, market_id)
    if rules is None or not sources.takes(ctx, market_id, Source.PUSH):
        raise errors.NOT_A_SOURCE(f"PUSH is no source of {market.ticker}")
    if command.sender != rules.pusher:
        raise errors.NOT_THE_PUSHER(f"{addresses.to_text(rules.pusher)} pushes {market.ticker}")
    last = sources.last(ctx, market_id, Source.PUSH)
    if not is_due(last, command.price, ctx.time_ns, rules.push_deviation_ppm, rules.push_heartbeat_seconds):
        assert last is not None
        raise errors.NOT_DUE(
            f"{market.ticker} was pushed at {last.price}; it takes {rules.push_deviation_ppm} ppm or {rules.push_heartbeat_seconds} seconds"
        )
    sources.record(ctx, market_id, Source.PUSH, SourcePrice(command.price, 0, ctx.time_ns, ctx.height))
    ctx.emit(PRICE_REPORTED, market_id, Source.PUSH.name, command.price, 0, ctx.time_ns)
    return b""
