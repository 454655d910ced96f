"""One act per kind of order: each is placed by frank, and what the chain makes of it is checked before the next."""

from typing import Any

from node.client import messages
from node.client.amounts import shown_usdc, usdc
from node.client.client import Included
from node.client.errors import TxFailedError
from node.client.messages import CHILDREN_STEP, Builder, Condition, TimeInForce, Trigger
from node.client.outcome import order_outcome
from node.demo.stage import TAKER_BLOCKS, Actor, Stage
from node.failure import Failure
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as perpd_clob

ACTOR = ("frank", "every kind", "5000")
BUILDER = "grace"
BUILDER_FEE_PPM = 1_000
TRADED_VALUE = usdc("1000")
ISOLATED_COLLATERAL = usdc("200")
TWAP_DURATION_SECONDS, TWAP_INTERVAL_SECONDS, TWAP_TOLERANCE_PPM = 300, 30, 20_000
MOVE_PPM = 3_000
"""How far the price is moved to set off a trigger; far less than would endanger anybody."""
SLIPPAGE_PPM = 20_000
_FILLED = perpd_clob.ORDER_STATUS_FILLED


def show(stage: Stage, price: int, size: int) -> dict[str, Any]:
    """Plays all kinds with orders of that size (base quantums) around an oracle price. Raises Failure for any surprise."""
    frank = stage.actors[ACTOR[0]]
    facts = {
        "replaced": _short_term(stage, frank, price, size),
        "reduce_only": _reduce_only(stage, frank, price, size),
        "stop_loss": _triggered(stage, frank, price, size, Condition.STOP_LOSS),
        "take_profit": _triggered(stage, frank, price, size, Condition.TAKE_PROFIT),
        "twap": _twap(stage, frank, price, size),
        "builder": _builder(stage, frank, price, size),
        "isolated": _isolated(stage, frank, price, size),
        "refused": _leverage(stage, frank, price, size),
    }
    _expect(_held(stage, frank.wallet.address, frank.number) == 0, "frank holds a position after all kinds of orders")
    return facts


def _order(stage: Stage, actor: Actor, size: int, offset_ppm: int, price: int, *, is_buy: bool, **kind: Any) -> order_pb2.Order:
    """An order of the actor, in a new number."""
    stage.client_id += 1
    number = kind.pop("number", actor.number)
    client_id = kind.pop("client_id", stage.client_id)
    subticks = stage.market.subticks_near(price, offset_ppm)
    address = actor.wallet.address
    return messages.order(stage.market, address, number, client_id, is_buy=is_buy, quantums=size, subticks=subticks, **kind)


def _ioc(stage: Stage, actor: Actor, size: int, price: int, *, is_buy: bool, **kind: Any) -> order_pb2.Order:
    """A taker that ends at once, with room for the makers' spread."""
    offset = SLIPPAGE_PPM if is_buy else -SLIPPAGE_PPM
    until = stage.client(actor).height + TAKER_BLOCKS
    return _order(
        stage, actor, size, offset, price, is_buy=is_buy, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL, good_til_block=until, **kind
    )


def _place(stage: Stage, actor: Actor, order: order_pb2.Order) -> Included:
    included = stage.client(actor).place(actor.wallet, order)
    stage.reach(included.height)
    return included


def _fill(stage: Stage, actor: Actor, size: int, price: int, *, is_buy: bool, **kind: Any) -> int:
    """The height at which an IOC order filled completely."""
    order = _ioc(stage, actor, size, price, is_buy=is_buy, **kind)
    included = _place(stage, actor, order)
    outcome = order_outcome(order.order_id, included)
    _expect(outcome.filled_quantums == size, f"frank's order filled {outcome.filled_quantums} of {size}: {outcome.reason}")
    return included.height


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failure(f"{otherwise}.")


def _held(stage: Stage, address: str, number: int) -> int:
    return stage.clients[0].latest.risk(address, number).position(stage.market.perpetual_id)


def _status(stage: Stage, order: order_pb2.Order) -> perpd_clob.QueryOrderResponse:
    found = stage.clients[0].latest.order(order.order_id)
    if found is None:
        raise Failure("an order that was placed a moment ago is not known.")
    return found


def _ended(stage: Stage, order: order_pb2.Order, what: str) -> perpd_clob.QueryOrderResponse:
    """The order has ended, as the chain tells it."""

    def look() -> perpd_clob.QueryOrderResponse | None:
        found = _status(stage, order)
        return None if found.open else found

    return stage.wait(what, look)


def _short_term(stage: Stage, frank: Actor, price: int, size: int) -> int:
    """A bid is replaced by a larger one in the same number, and a batch cancel takes it off."""
    market, height = stage.market, stage.client(frank).height
    first = _order(stage, frank, size, -SLIPPAGE_PPM, price, is_buy=True, good_til_block=height + TAKER_BLOCKS)
    client_id = first.order_id.client_id
    _place(stage, frank, first)
    until = height + TAKER_BLOCKS + 1
    second = _order(stage, frank, 2 * size, -SLIPPAGE_PPM, price, is_buy=True, good_til_block=until, client_id=client_id)
    replaced = _place(stage, frank, second)
    left = int(_status(stage, second).order.remaining_quantums)
    _expect(left == 2 * size, f"frank's replacement shows {left} base quantums")
    stage.tell(f"short-term: frank's bid for {market.shown_size(size)} is replaced by one for {market.shown_size(left)}", replaced.height)
    cancelled = stage.client(frank).batch_cancel(frank.wallet, frank.number, [(market, [client_id])], until)
    stage.reach(cancelled.height)
    status = _status(stage, second).status
    _expect(status == perpd_clob.ORDER_STATUS_CANCELLED, f"a cancelled order has status {status}")
    stage.tell("batch cancel: it is off the book, and its number cannot come back", cancelled.height)
    return replaced.height


def _reduce_only(stage: Stage, frank: Actor, price: int, size: int) -> int:
    """A reduce-only order ten times the position closes it and does not flip it."""
    market = stage.market
    _fill(stage, frank, size, price, is_buy=True)
    order = _ioc(stage, frank, 10 * size, price, is_buy=False, reduce_only=True)
    included = _place(stage, frank, order)
    filled = order_outcome(order.order_id, included).filled_quantums
    _expect(filled == size, f"a reduce-only order filled {filled}, not the {size} of the position")
    _expect(_held(stage, frank.wallet.address, frank.number) == 0, "a reduce-only order left a position")
    sizes = f"{market.shown_size(10 * size)} closes {market.shown_size(size)}"
    stage.tell(f"reduce-only: an order for {sizes} and flips nothing", included.height)
    return included.height


def _triggered(stage: Stage, frank: Actor, price: int, size: int, condition: Condition) -> int:
    """A long is closed by a conditional order when the oracle price reaches its trigger."""
    market = stage.market
    stop = condition is Condition.STOP_LOSS
    name = "stop-loss" if stop else "take-profit"
    moved = price * (1_000_000 + (-MOVE_PPM if stop else MOVE_PPM)) // 1_000_000
    _fill(stage, frank, size, price, is_buy=True)
    trigger = market.subticks_near(price, (-MOVE_PPM if stop else MOVE_PPM) // 2)
    order = _order(
        stage,
        frank,
        size,
        -SLIPPAGE_PPM,
        price,
        is_buy=False,
        good_til_seconds=stage.until(frank),
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
        reduce_only=True,
        trigger=Trigger(condition, trigger),
    )
    placed = _place(stage, frank, order)
    waiting = _status(stage, order).status
    _expect(waiting == perpd_clob.ORDER_STATUS_UNTRIGGERED, f"a {name} order that waits has status {waiting}")
    stage.tell(f"{name}: frank sells when the price reaches {market.shown_price(trigger)}", placed.height)
    stage.set_price(moved)
    ended = _ended(stage, order, f"the {name} order")
    _expect(ended.status == _FILLED, f"the {name} order ended with status {ended.status} {ended.reason}")
    _expect(_held(stage, frank.wallet.address, frank.number) == 0, f"the {name} order left a position")
    stage.tell(f"{name}: the price is {market.shown_oracle_price(moved)}, the engine has sold {market.shown_size(size)}", ended.height)
    stage.set_price(price)
    return ended.height


def _twap(stage: Stage, frank: Actor, price: int, size: int) -> int:
    """The first slice of a TWAP order fills; the parent is cancelled, and what was bought is sold."""
    market = stage.market
    stage.client_id += 1
    slices = TWAP_DURATION_SECONDS // TWAP_INTERVAL_SECONDS
    order = messages.twap(
        market,
        frank.wallet.address,
        frank.number,
        stage.client_id,
        is_buy=True,
        quantums=slices * size,
        subticks=0,
        good_til_seconds=stage.until(frank),
        duration_seconds=TWAP_DURATION_SECONDS,
        interval_seconds=TWAP_INTERVAL_SECONDS,
        tolerance_ppm=TWAP_TOLERANCE_PPM,
    )
    placed = _place(stage, frank, order)
    stage.tell(f"TWAP: frank buys {market.shown_size(slices * size)} in {slices} slices", placed.height)
    held = stage.wait("the first slice of the TWAP order", lambda: _held(stage, frank.wallet.address, frank.number) or None)
    _expect(held == size, f"the first slice bought {held}, not {size}")
    cancelled = stage.client(frank).cancel(frank.wallet, order.order_id, good_til_seconds=order.good_til_block_time)
    stage.reach(cancelled.height)
    stage.tell(f"TWAP: the first slice has bought {market.shown_size(held)}; frank cancels the others", cancelled.height)
    _fill(stage, frank, held, price, is_buy=False)
    return cancelled.height


def _builder(stage: Stage, frank: Actor, price: int, size: int) -> int:
    """A fee on top of the fill goes to the builder's bank account, to the quantum."""
    ask = stage.clients[0].latest
    denom = ask.usdc_denom()
    address = stage.address(BUILDER)
    before = ask.balance(address, denom)
    order = _ioc(stage, frank, size, price, is_buy=True, builder=Builder(address, BUILDER_FEE_PPM))
    included = _place(stage, frank, order)
    outcome = order_outcome(order.order_id, included)
    expected = sum(-(-stage.market.quote(fill.quantums, fill.subticks) * BUILDER_FEE_PPM // 1_000_000) for fill in outcome.fills)
    received = ask.balance(address, denom) - before
    _expect(received == expected > 0, f"{BUILDER} received {received} quote quantums as a builder, and {expected} were due")
    stage.tell(f"builder code: {BUILDER} receives {shown_usdc(received)} USDC on top of frank's fee", included.height)
    _fill(stage, frank, outcome.filled_quantums, price, is_buy=False)
    return included.height


def _isolated(stage: Stage, frank: Actor, price: int, size: int) -> int:
    """A position in a child subaccount has only the collateral that was moved there."""
    client, child = stage.client(frank), frank.number + CHILDREN_STEP
    address = frank.wallet.address
    moved = messages.transfer(address, frank.number, address, child, ISOLATED_COLLATERAL)
    order = _order(stage, frank, size, SLIPPAGE_PPM, price, is_buy=True, good_til_seconds=stage.until(frank), number=child)
    included = client.send(frank.wallet, moved, messages.place(order))
    stage.reach(included.height)
    filled = order_outcome(order.order_id, included).filled_quantums
    _expect(filled == size, f"the isolated order filled {filled} of {size}")
    risk = stage.clients[0].latest.risk(address, child)
    said = f"{shown_usdc(ISOLATED_COLLATERAL)} USDC moved to subaccount {child}, which buys {stage.market.shown_size(filled)}"
    stage.tell(f"isolated: {said} and is worth {shown_usdc(risk.net_collateral)}", included.height)
    _fill(stage, frank, size, price, is_buy=False, number=child)
    left = stage.clients[0].latest.risk(address, child).settled_collateral
    back = client.transfer(frank.wallet, child, address, frank.number, left)
    stage.reach(back.height)
    stage.tell(f"isolated: closed, and {shown_usdc(left)} USDC come back", back.height)
    return included.height


def _leverage(stage: Stage, frank: Actor, price: int, size: int) -> int:
    """An account's own limit of leverage holds: an order beyond it is refused as unaffordable, and leaves nothing."""
    market, client = stage.market, stage.client(frank)
    chosen = client.send(frank.wallet, messages.leverage(frank.wallet.address, frank.number, [(market, 1_000_000)]))
    stage.reach(chosen.height)
    worth = stage.risk(frank).net_collateral
    too_much = size * (2 * worth // max(1, market.quote(size, market.subticks_near(price, 0))))
    order = _order(stage, frank, too_much, -SLIPPAGE_PPM, price, is_buy=True, good_til_seconds=stage.until(frank))
    try:
        client.place(frank.wallet, order)
    except TxFailedError as error:
        _expect((error.codespace, error.code) == ("clob", 3007), f"an order beyond frank's leverage failed with {error}")
    else:
        raise Failure("an order beyond frank's own leverage was accepted.")
    stage.tell(f"leverage: with at most 1x, frank's order for {market.shown_size(too_much)} is refused (clob 3007)", chosen.height)
    return chosen.height
