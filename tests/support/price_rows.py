"""Messages with prices: every field at its bounds, in the form of `field_rows`, and a row for every code, in the form of `code_rows`."""

from collections.abc import Callable
from typing import Any

from modules.oracle.pull import sign_bytes
from modules.oracle.sources import PriceUpdate
from support.code_rows import ADDRESS_OF_NOBODY, Row, example, message
from support.field_rows import U32, U64, Told
from support.markets import ETH
from support.price_desk import private_key, public_key, pushed, rotation, signed_update
from support.stage import EXAMPLES, PRICE, Stage, put
from support.trader_messages import text_of

UPDATE, PUSH = "perpd.oracle.v1.MsgUpdatePrices", "perpd.oracle.v1.MsgPushPrice"
SECOND = 10**9


def resigned(path: str, value: Any, **others: Any) -> Callable[[Stage], dict[str, Any]]:
    """The example with this field, signed by its signers as it then is; a time counts from the next block."""

    def changes(stage: Stage) -> dict[str, Any]:
        now = stage.next_seconds * SECOND
        changed = {
            key: now + one if key.endswith("nanoseconds") and one < U64 >> 1 else one for key, one in ({path: value} | others).items()
        }
        built = put(EXAMPLES[UPDATE](stage), changed)
        updates = [
            PriceUpdate(one.market_id, one.price, one.exponent, one.confidence, one.publish_time_nanoseconds) for one in built.updates
        ]
        signed = sign_bytes(stage.chain.chain_id, built.signer_set, updates)
        return changed | {f"signatures.{number}.signature": private_key(number).sign(signed) for number in (0, 1)}

    return changes


def rows_of(name: str, *told: tuple[Any, str], **others: Any) -> tuple[str, Told]:
    """A field of the first update."""
    path = f"updates.0.{name}"
    return path, [(resigned(path, value, **others), code) for value, code in told]


PRICES: dict[str, dict[str, Told]] = {
    UPDATE: dict(
        [
            ("sender", [("", "sdk/7"), (ADDRESS_OF_NOBODY, "sdk/7"), (text_of("alice"), "")]),
            ("signer_set", [(0, "oracle/2"), (1, ""), (2, "oracle/2"), (U32, "oracle/2")]),
            rows_of("market_id", (0, ""), (ETH, "oracle/8"), (3, "prices/200"), (U32, "prices/200")),
            rows_of("price", (0, "oracle/7"), (1, ""), (U64, "")),
            rows_of("exponent", (-5, ""), (-6, ""), (-4, ""), *((far, "oracle/9") for far in (30, 31, -31, -(2**31)))),
            rows_of("confidence", (0, ""), (1, ""), (U64, "")),
            rows_of(
                "publish_time_nanoseconds",
                (-60 * SECOND, ""),
                (-60 * SECOND - 1, "oracle/11"),
                (5 * SECOND, ""),
                (5 * SECOND + 1, "oracle/12"),
                (U64, "oracle/12"),
            ),
            (
                "signatures.0.public_key",
                [
                    (b"", "oracle/5"),
                    (public_key(0)[:31], "oracle/5"),
                    (public_key(0) + b"\x00", "oracle/5"),
                    (public_key(1), "oracle/4"),
                    (public_key(2), "oracle/6"),
                    (public_key(3), "oracle/5"),
                    (public_key(0), ""),
                ],
            ),
            ("signatures.0.signature", [(b"", "oracle/6"), (bytes(63), "oracle/6"), (bytes(64), "oracle/6"), (bytes(65), "oracle/6")]),
        ]
    ),
    PUSH: {
        "sender": [("", "sdk/7"), (ADDRESS_OF_NOBODY, "sdk/7"), (text_of("alice"), "oracle/14"), (text_of("dave"), "")],
        "market_id": [(0, ""), (ETH, "oracle/8"), (3, "prices/200"), (U32, "prices/200")],
        "price": [(0, "oracle/7"), (1, ""), (U64, "")],
    },
}


def _too_many(stage: Stage) -> list[bytes]:
    """Five of one block, in order: the fifth is one too many."""
    now = stage.next_seconds * SECOND
    updates = [PriceUpdate(0, PRICE, -5, 0, now - number) for number in range(4, -1, -1)]
    return [stage.sign("alice", signed_update(stage.chain.chain_id, one)) for one in updates]


def _again(stage: Stage) -> list[bytes]:
    return [stage.signed(EXAMPLES[UPDATE](stage)) for _ in range(2)]


def _early_push(stage: Stage) -> list[bytes]:
    return [stage.signed(pushed(PRICE)), stage.signed(pushed(PRICE + 1))]


def _finer(stage: Stage) -> Any:
    update = resigned("updates.0.exponent", -6, **{"updates.0.price": PRICE + 1})
    return put(EXAMPLES[UPDATE](stage), update(stage))


OF_PRICES = [
    Row("oracle", 2, example(UPDATE, signer_set=9)),
    Row("oracle", 3, message(lambda stage: put(EXAMPLES[UPDATE](stage), {"signatures": []}))),
    Row("oracle", 4, example(UPDATE, signatures__0__public_key=public_key(1))),
    Row("oracle", 5, example(UPDATE, signatures__0__public_key=public_key(3))),
    Row("oracle", 6, example(UPDATE, updates__0__price=1)),
    Row("oracle", 7, example(PUSH, price=0)),
    Row("oracle", 8, example(PUSH, market_id=ETH)),
    Row("oracle", 9, message(_finer)),
    Row("oracle", 10, _again),
    Row("oracle", 11, example(UPDATE, updates__0__publish_time_nanoseconds=1)),
    Row("oracle", 12, example(UPDATE, updates__0__publish_time_nanoseconds=U64)),
    Row("oracle", 13, _too_many),
    Row("oracle", 14, example(PUSH, sender=text_of("alice"))),
    Row("oracle", 15, _early_push),
    Row("oracle", 16, message(lambda _: rotation(1))),
]
