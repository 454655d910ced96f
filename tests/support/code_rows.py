"""One row per registered code: the smallest transaction, or what else it takes, that is answered with exactly this code."""

from collections.abc import Callable
from typing import Any, NamedTuple

from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import change_messages as change
from support.authority_desk import AUTHORITY
from support.clob_exchange import LINK_PRICE, STEP, TICK
from support.exchange import DOLLAR, genesis
from support.markets import BTC, ETH, LINK
from support.sequencing import Signer
from support.stage import EXAMPLES, POOR, PRICE, Stage, block_limits, fee_tiers, pair_change, put, stage_genesis
from support.trader_messages import cancel_message, text_of, transfer_message

Txs = list[bytes]
BLOCK, CHECK, QUERY = "block", "CheckTx", "query"
STRANGER = Signer("stranger")
FAR_SECONDS = 95 * 86_400


class Row(NamedTuple):
    """How a code comes about."""

    codespace: str
    code: int
    build: Callable[[Stage], Txs]
    """Transactions of one block; the last one gets the code. For CheckTx: one after the other, the last is refused."""
    where: str = BLOCK
    genesis: str = "main"
    """Which of GENESES."""

    @property
    def name(self) -> str:
        return f"{self.codespace}-{self.code}"


def _tight(**params: int) -> dict[str, Any]:
    return stage_genesis(consensus={"sequencer": params})


def _clob(**changes: Any) -> dict[str, Any]:
    section = stage_genesis()["clob"]
    return stage_genesis(clob=section | changes)


def _paused() -> dict[str, Any]:
    section = stage_genesis()["clob"]
    section["clob_pairs"][BTC]["status"] = "PAUSED"
    return stage_genesis(clob=section)


def _prices_to_come() -> dict[str, Any]:
    """Alice is long BTC, and the market has to prove itself again."""
    sizes = {"alice": {BTC: STEP}, "dave": {BTC: -STEP}}
    document = genesis(collateral={"alice": 50_000 * DOLLAR, "dave": 50_000 * DOLLAR}, positions=sizes)
    document["oracle"]["markets"][BTC]["updates_to_come"] = 1_000
    return document


GENESES: dict[str, Callable[[], dict[str, Any]]] = {
    "main": stage_genesis,
    "prices to come": _prices_to_come,
    "one order each": lambda: _clob(params={"max_open_orders": 1}),
    "one message each block": lambda: _clob(
        block_rate_limits={"stateful_orders": [], "leverage_updates": [], "short_term_orders_and_cancels": [{"num_blocks": 1, "limit": 1}]}
    ),
    "paused": _paused,
    "quota 1": lambda: _tight(quota_per_account_and_lane=1),
    "two transactions": lambda: _tight(max_block_txs=2),
    "small blocks": lambda: _tight(max_block_bytes=16 * 1024, max_tx_bytes=16 * 1024, max_memo_bytes=16 * 1024),
}
"""All but the first without orders and positions."""


def example(name: str, **changes: Any) -> Callable[[Stage], Txs]:
    """A valid message, changed."""
    return lambda stage: [stage.signed(put(EXAMPLES[name](stage), changes))]


def message(build: Callable[[Stage], Any]) -> Callable[[Stage], Txs]:
    """One message."""
    return lambda stage: [stage.signed(build(stage))]


def order(**changes: Any) -> Callable[[Stage], Txs]:
    """A short-term order, changed."""
    return message(lambda stage: stage.order(**changes))


def long(**changes: Any) -> Callable[[Stage], Txs]:
    """A long-term order, changed."""
    return message(lambda stage: stage.long(**changes))


def small(**changes: Any) -> Callable[[Stage], Txs]:
    """A deposit whose transaction is changed."""
    return lambda stage: [stage.sign("alice", _deposit(stage), **changes)]


def _deposit(stage: Stage) -> Any:
    return EXAMPLES[DEPOSIT](stage)


def _packed(stage: Stage, body: bytes, change_auth: Callable[[Any], Any] = lambda _: None) -> Txs:
    """Any body and auth info under alice's signature."""
    signer = Signer("alice")
    account = stage.wiring.auth.keeper.account(stage.ctx, signer.address)
    assert account is not None
    info = tx_pb2.AuthInfo.FromString(auth_info_bytes(signer.public_key, account.sequence))
    change_auth(info)
    return [seal(signer.private_key, body, info.SerializeToString(), account_number=account.number, chain_id=stage.chain.chain_id)]


def _json_mode(stage: Stage) -> Txs:
    def amino(info: Any) -> None:
        info.signer_infos[0].mode_info.single.mode = 127

    return _packed(stage, body_bytes([_deposit(stage)]), amino)


def _extension(stage: Stage) -> Txs:
    body = tx_pb2.TxBody.FromString(body_bytes([_deposit(stage)]))
    body.extension_options.add(type_url="/unknown")
    return _packed(stage, body.SerializeToString())


def _stranger(stage: Stage) -> Txs:
    return [stage.sign("stranger", put(_deposit(stage), {"sender": STRANGER.text}), sequence=0)]


def _foreign_key(stage: Stage) -> Txs:
    return [stage.sign("dave", _deposit(stage))]


def _cancelled_first(stage: Stage) -> Txs:
    order_id = cancel_message("alice", 60)
    order_id.good_til_block = stage.next_height + 20
    return [stage.signed(order_id), stage.signed(stage.order())]


def _lane_1_cancel_first(stage: Stage) -> Txs:
    cancel = cancel_message("alice", 61, flags=64)
    cancel.good_til_block_time = stage.next_seconds + FAR_SECONDS
    return [stage.signed(cancel), stage.signed(stage.long())]


def _own_maker_removed(stage: Stage) -> bytes:
    """Alice's short-term taker meets her own long-term order 6; its sequence, which counts for the order only, puts it first."""
    taker = stage.order(62, order__subticks=PRICE + 50 * TICK)
    return stage.sign("alice", taker, sequenced=False, sequence=0)


def _placed_after_removal(stage: Stage) -> Txs:
    return [_own_maker_removed(stage), stage.signed(stage.long(6))]


def _cancelled_after_removal(stage: Stage) -> Txs:
    cancel = cancel_message("alice", 6, flags=64)
    cancel.good_til_block_time = stage.next_seconds + FAR_SECONDS
    return [_own_maker_removed(stage), stage.sign("alice", stage.long(63), cancel)]


def _stateful_cancel(stage: Stage, client_id: int, seconds: int) -> Any:
    message = cancel_message("alice", client_id, flags=64)
    message.good_til_block_time = stage.next_seconds + seconds
    return message


def _hundred_and_one(stage: Stage) -> Txs:
    return [stage.sign("carol", *[change.gate(300, 5)] * 101, gas_limit=10_000_000)]


def _used_ioc(quantums: int) -> Callable[[Stage], Txs]:
    """Erin's IOC order 4 was filled in part."""
    return order(client_id=4, name="erin", tif="ioc", order__quantums=quantums)


def _router_unknown(stage: Stage) -> Txs:
    return [stage.signed(stage.order(order__order_router_address=text_of("erin")))]


def _twice(stage: Stage) -> Txs:
    return [stage.signed(stage.order())] * 2


def _falling_tiers() -> Any:
    """The third tier requires less than the second."""
    wanted = fee_tiers()
    wanted.params.tiers.add(name="3", taker_fee_ppm=300)
    return wanted


def _many(count: int, **changes: Any) -> Callable[[Stage], Txs]:
    """So many deposits of one account in one block."""
    return lambda stage: [stage.sign("alice", _deposit(stage), **changes) for _ in range(count)]


PLACE, CANCEL, BATCH, LEVERAGE = (f"dydxprotocol.clob.Msg{name}" for name in ("PlaceOrder", "CancelOrder", "BatchCancel", "UpdateLeverage"))
DEPOSIT, WITHDRAW, SEND = (
    "dydxprotocol.sending.MsgDepositToSubaccount",
    "dydxprotocol.sending.MsgWithdrawFromSubaccount",
    "cosmos.bank.v1beta1.MsgSend",
)
ADDRESS_OF_NOBODY = "dydx1nobody"

OF_CLOB = [
    Row("clob", 3, order(order__side=0)),
    Row("clob", 4, order(order__quantums=0)),
    Row("clob", 5, order(order__good_til_block=0), CHECK),
    Row("clob", 6, order(order__subticks=0)),
    Row("clob", 7, _cancelled_first),
    Row("clob", 8, order(pair=9)),
    Row("clob", 10, message(lambda stage: stage.order(order__good_til_block=stage.next_height - 1)), CHECK),
    Row("clob", 11, message(lambda stage: stage.order(order__good_til_block=stage.next_height + 41)), CHECK),
    Row("clob", 12, order(order__quantums=STEP + 1)),
    Row("clob", 20, order(client_id=2, side="sell")),
    Row("clob", 24, _used_ioc(STEP)),
    Row("clob", 27, message(lambda stage: pair_change(stage, clob_pair__step_base_quantums=0))),
    Row("clob", 28, order(pair=ETH)),
    Row("clob", 29, message(lambda stage: _stateful_cancel(stage, 1, 1))),
    Row("clob", 34, order(), genesis="paused"),
    Row("clob", 35, message(lambda stage: pair_change(stage, clob_pair__status=5))),
    Row("clob", 39, message(lambda stage: pair_change(stage, clob_pair__quantum_conversion_exponent=-8))),
    Row("clob", 40, message(lambda stage: pair_change(stage, authority=text_of("alice")))),
    Row("clob", 44, order(order__time_in_force=7)),
    Row("clob", 45, example(BATCH, short_term_cancels=[])),
    Row("clob", 48, order(order__time_in_force=3)),
    Row("clob", 50, order(order__builder_code_parameters__builder_address=text_of("dave"))),
    Row("clob", 1000, message(lambda _: change.liquidations(fee=0))),
    Row("clob", 2001, order(tif="ioc", reduce_only=True)),
    Row("clob", 2004, _used_ioc(9 * STEP)),
    Row("clob", 2005, order(name="erin", pair=LINK, order__subticks=LINK_PRICE)),
    Row("clob", 3000, order(order__order_id__order_flags=256, order__good_til_block_time=1)),
    Row("clob", 3001, long(order__good_til_block_time=0)),
    Row("clob", 3002, long(tif="ioc")),
    Row("clob", 3003, long(order__good_til_block_time=1)),
    Row("clob", 3004, message(lambda stage: stage.long(order__good_til_block_time=stage.next_seconds + FAR_SECONDS + 1))),
    Row("clob", 3005, long(client_id=1)),
    Row("clob", 3006, message(lambda stage: _stateful_cancel(stage, 99, FAR_SECONDS))),
    Row("clob", 3007, long(name=POOR, order__quantums=10_000 * STEP)),
    Row("clob", 3008, _lane_1_cancel_first),
    Row("clob", 3009, _placed_after_removal),
    Row("clob", 3010, _cancelled_after_removal),
    Row("clob", 5000, message(lambda _: change.windows((1, 5), (1, 6)))),
    Row("clob", 5001, lambda stage: [*order()(stage), *order(client_id=61)(stage)], CHECK, "one message each block"),
    Row("clob", 6000, order(order__condition_type=1)),
    Row("clob", 6001, message(lambda stage: stage.conditional(order__conditional_order_trigger_subticks=0))),
    Row("clob", 9003, order(reduce_only=True)),
    Row("clob", 10000, message(lambda _: change.equity_tiers([(b"\x02\x05", 1), (b"\x02\x05", 2)]))),
    Row("clob", 10001, lambda stage: [*order()(stage), *order(client_id=61)(stage)], genesis="one order each"),
    Row("clob", 11000, order(order__order_router_address=ADDRESS_OF_NOBODY)),
    Row("clob", 11002, example(LEVERAGE, clob_pair_leverage__0__custom_imf_ppm=0)),
    Row("revshare", 8, _router_unknown),
]
OF_MONEY = [
    Row("subaccounts", 102, example(WITHDRAW, quantums=10**15)),
    Row("subaccounts", 200, example(DEPOSIT, recipient__number=128_001)),
    Row("subaccounts", 201, example(DEPOSIT, recipient__owner=ADDRESS_OF_NOBODY)),
    Row("subaccounts", 701, example(LEVERAGE, clob_pair_leverage__0__custom_imf_ppm=19_999)),
    Row("subaccounts", 703, example(LEVERAGE, subaccount_id__owner=text_of(POOR), clob_pair_leverage__0__custom_imf_ppm=1_000_000)),
    Row("sending", 1, message(lambda _: transfer_message("alice", 1))),
    Row("sending", 2, example(DEPOSIT, quantums=0)),
    Row("sending", 6, example(WITHDRAW, recipient=ADDRESS_OF_NOBODY)),
    Row("sending", 1101, example(DEPOSIT, asset_id=1)),
]
OF_THE_AUTHORITY = [
    Row("authority", 2, _hundred_and_one),
    Row("consensus", 2, message(lambda _: change.no_key())),
    Row("consensus", 3, message(lambda stage: block_limits(stage, params__max_block_txs=0))),
    Row("perpetuals", 1, message(lambda _: change.perpetual(9))),
    Row("perpetuals", 2, message(lambda _: change.perpetual(market_id=9))),
    Row("perpetuals", 3, message(lambda _: change.tier(initial=0))),
    Row("perpetuals", 4, message(lambda _: change.tier(maintenance_fraction_ppm=0))),
    Row("perpetuals", 5, message(lambda _: change.perpetual(default_funding_ppm=1_000_001))),
    Row("perpetuals", 6, message(lambda _: change.perpetual(ticker=""))),
    Row("perpetuals", 12, message(lambda _: change.perpetual(liquidity_tier=9))),
    Row("perpetuals", 14, message(lambda _: change.funding(rate=0))),
    Row("perpetuals", 15, message(lambda _: change.funding(premium=0))),
    Row("perpetuals", 16, message(lambda _: change.tier(impact_notional=0))),
    Row("perpetuals", 19, message(lambda _: change.tier(sender=text_of("alice")))),
    Row("perpetuals", 22, message(lambda _: change.funding(votes=0))),
    Row("perpetuals", 23, message(lambda _: change.perpetual(market_type=0))),
    Row("perpetuals", 24, message(lambda _: change.tier(open_interest_lower_cap=2, open_interest_upper_cap=1))),
    Row("prices", 1, message(lambda _: change.market(pair=""))),
    Row("prices", 200, message(lambda _: change.market(9))),
    Row("prices", 205, message(lambda _: change.market(pair="ETH-USD"))),
    Row("prices", 206, message(lambda _: change.market(pair="BTCUSD"))),
    Row("feetiers", 400, message(lambda _: put(change.fee_tiers(1), {"params.tiers": []}))),
    Row("feetiers", 401, message(lambda _: put(change.fee_tiers(1), {"params.tiers.0.absolute_volume_requirement": 1}))),
    Row("feetiers", 402, message(lambda _: _falling_tiers())),
    Row("feetiers", 403, message(lambda _: put(change.fee_tiers(1), {"params.tiers.0.maker_fee_ppm": -2}))),
    Row("feetiers", 404, message(lambda _: put(change.fee_tiers(1), {"authority": text_of("alice")}))),
    Row("feetiers", 406, message(lambda _: change.discount(0, 1))),
    Row("feetiers", 408, message(lambda stage: change.discount(stage.next_seconds, 1_000_001))),
]
OF_STALE_PRICES = [
    Row("oracle", 101, order(), genesis="prices to come"),
    Row("oracle", 102, example(WITHDRAW), genesis="prices to come"),
    Row(
        "oracle",
        103,
        lambda stage: [
            *example(LEVERAGE, clob_pair_leverage__0__custom_imf_ppm=60_000)(stage),
            *example(LEVERAGE, clob_pair_leverage__0__custom_imf_ppm=50_000)(stage),
        ],
        genesis="prices to come",
    ),
]
OF_TRANSACTIONS = [
    Row("sdk", 2, lambda _: [b"please buy"], CHECK),
    Row("sdk", 4, small(chain_id="elsewhere"), CHECK),
    Row("sdk", 5, example(SEND, amount__0__amount="9" * 20)),
    Row("sdk", 7, example(SEND, to_address=ADDRESS_OF_NOBODY)),
    Row("sdk", 8, _foreign_key, CHECK),
    Row("sdk", 9, _stranger, CHECK),
    Row("sdk", 10, example(SEND, amount=[])),
    Row("sdk", 11, small(gas_limit=1)),
    Row("sdk", 12, small(memo="m" * 257)),
    Row("sdk", 15, lambda stage: [small()(stage)[0][:-66]], CHECK),
    Row("sdk", 18, lambda stage: [stage.sign("alice", stage.order(), stage.order(61), sequenced=False)]),
    Row("sdk", 19, _twice, CHECK),
    Row("sdk", 21, small(memo="m" * 70_000), CHECK),
    Row("sdk", 30, small(timeout_height=1), CHECK),
    Row("sdk", 31, _extension, CHECK),
    Row("sdk", 32, small(sequence=99), CHECK),
    Row("sdk", 37, _json_mode, CHECK),
    Row("sdk", 41, small(gas_limit=0)),
    Row("sequencer", 3, lambda _: [b"please buy"]),
    Row("sequencer", 4, _stranger),
    Row("sequencer", 5, small(chain_id="elsewhere")),
    Row("sequencer", 6, message(lambda stage: stage.order(order__good_til_block=stage.next_height + 41))),
    Row("sequencer", 7, small(sequence=99)),
    Row("sequencer", 8, lambda stage: [stage.sign("carol", clob.MsgCreateClobPair(authority=AUTHORITY.text))]),
    Row("sequencer", 9, _twice),
    Row("sequencer", 11, _many(2), genesis="quota 1"),
    Row("sequencer", 12, _many(3), genesis="two transactions"),
    Row("sequencer", 13, _many(2, memo="m" * 10_000, gas_limit=10_000_000), genesis="small blocks"),
]
QUERIES = {
    ("sdk", 6): abci.RequestQuery(path="/nowhere"),
    ("sdk", 22): abci.RequestQuery(path="/dydxprotocol.clob.Query/ClobPair", data=b"\x08\x63"),
    ("sdk", 26): abci.RequestQuery(path="/dydxprotocol.clob.Query/ClobPair", height=10**9),
}
"""What answers an `abci_query`, which no transaction gets."""

ROWS = [*OF_CLOB, *OF_MONEY, *OF_STALE_PRICES, *OF_THE_AUTHORITY, *OF_TRANSACTIONS]
