"""The real modules under the same questions as the slow chain: protobuf through its routes, blocks as the executor runs them."""

from collections.abc import Mapping
from typing import Any

from modules.clob.model import CancelOrder, OrderId, PlaceOrder
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import Problems
from modules.kernel.units import Address, SubaccountId
from modules.oracle.model import PriceVote
from node.store.state import LiveState
from node.wiring import Wiring
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending_pb2
from support.slow.order import CANCEL
from support.slow.wire import address_text
from support.slow.world import SHORT_TERM, Account, Order

FIRST_HEIGHT = 100
START_NS = 1_700_000_000_000_000_000


class RealChain:
    """All modules over one state in memory."""

    def __init__(self, genesis: Mapping[str, Any]) -> None:
        self.wiring = Wiring()
        problems = Problems()
        for module in self.wiring.modules:
            module.validate_genesis(genesis.get(module.name, {}), problems, genesis)
        assert problems.found == []
        self.state = LiveState(self.wiring.registry)
        self.ctx = Context(self.state, FIRST_HEIGHT, START_NS, "test-1")
        self.wiring.init_genesis(self.ctx, genesis)
        self.wiring.funding.keeper.begin_block(self.ctx)
        self.state.forget()
        self.ctx.events.clear()
        self.routes = {route.message.DESCRIPTOR.full_name: route for route in self.wiring.messages}
        self.due: Any = ()
        self.told = 0

    def begin(self, height: int, time_ns: int, prices: Mapping[int, int]) -> dict[int, int]:
        """The next block with these oracle prices; the funding indexes by perpetual."""
        wiring = self.wiring
        self.state.forget()
        self.ctx = ctx = Context(self.state, height, time_ns, "test-1")
        self.told = 0
        wiring.oracle.keeper.apply_votes(ctx, [PriceVote(1, tuple(sorted(prices.items())))], 1)
        wiring.perp.keeper.mark.begin_block(ctx)
        ctx.scratch.clear()
        wiring.funding.keeper.begin_block(ctx)
        self.due = wiring.clob.keeper.begin_block(ctx)
        return {perpetual: wiring.funding.keeper.index(ctx, perpetual) for perpetual in prices}

    def engine(self) -> None:
        """What triggered and the slices; no liquidation."""
        self.wiring.clob.keeper.run_due(self.ctx, self.due)

    def end(self) -> None:
        """Step 7; afterwards every invariant of every module holds."""
        wiring = self.wiring
        wiring.clob.keeper.end_block(self.ctx)
        wiring.fees.keeper.end_block(self.ctx)
        broken = wiring.check_invariants(self.ctx) + wiring.subaccounts.keeper.conservation(self.ctx)
        assert broken == []

    def run(self, messages: list[Any], lane: int, placed_later: list[Any]) -> tuple[str, int]:
        """One transaction of protobuf messages, as the executor runs it: (codespace, code)."""
        mark = self.ctx.mark()
        try:
            for message in messages:
                route = self.routes[message.DESCRIPTOR.full_name]
                command = route.decode(message)
                if lane == CANCEL and isinstance(command, CancelOrder) and command.id in placed_later:
                    command = command._replace(placed_later=True)
                route.execute(self.ctx, command)
        except ChainError as error:
            self.ctx.undo(mark)
            return error.codespace, error.code
        return "", 0

    def placements(self, messages: list[Any]) -> list[OrderId]:
        """Ids of stateful orders that these messages place, as the executor collects them."""
        found = []
        for message in messages:
            try:
                command = self.routes[message.DESCRIPTOR.full_name].decode(message)
            except ChainError:
                continue
            if isinstance(command, PlaceOrder) and command.order.id.flags != SHORT_TERM:
                found.append(command.order.id)
        return found

    def take_log(self) -> list[tuple[Any, ...]]:
        """What events tell of orders since it was last asked."""
        events, self.told = self.ctx.events[self.told :], len(self.ctx.events)
        log: list[tuple[Any, ...]] = []
        for kind, values in events:
            row = dict(zip(kind.keys, values, strict=True))
            match kind.type:
                case "order_fill":
                    log.append(("fill", row["taker_order"], row["maker_order"], row["subticks"], row["quantums"]))
                case "order_removed":
                    log.append(("ended", row["order"], row["reason"]))
                case "order_expired":
                    log.append(("ended", row["order"], "EXPIRED"))
                case "order_cancelled":
                    if row["removed"]:
                        log.append(("ended", row["order"], "CANCELLED"))
                case "conditional_triggered":
                    log.append(("triggered", row["order"]))
                case "twap_slice":
                    log.append(("slice", row["order"], row["remaining_legs"], row["remaining_quantums"], row["slice_quantums"]))
        return log

    def book(self, pair: int, *, buys: bool) -> list[tuple[OrderId, int, int, int]]:
        """One side in matching order: (id, subticks, quantums, filled)."""
        found = self.wiring.clob.keeper.book(self.ctx, pair)
        return [
            (order_id, order.subticks, order.quantums, order.quantums - remaining)
            for level in (found.bids if buys else found.asks)
            for order_id, order, remaining in level.orders
        ]

    def waiting(self, account: Account) -> list[OrderId]:
        """Conditional orders of a subaccount that have not triggered, by id."""
        return sorted(self.wiring.clob.keeper.waiting_orders(self.ctx, SubaccountId(Address(account[0]), account[1])))

    def parents(self, account: Account) -> list[tuple[OrderId, int, int, int]]:
        """TWAP orders of a subaccount by id: legs and base quantums left, when the next is due (unix seconds)."""
        clob = self.wiring.clob.keeper
        found = []
        for order_id in sorted(clob.twap_orders(self.ctx, SubaccountId(Address(account[0]), account[1]))):
            twap = clob.twap(self.ctx, order_id)
            assert twap is not None
            found.append((order_id, twap.remaining_legs, twap.remaining_quantums, twap.next_seconds))
        return found

    def account(self, account: Account) -> tuple[int, dict[int, int]]:
        """Collateral with funding settled, and positions."""
        settled = self.wiring.subaccounts.keeper.settled(self.ctx, SubaccountId(Address(account[0]), account[1]))
        return settled.collateral, {row[0]: row[1] for row in settled.rows}

    def risk(self, account: Account) -> tuple[int, int, int]:
        """Net collateral, initial and maintenance requirement of a subaccount, funding settled."""
        risk = self.wiring.subaccounts.keeper.risk(self.ctx, SubaccountId(Address(account[0]), account[1]))
        return risk.net_collateral, risk.initial, risk.maintenance

    def wallet(self, address: bytes) -> int:
        """Quote quantums in a bank account."""
        return self.wiring.bank.keeper.balance(self.ctx, Address(address))

    def module_balance(self, name: str) -> int:
        """Quote quantums of a module account."""
        return self.wiring.bank.keeper.balance(self.ctx, addresses.of_module(name))


def protobuf(message: dict[str, Any]) -> Any:
    """A message of the slow chain on the wire."""
    match message["kind"]:
        case "place":
            return clob_pb2.MsgPlaceOrder(order=order_message(message["order"]))
        case "cancel":
            cancel = clob_pb2.MsgCancelOrder(order_id=_name(message["name"]))
            field = "good_til_block" if message["name"][2] == SHORT_TERM else "good_til_block_time"
            setattr(cancel, field, message["good_til"])
            return cancel
        case "batch_cancel":
            batch = clob_pb2.MsgBatchCancel(good_til_block=message["good_til"])
            batch.subaccount_id.owner, batch.subaccount_id.number = _account(message["account"])
            for pair, client_ids in message["batches"]:
                batch.short_term_cancels.add(clob_pair_id=pair, client_ids=client_ids)
            return batch
        case "leverage":
            update = clob_pb2.MsgUpdateLeverage()
            update.subaccount_id.owner, update.subaccount_id.number = _account(message["account"])
            for pair, ppm in message["entries"]:
                update.clob_pair_leverage.add(clob_pair_id=pair, custom_imf_ppm=ppm)
            return update
        case "deposit":
            deposit = transfer_pb2.MsgDepositToSubaccount(sender=address_text(message["sender"]), quantums=message["amount"])
            deposit.recipient.owner, deposit.recipient.number = _account(message["recipient"])
            return deposit
        case "withdraw":
            withdrawal = transfer_pb2.MsgWithdrawFromSubaccount(recipient=address_text(message["recipient"]), quantums=message["amount"])
            withdrawal.sender.owner, withdrawal.sender.number = _account(message["sender"])
            return withdrawal
    moved = sending_pb2.MsgCreateTransfer()
    moved.transfer.amount = message["amount"]
    moved.transfer.sender.owner, moved.transfer.sender.number = _account(message["sender"])
    moved.transfer.recipient.owner, moved.transfer.recipient.number = _account(message["recipient"])
    return moved


def _account(account: Account) -> tuple[str, int]:
    return address_text(account[0]), account[1]


def _name(name: Any) -> Any:
    pair, account, flags, client_id = name
    found = order_pb2.OrderId(client_id=client_id, order_flags=flags, clob_pair_id=pair)
    found.subaccount_id.owner, found.subaccount_id.number = _account(account)
    return found


def order_message(order: Order) -> Any:
    """An order on the wire."""
    message = order_pb2.Order(
        order_id=_name(order.name),
        side=1 if order.buys else 2,  # type: ignore[arg-type]
        quantums=order.quantums,
        subticks=order.subticks,
        time_in_force=order.time_in_force,  # type: ignore[arg-type]
        reduce_only=order.reduce_only,
        condition_type=order.condition,  # type: ignore[arg-type]
        conditional_order_trigger_subticks=order.trigger,
    )
    message.order_id.subaccount_id.SetInParent()
    if order.flags == SHORT_TERM:
        message.good_til_block = order.good_til
    else:
        message.good_til_block_time = order.good_til
    if order.twap is not None:
        parameters = message.twap_parameters
        parameters.duration, parameters.interval, parameters.price_tolerance = order.twap
    if order.builder is not None:
        message.builder_code_parameters.builder_address = address_text(order.builder[0])
        message.builder_code_parameters.fee_ppm = order.builder[1]
    if order.router is not None:
        message.order_router_address = address_text(order.router)
    return message
