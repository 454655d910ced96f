"""A victim who trades in every lane, and all that a cheating proposer can put into a block under her account.

The proposer has full power over the list, knows every byte that was ever public, and has keys and accounts of its own. It has not her key.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from modules.kernel.codec import uvarint
from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from support.bad_transactions import CURVE_ORDER
from support.exchange import DOLLAR, Exchange, OpenExchange, genesis
from support.sequencing import Signer
from support.trader_messages import cancel_message, deposit_message, order_message

QUOTA = 3
"""Transactions of one account in one lane of a block."""
VICTIM, ATTACKER = "alice", "bob"
TENTH = 1_000_000_000
PRICE = 6_012_300_000
NOT_A_TICK = PRICE + 1
NO_SUCH_PAIR = 999
RICH = dict.fromkeys(("alice", "bob", "carol", "dave", "erin"), 100_000 * DOLLAR)


class Attack(NamedTuple):
    """Bytes that no block may hold beside the victim's own, with the rule that forbids them and the code that they get."""

    rule: str
    code: int
    tx: bytes


@dataclass
class Stage:
    """A chain at rest, what was in its blocks, what is in its pools."""

    exchange: Exchange
    old: dict[str, bytes] = field(default_factory=dict)
    """The victim's transactions of earlier blocks, by what they are."""
    own: dict[str, list[bytes]] = field(default_factory=dict)
    """The victim's next transactions by lane: as many in each as the quota allows, and the first of each valid without the others."""
    others: list[bytes] = field(default_factory=list)
    """Of everybody else, competing with hers."""

    def pool(self, count: int) -> list[bytes]:
        """So many of the victim's in each lane, and the others'."""
        return [tx for txs in self.own.values() for tx in txs[:count]] + self.others

    @property
    def sequence(self) -> int:
        """The victim's committed one."""
        account = self.exchange.wiring.auth.keeper.account(self.exchange.ctx, Signer(VICTIM).address)
        assert account is not None
        return account.sequence

    @property
    def next_ms(self) -> int:
        """Time of the next block."""
        return self.exchange.next_seconds * 1_000


def open_stage(open_exchange: OpenExchange) -> Stage:
    """Two applications, a scarce offer, the victim's quotes, and the blocks in which her old transactions stand."""
    state = genesis(collateral=RICH)
    state["consensus"] = {"sequencer": {"quota_per_account_and_lane": QUOTA}}
    stage = Stage(open_exchange(state, nodes=2))
    exchange = stage.exchange
    exchange.block(
        exchange.long_term("erin", 1, "sell", 2 * TENTH, PRICE),
        *(exchange.limit(VICTIM, number, "buy", TENTH, PRICE - 5_000_000, tif="post_only") for number in (11, 12, 13)),
    )
    old = stage.old
    old["an order"] = exchange.limit(VICTIM, 21, "buy", TENTH, PRICE - 6_000_000)
    old["an order that failed"] = exchange.limit(VICTIM, 22, "buy", TENTH, NOT_A_TICK)
    old["a cancel"] = exchange.cancel(VICTIM, 23)
    old["a cancel that failed"] = exchange.cancel(VICTIM, 24, pair=NO_SUCH_PAIR)
    old["a batch cancel"] = exchange.batch_cancel(VICTIM, [25, 26])
    old["a sequence"] = exchange.deposit(VICTIM, 7)
    old["a nonce"] = exchange.deposit(VICTIM, 8, sequence=stage.next_ms)
    old["an order with a sequence"] = exchange.long_term(VICTIM, 27, "buy", TENTH, PRICE - 6_000_000)
    happened = exchange.block(*old.values())
    failed = {name for name, tx in old.items() if happened.code(tx)}
    assert failed == {"an order that failed", "a cancel that failed"}
    _fill_pools(stage)
    return stage


def _fill_pools(stage: Stage) -> None:
    exchange, sequence = stage.exchange, stage.sequence
    stage.own = {
        "cancel": [exchange.cancel(VICTIM, 11), exchange.batch_cancel(VICTIM, [12]), exchange.cancel(VICTIM, 13)],
        "margin": [exchange.deposit(VICTIM, 1 + number, sequence=sequence + 2 * number) for number in range(QUOTA)],
        "maker": [exchange.limit(VICTIM, 31 + n, "buy", TENTH, PRICE - 3_000_000 - 100_000 * n, tif="post_only") for n in range(QUOTA)],
        "taker": [exchange.limit(VICTIM, 41 + n, "buy", TENTH, PRICE + 100_000 * n, tif="ioc") for n in range(QUOTA)],
        "other": [
            exchange.send(VICTIM, "carol", 5, sequence=sequence + 1),
            exchange.send(VICTIM, "carol", 6, sequence=sequence + 3),
            exchange.withdraw(VICTIM, 9, sequence=stage.next_ms + 1),
        ],
    }
    stage.others = [
        *(exchange.limit(name, 41 + n, "buy", TENTH, PRICE + 100_000, tif="ioc") for name in ("bob", "carol", "dave") for n in range(2)),
        exchange.limit("dave", 31, "buy", TENTH, PRICE - 3_000_000, tif="post_only"),
        exchange.cancel("carol", 77),
        exchange.deposit("dave", 5),
        exchange.send("carol", VICTIM, 5),
    ]


# The attacks


def flipped(raw: bytes) -> bytes:
    """One bit of the signature turned."""
    return raw[:-20] + bytes((raw[-20] ^ 1,)) + raw[-19:]


def high_s(raw: bytes) -> bytes:
    """The other signature that satisfies the equation."""
    return raw[:-32] + (CURVE_ORDER - int.from_bytes(raw[-32:], "big")).to_bytes(32, "big")


def parts(raw: bytes) -> Any:
    """The TxRaw."""
    return tx_pb2.TxRaw.FromString(raw)


def with_body(raw: bytes, change: Callable[[Any], Any]) -> bytes:
    """Another body under the old signature."""
    envelope = parts(raw)
    body = tx_pb2.TxBody.FromString(envelope.body_bytes)
    change(body)
    envelope.body_bytes = body.SerializeToString()
    found: bytes = envelope.SerializeToString()
    return found


def with_auth_info(raw: bytes, change: Callable[[Any], Any]) -> bytes:
    """Another auth info under the old signature."""
    envelope = parts(raw)
    auth_info = tx_pb2.AuthInfo.FromString(envelope.auth_info_bytes)
    change(auth_info)
    envelope.auth_info_bytes = auth_info.SerializeToString()
    found: bytes = envelope.SerializeToString()
    return found


def malleated(raw: bytes) -> dict[str, bytes]:
    """The same signed transaction in other bytes, none of which needs a key to make: each has another hash."""
    envelope = parts(raw)
    body, auth_info, signature = envelope.body_bytes, envelope.auth_info_bytes, envelope.signatures[0]
    first, second, third = (bytes((tag,)) + uvarint(len(data)) + data for tag, data in ((0x0A, body), (0x12, auth_info), (0x1A, signature)))
    size = uvarint(len(body))
    found = {
        "an unknown field behind": raw + b"\x22\x00",
        "an unknown varint behind": raw + b"\xf8\x07\x01",
        "its body last": second + third + first,
        "its body twice": first + first + second + third,
        "a longer length": b"\x0a" + size[:-1] + bytes((size[-1] | 0x80, 0)) + body + second + third,
        "a longer tag": b"\x8a\x00" + first[1:] + second + third,
        "its signature twice": raw + third,
        "a longer signature": first + second + b"\x1a\x41" + signature + b"\x00",
        "a shorter signature": first + second + b"\x1a\x3f" + signature[:-1],
        "no signature": first + second,
    }
    assert raw not in found.values()
    return found


def _forged(stage: Stage) -> dict[str, Attack]:
    """Under her name without her signature."""
    exchange, victim, attacker = stage.exchange, Signer(VICTIM), Signer(ATTACKER)
    taker, cancel, margin, payment = (stage.own[lane][0] for lane in ("taker", "cancel", "margin", "other"))
    taken = tx_pb2.TxBody.FromString(parts(taker).body_bytes).messages[0]
    account = exchange.wiring.auth.keeper.account(exchange.ctx, victim.address)
    assert account is not None
    body = body_bytes([order_message(VICTIM, 51, "buy", TENTH, PRICE, good_til_block=exchange.next_height + 9)])
    sealed: dict[str, Any] = {"account_number": account.number, "chain_id": exchange.chain.chain_id}
    order = order_message(VICTIM, 52, "buy", TENTH, PRICE, good_til_block=exchange.next_height + 9)
    both = body_bytes([deposit_message(ATTACKER, 1), order])
    wrong = {
        "a flipped bit in a taker": flipped(taker),
        "a flipped bit in a cancel": flipped(cancel),
        "a flipped bit in a deposit": flipped(margin),
        "a signature of zeros": taker[:-64] + bytes(64),
        "the signature of another of hers": taker[:-64] + cancel[-64:],
        "a high S": high_s(taker),
        "the attacker's signature under her key": seal(attacker.private_key, body, auth_info_bytes(victim.public_key, 0), **sealed),
        "the attacker's signature without a key": seal(attacker.private_key, body, auth_info_bytes(None, 0), **sealed),
        "her signature for another chain": exchange.sign(VICTIM, order, sequenced=False, chain_id="story-2"),
        "her signature for another account number": exchange.sign(VICTIM, order, sequenced=False, account_number=account.number + 1),
        "another memo": with_body(taker, lambda one: setattr(one, "memo", "m")),
        "another message": with_body(cancel, lambda one: one.messages[0].CopyFrom(taken)),
        "a message more": with_body(margin, lambda one: one.messages.add().CopyFrom(one.messages[0])),
        "a lower sequence to be ranked first": with_auth_info(payment, lambda one: setattr(one.signer_infos[0], "sequence", 0)),
        "another sequence in an order": with_auth_info(taker, lambda one: setattr(one.signer_infos[0], "sequence", 99)),
        "another fee": with_auth_info(margin, lambda one: setattr(one.fee, "gas_limit", 77)),
    }
    found = {name: Attack("b3", 5, tx) for name, tx in wrong.items()}
    found["the attacker's key"] = Attack("b2", 4, seal(attacker.private_key, body, auth_info_bytes(attacker.public_key, 0), **sealed))
    found["her order beside the attacker's deposit"] = Attack(
        "b1", 3, seal(attacker.private_key, both, auth_info_bytes(attacker.public_key, 0), **sealed)
    )
    for lane in ("taker", "cancel", "margin"):
        for name, tx in malleated(stage.own[lane][0]).items():
            found[f"her {lane} with {name}"] = Attack("b1", 3, tx)
    return found


def _late(stage: Stage) -> dict[str, Attack]:
    """Her own signature, under what was for another time."""
    exchange, old, next_ms = stage.exchange, stage.old, stage.next_ms
    found = {f"{name} once more": Attack("b4", 6, old[name]) for name in old if "sequence" not in name and "nonce" not in name}
    found |= {f"{name} once more": Attack("b5", 7, old[name]) for name in ("a sequence", "a nonce", "an order with a sequence")}
    for good_til_block, when in ((exchange.next_height - 1, "passed"), (exchange.next_height + 41, "too far")):
        cancel = cancel_message(VICTIM, 61)
        cancel.good_til_block = good_til_block
        order = order_message(VICTIM, 61, "buy", TENTH, PRICE, good_til_block=good_til_block)
        found[f"an order with a good-til-block {when}"] = Attack("b4", 6, exchange.sign(VICTIM, order, sequenced=False))
        found[f"a cancel with a good-til-block {when}"] = Attack("b4", 6, exchange.sign(VICTIM, cancel, sequenced=False))
    order = order_message(VICTIM, 62, "buy", TENTH, PRICE, good_til_block=exchange.next_height + 9)
    passed = exchange.next_height - 1
    found["an order with a timeout passed"] = Attack("b4", 6, exchange.sign(VICTIM, order, sequenced=False, timeout_height=passed))
    found["her next sequence with a timeout passed"] = Attack(
        "b4", 6, exchange.sign(VICTIM, deposit_message(VICTIM, 3), sequence=stage.sequence, timeout_height=passed)
    )
    found["a sequence to come"] = Attack("b5", 7, exchange.deposit(VICTIM, 4, sequence=stage.sequence + 50))
    found["a nonce of before"] = Attack("b5", 7, exchange.deposit(VICTIM, 4, sequence=next_ms - 31_000))
    found["a nonce of later"] = Attack("b5", 7, exchange.deposit(VICTIM, 4, sequence=next_ms + 31_000))
    return found


def _twice(stage: Stage) -> dict[str, Attack]:
    """What stands in the block already."""
    own = stage.own
    return {
        "her taker twice": Attack("d", 9, own["taker"][0]),
        "her maker twice": Attack("d", 9, own["maker"][0]),
        "her cancel twice": Attack("d", 9, own["cancel"][0]),
        "her deposit twice": Attack("b5", 7, own["margin"][0]),
        "her payment twice": Attack("b5", 7, own["other"][0]),
    }


def attacks(stage: Stage) -> dict[str, Attack]:
    """All of them by name."""
    return _forged(stage) | _late(stage) | _twice(stage)
