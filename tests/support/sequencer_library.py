"""Many transactions of many accounts on a desk (`support.sequencing`), good ones and bad ones, each with its facts; and large sets."""

from collections.abc import Sequence
from random import Random
from typing import Any

from modules.auth.model import Account
from modules.consensus.model import SequencerParams
from node.store.state import LiveState
from perpd_proto.dydxprotocol.sending import transfer_pb2
from support.sequencer_twins import TENTH, Known, account, known
from support.sequencing import APP_HASH, CHAIN_ID, HEIGHT, TIME_MS, TIME_NS, Desk, Signer
from support.slow import admission
from support.slow.order import OTHER
from support.slow.real import protobuf
from support.slow.world import LONG_TERM, POST_ONLY, SHORT_TERM, Order

FIRST_NUMBER = 100
GOOD_TIL = HEIGHT + 10
GOOD_TIL_SECONDS = TIME_NS // 10**9 + 1_000


class Crew:
    """A desk with accounts of its own, `count` of them; transactions are signed once, by number of the account."""

    def __init__(self, count: int, random: Random) -> None:
        self.desk, self.random = Desk(), random
        self.people = [Signer(f"crew {number}") for number in range(count)]
        self.states: dict[bytes, admission.Signer] = {}
        for number in range(count):
            self.set_account(number, admission.Signer(sequence=random.choice((0, 3))))

    def set_account(self, number: int, state: admission.Signer) -> None:
        """The account as of the block before."""
        who = self.people[number]
        key = who.public_key if state.key_is_known else b""
        held = Account(FIRST_NUMBER + number, state.sequence, key, state.nonces, state.max_ejected_nonce)
        self.desk.wiring.auth.keeper.consume(self.desk.ctx, [(who.address, held)])
        self._settle()
        self.states[who.address] = state

    def sign(self, number: int, messages: Sequence[dict[str, Any]], sequence: int, **changes: Any) -> Known:
        """`changes` are of sign_tx, but `facts` is what they break."""
        who, facts = self.people[number], changes.pop("facts", {})
        raw = self.desk.sign(who, *map(protobuf, messages), **({"sequence": sequence, "account_number": FIRST_NUMBER + number} | changes))
        return known(raw, who.name, list(messages), sequence, **facts)

    def block(self, params: SequencerParams) -> admission.Block:
        """What the desk's block is judged by; the desk has these limits from now on."""
        self.desk.wiring.consensus.keeper.set_params(self.desk.ctx, params)
        self._settle()
        limits = params.quota_per_account_and_lane, params.max_block_txs, params.max_block_bytes, params.max_tx_bytes
        return admission.Block(CHAIN_ID, HEIGHT, TIME_MS, APP_HASH, self.states, *limits)

    def _settle(self) -> None:
        """What was written is not to be undone."""
        state = self.desk.ctx.state
        assert isinstance(state, LiveState)
        state.forget()

    # Messages

    def short_term(self, number: int) -> dict[str, Any]:
        """Lane 1, 3 or 4, for an unsequenced transaction."""
        kind = self.random.randrange(3)
        who, client_id = account(self.people[number].name), self.random.randrange(50)
        if kind == 0:
            return {"kind": "cancel", "name": (0, who, SHORT_TERM, client_id), "good_til": GOOD_TIL}
        order = Order(who, client_id, SHORT_TERM, 0, buys=True, quantums=TENTH, subticks=6_000_000_000, good_til=GOOD_TIL)
        return {"kind": "place", "order": order._replace(time_in_force=POST_ONLY if kind == 1 else 0)}

    def sequenced(self, number: int) -> dict[str, Any]:
        """Any of the five lanes."""
        who, client_id = account(self.people[number].name), self.random.randrange(50)
        order = Order(who, client_id, LONG_TERM, 0, buys=True, quantums=TENTH, subticks=6_000_000_000, good_til=GOOD_TIL_SECONDS)
        amount = self.random.randrange(1, 10**6)
        return self.random.choice(
            (
                {"kind": "cancel", "name": order.name, "good_til": GOOD_TIL_SECONDS},
                {"kind": "deposit", "sender": who[0], "recipient": who, "amount": amount},
                {"kind": "place", "order": order._replace(time_in_force=POST_ONLY)},
                {"kind": "place", "order": order},
                {"kind": "withdraw", "sender": who, "recipient": who[0], "amount": amount},
            )
        )

    def memo(self) -> str:
        """Transactions are of different sizes."""
        return "x" * self.random.choice((0, 0, 3, 50, 200))

    def good_set(self, size: int) -> list[Known]:
        """Admissible as a whole: chains of sequences through all lanes, short-term messages, a few nonces."""
        left = {number: self.states[who.address].sequence for number, who in enumerate(self.people)}
        nonces = dict.fromkeys(left, 0)
        found: dict[bytes, Known] = {}
        while len(found) < size:
            number, kind = self.random.randrange(len(self.people)), self.random.randrange(10)
            if kind < 5:
                made = self.sign(number, [self.short_term(number)], self.random.randrange(4), memo=self.memo())
            elif kind < 9 or nonces[number] == admission.NONCES_HELD:
                made = self.sign(number, [self.sequenced(number)], left[number], memo=self.memo())
                left[number] += 1
            else:
                made = self.sign(number, [self.sequenced(number)], TIME_MS + nonces[number], memo=self.memo())
                nonces[number] += 1
            found.setdefault(made.raw, made)
        return list(found.values())

    def library(self, chain: int) -> list[Known]:
        """For every account a chain of so many sequences with rivals and internal messages, nonces, and something for every rule."""
        found: list[Known] = []
        for number, who in enumerate(self.people):
            first = self.states[who.address].sequence
            for sequence in range(first, first + chain):
                rivals = self.random.choice((1, 1, 1, 2, 3))
                found += [self.sign(number, [self.sequenced(number)], sequence, memo=self.memo()) for _ in range(rivals)]
                if self.random.randrange(6) == 0:
                    found.append(self._internal(number, sequence))
            found += [self.sign(number, [self.short_term(number)], self.random.randrange(3), memo=self.memo()) for _ in range(10)]
            for offset in (-30_001, -30_000, -7, -6, 0, 0, 1, 30_000, 30_001):
                found.append(self.sign(number, [self.sequenced(number)], TIME_MS + offset, memo=self.memo()))
            found += self._broken(number, first)
        garbage = [known(raw, "nobody", [], 0, is_well_formed=False) for raw in (b"", b"garbage", bytes(200), found[0].raw[:-1])]
        return list({tx.raw: tx for tx in [*found, *garbage]}.values())

    def _internal(self, number: int, sequence: int) -> Known:
        who = self.people[number]
        message = transfer_pb2.MsgSendFromModuleToAccount(authority=who.text)
        raw = self.desk.sign(who, message, sequence=sequence, account_number=FIRST_NUMBER + number, memo=self.memo())
        return known(raw, who.name, [], sequence, lane=OTHER, kinds_are_for_users=False)

    def _broken(self, number: int, first: int) -> list[Known]:
        """Of one account something against (b2) to (b5), as it would otherwise fit."""
        short, sequenced = self.short_term(number), self.sequenced(number)
        outside = self.short_term(number)
        late = {"order": outside["order"]._replace(good_til=HEIGHT - 1)} if "order" in outside else {"good_til": HEIGHT + 41}
        forged = {"signature_is_valid": False}
        key_is_missing = {"with_public_key": False, "facts": {"sends_key": False}}
        return [
            self.sign(number, [short], 7, **key_is_missing),
            self.sign(number, [sequenced], first, **key_is_missing),
            self.sign(number, [short], 8, chain_id="another", facts=forged),
            self.sign(number, [sequenced], first, account_number=1, facts=forged),
            self.sign(number, [sequenced], first + 1, timeout_height=HEIGHT - 1, facts={"timeout_height": HEIGHT - 1}),
            self.sign(number, [outside | late], 0),
            self.sign(number, [sequenced], first + 40),
            self.sign(number, [sequenced], max(first - 1, 0), memo="before"),
        ]
