"""Who stands where: the places ("slots") of accounts in the canonical order, on made-up transactions and on signed ones."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from node.sequencer.order import canonical_order
from support.sequencing import HEIGHT, LONG_TERM, POST_ONLY, TIME_MS, Desk, Signer, batch_cancel, cancel, deposit, place, send, transfer

CONDITIONAL = 32


class Placed(NamedTuple):
    """What the order reads of a transaction."""

    lane: int
    account: bytes
    sequence: int
    tx_hash: bytes

    @property
    def lane_account(self) -> bytes:
        return bytes((self.lane,)) + self.account

    @property
    def tail(self) -> bytes:
        return self.sequence.to_bytes(8, "big") + self.tx_hash


Counts = Mapping[tuple[int, int], int]
"""How many transactions by (lane, number of the account)."""
Slots = dict[tuple[int, bytes], list[int]]
"""Places in the block by (lane, account), ascending."""


def account(number: int) -> bytes:
    """The address of a made-up account."""
    return sha256(b"account %d" % number).digest()[:20]


def drawn(counts: Counts, chance: Any) -> list[Placed]:
    """Transactions of these counts with any sequences and hashes, in any order."""
    found = [
        Placed(lane, account(number), chance.choice((0, chance.randrange(5), chance.randrange(2**64))), chance.randbytes(32))
        for (lane, number), count in counts.items()
        for _ in range(count)
    ]
    chance.shuffle(found)
    return found


def ordered(seed: bytes, txs: Sequence[Placed]) -> list[Placed]:
    """In canonical order."""
    return [txs[position] for position in canonical_order(seed, txs)]


def slots(seed: bytes, txs: Sequence[Placed]) -> Slots:
    """Which places each account has in each lane."""
    found: Slots = {}
    for place_in_block, tx in enumerate(ordered(seed, txs)):
        found.setdefault((tx.lane, tx.account), []).append(place_in_block)
    return found


def block_slots(desk: Desk, txs: Sequence[bytes]) -> Slots:
    """The same of signed transactions, which must all be admissible."""
    admission = desk.admit(txs)
    assert not admission.refusals, admission.refusals
    found: Slots = {}
    for place_in_block, (_, tx) in enumerate(admission.order):
        found.setdefault((tx.lane, tx.signer), []).append(place_in_block)
    return found


def message_kinds(who: Signer, to: Signer, client_id: int = 1) -> dict[str, tuple[int, Any]]:
    """One message of every kind that a user's lane depends on, with the lane."""
    conditional = place(who, client_id, flags=CONDITIONAL)
    conditional_post_only = place(who, client_id, flags=CONDITIONAL, time_in_force=POST_ONLY)
    return {
        "short-term cancel": (1, cancel(who, client_id)),
        "long-term cancel": (1, cancel(who, client_id, flags=LONG_TERM)),
        "conditional cancel": (1, cancel(who, client_id, flags=CONDITIONAL)),
        "batch cancel": (1, batch_cancel(who, (client_id, client_id + 1))),
        "deposit": (2, deposit(who)),
        "transfer to oneself": (2, transfer(who, who)),
        "short-term post-only": (3, place(who, client_id, time_in_force=POST_ONLY)),
        "long-term post-only": (3, place(who, client_id, flags=LONG_TERM, time_in_force=POST_ONLY)),
        "short-term order": (4, place(who, client_id)),
        "short-term IOC": (4, place(who, client_id, time_in_force=1)),
        "long-term order": (4, place(who, client_id, flags=LONG_TERM)),
        "conditional order": (4, conditional),
        "conditional post-only": (4, conditional_post_only),
        "transfer to another": (5, transfer(who, to)),
        "payment": (5, send(who, to)),
    }


def signed_lanes(
    desk: Desk, who: Signer, counts: Mapping[int, int], *, memo: str = "", first: int = 0, turned: bool = False
) -> list[bytes]:
    """So many transactions of an account by lane. Memo, client ids (from `first` on) and, `turned`, who carries which sequence or nonce
    are the signer's own choice.
    """
    makers: dict[int, Any] = {
        1: lambda number: cancel(who, number),
        2: lambda number: deposit(who, number + 1),
        3: lambda number: place(who, number, time_in_force=POST_ONLY, good_til_block=HEIGHT + number % 40),
        4: lambda number: place(who, number),
        5: lambda number: send(who, who, number + 1),
    }
    found = []
    for lane, count in counts.items():
        numbers = range(first, first + count)
        for index, number in enumerate(reversed(numbers) if turned else numbers):
            sequence = TIME_MS + 100 * lane + index if lane in (2, 5) else (count - index if turned else index)
            found.append(desk.sign(who, makers[lane](number), sequence=sequence, memo=memo))
    return found
