"""A chain of one node on which single transactions are tried: staged in a block that is never committed, so that each finds the same state.

Every message that a user or the authority may send has a valid example here; a case is an example with some fields changed.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from modules.clob.model import pair_to_proto
from modules.kernel.context import Context
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.perpd.sequencer.v1 import tx_pb2 as sequencer
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import change_messages
from support.app_network import differences, snapshot
from support.authority_desk import AUTHORITY
from support.chain import make_validators
from support.chain import message as as_message
from support.clob_exchange import LINK_PRICE, STEP, TICK
from support.exchange import DOLLAR, USDC, Exchange, genesis
from support.markets import BTC, ETH, LINK
from support.price_desk import price_update, pushed, rotation, signed_update, sourced
from support.sequencing import Signer
from support.trader_messages import cancel_message, deposit_message, order_message, text_of, transfer_message

PRICE = 6_012_300_000
CAROL = {"address": AUTHORITY.text}
POOR = "bob"
"""200 USDC, of which his position of 100 steps needs 12."""
ROUTER = Signer("router")
LEAVES = ("auth/accounts", "auth/remembered", "bank/balances")
"""What a transaction that fails may change: its sequence, that its hash is remembered, and its fee."""


def stage_genesis(**sections: Any) -> dict[str, Any]:
    """The exchange of the stories: BTC and the isolated LINK have prices, ETH has none; carol is the authority. BTC takes signed prices and
    those that dave pushes, and votes before both.
    """
    collateral = {"alice": 50_000 * DOLLAR, POOR: 200 * DOLLAR, "dave": 50_000 * DOLLAR, "erin": 50_000 * DOLLAR}
    document = genesis(collateral=collateral, authority=CAROL)
    document["oracle"]["markets"][ETH]["price"] = "0"
    sourced(document["oracle"])
    document["fees"]["order_routers"] = [{"address": ROUTER.text, "share_ppm": 1}]
    return document | sections


class Stage(Exchange):
    """The chain, with some orders and positions when `prepare` has been called."""

    def __init__(self, directory: Any, app_state: dict[str, Any] | None = None) -> None:
        super().__init__(directory, stage_genesis() if app_state is None else app_state, nodes=1)
        self.signers = {route.message.DESCRIPTOR.full_name: route.signer for route in self.wiring.messages}

    def prepare(self) -> None:
        """Alice has long-term orders 1 and 6, a short-term order 2, a conditional order 7 and a TWAP order 8. Erin is long a step
        of BTC, bob a hundred, dave short; erin's IOC order 4 is filled in part, her order 3 completely. Alice is long a step of LINK.
        """
        self.block(
            self.long_term("alice", 1, "buy", 10 * STEP, PRICE - 1000 * TICK),
            self.long_term("alice", 6, "sell", STEP, PRICE + 50 * TICK),
            self.limit("alice", 2, "buy", 10 * STEP, PRICE - 1000 * TICK, good_til_block=self.next_height + 20),
            self.sign("alice", self.conditional(7)),
            self.sign("alice", self.twap(8)),
            self.limit("dave", 3, "sell", STEP, PRICE, good_til_block=self.next_height + 40),
            self.limit("dave", 5, "sell", 2 * STEP, LINK_PRICE, pair=LINK, number=1, good_til_block=self.next_height + 40),
            self.deposit("dave", 1_000 * DOLLAR, 1),
            self.deposit("alice", 1_000 * DOLLAR, 1),
        )
        self.block(self.limit("erin", 4, "buy", 5 * STEP, PRICE, tif="ioc"))
        self.block(self.limit("dave", 4, "sell", 100 * STEP, PRICE), self.limit("alice", 5, "buy", STEP, LINK_PRICE, pair=LINK, number=1))
        self.block(self.limit(POOR, 3, "buy", 100 * STEP, PRICE, tif="ioc"))

    def conditional(self, client_id: int = 70, **changes: Any) -> Any:
        """A stop-loss buy far above."""
        message = order_message("alice", client_id, "buy", STEP, PRICE, good_til_time=self.next_seconds + 3_600)
        message.order.order_id.order_flags = 32
        message.order.condition_type = 1
        message.order.conditional_order_trigger_subticks = PRICE + 10_000 * TICK
        return put(message, changes)

    def twap(self, client_id: int = 80, **changes: Any) -> Any:
        """A TWAP buy far below, in ten slices."""
        message = order_message("alice", client_id, "buy", 100 * STEP, PRICE - 2_000 * TICK, good_til_time=self.next_seconds + 3_600)
        message.order.order_id.order_flags = 128
        message.order.twap_parameters.duration, message.order.twap_parameters.interval = 300, 30
        return put(message, changes)

    def order(self, client_id: int = 60, name: str = "alice", side: str = "buy", **changes: Any) -> Any:
        """A short-term order that would rest."""
        good_til: dict[str, Any] = {} if "good_til_time" in changes else {"good_til_block": self.next_height + 10}
        arguments = {key: changes.pop(key) for key in tuple(changes) if key in ("tif", "reduce_only", "pair", "number", "good_til_time")}
        return put(order_message(name, client_id, side, STEP, PRICE - 900 * TICK, **good_til, **arguments), changes)

    def long(self, client_id: int = 61, name: str = "alice", side: str = "buy", **changes: Any) -> Any:
        """A long-term order that would rest."""
        return self.order(client_id, name, side, good_til_time=self.next_seconds + 3_600, **changes)

    def signed(self, message: Any, **changes: Any) -> bytes:
        """In the name of whom the message names, or of alice where that is nobody; short-term ones without a sequence of their own."""
        named = self.names.get(self.signers[message.DESCRIPTOR.full_name](message), "alice")
        return self.sign(named, message, sequenced=not is_short_term(message), **changes)

    # Trying

    @property
    def staged_ctx(self) -> Context:
        """The first application's state with the block that it has staged."""
        return Context(self.apps[0].state, self.next_height, self.chain.time_ns + self.chain.block_seconds_ns, self.chain.chain_id)

    def tried(self, *txs: bytes, staged: Callable[[], Any] | None = None) -> abci.ExecTxResult:
        """The result of the last of them in a block with all. If it fails, the block is as without it but for what a failure leaves.

        `staged` is called while the block is staged.
        """
        app = self.apps[0]
        *others, last = txs
        before = [*self.chain.prepare([]), *others]
        without = self.chain.finalize(before, app)
        state = snapshot(app)
        response = self.chain.finalize([*before, last], app)
        result: abci.ExecTxResult = response.tx_results[-1]
        after = snapshot(app)
        if staged is not None:
            staged()
        self._sequences.clear()
        self.chain.prepare([])  # a proposal is made on committed state: what was staged is undone
        assert "change_refused" not in [event.type for event in response.events]
        if result.code:
            changed = differences(app, state, after)
            assert set(changed) <= set(LEAVES), f"{result.codespace}/{result.code} has changed {changed}"
            assert list(response.events) == list(without.events)
            assert list(result.events) == [] or {event.type for event in result.events} == {"tx"}
            if result.codespace == "sequencer":
                assert response.app_hash == without.app_hash
        return result

    def checked(self, tx: bytes) -> abci.ResponseCheckTx:
        """What CheckTx says."""
        answer: abci.ResponseCheckTx = as_message(self.apps[0].check_tx(tx, False), abci.ResponseCheckTx)
        return answer

    def told(self, *txs: bytes, staged: Callable[[], Any] | None = None) -> abci.ExecTxResult | abci.ResponseCheckTx:
        """What the sender of the last one is told: by CheckTx where no block takes it, else by the block; `staged` as above."""
        result = self.tried(*txs, staged=staged)
        return self.checked(txs[-1]) if result.codespace == "sequencer" else result


def is_short_term(message: Any) -> bool:
    """Whether it is protected by its good-til-block instead of a sequence."""
    if isinstance(message, clob.MsgBatchCancel):
        return True
    if isinstance(message, clob.MsgPlaceOrder):
        return bool(message.order.order_id.order_flags == 0)
    return isinstance(message, clob.MsgCancelOrder) and message.order_id.order_flags == 0


def put(message: Any, changes: dict[str, Any]) -> Any:
    """The message with fields set by path, `order__quantums` or `order.quantums`; digits count in lists, None takes the field away."""
    for path, value in changes.items():
        *way, last = path.replace("__", ".").split(".")
        target = message
        for step in way:
            target = target[int(step)] if step.isdigit() else getattr(target, step)
        if value is None:
            target.ClearField(last)
        elif last.isdigit():
            target[int(last)] = value
        elif isinstance(value, list):
            del getattr(target, last)[:]
            getattr(target, last).extend(value)
        elif isinstance(value, Message):
            getattr(target, last).CopyFrom(value)
        else:
            setattr(target, last, value)
    return message


# A valid example of every message


def _send(_: Stage) -> Any:
    message = bank.MsgSend(from_address=text_of("alice"), to_address=text_of("dave"))
    message.amount.add(denom=USDC, amount="1")
    return message


def _withdrawal(_: Stage) -> Any:
    message = transfer_pb2.MsgWithdrawFromSubaccount(recipient=text_of("alice"), quantums=1)
    message.sender.owner = text_of("alice")
    return message


def _cancel(stage: Stage) -> Any:
    message = cancel_message("alice", 2)
    message.good_til_block = stage.next_height + 30
    return message


def _batch(stage: Stage) -> Any:
    message = clob.MsgBatchCancel(good_til_block=stage.next_height + 30)
    message.subaccount_id.owner = text_of("alice")
    message.short_term_cancels.add(clob_pair_id=BTC, client_ids=[2, 3])
    return message


def _leverage(_: Stage) -> Any:
    message = clob.MsgUpdateLeverage()
    message.subaccount_id.owner = text_of("alice")
    message.clob_pair_leverage.add(clob_pair_id=BTC, custom_imf_ppm=50_000)
    return message


def pair_change(stage: Exchange, pair_id: int = BTC, **changes: Any) -> Any:
    """A pair as it is, but for these fields."""
    found = stage.wiring.clob.keeper.pair(stage.ctx, pair_id)
    assert found is not None
    message = clob.MsgUpdateClobPair(authority=AUTHORITY.text)
    message.clob_pair.CopyFrom(pair_to_proto(found))
    return put(message, changes)


def block_limits(stage: Exchange, **changes: Any) -> Any:
    """The limits of blocks as they are, but for these fields."""
    message = sequencer.MsgUpdateParams(authority=AUTHORITY.text)
    for name, value in stage.wiring.consensus.keeper.params(stage.ctx)._asdict().items():
        put(message.params, {name: list(value) if isinstance(value, tuple) else value})
    return put(message, changes)


def validators(*powers: tuple[int, int]) -> Any:
    """New powers of the mock network's validators by number."""
    message = change_messages.validators()
    keys = [one.public_key for one in make_validators(8)]
    for number, power in powers:
        message.validators.add(public_key=keys[number], power=power)
    return message


def all_windows() -> Any:
    """A window of every class, the deprecated ones too."""
    message = clob.MsgUpdateBlockRateLimitConfiguration(authority=AUTHORITY.text)
    for field in message.block_rate_limit_config.DESCRIPTOR.fields:
        getattr(message.block_rate_limit_config, field.name).add(num_blocks=1, limit=1_000)
    return message


def both_tables() -> Any:
    """A tier in each table of equity tiers."""
    message = clob.MsgUpdateEquityTierLimitConfiguration(authority=AUTHORITY.text)
    for field in message.equity_tier_limit_config.DESCRIPTOR.fields:
        getattr(message.equity_tier_limit_config, field.name).add(usd_tnc_required=b"\x02", limit=1_000)
    return message


def fee_tiers() -> Any:
    """Two tiers."""
    message = change_messages.fee_tiers(500)
    message.params.tiers.add(name="2", absolute_volume_requirement=1, taker_fee_ppm=400)
    return message


def update(stage: Stage) -> Any:
    """BTC as it is, published as the next block begins, by two signers."""
    return signed_update(stage.chain.chain_id, price_update(PRICE, stage.next_seconds * 10**9))


EXAMPLES: dict[str, Callable[[Stage], Any]] = {
    "cosmos.bank.v1beta1.MsgSend": _send,
    "dydxprotocol.sending.MsgDepositToSubaccount": lambda _: deposit_message("alice", 1),
    "dydxprotocol.sending.MsgWithdrawFromSubaccount": _withdrawal,
    "dydxprotocol.sending.MsgCreateTransfer": lambda _: transfer_message("alice", 1, 0, "alice", 2),
    "dydxprotocol.clob.MsgPlaceOrder": lambda stage: stage.order(),
    "dydxprotocol.clob.MsgCancelOrder": _cancel,
    "dydxprotocol.clob.MsgBatchCancel": _batch,
    "dydxprotocol.clob.MsgUpdateLeverage": _leverage,
    "perpd.oracle.v1.MsgUpdatePrices": update,
    "perpd.oracle.v1.MsgPushPrice": lambda _: pushed(PRICE),
    "perpd.oracle.v1.MsgRotateSigners": lambda _: rotation(),
    "perpd.consensus.v1.MsgUpdateValidators": lambda _: validators((0, 20)),
    "perpd.sequencer.v1.MsgUpdateParams": block_limits,
    "dydxprotocol.prices.MsgUpdateMarketParam": lambda _: change_messages.market(),
    "dydxprotocol.perpetuals.MsgSetLiquidityTier": lambda _: change_messages.tier(),
    "dydxprotocol.perpetuals.MsgUpdatePerpetualParams": lambda _: change_messages.perpetual(),
    "dydxprotocol.perpetuals.MsgUpdateParams": lambda _: change_messages.funding(),
    "perpd.subaccounts.v1.MsgUpdateGatingParams": lambda _: change_messages.gate(300, 5),
    "dydxprotocol.feetiers.MsgUpdatePerpetualFeeParams": lambda _: fee_tiers(),
    "dydxprotocol.feetiers.MsgSetMarketFeeDiscountParams": lambda stage: change_messages.discount(stage.next_seconds, 500_000),
    "dydxprotocol.clob.MsgUpdateClobPair": pair_change,
    "dydxprotocol.clob.MsgUpdateEquityTierLimitConfiguration": lambda _: both_tables(),
    "dydxprotocol.clob.MsgUpdateBlockRateLimitConfiguration": lambda _: all_windows(),
    "perpd.clob.v1.MsgUpdateParams": lambda _: change_messages.book_limits(1_000, 1_000, 0),
    "dydxprotocol.clob.MsgUpdateLiquidationsConfig": lambda _: change_messages.liquidations(),
    "perpd.liquidation.v1.MsgUpdateParams": lambda _: change_messages.engine_limits(50, 10, 100, 10),
}
"""By name; valid on a stage that has been prepared."""
