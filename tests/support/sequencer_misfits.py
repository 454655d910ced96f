"""Transactions that a block must not hold, a few for each rule of admission, each with the fact that is wrong about it."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from node.tx.signer import auth_info_bytes, body_bytes, seal
from perpd_proto.dydxprotocol.sending import transfer_pb2
from support.exchange import OpenExchange
from support.sequencer_twins import TENTH, Known, account, known
from support.sequencer_universe import deposit, opened, transfer, withdraw
from support.sequencing import STRANGER, Signer
from support.slow.order import OTHER
from support.slow.real import protobuf
from support.slow.world import LONG_TERM, POST_ONLY

MOST_TX_BYTES = 1_024
QUOTA = 4
HELD_NONCES = 20
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1: with s, order - s satisfies the equation too."""
FAR_BELOW = 5_900_000_000
"""A price at which nothing trades."""


class Misfits:
    """What the next block must not hold; `groups` by name, each of one or more transactions that belong together.

    Erin holds as many timestamp nonces as one can, dave has used one, and an order of carol's was in a block already.
    """

    def __init__(self, open_exchange: OpenExchange, **limits: Any) -> None:
        self.twins = twins = opened(open_exchange, **({"max_tx_bytes": MOST_TX_BYTES, "quota_per_account_and_lane": QUOTA} | limits))
        self.replayed = twins.sign("carol", twins.order("carol", 9, "buy", TENTH, FAR_BELOW), sequence=0)
        self.first_nonce = nonce = twins.next_time_ns // 1_000_000
        self.used = twins.sign("dave", deposit("dave", 1), sequence=nonce)
        for start in range(0, HELD_NONCES, 2 * QUOTA):
            held = [nonce + number for number in range(start, min(start + 2 * QUOTA, HELD_NONCES))]
            txs = [twins.sign("erin", deposit("erin", 2 + one % QUOTA), sequence=one) for one in held[:QUOTA]]
            txs += [twins.sign("erin", withdraw("erin", 1), sequence=one) for one in held[QUOTA:]]
            twins.block([*txs, self.replayed, self.used] if start == 0 else txs)
        block = twins.facts_of_block([])
        self.height, self.time_ms = block.height, block.time_ms
        self.good = twins.sign("erin", deposit("erin", 7), sequence=0)
        """What most of the broken ones are made of."""

    def groups(self, members: list[Known]) -> dict[str, list[Known]]:
        """By name. `members` are the good ones of the block."""
        replayed = known(self.replayed.raw, "carol", self.replayed.slow.messages, 0, is_remembered=True)
        return {
            **self._badly_formed(),
            **self._badly_signed(),
            **self._out_of_window(),
            **self._out_of_sequence(),
            "remembered": [replayed],
            "kind with a follower": [self._internal("carol", 2), self._deposit("carol", 3)],
            "kind with the lower hash": self._internal_and_rival(is_lower=True),
            "kind with the higher hash": self._internal_and_rival(is_lower=False),
            "unsequenced twice": [members[5]],
            "sequenced twice": [members[0]],
            "flood": [self._buy("dave", client, sequence=client % 3) for client in range(20, 26)],
            "flood in sequence": [*(self._deposit("erin", one) for one in range(QUOTA + 2)), self._cancel("erin", QUOTA + 2)],
        }

    def padding(self) -> list[Known]:
        """Thirty good unsequenced ones of three lanes, of 400 to 900 bytes."""
        found = []
        for number, name in enumerate(("alice", "bob", "carol", "dave", "erin") * 2):
            memo = "x" * (100 + 50 * number)
            found.append(self.twins.sign(name, self.twins.cancel(name, 30 + number), sequence=number, memo=memo))
            found.append(self._buy(name, 40 + number, sequence=number, memo=memo))
            found.append(self._buy(name, 60 + number, sequence=number, memo=memo, time_in_force=POST_ONLY))
        return found

    def _deposit(self, name: str, sequence: int, dollars: int = 3, **changes: Any) -> Known:
        return self.twins.sign(name, deposit(name, dollars), sequence=sequence, **changes)

    def _cancel(self, name: str, sequence: int) -> Known:
        return self.twins.sign(name, self.twins.cancel(name, 2, LONG_TERM), sequence=sequence)

    def _buy(self, name: str, client_id: int, sequence: int = 0, memo: str = "", **changes: Any) -> Known:
        order = self.twins.order(name, client_id, "buy", TENTH, FAR_BELOW, **changes)
        return self.twins.sign(name, order, sequence=sequence, memo=memo)

    def _internal(self, name: str, sequence: int) -> Known:
        """A message that users may not send."""
        message = transfer_pb2.MsgSendFromModuleToAccount(authority=Signer(name).text)
        raw = self.twins.exchange.sign(name, message, sequence=sequence)
        return known(raw, name, [], sequence, lane=OTHER, kinds_are_for_users=False)

    def _internal_and_rival(self, *, is_lower: bool) -> list[Known]:
        """Two of one sequence, the internal one with the lower or the higher hash."""
        internal = self._internal("erin", 0)
        rivals = (self._deposit("erin", 0, dollars) for dollars in range(20, 200))
        below = internal.slow.facts.tx_hash
        return [internal, next(one for one in rivals if (below < one.slow.facts.tx_hash) == is_lower)]

    def _badly_formed(self) -> dict[str, list[Known]]:
        good = self.good.raw
        both = self.twins.exchange.sign("alice", *map(protobuf, (deposit("alice", 1), deposit("bob", 1))), sequence=2)
        broken = {
            "garbage": b"garbage",
            "nothing": b"",
            "cut short": good[:-5],
            "a longer length": good[:1] + _padded(good[1:]),
            "a field more": good + b"\x22\x00",
            "two signatures": good + good[-66:],
            "another preamble": self.twins.preamble()[0],
        }
        found = {name: [known(raw, "erin", [], 0, is_well_formed=False)] for name, raw in broken.items()}
        found["two signers"] = [known(both, "alice", [], 2, signers=2)]
        found["too large"] = [self._deposit("erin", 0, memo="x" * MOST_TX_BYTES)]
        return found

    def _badly_signed(self) -> dict[str, list[Known]]:
        exchange, good = self.twins.exchange, self.good.raw
        stranger = exchange.sign(STRANGER.name, protobuf(deposit(STRANGER.name, 1)), sequence=0)
        alices = body_bytes([protobuf(deposit("alice", 1))])
        foreign = seal(
            Signer("bob").private_key, alices, auth_info_bytes(Signer("bob").public_key, 2), account_number=1, chain_id="story-1"
        )
        wrong = {"signature_is_valid": False}
        high_s = CURVE_ORDER - int.from_bytes(good[-32:], "big")
        return {
            "stranger": [known(stranger, STRANGER.name, [], 0, lane=2)],
            "foreign key": [known(foreign, "alice", [], 2, lane=2, key_is_the_accounts=False)],
            "unknown key": [self._deposit("frank", 0, with_public_key=False, facts={"sends_key": False})],
            "other chain": [self._deposit("erin", 0, 5, chain_id="story-2", facts=wrong)],
            "other number": [self._deposit("erin", 0, 5, account_number=77, facts=wrong)],
            "high S": [known(good[:-32] + high_s.to_bytes(32, "big"), "erin", [], 0, lane=2, **wrong)],
            "flipped bit": [known(good[:-1] + bytes((good[-1] ^ 1,)), "erin", [], 0, lane=2, **wrong)],
        }

    def _out_of_window(self) -> dict[str, list[Known]]:
        late, early = self.height - 1, self.height + 41
        cancel = self.twins.cancel("erin", 1)
        return {
            "timeout": [self._deposit("erin", 0, timeout_height=late, facts={"timeout_height": late})],
            "good-til too low": [self._buy("erin", 1, good_til=late)],
            "good-til too high": [self._buy("erin", 1, good_til=early)],
            "one of two too high": [self.twins.sign("erin", cancel, cancel | {"good_til": early}, sequence=0)],
        }

    def _out_of_sequence(self) -> dict[str, list[Known]]:
        now = self.time_ms
        return {
            "gap": [self._deposit("erin", 1, 9), self._cancel("erin", 2)],
            "used sequence": [self._deposit("alice", 1)],
            "rivals": [self._deposit("erin", 0, dollars) for dollars in (10, 11, 12)] + [self._deposit("erin", 1)],
            "rival of a good one": [self._deposit("alice", 2)],
            "used nonce": [self._deposit("dave", self.first_nonce, 6)],
            "old nonce": [self._deposit("bob", now - 30_001)],
            "early nonce": [self._deposit("bob", now + 30_001)],
            "equal nonces": [self._deposit("bob", now, dollars) for dollars in (1, 2, 3)],
            "nonce below all held": [self._deposit("erin", self.first_nonce - 1)],
            "nonces beside all held": [
                *(self._deposit("erin", self.first_nonce + HELD_NONCES + one) for one in (5, 3)),
                self._deposit("erin", self.first_nonce + 3, 8),
                self.twins.sign("erin", transfer(account("erin"), account("bob"), 1), sequence=now + 30_000),
            ],
        }


def _padded(rest: bytes) -> bytes:
    """The length that this begins with, one byte longer than it must be."""
    end = next(index for index, byte in enumerate(rest) if byte < 0x80)
    return rest[:end] + bytes((rest[end] | 0x80, 0)) + rest[end + 1 :]


def shuffles(txs: list[Known], shuffle: Callable[[list[Known]], None], count: int) -> list[list[Known]]:
    """The list in that many other orders."""
    found = []
    for _ in range(count):
        listed = list(txs)
        shuffle(listed)
        found.append(listed)
    return found


def by_hash(txs: list[Known], codes: dict[int, int]) -> dict[bytes, list[int]]:
    """The codes of each transaction of a list, of equal ones sorted."""
    found: dict[bytes, list[int]] = {}
    for position, tx in enumerate(txs):
        found.setdefault(sha256(tx.raw).digest(), []).append(codes[position])
    return {name: sorted(values) for name, values in found.items()}
