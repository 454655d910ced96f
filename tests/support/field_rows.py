"""Every field of every message at, just below and just above its bounds: values, and what the sender is told.

One line per field: `value: code` pairs, "" for success, else `codespace/code`. Fields are paths in the message; digits count in lists.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from support.clob_exchange import STEP, TICK
from support.code_rows import ADDRESS_OF_NOBODY
from support.exchange import USDC
from support.markets import ETH, LINK
from support.stage import EXAMPLES, PRICE, Stage, put
from support.trader_messages import text_of

U32, U64 = 2**32 - 1, 2**64 - 1
WHOLE_STEPS, WHOLE_TICKS = U64 - U64 % STEP, U64 - U64 % TICK
DAYS_95 = 95 * 86_400
ENGINE_MAX = 2**63 - 1

Value = Any
"""Of one field; a function of the stage; or, as a dict, of several fields of which the first is meant."""


class Case(NamedTuple):
    """One field of one message with one value."""

    message: str
    base: str
    path: str
    value: Value
    expected: str

    @property
    def name(self) -> str:
        text = repr(self.value) if not callable(self.value) else "relative"
        return f"{self.message.rpartition('.')[2]} {self.base} {self.path}={text[:40]}".replace("  ", " ")

    def build(self, stage: Stage) -> Any:
        """The message."""
        value = self.value(stage) if callable(self.value) else self.value
        changes = value if isinstance(value, dict) else {self.path: value}
        return put(_BASES[self.base](stage) if self.base else EXAMPLES[self.message](stage), changes)


def _long_cancel(stage: Stage) -> Any:
    message = EXAMPLES["dydxprotocol.clob.MsgCancelOrder"](stage)
    message.order_id.client_id, message.order_id.order_flags = 1, 64
    message.good_til_block_time = stage.next_seconds + DAYS_95
    return message


_BASES: dict[str, Callable[[Stage], Any]] = {
    "long-term": lambda stage: stage.long(),
    "conditional": lambda stage: stage.conditional(),
    "twap": lambda stage: stage.twap(),
    "long-term cancel": _long_cancel,
    "taker": lambda stage: stage.order(tif="ioc"),
    "reducing": lambda stage: put(
        stage.order(name="erin", side="sell", tif="ioc", reduce_only=True), {"order.subticks": PRICE - 990 * TICK}
    ),
}
"""Other examples than the usual one."""


Told = list[tuple[Value, str]]
OWNER: Told = [
    ("", "sdk/7"),
    (ADDRESS_OF_NOBODY, "sdk/7"),
    (text_of("alice").upper(), "sdk/7"),
    ("x" * 91, "sdk/7"),
    (text_of("alice"), ""),
]
NUMBER: Told = [(0, ""), (128_000, ""), (128_001, "subaccounts/200"), (U32, "subaccounts/200")]
AUTHORITY: Told = [("", "sdk/7"), (ADDRESS_OF_NOBODY, "sdk/7")]
ASSET: Told = [(0, ""), (1, "sending/1101"), (U32, "sending/1101")]
ANY_U32: Told = [(0, ""), (1, ""), (U32, "")]


def within(least: int, most: int, code: str, highest: int) -> Told:
    """Bounds both included; `highest` is the most that the field can hold."""
    told: Told = [(least, ""), (most, "")]
    if least > 0:
        told += [(least - 1, code), (0, code)]
    if most < highest:
        told += [(most + 1, code), (highest, code)]
    return told


def ahead_blocks(number: int) -> Callable[[Stage], int]:
    """Of the block that would carry the message."""
    return lambda stage: stage.next_height + number


def ahead_seconds(number: int) -> Callable[[Stage], int]:
    """Of that block's time."""
    return lambda stage: stage.next_seconds + number


GOOD_TIL_BLOCK: Told = [
    (0, "clob/5"),
    (1, "clob/10"),
    (ahead_blocks(-1), "clob/10"),
    (ahead_blocks(0), ""),
    (ahead_blocks(40), ""),
    (ahead_blocks(41), "clob/11"),
    (U32, "clob/11"),
]
GOOD_TIL_TIME: Told = [
    (0, "clob/3001"),
    (1, "clob/3003"),
    (ahead_seconds(0), "clob/3003"),
    (ahead_seconds(1), ""),
    (ahead_seconds(DAYS_95), ""),
    (ahead_seconds(DAYS_95 + 1), "clob/3004"),
    (U32, "clob/3004"),
]
PAIR: Told = [(0, ""), (3, "clob/8"), (U32, "clob/8")]

ORDER_ID: dict[str, Told] = {"subaccount_id.owner": OWNER, "subaccount_id.number": NUMBER, "client_id": ANY_U32}

TRADERS: dict[str, dict[str, Told]] = {
    "cosmos.bank.v1beta1.MsgSend": {
        "from_address": OWNER,
        "to_address": [("", "sdk/7"), (ADDRESS_OF_NOBODY, "sdk/7"), (text_of("stranger"), ""), (text_of("alice"), "")],
        "amount.0.denom": [("", "sdk/5"), ("gold", "sdk/5"), (USDC.upper(), "sdk/5"), ("d" * 1_000, "sdk/5"), (USDC, "")],
        "amount.0.amount": [
            ("", "sdk/10"),
            ("0", "sdk/10"),
            ("-1", "sdk/10"),
            ("+1", "sdk/10"),
            ("01", "sdk/10"),
            ("1.0", "sdk/10"),
            (" 1", "sdk/10"),
            ("1e3", "sdk/10"),
            ("\u0661", "sdk/10"),
            ("1", ""),
            (lambda stage: str(stage.wallet("alice")), ""),
            (lambda stage: str(stage.wallet("alice") + 1), "sdk/5"),
            (str(2**128 - 1), "sdk/5"),
            (str(2**128), "sdk/10"),
            ("9" * 5_000, "sdk/10"),
        ],
    },
    "dydxprotocol.sending.MsgDepositToSubaccount": {
        "sender": OWNER,
        "recipient.owner": [("", "subaccounts/201"), (ADDRESS_OF_NOBODY, "subaccounts/201"), (text_of("stranger"), "")],
        "recipient.number": NUMBER,
        "asset_id": ASSET,
        "quantums": [
            (0, "sending/2"),
            (1, ""),
            (lambda stage: stage.wallet("alice"), ""),
            (lambda stage: stage.wallet("alice") + 1, "sdk/5"),
            (U64, "sdk/5"),
        ],
    },
    "dydxprotocol.sending.MsgWithdrawFromSubaccount": {
        "sender.owner": OWNER,
        "sender.number": [(0, ""), (1, ""), (128_000, "subaccounts/102"), (128_001, "subaccounts/200"), (U32, "subaccounts/200")],
        "recipient": [("", "sending/6"), (ADDRESS_OF_NOBODY, "sending/6"), (text_of("stranger"), "")],
        "asset_id": ASSET,
        "quantums": [
            (0, "sending/2"),
            (1, ""),
            (lambda stage: stage.collateral("alice"), ""),
            (lambda stage: stage.collateral("alice") + 1, "subaccounts/102"),
            (U64, "subaccounts/102"),
        ],
    },
    "dydxprotocol.sending.MsgCreateTransfer": {
        "transfer.sender.owner": OWNER,
        "transfer.sender.number": [(0, ""), (2, "sending/1"), (128_000, "subaccounts/102"), (128_001, "subaccounts/200")],
        "transfer.recipient.owner": [("", "subaccounts/201"), (ADDRESS_OF_NOBODY, "subaccounts/201"), (text_of("stranger"), "")],
        "transfer.recipient.number": [(0, "sending/1"), (1, ""), (128_000, ""), (128_001, "subaccounts/200"), (U32, "subaccounts/200")],
        "transfer.asset_id": ASSET,
        "transfer.amount": [
            (0, "sending/2"),
            (1, ""),
            (lambda stage: stage.collateral("alice"), ""),
            (lambda stage: stage.collateral("alice") + 1, "subaccounts/102"),
            (U64, "subaccounts/102"),
        ],
    },
    "dydxprotocol.clob.MsgPlaceOrder": {
        **{f"order.order_id.{path}": told for path, told in ORDER_ID.items()},
        "order.order_id.order_flags": [
            (0, ""),
            (1, "clob/3000"),
            (32, "clob/3001"),
            (64, "clob/3001"),
            (128, "clob/3001"),
            (256, "clob/3000"),
            (U32, "clob/3000"),
        ],
        "order.order_id.clob_pair_id": [(0, ""), (ETH, "clob/28"), (LINK, ""), (3, "clob/8"), (U32, "clob/8")],
        "order.side": [(0, "clob/3"), (1, ""), (2, ""), (3, "clob/3"), (-1, "clob/3"), (2**31 - 1, "clob/3")],
        "order.quantums": [
            (0, "clob/4"),
            (1, "clob/12"),
            (STEP - 1, "clob/12"),
            (STEP, ""),
            (STEP + 1, "clob/12"),
            (WHOLE_STEPS, ""),
            (U64, "clob/12"),
        ],
        "order.subticks": [
            (0, "clob/6"),
            (1, "clob/12"),
            (TICK - 1, "clob/12"),
            (TICK, ""),
            (TICK + 1, "clob/12"),
            (WHOLE_TICKS, ""),
            (U64, "clob/12"),
        ],
        "order.good_til_block": GOOD_TIL_BLOCK,
        "order.good_til_block_time": [(0, "clob/5"), (1, "clob/5"), (U32, "clob/5")],
        "order.time_in_force": [(0, ""), (1, ""), (2, ""), (3, "clob/48"), (4, "clob/44"), (-1, "clob/44"), (2**31 - 1, "clob/44")],
        "order.reduce_only": [(False, ""), (True, "clob/9003")],
        "order.client_metadata": ANY_U32,
        "order.condition_type": [(0, ""), (1, "clob/6000"), (2, "clob/6000"), (3, "clob/6000"), (-1, "clob/6000")],
        "order.conditional_order_trigger_subticks": [(0, ""), (1, "clob/6001"), (U64, "clob/6001")],
        "order.twap_parameters.duration": ANY_U32,
        "order.twap_parameters.interval": ANY_U32,
        "order.twap_parameters.price_tolerance": ANY_U32,
        "order.builder_code_parameters.builder_address": [
            *[
                ({"order.builder_code_parameters.builder_address": bad, "order.builder_code_parameters.fee_ppm": 1}, "clob/50")
                for bad in ("", ADDRESS_OF_NOBODY)
            ],
            ({"order.builder_code_parameters.builder_address": text_of("dave"), "order.builder_code_parameters.fee_ppm": 1}, ""),
        ],
        "order.builder_code_parameters.fee_ppm": [
            ({"order.builder_code_parameters.fee_ppm": fee, "order.builder_code_parameters.builder_address": text_of("dave")}, code)
            for fee, code in ((0, "clob/50"), (1, ""), (10_000, ""), (10_001, "clob/50"), (U32, "clob/50"))
        ],
        "order.order_router_address": [
            ("", ""),
            (ADDRESS_OF_NOBODY, "clob/11000"),
            (text_of("dave"), "revshare/8"),
            (text_of("router"), ""),
        ],
    },
    "dydxprotocol.clob.MsgCancelOrder": {
        **{f"order_id.{path}": told for path, told in ORDER_ID.items()},
        "order_id.order_flags": [
            (0, ""),
            (1, "clob/3000"),
            (32, "clob/3001"),
            (64, "clob/3001"),
            (128, "clob/3001"),
            (256, "clob/3000"),
            (U32, "clob/3000"),
        ],
        "order_id.clob_pair_id": PAIR,
        "good_til_block": GOOD_TIL_BLOCK,
        "good_til_block_time": [(0, "clob/5"), (1, "clob/5"), (U32, "clob/5")],
    },
    "dydxprotocol.clob.MsgBatchCancel": {
        "subaccount_id.owner": OWNER,
        "subaccount_id.number": NUMBER,
        "short_term_cancels.0.clob_pair_id": [(0, ""), (3, ""), (U32, "")],
        "short_term_cancels.0.client_ids": [
            ([], "clob/45"),
            ([0], ""),
            ([U32], ""),
            ([1, 1], "clob/45"),
            (list(range(100)), ""),
            (list(range(101)), "clob/45"),
        ],
        "good_til_block": [(0, "clob/10"), *GOOD_TIL_BLOCK[1:]],
    },
    "dydxprotocol.clob.MsgUpdateLeverage": {
        "subaccount_id.owner": OWNER,
        "subaccount_id.number": NUMBER,
        "clob_pair_leverage.0.clob_pair_id": PAIR,
        "clob_pair_leverage.0.custom_imf_ppm": [
            (0, "clob/11002"),
            (1, "subaccounts/701"),
            (19_999, "subaccounts/701"),
            (20_000, ""),
            (1_000_000, ""),
            (1_000_001, "clob/11002"),
            (U32, "clob/11002"),
        ],
    },
}
OTHER_KINDS: dict[str, dict[str, Told]] = {
    "long-term": {
        "order.good_til_block_time": GOOD_TIL_TIME,
        "order.time_in_force": [(0, ""), (1, "clob/3002"), (2, ""), (3, "clob/48"), (4, "clob/44")],
        "order.subticks": [(0, "clob/6"), (TICK, ""), (TICK + 1, "clob/12"), (WHOLE_TICKS, "clob/3007")],
        "order.quantums": [(0, "clob/4"), (STEP, ""), (STEP + 1, "clob/12"), (WHOLE_STEPS, "clob/3007")],
        "order.condition_type": [(0, ""), (1, "clob/6000")],
        "order.conditional_order_trigger_subticks": [(0, ""), (TICK, "clob/6001")],
    },
    "conditional": {
        "order.condition_type": [(0, "clob/6000"), (1, ""), (2, ""), (3, "clob/6000"), (-1, "clob/6000")],
        "order.conditional_order_trigger_subticks": [
            (0, "clob/6001"),
            (1, "clob/12"),
            (TICK, ""),
            (TICK + 1, "clob/12"),
            (WHOLE_TICKS, ""),
            (U64, "clob/12"),
        ],
        "order.good_til_block_time": GOOD_TIL_TIME,
        "order.quantums": [(0, "clob/4"), (STEP, ""), (STEP + 1, "clob/12"), (WHOLE_STEPS, "")],
        "order.subticks": [(0, "clob/6"), (TICK, ""), (TICK + 1, "clob/12"), (WHOLE_TICKS, "")],
    },
    "twap": {
        "order.twap_parameters": [(None, "clob/12")],
        "order.twap_parameters.duration": [
            (0, "clob/12"),
            (299, "clob/12"),
            (300, ""),
            (301, "clob/12"),
            (330, ""),
            (86_430, "clob/12"),
            (U32, "clob/12"),
        ],
        "order.twap_parameters.interval": [
            (0, "clob/12"),
            (29, "clob/12"),
            (30, ""),
            (31, "clob/12"),
            (300, ""),
            (3_600, "clob/12"),
            (U32, "clob/12"),
        ],
        "order.twap_parameters.price_tolerance": [(0, ""), (999_999, ""), (1_000_000, "clob/12"), (U32, "clob/12")],
        "order.subticks": [(0, ""), (TICK, ""), (TICK + 1, "clob/12"), (WHOLE_TICKS, "clob/3007")],
        "order.quantums": [(0, "clob/4"), (9 * STEP, "clob/12"), (10 * STEP, ""), (10 * STEP + 1, "clob/12"), (WHOLE_STEPS, "")],
        "order.good_til_block_time": GOOD_TIL_TIME,
    },
    "taker": {
        "order.quantums": [(STEP, ""), (WHOLE_STEPS, ""), (U64, "clob/12")],
        "order.subticks": [(TICK, ""), (WHOLE_TICKS, ""), (U64, "clob/12")],
        "order.reduce_only": [(False, ""), (True, "clob/2001")],
    },
    "reducing": {
        "order.side": [(1, "clob/2001"), (2, "")],
        "order.quantums": [(STEP, ""), (WHOLE_STEPS, "")],
    },
    "long-term cancel": {
        "good_til_block_time": [
            *[(value, code) for value, code in GOOD_TIL_TIME if code],
            (ahead_seconds(1), "clob/29"),
            (ahead_seconds(DAYS_95), ""),
        ]
    },
}


def cases(authority: dict[str, dict[str, Told]]) -> Iterator[Case]:
    """All of them, with the authority's."""
    for name, fields in (TRADERS | authority).items():
        for path, told in fields.items():
            for value, code in told:
                yield Case(name, "", path, value, code)
    for base, fields in OTHER_KINDS.items():
        name = "dydxprotocol.clob.MsgCancelOrder" if "cancel" in base else "dydxprotocol.clob.MsgPlaceOrder"
        for path, told in fields.items():
            for value, code in told:
                yield Case(name, base, path, value, code)
