"""Admission from the text of design.md 3.2 alone (nonces: client-surface.md 3.5): plain facts about each transaction, quadratic."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from support.slow.order import Ticket, block_seed, canonical_order, rank

FORM, ACCOUNT, SIGNATURE, WINDOW, SEQUENCE, KIND, ONCE, QUOTA, COUNT, BYTES = 3, 4, 5, 6, 7, 8, 9, 11, 12, 13
"""Codes of codespace `sequencer`, as FinalizeBlock reports them; 0 is admitted."""
ORDER = 10
RULES = {0: "", 3: "b1", 4: "b2", 5: "b3", 6: "b4", 7: "b5", 8: "c", 9: "d", 10: "e", 11: "f", 12: "f", 13: "f"}
"""The rule of the table behind each code."""

WINDOW_BLOCKS = 40
FIRST_NONCE = 2**40
NONCE_WINDOW_MS = 30_000
NONCES_HELD = 20


@dataclass(frozen=True)
class Facts:
    """What is to be known of one transaction of a list. The defaults are those of a good one."""

    tx_hash: bytes
    size_bytes: int
    account: bytes = b""
    """Its signer's 20 bytes."""
    sequence: int = 0
    lane: int = 0
    good_til_blocks: tuple[int, ...] = ()
    """Of its messages, where all are short-term orders and cancels: then it is unsequenced."""
    is_well_formed: bool = True
    signers: int = 1
    key_is_the_accounts: bool = True
    sends_key: bool = True
    signature_is_valid: bool = True
    timeout_height: int = 0
    is_remembered: bool = False
    kinds_are_for_users: bool = True

    @property
    def ticket(self) -> Ticket:
        """What its place depends on."""
        return Ticket(self.lane, self.account, self.sequence, self.tx_hash)

    @property
    def framed_bytes(self) -> int:
        """Its share of a block, with tag and length, as the engine counts."""
        length_bytes = 1
        while self.size_bytes >= 128**length_bytes:
            length_bytes += 1
        return 1 + length_bytes + self.size_bytes

    @property
    def uses_nonce(self) -> bool:
        return not self.good_til_blocks and self.sequence >= FIRST_NONCE

    @property
    def is_ordinary(self) -> bool:
        return not self.good_til_blocks and self.sequence < FIRST_NONCE


class Signer(NamedTuple):
    """An account in the state of the block before."""

    sequence: int = 0
    key_is_known: bool = False
    nonces: tuple[int, ...] = ()
    max_ejected_nonce: int = 0


@dataclass(frozen=True)
class Block:
    """The block that is judged."""

    chain_id: str
    height: int
    time_ms: int
    app_hash: bytes
    """Of the state of the block before."""
    accounts: Mapping[bytes, Signer]
    quota: int
    most_txs: int
    most_bytes: int
    most_tx_bytes: int
    preamble_bytes: int = 0
    """Framed."""


@dataclass
class Judged:
    """What came of each transaction, by its position in the list."""

    codes: dict[int, int] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    """Admitted ones in canonical order: their rank is their index here."""
    used: dict[bytes, Signer] = field(default_factory=dict)
    """Accounts of admitted ones after them."""


def admit(block: Block, txs: Sequence[Facts]) -> Judged:
    """The rules in the table's order, each once, to what the earlier ones left."""
    judged = Judged()
    left = list(range(len(txs)))

    def apply(broken: Callable[[list[int]], list[int]], code: int) -> None:
        """Whoever breaks the rule goes, and then who follows one of them in sequence."""
        nonlocal left
        dropped = broken(left)
        left = [position for position in left if position not in dropped]
        # What leads on from where is only known from (b5) on.
        followers = [position for position in left if code > SEQUENCE and any(_follows(txs[position], txs[gone]) for gone in dropped)]
        left = [position for position in left if position not in followers]
        judged.codes |= dict.fromkeys(dropped, code) | dict.fromkeys(followers, SEQUENCE)

    for one_alone, code in (
        (_has_bad_form, FORM),
        (_has_bad_account, ACCOUNT),
        (_has_bad_signature, SIGNATURE),
        (_is_out_of_window, WINDOW),
    ):
        apply(lambda now, bad=one_alone: [position for position in now if bad(block, txs[position])], code)  # type: ignore[misc]
    apply(lambda now: _out_of_sequence(block, txs, now), SEQUENCE)
    apply(lambda now: [position for position in now if not txs[position].kinds_are_for_users], KIND)
    apply(lambda now: [position for position in now if _stands_before(txs, now, position)], ONCE)
    apply(lambda now: _over_quota(block, txs, now), QUOTA)
    apply(lambda now: _ordered(block, txs, now)[block.most_txs :], COUNT)
    apply(lambda now: _over_bytes(block, txs, now), BYTES)
    judged.order = _ordered(block, txs, left)
    judged.codes |= dict.fromkeys(left, 0)
    for account in {txs[position].account for position in left}:
        judged.used[account] = _after(block, account, [txs[position] for position in left if txs[position].account == account])
    return judged


def _has_bad_form(block: Block, tx: Facts) -> bool:
    return not tx.is_well_formed or tx.signers != 1 or tx.size_bytes > block.most_tx_bytes


def _has_bad_account(block: Block, tx: Facts) -> bool:
    signer = block.accounts.get(tx.account)
    return signer is None or not tx.key_is_the_accounts or not (tx.sends_key or signer.key_is_known)


def _has_bad_signature(_block: Block, tx: Facts) -> bool:
    return not tx.signature_is_valid


def _is_out_of_window(block: Block, tx: Facts) -> bool:
    if tx.timeout_height and tx.timeout_height < block.height:
        return True
    outside = [til for til in tx.good_til_blocks if not block.height <= til <= block.height + WINDOW_BLOCKS]
    return bool(tx.good_til_blocks) and (bool(outside) or tx.is_remembered)


def _follows(tx: Facts, dropped: Facts) -> bool:
    """Whether an ordinary transaction stands later in the sequence of another's account."""
    return tx.is_ordinary and dropped.is_ordinary and tx.account == dropped.account and tx.sequence > dropped.sequence


def _out_of_sequence(block: Block, txs: Sequence[Facts], now: list[int]) -> list[int]:
    """(b5): those that do not lead on from the committed sequence, or whose nonce is not accepted."""
    kept: list[int] = []
    for account in {txs[position].account for position in now}:
        ordinary = [position for position in now if txs[position].account == account and txs[position].is_ordinary]
        due = block.accounts[account].sequence
        while rivals := [position for position in ordinary if txs[position].sequence == due]:
            kept.append(min(rivals, key=lambda position: (txs[position].tx_hash, position)))
            due += 1
        state = block.accounts[account]
        nonces = [position for position in now if txs[position].account == account and txs[position].uses_nonce]
        for position in sorted(nonces, key=lambda position: (txs[position].sequence, txs[position].tx_hash, position)):
            after = use_nonce(state, txs[position].sequence, block.time_ms)
            if after is not None:
                kept.append(position)
                state = after
    return [position for position in now if position not in kept and not txs[position].good_til_blocks]


def use_nonce(signer: Signer, nonce: int, time_ms: int) -> Signer | None:
    """The account with one more timestamp nonce, None where it is not accepted (client-surface.md 3.5)."""
    if not time_ms - NONCE_WINDOW_MS <= nonce <= time_ms + NONCE_WINDOW_MS:
        return None
    stale = [held for held in signer.nonces if held < time_ms - NONCE_WINDOW_MS]
    held = [held for held in signer.nonces if held not in stale]
    ejected = max([signer.max_ejected_nonce, *stale])
    if nonce <= ejected or nonce in held:
        return None
    if len(held) >= NONCES_HELD:
        smallest = min(held)
        if nonce <= smallest:
            return None
        held.remove(smallest)
        ejected = smallest
    return signer._replace(nonces=tuple(sorted([*held, nonce])), max_ejected_nonce=ejected)


def _stands_before(txs: Sequence[Facts], now: list[int], position: int) -> bool:
    return any(other < position and txs[other].tx_hash == txs[position].tx_hash for other in now)


def _over_quota(block: Block, txs: Sequence[Facts], now: list[int]) -> list[int]:
    tickets = [txs[position].ticket for position in now]
    return [position for index, position in enumerate(now) if rank(index, tickets) >= block.quota]


def _ordered(block: Block, txs: Sequence[Facts], now: list[int]) -> list[int]:
    seed = block_seed(block.chain_id, block.height, block.app_hash)
    return [now[index] for index in canonical_order(seed, [txs[position].ticket for position in now])]


def _over_bytes(block: Block, txs: Sequence[Facts], now: list[int]) -> list[int]:
    ordered = _ordered(block, txs, now)
    fitting = [
        index
        for index in range(len(ordered))
        if block.preamble_bytes + sum(txs[position].framed_bytes for position in ordered[: index + 1]) <= block.most_bytes
    ]
    return ordered[len(fitting) :]


def _after(block: Block, account: bytes, admitted: list[Facts]) -> Signer:
    """Sequences and nonces are used when the block begins; first use records the key."""
    signer = block.accounts[account]._replace(key_is_known=True)
    signer = signer._replace(sequence=signer.sequence + sum(1 for tx in admitted if tx.is_ordinary))
    for nonce in sorted(tx.sequence for tx in admitted if tx.uses_nonce):
        after = use_nonce(signer, nonce, block.time_ms)
        assert after is not None, "what was accepted among more is accepted among fewer"
        signer = after
    return signer


def first_out_of_place(listed: Sequence[bytes], canonical: Sequence[bytes]) -> int | None:
    """The first position that does not hold what the canonical order puts there."""
    return next((position for position, tx in enumerate(listed) if tx != canonical[position]), None)
