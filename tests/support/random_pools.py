"""Random mempools for the next block of a running chain: of everything that a strict node may find in one, most of it admissible.

Sequences that run on and jump between lanes, rivals for one sequence, gaps, timestamp nonces, bundles, floods of one account, cancels and
orders of every lane; and what no block may hold: garbage, forgeries, strangers, the expired, the replayed and the far too large.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from modules.auth.model import FIRST_TIMESTAMP_NONCE
from modules.kernel.context import Context
from node.app import App
from node.tx.signer import sign_tx
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from support.exchange import USDC, committed
from support.sequencing import Signer
from support.trader_messages import LONG_TERM, cancel_message, deposit_message, order_message, text_of, transfer_message

STRANGER = "stranger"
PRICE, TICK, STEP = 6_012_300_000, 100_000, 1_000_000_000
REPLAYS = 40
HUGE_BYTES = 70_000


class Following(NamedTuple):
    """A sequenced transaction, and others that would take its place."""

    raw: bytes
    rivals: tuple[bytes, ...]


class Library(NamedTuple):
    """What can be said at one height."""

    chains: list[list[Following]]
    """Per account the transactions from its committed sequence on."""
    free: list[bytes]
    """Admissible whatever else is in the pool: nonces and short-term messages."""
    bad: list[bytes]
    """In no block, whatever else is in the pool."""


class RandomPools:
    """Libraries and pools for one chain, from a seed. `app` follows the chain, to read accounts from."""

    def __init__(self, app: App, names: Sequence[str], seed: int, chain_id: str) -> None:
        self._app = app
        self._names = names
        self._random = Random(seed)
        self._chain_id = chain_id
        self._client_id = 0
        self._past: list[bytes] = []
        """Short-term transactions of earlier libraries: in a block since, or still good, or expired."""

    @property
    def _ctx(self) -> Context:
        return committed(self._app)

    def library(self, height: int, time_ns: int) -> Library:
        """For the block of this height and time."""
        found = Library([], [], [])
        for name in self._names:
            found.chains.append(self._chain(name, height, time_ns))
            found.free.extend(self._short_term(name, height, 4))
            found.free.extend(self._nonces(name, time_ns))
            found.bad.extend(self._bad(name, height, time_ns))
        found.free.extend(self._short_term(self._random.choice(self._names), height, 40))
        found.bad.extend(self._rubbish(found.free))
        self._past = [*self._random.sample(self._past, min(len(self._past), REPLAYS)), *found.free[:REPLAYS]]
        return found

    def pool(self, library: Library) -> list[bytes]:
        """A random part of it in random order: mostly good ones, of which some have gaps before them, rivals or twins."""
        random = self._random
        share = random.choice((0.3, 0.5, 0.9))
        pool: list[bytes] = []
        for chain in library.chains:
            for one in chain[: random.randint(0, len(chain))]:
                if random.random() < 0.98:
                    pool.append(one.raw)
                pool.extend(rival for rival in one.rivals if random.random() < 0.25)
        pool.extend(raw for raw in library.free if random.random() < share)
        bad = [*library.bad, *self._past]
        pool.extend(random.sample(bad, min(len(bad), len(pool) // 7)))
        pool.extend(random.sample(pool, len(pool) // 20))
        random.shuffle(pool)
        return pool

    # Good ones

    def _sign(self, name: str, *messages: Any, sequence: int = 0, **changes: Any) -> bytes:
        account = self._app.wiring.auth.keeper.account(self._ctx, Signer(name).address)
        arguments: dict[str, Any] = {"account_number": account.number if account else 99, "chain_id": self._chain_id}
        signed: bytes = sign_tx(Signer(name).private_key, messages, sequence=sequence, **(arguments | changes))
        return signed

    def _next_sequence(self, name: str) -> int:
        account = self._app.wiring.auth.keeper.account(self._ctx, Signer(name).address)
        assert account is not None
        return account.sequence

    def _next_id(self) -> int:
        self._client_id += 1
        return self._client_id

    def _order(self, name: str, **terms: Any) -> Any:
        """Around the middle, so that some meet."""
        random = self._random
        side = random.choice(("buy", "sell"))
        size, price = random.randint(1, 5) * STEP, PRICE + random.randint(-30, 30) * TICK
        return order_message(name, self._next_id(), side, size, price, **terms)

    def _sequenced_message(self, name: str, seconds: int) -> list[Any]:
        random = self._random
        cancel = cancel_message(name, random.randint(1, self._client_id + 1), flags=LONG_TERM)
        cancel.good_til_block_time = seconds + 1_000
        sent = bank_pb2.MsgSend(from_address=text_of(name), to_address=text_of(random.choice(self._names)))
        sent.amount.add(denom=USDC, amount=str(random.randint(1, 1000)))
        withdrawn = transfer_pb2.MsgWithdrawFromSubaccount(recipient=text_of(name), quantums=random.randint(1, 10**6))
        withdrawn.sender.owner = text_of(name)
        single = (
            self._order(name, good_til_time=seconds + random.randint(1, 60)),
            self._order(name, good_til_time=seconds + 60, tif="post_only"),
            cancel,
            sent,
            withdrawn,
            deposit_message(name, random.randint(1, 10**6)),
            transfer_message(name, random.randint(1, 10**6), to_number=1),
        )
        return random.sample(single, 2 if random.random() < 0.15 else 1)

    def _chain(self, name: str, height: int, time_ns: int) -> list[Following]:
        random, first = self._random, self._next_sequence(name)
        seconds = time_ns // 10**9
        found = []
        for sequence in range(first, first + 8):
            signed = []
            for _ in range(random.choice((1, 1, 1, 2, 3))):
                memo = "m" * (random.randint(300, 900) if random.random() < 0.15 else random.randint(0, 60))
                messages = self._sequenced_message(name, seconds)
                timeout = random.choice((0, height, height + 9))
                signed.append(self._sign(name, *messages, sequence=sequence, memo=memo, timeout_height=timeout))
            found.append(Following(signed[0], tuple(signed[1:])))
        return found

    def _short_term(self, name: str, height: int, count: int) -> list[bytes]:
        random = self._random
        found = []
        for _ in range(count):
            until = height + random.randint(0, 40)
            cancel = cancel_message(name, random.randint(1, self._client_id + 1))
            cancel.good_til_block = until
            batch = clob_pb2.MsgBatchCancel(good_til_block=until)
            batch.subaccount_id.owner = text_of(name)
            batch.short_term_cancels.add(clob_pair_id=0, client_ids=random.sample(range(self._client_id + 5), 3))
            tif = random.choice(("rest", "ioc", "post_only"))
            taken = random.choices([cancel, batch, self._order(name, good_til_block=until, tif=tif)], (2, 1, 5))
            found.append(self._sign(name, *taken, sequence=random.randint(0, 3), memo="m" * random.randint(0, 90)))
        return found

    def _nonces(self, name: str, time_ns: int) -> list[bytes]:
        """Two with different nonces, and of one of them sometimes a rival, which only its hash tells from it."""
        now = time_ns // 10**6
        found: list[bytes] = []
        for nonce in self._random.sample(range(now - 5_000, now + 29_000), 2):
            messages = [self._sequenced_message(name, time_ns // 10**9) for _ in range(self._random.choice((1, 1, 2)))]
            found.extend(self._sign(name, *one, sequence=nonce) for one in messages)
        return found

    # Bad ones

    def _bad(self, name: str, height: int, time_ns: int) -> list[bytes]:
        """Everything that a signer can do wrong, or another in his name."""
        random, sequence = self._random, self._next_sequence(name)
        deposit = deposit_message(name, random.randint(1, 1000))
        forged = bytearray(self._sign(name, deposit, sequence=sequence))
        forged[-random.randint(1, 60)] ^= 1
        other = random.choice([one for one in self._names if one != name])
        return [
            self._sign(name, self._order(name, good_til_block=height - 1)),
            self._sign(name, self._order(name, good_til_block=height + 41)),
            self._sign(name, deposit, sequence=sequence, timeout_height=max(1, height - 1)) if height > 1 else b"\x0a",
            self._sign(name, deposit, sequence=sequence, chain_id="another"),
            self._sign(name, deposit, sequence=sequence + 1_000),
            self._sign(name, deposit, sequence=max(0, sequence - 1)) if sequence else b"",
            self._sign(name, deposit, sequence=time_ns // 10**6 - 31_000),
            self._sign(name, deposit, sequence=FIRST_TIMESTAMP_NONCE),
            self._sign(name, transfer_pb2.MsgSendFromModuleToAccount(authority=text_of(name)), sequence=sequence),
            self._sign(name, deposit_message(other, 5), sequence=sequence),
            self._sign(name, deposit, deposit_message(other, 5), sequence=sequence),
            self._sign(STRANGER, self._order(STRANGER, good_til_block=height)),
            bytes(forged),
        ]

    def _rubbish(self, good: Sequence[bytes]) -> list[bytes]:
        random, name = self._random, self._names[0]
        one = random.choice(good)
        huge = self._sign(name, deposit_message(name, 1), memo="m" * HUGE_BYTES, sequence=self._next_sequence(name))
        return [
            b"",
            b"garbage",
            bytes(300),
            random.randbytes(random.randint(1, 400)),
            one[:-1],
            one + b"\x22\x01x",
            bytes((one[0], one[1] | 128, 0)) + one[2:],
            huge,
        ]
