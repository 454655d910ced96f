"""Admission: one total function that gives every transaction of a set its decoded form or the rule that it breaks (design.md 3.2).

Prepare, Process and FinalizeBlock all ask it. It reads the bytes, the state after height - 1, and the height and time of the block; it
never raises, and its verdict is on the set: the order in which the transactions are listed changes nothing but who of two equal ones
counts as the first. The rules are applied in the order of the design's table, each once, to what the earlier ones left.
"""

from collections.abc import Sequence

from modules.auth.formulas import use_nonce
from modules.auth.keeper import AuthKeeper
from modules.auth.model import REMEMBERED_BLOCKS, Account
from modules.consensus.keeper import ConsensusKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.intmath import div_floor
from modules.kernel.units import Address
from node.sequencer.errors import (
    ACCOUNT,
    BLOCK_BYTES,
    BLOCK_COUNT,
    FORM,
    KIND,
    ONCE,
    QUOTA,
    SEQUENCE,
    SIGNATURE,
    WINDOW,
    Refusal,
    Rule,
)
from node.sequencer.lanes import LANE_NAMES
from node.sequencer.order import Order, canonical_order, ranks, seed_of
from node.tx.cache import TxCache
from node.tx.envelope import Tx, framed_size
from node.tx.kinds import refusal
from node.votes.preamble import Preambles

SHORT_BLOCK_WINDOW = REMEMBERED_BLOCKS - 1
"""How far above the block that carries it a good-til-block may be."""
_NANOSECONDS_PER_MILLISECOND = 1_000_000


class Sources:
    """What the sequencer reads: decoded transactions, accounts, limits and validator sets. One per application."""

    __slots__ = ("auth", "cache", "consensus", "order", "preambles")

    def __init__(self, cache: TxCache, auth: AuthKeeper, consensus: ConsensusKeeper, order: Order = canonical_order) -> None:
        """`order` is the chain's one order; only a comparison of orders has another."""
        self.cache = cache
        self.auth = auth
        self.consensus = consensus
        self.order = order
        self.preambles = Preambles(consensus)


class Admission:
    """The verdict on a set. Positions are those of the list that was judged."""

    __slots__ = ("hashes", "order", "refusals", "txs", "used_accounts")

    txs: list[Tx | None]
    """Decoded form by position, also of refused ones; None where there is none."""
    refusals: dict[int, Refusal]
    """By position, for every transaction that is not admitted."""
    order: list[tuple[int, Tx]]
    """The admitted transactions in canonical order: the block's one valid order, and the order of execution."""
    used_accounts: list[tuple[Address, Account]]
    """Accounts as they are once the admitted sequences, nonces and first keys are used, by address; only those that change."""
    hashes: list[bytes]
    """Of the admitted unsequenced transactions: they may not come again."""


def block_time_ms(ctx: Context) -> int:
    """The time of the block of `ctx` in whole milliseconds, rounded down."""
    return div_floor(ctx.time_ns, _NANOSECONDS_PER_MILLISECOND)


def admit(ctx: Context, sources: Sources, txs: Sequence[bytes], app_hash: bytes, first: int = 0) -> Admission:
    """The verdict on `txs[first:]`. `app_hash` is the state's after height - 1; what stands before `first` counts for bytes only."""
    sieve = Sieve(ctx, sources, txs, first)
    sieve.apply_rules_of_one()
    sieve.apply_sequences()
    sieve.apply_kind_and_once()
    sieve.apply_quota()
    seed = seed_of(ctx.chain_id, ctx.height, app_hash)
    sieve.apply_block_limits(seed, sum(framed_size(raw) for raw in txs[:first]))
    return sieve.verdict(seed)


class Sieve:
    """The rules, one after the other; `left` is what the rules so far have left, by position; `accounts` those of its signers."""

    __slots__ = ("_chains", "_ctx", "_first", "_nonces", "_raw", "_sources", "_txs", "accounts", "left", "params", "refusals")

    def __init__(self, ctx: Context, sources: Sources, txs: Sequence[bytes], first: int = 0) -> None:
        self._ctx = ctx
        self._sources = sources
        self._raw = txs
        self._first = first
        self._txs: list[Tx | None] = [None] * len(txs)
        self.accounts: dict[Address, Account] = {}
        self._chains: dict[Address, list[int]] = {}
        self._nonces: dict[Address, list[int]] = {}
        self.params = sources.consensus.params(ctx)
        self.left: dict[int, Tx] = {}
        self.refusals: dict[int, Refusal] = {}

    def _refuse(self, position: int, rule: Rule, detail: str) -> None:
        self.refusals[position] = Refusal(rule, detail)
        self.left.pop(position, None)

    def apply_rules_of_one(self) -> None:
        """(b1) form, (b2) account, (b3) signature, (b4) window: each transaction for itself."""
        remembered = self._sources.auth.remembered(self._ctx)
        read = self._sources.cache.read
        for position in range(self._first, len(self._raw)):
            raw = self._raw[position]
            if len(raw) > self.params.max_tx_bytes:
                self._refuse(position, FORM, f"it has {len(raw)} bytes, more than {self.params.max_tx_bytes}")
                continue
            try:
                tx = self._txs[position] = read(raw)
            except ChainError as error:
                self._refuse(position, FORM, error.log)
                continue
            broken = self._broken_rule(tx, remembered)
            if broken is None:
                self.left[position] = tx
            else:
                self.refusals[position] = broken

    def _broken_rule(self, tx: Tx, remembered: tuple[frozenset[bytes], ...]) -> Refusal | None:
        account = self.accounts.get(tx.signer)
        if account is None:
            account = self._sources.auth.account(self._ctx, tx.signer)
            if account is None:
                return Refusal(ACCOUNT, f"account {addresses.to_text(tx.signer)} does not exist")
            self.accounts[tx.signer] = account
        key = tx.public_key or account.public_key
        if not key or tx.has_foreign_key:
            missing = "is not known yet" if not key else "sent along is another's"
            return Refusal(ACCOUNT, f"the public key of {addresses.to_text(tx.signer)} {missing}")
        if not tx.is_signed_by(key, account.number, self._ctx.chain_id):
            return Refusal(SIGNATURE, f"account number {account.number}, chain id {self._ctx.chain_id}")
        reason = window_problem(tx, self._ctx.height, remembered)
        return Refusal(WINDOW, reason) if reason else None

    def apply_sequences(self, *, keep_rivals: bool = False) -> None:
        """(b5) Of an account s, s + 1, … from its sequence s, in whatever lanes, the lowest hash of equal ones; nonces ascending.

        With `keep_rivals` equal ones stay beside each other: a proposer picks one of them.
        """
        by_account: dict[Address, list[int]] = {}
        for position, tx in self.left.items():
            if not tx.good_til_blocks:
                by_account.setdefault(tx.signer, []).append(position)
        left = self.left
        for signer, members in by_account.items():
            if len(members) > 1:
                members.sort(key=lambda position: left[position].tail)
            account = self.accounts[signer]
            expected = account.sequence
            last = -1
            chain: list[int] = []
            nonces: list[int] = []
            for position in members:
                tx = left[position]
                if keep_rivals and tx.sequence == last:
                    continue
                if tx.has_timestamp_nonce:
                    after = use_nonce(account, tx.sequence, block_time_ms(self._ctx))
                    if isinstance(after, str):
                        self._refuse(position, SEQUENCE, after)
                        continue
                    account = after
                    nonces.append(position)
                elif tx.sequence == expected:
                    chain.append(position)
                    expected += 1
                else:
                    self._refuse(position, SEQUENCE, f"account sequence mismatch, expected {expected}, got {tx.sequence}")
                    continue
                last = tx.sequence
            if chain:
                self._chains[signer] = chain
            if nonces:
                self._nonces[signer] = nonces

    def apply_kind_and_once(self) -> None:
        """(c) Only messages a user may send. (d) No hash twice; the first counts."""
        seen: dict[bytes, None] = {}
        for position, tx in list(self.left.items()):
            if tx.internal_message:
                self._refuse(position, KIND, refusal(tx.internal_message))
            elif tx.hash in seen:
                self._refuse(position, ONCE, f"{tx.hash.hex().upper()} stands in it before")
            else:
                seen[tx.hash] = None
        self._drop_successors()

    def apply_quota(self) -> None:
        """(f) At most the quota of one account in one lane; the lowest ranks count."""
        quota = self.params.quota_per_account_and_lane
        if len(self.left) <= quota:
            return
        members = list(self.left.items())
        for (position, tx), rank in zip(members, ranks([tx for _, tx in members]), strict=True):
            if rank >= quota:
                self._refuse(position, QUOTA, f"{addresses.to_text(tx.signer)} has more than {quota} in lane {LANE_NAMES[tx.lane]}")
        self._drop_successors()

    def apply_block_limits(self, seed: bytes, bytes_taken: int) -> None:
        """(f) At most the number and then the bytes of a block; the canonically first stay."""
        count, size = self.params.max_block_txs, self.params.max_block_bytes
        if len(self.left) > count:
            for position, _ in self.ordered(seed)[count:]:
                self._refuse(position, BLOCK_COUNT, f"a block takes {count} transactions")
            self._drop_successors()
        if bytes_taken + sum([tx.framed_size for tx in self.left.values()]) > size:
            for position, tx in self.ordered(seed):
                bytes_taken += tx.framed_size
                if bytes_taken > size:
                    self._refuse(position, BLOCK_BYTES, f"a block takes {size} bytes")
            self._drop_successors()

    def _drop_successors(self) -> None:
        """Where a sequenced transaction is dropped, the account's later sequences have nothing to follow."""
        for chain in self._chains.values():
            broken = False
            for position in chain:
                if position not in self.left:
                    broken = True
                elif broken:
                    self._refuse(position, SEQUENCE, "the transaction with a sequence before it is left out")

    def ordered(self, seed: bytes) -> list[tuple[int, Tx]]:
        """What is left, by position and in the chain's order."""
        members = list(self.left.items())
        return [members[index] for index in self._sources.order(seed, [tx for _, tx in members])]

    def verdict(self, seed: bytes) -> Admission:
        """The admission of what is left."""
        found = Admission()
        found.txs = self._txs
        found.refusals = self.refusals
        found.order = self.ordered(seed)
        found.hashes = [tx.hash for _, tx in found.order if tx.good_til_blocks]
        found.used_accounts = self._used_accounts()
        return found

    def _used_accounts(self) -> list[tuple[Address, Account]]:
        left = self.left
        after: dict[Address, Account] = {}
        for signer, chain in self._chains.items():
            used = len([position for position in chain if position in left])
            if used:
                account = self.accounts[signer]
                after[signer] = account._replace(sequence=account.sequence + used)
        for signer, members in self._nonces.items():
            account = after.get(signer) or self.accounts[signer]
            for position in members:
                if position in left:
                    # Leaving some out never makes a later one unacceptable: each bound only falls.
                    following = use_nonce(account, left[position].sequence, block_time_ms(self._ctx))
                    assert isinstance(following, Account), following
                    account = after[signer] = following
        for tx in left.values():
            if tx.public_key:
                account = after.get(tx.signer) or self.accounts[tx.signer]
                if not account.public_key:
                    after[tx.signer] = account._replace(public_key=tx.public_key)
        return sorted(after.items())


def window_problem(tx: Tx, height: int, remembered: tuple[frozenset[bytes], ...]) -> str:
    """(b4) Why the transaction is not for the block at `height`; empty if it is."""
    if 0 < tx.timeout_height < height:
        return f"its timeout height {tx.timeout_height} has passed, the block is {height}"
    for good_til_block in tx.good_til_blocks:
        if not height <= good_til_block <= height + SHORT_BLOCK_WINDOW:
            return f"good_til_block {good_til_block} is not from {height} to {height + SHORT_BLOCK_WINDOW}"
    if tx.good_til_blocks:
        for hashes in remembered:
            if tx.hash in hashes:
                return f"it was in one of the last {REMEMBERED_BLOCKS} blocks"
    return ""
